//! A platform in plain data: it shows itself to a differ, and a plan can be applied to it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use directory_sync_model::{
    diff::Account,
    email,
    observed::{
        ContainerKind, ContainerRow, FieldsPatch, Mark, MarkRow, MembershipRow, Observer, RoleRow, UserFields, UserRow,
    },
    plan::{Place, Plan},
    value::AttributeValue,
};

use super::{OTHER, OWNER};

/// A user of the platform.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    pub id: String,
    pub external_id: String,
    pub email: String,
    pub given_name: String,
    pub family_name: String,
    pub display_name: String,
    pub phone: String,
    pub active: bool,
    pub role: String,
    pub attributes: BTreeMap<String, AttributeValue>,
    pub mark: Option<Mark>,
}

/// A user made by hand for the person of this id: `u-ID`, `ID@acme.test`, active, with the platform's own role.
pub fn user(person: &str) -> User {
    User {
        id: format!("u-{person}"),
        email: format!("{person}@acme.test"),
        active: true,
        role: "member".to_owned(),
        ..User::default()
    }
}

impl User {
    /// Managed by the connection under test, under the id that his own id ends with.
    pub fn managed(mut self) -> Self {
        if self.external_id.is_empty() {
            self.external_id = self.id.trim_start_matches("u-").to_owned();
        }
        self.marked(OWNER)
    }

    pub fn of_another_connection(self) -> Self {
        self.marked(OTHER)
    }

    fn marked(mut self, owner: &str) -> Self {
        self.mark.get_or_insert_default().owner = owner.to_owned();
        self
    }

    pub fn external_id(mut self, id: &str) -> Self {
        self.external_id = id.to_owned();
        self
    }

    pub fn email(mut self, email: &str) -> Self {
        self.email = email.to_owned();
        self
    }

    pub fn phone(mut self, phone: &str) -> Self {
        self.phone = phone.to_owned();
        self
    }

    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        let value = AttributeValue::Text(value.to_owned());
        self.attributes.insert(name.to_owned(), value);
        self
    }

    /// With a role that somebody set by hand.
    pub fn role(mut self, role: &str) -> Self {
        self.role = role.to_owned();
        self
    }

    /// With a role that the connection gave.
    pub fn given(mut self, role: &str) -> Self {
        self.mark.get_or_insert_default().role = Some(role.to_owned());
        self.role(role)
    }

    /// Deactivated by hand.
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }

    /// Deactivated by the connection.
    pub fn deactivated(mut self) -> Self {
        self.mark.get_or_insert_default().deactivated = true;
        self.inactive()
    }

    fn patch(&mut self, patch: &FieldsPatch) {
        let set = |slot: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                slot.clone_from(value);
            }
        };
        set(&mut self.email, &patch.email);
        set(&mut self.given_name, &patch.given_name);
        set(&mut self.family_name, &patch.family_name);
        set(&mut self.display_name, &patch.display_name);
        set(&mut self.phone, &patch.phone);
        self.set_attributes(&patch.attributes);
    }

    fn set_attributes(&mut self, attributes: &[(String, Option<AttributeValue>)]) {
        for (name, value) in attributes {
            match value.clone() {
                Some(value) => self.attributes.insert(name.clone(), value),
                None => self.attributes.remove(name),
            };
        }
    }
}

/// A team or an inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub kind: ContainerKind,
    pub id: String,
    pub name: String,
    pub phone: String,
    pub owner: Option<String>,
}

/// The whole platform.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Platform {
    /// Name, whether it makes administrators, whether it is the platform's own choice.
    pub roles: Vec<(String, bool, bool)>,
    pub containers: Vec<Container>,
    pub users: Vec<User>,
    /// From (container, user) to whose the membership is.
    pub memberships: BTreeMap<(String, String), Option<String>>,
    /// The operator's own user.
    pub own_account: Option<String>,
    /// Chooses the order in which rows are shown.
    pub order: u64,
    /// Shows every row twice, as a page does that moved while it was read.
    pub shown_twice: bool,
}

