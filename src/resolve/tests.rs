//! Nothing that the schema of a provider or platform takes is ignored: whichever field changes, what is connected changes.

mod giving_up;
mod secrets;

use std::collections::BTreeSet;

use async_trait::async_trait;
use kube::CustomResourceExt as _;
use secrecy::SecretSlice;
use serde_json::{Value as Json, json};

use super::{
    Documents, Missing,
    ends::Keys,
    platform,
    provider::{file, ldap, scim},
};
use crate::api::{connection::DirectoryConnection, platform::PlatformSpec, provider::ProviderSpec, reference::KeyRef};

/// Fields that show elsewhere than in the configuration: the limiter's rate, and a way to authenticate without settings.
const ELSEWHERE: [&str; 3] = [
    "provider.scim.limits.requestsPerSecond",
    "platform.rest.limits.requestsPerSecond",
    "provider.ldap.auth.anonymous",
];

/// Has every key.
struct Everything;

#[async_trait]
impl Documents for Everything {
    async fn key(&self, _: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        Ok(SecretSlice::from(format!("{}/{}", key.name, key.key).into_bytes()))
    }
}

fn secret(name: &str) -> Json {
    json!({ "name": name, "key": "key" })
}

fn authority() -> Json {
    json!({ "kind": "Secret", "name": "ca", "key": "ca.pem" })
}

fn timeouts() -> Json {
    json!({ "connect": "3s", "request": "4s" })
}

fn rest() -> Json {
    json!({
        "url": "https://api.acme.test",
        "tls": { "mode": "Required", "caRef": authority() },
        "auth": { "bearer": { "tokenSecretRef": secret("token") } },
        "limits": { "concurrentRequests": 3, "requestsPerSecond": 7 },
        "timeouts": timeouts(),
    })
}

/// The property at a path of the connection's schema.
fn schema(path: &[&str]) -> Json {
    let crd = serde_json::to_value(DirectoryConnection::crd()).unwrap();
    let mut at = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    for name in path {
        at = &at["properties"][name];
    }
    at.clone()
}

