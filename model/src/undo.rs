//! The plan that gives back what one sync took, worked out from what was taken and from what is there now. It reactivates,
//! adds and changes roles back; it creates nobody and takes nothing else.
//!
//! Only what is still ours to give is given: to users who carry our mark, whom nothing protects, and who weren't
//! deactivated by hand since. What can't be given back is told.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    desired::{Desired, Failure, FailureKind, FailureReason},
    diff::Account,
    email, names,
    observed::{ContainerKind, ContainerRow, FieldsPatch, MembershipRow, Observer, RoleRow, UserRow},
    plan::{Additions, HeldContainer, Holdings, NewHolding, Place, Plan, Population, RemovalKind, RoleChange, Update},
};

/// Something that a sync took.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'t> {
    /// What.
    pub kind: RemovalKind,
    /// The platform's id of the user.
    pub user: &'t str,
    /// The person of the snapshot that stands for him.
    pub person: u32,
    /// The platform's id of the team or inbox; empty where it is about none.
    pub container: &'t str,
    /// The name of the team or inbox, or the role that was taken.
    pub from: &'t str,
    /// The role that was given in its place.
    pub to: &'t str,
}

/// Works out what can be given back: shown all rows of a platform, then finished.
pub struct Undo<'a> {
    desired: &'a Desired<'a>,
    account: Account,
    taken: &'a [Taken<'a>],
    /// Persons by platform id.
    people: HashMap<&'a str, u32>,
    /// Ids of teams and inboxes.
    places: HashSet<&'a str>,
    holdings: Holdings,
    holding_of: Vec<u32>,
    ours: HashSet<u32>,
    roles: Vec<String>,
    on_platform: HashSet<String>,
    containers: Vec<HeldContainer>,
    numbers: HashMap<(ContainerKind, String), usize>,
    present: HashSet<(ContainerKind, String, String)>,
    given_roles: BTreeMap<String, u64>,
    managed: u64,
}

const NOBODY: u32 = u32::MAX;

