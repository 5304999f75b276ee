//! One connection with all that belongs to it, as the watches tell it at the moment.

use std::sync::Arc;

use kube::{
    ResourceExt as _,
    core::{DeserializeGuard, ObjectMeta},
};

use super::digest::Digest;
use crate::api::{
    CONNECTION_UID, DirectoryConnection, GroupMapping, REQUESTED_AT, SyncPlan,
    mapping::{GroupMappingSpec, GroupSelector},
    reference::{ConnectionRef, ObjectName},
    status::cut,
};

/// An object as it came, readable or not: one that isn't must not stall the watch of all others.
pub type Guarded<K> = DeserializeGuard<K>;

/// The longest request that a status echoes.
const MAX_REQUEST: usize = 256;

/// The name of a connection with its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of an object.
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    /// Whether an object refers to this connection.
    fn is_referred(&self, metadata: &ObjectMeta, reference: &ConnectionRef) -> bool {
        metadata.namespace.as_deref() == Some(self.namespace.as_str()) && reference.name.as_str() == self.name
    }

    /// The connection that an object refers to.
    pub fn referred(metadata: &ObjectMeta, reference: &ConnectionRef) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: reference.name.as_str().to_owned(),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whether a mapping is one of this connection's. Of one that can't be read nobody knows, so that it is everyone's in its
/// namespace: it freezes what it may have given, where its silence would take that away.
pub fn concerns(mapping: &Guarded<GroupMapping>, key: &Key) -> bool {
    match &mapping.0 {
        Ok(mapping) => key.is_referred(&mapping.metadata, &mapping.spec.connection_ref),
        Err(unreadable) => unreadable.metadata.namespace.as_deref() == Some(key.namespace.as_str()),
    }
}

/// Whether a plan is one of this very connection's: not of an earlier one with its name. One that can't be read may be.
pub fn is_plan_of(plan: &Guarded<SyncPlan>, key: &Key, connection: &DirectoryConnection) -> bool {
    match &plan.0 {
        Ok(plan) => key.is_referred(&plan.metadata, &plan.spec.connection_ref) && owned_by(plan, connection),
        Err(unreadable) => unreadable.metadata.namespace.as_deref() == Some(key.namespace.as_str()),
    }
}

/// Whether a plan says that it is owned by this very connection, or, while that is being deleted, belongs to it.
pub fn owned_by(plan: &SyncPlan, connection: &DirectoryConnection) -> bool {
    let mut owners = plan.owner_references().iter();
    let label = plan.labels().get(CONNECTION_UID);
    (label.is_some() && label == connection.metadata.uid.as_ref())
        || owners.any(|owner| Some(&owner.uid) == connection.metadata.uid.as_ref())
}

/// One connection with all that belongs to it.
pub struct View<'a> {
    /// Its name.
    pub key: Key,
    /// The connection.
    pub connection: &'a DirectoryConnection,
    /// Its mappings, and those of its namespace that can't be read, by name.
    pub mappings: Vec<Arc<Guarded<GroupMapping>>>,
    /// Its plans, and those of its namespace that can't be read.
    pub plans: Vec<Arc<Guarded<SyncPlan>>>,
    /// What the mappings say: another one when a mapping came, went or has another spec.
    pub mappings_digest: Digest,
}

impl<'a> View<'a> {
    /// Puts it together.
    pub fn new(
        connection: &'a DirectoryConnection,
        mut mappings: Vec<Arc<Guarded<GroupMapping>>>,
        plans: Vec<Arc<Guarded<SyncPlan>>>,
    ) -> Self {
        mappings.sort_by_key(|mapping| mapping.name_any());
        let digest = mappings_digest(&mappings);
        Self {
            key: Key::of(&connection.metadata),
            connection,
            mappings,
            plans,
            mappings_digest: digest,
        }
    }

    /// `metadata.generation`.
    pub fn generation(&self) -> i64 {
        self.connection.metadata.generation.unwrap_or_default()
    }

    /// What asks for a sync, cut to what a status can echo.
    pub fn requested(&self) -> Option<&'a str> {
        let value = self.connection.annotations().get(REQUESTED_AT)?;
        Some(&value[..value.floor_char_boundary(MAX_REQUEST)])
    }

    /// Whether any mapping names the connection.
    pub fn is_mapped(&self) -> bool {
        self.mappings.iter().any(|mapping| mapping.0.is_ok())
    }

    /// The plans that can be read.
    pub fn plans(&self) -> impl Iterator<Item = &SyncPlan> {
        self.plans.iter().filter_map(|plan| plan.0.as_ref().ok())
    }

    /// The decided ones of them, by uid.
    pub fn decided(&self) -> Vec<String> {
        let decided = self.plans().filter(|plan| plan.spec.decision.is_some());
        decided.filter_map(|plan| plan.metadata.uid.clone()).collect()
    }

    /// Whether there is a plan of that name, readable or not.
    pub fn has_plan(&self, name: &str) -> bool {
        self.plans.iter().any(|plan| plan.name_any() == name)
    }
}

/// The mappings as the pipeline takes them. One that can't be read becomes one that can't be carried out.
pub fn for_rules(mappings: &[Arc<Guarded<GroupMapping>>], connection: &Key) -> Vec<GroupMapping> {
    let readable = |mapping: &Guarded<GroupMapping>| match &mapping.0 {
        Ok(mapping) => Some(mapping.clone()),
        Err(unreadable) => {
            let name = ObjectName::try_from(connection.name.as_str()).ok()?;
            let spec = GroupMappingSpec {
                connection_ref: ConnectionRef { name },
                group: GroupSelector::default(),
                team: None,
                role: None,
                inboxes: Vec::new(),
                priority: 0,
                removals: None,
                suspend: false,
            };
            let name = unreadable.metadata.name.as_deref().unwrap_or_default();
            Some(GroupMapping::new(name, spec))
        }
    };
    mappings.iter().filter_map(|mapping| readable(mapping)).collect()
}

/// Why an object can't be read, short enough for a condition and without its values.
pub fn unreadable(error: &str) -> String {
    format!("the object doesn't fit its definition: {}", cut(error, 200))
}

fn mappings_digest(mappings: &[Arc<Guarded<GroupMapping>>]) -> Digest {
    let parts: Vec<String> = mappings
        .iter()
        .flat_map(|mapping| {
            let metadata = kube::Resource::meta(&**mapping);
            let generation = metadata.generation.unwrap_or_default().to_string();
            [metadata.uid.clone().unwrap_or_default(), generation]
        })
        .collect();
    Digest::of(parts.iter().map(String::as_str))
}
