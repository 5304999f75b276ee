//! A company in a `ConfigMap`, a platform, and an operator between them, in a namespace of a test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use directory_sync::api::{DirectoryConnection, GroupMapping, SyncPlan};
use directory_sync::controller::{self, ControllerConfig, Timing};
use directory_sync::http::NetworkPolicy;
use directory_sync::platform::server::{ServerConfig, TokenConfig, serve};
use k8s_openapi::api::events::v1::Event;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::kinds::server_with_kinds;
use crate::support::apiserver::Namespace;
use crate::support::process::{free_port, wait_until};
use crate::support::temporary_folder;

/// Longer than anything takes that a test waits for, on a machine with much else to do.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Long enough for what shouldn't happen to happen: several times what the operator waits for here.
pub const WHILE: Duration = Duration::from_millis(1500);

/// The platform's token.
pub const TOKEN: &str = "t0p-s3cret";

/// What operators of tests are told: this namespace alone, this machine and plain HTTP allowed, and no time to lose.
pub fn hurried(namespace: &str) -> ControllerConfig {
    ControllerConfig {
        http_listen: SocketAddr::from(([127, 0, 0, 1], free_port())),
        namespace: Some(namespace.to_owned()),
        network: NetworkPolicy {
            allow_loopback: true,
            allow_insecure: true,
            allowed_hosts: Vec::new(),
        }
        .into(),
        timing: Timing {
            settle: Duration::from_millis(400),
            first_retry: Duration::from_millis(500),
            max_retry: Duration::from_secs(2),
            stalled_look: Duration::from_millis(300),
            stalled_retry: Duration::from_hours(1),
            grace: Duration::from_secs(20),
        },
        ..ControllerConfig::default()
    }
}

/// A namespace with a platform; an operator, once it is started.
pub struct World {
    /// The namespace.
    pub space: Namespace<'static>,
    /// The platform.
    pub platform: Platform,
    operator: Option<Operator>,
}

/// An operator in this process.
struct Operator {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), controller::Error>>,
}

impl World {
    /// A namespace with a running platform, whose token is in the Secret `platform`, and no operator.
    pub async fn new() -> Self {
        Self::of(server_with_kinds().await.namespace("controller").await).await
    }

    /// The same in this namespace.
    pub async fn of(space: Namespace<'static>) -> Self {
        let world = Self {
            space,
            platform: Platform::start(free_port(), None).await,
            operator: None,
        };
        world.put(secret(TOKEN)).await;
        world
    }

    /// The same with an operator.
    pub async fn with_operator() -> Self {
        let mut world = Self::new().await;
        world.start_operator(hurried(&world.space.name)).await;
        world
    }

    /// The same with an operator, the connection `acme`, its people and the mapping `support`, in step.
    pub async fn in_step(people: &[u32]) -> Self {
        let world = Self::with_operator().await;
        world.put(company(people)).await;
        world.put(world.connection(json!({}))).await;
        world.put(support()).await;
        world.until_ready("acme", "True/Synced").await;
        world
    }

    /// Starts the operator.
    pub async fn start_operator(&mut self, config: ControllerConfig) {
        let (stop, stopped) = oneshot::channel::<()>();
        let client = self.space.client.clone();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(controller::run(config, client, shutdown));
        self.operator = Some(Operator { stop, task });
    }

    /// Ends the operator as a signal would.
    pub async fn stop_operator(&mut self) {
        let operator = self.operator.take().expect("an operator runs");
        drop(operator.stop);
        let ended = tokio::time::timeout(PATIENCE, operator.task).await;
        ended.expect("the operator ends in time").unwrap().unwrap();
    }

    /// The connection `acme` from the `ConfigMap` `company` to the platform, with a merge patch over its spec.
    pub fn connection(&self, change: Value) -> Value {
        connection("acme", &self.platform.url(), change)
    }

    /// Applies an object.
    pub async fn put(&self, object: Value) {
        put(&self.space.client, &self.space.name, object).await;
    }

