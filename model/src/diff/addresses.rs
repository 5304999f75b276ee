//! Addresses pass from one user to another: they are freed before they are given.

use std::collections::{HashMap, HashSet, VecDeque};

use super::draft::Draft;
use crate::desired::FailureReason;

/// Who waits for whom.
#[derive(Default)]
struct Waiting {
    /// For how many users each person waits.
    open: HashMap<u32, usize>,
    /// The people who wait for a user's address, by the person whose user it is.
    behind: HashMap<u32, Vec<u32>>,
    /// People who wait for an address that is never freed, and the user who has it.
    lost: Vec<(u32, u32)>,
}

/// Puts the updates into an order in which addresses are freed before they are given, and fails whoever waits for an
/// address that stays where it is. Returns the people who are to be created only after the updates.
///
/// Each person and each wait is looked at once: half a company may change its addresses in one sync.
pub(super) fn settle(draft: &mut Draft<'_>) -> HashSet<u32> {
    let movers: HashMap<u32, u32> = draft
        .plan
        .updates
        .iter()
        .filter(|update| update.patch.email.is_some())
        .map(|update| (update.holding, update.user))
        .collect();
    let moving: HashSet<u32> = movers.values().copied().collect();
    let Waiting {
        mut open,
        mut behind,
        lost,
    } = waiting(draft, &movers, &moving);
    if open.is_empty() && lost.is_empty() {
        return HashSet::new();
    }

    let mut dropped: HashSet<u32> = HashSet::new();
    let mut falling: Vec<u32> = Vec::new();
    for (user, holder) in lost {
        if dropped.insert(user) {
            let (reason, message) = taken(draft, holder);
            draft.fail_user(user, reason, message);
            falling.push(user);
        }
    }
    while let Some(user) = falling.pop() {
        for next in behind.remove(&user).unwrap_or_default() {
            if dropped.insert(next) {
                let id = draft.desired().snapshot.user_id(user);
                let message = format!("{id} has this address and can't give it up yet; that failure comes first");
                draft.fail_user(next, FailureReason::AddressInUse, message);
                falling.push(next);
            }
        }
    }

    // A person's turn comes after the turns of all for whom he waits.
    let mut turns: HashMap<u32, u32> = HashMap::new();
    let is_ready = |user: &u32| !open.contains_key(user) && !dropped.contains(user);
    let mut ready: VecDeque<u32> = moving.iter().copied().filter(is_ready).collect();
    while let Some(user) = ready.pop_front() {
        let turn = turns.get(&user).copied().unwrap_or(0);
        for next in behind.remove(&user).unwrap_or_default() {
            let (Some(count), false) = (open.get_mut(&next), dropped.contains(&next)) else {
                continue;
            };
            *count -= 1;
            let later = turns.entry(next).or_default();
            *later = (*later).max(turn + 1);
            if *count == 0 && moving.contains(&next) {
                ready.push_back(next);
            }
        }
    }
    let mut ring: Vec<u32> = open
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(user, _)| *user)
        .collect();
    ring.retain(|user| !dropped.contains(user));
    ring.sort_unstable();
    for user in ring {
        let message = "people exchange their e-mail addresses in a ring, which no order of writes can do; free one of \
                       the addresses by hand"
            .to_owned();
        draft.fail_user(user, FailureReason::AddressInUse, message);
        dropped.insert(user);
    }
    draft.plan.updates.retain(|update| !dropped.contains(&update.user));
    for update in &mut draft.plan.updates {
        update.turn = turns.get(&update.user).copied().unwrap_or(0);
    }
    draft.plan.updates.sort_by_key(|update| update.turn);
    open.into_keys().filter(|user| !moving.contains(user)).collect()
}

fn waiting(draft: &mut Draft<'_>, movers: &HashMap<u32, u32>, moving: &HashSet<u32>) -> Waiting {
    let mut holders = std::mem::take(&mut draft.seen.address_holders);
    holders.sort_unstable();
    holders.dedup();
    let mut waiting = Waiting::default();
    for (first, holder) in holders {
        let user = draft.heirs.get(&first).copied().unwrap_or(first);
        // Whoever has the address already, is neither moved nor created.
        let is_new = draft.holding_of(user).is_none() && draft.wanted(user);
        if !moving.contains(&user) && !is_new {
            continue;
        }
        match movers.get(&holder) {
            Some(mover) => {
                *waiting.open.entry(user).or_default() += 1;
                waiting.behind.entry(*mover).or_default().push(user);
            }
            None => waiting.lost.push((user, holder)),
        }
    }
    waiting
}

fn taken(draft: &Draft<'_>, holder: u32) -> (FailureReason, String) {
    let id = draft.seen.holdings.id(holder);
    if draft.seen.holdings.get(holder).managed {
        let message = format!(
            "the platform's user {id} has this address and is managed under another directory id; he is never taken \
             over: change his address, or take our mark off him"
        );
        (FailureReason::AddressReused, message)
    } else {
        let message = format!("the platform's user {id} has this address");
        (FailureReason::AddressInUse, message)
    }
}
