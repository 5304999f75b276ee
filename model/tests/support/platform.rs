//! A platform in plain data: it shows itself to a differ, and a plan can be applied to it.

use std::{borrow::Cow, collections::BTreeMap, time::SystemTime};

use directory_sync_model::{
    diff::Account,
    email,
    observed::{ContainerKind, ContainerRow, Mark, MarkRow, MembershipRow, Observer, RoleRow, UserRow},
    value::AttributeValue,
};

use super::{
    OTHER, OWNER,
    world::{DAY, noon},
};

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

    /// Managed by the connection with this mark.
    pub fn marked(mut self, owner: &str) -> Self {
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

    /// Deactivated by the connection, ten days before noon.
    pub fn deactivated(self) -> Self {
        self.deactivated_at(noon() - 10 * DAY)
    }

    /// Deactivated by the connection at that time.
    pub fn deactivated_at(mut self, time: SystemTime) -> Self {
        self.mark.get_or_insert_default().deactivated = Some(time);
        self.inactive()
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
    /// The group that a team was made of; empty where none is told.
    pub external_id: String,
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
    /// Teams can be neither created nor changed.
    pub fixed_teams: bool,
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
            external_id: String::new(),
        });
        self
    }

    /// A team that the connection made of the group with this id; it is `t-NAME` for good.
    pub fn made_team(mut self, name: &str, group: &str) -> Self {
        self = self.team(name);
        self.tell_group(name, OWNER, group);
        self
    }

    /// A team that another connection made.
    pub fn others_team(mut self, name: &str, group: &str) -> Self {
        self = self.team(name);
        self.tell_group(name, OTHER, group);
        self
    }

    fn tell_group(&mut self, name: &str, owner: &str, group: &str) {
        let found = self.containers.iter_mut().find(|held| held.name == name);
        let team = found.expect("a team of this name");
        team.owner = Some(owner.to_owned());
        group.clone_into(&mut team.external_id);
    }

    /// Somebody renames a team or inbox by hand.
    pub fn rename(&mut self, from: &str, to: &str) {
        let found = self.containers.iter_mut().find(|held| held.name == from);
        to.clone_into(&mut found.expect("a team or inbox of this name").name);
    }

    /// The ids of teams and inboxes with their names.
    pub fn names(&self) -> Vec<(&str, &str)> {
        let all = self.containers.iter();
        all.map(|held| (held.id.as_str(), held.name.as_str())).collect()
    }

    /// Whose a membership is.
    pub fn giver(&self, container: &str, person: &str) -> Option<&str> {
        let key = (self.named(container).id.clone(), format!("u-{person}"));
        self.memberships.get(&key).expect("a membership").as_deref()
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
            fixed_teams: self.fixed_teams,
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
                external_id: Cow::Borrowed(&container.external_id),
                version: Cow::Borrowed(""),
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

    fn rows<'r, T>(&self, rows: &'r [T]) -> Vec<&'r T> {
        let rows = shuffled(rows, self.order);
        if self.shown_twice { rows.repeat(2) } else { rows }
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
