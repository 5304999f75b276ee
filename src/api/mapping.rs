//! `GroupMapping`: who of the directory joins which team and inboxes, and gets which role.

// Each printer column names its own type and priority; the lint takes them for one attribute, given twice.
#![expect(clippy::duplicated_attributes)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{connection::RoleRef, reference::ConnectionRef, schema, the_one};

/// What people write: groups of the directory on one side, what their members get on the other.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "directory-sync.io",
    version = "v1alpha1",
    kind = "GroupMapping",
    namespaced,
    status = "GroupMappingStatus",
    derive = "PartialEq",
    shortname = "gmap",
    category = "directory",
    selectable = ".spec.connectionRef.name",
    doc = "A GroupMapping gives the members of directory groups a team, a role and inboxes on the platform of its DirectoryConnection. Several mappings may give the same team: everybody whom any of them names is in it.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Connection", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role.name"),
    printcolumn(name = "Groups", type_ = "integer", json_path = ".status.matched.groups"),
    printcolumn(name = "Members", type_ = "integer", json_path = ".status.matched.members"),
    printcolumn(name = "Teams", type_ = "integer", json_path = ".status.matched.teams"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".spec.priority", priority = 1),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!(has(self.group.memberExpression) && has(self.team) && has(self.team.nameExpression))",
    "team.nameExpression needs a group of the directory: with group.memberExpression set team.name or team.id",
))]
pub struct GroupMappingSpec {
    /// The connection that this mapping belongs to, in the same namespace. It can't be changed.
    #[x_kube(validation = ("self == oldSelf", "connectionRef cannot be changed: create another mapping instead"))]
    pub connection_ref: ConnectionRef,
    /// Which groups of the directory: exactly one of id, name, nameRegex and memberExpression.
    pub group: GroupSelector,
    /// Team that the members join: exactly one of id, name and nameExpression. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamTarget>,
    /// Role that the members get. Unset: none; the connection's default role counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRef>,
    /// Inboxes that the members join, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub inboxes: Vec<InboxRef>,
    /// Where several mappings give a user a role, the one with the highest priority wins; two different roles of equal
    /// priority are a conflict, reported on both mappings, and the user's role stays. 0 to 10000. Default: 100.
    #[serde(default = "priority")]
    #[schemars(range(min = 0, max = 10_000))]
    pub priority: i32,
    /// How much one sync may take of each team, inbox and role that this mapping gives, where that is less than the connection's
    /// removals allow: both limits count, and what is looser here has no effect. People who lose their accounts and one of these
    /// teams, inboxes or roles with them count too. Unset: the connection's removals alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<MappingRemovals>,
    /// Freezes the mapping: while true, nobody is added or removed because of it. Default: false.
    #[serde(default)]
    pub suspend: bool,
}

/// How much one sync may take of what a mapping gives. What is unset is as the connection's `removals` have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "has(self.maxPercent) || has(self.minPopulation) || has(self.maxCount)",
    "removals must set at least one of maxPercent, minPopulation and maxCount",
))]
pub struct MappingRemovals {
    /// Most removals, in percent of what we gave there, rounded up: 0 to 100. 0: every removal is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_percent: Option<i32>,
    /// Number that maxPercent is taken of at least: 0 to 1000000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub min_population: Option<i32>,
    /// Most removals, as a number: 0 to 10000000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000_000))]
    pub max_count: Option<i32>,
}

fn priority() -> i32 {
    100
}

/// Which groups of the directory: exactly one of `id`, `name`, `nameRegex` and `memberExpression`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "[has(self.id), has(self.name), has(self.nameRegex), has(self.memberExpression)].exists_one(x, x)",
    "exactly one of id, name, nameRegex and memberExpression must be set",
))]
pub struct GroupSelector {
    /// The group with this id in the directory; it stays the same when the group is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub id: Option<String>,
    /// The group with exactly this name. Two groups of that name are ambiguous: its removals wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub name: Option<String>,
    /// Every group whose whole name matches this regular expression, for example team-.+ (RE2 syntax).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = ("size([''.matches(self)]) == 1", "nameRegex must be a regular expression (RE2 syntax)"))]
    pub name_regex: Option<String>,
    /// CEL expression over user that makes a group of everybody for whom it is true, for example user.department == "Sales".
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub member_expression: Option<String>,
}

