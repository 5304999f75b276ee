//! Held plans: what becomes of the `SyncPlan`s of a connection after a run. Pure; [`mod@write`] carries it out.
//!
//! An approval is about one plan, known by its hash: it is usable until the plan is carried out, is another one, or runs
//! out. A rejection stays for as long as the plan is the same. Plans that are over are kept for a while, to be looked at.

mod write;

use jiff::Timestamp;

pub use write::{Held, mark, state, write};

use super::events::Notice;
use crate::{
    api::{
        SyncPlan,
        condition::{ConditionType, Reason, find},
        plan::Decision,
    },
    sync::ledger::Spent,
};

/// How many plans that are over are kept.
const KEPT: usize = 3;

/// What a run says of its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement<'a> {
    /// There was none, or nothing follows from it: the run failed, was stopped, or only observed.
    None,
    /// It wasn't held, and was carried out to its end.
    Passed {
        /// Its hash.
        hash: &'a str,
    },
    /// It is held.
    Held {
        /// Its hash.
        hash: &'a str,
    },
}

/// The plan that is held now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hold<'a> {
    /// It has an object already.
    Existing {
        /// The object.
        plan: &'a SyncPlan,
        /// Whether it was rejected.
        rejected: bool,
    },
    /// It needs one.
    New,
}

/// What becomes of the plans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settlement<'a> {
    /// Plans whose state changes, and why.
    pub marks: Vec<(&'a SyncPlan, Reason)>,
    /// The plan that is held now.
    pub hold: Option<Hold<'a>>,
    /// Plans that have been kept long enough.
    pub garbage: Vec<&'a SyncPlan>,
}

/// Where a plan stands before the run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    Approved,
    Rejected,
    Over,
}

/// The hash of the plan that may be carried out because a person approved it.
pub fn approved<'a>(plans: impl IntoIterator<Item = &'a SyncPlan>, now: Timestamp) -> Option<&'a str> {
    plans
        .into_iter()
        .filter(|plan| standing(plan) == Standing::Approved)
        .filter(|plan| expires(plan).is_some_and(|expires| now < expires))
        .max_by_key(|plan| created(plan))
        .map(|plan| plan.spec.hash.as_str())
}

/// The hashes of the plans that people rejected.
pub fn rejected<'a>(plans: impl IntoIterator<Item = &'a SyncPlan>) -> impl Iterator<Item = &'a str> {
    let rejected = plans.into_iter().filter(|plan| standing(plan) == Standing::Rejected);
    rejected.map(|plan| plan.spec.hash.as_str())
}

/// Says what becomes of the plans of a connection after a run. `spent`: the approvals that this run or one before it used, by
/// this operator or another one that shares its store.
pub fn settle<'a>(
    plans: impl IntoIterator<Item = &'a SyncPlan>,
    judgement: Judgement<'_>,
    spent: &[Spent],
    now: Timestamp,
) -> Settlement<'a> {
    let mut plans: Vec<_> = plans.into_iter().collect();
    plans.sort_by_key(|plan| std::cmp::Reverse(created(plan)));
    let mut settlement = Settlement::default();
    let mut over = Vec::new();
    for plan in plans {
        let reason = next(plan, judgement, is_used(plan, spent), now, settlement.hold.is_some());
        if let Some(reason) = reason
            && applied_reason(plan) != Some(reason.as_str())
        {
            settlement.marks.push((plan, reason));
        }
        match reason {
            Some(Reason::AwaitingDecision | Reason::PlanApproved | Reason::PlanRejected) => {
                let rejected = reason == Some(Reason::PlanRejected);
                if matches!(judgement, Judgement::Held { hash } if hash == plan.spec.hash) && settlement.hold.is_none()
                {
                    settlement.hold = Some(Hold::Existing { plan, rejected });
                } else if rejected {
                    over.push(plan);
                }
            }
            _ => over.push(plan),
        }
    }
    if settlement.hold.is_none() && matches!(judgement, Judgement::Held { .. }) {
        settlement.hold = Some(Hold::New);
    }
    // What has just become of a plan is to be seen for a while, whatever its age: it is the first of those that are kept.
    // Times of creation are in whole seconds, so they alone don't say which came last.
    let is_marked = |plan: &SyncPlan| settlement.marks.iter().any(|(marked, _)| std::ptr::eq(*marked, plan));
    over.sort_by_key(|plan| !is_marked(plan));
    settlement.garbage = over.into_iter().skip(KEPT).filter(|plan| !is_marked(plan)).collect();
    settlement
}