    /// Changes an object by a merge patch (RFC 7386).
    pub async fn change(&self, kind: &str, name: &str, patch: Value) {
        let api = dynamic(&self.space.client, &self.space.name, kind);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    /// Changes the status of an object by a merge patch, as an administrator could.
    pub async fn change_status(&self, kind: &str, name: &str, patch: Value) {
        let api = dynamic(&self.space.client, &self.space.name, kind);
        let parameters = PatchParams {
            field_manager: Some("somebody".into()),
            ..PatchParams::default()
        };
        api.patch_status(name, &parameters, &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    /// Deletes an object.
    pub async fn delete(&self, kind: &str, name: &str) {
        let api = dynamic(&self.space.client, &self.space.name, kind);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The connection as it is.
    pub async fn get(&self, name: &str) -> DirectoryConnection {
        self.space.api().get(name).await.unwrap()
    }

    /// Waits until the condition Ready of a connection is so, as `status/reason` for its present generation.
    pub async fn until_ready(&self, name: &str, ready: &str) -> DirectoryConnection {
        self.until(name, &format!("Ready to be {ready}"), |connection| {
            let current = connection.status.as_ref()?.observed_generation == connection.metadata.generation;
            (current && condition(connection, "Ready")? == ready).then_some(())
        })
        .await
    }

    /// Waits until something is so of a connection.
    pub async fn until(
        &self,
        name: &str,
        what: &str,
        so: impl Fn(&DirectoryConnection) -> Option<()>,
    ) -> DirectoryConnection {
        let api: Api<DirectoryConnection> = self.space.api();
        let mut last = None;
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let connection = api.get(name).await.unwrap();
                if so(&connection).is_some() {
                    return connection;
                }
                last = Some(connection);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        found.unwrap_or_else(|_| {
            panic!(
                "waited in vain for {what} of {name}: {:#?}",
                last.and_then(|c| c.status)
            )
        })
    }

    /// Asks for a sync, and waits until it is answered.
    pub async fn sync(&self, name: &str) -> DirectoryConnection {
        let request = format!("request-{}", fastrand::u64(..));
        let annotation = json!({ "metadata": { "annotations": { "directory-sync.io/requestedAt": request } } });
        self.change("DirectoryConnection", name, annotation).await;
        self.until(name, "the request to be answered", |connection| {
            let answered = connection.status.as_ref()?.last_handled_reconcile_at.as_deref();
            (answered == Some(&request)).then_some(())
        })
        .await
    }

    /// Waits until a mapping's Ready is so, as `status/reason`.
    pub async fn until_mapping(&self, name: &str, ready: &str) -> GroupMapping {
        let api: Api<GroupMapping> = self.space.api();
        wait_until(&format!("mapping {name} to be {ready}"), PATIENCE, async || {
            let mapping = api.get(name).await.unwrap();
            let conditions = &mapping.status.as_ref()?.conditions;
            let found = conditions.iter().find(|condition| condition.type_ == "Ready")?;
            (format!("{}/{}", found.status, found.reason) == ready).then_some(mapping)
        })
        .await
    }

    /// All plans, the oldest first.
    pub async fn plans(&self) -> Vec<SyncPlan> {
        let api: Api<SyncPlan> = self.space.api();
        let mut plans = api.list(&ListParams::default()).await.unwrap().items;
        plans.sort_by_key(|plan| plan.metadata.name.clone().map(|name| (name.len(), name)));
        plans
    }

    /// Waits until a plan's state is so.
    pub async fn until_plan(&self, name: &str, state: &str) -> SyncPlan {
        let api: Api<SyncPlan> = self.space.api();
        wait_until(&format!("plan {name} to be {state}"), PATIENCE, async || {
            let plan = api.get(name).await.unwrap();
            (plan_state(&plan) == state).then_some(plan)
        })
        .await
    }

    /// Decides a plan, as a person does.
    pub async fn decide(&self, plan: &str, decision: &str) {
        let decision = json!({ "spec": { "decision": decision, "decidedBy": "ann" } });
        self.change("SyncPlan", plan, decision).await;
    }

    /// The events of an object as `type/reason`, the oldest first, each series once.
    pub async fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let events = self.event_objects(kind, name).await.into_iter();
        events
            .map(|event| {
                let (kind, reason) = (event.type_.unwrap_or_default(), event.reason.unwrap_or_default());
                format!("{kind}/{reason}")
            })
            .collect()
    }

    /// The notes of an object's events, the oldest first, each with how often it was told.
    pub async fn notes(&self, kind: &str, name: &str) -> Vec<(String, i32)> {
        let events = self.event_objects(kind, name).await.into_iter();
        events
            .map(|event| {
                (
                    event.note.unwrap_or_default(),
                    event.series.map_or(1, |series| series.count),
                )
            })
            .collect()
    }

    /// Waits until an event is told of an object, as `type/reason`. Events follow the status, and may come long after it.
    pub async fn until_told(&self, kind: &str, name: &str, event: &str) {
        wait_until(&format!("{event} of {kind} {name}"), PATIENCE, async || {
            let events = self.events(kind, name).await;
            events.iter().any(|told| told == event).then_some(())
        })
        .await;
    }

    async fn event_objects(&self, kind: &str, name: &str) -> Vec<Event> {
        let api: Api<Event> = self.space.api();
        let events = api.list(&ListParams::default()).await.unwrap().items;
        let about = |event: &Event| {
            let regarding = event.regarding.as_ref();
            regarding.is_some_and(|object| object.kind.as_deref() == Some(kind) && object.name.as_deref() == Some(name))
        };
        let mut events: Vec<_> = events.into_iter().filter(about).collect();
        events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
        events
    }
}

/// A condition of a connection as `status/reason`.
pub fn condition(connection: &DirectoryConnection, name: &str) -> Option<String> {
    let conditions = &connection.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == name)?;
    Some(format!("{}/{}", found.status, found.reason))
}

/// The reason of a plan's condition Applied.
pub fn plan_state(plan: &SyncPlan) -> &str {
    let status = plan.status.as_ref();
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    let applied = conditions.find(|condition| condition.type_ == "Applied");
    applied.map_or("", |applied| applied.reason.as_str())
}

/// The Secret `platform` with a token.
pub fn secret(token: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "platform" }, "stringData": { "token": token } })
}

