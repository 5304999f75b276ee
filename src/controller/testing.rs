//! Runs for tests of what follows them, and an operator on an API server that a test makes up.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use directory_sync_model::limits::Limits;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use kube::{
    Client, Resource,
    client::Body,
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::{reflector::store::Writer, watcher::Event},
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::{
    cause::Cause,
    config::ControllerConfig,
    digest::Digest,
    fleet::{Fleet, Stores, Wakes, Writers},
    run::{Ended, Order},
    view::{Guarded, Key},
};
use crate::{
    api::{DirectoryConnection, GroupMapping, SyncPlan, condition::Reason, status::Trigger},
    metrics::Metrics,
    sync::{Mode, Report},
};

/// So many seconds after the epoch.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A connection of a file and a platform, in generation 4.
pub fn connection() -> DirectoryConnection {
    serde_json::from_value(json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "DirectoryConnection",
        "metadata": { "namespace": "acme", "name": "directory", "uid": "u-1", "generation": 4 },
        "spec": {
            "provider": { "file": { "people": { "configMapKeyRef": { "name": "people", "key": "people.csv" } } } },
            "platform": { "rest": {
                "url": "https://api.platform.test",
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
            } },
        },
    }))
    .unwrap()
}

/// An order to sync that connection in Apply mode.
pub fn order() -> Order {
    Order {
        id: "run".into(),
        trigger: Trigger::Interval,
        start: at(3600),
        connection: connection(),
        mappings: Vec::new(),
        mappings_digest: Digest::of(["m"]),
        plans: Vec::new(),
        requested: None,
        mode: Mode::Apply,
        ceilings: Limits::default(),
        judged: None,
        approved: None,
        rejected: Vec::new(),
        older: None,
        rivals: Vec::new(),
        retire: false,
    }
}

/// A run that ended with this report.
pub fn ended(report: Report) -> Ended {
    Ended {
        end: at(3610),
        result: Ok(report),
        noted: None,
        documents: None,
        rules: None,
    }
}

/// A run that couldn't begin, or failed.
pub fn failed(cause: Cause) -> Ended {
    Ended {
        end: at(3610),
        result: Err(cause),
        noted: None,
        documents: None,
        rules: None,
    }
}

/// A credential that isn't accepted.
pub fn unauthorized() -> Cause {
    Cause {
        reason: Reason::Unauthorized,
        message: "the platform could not be read: api.platform.test answered 401".into(),
        needs_a_person: true,
        gone: false,
        retry_after: None,
    }
}

/// What an API server was asked.
#[derive(Clone, Debug)]
pub struct Call {
    /// How.
    pub method: Method,
    /// For what, without the query.
    pub path: String,
    /// The object that came with it.
    pub body: Value,
}

impl Call {
    /// Whether it writes the status of objects of a kind, named by its plural.
    pub fn is_status_of(&self, plural: &str) -> bool {
        self.method == Method::PATCH && self.path.contains(&format!("/{plural}/")) && self.path.ends_with("/status")
    }

    /// Whether it creates an object of a kind, named by its plural.
    pub fn creates(&self, plural: &str) -> bool {
        self.method == Method::POST && self.path.ends_with(&format!("/{plural}"))
    }
}

/// An API server that answers as a test wants, with a status code and an object, and takes everything else as it comes.
fn api_server(
    answer: impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> (Client, Arc<Mutex<Vec<Call>>>) {
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let (told, answer) = (Arc::clone(&calls), Arc::new(answer));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (told, answer) = (Arc::clone(&told), Arc::clone(&answer));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let call = Call {
                method: head.method,
                path: head.uri.path().to_owned(),
                body: serde_json::from_slice(&body).unwrap_or_default(),
            };
            let (code, object) = answer(&call).unwrap_or_else(|| (200, call.body.clone()));
            let reason = match code {
                404 => "NotFound",
                409 => "Conflict",
                _ => "Forbidden",
            };
            let answer = if code == 200 {
                object
            } else {
                json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
                    "reason": reason, "message": "exceeded quota: plans",
                })
            };
            told.lock().unwrap().push(call);
            let answer = Body::from(answer.to_string().into_bytes());
            let status = StatusCode::from_u16(code).unwrap();
            Ok::<_, Infallible>(Response::builder().status(status).body(answer).unwrap())
        }
    });
    (Client::new(service, "acme"), calls)
}

/// An operator of which no part runs, with what its watches have seen.
pub struct Bench {
    /// The operator.
    pub fleet: Arc<Fleet>,
    /// Connections that were woken.
    pub woken: UnboundedReceiver<Key>,
    /// Mappings that were woken.
    pub woken_mappings: UnboundedReceiver<Key>,
    calls: Arc<Mutex<Vec<Call>>>,
    writers: Writers,
}

