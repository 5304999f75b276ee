//! Secrets and `ConfigMap`s of a connection's namespace: read by name, whole objects at once, and forgotten with the run.
//! They are never listed, watched or cached.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client, core::ObjectMeta};
use secrecy::SecretSlice;

use super::{digest::Digest, write::within};
use crate::{
    api::{
        DirectoryConnection,
        reference::{KeyRef, ObjectKind},
    },
    resolve::{Documents, Missing},
};

/// How many objects are read at once.
const CONCURRENCY: usize = 8;

/// All objects that a connection names, as they were at one time.
pub struct ClusterDocuments {
    objects: BTreeMap<(ObjectKind, String), Result<Object, Refusal>>,
}

/// One Secret or `ConfigMap`.
struct Object {
    version: String,
    values: BTreeMap<String, SecretSlice<u8>>,
}

/// Why an object can't be had.
enum Refusal {
    Absent,
    Forbidden,
    Unavailable(String),
}

/// The API server's words, where reading failed for now.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unavailable(String);

impl ClusterDocuments {
    /// Reads each object that the connection names, once.
    pub async fn load(client: &Client, connection: &DirectoryConnection) -> Self {
        let namespace = connection.metadata.namespace.as_deref().unwrap_or_default();
        let wanted: BTreeSet<(ObjectKind, String)> = connection
            .references()
            .iter()
            .map(|reference| (reference.kind, reference.name.as_str().to_owned()))
            .collect();
        let objects = stream::iter(wanted)
            .map(async |(kind, name)| {
                let object = read(client, namespace, kind, &name).await;
                ((kind, name), object)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        Self { objects }
    }

    /// Another one when any of the objects came, went or changed. `None` where it can't be told now.
    pub fn digest(&self) -> Option<Digest> {
        let mut parts = Vec::with_capacity(self.objects.len() * 2);
        for ((kind, name), object) in &self.objects {
            parts.push(format!("{kind} {name}"));
            parts.push(match object {
                Ok(object) => object.version.clone(),
                Err(Refusal::Absent) => "absent".to_owned(),
                Err(Refusal::Forbidden) => "forbidden".to_owned(),
                Err(Refusal::Unavailable(_)) => return None,
            });
        }
        Some(Digest::of(parts.iter().map(String::as_str)))
    }
}

#[async_trait]
impl Documents for ClusterDocuments {
    async fn key(&self, namespace: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        let (kind, name) = (key.kind, key.name.as_str().to_owned());
        match self.objects.get(&(kind, name.clone())) {
            Some(Ok(object)) => object.values.get(key.key).cloned().ok_or_else(|| Missing::Key {
                kind,
                name,
                key: key.key.to_owned(),
                present: object.values.keys().cloned().collect(),
            }),
            Some(Err(Refusal::Forbidden)) => Err(Missing::Forbidden { kind, name }),
            Some(Err(Refusal::Unavailable(why))) => Err(Missing::Unavailable {
                kind,
                name,
                source: Box::new(Unavailable(why.clone())),
            }),
            Some(Err(Refusal::Absent)) | None => Err(Missing::Object {
                kind,
                namespace: namespace.to_owned(),
                name,
            }),
        }
    }
}

async fn read(client: &Client, namespace: &str, kind: ObjectKind, name: &str) -> Result<Object, Refusal> {
    let (metadata, values) = match kind {
        ObjectKind::Secret => {
            let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
            let secret = found(within("reading a Secret", api.get_opt(name)).await)?;
            let values = secret.data.unwrap_or_default().into_iter();
            (secret.metadata, values.map(|(key, value)| (key, value.0)).collect())
        }
        ObjectKind::ConfigMap => {
            let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            let map = found(within("reading a ConfigMap", api.get_opt(name)).await)?;
            let text = map.data.unwrap_or_default().into_iter();
            let text = text.map(|(key, value)| (key, value.into_bytes()));
            let binary = map.binary_data.unwrap_or_default().into_iter();
            let values: BTreeMap<_, _> = text.chain(binary.map(|(key, value)| (key, value.0))).collect();
            (map.metadata, values)
        }
    };
    Ok(Object {
        version: version(metadata),
        values: values
            .into_iter()
            .map(|(key, value): (String, Vec<u8>)| (key, SecretSlice::from(value)))
            .collect(),
    })
}

fn found<K>(answer: Result<Option<K>, super::ReconcileError>) -> Result<K, Refusal> {
    match answer {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(Refusal::Absent),
        Err(super::ReconcileError::Kube { source, .. }) if matches!(&*source, kube::Error::Api(status) if status.is_forbidden()) => {
            Err(Refusal::Forbidden)
        }
        Err(error) => Err(Refusal::Unavailable(crate::fault::chain(&error))),
    }
}

fn version(metadata: ObjectMeta) -> String {
    let (uid, version) = (metadata.uid, metadata.resource_version);
    format!("{}@{}", uid.unwrap_or_default(), version.unwrap_or_default())
}
