//! The store on `SQLite`: what every store does, and what goes wrong with a file.

#[path = "../../tests/integration/store/suite.rs"]
mod suite;

use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use self::suite::{scope, user};
use super::*;
use crate::{
    fault::{Class, Fault as _, chain},
    sync::ledger::Settlement,
};

fn address(path: &Path) -> SecretString {
    format!("sqlite://{}", path.display()).into()
}

async fn open(path: &Path) -> Result<Store, Error> {
    Store::open(&address(path), None).await
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

macro_rules! on_sqlite {
    ($($case:ident)*) => {
        $(#[tokio::test]
        async fn $case() {
            let folder = folder();
            suite::$case(open(&folder.path().join("store.db")).await.unwrap()).await;
        })*
    };
}
suite::for_each_case!(on_sqlite);

/// A connection of another process, so to say.
async fn other(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

fn one() -> Settlement {
    Settlement {
        record: vec![user("u")],
        ..Settlement::default()
    }
}

/// The error that a failed call ends with, in one line.
fn told(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error)
}

#[tokio::test]
async fn a_full_disk_says_so_and_what_was_there_stays() {
    let folder = folder();
    let store = open(&folder.path().join("store.db")).await.unwrap();
    let ledger = store.of(&scope("a"));
    ledger.settle(&one()).await.unwrap();
    let (mut tx, _) = store.begin().await.unwrap();
    let pages = tx.fetch("PRAGMA page_count", &[]).await.unwrap()[0].int(0).unwrap();
    tx.fetch(&format!("PRAGMA max_page_count = {pages}"), &[])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let many = Settlement {
        record: (0..5000).map(|number| user(&format!("user-{number}"))).collect(),
        ..Settlement::default()
    };
    let error = ledger.settle(&many).await.unwrap_err();
    assert!(told(&error).contains("is full; enlarge its disk"), "{}", told(&error));
    assert_eq!(error.class(), Class::StoreUnavailable);
    assert_eq!(store.count(&scope("a")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_another_process_has_locked_says_so() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    let mut other = other(&path).await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let error = store.of(&scope("a")).settle(&one()).await.unwrap_err();
    assert!(
        told(&error).contains("is locked by another process"),
        "{}",
        told(&error)
    );
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
}

#[tokio::test]
async fn a_read_only_database_says_so() {
    let folder = folder();
    let store = open(&folder.path().join("store.db")).await.unwrap();
    let (mut tx, _) = store.begin().await.unwrap();
    tx.fetch("PRAGMA query_only = 1", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let error = store.of(&scope("a")).settle(&one()).await.unwrap_err();
    assert!(told(&error).contains("is read-only; make its file"), "{}", told(&error));
    // A folder in which nobody, root included, can make a file.
    let error = open(Path::new("/proc/store.db")).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_taken_away_is_not_begun_anew_behind_anybodys_back() {
    let folder = folder();
    let (path, aside) = (folder.path().join("store.db"), folder.path().join("aside.db"));
    let store = open(&path).await.unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
    std::fs::rename(&path, &aside).unwrap();
    // What is written to a file that has no name any more is lost with it.
    for _ in 0..2 {
        let error = store.of(&scope("a")).settle(&one()).await.unwrap_err();
        let told = told(&error);
        assert!(
            told.contains("was taken away while it was in use; put it back"),
            "{told}"
        );
        assert!(store.of(&scope("a")).open(true).await.is_err());
    }
    assert!(!path.exists());
    std::fs::rename(&aside, &path).unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
    assert_eq!(store.count(&scope("a")).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_no_store_takes_nothing_from_the_one_that_may_come_back() {
    let folder = folder();
    let (path, aside) = (folder.path().join("store.db"), folder.path().join("aside.db"));
    let store = open(&path).await.unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
    std::fs::rename(&path, &aside).unwrap();
    for other in ["", &"people: [ann, bob]\n".repeat(400)] {
        std::fs::write(&path, other).unwrap();
        assert!(
            store.of(&scope("a")).settle(&one()).await.is_err(),
            "{} bytes",
            other.len()
        );
    }
    std::fs::rename(&aside, &path).unwrap();
    // What was written last is in the log alone, which lay beside all of them.
    store.of(&scope("b")).settle(&one()).await.unwrap();
    assert_eq!(store.count(&scope("a")).await.unwrap(), 1);
    store.close().await;
    assert_eq!(open(&path).await.unwrap().count(&scope("a")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_backup_that_is_put_in_place_of_the_file_is_used_from_then_on_without_the_log_of_the_old_one() {
    let folder = folder();
    let (path, backup) = (folder.path().join("store.db"), folder.path().join("backup.db"));
    let store = open(&path).await.unwrap();
    store.of(&scope("b")).settle(&one()).await.unwrap();
    store.backup(&backup).await.unwrap();
    let many = Settlement {
        record: (0..500).map(|number| user(&format!("user-{number}"))).collect(),
        ..Settlement::default()
    };
    let ledger = store.of(&scope("a"));
    ledger.settle(&many).await.unwrap();
    // All of this is in the log still.
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(&backup, &path).unwrap();
    let error = ledger.settle(&one()).await.unwrap_err();
    assert!(
        told(&error).contains("was replaced by another one while a sync wrote"),
        "its numbers say nothing there: {}",
        told(&error)
    );
    assert_eq!(store.count(&scope("a")).await.unwrap(), 0);
    assert_eq!(store.count(&scope("b")).await.unwrap(), 1);
    store.of(&scope("a")).settle(&one()).await.unwrap();
    store.close().await;
    let again = open(&path).await.unwrap();
    assert_eq!(again.count(&scope("a")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_store_that_can_not_be_opened_is_tried_again_at_each_use() {
    let folder = folder();
    let path = folder.path().join("volume").join("store.db");
    let store = Store::at(&address(&path), None, Access::Write).unwrap();
    let missing = store.ensure().await.unwrap_err();
    assert!(told(&missing).contains("its folder doesn't exist"), "{missing}");
    let error = store.of(&scope("a")).settle(&one()).await.unwrap_err();
    assert_eq!(error.class(), Class::StoreUnavailable);
    // The volume is there.
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
    assert_eq!(store.count(&scope("a")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_store_that_is_only_read_is_never_written() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
    store.close().await;
    let before = std::fs::read(&path).unwrap();
    let reader = Store::open_for(&address(&path), None, Access::Read).await.unwrap();
    assert_eq!(reader.of(&scope("a")).entries(None).await.unwrap(), [user("u")]);
    // Of somebody who is new nothing is known, and no row is made.
    assert!(!reader.of(&scope("b")).open(false).await.unwrap().known);
    assert_eq!(reader.of(&scope("b")).entries(None).await.unwrap(), []);
    let error = reader.of(&scope("b")).settle(&one()).await.unwrap_err();
    assert!(told(&error).contains("is read-only"), "{}", told(&error));
    reader.close().await;
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_file_and_one_that_is_no_database_say_so() {
    let folder = folder();
    let path = folder.path().join("other.db");
    std::fs::write(&path, "people: [ann, bob]\n".repeat(200)).unwrap();
    let error = open(&path).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("restore the last backup"), "{error}");

    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    let many = Settlement {
        record: (0..5000).map(|number| user(&format!("user-{number}"))).collect(),
        ..Settlement::default()
    };
    store.of(&scope("a")).settle(&many).await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let from = bytes.len() / 2;
    bytes[from..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let failed = async {
        let store = open(&path).await?;
        store.of(&scope("a")).entries(None).await.map_err(|error| Error::Row {
            store: told(&error),
            what: "",
        })
    };
    let error = failed.await.unwrap_err();
    assert!(error.to_string().contains("is damaged or no database"), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_and_left_as_it_is() {
    let folder = folder();
    let path = folder.path().join("store.db");
    open(&path).await.unwrap().close().await;
    let mut other = other(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         VALUES (9999, 'of tomorrow', '2030-01-01', 1, x'00', 1)",
    )
    .execute(&mut other)
    .await
    .unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    for access in [Access::Write, Access::Read] {
        let error = Store::open_for(&address(&path), None, access).await.unwrap_err();
        assert!(matches!(error, Error::Newer { version: 9999, .. }), "{error:?}");
        assert!(error.to_string().contains("restore the backup from before"), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn reading_makes_nothing_and_brings_nothing_up_to_date() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let read = || async { Store::open_for(&address(&path), None, Access::Read).await };
    assert!(matches!(read().await, Err(Error::Missing { .. })));
    assert!(!path.exists());
    // A database of somebody else.
    let mut connection = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::query("CREATE TABLE people (id TEXT)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert!(matches!(read().await, Err(Error::Missing { .. })));
    // One of an older program.
    let mut connection = other(&path).await;
    for sql in [
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY)",
        "INSERT INTO _sqlx_migrations VALUES (0)",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    assert!(matches!(read().await, Err(Error::Older { version: 0, .. })));
}

#[tokio::test]
async fn a_copy_made_while_it_is_in_use_and_one_made_at_rest_hold_everything() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).await.unwrap();
    store.of(&scope("a")).settle(&one()).await.unwrap();
    let backup = folder.path().join("backup.db");
    store.backup(&backup).await.unwrap();
    store.close().await;
    drop(store);
    let resting = folder.path().join("resting.db");
    std::fs::copy(&path, &resting).unwrap();
    for copy in [backup, resting] {
        let restored = open(&copy).await.unwrap();
        assert_eq!(restored.count(&scope("a")).await.unwrap(), 1, "{}", copy.display());
        restored.of(&scope("a")).settle(&one()).await.unwrap();
    }
}

#[tokio::test]
async fn every_earlier_version_is_brought_up_to_date_with_what_is_in_it() {
    let all = sqlx::migrate!("src/store/migrations/sqlite");
    for migration in all.iter() {
        let folder = folder();
        let path = folder.path().join("store.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        all.run_to(migration.version, &pool).await.unwrap();
        let content = format!(
            "{}/src/store/migrations/content/{:04}.sql",
            env!("CARGO_MANIFEST_DIR"),
            migration.version
        );
        let content = std::fs::read_to_string(&content).expect("each version has a content to be upgraded");
        sqlx::raw_sql(sqlx::AssertSqlSafe(content))
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;

        let store = open(&path).await.unwrap();
        let ledger = store.of(&scope("a"));
        assert!(ledger.open(true).await.unwrap().known, "{}", migration.version);
        assert_eq!(ledger.entries(None).await.unwrap(), [user("u")]);
        assert_eq!(store.held(None).await.unwrap()[0].removals.len(), 1);
        assert_eq!(store.taken("s-1").await.unwrap().unwrap().removals.len(), 1);
    }
}

/// The error of a store that can't be opened.
async fn open_address(address: &str) -> Error {
    Store::open(&SecretString::from(address), None).await.unwrap_err()
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_is_told_as_one() {
    let folder = folder();
    for access in [Access::Read, Access::Write] {
        let error = Store::open_for(&address(folder.path()), None, access)
            .await
            .unwrap_err();
        assert!(told(&error).contains("is a folder"), "{error}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_says_what_one_looks_like_and_names_no_password() {
    for wrong in [
        "",
        "store.db",
        "mysql://ann:hunter2@db/x",
        "sqlite://",
        "postgres://ann:hunter2@db:port/x",
    ] {
        let error = open_address(wrong).await;
        let told = told(&error);
        assert!(told.contains("sqlite:///PATH or postgres://"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let none = told(&open_address("/var/lib/store.db").await);
    assert!(none.contains("neither sqlite: nor postgres:"), "{none}");
    // A port at which nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = open_address(&format!("postgres://ann:hunter2@127.0.0.1:{port}/x")).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(told(&error).contains("refused"), "{error:?}");
    assert!(!format!("{error:?} {}", told(&error)).contains("hunter2"));
}
