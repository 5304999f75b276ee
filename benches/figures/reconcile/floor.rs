//! The floor of `reconcile`: the calls that each connection needs, made by clients that do nothing else.

use std::time::Instant;

use directory_sync::api::DirectoryConnection;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use super::{COMPANY, SECRET, accounts::Accounts};
use crate::testbed::apiserver::Namespace;

/// How many connections the operator looks at at once, unless it is told otherwise (`--max-syncs`).
const AT_ONCE: usize = 4;

/// Lists the connections and then, for each of them, reads the Secret and the `ConfigMap`, asks the platform for
/// `paths` and patches the status once. Returns the time in seconds.
pub async fn run(space: &Namespace<'_>, accounts: &Accounts, paths: &[String]) -> f64 {
    let started = Instant::now();
    let connections = space.api::<DirectoryConnection>();
    let names: Vec<String> = connections
        .list_metadata(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|connection| connection.metadata.name)
        .collect();
    let http = reqwest::Client::new();
    stream::iter(names)
        .for_each_concurrent(AT_ONCE, async |name| {
            space.api::<Secret>().get(SECRET).await.unwrap();
            space.api::<ConfigMap>().get(COMPANY).await.unwrap();
            for path in paths {
                let url = format!("http://{}/{name}/{path}", accounts.address);
                let answer = http.get(url).send().await.unwrap().error_for_status().unwrap();
                answer.bytes().await.unwrap();
            }
            let patch = Patch::Merge(json!({ "status": { "nextSyncTime": "2030-01-01T00:00:00Z" } }));
            let parameters = PatchParams::default();
            connections.patch_status(&name, &parameters, &patch).await.unwrap();
        })
        .await;
    started.elapsed().as_secs_f64()
}
