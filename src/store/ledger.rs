//! The ledger of one connection in the store.

use std::time::SystemTime;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{
    Bind, Error, Store, Tx,
    backend::Row,
    from_millis,
    history::{REMOVAL, hold, record, removal_values},
    read, text, to_millis,
};
use crate::sync::ledger::{
    Entry, EntryKind, HeldPlan, Intent, Key, Ledger, LedgerError, MAX_SPENT, Opened, Removal, Scope, Settlement, Spent,
    SyncRecord, Unfinished,
};

/// How many entries are read at once.
const PAGE: i64 = 10_000;

/// The ledger of one connection in the store.
pub struct StoreLedger {
    store: Store,
    scope: Scope,
    /// Its number, once it is known, and of which opening of the store that is.
    number: OnceCell<(i64, u64)>,
}

impl StoreLedger {
    pub(super) fn new(store: Store, scope: Scope) -> Self {
        Self {
            store,
            scope,
            number: OnceCell::new(),
        }
    }

    /// Its number, made when it is new, and of which opening of the store that is.
    async fn numbered(&self) -> Result<(i64, u64), Error> {
        let made = self.number.get_or_try_init(async || {
            let failed = self.store.failed();
            let (mut tx, opening) = self.store.begin_to_write().await?;
            let Scope {
                connection,
                owner,
                platform,
                ..
            } = &self.scope;
            let sql = "INSERT INTO ledgers (owner, platform, connection) VALUES ($1, $2, $3) \
                       ON CONFLICT (owner, platform) DO UPDATE SET connection = excluded.connection RETURNING id";
            let rows = tx
                .fetch(sql, &[text(owner), text(platform), text(connection)])
                .await
                .map_err(failed)?;
            tx.commit().await.map_err(failed)?;
            let row = rows.first().ok_or_else(|| self.store.unreadable("a ledger's number"))?;
            Ok((row.int(0).map_err(failed)?, opening))
        });
        made.await.copied()
    }

    /// A transaction to write in, with this ledger's number.
    async fn begin_to_write(&self) -> Result<(Tx, i64), Error> {
        let (number, noted) = self.numbered().await?;
        let (tx, opening) = self.store.begin_to_write().await?;
        // In another store the number may be somebody else's, and what this sync wrote down isn't there.
        if opening == noted {
            Ok((tx, number))
        } else {
            Err(self.store.replaced())
        }
    }

    /// A transaction to read in, with this ledger's number; `None` where it is new, and the store is only read.
    async fn begin(&self) -> Result<Option<(Tx, i64)>, Error> {
        if self.store.reads_only() {
            let failed = self.store.failed();
            let (mut tx, _) = self.store.begin().await?;
            let sql = "SELECT id FROM ledgers WHERE owner = $1 AND platform = $2";
            let binds = [text(&self.scope.owner), text(&self.scope.platform)];
            let rows = tx.fetch(sql, &binds).await.map_err(failed)?;
            let number = rows.first().map(|row| row.int(0)).transpose().map_err(failed)?;
            return Ok(number.map(|number| (tx, number)));
        }
        let (number, noted) = self.numbered().await?;
        let (tx, opening) = self.store.begin().await?;
        if opening == noted {
            Ok(Some((tx, number)))
        } else {
            Err(self.store.replaced())
        }
    }

    async fn load(&self) -> Result<Opened, Error> {
        let failed = self.store.failed();
        let Some((mut tx, number)) = self.begin().await? else {
            return Ok(Opened::default());
        };
        let known = tx
            .fetch("SELECT known FROM ledgers WHERE id = $1", &[number.into()])
            .await
            .map_err(failed)?;
        let known = known.first().map(|row| row.int(0)).transpose().map_err(failed)?;
        let rows = tx
            .fetch(
                "SELECT body FROM intents WHERE ledger = $1 ORDER BY id",
                &[number.into()],
            )
            .await
            .map_err(failed)?;
        let mut intents = Vec::with_capacity(rows.len());
        for row in rows {
            let body = row.text(0).map_err(failed)?;
            intents.push(serde_json::from_str(&body).map_err(|_| self.store.unreadable("an intent"))?);
        }
        let sql = "SELECT d.hash FROM decisions d JOIN held_plans h ON h.ledger = d.ledger AND h.hash = d.hash \
                   WHERE d.ledger = $1 AND d.spent_by <> '' AND d.finished = 0 ORDER BY d.spent DESC";
        let rows = tx.fetch(sql, &[number.into()]).await.map_err(failed)?;
        let unfinished = match rows.first() {
            None => None,
            Some(row) => {
                let hash = row.text(0).map_err(failed)?;
                let removals = read::held_removals(&self.store, &mut tx, number, &hash).await?;
                let mut removals: Vec<String> = removals.iter().map(Removal::line).collect();
                removals.sort_unstable();
                Some(Unfinished { hash, removals })
            }
        };
        let sql = format!(
            "SELECT hash, spent FROM decisions WHERE ledger = $1 AND spent_by <> '' ORDER BY spent DESC LIMIT {MAX_SPENT}"
        );
        let rows = tx.fetch(&sql, &[number.into()]).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let spent = rows.iter().map(|row| {
            let (hash, at) = (row.text(0)?, row.opt_int(1)?.unwrap_or(0));
            let at = from_millis(at);
            Ok(Spent { hash, at })
        });
        Ok(Opened {
            known: known == Some(1),
            intents,
            unfinished,
            spent: spent.collect::<Result<_, _>>().map_err(failed)?,
        })
    }

