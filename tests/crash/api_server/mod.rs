//! An API server in memory, as far as the operator and the people around it use one: resource versions and conflicts,
//! generations, the status subresource, server-side apply, merge patches, finalizers, owner references, lists, and watches
//! with bookmarks and 410.
//!
//! Everything it does takes effect at once and whole. What a network makes of that is the business of whoever carries
//! requests to it.

mod apply;
mod store;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use store::{Change, Store};
pub use store::{Content, Id};

/// A request, taken apart.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path of the URL.
    pub path: String,
    /// The parameters of the URL.
    pub query: BTreeMap<String, String>,
    /// `Content-Type`.
    pub content_type: String,
    /// The body; null where there is none.
    pub body: Value,
}

/// What comes back.
pub enum Answer {
    /// A status code and an object.
    Object(u16, Value),
    /// The changes of a watch, one JSON text each.
    Watch(UnboundedReceiver<String>),
}

/// How a list that need not be the newest is served, and a watch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// By how many changes a list may be behind (`resourceVersion=0`).
    pub behind: usize,
    /// Whether a watch is told that its version is too old.
    pub gone: bool,
}

/// An API server.
pub struct ApiServer {
    state: Mutex<State>,
}

struct State {
    store: Store,
    watches: Vec<Watch>,
}

struct Watch {
    plural: String,
    namespace: Option<String>,
    events: UnboundedSender<String>,
}

impl Watch {
    fn tell(&self, change: &Change) -> bool {
        let concerned = change.id.plural == self.plural
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == change.id.namespace);
        !concerned || self.events.send(change.event()).is_ok()
    }
}

/// What a path names.
struct Target {
    id: Id,
    /// Whether the path names a namespace.
    namespaced: bool,
    /// Whether it names one object.
    single: bool,
    is_status: bool,
}

impl Target {
    /// Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`.
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let rest = if parts[0] == "api" { &parts[2..] } else { &parts[3..] };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
            rest => (None, rest),
        };
        Self {
            id: Id {
                plural: rest[0].to_owned(),
                namespace: namespace.unwrap_or_default().to_owned(),
                name: rest.get(1).copied().unwrap_or_default().to_owned(),
            },
            namespaced: namespace.is_some(),
            single: rest.len() > 1,
            is_status: rest.get(2) == Some(&"status"),
        }
    }
}

/// A refusal, as the API server words it.
#[derive(Debug)]
pub struct Refusal {
    code: u16,
    reason: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
        }
    }

    /// The object `Status`.
    pub fn status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        })
    }
}

impl ApiServer {
    /// A server with this content.
    pub fn new(content: Content) -> Self {
        Self {
            state: Mutex::new(State {
                store: Store::new(content),
                watches: Vec::new(),
            }),
        }
    }

    /// All that it keeps: objects, and who applied which of their fields.
    pub fn content(&self) -> Content {
        self.state().store.content()
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request, manners: Manners) -> Answer {
        let target = Target::of(&request.path);
        let mut state = self.state();
        if request.method == "GET" && !target.single {
            let watch = request.query.get("watch").is_some_and(|value| value != "false");
            return if watch {
                state.watch(&target, request, manners)
            } else {
                Answer::Object(200, state.list(&target, request, manners))
            };
        }
        match state.single(&target, request) {
            Ok((code, object)) => Answer::Object(code, object),
            Err(refusal) => Answer::Object(refusal.code, refusal.status()),
        }
    }

    /// One object.
    pub fn get(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let state = self.state();
        let found = state.store.objects.get(&Id::new(plural, namespace, name));
        found.map(|object| Value::clone(object))
    }

    /// The objects of a kind.
    pub fn all(&self, plural: &str) -> Vec<Value> {
        let state = self.state();
        let of_kind = state.store.objects.iter().filter(|(id, _)| id.plural == plural);
        of_kind.map(|(_, object)| Value::clone(object)).collect()
    }

    /// Creates an object, as a person does.
    pub fn create(&self, plural: &str, object: Value) {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let mut state = self.state();
        state.store.create(Id::new(plural, &namespace, &name), object).unwrap();
        state.tell();
    }

