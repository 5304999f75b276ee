//! Users, as the platform has them and as a client asks for them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AttributeValue, Field,
    field::{given, given_time},
};

/// The ownership mark of a user. The platform stores it; what it means is the owner's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserMark {
    /// Who manages the user; 1 to 256 characters.
    pub owner: String,
    /// The role that the owner gave, in whatever form the owner likes; 1 to 256 characters.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When the owner deactivated the user, with at most three digits after the second; absent when it didn't.
    #[serde(default, deserialize_with = "given_time", skip_serializing_if = "Option::is_none")]
    pub deactivated_time: Option<Timestamp>,
}

/// A user as the platform has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The platform's id.
    pub id: String,
    /// The directory's stable id of the person; unique among users.
    pub external_id: Option<String>,
    /// Unique among users when trimmed, in NFC, in lower case and with the domain in its ASCII form.
    pub email: String,
    /// At most 256 characters.
    pub given_name: Option<String>,
    /// At most 256 characters.
    pub family_name: Option<String>,
    /// At most 256 characters.
    pub display_name: Option<String>,
    /// At most 256 characters, in whatever form it was sent.
    pub phone: Option<String>,
    /// Whether the user takes a seat and can sign in.
    pub active: bool,
    /// The id of the user's role.
    pub role: String,
    /// Further data by name; at most 128.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Labels, without duplicates, in an order that is kept; at most 64 of at most 128 characters.
    pub tags: Vec<String>,
    /// Who manages the user.
    pub mark: Option<UserMark>,
    /// When the user was created.
    pub created_time: Timestamp,
    /// When the user was last changed.
    pub updated_time: Timestamp,
    /// Changes with each change of the user.
    pub etag: String,
}

/// A user to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserCreate {
    /// 1 to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Something with one `@`, without spaces; at most 320 characters.
    pub email: String,
    /// At most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// At most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// At most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// At most 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// True when absent.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The id of the role; the default role when absent.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// At most 128, with names of 1 to 64 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttributeValue>,
    /// At most 64, of 1 to 128 characters, without duplicates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who manages the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<UserMark>,
}

/// What to change of a user; what is absent stays. The bounds are those of [`UserCreate`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserUpdate {
    /// The directory's stable id of the person.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub external_id: Field<String>,
    /// The e-mail address.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The given name.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub given_name: Field<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub family_name: Field<String>,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub display_name: Field<String>,
    /// The phone number.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub phone: Field<String>,
    /// Activating takes a seat.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// The id of the role.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Merged by name into what the user has; `None` removes the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Option<AttributeValue>>,
    /// Replaces all tags.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Replaced as a whole.
    #[serde(default, skip_serializing_if = "Field::is_kept")]
    pub mark: Field<UserMark>,
}

/// One item of a batch of deletions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserDeletion {
    /// The platform's id of the user.
    pub id: String,
    /// The etag that the user must still have, without quotes.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
}

/// One item of a batch of updates.
///
/// Only serialized: serde can't both flatten and refuse unknown fields, so a server takes `id` and `ifMatch` out of the
/// item and reads the rest as a [`UserUpdate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserUpdateItem {
    /// The platform's id of the user.
    pub id: String,
    /// The etag that the user must still have, without quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    /// What to change.
    #[serde(flatten)]
    pub update: UserUpdate,
}
