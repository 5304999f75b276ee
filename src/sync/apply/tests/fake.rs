//! A platform in memory: unique addresses, versions, seats; it records each write and fails on demand.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use directory_sync_model::observed::{
    ContainerKind, ContainerRow, Mark, MarkRow, MembershipRow, Observer, RoleRow, UserRow,
};

use super::*;
use crate::platform::{
    Capability, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, TeamPatch, UserDeletion, UserPatch,
    WriteKey,
};

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) external_id: String,
    pub(super) email: String,
    pub(super) given_name: String,
    pub(super) active: bool,
    pub(super) role: String,
    pub(super) mark: Option<Mark>,
    pub(super) version: u64,
}

/// The user whom a sync has made of the person with this id. His platform id is `u-ID`.
pub(super) fn user(person: &str) -> User {
    User {
        external_id: person.to_owned(),
        email: format!("{person}@acme.test"),
        given_name: String::new(),
        active: true,
        role: "member".to_owned(),
        mark: Some(Mark {
            owner: OWNER.to_owned(),
            ..Mark::default()
        }),
        version: 1,
    }
}

impl User {
    /// Deactivated by a sync, at the time that the tests of this module have.
    pub(super) fn deactivated(mut self) -> Self {
        self.active = false;
        self.mark.get_or_insert_default().deactivated = Some(SystemTime::UNIX_EPOCH);
        self
    }

    pub(super) fn given(mut self, role: &str) -> Self {
        role.clone_into(&mut self.role);
        self.mark.get_or_insert_default().role = Some(role.to_owned());
        self
    }
}

/// One write request.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Rename(TeamPatch),
    Team,
    Create(Vec<NewUser>),
    Update(Vec<UserPatch>),
    Members(Vec<MembershipWrite>),
    Delete(Vec<UserDeletion>),
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Rename,
    Team,
    Create,
    Update,
    Adopt,
    Add,
    Role,
    Remove,
    Deactivate,
    Delete,
}

impl Call {
    pub(super) fn step(&self) -> Step {
        match self {
            Self::Rename(_) => Step::Rename,
            Self::Team => Step::Team,
            Self::Create(_) => Step::Create,
            Self::Update(patches) if patches.iter().all(|patch| patch.active == Some(false)) => Step::Deactivate,
            Self::Update(patches) if patches.iter().all(|patch| patch.role.is_some()) => Step::Role,
            Self::Update(_) => Step::Update,
            Self::Members(changes) if changes.iter().all(|change| !change.adopt_from.is_empty()) => Step::Adopt,
            Self::Members(changes) if changes.iter().all(|change| change.add) => Step::Add,
            Self::Members(_) => Step::Remove,
            Self::Delete(_) => Step::Delete,
        }
    }

    pub(super) fn items(&self) -> usize {
        match self {
            Self::Rename(_) | Self::Team => 1,
            Self::Create(users) => users.len(),
            Self::Update(patches) => patches.len(),
            Self::Members(changes) => changes.len(),
            Self::Delete(users) => users.len(),
        }
    }

    /// Whether the request is about the person with this directory id.
    pub(super) fn names(&self, person: &str) -> bool {
        let user = format!("u-{person}");
        match self {
            Self::Rename(_) | Self::Team => false,
            Self::Create(users) => users.iter().any(|new| new.external_id == person),
            Self::Update(patches) => patches.iter().any(|patch| patch.id == user),
            Self::Members(changes) => changes.iter().any(|change| change.user == user),
            Self::Delete(users) => users.iter().any(|deletion| deletion.id == user),
        }
    }
}

/// One item of a request.
pub(super) enum Item<'a> {
    Create,
    Update,
    Member(&'a MembershipWrite),
    Delete,
}

