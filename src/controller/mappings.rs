//! Looks at one mapping: says what no sync says of it, because none looks at it.

use std::sync::Arc;

use jiff::Timestamp;
use kube::{Resource as _, core::error_boundary::InvalidObject, runtime::controller::Action};

use super::{
    backoff::{after, until},
    error::ReconcileError,
    events,
    fleet::Fleet,
    reconcile::unless_gone,
    status,
    view::{Guarded, Key, unreadable},
    write,
};
use crate::api::{
    GroupMapping,
    condition::{ConditionType, Reason, find},
    mapping::GroupMappingStatus,
};

/// Looks after one mapping.
pub async fn reconcile(object: Arc<Guarded<GroupMapping>>, fleet: Arc<Fleet>) -> Result<Action, ReconcileError> {
    let mapping = match &object.0 {
        Ok(mapping) => mapping,
        Err(invalid) => return refuse(invalid, &fleet).await,
    };
    let now = Timestamp::now();
    let connection = Key::referred(&mapping.metadata, &mapping.spec.connection_ref);
    if fleet.connection(&connection).is_some() {
        if is_told(mapping) {
            return Ok(Action::await_change());
        }
        return save(mapping, status::not_synced_yet(mapping, now), &fleet).await;
    }
    // Whoever applies a folder applies one file after the other.
    let created = mapping.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let settled = after(created, fleet.config.timing.settle);
    if now < settled {
        return Ok(Action::requeue(until(now, settled)));
    }
    save(mapping, status::not_found(mapping, now), &fleet).await
}

/// Whether the status says something that holds while the connection is there.
fn is_told(mapping: &GroupMapping) -> bool {
    let conditions = mapping.status.as_ref().map(|status| status.conditions.as_slice());
    conditions
        .and_then(|conditions| find(conditions, ConditionType::Ready))
        .is_some_and(|ready| ready.reason != Reason::ConnectionNotFound.as_str())
}

async fn refuse(invalid: &InvalidObject, fleet: &Fleet) -> Result<Action, ReconcileError> {
    let message = unreadable(&invalid.error);
    if fleet.is_news(&invalid.metadata, &message) {
        let key = Key::of(&invalid.metadata);
        tracing::warn!(mapping = %key, error = invalid.error, "A GroupMapping can't be read; what it may have given stays.");
        let status = status::unreadable_mapping(invalid.metadata.generation, &message, Timestamp::now());
        let written = write::status::<GroupMapping>(fleet.client(), &invalid.metadata, &status).await;
        unless_gone(written).inspect_err(|_| fleet.forget_complaint(&invalid.metadata))?;
    }
    Ok(Action::await_change())
}

async fn save(mapping: &GroupMapping, status: GroupMappingStatus, fleet: &Fleet) -> Result<Action, ReconcileError> {
    let before = mapping.status.clone().unwrap_or_default();
    if status != before {
        unless_gone(write::status::<GroupMapping>(fleet.client(), &mapping.metadata, &status).await)?;
        let notice = events::transition_of(&before.conditions, &status.conditions, ConditionType::Ready);
        fleet.recorder.publish(&mapping.object_ref(&()), notice).await;
    }
    Ok(Action::await_change())
}
