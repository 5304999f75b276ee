//! The ledger at the other end of a line: each of its transactions is a call as any other.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use directory_sync::sync::ledger::{
    Entry, HeldPlan, Intent, Key, Ledger, LedgerError, Ledgers, Opened, Removal, Scope, Settlement, SyncRecord,
};
use futures::executor::block_on;
use tokio::task::unconstrained;

use crate::line::Line;

/// The ledgers of the world, at the other end of a line.
#[derive(Debug)]
pub struct LedgersOnLine(pub Arc<Line>);

impl Ledgers for LedgersOnLine {
    fn of(&self, scope: &Scope) -> Arc<dyn Ledger> {
        Arc::new(LedgerOnLine {
            ledger: self.0.world().ledgers.of(scope),
            line: Arc::clone(&self.0),
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
        let done = self
            .line
            .carry(format!("ledger: {what}"), || block_on(unconstrained(act)))
            .await;
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