/// The `ConfigMap` `company` with numbered people, all of the group `support`.
pub fn company(people: &[u32]) -> Value {
    let grouped: Vec<_> = people.iter().map(|number| (*number, "support")).collect();
    company_of(&grouped)
}

/// The `ConfigMap` `company` with numbered people, each of one group.
pub fn company_of(people: &[(u32, &str)]) -> Value {
    use std::fmt::Write as _;
    let mut rows = String::from("id,email,givenName,familyName,groups\n");
    for (number, group) in people {
        writeln!(
            rows,
            "{number},p{number}@acme.test,Given{number},Family{number},{group}"
        )
        .unwrap();
    }
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "company" }, "data": { "people.csv": rows } })
}

/// A connection from the `ConfigMap` `company` to a platform, with a merge patch over its spec.
pub fn connection(name: &str, url: &str, change: Value) -> Value {
    let mut object = json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "DirectoryConnection",
        "metadata": { "name": name },
        "spec": {
            "provider": { "file": { "people": { "configMapKeyRef": { "name": "company", "key": "people.csv" } } } },
            "platform": { "rest": {
                "url": url,
                "tls": { "mode": "Disabled" },
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
            } },
        },
    });
    merge(&mut object["spec"], change);
    object
}

/// The mapping `support` of the connection `acme`: people of the group `support` join the team Support.
pub fn support() -> Value {
    mapping("support", "support", json!({ "name": "Support", "create": true }))
}

/// A mapping of the connection `acme`: people of a group join a team.
pub fn mapping(name: &str, group: &str, team: Value) -> Value {
    mapping_of("acme", name, group, team)
}

/// A mapping: people of a group join a team.
pub fn mapping_of(connection: &str, name: &str, group: &str, team: Value) -> Value {
    json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "GroupMapping",
        "metadata": { "name": name },
        "spec": { "connectionRef": { "name": connection }, "group": { "name": group }, "team": team },
    })
}

fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

/// Applies an object.
pub async fn put(client: &Client, namespace: &str, object: Value) {
    let api = dynamic(client, namespace, object["kind"].as_str().unwrap());
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("test").force();
    api.patch(name, &parameters, &Patch::Apply(&object)).await.unwrap();
}

/// The objects of one of our kinds, or of a kind of the core.
fn dynamic(client: &Client, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let resource = match kind {
        "Secret" | "ConfigMap" => ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind)),
        _ => ApiResource::from_gvk(&GroupVersionKind::gvk("directory-sync.io", "v1alpha1", kind)),
    };
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// A reference platform in this process.
pub struct Platform {
    port: u16,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    _folder: TempDir,
}

impl Platform {
    /// Starts a platform on a port, on an empty database, with so many requests per second.
    pub async fn start(port: u16, rate: Option<u32>) -> Self {
        Self::start_with(port, rate, None).await
    }

    /// The same with so many seats.
    pub async fn start_with(port: u16, rate: Option<u32>, seats: Option<u32>) -> Self {
        let folder = temporary_folder();
        let config = ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], port)),
            database: folder.path().join("platform.db"),
            tokens: ["t0p-s3cret", "test"]
                .map(|token| TokenConfig::administrator(SecretString::from(token)))
                .into(),
            rate: rate.and_then(NonZeroU32::new),
            seats,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        tokio::spawn(async move { serve(config, |_| ready.send(()).unwrap(), shutdown).await.unwrap() });
        is_ready.await.unwrap();
        Self {
            port,
            http: reqwest::Client::new(),
            stop: Some(stop),
            _folder: folder,
        }
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it; its port is free again.
    pub async fn stop(&mut self) {
        drop(self.stop.take());
        wait_until("the platform to end", PATIENCE, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port))
                .await
                .is_err()
                .then_some(())
        })
        .await;
    }

    /// Starts it again after it was stopped, on the same port and an empty database.
    pub async fn restart(&mut self) {
        *self = Self::start(self.port, None).await;
    }

    /// A whole list, as it is.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let url = format!("{}/v1/{path}{separator}limit=1000{cursor}", self.url());
            let answer = self.http.get(url).bearer_auth("test").send().await.unwrap();
            let page: Value = answer.error_for_status().unwrap().json().await.unwrap();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Everything that it holds, times and versions included.
    pub async fn everything(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for path in [
            "users",
            "teams",
            "roles",
            "inboxes",
            "memberships?kind=team",
            "memberships?kind=inbox",
        ] {
            all.extend(self.list(path).await);
        }
        all
    }

    /// The addresses of its active users.
    pub async fn active(&self) -> BTreeSet<String> {
        let users = self.list("users").await;
        let active = users.iter().filter(|user| user["active"] == true);
        active.map(|user| user["email"].as_str().unwrap().to_owned()).collect()
    }

    /// The addresses of the members of each team, by its name.
    pub async fn teams(&self) -> BTreeMap<String, BTreeSet<String>> {
        let by_id = |objects: Vec<Value>, field: &str| -> BTreeMap<String, String> {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            objects
                .iter()
                .map(|object| (text(&object["id"]), text(&object[field])))
                .collect()
        };
        let users = by_id(self.list("users").await, "email");
        let names = by_id(self.list("teams").await, "name");
        let mut teams: BTreeMap<_, BTreeSet<String>> =
            names.values().map(|name| (name.clone(), BTreeSet::new())).collect();
        for membership in self.list("memberships?kind=team").await {
            let team = &names[membership["container"].as_str().unwrap()];
            let user = users[membership["user"].as_str().unwrap()].clone();
            teams.get_mut(team).unwrap().insert(user);
        }
        teams
    }
}

/// The addresses of numbered people.
pub fn addresses(people: impl IntoIterator<Item = u32>) -> BTreeSet<String> {
    people
        .into_iter()
        .map(|number| format!("p{number}@acme.test"))
        .collect()
}
