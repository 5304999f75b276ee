//! `DirectoryConnection`: one directory, one platform, and how the one is brought into the other.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    duration::Duration,
    platform::Platform,
    provider::Provider,
    reference::KeyRef,
    schema,
    status::{DirectoryCounts, Failure, HeldPlan, LastHandled, PlatformCounts, SyncSummary, is_default},
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
    /// Unset: NAMESPACE/NAME of this object.
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

/// Which people of the directory are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// MappedGroups: the members of groups that a GroupMapping names. All: everybody in the directory; leaving a group then
    /// never deactivates. Default: MappedGroups.
    #[serde(default)]
    pub users: ScopeUsers,
    /// CEL expression over user that people must also pass, for example user.active && user.employeeType != "Contractor".
    /// At most 1024 characters. Unset: everybody passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub filter_expression: Option<String>,
}

/// Which people are in scope before the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ScopeUsers {
    /// The members of mapped groups.
    #[default]
    MappedGroups,
    /// Everybody in the directory.
    All,
}

/// One attribute that users get on the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("has(self.value) != has(self.expression)", "exactly one of value and expression must be set"))]
pub struct Attribute {
    /// Name of the attribute on the platform: a letter, then letters, digits and . _ -, at most 63 characters. What a sync
    /// takes care of itself can't be set: id, externalId, email, active and role. The names givenName, familyName, displayName
    /// and phone set those fields of the user instead of what the directory says.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(
        validation = ("self.matches('^[A-Za-z][A-Za-z0-9._-]*$')", "name must be a letter followed by letters, digits, '.', '_' and '-'"),
        validation = ("!self.matches('(?i)^(id|externalId|email|active|role)$')", "id, externalId, email, active and role cannot be set by attributes: the sync sets them")
    )]
    pub name: String,
    /// Text that every user gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub value: Option<String>,
    /// CEL expression over user, for example user.department or [user.division, user.custom.costCenter]. It gives a text, a
    /// number, a boolean or a list of texts. At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub expression: Option<String>,
}

/// Names a role of the platform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RoleRef {
    /// Name of the role on the platform.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
}

/// What users get unless a mapping says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Defaults {
    /// Role that a user gets when created, and when a role that a mapping gave lapses. A role set by hand stays.
    /// Unset: the platform's own choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRef>,
}

/// What mappings may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MappingRules {
    /// Roles that mappings may grant, at most 64; an empty list: none. Unset: any that isn't protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub allowed_roles: Option<Vec<String>>,
}

/// How users that are already on the platform become managed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = (
    "!has(self.fromOwnerIDs) || self.match != 'Never'",
    "adoption.fromOwnerIDs needs match Email or ExternalID: with Never nobody is adopted, and so nobody is taken over",
))]
pub struct Adoption {
    /// Email: a user with the same external id, else with the same address, is adopted in place, with the platform's id.
    /// ExternalID: only by external id. Never: such a user is a conflict, reported and left alone. Somebody who is managed
    /// under another directory id is never adopted. Default: Email.
    #[serde(rename = "match", default)]
    pub match_by: AdoptionMatch,
    /// Marks of connections that hand their users over to this one, at most 16: a user with one of these marks is adopted as
    /// one that nobody manages, with what that connection gave. It must not name this connection in turn, or the two take
    /// users from each other. Unset: users of other connections stay theirs and are reported as ManagedElsewhere.
    #[serde(rename = "fromOwnerIDs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(validation = (
        "self.all(id, id.matches('^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$'))",
        "fromOwnerIDs must be letters, digits, '.', '_', '/' and '-', beginning and ending with a letter or digit",
    ))]
    pub from_owner_ids: Vec<String>,
}

/// What makes a platform user and a directory user the same person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionMatch {
    /// The e-mail address.
    #[default]
    Email,
    /// The external id.
    #[serde(rename = "ExternalID")]
    ExternalId,
    /// Nothing.
    Never,
}

