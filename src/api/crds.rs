//! The custom resource definitions, from the types. What else is generated, and the test that keeps all of it current, is in
//! `src/generated.rs`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;

use super::{DirectoryConnection, GroupMapping, SyncPlan, schema};

const HEADER: &str =
    "# Generated from src/api by `directory-sync crds`; after a change of the types run `make generate`.\n";

/// The definitions, ready for an API server.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    [DirectoryConnection::crd(), GroupMapping::crd(), SyncPlan::crd()]
        .map(schema::tidy)
        .into()
}

/// The definitions as YAML: the name of a file in `crds/`, and its text.
pub fn render() -> Result<Vec<(String, String)>, Error> {
    definitions()
        .iter()
        .map(|crd| {
            let file = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
            Ok((file, format!("{HEADER}{}", yaml(crd)?)))
        })
        .collect()
}

/// YAML with whole numbers written as such: the type of a schema holds `minimum: 1` as a float.
fn yaml(crd: &CustomResourceDefinition) -> Result<String, Error> {
    fn whole(value: &mut Value) {
        match value {
            Value::Number(number) => {
                if let Some(integer) = number
                    .as_f64()
                    .filter(|n| n.fract() == 0.0)
                    .and_then(|n| format!("{n}").parse::<i64>().ok())
                {
                    *number = integer.into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(whole),
            Value::Object(object) => object.values_mut().for_each(whole),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(crd)?;
    whole(&mut value);
    Ok(serde_saphyr::to_string(&value)?)
}

/// Why the files can't be written; a mistake in the types.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A definition has no JSON form.
    #[error("a definition cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A definition has no YAML form.
    #[error("a definition cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}
