//! Who is created, adopted, activated, updated, given another role, deactivated.

use std::collections::{HashMap, HashSet};

use super::{Draft, Leaver, NOBODY, containers::wish};
use crate::{
    desired::{FailureReason, RoleWish, Standing},
    plan::{Cause, Creation, Deactivation, KeptReason, Population, RemovalKind, RoleChange, Update},
    rules::Adoption,
};

/// Plans all that happens to users.
pub(super) fn plan(draft: &mut Draft<'_>) {
    reject_doubled(draft);
    reject_foreign(draft);
    reject_shared_addresses(draft);
    let adopted = adopt(draft);
    leave_alone_untouchable(draft);
    let freed = update(draft, &adopted);
    reject_taken_addresses(draft, &freed);
    order_updates(draft);
    create(draft, &freed);
    change_roles(draft);
    deactivate(draft);
    count_users(draft);
}

fn wanted(draft: &Draft<'_>, user: u32) -> bool {
    draft.desired().people[user as usize].standing == Standing::Wanted && !draft.left_alone.contains(&user)
}

fn reject_doubled(draft: &mut Draft<'_>) {
    let mut doubled: Vec<u32> = draft.seen.doubled.iter().copied().collect();
    doubled.sort_unstable();
    for user in doubled {
        let message =
            "several platform users carry this person's id and our mark; nothing is guessed: take the mark off \
                       all but one"
                .to_owned();
        draft.fail_user(user, FailureReason::AmbiguousMatch, message);
    }
}

fn reject_foreign(draft: &mut Draft<'_>) {
    for (user, owner) in std::mem::take(&mut draft.seen.elsewhere) {
        // Whoever has a user of ours already goes on; the other one is somebody else's business.
        if wanted(draft, user) && draft.seen.holding_of[user as usize] == NOBODY {
            let message = format!("the platform's user is managed by {owner:?}, which keeps him");
            draft.fail_user(user, FailureReason::ManagedElsewhere, message);
        }
    }
}

