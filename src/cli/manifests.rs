//! The same YAML as kubectl takes, read from files, folders and standard input: connections, mappings, and the Secrets
//! and `ConfigMap`s that they name. Judged by the same definitions as on an API server.

mod objects;
mod yaml;

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use kube::{ResourceExt as _, core::ObjectMeta};
use serde_json::Value;

pub use objects::Objects;

use super::{
    args::{ManifestArguments, Replacement},
    error::Error,
};
use crate::api::{
    DirectoryConnection, GroupMapping,
    admission::admit,
    reference::{KeyRef, ObjectKind},
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
    /// What was left out, and why: one sentence each.
    pub warnings: Vec<String>,
}

/// Reads everything that `-f` names and picks the connection.
pub fn load(arguments: &ManifestArguments) -> Result<Manifests, Error> {
    let mut found = Found::default();
    if arguments.filenames.is_empty() {
        return Err(Error::Usage(
            "-f FILE|DIR is missing: it says where the connection and its mappings are".to_owned(),
        ));
    }
    for (place, text) in read(&arguments.filenames)? {
        found.text(&place, &text)?;
    }
    let mut manifests = found.pick(arguments.connection.as_deref())?;
    manifests.replace(&arguments.files)?;
    Ok(manifests)
}

impl Manifests {
    /// Puts local files in the place of keys.
    fn replace(&mut self, replacements: &[Replacement]) -> Result<(), Error> {
        let (namespace, _) = at(&self.connection.metadata);
        let references = self.connection.references();
        for Replacement { object, key, path } in replacements {
            let is_it = |reference: &&KeyRef<'_>| reference.name.as_str() == object && reference.key == key;
            let mut replaced = references.iter().filter(is_it).peekable();
            if replaced.peek().is_none() {
                let mut known: Vec<String> = references
                    .iter()
                    .map(|reference| format!("{}/{}", reference.name.as_str(), reference.key))
                    .collect();
                known.dedup();
                return Err(Error::Usage(format!(
                    "--file {object}/{key}={}: the connection names no key {key:?} of an object {object:?}; it names: {}",
                    path.display(),
                    known.join(", ")
                )));
            }
            let bytes = fs::read(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            for reference in replaced {
                self.objects.replace(&namespace, reference, bytes.clone());
            }
        }
        Ok(())
    }
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
        for (number, document) in yaml::documents(text).enumerate() {
            let place = if number == 0 {
                place.to_owned()
            } else {
                format!("{place}, document {}", number + 1)
            };
            let value = yaml::read(&document, text).map_err(|message| Error::Yaml {
                place: place.clone(),
                message,
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
            "Secret" => self.keys("Secret", ObjectKind::Secret, place, &value),
            "ConfigMap" => self.keys("ConfigMap", ObjectKind::ConfigMap, place, &value),
            "" if value.is_null() => Ok(()),
            "" => Err(Error::Yaml {
                place: place.to_owned(),
                message: "this is no Kubernetes object: it has no kind".to_owned(),
            }),
            // Folders of manifests hold other things as well, which are somebody else's.
            _ => Ok(()),
        }
    }

    /// A Secret or `ConfigMap`.
    fn keys(&mut self, word: &'static str, kind: ObjectKind, place: &str, value: &Value) -> Result<(), Error> {
        let (mut metadata, keys) = objects::read(kind, value).map_err(|violations| Error::Invalid {
            place: named(place, value),
            violations,
        })?;
        default_namespace(&mut metadata);
        self.once(word, &metadata, place)?;
        let (namespace, name) = at(&metadata);
        self.objects.insert(kind, namespace, name, keys);
        Ok(())
    }

    fn once(&mut self, kind: &'static str, metadata: &ObjectMeta, place: &str) -> Result<(), Error> {
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

    /// The connection that was asked for, as `NAME` or `NAMESPACE/NAME`, or the only one, with its mappings.
    fn pick(self, wanted: Option<&str>) -> Result<Manifests, Error> {
        let all: Vec<String> = self.connections.iter().map(shown).collect();
        let names = all.join(", ");
        let is_wanted = |connection: &DirectoryConnection| {
            wanted.is_none_or(|wanted| connection.name_any() == wanted || shown(connection) == wanted)
        };
        let mut fitting = self.connections.into_iter().filter(is_wanted);
        let connection = match (fitting.next(), fitting.next(), wanted) {
            (Some(only), None, _) => only,
            (Some(_), Some(_), _) => {
                return Err(Error::Usage(format!(
                    "there are several connections ({names}); choose one with --connection NAME, or NAMESPACE/NAME"
                )));
            }
            (None, _, Some(wanted)) if !names.is_empty() => {
                return Err(Error::Usage(format!(
                    "there is no DirectoryConnection {wanted:?}; there is: {names}"
                )));
            }
            (None, ..) => {
                return Err(Error::Connection(
                    "there is no DirectoryConnection in what -f names".to_owned(),
                ));
            }
        };
        let mut mappings = Vec::new();
        let mut warnings = Vec::new();
        for mapping in self.mappings {
            let (namespace, name) = at(&mapping.metadata);
            let its = format!("{namespace}/{}", mapping.spec.connection_ref.name.as_str());
            if its == shown(&connection) {
                mappings.push(mapping);
            } else if !all.contains(&its) {
                warnings.push(format!(
                    "GroupMapping {namespace}/{name} is left out: it belongs to DirectoryConnection {its}, which isn't there; a \
                     mapping is in its connection's namespace"
                ));
            }
        }
        Ok(Manifests {
            connection,
            mappings,
            objects: self.objects,
            warnings,
        })
    }
}

/// A connection as `--connection` takes it.
fn shown(connection: &DirectoryConnection) -> String {
    let (namespace, name) = at(&connection.metadata);
    format!("{namespace}/{name}")
}

fn default_namespace(metadata: &mut ObjectMeta) {
    metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
}

fn at(metadata: &ObjectMeta) -> (String, String) {
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
