//! Which teams and inboxes a mapping gives.

use std::collections::HashMap;

use super::groups::{Resolved, State};
use crate::{
    desired::{Container, ContainerKey, Desired, MappingProblem, Source},
    expression::{Expression, Scope},
    names,
    observed::ContainerKind,
    rules::{GroupSelector, Mapping, TeamSelector},
};

/// How many groups whose team can't be named a mapping reports.
const REPORTED: usize = 10;

/// Works out which teams and inboxes each mapping gives. Several mappings may give one: the union counts.
pub(super) fn target(desired: &mut Desired<'_>, resolved: &[Resolved]) {
    let mut known: HashMap<(ContainerKind, ContainerKey), usize> = HashMap::new();
    let rules = desired.rules;
    for (number, (mapping, resolved)) in rules.mappings.iter().zip(resolved).enumerate() {
        note_unknown_targets(desired, mapping, resolved);
        let inboxes = mapping.inboxes.iter().map(|inbox| Wish {
            kind: ContainerKind::Inbox,
            key: ContainerKey::from(inbox),
            name: inbox.text(),
            sources: &resolved.sources,
            ambiguous: &resolved.ambiguous,
        });
        let named = named_teams(desired, mapping, number, &resolved.sources);
        let teams = fixed_team(mapping, resolved)
            .into_iter()
            .chain(named.iter().map(Named::wish));
        for wish in teams.chain(inboxes) {
            let at = *known.entry((wish.kind, wish.key.clone())).or_insert_with(|| {
                desired
                    .containers
                    .push(Container::new(wish.kind, wish.key.clone(), wish.name));
                desired.containers.len() - 1
            });
            let container = &mut desired.containers[at];
            // Names that count as the same can be spelled differently; which one a new team gets is no accident.
            if wish.name < container.name.as_str() {
                wish.name.clone_into(&mut container.name);
            }
            wish.join(container, mapping, resolved.state);
            push_once(&mut container.mappings, number);
            if desired.outcomes[number].containers.last() != Some(&at) {
                desired.outcomes[number].containers.push(at);
            }
        }
        let containers = &mut desired.outcomes[number].containers;
        containers.sort_unstable();
        containers.dedup();
    }
}

/// Mappings come one after the other, so a repetition is the last.
fn push_once(mappings: &mut Vec<usize>, number: usize) {
    if mappings.last() != Some(&number) {
        mappings.push(number);
    }
}

/// What can't be told of a mapping that doesn't say which groups it is about: which teams it gave before.
fn note_unknown_targets(desired: &mut Desired<'_>, mapping: &Mapping, resolved: &Resolved) {
    let by_name = matches!(mapping.team, Some(TeamSelector::NameExpression(_)));
    if matches!(mapping.group, GroupSelector::Invalid(_)) {
        desired.unknown_targets = vec![ContainerKind::Team, ContainerKind::Inbox];
    } else if by_name && resolved.all().next().is_none() {
        desired.unknown_targets.push(ContainerKind::Team);
    }
    if by_name {
        resolved.ambiguous.iter().for_each(|source| desired.unplace(source));
    }
}

struct Wish<'a> {
    kind: ContainerKind,
    key: ContainerKey,
    name: &'a str,
    sources: &'a [Source],
    ambiguous: &'a [Source],
}

impl Wish<'_> {
    fn join(&self, container: &mut Container, mapping: &Mapping, state: State) {
        container.frozen |= state != State::Active;
        if state == State::Frozen {
            container.frozen_sources.extend_from_slice(self.sources);
        } else {
            // The platform gives a team its id, so one with an id is there already, or never will be.
            let by_name = matches!(self.key, ContainerKey::Name(_));
            container.create |= mapping.create_team && self.kind == ContainerKind::Team && by_name;
            container.sources.extend_from_slice(self.sources);
        }
        container.frozen_sources.extend_from_slice(self.ambiguous);
    }
}

fn fixed_team<'a>(mapping: &'a Mapping, resolved: &'a Resolved) -> Option<Wish<'a>> {
    let (key, name) = match mapping.team.as_ref()? {
        TeamSelector::Id(id) => (ContainerKey::Id(id.clone()), id.as_str()),
        TeamSelector::Name(name) => (ContainerKey::Name(names::normalize(name)), name.trim()),
        TeamSelector::NameExpression(_) => return None,
    };
    Some(Wish {
        kind: ContainerKind::Team,
        key,
        name,
        sources: &resolved.sources,
        ambiguous: &resolved.ambiguous,
    })
}

/// A team named after a group.
struct Named {
    name: String,
    source: Source,
}

impl Named {
    fn wish(&self) -> Wish<'_> {
        Wish {
            kind: ContainerKind::Team,
            key: ContainerKey::Name(names::normalize(&self.name)),
            name: &self.name,
            sources: std::slice::from_ref(&self.source),
            ambiguous: &[],
        }
    }
}

/// The teams that a mapping names after its groups. A group whose team can't be named stops no other one.
fn named_teams(desired: &mut Desired<'_>, mapping: &Mapping, number: usize, sources: &[Source]) -> Vec<Named> {
    let Some(TeamSelector::NameExpression(expression)) = &mapping.team else {
        return Vec::new();
    };
    let mut named = Vec::with_capacity(sources.len());
    let mut failed = Vec::new();
    for source in sources {
        match team_name(desired, expression, source) {
            Ok(name) => named.push(Named {
                name,
                source: source.clone(),
            }),
            Err(problem) => {
                failed.push(problem);
                desired.unplace(source);
            }
        }
    }
    failed.sort_by(|(one, _), (other, _)| one.cmp(other));
    failed.truncate(REPORTED);
    let problems = failed
        .into_iter()
        .map(|(group, message)| MappingProblem::TeamNameFailed { group, message });
    desired.outcomes[number].problems.extend(problems);
    named
}

/// The name of a group's team, or the group and why its team has none.
fn team_name(desired: &Desired<'_>, expression: &Expression, source: &Source) -> Result<String, (String, String)> {
    let snapshot = desired.snapshot;
    let Source::Group(number) = source else {
        let message = "a group made by memberExpression has no name; give team.name".to_owned();
        return Err((String::new(), message));
    };
    let group = snapshot.group(*number);
    let failed = |message: String| (group.name.to_owned(), message);
    let mut members: Vec<&str> = Vec::new();
    if expression.reads().members {
        members.extend(snapshot.members(*number).iter().map(|user| snapshot.user_id(*user)));
        members.sort_unstable();
    }
    let scope = Scope::group(group.id, group.name, group.description, &members, desired.now);
    match expression.evaluate_text(&scope) {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(failed("nameExpression yields no name".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}
