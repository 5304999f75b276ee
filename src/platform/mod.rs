//! The write side: where people go.
//!
//! A [`Platform`] is observed once, page by page, then written with idempotent batches. What a platform can't do is a
//! [`Capability`]; what all share (retries, rates, timeouts, metrics) is in layers around it, see [`crate::call`].

pub mod error;
pub mod observe;
pub mod rest;
pub mod server;

use async_trait::async_trait;
use directory_sync_model::observed::{ContainerKind, FieldsPatch, Mark, Observer, UserFields};

pub use error::Error;

/// What is observed, in this order: roles, teams and inboxes before people, memberships last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The roles that exist.
    Roles,
    /// Teams.
    Teams,
    /// Inboxes.
    Inboxes,
    /// Users.
    Users,
    /// Who is in which team.
    TeamMemberships,
    /// Who is in which inbox.
    InboxMemberships,
}

impl Part {
    /// All parts in the order of observation.
    pub const ALL: [Self; 6] = [
        Self::Roles,
        Self::Teams,
        Self::Inboxes,
        Self::Users,
        Self::TeamMemberships,
        Self::InboxMemberships,
    ];
}

/// What a platform can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Users, teams and memberships carry our marks. Where they can't, the ledger is the mark.
    pub marks: bool,
    /// Teams can be created and renamed. Where they can't, a mapping's team that is missing isn't found, whatever the mapping
    /// says.
    pub create_teams: bool,
    /// How many users one request may create, update or delete, at least 1.
    pub users_per_request: usize,
    /// How many membership changes one request may carry, at least 1.
    pub memberships_per_request: usize,
    /// How many write requests may be under way at once, at least 1.
    pub concurrency: usize,
}

/// Who we are on the platform, and what we may do.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The platform's id of the operator's own account, when it is a user. That user is never touched.
    pub user_id: Option<String>,
    /// What the account is called.
    pub name: String,
    /// Permissions that a sync needs and the account lacks.
    pub missing: Vec<String>,
    /// Seats that are still free; absent when there is no limit.
    pub free_seats: Option<u64>,
}

/// How a page ended.
#[derive(Debug, Default)]
pub struct PageEnd {
    /// Where the next page starts; absent on the last page.
    pub next: Option<String>,
    /// How many rows the platform says that it has in all pages.
    pub total: Option<u64>,
    /// How many rows came in this page.
    pub rows: u64,
}

/// A user to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUser {
    /// The directory's stable id.
    pub external_id: String,
    /// All that the user is to have.
    pub fields: UserFields,
    /// His role; absent: what the platform gives by itself.
    pub role: Option<String>,
    /// The mark to create him with.
    pub mark: Mark,
}

/// A change of one existing user; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserPatch {
    /// The platform's id.
    pub id: String,
    /// What must not have changed since it was observed (`If-Match`), when the platform has it.
    pub version: Option<String>,
    /// The directory's id, at adoption.
    pub external_id: Option<String>,
    /// The fields to change.
    pub fields: FieldsPatch,
    /// Activate or deactivate.
    pub active: Option<bool>,
    /// The role to set.
    pub role: Option<String>,
    /// The mark to set, whole.
    pub mark: Option<Mark>,
    /// Take the mark away, whatever it is: nobody manages the user any more.
    pub release: bool,
}

/// A user to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserDeletion {
    /// The platform's id.
    pub id: String,
    /// What must not have changed since it was observed (`If-Match`), when the platform has it.
    pub version: Option<String>,
}

/// A team to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTeam {
    /// Its name.
    pub name: String,
    /// The directory's id of the one group that makes it, if just one does.
    pub external_id: Option<String>,
}

/// A change of one existing team; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamPatch {
    /// The platform's id.
    pub id: String,
    /// What must not have changed since it was observed (`If-Match`), when the platform has it.
    pub version: Option<String>,
    /// The name that it gets.
    pub name: Option<String>,
    /// The directory's id of the one group that makes it.
    pub external_id: Option<String>,
}

/// One membership to add or to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipWrite {
    /// Team or inbox.
    pub kind: ContainerKind,
    /// The platform's id of the team or inbox.
    pub container: String,
    /// The platform's id of the user.
    pub user: String,
    /// Add (with our mark) or remove.
    pub add: bool,
    /// Where the membership is there and carries the mark of one of these owners, it gets ours in its place. Only to add.
    pub adopt_from: Vec<String>,
}

/// A key under which a platform answers the same write only once, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteKey(pub String);

/// Where people go. Made anew for each sync, with its credentials resolved, and dropped after it.
///
/// Writes are idempotent: adding what is there and removing what is gone succeed. A batch returns one result per item,
/// in order; the outer error says that nothing is known of any of them.
#[async_trait]
pub trait Platform: Send + Sync {
    /// The platform's name, as in the specification and in metrics.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capability(&self) -> Capability;

    /// Who we are, and what is missing.
    async fn identity(&self) -> Result<Identity, Error>;

    /// Reads one page of one part and shows each row to `observer`, only after the whole page was understood.
    async fn read(
        &self,
        part: Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, Error>;

    /// Creates a team that carries our mark and returns its id. A team of that name that exists already is returned.
    async fn create_team(&self, team: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error>;

    /// Changes a team that carries our mark: another name, or the group that makes it.
    async fn update_team(&self, team: &TeamPatch, key: &WriteKey) -> Result<(), Error>;

    /// Creates users; returns their ids.
    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error>;

    /// Changes users; returns their versions after the change, where the platform has versions.
    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error>;

    /// Deletes users with all their memberships; one who isn't there any more is deleted. One who has changed since he was
    /// observed is a conflict and stays: a platform without versions looks whether he is still inactive before it deletes him.
    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error>;

    /// Adds and removes memberships.
    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error>;
}
