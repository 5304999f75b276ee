//! Which groups a mapping is about, and which teams and inboxes it gives.

use std::collections::HashMap;

use crate::{
    desired::{
        Container, ContainerKey, Desired, Failure, FailureKind, FailureReason, MappingOutcome, MappingProblem, Source,
    },
    expression::{EvaluationError, Expression, Now, Scope},
    names,
    observed::ContainerKind,
    rules::{GroupSelector, Mapping, TeamSelector},
    snapshot::Snapshot,
};

/// How many ids a message names.
const NAMED: usize = 10;

/// What a mapping's group selector came to.
pub(super) struct Resolved {
    /// Whose members it is about.
    pub sources: Vec<Source>,
    /// It neither adds nor removes.
    pub frozen: bool,
}

/// Finds the groups of all mappings, and makes those that are made of an attribute.
pub(super) fn resolve(desired: &mut Desired<'_>) -> Vec<Resolved> {
    let rules = desired.rules;
    make_groups(desired);
    let mut made = 0;
    let mut all = Vec::with_capacity(rules.mappings.len());
    for mapping in &rules.mappings {
        let mut outcome = MappingOutcome::default();
        let sources = match find_groups(desired.snapshot, &mapping.group) {
            Ok(Some(groups)) => {
                outcome.groups.clone_from(&groups);
                outcome.problems.extend(not_told(desired.snapshot, &groups));
                groups.into_iter().map(Source::Group).collect()
            }
            Ok(None) => {
                outcome.made = Some(made);
                made += 1;
                vec![Source::Made(made - 1)]
            }
            Err(problem) => {
                outcome.problems.push(problem);
                Vec::new()
            }
        };
        // Who is in a group that wasn't found, or whose members weren't told, can't be concluded from silence.
        desired.unknown_members |= !outcome.problems.is_empty();
        if let Some(role) = mapping.role.as_ref().filter(|role| !rules.may_grant(role)) {
            outcome
                .problems
                .push(MappingProblem::RoleNotAllowed { role: role.clone() });
        }
        outcome.members = member_count(desired, &sources);
        let frozen = mapping.suspended || !outcome.problems.is_empty();
        desired.outcomes.push(outcome);
        all.push(Resolved { sources, frozen });
    }
    all
}

/// The groups that a selector names; `None` for a group that is made of an attribute.
fn find_groups(snapshot: &Snapshot, selector: &GroupSelector) -> Result<Option<Vec<u32>>, MappingProblem> {
    let matching = |fits: &dyn Fn(&str) -> bool| -> Vec<u32> {
        snapshot
            .groups()
            .filter(|(_, group)| fits(group.name))
            .map(|(number, _)| number)
            .collect()
    };
    let found = match selector {
        GroupSelector::Members(_) => return Ok(None),
        GroupSelector::Invalid(message) => {
            return Err(MappingProblem::Invalid {
                message: message.clone(),
            });
        }
        GroupSelector::Id(id) => snapshot
            .groups()
            .filter(|(_, group)| group.id == id)
            .map(|(number, _)| number)
            .collect(),
        GroupSelector::Name(name) => matching(&|other| other == name),
        GroupSelector::NameRegex(regex) => matching(&|name| regex.is_match(name)),
    };
    if found.is_empty() {
        return Err(MappingProblem::GroupNotFound);
    }
    let mut by_name: HashMap<&str, Vec<u32>> = HashMap::new();
    for group in &found {
        by_name.entry(snapshot.group(*group).name).or_default().push(*group);
    }
    match by_name.into_iter().filter(|(_, groups)| groups.len() > 1).min() {
        Some((name, groups)) => Err(MappingProblem::GroupAmbiguous {
            name: name.to_owned(),
            ids: groups
                .iter()
                .take(NAMED)
                .map(|group| snapshot.group(*group).id.to_owned())
                .collect(),
        }),
        None => Ok(Some(found)),
    }
}

fn not_told(snapshot: &Snapshot, groups: &[u32]) -> Option<MappingProblem> {
    let group = groups
        .iter()
        .map(|group| snapshot.group(*group))
        .find(|group| !group.members_told)?;
    Some(MappingProblem::MembersNotTold {
        group: group.name.to_owned(),
    })
}

/// Evaluates the member expressions of all mappings on all people. A person on whom one fails is frozen.
fn make_groups(desired: &mut Desired<'_>) {
    let expressions: Vec<&Expression> = desired
        .rules
        .mappings
        .iter()
        .filter_map(|mapping| match &mapping.group {
            GroupSelector::Members(expression) => Some(expression),
            _ => None,
        })
        .collect();
    if expressions.is_empty() {
        return;
    }
    let mut made = vec![Vec::new(); expressions.len()];
    for user in 0..desired.snapshot.user_count() {
        let verdicts: Vec<Result<bool, EvaluationError>> = desired.with_scope(user, |scope| {
            expressions
                .iter()
                .map(|expression| expression.evaluate_filter(scope))
                .collect()
        });
        for (members, verdict) in made.iter_mut().zip(verdicts) {
            match verdict {
                Ok(true) => members.push(user),
                Ok(false) => {}
                Err(error) => desired.fail_expression(user, &format!("memberExpression: {error}")),
            }
        }
    }
    desired.made_groups = made;
}

