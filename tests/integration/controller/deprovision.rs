//! Connections whose `deletionPolicy` is `Deprovision`, from `kubectl delete` to their end.

use std::time::Duration;

use directory_sync::api::DirectoryConnection;
use kube::api::{Api, DeleteParams};
use serde_json::json;

use super::world::{PATIENCE, WHILE, World, addresses, company, condition, hurried, support};
use crate::support::process::wait_until;

/// People in step with a connection that takes everything back when it is deleted.
async fn in_step(people: &[u32], max_percent: u8) -> World {
    let mut world = World::new().await;
    let mut config = hurried(&world.space.name);
    // For so long a platform that fails is tried.
    config.timing.stalled_retry = Duration::from_secs(4);
    world.start_operator(config).await;
    world.put(company(people)).await;
    let removals = json!({ "maxPercent": max_percent, "minPopulation": 1 });
    let policy = json!({ "deletionPolicy": "Deprovision", "removals": removals });
    world.put(world.connection(policy)).await;
    world.put(support()).await;
    let ready = world.until_ready("acme", "True/Synced").await;
    assert_eq!(ready.metadata.finalizers.unwrap(), ["directory-sync.io/deprovision"]);
    world
}

async fn until_gone(world: &World) {
    let api: Api<DirectoryConnection> = world.space.api();
    wait_until("the connection to be gone", PATIENCE, async || {
        api.get_opt("acme").await.unwrap().is_none().then_some(())
    })
    .await;
}

async fn until_held(world: &World, reason: &str) -> DirectoryConnection {
    let held = format!("True/{reason}");
    world
        .until("acme", &format!("Held to be {held}"), |connection| {
            let deprovisions = condition(connection, "Ready")? == "False/Deprovisioning";
            (deprovisions && condition(connection, "Held")? == held).then_some(())
        })
        .await
}

/// How many users of the platform carry anybody's mark.
async fn marked(world: &World) -> usize {
    let users = world.platform.list("users").await;
    users.iter().filter(|user| !user["mark"].is_null()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_connection_takes_back_what_it_gave_without_its_directory_and_goes() {
    let world = in_step(&[1, 2, 3], 100).await;
    assert_eq!(marked(&world).await, 3);
    world.delete("ConfigMap", "company").await;
    world.delete("GroupMapping", "support").await;
    world.delete("DirectoryConnection", "acme").await;
    until_gone(&world).await;
    assert_eq!(world.platform.active().await.len(), 0);
    assert_eq!(marked(&world).await, 0, "nobody is managed any more");
    let teams = world.platform.teams().await;
    assert_eq!(
        teams.get("Support").map(std::collections::BTreeSet::len),
        Some(0),
        "teams stay"
    );
    world
        .until_told("DirectoryConnection", "acme", "Normal/Deprovisioned")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_limits_it_waits_for_a_decision_even_when_it_is_deleted_in_the_foreground() {
    let mut world = in_step(&[1, 2, 3], 20).await;
    let api: Api<DirectoryConnection> = world.space.api();
    api.delete("acme", &DeleteParams::foreground()).await.unwrap();
    let held = until_held(&world, "TooManyRemovals").await;
    assert!(held.metadata.deletion_timestamp.is_some());
    let name = held.status.unwrap().held_plan.unwrap().name;
    // Nor is it forgotten by an operator that starts again.
    world.stop_operator().await;
    world.start_operator(hurried(&world.space.name)).await;
    tokio::time::sleep(WHILE).await;
    assert_eq!(world.platform.active().await.len(), 3);
    let plan = world.until_plan(&name, "AwaitingDecision").await;
    assert_eq!(plan.status.unwrap().removals.unwrap().users, 3);

    world.decide(&name, "Approved").await;
    until_gone(&world).await;
    assert_eq!((world.platform.active().await.len(), marked(&world).await), (0, 0));
    wait_until("the plan to go with it", PATIENCE, async || {
        world.plans().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rejection_it_stays_until_its_policy_is_orphan() {
    let world = in_step(&[1, 2, 3], 20).await;
    world.delete("DirectoryConnection", "acme").await;
    let name = until_held(&world, "TooManyRemovals")
        .await
        .status
        .unwrap()
        .held_plan
        .unwrap()
        .name;
    world.decide(&name, "Rejected").await;
    let rejected = until_held(&world, "PlanRejected").await;
    let described = format!("{:?}", rejected.status.unwrap().conditions);
    assert!(described.contains("set spec.deletionPolicy to Orphan"), "{described}");
    tokio::time::sleep(WHILE).await;
    assert_eq!(world.platform.active().await, addresses(1..=3));
    let orphan = json!({ "spec": { "deletionPolicy": "Orphan" } });
    world.change("DirectoryConnection", "acme", orphan).await;
    until_gone(&world).await;
    assert_eq!(
        (world.platform.active().await, marked(&world).await),
        (addresses(1..=3), 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_is_never_kept() {
    let world = in_step(&[1, 2, 3], 20).await;
    let space = &world.space;
    let deleted = space
        .server
        .kubectl(&["delete", "namespace", &space.name, "--timeout=60s"])
        .await;
    deleted.success();
    // Nobody could decide the plan there.
    assert_eq!(
        (world.platform.active().await, marked(&world).await),
        (addresses(1..=3), 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_taken_back_it_goes_with_a_warning() {
    // The Secret is gone.
    let world = in_step(&[1, 2], 100).await;
    world.delete("Secret", "platform").await;
    world.delete("DirectoryConnection", "acme").await;
    until_gone(&world).await;
    world
        .until_told("DirectoryConnection", "acme", "Warning/NotDeprovisioned")
        .await;
    assert_eq!(marked(&world).await, 2);

    // The connection is suspended.
    let world = in_step(&[1, 2], 100).await;
    let suspend = json!({ "spec": { "suspend": true } });
    world.change("DirectoryConnection", "acme", suspend).await;
    world.until_ready("acme", "True/Suspended").await;
    world.delete("DirectoryConnection", "acme").await;
    until_gone(&world).await;
    world
        .until_told("DirectoryConnection", "acme", "Warning/NotDeprovisioned")
        .await;
    assert_eq!(marked(&world).await, 2);

    // The platform is gone, for longer than it is waited for.
    let mut world = in_step(&[1, 2], 100).await;
    world.platform.stop().await;
    world.delete("DirectoryConnection", "acme").await;
    until_gone(&world).await;
    world
        .until_told("DirectoryConnection", "acme", "Warning/NotDeprovisioned")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_finalizer_is_there_only_with_the_policy() {
    let world = World::in_step(&[1]).await;
    assert_eq!(world.get("acme").await.metadata.finalizers, None);
    for (policy, count) in [("Deprovision", 1), ("Orphan", 0)] {
        let change = json!({ "spec": { "deletionPolicy": policy } });
        world.change("DirectoryConnection", "acme", change).await;
        world
            .until("acme", "its finalizers to follow its policy", |connection| {
                (connection.metadata.finalizers.as_ref().map_or(0, Vec::len) == count).then_some(())
            })
            .await;
    }
    world.delete("DirectoryConnection", "acme").await;
    until_gone(&world).await;
    assert_eq!(
        (world.platform.active().await, marked(&world).await),
        (addresses([1]), 1)
    );
}
