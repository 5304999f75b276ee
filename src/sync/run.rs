//! The one way through the pipeline.

use std::time::{Instant, SystemTime};

use directory_sync_model::{
    desired::Desired,
    diff::Differ,
    expression::Now,
    fingerprint::FingerprintKey,
    guard::{ApprovedPlan, Hold, Terms, Verdict, guard},
    limits::Limits,
    map::map,
    observed::ContainerKind,
    plan::{Notice, Place, Plan, PlanHash},
    rules::{Rules, UserScope},
    snapshot::{Loss, Seen, Snapshot, SnapshotBuilder},
};
use tokio_util::sync::CancellationToken;

use super::{
    Error,
    apply::{Applied, apply},
    book::{RUNNING, continues, end, finish, history, keep_held, look_again, spend},
    ledger::{Ledger, Opened, SyncRecord},
    look::{account, look},
    record::Recorded,
    report::{DirectoryCounts, GroupSample, MappingReport, Outcome, PlatformCounts, Report, Step},
};
use crate::{
    directory::{Directory, fetch},
    platform::Platform,
};

/// How many groups a mapping's report names.
const SAMPLES: usize = 10;

/// Both ends of a sync, connected and with credentials.
pub struct Ends {
    /// Where people come from.
    pub directory: Box<dyn Directory>,
    /// Where they go.
    pub platform: Box<dyn Platform>,
}

/// Whether a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Apply,
    /// It is worked out and reported.
    Observe,
}

/// How to run.
#[derive(Clone)]
pub struct Options {
    /// The run's id: part of every write's idempotency key.
    pub id: String,
    /// Whether the plan is carried out.
    pub mode: Mode,
    /// The hash of the plan that a person approved, if any.
    pub approved: Option<PlanHash>,
    /// The hashes of plans that people rejected.
    pub rejected: Vec<PlanHash>,
    /// Limits that judge this run beside those of the rules; the stricter ones count.
    pub stricter: Option<Limits>,
    /// Whether deactivations of people whom the specification doesn't want any more hold the plan, however few they are:
    /// for the first plans after a mapping has gone.
    pub hold_departures: bool,
    /// What the last read saw that was relied upon; absent: nothing is known.
    pub seen: Option<Seen>,
    /// The time that expressions see.
    pub now: Now,
    /// The key of this process's fingerprints.
    pub key: FingerprintKey,
    /// Bounds of the read.
    pub fetch: fetch::FetchLimits,
}

impl Options {
    /// A run by the specification alone: about its plan nobody has decided anything, and nothing of earlier runs is known.
    pub fn new(id: String, mode: Mode, now: Now, key: FingerprintKey) -> Self {
        Self {
            id,
            mode,
            approved: None,
            rejected: Vec::new(),
            stricter: None,
            hold_departures: false,
            seen: None,
            now,
            key,
            fetch: fetch::FetchLimits::default(),
        }
    }
}

