//! Carrying a plan out on the platform of the tests, write by write.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use directory_sync_model::{
    names,
    observed::{ContainerKind, FieldsPatch, Mark, UserFields},
    plan::{Place, Plan},
    value::AttributeValue,
};

use super::{
    OWNER, Platform,
    platform::{Container, User, address},
};

impl Platform {
    /// Carries a plan out in the documented order. Panics where a real platform would refuse a write.
    pub fn apply(&mut self, plan: &Plan<'_>) {
        self.apply_part(plan, usize::MAX);
    }

    /// Carries out so many writes of a plan, as an apply does that is interrupted.
    pub fn apply_part(&mut self, plan: &Plan<'_>, writes: usize) {
        let mut apply = Apply {
            new_teams: BTreeMap::new(),
            created: BTreeMap::new(),
            platform: self,
            plan,
            left: writes,
        };
        apply.update_teams();
        apply.create_teams();
        apply.create_users(false);
        apply.update_users();
        apply.forget_deactivations();
        apply.create_users(true);
        apply.adopt_members();
        apply.add_members();
        apply.change_roles();
        apply.remove_members();
        apply.deactivate();
        apply.delete();
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

struct Apply<'a, 'p> {
    platform: &'a mut Platform,
    plan: &'a Plan<'p>,
    new_teams: BTreeMap<usize, String>,
    created: BTreeMap<u32, String>,
    /// How many writes are left before the interruption.
    left: usize,
}

impl Apply<'_, '_> {
    /// Whether one more write is done.
    fn may_write(&mut self) -> bool {
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    fn create_teams(&mut self) {
        for (at, team) in self.plan.new_teams.iter().enumerate() {
            if !self.may_write() {
                return;
            }
            // No specification can name an id that the platform has yet to give.
            let mut id = format!("new-{}", team.name);
            while self.platform.containers.iter().any(|held| held.id == id) {
                id.push('+');
            }
            let same = |held: &Container| held.kind == ContainerKind::Team && held.name == team.name;
            assert!(!self.platform.containers.iter().any(same), "team {} twice", team.name);
            self.platform.containers.push(Container {
                kind: ContainerKind::Team,
                id: id.clone(),
                name: team.name.clone(),
                phone: String::new(),
                owner: Some(OWNER.to_owned()),
                external_id: team.external_id.clone().unwrap_or_default(),
            });
            self.new_teams.insert(at, id);
        }
    }

    fn update_teams(&mut self) {
        for update in &self.plan.team_updates {
            if !self.may_write() {
                return;
            }
            let id = &self.plan.containers[update.container].id;
            let mut teams = self.platform.containers.iter();
            let at = teams.position(|held| held.id == *id).expect("a team of this id");
            assert_eq!(
                self.platform.containers[at].owner.as_deref(),
                Some(OWNER),
                "{id} is not ours"
            );
            if let Some(name) = &update.name {
                let same = |held: &Container| {
                    held.kind == ContainerKind::Team && names::normalize(&held.name) == names::normalize(name)
                };
                assert!(!self.platform.containers.iter().any(same), "team {name} twice");
                name.clone_into(&mut self.platform.containers[at].name);
            }
            if let Some(external_id) = &update.external_id {
                external_id.clone_into(&mut self.platform.containers[at].external_id);
            }
        }
    }

    fn adopt_members(&mut self) {
        for adoptions in &self.plan.adoptions {
            for user in &adoptions.users {
                if !self.may_write() {
                    return;
                }
                let Place::Held(at) = adoptions.place else {
                    panic!("a membership of a team that isn't there yet")
                };
                let holding = self.plan.holding_of(*user).expect("a platform user");
                let key = (
                    self.plan.containers[at].id.clone(),
                    self.plan.holdings.id(holding).to_owned(),
                );
                let before = self.platform.memberships.insert(key.clone(), Some(OWNER.to_owned()));
                let former = before.flatten().expect("a membership that somebody gave");
                assert!(
                    self.plan.desired.rules.from_owners.contains(&former),
                    "{key:?} was given by {former}"
                );
            }
        }
    }

    fn create_users(&mut self, after_updates: bool) {
        let desired = self.plan.desired;
        let creations = self.plan.creations.iter();
        for creation in creations.filter(|creation| creation.after_updates == after_updates) {
            if !self.may_write() {
                return;
            }
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
                    deactivated: None,
                }),
            };
            set_attributes(&mut user, &attributes);
            self.platform.users.push(user);
            self.platform.check();
            self.created.insert(creation.user, id);
        }
    }