    /// Changes an object by a merge patch (RFC 7386), as a person does.
    pub fn change(&self, plural: &str, namespace: &str, name: &str, patch: &Value) {
        let mut state = self.state();
        state
            .store
            .merge(&Id::new(plural, namespace, name), patch, false)
            .unwrap();
        state.tell();
    }

    /// Deletes an object, as a person does.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        let mut state = self.state();
        state
            .store
            .delete(&Id::new(plural, namespace, name), &Value::Null)
            .unwrap();
        state.tell();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the watches what has changed.
    fn tell(&mut self) {
        for change in self.store.untold() {
            self.watches.retain(|watch| watch.tell(&change));
        }
    }

    fn single(&mut self, target: &Target, request: &Request) -> Result<(u16, Value), Refusal> {
        let (store, id, body) = (&mut self.store, &target.id, &request.body);
        let done = match request.method.as_str() {
            "GET" => return store.find(id).map(|object| (200, object.clone())),
            "POST" => {
                let name = body["metadata"]["name"].as_str().unwrap_or_default();
                let id = Id::new(&id.plural, &id.namespace, name);
                let mut object = body.clone();
                object["metadata"]["namespace"] = json!(id.namespace);
                (201, store.create(id, object)?)
            }
            "PATCH" => match request.content_type.as_str() {
                "application/apply-patch+yaml" => {
                    let manager = request
                        .query
                        .get("fieldManager")
                        .map(String::as_str)
                        .unwrap_or_default();
                    store.apply(id, body, manager, target.is_status)?
                }
                "application/merge-patch+json" => (200, store.merge(id, body, target.is_status)?),
                "application/json-patch+json" => (200, store.json_patch(id, body, target.is_status)?),
                other => return Err(Refusal::new(415, "UnsupportedMediaType", other)),
            },
            "PUT" => (200, store.replace(id, body, target.is_status)?),
            "DELETE" => (200, store.delete(id, body)?),
            other => return Err(Refusal::new(405, "MethodNotAllowed", other)),
        };
        self.tell();
        Ok(done)
    }

    fn list(&self, target: &Target, request: &Request, manners: Manners) -> Value {
        let may_be_old = request
            .query
            .get("resourceVersion")
            .is_some_and(|version| version == "0");
        let behind = if may_be_old { manners.behind } else { 0 };
        let (version, objects) = self.store.as_of(behind);
        let items: Vec<&Value> = objects
            .iter()
            .filter(|(id, _)| id.plural == target.id.plural)
            .filter(|(id, _)| !target.namespaced || id.namespace == target.id.namespace)
            .map(|(_, object)| object.as_ref())
            .collect();
        let limit = request.query.get("limit").and_then(|limit| limit.parse().ok());
        assert!(
            items.len() <= limit.unwrap_or(usize::MAX),
            "lists of more than one page aren't built"
        );
        json!({
            "kind": "List", "apiVersion": "v1",
            "metadata": { "resourceVersion": version.to_string() }, "items": items,
        })
    }

    fn watch(&mut self, target: &Target, request: &Request, manners: Manners) -> Answer {
        let version = request
            .query
            .get("resourceVersion")
            .and_then(|version| version.parse().ok());
        let (events, receiver) = unbounded_channel();
        let watch = Watch {
            plural: target.id.plural.clone(),
            namespace: target.namespaced.then(|| target.id.namespace.clone()),
            events,
        };
        let missed = match version.map(|version: u64| self.store.since(version)) {
            Some(Some(changes)) if !manners.gone => changes,
            _ => {
                let gone = Refusal::new(410, "Expired", "too old resource version").status();
                let _ = watch
                    .events
                    .send(json!({ "type": "ERROR", "object": gone }).to_string());
                return Answer::Watch(receiver);
            }
        };
        for change in &missed {
            watch.tell(change);
        }
        if request.query.contains_key("allowWatchBookmarks") {
            let bookmark = json!({ "type": "BOOKMARK", "object": {
                "apiVersion": request.path.split('/').skip(2).take(2).collect::<Vec<_>>().join("/"), "kind": "Bookmark",
                "metadata": { "resourceVersion": self.store.version().to_string() },
            } });
            let _ = watch.events.send(bookmark.to_string());
        }
        self.watches.push(watch);
        Answer::Watch(receiver)
    }
}
