//! Which team or inbox of the platform a mapping means.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Differ, draft::Draft, roles};
use crate::{
    desired::{Container, ContainerKey, MappingProblem},
    names,
    observed::ContainerKind,
    plan::{HeldContainer, NewTeam, Place},
};

/// What is to become of the platform's containers.
pub(super) struct Targets {
    /// Where people are added, with the desired containers whose members belong there.
    pub joining: Vec<(Place, Vec<usize>)>,
    /// The same the other way round: the place of each desired container.
    pub places: Vec<Option<Place>>,
    /// Containers of the platform from which nobody is removed.
    pub frozen: Vec<bool>,
    /// People whose team or inbox wasn't found. It may go by another name now, so they stay in those that no mapping
    /// gives.
    pub lost: HashMap<ContainerKind, HashSet<u32>>,
}

/// Finds every container that mappings give, or plans its creation.
pub(super) fn resolve(draft: &mut Draft<'_>) -> Targets {
    let desired = draft.desired();
    let lookup = Lookup::new(&draft.seen.containers);
    let held = draft.seen.containers.iter();
    let mut frozen: Vec<bool> = held.map(|held| desired.unknown_targets.contains(&held.kind)).collect();
    let mut lost: HashMap<ContainerKind, HashSet<u32>> = HashMap::new();
    let mut joining: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    let mut places = vec![None; desired.containers.len()];
    for (number, container) in desired.containers.iter().enumerate() {
        let place = match lookup.find(&draft.seen, container).as_slice() {
            [only] => {
                frozen[*only] |= container.frozen;
                Some(Place::Held(*only))
            }
            [] if container.create && !draft.seen.account.fixed_teams && !container.sources.is_empty() => {
                draft.plan.new_teams.push(NewTeam {
                    name: container.name.clone(),
                });
                Some(Place::New(draft.plan.new_teams.len() - 1))
            }
            several => {
                // Any of several may be the one that was meant, so none of them loses anybody.
                several.iter().for_each(|at| frozen[*at] = true);
                report(draft, container, several.len());
                let people = lost.entry(container.kind).or_default();
                for source in container.sources.iter().chain(&container.frozen_sources) {
                    people.extend(desired.source(source));
                }
                None
            }
        };
        places[number] = place;
        if let Some(place) = place {
            joining.entry(place).or_default().push(number);
        }
    }
    roles::check(draft);
    Targets {
        joining: joining.into_iter().collect(),
        places,
        frozen,
        lost,
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
        draft.outcomes[*mapping].problems.push(problem.clone());
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
