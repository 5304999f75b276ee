//! The end of a connection whose `deletionPolicy` is `Deprovision`: all that it gave is taken back first, by a run like any other
//! ([`crate::resolve::retirement`]), held above the limits like any other. A finalizer keeps the object until then.
//!
//! It never keeps it for ever. It lets go, with a Warning, where nothing can be taken back: the Secret is gone, the namespace is
//! being deleted and a plan can't wait there, the platform can't be reached for a day. It lets go at once where nothing is to be
//! taken back any more: the policy was changed to `Orphan`, the connection is suspended or only observes, or another connection
//! goes on with what it gave.

use directory_sync_model::plan::KeptReason;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, Client, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
    core::{ObjectMeta, error_boundary::InvalidObject},
    runtime::controller::Action,
};
use serde_json::json;

use super::{
    assessment::{Assessment, at_work},
    backoff::{After, Timing, after},
    error::ReconcileError,
    events::Notice,
    fleet::Fleet,
    plans::Hold,
    run::{Ended, Order},
    view::View,
    write::{this_very, within},
};
use crate::{
    api::{
        CONTROLLER_MANAGER, DEPROVISION_FINALIZER, DirectoryConnection, SyncPlan,
        condition::{Reason, Status},
        connection::DeletionPolicy,
    },
    fault::chain,
    sync::{self, Outcome, Report},
};

/// How often a finalizer is written against somebody else's writes of the same object.
const ATTEMPTS: u32 = 5;

/// Why a connection is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// As its policy says: everything stays.
    Orphaned,
    /// All that it gave was taken back.
    Deprovisioned,
    /// Nothing, or not everything, was taken back, for this reason.
    Left(String),
}

impl Farewell {
    /// What is told of it.
    pub fn notice(&self) -> Option<Notice> {
        match self {
            Self::Orphaned => None,
            Self::Deprovisioned => Some(Notice {
                reason: Reason::Deprovisioned,
                note: Reason::Deprovisioned.row().meaning.to_owned(),
            }),
            Self::Left(why) => Some(Notice {
                reason: Reason::NotDeprovisioned,
                note: format!("{} {why}", Reason::NotDeprovisioned.row().meaning),
            }),
        }
    }
}

/// Whether a connection is being deleted and is to take back all that it gave.
pub fn is_wanted(connection: &DirectoryConnection) -> bool {
    connection.metadata.deletion_timestamp.is_some()
        && has_finalizer(&connection.metadata)
        && connection.spec.deletion_policy == DeletionPolicy::Deprovision
}

/// Whether our finalizer keeps an object.
pub fn has_finalizer(metadata: &ObjectMeta) -> bool {
    let mut finalizers = metadata.finalizers.iter().flatten();
    finalizers.any(|finalizer| finalizer == DEPROVISION_FINALIZER)
}

/// Puts the finalizer on a connection that wants it, before anything is given, and takes it off one that doesn't any more.
pub async fn claim(view: &View<'_>, fleet: &Fleet) -> Result<(), ReconcileError> {
    let wanted = view.connection.spec.deletion_policy == DeletionPolicy::Deprovision;
    if wanted == has_finalizer(&view.connection.metadata) {
        return Ok(());
    }
    set_finalizer(fleet.client(), &view.connection.metadata, wanted).await
}

/// Why a connection that is being deleted has nothing to take back, if anything says so.
pub fn excuse(connection: &DirectoryConnection, fleet: &Fleet) -> Option<Farewell> {
    if connection.spec.deletion_policy == DeletionPolicy::Orphan {
        return Some(Farewell::Orphaned);
    }
    if connection.spec.suspend {
        return Some(Farewell::Left("spec.suspend was true.".to_owned()));
    }
    if fleet.mode(connection) == sync::Mode::Observe {
        return Some(Farewell::Left(
            "In Observe mode nothing is written to the platform.".to_owned(),
        ));
    }
    let twin = fleet.twin(connection)?;
    Some(Farewell::Left(format!(
        "DirectoryConnection {twin} has the same ownerID on the same platform, and goes on with what this one gave."
    )))
}

/// Lets a connection go. Plans of it that belong to nobody go with it.
pub async fn release(view: &View<'_>, fleet: &Fleet, farewell: &Farewell) -> Result<Action, ReconcileError> {
    let connection = view.connection;
    tracing::info!(connection = %view.key, ?farewell, "A deleted connection is let go.");
    fleet
        .recorder
        .publish(&connection.object_ref(&()), farewell.notice())
        .await;
    let plans: Api<SyncPlan> = Api::namespaced(fleet.client().clone(), &view.key.namespace);
    for plan in view.plans().filter(|plan| plan.owner_references().is_empty()) {
        let name = plan.name_any();
        if let Err(error) = within("deleting a SyncPlan", plans.delete(&name, &this_very(&plan.metadata))).await
            && !error.is_gone()
        {
            tracing::warn!(
                plan = name,
                error = chain(&error),
                "A SyncPlan of a deleted connection stays."
            );
        }
    }
    set_finalizer(fleet.client(), &connection.metadata, false).await?;
    Ok(Action::await_change())
}

