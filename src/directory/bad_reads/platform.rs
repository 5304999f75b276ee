//! A platform in memory that notes every removal.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use directory_sync_model::{
    observed::{ContainerKind, ContainerRow, Mark, MarkRow, MembershipRow, Observer, RoleRow, UserRow},
    value::AttributeValue,
};

use crate::platform::{
    Capability, Error, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, Platform, TeamPatch, UserDeletion,
    UserPatch, WriteKey,
};

#[derive(Clone, Debug)]
struct User {
    external_id: String,
    email: String,
    active: bool,
    role: String,
    mark: Mark,
    attributes: BTreeMap<String, AttributeValue>,
}

impl User {
    fn with(mut self, attributes: &[(String, Option<AttributeValue>)]) -> Self {
        for (name, value) in attributes {
            match value {
                Some(value) => self.attributes.insert(name.clone(), value.clone()),
                None => self.attributes.remove(name),
            };
        }
        self
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    users: BTreeMap<String, User>,
    teams: BTreeMap<String, String>,
    members: BTreeSet<(String, String)>,
    removals: BTreeSet<String>,
    writes: usize,
}

/// Everybody who uses a clone uses the same platform.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

impl Memory {
    /// A platform of its own that holds the same.
    pub(super) fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.state().clone())))
    }

    /// What was removed since it was last asked, in words.
    pub(super) fn take_removals(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.state().removals)
    }

    /// How many writes came since it was last asked.
    pub(super) fn take_writes(&self) -> usize {
        std::mem::take(&mut self.state().writes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

#[async_trait]
impl Platform for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capability(&self) -> Capability {
        Capability {
            marks: true,
            create_teams: true,
            users_per_request: 100,
            memberships_per_request: 1000,
            concurrency: 1,
        }
    }

    async fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity::default())
    }

    async fn read(&self, part: Part, _: Option<&str>, observer: &mut (dyn Observer + Send)) -> Result<PageEnd, Error> {
        let state = self.state();
        match part {
            Part::Roles => observer.role(&RoleRow {
                name: Cow::Borrowed("member"),
                administrator: false,
                default: true,
            }),
            Part::Teams => state.teams.iter().for_each(|(id, name)| {
                observer.container(&ContainerRow {
                    kind: ContainerKind::Team,
                    id: Cow::Borrowed(id),
                    name: Cow::Borrowed(name),
                    phone: Cow::Borrowed(""),
                    external_id: Cow::Borrowed(""),
                    version: Cow::Borrowed(""),
                    owner: None,
                });
            }),
            Part::Users => state.users.iter().for_each(|(id, user)| {
                observer.user(&UserRow {
                    id: Cow::Borrowed(id),
                    external_id: Cow::Borrowed(&user.external_id),
                    email: Cow::Borrowed(&user.email),
                    active: user.active,
                    role: Cow::Borrowed(&user.role),
                    attributes: user
                        .attributes
                        .iter()
                        .map(|(name, value)| (Cow::Borrowed(name.as_str()), value.clone()))
                        .collect(),
                    mark: Some(MarkRow {
                        owner: Cow::Borrowed(&user.mark.owner),
                        role: user.mark.role.as_deref().map(Cow::Borrowed),
                        deactivated: user.mark.deactivated,
                    }),
                    ..UserRow::default()
                });
            }),
            Part::TeamMemberships => state.members.iter().for_each(|(team, user)| {
                observer.membership(&MembershipRow {
                    kind: ContainerKind::Team,
                    container: Cow::Borrowed(team),
                    user: Cow::Borrowed(user),
                    owner: Some(Cow::Borrowed(super::OWNER)),
                });
            }),
            Part::Inboxes | Part::InboxMemberships => {}
        }
        Ok(PageEnd::default())
    }

    async fn create_team(&self, team: &NewTeam, _: &str, _: &WriteKey) -> Result<String, Error> {
        let mut state = self.state();
        state.writes += 1;
        let id = format!("t-{}", team.name);
        state.teams.insert(id.clone(), team.name.clone());
        Ok(id)
    }

    async fn update_team(&self, team: &TeamPatch, _: &WriteKey) -> Result<(), Error> {
        let mut state = self.state();
        state.writes += 1;
        if let Some(name) = &team.name {
            state.teams.insert(team.id.clone(), name.clone());
        }
        Ok(())
    }

    async fn create_users(&self, users: &[NewUser], _: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        let mut state = self.state();
        state.writes += users.len();
        let create = |new: &NewUser| {
            let id = format!("u-{}", new.external_id);
            let user = User {
                external_id: new.external_id.clone(),
                email: new.fields.email.clone(),
                active: true,
                role: new.role.clone().unwrap_or_else(|| "member".to_owned()),
                mark: new.mark.clone(),
                attributes: BTreeMap::new(),
            };
            let user = user.with(&new.fields.attributes);
            assert!(state.users.insert(id.clone(), user).is_none(), "{id} was there");
            Ok(id)
        };
        Ok(users.iter().map(create).collect())
    }

    async fn update_users(
        &self,
        users: &[UserPatch],
        _: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        let mut state = self.state();
        state.writes += users.len();
        for patch in users {
            let user = state.users.get_mut(&patch.id).unwrap();
            user.email = patch.fields.email.clone().unwrap_or_else(|| user.email.clone());
            user.role = patch.role.clone().unwrap_or_else(|| user.role.clone());
            user.mark = patch.mark.clone().unwrap_or_else(|| user.mark.clone());
            user.active = patch.active.unwrap_or(user.active);
            *user = user.clone().with(&patch.fields.attributes);
            if patch.active == Some(false) {
                state.removals.insert(format!("deactivate {}", patch.id));
            }
            if let Some(role) = &patch.role {
                state.removals.insert(format!("role {role} of {}", patch.id));
            }
        }
        Ok(users.iter().map(|_| Ok(None)).collect())
    }

    async fn delete_users(&self, users: &[UserDeletion], _: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        let mut state = self.state();
        state.writes += users.len();
        for user in users {
            state.users.remove(&user.id);
            state.removals.insert(format!("delete {}", user.id));
        }
        Ok(users.iter().map(|_| Ok(())).collect())
    }

    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        _: &str,
        _: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let mut state = self.state();
        state.writes += changes.len();
        for change in changes {
            let row = (change.container.clone(), change.user.clone());
            if change.add {
                state.members.insert(row);
            } else {
                state.removals.insert(format!("remove {} from {}", row.1, row.0));
                state.members.remove(&row);
            }
        }
        Ok(changes.iter().map(|_| Ok(())).collect())
    }
}
