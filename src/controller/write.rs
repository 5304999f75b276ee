//! All that is written to the cluster: statuses by server-side apply, and plans.

use std::time::Duration;

use kube::{
    Api, Client, Resource,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, ObjectMeta},
};
use serde::Serialize;
use serde_json::json;

use super::error::ReconcileError;
use crate::api::CONTROLLER_MANAGER;

/// How long one call to the API server may take, its retries included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for the API server, but not for ever.
pub async fn within<T>(
    action: &'static str,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ReconcileError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(ReconcileError::Kube {
            action,
            source: Box::new(source),
        }),
        Err(_) => Err(ReconcileError::Timeout {
            action,
            seconds: PATIENCE.as_secs(),
        }),
    }
}

/// Writes the whole status of one object. Nobody else writes it, so nothing is contested, and one that is gone isn't
/// created. In a patch of a status the API server doesn't look at the uid: an object that was created anew under the same
/// name may get it, until its own first sync says how things stand.
pub async fn status<K>(client: &Client, metadata: &ObjectMeta, status: &impl Serialize) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    status_of::<K>(client, metadata, None, status).await
}

/// The same, refused with a conflict where the object isn't any more as it was seen: where another part of the operator
/// may have said more meanwhile.
pub async fn status_as_seen<K>(
    client: &Client,
    metadata: &ObjectMeta,
    status: &impl Serialize,
) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    status_of::<K>(client, metadata, metadata.resource_version.as_deref(), status).await
}

async fn status_of<K>(
    client: &Client,
    metadata: &ObjectMeta,
    version: Option<&str>,
    status: &impl Serialize,
) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    let kind = ApiResource::erase::<K>(&());
    let name = metadata.name.as_deref().unwrap_or_default();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let mut body = json!({
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": { "name": name, "uid": metadata.uid },
        "status": status,
    });
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = json!(version);
    }
    // Dynamic, because the answer may be an object that doesn't fit the type.
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind);
    let parameters = PatchParams::apply(CONTROLLER_MANAGER).force();
    let patch = Patch::Apply(&body);
    within("writing a status", api.patch_status(name, &parameters, &patch)).await?;
    Ok(())
}
