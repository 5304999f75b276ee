//! The tables, and whether a database has those that this program knows.

use sqlx::migrate::Migrator;

use super::{Error, backend::Pool};

pub(super) static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// The newest version of the tables.
pub(super) fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Pool {
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
}