/// Two people of the directory with one address: the managed one goes on; if neither is, both fail.
fn reject_shared_addresses(draft: &mut Draft<'_>) {
    let mut groups: HashMap<u32, Vec<u32>> = HashMap::new();
    for (later, earlier) in &draft.desired().shared_emails {
        groups.entry(*earlier).or_insert_with(|| vec![*earlier]).push(*later);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_unstable();
    for (_, people) in groups {
        let has_it = |user: &u32| {
            let holding = draft.seen.holding_of[*user as usize];
            let keeps_address = draft
                .seen
                .differences
                .get(&holding)
                .is_none_or(|difference| difference.patch.email.is_none());
            (holding != NOBODY, holding != NOBODY && keeps_address)
        };
        let keepers: Vec<u32> = people.iter().copied().filter(|user| has_it(user).1).collect();
        let managed: Vec<u32> = people.iter().copied().filter(|user| has_it(user).0).collect();
        let goes_on = match (keepers.as_slice(), managed.as_slice()) {
            ([only], _) | ([], [only]) => Some(*only),
            _ => None,
        };
        let snapshot = draft.desired().snapshot;
        for user in people.iter().copied().filter(|user| Some(*user) != goes_on) {
            let others: Vec<&str> = people
                .iter()
                .filter(|other| **other != user)
                .take(5)
                .map(|other| snapshot.user_id(*other))
                .collect();
            let message = format!("the directory gives the same e-mail address to {}", others.join(", "));
            draft.fail_user(user, FailureReason::DuplicateEmail, message);
        }
    }
}

/// Decides which unmanaged users become managed: by external id, else by address, and only where one fits.
fn adopt(draft: &mut Draft<'_>) -> Vec<(u32, u32)> {
    let adoption = draft.desired().rules.adoption;
    let mut candidates = std::mem::take(&mut draft.seen.candidates);
    candidates.sort_by_key(|candidate| (candidate.user, !candidate.by_external_id, candidate.holding));
    let mut adopted = Vec::new();
    for same in candidates.chunk_by(|one, other| one.user == other.user) {
        let user = same[0].user;
        if !wanted(draft, user) || draft.seen.holding_of[user as usize] != NOBODY {
            let named: Vec<u32> = same.iter().map(|candidate| candidate.holding).collect();
            draft
                .seen
                .address_holders
                .extend(named.iter().map(|holding| (user, *holding)));
            continue;
        }
        let by_id = same.iter().filter(|candidate| candidate.by_external_id).count();
        let fitting = if by_id > 0 { &same[..by_id] } else { same };
        let id = |holding: u32| draft.seen.holdings.id(holding).to_owned();
        match (fitting, adoption, by_id) {
            ([_, _, ..], ..) => {
                let ids: Vec<String> = fitting.iter().take(5).map(|candidate| id(candidate.holding)).collect();
                let message = format!("several platform users fit ({}); nothing is guessed", ids.join(", "));
                draft.fail_user(user, FailureReason::AmbiguousMatch, message);
            }
            ([only], Adoption::Email, _) | ([only], Adoption::ExternalId, 1..) => {
                if draft.seen.holdings.get(only.holding).untouchable {
                    let message = format!(
                        "the platform's user {} is protected and stays unmanaged",
                        id(only.holding)
                    );
                    draft.fail_user(user, FailureReason::AdoptionNotAllowed, message);
                } else {
                    draft.seen.holding_of[user as usize] = only.holding;
                    adopted.push((user, only.holding));
                }
            }
            ([only], ..) => {
                let message = format!(
                    "the platform's user {} fits, and adoption.match doesn't allow to take him; change it, or remove him",
                    id(only.holding)
                );
                draft.fail_user(user, FailureReason::AdoptionNotAllowed, message);
            }
            ([], ..) => {}
        }
    }
    adopted
}

fn leave_alone_untouchable(draft: &mut Draft<'_>) {
    let untouchable: Vec<u32> = draft
        .seen
        .holdings
        .iter()
        .filter(|(_, holding)| holding.untouchable)
        .filter_map(|(_, holding)| holding.user())
        .collect();
    draft.left_alone.extend(untouchable);
}

/// Plans updates; returns the holdings whose address is freed by one.
fn update(draft: &mut Draft<'_>, adopted: &[(u32, u32)]) -> HashSet<u32> {
    let adopted: HashSet<u32> = adopted.iter().map(|(_, holding)| *holding).collect();
    let mut freed = HashSet::new();
    for user in 0..draft.desired().snapshot.user_count() {
        let holding = draft.seen.holding_of[user as usize];
        if holding == NOBODY || !wanted(draft, user) {
            continue;
        }
        let held = *draft.seen.holdings.get(holding);
        let adopt = adopted.contains(&holding);
        let activate = !held.active && held.deactivated_by_us;
        if !held.active && !activate {
            // Deactivated by hand: he stays so, and everything of his stays with him.
            draft.left_alone.insert(user);
            if !adopt {
                continue;
            }
        }
        let difference = draft.seen.differences.remove(&holding).unwrap_or_default();
        if difference.changes.is_empty() && !adopt && !activate {
            continue;
        }
        if difference.patch.email.is_some() {
            freed.insert(holding);
        }
        let super::Difference { patch, changes } = difference;
        draft.plan.updates.push(Update {
            holding,
            user,
            adopt,
            activate,
            patch,
            changes,
        });
    }
    freed
}

/// An address that a platform user keeps can't be given to somebody else.
fn reject_taken_addresses(draft: &mut Draft<'_>, freed: &HashSet<u32>) {
    let mut holders = std::mem::take(&mut draft.seen.address_holders);
    holders.sort_unstable();
    holders.dedup();
    let mut deferred = Vec::new();
    for (user, holder) in holders {
        if !wanted(draft, user) || draft.seen.holding_of[user as usize] == holder {
            continue;
        }
        if freed.contains(&holder) {
            deferred.push((user, holder));
            continue;
        }
        let needs_it = match draft.plan.updates.iter().find(|update| update.user == user) {
            Some(update) => update.patch.email.is_some(),
            None => draft.seen.holding_of[user as usize] == NOBODY,
        };
        if needs_it {
            let id = draft.seen.holdings.id(holder);
            let held = draft.seen.holdings.get(holder);
            let (reason, message) = if held.managed {
                let message = format!(
                    "the platform's user {id} has this address and is managed under another directory id; he is never \
                     taken over: change his address, or take our mark off him"
                );
                (FailureReason::AddressReused, message)
            } else {
                (
                    FailureReason::AddressInUse,
                    format!("the platform's user {id} has this address"),
                )
            };
            draft.fail_user(user, reason, message);
            draft.plan.updates.retain(|update| update.user != user);
        }
    }
    draft.seen.address_holders = deferred;
}

/// Puts who frees an address before who gets it. People who swap addresses in a ring can't be ordered: they fail.
fn order_updates(draft: &mut Draft<'_>) {
    let waits_for: HashMap<u32, u32> = draft.seen.address_holders.iter().copied().collect();
    if waits_for.is_empty() {
        return;
    }
    let mut rest = std::mem::take(&mut draft.plan.updates);
    loop {
        let open: HashSet<u32> = rest.iter().map(|update| update.holding).collect();
        let before = rest.len();
        let (ready, waiting): (Vec<_>, Vec<_>) = rest.into_iter().partition(|update| {
            update.patch.email.is_none() || waits_for.get(&update.user).is_none_or(|holder| !open.contains(holder))
        });
        draft.plan.updates.extend(ready);
        rest = waiting;
        if rest.is_empty() || rest.len() == before {
            break;
        }
    }
    for update in rest {
        let message =
            "people exchange their e-mail addresses in a ring, which no order of writes can do; free one of the \
                       addresses by hand"
                .to_owned();
        draft.fail_user(update.user, FailureReason::AddressInUse, message);
    }
}

fn create(draft: &mut Draft<'_>, freed: &HashSet<u32>) {
    let waiting: HashMap<u32, u32> = draft.seen.address_holders.iter().copied().collect();
    let desired = draft.desired();
    let default = desired
        .rules
        .default_role
        .as_ref()
        .map(|role| draft.seen.roles.number(role));
    for user in 0..desired.snapshot.user_count() {
        if !wanted(draft, user) || draft.seen.holding_of[user as usize] != NOBODY {
            continue;
        }
        let role = match wish(draft, user) {
            RoleWish::Give(role) => Some(role),
            RoleWish::None | RoleWish::Leave => default,
        };
        let after_updates = waiting.get(&user).is_some_and(|holder| freed.contains(holder));
        draft.plan.creations.push(Creation {
            user,
            role,
            after_updates,
        });
    }
}

/// Roles of users who exist. Each change takes one away, so it waits while anything is in doubt.
fn change_roles(draft: &mut Draft<'_>) {
    let rules = draft.desired().rules;
    let default = rules
        .default_role
        .as_ref()
        .map(|role| draft.seen.roles.number(role))
        .or(draft.seen.roles.default);
    let protected: HashSet<u16> = rules
        .protect
        .roles
        .iter()
        .filter_map(|role| draft.seen.roles.numbers.get(role).copied())
        .collect();
    let certain = draft.complete && !draft.desired().unknown_members;
    let mut given: HashMap<u16, u64> = HashMap::new();
    let mut taken: HashMap<Option<u16>, u64> = HashMap::new();
    let mut administrators = Administrators::new(draft);
    for user in 0..draft.desired().snapshot.user_count() {
        let holding = draft.seen.holding_of[user as usize];
        if holding == NOBODY {
            continue;
        }
        let held = *draft.seen.holdings.get(holding);
        let ours = held.role().filter(|_| held.managed && held.role() == held.given_role());
        if let Some(role) = ours {
            *given.entry(role).or_default() += 1;
        }
        if !wanted(draft, user) {
            continue;
        }
        let to = match wish(draft, user) {
            RoleWish::Give(role) => Some(role),
            RoleWish::None => ours.and(default),
            RoleWish::Leave => None,
        };
        let Some(to) = to.filter(|to| held.role() != Some(*to)) else {
            continue;
        };
        if held.role().is_some_and(|role| protected.contains(&role)) || protected.contains(&to) {
            draft.keep(RemovalKind::Role, KeptReason::Protected, 1);
        } else if !certain {
            draft.keep(RemovalKind::Role, KeptReason::Incomplete, 1);
        } else if !draft.seen.roles.administrator.contains(&to) && !administrators.may_lose(draft, holding) {
            draft.keep(RemovalKind::Role, KeptReason::LastAdministrator, 1);
        } else {
            *taken.entry(held.role()).or_default() += 1;
            draft.plan.role_changes.push(RoleChange {
                holding,
                from: held.role(),
                to,
            });
        }
    }
    draft.seen.active_administrators = administrators.left;
    for (role, removals) in taken {
        let name = role.map_or_else(
            || "(none)".to_owned(),
            |role| draft.seen.roles.names[usize::from(role)].clone(),
        );
        let size = role.and_then(|role| given.remove(&role)).unwrap_or(0);
        let population = Population {
            kind: RemovalKind::Role,
            name: Some(name),
            size,
            removals,
        };
        draft.plan.populations.push(population);
    }
    for (role, size) in given {
        let name = Some(draft.seen.roles.names[usize::from(role)].clone());
        draft.plan.populations.push(Population {
            kind: RemovalKind::Role,
            name,
            size,
            removals: 0,
        });
    }
    draft.plan.populations.sort_by(|one, other| one.name.cmp(&other.name));
}

/// Counts down to the last active administrator, whoever that is: counted over the whole platform.
struct Administrators {
    left: u64,
}

impl Administrators {
    fn new(draft: &Draft<'_>) -> Self {
        Self {
            left: draft.seen.active_administrators,
        }
    }

    fn may_lose(&mut self, draft: &Draft<'_>, holding: u32) -> bool {
        if !draft.seen.administrators.contains(&holding) {
            return true;
        }
        if self.left <= 1 {
            return false;
        }
        self.left -= 1;
        true
    }
}

/// Leavers: absent, disabled or out of scope.
fn deactivate(draft: &mut Draft<'_>) {
    let mut leavers: Vec<(u32, Leaver)> = std::mem::take(&mut draft.seen.leavers).into_iter().collect();
    leavers.sort_by(|(one, _), (other, _)| draft.seen.holdings.id(*one).cmp(draft.seen.holdings.id(*other)));
    let mut administrators = Administrators::new(draft);
    for (holding, Leaver { external_id, email }) in leavers {
        let held = *draft.seen.holdings.get(holding);
        let cause = match held.user().map(|user| draft.desired().people[user as usize].standing) {
            None => Cause::Absent,
            Some(Standing::Disabled) => Cause::Disabled,
            _ => Cause::OutOfScope,
        };
        let doubled = held.user().is_some_and(|user| draft.left_alone.contains(&user));
        if doubled && !held.untouchable {
            continue;
        }
        let certain = draft.complete && (cause != Cause::OutOfScope || !draft.desired().unknown_members);
        let reason =
            if held.untouchable && draft.seen.account.user_id.as_deref() == Some(draft.seen.holdings.id(holding)) {
                Some(KeptReason::OwnAccount)
            } else if held.untouchable || has_protected_role(draft, held.role()) {
                Some(KeptReason::Protected)
            } else if !certain {
                Some(KeptReason::Incomplete)
            } else if held.active && !administrators.may_lose(draft, holding) {
                Some(KeptReason::LastAdministrator)
            } else {
                None
            };
        match reason {
            Some(reason) => draft.keep(RemovalKind::User, reason, u64::from(held.active)),
            None => {
                draft.leaving.insert(holding);
                if held.active {
                    draft.plan.deactivations.push(Deactivation {
                        holding,
                        external_id,
                        email,
                        cause,
                    });
                }
            }
        }
    }
}

fn has_protected_role(draft: &Draft<'_>, role: Option<u16>) -> bool {
    role.is_some_and(|role| {
        draft
            .desired()
            .rules
            .protect
            .roles
            .contains(&draft.seen.roles.names[usize::from(role)])
    })
}

fn count_users(draft: &mut Draft<'_>) {
    let size = draft
        .seen
        .holdings
        .iter()
        .filter(|(_, holding)| holding.managed && holding.active)
        .count() as u64;
    let removals = draft.plan.deactivations.len() as u64;
    draft.plan.managed_users = size;
    draft.plan.populations.insert(
        0,
        Population {
            kind: RemovalKind::User,
            name: None,
            size,
            removals,
        },
    );
}
