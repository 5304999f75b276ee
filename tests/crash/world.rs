//! Everything outside of the operator, with a beginning that can be had again and again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::api_server::{ApiServer, Content};
use crate::company::{self, Person, Scim};
use crate::database::Database;
use crate::platform::{self, Batches, Platform};

/// The namespace of everything.
pub const NAMESPACE: &str = "acme";

/// A place to work for one thread: a runtime for platforms, and a folder for their files.
pub struct Bench {
    runtime: Arc<Runtime>,
    folder: TempDir,
    files: AtomicU64,
}

impl Bench {
    /// A new one, on a file system in memory where there is one.
    pub fn new() -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        // Nothing on it has a socket.
        let runtime = runtime.worker_threads(1).enable_time();
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            runtime: Arc::new(runtime.build().unwrap()),
            folder: folder.unwrap(),
            files: AtomicU64::new(0),
        }
    }

    /// The files of one world: that of its platform, and its store.
    fn files(&self, store: Option<&[u8]>) -> (PathBuf, Database) {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.path();
        let database = Database::new(&self.runtime, folder, format!("store-{number}"), store);
        (folder.join(format!("platform-{number}.db")), database)
    }
}

/// A beginning: what there is before the operator starts.
#[derive(Clone)]
pub struct Beginning {
    cluster: Content,
    platform: Arc<Vec<u8>>,
    /// What the operator's store holds, where one has lived already.
    store: Option<Arc<Vec<u8>>>,
    people: Vec<Person>,
    batches: Batches,
}

/// Everything outside of the operator.
pub struct World {
    /// The cluster.
    pub api: ApiServer,
    /// The platform, which all connections share.
    pub platform: Platform,
    /// The directory, where it isn't a file.
    pub scim: Scim,
    /// The operator's store.
    pub database: Database,
    /// Whether a command came to its end that a person gave: then he doesn't repeat it.
    pub commanded: AtomicBool,
    lives: AtomicU64,
    batches: Batches,
}

impl World {
    /// A world with nothing in it but the platform's token.
    pub fn empty(bench: &Bench, batches: Batches) -> Self {
        let (file, database) = bench.files(None);
        let world = Self {
            api: ApiServer::new(Content::default()),
            platform: Platform::open(&bench.runtime, &file, batches),
            scim: Scim::default(),
            database,
            commanded: AtomicBool::new(false),
            lives: AtomicU64::new(0),
            batches,
        };
        world.put(
            "secrets",
            "platform",
            json!({ "stringData": { "token": platform::TOKEN } }),
        );
        world
    }

    /// The world of a beginning.
    pub fn begin(bench: &Bench, beginning: &Beginning) -> Self {
        let (file, database) = bench.files(beginning.store.as_deref().map(Vec::as_slice));
        std::fs::write(&file, &*beginning.platform).unwrap();
        let world = Self {
            api: ApiServer::new(beginning.cluster.clone()),
            platform: Platform::open(&bench.runtime, &file, beginning.batches),
            scim: Scim::default(),
            database,
            commanded: AtomicBool::new(false),
            // Not those of the beginning.
            lives: AtomicU64::new(100),
            batches: beginning.batches,
        };
        world.scim.set(beginning.people.clone());
        world
    }

