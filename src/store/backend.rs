//! The two databases behind one small interface: statements with `$1` placeholders, which both understand, and rows of
//! numbers and text.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Row as _, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow, Postgres},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};
use url::Url;

use super::Error;

static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// How long a statement waits for another process that has the file.
const BUSY: Duration = Duration::from_secs(5);

/// How long a statement waits for a free connection: another sync may be writing down a large plan.
const ACQUIRE: Duration = Duration::from_secs(30);

/// How many connections to a server are open at once.
const CONNECTIONS: u32 = 8;

/// How long the first connection is tried.
const CONNECT: Duration = Duration::from_secs(10);

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read it; it is neither made nor brought up to date.
    Read,
    /// To write it.
    Write,
}

/// An open database.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction of it.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What is bound to a placeholder.
#[derive(Clone, Debug)]
pub(super) enum Bind {
    Int(i64),
    OptInt(Option<i64>),
    Text(String),
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Bind {
    fn from(text: &str) -> Self {
        // PostgreSQL keeps no NUL in text.
        Self::Text(text.replace('\0', "\u{fffd}"))
    }
}

/// One row.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub fn int(&self, at: usize) -> Result<i64, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
    }

    pub fn opt_int(&self, at: usize) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
    }

    pub fn text(&self, at: usize) -> Result<String, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(at),
            Self::Postgres(row) => row.try_get(at),
        }
    }
}

/// Opens the database that an address names. Returns what messages call it, which has no secret in it.
pub(super) async fn open(
    address: &SecretString,
    password: Option<&SecretString>,
    access: Access,
) -> Result<(Pool, String), Error> {
    let text = address.expose_secret();
    let invalid = |message: &str| Error::Address {
        message: message.to_owned(),
    };
    if let Some(rest) = text.strip_prefix("sqlite:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() || path.contains('?') {
            return Err(invalid("no path follows sqlite://, or something follows the path"));
        }
        return open_sqlite(path, access).await;
    }
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(invalid("it begins with neither sqlite: nor postgres:"));
    }
    open_postgres(&url, password, access).await
}

async fn open_sqlite(path: &str, access: Access) -> Result<(Pool, String), Error> {
    let name = format!("the SQLite database {path}");
    let failed = |error| Error::of(&name, error);
    let writes = access == Access::Write;
    if !writes && !std::path::Path::new(path).exists() {
        return Err(Error::Missing { store: name });
    }
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(writes)
        .busy_timeout(BUSY)
        // Every commit is on the disk before anything is sent that it is about.
        .synchronous(SqliteSynchronous::Full)
        // A pod's root is read-only: there is no folder for temporary files.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    if writes {
        options = options.journal_mode(SqliteJournalMode::Wal);
    }
    // One connection: writers of one file wait for each other anyhow, and here in the order in which they came.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(failed)?;
    if writes {
        let migrated = SQLITE.run(&pool).await;
        migrated.map_err(|error| Error::of_migration(&name, newest(&SQLITE), error))?;
        // A file that only looks writable shows here, and not at the first sync.
        let probe = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        probe.rollback().await.map_err(failed)?;
    }
    let pool = Pool::Sqlite(pool);
    pool.check(&name, newest(&SQLITE)).await?;
    Ok((pool, name))
}

async fn open_postgres(url: &Url, password: Option<&SecretString>, access: Access) -> Result<(Pool, String), Error> {
    let host = url.host_str().unwrap_or("localhost");
    let port = url.port().unwrap_or(5432);
    let name = format!("the PostgreSQL database {host}:{port}{}", url.path());
    let failed = |error| Error::of(&name, error);
    // The driver's own message may repeat the address, password and all.
    let mut options: PgConnectOptions = url.as_str().parse().map_err(|_| Error::Address {
        message: "the driver doesn't understand its options".to_owned(),
    })?;
    options = options.application_name("directory-sync").disable_statement_logging();
    if let Some(password) = password {
        options = options.password(password.expose_secret());
    }
    let connecting = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT)
        .connect_with(options);
    let pool = connecting.await.map_err(failed)?;
    if access == Access::Write {
        // The migrator holds a lock of the whole database meanwhile: of several replicas one makes the tables.
        let migrated = POSTGRES.run(&pool).await;
        migrated.map_err(|error| Error::of_migration(&name, newest(&POSTGRES), error))?;
    }
    let pool = Pool::Postgres(pool);
    pool.check(&name, newest(&POSTGRES)).await?;
    Ok((pool, name))
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Pool {
    /// Whether the tables are those that this program knows.
    async fn check(&self, store: &str, known: i64) -> Result<(), Error> {
        let failed = |error| Error::of(store, error);
        let mut tx = self.begin().await.map_err(failed)?;
        let rows = tx.fetch("SELECT MAX(version) FROM _sqlx_migrations", &[]).await;
        let version = match rows {
            Ok(rows) => rows
                .first()
                .map(|row| row.opt_int(0))
                .transpose()
                .map_err(failed)?
                .flatten(),
            // No such table: somebody else's database, or one that was never written.
            Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("1" | "42P01")) => None,
            Err(error) => return Err(failed(error)),
        };
        let store = store.to_owned();
        match version {
            None => Err(Error::Missing { store }),
            Some(version) if version > known => Err(Error::Newer { store, version, known }),
            Some(version) if version < known => Err(Error::Older { store, version, known }),
            Some(_) => Ok(()),
        }
    }

    /// A transaction that only reads.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that writes.
    pub async fn begin_to_write(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            // A transaction that becomes a writing one half way may have to be given up.
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

macro_rules! bound {
    ($sql:expr, $binds:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql.to_owned()));
        for bind in $binds {
            query = match bind {
                Bind::Int(number) => query.bind(*number),
                Bind::OptInt(number) => query.bind(*number),
                Bind::Text(text) => query.bind(text.as_str()),
            };
        }
        query
    }};
}

impl Tx {
    /// Runs a statement; how many rows it changed.
    pub async fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(tx) => bound!(sql, binds).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bound!(sql, binds).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs a query.
    pub async fn fetch(&mut self, sql: &str, binds: &[Bind]) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = bound!(sql, binds).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bound!(sql, binds).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs one statement for many rows: `before VALUES (…), (…) after`. Each row has the same number of values.
    pub async fn insert(&mut self, before: &str, rows: &[Vec<Bind>], after: &str) -> Result<(), sqlx::Error> {
        for rows in rows.chunks(ROWS) {
            let mut sql = String::with_capacity(before.len() + after.len() + rows.len() * 40);
            sql.push_str(before);
            sql.push_str(" VALUES ");
            let mut number = 0;
            for (at, row) in rows.iter().enumerate() {
                sql.push_str(if at == 0 { "(" } else { ", (" });
                for column in 0..row.len() {
                    number += 1;
                    if column > 0 {
                        sql.push(',');
                    }
                    sql.push('$');
                    sql.push_str(&number.to_string());
                }
                sql.push(')');
            }
            sql.push(' ');
            sql.push_str(after);
            let binds: Vec<Bind> = rows.iter().flatten().cloned().collect();
            self.execute(&sql, &binds).await?;
        }
        Ok(())
    }

    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
    }
}

/// How many rows one statement writes: with eleven values each far fewer than the 32,766 that `SQLite` takes.
const ROWS: usize = 500;
