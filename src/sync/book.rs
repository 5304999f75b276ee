//! What a run notes of itself: held plans, approvals that are used, history.

use std::time::SystemTime;

use directory_sync_model::{
    guard::{Hold, Terms},
    plan::{Plan, PlanHash},
};

use super::{
    Error, Mode, Options, Outcome, Report,
    ledger::{HeldPlan, Ledger, Spent, SyncRecord, Unfinished},
    removals::removals,
};

/// How an apply under way stands in the history.
pub(super) const RUNNING: &str = "Running";

/// The longest error of the history, in bytes.
const MAX_ERROR: usize = 1024;

/// Whether this plan is what is left of one that a person approved and that a run was carrying out when it was broken off:
/// every removal of it is among the approved ones.
pub(super) fn continues(plan: &Plan<'_>, unfinished: Option<&Unfinished>, options: &Options) -> bool {
    let Some(unfinished) = unfinished else { return false };
    let approved = |line: &String| unfinished.removals.binary_search(line).is_ok();
    removals(plan, options.now).all(|removal| approved(&removal.line()))
}

/// Keeps a held plan in full. What is left of an approved one that it isn't part of may not go on.
pub(super) async fn keep_held(
    plan: &Plan<'_>,
    hash: &PlanHash,
    hold: &Hold,
    options: &Options,
    ledger: &dyn Ledger,
    unfinished: Option<&Unfinished>,
) -> Result<(), Error> {
    let held = HeldPlan {
        hash: hash.to_string(),
        sync: options.id.clone(),
        at: options.now,
        reasons: hold.reasons(),
    };
    ledger
        .hold(&held, &mut removals(plan, options.now))
        .await
        .map_err(Error::Ledger)?;
    match unfinished {
        Some(unfinished) => ledger.finish(&unfinished.hash).await.map_err(Error::Ledger),
        None => Ok(()),
    }
}

/// Notes that an approval is used, before anything of the plan is done. The approved plan that is under way, if one is.
pub(super) async fn spend(
    hash: &PlanHash,
    terms: &Terms,
    options: &Options,
    ledger: &dyn Ledger,
    unfinished: Option<&Unfinished>,
    report: &mut Report,
) -> Result<Option<String>, Error> {
    if terms.approved.as_ref() != Some(hash) {
        return Ok(unfinished.map(|unfinished| unfinished.hash.clone()));
    }
    let hash = match unfinished {
        Some(unfinished) if options.approved.as_ref() != Some(hash) => unfinished.hash.clone(),
        _ => hash.to_string(),
    };
    let spent = ledger.spend(&hash, &options.id, options.now).await;
    spent.map_err(Error::Ledger)?;
    report.spent.push(Spent {
        hash: hash.clone(),
        at: options.now,
    });
    Ok(Some(hash))
}

/// Looks once more which approvals are used, where one is known that isn't this plan's: another run may have carried that
/// plan out meanwhile. It wrote down that it would before the platform showed anything of it.
pub(super) async fn look_again(
    hash: &PlanHash,
    options: &Options,
    ledger: &dyn Ledger,
    marks: bool,
    report: &mut Report,
) -> Result<(), Error> {
    if options.approved.as_ref().is_some_and(|approved| approved != hash) {
        report.spent = ledger.open(marks).await.map_err(Error::Ledger)?.spent;
    }
    Ok(())
}

/// Notes that an approved plan was carried out to its end; after a read that didn't see everything something may be left.
pub(super) async fn finish(spent: Option<String>, report: &Report, ledger: &dyn Ledger) -> Result<(), Error> {
    match spent.filter(|_| report.doubts.is_empty()) {
        Some(hash) => ledger.finish(&hash).await.map_err(Error::Ledger),
        None => Ok(()),
    }
}

/// Ends a run: how it came out is in the report, and in the history where it may have written.
pub(super) async fn end(
    report: &mut Report,
    result: Result<Outcome, Error>,
    start: SystemTime,
    options: &Options,
    ledger: &dyn Ledger,
) {
    match result {
        Ok(outcome) => report.outcome = outcome,
        Err(error) => {
            report.outcome = Outcome::Failed;
            report.error = Some(error);
        }
    }
    if options.mode == Mode::Apply && !report.is_void() {
        let record = history(report, start, Some(SystemTime::now()));
        if let Err(error) = ledger.record(&record).await {
            report.outcome = Outcome::Failed;
            report.error.get_or_insert(Error::Ledger(error));
        }
    }
}

/// A run as history tells it.
pub(super) fn history(report: &Report, start: SystemTime, end: Option<SystemTime>) -> SyncRecord {
    let mut counts = serde_json::to_value(report.done).unwrap_or_default();
    if let Some(counts) = counts.as_object_mut() {
        counts.retain(|_, count| *count != 0);
    }
    let mut error = report
        .error
        .as_ref()
        .map(|error| crate::fault::chain(error))
        .unwrap_or_default();
    error.truncate(error.floor_char_boundary(MAX_ERROR));
    SyncRecord {
        id: report.id.clone(),
        outcome: report.outcome.label().to_owned(),
        start,
        end,
        counts: counts.to_string(),
        error,
    }
}
