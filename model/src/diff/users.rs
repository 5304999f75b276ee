//! Who is created, adopted, activated, updated.

use std::collections::HashSet;

use super::{
    Difference, addresses,
    draft::{Draft, Fate},
    roles::{DefaultRole, wish},
};
use crate::{
    desired::{FailureReason, RoleWish},
    plan::{Creation, Update},
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
