//! Everything that the reconcilers share: the stores of the watches, what is remembered of each connection, the syncs under
//! way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use directory_sync_model::{fingerprint::FingerprintKey, limits::Limits};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Client,
    core::ObjectMeta,
    runtime::reflector::{self, ObjectRef, Store, store::Writer},
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    backoff::next_look,
    config::ControllerConfig,
    memory::Memory,
    recorder::Recorder,
    run::Shared,
    view::{Guarded, Key, View, concerns, is_plan_of},
};
use crate::{
    api::{
        DirectoryConnection, GroupMapping, SyncPlan,
        condition::{ConditionType, Reason, find},
        connection::Mode,
    },
    call::LimiterRegistry,
    directory::fetch::FetchLimits,
    metrics::Metrics,
    resolve::{Connector, platform_address},
    sync,
};

/// What the watches keep.
#[derive(Clone)]
pub struct Stores {
    /// All connections.
    pub connections: Store<Guarded<DirectoryConnection>>,
    /// All mappings.
    pub mappings: Store<Guarded<GroupMapping>>,
    /// All plans.
    pub plans: Store<Guarded<SyncPlan>>,
}

/// What fills the stores.
pub struct Writers {
    /// All connections.
    pub connections: Writer<Guarded<DirectoryConnection>>,
    /// All mappings.
    pub mappings: Writer<Guarded<GroupMapping>>,
    /// All plans.
    pub plans: Writer<Guarded<SyncPlan>>,
}

impl Stores {
    /// Empty stores, and what fills them.
    pub fn new() -> (Self, Writers) {
        let (connections, connection_writer) = reflector::store();
        let (mappings, mapping_writer) = reflector::store();
        let (plans, plan_writer) = reflector::store();
        let stores = Self {
            connections,
            mappings,
            plans,
        };
        let writers = Writers {
            connections: connection_writer,
            mappings: mapping_writer,
            plans: plan_writer,
        };
        (stores, writers)
    }
}

/// Where to say that an object has to be looked at.
#[derive(Clone)]
pub struct Wakes {
    /// Connections.
    pub connections: mpsc::UnboundedSender<Key>,
    /// Mappings.
    pub mappings: mpsc::UnboundedSender<Key>,
}

/// Everything that the reconcilers share.
pub struct Fleet {
    /// What the operator was told at its start.
    pub config: ControllerConfig,
    /// What the watches keep.
    pub stores: Stores,
    /// What each run uses.
    pub shared: Shared,
    /// The counts.
    pub metrics: Metrics,
    /// Publishes events.
    pub recorder: Recorder,
    /// One for each sync that may be under way.
    pub permits: Semaphore,
    /// The syncs that wait or are under way.
    pub tasks: TaskTracker,
    /// Cancelled when the operator is to end: every sync stops after the batch in flight.
    pub stop: CancellationToken,
    /// Cancelled when that takes too long: every sync is given up where it is.
    pub abandon: CancellationToken,
    wakes: Wakes,
    memories: Mutex<HashMap<Key, Memory>>,
    /// What was told of objects that can't be read, by uid.
    complaints: Mutex<HashMap<String, String>>,
}

impl Fleet {
    /// A fleet of which nothing is known yet.
    pub fn new(config: ControllerConfig, client: &Client, metrics: Metrics, stores: Stores, wakes: Wakes) -> Self {
        // The name of the pod.
        let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        Self {
            permits: Semaphore::new(config.max_syncs.clamp(1, Semaphore::MAX_PERMITS)),
            shared: Shared {
                client: client.clone(),
                connector: Connector {
                    network: config.network.clone(),
                    limiters: Arc::new(LimiterRegistry::default()),
                    metrics: metrics.calls(),
                },
                key: FingerprintKey::new(fastrand::u64(..), fastrand::u64(..)),
                fetch: FetchLimits {
                    max_bytes: config.read_memory,
                    ..FetchLimits::default()
                },
                ledgers: Arc::clone(&config.ledgers),
            },
            recorder: Recorder::new(client.clone(), instance),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
            memories: Mutex::new(HashMap::new()),
            complaints: Mutex::new(HashMap::new()),
            config,
            metrics,
            stores,
            wakes,
        }
    }

    /// The client of the API server.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// Has a connection looked at.
    pub fn wake(&self, key: Key) {
        // Nobody listens any more when the operator ends.
        let _ = self.wakes.connections.send(key);
    }

