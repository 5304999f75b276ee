//! Reads the platform: one request a page, decoded by [`super::page`].

use std::sync::{Arc, PoisonError};

use directory_sync_model::{
    names::normalize,
    observed::{ContainerKind, ContainerRow, MembershipRow, Observer, RoleRow, UserRow},
};

use super::{
    RestPlatform,
    page::{self, PageError, decode_inboxes, decode_memberships, decode_roles, decode_teams, decode_users},
    problem,
    roles::Roles,
    wire::{Limits, WhoAmI},
};
use crate::platform::{Error, PageEnd, Part};

/// The roles as far as they were read.
#[derive(Default)]
pub(super) struct KnownRoles {
    roles: Arc<Roles>,
    /// Whether the last page was read.
    complete: bool,
}

impl RestPlatform {
    pub(super) async fn read_page(
        &self,
        part: Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, Error> {
        // The names of roles are at hand before a page is: a sync reads the roles first, a check may not.
        let roles = match part {
            Part::Users => Some(self.roles().await?),
            _ => None,
        };
        let body = self.page(part, cursor).await?;
        let decoded = match part {
            Part::Roles => return self.read_roles(&body, observer),
            Part::Teams => decode_teams(&body, observer),
            Part::Inboxes => decode_inboxes(&body, observer),
            Part::Users => decode_users(&body, &roles.unwrap_or_default(), observer),
            Part::TeamMemberships => decode_memberships(&body, ContainerKind::Team, observer),
            Part::InboxMemberships => decode_memberships(&body, ContainerKind::Inbox, observer),
        };
        match decoded {
            // The role was made after the roles were read. Nothing of the page was shown yet.
            Err(PageError::UnknownRole { .. }) => {
                let roles = self.load_roles().await?;
                decode_users(&body, &roles, observer).map_err(|error| self.not_a_page(part, &error))
            }
            decoded => decoded.map_err(|error| self.not_a_page(part, &error)),
        }
    }

    async fn page(&self, part: Part, cursor: Option<&str>) -> Result<bytes::Bytes, Error> {
        let (path, kind) = match part {
            Part::Roles => ("v1/roles", None),
            Part::Teams => ("v1/teams", None),
            Part::Inboxes => ("v1/inboxes", None),
            Part::Users => ("v1/users", None),
            Part::TeamMemberships => ("v1/memberships", Some("team")),
            Part::InboxMemberships => ("v1/memberships", Some("inbox")),
        };
        let limit = self.page_size().to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(kind.map(|kind| ("kind", kind)));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let answer = self.client.get(path, &query).send(self.config.answer_bytes).await;
        Ok(answer
            .map_err(|error| problem::of_request(self.listing(part), error))?
            .body)
    }

    fn read_roles(&self, body: &[u8], observer: &mut (dyn Observer + Send)) -> Result<PageEnd, Error> {
        let mut known = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        let end = decode_roles(body, Arc::make_mut(&mut known.roles), observer)
            .map_err(|error| self.not_a_page(Part::Roles, &error))?;
        known.complete |= end.next.is_none();
        Ok(end)
    }

    /// The platform's roles, read now if they were not yet.
    pub(super) async fn roles(&self) -> Result<Arc<Roles>, Error> {
        {
            let known = self.roles.read().unwrap_or_else(PoisonError::into_inner);
            if known.complete {
                return Ok(Arc::clone(&known.roles));
            }
        }
        self.load_roles().await
    }

    async fn load_roles(&self) -> Result<Arc<Roles>, Error> {
        let mut cursor = None;
        loop {
            let body = self.page(Part::Roles, cursor.as_deref()).await?;
            let end = self.read_roles(&body, &mut Unseen)?;
            cursor = self.next(Part::Roles, cursor.as_deref(), end)?;
            if cursor.is_none() {
                let known = self.roles.read().unwrap_or_else(PoisonError::into_inner);
                return Ok(Arc::clone(&known.roles));
            }
        }
    }

    /// The id of the team with this name, by the contract's rule of which names are equal.
    pub(super) async fn find_team(&self, name: &str) -> Result<Option<String>, Error> {
        let wanted = normalize(name);
        let mut cursor = None;
        loop {
            let body = self.page(Part::Teams, cursor.as_deref()).await?;
            let (teams, end) = page::team_names(&body).map_err(|error| self.not_a_page(Part::Teams, &error))?;
            if let Some((id, _)) = teams.into_iter().find(|(_, name)| normalize(name) == wanted) {
                return Ok(Some(id));
            }
            cursor = self.next(Part::Teams, cursor.as_deref(), end)?;
            if cursor.is_none() {
                return Ok(None);
            }
        }
    }

    /// The next cursor of a list that is read within one call; a cursor that repeats would make it endless.
    fn next(&self, part: Part, cursor: Option<&str>, end: PageEnd) -> Result<Option<String>, Error> {
        if end.next.is_some() && end.next.as_deref() == cursor {
            return Err(Error::Protocol {
                operation: self.listing(part),
                message: "the platform sent the same cursor twice".to_owned(),
            });
        }
        Ok(end.next)
    }

    pub(super) async fn who_am_i(&self) -> Result<WhoAmI, Error> {
        let operation = || format!("asking {} who we are", self.place);
        let answer = self.client.get("v1/whoami", &[]).send(self.config.answer_bytes).await;
        let account: WhoAmI = answer
            .and_then(|answer| answer.json("an account"))
            .map_err(|error| problem::of_request(operation(), error))?;
        // Only the first answer is kept: a batch that is repeated has to be split in the same way again.
        let _ = self.limits.set(account.limits.clone());
        Ok(account)
    }

    /// The platform's limits, asked for now if they were not yet.
    pub(super) async fn limits(&self) -> Result<Limits, Error> {
        match self.limits.get() {
            Some(limits) => Ok(limits.clone()),
            None => Ok(self.who_am_i().await?.limits),
        }
    }

    fn page_size(&self) -> u32 {
        let largest = self.limits.get().map_or(u32::MAX, |limits| limits.page_size);
        self.config.page_size.min(largest).max(1)
    }

    fn listing(&self, part: Part) -> String {
        let what = match part {
            Part::Roles => "roles",
            Part::Teams => "teams",
            Part::Inboxes => "inboxes",
            Part::Users => "users",
            Part::TeamMemberships => "memberships of teams",
            Part::InboxMemberships => "memberships of inboxes",
        };
        format!("listing {what} of {}", self.place)
    }

    fn not_a_page(&self, part: Part, error: &PageError) -> Error {
        Error::Protocol {
            operation: self.listing(part),
            message: error.to_string(),
        }
    }
}

/// For lists that are read for our own use.
struct Unseen;

impl Observer for Unseen {
    fn role(&mut self, _: &RoleRow<'_>) {}
    fn container(&mut self, _: &ContainerRow<'_>) {}
    fn user(&mut self, _: &UserRow<'_>) {}
    fn membership(&mut self, _: &MembershipRow<'_>) {}
}