    fn mark(&self, holding: u32, role: Option<String>, deactivated: Option<SystemTime>) -> Mark {
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
            if !self.may_write() {
                return;
            }
            let mark = self.mark(update.holding, None, None);
            let user = self.platform.find(self.plan.holdings.id(update.holding));
            patch(user, &update.patch);
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

    fn forget_deactivations(&mut self) {
        for holding in &self.plan.activated_by_hand {
            if !self.may_write() {
                return;
            }
            let mark = self.mark(*holding, None, None);
            let user = self.platform.find(self.plan.holdings.id(*holding));
            assert!(user.active, "{} is still inactive", user.id);
            user.mark = Some(mark);
        }
    }

    fn add_members(&mut self) {
        for additions in &self.plan.additions {
            for user in &additions.users {
                if !self.may_write() {
                    return;
                }
                let container = match additions.place {
                    Place::Held(at) => self.plan.containers[at].id.clone(),
                    Place::New(at) => self.new_teams[&at].clone(),
                };
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
            if !self.may_write() {
                return;
            }
            let role = self.plan.roles[usize::from(change.to)].clone();
            let mark = self.mark(change.holding, Some(role.clone()), None);
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
                if !self.may_write() {
                    return;
                }
                let key = (container.clone(), self.plan.holdings.id(*holding).to_owned());
                let before = self.platform.memberships.remove(&key);
                let giver = before.flatten().expect("a membership that somebody gave");
                let former = &self.plan.desired.rules.from_owners;
                assert!(
                    giver == OWNER || former.contains(&giver),
                    "{key:?} was given by {giver}"
                );
            }
        }
    }

    fn deactivate(&mut self) {
        for deactivation in &self.plan.deactivations {
            if !self.may_write() {
                return;
            }
            let mark = self.mark(deactivation.holding, None, Some(self.plan.desired.now));
            let user = self.platform.find(self.plan.holdings.id(deactivation.holding));
            assert!(user.active, "{} is inactive already", user.id);
            user.active = false;
            user.mark = Some(mark);
        }
    }

    fn delete(&mut self) {
        for deletion in &self.plan.deletions {
            if !self.may_write() {
                return;
            }
            let id = self.plan.holdings.id(deletion.holding);
            let user = self.platform.find(id);
            let since = user.mark.as_ref().and_then(|mark| mark.deactivated);
            assert!(
                !user.active && since.is_some() && since == deletion.since,
                "{id} is not ours to delete"
            );
            self.platform.users.retain(|user| user.id != id);
            self.platform.memberships.retain(|(_, user), _| user != id);
        }
    }
}

fn patch(user: &mut User, patch: &FieldsPatch) {
    let set = |slot: &mut String, value: &Option<String>| {
        if let Some(value) = value {
            slot.clone_from(value);
        }
    };
    set(&mut user.email, &patch.email);
    set(&mut user.given_name, &patch.given_name);
    set(&mut user.family_name, &patch.family_name);
    set(&mut user.display_name, &patch.display_name);
    set(&mut user.phone, &patch.phone);
    set_attributes(user, &patch.attributes);
}

fn set_attributes(user: &mut User, attributes: &[(String, Option<AttributeValue>)]) {
    for (name, value) in attributes {
        match value.clone() {
            Some(value) => user.attributes.insert(name.clone(), value),
            None => user.attributes.remove(name),
        };
    }
}
