//! When a deleted connection is let go, and what it says until then.

use directory_sync_model::plan::{Kept, RemovalKind};

use super::*;
use crate::controller::{
    assessment::assess,
    cause::Cause,
    testing::{self, Bench, at, ended, failed},
};

/// An order to take back all that the connection gave, which was deleted at second 3600.
fn order() -> Order {
    let mut order = testing::order();
    order.retire = true;
    order.connection.spec.deletion_policy = DeletionPolicy::Deprovision;
    order.connection.metadata.deletion_timestamp = Some(Time(at(3600)));
    order.connection.metadata.finalizers = Some(vec![DEPROVISION_FINALIZER.to_owned()]);
    order
}

fn report(outcome: Outcome) -> Report {
    let mut report = Report::begin("run".into());
    report.outcome = outcome;
    report
}

/// What follows a run at a second: whether the connection is let go, Ready as `status/reason`, and when the next run comes.
fn judged(ended: &Ended, hold: Option<Hold<'_>>, second: i64) -> (Option<Farewell>, String, After) {
    let order = order();
    let mut assessment = assess(&order, ended, hold.as_ref());
    let farewell = judge(
        &order,
        ended,
        hold.as_ref(),
        None,
        &mut assessment,
        at(second),
        &Timing::default(),
    );
    let (status, reason, _) = assessment.ready;
    let ready = format!("{}/{}", status.as_str(), reason.as_str());
    (farewell, ready, assessment.after)
}

fn is_left(farewell: Option<&Farewell>) -> bool {
    matches!(farewell, Some(Farewell::Left(_)))
}

#[test]
fn it_is_let_go_once_a_run_finds_nothing_left_to_take() {
    let (farewell, ready, after) = judged(&ended(report(Outcome::Synced)), None, 3601);
    assert_eq!((farewell, ready.as_str()), (None, "False/Deprovisioning"));
    assert_eq!(after, After::Stopped, "it looks again at once");
    let (farewell, ..) = judged(&ended(report(Outcome::Unchanged)), None, 3601);
    assert_eq!(farewell, Some(Farewell::Deprovisioned));
}

#[test]
fn what_waits_or_failed_is_tried_again() {
    let mut waits = report(Outcome::Unchanged);
    waits.kept = vec![Kept {
        kind: RemovalKind::User,
        reason: KeptReason::RolesUnknown,
        count: 1,
    }];
    let (farewell, ready, after) = judged(&ended(waits), None, 3601);
    assert_eq!((farewell, ready.as_str()), (None, "False/Deprovisioning"));
    assert_eq!(after, After::Failure { retry_after: None });
    // Who is protected stays, and nobody waits for that.
    let mut protected = report(Outcome::Unchanged);
    protected.kept = vec![Kept {
        kind: RemovalKind::User,
        reason: KeptReason::Protected,
        count: 1,
    }];
    let (farewell, ..) = judged(&ended(protected), None, 3601);
    assert_eq!(farewell, Some(Farewell::Deprovisioned));
}

#[test]
fn a_held_plan_keeps_it_however_long_and_a_rejected_one_says_how_to_let_go() {
    let week = 3600 + 7 * 86_400;
    let mut held = report(Outcome::Held);
    held.hold = Some(directory_sync_model::guard::Hold {
        departures: 1,
        ..Default::default()
    });
    let (farewell, ready, _) = judged(&ended(held), Some(Hold::New), week);
    assert_eq!((farewell, ready.as_str()), (None, "False/Deprovisioning"));
    let plan = testing::plan("directory-aa", "aa");
    let hold = Hold::Existing {
        plan: &plan,
        rejected: true,
    };
    let mut held = report(Outcome::Held);
    held.hold = Some(directory_sync_model::guard::Hold {
        rejected: true,
        ..Default::default()
    });
    let (order, held) = (order(), ended(held));
    let mut assessment = assess(&order, &held, Some(&hold));
    let timing = Timing::default();
    let farewell = judge(&order, &held, Some(&hold), None, &mut assessment, at(week), &timing);
    assert_eq!(farewell, None);
    assert!(
        assessment.ready.2.contains("set spec.deletionPolicy to Orphan"),
        "{}",
        assessment.ready.2
    );
}