    async fn page(&self, after: Option<&Key>) -> Result<Vec<Entry>, Error> {
        let failed = self.store.failed();
        let Some((mut tx, number)) = self.begin().await? else {
            return Ok(Vec::new());
        };
        let columns = "SELECT kind, id, container, directory_id, role, mapping, since, deactivated FROM entries \
                       WHERE ledger = $1";
        let order = "ORDER BY kind, id, container LIMIT";
        let rows = match after {
            None => tx.fetch(&format!("{columns} {order} {PAGE}"), &[number.into()]).await,
            Some(Key { kind, id, container }) => {
                let sql = format!("{columns} AND (kind, id, container) > ($2, $3, $4) {order} {PAGE}");
                let kind = Bind::Int(*kind as i64);
                tx.fetch(&sql, &[number.into(), kind, text(id), text(container)]).await
            }
        };
        let rows = rows.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        rows.iter().map(|row| self.entry(row)).collect()
    }

    fn entry(&self, row: &Row) -> Result<Entry, Error> {
        let failed = self.store.failed();
        let kind = usize::try_from(row.int(0).map_err(failed)?).ok();
        let kind = kind.and_then(|kind| EntryKind::ALL.get(kind).copied());
        Ok(Entry {
            key: Key {
                kind: kind.ok_or_else(|| self.store.unreadable("the kind of an entry"))?,
                id: row.text(1).map_err(failed)?,
                container: row.text(2).map_err(failed)?,
            },
            directory_id: row.text(3).map_err(failed)?,
            role: row.text(4).map_err(failed)?,
            mapping: row.text(5).map_err(failed)?,
            since: from_millis(row.int(6).map_err(failed)?),
            deactivated: row.opt_int(7).map_err(failed)?.map(from_millis),
        })
    }

