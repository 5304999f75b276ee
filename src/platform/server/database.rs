//! The SQLite file: one connection that writes, a pool that reads.

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Durability, ServerError};

static MIGRATIONS: Migrator = sqlx::migrate!("src/platform/server/migrations");

/// How long a statement waits for another process that has the file.
const BUSY: Duration = Duration::from_secs(5);

/// How many reads go on at once.
const READERS: u32 = 4;

/// How long a read waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Opens the file, creates it when there is none, and brings its tables up to date.
///
/// Every commit is on the disk before it is answered (`synchronous = FULL`), unless nothing is to be waited for.
pub(super) async fn open(path: &Path, durability: Durability) -> Result<(SqliteConnection, SqlitePool), ServerError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let failed = |source| ServerError::Open {
        path: path.to_owned(),
        source,
    };
    let writing = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::None => SqliteSynchronous::Off,
        });
    let single = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(writing)
        .await
        .map_err(failed)?;
    let migrated = MIGRATIONS.run(&single).await;
    migrated.map_err(|source| ServerError::Migrate {
        path: path.to_owned(),
        source,
    })?;
    let writer = single.acquire().await.map_err(failed)?.detach();
    single.close().await;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .connect_with(options.read_only(true).row_buffer_size(1024))
        .await
        .map_err(failed)?;
    Ok((writer, readers))
}
