//! `DirectoryConnection`: one directory, one platform, and how the one is brought into the other.

mod people;
mod removals;
mod status;

use kube::{CustomResource, KubeSchema, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{duration::Duration, platform::Platform, provider::Provider, reference::KeyRef, status::is_default};

pub use self::{
    people::{Adoption, AdoptionMatch, Attribute, Defaults, MappingRules, RoleRef, Scope, ScopeUsers},
    removals::{DeletionPolicy, Deprovision, DeprovisionAction, Protect, RemovalLimits},
    status::DirectoryConnectionStatus,
};

/// What people write: which directory, which platform, and the rules between them.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "directory-sync.io",
    version = "v1alpha1",
    kind = "DirectoryConnection",
    namespaced,
    status = "DirectoryConnectionStatus",
    derive = "PartialEq",
    shortname = "dirconn",
    category = "directory",
    doc = "A DirectoryConnection keeps the users, teams, roles and inboxes of one platform in step with one directory. GroupMappings that name it say who joins what.",
    validation = ("size(self.metadata.name) <= 63", "metadata.name must have at most 63 characters: the names of its SyncPlans begin with it"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".status.provider"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.platform.users"),
    printcolumn(name = "Teams", type_ = "integer", json_path = ".status.platform.teams"),
    printcolumn(name = "Held", type_ = "string", json_path = ".status.conditions[?(@.type==\"Held\")].status"),
    printcolumn(name = "Last sync", type_ = "date", json_path = ".status.lastSync.completionTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason", priority = 1),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = 1),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextSyncTime", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = (
        "has(self.ownerID) == has(oldSelf.ownerID) && (!has(self.ownerID) || self.ownerID == oldSelf.ownerID)",
        "ownerID cannot be changed: it marks everything that this connection manages; create another connection instead",
    ),
    validation = (
        "!has(self.defaults) || !has(self.defaults.role) || !has(self.protect) || !has(self.protect.roles) || !(self.defaults.role.name in self.protect.roles)",
        "defaults.role must not be one of protect.roles: protected roles are never granted",
    ),
    validation = (
        "!has(self.mappings) || !has(self.mappings.allowedRoles) || !has(self.protect) || !has(self.protect.roles) || self.mappings.allowedRoles.all(role, !(role in self.protect.roles))",
        "mappings.allowedRoles must not name any of protect.roles: protected roles are never granted",
    ),
    validation = (
        "!has(self.adoption) || !has(self.adoption.fromOwnerIDs) || !has(self.ownerID) || !(self.ownerID in self.adoption.fromOwnerIDs)",
        "adoption.fromOwnerIDs must not name this connection's own ownerID: it names connections that hand their users over",
    )
)]
pub struct DirectoryConnectionSpec {
    /// Mark that everything managed by this connection carries on the platform. It can't be changed later: two connections
    /// with different marks never touch each other's users. Letters, digits and . _ / -, at most 128 characters.
    /// Unset: NAMESPACE/NAME of this object; two clusters that share a platform set it, where connections have equal names.
    #[serde(rename = "ownerID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = (
        "self.matches('^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$')",
        "ownerID must be letters, digits, '.', '_', '/' and '-', beginning and ending with a letter or digit",
    ))]
    pub owner_id: Option<String>,
    /// The directory that people come from: exactly one of ldap, scim and file.
    pub provider: Provider,
    /// The platform that people go to: exactly one, rest.
    pub platform: Platform,
    /// Apply: bring the platform in step. Observe: compute and report what would be done, and write nothing.
    /// Default: Apply.
    #[serde(default)]
    pub mode: Mode,
    /// Freezes everything: while true, nothing is read or written, and a sync under way stops after the requests in flight.
    /// Only the command line's plan and check still read. Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// Time between two syncs; ten percent of it are added or taken at random. At least 1m, written like 1h30m.
    /// Default: 1h.
    #[serde(default = "interval")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "interval must be at least 1m"))]
    pub interval: Duration,
    /// Which people of the directory are meant.
    #[serde(default)]
    pub scope: Scope,
    /// Attributes that users get on the platform, by name. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map"),
        extend("x-kubernetes-list-map-keys" = ["name"])
    )]
    pub attributes: Vec<Attribute>,
    /// What users get unless a mapping says otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub defaults: Defaults,
    /// What mappings may do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mappings: MappingRules,
    /// How users that are already on the platform become managed.
    #[serde(default)]
    pub adoption: Adoption,
    /// What becomes of users who leave the directory, or its scope.
    #[serde(default)]
    pub deprovision: Deprovision,
    /// How much one sync may take away before it waits for a person.
    #[serde(default)]
    pub removals: RemovalLimits,
    /// What is never changed or removed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub protect: Protect,
    /// What becomes of the platform when this object is deleted. Orphan: nothing; users, teams and marks stay, and an object
    /// created again with the same ownerID goes on with them. Deprovision: all that this connection gave is taken back before
    /// the object goes, held above the limits as any plan, and nobody is managed by it any more; teams stay.
    /// Default: Orphan.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn interval() -> Duration {
    Duration::from_hours(1)
}

/// Whether changes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Changes are written.
    #[default]
    Apply,
    /// Changes are computed and reported, and nothing is written.
    Observe,
}

impl DirectoryConnection {
    /// The mark of what this connection manages: `spec.ownerID`, or `<namespace>/<name>`.
    pub fn owner_id(&self) -> String {
        self.spec.owner_id.clone().unwrap_or_else(|| {
            format!(
                "{}/{}",
                self.namespace().as_deref().unwrap_or("default"),
                self.name_any()
            )
        })
    }

    /// Every Secret and `ConfigMap` key that a sync of this connection reads, in the order of the spec.
    pub fn references(&self) -> Vec<KeyRef<'_>> {
        let provider = self
            .spec
            .provider
            .selected()
            .into_iter()
            .flat_map(super::provider::ProviderSpec::references);
        let platform = self
            .spec
            .platform
            .selected()
            .into_iter()
            .flat_map(super::platform::PlatformSpec::references);
        provider.chain(platform).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(owner_id: Option<&str>) -> DirectoryConnection {
        let spec = serde_json::json!({ "provider": {}, "platform": {}, "ownerID": owner_id });
        let mut connection = DirectoryConnection::new("acme", serde_json::from_value(spec).unwrap());
        connection.metadata.namespace = Some("eu1".into());
        connection
    }

    #[test]
    fn the_owner_id_is_that_of_the_spec_or_namespace_and_name() {
        assert_eq!(connection(None).owner_id(), "eu1/acme");
        assert_eq!(connection(Some("x")).owner_id(), "x");
    }
}