    /// The number of a life that begins.
    pub fn next_life(&self) -> u64 {
        self.lives.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a beginning of what there is now.
    pub fn into_beginning(self) -> Beginning {
        Beginning {
            cluster: self.api.content(),
            people: self.scim.people(),
            store: self.database.content().map(Arc::new),
            batches: self.batches,
            platform: Arc::new(self.platform.close()),
        }
    }

    /// Creates an object of the namespace, or replaces its spec, data and annotations.
    pub fn put(&self, plural: &str, name: &str, mut object: Value) {
        let (version, kind) = match plural {
            "secrets" => ("v1", "Secret"),
            "configmaps" => ("v1", "ConfigMap"),
            "directoryconnections" => ("directory-sync.io/v1alpha1", "DirectoryConnection"),
            "groupmappings" => ("directory-sync.io/v1alpha1", "GroupMapping"),
            other => panic!("{other}?"),
        };
        if self.api.get(plural, NAMESPACE, name).is_some() {
            self.api.change(plural, NAMESPACE, name, &object);
            return;
        }
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        object["metadata"] = json!({ "namespace": NAMESPACE, "name": name });
        self.api.create(plural, object);
    }

    /// Lets the directory of a connection have these people: a file of the connection's name, or the SCIM server.
    pub fn employ(&self, connection: &str, people: &[Person]) {
        self.put("configmaps", connection, json!({ "data": company::file(people) }));
        self.scim.set(people.to_vec());
    }

    /// A connection, with a merge patch over its spec. Its people come from a file unless that says otherwise.
    pub fn connect(&self, name: &str, change: &Value) {
        let mut spec = json!({
            "provider": { "file": { "people": { "configMapKeyRef": { "name": name, "key": "people.csv" } } } },
            "platform": { "rest": {
                "url": format!("http://{}", platform::HOST),
                "tls": { "mode": "Disabled" },
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
                "limits": { "concurrentRequests": 2 },
            } },
            "removals": { "maxPercent": 50, "minPopulation": 1 },
            "attributes": [{ "name": "department", "expression": "user.department" }],
        });
        merge(&mut spec, change);
        self.put("directoryconnections", name, json!({ "spec": spec }));
    }

    /// A mapping of a connection: the people of a group join a team of its name, with a merge patch over its spec.
    pub fn map(&self, connection: &str, group: &str, change: &Value) {
        let mut spec = json!({
            "connectionRef": { "name": connection }, "group": { "name": group },
            "team": { "name": format!("Team {group}"), "create": true },
        });
        merge(&mut spec, change);
        self.put(
            "groupmappings",
            &format!("{connection}-{group}"),
            json!({ "spec": spec }),
        );
    }

    /// Asks all connections for a sync.
    pub fn request(&self, value: &str) {
        for connection in self.api.all("directoryconnections") {
            let name = connection["metadata"]["name"].as_str().unwrap();
            let annotation = json!({ "metadata": { "annotations": { "directory-sync.io/requestedAt": value } } });
            self.api.change("directoryconnections", NAMESPACE, name, &annotation);
        }
    }

    /// Decides the plans that wait for a decision; returns whether there was one.
    pub fn decide(&self, decision: &str) -> bool {
        let plans = self.api.all("syncplans");
        let waiting = plans
            .iter()
            .filter(|plan| plan["spec"]["decision"].is_null() && applied(plan) == "AwaitingDecision");
        let names: Vec<&str> = waiting.map(|plan| plan["metadata"]["name"].as_str().unwrap()).collect();
        for name in &names {
            let decision = json!({ "spec": { "decision": decision, "decidedBy": "ann" } });
            self.api.change("syncplans", NAMESPACE, name, &decision);
        }
        !names.is_empty()
    }

    /// What the cluster says, by what people would look at: conditions, held plans and decided ones.
    pub fn told(&self) -> BTreeMap<String, Value> {
        let mut told = BTreeMap::new();
        for plural in ["directoryconnections", "groupmappings"] {
            for object in self.api.all(plural) {
                let status = &object["status"];
                let conditions = status["conditions"].as_array().into_iter().flatten();
                let conditions: BTreeMap<&str, String> = conditions
                    .map(|condition| {
                        let text = |field: &str| condition[field].as_str().unwrap_or_default();
                        (text("type"), format!("{}/{}", text("status"), text("reason")))
                    })
                    .collect();
                let name = object["metadata"]["name"].as_str().unwrap();
                let current = status["observedGeneration"] == object["metadata"]["generation"];
                let held = &status["heldPlan"]["hash"];
                let last = &status["lastHandledReconcileAt"];
                told.insert(
                    format!("{plural} {name}"),
                    json!({ "conditions": conditions, "current": current, "held": held, "last": last }),
                );
            }
        }
        let mut plans: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for plan in self.api.all("syncplans") {
            let state = json!({ "decision": plan["spec"]["decision"], "state": applied(&plan) });
            let of_hash = plans.entry(format!("plan {}", plan["spec"]["hash"])).or_default();
            of_hash.push(state);
        }
        for (plan, states) in plans {
            // One that is over may be held anew, where two operators saw the world at different times.
            let over = |state: &&Value| ["Spent", "Superseded"].contains(&state["state"].as_str().unwrap_or_default());
            let open = states.len() - states.iter().filter(over).count();
            assert!(open < 2, "{plan} is there twice: {states:?}");
            told.insert(plan, json!(states));
        }
        told
    }
}

/// The reason of a plan's condition Applied.
fn applied(plan: &Value) -> &str {
    let conditions = plan["status"]["conditions"].as_array().into_iter().flatten();
    let mut applied = conditions.filter(|condition| condition["type"] == "Applied");
    applied
        .next()
        .and_then(|applied| applied["reason"].as_str())
        .unwrap_or_default()
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        target.clone_from(patch);
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            drop(target.as_object_mut().map(|target| target.remove(key)));
        } else if value.is_object() && target[key].is_object() {
            merge(&mut target[key], value);
        } else {
            target[key] = value.clone();
        }
    }
}
