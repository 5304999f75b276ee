//! Which team or inbox of the platform a mapping means.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Differ,
    draft::Draft,
    renames::{self, Followed},
    roles,
};
use crate::{
    desired::{Container, ContainerKey, MappingProblem},
    names,
    observed::ContainerKind,
    plan::{HeldContainer, NewTeam, Place},
    rules::Protect,
};

/// What is to become of the platform's containers.
pub(super) struct Targets {
    /// Where people are added, with the desired containers whose members belong there.
    pub joining: Vec<(Place, Vec<usize>)>,
    /// The same the other way round: the place of each desired container.
    pub places: Vec<Option<Place>>,
    /// Containers of the platform from which nobody is removed.
    pub frozen: Vec<bool>,
    /// Containers of the platform that `protect` names: nothing of them is changed.
    pub protected: Vec<bool>,
    /// People whose team or inbox wasn't found, or is protected. It may go by another name now, so they stay in those that no mapping
    /// gives.
    pub lost: HashMap<ContainerKind, HashSet<u32>>,
}

/// Finds every container that mappings give, or plans its creation.
pub(super) fn resolve(draft: &mut Draft<'_>) -> Targets {
    let desired = draft.desired();
    let lookup = Lookup::new(&draft.seen.containers);
    let held = draft.seen.containers.iter();
    let mut frozen: Vec<bool> = held.map(|held| desired.unknown_targets.contains(&held.kind)).collect();
    let protects = ProtectedTeams::new(&desired.rules.protect);
    let protected: Vec<bool> = draft.seen.containers.iter().map(|held| protects.holds(held)).collect();
    let followed = renames::follow(draft, &lookup, &protects);
    let mut lost: HashMap<ContainerKind, HashSet<u32>> = HashMap::new();
    let mut joining: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    let mut places = vec![None; desired.containers.len()];
    for (number, container) in desired.containers.iter().enumerate() {
        let place = match find(&draft.seen, &lookup, &followed, number).as_slice() {
            [only] if protected[*only] => {
                protect(draft, &mut lost, container);
                None
            }
            [] if container.create && protects.wants(container) => {
                protect(draft, &mut lost, container);
                None
            }
            [only] => {
                frozen[*only] |= container.frozen;
                Some(Place::Held(*only))
            }
            [] if container.create && !draft.seen.account.fixed_teams && !container.sources.is_empty() => {
                draft.plan.new_teams.push(NewTeam {
                    name: container.name.clone(),
                    external_id: followed.group_id(desired, number),
                });
                Some(Place::New(draft.plan.new_teams.len() - 1))
            }
            several => {
                // Any of several may be the one that was meant, so none of them loses anybody.
                several.iter().for_each(|at| frozen[*at] = true);
                report(draft, container, several.len());
                lose(draft, &mut lost, container);
                None
            }
        };
        places[number] = place;
        if let Some(place) = place {
            joining.entry(place).or_default().push(number);
        }
    }
    renames::plan(draft, &followed, &places, &protected);
    roles::check(draft);
    Targets {
        joining: joining.into_iter().collect(),
        places,
        frozen,
        protected,
        lost,
    }
}

/// What a mapping means: the team that follows its group, or else whatever has the name or the id.
fn find(seen: &Differ<'_>, lookup: &Lookup, followed: &Followed, number: usize) -> Vec<usize> {
    if let Some(team) = followed.team_of.get(&number) {
        return vec![*team];
    }
    let container = &seen.desired.containers[number];
    match lookup.find(seen, container).as_slice() {
        [only] if followed.leaving.contains(only) && matches!(container.key, ContainerKey::Name(_)) => Vec::new(),
        found => found.to_vec(),
    }
}

/// The people of a container that isn't found, or that nobody may join, stay in those that no mapping gives.
fn lose(draft: &Draft<'_>, lost: &mut HashMap<ContainerKind, HashSet<u32>>, container: &Container) {
    let people = lost.entry(container.kind).or_default();
    for source in container.sources.iter().chain(&container.frozen_sources) {
        people.extend(draft.desired().source(source));
    }
}

