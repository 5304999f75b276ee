//! All that is written to the cluster: statuses by server-side apply, and plans.

use std::time::Duration;

use kube::{
    Api, Client, Resource,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
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

/// What failed, in messages.
const WRITING: &str = "writing a status";

/// How often a status is written against somebody else's writes of the same object.
const ATTEMPTS: u32 = 5;

/// Writes the whole status of one object. Nobody else writes it, so nothing is contested, and one that is gone isn't created.
///
/// It is of this very object. In a patch of a status the API server doesn't look at the uid, so an object that was created anew
/// under the same name would get it; but it does look at the resource version, and no two objects ever have the same one. Where
/// it refuses, the object was changed meanwhile, or is another one: the uid tells.
pub async fn status<K>(client: &Client, metadata: &ObjectMeta, status: &impl Serialize) -> Result<(), ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    let mut version = metadata.resource_version.clone();
    for _ in 0..ATTEMPTS {
        match status_of::<K>(client, metadata, version.as_deref(), status).await {
            Err(error) if error.is_conflict() => version = present_version::<K>(client, metadata).await?,
            other => return other,
        }
    }
    Err(ReconcileError::Contested { action: WRITING })
}

/// The version that this very object has now.
async fn present_version<K>(client: &Client, metadata: &ObjectMeta) -> Result<Option<String>, ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    let api = api::<K>(client, metadata);
    let name = metadata.name.as_deref().unwrap_or_default();
    let found = within("reading an object whose status is written", api.get_metadata_opt(name)).await?;
    let same = found.map(|found| found.metadata).filter(|now| now.uid == metadata.uid);
    same.map(|now| now.resource_version)
        .ok_or(ReconcileError::Gone { action: WRITING })
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
    let mut body = json!({
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": { "name": name, "uid": metadata.uid },
        "status": status,
    });
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = json!(version);
    }
    let api = api::<K>(client, metadata);
    let parameters = PatchParams::apply(CONTROLLER_MANAGER).force();
    let patch = Patch::Apply(&body);
    within(WRITING, api.patch_status(name, &parameters, &patch)).await?;
    Ok(())
}

/// Deletes this very object, and no other one of the same name.
pub fn this_very(metadata: &ObjectMeta) -> DeleteParams {
    let preconditions = Preconditions {
        uid: metadata.uid.clone(),
        resource_version: None,
    };
    DeleteParams::default().preconditions(preconditions)
}

/// Dynamic, because the answer may be an object that doesn't fit the type.
fn api<K>(client: &Client, metadata: &ObjectMeta) -> Api<DynamicObject>
where
    K: Resource<DynamicType = ()>,
{
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    Api::namespaced_with(client.clone(), namespace, &ApiResource::erase::<K>(&()))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use http::Method;
    use serde_json::Value;

    use super::*;
    use crate::{
        api::{DirectoryConnection, connection::DirectoryConnectionStatus},
        controller::testing::{self, Bench, Call},
    };

    /// A status of the connection `u-1`, in version 7, is written to an API server on which the object has that uid and version 9
    /// now: what came of it, and the versions that were written.
    async fn write(uid: Option<&'static str>, contested: u32) -> (Result<(), ReconcileError>, Vec<Value>) {
        let refusals = Arc::new(AtomicU32::new(0));
        let bench = Bench::answering(move |call: &Call| match call.method {
            Method::GET => Some(match uid {
                Some(uid) => (
                    200,
                    json!({ "metadata": { "name": "directory", "uid": uid, "resourceVersion": "9" } }),
                ),
                None => (404, Value::Null),
            }),
            _ if refusals.fetch_add(1, Ordering::Relaxed) < contested => Some((409, Value::Null)),
            _ => None,
        });
        let mut metadata = testing::connection().metadata;
        metadata.resource_version = Some("7".to_owned());
        let told = DirectoryConnectionStatus::default();
        let written = status::<DirectoryConnection>(bench.fleet.client(), &metadata, &told).await;
        let patches = bench.calls().into_iter().filter(|call| call.method == Method::PATCH);
        let versions = patches.map(|call| call.body["metadata"]["resourceVersion"].clone());
        (written, versions.collect())
    }

    #[tokio::test]
    async fn a_status_is_written_to_the_object_that_it_is_of_and_to_no_other_of_the_same_name() {
        let (written, versions) = write(Some("u-1"), 0).await;
        assert!(written.is_ok() && versions == ["7"], "{written:?} {versions:?}");
        let (written, versions) = write(Some("u-1"), 1).await;
        assert!(written.is_ok() && versions == ["7", "9"], "{written:?} {versions:?}");
        for other in [Some("u-2"), None] {
            let (written, versions) = write(other, 1).await;
            assert!(written.is_err_and(|error| error.is_gone()), "{other:?}");
            assert_eq!(versions, ["7"], "{other:?}");
        }
    }

    #[tokio::test]
    async fn a_status_that_somebody_always_comes_before_is_no_object_that_is_gone() {
        let (written, versions) = write(Some("u-1"), u32::MAX).await;
        assert!(written.is_err_and(|error| !error.is_gone()));
        assert_eq!(versions.len(), ATTEMPTS as usize);
    }
}
