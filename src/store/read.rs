//! What people ask the store for: plans that wait, history, what a sync took.

use std::time::SystemTime;

use directory_sync_model::plan::RemovalKind;

use super::{Error, Store, Tx, backend::Row, from_millis, text};
use crate::sync::ledger::{HeldPlan, Removal, Scope};

/// A plan that waits, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The connection, `NAMESPACE/NAME`.
    pub connection: String,
    /// The plan.
    pub plan: HeldPlan,
    /// Every removal of it.
    pub removals: Vec<Removal>,
}

/// A sync of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRow {
    /// The connection, `NAMESPACE/NAME`.
    pub connection: String,
    /// The sync's id.
    pub id: String,
    /// Why it began.
    pub trigger: String,
    /// How it ended; `Running` before it did, and where it was broken off.
    pub outcome: String,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: Option<SystemTime>,
    /// What was done, as JSON.
    pub counts: String,
    /// Why it failed.
    pub error: String,
}

/// What one sync took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose it was.
    pub owner: String,
    /// On which platform, by its address.
    pub platform: String,
    /// All of it.
    pub removals: Vec<Removal>,
}

impl Store {
    /// The plans that wait, of one connection (`NAMESPACE/NAME`) or of all.
    pub async fn held(&self, connection: Option<&str>) -> Result<Vec<Held>, Error> {
        let failed = self.failed();
        let (mut tx, _) = self.begin().await?;
        let sql = "SELECT l.connection, l.id, h.hash, h.sync, h.held, h.reasons FROM held_plans h \
                   JOIN ledgers l ON l.id = h.ledger WHERE ($1 = '' OR l.connection = $1) \
                   AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.ledger = h.ledger AND d.hash = h.hash \
                   AND d.spent_by <> '') ORDER BY l.connection, h.held";
        let rows = tx.fetch(sql, &[text(connection.unwrap_or_default())]).await;
        let mut all = Vec::new();
        for row in rows.map_err(failed)? {
            let number = row.int(1).map_err(failed)?;
            let hash = row.text(2).map_err(failed)?;
            let removals = held_removals(self, &mut tx, number, &hash).await?;
            let reasons = row.text(5).map_err(failed)?;
            all.push(Held {
                connection: row.text(0).map_err(failed)?,
                plan: HeldPlan {
                    hash,
                    sync: row.text(3).map_err(failed)?,
                    at: from_millis(row.int(4).map_err(failed)?),
                    reasons: serde_json::from_str(&reasons).map_err(|_| self.unreadable("why a plan is held"))?,
                },
                removals,
            });
        }
        tx.commit().await.map_err(failed)?;
        Ok(all)
    }

    /// The latest syncs, of one connection (`NAMESPACE/NAME`) or of all, the newest first.
    pub async fn syncs(&self, connection: Option<&str>, limit: u32) -> Result<Vec<SyncRow>, Error> {
        let failed = self.failed();
        let (mut tx, _) = self.begin().await?;
        let sql = "SELECT l.connection, s.id, s.cause, s.outcome, s.started, s.ended, s.counts, s.error FROM syncs s \
                   JOIN ledgers l ON l.id = s.ledger WHERE ($1 = '' OR l.connection = $1) \
                   ORDER BY s.started DESC, s.id DESC LIMIT $2";
        let binds = [text(connection.unwrap_or_default()), i64::from(limit).into()];
        let rows = tx.fetch(sql, &binds).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let read = |row: &Row| {
            Ok(SyncRow {
                connection: row.text(0)?,
                id: row.text(1)?,
                trigger: row.text(2)?,
                outcome: row.text(3)?,
                start: from_millis(row.int(4)?),
                end: row.opt_int(5)?.map(from_millis),
                counts: row.text(6)?,
                error: row.text(7)?,
            })
        };
        rows.iter().map(|row| read(row).map_err(failed)).collect()
    }

