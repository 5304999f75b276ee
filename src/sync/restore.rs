//! Gives back what one sync took. The same way as any other plan: observed, judged by the guard, applied with everything on
//! record; only what it leads to comes from the ledger's journal in place of the directory.

use std::{collections::HashMap, time::SystemTime};

use directory_sync_model::{
    attribute::Attribute,
    diff::Account,
    fingerprint::FingerprintKey,
    guard::{Terms, Verdict, guard},
    map::map,
    rules::Rules,
    snapshot::{Batch, Snapshot, SnapshotBuilder},
    undo::{Taken, Undo},
};
use tokio_util::sync::CancellationToken;

use super::{
    Error, Mode, Options, Outcome, Report, Step, Watch,
    book::end,
    ledger::{Ledger, Removal},
    look::{account, look},
    removals,
    run::{Clock, carry_out, note_plan},
};
use crate::platform::Platform;

/// Gives back what is in `removals`, as far as it is still ours to give and still missing. What can't be given back is
/// among the report's failures. The next sync takes it again, if the directory still says so.
pub async fn restore(
    platform: &dyn Platform,
    rules: &Rules,
    removals: &[Removal],
    options: &Options,
    ledger: &dyn Ledger,
    (stop, watch): (&CancellationToken, &dyn Watch),
) -> Report {
    let mut report = Report::begin(options.id.clone());
    let start = SystemTime::now();
    let steps = steps(platform, rules, removals, options, ledger, (stop, watch), &mut report);
    let result = Box::pin(steps).await;
    end(&mut report, result, start, options, ledger).await;
    report
}

async fn steps(
    platform: &dyn Platform,
    rules: &Rules,
    removals: &[Removal],
    options: &Options,
    ledger: &dyn Ledger,
    (stop, watch): (&CancellationToken, &dyn Watch),
    report: &mut Report,
) -> Result<Outcome, Error> {
    let mut clock = Clock::default();
    let opened = ledger.open(platform.capability().marks).await.map_err(Error::Ledger)?;
    let (snapshot, people) = people(removals, options.key);
    let desired = map(&snapshot, rules, options.now);
    let taken: Vec<Taken<'_>> = removals
        .iter()
        .filter_map(|removal| {
            Some(Taken {
                kind: removal.kind,
                user: &removal.user,
                person: *people.get(removal.user.as_str())?,
                container: &removal.container,
                from: &removal.from,
                to: &removal.to,
            })
        })
        .collect();

    clock.begin(Step::Observe, watch);
    let account: Account = account(platform, options.mode).await?;
    let mut undo = Undo::new(&desired, account, &taken);
    let looking = look(platform, &mut undo, &rules.owner, options, ledger, &opened, watch);
    let Some(()) = stop.run_until_cancelled(looking).await.transpose()? else {
        return Ok(Outcome::Stopped);
    };
    clock.end(report);

    clock.begin(Step::Diff, watch);
    let plan = undo.finish();
    let hash = plan.hash();
    note_plan(&plan, &hash, report);
    let empty = plan.is_empty();
    let terms = Terms {
        limits: rules.limits,
        approved: options.approved.clone(),
        ..Terms::default()
    };
    let verdict = guard(plan, &hash, &terms);
    clock.end(report);
    let approved = match verdict {
        Verdict::Hold(plan, hold) => {
            watch.planned(&plan, Some(&hold));
            report.hold = Some(hold);
            return Ok(match options.mode {
                Mode::Observe => Outcome::Observed,
                Mode::Apply => Outcome::Held,
            });
        }
        Verdict::Pass(approved) => approved,
    };
    watch.planned(approved.plan(), None);
    match options.mode {
        Mode::Observe => Ok(Outcome::Observed),
        Mode::Apply if !empty => {
            carry_out(
                platform,
                &approved,
                options,
                ledger,
                None,
                (stop, watch),
                &mut clock,
                report,
            )
            .await
        }
        Mode::Apply if report.failures.is_empty() => Ok(Outcome::Unchanged),
        Mode::Apply => Ok(Outcome::PartlyFailed),
    }
}

/// The people to whom something is given back, as a directory of nobody else, with their addresses for whoever reads the plan;
/// and their numbers by platform id.
fn people(removals: &[Removal], key: FingerprintKey) -> (Snapshot, HashMap<&str, u32>) {
    let mut ids: HashMap<&str, &str> = HashMap::new();
    let mut people: HashMap<&str, (&str, &str)> = HashMap::new();
    for removal in removals {
        let id = Some(removal.directory_id.as_str()).filter(|id| !id.is_empty());
        // Two users of one id, or one of none, go by the platform's.
        let id = id.filter(|id| *ids.entry(id).or_insert(&removal.user) == removal.user);
        let (known, address) = people.entry(&removal.user).or_insert((&removal.user, ""));
        *known = id.unwrap_or(known);
        if address.is_empty() {
            *address = removals::address(&removal.text);
        }
    }
    let mut builder = SnapshotBuilder::new(key);
    let mut batch = Batch::default();
    for (id, address) in people.values() {
        batch.user(id, |person| person.text(Attribute::Email, address));
    }
    builder.append(&batch);
    let snapshot = builder.finish();
    let numbers = people
        .into_iter()
        .filter_map(|(user, (id, _))| Some((user, snapshot.find_user(id)?)))
        .collect();
    (snapshot, numbers)
}