    /// Has a mapping looked at.
    pub fn wake_mapping(&self, key: Key) {
        let _ = self.wakes.mappings.send(key);
    }

    /// The connection of a name, readable or not.
    pub fn connection(&self, key: &Key) -> Option<Arc<Guarded<DirectoryConnection>>> {
        self.stores.connections.get(&reference(key))
    }

    /// The mapping of a name, readable or not.
    pub fn mapping(&self, key: &Key) -> Option<Arc<Guarded<GroupMapping>>> {
        self.stores.mappings.get(&reference(key))
    }

    /// A connection with all that belongs to it.
    pub fn view<'a>(&self, connection: &'a DirectoryConnection) -> View<'a> {
        let key = Key::of(&connection.metadata);
        let mappings = self.stores.mappings.state_filter(|mapping| concerns(mapping, &key));
        let plans = self
            .stores
            .plans
            .state_filter(|plan| is_plan_of(plan, &key, connection));
        View::new(connection, mappings, plans)
    }

    /// Asks or changes what is remembered of a connection. An object that came in the place of another one of its name
    /// begins with what its own status tells.
    pub fn remember<R>(&self, connection: &DirectoryConnection, change: impl FnOnce(&mut Memory) -> R) -> R {
        let uid = connection.metadata.uid.as_deref().unwrap_or_default();
        let recall = || {
            let now = Timestamp::now();
            Memory::recall(connection, now, next_look(now, &self.config.timing, fastrand::f64()))
        };
        let mut memories = self.memories();
        let memory = memories.entry(Key::of(&connection.metadata)).or_insert_with(recall);
        if memory.uid != uid {
            if let Some(running) = &memory.running {
                running.stop.cancel();
            }
            *memory = recall();
        }
        change(memory)
    }

    /// Asks or changes what is remembered of a connection of which something is.
    pub fn recollect<R>(&self, key: &Key, uid: &str, change: impl FnOnce(&mut Memory) -> R) -> Option<R> {
        let mut memories = self.memories();
        memories.get_mut(key).filter(|memory| memory.uid == uid).map(change)
    }

    /// Whether this very connection is still there.
    pub fn has(&self, connection: &DirectoryConnection) -> bool {
        let found = self.connection(&Key::of(&connection.metadata));
        found.is_some_and(|found| kube::Resource::meta(&*found).uid == connection.metadata.uid)
    }

    /// Whether anything is remembered of a connection.
    pub fn knows(&self, key: &Key) -> bool {
        self.memories().contains_key(key)
    }

    /// Forgets a connection that is gone, and stops its sync.
    pub fn forget(&self, key: &Key) {
        let forgotten = self.memories().remove(key);
        if let Some(running) = forgotten.and_then(|memory| memory.running) {
            running.stop.cancel();
        }
        self.metrics.forget(&key.namespace, &key.name);
    }

    /// The names of all connections of which something is remembered.
    pub fn known(&self) -> Vec<Key> {
        self.memories().keys().cloned().collect()
    }

    /// Lets all connections for which this is true run again at once.
    pub fn hurry(&self, which: impl Fn(&Key, &Memory) -> bool) {
        let hurried: Vec<Key> = {
            let mut memories = self.memories();
            let chosen = memories.iter_mut().filter(|(key, memory)| which(key, memory));
            chosen
                .map(|(key, memory)| {
                    memory.past.next = None;
                    key.clone()
                })
                .collect()
        };
        hurried.into_iter().for_each(|key| self.wake(key));
    }

    /// Whether this is something new to be told of an object that can't be read: its status can't be compared with what it is
    /// to be.
    pub fn is_news(&self, object: &ObjectMeta, complaint: &str) -> bool {
        let uid = object.uid.clone().unwrap_or_default();
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = complaints.get(&uid).is_none_or(|told| told != complaint);
        if is_new {
            complaints.insert(uid, complaint.to_owned());
        }
        is_new
    }

    /// Forgets what was told of an object that is gone or can be read again, or that couldn't be told.
    pub fn forget_complaint(&self, object: &ObjectMeta) {
        let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        complaints.remove(object.uid.as_deref().unwrap_or_default());
    }

    /// The counts as they are now, in Prometheus' text format.
    pub fn render_metrics(&self) -> Result<String, prometheus::Error> {
        let now = Timestamp::now();
        let (mut held, mut quarantined) = (0, 0);
        for (key, memory) in self.memories().iter() {
            held += i64::from(memory.status.held_plan.is_some());
            let reconciling = find(&memory.status.conditions, ConditionType::Reconciling);
            let in_quarantine = reconciling.is_some_and(|now| now.reason == Reason::Quarantined.as_str());
            quarantined += i64::from(in_quarantine);
            let seconds = now.duration_since(memory.succeeded).as_secs_f64().max(0.0);
            self.metrics.set_since_success(&key.namespace, &key.name, seconds);
        }
        self.metrics.held.set(held);
        self.metrics.quarantined.set(quarantined);
        self.metrics.render()
    }

    /// Whether plans of a connection are carried out.
    pub fn mode(&self, connection: &DirectoryConnection) -> sync::Mode {
        match connection.spec.mode {
            Mode::Apply if !self.config.observe_only => sync::Mode::Apply,
            Mode::Apply | Mode::Observe => sync::Mode::Observe,
        }
    }

    /// The operator's own limits over those of every connection. A percentage counts of the population that there is, or of
    /// the default for small ones: a connection's own minimum could make anything of it.
    pub fn ceilings(&self) -> Limits {
        let percent = self.config.removals_max_percent;
        Limits {
            max_percent: percent.unwrap_or(100),
            min_population: percent.map_or(u32::MAX, |_| Limits::default().min_population),
            max_count: self.config.removals_max_count,
        }
    }

    /// An older connection that marks the same platform in the same way: only one of the two may run.
    pub fn older_twin(&self, connection: &DirectoryConnection) -> Option<Key> {
        let (owner, address) = (connection.owner_id(), platform_address(connection)?);
        let twins = self.stores.connections.state_filter(|other| {
            other.0.as_ref().is_ok_and(|other| {
                age(other) < age(connection)
                    && other.owner_id() == owner
                    && platform_address(other) == Some(address.clone())
            })
        });
        twins.first().map(|twin| Key::of(kube::Resource::meta(&**twin)))
    }

    /// Older connections on the same platform that take over from this one while this one takes over from them, by owner. Both
    /// ways at once the two would take everybody from each other at every sync.
    pub fn older_rivals(&self, connection: &DirectoryConnection) -> Vec<(String, Key)> {
        let from = &connection.spec.adoption.from_owner_ids;
        let Some(address) = platform_address(connection).filter(|_| !from.is_empty()) else {
            return Vec::new();
        };
        let owner = connection.owner_id();
        let rivals = self.stores.connections.state_filter(|other| {
            other.0.as_ref().is_ok_and(|other| {
                age(other) < age(connection)
                    && from.contains(&other.owner_id())
                    && other.spec.adoption.from_owner_ids.contains(&owner)
                    && platform_address(other).as_ref() == Some(&address)
            })
        });
        let rivals = rivals.iter().filter_map(|rival| rival.0.as_ref().ok());
        rivals
            .map(|rival| (rival.owner_id(), Key::of(&rival.metadata)))
            .collect()
    }

    /// Another connection that isn't being deleted and marks the same platform in the same way.
    pub fn twin(&self, connection: &DirectoryConnection) -> Option<Key> {
        let (owner, address) = (connection.owner_id(), platform_address(connection)?);
        let twins = self.stores.connections.state_filter(|other| {
            other.0.as_ref().is_ok_and(|other| {
                other.metadata.uid != connection.metadata.uid
                    && other.metadata.deletion_timestamp.is_none()
                    && other.owner_id() == owner
                    && platform_address(other) == Some(address.clone())
            })
        });
        twins.first().map(|twin| Key::of(kube::Resource::meta(&**twin)))
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<Key, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By what of two connections the older one is told.
fn age(connection: &DirectoryConnection) -> (Option<Time>, Option<String>) {
    let created = connection.metadata.creation_timestamp.clone();
    (created, connection.metadata.uid.clone())
}

/// The name of an object as a store has it.
pub fn reference<K>(key: &Key) -> ObjectRef<Guarded<K>>
where
    K: kube::Resource<DynamicType = ()>,
{
    ObjectRef::new(&key.name).within(&key.namespace)
}

#[cfg(test)]
mod tests;
