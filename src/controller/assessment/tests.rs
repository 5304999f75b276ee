//! From runs to conditions, case by case.

use std::time::Duration;

use directory_sync_model::{
    desired::{Failure, FailureKind, FailureReason, MappingOutcome},
    guard::Exceeded,
    plan::RemovalKind,
    snapshot::Doubt,
};

use super::*;
use crate::{
    controller::testing::{ended, failed, order},
    sync::report::{DirectoryCounts, Hold as Why, MappingReport},
};

fn report(outcome: Outcome) -> Report {
    let mut report = Report::begin("run".into());
    report.outcome = outcome;
    report.directory = Some(DirectoryCounts { users: 10, groups: 2 });
    report
}

fn failure(id: &str) -> Failure {
    Failure {
        kind: FailureKind::User,
        id: id.into(),
        reason: FailureReason::InvalidEmail,
        message: "ann@acme.test is none".into(),
    }
}

fn judge(report: Report, hold: Option<&Hold<'_>>) -> Assessment {
    assess(&order(), &ended(report), hold)
}

/// Ready, Held and `DirectoryComplete` as `status/reason`, and whether it stalls, goes on trying, and when it is due.
fn told(assessment: &Assessment) -> (String, String, String) {
    let claim = |claim: Option<&Claim>| {
        claim.map_or("-".to_owned(), |(status, reason, _)| {
            format!("{}/{}", status.as_str(), reason.as_str())
        })
    };
    (
        claim(Some(&assessment.ready)),
        claim(assessment.held.as_ref()),
        claim(assessment.complete.as_ref()),
    )
}

fn expect(assessment: &Assessment, ready: &str, held: &str, complete: &str) {
    assert_eq!(
        told(assessment),
        (ready.to_owned(), held.to_owned(), complete.to_owned())
    );
}

#[test]
fn a_run_that_came_to_its_end_is_ready() {
    for outcome in [Outcome::Synced, Outcome::Unchanged] {
        let assessment = judge(report(outcome), None);
        expect(&assessment, "True/Synced", "False/NothingHeld", "True/Complete");
        assert_eq!(
            (assessment.stalled, assessment.reconciling, assessment.after),
            (false, None, After::Success)
        );
    }
}

#[test]
fn what_a_run_says_does_not_depend_on_what_it_changed() {
    let mut changed = report(Outcome::Synced);
    changed.done.users_created = 10;
    assert_eq!(judge(changed, None), judge(report(Outcome::Unchanged), None));
}

#[test]
fn people_who_failed_leave_the_connection_ready() {
    let mut partly = report(Outcome::PartlyFailed);
    partly.failures = vec![failure("1"), failure("2")];
    let assessment = judge(partly, None);
    expect(
        &assessment,
        "True/SyncedWithFailures",
        "False/NothingHeld",
        "True/Complete",
    );
    let message = &assessment.ready.2;
    assert_eq!(
        message,
        "2 objects failed (InvalidEmail 2); status.failures says what to do"
    );
}

#[test]
fn a_held_plan_leaves_the_connection_ready_and_says_what_it_would_remove() {
    let mut held = report(Outcome::Held);
    held.hold = Some(Why {
        exceeded: vec![Exceeded {
            kind: RemovalKind::User,
            name: None,
            removals: 310,
            population: 1000,
            allowed: 200,
            mapping: None,
        }],
        departures: 0,
        ..Why::default()
    });
    let assessment = judge(held, Some(&Hold::New));
    expect(&assessment, "True/PlanHeld", "True/TooManyRemovals", "True/Complete");
    assert_eq!(
        assessment.held.unwrap().2,
        "310 of 1000 users would be deactivated; the limits allow 200"
    );
    assert_eq!(assessment.after, After::Success);
}

#[test]
fn a_plan_held_for_a_mapping_that_has_gone_says_so() {
    let mut held = report(Outcome::Held);
    held.hold = Some(Why {
        exceeded: Vec::new(),
        departures: 3,
        ..Why::default()
    });
    let assessment = judge(held, Some(&Hold::New));
    expect(&assessment, "True/PlanHeld", "True/MappingRemoved", "True/Complete");
}

#[test]
fn an_incomplete_read_is_not_ready_and_is_tried_again() {
    let mut incomplete = report(Outcome::Synced);
    incomplete.doubts = vec![Doubt::SizeLimit];
    let assessment = judge(incomplete, None);
    expect(
        &assessment,
        "False/DirectoryIncomplete",
        "False/NothingHeld",
        "False/SizeLimit",
    );
    assert_eq!(assessment.reconciling, Some(at_work(Reason::Retrying)));
    assert_eq!(assessment.after, After::Incomplete);
}

#[test]
fn a_missing_group_of_one_mapping_does_not_make_the_connection_unready() {
    let mut missing = report(Outcome::Synced);
    missing.mappings = vec![MappingReport {
        name: "support".into(),
        outcome: MappingOutcome {
            problems: vec![MappingProblem::GroupNotFound],
            ..MappingOutcome::default()
        },
        ..MappingReport::default()
    }];
    let assessment = judge(missing, None);
    expect(
        &assessment,
        "True/Synced",
        "False/NothingHeld",
        "False/MappedGroupMissing",
    );
    assert!(assessment.complete.unwrap().2.contains("GroupMapping support"));
}

