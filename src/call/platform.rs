//! The layers around a platform. All its writes are idempotent, so that each may be tried again.

use async_trait::async_trait;
use directory_sync_model::observed::Observer;

use super::{CallPolicy, retry::retried};
use crate::platform::{
    Capability, Error, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, Platform, TeamPatch, UserDeletion,
    UserPatch, WriteKey,
};

/// A platform with all layers around it.
///
/// A batch is tried again only as a whole: when the outer result is an error, and nothing is known of any item.
pub struct LayeredPlatform {
    inner: Box<dyn Platform>,
    policy: CallPolicy,
}

impl LayeredPlatform {
    /// Puts the layers around a platform.
    pub fn new(inner: Box<dyn Platform>, policy: CallPolicy) -> Self {
        Self { inner, policy }
    }
}

#[async_trait]
impl Platform for LayeredPlatform {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capability(&self) -> Capability {
        self.inner.capability()
    }

    async fn identity(&self) -> Result<Identity, Error> {
        retried!(self.policy, "identity", true, self.inner.identity())
    }

    async fn read(
        &self,
        part: Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, Error> {
        let call = match part {
            Part::Roles => "read_roles",
            Part::Teams => "read_teams",
            Part::Inboxes => "read_inboxes",
            Part::Users => "read_users",
            Part::TeamMemberships => "read_team_memberships",
            Part::InboxMemberships => "read_inbox_memberships",
        };
        // A failed page has shown nothing to the observer, so nothing is seen twice.
        retried!(self.policy, call, true, self.inner.read(part, cursor, &mut *observer))
    }

    async fn create_team(&self, team: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error> {
        retried!(
            self.policy,
            "create_team",
            true,
            self.inner.create_team(team, owner, key)
        )
    }

    async fn update_team(&self, team: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        retried!(self.policy, "update_team", true, self.inner.update_team(team, key))
    }

    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        retried!(self.policy, "create_users", true, self.inner.create_users(users, key))
    }

    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        retried!(self.policy, "update_users", true, self.inner.update_users(users, key))
    }

    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        retried!(self.policy, "delete_users", true, self.inner.delete_users(users, key))
    }

    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        retried!(
            self.policy,
            "change_memberships",
            true,
            self.inner.change_memberships(changes, owner, key)
        )
    }
}
