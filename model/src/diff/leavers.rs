//! Who is deactivated, deleted, or kept: people who are absent, disabled, out of scope or in no mapped group.

use super::{
    draft::{Draft, Fate},
    roles::Administrators,
};
use crate::{
    desired::Standing,
    plan::{Cause, Gone, Holding, KeptReason, Leaver, Population, RemovalKind},
    rules::{Deprovision, Rules, UserScope},
};

/// Finds those whose accounts are kept by what the connection asks for. Comes before roles are planned: what we gave them
/// lapses.
pub(super) fn keep(draft: &mut Draft<'_>) {
    if draft.desired().rules.deprovision != Deprovision::Keep {
        return;
    }
    for at in 0..draft.seen.leavers.len() {
        let leaver = &draft.seen.leavers[at];
        let holding = leaver.holding;
        if draft.seen.holdings.get(holding).active && untouched(draft, leaver).is_none() {
            draft.fates[holding as usize] = Fate::Kept;
        }
    }
}

/// What a leaver's account is up for.
enum Step {
    Deactivate,
    Delete,
    /// He is inactive, and stays.
    Nothing,
}

/// Plans what becomes of the leavers' accounts.
pub(super) fn deprovision(draft: &mut Draft<'_>) {
    let mut leavers = std::mem::take(&mut draft.seen.leavers);
    let holdings = &draft.seen.holdings;
    leavers.sort_by(|one, other| holdings.id(one.holding).cmp(holdings.id(other.holding)));
    let mut administrators = Administrators::left(draft);
    for leaver in leavers {
        let holding = leaver.holding;
        let held = *draft.seen.holdings.get(holding);
        let step = step(draft, &held, &leaver);
        let reason = untouched(draft, &leaver);
        let reason = reason.or_else(|| match step {
            Step::Deactivate if draft.fates[holding as usize] == Fate::Kept => Some(KeptReason::KeepAction),
            Step::Deactivate if !administrators.may_lose(draft, holding) => Some(KeptReason::LastAdministrator),
            _ => None,
        });
        if let Some(reason) = reason {
            wait(draft, &leaver);
            match step {
                Step::Deactivate => draft.keep(RemovalKind::User, reason, 1),
                Step::Delete => draft.keep(RemovalKind::Deletion, reason, 1),
                Step::Nothing => {}
            }
        }
        match step {
            Step::Deactivate if reason.is_none() => {
                draft.fates[holding as usize] = Fate::Deactivated;
                draft.plan.deactivations.push(leaver);
            }
            Step::Delete if reason.is_none() => {
                draft.fates[holding as usize] = Fate::Deleted;
                draft.plan.deletions.push(leaver);
            }
            _ => {
                if reason.is_none() {
                    draft.fates[holding as usize] = Fate::Gone;
                }
                let is_ours_to_change = !matches!(reason, Some(KeptReason::OwnAccount | KeptReason::Protected));
                if held.active && held.deactivated_by_us && is_ours_to_change {
                    draft.plan.activated_by_hand.push(holding);
                }
                draft.plan.gone.push(Gone { leaver, kept: reason });
            }
        }
    }
    release(draft);
    count(draft);
}

/// Where the connection is deleted, nobody is managed by it any more in the end: but for those whom a later sync deletes.
fn release(draft: &mut Draft<'_>) {
    if draft.desired().rules.scope != UserScope::Nobody {
        return;
    }
    let deletes = matches!(draft.desired().rules.deprovision, Deprovision::DeleteAfter(_));
    let deactivated = draft.plan.deactivations.iter().filter(|_| !deletes);
    let gone = draft.plan.gone.iter();
    let stays = gone.filter(|gone| match gone.kept {
        None => !deletes || gone.leaver.since.is_none(),
        // What is in doubt now may be taken by a later sync.
        Some(KeptReason::Incomplete | KeptReason::Frozen | KeptReason::RolesUnknown) => false,
        Some(_) => true,
    });
    let ours = deactivated.chain(stays.map(|gone| &gone.leaver));
    let ours = ours.map(|leaver| leaver.holding);
    let mut releases: Vec<u32> = ours.chain(draft.seen.nameless.iter().copied()).collect();
    releases.sort_unstable();
    draft.plan.releases = releases;
}