/// A platform with the roles member (its own choice), agent, lead and admin, and nobody on it.
pub fn platform() -> Platform {
    let role = |name: &str, administrator, default| (name.to_owned(), administrator, default);
    Platform {
        roles: vec![
            role("member", false, true),
            role("agent", false, false),
            role("lead", false, false),
            role("admin", true, false),
        ],
        ..Platform::default()
    }
}

impl Platform {
    pub fn with(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    pub fn team(self, name: &str) -> Self {
        let id = format!("t-{name}");
        self.container(ContainerKind::Team, &id, name, "")
    }

    pub fn inbox(self, name: &str, phone: &str) -> Self {
        let id = format!("i-{name}");
        self.container(ContainerKind::Inbox, &id, name, phone)
    }

    pub fn container(mut self, kind: ContainerKind, id: &str, name: &str, phone: &str) -> Self {
        self.containers.push(Container {
            kind,
            id: id.to_owned(),
            name: name.to_owned(),
            phone: phone.to_owned(),
            owner: None,
        });
        self
    }

    /// Somebody put the person's user into a team or inbox by hand.
    pub fn joined(self, container: &str, person: &str) -> Self {
        self.membership(container, person, None)
    }

    /// The connection did.
    pub fn gave(self, container: &str, person: &str) -> Self {
        self.membership(container, person, Some(OWNER))
    }

    /// Another connection did.
    pub fn other_gave(self, container: &str, person: &str) -> Self {
        self.membership(container, person, Some(OTHER))
    }

    fn membership(mut self, container: &str, person: &str, owner: Option<&str>) -> Self {
        let id = self.named(container).id.clone();
        self.memberships
            .insert((id, format!("u-{person}")), owner.map(str::to_owned));
        self
    }

    fn named(&self, container: &str) -> &Container {
        let found = self.containers.iter().find(|held| held.name == container);
        found.expect("a team or inbox of this name")
    }

    pub fn user(&self, person: &str) -> &User {
        let id = format!("u-{person}");
        self.users.iter().find(|user| user.id == id).expect("a user of this id")
    }

    pub fn user_mut(&mut self, person: &str) -> &mut User {
        let id = format!("u-{person}");
        let found = self.users.iter_mut().find(|user| user.id == id);
        found.expect("a user of this id")
    }

    /// The people whose users are in a team or inbox, sorted.
    pub fn members(&self, container: &str) -> Vec<&str> {
        let id = &self.named(container).id;
        let of_it = self.memberships.keys().filter(|(container, _)| container == id);
        of_it.map(|(_, user)| user.trim_start_matches("u-")).collect()
    }

    pub fn account(&self) -> Account {
        Account {
            user_id: self.own_account.clone(),
        }
    }

    /// Shows every row, the parts in the documented order and the rows of each part in the order that `order` chooses.
    pub fn show(&self, observer: &mut dyn Observer) {
        for (name, administrator, default) in self.rows(&self.roles) {
            observer.role(&RoleRow {
                name: Cow::Borrowed(name),
                administrator: *administrator,
                default: *default,
            });
        }
        for container in self.rows(&self.containers) {
            observer.container(&ContainerRow {
                kind: container.kind,
                id: Cow::Borrowed(&container.id),
                name: Cow::Borrowed(&container.name),
                phone: Cow::Borrowed(&container.phone),
                owner: container.owner.as_deref().map(Cow::Borrowed),
            });
        }
        for user in self.rows(&self.users) {
            observer.user(&row(user));
        }
        let memberships: Vec<_> = self.memberships.iter().collect();
        for ((container, user), owner) in self.rows(&memberships) {
            let kind = self.containers.iter().find(|held| held.id == *container);
            observer.membership(&MembershipRow {
                kind: kind.expect("a container").kind,
                container: Cow::Borrowed(container),
                user: Cow::Borrowed(user),
                owner: owner.as_deref().map(Cow::Borrowed),
            });
        }
    }

    /// Carries a plan out in the documented order. Panics where a real platform would refuse a write.
    pub fn apply(&mut self, plan: &Plan<'_>) {
        let mut apply = Apply {
            new_teams: Vec::new(),
            created: BTreeMap::new(),
            platform: self,
            plan,
        };
        apply.create_teams();
        apply.create_users(false);
        apply.update_users();
        apply.create_users(true);
        apply.add_members();
        apply.change_roles();
        apply.remove_members();
        apply.deactivate();
    }

    fn rows<'r, T>(&self, rows: &'r [T]) -> Vec<&'r T> {
        let rows = shuffled(rows, self.order);
        if self.shown_twice { rows.repeat(2) } else { rows }
    }

    fn find(&mut self, id: &str) -> &mut User {
        let found = self.users.iter_mut().find(|user| user.id == id);
        found.expect("a user of this id")
    }

    fn check(&self) {
        let addresses = self.users.iter().map(|user| address(&user.email));
        let ids = self.users.iter().map(|user| &user.external_id);
        let ids: Vec<_> = ids.filter(|id| !id.is_empty()).collect();
        assert_eq!(
            addresses.collect::<BTreeSet<_>>().len(),
            self.users.len(),
            "an address twice"
        );
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "an external id twice"
        );
        for user in &self.users {
            let known = self.roles.iter().any(|(name, ..)| *name == user.role);
            assert!(known || user.role.is_empty(), "no role {}", user.role);
        }
    }
}

