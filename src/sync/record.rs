//! A platform whose every write is on record: what is about to be given or taken before it is sent, and what came of it
//! once it is answered.

mod unanswered;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use directory_sync_model::{
    observed::{ContainerKind, Observer},
    plan::{Leaver, Plan, RemovalKind},
};

use super::{
    ledger::{Entry, EntryKind, Given, Intent, Key, Ledger, LedgerError, Removal, Settlement},
    removals::person,
};
use crate::{
    fault::{Class, Fault as _},
    platform::{
        Capability, Error, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, Platform, TeamPatch,
        UserDeletion, UserPatch, WriteKey,
    },
};
use unanswered::Unanswered;

/// A platform in front of which a ledger stands.
///
/// Where an intent can't be written down, nothing is sent. Where an outcome can't be, what was sent stays done, and
/// nothing more is sent: the next run sees by the platform what became of it.
pub(super) struct Recorded<'a> {
    platform: &'a dyn Platform,
    ledger: &'a dyn Ledger,
    plan: &'a Plan<'a>,
    sync: &'a str,
    now: SystemTime,
    /// Leavers by platform id: of some the directory knows nothing any more.
    leavers: HashMap<&'a str, &'a Leaver>,
    /// Teams and inboxes by the platform's id.
    containers: HashMap<(ContainerKind, &'a str), usize>,
    /// The mappings that give each team and inbox, by the platform's id.
    mappings: Mutex<HashMap<(ContainerKind, String), String>>,
    failure: Mutex<Option<LedgerError>>,
    unanswered: Unanswered,
}

/// What one item of a request does.
#[derive(Default)]
struct Item {
    /// What tells it from others of the same apply.
    name: String,
    given: Vec<Given>,
    taken: Vec<Removal>,
    /// What isn't ours any more, although nothing is taken.
    released: Vec<Key>,
}

impl<'a> Recorded<'a> {
    /// Puts a ledger in front of a platform for the apply of one plan.
    pub(super) fn new(
        platform: &'a dyn Platform,
        ledger: &'a dyn Ledger,
        plan: &'a Plan<'a>,
        sync: &'a str,
        now: SystemTime,
    ) -> Self {
        let leavers = plan.deactivations.iter().chain(&plan.deletions);
        let leavers = leavers.map(|leaver| (plan.holdings.id(leaver.holding), leaver));
        Self {
            platform,
            ledger,
            plan,
            sync,
            now,
            leavers: leavers.collect(),
            containers: (plan.containers.iter().enumerate())
                .map(|(at, held)| ((held.kind, held.id.as_str()), at))
                .collect(),
            mappings: Mutex::new(mappings(plan)),
            failure: Mutex::default(),
            unanswered: Unanswered::default(),
        }
    }