#[test]
fn observed_says_so_and_names_the_flag_that_made_it_so() {
    let assessment = judge(report(Outcome::Observed), None);
    expect(&assessment, "True/Observed", "False/NothingHeld", "True/Complete");
    assert!(
        assessment.ready.2.contains("--observe-only"),
        "the spec says Apply: {}",
        assessment.ready.2
    );
}

#[test]
fn a_stopped_run_is_neither_ready_nor_not_and_due_at_once() {
    let assessment = judge(report(Outcome::Stopped), None);
    expect(&assessment, "Unknown/Stopped", "-", "True/Complete");
    assert_eq!(assessment.after, After::Stopped);
    assert_eq!(assessment.reconciling, Some(at_work(Reason::Progressing)));
}

#[test]
fn a_failure_that_may_pass_is_tried_again_and_one_that_needs_a_person_stalls() {
    let cause = |reason, needs_a_person| Cause {
        reason,
        message: "the directory could not be read: no".into(),
        needs_a_person,
        gone: false,
        retry_after: Some(Duration::from_secs(7)),
    };
    let passing = assess(&order(), &failed(cause(Reason::Unreachable, false)), None);
    expect(&passing, "False/Unreachable", "-", "-");
    assert_eq!(
        (passing.stalled, passing.reconciling),
        (false, Some(at_work(Reason::Retrying)))
    );
    assert_eq!(
        passing.after,
        After::Failure {
            retry_after: Some(Duration::from_secs(7))
        }
    );
    let lasting = assess(&order(), &failed(cause(Reason::Unauthorized, true)), None);
    assert_eq!(
        (lasting.stalled, lasting.reconciling, lasting.after),
        (true, None, After::Stall)
    );
}

#[test]
fn no_message_names_a_person() {
    let mut partly = report(Outcome::PartlyFailed);
    partly.failures = vec![failure("1")];
    partly.doubts = vec![Doubt::Unreadable {
        count: 1,
        example: "row 7: ann@acme.test".into(),
    }];
    let mut order = order();
    let scim = serde_json::json!({ "scim": { "url": "https://idp.acme.test", "auth": {} } });
    order.connection.spec.provider = serde_json::from_value(scim).unwrap();
    let assessment = assess(&order, &ended(partly), None);
    assert!(!format!("{assessment:?}").contains("ann@"), "{assessment:?}");
}

#[test]
fn a_row_of_a_file_is_named() {
    let mut incomplete = report(Outcome::Unchanged);
    let example = "line 7: it has no id (ConfigMap acme/people, key people.csv)".to_owned();
    let expected = format!("2 rows could not be read, the first: {example}");
    incomplete.doubts = vec![Doubt::Unreadable { count: 2, example }];
    assert_eq!(judge(incomplete, None).complete.unwrap().2, expected);
}

#[test]
fn counts_in_messages_are_right_for_one() {
    let mut partly = report(Outcome::PartlyFailed);
    partly.failures = vec![failure("1")];
    let message = judge(partly, None).ready.2;
    assert!(message.starts_with("1 object failed (InvalidEmail 1)"), "{message}");

    let mut incomplete = report(Outcome::Unchanged);
    let example = "row 7".into();
    incomplete.doubts = vec![Doubt::Unreadable { count: 1, example }];
    let message = judge(incomplete, None).complete.unwrap().2;
    assert!(message.starts_with("1 row could not be read"), "{message}");

    let mut held = report(Outcome::Held);
    held.hold = Some(Why {
        exceeded: Vec::new(),
        departures: 1,
        ..Why::default()
    });
    let message = judge(held, Some(&Hold::New)).held.unwrap().2;
    assert!(message.starts_with("1 user would be deactivated"), "{message}");
}

#[test]
fn who_keeps_failing_is_told_to_be_in_quarantine_once_the_wait_has_come_to_a_day() {
    let cause = || Cause {
        reason: Reason::Unreachable,
        message: "no route".into(),
        needs_a_person: false,
        gone: false,
        retry_after: None,
    };
    let after = |failures| {
        let mut assessment = assess(&order(), &failed(cause()), None);
        assessment.tries_again(failures, crate::controller::testing::at(86_400), &Timing::default());
        assessment.reconciling.unwrap()
    };
    let (reason, message) = after(1);
    assert_eq!(reason, Reason::Retrying);
    assert!(
        message.ends_with("The next one is due at 1970-01-02T00:00:00Z."),
        "{message}"
    );
    assert_eq!(after(14).0, Reason::Retrying);
    let (reason, message) = after(15);
    assert_eq!(reason, Reason::Quarantined);
    assert!(message.contains("15 syncs in a row"), "{message}");
    // Ready says why, as before.
    let mut quarantined = assess(&order(), &failed(cause()), None);
    quarantined.tries_again(15, crate::controller::testing::at(1), &Timing::default());
    expect(&quarantined, "False/Unreachable", "-", "-");
}

#[test]
fn an_incomplete_read_is_never_in_quarantine() {
    let mut incomplete = report(Outcome::Synced);
    incomplete.doubts = vec![Doubt::SizeLimit];
    let mut assessment = judge(incomplete, None);
    assessment.tries_again(100, crate::controller::testing::at(1), &Timing::default());
    assert_eq!(assessment.reconciling.unwrap().0, Reason::Retrying);
}
