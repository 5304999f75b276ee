//! `--store`: what is kept between runs, plans that wait in it, and `restore`.

use serde_json::json;

use super::world::{PEOPLE, World};
use crate::support::postgres::{PASSWORD, Postgres};

/// The first of four people alone: three leave.
const ANN: &str = "id,email,displayName\n1,ann@acme.test,Ann\n";

/// Limits under which nobody leaves unasked.
const STRICT: &str = "removals: { maxPercent: 0 }";

/// Holds a plan, approves it, and gives back what it took.
async fn hold_approve_restore(world: &World, store: &str) {
    let company = world.company(PEOPLE, STRICT);
    let done = world.run(&["sync", "-f", &company, "--store", store]).await;
    done.code(0);
    let nothing = world.run(&["plan", "--held", "--store", store]).await.code(0);
    assert_eq!(nothing, "No plan waits.\n");

    world.company(ANN, STRICT);
    let held = world
        .run(&["sync", "-f", &company, "--store", store, "-o", "json"])
        .await;
    assert_eq!(held.status.code(), Some(2), "{}", held.stderr);
    let hash = held.json()["plan"]["hash"].as_str().unwrap().to_owned();
    let waiting = world.run(&["plan", "--held", "--store", store, "-o", "json"]).await;
    assert_eq!(waiting.status.code(), Some(2), "{}", waiting.stderr);
    let plans = &waiting.json()["plans"];
    assert_eq!((plans.as_array().unwrap().len(), &plans[0]["hash"]), (1, &json!(hash)));
    let removals = plans[0]["removals"].as_array().unwrap();
    let users: Vec<_> = removals.iter().filter(|removal| removal["kind"] == "users").collect();
    assert_eq!(users.len(), 3);
    assert_eq!(users[0]["from"], "no longer in the directory");
    let shown = world.run(&["plan", "--held", "--store", store]).await.code(2);
    assert!(shown.contains(&hash) && shown.contains("ben@acme.test"), "{shown}");
    let other = world
        .run(&["plan", "--held", "--store", store, "-n", "elsewhere", "acme"])
        .await
        .code(0);
    assert_eq!(other, "No plan waits for elsewhere/acme.\n");

    let approve = [
        "sync",
        "-f",
        &company,
        "--store",
        store,
        "--approve",
        &hash,
        "-o",
        "json",
    ];
    let done = world.run(&approve).await;
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
    let sync = done.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.people().await, ["ann@acme.test"]);
    world.run(&["plan", "--held", "--store", store]).await.code(0);

    let planned = world
        .run(&["restore", &sync, "-f", &company, "--store", store, "--dry-run"])
        .await
        .code(2);
    let next = format!("changes planned; `directory-sync restore {sync}` carries them out\n");
    assert!(planned.ends_with(&next), "{planned}");
    assert_eq!(world.people().await.len(), 1);
    let restored = world.run(&["restore", &sync, "-f", &company, "--store", store]).await;
    assert_eq!(
        restored.status.code(),
        Some(0),
        "{}{}",
        restored.stdout,
        restored.stderr
    );
    assert!(
        restored.stderr.contains("the next sync takes again"),
        "{}",
        restored.stderr
    );
    assert_eq!(world.people().await.len(), 4);
    let again = world.run(&["restore", &sync, "-f", &company, "--store", store]).await;
    assert!(again.stdout.contains("nothing to change"), "{}", again.stdout);
    // The next sync would take it again, and holds it again.
    world.run(&["sync", "-f", &company, "--store", store]).await.code(2);
}

#[tokio::test]
async fn a_held_plan_is_read_in_full_and_what_it_took_is_given_back_from_a_file() {
    let world = World::start().await;
    let store = format!("sqlite://{}", world.path("store.db").display());
    hold_approve_restore(&world, &store).await;
}

#[tokio::test]
async fn the_same_from_postgresql() {
    let world = World::start().await;
    let store = Postgres::shared().await.database();
    hold_approve_restore(&world, &store).await;
}

#[tokio::test]
async fn without_a_store_that_can_be_used_nothing_is_written() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let garbage = world.write(
        "garbage.db",
        "no database at all, but long enough to be looked at as one".repeat(20),
    );
    let garbage = format!("sqlite://{garbage}");
    let closed = format!("postgres://sync:{PASSWORD}@127.0.0.1:1/store");
    for (store, told) in [
        (garbage.as_str(), "is damaged or no database"),
        ("sqlite:///proc/store.db", "is read-only"),
        (closed.as_str(), "can't be reached"),
        ("store.db", "sqlite:///PATH"),
    ] {
        let failed = world.run(&["sync", "-f", &company, "--store", store]).await;
        assert_eq!(failed.status.code(), Some(1), "{}", failed.stderr);
        assert!(failed.stderr.contains(told), "{}", failed.stderr);
        assert!(!failed.stderr.contains(PASSWORD), "{}", failed.stderr);
    }
    assert_eq!(world.people().await, [""; 0]);
    let path = world.path("store.db");
    let unknown = format!("sqlite://{}", path.display());
    let restore = ["restore", "no-such-sync", "-f", &company, "--store", &unknown];
    let failed = world.run(&restore).await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("there is no such database"), "{}", failed.stderr);
    assert!(!path.exists(), "a wrong path makes no store");
    world.run(&["sync", "-f", &company, "--store", &unknown]).await.code(0);
    let failed = world.run(&restore).await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("knows no sync"), "{}", failed.stderr);
    world.run(&["restore", "some-sync", "-f", &company]).await.code(64);
    world.run(&["plan"]).await.code(64);
}
