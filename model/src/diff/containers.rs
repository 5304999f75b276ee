//! Which team or inbox of the platform a mapping means.

use std::collections::{BTreeMap, HashMap};

use super::Draft;
use crate::{
    desired::{Container, ContainerKey, MappingProblem, RoleWish},
    names,
    observed::ContainerKind,
    plan::{NewTeam, Place},
};

/// What is to become of the platform's containers.
pub(super) struct Targets {
    /// Where people are added, with the desired containers whose members belong there.
    pub joining: Vec<(Place, Vec<usize>)>,
    /// The same the other way round: the place of each desired container.
    pub places: Vec<Option<Place>>,
    /// Containers of the platform from which nobody is removed.
    pub frozen: Vec<bool>,
}

/// Finds every container that mappings give, or plans its creation.
pub(super) fn resolve(draft: &mut Draft<'_>) -> Targets {
    let desired = draft.desired();
    let lookup = Lookup::new(draft);
    let mut frozen = vec![desired.unknown_targets; draft.seen.containers.len()];
    let mut given = vec![false; frozen.len()];
    let mut places: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (number, container) in desired.containers.iter().enumerate() {
        match lookup.find(container) {
            [only] => {
                given[*only] = true;
                places.entry(Place::Held(*only)).or_default().push(number);
            }
            [] if container.create && !container.sources.is_empty() => {
                let place = Place::New(draft.plan.new_teams.len());
                draft.plan.new_teams.push(NewTeam {
                    name: container.name.clone(),
                });
                places.entry(place).or_default().push(number);
            }
            [] if container.frozen && container.sources.is_empty() => {}
            [] => problem(draft, container, not_found(container)),
            several => {
                // Any of them may be the one that was meant, so none of them loses anybody.
                several.iter().for_each(|at| frozen[*at] = true);
                problem(
                    draft,
                    container,
                    MappingProblem::Ambiguous {
                        name: container.name.clone(),
                    },
                );
            }
        }
    }
    for (place, numbers) in &places {
        if let Place::Held(at) = place {
            // A known target is frozen only by its own mappings.
            frozen[*at] = numbers.iter().any(|number| desired.containers[*number].frozen);
        }
    }
    check_roles(draft);
    let mut place_of = vec![None; desired.containers.len()];
    for (place, numbers) in &places {
        numbers.iter().for_each(|number| place_of[*number] = Some(*place));
    }
    Targets {
        joining: places.into_iter().collect(),
        places: place_of,
        frozen,
    }
}

struct Lookup {
    by_id: HashMap<(ContainerKind, String), Vec<usize>>,
    by_name: HashMap<(ContainerKind, String), Vec<usize>>,
    by_phone: HashMap<String, Vec<usize>>,
}

impl Lookup {
    fn new(draft: &Draft<'_>) -> Self {
        let mut lookup = Self {
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            by_phone: HashMap::new(),
        };
        for (at, held) in draft.seen.containers.iter().enumerate() {
            lookup.by_id.entry((held.kind, held.id.clone())).or_default().push(at);
            lookup
                .by_name
                .entry((held.kind, names::normalize(&held.name)))
                .or_default()
                .push(at);
            if !held.phone.is_empty() {
                lookup.by_phone.entry(held.phone.clone()).or_default().push(at);
            }
        }
        lookup
    }

    fn find(&self, container: &Container) -> &[usize] {
        match &container.key {
            ContainerKey::Id(id) => self.by_id.get(&(container.kind, id.clone())),
            ContainerKey::Name(name) => self.by_name.get(&(container.kind, name.clone())),
            ContainerKey::PhoneNumber(number) => self.by_phone.get(number),
        }
        .map_or(&[], Vec::as_slice)
    }
}

fn not_found(container: &Container) -> MappingProblem {
    match container.kind {
        ContainerKind::Team => MappingProblem::TeamNotFound {
            team: container.name.clone(),
        },
        ContainerKind::Inbox => MappingProblem::InboxNotFound {
            inbox: container.name.clone(),
        },
    }
}

fn problem(draft: &mut Draft<'_>, container: &Container, problem: MappingProblem) {
    for mapping in &container.mappings {
        draft.outcomes[*mapping].problems.push(problem.clone());
    }
}

/// A role that the platform doesn't have is the mapping's problem; the people keep the role that they have.
fn check_roles(draft: &mut Draft<'_>) {
    if draft.seen.roles.on_platform.is_empty() {
        return;
    }
    let rules = draft.desired().rules;
    for (mapping, outcome) in rules.mappings.iter().zip(&mut draft.outcomes) {
        let Some(role) = &mapping.role else { continue };
        let known = draft
            .seen
            .roles
            .numbers
            .get(role)
            .is_some_and(|role| draft.seen.roles.on_platform.contains(role));
        if !known && !mapping.suspended {
            outcome
                .problems
                .push(MappingProblem::RoleNotFound { role: role.clone() });
        }
    }
}

/// The role that a person is to have, as far as the platform has it.
pub(super) fn wish(draft: &Draft<'_>, user: u32) -> RoleWish {
    match draft.desired().people[user as usize].role {
        RoleWish::Give(role)
            if !draft.seen.roles.on_platform.is_empty() && !draft.seen.roles.on_platform.contains(&role) =>
        {
            RoleWish::Leave
        }
        wish => wish,
    }
}
