//! The task of one sync, from waiting for its turn to having told what came of it.

use std::{sync::Arc, time::Duration};

use directory_sync_model::{desired::Failure, plan::PlanHash};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    conclude::{conclude, give_up, tell_mappings},
    digest::Digest,
    fleet::Fleet,
    memory::{Asked, Running},
    plans, retire,
    run::{Ended, Order, run},
    view::{Key, View},
};
use crate::{
    api::{
        DirectoryConnection,
        condition::Reason,
        status::{self, Trigger},
    },
    sync::{Report, new_id},
    telemetry::{begin_sync, sync_span},
};

/// How many failures of one run are logged, line by line.
const LOGGED_FAILURES: usize = 20;

/// How often the end of a run is told to an API server that doesn't listen: for some four minutes.
const ATTEMPTS: u32 = 9;

/// How long is waited after the first attempt; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Starts the task of a sync. One is under way for each connection at most.
pub fn start(fleet: &Arc<Fleet>, view: &View<'_>, trigger: Trigger) {
    let stop = fleet.stop.child_token();
    let free = fleet.remember(view.connection, |memory| {
        let free = memory.running.is_none() && !stop.is_cancelled();
        if free {
            memory.running = Some(Running {
                generation: view.generation(),
                stop: stop.clone(),
            });
        }
        free
    });
    if !free {
        return;
    }
    let span = sync_span(&view.key.namespace, &view.key.name);
    let uid = view.connection.metadata.uid.clone().unwrap_or_default();
    let asked = Asked::of(view);
    let (key, owner) = (view.key.clone(), Arc::clone(fleet));
    fleet.tasks.spawn(async move {
        let turn = {
            let (key, uid, owner) = (key.clone(), uid.clone(), Arc::clone(&owner));
            async move { take_turn(&owner, &key, &uid, trigger, &stop).await }.instrument(span.clone())
        };
        let ended = tokio::spawn(turn).await;
        owner.recollect(&key, &uid, |memory| {
            memory.running = None;
            if let Err(error) = &ended {
                span.in_scope(|| tracing::error!(%error, "The task of a sync panicked."));
                memory.back_off(asked, Timestamp::now(), &owner.config.timing);
            }
        });
        owner.wake(key);
    });
}

/// Waits for its turn, runs, and tells what came of it.
async fn take_turn(fleet: &Fleet, key: &Key, uid: &str, trigger: Trigger, stop: &CancellationToken) {
    fleet.metrics.waiting.inc();
    let permit = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        permit = fleet.permits.acquire() => permit.ok(),
    };
    fleet.metrics.waiting.dec();
    let Some(permit) = permit else { return };
    let Some(order) = order(fleet, key, uid, trigger).map(Arc::new) else {
        return;
    };
    begin_sync(&order.id);
    tracing::info!(?trigger, "A sync begins.");
    fleet.metrics.running.inc();
    let ended = run(&order, &fleet.shared, stop, &fleet.abandon).await;
    fleet.metrics.running.dec();
    // Telling what came of it needs none of the memory that permits are about.
    drop(permit);
    count(fleet, &order, &ended);
    tell(fleet, &order, &ended).await;
}

/// What the run works with: everything as it is now, which may be long after the run was asked for. `None` where there
/// is nothing to run for any more, or where mappings are changing.
fn order(fleet: &Fleet, key: &Key, uid: &str, trigger: Trigger) -> Option<Order> {
    let object = fleet.connection(key)?;
    let connection: &DirectoryConnection = object.0.as_ref().ok()?;
    let retire = retire::is_wanted(connection);
    let asked = !connection.spec.suspend && connection.metadata.deletion_timestamp.is_none();
    if (!asked && !retire) || connection.metadata.uid.as_deref() != Some(uid) {
        return None;
    }
    let view = fleet.view(connection);
    if !view.is_mapped() && !retire {
        return None;
    }
    let start = Timestamp::now();
    let judged = fleet.recollect(key, uid, |memory| {
        if !retire {
            memory.past.note_mappings(&view.mappings_digest, start);
            if memory.past.settles(start, &fleet.config.timing).is_some() {
                return None;
            }
        }
        memory.noticed = view.decided().into_iter().collect();
        if let Some(running) = &mut memory.running {
            running.generation = view.generation();
        }
        Some(memory.judged.clone())
    })??;
    Some(Order {
        id: new_id(),
        trigger,
        start,
        mode: fleet.mode(connection),
        ceilings: fleet.ceilings(),
        judged,
        approved: plans::approved(view.plans(), start).map(PlanHash::from_text),
        rejected: plans::rejected(view.plans()).map(PlanHash::from_text).collect(),
        older: fleet.older_twin(connection),
        rivals: fleet.older_rivals(connection),
        retire,
        requested: view.requested().map(str::to_owned),
        connection: connection.clone(),
        mappings_digest: view.mappings_digest,
        mappings: view.mappings,
        plans: view.plans,
    })
}