#[test]
fn a_secret_that_is_gone_lets_it_go_at_once_and_a_platform_that_fails_after_a_day() {
    let cause = |gone, needs_a_person| Cause {
        needs_a_person,
        gone,
        ..testing::unauthorized()
    };
    let (farewell, ..) = judged(&failed(cause(true, true)), None, 3601);
    assert!(is_left(farewell.as_ref()), "{farewell:?}");
    for needs_a_person in [true, false] {
        let (farewell, ready, _) = judged(&failed(cause(false, needs_a_person)), None, 3600 + 86_399);
        assert_eq!((farewell, ready.as_str()), (None, "False/Unauthorized"));
        let (farewell, ..) = judged(&failed(cause(false, needs_a_person)), None, 3600 + 86_400);
        assert!(is_left(farewell.as_ref()), "{farewell:?}");
    }
}

#[test]
fn where_the_namespace_is_being_deleted_no_plan_can_wait() {
    let status = |reason: &str| -> ReconcileError {
        let status = serde_json::from_value(json!({
            "status": "Failure", "code": 403, "reason": "Forbidden", "message": "no",
            "details": { "causes": [{ "reason": reason, "message": "namespace acme is being terminated" }] },
        }));
        ReconcileError::Kube {
            action: "creating a SyncPlan",
            source: Box::new(kube::Error::Api(Box::new(status.unwrap()))),
        }
    };
    let (order, held) = (order(), ended(report(Outcome::Held)));
    for (reason, is_released) in [("NamespaceTerminating", true), ("QuotaExceeded", false)] {
        let mut assessment = assess(&order, &held, None);
        let (error, timing) = (status(reason), Timing::default());
        let farewell = judge(&order, &held, None, Some(&error), &mut assessment, at(3601), &timing);
        assert_eq!(is_left(farewell.as_ref()), is_released, "{farewell:?}");
    }
}

#[tokio::test]
async fn nothing_is_taken_back_of_what_is_orphaned_suspended_observed_or_shared() {
    let mut bench = Bench::new();
    let deleted = order().connection;
    bench.put(&deleted);
    assert_eq!(excuse(&deleted, &bench.fleet), None);
    let changed = |change: &dyn Fn(&mut DirectoryConnection)| {
        let mut connection = deleted.clone();
        change(&mut connection);
        excuse(&connection, &bench.fleet)
    };
    let orphaned = changed(&|connection| connection.spec.deletion_policy = DeletionPolicy::Orphan);
    assert_eq!(orphaned, Some(Farewell::Orphaned));
    assert!(is_left(changed(&|connection| connection.spec.suspend = true).as_ref()));
    let observes = changed(&|connection| connection.spec.mode = crate::api::connection::Mode::Observe);
    assert!(is_left(observes.as_ref()));

    let mut twin = deleted.clone();
    twin.metadata.name = Some("twin".to_owned());
    twin.metadata.uid = Some("u-2".to_owned());
    twin.metadata.deletion_timestamp = None;
    twin.spec.owner_id = Some(deleted.owner_id());
    bench.put(&twin);
    let shared = excuse(&deleted, &bench.fleet);
    assert!(is_left(shared.as_ref()), "{shared:?}");
}

#[test]
fn only_our_own_finalizer_on_a_deleted_connection_asks_for_it() {
    let mut connection = order().connection;
    assert!(is_wanted(&connection));
    connection.metadata.finalizers = Some(vec!["foregroundDeletion".to_owned()]);
    assert!(!is_wanted(&connection));
    connection.metadata.finalizers = Some(vec![DEPROVISION_FINALIZER.to_owned()]);
    connection.metadata.deletion_timestamp = None;
    assert!(!is_wanted(&connection));
}
