//! Who joins and who leaves which team and which inbox.

use std::collections::HashSet;

use super::{
    containers::Targets,
    draft::{Draft, Fate},
    held::Membership,
};
use crate::{
    desired::Standing,
    plan::{Additions, Place, Population, RemovalKind, Removals},
};

/// Plans all memberships, one container after the other.
pub(super) fn plan(draft: &mut Draft<'_>, targets: &Targets) {
    draft.seen.memberships.sort();
    let mut joining: Vec<Option<&[usize]>> = vec![None; draft.seen.containers.len()];
    for (place, sources) in &targets.joining {
        match place {
            Place::Held(at) => joining[*at] = Some(sources),
            Place::New(_) => {
                let users = wanted_members(draft, sources);
                if !users.is_empty() {
                    draft.plan.additions.push(Additions { place: *place, users });
                }
            }
        }
    }
    for (at, sources) in joining.into_iter().enumerate() {
        let (wanted, lost) = match sources {
            Some(sources) => (wanted_members(draft, sources), None),
            None => (Vec::new(), targets.lost.get(&draft.seen.containers[at].kind)),
        };
        one(draft, at, wanted, targets.frozen[at], lost);
    }
    draft.plan.additions.sort_by_key(|additions| additions.place);
}

fn wanted_members(draft: &Draft<'_>, containers: &[usize]) -> Vec<u32> {
    let desired = draft.desired();
    let mut members = Vec::new();
    let mut part = Vec::new();
    for container in containers {
        desired.members_into(&desired.containers[*container], &mut part);
        members.append(&mut part);
    }
    if containers.len() > 1 {
        members.sort_unstable();
        members.dedup();
    }
    members.retain(|user| !draft.left_alone[*user as usize]);
    members
}

/// One container of the platform: merges who should be in it with who is. Nobody leaves it who is `lost`.
fn one(draft: &mut Draft<'_>, container: usize, mut wanted: Vec<u32>, frozen: bool, lost: Option<&HashSet<u32>>) {
    let held = draft.seen.memberships.of(container, |user| draft.holding_of(user));
    let mut present: Vec<(u32, u32)> = Vec::with_capacity(held.len());
    let mut removals = Removals {
        container,
        leaving: Vec::new(),
        with_deactivation: Vec::new(),
    };
    let (mut population, mut waiting) = (0, 0);
    for Membership { holding, ours: marked } in held {
        let row = draft.seen.holdings.get(holding);
        let fate = draft.fates[holding as usize];
        let ours = marked && (row.managed || fate == Fate::Adopted);
        population += u64::from(ours);
        match fate {
            Fate::Deactivated if ours && !frozen => removals.with_deactivation.push(holding),
            Fate::Gone if ours && !frozen => removals.leaving.push(holding),
            // The directory has nothing of him, so his account is all that is kept.
            Fate::Kept if row.user().is_none() && ours && frozen => waiting += 1,
            Fate::Kept if row.user().is_none() && ours => removals.leaving.push(holding),
            Fate::Deactivated | Fate::Gone | Fate::Deleted => {}
            Fate::Stays | Fate::Adopted | Fate::Waits | Fate::Kept => {
                let person = row.user().filter(|user| draft.holding_of(*user) == Some(holding));
                present.extend(person.map(|user| (user, holding << 1 | u32::from(ours))));
            }
        }
    }
    present.sort_unstable();

    let kind = RemovalKind::from(draft.seen.containers[container].kind);
    let desired = draft.desired();
    let unplaced = |user: &u32| kind == RemovalKind::TeamMembership && desired.unplaced.contains(user);
    let mut at = 0;
    for (user, membership) in &present {
        while wanted.get(at).is_some_and(|other| other < user) {
            at += 1;
        }
        let belongs = wanted.get(at) == Some(user);
        let (holding, ours) = (membership >> 1, membership & 1 == 1);
        let judged = desired.people[*user as usize].standing == Standing::Wanted
            || matches!(draft.fates[holding as usize], Fate::Waits | Fate::Kept);
        if belongs || !ours || !judged || draft.left_alone[*user as usize] {
            continue;
        }
        if frozen || !draft.certain || unplaced(user) || lost.is_some_and(|people| people.contains(user)) {
            waiting += 1;
        } else {
            removals.leaving.push(holding);
        }
    }
    subtract(&mut wanted, &present);

    draft.keep(kind, draft.waits_for(), waiting);
    if !wanted.is_empty() {
        draft.plan.additions.push(Additions {
            place: Place::Held(container),
            users: wanted,
        });
    }
    if population > 0 {
        draft.plan.populations.push(Population {
            kind,
            name: Some(draft.seen.containers[container].name.clone()),
            size: population,
            removals: removals.leaving.len() as u64,
        });
    }
    if !removals.leaving.is_empty() || !removals.with_deactivation.is_empty() {
        removals.leaving.sort_unstable();
        draft.plan.removals.push(removals);
    }
}

/// Takes from `wanted` who is `present`; both are sorted.
fn subtract(wanted: &mut Vec<u32>, present: &[(u32, u32)]) {
    let mut at = 0;
    wanted.retain(|user| {
        while present.get(at).is_some_and(|(other, _)| other < user) {
            at += 1;
        }
        present.get(at).is_none_or(|(other, _)| other != user)
    });
    wanted.shrink_to_fit();
}