type OnCall = Box<dyn Fn(&Call) -> Option<Error> + Send + Sync>;
type OnItem = Box<dyn Fn(&Item<'_>) -> Option<Class> + Send + Sync>;
type AfterCall = Box<dyn Fn(&Call, &mut State) + Send + Sync>;

pub(super) struct Fake {
    state: Mutex<State>,
    pub(super) capability: Capability,
    pub(super) seats: Option<usize>,
    /// Whether users carry the directory's id.
    pub(super) external_ids: bool,
    /// How long a write takes.
    pub(super) takes: Duration,
    /// Whether a whole request fails in place of being done.
    pub(super) on_call: OnCall,
    /// Whether an item is refused.
    pub(super) on_item: OnItem,
    /// What others do on the platform meanwhile.
    pub(super) after_call: AfterCall,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, User>,
    pub(super) teams: BTreeMap<String, String>,
    /// The groups that teams tell; such a team is ours.
    pub(super) groups: BTreeMap<String, String>,
    pub(super) members: BTreeSet<(String, String)>,
    /// Those of the members whom another connection put there.
    pub(super) others: BTreeSet<(String, String)>,
    calls: Vec<Call>,
    keys: BTreeSet<String>,
}

impl Fake {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            capability: Capability {
                marks: true,
                create_teams: true,
                users_per_request: 100,
                memberships_per_request: 1000,
                concurrency: 8,
            },
            seats: None,
            external_ids: true,
            takes: Duration::from_millis(10),
            on_call: Box::new(|_| None),
            on_item: Box::new(|_| None),
            after_call: Box::new(|_, _| ()),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with_user(self, user: User) -> Self {
        self.state().users.insert(format!("u-{}", user.external_id), user);
        self
    }

    /// A team `t-NAME` with members whom we gave it.
    pub(super) fn with_team(self, name: &str, members: &[&str]) -> Self {
        let id = format!("t-{name}");
        for member in members {
            self.state().members.insert((id.clone(), format!("u-{member}")));
        }
        self.state().teams.insert(id, name.to_owned());
        self
    }

    /// A team `t-NAME` that we made of the group of that name.
    pub(super) fn with_made_team(self, name: &str, members: &[&str]) -> Self {
        let fake = self.with_team(name, members);
        fake.state().groups.insert(format!("t-{name}"), format!("g-{name}"));
        fake
    }

    /// Another connection put the person into the team.
    pub(super) fn with_other_member(self, name: &str, member: &str) -> Self {
        let row = (format!("t-{name}"), format!("u-{member}"));
        self.state().members.insert(row.clone());
        self.state().others.insert(row);
        self
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// What was asked, one step after the other.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<_> = self.calls().iter().map(Call::step).collect();
        steps.dedup();
        steps
    }

    pub(super) fn has(&self, person: &str) -> bool {
        self.state().users.contains_key(&format!("u-{person}"))
    }

    pub(super) fn user(&self, person: &str) -> User {
        self.state().users[&format!("u-{person}")].clone()
    }

    /// The people in a team.
    pub(super) fn team(&self, name: &str) -> Vec<String> {
        let members = &self.state().members;
        let of_it = members.iter().filter(|(team, _)| *team == format!("t-{name}"));
        of_it
            .map(|(_, user)| user.trim_start_matches("u-").to_owned())
            .collect()
    }

    /// The most requests that were under way at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    async fn write<R>(
        &self,
        call: Call,
        key: &WriteKey,
        work: impl FnOnce(&mut State, &Call) -> R,
    ) -> Result<R, Error> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        let mut state = self.state();
        assert!(
            state.keys.insert(key.0.clone()),
            "a key belongs to one request: {key:?}"
        );
        state.calls.push(call.clone());
        if let Some(error) = (self.on_call)(&call) {
            return Err(error);
        }
        let done = work(&mut state, &call);
        (self.after_call)(&call, &mut state);
        Ok(done)
    }

    fn judge(&self, item: &Item<'_>) -> Result<(), Error> {
        (self.on_item)(item).map_or(Ok(()), |class| Err(refused(class, "refused on demand")))
    }

    fn create(&self, state: &mut State, new: &NewUser) -> Result<String, Error> {
        self.judge(&Item::Create)?;
        if state.users.values().any(|user| user.email == new.fields.email) {
            return Err(refused(Class::Conflict, "the address is in use"));
        }
        let active = state.users.values().filter(|user| user.active).count();
        if self.seats.is_some_and(|seats| active >= seats) {
            return Err(refused(Class::NoSeats, "no seat"));
        }
        let id = format!("u-{}", new.external_id);
        let created = User {
            email: new.fields.email.clone(),
            given_name: new.fields.given_name.clone(),
            role: new.role.clone().unwrap_or_else(|| "member".to_owned()),
            mark: Some(new.mark.clone()),
            ..user(&new.external_id)
        };
        state.users.insert(id.clone(), created);
        Ok(id)
    }

    fn update(&self, state: &mut State, patch: &UserPatch) -> Result<Option<String>, Error> {
        self.judge(&Item::Update)?;
        let taken = |email: &String| {
            state
                .users
                .iter()
                .any(|(id, user)| *id != patch.id && user.email == *email)
        };
        if patch.fields.email.as_ref().is_some_and(taken) {
            return Err(refused(Class::Conflict, "the address is in use"));
        }
        let user = state.users.get_mut(&patch.id).unwrap();
        if patch
            .version
            .as_ref()
            .is_some_and(|version| *version != user.version.to_string())
        {
            return Err(refused(Class::Conflict, "changed meanwhile"));
        }
        user.version += 1;
        user.email = patch.fields.email.clone().unwrap_or_else(|| user.email.clone());
        user.given_name = patch
            .fields
            .given_name
            .clone()
            .unwrap_or_else(|| user.given_name.clone());
        user.active = patch.active.unwrap_or(user.active);
        user.role = patch.role.clone().unwrap_or_else(|| user.role.clone());
        user.mark = patch
            .mark
            .clone()
            .or_else(|| user.mark.clone())
            .filter(|_| !patch.release);
        Ok(Some(user.version.to_string()))
    }

    fn delete(&self, state: &mut State, deletion: &UserDeletion) -> Result<(), Error> {
        self.judge(&Item::Delete)?;
        let Some(user) = state.users.get(&deletion.id) else {
            return Ok(());
        };
        if deletion
            .version
            .as_ref()
            .is_some_and(|version| *version != user.version.to_string())
        {
            return Err(refused(Class::Conflict, "changed meanwhile"));
        }
        state.users.remove(&deletion.id);
        state.members.retain(|(_, member)| *member != deletion.id);
        Ok(())
    }

    fn change(&self, state: &mut State, change: &MembershipWrite) -> Result<(), Error> {
        self.judge(&Item::Member(change))?;
        let row = (change.container.clone(), change.user.clone());
        if change.adopt_from.iter().any(|owner| owner == OTHER) {
            state.others.remove(&row);
        }
        if change.add {
            state.members.insert(row);
        } else {
            state.members.remove(&row);
        }
        Ok(())
    }
}

