//! `ledger`: what a first sync writes down in a store of `SQLite`, and what the next start reads of it, against the rows alone.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use directory_sync::{
    store::Store,
    sync::ledger::{Entry, EntryKind, Given, Intent, Key, Ledgers as _, Scope, Settlement},
};
use futures::TryStreamExt as _;
use secrecy::SecretString;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    Arguments,
    data::{
        Shape,
        rest_pages::OWNER,
        shape::{USER, person, platform_id, uuid},
    },
    measure::{Cost, Measure, medians},
    plan::runtime,
    testbed,
};

/// Users a request, and so a transaction.
const BATCH: u64 = 100;

const SYNC: &str = "0196f0a1c3d2-5f1e2d3c4b5a6978";

/// Since when all is ours, in milliseconds since 1970.
const SINCE: u64 = 1_780_000_000_000;

/// One round.
struct Round {
    write: Cost,
    read: Cost,
    bytes: u64,
}

/// One entry for each user, at scale 1 a million. Every round begins with an empty folder.
pub fn figure(arguments: &Arguments) {
    let users = Shape::of_scale(arguments.scale).users;
    let (mut ledgers, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        let folder = testbed::temporary_folder();
        floors.push(runtime().block_on(floor(users, &folder.path().join("floor.db"))));
        ledgers.push(runtime().block_on(ledger(users, &folder.path().join("store.db"))));
    }
    let middle = |rounds: &[Round], of: fn(&Round) -> Cost| medians(&rounds.iter().map(of).collect::<Vec<_>>());
    let (write, floor_write) = (
        middle(&ledgers, |round| round.write),
        middle(&floors, |round| round.write),
    );
    let (read, floor_read) = (
        middle(&ledgers, |round| round.read),
        middle(&floors, |round| round.read),
    );
    println!(
        "bench ledger write_ratio={:.2} write_cpu_ratio={:.2} write_seconds={:.2} floor_write_seconds={:.2} \
         read_ratio={:.2} read_cpu_ratio={:.2} read_seconds={:.2} floor_read_seconds={:.2} bytes_per_user={} \
         floor_bytes_per_user={} users={users} batch={BATCH}",
        write.seconds / floor_write.seconds,
        write.cpu / floor_write.cpu,
        write.seconds,
        floor_write.seconds,
        read.seconds / floor_read.seconds,
        read.cpu / floor_read.cpu,
        read.seconds,
        floor_read.seconds,
        ledgers[0].bytes / users,
        floors[0].bytes / users,
    );
}

/// The ledger, called as an apply calls it: what a request gives is on record before it is sent, what came of it after.
async fn ledger(users: u64, path: &Path) -> Round {
    let address = SecretString::from(format!("sqlite://{}", path.display()));
    let scope = Scope {
        connection: "bench/acme".to_owned(),
        owner: OWNER.to_owned(),
        platform: "https://platform.acme.test".to_owned(),
        trigger: "Interval".to_owned(),
    };
    let measure = Measure::begin();
    let store = Store::open(&address, None).await.unwrap();
    let ledger = store.of(&scope);
    assert!(!ledger.open(true).await.unwrap().known, "the store is new");
    for first in (0..users).step_by(usize::try_from(BATCH).unwrap()) {
        let record: Vec<Entry> = (first..first + BATCH).map(entry).collect();
        let given = record.iter().zip(first..).map(|(entry, user)| Given {
            entry: Entry {
                key: Key::of(EntryKind::User, ""),
                ..entry.clone()
            },
            found_by: person(user).email,
            activates: false,
        });
        let intent = Intent {
            id: format!("{SYNC}-create-{first}"),
            sync: SYNC.to_owned(),
            given: given.collect(),
            taken: Vec::new(),
        };
        ledger.intend(&intent).await.unwrap();
        let settlement = Settlement {
            intents: vec![intent.id],
            record,
            ..Settlement::default()
        };
        ledger.settle(&settlement).await.unwrap();
    }
    ledger.known().await.unwrap();
    drop(ledger);
    store.close().await;
    let write = measure.end();

    let bytes = size(path);
    let measure = Measure::begin();
    let store = Store::open(&address, None).await.unwrap();
    let ledger = store.of(&scope);
    let opened = ledger.open(false).await.unwrap();
    assert!(opened.known && opened.intents.is_empty(), "all of it was settled");
    let (mut found, mut after) = (0, None);
    loop {
        let page = ledger.entries(after.as_ref()).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        found += page.len() as u64;
    }
    let read = measure.end();
    assert_eq!(found, users);
    store.close().await;
    Round { write, read, bytes }
}

/// The same rows in the same table, as durable as those of the ledger: a transaction each request, and then all of them
/// read in order.
async fn floor(users: u64, path: &Path) -> Round {
    let measure = Measure::begin();
    let mut connection = open(path).await;
    let table = "CREATE TABLE entries (ledger BIGINT NOT NULL, kind BIGINT NOT NULL, id TEXT NOT NULL, \
                 container TEXT NOT NULL, directory_id TEXT NOT NULL, role TEXT NOT NULL, mapping TEXT NOT NULL, \
                 since BIGINT NOT NULL, deactivated BIGINT, PRIMARY KEY (ledger, kind, id, container)) WITHOUT ROWID";
    sqlx::query(table).execute(&mut connection).await.unwrap();
    let rows = vec!["(?,?,?,?,?,?,?,?,?)"; usize::try_from(BATCH).unwrap()].join(",");
    let insert = format!("INSERT INTO entries VALUES {rows}");
    for first in (0..users).step_by(usize::try_from(BATCH).unwrap()) {
        let mut query = sqlx::query(AssertSqlSafe(insert.as_str()));
        for Entry {
            key,
            directory_id,
            role,
            mapping,
            ..
        } in (first..first + BATCH).map(entry)
        {
            query = query
                .bind(1_i64)
                .bind(key.kind as i64)
                .bind(key.id)
                .bind(key.container)
                .bind(directory_id)
                .bind(role)
                .bind(mapping)
                .bind(i64::try_from(SINCE).unwrap())
                .bind(None::<i64>);
        }
        query.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let write = measure.end();

    let bytes = size(path);
    let measure = Measure::begin();
    let mut connection = open(path).await;
    let (mut found, mut text) = (0, 0);
    {
        let mut rows = sqlx::query("SELECT * FROM entries ORDER BY kind, id, container").fetch(&mut connection);
        while let Some(row) = rows.try_next().await.unwrap() {
            found += 1;
            for column in 2..7 {
                text += row.get::<String, _>(column).len();
            }
            assert_eq!(row.get::<i64, _>(7).unsigned_abs(), SINCE);
        }
    }
    let read = measure.end();
    assert!(found == users && text > 0);
    connection.close().await.unwrap();
    Round { write, read, bytes }
}

/// A file that loses no transaction with the power, like the store's.
async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging();
    options.connect().await.unwrap()
}

/// What a first sync knows of somebody whom it has created.
fn entry(user: u64) -> Entry {
    let id = String::from_utf8_lossy(&uuid(USER, user)).into_owned();
    let since = SystemTime::UNIX_EPOCH + Duration::from_millis(SINCE);
    Entry {
        directory_id: id,
        mapping: "teams".to_owned(),
        ..Entry::new(Key::of(EntryKind::User, platform_id("usr", user)), since)
    }
}

/// What a closed database takes on the disk.
fn size(path: &Path) -> u64 {
    fs::metadata(path).expect("it was written").len()
}
