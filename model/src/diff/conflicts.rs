//! Who is whom: conflicts that leave a person alone, and the adoption of users whom nobody manages.

use std::collections::{HashMap, HashSet};

use super::draft::{Draft, Fate};
use crate::{
    desired::{Failure, FailureKind, FailureReason},
    rules::Adoption,
};

/// How many ids a message names.
const NAMED: usize = 5;

/// Decides for each person which user of the platform he is, and leaves alone those for whom that can't be told.
pub(super) fn reject(draft: &mut Draft<'_>) {
    leave_alone_protected(draft);
    reject_doubled(draft);
    reject_foreign(draft);
    reject_shared_addresses(draft);
    adopt(draft);
    report_unidentified(draft);
    leave_alone_untouchable(draft);
}

/// A user with our mark who lost his external id, and whom nobody turned out to be: not absent, but unknown.
fn report_unidentified(draft: &mut Draft<'_>) {
    let mut ids = std::mem::take(&mut draft.seen.unidentified);
    ids.sort_unstable();
    ids.dedup();
    draft.plan.failures.extend(ids.into_iter().map(|id| {
        Failure {
            kind: FailureKind::User,
            id,
            reason: FailureReason::AmbiguousMatch,
            message: "the platform's user carries our mark and no external id, so nobody can tell who he is: set his \
                  external id, or take the mark off him"
                .to_owned(),
        }
    }));
}

fn reject_doubled(draft: &mut Draft<'_>) {
    let mut doubled: Vec<u32> = draft.seen.doubled.iter().copied().collect();
    doubled.sort_unstable();
    for user in doubled
        .into_iter()
        .filter(|user| draft.wanted(*user))
        .collect::<Vec<_>>()
    {
        let message = "several platform users carry this person's id and our mark; nothing is guessed: take the mark \
                       off all but one"
            .to_owned();
        draft.fail_user(user, FailureReason::AmbiguousMatch, message);
    }
}

fn reject_foreign(draft: &mut Draft<'_>) {
    for (user, owner) in std::mem::take(&mut draft.seen.elsewhere) {
        // Whoever has a user of ours already goes on; the other one is somebody else's business.
        if draft.wanted(user) && draft.holding_of(user).is_none() {
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
    for (first, people) in groups {
        let has_it = |user: &u32| {
            let holding = draft.holding_of(*user)?;
            let difference = draft.seen.differences.get(&holding);
            Some(difference.is_none_or(|difference| difference.patch.email.is_none()))
        };
        let managed = || people.iter().copied().filter_map(|user| Some((user, has_it(&user)?)));
        let keepers: Vec<u32> = managed().filter(|(_, keeps)| *keeps).map(|(user, _)| user).collect();
        let managed: Vec<u32> = managed().map(|(user, _)| user).collect();
        let goes_on = match (keepers.as_slice(), managed.as_slice()) {
            ([only], _) | ([], [only]) => Some(*only),
            _ => None,
        };
        draft.heirs.extend(goes_on.map(|heir| (first, heir)));
        let snapshot = draft.desired().snapshot;
        let mut ids: Vec<&str> = people.iter().map(|user| snapshot.user_id(*user)).collect();
        ids.sort_unstable();
        for user in people.iter().copied().filter(|user| Some(*user) != goes_on) {
            if draft.left_alone[user as usize] {
                continue;
            }
            let own = snapshot.user_id(user);
            let others: Vec<&str> = ids.iter().copied().filter(|id| *id != own).take(NAMED).collect();
            let message = format!("the directory gives the same e-mail address to {}", others.join(", "));
            draft.fail_user(user, FailureReason::DuplicateEmail, message);
        }
    }
}

/// Decides which unmanaged users become managed: by external id, else by address, and only where one fits.
fn adopt(draft: &mut Draft<'_>) {
    let adoption = draft.desired().rules.adoption;
    let mut candidates = std::mem::take(&mut draft.seen.candidates);
    candidates.sort_unstable_by_key(|candidate| (candidate.user, !candidate.by_external_id, candidate.holding));
    for same in candidates.chunk_by(|one, other| one.user == other.user) {
        let user = same[0].user;
        if !draft.wanted(user) || draft.holding_of(user).is_some() {
            continue;
        }
        let by_id = same.iter().filter(|candidate| candidate.by_external_id).count();
        let fitting = if by_id > 0 { &same[..by_id] } else { same };
        let id = |holding: u32| draft.seen.holdings.id(holding).to_owned();
        match (fitting, adoption) {
            ([only], _) if draft.seen.holdings.get(only.holding).untouchable => {
                // That is what `protect` asks for, so it is no failure.
                draft.left_alone[user as usize] = true;
            }
            ([only], Adoption::Email) => take(draft, user, only.holding),
            ([only], Adoption::ExternalId) if by_id > 0 => take(draft, user, only.holding),
            ([only], _) => {
                let message = format!(
                    "the platform's user {} fits, and adoption.match doesn't allow to take him; change it, or remove him",
                    id(only.holding)
                );
                draft.fail_user(user, FailureReason::AdoptionNotAllowed, message);
            }
            _ => {
                let mut ids: Vec<String> = fitting.iter().map(|candidate| id(candidate.holding)).collect();
                ids.sort_unstable();
                ids.truncate(NAMED);
                let message = format!("several platform users fit ({}); nothing is guessed", ids.join(", "));
                draft.fail_user(user, FailureReason::AmbiguousMatch, message);
            }
        }
    }
    let lost = candidates
        .iter()
        .filter(|candidate| candidate.marked && draft.fates[candidate.holding as usize] != Fate::Adopted);
    let lost: Vec<String> = lost
        .map(|candidate| draft.seen.holdings.id(candidate.holding).to_owned())
        .collect();
    draft.seen.unidentified.extend(lost);
}

fn take(draft: &mut Draft<'_>, user: u32, holding: u32) {
    draft.seen.holding_of[user as usize] = holding;
    draft.fates[holding as usize] = Fate::Adopted;
}

/// Nothing is done for people whom `protect` names, whether they have a user or not: one that is created, or given a
/// protected address, would be untouchable from then on, half done.
fn leave_alone_protected(draft: &mut Draft<'_>) {
    let desired = draft.desired();
    let protected = &desired.rules.protect.users;
    let by_email: HashSet<u32> = protected
        .iter()
        .filter_map(|user| draft.seen.wanted_by_email(user))
        .collect();
    let by_id = protected.iter().filter_map(|user| desired.snapshot.find_user(user));
    let shared = desired
        .shared_emails
        .iter()
        .filter(|(_, first)| by_email.contains(first));
    let later = shared.map(|(later, _)| *later);
    for user in by_email.iter().copied().chain(by_id).chain(later) {
        draft.left_alone[user as usize] = true;
    }
}

/// Nothing is done for people whose user is untouchable.
fn leave_alone_untouchable(draft: &mut Draft<'_>) {
    let untouchable = draft.seen.holdings.iter().filter(|(_, holding)| holding.untouchable);
    let people: Vec<u32> = untouchable
        .filter_map(|(number, holding)| holding.user().filter(|user| draft.holding_of(*user) == Some(number)))
        .collect();
    for user in people {
        draft.left_alone[user as usize] = true;
    }
}
