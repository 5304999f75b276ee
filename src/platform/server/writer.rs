//! The one writer: a task that owns the one connection that writes.
//!
//! SQLite has one writer at a time, and a durable commit waits for the disk. So the writer takes all writes that wait,
//! up to a limit, into one transaction, each in a savepoint of its own, and answers them after the commit.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Answer, Failure},
    in_flight::Claim,
};

/// How many writes may wait; more wait at the door.
const QUEUE: usize = 1024;

/// The most writes of one transaction.
const GROUP: usize = 256;

/// How long a transaction takes in further writes: nobody waits for strangers for longer.
const GROUP_TIME: Duration = Duration::from_millis(20);

/// A piece of work in the writer's transaction. What it changed before it failed is undone.
pub(super) type Work =
    Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<Answer, Failure>> + Send>;

struct Submission {
    work: Work,
    /// Given back after the commit, before the answer: a repetition must find the kept answer.
    claim: Option<Claim>,
    reply: oneshot::Sender<Result<Answer, Failure>>,
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Submission>,
}

impl Writer {
    /// A writer and the task that it needs; the task ends, with all that was submitted done, once `stop` is cancelled.
    pub(super) fn new(db: SqliteConnection, stop: CancellationToken) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, submissions) = mpsc::channel(QUEUE);
        (Self { queue }, run(db, submissions, stop))
    }

    /// Does the work and waits until it is durable. Once submitted it is done, whether somebody waits or not.
    pub(super) async fn submit(&self, work: Work, claim: Option<Claim>) -> Result<Answer, Failure> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .send(Submission { work, claim, reply })
            .await
            .map_err(|_| Failure::Lost)?;
        answer.await.unwrap_or(Err(Failure::Lost))
    }
}

async fn run(mut db: SqliteConnection, mut submissions: mpsc::Receiver<Submission>, stop: CancellationToken) {
    loop {
        let next = tokio::select! {
            next = submissions.recv() => next,
            () = stop.cancelled(), if !submissions.is_closed() => {
                submissions.close();
                continue;
            }
        };
        let Some(first) = next else { break };
        run_group(&mut db, first, &mut submissions).await;
    }
    if let Err(error) = db.close().await {
        tracing::warn!(%error, "The database wasn't closed cleanly; it is recovered at the next start.");
    }
}

/// One transaction: the first write and all that wait by then.
async fn run_group(db: &mut SqliteConnection, first: Submission, submissions: &mut mpsc::Receiver<Submission>) {
    if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut *db).await {
        drop(first.claim);
        // Nobody waits any more when this fails, here and below.
        let _ = first.reply.send(Err(error.into()));
        return;
    }
    let begun = Instant::now();
    let mut done = Vec::new();
    let mut next = Some(first);
    let mut whole = true;
    while let Some(Submission { work, claim, reply }) = next.take() {
        let outcome = run_one(db, work).await;
        whole = outcome.is_ok();
        done.push((outcome.unwrap_or_else(Err), claim, reply));
        if whole && done.len() < GROUP && begun.elapsed() < GROUP_TIME {
            next = submissions.try_recv().ok();
        }
    }
    let end = if whole { "COMMIT" } else { "ROLLBACK" };
    let ended = sqlx::query(end).execute(&mut *db).await;
    let committed = whole && ended.is_ok();
    if let Err(error) = ended {
        tracing::error!(%error, "The transaction can't be ended.");
        // Fails when SQLite has rolled it back by itself, which is as well.
        let _ = sqlx::query("ROLLBACK").execute(&mut *db).await;
    }
    for (outcome, claim, reply) in done {
        drop(claim);
        let _ = reply.send(if committed {
            outcome
        } else {
            outcome.and(Err(Failure::Lost))
        });
    }
}

/// Does the work in a savepoint. The outer error says that the transaction itself is lost.
async fn run_one(db: &mut SqliteConnection, work: Work) -> Result<Result<Answer, Failure>, Failure> {
    sqlx::query("SAVEPOINT work").execute(&mut *db).await?;
    let outcome = work(db).await;
    if outcome.is_err() {
        sqlx::query("ROLLBACK TO work").execute(&mut *db).await?;
    }
    sqlx::query("RELEASE work").execute(&mut *db).await?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::{super::Durability, *};

    async fn writer() -> (
        Writer,
        CancellationToken,
        tokio::task::JoinHandle<()>,
        tempfile::TempDir,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut db = super::super::database::open(&folder.path().join("db"), Durability::Full)
            .await
            .unwrap()
            .0;
        sqlx::query("CREATE TABLE t (n INTEGER PRIMARY KEY)")
            .execute(&mut db)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let (writer, task) = Writer::new(db, stop.clone());
        (writer, stop, tokio::spawn(task), folder)
    }

    fn insert(n: i64, fail: bool) -> Work {
        Box::new(move |db| {
            async move {
                sqlx::query("INSERT INTO t (n) VALUES (?)")
                    .bind(n)
                    .execute(&mut *db)
                    .await?;
                if fail {
                    return Err(Failure::Lost);
                }
                let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(db).await?;
                Answer::ok(&count)
            }
            .boxed()
        })
    }

    #[tokio::test]
    async fn a_write_that_fails_is_undone_and_its_neighbours_are_not() {
        let (writer, stop, task, _folder) = writer().await;
        let submitted = [(1, false), (2, true), (3, false)].map(|(n, fail)| writer.submit(insert(n, fail), None));
        let outcomes = futures::future::join_all(submitted).await;
        assert_eq!(
            outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(),
            [true, false, true]
        );
        let last = writer.submit(insert(4, false), None).await.unwrap();
        assert_eq!(last.body, b"3");
        stop.cancel();
        task.await.unwrap();
        assert!(writer.submit(insert(5, false), None).await.is_err());
    }

    #[tokio::test]
    async fn a_stop_leaves_nothing_half_done() {
        let (writer, stop, task, folder) = writer().await;
        let submitted: Vec<_> = (1..=50)
            .map(|n| {
                let writer = writer.clone();
                tokio::spawn(async move { writer.submit(insert(n, false), None).await })
            })
            .collect();
        tokio::task::yield_now().await;
        stop.cancel();
        task.await.unwrap();
        // Either done, or refused as a whole at the door.
        let mut done = 0;
        for write in submitted {
            done += i64::from(write.await.unwrap().is_ok());
        }
        let mut db = super::super::database::open(&folder.path().join("db"), Durability::Full)
            .await
            .unwrap()
            .0;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t")
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert_eq!(count, done);
        assert!(writer.submit(insert(51, false), None).await.is_err());
    }
}
