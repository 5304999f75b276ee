//! From what should be and what is to what to do: the step `diff` of the pipeline.
//!
//! A [`Differ`] is shown the platform's rows while they are read ([`Observer`]) and yields the [`Plan`] at the end.
//! The order of rows within a part doesn't matter; the parts come in the order of the trait's documentation.

mod addresses;
mod conflicts;
mod containers;
mod draft;
mod held;
mod leavers;
mod limits;
mod memberships;
mod notices;
mod renames;
mod roles;
mod users;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use self::{
    containers::Lookup,
    draft::Draft,
    held::{Giver, Held},
    notices::Named,
    roles::Roles,
};
use crate::{
    content::{Change, Content},
    desired::{Desired, Standing},
    email,
    fingerprint::Fingerprint,
    observed::{ContainerKind, ContainerRow, FieldsPatch, MembershipRow, Observer, RoleRow, UserRow},
    plan::{HeldContainer, Holdings, Leaver, NewHolding, Plan},
    rules::UserScope,
};

/// What the diff must know of the platform beyond its rows.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The platform's id of the operator's own account, when it is a user.
    pub user_id: Option<String>,
    /// Teams can be neither created nor changed there: one that is missing isn't found.
    pub fixed_teams: bool,
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
    /// Users with our mark and without an external id, whom nobody turns out to be.
    unidentified: Vec<String>,
    /// Users with our mark and without an external id, where the connection is deleted: they lose the mark alone.
    nameless: Vec<u32>,
    /// Other connections' users whom one of ours should be.
    elsewhere: BTreeMap<u32, String>,
    /// (person, user who has the person's address and may be somebody else's).
    address_holders: Vec<(u32, u32)>,
    /// People with two managed users.
    doubled: HashSet<u32>,
    /// Differences of managed and candidate users.
    differences: HashMap<u32, Difference>,
    /// Managed users who may have to go.
    leavers: Vec<Leaver>,
    /// Those of our holdings who are active administrators.
    administrators: HashSet<u32>,
    /// The ids of all active administrators of the platform, whoever manages them.
    active_administrators: HashSet<Fingerprint>,
    /// Somebody has a role that the platform didn't show.
    has_unknown_role: bool,
    memberships: Held<'a>,
    /// Memberships of the last container whose users aren't looked up yet: the user's id, and whose it is.
    pending: Vec<(Fingerprint, Giver)>,
    last_container: (String, usize),
    observed_users: u64,
    /// The entries of `protect.users` that name somebody on the platform.
    named: Named,
}

struct Candidate {
    user: u32,
    holding: u32,
    by_external_id: bool,
    /// He carries our mark, without an external id.
    marked: bool,
}

#[derive(Default)]
struct Difference {
    patch: FieldsPatch,
    changes: Vec<Change>,
}

/// How many memberships are looked up at once, at most.
const PENDING: usize = 1024;

/// No platform user.
const NOBODY: u32 = u32::MAX;

