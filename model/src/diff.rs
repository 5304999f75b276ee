//! From what should be and what is to what to do: the step `diff` of the pipeline.
//!
//! A [`Differ`] is shown the platform's rows while they are read ([`Observer`]) and yields the [`Plan`] at the end.
//! The order of rows within a part doesn't matter; the parts come in the order of the trait's documentation.

mod containers;
mod memberships;
mod users;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use crate::{
    content::{Change, Content},
    desired::{Desired, Failure, FailureKind, FailureReason, MappingOutcome, Standing},
    email,
    observed::{ContainerRow, FieldsPatch, MembershipRow, Observer, RoleRow, UserRow},
    plan::{HeldContainer, Holdings, Kept, KeptReason, NewHolding, Place, Plan, RemovalKind},
};

/// What the diff must know of the platform beyond its rows.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The platform's id of the operator's own account, when it is a user.
    pub user_id: Option<String>,
}

/// Works out the difference. Shown all rows of a platform, then finished.
pub struct Differ<'a> {
    desired: &'a Desired<'a>,
    account: Account,
    roles: Roles,
    containers: Vec<HeldContainer>,
    container_numbers: HashMap<String, usize>,
    holdings: Holdings,
    /// The managed user of each person, if he has one.
    holding_of: Vec<u32>,
    /// Users that nobody manages and that may be adopted.
    candidates: Vec<Candidate>,
    /// Other connections' users whom one of ours should be.
    elsewhere: BTreeMap<u32, String>,
    /// (person, managed user who has his address and is somebody else).
    address_holders: Vec<(u32, u32)>,
    /// People with two managed users.
    doubled: HashSet<u32>,
    /// Differences of managed and candidate users.
    differences: HashMap<u32, Difference>,
    /// External id and address of managed users who may have to go.
    leavers: HashMap<u32, Leaver>,
    administrators: HashSet<u32>,
    active_administrators: u64,
    /// Per container: holding number and whether the membership is ours, packed into one word.
    memberships: Vec<Vec<u32>>,
    last_container: (String, usize),
    observed_users: u64,
}

struct Candidate {
    user: u32,
    holding: u32,
    by_external_id: bool,
}

#[derive(Default)]
struct Difference {
    patch: FieldsPatch,
    changes: Vec<Change>,
}

struct Leaver {
    external_id: String,
    email: String,
}

/// Names of roles, numbered; what the platform says of them.
#[derive(Default)]
struct Roles {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    administrator: HashSet<u16>,
    default: Option<u16>,
    on_platform: HashSet<u16>,
}

impl Roles {
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A platform has tens of roles; one with 65,535 would share the last number's name.
        let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX - 1);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

const NOBODY: u32 = u32::MAX;

impl<'a> Differ<'a> {
    /// A differ that has seen nothing yet.
    pub fn new(desired: &'a Desired<'a>, account: Account) -> Self {
        let mut roles = Roles::default();
        for role in &desired.roles {
            roles.number(role);
        }
        Self {
            desired,
            account,
            roles,
            containers: Vec::new(),
            container_numbers: HashMap::new(),
            holdings: Holdings::new(desired.key()),
            holding_of: vec![NOBODY; desired.people.len()],
            candidates: Vec::new(),
            elsewhere: BTreeMap::new(),
            address_holders: Vec::new(),
            doubled: HashSet::new(),
            differences: HashMap::new(),
            leavers: HashMap::new(),
            administrators: HashSet::new(),
            active_administrators: 0,
            memberships: Vec::new(),
            last_container: (String::new(), usize::MAX),
            observed_users: 0,
        }
    }

    /// How many users the platform has shown.
    pub fn observed_users(&self) -> u64 {
        self.observed_users
    }

    /// The teams and inboxes that the platform has shown.
    pub fn containers(&self) -> &[HeldContainer] {
        &self.containers
    }

