//! What is told of a run where the API server refuses part of it.

use std::sync::Arc;

use directory_sync_model::{
    desired::MappingOutcome, guard::Exceeded, plan::PlanHash, plan::RemovalKind, snapshot::Doubt,
};

use super::*;
use crate::{
    api::SyncPlan,
    controller::{
        schedule::Decision,
        testing::{self, Bench, condition},
    },
    sync::{
        Report,
        report::{DirectoryCounts, Hold as Why},
    },
};

/// A run of the bench's connection that came to this.
async fn concluded(bench: &mut Bench, plans: Vec<SyncPlan>, report: Report) -> (Order, Ended) {
    let mut order = testing::order();
    bench.put(&order.connection);
    for plan in plans {
        bench.put_plan(&plan);
        order.plans.push(Arc::new(kube::core::DeserializeGuard(Ok(plan))));
    }
    order.mappings = ["one", "two"]
        .map(|name| Arc::new(kube::core::DeserializeGuard(Ok(testing::mapping(name)))))
        .into();
    bench.fleet.remember(&order.connection, |_| {});
    let ended = testing::ended(report);
    assert!(conclude(&bench.fleet, &order, &ended).await.unwrap());
    (order, ended)
}

fn report(outcome: Outcome) -> Report {
    let mut report = Report::begin("run".into());
    report.outcome = outcome;
    report.directory = Some(DirectoryCounts { users: 10, groups: 2 });
    report
}

fn held_report() -> Report {
    let mut report = report(Outcome::Held);
    report.hash = Some(PlanHash::from_text("aaaaaaaaaaaaaaaa"));
    report.hold = Some(Why {
        exceeded: vec![Exceeded {
            kind: RemovalKind::User,
            name: None,
            removals: 5,
            population: 10,
            allowed: 2,
            mapping: None,
        }],
        departures: 0,
        rejected: false,
        ..Why::default()
    });
    report
}

/// What is decided next, while nothing else is asked of the connection.
fn next(bench: &Bench, order: &Order) -> Decision {
    let view = bench.fleet.view(&order.connection);
    bench.fleet.remember(&order.connection, |memory| {
        memory.past.mappings = Some(view.mappings_digest.clone());
        memory.decide(&view, Timestamp::now(), &bench.fleet.config.timing)
    })
}

#[tokio::test]
async fn a_plan_that_was_deleted_during_the_run_keeps_nothing_from_being_told() {
    let mut bench = Bench::refusing(|call| call.path.contains("/syncplans/old").then_some(404));
    concluded(&mut bench, vec![testing::plan("old", "bb")], report(Outcome::Unchanged)).await;
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(condition(&status, "Ready").unwrap(), "True/Synced");
}

#[tokio::test]
async fn a_held_plan_that_was_deleted_during_the_run_is_written_anew() {
    let mut bench = Bench::refusing(|call| call.path.contains("/syncplans/old").then_some(404));
    let mut old = testing::plan("old", "aaaaaaaaaaaaaaaa");
    old.status = None;
    concluded(&mut bench, vec![old], held_report()).await;
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(condition(&status, "Ready").unwrap(), "True/PlanHeld");
    assert_eq!(status["heldPlan"]["name"], "directory-aaaaaaaaaa");
}

#[tokio::test]
async fn a_held_plan_that_is_deleted_while_idle_begins_a_run() {
    let mut bench = Bench::new();
    let (order, _) = concluded(&mut bench, Vec::new(), held_report()).await;
    let plan = testing::plan("directory-aaaaaaaaaa", "aaaaaaaaaaaaaaaa");
    bench.put_mapping(&testing::mapping("one"));
    assert!(
        matches!(next(&bench, &order), Decision::WaitUntil(_)),
        "the watch hasn't told of it yet"
    );
    bench.put_plan(&plan);
    assert!(matches!(next(&bench, &order), Decision::WaitUntil(_)));
    bench.delete_plan(&plan);
    assert!(matches!(next(&bench, &order), Decision::Run(_)));
}