/// Is told how a run goes on. All methods do nothing unless overridden.
pub trait Watch: Send + Sync {
    /// A step begins.
    fn step(&self, _step: Step) {}
    /// This many objects of the current step are done, of how many, where that is known.
    fn progress(&self, _done: u64, _of: Option<u64>) {}
    /// The plan is ready and judged; nothing is written yet.
    fn planned(&self, _plan: &Plan<'_>, _hold: Option<&Hold>) {}
}

/// Watches nothing.
impl Watch for () {}

/// Runs the pipeline once. Every outcome, failure included, is in the report. Whatever is to be remembered of it goes through
/// `ledger`, which belongs to this connection. `stop` ends it: at once while it reads, after the batch in flight while it
/// writes.
pub async fn run(
    ends: &Ends,
    rules: &Rules,
    options: &Options,
    ledger: &dyn Ledger,
    stop: &CancellationToken,
    watch: &dyn Watch,
) -> Report {
    let mut report = Report::begin(options.id.clone());
    let start = SystemTime::now();
    let result = Box::pin(steps(ends, rules, options, ledger, stop, watch, &mut report)).await;
    end(&mut report, result, start, options, ledger).await;
    report
}

async fn steps(
    ends: &Ends,
    rules: &Rules,
    options: &Options,
    ledger: &dyn Ledger,
    stop: &CancellationToken,
    watch: &dyn Watch,
    report: &mut Report,
) -> Result<Outcome, Error> {
    let mut clock = Clock::default();
    // First of all: without it nothing could be written, and nobody is asked in vain.
    let opened = ledger
        .open(ends.platform.capability().marks)
        .await
        .map_err(Error::Ledger)?;
    report.spent.clone_from(&opened.spent);

    clock.begin(Step::Fetch, watch);
    let fetching = fetch_snapshot(ends.directory.as_ref(), rules, options, watch);
    // Reads can be broken off anywhere: a page may take long, and so may the wait before it is asked for again.
    let Some(snapshot) = stop.run_until_cancelled(fetching).await.transpose()? else {
        return Ok(Outcome::Stopped);
    };
    clock.end(report);
    report.directory = (rules.scope != UserScope::Nobody).then(|| DirectoryCounts {
        users: u64::from(snapshot.user_count()),
        groups: u64::from(snapshot.group_count()),
    });

    report.seen = report.directory.map(|_| heavy(|| snapshot.seen()));

    clock.begin(Step::Map, watch);
    let desired = heavy(|| map(&snapshot, rules, options.now));
    clock.end(report);
    let doubts = snapshot.completeness.doubts().cloned().chain(desired.doubt());
    // Of a directory that wasn't read nothing is in doubt.
    report.doubts = doubts.filter(|_| report.directory.is_some()).collect();

    clock.begin(Step::Observe, watch);
    let observing = observe_platform(
        ends.platform.as_ref(),
        &desired,
        options,
        ledger,
        &opened,
        watch,
        report,
    );
    let Some(differ) = stop.run_until_cancelled(observing).await.transpose()? else {
        return Ok(Outcome::Stopped);
    };
    clock.end(report);

    clock.begin(Step::Diff, watch);
    let plan = heavy(|| differ.finish());
    let hash = plan.hash();
    note_plan(&plan, &hash, report);
    if !ends.platform.capability().marks && !opened.known {
        report.notices.push(Notice::NothingRemembered);
    }
    look_again(&hash, options, ledger, ends.platform.capability().marks, report).await?;
    let empty = plan.is_empty();
    let terms = Terms {
        limits: options
            .stricter
            .map_or(rules.limits, |other| rules.limits.stricter(other)),
        hold_departures: options.hold_departures,
        losses: losses(report.seen.as_ref(), rules, options),
        approved: if continues(&plan, opened.unfinished.as_ref(), options) {
            Some(hash.clone())
        } else {
            options.approved.clone()
        },
        rejected: options.rejected.clone(),
    };
    let verdict = guard(plan, &hash, &terms);
    clock.end(report);

    let approved = match verdict {
        Verdict::Hold(plan, hold) => {
            watch.planned(&plan, Some(&hold));
            // Also where it can't be kept: the next run has to hold it as well.
            let hold = report.hold.insert(hold);
            if options.mode == Mode::Apply {
                keep_held(&plan, &hash, hold, options, ledger, opened.unfinished.as_ref()).await?;
            }
            return Ok(match options.mode {
                Mode::Observe => Outcome::Observed,
                Mode::Apply => Outcome::Held,
            });
        }
        Verdict::Pass(approved) => approved,
    };
    watch.planned(approved.plan(), None);
    if options.mode == Mode::Observe {
        return Ok(Outcome::Observed);
    }
    let spent = spend(&hash, &terms, options, ledger, opened.unfinished.as_ref(), report).await?;
    if empty {
        finish(spent, report, ledger).await?;
        return Ok(if report.failures.is_empty() {
            Outcome::Unchanged
        } else {
            Outcome::PartlyFailed
        });
    }

    carry_out(
        ends.platform.as_ref(),
        &approved,
        options,
        ledger,
        spent,
        (stop, watch),
        &mut clock,
        report,
    )
    .await
}

/// The step that writes, with everything on record.
#[allow(
    clippy::too_many_arguments,
    reason = "the last step of one function, with all that it has by then"
)]
pub(super) async fn carry_out(
    platform: &dyn Platform,
    approved: &ApprovedPlan<'_>,
    options: &Options,
    ledger: &dyn Ledger,
    spent: Option<String>,
    (stop, watch): (&CancellationToken, &dyn Watch),
    clock: &mut Clock,
    report: &mut Report,
) -> Result<Outcome, Error> {
    clock.begin(Step::Apply, watch);
    let begun = SyncRecord {
        outcome: RUNNING.to_owned(),
        ..history(report, SystemTime::now(), None)
    };
    ledger.record(&begun).await.map_err(Error::Ledger)?;
    let recorded = Recorded::new(platform, ledger, approved.plan(), &options.id, options.now);
    let Applied {
        done,
        failures,
        stopped,
        error,
        team_ids,
    } = apply(approved, &recorded, &options.id, stop, watch).await;
    clock.end(report);
    report.done = done;
    report.failures.extend(failures);
    name_new_teams(report, approved.plan(), &team_ids);
    match (recorded.into_failure(), error) {
        (Some(error), _) => return Err(Error::Ledger(error)),
        (None, Some(error)) => return Err(Error::Apply(error)),
        (None, None) if stopped => return Ok(Outcome::Stopped),
        (None, None) => {}
    }
    finish(spent, report, ledger).await?;
    Ok(if report.failures.is_empty() {
        Outcome::Synced
    } else {
        Outcome::PartlyFailed
    })
}

