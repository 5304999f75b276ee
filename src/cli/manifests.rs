//! The same YAML as kubectl takes, read from files, folders and standard input: connections, mappings, and the Secrets
//! and `ConfigMap`s that they name. Judged by the same definitions as on an API server.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt as _;
use secrecy::SecretSlice;
use serde_json::Value;

use super::{
    args::{ManifestArguments, Replacement},
    error::Error,
};
use crate::{
    api::{
        DirectoryConnection, GroupMapping,
        admission::admit,
        reference::{KeyRef, ObjectKind},
    },
    resolve::{Documents, Missing},
};

/// Where objects without a namespace are.
const DEFAULT_NAMESPACE: &str = "default";

/// A connection with all that belongs to it.
pub struct Manifests {
    /// The connection.
    pub connection: DirectoryConnection,
    /// Its mappings.
    pub mappings: Vec<GroupMapping>,
    /// The Secrets and `ConfigMap`s.
    pub objects: Objects,
}

/// Secrets and `ConfigMap`s by kind, namespace and name; local files that take the place of their keys.
#[derive(Default)]
pub struct Objects {
    keys: BTreeMap<(ObjectKind, String, String), BTreeMap<String, SecretSlice<u8>>>,
    replacements: Vec<Replacement>,
}

#[async_trait]
impl Documents for Objects {
    async fn key(&self, namespace: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        let name = key.name.as_str();
        let is_it = |replacement: &&Replacement| replacement.object == name && replacement.key == key.key;
        if let Some(replacement) = self.replacements.iter().find(is_it) {
            return fs::read(&replacement.path)
                .map(SecretSlice::from)
                .map_err(|source| Missing::Unavailable {
                    kind: key.kind,
                    name: replacement.path.display().to_string(),
                    source: Box::new(source),
                });
        }
        let at = (key.kind, namespace.to_owned(), name.to_owned());
        let Some(keys) = self.keys.get(&at) else {
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

/// Reads everything that `-f` names and picks the connection.
pub fn load(arguments: &ManifestArguments) -> Result<Manifests, Error> {
    let mut found = Found::default();
    found.objects.replacements.clone_from(&arguments.files);
    for (place, text) in read(&arguments.filenames)? {
        found.text(&place, &text)?;
    }
    found.pick(arguments.connection.as_deref())
}

#[derive(Default)]
struct Found {
    connections: Vec<DirectoryConnection>,
    mappings: Vec<GroupMapping>,
    objects: Objects,
    places: BTreeMap<(&'static str, String, String), String>,
}

impl Found {
    /// All documents of one file.
    fn text(&mut self, place: &str, text: &str) -> Result<(), Error> {
        for (number, document) in documents(text).enumerate() {
            let place = if number == 0 {
                place.to_owned()
            } else {
                format!("{place}, document {}", number + 1)
            };
            let value: Value = serde_saphyr::from_str(document).map_err(|error| Error::Yaml {
                place: place.clone(),
                message: error.to_string(),
            })?;
            self.object(&place, value)?;
        }
        Ok(())
    }

    fn object(&mut self, place: &str, mut value: Value) -> Result<(), Error> {
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            // What `kubectl get -o yaml` prints for several objects.
            "List" | "DirectoryConnectionList" | "GroupMappingList" | "SecretList" | "ConfigMapList" => {
                let items = value.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
                items
                    .unwrap_or_default()
                    .into_iter()
                    .try_for_each(|item| self.object(place, item))
            }
            "DirectoryConnection" => {
                let mut connection: DirectoryConnection = admitted(place, value)?;
                default_namespace(&mut connection.metadata);
                self.once("DirectoryConnection", &connection.metadata, place)?;
                self.connections.push(connection);
                Ok(())
            }
            "GroupMapping" => {
                let mut mapping: GroupMapping = admitted(place, value)?;
                default_namespace(&mut mapping.metadata);
                self.once("GroupMapping", &mapping.metadata, place)?;
                self.mappings.push(mapping);
                Ok(())
            }
            "Secret" => self.secret(place, value),
            "ConfigMap" => self.config_map(place, value),
            "" if value.is_null() => Ok(()),
            "" => Err(Error::Yaml {
                place: place.to_owned(),
                message: "this is no Kubernetes object: it has no kind".to_owned(),
            }),
            // Folders of manifests hold other things as well, which are somebody else's.
            _ => Ok(()),
        }
    }

    fn secret(&mut self, place: &str, value: Value) -> Result<(), Error> {
        let mut secret: Secret = typed(place, value)?;
        default_namespace(&mut secret.metadata);
        self.once("Secret", &secret.metadata, place)?;
        let mut keys = BTreeMap::new();
        for (key, bytes) in secret.data.take().unwrap_or_default() {
            keys.insert(key, SecretSlice::from(bytes.0));
        }
        for (key, text) in secret.string_data.take().unwrap_or_default() {
            keys.insert(key, SecretSlice::from(text.into_bytes()));
        }
        self.keep(ObjectKind::Secret, &secret.metadata, keys);
        Ok(())
    }

    fn config_map(&mut self, place: &str, value: Value) -> Result<(), Error> {
        let mut map: ConfigMap = typed(place, value)?;
        default_namespace(&mut map.metadata);
        self.once("ConfigMap", &map.metadata, place)?;
        let texts = map
            .data
            .take()
            .unwrap_or_default()
            .into_iter()
            .map(|(key, text)| (key, text.into_bytes()));
        let bytes = map
            .binary_data
            .take()
            .unwrap_or_default()
            .into_iter()
            .map(|(key, bytes)| (key, bytes.0));
        let keys = texts
            .chain(bytes)
            .map(|(key, bytes)| (key, SecretSlice::from(bytes)))
            .collect();
        self.keep(ObjectKind::ConfigMap, &map.metadata, keys);
        Ok(())
    }

    fn keep(&mut self, kind: ObjectKind, metadata: &kube::core::ObjectMeta, keys: BTreeMap<String, SecretSlice<u8>>) {
        let (namespace, name) = at(metadata);
        self.objects.keys.insert((kind, namespace, name), keys);
    }

    fn once(&mut self, kind: &'static str, metadata: &kube::core::ObjectMeta, place: &str) -> Result<(), Error> {
        let (namespace, name) = at(metadata);
        match self.places.insert((kind, namespace, name.clone()), place.to_owned()) {
            Some(first) => Err(Error::Twice {
                kind,
                name,
                first,
                second: place.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The connection that was asked for, or the only one, with its mappings.
    fn pick(self, name: Option<&str>) -> Result<Manifests, Error> {
        let names = self
            .connections
            .iter()
            .map(kube::ResourceExt::name_any)
            .collect::<Vec<_>>()
            .join(", ");
        let mut fitting = self
            .connections
            .into_iter()
            .filter(|connection| name.is_none_or(|name| connection.name_any() == name));
        let connection = match (fitting.next(), fitting.next(), name) {
            (Some(only), None, _) => only,
            (Some(_), Some(_), _) => {
                return Err(Error::Connection(format!(
                    "there are several connections ({names}); choose one with --connection"
                )));
            }
            (None, _, Some(name)) => {
                return Err(Error::Connection(format!(
                    "there is no DirectoryConnection {name:?}; there is: {names}"
                )));
            }
            (None, _, None) => {
                return Err(Error::Connection(
                    "there is no DirectoryConnection in what -f names".to_owned(),
                ));
            }
        };
        let is_its = |mapping: &GroupMapping| {
            mapping.metadata.namespace == connection.metadata.namespace
                && mapping.spec.connection_ref.name.as_str() == connection.name_any()
        };
        let mappings = self.mappings.into_iter().filter(is_its).collect();
        Ok(Manifests {
            connection,
            mappings,
            objects: self.objects,
        })
    }
}

fn default_namespace(metadata: &mut kube::core::ObjectMeta) {
    metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
}

fn at(metadata: &kube::core::ObjectMeta) -> (String, String) {
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

fn named(place: &str, value: &Value) -> String {
    let text = |pointer| value.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    format!("{place}: {} {:?}", text("/kind"), text("/metadata/name"))
}

fn admitted<K>(place: &str, value: Value) -> Result<K, Error>
where
    K: kube::Resource<DynamicType = ()> + serde::de::DeserializeOwned,
{
    let place = named(place, &value);
    admit(value).map_err(|violations| Error::Invalid { place, violations })
}

fn typed<K: serde::de::DeserializeOwned>(place: &str, value: Value) -> Result<K, Error> {
    let place = named(place, &value);
    K::deserialize(value).map_err(|error| Error::Yaml {
        place,
        message: error.to_string(),
    })
}

/// The documents of a YAML stream. Split here because each is judged and reported on its own.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let is_break = line
                .strip_prefix("---")
                .is_some_and(|after| after.trim_end().is_empty() || after.starts_with(' '));
            if is_break && at > 0 {
                rest = Some(&text[at..]);
                return Some(&text[..at]);
            }
            at += line.len();
        }
        rest = None;
        Some(text)
    })
    .filter(|document| {
        document
            .lines()
            .any(|line| !matches!(line.trim(), "" | "---") && !line.trim().starts_with('#'))
    })
}

/// The texts behind `-f`, each with the place that messages name.
fn read(filenames: &[PathBuf]) -> Result<Vec<(String, String)>, Error> {
    let mut texts = Vec::new();
    for path in filenames {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|source| Error::Read {
                    path: "standard input".into(),
                    source,
                })?;
            texts.push(("standard input".to_owned(), text));
        } else {
            read_path(path, &mut texts)?;
        }
    }
    Ok(texts)
}

fn read_path(path: &Path, texts: &mut Vec<(String, String)>) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    if !path.is_dir() {
        let text = fs::read_to_string(path).map_err(failed)?;
        texts.push((path.display().to_string(), text));
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    entries.sort();
    let is_manifest = |path: &&PathBuf| {
        matches!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("yaml" | "yml" | "json")
        ) && path.is_file()
    };
    entries
        .iter()
        .filter(is_manifest)
        .try_for_each(|path| read_path(path, texts))
}

#[cfg(test)]
mod tests {
    use super::documents;

    #[test]
    fn a_stream_is_split_at_its_document_marks() {
        let found: Vec<&str> = documents("# head\n---\na: 1\n---\n# nothing\n---\nb: '---'\n").collect();
        assert_eq!(found, ["---\na: 1\n", "---\nb: '---'\n"]);
        assert_eq!(documents("a: 1\n").count(), 1);
        assert_eq!(documents("").count(), 0);
    }
}
