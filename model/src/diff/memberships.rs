//! Who joins and who leaves which team and which inbox.

use super::{Draft, containers::Targets};
use crate::{
    desired::Standing,
    plan::{Additions, KeptReason, Place, Population, RemovalKind, Removals},
};

/// Plans all memberships, one container after the other.
pub(super) fn plan(draft: &mut Draft<'_>, targets: &Targets) {
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
        let wanted = sources
            .map(|sources| wanted_members(draft, sources))
            .unwrap_or_default();
        let held = std::mem::take(&mut draft.seen.memberships[at]);
        one(draft, at, wanted, &held, targets.frozen[at]);
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
    members.retain(|user| !draft.left_alone.contains(user));
    members
}

/// One container of the platform: merges who should be in it with who is.
fn one(draft: &mut Draft<'_>, container: usize, wanted: Vec<u32>, held: &[u32], frozen: bool) {
    let kind = RemovalKind::from(draft.seen.containers[container].kind);
    // (person, membership) of everybody who is in it and is somebody of the directory.
    let mut present: Vec<u32> = Vec::with_capacity(held.len());
    let mut leaving = Vec::new();
    let mut with_deactivation = Vec::new();
    let mut population = 0;
    let mut waiting = 0;
    for membership in held {
        let (holding, ours) = (membership >> 1, membership & 1 == 1);
        let row = draft.seen.holdings.get(holding);
        let person = row
            .user()
            .filter(|user| draft.seen.holding_of[*user as usize] == holding);
        if let Some(user) = person {
            present.push(user);
        }
        if !ours || !row.managed {
            continue;
        }
        population += 1;
        if draft.leaving.contains(&holding) {
            if !frozen {
                with_deactivation.push(holding);
            }
            continue;
        }
        let Some(user) = person.filter(|user| !draft.left_alone.contains(user)) else {
            continue;
        };
        let stays =
            draft.desired().people[user as usize].standing != Standing::Wanted || wanted.binary_search(&user).is_ok();
        if !stays && (frozen || !draft.complete) {
            waiting += 1;
        } else if !stays {
            leaving.push(holding);
        }
    }
    draft.keep(kind, KeptReason::Incomplete, waiting);
    present.sort_unstable();
    let joining = difference(wanted, &present);
    if !joining.is_empty() {
        draft.plan.additions.push(Additions {
            place: Place::Held(container),
            users: joining,
        });
    }
    let removals = leaving.len() as u64;
    if population > 0 {
        let name = Some(draft.seen.containers[container].name.clone());
        draft.plan.populations.push(Population {
            kind,
            name,
            size: population,
            removals,
        });
    }
    if !leaving.is_empty() || !with_deactivation.is_empty() {
        leaving.sort_unstable();
        with_deactivation.sort_unstable();
        draft.plan.removals.push(Removals {
            container,
            leaving,
            with_deactivation,
        });
    }
}

/// What of `wanted` isn't in `present`; both sorted.
fn difference(mut wanted: Vec<u32>, present: &[u32]) -> Vec<u32> {
    let mut at = 0;
    wanted.retain(|user| {
        while at < present.len() && present[at] < *user {
            at += 1;
        }
        present.get(at) != Some(user)
    });
    wanted.shrink_to_fit();
    wanted
}