    /// Why the ledger ended the apply, if it did.
    pub(super) fn into_failure(self) -> Option<LedgerError> {
        self.failure.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is about to be sent. `false`: there is nothing to write down.
    async fn begin(&self, key: &WriteKey, items: &[Item]) -> Result<bool, Error> {
        if self.failure().is_some() {
            return Err(Error::NotRecorded);
        }
        let intent = Intent {
            id: key.0.clone(),
            sync: self.sync.to_owned(),
            given: items.iter().flat_map(|item| item.given.iter().cloned()).collect(),
            taken: items.iter().flat_map(|item| item.taken.iter().cloned()).collect(),
        };
        if intent.is_empty() {
            return Ok(false);
        }
        match self.ledger.intend(&intent).await {
            Ok(()) => Ok(true),
            Err(error) => {
                self.failure().get_or_insert(error);
                Err(Error::NotRecorded)
            }
        }
    }

    /// Writes down what came of a request whose items were answered one by one.
    async fn end<T>(&self, key: &WriteKey, items: Vec<Item>, results: &[Result<T, Error>], id: impl Fn(&T) -> &str) {
        let mut settlement = Settlement::default();
        let mut open = false;
        for (item, result) in items.into_iter().zip(results) {
            match result {
                Ok(value) => {
                    settlement.intents.extend(self.unanswered.answer(&item.name));
                    for Given { mut entry, .. } in item.given {
                        if entry.key.id.is_empty() {
                            id(value).clone_into(&mut entry.key.id);
                        }
                        settlement.record.push(entry);
                    }
                    for removal in item.taken {
                        settlement.take(self.sync, removal);
                    }
                    settlement.forget.extend(item.released);
                }
                Err(error) if is_definite(error.class()) => {
                    settlement.intents.extend(self.unanswered.answer(&item.name));
                }
                Err(_) => open = true,
            }
        }
        if !open {
            settlement.intents.push(key.0.clone());
        }
        self.settle(settlement).await;
    }

    /// Notes what is known of a request that failed as a whole: nothing, unless it was about one item alone.
    async fn failed(&self, key: &WriteKey, items: &[Item], error: &Error) {
        if let [item] = items
            && is_definite(error.class())
        {
            let mut intents = self.unanswered.answer(&item.name);
            intents.push(key.0.clone());
            return self
                .settle(Settlement {
                    intents,
                    ..Settlement::default()
                })
                .await;
        }
        self.unanswered.add(&key.0, items.iter().map(|item| item.name.as_str()));
    }

    async fn settle(&self, settlement: Settlement) {
        if settlement.is_empty() {
            return;
        }
        if let Err(error) = self.ledger.settle(&settlement).await {
            self.failure().get_or_insert(error);
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<LedgerError>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mapping_of(&self, kind: ContainerKind, container: &str) -> String {
        let mappings = self.mappings.lock().unwrap_or_else(PoisonError::into_inner);
        mappings.get(&(kind, container.to_owned())).cloned().unwrap_or_default()
    }

    /// The mappings that give a role.
    fn mapping_of_role(&self, role: &str) -> String {
        let mappings = self.plan.desired.rules.mappings.iter();
        let giving = mappings.filter(|mapping| mapping.role.as_deref() == Some(role));
        names(giving.map(|mapping| mapping.name.as_str()))
    }

    fn given_role(&self, user: &str, directory_id: &str, role: &str) -> Given {
        given(Entry {
            directory_id: directory_id.to_owned(),
            role: role.to_owned(),
            mapping: self.mapping_of_role(role),
            ..Entry::new(Key::of(EntryKind::Role, user), self.now)
        })
    }

    fn removal(&self, kind: RemovalKind, user: &str) -> Removal {
        let holding = self.plan.holdings.find(user);
        let (directory_id, text) = holding.map(|holding| person(self.plan, holding)).unwrap_or_default();
        let leaver = self.leavers.get(user);
        let or_else = |own: String, other: fn(&Leaver) -> &str| {
            if own.is_empty() {
                leaver.map(|leaver| other(leaver).to_owned()).unwrap_or_default()
            } else {
                own
            }
        };
        Removal {
            kind,
            user: user.to_owned(),
            directory_id: or_else(directory_id, |leaver| &leaver.external_id),
            text: or_else(text, |leaver| &leaver.email),
            container: String::new(),
            from: String::new(),
            to: String::new(),
            at: self.now,
        }
    }

    fn creation(&self, new: &NewUser) -> Item {
        let found = |mut given: Given| {
            given.found_by.clone_from(&new.fields.email);
            given
        };
        let user = given(Entry {
            directory_id: new.external_id.clone(),
            ..Entry::new(Key::of(EntryKind::User, ""), self.now)
        });
        let role = new.mark.role.as_deref();
        let role = role.map(|role| self.given_role("", &new.external_id, role));
        Item {
            name: format!("user {}", new.external_id),
            given: std::iter::once(user).chain(role).map(found).collect(),
            ..Item::default()
        }
    }

    fn update(&self, patch: &UserPatch) -> Item {
        let mut item = Item {
            name: format!("update {}", patch.id),
            ..Item::default()
        };
        if patch.release {
            item.released.extend(Key::of_account(&patch.id));
        }
        let Some(mark) = &patch.mark else { return item };
        if patch.active == Some(false) {
            item.taken.push(self.departure(RemovalKind::User, &patch.id));
            return item;
        }
        let holding = self.plan.holdings.find(&patch.id);
        let directory_id = || match &patch.external_id {
            Some(id) => id.clone(),
            None => holding.map(|holding| person(self.plan, holding).0).unwrap_or_default(),
        };
        // A mark alone is one that says no longer that we deactivated him.
        if patch.external_id.is_some() || patch.active == Some(true) || patch.role.is_none() {
            let entry = Entry {
                directory_id: directory_id(),
                ..Entry::new(Key::of(EntryKind::User, &patch.id), self.now)
            };
            item.given.push(Given {
                activates: patch.active == Some(true),
                ..given(entry)
            });
        }
        if let (Some(role), Some(_)) = (&patch.role, &mark.role) {
            let before = holding.and_then(|holding| self.plan.holdings.get(holding).role());
            let mut removal = self.removal(RemovalKind::Role, &patch.id);
            removal.from = before
                .map(|role| self.plan.roles[usize::from(role)].clone())
                .unwrap_or_default();
            removal.to.clone_from(role);
            item.given.push(self.given_role(&patch.id, &directory_id(), role));
            item.taken.push(removal);
        }
        item
    }

    /// A deactivation or a deletion, with its cause.
    fn departure(&self, kind: RemovalKind, user: &str) -> Removal {
        let leaver = self.leavers.get(user);
        Removal {
            from: leaver.map(|leaver| leaver.cause.text().to_owned()).unwrap_or_default(),
            ..self.removal(kind, user)
        }
    }

    fn membership(&self, change: &MembershipWrite) -> Item {
        let MembershipWrite {
            kind,
            container,
            user,
            add,
            adopt_from: _,
        } = change;
        let mut item = Item {
            name: format!("{add} {kind:?} {container} {user}"),
            ..Item::default()
        };
        if *add {
            item.given.push(given(Entry {
                mapping: self.mapping_of(*kind, container),
                ..Entry::new(Key::membership(*kind, container, user), self.now)
            }));
        } else {
            let mut removal = self.removal(RemovalKind::from(*kind), user);
            let held = self.containers.get(&(*kind, container.as_str()));
            removal.from = held
                .map(|at| self.plan.containers[*at].name.clone())
                .unwrap_or_default();
            removal.container.clone_from(container);
            item.taken.push(removal);
        }
        item
    }
}

fn given(entry: Entry) -> Given {
    Given {
        entry,
        found_by: String::new(),
        activates: false,
    }
}

/// Whether a failure says for certain that the item was not done.
const fn is_definite(class: Class) -> bool {
    matches!(
        class,
        Class::Rejected | Class::Conflict | Class::NoSeats | Class::Forbidden | Class::Unauthorized | Class::NotFound
    )
}

fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.collect::<Vec<_>>().join(",")
}

/// The mappings that give each team and inbox that is there.
fn mappings(plan: &Plan<'_>) -> HashMap<(ContainerKind, String), String> {
    use directory_sync_model::plan::Place;
    let places = plan.places.iter().zip(&plan.desired.containers);
    let held = places.filter_map(|(place, container)| match place {
        Some(Place::Held(at)) => Some((&plan.containers[*at], container)),
        _ => None,
    });
    held.map(|(held, container)| ((held.kind, held.id.clone()), giving(plan, &container.mappings)))
        .collect()
}

fn giving(plan: &Plan<'_>, mappings: &[usize]) -> String {
    names(mappings.iter().map(|at| plan.desired.rules.mappings[*at].name.as_str()))
}

#[async_trait]
impl Platform for Recorded<'_> {
    fn name(&self) -> &'static str {
        self.platform.name()
    }

