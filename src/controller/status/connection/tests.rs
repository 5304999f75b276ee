//! From runs to statuses, field by field.

use directory_sync_model::desired::{Failure as ModelFailure, FailureReason};
use jiff::Timestamp;

use super::*;
use crate::{
    controller::{
        assessment::assess,
        testing::{at, ended, failed, order},
    },
    sync::report,
};

fn report(outcome: sync::Outcome) -> Report {
    let mut report = Report::begin("run".into());
    report.outcome = outcome;
    report.directory = Some(report::DirectoryCounts { users: 10, groups: 2 });
    report
}

fn next() -> Timestamp {
    at(7200)
}

fn run(before: &DirectoryConnectionStatus, order: &Order, ended: &Ended) -> DirectoryConnectionStatus {
    let assessment = assess(order, ended, None);
    let after = After {
        assessment: &assessment,
        held: None,
        next: next(),
        failures: 0,
        handled: LastHandled::default(),
    };
    after_run(before, order, ended, after)
}

fn types(status: &DirectoryConnectionStatus) -> Vec<&str> {
    let mut types: Vec<_> = status
        .conditions
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    types.sort_unstable();
    types
}

#[test]
fn the_first_run_fills_the_status() {
    let mut report = report(sync::Outcome::Synced);
    report.done.users_created = 3;
    let status = run(&DirectoryConnectionStatus::default(), &order(), &ended(report));
    assert_eq!(status.observed_generation, Some(4));
    assert_eq!(status.owner_id.as_deref(), Some("acme/directory"));
    assert_eq!(status.provider.as_deref(), Some("file"));
    assert_eq!(status.directory, Some(DirectoryCounts { users: 10, groups: 2 }));
    assert_eq!(status.next_sync_time, Some(Time(next())));
    let last = status.last_sync.as_ref().unwrap();
    assert_eq!((last.outcome, last.users.created), (Outcome::Synced, 3));
    assert_eq!(status.history.len(), 1);
    assert_eq!(types(&status), ["DirectoryComplete", "Held", "Ready"]);
}

#[test]
fn a_run_that_changes_nothing_moves_last_sync_and_next_alone() {
    let before = run(
        &DirectoryConnectionStatus::default(),
        &order(),
        &ended(report(sync::Outcome::Synced)),
    );
    let mut later = ended(report(sync::Outcome::Unchanged));
    later.end = at(5000);
    let mut after = run(&before, &order(), &later);
    assert_ne!(after.last_sync, before.last_sync);
    after.last_sync.clone_from(&before.last_sync);
    assert_eq!(after, before);
}

#[test]
fn reconciling_and_stalled_are_there_only_while_true() {
    let mut order = order();
    let announced = announced(&order.connection, &DirectoryConnectionStatus::default(), at(1));
    assert_eq!(types(&announced), ["DirectoryComplete", "Held", "Ready", "Reconciling"]);
    assert_eq!(announced.observed_generation, None);
    let stalled = run(&announced, &order, &failed(crate::controller::testing::unauthorized()));
    assert_eq!(types(&stalled), ["DirectoryComplete", "Held", "Ready", "Stalled"]);
    assert_eq!(stalled.observed_generation, Some(4));
    order.connection.metadata.generation = Some(5);
    let synced = run(&stalled, &order, &ended(report(sync::Outcome::Synced)));
    assert_eq!(types(&synced), ["DirectoryComplete", "Held", "Ready"]);
}

#[test]
fn a_stopped_run_answers_neither_generation_nor_request() {
    let mut order = order();
    order.requested = Some("now".into());
    let before = DirectoryConnectionStatus {
        observed_generation: Some(3),
        last_handled_reconcile_at: Some("before".into()),
        ..DirectoryConnectionStatus::default()
    };
    let stopped = run(&before, &order, &ended(report(sync::Outcome::Stopped)));
    assert_eq!(stopped.observed_generation, Some(3));
    assert_eq!(stopped.last_handled_reconcile_at.as_deref(), Some("before"));
    let failed = run(&before, &order, &failed(crate::controller::testing::unauthorized()));
    assert_eq!(failed.observed_generation, Some(4));
    assert_eq!(failed.last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn an_incomplete_read_does_not_say_how_large_the_directory_is() {
    let before = run(
        &DirectoryConnectionStatus::default(),
        &order(),
        &ended(report(sync::Outcome::Synced)),
    );
    let mut incomplete = report(sync::Outcome::Synced);
    incomplete.directory = Some(report::DirectoryCounts { users: 1, groups: 0 });
    incomplete.doubts = vec![directory_sync_model::snapshot::Doubt::SizeLimit];
    let after = run(&before, &order(), &ended(incomplete));
    assert_eq!(after.directory, before.directory);
}

#[test]
fn failures_in_a_row_are_one_line_of_history() {
    let mut synced = report(sync::Outcome::Synced);
    synced.done.users_created = 1;
    let mut status = run(&DirectoryConnectionStatus::default(), &order(), &ended(synced));
    for _ in 0..5 {
        status = run(&status, &order(), &failed(crate::controller::testing::unauthorized()));
    }
    let outcomes: Vec<_> = status.history.iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Synced]);
    let unchanged = run(&status, &order(), &ended(report(sync::Outcome::Unchanged)));
    assert_eq!(unchanged.history, status.history);
}

