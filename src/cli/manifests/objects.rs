//! Secrets and `ConfigMap`s. What is wrong with one is said by field and expected type alone: a message that repeats a value
//! would print a secret.

use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::ByteString;
use kube::core::ObjectMeta;
use secrecy::SecretSlice;
use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    api::{
        admission::Violation,
        reference::{KeyRef, ObjectKind},
    },
    resolve::{Documents, Missing},
};

/// The keys of one object.
type Keys = BTreeMap<String, SecretSlice<u8>>;

/// Secrets and `ConfigMap`s by kind, namespace and name.
#[derive(Default)]
pub struct Objects(BTreeMap<(ObjectKind, String, String), Keys>);

#[async_trait]
impl Documents for Objects {
    async fn key(&self, namespace: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        let name = key.name.as_str();
        let at = (key.kind, namespace.to_owned(), name.to_owned());
        let Some(keys) = self.0.get(&at) else {
            let (kind, namespace, name) = at;
            return Err(Missing::Object { kind, namespace, name });
        };
        keys.get(key.key).cloned().ok_or_else(|| Missing::Key {
            kind: key.kind,
            name: name.to_owned(),
            key: key.key.to_owned(),
            present: keys.keys().cloned().collect(),
        })
    }
}

impl Objects {
    /// Keeps an object.
    pub(super) fn insert(&mut self, kind: ObjectKind, namespace: String, name: String, keys: Keys) {
        self.0.insert((kind, namespace, name), keys);
    }

    /// Puts a value in the place of one key, whether there was one or not.
    pub(super) fn replace(&mut self, namespace: &str, key: &KeyRef<'_>, value: Vec<u8>) {
        let at = (key.kind, namespace.to_owned(), key.name.as_str().to_owned());
        let keys = self.0.entry(at).or_default();
        keys.insert(key.key.to_owned(), SecretSlice::from(value));
    }
}

/// A Secret or `ConfigMap` as it was written: its metadata and its keys, or all that is wrong with it.
pub(super) fn read(kind: ObjectKind, object: &Value) -> Result<(ObjectMeta, Keys), Vec<Violation>> {
    let (plain, encoded) = match kind {
        ObjectKind::Secret => ("stringData", "data"),
        ObjectKind::ConfigMap => ("data", "binaryData"),
    };
    let mut wrong = Vec::new();
    let mut keys = Keys::new();
    // As on an API server, a Secret's stringData wins over its data.
    for (field, is_encoded) in [(encoded, true), (plain, false)] {
        for (key, value) in entries(object, field, &mut wrong) {
            match bytes(value, is_encoded) {
                Ok(bytes) => {
                    keys.insert(key.clone(), SecretSlice::from(bytes));
                }
                Err(message) => wrong.push(Violation {
                    field: format!("{field}.{key}"),
                    message,
                }),
            }
        }
    }
    // The annotations of a Secret may repeat all of it.
    let metadata = ObjectMeta::deserialize(&object["metadata"]).map_err(|_| Violation {
        field: "metadata".to_owned(),
        message: "must be an object with a name, as Kubernetes defines it; annotations and labels are strings"
            .to_owned(),
    });
    match (metadata, wrong.is_empty()) {
        (Ok(metadata), true) => Ok((metadata, keys)),
        (metadata, _) => Err(wrong.into_iter().chain(metadata.err()).collect()),
    }
}

fn entries<'o>(
    object: &'o Value,
    field: &str,
    wrong: &mut Vec<Violation>,
) -> impl Iterator<Item = (&'o String, &'o Value)> + use<'o> {
    let entries = match &object[field] {
        Value::Object(entries) => Some(entries),
        Value::Null => None,
        other => {
            wrong.push(Violation {
                field: field.to_owned(),
                message: format!("must be an object, not {}", type_of(other)),
            });
            None
        }
    };
    entries.into_iter().flatten()
}

fn bytes(value: &Value, is_encoded: bool) -> Result<Vec<u8>, String> {
    match value {
        Value::String(_) if is_encoded => match ByteString::deserialize(value) {
            Ok(bytes) => Ok(bytes.0),
            Err(_) => {
                Err("must be base64; write text as it is under stringData of a Secret, data of a ConfigMap".to_owned())
            }
        },
        Value::String(text) => Ok(text.clone().into_bytes()),
        other => Err(format!("must be a string, not {}; put it in quotes", type_of(other))),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_of_values_are_read() {
        let secret = json!({
            "metadata": { "name": "a" }, "data": { "x": "b2xk", "y": "AP8=" }, "stringData": { "x": "new" },
        });
        let (metadata, keys) = read(ObjectKind::Secret, &secret).unwrap();
        assert_eq!(metadata.name.as_deref(), Some("a"));
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, value)| (key.as_str(), value.expose_secret()))
            .collect();
        assert_eq!(keys, [("x", &b"new"[..]), ("y", &[0, 255])]);
        let map = json!({ "metadata": { "name": "a" }, "data": { "x": "text" }, "binaryData": { "y": "AP8=" } });
        assert_eq!(read(ObjectKind::ConfigMap, &map).unwrap().1.len(), 2);
        assert!(
            read(
                ObjectKind::ConfigMap,
                &json!({ "metadata": { "name": "a" }, "data": null })
            )
            .is_ok()
        );
    }

    #[test]
    fn all_that_is_wrong_is_named_and_no_value_is() {
        let secret = json!({
            "metadata": { "annotations": { "a": 17_171_717 } },
            "data": { "x": "17171717!" }, "stringData": { "y": 17_171_717, "z": [17_171_717] },
        });
        let wrong = read(ObjectKind::Secret, &secret).unwrap_err();
        let fields: Vec<_> = wrong.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["data.x", "stringData.y", "stringData.z", "metadata"]);
        assert!(
            wrong.iter().all(|violation| !violation.message.contains("1717")),
            "{wrong:?}"
        );
    }
}