/// The form in which addresses are unique on a platform.
pub fn address(text: &str) -> String {
    email::normalize(text).map_or_else(|_| text.to_owned(), Cow::into_owned)
}

fn row(user: &User) -> UserRow<'_> {
    UserRow {
        id: Cow::Borrowed(&user.id),
        version: Cow::Borrowed("1"),
        external_id: Cow::Borrowed(&user.external_id),
        email: Cow::Borrowed(&user.email),
        given_name: Cow::Borrowed(&user.given_name),
        family_name: Cow::Borrowed(&user.family_name),
        display_name: Cow::Borrowed(&user.display_name),
        phone: Cow::Borrowed(&user.phone),
        active: user.active,
        role: Cow::Borrowed(&user.role),
        attributes: user
            .attributes
            .iter()
            .map(|(name, value)| (Cow::Borrowed(name.as_str()), value.clone()))
            .collect(),
        mark: user.mark.as_ref().map(|mark| MarkRow {
            owner: Cow::Borrowed(&mark.owner),
            role: mark.role.as_deref().map(Cow::Borrowed),
            deactivated: mark.deactivated,
        }),
    }
}

/// The rows in an order that depends on `seed` alone; 0 leaves them as they are.
pub fn shuffled<T>(rows: &[T], seed: u64) -> Vec<&T> {
    let mut rows: Vec<&T> = rows.iter().collect();
    let mut state = seed;
    for at in (1..rows.len()).rev().filter(|_| seed != 0) {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).expect("32 bits") % (at + 1);
        rows.swap(at, other);
    }
    rows
}

struct Apply<'a, 'p> {
    platform: &'a mut Platform,
    plan: &'a Plan<'p>,
    new_teams: Vec<String>,
    created: BTreeMap<u32, String>,
}

impl Apply<'_, '_> {
    fn create_teams(&mut self) {
        for team in &self.plan.new_teams {
            // No specification can name an id that the platform has yet to give.
            let id = format!("new-{}", team.name);
            let same = |held: &Container| held.kind == ContainerKind::Team && held.name == team.name;
            assert!(!self.platform.containers.iter().any(same), "team {} twice", team.name);
            self.platform.containers.push(Container {
                kind: ContainerKind::Team,
                id: id.clone(),
                name: team.name.clone(),
                phone: String::new(),
                owner: Some(OWNER.to_owned()),
            });
            self.new_teams.push(id);
        }
    }