#[test]
fn the_same_failures_are_told_whatever_their_order() {
    let failing = |ids: &[u32]| {
        let mut report = report(sync::Outcome::PartlyFailed);
        report.hash = Some(directory_sync_model::plan::PlanHash::from_text("aa"));
        let failure = |id: &u32| ModelFailure {
            kind: FailureKind::User,
            id: format!("{id:04}"),
            reason: FailureReason::InvalidEmail,
            message: "ann@acme.test".into(),
        };
        report.failures = ids.iter().map(failure).collect();
        run(&DirectoryConnectionStatus::default(), &order(), &ended(report)).failures
    };
    let forward: Vec<u32> = (0..100).collect();
    let backward: Vec<u32> = (0..100).rev().collect();
    assert_eq!(failing(&forward), failing(&backward));
    assert_eq!(failing(&forward).len(), MAX_FAILURES);
}

#[test]
fn suspended_is_ready_and_without_mappings_a_person_must_act() {
    let connection = order().connection;
    let before = DirectoryConnectionStatus::default();
    let suspended = at_rest(&connection, &before, Reason::Suspended, Some("now"), at(1));
    assert_eq!(types(&suspended), ["DirectoryComplete", "Held", "Ready"]);
    assert_eq!(suspended.last_handled_reconcile_at, None);
    let unmapped = at_rest(&connection, &before, Reason::NoMappings, Some("now"), at(1));
    assert_eq!(types(&unmapped), ["DirectoryComplete", "Held", "Ready", "Stalled"]);
    assert_eq!(unmapped.last_handled_reconcile_at.as_deref(), Some("now"));
    let again = at_rest(&connection, &unmapped, Reason::NoMappings, Some("now"), at(2));
    assert_eq!(again, unmapped);
}

#[test]
fn each_failure_is_counted_where_its_object_is() {
    let mut report = report(sync::Outcome::PartlyFailed);
    report.hash = Some(directory_sync_model::plan::PlanHash::from_text("aa"));
    let kinds = [
        (FailureKind::User, 1),
        (FailureKind::Team, 2),
        (FailureKind::Membership, 3),
        (FailureKind::Role, 4),
        (FailureKind::Inbox, 5),
    ];
    for (kind, count) in kinds {
        report.failures.extend((0..count).map(|number| ModelFailure {
            kind,
            id: number.to_string(),
            reason: FailureReason::Refused,
            message: String::new(),
        }));
    }
    let status = run(&DirectoryConnectionStatus::default(), &order(), &ended(report));
    let last = status.last_sync.unwrap();
    let failed = [
        last.users.failed,
        last.teams.failed,
        last.memberships.failed,
        last.roles.failed,
        last.inboxes.failed,
    ];
    assert_eq!(failed, [1, 2, 3, 4, 5]);
}

#[test]
fn the_largest_status_stays_under_16_kib() {
    let mut order = order();
    order.connection.spec.owner_id = Some("o".repeat(128));
    order.requested = Some("r".repeat(256));
    order.id = "i".repeat(29);
    let mut status = DirectoryConnectionStatus::default();
    let failure = |id: usize| ModelFailure {
        kind: FailureKind::Membership,
        id: format!("{id}{}", "x".repeat(300)),
        reason: FailureReason::AdoptionNotAllowed,
        message: String::new(),
    };
    for _ in 0..20 {
        let mut report = report(sync::Outcome::PartlyFailed);
        report.hash = Some(directory_sync_model::plan::PlanHash::from_text(&"a".repeat(64)));
        report.failures = (0..1000).map(failure).collect();
        let done = &mut report.done;
        for count in [
            &mut done.users_created,
            &mut done.users_updated,
            &mut done.users_adopted,
            &mut done.users_activated,
            &mut done.users_deactivated,
            &mut done.users_deleted,
            &mut done.teams_created,
            &mut done.team_memberships_added,
            &mut done.team_memberships_removed,
            &mut done.inbox_memberships_added,
            &mut done.inbox_memberships_removed,
            &mut done.roles_changed,
        ] {
            *count = 1_000_000;
        }
        report.doubts = (0..20)
            .map(|_| directory_sync_model::snapshot::Doubt::Interrupted { cause: "c".repeat(300) })
            .collect();
        status = run(&status, &order, &ended(report));
    }
    status.held_plan = Some(HeldPlan {
        name: "n".repeat(80),
        hash: "a".repeat(64),
        hold_time: Time(at(1)),
        expire_time: Time(at(1)),
        removals: crate::api::status::Removals {
            users: 1_000_000,
            deletions: 1_000_000,
            memberships: 10_000_000,
            roles: 1_000_000,
            inboxes: 1_000_000,
        },
    });
    for condition in &mut status.conditions {
        let of_type = crate::api::condition::TYPES.iter().map(|row| row.condition);
        let max = of_type
            .filter(|kind| kind.as_str() == condition.type_)
            .map(crate::api::condition::max_message);
        condition.message = "m".repeat(max.max().unwrap());
    }
    let size = serde_json::to_string(&status).unwrap().len();
    assert_eq!(
        (status.failures.len(), status.history.len()),
        (MAX_FAILURES, MAX_HISTORY)
    );
    assert!(size < 16 * 1024, "{size} bytes");
}
