//! Looks at one connection, decides, and acts. It is short: syncs run in tasks of their own.

use std::sync::Arc;

use jiff::Timestamp;
use kube::{Resource as _, core::error_boundary::InvalidObject, runtime::controller::Action};

use super::{
    backoff::{next_look, until},
    documents::ClusterDocuments,
    error::ReconcileError,
    events::{self, Notice},
    fleet::Fleet,
    memory::Memory,
    plans, retire,
    schedule::Decision,
    status, sync_task,
    view::{Guarded, Key, View, unreadable},
    write,
};
use crate::{
    api::{
        DirectoryConnection, SyncPlan,
        condition::{ConditionType, Reason, find},
        connection::DirectoryConnectionStatus,
        status::Trigger,
    },
    fault::chain,
};

/// Looks after one connection.
pub async fn reconcile(object: Arc<Guarded<DirectoryConnection>>, fleet: Arc<Fleet>) -> Result<Action, ReconcileError> {
    let connection = match &object.0 {
        Ok(connection) => connection,
        Err(invalid) => return refuse(invalid, &fleet).await,
    };
    let view = fleet.view(connection);
    answer_late_decisions(&view, &fleet).await;
    if connection.metadata.deletion_timestamp.is_some() {
        return retire(&view, &fleet).await;
    }
    retire::claim(&view, &fleet).await?;
    let now = Timestamp::now();
    let decision = fleet.remember(connection, |memory| memory.decide(&view, now, &fleet.config.timing));
    if !fleet.has(connection) {
        // It was deleted after it was woken: whoever looked after that has forgotten it already.
        fleet.forget(&view.key);
        return Ok(Action::await_change());
    }
    match decision {
        Decision::Suspend => rest(&view, Reason::Suspended, &fleet, now).await,
        Decision::NoMappings => rest(&view, Reason::NoMappings, &fleet, now).await,
        Decision::Await { stop } => Ok(await_end(&view, stop, &fleet)),
        Decision::Run(trigger) => begin(&view, trigger, &fleet, now).await,
        Decision::LookAtDocuments => look_at_documents(&view, &fleet, now).await,
        Decision::WaitUntil(then) => {
            announce_new(&view, &fleet, now).await?;
            Ok(Action::requeue(until(now, then)))
        }
    }
}

/// Looks after a connection that is being deleted.
async fn retire(view: &View<'_>, fleet: &Arc<Fleet>) -> Result<Action, ReconcileError> {
    let connection = view.connection;
    if !retire::has_finalizer(&connection.metadata) {
        // Somebody else's finalizer keeps it; nothing is done for it any more.
        return Ok(await_end(view, true, fleet));
    }
    let (running, farewell) = fleet.remember(connection, |memory| (memory.running.is_some(), memory.farewell.clone()));
    if let Some(farewell) = retire::excuse(connection, fleet).or(farewell) {
        if running {
            // The end of the run wakes the connection.
            return Ok(await_end(view, true, fleet));
        }
        return retire::release(view, fleet, &farewell).await;
    }
    let now = Timestamp::now();
    let decision = fleet.remember(connection, |memory| memory.decide(view, now, &fleet.config.timing));
    if !fleet.has(connection) {
        fleet.forget(&view.key);
        return Ok(Action::await_change());
    }
    match decision {
        Decision::Await { stop } => Ok(await_end(view, stop, fleet)),
        Decision::Run(trigger) => begin(view, trigger, fleet, now).await,
        Decision::LookAtDocuments => look_at_documents(view, fleet, now).await,
        Decision::WaitUntil(then) => Ok(Action::requeue(until(now, then))),
        Decision::Suspend | Decision::NoMappings => Ok(Action::await_change()),
    }
}

/// Whoever decides a plan that is over already is told so, and which plan to decide. One that can't be told now is told when
/// the connection is looked at again.
async fn answer_late_decisions(view: &View<'_>, fleet: &Fleet) {
    for (plan, reason) in plans::decided_too_late(view.plans()) {
        let status = fleet.remember(view.connection, |memory| memory.status.clone());
        let rejected = find(&status.conditions, ConditionType::Held)
            .is_some_and(|held| held.reason == Reason::PlanRejected.as_str());
        let open = status.held_plan.filter(|_| !rejected);
        let note = plans::state(plan, reason, true, open.as_ref().map(|held| held.name.as_str()));
        let mut answered = plan.status.clone().unwrap_or_default();
        plans::mark(&mut answered, plan.metadata.generation, reason, &note, Timestamp::now());
        match unless_gone(write::status::<SyncPlan>(fleet.client(), &plan.metadata, &answered).await) {
            Ok(()) => {
                let reason = Reason::DecidedTooLate;
                fleet
                    .recorder
                    .publish(&plan.object_ref(&()), [Notice { reason, note }])
                    .await;
            }
            Err(error) => tracing::warn!(
                error = chain(&error),
                "Who decided a SyncPlan too late couldn't be told."
            ),
        }
    }
}

/// A connection that waits for its mappings says that it is being looked after: without any status it would be taken for one
/// that is in order (kstatus).
async fn announce_new(view: &View<'_>, fleet: &Fleet, now: Timestamp) -> Result<(), ReconcileError> {
    let before = fleet.remember(view.connection, |memory| memory.status.clone());
    if before.conditions.is_empty() {
        save(
            view.connection,
            &status::announced(view.connection, &before, now),
            fleet,
        )
        .await?;
    }
    Ok(())
}

