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
        // What it says of this generation holds, unless it is that the connection isn't there.
        if told(mapping).is_some_and(|reason| reason != Reason::ConnectionNotFound.as_str()) {
            return Ok(Action::await_change());
        }
        return save(mapping, status::not_synced_yet(mapping, now), &fleet).await;
    }
    // Whoever applies a folder applies one file after the other.
    let created = mapping.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let settled = after(created, fleet.config.timing.settle);
    if now < settled {
        // Without any status it would be taken for one that is in order (kstatus).
        if told(mapping).is_none() {
            save(mapping, status::not_synced_yet(mapping, now), &fleet).await?;
        }
        return Ok(Action::requeue(until(now, settled)));
    }
    save(mapping, status::not_found(mapping, now), &fleet).await
}

/// What the status says of this generation of the mapping: the reason of Ready.
fn told(mapping: &GroupMapping) -> Option<&str> {
    let ready = find(&mapping.status.as_ref()?.conditions, ConditionType::Ready)?;
    (ready.observed_generation == mapping.metadata.generation).then_some(ready.reason.as_str())
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
        // A run may have told more meanwhile.
        match write::status_as_seen::<GroupMapping>(fleet.client(), &mapping.metadata, &status).await {
            Err(error) if error.is_gone() => return Ok(Action::await_change()),
            written => written?,
        }
        let notice = events::transition_of(&before.conditions, &status.conditions, ConditionType::Ready);
        fleet.recorder.publish(&mapping.object_ref(&()), notice).await;
    }
    Ok(Action::await_change())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::core::DeserializeGuard;

    use super::*;
    use crate::{
        controller::testing::{self, Bench, condition},
        sync::report::MappingReport,
    };

    /// The mapping as it is after somebody has looked at it.
    async fn look(bench: &Bench, mapping: &GroupMapping) -> Option<String> {
        let object = Arc::new(DeserializeGuard(Ok(mapping.clone())));
        reconcile(object, Arc::clone(&bench.fleet)).await.unwrap();
        condition(&bench.told("groupmappings")?, "Ready")
    }

    #[tokio::test]
    async fn a_new_mapping_is_never_without_a_status_while_its_connection_may_still_come() {
        let bench = Bench::new();
        let mut mapping = testing::mapping("one");
        mapping.metadata.creation_timestamp = Some(Time(Timestamp::now()));
        assert_eq!(look(&bench, &mapping).await.unwrap(), "Unknown/NotSyncedYet");
        mapping.metadata.creation_timestamp = Some(Time(testing::at(1)));
        assert_eq!(look(&bench, &mapping).await.unwrap(), "False/ConnectionNotFound");
    }

    #[tokio::test]
    async fn a_new_generation_is_not_ready_because_the_one_before_was() {
        let mut bench = Bench::new();
        bench.put(&testing::connection());
        let mut mapping = testing::mapping("one");
        let report = MappingReport::default();
        mapping.status = Some(status::mapping_after_run(&mapping, &report, true, testing::at(1)));
        mapping.metadata.resource_version = Some("7".to_owned());
        assert_eq!(look(&bench, &mapping).await, None, "of this generation all is said");
        mapping.metadata.generation = Some(2);
        assert_eq!(look(&bench, &mapping).await.unwrap(), "Unknown/NotSyncedYet");
        let version = &bench.calls()[0].body["metadata"]["resourceVersion"];
        assert_eq!(version, "7", "a run may tell more in the same moment");
    }
}
