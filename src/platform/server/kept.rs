//! Answers kept for requests that are repeated with the same `Idempotency-Key`.

use std::time::Duration;

use http::StatusCode;
use sqlx::{Row, SqliteConnection};

use super::answer::{Answer, Failure};
use crate::platform::rest::wire::{Problem, ProblemKind};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);

/// How many old answers are removed in one transaction.
const SWEEP: i64 = 1000;

/// What makes a request the same as an earlier one.
#[derive(Debug, Clone)]
pub(super) struct Repeatable {
    pub(super) account: String,
    pub(super) key: String,
    /// SHA-256 of all of the request that matters.
    pub(super) fingerprint: [u8; 32],
}

fn oldest(now: i64) -> i64 {
    now.saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX))
}

/// The answer that is kept for this request; fails when the key belongs to another one.
pub(super) async fn find(db: &mut SqliteConnection, request: &Repeatable, now: i64) -> Result<Option<Answer>, Failure> {
    let row = sqlx::query(
        "SELECT fingerprint, status, etag, location, body FROM kept_answers WHERE account = ? AND key = ? AND created > ?",
    )
    .bind(&request.account)
    .bind(&request.key)
    .bind(oldest(now))
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<&[u8], _>(0)? != request.fingerprint {
        let detail = "this key was used with another request in the last 24 hours; use a new one for each request";
        return Err(Problem::new(ProblemKind::IdempotencyKeyReused)
            .with_detail(detail)
            .into());
    }
    let status = StatusCode::from_u16(row.try_get(1)?).unwrap_or(StatusCode::OK);
    let (etag, location, body) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
    Ok(Some(Answer {
        status,
        etag,
        location,
        body,
        replayed: true,
    }))
}

/// Keeps an answer, in the transaction of what it reports.
pub(super) async fn keep(
    db: &mut SqliteConnection,
    request: &Repeatable,
    answer: &Answer,
    now: i64,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT OR REPLACE INTO kept_answers (account, key, fingerprint, status, etag, location, body, created)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&request.account)
    .bind(&request.key)
    .bind(&request.fingerprint[..])
    .bind(answer.status.as_u16())
    .bind(&answer.etag)
    .bind(&answer.location)
    .bind(&answer.body)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Removes answers that are older than a day; says whether there may be more of them.
pub(super) async fn sweep(db: &mut SqliteConnection, now: i64) -> Result<bool, Failure> {
    let removed = sqlx::query(
        "DELETE FROM kept_answers WHERE id IN (SELECT id FROM kept_answers WHERE created <= ? ORDER BY created LIMIT ?)",
    )
    .bind(oldest(now))
    .bind(SWEEP)
    .execute(db)
    .await?;
    Ok(i64::try_from(removed.rows_affected()).unwrap_or(SWEEP) >= SWEEP)
}

#[cfg(test)]
mod tests {
    use super::{super::Durability, *};

    const DAY: i64 = 24 * 60 * 60 * 1000;

    fn request(key: &str, fingerprint: u8) -> Repeatable {
        Repeatable {
            account: "svc_a".into(),
            key: key.into(),
            fingerprint: [fingerprint; 32],
        }
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_24_hours_and_then_swept() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = super::super::database::open(&folder.path().join("db"), Durability::Full)
            .await
            .unwrap()
            .0;
        let answer = Answer::created(&"x", Some("/v1/x".into())).unwrap().with_etag("1");
        keep(&mut db, &request("k", 1), &answer, 1_000).await.unwrap();

        let kept = find(&mut db, &request("k", 1), DAY + 999).await.unwrap().unwrap();
        assert_eq!(
            kept,
            Answer {
                replayed: true,
                ..answer.clone()
            }
        );
        let reused = find(&mut db, &request("k", 2), DAY + 999).await.unwrap_err();
        assert_eq!(Problem::from(reused).kind(), Some(ProblemKind::IdempotencyKeyReused));
        let other = Repeatable {
            account: "svc_b".into(),
            ..request("k", 2)
        };
        assert_eq!(find(&mut db, &other, DAY).await.unwrap(), None);

        // A key whose time is over is free again, swept or not.
        assert_eq!(find(&mut db, &request("k", 2), DAY + 1_000).await.unwrap(), None);
        keep(&mut db, &request("k", 2), &answer, DAY + 1_000).await.unwrap();
        keep(&mut db, &request("old", 3), &answer, 1_000).await.unwrap();
        assert!(!sweep(&mut db, DAY + 1_000).await.unwrap());
        let left: Vec<String> = sqlx::query_scalar("SELECT key FROM kept_answers")
            .fetch_all(&mut db)
            .await
            .unwrap();
        assert_eq!(left, ["k"]);
    }

    #[tokio::test]
    async fn a_sweep_removes_a_bounded_number_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut db = super::super::database::open(&folder.path().join("db"), Durability::Full)
            .await
            .unwrap()
            .0;
        let answer = Answer::ok(&"x").unwrap();
        for n in 0..=SWEEP {
            keep(&mut db, &request(&n.to_string(), 1), &answer, n).await.unwrap();
        }
        assert!(sweep(&mut db, 2 * DAY).await.unwrap());
        assert!(!sweep(&mut db, 2 * DAY).await.unwrap());
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM kept_answers")
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert_eq!(left, 0);
    }
}
