//! What can go wrong with the store, and what to do about it.

use sqlx::{error::DatabaseError, migrate::MigrateError};

/// A store that can't be opened, read or written. No message names a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address isn't one.
    #[error("the store's address can't be used: {message}; it is sqlite:///PATH or postgres://USER@HOST/DATABASE")]
    Address {
        /// What is wrong with it; never the address itself.
        message: String,
    },
    /// No file can be where it is to be.
    #[error("{store}: {why}")]
    Place {
        /// Which store.
        store: String,
        /// Why, and what to do.
        why: &'static str,
    },
    /// There is nothing to read.
    #[error("{store}: there is no such database; the operator makes it at its first start")]
    Missing {
        /// Which store.
        store: String,
    },
    /// Its file has gone while it was in use.
    #[error(
        "{store} was taken away while it was in use; put it back, or the last backup in its place, or start the operator anew: it \
         then begins a new one"
    )]
    Vanished {
        /// Which store.
        store: String,
    },
    /// Another one is in its place since the sync began.
    #[error("{store} was replaced by another one while a sync wrote to it; the next sync goes on with the new one")]
    Replaced {
        /// Which store.
        store: String,
    },
    /// The server isn't there, or has gone.
    #[error("{store} can't be reached; look whether it runs and whether the network lets us there")]
    Unreachable {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server refuses us.
    #[error(
        "{store} doesn't accept the user or the password; put the right ones into the Secret or file that has them"
    )]
    Refused {
        /// Which store.
        store: String,
    },
    /// A right is missing there.
    #[error("{store}: the user may not do that; make him the owner of the database's schema")]
    Forbidden {
        /// Which store.
        store: String,
        /// Which.
        #[source]
        source: sqlx::Error,
    },
    /// There is no room.
    #[error("{store} is full; enlarge its disk or volume, or free some of it")]
    Full {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody else has it.
    #[error("{store} is locked by another process; end that one: two operators can't share one file")]
    Locked {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// It can't be written.
    #[error("{store} is read-only; make its file, its folder and its volume writable for the operator's user")]
    ReadOnly {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// It is damaged, or something else altogether.
    #[error(
        "{store} is damaged or no database; restore the last backup, or move it away: the operator then begins a new one"
    )]
    Corrupt {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A newer program made it.
    #[error(
        "{store} was brought to version {version} by a newer program, and this one knows version {known}: run that version or \
         a later one, or restore the backup from before the upgrade"
    )]
    Newer {
        /// Which store.
        store: String,
        /// Its version.
        version: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// An older program made it, and nobody has brought it up to date.
    #[error(
        "{store} is of version {version}, and this program reads version {known}: start the operator of this version once"
    )]
    Older {
        /// Which store.
        store: String,
        /// Its version.
        version: i64,
        /// The one that is read.
        known: i64,
    },
    /// Its tables can't be brought up to date.
    #[error("{store}: its tables can't be brought up to date; restore the last backup, and report this")]
    Migrate {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: Box<MigrateError>,
    },
    /// It is a server's.
    #[error("{store} is in no file: copy it with pg_dump, and read the copy back with psql")]
    NoFile {
        /// Which store.
        store: String,
    },
    /// A copy is damaged.
    #[error("{store} is damaged, and isn't put in place: {why}")]
    Unsound {
        /// Which copy.
        store: String,
        /// What the database says.
        why: String,
    },
    /// A row isn't what was written.
    #[error("{store}: {what} can't be read back; restore the last backup, and report this")]
    Row {
        /// Which store.
        store: String,
        /// What.
        what: &'static str,
    },
    /// Anything else.
    #[error("{store} failed; look at its log")]
    Other {
        /// Which store.
        store: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

impl Error {
    /// What a failure of the driver means.
    pub(super) fn of(store: &str, source: sqlx::Error) -> Self {
        let store = store.to_owned();
        let kind = match &source {
            sqlx::Error::Database(error) => kind_of(error.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Kind::Unreachable,
            _ => Kind::Other,
        };
        match kind {
            Kind::Unreachable => Self::Unreachable { store, source },
            Kind::Refused => Self::Refused { store },
            Kind::Forbidden => Self::Forbidden { store, source },
            Kind::Missing => Self::Missing { store },
            Kind::Full => Self::Full { store, source },
            Kind::Locked => Self::Locked { store, source },
            Kind::ReadOnly => Self::ReadOnly { store, source },
            Kind::Corrupt => Self::Corrupt { store, source },
            Kind::Other => Self::Other { store, source },
        }
    }

    /// What a failed migration means. `known`: the newest version of this program.
    pub(super) fn of_migration(store: &str, known: i64, source: MigrateError) -> Self {
        match source {
            MigrateError::VersionMissing(version) if version > known => Self::Newer {
                store: store.to_owned(),
                version,
                known,
            },
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => Self::of(store, source),
            source => Self::Migrate {
                store: store.to_owned(),
                source: Box::new(source),
            },
        }
    }
}

enum Kind {
    Unreachable,
    Refused,
    Forbidden,
    Missing,
    Full,
    Locked,
    ReadOnly,
    Corrupt,
    Other,
}

fn kind_of(error: &dyn DatabaseError) -> Kind {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        sqlite(code.parse().unwrap_or_default())
    } else {
        postgres(&code)
    }
}

/// Result codes of `SQLite` (<https://www.sqlite.org/rescode.html>); the low byte is the kind.
fn sqlite(code: i32) -> Kind {
    match code & 0xff {
        5 | 6 => Kind::Locked,
        // The file can't be opened for writing, or its folder.
        8 | 14 => Kind::ReadOnly,
        11 | 26 => Kind::Corrupt,
        13 => Kind::Full,
        10 => Kind::Unreachable,
        _ => Kind::Other,
    }
}

/// SQLSTATE codes (PostgreSQL's documentation, appendix A).
fn postgres(code: &str) -> Kind {
    match code {
        "28P01" | "28000" => Kind::Refused,
        "42501" => Kind::Forbidden,
        "3D000" => Kind::Missing,
        "53100" => Kind::Full,
        "55P03" | "40P01" => Kind::Locked,
        "25006" => Kind::ReadOnly,
        "53300" => Kind::Unreachable,
        _ if code.starts_with("08") || code.starts_with("57P") => Kind::Unreachable,
        _ if code.starts_with("XX") => Kind::Corrupt,
        _ => Kind::Other,
    }
}
