//! The operator and its store: taken away, locked, damaged, newer, lost; and on the reference platform, which carries marks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use directory_sync::controller::ControllerConfig;
use directory_sync::store::{Access, Store};
use secrecy::SecretString;
use serde_json::json;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::world::{Platform, World, addresses, company, condition, hurried, support};
use crate::support::process::free_port;
use crate::support::temporary_folder;

fn at(path: &Path) -> Store {
    let address = SecretString::from(format!("sqlite://{}", path.display()));
    Store::at(&address, None, Access::Write).unwrap()
}

fn with_store(namespace: &str, store: &Store) -> ControllerConfig {
    ControllerConfig {
        ledgers: Arc::new(store.clone()),
        ..hurried(namespace)
    }
}

/// People in step, with a store in a file.
async fn in_step(people: &[u32], change: serde_json::Value) -> (World, TempDir, PathBuf, Store) {
    let folder = temporary_folder();
    let path = folder.path().join("store.db");
    let store = at(&path);
    let mut world = World::new().await;
    world
        .start_operator(with_store(&world.space.name.clone(), &store))
        .await;
    world.put(company(people)).await;
    world.put(world.connection(change)).await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    (world, folder, path, store)
}

/// Syncs, and expects the store to be why it fails.
async fn fails(world: &World, why: &str) {
    let told = world.sync("acme").await;
    assert_eq!(condition(&told, "Ready").unwrap(), "False/StoreUnavailable");
    let conditions = told.status.unwrap().conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert!(ready.message.contains(why), "no {why:?} in {:?}", ready.message);
    assert!(
        ready.message.contains("nothing more is written to the platform"),
        "{}",
        ready.message
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_the_operator_writes_nothing_says_why_and_goes_on_when_it_is_back() {
    let (world, folder, path, store) = in_step(&[1, 2, 3], json!({ "removals": { "maxPercent": 100 } })).await;
    world.put(company(&[1, 2, 4])).await;
    let before = world.platform.everything().await;
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();

    // Taken away, with the volume say.
    let aside = folder.path().join("aside.db");
    std::fs::rename(&path, &aside).unwrap();
    fails(&world, "was taken away while it was in use").await;
    assert!(!path.exists(), "none is begun anew behind anybody's back");
    // Damaged, or something else.
    std::fs::write(&path, "people: [ann, bob]\n".repeat(400)).unwrap();
    fails(&world, "is damaged or no database").await;
    // Newer than the program.
    let options = SqliteConnectOptions::new().filename(&copy);
    let mut other = options.connect().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                 VALUES (9999, 'of tomorrow', '2030-01-01', 1, x'00', 1)";
    sqlx::query(newer).execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    std::fs::rename(&copy, &path).unwrap();
    fails(&world, "by a newer program").await;
    assert_eq!(world.platform.everything().await, before, "the platform is left alone");

    // Back, and nobody asks.
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses([1, 2, 4]));

    // Locked by another process.
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    world.put(company(&[1, 2])).await;
    fails(&world, "is locked by another process").await;
    assert_eq!(world.platform.active().await, addresses([1, 2, 4]));
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses([1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_without_its_store_says_so_and_goes_on_when_it_is_there() {
    let folder = temporary_folder();
    let volume = folder.path().join("volume");
    let store = at(&volume.join("store.db"));
    assert!(store.ensure().await.is_err());
    let mut world = World::new().await;
    world
        .start_operator(with_store(&world.space.name.clone(), &store))
        .await;
    world.put(company(&[1])).await;
    world.put(world.connection(json!({}))).await;
    world.put(support()).await;
    world.until_ready("acme", "False/StoreUnavailable").await;
    assert_eq!(world.platform.list("users").await.len(), 0);
    std::fs::create_dir(&volume).unwrap();
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_lost_between_two_lives_changes_nothing_where_the_platform_carries_marks() {
    let deleting =
        json!({ "deprovision": { "deleteAfterDays": 1 }, "removals": { "maxPercent": 100 }, "interval": "168h" });
    let (mut world, _folder, path, store) = in_step(&[1, 2, 3], deleting).await;
    world.put(company(&[1, 2])).await;
    let left = world.sync("acme").await;
    let conditions = left.status.unwrap().conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert!(
        ready
            .message
            .contains("Note: deprovision.deleteAfterDays (1) is no longer than spec.interval (168h)"),
        "{}",
        ready.message
    );
    assert_eq!(world.platform.active().await, addresses([1, 2]));
    let before = world.platform.everything().await;
    let since = |users: &[serde_json::Value]| {
        let times = users.iter().map(|user| user["mark"]["deactivatedTime"].clone());
        times.filter(|time| !time.is_null()).collect::<Vec<_>>()
    };
    assert_eq!(since(&before).len(), 1, "{before:?}");

    world.stop_operator().await;
    store.close().await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
    let store = at(&path);
    world
        .start_operator(with_store(&world.space.name.clone(), &store))
        .await;
    let again = world.sync("acme").await;
    assert_eq!(condition(&again, "Ready").unwrap(), "True/Synced");
    // No write: who is ours and when anybody is deleted is told by the marks.
    assert_eq!(world.platform.everything().await, before);
    let last = again.status.unwrap().last_sync.unwrap();
    assert_eq!(last.outcome, directory_sync::api::status::Outcome::Unchanged);
    let scope = directory_sync::sync::ledger::Scope {
        connection: format!("{}/acme", world.space.name),
        owner: format!("{}/acme", world.space.name),
        platform: format!("{}/", world.platform.url()),
        trigger: String::new(),
    };
    let entries = store.count(&scope).await.unwrap();
    assert!(
        entries >= 6,
        "three users and what they have are on record again, not {entries}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_free_seat_creating_stops_and_updates_and_removals_go_on() {
    let mut world = World::new().await;
    world.platform = Platform::start_with(free_port(), None, Some(2)).await;
    let config = hurried(&world.space.name);
    let metrics = format!("http://{}/metrics", config.http_listen);
    world.start_operator(config).await;
    world.put(company(&[1, 2])).await;
    world
        .put(world.connection(json!({ "removals": { "maxPercent": 100 } })))
        .await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;

    // Two more, and none of them finds a seat; what the others are called changes all the same.
    let mut people = company(&[1, 2, 3, 4]);
    let rows = people["data"]["people.csv"]
        .as_str()
        .unwrap()
        .replace("Given1", "Renamed");
    people["data"]["people.csv"] = json!(rows);
    world.put(people).await;
    let full = world.sync("acme").await;
    assert_eq!(condition(&full, "Ready").unwrap(), "True/NoSeats");
    let status = full.status.unwrap();
    assert_eq!(status.failures.len(), 2, "{:?}", status.failures);
    assert_eq!(world.platform.active().await, addresses([1, 2]));
    let users = world.platform.list("users").await;
    assert!(users.iter().any(|user| user["givenName"] == "Renamed"), "{users:?}");
    let told = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
    let without = told
        .lines()
        .find(|line| line.starts_with("directory_sync_people_without_seat{"));
    assert!(without.is_some_and(|line| line.ends_with(" 2")), "{without:?}\n{told}");

    // One leaves, and one of the two has his seat: in the same sync.
    world.put(company(&[1, 3, 4])).await;
    let one_more = world.sync("acme").await;
    assert_eq!(condition(&one_more, "Ready").unwrap(), "True/NoSeats");
    let active = world.platform.active().await;
    assert!(
        active.len() == 2 && active.contains("p1@acme.test") && !active.contains("p2@acme.test"),
        "{active:?}"
    );
    // Whoever wants no seat any more leaves none wanting.
    world.put(company(&[1])).await;
    let enough = world.sync("acme").await;
    assert_eq!(condition(&enough, "Ready").unwrap(), "True/Synced");
    assert_eq!(world.platform.active().await, addresses([1]));
}
