//! What the platform holds, as it is shown row by row while it is read. Nothing here is kept: rows borrow from the
//! page, and the diff keeps text only where the two sides differ.

use std::{borrow::Cow, time::SystemTime};

use crate::value::AttributeValue;

/// The ownership mark that an object on the platform carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Which connection manages it: its `ownerID`.
    pub owner: String,
    /// The role that we gave, on users. Another role on the user was set by hand.
    pub role: Option<String>,
    /// When we deactivated the user, if we did. A user deactivated by hand stays inactive and is never deleted.
    pub deactivated: Option<SystemTime>,
}

/// A mark in a page that is being read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkRow<'a> {
    /// See [`Mark::owner`].
    pub owner: Cow<'a, str>,
    /// See [`Mark::role`].
    pub role: Option<Cow<'a, str>>,
    /// See [`Mark::deactivated`].
    pub deactivated: Option<SystemTime>,
}

/// A role of the platform.
#[derive(Clone, Debug)]
pub struct RoleRow<'a> {
    /// What users carry.
    pub name: Cow<'a, str>,
    /// Whether it makes its holder an administrator.
    pub administrator: bool,
    /// Whether the platform gives it to users created without a role.
    pub default: bool,
}

/// Where one can be a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// A team.
    Team,
    /// An inbox.
    Inbox,
}

/// A team or an inbox of the platform.
#[derive(Clone, Debug)]
pub struct ContainerRow<'a> {
    /// Team or inbox.
    pub kind: ContainerKind,
    /// The platform's id.
    pub id: Cow<'a, str>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// An inbox's phone number, E.164; empty for teams.
    pub phone: Cow<'a, str>,
    /// The directory's id of the one group that a team was made of; empty where none is told.
    pub external_id: Cow<'a, str>,
    /// A version for conditional writes; empty when the platform has none.
    pub version: Cow<'a, str>,
    /// Whose it is, if somebody's.
    pub owner: Option<Cow<'a, str>>,
}

/// A user of the platform. Absent text is empty.
#[derive(Clone, Debug, Default)]
pub struct UserRow<'a> {
    /// The platform's id.
    pub id: Cow<'a, str>,
    /// A version for conditional writes; empty when the platform has none.
    pub version: Cow<'a, str>,
    /// The directory's id.
    pub external_id: Cow<'a, str>,
    /// The e-mail address as the platform has it.
    pub email: Cow<'a, str>,
    /// Given name.
    pub given_name: Cow<'a, str>,
    /// Family name.
    pub family_name: Cow<'a, str>,
    /// Display name.
    pub display_name: Cow<'a, str>,
    /// Phone number.
    pub phone: Cow<'a, str>,
    /// Whether the user may sign in.
    pub active: bool,
    /// The one role that the user has; empty when none.
    pub role: Cow<'a, str>,
    /// Attributes by name, tags among them under the name `tags`.
    pub attributes: Vec<(Cow<'a, str>, AttributeValue)>,
    /// Whose it is, if somebody's.
    pub mark: Option<MarkRow<'a>>,
}

/// One membership.
#[derive(Clone, Debug)]
pub struct MembershipRow<'a> {
    /// Team or inbox.
    pub kind: ContainerKind,
    /// The platform's id of the team or inbox.
    pub container: Cow<'a, str>,
    /// The platform's id of the user.
    pub user: Cow<'a, str>,
    /// Whose it is, if somebody's.
    pub owner: Option<Cow<'a, str>>,
}

/// What is shown the platform's rows: roles and containers first, then users, then memberships.
pub trait Observer {
    /// One role.
    fn role(&mut self, role: &RoleRow<'_>);
    /// One team or inbox.
    fn container(&mut self, container: &ContainerRow<'_>);
    /// One user.
    fn user(&mut self, user: &UserRow<'_>);
    /// One membership.
    fn membership(&mut self, membership: &MembershipRow<'_>);
}

/// All that a user is to have, whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserFields {
    /// The normal form of the e-mail address.
    pub email: String,
    /// Given name; may be empty.
    pub given_name: String,
    /// Family name; may be empty.
    pub family_name: String,
    /// Display name; may be empty.
    pub display_name: String,
    /// Phone number; may be empty.
    pub phone: String,
    /// The attributes that the connection sets, by name, in the order of the specification. `None`: no value.
    pub attributes: Vec<(String, Option<AttributeValue>)>,
}

/// The fields of a user that are to change; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldsPatch {
    /// See [`UserFields::email`].
    pub email: Option<String>,
    /// See [`UserFields::given_name`].
    pub given_name: Option<String>,
    /// See [`UserFields::family_name`].
    pub family_name: Option<String>,
    /// See [`UserFields::display_name`].
    pub display_name: Option<String>,
    /// See [`UserFields::phone`].
    pub phone: Option<String>,
    /// The attributes to set or, with `None`, to take away.
    pub attributes: Vec<(String, Option<AttributeValue>)>,
}