    /// What the sync with this id took; `None` where there was no such sync, or it was too long ago.
    pub async fn taken(&self, sync: &str) -> Result<Option<Taken>, Error> {
        let failed = self.failed();
        let (mut tx, _) = self.begin().await?;
        let sql = "SELECT l.owner, l.platform, l.id FROM syncs s JOIN ledgers l ON l.id = s.ledger WHERE s.id = $1";
        let rows = tx.fetch(sql, &[text(sync)]).await.map_err(failed)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let sql = "SELECT kind, user_id, directory_id, user_text, container, from_text, to_text, at FROM removals \
                   WHERE ledger = $1 AND sync = $2 ORDER BY kind, user_id, container";
        let number = row.int(2).map_err(failed)?;
        let removals = tx.fetch(sql, &[number.into(), text(sync)]).await.map_err(failed)?;
        let taken = Taken {
            owner: row.text(0).map_err(failed)?,
            platform: row.text(1).map_err(failed)?,
            removals: removals
                .iter()
                .map(|row| removal(self, row))
                .collect::<Result<_, _>>()?,
        };
        tx.commit().await.map_err(failed)?;
        Ok(Some(taken))
    }

    /// Who decided about the plan with this hash, and which sync used that: decision, by whom, sync; the last two may be
    /// empty.
    pub async fn decision(&self, scope: &Scope, hash: &str) -> Result<Option<(String, String, String)>, Error> {
        let failed = self.failed();
        let (mut tx, _) = self.begin().await?;
        let sql = "SELECT d.decision, d.decided_by, d.spent_by FROM decisions d JOIN ledgers l ON l.id = d.ledger \
                   WHERE l.owner = $1 AND l.platform = $2 AND d.hash = $3";
        let binds = [text(&scope.owner), text(&scope.platform), text(hash)];
        let rows = tx.fetch(sql, &binds).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let read = |row: &Row| Ok((row.text(0)?, row.text(1)?, row.text(2)?));
        rows.first().map(|row| read(row).map_err(failed)).transpose()
    }

    /// How many entries there are of an owner on a platform.
    pub async fn count(&self, scope: &Scope) -> Result<u64, Error> {
        let failed = self.failed();
        let (mut tx, _) = self.begin().await?;
        let sql = "SELECT COUNT(*) FROM entries e JOIN ledgers l ON l.id = e.ledger \
                   WHERE l.owner = $1 AND l.platform = $2";
        let rows = tx.fetch(sql, &[text(&scope.owner), text(&scope.platform)]).await;
        let rows = rows.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let count = rows.first().map(|row| row.int(0)).transpose().map_err(failed)?;
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    }
}

/// Every removal of a held plan, in the order in which it was told.
pub(super) async fn held_removals(store: &Store, tx: &mut Tx, number: i64, hash: &str) -> Result<Vec<Removal>, Error> {
    let sql = "SELECT kind, user_id, directory_id, user_text, container, from_text, to_text, at FROM held_removals \
               WHERE ledger = $1 AND hash = $2 ORDER BY number";
    let rows = tx.fetch(sql, &[number.into(), text(hash)]).await;
    let rows = rows.map_err(store.failed())?;
    rows.iter().map(|row| removal(store, row)).collect()
}

fn removal(store: &Store, row: &Row) -> Result<Removal, Error> {
    let failed = store.failed();
    let kind = row.text(0).map_err(failed)?;
    let kind = RemovalKind::ALL.into_iter().find(|known| known.label() == kind);
    Ok(Removal {
        kind: kind.ok_or_else(|| store.unreadable("the kind of a removal"))?,
        user: row.text(1).map_err(failed)?,
        directory_id: row.text(2).map_err(failed)?,
        text: row.text(3).map_err(failed)?,
        container: row.text(4).map_err(failed)?,
        from: row.text(5).map_err(failed)?,
        to: row.text(6).map_err(failed)?,
        at: from_millis(row.int(7).map_err(failed)?),
    })
}
