//! What may be taken, and what never is: leavers, limits, protection, the end of the connection itself.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::duration::Duration;

/// What becomes of users who leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!has(self.deleteAfterDays) || self.action == 'Deactivate'",
    "deleteAfterDays goes with action Deactivate alone: Delete deletes by the sync after the one that deactivates, Keep never does",
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