/// The one way of selecting groups that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupSelection<'a> {
    /// By the group's id.
    Id(&'a str),
    /// By the group's exact name.
    Name(&'a str),
    /// By a regular expression over the whole name.
    NameRegex(&'a str),
    /// By a CEL expression over each user.
    MemberExpression(&'a str),
}

impl GroupSelector {
    /// The way that is set; `None` unless it is exactly one, which the schema's rule refuses.
    pub fn selected(&self) -> Option<GroupSelection<'_>> {
        let Self {
            id,
            name,
            name_regex,
            member_expression,
        } = self;
        the_one([
            id.as_deref().map(GroupSelection::Id),
            name.as_deref().map(GroupSelection::Name),
            name_regex.as_deref().map(GroupSelection::NameRegex),
            member_expression.as_deref().map(GroupSelection::MemberExpression),
        ])
    }
}

/// Team that members join: exactly one of `id`, `name` and `nameExpression`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = (
        "[has(self.id), has(self.name), has(self.nameExpression)].exists_one(x, x)",
        "exactly one of id, name and nameExpression must be set",
    ),
    validation = ("!(has(self.id) && self.create)", "create needs a name: the platform gives a team its id, so a team with an id is there already")
)]
pub struct TeamTarget {
    /// The team with this id on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub id: Option<String>,
    /// The team with this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub name: Option<String>,
    /// CEL expression over group that gives the team's name, for example group.name.replace("team-", ""): one mapping, many
    /// teams. At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub name_expression: Option<String>,
    /// Whether to create a team that isn't there. Teams made by hand are joined either way, and never renamed or deleted; one that
    /// was created because of a single group follows that group's name. Default: false.
    #[serde(default)]
    pub create: bool,
}

/// The one way of naming a team that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamSelection<'a> {
    /// By the team's id.
    Id(&'a str),
    /// By the team's name.
    Name(&'a str),
    /// By a CEL expression over the group.
    NameExpression(&'a str),
}

impl TeamTarget {
    /// The way that is set; `None` unless it is exactly one, which the schema's rule refuses.
    pub fn selected(&self) -> Option<TeamSelection<'_>> {
        let Self {
            id,
            name,
            name_expression,
            create: _,
        } = self;
        the_one([
            id.as_deref().map(TeamSelection::Id),
            name.as_deref().map(TeamSelection::Name),
            name_expression.as_deref().map(TeamSelection::NameExpression),
        ])
    }
}

/// An inbox of the platform: exactly one of `id`, `name` and `phoneNumber`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "[has(self.id), has(self.name), has(self.phoneNumber)].exists_one(x, x)",
    "exactly one of id, name and phoneNumber must be set",
))]
pub struct InboxRef {
    /// The inbox with this id on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub id: Option<String>,
    /// The inbox with this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub name: Option<String>,
    /// The inbox with this phone number, with its country (E.164), for example "+442071234567".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(validation = (
        r"self.matches('^\\+[1-9][0-9]{1,14}$')",
        "phoneNumber must be written with its country and without spaces, for example \"+442071234567\" (E.164)",
    ))]
    pub phone_number: Option<String>,
}

/// The one way of naming an inbox that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxSelection<'a> {
    /// By the inbox's id.
    Id(&'a str),
    /// By the inbox's name.
    Name(&'a str),
    /// By the inbox's phone number, E.164.
    PhoneNumber(&'a str),
}

impl InboxRef {
    /// The way that is set; `None` unless it is exactly one, which the schema's rule refuses.
    pub fn selected(&self) -> Option<InboxSelection<'_>> {
        let Self { id, name, phone_number } = self;
        the_one([
            id.as_deref().map(InboxSelection::Id),
            name.as_deref().map(InboxSelection::Name),
            phone_number.as_deref().map(InboxSelection::PhoneNumber),
        ])
    }
}

/// What the last sync made of the mapping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupMappingStatus {
    /// The metadata.generation that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, GroupFound and Conflicted always; Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// How much the mapping matched in the last sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<MatchedCounts>,
    /// Some of the groups that matched, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub samples: Vec<MatchedGroup>,
}

/// How much a mapping matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatchedCounts {
    /// Groups of the directory.
    pub groups: i64,
    /// Different people in them.
    pub members: i64,
    /// Teams that they join.
    pub teams: i64,
    /// Inboxes that they join.
    pub inboxes: i64,
}

/// One group that a mapping matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatchedGroup {
    /// Id of the group in the directory.
    #[serde(rename = "groupID")]
    #[schemars(length(max = 256))]
    pub group_id: String,
    /// Name of the group.
    #[serde(rename = "groupName")]
    #[schemars(length(max = 256))]
    pub group_name: String,
    /// Id of the team on the platform, once it is there.
    #[serde(rename = "teamID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub team_id: Option<String>,
    /// People in the group.
    pub members: i64,
}