/// Lets an object go that can't be read: nobody knows what it gave, and it would stay for ever.
pub async fn release_unreadable(invalid: &InvalidObject, fleet: &Fleet) -> Result<(), ReconcileError> {
    let metadata = &invalid.metadata;
    tracing::warn!(
        connection = metadata.name.as_deref(),
        error = invalid.error,
        "A deleted DirectoryConnection can't be read, and is let go; what it gave stays."
    );
    set_finalizer(fleet.client(), metadata, false).await
}

/// Puts our finalizer on this very object or takes it off, and leaves those of others as they are.
async fn set_finalizer(client: &Client, metadata: &ObjectMeta, wanted: bool) -> Result<(), ReconcileError> {
    let name = metadata.name.as_deref().unwrap_or_default();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<DirectoryConnection> = Api::namespaced(client.clone(), namespace);
    let parameters = PatchParams {
        field_manager: Some(CONTROLLER_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let mut attempt = 1;
    loop {
        let now = within("reading a DirectoryConnection", api.get_metadata_opt(name)).await?;
        let Some(now) = now.map(|now| now.metadata).filter(|now| now.uid == metadata.uid) else {
            return Ok(());
        };
        // A finalizer can't be put on what is being deleted.
        if has_finalizer(&now) == wanted || (wanted && now.deletion_timestamp.is_some()) {
            return Ok(());
        }
        let mut finalizers = now.finalizers.unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != DEPROVISION_FINALIZER);
        if wanted {
            finalizers.push(DEPROVISION_FINALIZER.to_owned());
        }
        // Refused where somebody else has written the list meanwhile.
        let patch =
            Patch::Merge(json!({ "metadata": { "resourceVersion": now.resource_version, "finalizers": finalizers } }));
        let patching = api.patch_metadata(name, &parameters, &patch);
        match within("writing the finalizer of a DirectoryConnection", patching).await {
            Err(error) if error.is_gone() && attempt < ATTEMPTS => attempt += 1,
            other => return other.map(drop),
        }
    }
}

/// Judges a run that was to take everything back: says so in the conditions, and returns why the connection is let go, where it
/// is. `unwritten`: why the plan that is held couldn't be written.
pub fn judge(
    order: &Order,
    ended: &Ended,
    hold: Option<&Hold<'_>>,
    unwritten: Option<&ReconcileError>,
    assessment: &mut Assessment,
    now: Timestamp,
    timing: &Timing,
) -> Option<Farewell> {
    let deprovisioning = |message: String| (Status::False, Reason::Deprovisioning, message);
    let meaning = Reason::Deprovisioning.row().meaning;
    if unwritten.is_some_and(ReconcileError::is_of_a_terminating_namespace) {
        return Some(Farewell::Left(
            "The namespace is being deleted, and no SyncPlan can wait there for a decision.".to_owned(),
        ));
    }
    match &ended.result {
        Ok(report) if report.outcome == Outcome::Held && unwritten.is_none() => {
            let what = match hold {
                Some(Hold::Existing { rejected: true, .. }) => {
                    "The plan was rejected: set spec.deletionPolicy to Orphan to let the connection go and leave all as it is, \
                     or delete the SyncPlan to have it worked out anew."
                }
                _ => "The plan waits for a decision, see the condition Held.",
            };
            assessment.ready = deprovisioning(format!("{meaning} {what}"));
            assessment.reconciling = Some(at_work(Reason::Deprovisioning));
            return None;
        }
        Ok(report) if report.outcome == Outcome::Stopped => return None,
        Ok(report) if report.error.is_none() && is_whole(report) => {
            if report.outcome == Outcome::Unchanged {
                return Some(Farewell::Deprovisioned);
            }
            // Once more, to see that nothing is left.
            assessment.ready = deprovisioning(meaning.to_owned());
            assessment.reconciling = Some(at_work(Reason::Deprovisioning));
            assessment.after = After::Stopped;
            return None;
        }
        Ok(report) if report.error.is_none() && unwritten.is_none() => {
            assessment.ready = deprovisioning(format!("{meaning} Not everything could be: {}", assessment.ready.2));
            assessment.reconciling = Some(at_work(Reason::Retrying));
            assessment.after = After::Failure { retry_after: None };
        }
        _ => {}
    }
    let message = &assessment.ready.2;
    if ended.cause().is_some_and(|cause| cause.gone) {
        return Some(Farewell::Left(format!("Nothing can be taken back any more: {message}")));
    }
    (now >= patience(order, now, timing)).then(|| Farewell::Left(format!("It was tried for a day: {message}")))
}

/// Until when a platform that fails is tried before the connection is let go.
pub fn patience(order: &Order, now: Timestamp, timing: &Timing) -> Timestamp {
    let deleted = order.connection.metadata.deletion_timestamp.as_ref();
    let deleted = deleted.map_or(now, |Time(deleted)| *deleted);
    after(deleted, timing.stalled_retry)
}

/// Whether a run left nothing undone that a later one could do.
fn is_whole(report: &Report) -> bool {
    let waits = report.kept.iter().any(|kept| {
        matches!(
            kept.reason,
            KeptReason::Incomplete | KeptReason::Frozen | KeptReason::RolesUnknown
        )
    });
    report.failures.is_empty() && !waits
}

#[cfg(test)]
mod tests;