/// Why somebody of this standing is to go; `None`: the directory doesn't have him.
pub(super) fn cause(rules: &Rules, standing: Option<Standing>) -> Cause {
    if rules.scope == UserScope::Nobody {
        return Cause::ConnectionDeleted;
    }
    match standing {
        None => Cause::Absent,
        Some(Standing::Disabled) => Cause::Disabled,
        Some(Standing::OutOfScope) => Cause::OutOfScope,
        _ => Cause::Unmapped,
    }
}

/// Whether it is certain that somebody is to go for this cause.
fn is_certain(draft: &Draft<'_>, cause: Cause) -> bool {
    let desired = draft.desired();
    let known = match cause {
        Cause::ConnectionDeleted | Cause::Absent | Cause::Disabled => true,
        Cause::OutOfScope => !desired.unknown_members,
        Cause::Unmapped => !desired.unknown_members && !desired.frozen_members,
    };
    draft.certain && known
}

/// Why nothing may be taken from a leaver, if anything says so.
fn untouched(draft: &Draft<'_>, leaver: &Leaver) -> Option<KeptReason> {
    let held = draft.seen.holdings.get(leaver.holding);
    if draft.seen.account.user_id.as_deref() == Some(draft.seen.holdings.id(leaver.holding)) {
        Some(KeptReason::OwnAccount)
    } else if held.untouchable || draft.seen.roles.is_protected(held.role()) {
        Some(KeptReason::Protected)
    } else if !is_certain(draft, leaver.cause) {
        Some(draft.waits_for())
    } else {
        None
    }
}

/// Where only a mapping that can't be told may still have him, what the others gave him is taken all the same.
fn wait(draft: &mut Draft<'_>, leaver: &Leaver) {
    if untouched(draft, leaver) == Some(KeptReason::Frozen) && leaver.cause == Cause::Unmapped {
        draft.fates[leaver.holding as usize] = Fate::Waits;
    }
}

/// Only whom we deactivated is deleted, and only by a later sync than the one that did. Who was activated by hand meanwhile
/// is deactivated again, and his time begins anew. A time in the future, as a clock that was wrong leaves it, is not due.
fn step(draft: &Draft<'_>, held: &Holding, leaver: &Leaver) -> Step {
    let desired = draft.desired();
    let due = |since| {
        desired
            .rules
            .deprovision
            .due(since)
            .is_some_and(|due| due <= desired.now)
    };
    match leaver.since {
        _ if held.active => Step::Deactivate,
        Some(since) if due(since) => Step::Delete,
        _ => Step::Nothing,
    }
}

/// Users are judged by who is managed and active; deletions by those and the ones whom we deactivated: by all whom the
/// connection has.
fn count(draft: &mut Draft<'_>) {
    let managed = || draft.seen.holdings.iter().filter(|(_, holding)| holding.managed);
    let active = managed().filter(|(_, holding)| holding.active).count() as u64;
    let ours = managed().filter(|(_, holding)| holding.active || holding.deactivated_by_us);
    let ours = ours.count() as u64;
    draft.plan.managed_users = active;
    let population = |kind, size, removals: usize| Population {
        kind,
        name: None,
        size,
        removals: removals as u64,
    };
    let deactivated = population(RemovalKind::User, active, draft.plan.deactivations.len());
    draft.plan.populations.insert(0, deactivated);
    if matches!(draft.desired().rules.deprovision, Deprovision::DeleteAfter(_)) {
        let deleted = population(RemovalKind::Deletion, ours, draft.plan.deletions.len());
        draft.plan.populations.insert(1, deleted);
    }
}
