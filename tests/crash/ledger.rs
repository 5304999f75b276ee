//! The store at the other end of a line: to open it is a call as any other, and so is each of its transactions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use directory_sync::store::{Store, Taken};
use directory_sync::sync::ledger::{
    Entry, HeldPlan, Intent, Key, Ledger, LedgerError, Ledgers, Opened, Removal, Scope, Settlement, SyncRecord,
};

use crate::line::Line;

/// How soon a process is started again that couldn't open its store.
const RESTART: Duration = Duration::from_secs(1);

/// The store of the world, at the other end of a line.
#[derive(Debug)]
pub struct StoreOnLine {
    store: Store,
    line: Arc<Line>,
}

impl StoreOnLine {
    /// Opens it. Who can't is started again, and tries it once more.
    pub async fn open(line: &Arc<Line>) -> Self {
        loop {
            let opening = || line.world().database.open().expect("the store can be opened");
            if let Some(store) = line.carry("ledger: open the store".to_owned(), opening).await {
                let line = Arc::clone(line);
                return Self { store, line };
            }
            tokio::time::sleep(RESTART).await;
        }
    }

    /// What a sync took.
    pub async fn taken(&self, sync: &str) -> Option<Taken> {
        let database = &self.line.world().database;
        let name = "ledger: what a sync took".to_owned();
        let taken = self.line.carry(name, || database.wait(self.store.taken(sync)));
        taken.await?.expect("what a sync took can be read")
    }
}

impl Ledgers for StoreOnLine {
    fn of(&self, scope: &Scope) -> Arc<dyn Ledger> {
        Arc::new(LedgerOnLine {
            ledger: self.store.of(scope),
            line: Arc::clone(&self.line),
        })
    }
}

struct LedgerOnLine {
    ledger: Arc<dyn Ledger>,
    line: Arc<Line>,
}

impl LedgerOnLine {
    /// A transaction takes effect at once and whole, as the calls to everybody else do.
    async fn carry<T>(&self, what: &str, act: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
        let database = &self.line.world().database;
        let done = self.line.carry(format!("ledger: {what}"), || database.wait(act)).await;
        done.unwrap_or_else(|| {
            let busy = std::io::Error::other("the database is locked");
            Err(LedgerError::new("using the ledger", busy))
        })
    }
}

#[async_trait]
impl Ledger for LedgerOnLine {
    async fn open(&self, marks: bool) -> Result<Opened, LedgerError> {
        self.carry("open", self.ledger.open(marks)).await
    }

    async fn entries(&self, after: Option<&Key>) -> Result<Vec<Entry>, LedgerError> {
        self.carry("entries", self.ledger.entries(after)).await
    }

    async fn intend(&self, intent: &Intent) -> Result<(), LedgerError> {
        self.carry("intend", self.ledger.intend(intent)).await
    }

    async fn settle(&self, settlement: &Settlement) -> Result<(), LedgerError> {
        self.carry("settle", self.ledger.settle(settlement)).await
    }

    async fn known(&self) -> Result<(), LedgerError> {
        self.carry("known", self.ledger.known()).await
    }

    async fn hold(
        &self,
        plan: &HeldPlan,
        removals: &mut (dyn Iterator<Item = Removal> + Send),
    ) -> Result<(), LedgerError> {
        self.carry("hold", self.ledger.hold(plan, removals)).await
    }

    async fn decide(&self, hash: &str, decision: &str, by: &str, at: SystemTime) -> Result<(), LedgerError> {
        self.carry("decide", self.ledger.decide(hash, decision, by, at)).await
    }

    async fn spend(&self, hash: &str, sync: &str, at: SystemTime) -> Result<(), LedgerError> {
        self.carry("spend", self.ledger.spend(hash, sync, at)).await
    }

    async fn finish(&self, hash: &str) -> Result<(), LedgerError> {
        self.carry("finish", self.ledger.finish(hash)).await
    }

    async fn record(&self, sync: &SyncRecord) -> Result<(), LedgerError> {
        self.carry("record", self.ledger.record(sync)).await
    }
}