    /// One transaction, with this ledger's number.
    async fn write(&self, work: impl AsyncFnOnce(&mut Tx, i64) -> Result<(), sqlx::Error>) -> Result<(), Error> {
        let failed = self.store.failed();
        let (mut tx, number) = self.begin_to_write().await?;
        work(&mut tx, number).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

/// Writes the rows of a settlement.
async fn settle(tx: &mut Tx, number: i64, settlement: &Settlement) -> Result<(), sqlx::Error> {
    // Of several entries with one key the last one counts, and no statement may meet a row twice.
    let mut latest: Vec<&Entry> = settlement.record.iter().collect();
    latest.sort_by(|one, other| one.key.cmp(&other.key));
    let mut record: Vec<&Entry> = Vec::with_capacity(latest.len());
    for entry in latest {
        match record.last_mut() {
            Some(last) if last.key == entry.key => *last = entry,
            _ => record.push(entry),
        }
    }
    let entries: Vec<Vec<Bind>> = record.into_iter().map(|entry| values(number, entry)).collect();
    tx.insert(
        "INSERT INTO entries (ledger, kind, id, container, directory_id, role, mapping, since, deactivated)",
        &entries,
        "ON CONFLICT (ledger, kind, id, container) DO UPDATE SET \
         since = CASE WHEN entries.role = excluded.role THEN entries.since ELSE excluded.since END, \
         directory_id = CASE WHEN excluded.directory_id = '' THEN entries.directory_id ELSE excluded.directory_id END, \
         mapping = CASE WHEN excluded.mapping = '' THEN entries.mapping ELSE excluded.mapping END, \
         role = excluded.role, deactivated = excluded.deactivated",
    )
    .await?;
    for key in &settlement.forget {
        let binds = [
            number.into(),
            Bind::Int(key.kind as i64),
            text(&key.id),
            text(&key.container),
        ];
        let sql = "DELETE FROM entries WHERE ledger = $1 AND kind = $2 AND id = $3 AND container = $4";
        tx.execute(sql, &binds).await?;
    }
    let journal: Vec<Vec<Bind>> = settlement
        .journal
        .iter()
        .map(|(sync, removal)| {
            let mut values = vec![number.into(), text(sync)];
            values.extend(removal_values(removal));
            values
        })
        .collect();
    tx.insert(
        &format!("INSERT INTO removals (ledger, sync, {REMOVAL})"),
        &journal,
        "ON CONFLICT (ledger, sync, kind, user_id, container) DO NOTHING",
    )
    .await?;
    for intent in &settlement.intents {
        let sql = "DELETE FROM intents WHERE ledger = $1 AND id = $2";
        tx.execute(sql, &[number.into(), text(intent)]).await?;
    }
    Ok(())
}

fn values(number: i64, entry: &Entry) -> Vec<Bind> {
    vec![
        number.into(),
        Bind::Int(entry.key.kind as i64),
        text(&entry.key.id),
        text(&entry.key.container),
        text(&entry.directory_id),
        text(&entry.role),
        text(&entry.mapping),
        to_millis(entry.since).into(),
        Bind::OptInt(entry.deactivated.map(to_millis)),
    ]
}

#[async_trait]
impl Ledger for StoreLedger {
    async fn open(&self, _: bool) -> Result<Opened, LedgerError> {
        self.load().await.map_err(reading)
    }

    async fn entries(&self, after: Option<&Key>) -> Result<Vec<Entry>, LedgerError> {
        self.page(after).await.map_err(reading)
    }

    async fn intend(&self, intent: &Intent) -> Result<(), LedgerError> {
        let body = serde_json::to_string(intent).map_err(|error| LedgerError::new(WRITING, error))?;
        let sql = "INSERT INTO intents (ledger, id, body) VALUES ($1, $2, $3) \
                   ON CONFLICT (ledger, id) DO UPDATE SET body = excluded.body";
        self.write(async |tx, number| {
            let binds = [number.into(), text(&intent.id), text(&body)];
            tx.execute(sql, &binds).await.map(drop)
        })
        .await
        .map_err(writing)
    }

    async fn settle(&self, settlement: &Settlement) -> Result<(), LedgerError> {
        self.write(async |tx, number| settle(tx, number, settlement).await)
            .await
            .map_err(writing)
    }

    async fn known(&self) -> Result<(), LedgerError> {
        self.write(async |tx, number| {
            tx.execute("UPDATE ledgers SET known = 1 WHERE id = $1", &[number.into()])
                .await
                .map(drop)
        })
        .await
        .map_err(writing)
    }

    async fn hold(
        &self,
        plan: &HeldPlan,
        removals: &mut (dyn Iterator<Item = Removal> + Send),
    ) -> Result<(), LedgerError> {
        let held = async {
            let failed = self.store.failed();
            let (mut tx, number) = self.begin_to_write().await?;
            hold(&mut tx, number, plan, removals).await.map_err(failed)?;
            tx.commit().await.map_err(failed)
        };
        held.await.map_err(writing)
    }

    async fn decide(&self, hash: &str, decision: &str, by: &str, at: SystemTime) -> Result<(), LedgerError> {
        // Every run tells it again; the first time counts.
        let sql = "INSERT INTO decisions (ledger, hash, decision, decided_by, decided) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (ledger, hash) DO UPDATE SET decision = excluded.decision, \
                   decided_by = excluded.decided_by, decided = excluded.decided \
                   WHERE decisions.decision <> excluded.decision OR decisions.decided_by <> excluded.decided_by";
        self.write(async |tx, number| {
            let at = to_millis(at).into();
            let binds = [number.into(), text(hash), text(decision), text(by), at];
            tx.execute(sql, &binds).await.map(drop)
        })
        .await
        .map_err(writing)
    }

    async fn spend(&self, hash: &str, sync: &str, at: SystemTime) -> Result<(), LedgerError> {
        let sql = "INSERT INTO decisions (ledger, hash, decision, decided_by, spent_by, spent, finished) \
                   VALUES ($1, $2, 'Approved', '', $3, $4, 0) ON CONFLICT (ledger, hash) DO UPDATE SET \
                   spent_by = excluded.spent_by, spent = excluded.spent, finished = 0";
        self.write(async |tx, number| {
            let binds = [number.into(), text(hash), text(sync), to_millis(at).into()];
            tx.execute(sql, &binds).await.map(drop)
        })
        .await
        .map_err(writing)
    }

    async fn finish(&self, hash: &str) -> Result<(), LedgerError> {
        self.write(async |tx, number| {
            let binds = [number.into(), text(hash)];
            tx.execute(
                "UPDATE decisions SET finished = 1 WHERE ledger = $1 AND hash = $2",
                &binds,
            )
            .await?;
            for table in ["held_removals", "held_plans"] {
                let sql = format!("DELETE FROM {table} WHERE ledger = $1 AND hash = $2");
                tx.execute(&sql, &binds).await?;
            }
            Ok(())
        })
        .await
        .map_err(writing)
    }

    async fn record(&self, sync: &SyncRecord) -> Result<(), LedgerError> {
        self.write(async |tx, number| record(tx, number, &self.scope.trigger, sync).await)
            .await
            .map_err(writing)
    }
}

const WRITING: &str = "writing down what is done";

fn writing(error: Error) -> LedgerError {
    LedgerError::new(WRITING, error)
}

fn reading(error: Error) -> LedgerError {
    LedgerError::new("reading what was done", error)
}
