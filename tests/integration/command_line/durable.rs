//! `--store`: what is kept between runs, plans that wait in it, and `restore`.

use std::path::Path;

use serde_json::json;

use super::world::{PEOPLE, PROGRAM, World};
use crate::support::command::run;
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
    assert!(planned.contains(&next), "{planned}");
    assert!(planned.contains("+ activate ben@acme.test (2)\n"), "{planned}");
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

/// The commands of `docs/operations.md` that begin so after the two dashes, with this program and this store.
fn documented(world: &World, what: &str) -> String {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let marker = format!("-- /directory-sync store {what} ");
    let mut lines = page.lines().filter_map(|line| line.split_once(&marker));
    let (_, rest) = lines.next().expect("the page shows it");
    assert!(lines.next().is_none(), "the page shows it once");
    let store = world.path("store.db");
    let rest = rest.replace("/var/lib/directory-sync/store.db", store.to_str().unwrap());
    let rest = rest.replace("backup.db", world.path("backup.db").to_str().unwrap());
    format!("{PROGRAM} store {what} {rest}")
}

#[tokio::test]
async fn the_store_is_copied_and_put_back_with_the_commands_of_the_documentation() {
    let world = World::start().await;
    let store = format!("sqlite://{}", world.path("store.db").display());
    let company = world.company(PEOPLE, STRICT);
    let sh = async |command: String| run(Path::new("/bin/sh"), ["-c", &command], &[], "").await;
    world.run(&["sync", "-f", &company, "--store", &store]).await.code(0);
    world.company(ANN, STRICT);
    world.run(&["sync", "-f", &company, "--store", &store]).await.code(2);
    let held = world.run(&["plan", "--held", "--store", &store]).await.code(2);

    sh(documented(&world, "backup")).await.success();
    assert_eq!(world.files_like("store.db.backup"), [""; 0], "nothing stays behind");
    // Back, and nothing waits any more.
    world.company(PEOPLE, STRICT);
    world.run(&["sync", "-f", &company, "--store", &store]).await.code(0);
    let none = world.run(&["plan", "--held", "--store", &store]).await.code(0);
    assert_eq!(none, "No plan waits.\n");

    sh(documented(&world, "restore")).await.success();
    assert_eq!(world.files_like("store.db.restore"), [""; 0], "nothing stays behind");
    assert_eq!(world.run(&["plan", "--held", "--store", &store]).await.code(2), held);
    world.run(&["sync", "-f", &company, "--store", &store]).await.code(0);

    // What is no store isn't put in place of one, and the one that is there stays.
    let garbage = world.write("garbage.db", "no database at all, but long enough".repeat(40));
    let before = std::fs::read(world.path("store.db")).unwrap();
    let refused = world.run(&["store", "restore", "--store", &store, &garbage]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("the backup is damaged or no database"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read(world.path("store.db")).unwrap(), before);
    let there = world.path("backup.db");
    let there = there.to_str().unwrap();
    let taken = world.run(&["store", "backup", "--store", &store, there]).await;
    assert_eq!(taken.status.code(), Some(64));
    assert!(taken.stderr.contains("is there already"), "{}", taken.stderr);
    let postgres = format!("postgres://sync:{PASSWORD}@127.0.0.1:1/store");
    let refused = world.run(&["store", "backup", "--store", &postgres]).await;
    assert!(refused.stderr.contains("pg_dump"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_plan_only_reads_the_store() {
    let world = World::start().await;
    let store = format!("sqlite://{}", world.path("store.db").display());
    let company = world.company(PEOPLE, STRICT);
    let missing = world.run(&["plan", "-f", &company, "--store", &store]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        missing.stderr.contains("there is no such database"),
        "{}",
        missing.stderr
    );
    assert!(!world.path("store.db").exists());

    world.run(&["sync", "-f", &company, "--store", &store]).await.code(0);
    let path = world.path("store.db");
    let before = content(&path, "").await;
    world.company(ANN, STRICT);
    world.run(&["plan", "-f", &company, "--store", &store]).await.code(2);
    assert_eq!(content(&path, "").await, before);
    // Tables of an older program are left as they are, and it is said what to do.
    let older = "DELETE FROM _sqlx_migrations; INSERT INTO _sqlx_migrations VALUES (0, '', '2020-01-01', 1, x'00', 1);";
    let before = content(&path, older).await;
    let refused = world.run(&["plan", "-f", &company, "--store", &store]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("start the operator of this version once"),
        "{}",
        refused.stderr
    );
    assert_eq!(content(&path, "").await, before);
}

/// All that is in a database, its log included, after a statement.
async fn content(path: &Path, sql: &str) -> Vec<u8> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let sql = format!("{sql} PRAGMA wal_checkpoint(TRUNCATE)");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn a_deletion_that_comes_later_than_its_days_say_is_told_of() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "interval: 168h\ndeprovision: { deleteAfterDays: 1 }");
    let told = "deprovision.deleteAfterDays (1) is no longer than spec.interval (168h)";
    let planned = world.run(&["plan", "-f", &company]).await;
    assert!(planned.stdout.contains(told), "{}", planned.stdout);
    let checked = world.run(&["check", "-f", &company]).await.code(0);
    assert!(checked.contains("deprovision: ") && checked.contains(told), "{checked}");
}
