//! What keeps a sync from coming to its end: each with a clear condition, each with a way out.

use std::time::Duration;

use directory_sync::api::DirectoryConnection;
use directory_sync::api::status::Trigger;
use directory_sync::http::{Network, NetworkPolicy};
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

use super::world::{
    PATIENCE, Platform, TOKEN, WHILE, World, addresses, company, condition, connection, hurried, mapping, mapping_of,
    secret, support,
};
use crate::support::process::{free_port, wait_until};

fn message(connection: &DirectoryConnection) -> String {
    let conditions = &connection.status.as_ref().unwrap().conditions;
    conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap()
        .message
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_stalls_and_its_appearance_ends_that() {
    let world = World::with_operator().await;
    world.delete("Secret", "platform").await;
    world.put(company(&[1])).await;
    world.put(support()).await;
    world.put(world.connection(json!({}))).await;
    let stalled = world.until_ready("acme", "False/SecretNotFound").await;
    assert_eq!(condition(&stalled, "Stalled").unwrap(), "True/SecretNotFound");
    assert_eq!(condition(&stalled, "Reconciling"), None);
    let message = message(&stalled);
    assert!(message.contains("Secret \"platform\" doesn't exist"), "{message}");

    world.put(secret(TOKEN)).await;
    let on = world.until_ready("acme", "True/Synced").await;
    assert_eq!(condition(&on, "Stalled"), None);
    assert_eq!(on.status.unwrap().last_sync.unwrap().trigger, Trigger::Retry);
    assert_eq!(world.platform.active().await, addresses([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_accepted_stalls_until_the_secret_is_another() {
    let world = World::with_operator().await;
    world.put(secret("wrong-and-secret")).await;
    world.put(company(&[1])).await;
    world.put(support()).await;
    world.put(world.connection(json!({}))).await;
    let stalled = world.until_ready("acme", "False/Unauthorized").await;
    assert_eq!(condition(&stalled, "Stalled").unwrap(), "True/Unauthorized");
    assert!(!format!("{stalled:?}").contains("wrong-and-secret"));
    let first = stalled.status.unwrap().last_sync.unwrap().id;
    tokio::time::sleep(WHILE).await;
    let later = world.get("acme").await.status.unwrap().last_sync.unwrap().id;
    assert_eq!(later, first, "nobody knocks again with a refused credential");

    world.put(secret(TOKEN)).await;
    world.until_ready("acme", "True/Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mapping_at_all_stalls_and_removes_nothing() {
    let world = World::in_step(&[1, 2]).await;
    let before = world.platform.everything().await;
    world.delete("GroupMapping", "support").await;
    let stalled = world.until_ready("acme", "False/NoMappings").await;
    assert_eq!(condition(&stalled, "Stalled").unwrap(), "True/NoMappings");
    world.sync("acme").await;
    assert_eq!(world.platform.everything().await, before);
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_platform_is_told_of_and_tried_again() {
    let mut world = World::in_step(&[1]).await;
    world.platform.stop().await;
    let dead = world.sync("acme").await;
    assert_eq!(condition(&dead, "Ready").unwrap(), "False/Unreachable");
    assert_eq!(condition(&dead, "Reconciling").unwrap(), "True/Retrying");
    assert_eq!(condition(&dead, "Stalled"), None);
    assert!(
        message(&dead).contains("the platform could not be read"),
        "{}",
        message(&dead)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_keeps_failing_is_in_quarantine_and_one_success_ends_it() {
    let mut world = World::new().await;
    let mut config = hurried(&world.space.name);
    // The first wait is the longest one already.
    config.timing.max_retry = config.timing.first_retry;
    world.start_operator(config).await;
    world.put(company(&[1])).await;
    world.put(world.connection(json!({}))).await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    world.platform.stop().await;
    let dead = world.sync("acme").await;
    assert_eq!(condition(&dead, "Ready").unwrap(), "False/Unreachable");
    assert_eq!(condition(&dead, "Reconciling").unwrap(), "True/Quarantined");
    let status = dead.status.as_ref().unwrap();
    assert!(status.consecutive_failures >= 1 && status.next_sync_time.is_some());
    world
        .until_told("DirectoryConnection", "acme", "Warning/Quarantined")
        .await;

    world.platform.restart().await;
    let mended = world.until_ready("acme", "True/Synced").await;
    assert_eq!(condition(&mended, "Reconciling"), None);
    assert_eq!(mended.status.unwrap().consecutive_failures, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_makes_no_sense_is_named_and_mended() {
    let world = World::with_operator().await;
    let mut people = company(&[1]);
    people["data"]["people.csv"] = json!("id,id\n1,2\n");
    world.put(people).await;
    world.put(support()).await;
    world.put(world.connection(json!({}))).await;
    let stalled = world.until_ready("acme", "False/InvalidConfiguration").await;
    assert!(message(&stalled).contains("company"), "{}", message(&stalled));
    world.put(company(&[1])).await;
    world.until_ready("acme", "True/Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_the_operator_may_not_reach_is_refused() {
    let mut world = World::new().await;
    let mut config = hurried(&world.space.name);
    config.network = Network::new(NetworkPolicy {
        allow_insecure: true,
        ..NetworkPolicy::default()
    });
    world.start_operator(config).await;
    world.put(company(&[1])).await;
    world.put(support()).await;
    world.put(world.connection(json!({}))).await;
    let refused = world.until_ready("acme", "False/HostNotAllowed").await;
    assert_eq!(condition(&refused, "Stalled").unwrap(), "True/HostNotAllowed");
    assert_eq!(world.platform.active().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_with_one_mark_the_older_one_works() {
    let world = World::in_step(&[1]).await;
    let owner = format!("{}/acme", world.space.name);
    // Of two that were created in the same second either may be taken for the older one.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    world
        .put(mapping_of(
            "twin",
            "twin-support",
            "support",
            json!({ "name": "Twin", "create": true }),
        ))
        .await;
    world
        .put(connection("twin", &world.platform.url(), json!({ "ownerID": owner })))
        .await;
    let twin = world.until_ready("twin", "False/OwnerIDInUse").await;
    assert!(message(&twin).contains("/acme is older"), "{}", message(&twin));
    world.sync("acme").await;
    world.until_ready("acme", "True/Synced").await;
    world.delete("DirectoryConnection", "acme").await;
    world.until_ready("twin", "True/Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_without_its_connection_says_so_until_it_is_there() {
    let world = World::with_operator().await;
    world.put(company(&[1])).await;
    world.put(support()).await;
    let lonely = world.until_mapping("support", "False/ConnectionNotFound").await;
    assert_eq!(lonely.status.unwrap().observed_generation, lonely.metadata.generation);
    world.put(world.connection(json!({}))).await;
    world.until_mapping("support", "True/Mapped").await;
    world.delete("DirectoryConnection", "acme").await;
    world.until_mapping("support", "False/ConnectionNotFound").await;
    assert_eq!(world.platform.active().await, addresses([1]), "what was managed stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_can_not_be_read_says_so_and_stalls_nobody_else() {
    let world = World::with_operator().await;
    world.put(company(&[1])).await;
    world.put(support()).await;
    // Its mapping comes later, so that nothing is known of it yet.
    world.put(connection("odd", &world.platform.url(), json!({}))).await;
    // A number that the definition allows and our type doesn't hold.
    let odd =
        json!({ "status": { "lastHandled": { "limits": { "maxPercent": 5_000_000_000_i64, "minPopulation": 1 } } } });
    world.change_status("DirectoryConnection", "odd", odd).await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "directory-sync.io",
        "v1alpha1",
        "DirectoryConnection",
    ));
    let api: Api<DynamicObject> = Api::namespaced_with(world.space.client.clone(), &world.space.name, &resource);
    wait_until("the odd one to say so", PATIENCE, async || {
        ready_reason(&api, "odd", "InvalidSpec").await
    })
    .await;
    world.put(world.connection(json!({}))).await;
    world.until_ready("acme", "True/Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_can_not_be_read_takes_nothing_away() {
    let world = World::in_step(&[1, 2, 3]).await;
    // The last moment of a year that our type of time doesn't have.
    let odd = json!({ "status": { "conditions": [
        { "type": "Odd", "status": "True", "reason": "Odd", "message": "", "lastTransitionTime": "9999-12-31T23:59:59Z" },
    ] } });
    world.change_status("GroupMapping", "support", odd).await;
    world
        .put(mapping("other", "support", json!({ "name": "Other", "create": true })))
        .await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("directory-sync.io", "v1alpha1", "GroupMapping"));
    let api: Api<DynamicObject> = Api::namespaced_with(world.space.client.clone(), &world.space.name, &resource);
    wait_until("the odd one to say so", PATIENCE, async || {
        ready_reason(&api, "support", "InvalidSpec").await
    })
    .await;
    world.until_mapping("other", "True/Mapped").await;
    world.put(company(&[1, 2])).await;
    world.sync("acme").await;
    let teams = world.platform.teams().await;
    assert_eq!(teams["Support"], addresses(1..=3), "what it gave stays");
    assert_eq!(
        teams["Other"].len(),
        3,
        "and nobody leaves while it may be he whom it names"
    );
}

/// Something when an object, readable or not, has this reason for Ready.
async fn ready_reason(api: &Api<DynamicObject>, name: &str, reason: &str) -> Option<()> {
    let object = api.get(name).await.unwrap();
    let conditions = object.data["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
    (ready["reason"] == reason).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_whom_another_connection_manages_is_left_to_it_and_told_with_its_owner() {
    let world = World::in_step(&[1]).await;
    let before = world.platform.everything().await;
    let team = json!({ "name": "Support" });
    world.put(mapping_of("second", "second-support", "support", team)).await;
    let owner = json!({ "ownerID": "eu1/second" });
    world.put(connection("second", &world.platform.url(), owner)).await;
    let second = world.until_ready("second", "True/SyncedWithFailures").await;
    let failures = second.status.unwrap().failures;
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(
        (failures[0].id.as_str(), failures[0].reason.as_str()),
        ("1", "ManagedElsewhere")
    );
    let first = format!("managed by \"{}/acme\"", world.space.name);
    assert!(
        failures[0].message.contains(&first) && failures[0].message.contains("Take the person out of scope"),
        "{failures:?}"
    );
    assert_eq!(world.platform.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_comes_back_is_found_without_being_asked_to() {
    let world = World::with_operator().await;
    let port = free_port();
    world.put(company(&[1])).await;
    world.put(support()).await;
    world
        .put(connection("acme", &format!("http://127.0.0.1:{port}"), json!({})))
        .await;
    world.until_ready("acme", "False/Unreachable").await;
    let platform = Platform::start(port, None).await;
    let back = world.until_ready("acme", "True/Synced").await;
    assert_eq!(condition(&back, "Reconciling"), None);
    assert_eq!(platform.active().await, addresses([1]));
}
