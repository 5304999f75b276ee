//! Roles of users who exist, and what the platform says of roles.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::draft::Draft;
use crate::{
    desired::{MappingProblem, RoleWish},
    observed::RoleRow,
    plan::{Holding, KeptReason, Population, RemovalKind, RoleChange},
    rules::Rules,
};

/// Names of roles, numbered; what the platform says of them.
#[derive(Default)]
pub(super) struct Roles {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
    administrator: HashSet<u16>,
    protected: HashSet<u16>,
    /// What the platform gives by itself.
    default: Option<u16>,
    on_platform: HashSet<u16>,
}

impl Roles {
    /// The roles that mappings give, by the numbers that they have there.
    pub fn new(names: &[String], rules: &Rules) -> Self {
        let mut roles = Self::default();
        for name in names {
            roles.number(name, rules);
        }
        roles
    }

    /// A role's number, made when it is new.
    pub fn number(&mut self, name: &str, rules: &Rules) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A platform has tens of roles; one with 65,535 would share the last number's name.
        let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX - 1);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        if rules.is_protected_role(name) {
            self.protected.insert(number);
        }
        number
    }

    pub fn observe(&mut self, role: &RoleRow<'_>, rules: &Rules) {
        let number = self.number(&role.name, rules);
        self.on_platform.insert(number);
        if role.administrator {
            self.administrator.insert(number);
        }
        if role.default {
            self.default = Some(number);
        }
    }

    pub fn find(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    pub fn is_administrator(&self, role: u16) -> bool {
        self.administrator.contains(&role)
    }

    pub fn is_protected(&self, role: Option<u16>) -> bool {
        role.is_some_and(|role| self.protected.contains(&role))
    }

    /// Whether the platform has shown any role.
    pub fn are_shown(&self) -> bool {
        !self.on_platform.is_empty()
    }

    /// Whether the platform has shown this role.
    pub fn is_shown(&self, role: u16) -> bool {
        self.on_platform.contains(&role)
    }

    /// Whether the platform has the role; one that shows no roles is taken to have all.
    fn exists(&self, role: u16) -> bool {
        !self.are_shown() || self.is_shown(role)
    }

    fn name(&self, role: u16) -> &str {
        &self.names[usize::from(role)]
    }

    /// The names of the platform's own roles.
    pub fn of_platform(&self) -> impl Iterator<Item = &str> {
        self.on_platform.iter().map(|role| self.name(*role))
    }

    pub fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// What users get unless a mapping says otherwise.
pub(super) enum DefaultRole {
    /// This one; `None`: what the platform gives by itself.
    Is(Option<u16>),
    /// `defaults.role` can't be given, and why.
    Unusable(String),
}

impl DefaultRole {
    pub fn new(draft: &mut Draft<'_>) -> Self {
        let rules = draft.desired().rules;
        let Some(name) = &rules.default_role else {
            return Self::Is(None);
        };
        let role = draft.seen.roles.number(name, rules);
        if draft.seen.roles.is_protected(Some(role)) {
            Self::Unusable(format!("defaults.role {name:?} is protected, so it isn't granted"))
        } else if draft.seen.roles.exists(role) {
            Self::Is(Some(role))
        } else {
            Self::Unusable(format!("the platform has no role {name:?}, which is defaults.role"))
        }
    }
}

/// A role that the platform doesn't have is the mapping's problem; the people keep the role that they have.
pub(super) fn check(draft: &mut Draft<'_>) {
    let roles = &draft.seen.roles;
    if roles.on_platform.is_empty() {
        return;
    }
    let rules = draft.seen.desired.rules;
    for (mapping, outcome) in rules.mappings.iter().zip(&mut draft.plan.outcomes) {
        let Some(role) = mapping.role.as_ref().filter(|role| rules.may_grant(role)) else {
            continue;
        };
        let known = roles.find(role).is_some_and(|role| roles.exists(role));
        if !known && !mapping.suspended {
            outcome
                .problems
                .push(MappingProblem::RoleNotFound { role: role.clone() });
        }
    }
}

/// The role that mappings want for a person, as far as the platform has it.
pub(super) fn wish(draft: &Draft<'_>, user: u32) -> RoleWish {
    match draft.desired().people[user as usize].role {
        RoleWish::Give(role) if !draft.seen.roles.exists(role) => RoleWish::Leave,
        wish => wish,
    }
}

/// Plans the changes of roles. Each takes a role away, so it waits while anything is in doubt; a role that somebody
/// set by hand stays.
pub(super) fn plan(draft: &mut Draft<'_>) {
    let configured = match DefaultRole::new(draft) {
        DefaultRole::Is(role) => role,
        DefaultRole::Unusable(_) => None,
    };
    let lapses_to = if draft.desired().rules.default_role.is_some() {
        configured
    } else {
        draft.seen.roles.default
    };
    let mut changes = Vec::new();
    let mut losing = Vec::new();
    let users = 0..draft.desired().snapshot.user_count();
    let wanted = users.filter(|user| draft.wanted(*user));
    let wanted = wanted.filter_map(|user| Some((draft.holding_of(user)?, wish(draft, user))));
    let kept = draft.kept_leavers().map(|holding| (holding, RoleWish::None));
    let wishes: Vec<(u32, RoleWish)> = wanted.chain(kept).collect();
    for (holding, wish) in wishes {
        let held = *draft.seen.holdings.get(holding);
        let ours = is_ours(&held);
        let to = match wish {
            RoleWish::Give(role) if ours || is_nobodys(draft, &held, configured) => Some(role),
            RoleWish::None if ours => lapses_to,
            _ => None,
        };
        let Some(to) = to.filter(|to| held.role() != Some(*to)) else {
            continue;
        };
        let frozen = |role: u16| draft.desired().frozen_roles.contains(draft.seen.roles.name(role));
        if draft.seen.roles.is_protected(held.role()) || draft.seen.roles.is_protected(Some(to)) {
            draft.keep(RemovalKind::Role, KeptReason::Protected, 1);
        } else if !draft.certain || held.role().is_some_and(frozen) {
            draft.keep(RemovalKind::Role, draft.waits_for(), 1);
        } else {
            let change = RoleChange {
                holding,
                from: held.role(),
                to,
            };
            let loses = draft.seen.administrators.contains(&holding) && !draft.seen.roles.is_administrator(to);
            if loses { &mut losing } else { &mut changes }.push(change);
        }
    }
    // Which of the administrators is the last must not depend on the order in which people come.
    let id = |change: &RoleChange| draft.seen.holdings.id(change.holding);
    losing.sort_by(|one, other| id(one).cmp(id(other)));
    let mut administrators = Administrators::left(draft);
    for change in losing {
        if administrators.may_lose(draft, change.holding) {
            changes.push(change);
            draft.seen.administrators.remove(&change.holding);
            let fingerprint = draft.desired().key().text(draft.seen.holdings.id(change.holding));
            draft.seen.active_administrators.remove(&fingerprint);
        } else {
            draft.keep(RemovalKind::Role, KeptReason::LastAdministrator, 1);
        }
    }
    count(draft, &changes);
    draft.plan.role_changes = changes;
}

/// Whether we gave the role that he has.
fn is_ours(held: &Holding) -> bool {
    held.role().is_some() && held.role() == held.given_role()
}

/// Whether nobody chose the role that he has: none at all, or the one that users get when nobody says anything. Where
/// we gave one and he has that one now, somebody took ours away.
fn is_nobodys(draft: &Draft<'_>, held: &Holding, configured: Option<u16>) -> bool {
    let role = held.role();
    held.given_role().is_none() && (role.is_none() || role == draft.seen.roles.default || role == configured)
}

/// The population of a role is how many have it from us.
fn count(draft: &mut Draft<'_>, changes: &[RoleChange]) {
    let mut sizes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let name =
        |role: Option<u16>| role.map_or_else(|| "(none)".to_owned(), |role| draft.seen.roles.name(role).to_owned());
    for (_, held) in draft
        .seen
        .holdings
        .iter()
        .filter(|(_, held)| held.managed && is_ours(held))
    {
        sizes.entry(name(held.role())).or_default().0 += 1;
    }
    for change in changes {
        sizes.entry(name(change.from)).or_default().1 += 1;
    }
    let populations = sizes.into_iter().map(|(name, (size, removals))| Population {
        kind: RemovalKind::Role,
        name: Some(name),
        size,
        removals,
    });
    draft.plan.populations.extend(populations);
}

/// Counts down to the fewest active administrators that are to be left, whoever they are: counted over the whole platform, as it is now. One
/// who becomes an administrator by the same plan doesn't count, because that may fail; so whom he replaces leaves one
/// sync later.
pub(super) struct Administrators {
    left: usize,
    min: usize,
}

impl Administrators {
    /// Those who are left by now.
    pub fn left(draft: &Draft<'_>) -> Self {
        Self {
            left: draft.seen.active_administrators.len(),
            min: draft.desired().rules.protect.min_administrators as usize,
        }
    }

    pub fn may_lose(&mut self, draft: &Draft<'_>, holding: u32) -> bool {
        if !draft.seen.administrators.contains(&holding) {
            return true;
        }
        if self.left <= self.min {
            return false;
        }
        self.left -= 1;
        true
    }
}
