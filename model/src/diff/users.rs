//! Who is created, adopted, activated, updated, deactivated.

use std::collections::HashSet;

use super::{
    Difference, Leaver, addresses,
    draft::{Draft, Fate},
    roles::{Administrators, DefaultRole, wish},
};
use crate::{
    desired::{FailureReason, RoleWish, Standing},
    plan::{Cause, Creation, Deactivation, KeptReason, Population, RemovalKind, Update},
};

/// Plans all that happens to users before anything is taken from them.
pub(super) fn plan(draft: &mut Draft<'_>) {
    update(draft);
    let late = addresses::settle(draft);
    create(draft, &late);
}

fn update(draft: &mut Draft<'_>) {
    for user in 0..draft.desired().snapshot.user_count() {
        let Some(holding) = draft.holding_of(user).filter(|_| draft.wanted(user)) else {
            continue;
        };
        let held = *draft.seen.holdings.get(holding);
        let adopt = draft.fates[holding as usize] == Fate::Adopted;
        let activate = held.deactivated_by_us;
        if !held.active && !activate {
            // Deactivated by hand: he stays so, and everything of his stays with him.
            draft.left_alone[user as usize] = true;
            if !adopt {
                continue;
            }
        }
        let Difference { patch, changes } = draft.seen.differences.remove(&holding).unwrap_or_default();
        if adopt || activate || !changes.is_empty() {
            draft.plan.updates.push(Update {
                holding,
                user,
                turn: 0,
                adopt,
                activate,
                patch,
                changes,
            });
        }
    }
}

fn create(draft: &mut Draft<'_>, late: &HashSet<u32>) {
    let default = DefaultRole::new(draft);
    for user in 0..draft.desired().snapshot.user_count() {
        if !draft.wanted(user) || draft.holding_of(user).is_some() {
            continue;
        }
        let role = match (wish(draft, user), &default) {
            (RoleWish::Give(role), _) => Some(role),
            (_, DefaultRole::Is(role)) => *role,
            (_, DefaultRole::Unusable(message)) => {
                // Created with what the platform chooses by itself, he might get more than he is to have.
                draft.fail_user(user, FailureReason::RoleNotFound, message.clone());
                continue;
            }
        };
        draft.plan.creations.push(Creation {
            user,
            role,
            after_updates: late.contains(&user),
        });
    }
}

/// Plans the deactivation of leavers: absent, disabled, out of scope or in no mapped group.
pub(super) fn deactivate(draft: &mut Draft<'_>) {
    let mut leavers = std::mem::take(&mut draft.seen.leavers);
    let holdings = &draft.seen.holdings;
    leavers.sort_by(|one, other| holdings.id(one.holding).cmp(holdings.id(other.holding)));
    let mut administrators = Administrators::left(draft);
    for leaver in leavers {
        let Leaver {
            holding,
            external_id,
            email,
        } = leaver;
        let held = *draft.seen.holdings.get(holding);
        let (cause, certain) = judge(draft, held.user());
        let own_account = draft.seen.account.user_id.as_deref() == Some(draft.seen.holdings.id(holding));
        let reason = if own_account {
            Some(KeptReason::OwnAccount)
        } else if held.untouchable || draft.seen.roles.is_protected(held.role()) {
            Some(KeptReason::Protected)
        } else if !certain {
            Some(draft.waits_for())
        } else if !administrators.may_lose(draft, holding) {
            Some(KeptReason::LastAdministrator)
        } else {
            None
        };
        if let Some(reason) = reason {
            if reason == KeptReason::Frozen && cause == Cause::Unmapped {
                draft.fates[holding as usize] = Fate::Waits;
            }
            draft.keep(RemovalKind::User, reason, u64::from(held.active));
        } else if held.active {
            draft.fates[holding as usize] = Fate::Deactivated;
            draft.plan.deactivations.push(Deactivation {
                holding,
                external_id,
                email,
                cause,
            });
        } else {
            draft.fates[holding as usize] = Fate::Gone;
        }
    }
    count_users(draft);
}

/// Why somebody is to go, and whether that is certain.
fn judge(draft: &Draft<'_>, user: Option<u32>) -> (Cause, bool) {
    let desired = draft.desired();
    let standing = user.map(|user| desired.people[user as usize].standing);
    match standing {
        None => (Cause::Absent, draft.certain),
        Some(Standing::Disabled) => (Cause::Disabled, draft.certain),
        Some(Standing::OutOfScope) => (Cause::OutOfScope, draft.certain && !desired.unknown_members),
        _ => {
            let known = !desired.unknown_members && !desired.frozen_members;
            (Cause::Unmapped, draft.certain && known)
        }
    }
}

fn count_users(draft: &mut Draft<'_>) {
    let counted = draft.seen.holdings.iter();
    let size = counted.filter(|(_, holding)| holding.managed && holding.active).count() as u64;
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
