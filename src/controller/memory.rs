//! What the operator remembers of one connection. All that outlives a restart is read from its status.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use tokio_util::sync::CancellationToken;

use super::{
    backoff::{After, next_run},
    digest::Digest,
    judged::Judged,
    retire::Farewell,
    schedule::{Decision, Past, Situation, decide},
    view::View,
};
use crate::api::{
    DirectoryConnection,
    condition::{ConditionType, Reason, Status, find},
    connection::DirectoryConnectionStatus,
    plan::SyncPlan,
    status::{self, SyncSummary},
};
use crate::controller::config::Timing;

/// A run that waits for its turn or is under way.
#[derive(Clone, Debug)]
pub struct Running {
    /// The generation that it is about.
    pub generation: i64,
    /// Ends it after the batch in flight.
    pub stop: CancellationToken,
}

/// What the operator remembers of one connection.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The object's own id: another one of the same name is another connection.
    pub uid: String,
    /// What was done, as far as it decides what comes next.
    pub past: Past,
    /// The run under way.
    pub running: Option<Running>,
    /// The status as it was last written or read.
    pub status: DirectoryConnectionStatus,
    /// What the last plan was judged by.
    pub judged: Option<Judged>,
    /// The versions of the Secrets and `ConfigMap`s that the last run read.
    pub documents: Option<Digest>,
    /// Decided plans that a run has taken notice of, by uid.
    pub noticed: BTreeSet<String>,
    /// A digest of what failed in the last run, once it was logged.
    pub failures: Option<Digest>,
    /// The held plan of the status, once its object was seen.
    pub hold_seen: Option<String>,
    /// Why the connection, which is being deleted, is let go; `None` where it isn't yet.
    pub farewell: Option<Farewell>,
    /// When a run last came to its end; when the connection was created, where none did.
    pub succeeded: Timestamp,
}

/// What asked for a run.
pub struct Asked {
    generation: i64,
    mappings: Digest,
    requested: Option<String>,
    /// Decided plans, by uid.
    decided: Vec<String>,
}

impl Asked {
    /// All that may ask for a run at the moment.
    pub fn of(view: &View<'_>) -> Self {
        Self {
            generation: view.generation(),
            mappings: view.mappings_digest.clone(),
            requested: view.requested().map(str::to_owned),
            decided: view.decided(),
        }
    }
}

impl Memory {
    /// What the object itself tells. `look`: when to look at the documents of a stalled one.
    pub fn recall(connection: &DirectoryConnection, now: Timestamp, look: Timestamp) -> Self {
        let status = connection.status.clone().unwrap_or_default();
        let handled = status.last_handled.clone().unwrap_or_default();
        let stalled = find(&status.conditions, ConditionType::Stalled)
            .is_some_and(|stalled| stalled.reason != Reason::NoMappings.as_str());
        let ready = find(&status.conditions, ConditionType::Ready);
        let failed = ready.is_some_and(|ready| ready.status == Status::False.as_str());
        let created = connection
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or(now, |time| time.0);
        Self {
            uid: connection.metadata.uid.clone().unwrap_or_default(),
            past: Past {
                generation: status.observed_generation,
                requested: status.last_handled_reconcile_at.clone(),
                mappings: Digest::stored(&handled.mappings),
                settling: None,
                next: status.next_sync_time.as_ref().map(|time| time.0),
                failures: u32::try_from(status.consecutive_failures)
                    .unwrap_or(0)
                    .max(u32::from(failed)),
                stalled: stalled.then_some(look),
                ran: false,
            },
            running: None,
            judged: Judged::recall(&status),
            documents: Digest::stored(&handled.documents),
            noticed: BTreeSet::new(),
            failures: None,
            // Everything is listed before anything is decided.
            hold_seen: status.held_plan.as_ref().map(|held| held.name.clone()),
            farewell: None,
            succeeded: match (&status.last_sync, ready) {
                (Some(last), ready) if came_to_its_end(last) && !ready.is_some_and(is_no_success) => {
                    last.completion_time.0
                }
                // It became not ready with the first run that failed.
                (Some(_), Some(ready)) => ready.last_transition_time.0,
                _ => created,
            },
            status,
        }
    }