/// Counts and logs what came of a run.
fn count(fleet: &Fleet, order: &Order, ended: &Ended) {
    match &ended.result {
        Ok(report) => {
            fleet.metrics.count_run(order.provider(), report);
            let key = order.key();
            fleet.metrics.set_without_seat(&key.namespace, &key.name, report);
            log_doubts(report);
            if is_news(fleet, order, report) {
                log_failures(report);
            }
        }
        Err(_) => fleet.metrics.count_outcome(order.provider(), ended.outcome()),
    }
    let cause = ended.cause();
    let doubt = ended.result.as_ref().ok().and_then(|report| report.doubts.first());
    // A run on an incomplete read came to its end and removed nobody: that it goes on so is a failure.
    if let Some(reason) = cause.as_ref().map(|cause| cause.reason).or(doubt.map(Reason::from)) {
        fleet.metrics.count_failure(reason);
    }
    let took = ended.end.duration_since(order.start).as_secs_f64();
    let outcome = ended.outcome();
    if let Some(cause) = cause {
        tracing::warn!(
            took,
            reason = cause.reason.as_str(),
            error = cause.message,
            "The sync failed."
        );
    } else {
        tracing::info!(took, ?outcome, "The sync has ended.");
    }
}

fn log_doubts(report: &Report) {
    for doubt in &report.doubts {
        tracing::warn!(reason = doubt.label(), %doubt, "The directory was not read completely; nobody is removed.");
    }
}

/// Whether other objects failed than in the run before. The same ones are told once, and stand in the status.
fn is_news(fleet: &Fleet, order: &Order, report: &Report) -> bool {
    // Without a plan nobody knows who else would have failed.
    if report.hash.is_none() {
        return false;
    }
    let digest = failures_digest(&report.failures);
    let uid = order.connection.metadata.uid.as_deref().unwrap_or_default();
    let before = fleet.recollect(&order.key(), uid, |memory| memory.failures.replace(digest.clone()));
    before.flatten() != Some(digest)
}

/// The same for the same objects that fail for the same reasons, in whatever order.
fn failures_digest(failures: &[Failure]) -> Digest {
    let mut lines: Vec<String> = failures
        .iter()
        .map(|failure| format!("{:?} {} {}", failure.kind, failure.reason.label(), failure.id))
        .collect();
    lines.sort_unstable();
    Digest::of(lines.iter().map(String::as_str))
}

/// Names failed objects as a status does: the pipeline's own messages may hold names and addresses.
fn log_failures(report: &Report) {
    for failure in report.failures.iter().take(LOGGED_FAILURES) {
        let status::Failure {
            kind,
            id,
            reason,
            message,
        } = status::Failure::of(failure);
        tracing::warn!(?kind, object = id, reason, message, "Something failed on its own.");
    }
    let more = report.failures.len().saturating_sub(LOGGED_FAILURES);
    if more > 0 {
        tracing::warn!(
            more,
            "More failed than is logged; `directory-sync plan` names them all."
        );
    }
}

/// Tells what came of a run, again and again while the API server doesn't listen.
async fn tell(fleet: &Fleet, order: &Order, ended: &Ended) {
    let mut wait = FIRST_WAIT;
    for attempt in 1..=ATTEMPTS {
        let error = match conclude(fleet, order, ended).await {
            Ok(true) => return tell_mappings(fleet, order, ended).await,
            Ok(false) => return,
            Err(error) => crate::fault::chain(&error),
        };
        tracing::warn!(attempt, error, "What came of a sync couldn't be told.");
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    tracing::error!("What came of a sync is told by nobody; the next sync tells how things stand.");
    give_up(fleet, order, ended);
}

#[cfg(test)]
mod tests {
    use directory_sync_model::{
        desired::{FailureKind, FailureReason},
        plan::PlanHash,
        snapshot::Doubt,
    };

    use super::*;
    use crate::{
        controller::testing::{self, Bench},
        sync::Outcome,
    };

    fn report(failures: &[&str]) -> Report {
        let mut report = Report::begin("run".into());
        report.outcome = Outcome::PartlyFailed;
        report.hash = Some(PlanHash::from_text("aa"));
        report.failures = failures
            .iter()
            .map(|id| Failure {
                kind: FailureKind::User,
                id: (*id).to_owned(),
                reason: FailureReason::InvalidEmail,
                message: "ann@acme.test is none".into(),
            })
            .collect();
        report
    }

    #[tokio::test]
    async fn the_same_failures_are_logged_once() {
        let bench = Bench::new();
        let order = testing::order();
        bench.fleet.remember(&order.connection, |_| {});
        let is_news = |report: &Report| is_news(&bench.fleet, &order, report);
        assert!(is_news(&report(&["1", "2"])));
        assert!(!is_news(&report(&["2", "1"])));
        // A run that got nowhere says nothing of them.
        assert!(!is_news(&Report::begin("run".into())));
        assert!(!is_news(&report(&["1", "2"])));
        assert!(is_news(&report(&["1", "3"])));
    }

    #[tokio::test]
    async fn an_incomplete_read_counts_as_a_failure_with_its_reason() {
        let bench = Bench::new();
        let mut incomplete = report(&[]);
        incomplete.doubts = vec![Doubt::SizeLimit];
        count(&bench.fleet, &testing::order(), &testing::ended(incomplete));
        let metrics = bench.fleet.render_metrics().unwrap();
        let line = "directory_sync_failures_total{reason=\"SizeLimit\",scope=\"run\"} 1";
        assert!(metrics.contains(line), "{metrics}");
    }
}
