//! The shapes of the platform contract (`openapi.yaml`), shared by the client and the reference server.
//!
//! What a platform answers may gain fields, so those types ignore what they don't know. What a client asks must be exact,
//! so those types refuse it. Marks are the exception: they are closed both ways, since the client alone writes them.

mod attributes;
mod field;
mod problem;
mod user;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use attributes::AttributeValue;
pub use field::Field;
pub use problem::{InvalidPlace, PROBLEM_BASE, Problem, ProblemKind};
pub use user::{User, UserCreate, UserDeletion, UserMark, UserUpdate, UserUpdateItem};

use field::given;

/// The contract itself, as `GET /v1/openapi.yaml` serves it.
pub const OPENAPI_YAML: &str = include_str!("openapi.yaml");

/// The media type of problem bodies (RFC 9457 §6.1).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The request header that makes a write safe to repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The response header, with the value `true`, of an answer that was kept from an earlier request with the same key.
pub const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";

/// How many objects a page has when the request doesn't say.
pub const DEFAULT_PAGE: u32 = 200;

/// The most objects that a page can have.
pub const MAX_PAGE: u32 = 1000;

/// The most items of a batch of users.
pub const MAX_USER_BATCH: usize = 100;

/// The most items of a batch of memberships.
pub const MAX_MEMBERSHIP_BATCH: usize = 1000;

/// The form that an `etag` of a body takes in `ETag` and `If-Match` headers (RFC 9110 §8.8.3).
pub fn quoted_etag(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The objects, in the order of the list.
    pub items: Vec<T>,
    /// How many objects the whole list had when this page was made.
    pub total: u64,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A batch of items that are done each on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch<T> {
    /// The items; at least one, at most as many as [`Limits`] allows.
    pub items: Vec<T>,
}

/// The answer to a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchResults<T> {
    /// One result an item, in the order of the items.
    pub results: Vec<T>,
}

/// What became of one user of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UserResult {
    /// The user was created or is as the item asks.
    Done {
        /// The platform's id of the user.
        id: String,
        /// The user's etag after the change.
        etag: String,
    },
    /// Nothing was changed.
    Failed {
        /// Why.
        error: Problem,
    },
}

/// What became of one user of a batch of deletions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeletionResult {
    /// The user was deleted.
    Done {
        /// The platform's id that the user had.
        id: String,
    },
    /// The user is as before, or wasn't there.
    Failed {
        /// Why.
        error: Problem,
    },
}

/// What became of one membership of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MembershipResult {
    /// The membership is as the item asks.
    Done {
        /// Whether it wasn't so before.
        changed: bool,
    },
    /// Nothing was changed.
    Failed {
        /// Why.
        error: Problem,
    },
}

/// Whose the credential is, what it may do, and the limits of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// A user's id, or that of a service account (`svc_…`).
    pub id: String,
    /// Which of the two.
    pub kind: AccountKind,
    /// The id of the account's role.
    pub role: String,
    /// What the token may do: `users:read`, `users:write`, …
    pub permissions: Vec<String>,
    /// What requests are limited to.
    pub limits: Limits,
    /// How many users may be active, and are.
    pub seats: Seats,
}

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    /// One of the platform's users.
    User,
    /// A program.
    Service,
}

/// What requests are limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The most objects that a page can have.
    pub page_size: u32,
    /// The most items of a batch of users.
    pub user_batch: u32,
    /// The most items of a batch of memberships.
    pub membership_batch: u32,
    /// The largest body of a request, in bytes.
    pub request_bytes: u64,
    /// The most requests per second of this credential; `None` when it isn't limited.
    pub requests_per_second: Option<u32>,
}

/// How many users may be active, and are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// How many may be; `None` when that isn't limited.
    pub limit: Option<u32>,
    /// How many are.
    pub used: u64,
}

/// The ownership mark of a team, inbox or membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Who manages the object; 1 to 256 characters.
    pub owner: String,
}

/// A team as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// The platform's id.
    pub id: String,
    /// Unique among teams when trimmed, with white space inside as one space, in NFC and in lower case.
    pub name: String,
    /// What the team is for.
    pub description: Option<String>,
    /// The directory's stable id of the group that the team was made of.
    pub external_id: Option<String>,
    /// Who manages the team.
    pub mark: Option<Mark>,
    /// When the team was created.
    pub created_time: Timestamp,
    /// When the team was last changed.
    pub updated_time: Timestamp,
    /// Changes with each change of the team.
    pub etag: String,
}

/// A team to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamCreate {
    /// 1 to 256 characters, not blank.
    pub name: String,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The directory's stable id of the group that the team is made of; 1 to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Who manages the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

/// What to change of a team; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamUpdate {
    /// 1 to 256 characters, not blank.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub description: Field<String>,
    /// 1 to 256 characters.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub external_id: Field<String>,
    /// Replaced as a whole.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub mark: Field<Mark>,
}

/// A role as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The platform's id.
    pub id: String,
    /// Unique among roles when trimmed, with white space inside as one space, in NFC and in lower case.
    pub name: String,
    /// What the role is for.
    pub description: Option<String>,
    /// Whether the platform brings the role or somebody made it.
    pub kind: RoleKind,
    /// Whether who has the role may administer the platform.
    pub administrator: bool,
    /// Whether users that are created without a role get this one; true for exactly one role.
    pub is_default: bool,
}

/// Where a role comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleKind {
    /// The platform brings it.
    Default,
    /// Somebody made it.
    Custom,
}

/// A custom role to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleCreate {
    /// 1 to 256 characters, not blank.
    pub name: String,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether who has the role may administer the platform.
    #[serde(default)]
    pub administrator: bool,
}

/// An inbox as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inbox {
    /// The platform's id.
    pub id: String,
    /// Unique among inboxes when trimmed, with white space inside as one space, in NFC and in lower case.
    pub name: String,
    /// In E.164 form; unique among inboxes.
    pub phone_number: Option<String>,
    /// Who manages the inbox.
    pub mark: Option<Mark>,
}

/// An inbox to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InboxCreate {
    /// 1 to 256 characters, not blank.
    pub name: String,
    /// In E.164 form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Who manages the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
}

/// What users can be members of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MembershipKind {
    /// Teams.
    Team,
    /// Inboxes.
    Inbox,
}

/// One membership; its kind is that of the list it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The id of the team or inbox.
    pub container: String,
    /// The id of the user.
    pub user: String,
    /// Who gave the membership.
    pub mark: Option<Mark>,
}

/// Whether to add or remove a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MembershipOp {
    /// Add it; one that exists stays as it is, mark included, unless [`MembershipChange::replace_marks_of`] names its owner.
    Add,
    /// Remove it, whoever gave it.
    Remove,
}

/// One item of a batch of memberships.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MembershipChange {
    /// What to do.
    pub op: MembershipOp,
    /// What `container` is.
    pub kind: MembershipKind,
    /// The id of the team or inbox.
    pub container: String,
    /// The id of the user.
    pub user: String,
    /// Who gives the membership; only with [`MembershipOp::Add`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Owners, at most 16: a membership that exists and carries the mark of one of them gets `mark` in its place. Only
    /// with [`MembershipOp::Add`] and a mark.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace_marks_of: Vec<String>,
}

#[cfg(test)]
mod tests;
