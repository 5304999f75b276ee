//! `SyncPlan`: a plan that takes away more than the limits allow, waiting for a person's decision.
//!
//! A kind of its own, outside git: an annotation on the connection would be wiped by `replace`, taken back by Flux, and could
//! be slipped in by whoever may edit the connection's YAML. Plain RBAC says who may see the names in it and who may decide.

// Each printer column names its own type and priority; the lint takes them for one attribute, given twice.
#![expect(clippy::duplicated_attributes)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    reference::ConnectionRef,
    schema,
    status::{DecisionCommands, ObjectType, Removals, is_default},
};

/// The most removals that a plan names.
pub const MAX_SAMPLES: usize = 200;
/// The most lines of a plan's summary.
pub const MAX_SUMMARY: usize = 20;

/// What the operator writes, and the decision that a person adds.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "directory-sync.io",
    version = "v1alpha1",
    kind = "SyncPlan",
    namespaced,
    status = "SyncPlanStatus",
    derive = "PartialEq",
    shortname = "splan",
    category = "directory",
    selectable = ".spec.connectionRef.name",
    doc = "A SyncPlan is written by the operator when a sync would take away more than the limits of its DirectoryConnection allow. Nothing is written until a person sets spec.decision and spec.decidedBy; the decision is about this one plan, known by its hash.",
    printcolumn(name = "Connection", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "Users", type_ = "integer", json_path = ".status.removals.users"),
    printcolumn(name = "Deletions", type_ = "integer", json_path = ".status.removals.deletions"),
    printcolumn(name = "Memberships", type_ = "integer", json_path = ".status.removals.memberships"),
    printcolumn(name = "Roles", type_ = "integer", json_path = ".status.removals.roles"),
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision"),
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Applied\")].reason"
    ),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expireTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Inboxes",
        type_ = "integer",
        json_path = ".status.removals.inboxes",
        priority = 1
    ),
    printcolumn(name = "Decided by", type_ = "string", json_path = ".spec.decidedBy", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("oldSelf.hasValue() || !has(self.decision)")
        .message("a plan is created undecided: set decision and decidedBy on the plan that the operator wrote")
        .optional_old_self(true),
    validation = (
        "!has(oldSelf.decision) || (has(self.decision) && self.decision == oldSelf.decision && self.decidedBy == oldSelf.decidedBy)",
        "a decision is final: it cannot be changed or withdrawn",
    ),
    validation = ("has(self.decision) == has(self.decidedBy)", "decision and decidedBy must be set together")
)]
pub struct SyncPlanSpec {
    /// The connection whose plan this is.
    #[x_kube(validation = ("self == oldSelf", "connectionRef cannot be changed"))]
    pub connection_ref: ConnectionRef,
    /// SHA-256 over the plan's removals, in hexadecimal. One more or one fewer removal is another plan; additions and updates
    /// don't count.
    #[schemars(length(min = 64, max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    #[x_kube(validation = ("self == oldSelf", "hash cannot be changed"))]
    pub hash: String,
    /// Approved: the plan is carried out at once. Rejected: it is not, and is held until the directory, the mappings or the
    /// limits change. A decision is final.
    // Of an optional enum kube would take the enum's description for the field's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Decision")]
    pub decision: Option<Decision>,
    /// Who decided: your own user name in this cluster, as kubectl auth whoami prints it. Set together with decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub decided_by: Option<String>,
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Decision {
    /// The plan is carried out.
    Approved,
    /// The plan is not carried out.
    Rejected,
}

/// What the plan would take away, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncPlanStatus {
    /// How much the plan would take away, by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<Removals>,
    /// What the plan would take away and why it is held, in words, at most 20 lines: first what is above the limits, then the
    /// rest, the largest losses first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 256)), extend("x-kubernetes-list-type" = "atomic"))]
    pub summary: Vec<String>,
    /// What to type to look at the plan and to decide it; absent once it is decided or over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<DecisionCommands>,
    /// Some of the removals, by name, at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "atomic"))]
    pub samples: Vec<RemovalSample>,
    /// When the plan can no longer be approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub expire_time: Option<Time>,
    /// Applied: True once the plan has been carried out; while False, its reason says what it waits for or why it never will.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// One thing that a plan would take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovalSample {
    /// What would be taken: User (deactivated, or deleted where that is said), Membership, Role or Inbox.
    pub kind: ObjectType,
    /// Whether the user would be deleted. Unset: no.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deleted: bool,
    /// Id of the user in the directory, or on the platform when the directory has no such user any more.
    #[schemars(length(max = 256))]
    pub id: String,
    /// Name and address of the user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub user: String,
    /// The team, inbox or role that would be taken; empty for a user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub from: String,
}