    fn create_users(&mut self, after_updates: bool) {
        let desired = self.plan.desired;
        let now = |creation: &&directory_sync_model::plan::Creation| creation.after_updates == after_updates;
        for creation in self.plan.creations.iter().filter(now) {
            let external_id = desired.snapshot.user_id(creation.user).to_owned();
            let mut id = format!("u-{external_id}");
            while self.platform.users.iter().any(|user| user.id == id) {
                id.push('+');
            }
            let UserFields {
                email,
                given_name,
                family_name,
                display_name,
                phone,
                attributes,
            } = desired.fields(creation.user).expect("content");
            let given = creation.role.map(|role| self.plan.roles[usize::from(role)].clone());
            let own_choice = self.platform.roles.iter().find(|(.., default)| *default);
            let role = given
                .clone()
                .or(own_choice.map(|(name, ..)| name.clone()))
                .unwrap_or_default();
            let mut user = User {
                id: id.clone(),
                external_id,
                email,
                given_name,
                family_name,
                display_name,
                phone,
                active: true,
                role,
                attributes: BTreeMap::new(),
                mark: Some(Mark {
                    owner: OWNER.to_owned(),
                    role: given,
                    deactivated: false,
                }),
            };
            user.set_attributes(&attributes);
            self.platform.users.push(user);
            self.platform.check();
            self.created.insert(creation.user, id);
        }
    }

    fn mark(&self, holding: u32, role: Option<String>, deactivated: bool) -> Mark {
        let given = self.plan.holdings.get(holding).given_role();
        let role = role.or_else(|| given.map(|role| self.plan.roles[usize::from(role)].clone()));
        Mark {
            owner: OWNER.to_owned(),
            role,
            deactivated,
        }
    }

    fn update_users(&mut self) {
        for update in &self.plan.updates {
            let mark = self.mark(update.holding, None, false);
            let user = self.platform.find(self.plan.holdings.id(update.holding));
            user.patch(&update.patch);
            if update.adopt {
                user.external_id = self.plan.desired.snapshot.user_id(update.user).to_owned();
            }
            if update.activate {
                user.active = true;
            }
            if update.adopt || update.activate {
                user.mark = Some(mark);
            }
            self.platform.check();
        }
    }

    fn add_members(&mut self) {
        for additions in &self.plan.additions {
            let container = match additions.place {
                Place::Held(at) => self.plan.containers[at].id.clone(),
                Place::New(at) => self.new_teams[at].clone(),
            };
            for user in &additions.users {
                let holding = || self.plan.holding_of(*user).expect("a platform user");
                let id = self.created.get(user).map(String::as_str);
                let id = id.unwrap_or_else(|| self.plan.holdings.id(holding())).to_owned();
                let before = self
                    .platform
                    .memberships
                    .insert((container.clone(), id.clone()), Some(OWNER.to_owned()));
                assert_eq!(before, None, "{id} is in {container} already");
            }
        }
    }

    fn change_roles(&mut self) {
        for change in &self.plan.role_changes {
            let role = self.plan.roles[usize::from(change.to)].clone();
            let mark = self.mark(change.holding, Some(role.clone()), false);
            let user = self.platform.find(self.plan.holdings.id(change.holding));
            assert_ne!(user.role, role, "no change");
            user.role = role;
            user.mark = Some(mark);
            self.platform.check();
        }
    }

    fn remove_members(&mut self) {
        for removals in &self.plan.removals {
            let container = &self.plan.containers[removals.container].id;
            for holding in removals.leaving.iter().chain(&removals.with_deactivation) {
                let key = (container.clone(), self.plan.holdings.id(*holding).to_owned());
                let before = self.platform.memberships.remove(&key);
                assert_eq!(before, Some(Some(OWNER.to_owned())), "{key:?} was not given by us");
            }
        }
    }

    fn deactivate(&mut self) {
        for deactivation in &self.plan.deactivations {
            let mark = self.mark(deactivation.holding, None, true);
            let user = self.platform.find(self.plan.holdings.id(deactivation.holding));
            assert!(user.active, "{} is inactive already", user.id);
            user.active = false;
            user.mark = Some(mark);
        }
    }
}
