//! `spec.provider.file`: people and groups in keys of `ConfigMap`s or Secrets.
//!
//! There is no path on purpose: whoever may create a connection must not be able to read the operator's own files.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{
    reference::{ConfigMapKeyRef, KeyRef, SecretKeyRef},
    the_one,
};

/// People and groups in keys of ConfigMaps or Secrets. An object of Kubernetes holds at most 1 MiB, some 8,000 people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileProvider {
    /// The people: a list of users, each with an id and an email at least.
    pub people: FileSource,
    /// The groups: a list of groups with an id, a name and their members' ids. Unset: groups are made of the names in the
    /// people's own groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<FileSource>,
}

/// One file: exactly one of `configMapKeyRef` and `secretKeyRef`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "[has(self.configMapKeyRef), has(self.secretKeyRef)].exists_one(x, x)",
    "exactly one place must be set: configMapKeyRef or secretKeyRef",
))]
pub struct FileSource {
    /// Key of a ConfigMap that holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<ConfigMapKeyRef>,
    /// Key of a Secret that holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
    /// How the file is written. Auto: by the key's ending, .csv, .json, .yaml or .yml. CSV: with a header row. JSON, YAML: a
    /// list of objects. The text is UTF-8. Default: Auto.
    #[serde(default)]
    pub format: FileFormat,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FileFormat {
    /// By the key's ending.
    #[default]
    Auto,
    /// Comma-separated values with a header row (RFC 4180).
    #[serde(rename = "CSV")]
    Csv,
    /// A JSON array of objects.
    #[serde(rename = "JSON")]
    Json,
    /// A YAML sequence of mappings.
    #[serde(rename = "YAML")]
    Yaml,
}

impl FileSource {
    /// The key that holds the file; `None` unless exactly one is set, which the schema's rule refuses. `field` is the
    /// source's own field, for messages.
    pub fn reference(&self, field: &'static str) -> Option<KeyRef<'_>> {
        the_one([
            self.config_map_key_ref.as_ref().map(|config_map| config_map.at(field)),
            self.secret_key_ref.as_ref().map(|secret| secret.at(field)),
        ])
    }
}

impl FileProvider {
    /// Every Secret and `ConfigMap` key that is read for this provider.
    pub fn references(&self) -> Vec<KeyRef<'_>> {
        let people = self.people.reference("spec.provider.file.people");
        let groups = self
            .groups
            .as_ref()
            .and_then(|groups| groups.reference("spec.provider.file.groups"));
        people.into_iter().chain(groups).collect()
    }
}
