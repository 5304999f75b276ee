//! Held plans and the history of syncs, as they are written and for how long they are kept.

use std::time::{Duration, SystemTime};

use super::{Bind, CHANGED, DAYS, Tx, UNCHANGED, backend::Row, text, to_millis};
use crate::sync::ledger::{HeldPlan, RESTORE, Removal, SyncRecord};

/// How many rows of a held plan are written by one statement's caller at once.
const CHUNK: usize = 5000;

/// Outcomes after which no other plan waits any more.
const PASSED: [&str; 3] = ["Synced", "PartlyFailed", "Unchanged"];

/// The columns of a removal, in held plans and in the journal; [`removal_values`] has their values.
pub(super) const REMOVAL: &str = "kind, user_id, container, directory_id, user_text, from_text, to_text, at";

/// The values of [`REMOVAL`].
pub(super) fn removal_values(removal: &Removal) -> [Bind; 8] {
    [
        text(removal.kind.label()),
        text(&removal.user),
        text(&removal.container),
        text(&removal.directory_id),
        text(&removal.text),
        text(&removal.from),
        text(&removal.to),
        to_millis(removal.at).into(),
    ]
}

/// Takes away what has been kept long enough.
async fn prune(tx: &mut Tx, number: i64, now: SystemTime) -> Result<(), sqlx::Error> {
    let oldest = to_millis(now - Duration::from_hours(24 * DAYS));
    let mut over = Vec::new();
    let mut note = |rows: Vec<Row>| {
        rows.iter().try_for_each(|row| {
            over.push(row.text(0)?);
            Ok::<_, sqlx::Error>(())
        })
    };
    let of = "SELECT id FROM syncs WHERE ledger = $1 AND";
    note(
        tx.fetch(&format!("{of} started < $2"), &[number.into(), oldest.into()])
            .await?,
    )?;
    for (kind, kept) in [("counts <> '{}'", CHANGED), ("counts = '{}'", UNCHANGED)] {
        // Bounded: so many come over the edge as came since the last time.
        let sql =
            format!("{of} {kind} AND outcome <> 'Running' ORDER BY started DESC, id DESC LIMIT 1000 OFFSET {kept}");
        note(tx.fetch(&sql, &[number.into()]).await?)?;
    }
    for sync in over {
        for table in [
            "removals WHERE ledger = $1 AND sync = $2",
            "syncs WHERE ledger = $1 AND id = $2",
        ] {
            tx.execute(&format!("DELETE FROM {table}"), &[number.into(), text(&sync)])
                .await?;
        }
    }
    let sql = "DELETE FROM decisions WHERE ledger = $1 AND COALESCE(spent, decided, 0) < $2";
    tx.execute(sql, &[number.into(), oldest.into()]).await.map(drop)
}

/// Takes away held plans but the one of this hash, and approved ones under way.
async fn supersede(tx: &mut Tx, number: i64, but: &str) -> Result<(), sqlx::Error> {
    for table in ["held_removals", "held_plans"] {
        let sql = format!(
            "DELETE FROM {table} WHERE ledger = $1 AND hash <> $2 AND hash NOT IN (SELECT hash FROM decisions \
             WHERE ledger = $1 AND spent_by <> '' AND finished = 0)"
        );
        tx.execute(&sql, &[number.into(), text(but)]).await?;
    }
    Ok(())
}

/// Writes a held plan with every removal, in place of those that were held before.
pub(super) async fn hold(
    tx: &mut Tx,
    number: i64,
    plan: &HeldPlan,
    removals: &mut (dyn Iterator<Item = Removal> + Send),
) -> Result<(), sqlx::Error> {
    supersede(tx, number, &plan.hash).await?;
    let reasons = serde_json::Value::from(plan.reasons.clone()).to_string();
    let sql = "INSERT INTO held_plans (ledger, hash, sync, held, reasons) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (ledger, hash) DO NOTHING";
    let held = to_millis(plan.at);
    let binds = [
        number.into(),
        text(&plan.hash),
        text(&plan.sync),
        held.into(),
        text(&reasons),
    ];
    if tx.execute(sql, &binds).await? == 0 {
        return Ok(());
    }
    let mut row = 0_i64;
    loop {
        let chunk: Vec<Vec<Bind>> = removals
            .take(CHUNK)
            .map(|removal| {
                row += 1;
                let mut values = vec![number.into(), text(&plan.hash), row.into()];
                values.extend(removal_values(&removal));
                values
            })
            .collect();
        if chunk.is_empty() {
            return Ok(());
        }
        tx.insert(
            &format!("INSERT INTO held_removals (ledger, hash, number, {REMOVAL})"),
            &chunk,
            "",
        )
        .await?;
    }
}

/// Writes what is known of a sync, and takes away what it puts an end to.
pub(super) async fn record(tx: &mut Tx, number: i64, cause: &str, sync: &SyncRecord) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO syncs (ledger, id, cause, outcome, started, ended, counts, error) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (ledger, id) DO UPDATE SET \
               outcome = excluded.outcome, ended = excluded.ended, counts = excluded.counts, error = excluded.error";
    let binds = [
        number.into(),
        text(&sync.id),
        text(cause),
        text(&sync.outcome),
        to_millis(sync.start).into(),
        Bind::OptInt(sync.end.map(to_millis)),
        text(&sync.counts),
        text(&sync.error),
    ];
    tx.execute(sql, &binds).await?;
    // What was given back is no plan of the operator's: its own go on waiting.
    if cause != RESTORE && PASSED.contains(&sync.outcome.as_str()) {
        supersede(tx, number, "").await?;
    }
    match sync.end {
        Some(end) => prune(tx, number, end).await,
        None => Ok(()),
    }
}
