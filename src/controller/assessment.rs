//! What a run says of its connection, as conditions. Pure.
//!
//! Messages tell a state and not what the last run did, so that a run that changes nothing changes no condition.

use std::{collections::BTreeMap, fmt::Write as _};

use directory_sync_model::{
    desired::{FailureReason, MappingProblem},
    snapshot::Doubt,
};
use jiff::Timestamp;

use super::{
    backoff::{After, Timing, is_quarantined, told},
    cause::Cause,
    plans::Hold,
    run::{Ended, Order},
    wording,
};
use crate::{
    api::{
        condition::{Reason, Status},
        status::HeldPlan,
    },
    sync::{Outcome, Report},
    words::counted,
};

/// A condition's status, its reason, and why in a sentence.
pub type Claim = (Status, Reason, String);

/// What a run says of its connection. `None`: as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Whether the connection does what its spec says.
    pub ready: Claim,
    /// Whether a plan waits for a decision.
    pub held: Option<Claim>,
    /// Whether the last read saw everything.
    pub complete: Option<Claim>,
    /// Whether a person must act.
    pub stalled: bool,
    /// Why the operator goes on trying, and in a sentence; `None` where it doesn't.
    pub reconciling: Option<(Reason, String)>,
    /// When the next run is due.
    pub after: After,
}

impl Assessment {
    /// A plan couldn't be written, for this reason: nobody can decide it, and the run is repeated. A run that failed has said
    /// something that matters more.
    pub fn plan_not_written(&mut self, error: &str) {
        let reason = Reason::PlanNotWritten;
        if let Some((Status::True, _, message)) = &mut self.held {
            *message = format!("{message}. Its SyncPlan couldn't be written: {error}");
        }
        if self.ready.0 == Status::True {
            self.ready = (Status::False, reason, format!("{} {error}", reason.row().meaning));
            self.reconciling = Some(at_work(Reason::Retrying));
            self.after = After::Failure { retry_after: None };
        }
    }

    /// The plan that waits is there: says where, until when, and what to type.
    pub fn plan_written(&mut self, namespace: &str, plan: &HeldPlan) {
        let Some((Status::True, reason, message)) = &mut self.held else {
            return;
        };
        *message = if *reason == Reason::PlanRejected {
            format!(
                "{message}. SyncPlan {} was rejected; nothing is written until it is another plan, or that object is deleted",
                plan.name
            )
        } else {
            wording::waiting(message, namespace, &plan.name, plan.expire_time.0)
        };
    }

    /// Says how often it has failed in a row, when it is tried again, and whether that is once a day by now.
    pub fn tries_again(&mut self, failures: u32, next: Timestamp, timing: &Timing) {
        let Some((reason, message)) = &mut self.reconciling else {
            return;
        };
        if *reason == Reason::Retrying {
            if is_quarantined(self.after, failures, timing) {
                *reason = Reason::Quarantined;
            }
            let (meaning, next) = (reason.row().meaning, told(next));
            let failed = match failures {
                0 | 1 => String::new(),
                many => format!(" {many} syncs in a row weren't complete."),
            };
            *message = format!("{meaning}{failed} The next one is due at {next}.");
        }
    }
}

/// A reason of Reconciling with what it means.
pub fn at_work(reason: Reason) -> (Reason, String) {
    (reason, reason.row().meaning.to_owned())
}

/// Judges a run. `hold` is the plan that is held now.
pub fn assess(order: &Order, ended: &Ended, hold: Option<&Hold<'_>>) -> Assessment {
    let is_file = order.connection.spec.provider.file.is_some();
    let complete = ended
        .result
        .as_ref()
        .ok()
        .and_then(|report| completeness(report, is_file));
    let Some(report) = ended.result.as_ref().ok().filter(|report| report.error.is_none()) else {
        return failed(ended.cause(), complete);
    };
    let incomplete = !report.doubts.is_empty();
    let held = (report.outcome != Outcome::Stopped).then(|| holding(report, hold));
    let (ready, reconciling, after) = match report.outcome {
        Outcome::Stopped => (
            (Status::Unknown, Reason::Stopped),
            Some(at_work(Reason::Progressing)),
            After::Stopped,
        ),
        _ if incomplete => (
            (Status::False, Reason::DirectoryIncomplete),
            Some(at_work(Reason::Retrying)),
            After::Incomplete,
        ),
        Outcome::Observed => ((Status::True, Reason::Observed), None, After::Success),
        Outcome::Held => ((Status::True, Reason::PlanHeld), None, After::Success),
        _ if without_seat(report) > 0 => ((Status::True, Reason::NoSeats), None, After::Success),
        _ if !report.failures.is_empty() => ((Status::True, Reason::SyncedWithFailures), None, After::Success),
        _ => ((Status::True, Reason::Synced), None, After::Success),
    };
    let mut message = match ready.1 {
        Reason::NoSeats => format!(
            "{} {} without one; everything else goes on. {} {}",
            ready.1.row().meaning,
            counted(without_seat(report), "person is", "people are"),
            ready.1.row().action,
            failures(report)
        ),
        Reason::SyncedWithFailures => failures(report),
        Reason::DirectoryIncomplete if report.failures.is_empty() => ready.1.row().meaning.to_owned(),
        Reason::DirectoryIncomplete => format!("{} {}", ready.1.row().meaning, failures(report)),
        Reason::Observed if order.connection.spec.mode == crate::api::connection::Mode::Apply => {
            "The plan was computed; the operator runs with --observe-only and writes nothing.".to_owned()
        }
        reason => reason.row().meaning.to_owned(),
    };
    notices(report, &mut message);
    Assessment {
        ready: (ready.0, ready.1, message),
        held,
        complete,
        stalled: false,
        reconciling,
        after,
    }
}

