//! The three kinds on a real API server: what is stored, what is refused, what kubectl shows; and the chart that ships
//! them.

mod chart;
mod loosening;
mod refused;
mod shown;
mod stored;

use std::path::Path;

use directory_sync::api::{DirectoryConnection, GroupMapping, SyncPlan};
use kube::CustomResourceExt;
use kube::api::{Api, ApiResource, DynamicObject};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::support::apiserver::{ApiServer, Namespace};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shared API server, with the kinds installed.
pub async fn server_with_kinds() -> &'static ApiServer {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let server = ApiServer::shared().await;
    INSTALLED.get_or_init(|| install_kinds(server)).await;
    server
}

/// Installs the kinds on a server.
pub async fn install_kinds(server: &ApiServer) {
    let folder = repository().join("crds");
    server
        .kubectl(&["apply", "--server-side", "-f", folder.to_str().unwrap()])
        .await
        .success();
    established(server).await;
}

/// Returns once the kinds are served.
async fn established(server: &ApiServer) {
    let names = [
        DirectoryConnection::crd_name(),
        GroupMapping::crd_name(),
        SyncPlan::crd_name(),
    ];
    let names = names.map(|name| format!("crd/{name}"));
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        &names[0],
        &names[1],
        &names[2],
    ];
    server.kubectl(&wait).await.success();
}

/// The smallest good object of each kind.
fn smallest(kind: &str) -> Value {
    let spec = match kind {
        "DirectoryConnection" => json!({
            "provider": { "ldap": {
                "url": "ldaps://ldap.acme.test",
                "baseDN": "dc=acme,dc=test",
                "auth": { "simple": { "bindDN": "cn=sync", "passwordSecretRef": { "name": "ldap", "key": "password" } } },
            } },
            "platform": { "rest": {
                "url": "https://api.platform.test",
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
            } },
        }),
        "GroupMapping" => json!({ "connectionRef": { "name": "acme" }, "group": { "name": "sales" } }),
        _ => json!({ "connectionRef": { "name": "acme" }, "hash": "0123456789abcdef".repeat(4) }),
    };
    json!({ "apiVersion": "directory-sync.io/v1alpha1", "kind": kind, "metadata": { "name": "acme" }, "spec": spec })
}

/// The smallest good object with a merge patch (RFC 7386) over its spec.
fn object(kind: &str, change: &Value) -> Value {
    let mut object = smallest(kind);
    if !change.is_null() {
        merge(&mut object["spec"], change);
    }
    object
}

/// The object under another name.
fn named(mut object: Value, name: &str) -> Value {
    object["metadata"]["name"] = name.into();
    object
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in changes {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

fn resource(kind: &str) -> ApiResource {
    match kind {
        "DirectoryConnection" => DirectoryConnection::api_resource(),
        "GroupMapping" => GroupMapping::api_resource(),
        _ => SyncPlan::api_resource(),
    }
}

/// The objects of a kind as the API server has them, whatever our types make of them.
fn raw(space: &Namespace<'_>, kind: &str) -> Api<DynamicObject> {
    Api::namespaced_with(space.client.clone(), &space.name, &resource(kind))
}

fn dynamic(object: Value) -> DynamicObject {
    serde_json::from_value(object).unwrap()
}