/// What becomes of users who leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!has(self.deleteAfterDays) || self.action == 'Deactivate'",
    "deleteAfterDays goes with action Deactivate alone: Delete deletes at the next sync, Keep never does",
))]
pub struct Deprovision {
    /// Deactivate: the user stays on the platform and can't sign in. Delete: the user is deactivated, and deleted by a later
    /// sync that reads the whole directory and still doesn't find him wanted. Keep: the user stays active, and loses only the
    /// teams, inboxes and role that mappings gave. Default: Deactivate.
    #[serde(default)]
    pub action: DeprovisionAction,
    /// Days after which a deactivated user is deleted, with action Deactivate: by the first sync that many days of 24 hours
    /// after this connection deactivated him which still doesn't find him wanted. Whoever comes back before that is activated,
    /// and keeps everything. Whom somebody else deactivated is never deleted. 1 to 3650. Unset: nobody is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3650))]
    pub delete_after_days: Option<i32>,
}

/// What becomes of a user who leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeprovisionAction {
    /// The user is deactivated.
    #[default]
    Deactivate,
    /// The user is deactivated, then deleted.
    Delete,
    /// The user stays active.
    Keep,
}

/// How much one sync may take away. Above any of the limits nothing at all is written: the whole plan is held until its
/// `SyncPlan` is approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovalLimits {
    /// Most removals, in percent of what there is, rounded up: 0 to 100. It is about users, roles and the memberships of teams
    /// and inboxes, all together and of each team, role and inbox. 0: every removal is held.
    /// Default: 20.
    #[serde(default = "max_percent")]
    #[schemars(range(min = 0, max = 100))]
    pub max_percent: i32,
    /// Number that maxPercent is taken of at least, so that small teams can change: 0 to 1000000. Default: 20.
    #[serde(default = "min_population")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub min_population: i32,
    /// Most removals, as a number, of the same: 0 to 10000000. Unset: no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub max_count: Option<i32>,
    /// How long a held plan can be approved, from 1m on. Default: 72h.
    #[serde(rename = "approvalTTL", default = "approval_ttl")]
    #[x_kube(validation = ("duration(self) >= duration('1m')", "approvalTTL must be at least 1m"))]
    pub approval_ttl: Duration,
}

fn max_percent() -> i32 {
    20
}

fn min_population() -> i32 {
    20
}

fn approval_ttl() -> Duration {
    Duration::from_hours(72)
}

impl Default for RemovalLimits {
    fn default() -> Self {
        Self {
            max_percent: max_percent(),
            min_population: min_population(),
            max_count: None,
            approval_ttl: approval_ttl(),
        }
    }
}

/// What is never changed or removed. The operator's own account needs no mention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Protect {
    /// E-mail addresses or directory ids of users, at most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 3, max = 320)), extend("x-kubernetes-list-type" = "set"))]
    pub users: Vec<String>,
    /// Roles of the platform, at most 64: they are neither granted nor taken away, and users who have
    /// one are never deactivated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub roles: Vec<String>,
    /// Names or ids of teams of the platform, at most 64: nobody joins or leaves them, and they keep their names. A mapping that
    /// gives one is reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub teams: Vec<String>,
    /// Active administrators of the platform, whoever manages them, that a sync leaves at least: it neither deactivates them
    /// nor takes their role. 1 to 1000. Default: 1.
    #[serde(default = "min_administrators")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_administrators: i32,
}

fn min_administrators() -> i32 {
    1
}

impl Default for Protect {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            roles: Vec::new(),
            teams: Vec::new(),
            min_administrators: min_administrators(),
        }
    }
}

/// What becomes of the platform when a connection is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Everything stays as it is.
    #[default]
    Orphan,
    /// All that the connection gave is taken back first.
    Deprovision,
}

