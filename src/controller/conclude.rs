//! Tells what came of a run: plans first, then the connection's status, then events and the statuses of mappings. What is to
//! be remembered is remembered once the status has it, so that a restart in between repeats the run and forgets nothing.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt as _, future, stream};
use jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};

use super::{
    assessment::assess,
    backoff::{After, next_look, next_run},
    digest::Digest,
    error::ReconcileError,
    events,
    fleet::Fleet,
    memory::Memory,
    plans::{self, Held, settle},
    reconcile::unless_gone,
    retire,
    run::{Ended, Order},
    status,
    view::Key,
    wording, write,
};
use crate::{
    api::{
        DirectoryConnection, GroupMapping,
        condition::{ConditionType, Reason},
        connection::DirectoryConnectionStatus,
        status::{HeldPlan, LastHandled, Removals},
    },
    fault::chain,
    sync::{Outcome, Report, report::MappingReport},
};

/// How many statuses of mappings are written at once.
const CONCURRENCY: usize = 8;

/// How often the statuses of mappings are tried; the next run tells what is left.
const MAPPING_ATTEMPTS: u32 = 3;

/// How long is waited after the first of these attempts; twice as long after each further one.
const MAPPING_WAIT: Duration = Duration::from_millis(500);

/// Tells what came of a run, but for its mappings. It can be repeated. Returns whether there is anything to tell mappings.
pub async fn conclude(fleet: &Fleet, order: &Order, ended: &Ended) -> Result<bool, ReconcileError> {
    let key = order.key();
    let uid = order.connection.metadata.uid.as_deref().unwrap_or_default();
    let known = fleet.recollect(&key, uid, |memory| {
        // What was changed is tried as if for the first time.
        let changed = memory.past.generation != Some(order.generation());
        let failures = if changed { 0 } else { memory.past.failures };
        (memory.status.clone(), failures)
    });
    let Some((before, failures)) = known else {
        // The connection is gone.
        return Ok(false);
    };
    let now = Timestamp::now();
    if ended.is_void() {
        // Nothing has happened, so there is nothing to tell.
        let due = due(fleet, order, After::Stopped, failures, now);
        fleet.recollect(&key, uid, |memory| remember(memory, order, ended, due));
        return Ok(false);
    }
    let settlement = settle(order.plans(), ended.judgement(order.mode), ended.spent(), now);
    let mut assessment = assess(order, ended, settlement.hold.as_ref());
    let written = plans::write(fleet.client(), &order.connection, &settlement, &held(order, ended), now).await;
    if let Some(error) = &written.failed {
        let error = chain(error);
        tracing::warn!(error, "A SyncPlan couldn't be written; the sync will be repeated.");
        assessment.plan_not_written(&error);
    }
    let timing = &fleet.config.timing;
    let farewell = if order.retire {
        let (hold, unwritten) = (settlement.hold.as_ref(), written.failed.as_ref());
        retire::judge(order, ended, hold, unwritten, &mut assessment, now, timing)
    } else {
        None
    };
    if let Some(plan) = &written.held {
        assessment.plan_written(&key.namespace, plan);
    }
    for (plan, notice) in &written.late {
        let of_connection = events::Notice {
            note: format!("SyncPlan {}: {}", plan.name_any(), notice.note),
            ..notice.clone()
        };
        fleet.recorder.publish(&plan.object_ref(&()), [notice.clone()]).await;
        fleet
            .recorder
            .publish(&order.connection.object_ref(&()), [of_connection])
            .await;
    }
    let held = written.held.or_else(|| still_held(&before, ended, now));
    let mut due = due(fleet, order, assessment.after, failures, now);
    if order.retire && ended.outcome() != Outcome::Held {
        // It isn't tried for ever, and what it needs may be gone with its namespace at any time.
        due.next = due.next.min(retire::patience(order, now, timing).max(now));
        due.look = (due.failures > 0).then(|| next_look(now, timing, fastrand::f64()));
    }
    assessment.tries_again(due.failures, due.next, timing);
    let after = status::After {
        assessment: &assessment,
        held,
        next: due.next,
        failures: due.failures,
        handled: handled(&before, order, ended),
    };
    let status = status::after_run(&before, order, ended, after);
    let written = write::status::<DirectoryConnection>(fleet.client(), &order.connection.metadata, &status).await;
    unless_gone(written)?;
    if assessment.ready.1 == Reason::PlanNotWritten {
        fleet.metrics.count_failure(Reason::PlanNotWritten);
    }
    let notices = events::of_run(&before, &status, ended.outcome(), &assessment, &settlement);
    let object = order.connection.object_ref(&());
    fleet.recorder.publish(&object, notices).await;
    fleet.recollect(&key, uid, |memory| {
        remember(memory, order, ended, due);
        memory.farewell = farewell;
        memory.status = status;
    });
    Ok(true)
}

/// Remembers a run of which nobody could be told as one that failed.
pub fn give_up(fleet: &Fleet, order: &Order, ended: &Ended) {
    let uid = order.connection.metadata.uid.as_deref().unwrap_or_default();
    fleet.recollect(&order.key(), uid, |memory| {
        let after = After::Failure { retry_after: None };
        let due = due(fleet, order, after, memory.past.failures, Timestamp::now());
        remember(memory, order, ended, due);
    });
}

/// When a connection is due again.
#[derive(Clone, Copy)]
struct Due {
    /// Whether the run did all that was asked.
    succeeded: bool,
    /// How many runs have failed in a row.
    failures: u32,
    /// When the next run is due.
    next: Timestamp,
    /// When to look at documents, where a person must act.
    look: Option<Timestamp>,
}

