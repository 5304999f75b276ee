//! What mappings limit beyond their connection: what one sync may take of each team, inbox and role that they give.
//!
//! Nobody can tell for certain which mapping somebody left who is in none any more. So whoever loses a membership with
//! his account counts for each mapping that gives this membership.

use std::collections::HashMap;

use super::{draft::Draft, memberships::Loss};
use crate::{
    limits::Limits,
    plan::{RemovalKind, Tightened},
    rules::Mapping,
};

/// A mapping's own limits, where they are stricter than the connection's.
fn limits_of(draft: &Draft<'_>, mapping: &Mapping) -> Option<Limits> {
    mapping.removals?.of(draft.desired().rules.limits)
}

/// Notes what one container of the platform loses, for each mapping that gives it; `sources` are the desired containers
/// that it is.
pub(super) fn tighten(draft: &mut Draft<'_>, container: usize, sources: &[usize], loss: Loss) {
    if loss.removals == 0 {
        return;
    }
    let desired = draft.desired();
    let mut mappings: Vec<usize> = sources
        .iter()
        .flat_map(|source| desired.containers[*source].mappings.iter().copied())
        .collect();
    mappings.sort_unstable();
    mappings.dedup();
    for mapping in mappings.into_iter().map(|at| &desired.rules.mappings[at]) {
        let Some(limits) = limits_of(draft, mapping) else {
            continue;
        };
        let held = &draft.seen.containers[container];
        let tightened = Tightened {
            mapping: mapping.name.clone(),
            kind: RemovalKind::from(held.kind),
            name: held.name.clone(),
            size: loss.population,
            removals: loss.removals,
            limits,
        };
        draft.plan.tightened.push(tightened);
    }
}

/// Notes what roles lose, for each mapping that gives one.
pub(super) fn tighten_roles(draft: &mut Draft<'_>) {
    let rules = draft.desired().rules;
    if rules.mappings.iter().all(|mapping| mapping.removals.is_none()) {
        return;
    }
    let mut leaving: HashMap<u16, u64> = HashMap::new();
    for deactivation in &draft.plan.deactivations {
        let held = draft.seen.holdings.get(deactivation.holding);
        if let Some(role) = held.role().filter(|role| held.given_role() == Some(*role)) {
            *leaving.entry(role).or_default() += 1;
        }
    }
    for mapping in &rules.mappings {
        let Some((role, limits)) = mapping.role.as_ref().zip(limits_of(draft, mapping)) else {
            continue;
        };
        let mut populations = draft.plan.populations.iter();
        let population = populations
            .find(|population| population.kind == RemovalKind::Role && population.name.as_ref() == Some(role));
        let (size, changed) = population.map_or((0, 0), |population| (population.size, population.removals));
        let number = draft.seen.roles.find(role);
        let gone = number.and_then(|number| leaving.get(&number).copied()).unwrap_or(0);
        if changed + gone > 0 {
            draft.plan.tightened.push(Tightened {
                mapping: mapping.name.clone(),
                kind: RemovalKind::Role,
                name: role.clone(),
                size,
                removals: changed + gone,
                limits,
            });
        }
    }
}