/// What the operator last saw and did. Under 16 KiB whatever the directory's size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryConnectionStatus {
    /// The metadata.generation that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The value of the annotation directory-sync.io/requestedAt that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// The mark in use: spec.ownerID, or NAMESPACE/NAME.
    #[serde(rename = "ownerID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner_id: Option<String>,
    /// The kind of directory: ldap, scim or file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub provider: Option<String>,
    /// Ready, Held and DirectoryComplete always; Reconciling and Stalled only while they are True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What the last complete read found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryCounts>,
    /// What is managed on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformCounts>,
    /// The last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<SyncSummary>,
    /// The plan that waits for a decision, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_plan: Option<HeldPlan>,
    /// What failed in the last run, at most 20; logs and metrics have all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub failures: Vec<Failure>,
    /// The last runs that changed or failed something, newest first, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub history: Vec<SyncSummary>,
    /// When the next sync is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub next_sync_time: Option<Time>,
    /// How many syncs in a row have failed or saw only a part of the directory. With each one the wait for the next grows, up
    /// to a day. 0, and left out, after one that came to its end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub consecutive_failures: i32,
    /// What the operator compares with after a restart of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled: Option<LastHandled>,
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
    use crate::api::{
        condition::{ConditionType, REASONS, Status, set},
        status::{
            HandledLimits, HandledSight, MAX_FAILURES, MAX_HISTORY, MembershipCounts, ObjectType, Outcome, Removals,
            RoleCounts, TeamCounts, Trigger, UserCounts,
        },
    };

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

    #[test]
    #[allow(clippy::too_many_lines, reason = "the whole status, once")]
    fn a_status_stays_under_16_kib_whatever_it_holds() {
        let now = Time(jiff::Timestamp::from_second(2_000_000_000).unwrap());
        let (long, many) = ("é".repeat(2000), 999_999_999);
        let memberships = MembershipCounts {
            added: many,
            removed: many,
            failed: many,
        };
        let run = SyncSummary {
            id: "0123456789abcdef".into(),
            trigger: Trigger::Requested,
            outcome: Outcome::PartlyFailed,
            start_time: now.clone(),
            completion_time: now.clone(),
            users: UserCounts {
                created: many,
                adopted: many,
                updated: many,
                activated: many,
                deactivated: many,
                deleted: many,
                failed: many,
            },
            teams: TeamCounts {
                created: many,
                updated: many,
                failed: many,
            },
            memberships: memberships.clone(),
            roles: RoleCounts {
                changed: many,
                failed: many,
            },
            inboxes: memberships,
        };
        let reason = REASONS
            .iter()
            .map(|row| row.reason)
            .max_by_key(|reason| reason.as_str().len())
            .unwrap();
        let mut conditions = Vec::new();
        for row in REASONS.iter().filter(|row| row.event.is_some()) {
            for place in row.places {
                if let crate::api::condition::Place::On(condition, status @ (Status::True | Status::False)) = place
                    && !matches!(
                        condition,
                        // What stalls isn't tried again, so it is either the one or the other.
                        ConditionType::GroupFound
                            | ConditionType::Conflicted
                            | ConditionType::Applied
                            | ConditionType::Reconciling
                    )
                {
                    set(
                        &mut conditions,
                        (*condition, *status, row.reason),
                        &long,
                        Some(many),
                        &now,
                    );
                }
            }
        }
        let status = DirectoryConnectionStatus {
            observed_generation: Some(many),
            last_handled_reconcile_at: Some("x".repeat(256)),
            owner_id: Some("x".repeat(128)),
            provider: Some("ldap".into()),
            conditions,
            directory: Some(DirectoryCounts {
                users: many,
                groups: many,
            }),
            platform: Some(PlatformCounts {
                users: many,
                teams: many,
                inboxes: many,
            }),
            last_sync: Some(run.clone()),
            held_plan: Some(HeldPlan {
                name: "x".repeat(80),
                hash: "x".repeat(64),
                hold_time: now.clone(),
                expire_time: now.clone(),
                removals: Removals {
                    users: many,
                    deletions: many,
                    memberships: many,
                    roles: many,
                    inboxes: many,
                },
            }),
            failures: vec![Failure::new(ObjectType::Membership, &long, reason, &long); MAX_FAILURES],
            history: vec![run; MAX_HISTORY],
            next_sync_time: Some(now),
            consecutive_failures: i32::MAX,
            last_handled: Some(LastHandled {
                mappings: "x".repeat(17),
                documents: "x".repeat(17),
                limits: Some(HandledLimits {
                    max_percent: i32::MAX,
                    min_population: i32::MAX,
                    max_count: Some(i32::MAX),
                }),
                protect: "x".repeat(17),
                mapping_removals: "x".repeat(17),
                groups: "x".repeat(17),
                // More than a read can hold.
                seen: Some(HandledSight {
                    users: i64::from(u32::MAX),
                    groups: i64::from(u32::MAX),
                    grouped: i64::from(u32::MAX),
                    strangers: i64::from(u32::MAX),
                    attributes: i64::from(u32::MAX),
                }),
            }),
        };
        let size = serde_json::to_string(&status).unwrap().len();
        assert!(size < 16 * 1024, "{size} bytes");
    }
}
