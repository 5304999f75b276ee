//! The two databases behind one small interface: statements with `$1` placeholders, which both understand, and rows of
//! numbers and text.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, Sqlite, SqlitePool, Transaction,
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

/// What is wrong with an address of neither kind.
const NO_SCHEME: &str = "it begins with neither sqlite: nor postgres:";

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read it; it is neither made nor brought up to date.
    Read,
    /// To copy it, whatever its version; it is neither made nor brought up to date.
    Copy,
    /// To write it.
    Write,
}

/// An open database.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    /// With the files that were opened.
    Sqlite(SqlitePool, Files),
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

/// Where a database is.
#[derive(Clone)]
pub(super) enum Address {
    /// The path of a file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(Box<Url>),
}

impl Address {
    /// Understands `sqlite:///PATH` and `postgres://USER@HOST/DATABASE`.
    pub fn parse(address: &SecretString) -> Result<Self, Error> {
        let text = address.expose_secret();
        let invalid = |message: &str| Error::Address {
            message: message.to_owned(),
        };
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.contains('?') {
                return Err(invalid("no path follows sqlite://, or something follows the path"));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => invalid(NO_SCHEME),
            other => invalid(&other.to_string()),
        })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(invalid(NO_SCHEME));
        }
        // The driver's own message may repeat the address, password and all.
        if url.as_str().parse::<PgConnectOptions>().is_err() {
            return Err(invalid("the driver doesn't understand its options"));
        }
        Ok(Self::Postgres(Box::new(url)))
    }

    /// What messages call it; no secret is in it.
    pub fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("the SQLite database {}", path.display()),
            Self::Postgres(url) => {
                let host = url.host_str().unwrap_or("localhost");
                let port = url.port().unwrap_or(5432);
                format!("the PostgreSQL database {host}:{port}{}", url.path())
            }
        }
    }

    /// Whether a store is there that can take the place of the one that was. Nothing is made of what lies beside it: until
    /// then it may be the log of the one that was, which may come back.
    pub async fn look(&self) -> Result<(), Error> {
        let Self::Sqlite(path) = self else { return Ok(()) };
        let name = self.name();
        let Some(database) = FileId::of(path) else {
            return Err(Error::Vanished { store: name });
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .immutable(true)
            .read_only(true)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = pool.map_err(|error| Error::of(&name, error))?;
        let pool = Pool::Sqlite(
            pool,
            Files {
                database,
                logs: [None, None],
            },
        );
        let checked = pool.check(&name).await;
        pool.close().await;
        match checked {
            Err(Error::Older { .. }) => Ok(()),
            other => other,
        }
    }

    /// Opens it. `make`: whether a file that isn't there is made, where it is opened to be written.
    pub async fn open(&self, password: Option<&SecretString>, access: Access, make: bool) -> Result<Pool, Error> {
        match self {
            Self::Sqlite(path) => open_sqlite(path, self.name(), access, make).await,
            Self::Postgres(url) => open_postgres(url, self.name(), password, access).await,
        }
    }
}

/// Which file a path names: its device and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }
}

/// The files of an open database: itself, its log, and the index of that. The log of one is poison to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files {
    database: FileId,
    logs: [Option<FileId>; 2],
}

/// What the names of the files beside a database end with: its log, and the index of that.
pub(super) const LOGS: [&str; 2] = ["-wal", "-shm"];

/// The path of a file beside a database, of [`LOGS`].
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