fn refused(class: Class, message: &str) -> Error {
    Error::Item {
        operation: "writing".to_owned(),
        message: message.to_owned(),
        class,
    }
}

#[async_trait]
impl Platform for Arc<Fake> {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn capability(&self) -> Capability {
        self.capability
    }

    async fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity::default())
    }

    async fn read(&self, part: Part, _: Option<&str>, observer: &mut (dyn Observer + Send)) -> Result<PageEnd, Error> {
        let state = self.state();
        match part {
            Part::Roles => ["member", "agent"].iter().for_each(|name| {
                observer.role(&RoleRow {
                    name: Cow::Borrowed(name),
                    administrator: false,
                    default: *name == "member",
                });
            }),
            Part::Teams => state.teams.iter().for_each(|(id, name)| {
                observer.container(&ContainerRow {
                    kind: ContainerKind::Team,
                    id: Cow::Borrowed(id),
                    name: Cow::Borrowed(name),
                    phone: Cow::Borrowed(""),
                    external_id: state.groups.get(id).map_or("".into(), Into::into),
                    version: Cow::Borrowed("1"),
                    owner: (self.capability.marks && state.groups.contains_key(id)).then_some(Cow::Borrowed(OWNER)),
                });
            }),
            Part::Users => state.users.iter().for_each(|(id, user)| {
                observer.user(&UserRow {
                    id: Cow::Borrowed(id),
                    version: Cow::Owned(user.version.to_string()),
                    external_id: Cow::Borrowed(if self.external_ids { &user.external_id } else { "" }),
                    email: Cow::Borrowed(&user.email),
                    given_name: Cow::Borrowed(&user.given_name),
                    active: user.active,
                    role: Cow::Borrowed(&user.role),
                    mark: user
                        .mark
                        .as_ref()
                        .filter(|_| self.capability.marks)
                        .map(|mark| MarkRow {
                            owner: Cow::Borrowed(&mark.owner),
                            role: mark.role.as_deref().map(Cow::Borrowed),
                            deactivated: mark.deactivated,
                        }),
                    ..UserRow::default()
                });
            }),
            Part::TeamMemberships => state.members.iter().for_each(|(team, user)| {
                observer.membership(&MembershipRow {
                    kind: ContainerKind::Team,
                    container: Cow::Borrowed(team),
                    user: Cow::Borrowed(user),
                    owner: self.capability.marks.then_some(Cow::Borrowed(
                        if state.others.contains(&(team.clone(), user.clone())) {
                            OTHER
                        } else {
                            OWNER
                        },
                    )),
                });
            }),
            Part::Inboxes | Part::InboxMemberships => {}
        }
        Ok(PageEnd::default())
    }

    async fn create_team(&self, team: &NewTeam, _: &str, key: &WriteKey) -> Result<String, Error> {
        let work = |state: &mut State, _: &Call| {
            let mut id = format!("t-{}", team.name);
            while state.teams.contains_key(&id) {
                id.push('+');
            }
            state.teams.insert(id.clone(), team.name.clone());
            state
                .groups
                .insert(id.clone(), team.external_id.clone().unwrap_or_default());
            id
        };
        self.write(Call::Team, key, work).await
    }

    async fn update_team(&self, patch: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        let work = |state: &mut State, _: &Call| {
            let taken = |name: &String| state.teams.iter().any(|(id, other)| *id != patch.id && other == name);
            if patch.name.as_ref().is_some_and(taken) {
                return Err(refused(Class::Conflict, "the name is in use"));
            }
            if let Some(name) = &patch.name {
                state.teams.insert(patch.id.clone(), name.clone());
            }
            if let Some(group) = &patch.external_id {
                state.groups.insert(patch.id.clone(), group.clone());
            }
            Ok(())
        };
        self.write(Call::Rename(patch.clone()), key, work).await?
    }

    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        let work = |state: &mut State, _: &Call| users.iter().map(|new| self.create(state, new)).collect();
        self.write(Call::Create(users.to_vec()), key, work).await
    }

    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        let work = |state: &mut State, _: &Call| users.iter().map(|patch| self.update(state, patch)).collect();
        self.write(Call::Update(users.to_vec()), key, work).await
    }

    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        let work = |state: &mut State, _: &Call| users.iter().map(|user| self.delete(state, user)).collect();
        self.write(Call::Delete(users.to_vec()), key, work).await
    }

    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        assert_eq!(owner, OWNER);
        let work = |state: &mut State, _: &Call| changes.iter().map(|change| self.change(state, change)).collect();
        self.write(Call::Members(changes.to_vec()), key, work).await
    }
}
