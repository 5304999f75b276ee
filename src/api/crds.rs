//! Everything that is generated from the types: the custom resource definitions, their copies in the chart, and the two
//! reference pages. Nothing else writes these files.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;

use super::{DirectoryConnection, GroupMapping, SyncPlan, condition, fields, schema};

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

/// Every generated file: its path from the root of the repository, and its text.
pub fn generated() -> Result<Vec<(String, String)>, Error> {
    let crds = render()?;
    let copies = crds
        .iter()
        .map(|(file, text)| (format!("charts/directory-sync/files/crds/{file}"), text.clone()));
    let originals = crds.iter().map(|(file, text)| (format!("crds/{file}"), text.clone()));
    let pages = [
        ("docs/reference/fields.md".to_owned(), fields::render(&definitions())),
        ("docs/reference/conditions.md".to_owned(), condition::render()),
    ];
    Ok(originals.chain(copies).chain(pages).collect())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// With `DIRECTORY_SYNC_GENERATE` set this writes the files instead, which is what `make generate` does.
    #[test]
    fn generated_files_are_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, text) in generated().unwrap() {
            let path = root.join(&file);
            if std::env::var_os("DIRECTORY_SYNC_GENERATE").is_some() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &text).unwrap();
            }
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                found == text,
                "{file} is not what the types in src/api say: run `make generate` and commit the result"
            );
        }
    }
}