pub(super) async fn open_sqlite(path: &Path, name: String, access: Access, make: bool) -> Result<Pool, Error> {
    let failed = |error| Error::of(&name, error);
    let writes = access == Access::Write;
    let misplaced = |why| Error::Place {
        store: name.clone(),
        why,
    };
    if path.is_dir() {
        return Err(misplaced("that is a folder; name a file in it"));
    }
    if !path.exists() {
        match (writes, make) {
            (true, true) if !folder(path).is_dir() => {
                return Err(misplaced(
                    "its folder doesn't exist; make it, or mount the volume that has it",
                ));
            }
            (true, true) => {}
            (true, false) => return Err(Error::Vanished { store: name }),
            (false, _) => return Err(Error::Missing { store: name }),
        }
    }
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(writes && make)
        .busy_timeout(BUSY)
        // Every commit is on the disk before anything is sent that it is about.
        .synchronous(SqliteSynchronous::Full)
        // A pod's root is read-only: there is no folder for temporary files.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    options = if writes {
        options.journal_mode(SqliteJournalMode::Wal)
    } else {
        options.pragma("query_only", "ON")
    };
    // One connection: writers of one file wait for each other anyhow, and here in the order in which they came.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        // It stays open: whoever opens it again may find another file.
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    pool.set_connect_options(options.create_if_missing(false));
    if writes {
        let migrated = SQLITE.run(&pool).await;
        migrated.map_err(|error| Error::of_migration(&name, newest(&SQLITE), error))?;
        // A file that only looks writable shows here, and not at the first sync.
        let probe = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        probe.rollback().await.map_err(failed)?;
    }
    let Some(database) = FileId::of(path) else {
        return Err(Error::Vanished { store: name });
    };
    let files = Files {
        database,
        logs: LOGS.map(|log| FileId::of(&beside(path, log))),
    };
    let pool = Pool::Sqlite(pool, files);
    if access != Access::Copy {
        pool.check(&name).await?;
    }
    Ok(pool)
}

async fn open_postgres(
    url: &Url,
    name: String,
    password: Option<&SecretString>,
    access: Access,
) -> Result<Pool, Error> {
    let failed = |error| Error::of(&name, error);
    let mut options: PgConnectOptions = url.as_str().parse().map_err(|_| Error::Address {
        message: "the driver doesn't understand its options".to_owned(),
    })?;
    options = options.application_name("directory-sync").disable_statement_logging();
    if let Some(password) = password {
        options = options.password(password.expose_secret());
    }
    if access != Access::Write {
        options = options.options([("default_transaction_read_only", "on")]);
    }
    // The pool would try again and again and then say that time is up: one connection by itself says why there is none.
    let first = tokio::time::timeout(CONNECT, options.connect()).await;
    let first = first.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(failed)?;
    first.close().await.map_err(failed)?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(options);
    if access == Access::Write {
        // The migrator holds a lock of the whole database meanwhile: of several replicas one makes the tables.
        let migrated = POSTGRES.run(&pool).await;
        migrated.map_err(|error| Error::of_migration(&name, newest(&POSTGRES), error))?;
    }
    let pool = Pool::Postgres(pool);
    pool.check(&name).await?;
    Ok(pool)
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Pool {
    /// Whether it is still what its address names: a file may have been taken away, or another one put in its place, and
    /// what is written to one that has no name any more is lost with it.
    pub fn is_at(&self, address: &Address) -> bool {
        match (self, address) {
            (Self::Sqlite(pool, files), Address::Sqlite(path)) => {
                !pool.is_closed() && FileId::of(path) == Some(files.database)
            }
            _ => true,
        }
    }

    /// Ends before another file is opened under its path, and takes its log out of that one's way.
    pub async fn give_way(&self, address: &Address) {
        self.close().await;
        if let (Self::Sqlite(_, files), Address::Sqlite(path)) = (self, address) {
            for (log, file) in LOGS.into_iter().zip(files.logs) {
                let path = beside(path, log);
                if file.is_some() && FileId::of(&path) == file {
                    let aside = beside(&path, ".old");
                    if let Err(error) = std::fs::rename(&path, &aside) {
                        tracing::warn!(%error, file = %path.display(), "The log of a store that was replaced stays beside the new one.");
                    }
                }
            }
        }
    }

    /// Whether the tables are those that this program knows.
    pub async fn check(&self, store: &str) -> Result<(), Error> {
        let failed = |error| Error::of(store, error);
        let known = newest(match self {
            Self::Sqlite(..) => &SQLITE,
            Self::Postgres(_) => &POSTGRES,
        });
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
            Self::Sqlite(pool, _) => Tx::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A transaction that writes.
    pub async fn begin_to_write(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            // A transaction that becomes a writing one half way may have to be given up.
            Self::Sqlite(pool, _) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Writes all that is in a file into a new one.
    pub async fn copy_into(&self, path: &Path) -> Result<(), sqlx::Error> {
        let Self::Sqlite(pool, _) = self else {
            return Err(sqlx::Error::Configuration("it is in no file".into()));
        };
        let path = path.to_string_lossy().into_owned();
        let mut connection = pool.acquire().await?;
        // The copy is written by the same connection.
        sqlx::query("PRAGMA query_only = OFF").execute(&mut *connection).await?;
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool, _) => pool.close().await,
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