/// Every field of a provider with an attribute table, each with a name of its own.
fn names(path: &[&str]) -> Json {
    let properties = schema(path)["properties"].as_object().unwrap().clone();
    properties
        .keys()
        .map(|name| (name.clone(), json!(format!("x-{name}"))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Specifications in which every field of the schema is set, but for what excludes each other.
fn specifications() -> Vec<Json> {
    let ldap = |auth: Json| {
        json!({
            "url": "ldaps://ldap.acme.test",
            "baseDN": "dc=acme,dc=test",
            "tls": { "mode": "Required", "caRef": authority() },
            "auth": auth,
            "users": {
                "baseDN": "ou=people,dc=acme,dc=test",
                "filter": "(uid=*)",
                "attributes": names(&["provider", "ldap", "users", "attributes"]),
                "disabled": { "attribute": "locked", "values": ["yes"] },
                "custom": ["badge"],
            },
            "groups": {
                "baseDN": "ou=groups,dc=acme,dc=test",
                "filter": "(cn=*)",
                "attributes": names(&["provider", "ldap", "groups", "attributes"]),
                "members": { "dnAttributes": ["member"], "userNameAttributes": ["memberUid"] },
                "nested": false,
            },
            "pageSize": 17,
            "timeouts": timeouts(),
        })
    };
    let scim = |auth: Json| {
        json!({
            "url": "https://idp.acme.test/scim",
            "tls": { "mode": "Required", "caRef": authority() },
            "auth": auth,
            "users": {
                "filter": "active eq true",
                "attributes": names(&["provider", "scim", "users", "attributes"]),
            },
            "groups": { "filter": "displayName pr" },
            "paging": "Cursor",
            "pageSize": 17,
            "limits": { "concurrentRequests": 3, "requestsPerSecond": 7 },
            "timeouts": timeouts(),
        })
    };
    let simple = json!({ "simple": { "bindDN": "cn=sync", "passwordSecretRef": secret("bind") } });
    let bearer = json!({ "bearer": { "tokenSecretRef": secret("token") } });
    let basic = json!({ "basic": { "username": "sync", "passwordSecretRef": secret("basic") } });
    // The bases of its own would hide the common one.
    let mut anonymous = ldap(json!({ "anonymous": {} }));
    for part in ["users", "groups"] {
        anonymous[part].as_object_mut().unwrap().remove("baseDN");
    }
    let file = |place: &str| json!({ place: secret("people"), "format": "CSV" });
    [
        json!({ "ldap": ldap(simple) }),
        json!({ "ldap": anonymous }),
        json!({ "scim": scim(bearer) }),
        json!({ "scim": scim(basic) }),
        json!({ "file": { "people": file("configMapKeyRef"), "groups": file("secretKeyRef") } }),
        json!({ "file": { "people": file("secretKeyRef"), "groups": file("configMapKeyRef") } }),
    ]
    .into_iter()
    .map(|provider| json!({ "provider": provider, "platform": { "rest": rest() } }))
    .collect()
}

/// What a specification comes to, as text.
async fn connected(spec: &Json) -> String {
    let spec = serde_json::from_value(spec.clone()).unwrap_or_else(|error| panic!("{error}: {spec}"));
    let connection = DirectoryConnection::new("acme", spec);
    let keys = Keys::read(connection.references(), "acme", &Everything).await.unwrap();
    let provider = match connection.spec.provider.selected().unwrap() {
        ProviderSpec::Ldap(spec) => format!("{:?}", ldap::config(spec, &keys)),
        ProviderSpec::Scim(spec) => format!("{:?}", scim::config(spec, &keys)),
        ProviderSpec::File(spec) => format!("{:?}", file::config(spec, &keys)),
    };
    let PlatformSpec::Rest(rest) = connection.spec.platform.selected().unwrap();
    let platform = format!("{:?}", platform::rest_config(rest, &keys));
    format!("{provider} {platform} {:?}", connection.references())
}

/// The paths of all fields that hold no others.
fn leaves(value: &Json, path: &str, found: &mut BTreeSet<String>) {
    match value.as_object().filter(|object| !object.is_empty()) {
        None => drop(found.insert(path.to_owned())),
        Some(object) => {
            for (name, value) in object {
                leaves(value, &join(path, name), found);
            }
        }
    }
}

fn schema_leaves(schema: &Json, path: &str, found: &mut BTreeSet<String>) {
    match schema["properties"].as_object() {
        None => drop(found.insert(path.to_owned())),
        Some(properties) => {
            for (name, schema) in properties {
                schema_leaves(schema, &join(path, name), found);
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Another value that the schema allows as well.
fn changed(value: &Json, schema: &Json) -> Json {
    match (value, schema["enum"].as_array()) {
        (value, Some(values)) => values.iter().find(|other| *other != value).unwrap().clone(),
        (Json::Bool(flag), _) => json!(!flag),
        (Json::Number(number), _) => json!(number.as_i64().unwrap() + 1),
        (Json::Array(items), _) => items.iter().cloned().chain([json!("another")]).collect(),
        (Json::String(text), _) if text == "4s" => json!("5s"),
        (Json::String(text), _) if text == "3s" => json!("2s"),
        (Json::String(text), _) => json!(format!("{text}x")),
        (value, _) => panic!("{value}"),
    }
}

#[tokio::test]
async fn no_field_of_a_provider_or_platform_is_taken_and_ignored() {
    let mut honoured: BTreeSet<String> = ELSEWHERE.map(str::to_owned).into();
    for spec in specifications() {
        let before = connected(&spec).await;
        let mut paths = BTreeSet::new();
        leaves(&spec, "", &mut paths);
        for path in paths.into_iter().filter(|path| !ELSEWHERE.contains(&path.as_str())) {
            let mut other = spec.clone();
            let names: Vec<&str> = path.split('.').collect();
            let place = other.pointer_mut(&format!("/{}", path.replace('.', "/"))).unwrap();
            *place = changed(place, &schema(&names));
            if connected(&other).await != before {
                honoured.insert(path);
            }
        }
    }
    let mut all = BTreeSet::new();
    for part in ["provider", "platform"] {
        schema_leaves(&schema(&[part]), part, &mut all);
    }
    let ignored: Vec<_> = all.difference(&honoured).collect();
    assert!(ignored.is_empty(), "{ignored:?}");
}
