//! What a specification says of its connections reaches them.

use std::{sync::Arc, time::Duration};

use directory_sync_model::{attribute::AttributeSet, snapshot::Batch};
use prometheus::Registry;
use serde_json::json;

use super::super::*;
use crate::{
    api::DirectoryConnection,
    call::{CallMetrics, LimiterRegistry},
    directory, http,
};

/// Each key of each object has this value.
struct Everywhere(&'static str);

#[async_trait]
impl Documents for Everywhere {
    async fn key(&self, _: &str, _: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        Ok(self.0.as_bytes().to_vec().into())
    }
}

/// How many attempts have run out of time.
fn timeouts(registry: &Registry, side: &str) -> f64 {
    let families = registry.gather();
    let counted = families.iter().flat_map(prometheus::proto::MetricFamily::get_metric);
    let of_it = counted.filter(|metric| {
        let labels = metric.get_label();
        labels.iter().any(|label| label.value() == side) && labels.iter().any(|label| label.value() == "Timeout")
    });
    of_it.map(|metric| metric.get_counter().get_value()).sum()
}

#[tokio::test]
async fn both_ends_give_up_a_connection_after_timeouts_connect() {
    // It accepts, and says nothing of TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let end = json!({
        "url": url,
        "auth": { "bearer": { "tokenSecretRef": { "name": "any", "key": "token" } } },
        "timeouts": { "connect": "1s", "request": "10m" },
    });
    let connection: DirectoryConnection = serde_json::from_value(json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "DirectoryConnection",
        "metadata": { "name": "acme", "namespace": "acme" },
        "spec": { "provider": { "scim": end }, "platform": { "rest": end } },
    }))
    .unwrap();
    let registry = Registry::new();
    let connector = Connector {
        network: http::testing::open_network(),
        limiters: Arc::new(LimiterRegistry::default()),
        metrics: Arc::new(CallMetrics::new(&registry).unwrap()),
    };
    let rules = rules(&connection, &[]).unwrap();
    let ends = ends(&connection, &rules, &Everywhere("t0ken"), &connector)
        .await
        .unwrap();
    let mut batch = Batch::new();
    let asking = async {
        tokio::join!(
            ends.platform.identity(),
            ends.directory
                .read(directory::Part::Users, AttributeSet::EMPTY, None, &mut batch),
        )
    };
    // Less than the usual ten seconds, and enough for the first attempt of both.
    let waiting = async {
        while timeouts(&registry, "platform") < 1.0 || timeouts(&registry, "directory") < 1.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = asking => panic!("no attempt may succeed"),
        told = tokio::time::timeout(Duration::from_secs(8), waiting) => told.unwrap(),
    }
}