impl<'a> Differ<'a> {
    /// A differ that has seen nothing yet.
    pub fn new(desired: &'a Desired<'a>, account: Account) -> Self {
        Self {
            desired,
            account,
            roles: Roles::new(&desired.roles, desired.rules),
            containers: Vec::new(),
            container_numbers: HashMap::new(),
            holdings: Holdings::new(desired.key(), usize::try_from(desired.wanted()).unwrap_or(0)),
            holding_of: vec![NOBODY; desired.people.len()],
            candidates: Vec::new(),
            unidentified: Vec::new(),
            nameless: Vec::new(),
            elsewhere: BTreeMap::new(),
            address_holders: Vec::new(),
            doubled: HashSet::new(),
            differences: HashMap::new(),
            leavers: Vec::new(),
            administrators: HashSet::new(),
            active_administrators: HashSet::new(),
            has_unknown_role: false,
            memberships: Held::default(),
            pending: Vec::new(),
            last_container: (String::new(), usize::MAX),
            observed_users: 0,
            named: Named::default(),
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
    pub fn finish(mut self) -> Plan<'a> {
        self.settle_memberships();
        let mut draft = Draft::new(self);
        let targets = containers::resolve(&mut draft);
        conflicts::reject(&mut draft);
        users::plan(&mut draft);
        leavers::keep(&mut draft);
        roles::plan(&mut draft);
        leavers::deprovision(&mut draft);
        memberships::plan(&mut draft, &targets);
        limits::tighten_roles(&mut draft);
        notices::note(&mut draft);
        draft.into_plan(targets.places)
    }

    /// The team or inbox with this id on the platform.
    fn find_container(&self, kind: ContainerKind, id: &str) -> Option<usize> {
        self.container_numbers.get(&container_key(kind, id)).copied()
    }

    /// Whether the platform told of every role who of its users has it. Where it didn't, nobody knows who is protected by his
    /// role, or how many administrators are left.
    fn roles_are_told(&self) -> bool {
        let protect = &self.desired.rules.protect;
        let nothing_asked = protect.roles.is_empty() && protect.min_administrators <= 1;
        !self.has_unknown_role && (self.roles.are_shown() || nothing_asked)
    }

    fn wanted_by_email(&self, address: &str) -> Option<u32> {
        self.desired.find_by_email(address)
    }

    /// Keeps what differs between a platform user and the person he is or would be.
    fn compare(&mut self, holding: u32, user: u32, row: &UserRow<'_>) {
        let person = &self.desired.people[user as usize];
        let rules = &self.desired.rules.attributes;
        let observed = Content::observed(row, rules, person.mask);
        if observed.fingerprint(self.desired.key()).half() == person.content {
            return;
        }
        // The content was told once already, so it can be told again.
        let Ok(content) = self.desired.content(user) else {
            return;
        };
        let (patch, changes) = content.difference(&observed, rules);
        self.differences.insert(holding, Difference { patch, changes });
    }

    /// Looks up the users of the last container's memberships, step by step for all of them: each lookup waits for memory,
    /// and those that don't depend on each other wait at the same time.
    fn settle_memberships(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.prepare_memberships();
        let pending = self.pending.drain(..);
        let held = pending.filter_map(|(id, giver)| Some((self.holdings.find_fingerprint(id)?, giver)));
        let held: Vec<(u32, Giver)> = held.collect();
        let user = |holding| self.holdings.get(holding).user();
        let users: Vec<Option<u32>> = held.iter().map(|(holding, _)| user(*holding)).collect();
        for ((holding, giver), user) in held.into_iter().zip(users) {
            let user = user.filter(|user| self.holding_of[*user as usize] == holding);
            self.memberships.push(self.last_container.1, holding, user, giver);
        }
    }

    /// Tells before the first membership which ones are expected.
    fn prepare_memberships(&mut self) {
        if self.memberships.is_prepared() {
            return;
        }
        let desired = self.desired;
        let lookup = Lookup::new(&self.containers);
        let mut expected = Vec::new();
        for container in &desired.containers {
            if let [only] = lookup.find(self, container).as_slice() {
                let sources = container.sources.iter();
                expected.extend(sources.map(|source| (*only, desired.source(source))));
            }
        }
        self.memberships.prepare(expected);
    }

    fn is_untouchable(&self, row: &UserRow<'_>, address: &str) -> bool {
        let protect = &self.desired.rules.protect;
        self.account.user_id.as_deref() == Some(&row.id)
            || (!protect.users.is_empty()
                && (protect.users.contains(address) || protect.users.contains(row.external_id.as_ref())))
    }

    /// Keeps a user. What our mark says is kept whether or not he counts as managed.
    fn hold(&mut self, row: &UserRow<'_>, user: Option<u32>, managed: bool, address: &str) -> Option<u32> {
        let role = (!row.role.is_empty()).then(|| self.roles.number(&row.role, self.desired.rules));
        // What another connection did before it handed the user over counts as ours.
        let mark = row
            .mark
            .as_ref()
            .filter(|mark| self.giver(Some(&mark.owner)) != Giver::Others);
        let given_role = mark
            .and_then(|mark| mark.role.as_ref())
            .map(|role| self.roles.number(role, self.desired.rules));
        let holding = self.holdings.add(&NewHolding {
            id: &row.id,
            version: &row.version,
            user,
            role,
            given_role,
            managed,
            active: row.active,
            deactivated_by_us: mark.is_some_and(|mark| mark.deactivated.is_some()),
            untouchable: self.is_untouchable(row, address),
        })?;
        if row.active && role.is_some_and(|role| self.roles.is_administrator(role)) {
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
            _ => self.leavers.push(Leaver {
                holding,
                external_id: row.external_id.to_string(),
                email: row.email.to_string(),
                cause: leavers::cause(self.desired.rules, standing),
                since: (row.mark.as_ref().and_then(|mark| mark.deactivated)).filter(|_| !row.active),
            }),
        }
        // Whoever has just the address that he is to have, takes it from nobody.
        let unchanged = standing == Some(Standing::Wanted) && !self.differences.contains_key(&holding);
        if let Some(other) = (!unchanged).then(|| self.wanted_by_email(&address)).flatten() {
            self.address_holders.push((other, holding));
        }
    }

    /// Whose a mark is.
    fn giver(&self, owner: Option<&str>) -> Giver {
        let rules = self.desired.rules;
        match owner {
            Some(owner) if owner == rules.owner => Giver::Us,
            Some(owner) if rules.from_owners.contains(owner) => Giver::Former,
            _ => Giver::Others,
        }
    }

    /// A user whom nobody manages, whom another connection hands over, or of whom our mark alone is left.
    fn unmanaged_user(&mut self, row: &UserRow<'_>) {
        let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        if self.desired.rules.scope == UserScope::Nobody {
            let marked = row.mark.as_ref().and_then(|_| self.hold(row, None, false, &address));
            self.nameless.extend(marked);
            return;
        }
        let by_external_id = Some(row.external_id.as_ref())
            .filter(|id| !id.is_empty())
            .and_then(|id| self.desired.snapshot.find_user(id));
        let by_email = self.wanted_by_email(&address);
        // Who carries the id of one person of the directory is not another one, whatever his address.
        let user = match by_external_id {
            Some(user) => Some(user).filter(|user| self.desired.people[*user as usize].standing == Standing::Wanted),
            None => by_email,
        };
        let marked = row
            .mark
            .as_ref()
            .is_some_and(|mark| self.giver(Some(&mark.owner)) == Giver::Us);
        if user.or(by_email).is_none() {
            if marked {
                self.unidentified.push(row.id.to_string());
            }
            return;
        }
        let Some(holding) = self.hold(row, user, false, &address) else {
            return;
        };
        if let Some(user) = user {
            self.compare(holding, user, row);
            self.candidates.push(Candidate {
                user,
                holding,
                by_external_id: by_external_id.is_some(),
                marked,
            });
        }
        self.address_holders.extend(by_email.map(|other| (other, holding)));
    }

    fn foreign_user(&mut self, row: &UserRow<'_>, owner: &str) {
        let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        let by_external_id = self.desired.snapshot.find_user(&row.external_id);
        let by_email = self.wanted_by_email(&address);
        for user in by_external_id.into_iter().chain(by_email) {
            let known = self.elsewhere.entry(user).or_insert_with(|| owner.to_owned());
            if owner < known.as_str() {
                owner.clone_into(known);
            }
        }
        if let Some(other) = by_email
            && let Some(holding) = self.hold(row, None, false, &address)
        {
            self.address_holders.push((other, holding));
        }
    }
}

impl Observer for Differ<'_> {
    fn role(&mut self, role: &RoleRow<'_>) {
        self.roles.observe(role, self.desired.rules);
    }