#[tokio::test]
async fn a_hold_whose_plan_can_not_be_written_says_so_and_is_tried_again() {
    let mut bench = Bench::refusing(|call| call.creates("syncplans").then_some(403));
    let (order, _) = concluded(&mut bench, Vec::new(), held_report()).await;
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(condition(&status, "Ready").unwrap(), "False/PlanNotWritten");
    assert_eq!(condition(&status, "Held").unwrap(), "True/TooManyRemovals");
    assert_eq!(condition(&status, "Reconciling").unwrap(), "True/Retrying");
    assert!(status.get("heldPlan").is_none(), "{status}");
    for name in ["Ready", "Held"] {
        let conditions = status["conditions"].as_array().unwrap();
        let told = conditions.iter().find(|condition| condition["type"] == name).unwrap();
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("exceeded quota: plans"), "{message}");
        assert!(!message.contains("status.heldPlan"), "{message}");
    }
    bench.put_mapping(&testing::mapping("one"));
    let Decision::WaitUntil(then) = next(&bench, &order) else {
        panic!("it waits a little")
    };
    assert!(then.duration_since(Timestamp::now()).as_secs() < 30, "{then}");
    let metrics = bench.fleet.render_metrics().unwrap();
    assert!(metrics.contains("reason=\"PlanNotWritten\""), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_mapping_whose_status_is_refused_makes_no_failure_of_the_run_and_stops_no_other_one() {
    let mut bench = Bench::refusing(|call| call.path.contains("/groupmappings/one").then_some(403));
    let mut report = report(Outcome::Unchanged);
    report.mappings = ["one", "two"]
        .map(|name| MappingReport {
            name: name.into(),
            outcome: MappingOutcome::default(),
            ..MappingReport::default()
        })
        .into();
    let (order, ended) = concluded(&mut bench, Vec::new(), report).await;
    tell_mappings(&bench.fleet, &order, &ended).await;
    let calls = bench.calls();
    let tried = |name: &str| calls.iter().filter(|call| call.path.contains(name)).count();
    assert_eq!((tried("/groupmappings/one"), tried("/groupmappings/two")), (3, 1));
    let memory = bench.fleet.remember(&order.connection, |memory| memory.clone());
    assert_eq!((memory.past.failures, memory.succeeded), (0, ended.end));
}

#[tokio::test]
async fn an_incomplete_read_is_no_success() {
    let mut bench = Bench::new();
    let mut report = report(Outcome::Synced);
    report.doubts = vec![Doubt::SizeLimit];
    let (order, ended) = concluded(&mut bench, Vec::new(), report).await;
    let memory = bench.fleet.remember(&order.connection, |memory| memory.clone());
    assert_ne!(memory.succeeded, ended.end);

    let mut connection = order.connection.clone();
    connection.status = Some(memory.status);
    let again = Memory::recall(&connection, ended.end, ended.end);
    let ready = again
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    assert_eq!(
        again.succeeded, ready.last_transition_time.0,
        "after a restart it isn't one either"
    );
}

/// So many runs that failed in a way that may pass.
async fn failing(bench: &Bench, order: &Order, times: usize) {
    for _ in 0..times {
        let ended = testing::failed(crate::controller::cause::Cause::abandoned());
        assert!(conclude(&bench.fleet, order, &ended).await.unwrap());
    }
}

#[tokio::test]
async fn a_connection_that_keeps_failing_is_in_quarantine_until_one_run_does_not_fail() {
    let mut bench = Bench::new();
    let (order, ended) = concluded(&mut bench, Vec::new(), report(Outcome::Unchanged)).await;
    failing(&bench, &order, 14).await;
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(condition(&status, "Reconciling").unwrap(), "True/Retrying");
    failing(&bench, &order, 1).await;
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(condition(&status, "Reconciling").unwrap(), "True/Quarantined");
    assert_eq!(condition(&status, "Ready").unwrap(), "False/Internal", "Ready says why");
    assert_eq!(status["consecutiveFailures"], 15);
    let next: Timestamp = status["nextSyncTime"].as_str().unwrap().parse().unwrap();
    let hours = next.duration_since(Timestamp::now()).as_hours();
    assert!((21..=26).contains(&hours), "{hours} h");
    let events = |bench: &Bench| {
        let calls = bench.calls().into_iter();
        let told = calls.filter(|call| call.creates("events") && call.body["reason"] == "Quarantined");
        told.count()
    };
    assert_eq!(events(&bench), 1);
    failing(&bench, &order, 1).await;
    assert_eq!(events(&bench), 1, "it is told once");
    let metrics = bench.fleet.render_metrics().unwrap();
    assert!(
        metrics.contains("directory_sync_quarantined_connections 1"),
        "{metrics}"
    );

    assert!(conclude(&bench.fleet, &order, &ended).await.unwrap());
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(condition(&status, "Reconciling"), None);
    assert!(status.get("consecutiveFailures").is_none(), "{status}");
    let metrics = bench.fleet.render_metrics().unwrap();
    assert!(
        metrics.contains("directory_sync_quarantined_connections 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_quarantine_outlives_a_restart_and_a_changed_spec_is_tried_as_if_for_the_first_time() {
    let mut bench = Bench::new();
    let (mut order, ended) = concluded(&mut bench, Vec::new(), report(Outcome::Unchanged)).await;
    failing(&bench, &order, 15).await;
    let mut connection = order.connection.clone();
    connection.status = Some(bench.fleet.remember(&connection, |memory| memory.status.clone()));
    let again = Memory::recall(&connection, ended.end, ended.end);
    assert_eq!(again.past.failures, 15);

    order.connection.metadata.generation = Some(5);
    failing(&bench, &order, 1).await;
    let status = bench.told("directoryconnections").unwrap();
    assert_eq!(status["consecutiveFailures"], 1);
    assert_eq!(condition(&status, "Reconciling").unwrap(), "True/Retrying");
}

#[tokio::test]
async fn a_mapping_that_can_not_be_read_any_more_is_not_said_to_be_in_order() {
    let mut bench = Bench::new();
    let mut done = report(Outcome::Synced);
    done.mappings = vec![crate::sync::report::MappingReport {
        name: "one".into(),
        ..Default::default()
    }];
    let (order, ended) = concluded(&mut bench, Vec::new(), done).await;
    bench.spoil_mapping(&testing::mapping("one"));
    tell_mappings(&bench.fleet, &order, &ended).await;
    assert!(bench.told("groupmappings").is_none());
    bench.put_mapping(&testing::mapping("one"));
    tell_mappings(&bench.fleet, &order, &ended).await;
    assert!(bench.told("groupmappings").is_some());
}
