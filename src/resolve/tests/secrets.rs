//! Promise 8 of `docs/safety.md`: secrets are shown nowhere, and those of other namespaces can't be reached.

use std::sync::{Arc, Mutex};

use axum::{Router, http::StatusCode};
use directory_sync_model::fingerprint::FingerprintKey;
use prometheus::Registry;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::*;
use super::specifications;
use crate::{
    api::{DirectoryConnection, connection::DirectoryConnectionSpec, crds},
    call::{CallMetrics, LimiterRegistry},
    http,
    sync::{Mode, Options, ledger::MemoryLedger, run},
};

/// Has every key, and remembers in which namespaces it was asked.
#[derive(Default)]
struct Asked(Mutex<Vec<String>>);

#[async_trait]
impl Documents for Asked {
    async fn key(&self, namespace: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        self.0.lock().unwrap().push(format!("{namespace}/{}", key.name));
        Ok(b"s3cret-of-ours".to_vec().into())
    }
}

fn connection(spec: &serde_json::Value) -> DirectoryConnection {
    serde_json::from_value(json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "DirectoryConnection",
        "metadata": { "name": "acme", "namespace": "acme" },
        "spec": spec,
    }))
    .unwrap()
}

fn connector(registry: &Registry) -> Connector {
    Connector {
        network: http::testing::open_network(),
        limiters: Arc::new(LimiterRegistry::default()),
        metrics: Arc::new(CallMetrics::new(registry).unwrap()),
    }
}

#[tokio::test]
async fn promise_8_a_connection_reads_documents_of_its_own_namespace_alone() {
    for mut spec in specifications() {
        // A name that would be a path elsewhere isn't even one of an object.
        let name = &mut spec["platform"]["rest"]["auth"]["bearer"]["tokenSecretRef"]["name"];
        let own = std::mem::replace(name, json!("../other/token"));
        assert!(serde_json::from_value::<DirectoryConnectionSpec>(spec.clone()).is_err());
        spec["platform"]["rest"]["auth"]["bearer"]["tokenSecretRef"]["name"] = own;
        let connection = connection(&spec);
        let rules = rules(&connection, &[]).unwrap();
        let asked = Asked::default();
        let _ = each_end(&connection, &rules, &asked, &connector(&Registry::new())).await;
        let asked = asked.0.into_inner().unwrap();
        assert!(!asked.is_empty());
        assert!(asked.iter().all(|name| name.starts_with("acme/")), "{asked:?}");
    }
}

#[test]
fn promise_8_nothing_in_the_kinds_can_name_a_namespace() {
    fn names(schema: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(fields) => {
                for (name, inner) in fields {
                    if name.to_lowercase().contains("namespace") && inner.is_object() {
                        found.push(format!("{path}.{name}"));
                    }
                    names(inner, &format!("{path}.{name}"), found);
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, path, found)),
            _ => {}
        }
    }
    for definition in crds::definitions() {
        let mut found = Vec::new();
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        assert!(schema.to_string().contains("connectionRef") || schema.to_string().contains("tokenSecretRef"));
        names(&schema, &definition.spec.names.kind, &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}

/// A server that answers so to everything, and repeats the credential that it was sent in each part of its answer.
async fn echoing(status: StatusCode) -> http::testing::Server {
    let answer = move |headers: axum::http::HeaderMap| async move {
        let credential = headers
            .get("authorization")
            .map_or("", |value| value.to_str().unwrap())
            .to_owned();
        let body = json!({ "detail": credential, "title": credential, "scimType": credential, "status": "x" });
        (status, [("retry-after", "0")], body.to_string())
    };
    http::testing::serve(Router::new().fallback(answer)).await
}

#[tokio::test]
async fn promise_8_a_secret_that_either_end_repeats_is_in_no_report_error_or_metric() {
    for status in [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST, StatusCode::OK] {
        let server = echoing(status).await;
        let bearer = json!({ "bearer": { "tokenSecretRef": { "name": "any", "key": "token" } } });
        // Whoever names the wrong Secret is not shown what is in it.
        let people = |format: &str| json!({ "file": { "people": { "secretKeyRef": { "name": "any", "key": "token" }, "format": format } } });
        let end = json!({ "url": server.url, "tls": { "mode": "Disabled" }, "auth": bearer });
        for provider in [json!({ "scim": end }), people("CSV"), people("JSON"), people("YAML")] {
            let connection = connection(&json!({ "provider": provider, "platform": { "rest": end } }));
            let registry = Registry::new();
            let rules = rules(&connection, &[]).unwrap();
            let ends = ends(&connection, &rules, &Asked::default(), &connector(&registry))
                .await
                .unwrap();
            let options = Options::new(
                "run".into(),
                Mode::Apply,
                std::time::SystemTime::UNIX_EPOCH,
                FingerprintKey::new(1, 2),
            );
            let report = run(
                &ends,
                &rules,
                &options,
                &MemoryLedger::new(),
                &CancellationToken::new(),
                &(),
            )
            .await;
            let error = report.error.as_ref().expect("neither end is what it should be");
            let shown = format!("{} {report:?} {:?}", crate::fault::chain(error), registry.gather());
            assert!(!shown.contains("s3cret-of-ours"), "{shown}");
        }
    }
}
