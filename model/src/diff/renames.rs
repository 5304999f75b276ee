//! Teams that follow their groups: a team of ours that tells which one group made it is that group's team, whatever the
//! two are called. So a renamed group renames its team, and a team that somebody renamed gets its name back; neither is
//! a second team.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    containers::{Lookup, ProtectedTeams},
    draft::Draft,
};
use crate::{
    desired::{Container, ContainerKey, Desired, MappingProblem, Source},
    observed::ContainerKind,
    plan::{Place, TeamUpdate},
};

/// The longest id that a team tells, in characters; a group with a longer one is known by its name alone.
const ID_CHARS: usize = 256;

/// Which of our teams the desired ones are, by their groups.
#[derive(Default)]
pub(super) struct Followed {
    /// From a desired container to the team of the platform that it is.
    pub team_of: HashMap<usize, usize>,
    /// Teams that give up their names.
    pub leaving: HashSet<usize>,
    /// The desired containers whose teams are renamed, in an order in which names are freed before they are given.
    renamed: Vec<usize>,
    /// The one group of each desired container that alone has just that one.
    single: HashMap<usize, u32>,
}

impl Followed {
    /// What a team is to tell of its group.
    pub fn group_id(&self, desired: &Desired<'_>, container: usize) -> Option<String> {
        let id = desired.snapshot.group(*self.single.get(&container)?).id;
        (!id.is_empty() && id.chars().count() <= ID_CHARS).then(|| id.to_owned())
    }
}

/// Who follows whom.
struct Search<'s> {
    /// The teams that have each desired name.
    named: &'s HashMap<usize, Vec<usize>>,
    /// Those that still follow.
    team_of: HashMap<usize, usize>,
    /// The same the other way round.
    follower: HashMap<usize, usize>,
    /// The desired containers that find just this one team by its name.
    by_name: HashMap<usize, Vec<usize>>,
    /// Teams that share a desired name with others: that no one of them is meant would change with a rename.
    shared: HashSet<usize>,
}

/// Finds the teams that follow their groups.
pub(super) fn follow(draft: &mut Draft<'_>, lookup: &Lookup, protects: &ProtectedTeams<'_>) -> Followed {
    let desired = draft.desired();
    let mut followed = Followed {
        single: single(desired),
        ..Followed::default()
    };
    // A mapping that doesn't say which team it gives may give this one, by the name that it has.
    if draft.seen.account.fixed_teams || desired.unknown_targets.contains(&ContainerKind::Team) {
        return followed;
    }
    let team_of = marked(draft, &followed);
    if team_of.is_empty() {
        return followed;
    }
    let teams = desired.containers.iter().enumerate();
    let named: HashMap<usize, Vec<usize>> = teams
        .filter(|(_, container)| is_named_team(container))
        .map(|(number, container)| (number, lookup.find(&draft.seen, container)))
        .collect();
    let mut search = Search {
        follower: team_of.iter().map(|(number, team)| (*team, *number)).collect(),
        named: &named,
        team_of,
        by_name: HashMap::new(),
        shared: HashSet::new(),
    };
    for (number, found) in &named {
        match found.as_slice() {
            [only] => search.by_name.entry(*only).or_default().push(*number),
            several => search.shared.extend(several),
        }
    }
    search.settle(draft, protects);
    let Search { team_of, follower, .. } = search;
    let mut renamed: BTreeSet<usize> = team_of.keys().copied().collect();
    renamed.retain(|number| {
        named[number] != [team_of[number]] && !protects.holds(&draft.seen.containers[team_of[number]])
    });
    // Each waits for at most one other one: for the team that has the name that it is to have.
    let waits_for = |number: &usize| named[number].first().map(|holder| follower[holder]);
    let mut behind: HashMap<usize, usize> = HashMap::new();
    let mut ready: Vec<usize> = Vec::new();
    for number in &renamed {
        match waits_for(number) {
            Some(other) => drop(behind.insert(other, *number)),
            None => ready.push(*number),
        }
    }
    while let Some(number) = ready.pop() {
        renamed.remove(&number);
        followed.leaving.insert(team_of[&number]);
        followed.renamed.push(number);
        ready.extend(behind.remove(&number));
    }
    for number in renamed {
        let team = desired.containers[number].name.clone();
        for mapping in &desired.containers[number].mappings {
            let problem = MappingProblem::TeamNameTaken { team: team.clone() };
            draft.plan.outcomes[*mapping].problems.push(problem);
        }
    }
    followed.team_of = team_of;
    followed
}

