//! What an API server does with an object, without one: the command line judges YAML by the very definitions that a cluster
//! would, with the same defaults, limits, rules and messages.
//!
//! [`admit`] fills in defaults, then checks the structure (`structure`) and the CEL rules (`rules`). Rules about changes
//! of an object (`oldSelf`) don't apply: nothing is stored here.

mod rules;
mod structure;

use std::{collections::BTreeMap, sync::OnceLock};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::{Resource, core::ObjectMeta};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{crds, reference::ObjectName};

/// One thing that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Violation {
    /// The field, from the object's root, for example `spec.attributes[2].name`.
    pub field: String,
    /// What is wrong and what to do, in the words of the definition's rule where there is one.
    pub message: String,
}

impl Violation {
    fn new(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// Judges an object, of any kind but with its `apiVersion` and `kind`, as the API server would on creation, and gives it back
/// typed and with its defaults; or everything that is wrong with it, at least one thing.
pub fn admit<K>(mut object: Value) -> Result<K, Vec<Violation>>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    let mut found = header::<K>(&object);
    let Some(schema) = schemas().get(&*K::kind(&())) else {
        return Err(vec![Violation::new(
            "kind",
            format!("{} is not one of our kinds", K::kind(&())),
        )]);
    };
    // Status is the operator's; an API server drops it on creation, too.
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    structure::complete(schema, &mut object);
    structure::check(schema, &object, "", &mut found);
    // As on the API server, rules are for objects that are sound otherwise: they may rely on types and required fields.
    if found.is_empty() {
        rules::check(schema, &object, "", &mut found);
    }
    if !found.is_empty() {
        return Err(found);
    }
    serde_json::from_value(object).map_err(|error| vec![Violation::new("spec", error.to_string())])
}

/// What the API server checks before it looks at a schema.
fn header<K: Resource<DynamicType = ()>>(object: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    for (field, expected) in [("apiVersion", K::api_version(&())), ("kind", K::kind(&()))] {
        if object[field] != *expected {
            found.push(Violation::new(field, format!("must be {expected}")));
        }
    }
    match serde_json::from_value::<ObjectMeta>(object["metadata"].clone()) {
        Err(error) => found.push(Violation::new("metadata", error.to_string())),
        Ok(ObjectMeta { name, namespace, .. }) => {
            let names = [
                ("metadata.name", Some(name.unwrap_or_default())),
                ("metadata.namespace", namespace),
            ];
            for (field, name) in names {
                if let Some(Err(error)) = name.map(ObjectName::try_from) {
                    found.push(Violation::new(field, error.to_string()));
                }
            }
        }
    }
    found
}

/// The schema of each kind.
fn schemas() -> &'static BTreeMap<String, JSONSchemaProps> {
    static SCHEMAS: OnceLock<BTreeMap<String, JSONSchemaProps>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let schemas = crds::definitions().into_iter().filter_map(|crd| {
            let version = crd.spec.versions.into_iter().next()?;
            Some((crd.spec.names.kind, version.schema?.open_api_v3_schema?))
        });
        schemas.collect()
    })
}

/// The path of a property below `parent`.
fn below(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}

#[cfg(test)]
mod tests;