    fn container(&mut self, container: &ContainerRow<'_>) {
        let number = self.containers.len();
        let key = container_key(container.kind, &container.id);
        // A row that comes again, because a page moved while it was read, is no second team.
        if self.container_numbers.contains_key(&key) {
            return;
        }
        self.container_numbers.insert(key, number);
        self.containers.push(HeldContainer {
            kind: container.kind,
            id: container.id.to_string(),
            name: container.name.to_string(),
            phone: container.phone.to_string(),
            external_id: container.external_id.to_string(),
            version: container.version.to_string(),
            ours: self.giver(container.owner.as_deref()) == Giver::Us,
        });
    }

    fn user(&mut self, row: &UserRow<'_>) {
        self.observed_users += 1;
        let role = self.roles.find(&row.role);
        self.has_unknown_role |= !row.role.is_empty() && !role.is_some_and(|role| self.roles.is_shown(role));
        if row.active && role.is_some_and(|role| self.roles.is_administrator(role)) {
            self.active_administrators.insert(self.desired.key().text(&row.id));
        }
        self.note_protected(row);
        match &row.mark {
            Some(mark) if self.giver(Some(&mark.owner)) == Giver::Others => self.foreign_user(row, &mark.owner),
            Some(mark) if self.giver(Some(&mark.owner)) == Giver::Former => self.unmanaged_user(row),
            Some(_) if !row.external_id.is_empty() => self.managed_user(row),
            _ => self.unmanaged_user(row),
        }
    }

    fn membership(&mut self, row: &MembershipRow<'_>) {
        // Rows of one container mostly come one after the other.
        if self.last_container.0.get(1..) != Some(&row.container)
            || self.last_container.1 == usize::MAX
            || self.containers[self.last_container.1].kind != row.kind
        {
            let key = container_key(row.kind, &row.container);
            let Some(number) = self.container_numbers.get(&key).copied() else {
                return;
            };
            self.settle_memberships();
            self.last_container = (key, number);
        } else if self.pending.len() == PENDING {
            self.settle_memberships();
        }
        let giver = self.giver(row.owner.as_deref());
        self.pending.push((self.desired.key().text(&row.user), giver));
    }
}

fn container_key(kind: ContainerKind, id: &str) -> String {
    let prefix = match kind {
        ContainerKind::Team => 't',
        ContainerKind::Inbox => 'i',
    };
    let mut key = String::with_capacity(id.len() + 1);
    key.push(prefix);
    key.push_str(id);
    key
}
