//! The status of a connection.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{
    api::{
        DirectoryConnection,
        condition::{ConditionType, Reason, Status, find, remove, set},
        connection::DirectoryConnectionStatus,
        status::{
            DirectoryCounts, Failure, HeldPlan, LastHandled, MAX_FAILURES, MAX_HISTORY, MembershipCounts, Outcome,
            RoleCounts, SyncSummary, TeamCounts, UserCounts, cut,
        },
    },
    controller::{
        assessment::{Assessment, Claim, at_work},
        run::{Ended, Order},
    },
    sync::{self, Mode, Report},
};

use directory_sync_model::desired::FailureKind;

/// What follows a run.
pub struct After<'a> {
    /// What it says of the connection.
    pub assessment: &'a Assessment,
    /// The plan that is held now.
    pub held: Option<HeldPlan>,
    /// When the next run is due.
    pub next: Timestamp,
    /// How many runs have failed in a row.
    pub failures: u32,
    /// What is to be remembered.
    pub handled: LastHandled,
}

/// The status after a run.
pub fn after_run(
    before: &DirectoryConnectionStatus,
    order: &Order,
    ended: &Ended,
    after: After<'_>,
) -> DirectoryConnectionStatus {
    let After {
        assessment,
        held,
        next,
        failures: in_a_row,
        handled,
    } = after;
    let stopped = ended.outcome() == sync::Outcome::Stopped;
    let mut status = identified(before, &order.connection);
    let report = ended.result.as_ref().ok();
    let summary = summary(order, ended);
    if !stopped {
        status.observed_generation = Some(order.generation());
        if order.requested.is_some() {
            status.last_handled_reconcile_at.clone_from(&order.requested);
        }
    }
    if let Some(report) = report.filter(|report| report.doubts.is_empty())
        && let Some(read) = report.directory
    {
        status.directory = Some(DirectoryCounts {
            users: number(read.users),
            groups: number(read.groups),
        });
    }
    if let (Some(report), Some(noted)) = (report, &ended.noted) {
        status.platform = Some(noted.platform(report));
    }
    if let Some(report) = report.filter(|report| report.hash.is_some()) {
        status.failures = failures(report);
    }
    if changed_or_failed(&summary) {
        remember(&mut status.history, &summary);
    }
    status.last_sync = Some(summary);
    status.held_plan = held;
    status.next_sync_time = Some(Time(next));
    status.consecutive_failures = i32::try_from(in_a_row).unwrap_or(i32::MAX);
    status.last_handled = Some(handled);
    conditions(&mut status.conditions, assessment, order.generation(), ended.end);
    status
}

/// The status while a run of a new generation is about to begin.
pub fn announced(
    connection: &DirectoryConnection,
    before: &DirectoryConnectionStatus,
    now: Timestamp,
) -> DirectoryConnectionStatus {
    let mut status = identified(before, connection);
    // An operator that is killed before the run has told anything begins it again.
    status.next_sync_time = Some(Time(now));
    let meaning = Reason::Progressing.row().meaning.to_owned();
    let assessment = Assessment {
        ready: (Status::Unknown, Reason::Progressing, meaning),
        held: None,
        complete: None,
        stalled: false,
        reconciling: Some(at_work(Reason::Progressing)),
        after: crate::controller::backoff::After::Stopped,
    };
    let generation = connection.metadata.generation.unwrap_or_default();
    conditions(&mut status.conditions, &assessment, generation, now);
    status
}

/// The status while nothing is done: suspended, or without mappings.
pub fn at_rest(
    connection: &DirectoryConnection,
    before: &DirectoryConnectionStatus,
    reason: Reason,
    requested: Option<&str>,
    now: Timestamp,
) -> DirectoryConnectionStatus {
    let mut status = identified(before, connection);
    let suspended = reason == Reason::Suspended;
    status.observed_generation = connection.metadata.generation;
    status.next_sync_time = None;
    // A request to a suspended connection is answered when it goes on.
    if let Some(requested) = requested.filter(|_| !suspended) {
        status.last_handled_reconcile_at = Some(requested.to_owned());
    }
    let row = reason.row();
    let assessment = Assessment {
        ready: (
            if suspended { Status::True } else { Status::False },
            reason,
            format!("{} {}", row.meaning, row.action),
        ),
        held: None,
        complete: None,
        stalled: !suspended,
        reconciling: None,
        after: crate::controller::backoff::After::Stall,
    };
    let generation = connection.metadata.generation.unwrap_or_default();
    conditions(&mut status.conditions, &assessment, generation, now);
    status
}

/// The status of an object that can't be read.
pub fn unreadable(generation: Option<i64>, message: &str, now: Timestamp) -> DirectoryConnectionStatus {
    let mut status = DirectoryConnectionStatus {
        observed_generation: generation,
        ..DirectoryConnectionStatus::default()
    };
    let assessment = Assessment {
        ready: (Status::False, Reason::InvalidSpec, message.to_owned()),
        held: None,
        complete: None,
        stalled: true,
        reconciling: None,
        after: crate::controller::backoff::After::Stall,
    };
    conditions(&mut status.conditions, &assessment, generation.unwrap_or_default(), now);
    status
}

/// What the status says of the connection itself.
fn identified(before: &DirectoryConnectionStatus, connection: &DirectoryConnection) -> DirectoryConnectionStatus {
    let provider = connection.spec.provider.selected();
    DirectoryConnectionStatus {
        owner_id: Some(cut(&connection.owner_id(), 128)),
        provider: provider.map(|provider| provider.name().to_owned()),
        ..before.clone()
    }
}

