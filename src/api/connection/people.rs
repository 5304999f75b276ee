//! Who is meant, and what they get: scope, attributes, defaults, adoption.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
