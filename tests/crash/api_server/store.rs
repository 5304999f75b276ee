//! Objects and what has become of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Refusal;
use super::apply::{self, Path};

/// What an object is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Its kind, by the plural of its name.
    pub plural: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Id {
    /// Of these parts.
    pub fn new(plural: &str, namespace: &str, name: &str) -> Self {
        Self {
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Whether objects of the kind have a status of their own, and generations.
    fn is_ours(&self) -> bool {
        ["directoryconnections", "groupmappings", "syncplans"].contains(&self.plural.as_str())
    }
}

/// All objects.
pub type Objects = BTreeMap<Arc<Id>, Arc<Value>>;

/// How far a list can be behind.
const PAST: usize = 6;

/// A change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: Id,
    version: u64,
    what: &'static str,
    object: Value,
}

impl Change {
    /// As a watch tells it.
    pub fn event(&self) -> String {
        json!({ "type": self.what, "object": self.object }).to_string()
    }
}

/// Who set which fields by server-side apply: of an object, a manager, and the object itself or its status.
type Applied = BTreeMap<(Id, String, bool), Arc<BTreeSet<Path>>>;

/// All that an API server keeps, but for the history.
#[derive(Clone, Default)]
pub struct Content {
    objects: Objects,
    applied: Applied,
}

/// Objects and their history.
pub struct Store {
    pub objects: Objects,
    applied: Applied,
    version: u64,
    /// Before this version nothing is known.
    oldest: u64,
    changes: Vec<Change>,
    told: usize,
    /// What there was before each of the last changes.
    past: VecDeque<(u64, Objects)>,
}

/// What an owner's end takes with it.
fn is_owned_by(object: &Value, uid: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == *uid))
}

impl Store {
    /// Objects without a history.
    pub fn new(Content { objects, applied }: Content) -> Self {
        let versions = objects
            .values()
            .filter_map(|object| object["metadata"]["resourceVersion"].as_str()?.parse().ok());
        let version = versions.max().unwrap_or(1);
        Self {
            objects,
            applied,
            version,
            oldest: version,
            changes: Vec::new(),
            told: 0,
            past: VecDeque::new(),
        }
    }

    /// What there is now.
    pub fn content(&self) -> Content {
        Content {
            objects: self.objects.clone(),
            applied: self.applied.clone(),
        }
    }

    /// The version of the last change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The objects as they were so many changes ago, as far as that is known.
    pub fn as_of(&self, behind: usize) -> (u64, &Objects) {
        match self.past.len().checked_sub(behind.min(self.past.len())) {
            Some(at) if at < self.past.len() => (self.past[at].0, &self.past[at].1),
            _ => (self.version, &self.objects),
        }
    }

    /// The changes after a version; `None` where nobody remembers.
    pub fn since(&self, version: u64) -> Option<Vec<Change>> {
        let later = self.changes.iter().filter(|change| change.version > version);
        (version >= self.oldest).then(|| later.cloned().collect())
    }

    /// The changes that weren't told of yet.
    pub fn untold(&mut self) -> Vec<Change> {
        let from = std::mem::replace(&mut self.told, self.changes.len());
        self.changes[from..].to_vec()
    }

    /// One object.
    pub fn find(&self, id: &Id) -> Result<&Value, Refusal> {
        let found = self.objects.get(id);
        found
            .map(AsRef::as_ref)
            .ok_or_else(|| Refusal::new(404, "NotFound", format!("{} {:?} not found", id.plural, id.name)))
    }

    pub fn create(&mut self, id: Id, mut object: Value) -> Result<Value, Refusal> {
        if self.objects.contains_key(&id) {
            let message = format!("{} {:?} already exists", id.plural, id.name);
            return Err(Refusal::new(409, "AlreadyExists", message));
        }
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(format!("{:08x}-{}", self.version + 1, id.name));
        metadata["creationTimestamp"] = json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        if id.is_ours() {
            metadata["generation"] = json!(1);
            object.as_object_mut().expect("an object").remove("status");
        }
        if id.plural == "secrets" {
            encode_strings(&mut object);
        }
        Ok(self.put(id, object, "ADDED"))
    }

    pub fn merge(&mut self, id: &Id, patch: &Value, is_status: bool) -> Result<Value, Refusal> {
        let live = self.find(id)?.clone();
        check(&live, patch)?;
        let mut changed = live.clone();
        merge(&mut changed, patch);
        Ok(self.update(id, &live, changed, is_status))
    }

    pub fn json_patch(&mut self, id: &Id, patch: &Value, is_status: bool) -> Result<Value, Refusal> {
        let live = self.find(id)?.clone();
        let mut changed = live.clone();
        for operation in patch.as_array().into_iter().flatten() {
            apply::operation(&mut changed, operation)
                .map_err(|why| Refusal::new(422, "Invalid", format!("the server rejected our request: {why}")))?;
        }
        Ok(self.update(id, &live, changed, is_status))
    }

    pub fn replace(&mut self, id: &Id, object: &Value, is_status: bool) -> Result<Value, Refusal> {
        let live = self.find(id)?.clone();
        check(&live, object)?;
        Ok(self.update(id, &live, object.clone(), is_status))
    }

