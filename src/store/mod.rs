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

mod address;
mod backend;
mod backup;
mod error;
mod files;
mod history;
mod ledger;
mod read;
mod schema;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::SecretString;
use tokio::sync::RwLock;

pub use address::Access;
pub use backup::scratch;
pub use error::Error;
pub use ledger::StoreLedger;
pub use read::{Held, SyncRow, Taken};

use crate::sync::ledger::{Ledger, Ledgers, Scope};
use address::Address;
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
    shared: Arc<Shared>,
}

struct Shared {
    address: Address,
    password: Option<SecretString>,
    access: Access,
    /// What messages call it; no secret is in it.
    name: String,
    /// What is open, once something is, and how many were open before it.
    pool: RwLock<Option<(Pool, u64)>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.shared.name)
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
        let store = Self::at(address, password, access)?;
        store.ensure().await?;
        Ok(store)
    }

    /// Opens it where it isn't open yet.
    pub async fn ensure(&self) -> Result<(), Error> {
        self.pool().await.map(drop)
    }

    /// A store that is opened at its first use. One that can't be opened is tried again at each use.
    pub fn at(address: &SecretString, password: Option<&SecretString>, access: Access) -> Result<Self, Error> {
        let address = Address::parse(address)?;
        let shared = Shared {
            name: address.name(),
            address,
            password: password.cloned(),
            access,
            pool: RwLock::new(None),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// What is open, and how many were open before it. It is opened where nothing is, and anew where another file has the
    /// path by now.
    async fn pool(&self) -> Result<(Pool, u64), Error> {
        let Shared {
            address,
            password,
            access,
            pool,
            name,
        } = &*self.shared;
        let good = |open: &Option<(Pool, u64)>| open.clone().filter(|(pool, _)| address.still_names(pool));
        if let Some(found) = good(&*pool.read().await) {
            return Ok(found);
        }
        let mut open = pool.write().await;
        if let Some(found) = good(&open) {
            return Ok(found);
        }
        let Some((old, number)) = &*open else {
            let opened = address.open(password.as_ref(), *access, true).await?;
            return Ok(open.insert((opened, 0)).clone());
        };
        // One that was there and is gone isn't begun anew behind everybody's back: it may come back.
        address.look().await?;
        address.clear(old).await;
        let opened = address.open(password.as_ref(), *access, false).await?;
        tracing::warn!(
            store = name,
            "Another store was put in the place of this one, and is in use now."
        );
        let found = (opened, number + 1);
        *open = Some(found.clone());
        Ok(found)
    }

    fn reads_only(&self) -> bool {
        self.shared.access != Access::Write
    }

    /// What messages call it; no secret is in it.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Closes all connections, when what is under way is done.
    pub async fn close(&self) {
        if let Some((pool, _)) = self.shared.pool.write().await.take() {
            pool.close().await;
        }
    }

    /// A transaction to read in, and how many stores were open before the one that it is in.
    async fn begin(&self) -> Result<(Tx, u64), Error> {
        let (pool, opening) = self.pool().await?;
        let tx = pool.begin().await.map_err(self.failed())?;
        Ok((tx, opening))
    }

    /// The same to write in.
    async fn begin_to_write(&self) -> Result<(Tx, u64), Error> {
        let (pool, opening) = self.pool().await?;
        let tx = pool.begin_to_write().await.map_err(self.failed())?;
        Ok((tx, opening))
    }

    fn replaced(&self) -> Error {
        Error::Replaced {
            store: self.shared.name.clone(),
        }
    }

    /// What a failure of the driver means.
    fn failed(&self) -> impl Fn(sqlx::Error) -> Error + Copy + '_ {
        |source| Error::of(&self.shared.name, source)
    }

    fn unreadable(&self, what: &'static str) -> Error {
        Error::Row {
            store: self.shared.name.clone(),
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
