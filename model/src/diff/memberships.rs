//! Who joins and who leaves which team and which inbox.

use std::{collections::HashSet, ops::Range};

use super::{
    containers::Targets,
    draft::{Draft, Fate},
};
use crate::{
    desired::Standing,
    plan::{Additions, Place, Population, RemovalKind, Removals},
};

/// The memberships that the platform has: four bytes each, in the order in which they came.
#[derive(Default)]
pub(super) struct Held {
    /// Holding number and whether the membership is ours, packed into one word.
    rows: Vec<u32>,
    /// Rows one after the other that are of one container; nearly every container has one such run.
    runs: Vec<Run>,
}

struct Run {
    container: usize,
    rows: Range<usize>,
}

impl Held {
    pub fn push(&mut self, container: usize, holding: u32, ours: bool) {
        let at = self.rows.len();
        self.rows.push(holding << 1 | u32::from(ours));
        match self.runs.last_mut() {
            Some(run) if run.container == container => run.rows.end = at + 1,
            _ => self.runs.push(Run {
                container,
                rows: at..at + 1,
            }),
        }
    }

    /// Brings the runs of one container together.
    fn sort(&mut self) {
        self.runs.sort_by_key(|run| run.container);
    }

    /// What one container has, in any order.
    fn of(&self, container: usize) -> Vec<u32> {
        let start = self.runs.partition_point(|run| run.container < container);
        let runs = self.runs[start..].iter().take_while(|run| run.container == container);
        let rows = runs.flat_map(|run| &self.rows[run.rows.clone()]);
        rows.copied().collect()
    }
}

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
    let mut held = draft.seen.memberships.of(container);
    // A membership that is shown twice is one, and ours only if it is ours both times.
    held.sort_unstable();
    held.dedup_by_key(|membership| *membership >> 1);
    let mut present: Vec<(u32, u32)> = Vec::with_capacity(held.len());
    let mut removals = Removals {
        container,
        leaving: Vec::new(),
        with_deactivation: Vec::new(),
    };
    let mut population = 0;
    for membership in held {
        let (holding, marked) = (membership >> 1, membership & 1 == 1);
        let row = draft.seen.holdings.get(holding);
        let fate = draft.fates[holding as usize];
        let ours = marked && (row.managed || fate == Fate::Adopted);
        population += u64::from(ours);
        match fate {
            Fate::Deactivated if ours && !frozen => removals.with_deactivation.push(holding),
            Fate::Gone if ours && !frozen => removals.leaving.push(holding),
            Fate::Deactivated | Fate::Gone => {}
            Fate::Stays | Fate::Adopted => {
                let person = row.user().filter(|user| draft.holding_of(*user) == Some(holding));
                present.extend(person.map(|user| (user, holding << 1 | u32::from(ours))));
            }
        }
    }
    present.sort_unstable();

    let kind = RemovalKind::from(draft.seen.containers[container].kind);
    let desired = draft.desired();
    let unplaced = |user: &u32| kind == RemovalKind::TeamMembership && desired.unplaced.contains(user);
    let mut waiting = 0;
    let mut at = 0;
    for (user, membership) in &present {
        while wanted.get(at).is_some_and(|other| other < user) {
            at += 1;
        }
        let belongs = wanted.get(at) == Some(user);
        let (holding, ours) = (membership >> 1, membership & 1 == 1);
        let standing = desired.people[*user as usize].standing;
        if belongs || !ours || standing != Standing::Wanted || draft.left_alone[*user as usize] {
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