    fn capability(&self) -> Capability {
        self.platform.capability()
    }

    async fn identity(&self) -> Result<Identity, Error> {
        self.platform.identity().await
    }

    async fn read(
        &self,
        part: Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, Error> {
        self.platform.read(part, cursor, observer).await
    }

    async fn create_team(&self, team: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error> {
        let name = team.name.as_str();
        let container = self.plan.desired.containers.iter();
        let mut container =
            container.filter(|container| container.kind == ContainerKind::Team && container.name == name);
        let mapping = container.next().map(|container| giving(self.plan, &container.mappings));
        let mapping = mapping.unwrap_or_default();
        let entry = Entry {
            directory_id: team.external_id.clone().unwrap_or_default(),
            mapping: mapping.clone(),
            ..Entry::new(Key::of(EntryKind::Team, ""), self.now)
        };
        let item = Item {
            name: format!("team {name}"),
            given: vec![Given {
                found_by: name.to_owned(),
                ..given(entry)
            }],
            ..Item::default()
        };
        self.begin(key, std::slice::from_ref(&item)).await?;
        match self.platform.create_team(team, owner, key).await {
            Ok(id) => {
                self.mappings
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert((ContainerKind::Team, id.clone()), mapping);
                let results = [Ok(id)];
                self.end(key, vec![item], &results, |id| id).await;
                let [result] = results;
                result
            }
            Err(error) => {
                self.failed(key, &[item], &error).await;
                Err(error)
            }
        }
    }

    async fn update_team(&self, team: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        // The ledger knows a team by its id, which stays.
        self.begin(key, &[]).await?;
        let told = match &team.external_id {
            Some(group) if !self.platform.capability().marks => group,
            _ => return self.platform.update_team(team, key).await,
        };
        // Where the platform carries no marks, the ledger says which group made a team.
        let rename = TeamPatch {
            external_id: None,
            ..team.clone()
        };
        if rename.name.is_some() {
            self.platform.update_team(&rename, key).await?;
        }
        let entry = Entry {
            directory_id: told.clone(),
            mapping: self.mapping_of(ContainerKind::Team, &team.id),
            ..Entry::new(Key::of(EntryKind::Team, &team.id), self.now)
        };
        let settlement = Settlement {
            record: vec![entry],
            ..Settlement::default()
        };
        self.settle(settlement).await;
        Ok(())
    }

    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        let items: Vec<Item> = users.iter().map(|new| self.creation(new)).collect();
        self.begin(key, &items).await?;
        match self.platform.create_users(users, key).await {
            Ok(results) => {
                self.end(key, items, &results, |id| id).await;
                Ok(results)
            }
            Err(error) => {
                self.failed(key, &items, &error).await;
                Err(error)
            }
        }
    }

    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        let items: Vec<Item> = users.iter().map(|patch| self.update(patch)).collect();
        let recorded = self.begin(key, &items).await? || items.iter().any(|item| !item.released.is_empty());
        let answer = self.platform.update_users(users, key).await;
        match &answer {
            _ if !recorded => {}
            Ok(results) => self.end(key, items, results, |_| "").await,
            Err(error) => self.failed(key, &items, error).await,
        }
        answer
    }

    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        let deletion = |user: &UserDeletion| Item {
            name: format!("delete {}", user.id),
            taken: vec![self.departure(RemovalKind::Deletion, &user.id)],
            ..Item::default()
        };
        let items: Vec<Item> = users.iter().map(deletion).collect();
        self.begin(key, &items).await?;
        match self.platform.delete_users(users, key).await {
            Ok(results) => {
                self.end(key, items, &results, |()| "").await;
                Ok(results)
            }
            Err(error) => {
                self.failed(key, &items, &error).await;
                Err(error)
            }
        }
    }

    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let items: Vec<Item> = changes.iter().map(|change| self.membership(change)).collect();
        self.begin(key, &items).await?;
        match self.platform.change_memberships(changes, owner, key).await {
            Ok(results) => {
                self.end(key, items, &results, |()| "").await;
                Ok(results)
            }
            Err(error) => {
                self.failed(key, &items, &error).await;
                Err(error)
            }
        }
    }
}
