//! Copies of a store in a file: taken beside whoever uses it, and put in its place, which a running operator notices.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    Error, Store,
    address::{Access, Address, open_sqlite},
    backend::Pool,
    files::{FileId, LOGS, beside, folder},
};

/// What messages call a copy that is to be put in place of a store.
const BACKUP: &str = "the backup";

impl Store {
    /// The file that it is in; an error where it is in none.
    pub fn file(&self) -> Result<&Path, Error> {
        match &self.shared.address {
            Address::Sqlite(path) => Ok(path),
            Address::Postgres(_) => Err(Error::NoFile {
                store: self.shared.name.clone(),
            }),
        }
    }

    /// Writes all that is in it into a new file, as it is at one moment, beside whoever uses it.
    pub async fn backup(&self, into: &Path) -> Result<(), Error> {
        self.file()?;
        let (pool, _) = self.pool().await?;
        pool.copy_into(into).await.map_err(self.failed())
    }

    /// Puts a copy in its place that lies in the same folder; it is moved there. Whoever uses the store goes on with the copy
    /// as soon as what is under way has ended. One that is damaged, no store, or newer than this program is refused and stays
    /// where it is, and so does the store.
    pub async fn restore(&self, copy: &Path) -> Result<(), Error> {
        let path = self.file()?;
        let pool = open_sqlite(copy, BACKUP.to_owned(), Access::Copy, false).await?;
        let sound = sound(&pool).await;
        pool.close().await;
        sound?;
        let moved = || {
            // The log of the store says nothing of the copy, and would be read as if it did.
            for log in LOGS {
                let log = beside(path, log);
                if FileId::of(&log).is_some() {
                    std::fs::rename(&log, beside(&log, ".old"))?;
                }
            }
            std::fs::File::open(copy)?.sync_all()?;
            std::fs::rename(copy, path)?;
            std::fs::File::open(folder(path))?.sync_all()
        };
        moved().map_err(|source| Error::of(&self.shared.name, source.into()))
    }
}

/// Whether all of a copy can be read, and this program knows its tables or what to make of them.
async fn sound(pool: &Pool) -> Result<(), Error> {
    let failed = |error| Error::of(BACKUP, error);
    let mut tx = pool.begin().await.map_err(failed)?;
    let rows = tx.fetch("PRAGMA integrity_check(1)", &[]).await.map_err(failed)?;
    let told = rows.first().map(|row| row.text(0)).transpose().map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    match told.as_deref() {
        Some("ok") => {}
        _ => {
            return Err(Error::Unsound {
                store: BACKUP.to_owned(),
                why: told.unwrap_or_default(),
            });
        }
    }
    match pool.check(BACKUP).await {
        // Tables of an older program are brought up to date by whoever opens them to write.
        Err(Error::Older { .. }) => Ok(()),
        other => other,
    }
}

/// A file of its own beside a store: whatever is written there ends up on the same volume.
pub fn scratch(path: &Path, what: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(format!(".{what}-{}", std::process::id()));
    name.into()
}