/// Ready, Held and `DirectoryComplete` always; Reconciling and Stalled only while they are True.
fn conditions(conditions: &mut Vec<Condition>, assessment: &Assessment, generation: i64, now: Timestamp) {
    let (now, generation) = (Time(now), Some(generation));
    let mut put = |condition, (status, reason, message): &Claim| {
        set(conditions, (condition, *status, *reason), message, generation, &now);
    };
    let (_, ready_reason, ready_message) = &assessment.ready;
    put(ConditionType::Ready, &assessment.ready);
    if let Some(held) = &assessment.held {
        put(ConditionType::Held, held);
    }
    if let Some(complete) = &assessment.complete {
        put(ConditionType::DirectoryComplete, complete);
    }
    if assessment.stalled {
        put(
            ConditionType::Stalled,
            &(Status::True, *ready_reason, ready_message.clone()),
        );
    }
    if let Some((reason, message)) = &assessment.reconciling {
        put(ConditionType::Reconciling, &(Status::True, *reason, message.clone()));
    }
    if !assessment.stalled {
        remove(conditions, ConditionType::Stalled);
    }
    if assessment.reconciling.is_none() {
        remove(conditions, ConditionType::Reconciling);
    }
    for (condition, status, reason) in [
        (ConditionType::Held, Status::False, Reason::NothingHeld),
        (ConditionType::DirectoryComplete, Status::Unknown, Reason::NotReadYet),
    ] {
        if find(conditions, condition).is_none() {
            set(
                conditions,
                (condition, status, reason),
                reason.row().meaning,
                generation,
                &now,
            );
        }
    }
    // What is as it was is about this generation all the same.
    for condition in conditions.iter_mut() {
        condition.observed_generation = generation;
    }
}

/// The first failures in an order of their own, so that the same ones are told each time.
fn failures(report: &Report) -> Vec<Failure> {
    let mut all: Vec<_> = report.failures.iter().collect();
    all.sort_by(|one, other| (one.kind, &one.id, one.reason).cmp(&(other.kind, &other.id, other.reason)));
    all.into_iter().take(MAX_FAILURES).map(Failure::of).collect()
}

/// One run in numbers. In Observe mode they say what would have been done.
fn summary(order: &Order, ended: &Ended) -> SyncSummary {
    let report = ended.result.as_ref().ok();
    let counts = report.map(|report| match order.mode {
        Mode::Apply => report.done,
        Mode::Observe => report.planned,
    });
    let counts = counts.unwrap_or_default();
    let failed = |kind| {
        let failures = report.map_or(&[][..], |report| &report.failures);
        number(failures.iter().filter(|failure| failure.kind == kind).count() as u64)
    };
    SyncSummary {
        id: order.id.clone(),
        trigger: order.trigger,
        outcome: outcome(ended.outcome()),
        start_time: Time(order.start),
        completion_time: Time(ended.end),
        users: UserCounts {
            created: number(counts.users_created),
            adopted: number(counts.users_adopted),
            updated: number(counts.users_updated),
            activated: number(counts.users_activated),
            deactivated: number(counts.users_deactivated),
            deleted: number(counts.users_deleted),
            failed: failed(FailureKind::User),
        },
        teams: TeamCounts {
            created: number(counts.teams_created),
            updated: number(counts.teams_updated),
            failed: failed(FailureKind::Team),
        },
        memberships: MembershipCounts {
            added: number(counts.team_memberships_added + counts.team_memberships_adopted),
            removed: number(counts.team_memberships_removed),
            failed: failed(FailureKind::Membership),
        },
        roles: RoleCounts {
            changed: number(counts.roles_changed),
            failed: failed(FailureKind::Role),
        },
        inboxes: MembershipCounts {
            added: number(counts.inbox_memberships_added + counts.inbox_memberships_adopted),
            removed: number(counts.inbox_memberships_removed),
            failed: failed(FailureKind::Inbox),
        },
    }
}

const fn outcome(outcome: sync::Outcome) -> Outcome {
    match outcome {
        sync::Outcome::Unchanged => Outcome::Unchanged,
        sync::Outcome::Synced => Outcome::Synced,
        sync::Outcome::PartlyFailed => Outcome::PartlyFailed,
        sync::Outcome::Held => Outcome::Held,
        sync::Outcome::Observed => Outcome::Observed,
        sync::Outcome::Stopped => Outcome::Stopped,
        sync::Outcome::Failed => Outcome::Failed,
    }
}

fn changed_or_failed(summary: &SyncSummary) -> bool {
    match summary.outcome {
        Outcome::Synced | Outcome::Failed => true,
        Outcome::PartlyFailed | Outcome::Stopped => done_something(summary),
        Outcome::Unchanged | Outcome::Observed | Outcome::Held => false,
    }
}

/// Whether a run changed anything at all.
fn done_something(summary: &SyncSummary) -> bool {
    let SyncSummary {
        users,
        teams,
        memberships,
        roles,
        inboxes,
        ..
    } = summary;
    let UserCounts {
        created,
        adopted,
        updated,
        activated,
        deactivated,
        deleted,
        failed: _,
    } = users;
    let moved = |counts: &MembershipCounts| counts.added + counts.removed;
    created
        + adopted
        + updated
        + activated
        + deactivated
        + deleted
        + teams.created
        + teams.updated
        + moved(memberships)
        + roles.changed
        + moved(inboxes)
        > 0
}

/// Newest first. Of failures in a row the last one stands for all, so that they don't push out what was done.
fn remember(history: &mut Vec<SyncSummary>, summary: &SyncSummary) {
    let failed = |summary: &SyncSummary| summary.outcome == Outcome::Failed && !done_something(summary);
    if failed(summary) && history.first().is_some_and(failed) {
        history.remove(0);
    }
    history.insert(0, summary.clone());
    history.truncate(MAX_HISTORY);
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