/// Tells the mappings that `protect` keeps them from what they give.
fn protect(draft: &mut Draft<'_>, lost: &mut HashMap<ContainerKind, HashSet<u32>>, container: &Container) {
    lose(draft, lost, container);
    for mapping in &container.mappings {
        let team = container.name.clone();
        draft.plan.outcomes[*mapping]
            .problems
            .push(MappingProblem::TeamProtected { team });
    }
}

/// What `protect.teams` names.
pub(super) struct ProtectedTeams<'a> {
    ids: &'a BTreeSet<String>,
    names: HashSet<String>,
}

impl<'a> ProtectedTeams<'a> {
    pub fn new(protect: &'a Protect) -> Self {
        Self {
            ids: &protect.teams,
            names: protect.teams.iter().map(|team| names::normalize(team)).collect(),
        }
    }

    /// Whether it names this team of the platform.
    pub fn holds(&self, held: &HeldContainer) -> bool {
        !self.ids.is_empty()
            && held.kind == ContainerKind::Team
            && (self.ids.contains(&held.id) || self.names.contains(&names::normalize(&held.name)))
    }

    /// Whether it names the team that a mapping is to create: from then on nobody could join it.
    pub fn wants(&self, container: &Container) -> bool {
        let ContainerKey::Name(name) = &container.key else {
            return false;
        };
        container.kind == ContainerKind::Team && self.names.contains(name)
    }
}

/// Tells the mappings what was found in place of the one container that they mean. Nobody asked for those of a frozen
/// mapping.
fn report(draft: &mut Draft<'_>, container: &Container, found: usize) {
    if container.frozen && container.sources.is_empty() && found == 0 {
        return;
    }
    let name = container.name.clone();
    let problem = match (found, container.kind) {
        (0, ContainerKind::Team) => MappingProblem::TeamNotFound { team: name },
        (0, ContainerKind::Inbox) => MappingProblem::InboxNotFound { inbox: name },
        _ => MappingProblem::Ambiguous { name },
    };
    for mapping in &container.mappings {
        draft.plan.outcomes[*mapping].problems.push(problem.clone());
    }
}

/// The platform's teams and inboxes by name and by phone number, sorted.
pub(super) struct Lookup {
    names: Vec<(ContainerKind, String, usize)>,
    phones: Vec<(String, usize)>,
}

impl Lookup {
    pub fn new(containers: &[HeldContainer]) -> Self {
        let numbered = || containers.iter().enumerate();
        let mut names: Vec<_> = numbered()
            .map(|(at, held)| (held.kind, names::normalize(&held.name), at))
            .collect();
        let mut phones: Vec<_> = numbered()
            .filter(|(_, held)| !held.phone.is_empty())
            .map(|(at, held)| (held.phone.clone(), at))
            .collect();
        names.sort_unstable();
        phones.sort_unstable();
        Self { names, phones }
    }

    /// Which ones a mapping may mean; one, if all is well.
    pub fn find(&self, seen: &Differ<'_>, container: &Container) -> Vec<usize> {
        let kind = container.kind;
        match &container.key {
            ContainerKey::Id(id) => seen.find_container(kind, id).into_iter().collect(),
            ContainerKey::Name(name) => {
                let wanted = (kind, name.as_str());
                let of = |row: &(ContainerKind, String, usize)| (row.0, row.1.as_str()).cmp(&wanted);
                let start = self.names.partition_point(|row| of(row).is_lt());
                let same = self.names[start..].iter().take_while(|row| of(row).is_eq());
                same.map(|(.., at)| *at).collect()
            }
            ContainerKey::PhoneNumber(number) => {
                let start = self.phones.partition_point(|(other, _)| other < number);
                let same = self.phones[start..].iter().take_while(|(other, _)| other == number);
                same.map(|(_, at)| *at).collect()
            }
        }
    }
}