fn failed(cause: Option<Cause>, complete: Option<Claim>) -> Assessment {
    let cause = cause.unwrap_or_else(|| Cause::panicked("unknown"));
    let after = cause.after();
    Assessment {
        ready: (Status::False, cause.reason, cause.message),
        held: None,
        complete,
        stalled: cause.needs_a_person,
        reconciling: (!cause.needs_a_person).then(|| at_work(Reason::Retrying)),
        after,
    }
}

/// Whether the read saw everything; `None` where there was none.
fn completeness(report: &Report, is_file: bool) -> Option<Claim> {
    let incomplete = |reason: Reason, message: String| Some((Status::False, reason, message));
    report.directory.as_ref()?;
    if let Some(first) = report.doubts.first() {
        let doubts = report.doubts.iter();
        let all: Vec<String> = doubts.map(|doubt| doubt_without_names(doubt, is_file)).collect();
        return incomplete(Reason::from(first), all.join("; "));
    }
    let losses = report.hold.iter().flat_map(|hold| &hold.losses);
    let losses: Vec<String> = losses.map(ToString::to_string).collect();
    if !losses.is_empty() {
        return incomplete(Reason::SeesLess, losses.join("; "));
    }
    let problems = report.mappings.iter().flat_map(|mapping| {
        let problems = mapping.outcome.problems.iter();
        problems.map(|problem| (mapping.name.as_str(), problem))
    });
    for (mapping, problem) in problems {
        let reason = match problem {
            MappingProblem::GroupNotFound => Reason::MappedGroupMissing,
            MappingProblem::GroupAmbiguous { .. } => Reason::MappedGroupAmbiguous,
            MappingProblem::MembersNotTold { .. } => Reason::MembersNotTold,
            _ => continue,
        };
        return incomplete(reason, format!("GroupMapping {mapping}: {}", reason.row().meaning));
    }
    Some((
        Status::True,
        Reason::Complete,
        Reason::Complete.row().meaning.to_owned(),
    ))
}

/// An entry that can't be read may be somebody's; the log names it. A row of a file is named by document, key and line, and its
/// values aren't repeated, so that it can be told.
fn doubt_without_names(doubt: &Doubt, is_file: bool) -> String {
    match doubt {
        Doubt::Unreadable { count, example } if is_file => {
            let rows = counted(*count, "row", "rows");
            format!("{rows} could not be read, the first: {example}")
        }
        Doubt::Unreadable { count, .. } => {
            let entries = counted(*count, "entry", "entries");
            format!("{entries} could not be read, the log names the first")
        }
        doubt => doubt.to_string(),
    }
}

fn holding(report: &Report, hold: Option<&Hold<'_>>) -> Claim {
    let (Some(hold), Some(why)) = (hold, &report.hold) else {
        let meaning = Reason::NothingHeld.row().meaning;
        return (Status::False, Reason::NothingHeld, meaning.to_owned());
    };
    let reason = match hold {
        Hold::Existing { rejected: true, .. } => Reason::PlanRejected,
        _ if !why.exceeded.is_empty() => Reason::TooManyRemovals,
        _ if !why.losses.is_empty() => Reason::SeesLess,
        _ => Reason::MappingRemoved,
    };
    (Status::True, reason, wording::why(&wording::summary(why, &[])))
}

/// How many people could not be created or activated for want of a seat.
fn without_seat(report: &Report) -> u64 {
    let failures = report.failures.iter();
    failures
        .filter(|failure| failure.reason == FailureReason::NoSeats)
        .count() as u64
}

/// How many notices are told.
const NOTICES: usize = 3;

/// Adds what a person should know of the specification. The entries stand in the specification itself.
fn notices(report: &Report, message: &mut String) {
    for notice in report.notices.iter().take(NOTICES) {
        // Writing to a String can't fail.
        let _ = write!(message, " Note: {notice}.");
    }
    if let Some(more) = report.notices.len().checked_sub(NOTICES).filter(|more| *more > 0) {
        let _ = write!(message, " And {more} more.");
    }
}

/// How many objects failed, by reason.
fn failures(report: &Report) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for failure in &report.failures {
        *reasons.entry(Reason::from(failure.reason).as_str()).or_default() += 1;
    }
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    format!(
        "{} failed ({}); status.failures says what to do",
        counted(report.failures.len(), "object", "objects"),
        reasons.join(", ")
    )
}

#[cfg(test)]
mod tests;