    /// The plan.
    pub fn finish(self) -> Plan<'a> {
        let mut draft = Draft::new(self);
        let targets = containers::resolve(&mut draft);
        users::plan(&mut draft);
        memberships::plan(&mut draft, &targets);
        draft.into_plan(targets.places)
    }

    fn wanted_by_email(&self, address: &str) -> Option<u32> {
        self.desired.emails.get(self.desired.key().text(address))
    }

    /// Keeps what differs between a platform user and the person he is or would be.
    fn compare(&mut self, holding: u32, user: u32, row: &UserRow<'_>) {
        let person = &self.desired.people[user as usize];
        let rules = &self.desired.rules.attributes;
        let observed = Content::observed(row, rules, person.mask);
        if observed.fingerprint(self.desired.key()) == person.content {
            return;
        }
        // The content was told once already, so it can be told again.
        let Ok(content) = self.desired.content(user) else {
            return;
        };
        let (patch, changes) = content.difference(&observed, rules);
        self.differences.insert(holding, Difference { patch, changes });
    }

    fn is_untouchable(&self, row: &UserRow<'_>, address: &str) -> bool {
        let protect = &self.desired.rules.protect;
        self.account.user_id.as_deref() == Some(&row.id)
            || (!protect.users.is_empty()
                && (protect.users.contains(address) || protect.users.contains(row.external_id.as_ref())))
    }

    fn hold(&mut self, row: &UserRow<'_>, user: Option<u32>, managed: bool, address: &str) -> Option<u32> {
        let role = (!row.role.is_empty()).then(|| self.roles.number(&row.role));
        let mark = row.mark.as_ref().filter(|_| managed);
        let given_role = mark
            .and_then(|mark| mark.role.as_ref())
            .map(|role| self.roles.number(role));
        let holding = self.holdings.add(&NewHolding {
            id: &row.id,
            version: &row.version,
            user,
            role,
            given_role,
            managed,
            active: row.active,
            deactivated_by_us: mark.is_some_and(|mark| mark.deactivated),
            untouchable: self.is_untouchable(row, address),
        })?;
        if row.active && role.is_some_and(|role| self.roles.administrator.contains(&role)) {
            self.administrators.insert(holding);
        }
        Some(holding)
    }

    fn managed_user(&mut self, row: &UserRow<'_>) {
        let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        let user = self.desired.snapshot.find_user(&row.external_id);
        let Some(holding) = self.hold(row, user, true, &address) else {
            return;
        };
        let standing = user.map(|user| self.desired.people[user as usize].standing);
        if let Some(user) = user {
            let slot = &mut self.holding_of[user as usize];
            if *slot == NOBODY {
                *slot = holding;
            } else {
                self.doubled.insert(user);
            }
        }
        match (user, standing) {
            (Some(user), Some(Standing::Wanted)) => self.compare(holding, user, row),
            (_, Some(Standing::Frozen)) => {}
            _ => {
                let leaver = Leaver {
                    external_id: row.external_id.to_string(),
                    email: row.email.to_string(),
                };
                self.leavers.insert(holding, leaver);
            }
        }
        let unchanged = standing == Some(Standing::Wanted) && !self.differences.contains_key(&holding);
        if let Some(other) = (!unchanged).then(|| self.wanted_by_email(&address)).flatten()
            && Some(other) != user
        {
            self.address_holders.push((other, holding));
        }
    }

    fn unmanaged_user(&mut self, row: &UserRow<'_>) {
        let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        let by_external_id = Some(row.external_id.as_ref())
            .filter(|id| !id.is_empty())
            .and_then(|id| self.desired.snapshot.find_user(id))
            .filter(|user| self.desired.people[*user as usize].standing == Standing::Wanted);
        let by_email = self.wanted_by_email(&address);
        let Some(user) = by_external_id.or(by_email) else {
            return;
        };
        let Some(holding) = self.hold(row, Some(user), false, &address) else {
            return;
        };
        self.compare(holding, user, row);
        self.candidates.push(Candidate {
            user,
            holding,
            by_external_id: by_external_id.is_some(),
        });
        // He fits one person by his id and has the address of another.
        if let Some(other) = by_email.filter(|other| *other != user) {
            self.address_holders.push((other, holding));
        }
    }

    fn foreign_user(&mut self, row: &UserRow<'_>, owner: &str) {
        let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        let by_external_id = self.desired.snapshot.find_user(&row.external_id);
        for user in by_external_id.into_iter().chain(self.wanted_by_email(&address)) {
            self.elsewhere.insert(user, owner.to_owned());
        }
    }
}

