//! A ledger that lasts as long as the process.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;

use super::{
    Entry, HeldPlan, Intent, Key, Ledger, LedgerError, Ledgers, MAX_SPENT, Opened, Removal, Scope, Settlement, Spent,
    SyncRecord, Unfinished,
};

/// How many entries are handed out at once.
const PAGE: usize = 1000;

/// A ledger that lasts as long as the process.
///
/// What the platform says itself it doesn't keep: with a platform that carries marks, all that is in it are the intents
/// of requests under way. With one that doesn't, it keeps what was given, and is the mark.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Kept>);

/// What is kept.
#[derive(Clone, Debug, Default)]
struct Kept {
    entries: BTreeMap<Key, Entry>,
    intents: BTreeMap<String, Intent>,
    /// The approved plan under way and, of held plans, the last.
    spent: Option<String>,
    held: Option<(String, Vec<String>)>,
    /// The approvals that were used, the latest first.
    used: Vec<Spent>,
    /// Whether the platform carries marks.
    marks: bool,
    /// Whether a run has seen the platform.
    known: bool,
}

impl MemoryLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// All entries, in the order of their keys.
    pub fn all(&self) -> Vec<Entry> {
        self.kept().entries.values().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ledger for each owner on each platform, all of them in memory.
#[derive(Debug, Default)]
pub struct MemoryLedgers(Mutex<HashMap<(String, String), Arc<MemoryLedger>>>);

impl MemoryLedgers {
    /// The same ledgers once more, which go ways of their own from now on.
    #[must_use]
    pub fn copied(&self) -> Self {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = |ledger: &MemoryLedger| Arc::new(MemoryLedger(Mutex::new(ledger.kept().clone())));
        let copies = all.iter().map(|(key, ledger)| (key.clone(), copy(ledger)));
        Self(Mutex::new(copies.collect()))
    }
}

impl Ledgers for MemoryLedgers {
    fn of(&self, scope: &Scope) -> Arc<dyn Ledger> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ledger = all.entry((scope.owner.clone(), scope.platform.clone())).or_default();
        Arc::<MemoryLedger>::clone(ledger)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn open(&self, marks: bool) -> Result<Opened, LedgerError> {
        let mut kept = self.kept();
        kept.marks = marks;
        let unfinished = match (&kept.spent, &kept.held) {
            (Some(hash), Some((held, removals))) if hash == held => Some(Unfinished {
                hash: hash.clone(),
                removals: removals.clone(),
            }),
            _ => None,
        };
        Ok(Opened {
            // Where the platform carries marks, there is nothing that it would want to be told.
            known: marks || kept.known,
            intents: kept.intents.values().cloned().collect(),
            unfinished,
            spent: kept.used.clone(),
        })
    }

    async fn entries(&self, after: Option<&Key>) -> Result<Vec<Entry>, LedgerError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let kept = self.kept();
        let following = kept.entries.range((from, Bound::Unbounded));
        Ok(following.take(PAGE).map(|(_, entry)| entry.clone()).collect())
    }

    async fn intend(&self, intent: &Intent) -> Result<(), LedgerError> {
        let mut kept = self.kept();
        if !kept.marks {
            kept.intents.insert(intent.id.clone(), intent.clone());
        }
        Ok(())
    }

    async fn settle(&self, settlement: &Settlement) -> Result<(), LedgerError> {
        let mut kept = self.kept();
        for id in &settlement.intents {
            kept.intents.remove(id);
        }
        if kept.marks {
            return Ok(());
        }
        for entry in &settlement.record {
            let mut entry = entry.clone();
            if let Some(before) = kept.entries.get(&entry.key) {
                entry.keep(before);
            }
            kept.entries.insert(entry.key.clone(), entry);
        }
        for key in &settlement.forget {
            kept.entries.remove(key);
        }
        Ok(())
    }

    async fn known(&self) -> Result<(), LedgerError> {
        self.kept().known = true;
        Ok(())
    }

    async fn hold(
        &self,
        plan: &HeldPlan,
        removals: &mut (dyn Iterator<Item = Removal> + Send),
    ) -> Result<(), LedgerError> {
        let mut kept = self.kept();
        if kept.held.as_ref().is_none_or(|(hash, _)| *hash != plan.hash) {
            let mut lines: Vec<String> = removals.map(|removal| removal.line()).collect();
            lines.sort_unstable();
            kept.held = Some((plan.hash.clone(), lines));
        }
        Ok(())
    }

    async fn spend(&self, hash: &str, _: &str, at: SystemTime) -> Result<(), LedgerError> {
        let mut kept = self.kept();
        kept.spent = Some(hash.to_owned());
        kept.used.retain(|spent| spent.hash != hash);
        let hash = hash.to_owned();
        kept.used.insert(0, Spent { hash, at });
        kept.used.truncate(MAX_SPENT);
        Ok(())
    }

    async fn finish(&self, hash: &str) -> Result<(), LedgerError> {
        let mut kept = self.kept();
        if kept.spent.as_deref() == Some(hash) {
            kept.spent = None;
            kept.held = None;
        }
        Ok(())
    }

    async fn record(&self, _: &SyncRecord) -> Result<(), LedgerError> {
        Ok(())
    }
}

impl Entry {
    /// Takes over from what was known what this one doesn't say: since when, and where it is silent, by which mapping and
    /// for whom.
    pub(crate) fn keep(&mut self, before: &Self) {
        if self.role == before.role {
            self.since = before.since;
        }
        for (own, before) in [
            (&mut self.mapping, &before.mapping),
            (&mut self.directory_id, &before.directory_id),
        ] {
            if own.is_empty() {
                own.clone_from(before);
            }
        }
    }
}
