//! From `kubectl apply` to people on the platform, and on: what begins a sync, what doesn't, what it says.

use directory_sync::api::DirectoryConnection;
use directory_sync::api::status::{Outcome, Trigger};
use serde_json::json;

use super::world::{PATIENCE, WHILE, World, addresses, company, condition, hurried, mapping, support};
use crate::support::process::wait_until;

/// The types of the conditions, sorted.
fn types(connection: &DirectoryConnection) -> Vec<String> {
    let status = connection.status.as_ref().unwrap();
    let mut types: Vec<_> = status
        .conditions
        .iter()
        .map(|condition| condition.type_.clone())
        .collect();
    types.sort();
    types
}

fn last_id(connection: &DirectoryConnection) -> String {
    connection
        .status
        .as_ref()
        .unwrap()
        .last_sync
        .as_ref()
        .unwrap()
        .id
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applied_connection_brings_its_people_and_tells_how_it_went() {
    let world = World::in_step(&[1, 2, 3]).await;
    assert_eq!(world.platform.active().await, addresses(1..=3));
    let teams = world.platform.teams().await;
    assert_eq!(
        teams.into_iter().collect::<Vec<_>>(),
        [("Support".to_owned(), addresses(1..=3))]
    );

    let connection = world.get("acme").await;
    let status = connection.status.as_ref().unwrap();
    assert_eq!(types(&connection), ["DirectoryComplete", "Held", "Ready"]);
    assert_eq!(condition(&connection, "Held").unwrap(), "False/NothingHeld");
    assert_eq!(condition(&connection, "DirectoryComplete").unwrap(), "True/Complete");
    assert_eq!(status.observed_generation, connection.metadata.generation);
    assert_eq!(
        status.owner_id.as_deref(),
        Some(format!("{}/acme", world.space.name).as_str())
    );
    assert_eq!(status.provider.as_deref(), Some("file"));
    assert_eq!(
        status.directory.as_ref().map(|counts| (counts.users, counts.groups)),
        Some((3, 1))
    );
    let platform = status
        .platform
        .as_ref()
        .map(|counts| (counts.users, counts.teams, counts.inboxes));
    assert_eq!(platform, Some((3, 1, 0)));
    let last = status.last_sync.as_ref().unwrap();
    assert_eq!((last.trigger, last.outcome), (Trigger::Spec, Outcome::Synced));
    assert_eq!(
        (last.users.created, last.teams.created, last.memberships.added),
        (3, 1, 3)
    );
    assert!(status.next_sync_time.as_ref().unwrap() > &last.completion_time);
    assert_eq!((status.history.len(), status.failures.len()), (1, 0));

    let mapping = world.until_mapping("support", "True/Mapped").await;
    let told = mapping.status.unwrap();
    let matched = told.matched.unwrap();
    assert_eq!((matched.groups, matched.members, matched.teams), (1, 3, 1));
    assert_eq!(told.samples[0].group_name, "support");
    assert!(told.samples[0].team_id.as_ref().unwrap().starts_with("team_"));
    assert_eq!(told.observed_generation, mapping.metadata.generation);
    wait_until("the event", PATIENCE, async || {
        (world.events("DirectoryConnection", "acme").await == ["Normal/Synced"]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sync_writes_nothing_and_patches_the_last_sync_alone() {
    let world = World::in_step(&[1, 2, 3]).await;
    let (before, platform) = (world.get("acme").await, world.platform.everything().await);
    let mapping_version = world
        .until_mapping("support", "True/Mapped")
        .await
        .metadata
        .resource_version;
    let after = world.sync("acme").await;

    assert_eq!(world.platform.everything().await, platform);
    let last = after.status.as_ref().unwrap().last_sync.as_ref().unwrap();
    assert_eq!((last.trigger, last.outcome), (Trigger::Requested, Outcome::Unchanged));
    let rest = |connection: DirectoryConnection| {
        let mut status = connection.status.unwrap();
        status.last_sync = None;
        status.next_sync_time = None;
        status.last_handled_reconcile_at = None;
        status
    };
    assert_eq!(rest(after.clone()), rest(before));
    let mapping = world.until_mapping("support", "True/Mapped").await;
    assert_eq!(mapping.metadata.resource_version, mapping_version);
    world.until_told("DirectoryConnection", "acme", "Normal/Synced").await;
    assert_eq!(world.events("DirectoryConnection", "acme").await, ["Normal/Synced"]);
    // One field manager for the whole status.
    let managers = after.metadata.managed_fields.unwrap().into_iter().map(|entry| {
        (
            entry.manager.unwrap_or_default(),
            entry.subresource.unwrap_or_default(),
            entry.operation.unwrap_or_default(),
        )
    });
    let of_status: Vec<_> = managers.filter(|(_, subresource, _)| subresource == "status").collect();
    assert_eq!(
        of_status,
        [("directory-sync".to_owned(), "status".to_owned(), "Apply".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_shows_its_own_note_and_equal_ones_are_one_series() {
    let world = World::in_step(&[1]).await;
    world.put(company(&[1, 2, 3])).await;
    world.sync("acme").await;
    let first = "1 user created, 1 team created, 1 team membership added";
    let second = "2 users created, 2 team memberships added";
    let mut expected = vec![(first.to_owned(), 1), (second.to_owned(), 1)];
    wait_until("both notes", PATIENCE, async || {
        (world.notes("DirectoryConnection", "acme").await == expected).then_some(())
    })
    .await;

    // The same failure again and again.
    world.delete("ConfigMap", "company").await;
    world.sync("acme").await;
    world.sync("acme").await;
    wait_until("the series of failures", PATIENCE, async || {
        let notes = world.notes("DirectoryConnection", "acme").await;
        (notes.last()?.1 == 2).then_some(())
    })
    .await;
    let told = world.notes("DirectoryConnection", "acme").await;
    expected.push((told[2].0.clone(), 2));
    assert_eq!(told, expected);
    assert!(told[2].0.contains("ConfigMap \"company\" doesn't exist"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_once_and_its_removal_asks_for_nothing() {
    let world = World::in_step(&[1]).await;
    world.put(company(&[1, 2])).await;
    let answered = world.sync("acme").await;
    assert_eq!(world.platform.active().await, addresses(1..=2));
    let remove = json!({ "metadata": { "annotations": { "directory-sync.io/requestedAt": null } } });
    world.change("DirectoryConnection", "acme", remove).await;
    tokio::time::sleep(WHILE).await;
    assert_eq!(last_id(&world.get("acme").await), last_id(&answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_connection_does_nothing_until_it_goes_on() {
    let world = World::in_step(&[1]).await;
    world
        .change("DirectoryConnection", "acme", json!({ "spec": { "suspend": true } }))
        .await;
    let suspended = world.until_ready("acme", "True/Suspended").await;
    assert_eq!(types(&suspended), ["DirectoryComplete", "Held", "Ready"]);
    world.put(company(&[1, 2])).await;
    let request = json!({ "metadata": { "annotations": { "directory-sync.io/requestedAt": "now" } } });
    world.change("DirectoryConnection", "acme", request).await;
    tokio::time::sleep(WHILE).await;
    assert_eq!(last_id(&world.get("acme").await), last_id(&suspended));
    assert_eq!(world.platform.active().await, addresses([1]));

    world
        .change("DirectoryConnection", "acme", json!({ "spec": { "suspend": false } }))
        .await;
    let on = world.until_ready("acme", "True/Synced").await;
    assert_eq!(on.status.unwrap().last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(world.platform.active().await, addresses(1..=2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_comes_or_goes_begins_a_sync_after_settling() {
    let world = World::in_step(&[1, 2]).await;
    world
        .put(mapping("all", "support", json!({ "name": "All", "create": true })))
        .await;
    let joined = async || {
        world
            .platform
            .teams()
            .await
            .get("All")
            .map(std::collections::BTreeSet::len)
    };
    wait_until("the team to have its members", PATIENCE, async || {
        (joined().await == Some(2)).then_some(())
    })
    .await;
    let added = world.until("acme", "the sync of the mapping", |connection| {
        let last = connection.status.as_ref()?.last_sync.as_ref()?;
        (last.trigger == Trigger::Mapping).then_some(())
    });
    assert_eq!(added.await.status.unwrap().last_sync.unwrap().memberships.added, 2);

    world.delete("GroupMapping", "all").await;
    wait_until("the team to be left", PATIENCE, async || {
        (joined().await == Some(0)).then_some(())
    })
    .await;
    assert_eq!(world.platform.active().await, addresses(1..=2));
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_mode_tells_what_it_would_do_and_writes_nothing() {
    let world = World::with_operator().await;
    world.put(company(&[1, 2, 3])).await;
    world.put(support()).await;
    let before = world.platform.everything().await;
    world.put(world.connection(json!({ "mode": "Observe" }))).await;
    let observed = world.until_ready("acme", "True/Observed").await;
    let last = observed.status.unwrap().last_sync.unwrap();
    assert_eq!(
        (last.outcome, last.users.created, last.memberships.added),
        (Outcome::Observed, 3, 3)
    );
    assert_eq!(world.platform.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_only_observes_writes_nothing_whatever_connections_say() {
    let mut world = World::new().await;
    let mut config = hurried(&world.space.name);
    config.observe_only = true;
    world.start_operator(config).await;
    world.put(company(&[1])).await;
    world.put(support()).await;
    let before = world.platform.everything().await;
    world.put(world.connection(json!({ "mode": "Apply" }))).await;
    let observed = world.until_ready("acme", "True/Observed").await;
    let conditions = observed.status.unwrap().conditions;
    assert!(
        conditions
            .iter()
            .any(|condition| condition.message.contains("--observe-only"))
    );
    assert_eq!(world.platform.everything().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_fail_stop_nobody_else_and_are_told_without_their_addresses() {
    let world = World::with_operator().await;
    let mut people = company(&[1, 2]);
    let rows = people["data"]["people.csv"].as_str().unwrap().to_owned();
    people["data"]["people.csv"] = json!(format!("{rows}3,not-an-address,Given3,Family3,support\n"));
    world.put(people).await;
    world.put(support()).await;
    world.put(world.connection(json!({}))).await;
    let partly = world.until_ready("acme", "True/SyncedWithFailures").await;
    let status = partly.status.unwrap();
    assert_eq!(status.failures.len(), 1);
    assert_eq!(
        (status.failures[0].id.as_str(), status.failures[0].reason.as_str()),
        ("3", "InvalidEmail")
    );
    assert_eq!(status.last_sync.as_ref().unwrap().users.failed, 1);
    assert!(!serde_json::to_string(&status).unwrap().contains("not-an-address"));
    assert_eq!(world.platform.active().await, addresses(1..=2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_again_runs_only_what_is_due() {
    let mut world = World::in_step(&[1]).await;
    let before = world.get("acme").await;
    world.stop_operator().await;
    world.put(company(&[1, 2])).await;
    world.start_operator(hurried(&world.space.name)).await;
    tokio::time::sleep(WHILE).await;
    assert_eq!(world.get("acme").await.status, before.status, "nothing is due");
    world.stop_operator().await;

    let overdue = json!({ "status": { "nextSyncTime": "2026-01-01T00:00:00Z" } });
    world.change_status("DirectoryConnection", "acme", overdue).await;
    world.start_operator(hurried(&world.space.name)).await;
    let after = world.until("acme", "the sync that was due", |connection| {
        let last = connection.status.as_ref()?.last_sync.as_ref()?;
        (last.trigger == Trigger::Restart).then_some(())
    });
    after.await;
    assert_eq!(world.platform.active().await, addresses(1..=2));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_deactivated_by_one_sync_and_deleted_by_the_next_where_that_is_asked_for() {
    let world = World::in_step(&[1, 2, 3]).await;
    let users = async || world.platform.list("users").await.len();
    let before = users().await;
    let action = json!({ "spec": { "deprovision": { "action": "Delete" } } });
    world.change("DirectoryConnection", "acme", action).await;
    world
        .until("acme", "the sync of the change", |connection| {
            let handled = connection.status.as_ref()?.observed_generation;
            (handled == connection.metadata.generation).then_some(())
        })
        .await;
    world.put(company(&[1, 2])).await;
    let last = async || world.sync("acme").await.status.unwrap().last_sync.unwrap();
    let left = last().await;
    assert_eq!((left.users.deactivated, left.users.deleted), (1, 0));
    assert_eq!(
        (world.platform.active().await, users().await),
        (addresses(1..=2), before)
    );
    let deleted = last().await;
    assert_eq!((deleted.outcome, deleted.users.deleted), (Outcome::Synced, 1));
    assert_eq!(users().await, before - 1);
    assert_eq!(last().await.outcome, Outcome::Unchanged);

    // Back again, he is somebody new.
    world.put(company(&[1, 2, 3])).await;
    assert_eq!(last().await.users.created, 1);
    assert_eq!(world.platform.active().await, addresses(1..=3));
}