/// Plans what becomes of the names of teams, and that those of ours that don't tell their group do so.
pub(super) fn plan(draft: &mut Draft<'_>, followed: &Followed, places: &[Option<Place>], protected: &[bool]) {
    let desired = draft.desired();
    for number in &followed.renamed {
        draft.plan.team_updates.push(TeamUpdate {
            container: followed.team_of[number],
            name: Some(desired.containers[*number].name.clone()),
            external_id: None,
        });
    }
    // What makes a team now may be a part of what makes it, where not everything was read.
    if draft.seen.account.fixed_teams || !draft.certain {
        return;
    }
    let held = &draft.seen.containers;
    let known: HashSet<&str> = held
        .iter()
        .filter(|held| held.ours)
        .map(|held| held.external_id.as_str())
        .collect();
    let mut ways: HashMap<usize, u32> = HashMap::new();
    for place in places.iter().flatten() {
        if let Place::Held(team) = place {
            *ways.entry(*team).or_default() += 1;
        }
    }
    let mut told = Vec::new();
    let mut singles: Vec<usize> = followed.single.keys().copied().collect();
    singles.sort_unstable();
    for number in singles {
        let Some(Place::Held(team)) = places[number] else {
            continue;
        };
        let untold = held[team].ours && held[team].external_id.is_empty() && !protected[team];
        let external_id = followed
            .group_id(desired, number)
            .filter(|id| !known.contains(id.as_str()));
        if let (true, Some(1), Some(external_id)) = (untold, ways.get(&team), external_id) {
            told.push(TeamUpdate {
                container: team,
                name: None,
                external_id: Some(external_id),
            });
        }
    }
    draft.plan.team_updates.extend(told);
}

fn is_named_team(container: &Container) -> bool {
    container.kind == ContainerKind::Team && matches!(container.key, ContainerKey::Name(_))
}

/// Each desired team that just one group of the directory makes, and that is the only one of this group alone.
fn single(desired: &Desired<'_>) -> HashMap<usize, u32> {
    let mut of_group: HashMap<u32, Option<usize>> = HashMap::new();
    for (number, container) in desired.containers.iter().enumerate() {
        if let Some(group) = one_group(container) {
            let only = of_group.entry(group).or_insert(Some(number));
            if *only != Some(number) {
                *only = None;
            }
        }
    }
    let alone = of_group
        .into_iter()
        .filter_map(|(group, number)| Some((number?, group)));
    alone.collect()
}

/// The one group that makes a team, where that can be told.
fn one_group(container: &Container) -> Option<u32> {
    if !is_named_team(container) || container.frozen || !container.frozen_sources.is_empty() {
        return None;
    }
    let mut groups = container.sources.iter().map(|source| match source {
        Source::Group(group) => Some(*group),
        Source::Made(_) => None,
    });
    let first = groups.next()??;
    groups.all(|group| group == Some(first)).then_some(first)
}

/// The one team of ours that tells each such group's id.
fn marked(draft: &Draft<'_>, followed: &Followed) -> HashMap<usize, usize> {
    let mut by_id: HashMap<&str, Option<usize>> = HashMap::new();
    for (at, held) in draft.seen.containers.iter().enumerate() {
        if held.kind == ContainerKind::Team && held.ours && !held.external_id.is_empty() {
            let only = by_id.entry(&held.external_id).or_insert(Some(at));
            if *only != Some(at) {
                *only = None;
            }
        }
    }
    let snapshot = draft.desired().snapshot;
    let pairs = followed.single.iter().filter_map(|(number, group)| {
        let team = by_id.get(snapshot.group(*group).id).copied().flatten()?;
        Some((*number, team))
    });
    pairs.collect()
}

impl Search<'_> {
    /// Leaves out those who have to go by their names after all, until nobody is left of whom that is true.
    fn settle(&mut self, draft: &Draft<'_>, protects: &ProtectedTeams<'_>) {
        let mut open: Vec<usize> = self.team_of.keys().copied().collect();
        while let Some(number) = open.pop() {
            let Some(team) = self.team_of.get(&number).copied() else {
                continue;
            };
            if !self.goes_by_name(draft, protects, number, team) {
                continue;
            }
            self.team_of.remove(&number);
            self.follower.remove(&team);
            // Whoever is to have the name of this team, and whoever has the name that it was to have.
            open.extend(self.by_name.get(&team).into_iter().flatten());
            open.extend(
                self.named[&number]
                    .iter()
                    .filter_map(|holder| self.follower.get(holder)),
            );
        }
    }

    fn goes_by_name(&self, draft: &Draft<'_>, protects: &ProtectedTeams<'_>, number: usize, team: usize) -> bool {
        let containers = &draft.desired().containers;
        match self.named[&number].as_slice() {
            [only] if *only == team => return false,
            // A team of this name that is no other group's is joined, as ever.
            [only] if !self.follower.contains_key(only) => return true,
            [] | [_] => {}
            _ => return true,
        }
        if self.shared.contains(&team) || protects.wants(&containers[number]) {
            return true;
        }
        // Others who want this team by its name, and would not get one of their own in its place, keep it.
        let others = self.by_name.get(&team).into_iter().flatten();
        let mut others = others.filter(|other| !self.team_of.contains_key(other));
        others.any(|other| !containers[*other].create || one_group(&containers[*other]).is_none())
    }
}