impl Bench {
    /// One whose API server refuses nothing.
    pub fn new() -> Self {
        Self::refusing(|_| None)
    }

    /// One whose API server refuses these calls, with these status codes.
    pub fn refusing(refuse: impl Fn(&Call) -> Option<u16> + Send + Sync + 'static) -> Self {
        Self::with(ControllerConfig::default(), refuse)
    }

    /// One that was told something at its start.
    pub fn with(config: ControllerConfig, refuse: impl Fn(&Call) -> Option<u16> + Send + Sync + 'static) -> Self {
        Self::made(config, move |call| refuse(call).map(|code| (code, Value::Null)))
    }

    /// One whose API server answers these calls so, with a status code and an object.
    pub fn answering(answer: impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static) -> Self {
        Self::made(ControllerConfig::default(), answer)
    }

    fn made(config: ControllerConfig, answer: impl Fn(&Call) -> Option<(u16, Value)> + Send + Sync + 'static) -> Self {
        let (client, calls) = api_server(answer);
        let (stores, writers) = Stores::new();
        let (wake, woken) = mpsc::unbounded_channel();
        let (wake_mapping, woken_mappings) = mpsc::unbounded_channel();
        let wakes = Wakes {
            connections: wake,
            mappings: wake_mapping,
        };
        let fleet = Fleet::new(config, &client, Metrics::new().unwrap(), stores, wakes);
        Self {
            fleet: Arc::new(fleet),
            woken,
            woken_mappings,
            calls,
            writers,
        }
    }

    /// A connection is there.
    pub fn put(&mut self, connection: &DirectoryConnection) {
        apply(&mut self.writers.connections, connection);
    }

    /// A connection is gone.
    pub fn delete(&mut self, connection: &DirectoryConnection) {
        delete(&mut self.writers.connections, connection);
    }

    /// A mapping is there.
    pub fn put_mapping(&mut self, mapping: &GroupMapping) {
        apply(&mut self.writers.mappings, mapping);
    }

    /// A mapping is there that can't be read.
    pub fn spoil_mapping(&mut self, mapping: &GroupMapping) {
        let invalid = InvalidObject {
            metadata: mapping.metadata.clone(),
            error: "a time that is none".into(),
        };
        let event = Event::Apply(DeserializeGuard(Err(invalid)));
        self.writers.mappings.apply_watcher_event(&event);
    }

    /// A plan is there.
    pub fn put_plan(&mut self, plan: &SyncPlan) {
        apply(&mut self.writers.plans, plan);
    }

    /// A plan is gone.
    pub fn delete_plan(&mut self, plan: &SyncPlan) {
        delete(&mut self.writers.plans, plan);
    }

    /// What the API server was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The status that was written last of a kind, named by its plural.
    pub fn told(&self, plural: &str) -> Option<Value> {
        let calls = self.calls();
        let last = calls.iter().rev().find(|call| call.is_status_of(plural))?;
        Some(last.body["status"].clone())
    }
}

fn apply<K>(writer: &mut Writer<Guarded<K>>, object: &K)
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    writer.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(object.clone()))));
}

fn delete<K>(writer: &mut Writer<Guarded<K>>, object: &K)
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    writer.apply_watcher_event(&Event::Delete(DeserializeGuard(Ok(object.clone()))));
}

/// A condition of a written status as `status/reason`.
pub fn condition(status: &Value, name: &str) -> Option<String> {
    let conditions = status["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == name)?;
    Some(format!("{}/{}", found["status"].as_str()?, found["reason"].as_str()?))
}

/// A mapping of that connection, in generation 1.
pub fn mapping(name: &str) -> GroupMapping {
    serde_json::from_value(json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "GroupMapping",
        "metadata": { "namespace": "acme", "name": name, "uid": format!("m-{name}"), "generation": 1 },
        "spec": { "connectionRef": { "name": "directory" }, "group": { "name": "support" } },
    }))
    .unwrap()
}

/// A plan of that connection with this hash, that waits for a decision.
pub fn plan(name: &str, hash: &str) -> SyncPlan {
    serde_json::from_value(json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "SyncPlan",
        "metadata": {
            "namespace": "acme", "name": name, "uid": format!("p-{name}"), "generation": 1,
            "ownerReferences": [{
                "apiVersion": "directory-sync.io/v1alpha1", "kind": "DirectoryConnection", "name": "directory", "uid": "u-1",
            }],
        },
        "spec": { "connectionRef": { "name": "directory" }, "hash": hash },
        "status": {
            "expireTime": "2999-01-01T00:00:00Z",
            "conditions": [{
                "type": "Applied", "status": "False", "reason": "AwaitingDecision", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    }))
    .unwrap()
}
