//! Durable state: what is ours on each platform, requests under way, held plans, decisions, history, and what each sync
//! took. In one `SQLite` file, or in PostgreSQL where several replicas share it; the same statements on both.
//!
//! | table | what | how long |
//! | --- | --- | --- |
//! | `ledgers` | one row for each owner on each platform | for good |
//! | `entries` | what is ours there | until it is taken |
//! | `intents` | requests of which nobody knows what came of them | until the next sync looks |
//! | `held_plans`, `held_removals` | plans that wait, with every removal | until they are carried out or are other ones |
//! | `decisions` | who decided what, and which sync used it | [`DAYS`] days |
//! | `syncs` | history | [`DAYS`] days; at most [`CHANGED`] that did something and [`UNCHANGED`] others of a connection |
//! | `removals` | what each sync took, for `restore` | as long as their sync |

mod backend;
mod error;
mod ledger;
mod read;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::SecretString;

pub use backend::Access;
pub use error::Error;
pub use ledger::StoreLedger;
pub use read::{Held, SyncRow, Taken};

use crate::sync::ledger::{Ledger, Ledgers, Scope};
use backend::{Bind, Pool, Tx};

/// How many days history and decisions are kept.
pub const DAYS: u64 = 90;

/// How many syncs of a connection that did something are kept.
pub const CHANGED: i64 = 1000;

/// How many others are kept.
pub const UNCHANGED: i64 = 100;

/// The store. Clones share one pool of connections.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    /// What messages call it; no secret is in it.
    name: Arc<str>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.name)
    }
}

impl Store {
    /// Opens a store by its address: `sqlite:///PATH` (made when it isn't there), or `postgres://USER@HOST/DATABASE`. Its
    /// tables are brought up to date. `password` wins over the one in the address.
    pub async fn open(address: &SecretString, password: Option<&SecretString>) -> Result<Self, Error> {
        Self::open_for(address, password, Access::Write).await
    }

    /// Opens a store, to read alone where that is enough.
    pub async fn open_for(
        address: &SecretString,
        password: Option<&SecretString>,
        access: Access,
    ) -> Result<Self, Error> {
        let (pool, name) = backend::open(address, password, access).await?;
        Ok(Self {
            pool,
            name: name.into(),
        })
    }

    /// What messages call it; no secret is in it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Closes all connections, when what is under way is done.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Tx, Error> {
        self.pool.begin().await.map_err(self.failed())
    }

    async fn begin_to_write(&self) -> Result<Tx, Error> {
        self.pool.begin_to_write().await.map_err(self.failed())
    }

    /// What a failure of the driver means.
    fn failed(&self) -> impl Fn(sqlx::Error) -> Error + Copy + '_ {
        |source| Error::of(&self.name, source)
    }

    fn unreadable(&self, what: &'static str) -> Error {
        Error::Row {
            store: self.name.to_string(),
            what,
        }
    }
}

impl Ledgers for Store {
    fn of(&self, scope: &Scope) -> Arc<dyn Ledger> {
        Arc::new(StoreLedger::new(self.clone(), scope.clone()))
    }
}

/// Milliseconds since 1970.
fn to_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn from_millis(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn text(text: &str) -> Bind {
    Bind::from(text)
}

#[cfg(test)]
mod tests;