    pub fn apply(&mut self, id: &Id, object: &Value, manager: &str, is_status: bool) -> Result<(u16, Value), Refusal> {
        let Some(live) = self.objects.get(id).map(|live| Value::clone(live)) else {
            if is_status {
                return Err(self.find(id).expect_err("it isn't there"));
            }
            let mut object = object.clone();
            object["metadata"]["namespace"] = json!(id.namespace);
            return self.create(id.clone(), object).map(|object| (201, object));
        };
        if is_status {
            // In a patch of a status nobody looks at the uid.
            let version = &object["metadata"]["resourceVersion"];
            check(&live, &json!({ "metadata": { "resourceVersion": version } }))?;
        } else {
            check(&live, object)?;
        }
        let wanted = apply::part(object, is_status);
        let paths = Arc::new(apply::paths(&wanted));
        let key = (id.clone(), manager.to_owned(), is_status);
        let before = self.applied.insert(key.clone(), Arc::clone(&paths)).unwrap_or_default();
        let others = self
            .applied
            .iter()
            .filter(|(other, _)| other.0 == *id && **other != key);
        let kept: BTreeSet<&Path> = others.flat_map(|(_, paths)| &**paths).chain(&*paths).collect();
        let mut changed = live.clone();
        for path in before.iter().filter(|path| !kept.contains(path)) {
            apply::remove(&mut changed, path);
        }
        apply::set(&mut changed, &wanted);
        Ok((200, self.update(id, &live, changed, is_status)))
    }

    pub fn delete(&mut self, id: &Id, options: &Value) -> Result<Value, Refusal> {
        let live = self.find(id)?.clone();
        check(&live, &json!({ "metadata": options["preconditions"] }))?;
        if has_finalizers(&live) {
            if live["metadata"]["deletionTimestamp"].is_null() {
                let mut changed = live;
                let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                changed["metadata"]["deletionTimestamp"] = json!(now);
                changed["metadata"]["deletionGracePeriodSeconds"] = json!(0);
                let generation = changed["metadata"]["generation"].as_i64();
                changed["metadata"]["generation"] = json!(generation.map(|generation| generation + 1));
                return Ok(self.put(id.clone(), changed, "MODIFIED"));
            }
            return Ok(live);
        }
        self.remove(id);
        Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 200 }))
    }

    /// Takes an object out, and what it owned.
    fn remove(&mut self, id: &Id) {
        let Some(object) = self.objects.get(id).map(|object| Value::clone(object)) else {
            return;
        };
        self.note_past();
        self.objects.remove(id);
        self.applied.retain(|key, _| key.0 != *id);
        self.record(id.clone(), object.clone(), "DELETED");
        let uid = &object["metadata"]["uid"];
        let owned = self.objects.iter().filter(|(_, object)| is_owned_by(object, uid));
        let owned: Vec<Arc<Id>> = owned.map(|(id, _)| Arc::clone(id)).collect();
        owned.iter().for_each(|id| self.remove(id));
    }

    /// What is left of a change: the status or all but the status, and what nobody may change.
    fn update(&mut self, id: &Id, live: &Value, mut changed: Value, is_status: bool) -> Value {
        if id.is_ours() {
            if is_status {
                let status = changed["status"].take();
                changed = live.clone();
                changed["status"] = status;
            } else {
                changed["status"] = live["status"].clone();
            }
            if changed["status"].is_null() {
                changed.as_object_mut().expect("an object").remove("status");
            }
        }
        for fixed in [
            "uid",
            "creationTimestamp",
            "generation",
            "resourceVersion",
            "deletionTimestamp",
            "name",
            "namespace",
        ] {
            match &live["metadata"][fixed] {
                Value::Null => drop(
                    changed["metadata"]
                        .as_object_mut()
                        .map(|metadata| metadata.remove(fixed)),
                ),
                value => changed["metadata"][fixed] = value.clone(),
            }
        }
        if id.is_ours() && changed["spec"] != live["spec"] {
            changed["metadata"]["generation"] = json!(live["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        if id.plural == "secrets" {
            encode_strings(&mut changed);
        }
        if !has_finalizers(&changed) {
            drop(
                changed["metadata"]
                    .as_object_mut()
                    .map(|metadata| metadata.remove("finalizers")),
            );
        }
        if changed == *live {
            return changed;
        }
        if !changed["metadata"]["deletionTimestamp"].is_null() && !has_finalizers(&changed) {
            self.remove(id);
            return changed;
        }
        self.put(id.clone(), changed, "MODIFIED")
    }

    fn put(&mut self, id: Id, mut object: Value, what: &'static str) -> Value {
        self.note_past();
        object["metadata"]["resourceVersion"] = json!((self.version + 1).to_string());
        self.objects.insert(Arc::new(id.clone()), Arc::new(object.clone()));
        self.record(id, object.clone(), what);
        object
    }

    fn note_past(&mut self) {
        if self.past.len() == PAST {
            self.past.pop_front();
        }
        self.past.push_back((self.version, self.objects.clone()));
    }

    fn record(&mut self, id: Id, mut object: Value, what: &'static str) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.changes.push(Change {
            id,
            version: self.version,
            what,
            object,
        });
    }
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|finalizers| !finalizers.is_empty())
}

/// What a writer says of the object that he means.
fn check(live: &Value, given: &Value) -> Result<(), Refusal> {
    for (field, what) in [
        ("uid", "the UID in the precondition doesn't match"),
        (
            "resourceVersion",
            "the object has been modified; please apply your changes to the latest version",
        ),
    ] {
        let given = &given["metadata"][field];
        if !given.is_null() && *given != live["metadata"][field] {
            return Err(Refusal::new(
                409,
                "Conflict",
                format!("Operation cannot be fulfilled: {what}"),
            ));
        }
    }
    Ok(())
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("an object").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// `stringData` is written to `data`, in base 64.
fn encode_strings(secret: &mut Value) {
    let Some(Value::Object(strings)) = secret.as_object_mut().and_then(|secret| secret.remove("stringData")) else {
        return;
    };
    for (key, value) in strings {
        let bytes = k8s_openapi::ByteString(value.as_str().unwrap_or_default().as_bytes().to_vec());
        secret["data"][key] = serde_json::to_value(bytes).expect("bytes are text");
    }
}