impl<'a> Undo<'a> {
    /// An undo that has seen nothing yet. `desired` is of a snapshot of the people of `taken`, and of nobody else.
    pub fn new(desired: &'a Desired<'a>, account: Account, taken: &'a [Taken<'a>]) -> Self {
        Self {
            desired,
            account,
            taken,
            people: taken.iter().map(|taken| (taken.user, taken.person)).collect(),
            places: taken.iter().map(|taken| taken.container).collect(),
            holdings: Holdings::new(desired.key(), taken.len()),
            holding_of: vec![NOBODY; desired.snapshot.user_count() as usize],
            ours: HashSet::new(),
            roles: Vec::new(),
            on_platform: HashSet::new(),
            containers: Vec::new(),
            numbers: HashMap::new(),
            present: HashSet::new(),
            given_roles: BTreeMap::new(),
            managed: 0,
        }
    }

    /// The plan. What can't be given back is among its failures.
    pub fn finish(mut self) -> Plan<'a> {
        let mut failures: Vec<Failure> = Vec::new();
        let mut refused: HashSet<(u32, String)> = HashSet::new();
        let snapshot = self.desired.snapshot;
        let mut activated: HashSet<u32> = HashSet::new();
        let mut updates = Vec::new();
        let mut role_changes = Vec::new();
        let mut additions: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        // Accounts first: who can't be reactivated gets nothing else back.
        let mut taken: Vec<&Taken<'_>> = self.taken.iter().collect();
        taken.sort_by_key(|taken| taken.kind);
        for taken in taken {
            let mut refuse = |kind: FailureKind, why: String| {
                // Once for each person and reason.
                if refused.insert((taken.person, why.clone())) {
                    failures.push(Failure {
                        kind,
                        id: snapshot.user_id(taken.person).to_owned(),
                        reason: FailureReason::Changed,
                        message: why,
                    });
                }
            };
            let kind = match taken.kind {
                RemovalKind::Role => FailureKind::Role,
                RemovalKind::TeamMembership => FailureKind::Membership,
                RemovalKind::InboxMembership => FailureKind::Inbox,
                RemovalKind::User | RemovalKind::Deletion => FailureKind::User,
            };
            let holding = match self.holding(taken.person) {
                Ok(holding) => holding,
                Err(why) => {
                    refuse(FailureKind::User, why.to_owned());
                    continue;
                }
            };
            let held = *self.holdings.get(holding);
            let active = held.active || activated.contains(&holding);
            match kind {
                FailureKind::User if active => {}
                FailureKind::User if held.deactivated_by_us => {
                    activated.insert(holding);
                    updates.push(Update {
                        holding,
                        user: taken.person,
                        turn: 0,
                        adopt: false,
                        activate: true,
                        patch: FieldsPatch::default(),
                        changes: Vec::new(),
                    });
                }
                _ if !active => refuse(
                    FailureKind::User,
                    "the user was deactivated by hand or by another sync since, and stays so".to_owned(),
                ),
                FailureKind::Role => match self.role_back(taken, holding) {
                    Ok(change) => role_changes.extend(change),
                    Err(why) => refuse(kind, why),
                },
                _ => match self.place(taken) {
                    Ok(None) => {}
                    Ok(Some(at)) => additions.entry(at).or_default().push(taken.person),
                    Err(why) => refuse(kind, why),
                },
            }
        }
        self.into_plan(updates, role_changes, additions, failures)
    }

    fn into_plan(
        self,
        updates: Vec<Update>,
        role_changes: Vec<RoleChange>,
        additions: BTreeMap<usize, Vec<u32>>,
        failures: Vec<Failure>,
    ) -> Plan<'a> {
        let mut removals: BTreeMap<&str, u64> = BTreeMap::new();
        for change in &role_changes {
            let from = change.from.map_or("", |role| self.roles[usize::from(role)].as_str());
            *removals.entry(from).or_default() += 1;
        }
        let populations = removals.into_iter().map(|(role, removals)| Population {
            kind: RemovalKind::Role,
            name: Some(role.to_owned()),
            size: self.given_roles.get(role).copied().unwrap_or(0),
            removals,
        });
        let populations = populations.collect();
        let additions = additions.into_iter().map(|(at, mut users)| {
            users.sort_unstable();
            users.dedup();
            Additions {
                place: Place::Held(at),
                users,
            }
        });
        Plan {
            holdings: self.holdings,
            containers: self.containers,
            roles: self.roles,
            holding_of: self.holding_of,
            updates,
            additions: additions.collect(),
            role_changes,
            populations,
            failures,
            managed_users: self.managed,
            ..Plan::nothing(self.desired)
        }
    }

    /// The user of a person, if he is one to whom something may be given.
    fn holding(&self, person: u32) -> Result<u32, &'static str> {
        let holding = self.holding_of[person as usize];
        if holding == NOBODY {
            return Err("the platform hasn't the user any more: a deleted user can't be restored");
        }
        if !self.ours.contains(&holding) {
            return Err("the platform's user doesn't carry our mark any more, so nothing is given to him");
        }
        if self.holdings.get(holding).untouchable {
            return Err("the user is protected, so nothing of him is changed");
        }
        Ok(holding)
    }

    /// The change that gives a role back; `None` where he has it.
    fn role_back(&mut self, taken: &Taken<'_>, holding: u32) -> Result<Option<RoleChange>, String> {
        let held = *self.holdings.get(holding);
        let name = |role: Option<u16>| role.map_or("", |role| self.roles[usize::from(role)].as_str());
        if name(held.role()) == taken.from {
            return Ok(None);
        }
        if name(held.role()) != taken.to || name(held.given_role()) != taken.to {
            return Err("the user was given another role since, and keeps it".to_owned());
        }
        if taken.from.is_empty() {
            return Err("the user had no role before, and none can't be given".to_owned());
        }
        if !self.desired.rules.may_grant(taken.from) {
            return Err(format!(
                "the role {:?} may not be granted by this connection",
                taken.from
            ));
        }
        if !self.on_platform.is_empty() && !self.on_platform.contains(taken.from) {
            return Err(format!("the platform has no role {:?} any more", taken.from));
        }
        let to = self.role(taken.from);
        Ok(Some(RoleChange {
            holding,
            from: held.role(),
            to,
        }))
    }

    /// Where somebody is put back; `None` where he is in.
    fn place(&self, taken: &Taken<'_>) -> Result<Option<usize>, String> {
        let kind = match taken.kind {
            RemovalKind::InboxMembership => ContainerKind::Inbox,
            _ => ContainerKind::Team,
        };
        let Some(at) = self.numbers.get(&(kind, taken.container.to_owned())) else {
            return Err(format!("{:?} is not on the platform any more", taken.from));
        };
        let held = &self.containers[*at];
        let protected = self.desired.rules.protect.teams.iter();
        let mut protected =
            protected.filter(|team| **team == held.id || names::normalize(team) == names::normalize(&held.name));
        if kind == ContainerKind::Team && protected.next().is_some() {
            return Err(format!("the team {:?} is protected, so nobody joins it", held.name));
        }
        let is_in = (kind, taken.container.to_owned(), taken.user.to_owned());
        Ok((!self.present.contains(&is_in)).then_some(*at))
    }

    fn role(&mut self, name: &str) -> u16 {
        let known = self.roles.iter().position(|role| role == name);
        let at = known.unwrap_or_else(|| {
            self.roles.push(name.to_owned());
            self.roles.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }
}

impl Observer for Undo<'_> {
    fn role(&mut self, role: &RoleRow<'_>) {
        self.on_platform.insert(role.name.to_string());
    }

    fn container(&mut self, row: &ContainerRow<'_>) {
        let key = (row.kind, row.id.to_string());
        if self.numbers.contains_key(&key) || !self.places.contains(row.id.as_ref()) {
            return;
        }
        self.numbers.insert(key, self.containers.len());
        self.containers.push(HeldContainer {
            kind: row.kind,
            id: row.id.to_string(),
            name: row.name.to_string(),
            phone: row.phone.to_string(),
            external_id: row.external_id.to_string(),
            version: row.version.to_string(),
            ours: row.owner.as_deref() == Some(&self.desired.rules.owner),
        });
    }

    fn user(&mut self, row: &UserRow<'_>) {
        let owner = &self.desired.rules.owner;
        let mark = row.mark.as_ref().filter(|mark| mark.owner == *owner);
        if let Some(mark) = mark {
            self.managed += u64::from(row.active);
            if let Some(role) = &mark.role
                && *role == row.role
            {
                *self.given_roles.entry(role.to_string()).or_default() += 1;
            }
        }
        let Some(person) = self.people.get(row.id.as_ref()).copied() else {
            return;
        };
        let address = email::normalize(&row.email);
        let protected = &self.desired.rules.protect.users;
        let untouchable = self.account.user_id.as_deref() == Some(&row.id)
            || protected.contains(row.external_id.as_ref())
            || address.is_ok_and(|address| protected.contains(address.as_ref()))
            || self.desired.rules.is_protected_role(&row.role);
        let given = mark.and_then(|mark| mark.role.as_ref()).map(ToString::to_string);
        let role = (!row.role.is_empty()).then(|| self.role(&row.role));
        let given_role = given.map(|role| self.role(&role));
        let added = self.holdings.add(&NewHolding {
            id: &row.id,
            version: &row.version,
            user: Some(person),
            role,
            given_role,
            managed: mark.is_some(),
            active: row.active,
            deactivated_by_us: mark.is_some_and(|mark| mark.deactivated.is_some()),
            untouchable,
        });
        if let Some(holding) = added {
            self.holding_of[person as usize] = holding;
            if mark.is_some() {
                self.ours.insert(holding);
            }
        }
    }

    fn membership(&mut self, row: &MembershipRow<'_>) {
        if self.people.contains_key(row.user.as_ref())
            && self.numbers.contains_key(&(row.kind, row.container.to_string()))
        {
            let key = (row.kind, row.container.to_string(), row.user.to_string());
            self.present.insert(key);
        }
    }
}