/// An object that doesn't fit its definition says so in its status, and nothing else is done with it.
async fn refuse(invalid: &InvalidObject, fleet: &Fleet) -> Result<Action, ReconcileError> {
    if invalid.metadata.deletion_timestamp.is_some() && retire::has_finalizer(&invalid.metadata) {
        retire::release_unreadable(invalid, fleet).await?;
        return Ok(Action::await_change());
    }
    let message = unreadable(&invalid.error);
    if fleet.is_news(&invalid.metadata, &message) {
        let key = Key::of(&invalid.metadata);
        tracing::warn!(connection = %key, error = invalid.error, "A DirectoryConnection can't be read.");
        fleet.forget(&key);
        let status = status::unreadable_connection(invalid.metadata.generation, &message, Timestamp::now());
        let written = write::status::<DirectoryConnection>(fleet.client(), &invalid.metadata, &status).await;
        unless_gone(written).inspect_err(|_| fleet.forget_complaint(&invalid.metadata))?;
    }
    Ok(Action::await_change())
}

/// Says why nothing is done, once.
async fn rest(view: &View<'_>, reason: Reason, fleet: &Fleet, now: Timestamp) -> Result<Action, ReconcileError> {
    let before = fleet.remember(view.connection, |memory| memory.status.clone());
    let status = status::at_rest(view.connection, &before, reason, view.requested(), now);
    if status != before {
        save(view.connection, &status, fleet).await?;
        let notice = events::transition_of(&before.conditions, &status.conditions, ConditionType::Ready);
        let object = view.connection.object_ref(&());
        fleet.recorder.publish(&object, notice).await;
    }
    Ok(Action::await_change())
}

/// The end of the run wakes the connection.
fn await_end(view: &View<'_>, stop: bool, fleet: &Fleet) -> Action {
    if stop {
        fleet.remember(view.connection, |memory| {
            if let Some(running) = &memory.running {
                running.stop.cancel();
            }
        });
    }
    Action::await_change()
}

/// Begins a run. The status says so where it is the first of a generation, or may be the end of a stall.
async fn begin(
    view: &View<'_>,
    trigger: Trigger,
    fleet: &Arc<Fleet>,
    now: Timestamp,
) -> Result<Action, ReconcileError> {
    let before = fleet.remember(view.connection, |memory| memory.status.clone());
    let stalled = find(&before.conditions, ConditionType::Stalled).is_some();
    if stalled || before.observed_generation != Some(view.generation()) {
        let status = status::announced(view.connection, &before, now);
        if status != before {
            save(view.connection, &status, fleet).await?;
        }
    }
    sync_task::start(fleet, view, trigger);
    Ok(Action::await_change())
}

/// A changed Secret or `ConfigMap` begins a run of a stalled connection.
async fn look_at_documents(view: &View<'_>, fleet: &Arc<Fleet>, now: Timestamp) -> Result<Action, ReconcileError> {
    let digest = ClusterDocuments::load(fleet.client(), view.connection).await.digest();
    let look = next_look(now, &fleet.config.timing, fastrand::f64());
    let changed = fleet.remember(view.connection, |memory: &mut Memory| {
        memory.past.stalled = Some(look);
        digest.is_some() && digest != memory.documents
    });
    if changed {
        begin(view, Trigger::Retry, fleet, now).await
    } else {
        Ok(Action::requeue(until(now, look)))
    }
}

/// Writes a status and remembers it.
pub async fn save(
    connection: &DirectoryConnection,
    status: &DirectoryConnectionStatus,
    fleet: &Fleet,
) -> Result<(), ReconcileError> {
    unless_gone(write::status::<DirectoryConnection>(fleet.client(), &connection.metadata, status).await)?;
    let uid = connection.metadata.uid.as_deref().unwrap_or_default();
    // It may have been deleted meanwhile, and nothing is to be remembered of it.
    fleet.recollect(&Key::of(&connection.metadata), uid, |memory| {
        memory.status = status.clone();
    });
    Ok(())
}

/// What is written of an object that is gone is of no use to anybody, and nothing went wrong.
pub fn unless_gone(written: Result<(), ReconcileError>) -> Result<(), ReconcileError> {
    match written {
        Err(error) if error.is_gone() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;

    use super::*;
    use crate::controller::testing::{self, Bench, condition};

    async fn look(bench: &Bench, connection: &DirectoryConnection) -> Action {
        let object = Arc::new(DeserializeGuard(Ok(connection.clone())));
        reconcile(object, Arc::clone(&bench.fleet)).await.unwrap()
    }

    #[tokio::test]
    async fn a_connection_that_is_deleted_while_its_status_is_written_is_forgotten() {
        let mut bench = Bench::new();
        let connection = testing::connection();
        bench.put(&connection);
        bench.fleet.remember(&connection, |_| {});
        bench.delete(&connection);
        bench.fleet.forget(&Key::of(&connection.metadata));
        save(&connection, &DirectoryConnectionStatus::default(), &bench.fleet)
            .await
            .unwrap();
        assert_eq!(bench.fleet.known(), []);
        // It may have been woken before it went.
        look(&bench, &connection).await;
        assert_eq!(bench.fleet.known(), []);
    }

    #[tokio::test]
    async fn a_new_connection_is_never_without_a_status_while_it_waits() {
        let mut bench = Bench::new();
        let connection = testing::connection();
        bench.put(&connection);
        bench.put_mapping(&testing::mapping("one"));
        look(&bench, &connection).await;
        let status = bench.told("directoryconnections").expect("a status");
        assert_eq!(condition(&status, "Ready").unwrap(), "Unknown/Progressing");
        assert_eq!(condition(&status, "Reconciling").unwrap(), "True/Progressing");
        look(&bench, &connection).await;
        assert_eq!(bench.calls().len(), 1, "once");
    }
}
