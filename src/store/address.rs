//! Where a store is, and how it is opened there.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use url::Url;

use super::{
    Error,
    backend::Pool,
    files::{FileId, Files, LOGS, beside, folder},
    schema::{POSTGRES, SQLITE, newest},
};

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

    /// Whether it still names what is open: a file may have been taken away, or another one put in its place, and what is
    /// written to one that has no name any more is lost with it.
    pub fn still_names(&self, open: &Pool) -> bool {
        match (open, self) {
            (Pool::Sqlite(pool, files), Self::Sqlite(path)) => {
                !pool.is_closed() && FileId::of(path) == Some(files.database)
            }
            _ => true,
        }
    }

    /// Ends what was open before another file is opened under its path, and takes its log out of that one's way.
    pub async fn clear(&self, old: &Pool) {
        old.close().await;
        if let (Pool::Sqlite(_, files), Self::Sqlite(path)) = (old, self) {
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
