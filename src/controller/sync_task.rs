//! The task of one sync, from waiting for its turn to having told what came of it.

use std::{sync::Arc, time::Duration};

use directory_sync_model::{desired::Failure, plan::PlanHash};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    conclude::{conclude, give_up},
    fleet::Fleet,
    memory::Running,
    plans,
    run::{Ended, Order, run},
    view::{Key, View},
};
use crate::{
    api::{DirectoryConnection, status::Trigger},
    sync::{Report, new_id},
    telemetry::{begin_sync, sync_span},
};

/// How many failures of one run are logged, line by line.
const LOGGED_FAILURES: usize = 1000;

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
    let generation = view.generation();
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
                memory.back_off(generation, Timestamp::now(), &owner.config.timing);
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
    let asked = !connection.spec.suspend && connection.metadata.deletion_timestamp.is_none();
    if !asked || connection.metadata.uid.as_deref() != Some(uid) {
        return None;
    }
    let view = fleet.view(connection);
    if !view.is_mapped() {
        return None;
    }
    let start = Timestamp::now();
    let decided = |plan: &&crate::api::SyncPlan| plan.spec.decision.is_some();
    let noticed = view
        .plans()
        .filter(decided)
        .filter_map(|plan| plan.metadata.uid.clone());
    let judged = fleet.recollect(key, uid, |memory| {
        memory.past.note_mappings(&view.mappings_digest, start);
        if memory.past.settles(start, &fleet.config.timing).is_some() {
            return None;
        }
        memory.noticed = noticed.collect();
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
            log_details(report);
        }
        Err(_) => fleet.metrics.count_outcome(order.provider(), ended.outcome()),
    }
    let cause = ended.cause();
    if let Some(cause) = &cause {
        fleet.metrics.count_failure(cause.reason);
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

/// The log tells what a status has no room for, or mustn't name.
fn log_details(report: &Report) {
    for doubt in &report.doubts {
        tracing::warn!(reason = doubt.label(), %doubt, "The directory was not read completely; nobody is removed.");
    }
    for failure in report.failures.iter().take(LOGGED_FAILURES) {
        let Failure {
            kind,
            id,
            reason,
            message,
        } = failure;
        tracing::warn!(
            ?kind,
            object = id,
            reason = reason.label(),
            message,
            "Something failed on its own."
        );
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
        let Err(error) = conclude(fleet, order, ended).await else {
            return;
        };
        let error = crate::fault::chain(&error);
        tracing::warn!(attempt, error, "What came of a sync couldn't be told.");
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    tracing::error!("What came of a sync is told by nobody; the next sync tells how things stand.");
    give_up(fleet, order, ended);
}