fn due(fleet: &Fleet, order: &Order, after: After, failures: u32, now: Timestamp) -> Due {
    let timing = &fleet.config.timing;
    let failures = match after {
        After::Success => 0,
        After::Stopped => failures,
        After::Incomplete | After::Failure { .. } | After::Stall => failures.saturating_add(1),
    };
    let interval = order.connection.spec.interval.get();
    Due {
        succeeded: after == After::Success,
        failures,
        next: next_run(now, after, interval, failures, timing, fastrand::f64()),
        look: (after == After::Stall).then(|| next_look(now, timing, fastrand::f64())),
    }
}

/// What a held plan is made of.
fn held(order: &Order, ended: &Ended) -> Held {
    let Ok(report) = &ended.result else {
        return Held::default();
    };
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Held {
        hash: report.hash.as_ref().map(ToString::to_string).unwrap_or_default(),
        removals: Removals {
            users: number(report.removals.users),
            deletions: number(report.removals.deletions),
            memberships: number(report.removals.team_memberships),
            roles: number(report.removals.roles),
            inboxes: number(report.removals.inbox_memberships),
        },
        summary: summary(report, ended),
        samples: ended
            .noted
            .as_ref()
            .map(|noted| noted.samples.clone())
            .unwrap_or_default(),
        ttl: order.connection.spec.removals.approval_ttl.get(),
    }
}

/// What the plan would take away, in words.
fn summary(report: &Report, ended: &Ended) -> Vec<String> {
    let losses = ended.noted.as_ref().map(|noted| noted.losses.as_slice());
    let hold = report.hold.as_ref();
    hold.map(|hold| wording::summary(hold, losses.unwrap_or_default()))
        .unwrap_or_default()
}

/// A run that worked out no plan leaves the one that was held as it is.
fn still_held(before: &DirectoryConnectionStatus, ended: &Ended, now: Timestamp) -> Option<HeldPlan> {
    let unjudged = matches!(ended.outcome(), Outcome::Failed | Outcome::Stopped);
    before
        .held_plan
        .clone()
        .filter(|held| unjudged && now < held.expire_time.0)
}

/// What outlives a restart.
fn handled(before: &DirectoryConnectionStatus, order: &Order, ended: &Ended) -> LastHandled {
    let mut handled = before.last_handled.clone().unwrap_or_default();
    if ended.outcome() != Outcome::Stopped {
        handled.mappings = order.mappings_digest.to_string();
    }
    handled.documents = ended.documents.as_ref().map(Digest::to_string).unwrap_or_default();
    if let Some(judged) = ended.judged(order) {
        judged.store(&mut handled);
    }
    handled
}

fn remember(memory: &mut Memory, order: &Order, ended: &Ended, due: Due) {
    let past = &mut memory.past;
    if ended.outcome() != Outcome::Stopped {
        past.generation = Some(order.generation());
        past.mappings = Some(order.mappings_digest.clone());
        if order.requested.is_some() {
            past.requested.clone_from(&order.requested);
        }
    }
    past.failures = due.failures;
    past.next = Some(due.next);
    past.stalled = due.look;
    past.ran = true;
    memory.judged = ended.judged(order);
    memory.documents.clone_from(&ended.documents);
    if due.succeeded {
        memory.succeeded = ended.end;
    }
}

/// Writes the statuses of mappings that have another one now. One that is refused stops no other one, and makes no failure of
/// the run.
pub async fn tell_mappings(fleet: &Fleet, order: &Order, ended: &Ended) {
    let Ok(report) = &ended.result else { return };
    let (now, complete) = (Timestamp::now(), report.doubts.is_empty());
    let readable = order.mappings.iter().filter_map(|mapping| mapping.0.as_ref().ok());
    let by_name: HashMap<String, &GroupMapping> = readable.map(|mapping| (mapping.name_any(), mapping)).collect();
    let reports = report.mappings.iter();
    let pairs: Vec<_> = reports
        .filter_map(|report| Some((*by_name.get(&report.name)?, report)))
        .collect();
    let mut untold: Vec<usize> = (0..pairs.len()).collect();
    let mut wait = MAPPING_WAIT;
    for attempt in 1..=MAPPING_ATTEMPTS {
        untold = stream::iter(untold)
            .map(|at| {
                let (mapping, report) = pairs[at];
                async move {
                    let error = tell_mapping(fleet, mapping, report, complete, now).await.err()?;
                    let (name, error) = (mapping.name_any(), chain(&error));
                    tracing::warn!(
                        mapping = name,
                        attempt,
                        error,
                        "What a sync made of a mapping couldn't be told."
                    );
                    Some(at)
                }
            })
            .buffer_unordered(CONCURRENCY)
            .filter_map(future::ready)
            .collect()
            .await;
        if untold.is_empty() || attempt == MAPPING_ATTEMPTS {
            return;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

async fn tell_mapping(
    fleet: &Fleet,
    mapping: &GroupMapping,
    report: &MappingReport,
    complete: bool,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let before = mapping.status.clone().unwrap_or_default();
    let status = status::mapping_after_run(mapping, report, complete, now);
    // One that can't be read any more says so already, and says it once.
    let key = Key::of(&mapping.metadata);
    let unreadable = fleet.mapping(&key).is_some_and(|mapping| mapping.0.is_err());
    if status == before || unreadable {
        return Ok(());
    }
    unless_gone(write::status::<GroupMapping>(fleet.client(), &mapping.metadata, &status).await)?;
    let notices = [ConditionType::Ready, ConditionType::Conflicted]
        .into_iter()
        .filter_map(|condition| events::transition_of(&before.conditions, &status.conditions, condition));
    fleet.recorder.publish(&mapping.object_ref(&()), notices).await;
    Ok(())
}

#[cfg(test)]
mod tests;