/// What was there before and isn't seen any more.
fn losses(seen: Option<&Seen>, rules: &Rules, options: &Options) -> Vec<Loss> {
    let both = seen.zip(options.seen.as_ref());
    both.map_or_else(Vec::new, |(seen, before)| {
        seen.losses(before, rules.reads_by_expressions())
    })
}

async fn fetch_snapshot(
    directory: &dyn Directory,
    rules: &Rules,
    options: &Options,
    watch: &dyn Watch,
) -> Result<Snapshot, Error> {
    if rules.scope == UserScope::Nobody {
        return Ok(SnapshotBuilder::new(options.key).finish());
    }
    let progress = |progress: fetch::Progress| watch.progress(progress.entries, progress.total);
    fetch::fetch(directory, rules.reads(), options.key, options.fetch, &progress)
        .await
        .map_err(Error::Fetch)
}

async fn observe_platform<'a>(
    platform: &dyn Platform,
    desired: &'a Desired<'a>,
    options: &Options,
    ledger: &dyn Ledger,
    opened: &Opened,
    watch: &dyn Watch,
    report: &mut Report,
) -> Result<Differ<'a>, Error> {
    let mut differ = Differ::new(desired, account(platform, options.mode).await?);
    let owner = &desired.rules.owner;
    look(platform, &mut differ, owner, options, ledger, opened, watch).await?;
    let containers = |kind| {
        differ
            .containers()
            .iter()
            .filter(|container| container.kind == kind)
            .count() as u64
    };
    report.platform = Some(PlatformCounts {
        users: differ.observed_users(),
        teams: containers(ContainerKind::Team),
        inboxes: containers(ContainerKind::Inbox),
    });
    Ok(differ)
}

/// Measures the steps.
#[derive(Default)]
pub(super) struct Clock(Option<(Step, Instant)>);

impl Clock {
    pub(super) fn begin(&mut self, step: Step, watch: &dyn Watch) {
        watch.step(step);
        self.0 = Some((step, Instant::now()));
    }

    pub(super) fn end(&mut self, report: &mut Report) {
        if let Some((step, since)) = self.0.take() {
            report.durations.push((step, since.elapsed()));
        }
    }
}

/// Runs what takes long without waiting for anything, so that other tasks of the runtime go on meanwhile.
fn heavy<R>(work: impl FnOnce() -> R) -> R {
    match tokio::runtime::Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

pub(super) fn note_plan(plan: &Plan<'_>, hash: &PlanHash, report: &mut Report) {
    report.planned = plan.counts();
    report.removals = plan.removal_counts();
    report.hash = Some(hash.clone());
    report.kept.clone_from(&plan.kept);
    report.notices.clone_from(&plan.notices);
    report.failures.clone_from(&plan.failures);
    report.mappings = mapping_reports(plan);
}

fn mapping_reports(plan: &Plan<'_>) -> Vec<MappingReport> {
    let desired = plan.desired;
    let pairs = desired.rules.mappings.iter().zip(&plan.outcomes);
    pairs
        .map(|(mapping, outcome)| {
            let of_kind = |kind| {
                outcome
                    .containers
                    .iter()
                    .filter(|at| desired.containers[**at].kind == kind)
                    .count() as u64
            };
            let samples = outcome.groups.iter().take(SAMPLES).map(|number| {
                let group = desired.snapshot.group(*number);
                GroupSample {
                    id: group.id.to_owned(),
                    name: group.name.to_owned(),
                    members: desired.snapshot.members(*number).len() as u64,
                    team_id: match plan.team_of(*number, outcome) {
                        Some(Place::Held(at)) => Some(plan.containers[at].id.clone()),
                        _ => None,
                    },
                }
            });
            MappingReport {
                name: mapping.name.clone(),
                teams: of_kind(ContainerKind::Team),
                inboxes: of_kind(ContainerKind::Inbox),
                samples: samples.collect(),
                outcome: outcome.clone(),
            }
        })
        .collect()
}

/// Teams that this run created have ids now.
fn name_new_teams(report: &mut Report, plan: &Plan<'_>, team_ids: &[Option<String>]) {
    for mapping in &mut report.mappings {
        for (sample, group) in mapping.samples.iter_mut().zip(&mapping.outcome.groups) {
            if let Some(Place::New(at)) = plan.team_of(*group, &mapping.outcome) {
                sample.team_id.clone_from(&team_ids[at]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