/// The reason that a plan's state has now; `None` where it is over and stays as it is.
fn next(
    plan: &SyncPlan,
    judgement: Judgement<'_>,
    is_used: bool,
    now: Timestamp,
    another_is_held: bool,
) -> Option<Reason> {
    let standing = standing(plan);
    let pending = if standing == Standing::Approved {
        Reason::PlanApproved
    } else {
        Reason::AwaitingDecision
    };
    match (standing, judgement) {
        (Standing::Over, _) => None,
        // Also where it was rejected while the run was under way.
        (_, Judgement::Passed { hash }) if hash == plan.spec.hash => Some(Reason::Spent),
        (Standing::Rejected, _) => Some(Reason::PlanRejected),
        // What was left of it by then was another plan, with another hash, or nothing.
        (Standing::Approved, Judgement::Passed { .. }) if is_used => Some(Reason::Spent),
        (Standing::Approved, Judgement::Held { hash }) if is_used && hash != plan.spec.hash => Some(Reason::Spent),
        _ if is_used && expires(plan).is_some_and(|expires| expires <= now) => Some(Reason::Spent),
        _ if expires(plan).is_some_and(|expires| expires <= now) => Some(Reason::Expired),
        (_, Judgement::None) => Some(pending),
        (_, Judgement::Held { hash }) if hash == plan.spec.hash && !another_is_held => Some(pending),
        (_, Judgement::Held { .. } | Judgement::Passed { .. }) => Some(Reason::Superseded),
    }
}

/// Whether a run has used the approval of a plan. An earlier plan of the same hash was over before this one was held.
fn is_used(plan: &SyncPlan, spent: &[Spent]) -> bool {
    let applied = plan.status.as_ref().map(|status| status.conditions.as_slice());
    // By the operator's own clock, where it has told of the plan.
    let told = applied.and_then(|conditions| find(conditions, ConditionType::Applied));
    let held = told.map(|applied| applied.last_transition_time.0).or(created(plan));
    let since = |spent: &Spent| Timestamp::try_from(spent.at).is_ok_and(|at| held.is_none_or(|held| held <= at));
    standing(plan) == Standing::Approved && spent.iter().any(|spent| spent.hash == plan.spec.hash && since(spent))
}

/// Whether a plan that comes to be over for this reason was decided, and nothing comes of that decision.
fn is_late(plan: &SyncPlan, reason: Reason) -> bool {
    matches!(
        (reason, plan.spec.decision),
        (Reason::Expired | Reason::Superseded, Some(_)) | (Reason::Spent, Some(Decision::Rejected))
    )
}

/// The event of a decision of which nothing comes.
pub fn late_notice(plan: &SyncPlan, reason: Reason, message: &str) -> Option<Notice> {
    is_late(plan, reason).then(|| Notice {
        reason: Reason::DecidedTooLate,
        note: message.to_owned(),
    })
}

/// Plans that were over already when they were decided, and nobody has said so yet.
pub fn decided_too_late<'a>(plans: impl IntoIterator<Item = &'a SyncPlan>) -> Vec<(&'a SyncPlan, Reason)> {
    let over = [Reason::Spent, Reason::Expired, Reason::Superseded];
    let late = plans.into_iter().filter_map(|plan| {
        let conditions = &plan.status.as_ref()?.conditions;
        let applied = find(conditions, ConditionType::Applied)?;
        let reason = over.into_iter().find(|reason| reason.as_str() == applied.reason)?;
        let is_news = applied.observed_generation < plan.metadata.generation;
        (is_news && plan.spec.decision.is_some()).then_some((plan, reason))
    });
    late.collect()
}

fn standing(plan: &SyncPlan) -> Standing {
    let over = [Reason::Spent, Reason::Expired, Reason::Superseded].map(Reason::as_str);
    match (applied_reason(plan), plan.spec.decision) {
        (Some(reason), _) if over.contains(&reason) => Standing::Over,
        (_, Some(Decision::Approved)) => Standing::Approved,
        (_, Some(Decision::Rejected)) => Standing::Rejected,
        (_, None) => Standing::Open,
    }
}

fn applied_reason(plan: &SyncPlan) -> Option<&str> {
    let conditions = &plan.status.as_ref()?.conditions;
    find(conditions, ConditionType::Applied).map(|applied| applied.reason.as_str())
}

/// When a plan can no longer be approved; `None` before its status is written.
pub fn expires(plan: &SyncPlan) -> Option<Timestamp> {
    plan.status.as_ref()?.expire_time.as_ref().map(|time| time.0)
}

fn created(plan: &SyncPlan) -> Option<Timestamp> {
    plan.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests;