    /// What to do now.
    pub fn decide(&mut self, view: &View<'_>, now: Timestamp, timing: &Timing) -> Decision {
        // Of a connection that is being deleted mappings, and their absence, ask for nothing any more.
        let retires = view.connection.metadata.deletion_timestamp.is_some();
        let seen = if retires { self.past.mappings.clone() } else { None };
        let mappings = seen.as_ref().unwrap_or(&view.mappings_digest);
        if retires {
            self.past.settling = None;
        } else {
            self.past.note_mappings(mappings, now);
        }
        let held = self.status.held_plan.as_ref();
        let hold_is_there = held.is_some_and(|held| view.has_plan(&held.name));
        if hold_is_there {
            self.hold_seen = held.map(|held| held.name.clone());
        }
        let rejected = find(&self.status.conditions, ConditionType::Held)
            .is_some_and(|held| held.reason == Reason::PlanRejected.as_str());
        let situation = Situation {
            now,
            generation: view.generation(),
            suspended: view.connection.spec.suspend && !retires,
            mapped: view.is_mapped() || retires,
            mappings,
            requested: view.requested(),
            decided: view.plans().any(|plan| self.is_news(plan)),
            hold_expires: held.and_then(|held| {
                // One that was just created, and that the watch hasn't told of yet, isn't gone.
                let is_gone = !hold_is_there && self.hold_seen.as_ref() == Some(&held.name);
                // Only what can still be approved runs out.
                let expires = (!rejected).then_some(held.expire_time.0);
                if is_gone { Some(now) } else { expires }
            }),
            interval: view.connection.spec.interval.get(),
            running: self.running.as_ref().map(|running| running.generation),
        };
        let decision = decide(&situation, &self.past, timing);
        if matches!(decision, Decision::Suspend | Decision::NoMappings) {
            self.past.rest();
        }
        decision
    }

    /// Takes a run of which nothing is known for one that failed, so that what asked for it doesn't begin it again at once.
    pub fn back_off(&mut self, asked: Asked, now: Timestamp, timing: &Timing) {
        let past = &mut self.past;
        past.generation = Some(asked.generation);
        past.mappings = Some(asked.mappings);
        past.requested = asked.requested.or(past.requested.take());
        self.noticed.extend(asked.decided);
        past.failures = past.failures.saturating_add(1);
        let failure = After::Failure { retry_after: None };
        past.next = Some(next_run(
            now,
            failure,
            timing.max_retry,
            past.failures,
            timing,
            fastrand::f64(),
        ));
        past.ran = true;
    }

    /// Whether a plan was decided and neither a run of ours nor the plan's own status has taken notice of it.
    fn is_news(&self, plan: &SyncPlan) -> bool {
        let conditions = plan.status.as_ref().map(|status| status.conditions.as_slice());
        let waits = conditions
            .and_then(|conditions| find(conditions, ConditionType::Applied))
            .is_some_and(|applied| applied.reason == Reason::AwaitingDecision.as_str());
        let uid = plan.metadata.uid.as_deref().unwrap_or_default();
        plan.spec.decision.is_some() && waits && !self.noticed.contains(uid)
    }
}

fn came_to_its_end(last: &SyncSummary) -> bool {
    !matches!(last.outcome, status::Outcome::Failed | status::Outcome::Stopped)
}

/// Whether Ready says of a run that came to its end that it didn't do all that was asked.
fn is_no_success(ready: &Condition) -> bool {
    [Reason::DirectoryIncomplete, Reason::PlanNotWritten]
        .map(Reason::as_str)
        .contains(&ready.reason.as_str())
}

#[cfg(test)]
mod tests;