impl Observer for Differ<'_> {
    fn role(&mut self, role: &RoleRow<'_>) {
        let number = self.roles.number(&role.name);
        self.roles.on_platform.insert(number);
        if role.administrator {
            self.roles.administrator.insert(number);
        }
        if role.default {
            self.roles.default = Some(number);
        }
    }

    fn container(&mut self, container: &ContainerRow<'_>) {
        let number = self.containers.len();
        self.container_numbers
            .insert(container_key(container.kind, &container.id), number);
        self.containers.push(HeldContainer {
            kind: container.kind,
            id: container.id.to_string(),
            name: container.name.to_string(),
            phone: container.phone.to_string(),
        });
        self.memberships.push(Vec::new());
    }

    fn user(&mut self, row: &UserRow<'_>) {
        self.observed_users += 1;
        if row.active
            && let Some(role) = self.roles.numbers.get(row.role.as_ref())
            && self.roles.administrator.contains(role)
        {
            self.active_administrators += 1;
        }
        match &row.mark {
            None => self.unmanaged_user(row),
            Some(mark) if mark.owner == self.desired.rules.owner => self.managed_user(row),
            Some(mark) => self.foreign_user(row, &mark.owner),
        }
    }

    fn membership(&mut self, row: &MembershipRow<'_>) {
        let Some(holding) = self.holdings.find(&row.user) else {
            return;
        };
        // Rows of one container mostly come one after the other.
        if self.last_container.0.get(1..) != Some(&row.container)
            || self.last_container.1 == usize::MAX
            || self.containers[self.last_container.1].kind != row.kind
        {
            let key = container_key(row.kind, &row.container);
            let Some(number) = self.container_numbers.get(&key) else {
                return;
            };
            self.last_container = (key, *number);
        }
        let ours = row.owner.as_deref() == Some(&self.desired.rules.owner);
        self.memberships[self.last_container.1].push(holding << 1 | u32::from(ours));
    }
}

fn container_key(kind: crate::observed::ContainerKind, id: &str) -> String {
    let prefix = match kind {
        crate::observed::ContainerKind::Team => 't',
        crate::observed::ContainerKind::Inbox => 'i',
    };
    let mut key = String::with_capacity(id.len() + 1);
    key.push(prefix);
    key.push_str(id);
    key
}

/// A plan in the making: what was seen, and what was decided so far.
struct Draft<'a> {
    seen: Differ<'a>,
    /// People for whom nothing is done: failures, conflicts, hand-deactivated users.
    left_alone: HashSet<u32>,
    /// Users who are deactivated by this plan, or are inactive leavers already.
    leaving: HashSet<u32>,
    plan: PlanLists,
    failures: Vec<Failure>,
    outcomes: Vec<MappingOutcome>,
    kept: BTreeMap<(RemovalKind, KeptReason), u64>,
    /// The read is complete, so that absence means something.
    complete: bool,
}

#[derive(Default)]
struct PlanLists {
    new_teams: Vec<crate::plan::NewTeam>,
    creations: Vec<crate::plan::Creation>,
    updates: Vec<crate::plan::Update>,
    additions: Vec<crate::plan::Additions>,
    role_changes: Vec<crate::plan::RoleChange>,
    removals: Vec<crate::plan::Removals>,
    deactivations: Vec<crate::plan::Deactivation>,
    populations: Vec<crate::plan::Population>,
    managed_users: u64,
}

impl<'a> Draft<'a> {
    fn new(seen: Differ<'a>) -> Self {
        let desired = seen.desired;
        Self {
            left_alone: HashSet::new(),
            leaving: HashSet::new(),
            plan: PlanLists::default(),
            failures: desired.failures.clone(),
            outcomes: desired.outcomes.clone(),
            kept: BTreeMap::new(),
            complete: desired.snapshot.completeness.is_complete() && desired.doubt().is_none(),
            seen,
        }
    }

    fn desired(&self) -> &'a Desired<'a> {
        self.seen.desired
    }

    fn fail_user(&mut self, user: u32, reason: FailureReason, message: String) {
        self.left_alone.insert(user);
        let id = self.desired().snapshot.user_id(user).to_owned();
        self.failures.push(Failure {
            kind: FailureKind::User,
            id,
            reason,
            message,
        });
    }

    fn keep(&mut self, kind: RemovalKind, reason: KeptReason, count: u64) {
        if count > 0 {
            *self.kept.entry((kind, reason)).or_default() += count;
        }
    }

    fn into_plan(self, places: Vec<Option<Place>>) -> Plan<'a> {
        let PlanLists {
            new_teams,
            creations,
            updates,
            additions,
            role_changes,
            removals,
            deactivations,
            populations,
            managed_users,
        } = self.plan;
        let kept = self
            .kept
            .into_iter()
            .map(|((kind, reason), count)| Kept { kind, reason, count })
            .collect();
        Plan {
            desired: self.seen.desired,
            holdings: self.seen.holdings,
            containers: self.seen.containers,
            roles: self.seen.roles.names,
            holding_of: self.seen.holding_of,
            places,
            new_teams,
            creations,
            updates,
            additions,
            role_changes,
            removals,
            deactivations,
            populations,
            kept,
            failures: self.failures,
            outcomes: self.outcomes,
            managed_users,
        }
    }
}