impl Desired<'_> {
    /// Notes that an expression failed on a person; counts each person once.
    pub(super) fn fail_expression(&mut self, user: u32, message: &str) {
        if self.expression_failed.insert(user) {
            self.fail_user(user, FailureReason::ExpressionFailed, message.to_owned());
        }
    }

    pub(super) fn fail_user(&mut self, user: u32, reason: FailureReason, message: String) {
        let id = self.snapshot.user_id(user).to_owned();
        self.failures.push(Failure {
            kind: FailureKind::User,
            id,
            reason,
            message,
        });
    }
}

fn member_count(desired: &Desired<'_>, sources: &[Source]) -> u64 {
    match sources {
        [] => 0,
        [only] => desired.source(only).len() as u64,
        several => {
            let mut all: Vec<u32> = several
                .iter()
                .flat_map(|source| desired.source(source))
                .copied()
                .collect();
            all.sort_unstable();
            all.dedup();
            all.len() as u64
        }
    }
}

/// Works out which teams and inboxes each mapping gives. Several mappings may give one: the union counts.
pub(super) fn target(desired: &mut Desired<'_>, resolved: &[Resolved]) {
    let mut known: HashMap<(ContainerKind, ContainerKey), usize> = HashMap::new();
    let rules = desired.rules;
    for (number, (mapping, resolved)) in rules.mappings.iter().zip(resolved).enumerate() {
        let teams = match teams(desired.snapshot, mapping, &resolved.sources, desired.now) {
            Ok(teams) => teams,
            Err(problem) => {
                // The team that this group was given before can't be told, so no team may lose anybody.
                desired.unknown_targets = true;
                desired.outcomes[number].problems.push(problem);
                Vec::new()
            }
        };
        // What was given before can't be told while the groups, or the mapping itself, can't be read.
        desired.unknown_targets |= matches!(mapping.group, GroupSelector::Invalid(_))
            || (matches!(mapping.team, Some(TeamSelector::NameExpression(_))) && resolved.sources.is_empty());
        let inboxes = mapping.inboxes.iter().map(|inbox| Wish {
            kind: ContainerKind::Inbox,
            key: ContainerKey::from(inbox),
            name: inbox.text().to_owned(),
            create: false,
            sources: resolved.sources.clone(),
        });
        for wish in teams.into_iter().chain(inboxes) {
            let at = *known.entry((wish.kind, wish.key.clone())).or_insert_with(|| {
                desired.containers.push(Container {
                    kind: wish.kind,
                    key: wish.key,
                    name: wish.name,
                    create: false,
                    sources: Vec::new(),
                    frozen: false,
                    mappings: Vec::new(),
                });
                desired.containers.len() - 1
            });
            let container = &mut desired.containers[at];
            container.mappings.push(number);
            if resolved.frozen {
                container.frozen = true;
            } else {
                container.create |= wish.create;
                container.sources.extend(wish.sources);
            }
            desired.outcomes[number].containers.push(at);
        }
    }
}

struct Wish {
    kind: ContainerKind,
    key: ContainerKey,
    name: String,
    create: bool,
    sources: Vec<Source>,
}

fn teams(snapshot: &Snapshot, mapping: &Mapping, sources: &[Source], now: Now) -> Result<Vec<Wish>, MappingProblem> {
    let wish = |key, name: &str, sources: &[Source]| Wish {
        kind: ContainerKind::Team,
        key,
        name: name.to_owned(),
        create: mapping.create_team,
        sources: sources.to_vec(),
    };
    Ok(match &mapping.team {
        None => Vec::new(),
        Some(TeamSelector::Id(id)) => vec![wish(ContainerKey::Id(id.clone()), id, sources)],
        Some(TeamSelector::Name(name)) => vec![wish(ContainerKey::Name(names::normalize(name)), name.trim(), sources)],
        Some(TeamSelector::NameExpression(expression)) => {
            let mut wishes = Vec::with_capacity(sources.len());
            for source in sources {
                let name = team_name(snapshot, expression, source, now)?;
                let key = ContainerKey::Name(names::normalize(&name));
                wishes.push(wish(key, name.trim(), std::slice::from_ref(source)));
            }
            wishes
        }
    })
}

fn team_name(
    snapshot: &Snapshot,
    expression: &Expression,
    source: &Source,
    now: Now,
) -> Result<String, MappingProblem> {
    let Source::Group(number) = source else {
        let message = "a group made by memberExpression has no name; give team.name".to_owned();
        return Err(MappingProblem::TeamNameFailed {
            group: String::new(),
            message,
        });
    };
    let group = snapshot.group(*number);
    let failed = |message: String| MappingProblem::TeamNameFailed {
        group: group.name.to_owned(),
        message,
    };
    let mut members: Vec<&str> = Vec::new();
    if expression.reads().members {
        members.extend(snapshot.members(*number).iter().map(|user| snapshot.user_id(*user)));
        members.sort_unstable();
    }
    let scope = Scope::group(group.id, group.name, group.description, &members, now);
    match expression.evaluate_text(&scope) {
        Ok(Some(name)) => Ok(name),
        Ok(None) => Err(failed("nameExpression yields no name".to_owned())),
        Err(error) => Err(failed(error.to_string())),
    }
}
