//! What a run writes down: what we gave and to whom, what each sync took, which plans wait, what became of every sync.
//!
//! A [`Ledger`] belongs to one connection: one owner on one platform. Everything durable that a run does goes through it,
//! written ahead: an [`Intent`] is on record before a request is sent, and its [`Settlement`] once the answer is known. A
//! crash in between leaves an open intent, and the next run sees by the platform itself what became of it.
//!
//! Where the platform carries our marks, they are the truth, and the ledger costs as much as there are changes: it is
//! never read as a whole, and one that doesn't know the owner is filled from the marks. Where a platform can't carry
//! marks ([`Capability::marks`](crate::platform::Capability::marks)) the ledger is the mark: what it doesn't know is
//! nobody's, so that losing it makes everything unmanaged.

mod entry;
mod memory;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

pub use entry::{Entry, EntryKind, Given, Intent, Key, Removal, Settlement};
pub use memory::{MemoryLedger, MemoryLedgers};

use crate::fault::{Class, Fault};

/// The trigger of a run that gives back what another one took.
pub const RESTORE: &str = "Restore";

/// Whose ledger it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The connection, `NAMESPACE/NAME`: for history alone.
    pub connection: String,
    /// Its `ownerID`.
    pub owner: String,
    /// The platform's address: ids of one platform say nothing on another.
    pub platform: String,
    /// Why this run began.
    pub trigger: String,
}

/// Where the ledgers of all connections are.
pub trait Ledgers: Send + Sync + fmt::Debug {
    /// The ledger of one connection, for one run.
    fn of(&self, scope: &Scope) -> Arc<dyn Ledger>;
}

/// What the ledger of a connection knows when a run begins.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Whether it knows this owner on this platform at all. Where it doesn't and the platform carries marks, the run fills it.
    pub known: bool,
    /// Intents whose outcome isn't known, of runs that were broken off.
    pub intents: Vec<Intent>,
    /// An approved plan that a run began to carry out and didn't finish.
    pub unfinished: Option<Unfinished>,
    /// The approvals that runs have used, the latest first; at most [`MAX_SPENT`].
    pub spent: Vec<Spent>,
}

/// How many used approvals a run is told of: those of which it may still have to say what has become of them are the latest.
pub const MAX_SPENT: usize = 100;

/// An approval that a run has used. The same plan may come again, and be approved again: the time tells which one it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The hash that was approved.
    pub hash: String,
    /// When the run began that used it.
    pub at: SystemTime,
}

/// An approved plan that was begun and not finished. What is left of it is another plan, with another hash, and approved
/// all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The hash that was approved.
    pub hash: String,
    /// Its removals, as [`Removal::line`] tells them, sorted.
    pub removals: Vec<String>,
}

/// A plan that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPlan {
    /// The hash of its removals.
    pub hash: String,
    /// The run that held it.
    pub sync: String,
    /// When.
    pub at: SystemTime,
    /// Why, one sentence a limit.
    pub reasons: Vec<String>,
}

/// One run, as history tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRecord {
    /// The run's id.
    pub id: String,
    /// How it ended; `Running` before it did.
    pub outcome: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: Option<SystemTime>,
    /// What was done, as JSON: the fields of the report's `done`.
    pub counts: String,
    /// Why it failed, if it did; bounded, without secrets.
    pub error: String,
}

/// The durable bookkeeping of one connection. Each call is one transaction: done as a whole, or not at all.
///
/// Every call may be repeated with the same arguments and has the effect of one.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// What there is to know when a run begins. `marks`: whether the platform carries our marks.
    async fn open(&self, marks: bool) -> Result<Opened, LedgerError>;

    /// The next entries in the order of their keys, beginning after `after`; empty at the end. Asked for only where the
    /// platform carries no marks.
    async fn entries(&self, after: Option<&Key>) -> Result<Vec<Entry>, LedgerError>;

    /// Writes down what is about to be sent. Nothing is sent where this fails.
    async fn intend(&self, intent: &Intent) -> Result<(), LedgerError>;

    /// Writes down what came of intents, or what was observed.
    async fn settle(&self, settlement: &Settlement) -> Result<(), LedgerError>;

    /// Notes that the ledger holds all that the owner has on the platform: it is known from now on.
    async fn known(&self) -> Result<(), LedgerError>;

    /// Keeps a held plan with all its removals. One of this hash that is kept already stays as it is.
    async fn hold(
        &self,
        plan: &HeldPlan,
        removals: &mut (dyn Iterator<Item = Removal> + Send),
    ) -> Result<(), LedgerError>;

    /// Notes who decided what about the plan with this hash: `Approved` or `Rejected`. A ledger that keeps no history needs none of it.
    async fn decide(&self, _hash: &str, _decision: &str, _by: &str, _at: SystemTime) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Notes, before anything of it is done, that the approval of the plan with this hash is used by a run.
    async fn spend(&self, hash: &str, sync: &str, at: SystemTime) -> Result<(), LedgerError>;

    /// Notes that the approved plan with this hash is carried out to its end, or is another one by now: nothing of it is
    /// left that may go on.
    async fn finish(&self, hash: &str) -> Result<(), LedgerError>;

    /// Writes a run into the history; the same id again replaces what was known of it.
    async fn record(&self, sync: &SyncRecord) -> Result<(), LedgerError>;
}

/// A ledger that can't be read or written. Nothing more is written to the platform.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct LedgerError {
    /// What was being done.
    what: &'static str,
    /// Why it failed, and what to do.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl LedgerError {
    /// Wraps a store's own error. `what`: what was being done, for example `writing the ledger`.
    pub fn new(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            what,
            source: source.into(),
        }
    }
}

impl Fault for LedgerError {
    fn class(&self) -> Class {
        Class::StoreUnavailable
    }

    fn retry_after(&self) -> Option<Duration> {
        None
    }
}
