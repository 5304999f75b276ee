//! Which groups of the directory a mapping is about, and which it is made of.

use std::collections::HashMap;

use crate::{
    desired::{Desired, MappingOutcome, MappingProblem, Source},
    expression::{EvaluationError, Expression},
    rules::{GroupSelector, Mapping},
    snapshot::Snapshot,
};

/// How many names and ids a message names.
const NAMED: usize = 10;

/// What a mapping may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It adds and removes.
    Active,
    /// It adds, and its removals wait: a group is missing, ambiguous or not told.
    Doubtful,
    /// It neither adds nor removes: suspended, or not allowed as it is written.
    Frozen,
}

/// What a mapping's group selector came to.
pub(super) struct Resolved {
    /// Whose members it is about.
    pub sources: Vec<Source>,
    /// Groups that may be meant or not: nothing is given to their members, and nothing taken from them.
    pub ambiguous: Vec<Source>,
    pub state: State,
}

impl Resolved {
    /// All of whom the mapping may be about.
    pub fn all(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().chain(&self.ambiguous)
    }
}

/// Finds the groups of all mappings, and makes those that are made of an attribute.
pub(super) fn resolve(desired: &mut Desired<'_>) -> Vec<Resolved> {
    let rules = desired.rules;
    make_groups(desired);
    let directory = Groups::new(desired.snapshot);
    let mut distinct = Distinct::new(desired.snapshot.user_count());
    let mut made = 0;
    let mut all = Vec::with_capacity(rules.mappings.len());
    for mapping in &rules.mappings {
        let Found {
            groups,
            ambiguous,
            mut problems,
        } = directory.find(&mapping.group);
        problems.extend(not_told(desired.snapshot, &groups));
        if let GroupSelector::Members(expression) = &mapping.group {
            // Somebody whom it doesn't find may be in a group that wasn't told.
            let untold = desired.untold_group.clone();
            let group = untold.filter(|_| expression.reads().user.reads_groups());
            problems.extend(group.map(|group| MappingProblem::MembersNotTold { group }));
        }
        // Who is in a group that wasn't found, or whose members weren't told, can't be concluded from silence.
        desired.unknown_members |= !problems.is_empty();
        let own = matches!(mapping.group, GroupSelector::Members(_)).then_some(made);
        made += usize::from(own.is_some());
        let sources: Vec<Source> = match own {
            Some(own) => vec![Source::Made(own)],
            None => groups.iter().copied().map(Source::Group).collect(),
        };
        let state = state(desired, mapping, &mut problems);
        desired.frozen_members |= state == State::Frozen;
        if let Some(role) = mapping.role.as_ref().filter(|_| state != State::Active) {
            desired.frozen_roles.insert(role.clone());
        }
        let outcome = MappingOutcome {
            members: distinct.members(desired, &sources).count() as u64,
            groups,
            made: own,
            containers: Vec::new(),
            problems,
        };
        desired.outcomes.push(outcome);
        all.push(Resolved {
            sources,
            ambiguous: ambiguous.into_iter().map(Source::Group).collect(),
            state,
        });
    }
    all
}

fn state(desired: &Desired<'_>, mapping: &Mapping, problems: &mut Vec<MappingProblem>) -> State {
    let doubtful = !problems.is_empty();
    let forbidden = mapping.role.as_ref().filter(|role| !desired.rules.may_grant(role));
    problems.extend(forbidden.map(|role| MappingProblem::RoleNotAllowed { role: role.clone() }));
    if mapping.suspended || forbidden.is_some() || matches!(mapping.group, GroupSelector::Invalid(_)) {
        State::Frozen
    } else if doubtful {
        State::Doubtful
    } else {
        State::Active
    }
}

fn not_told(snapshot: &Snapshot, groups: &[u32]) -> Option<MappingProblem> {
    let names = groups.iter().map(|group| snapshot.group(*group));
    let first = names
        .filter(|group| !group.members_told)
        .map(|group| group.name)
        .min()?;
    Some(MappingProblem::MembersNotTold {
        group: first.to_owned(),
    })
}

/// A group of which nobody said who is in it; empty, where no group came at all.
pub(super) fn untold(snapshot: &Snapshot) -> Option<String> {
    let names = snapshot.groups().filter(|(_, group)| !group.members_told);
    let first = names.map(|(_, group)| group.name).min();
    first.or((snapshot.group_count() == 0).then_some("")).map(str::to_owned)
}

#[derive(Default)]
struct Found {
    groups: Vec<u32>,
    ambiguous: Vec<u32>,
    problems: Vec<MappingProblem>,
}

/// The groups of the directory by name and by id.
struct Groups<'a> {
    snapshot: &'a Snapshot,
    by_name: HashMap<&'a str, Vec<u32>>,
}

impl<'a> Groups<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut by_name: HashMap<&str, Vec<u32>> = HashMap::new();
        for (number, group) in snapshot.groups() {
            by_name.entry(group.name).or_default().push(number);
        }
        Self { snapshot, by_name }
    }

    fn find(&self, selector: &GroupSelector) -> Found {
        let mut found = Found::default();
        match selector {
            GroupSelector::Members(_) => return found,
            GroupSelector::Invalid(message) => {
                let message = message.clone();
                found.problems.push(MappingProblem::Invalid { message });
                return found;
            }
            GroupSelector::Id(id) => found.groups.extend(self.snapshot.find_group(id)),
            GroupSelector::Name(name) => {
                let same = self.by_name.get_key_value(name.as_str());
                same.into_iter().for_each(|same| self.take(same, &mut found));
            }
            GroupSelector::NameRegex(pattern) => {
                let fitting = self.by_name.iter().filter(|(name, _)| pattern.is_match(name));
                fitting.for_each(|same| self.take(same, &mut found));
                // Neither the order of a map nor that in which a directory sends its groups is one.
                found.groups.sort_by_key(|group| self.snapshot.group(*group).name);
                found.problems.sort_by(|one, other| name_of(one).cmp(name_of(other)));
                found.problems.truncate(NAMED);
            }
        }
        if found.groups.is_empty() && found.ambiguous.is_empty() {
            found.problems.push(MappingProblem::GroupNotFound);
        }
        found
    }

    /// Takes the one group of a name; several can't be told apart.
    fn take(&self, (name, groups): (&&str, &Vec<u32>), found: &mut Found) {
        if let [only] = groups.as_slice() {
            found.groups.push(*only);
            return;
        }
        let mut ids: Vec<String> = groups
            .iter()
            .map(|group| self.snapshot.group(*group).id.to_owned())
            .collect();
        ids.sort_unstable();
        ids.truncate(NAMED);
        found.ambiguous.extend(groups);
        found.problems.push(MappingProblem::GroupAmbiguous {
            name: (*name).to_owned(),
            ids,
        });
    }
}

fn name_of(problem: &MappingProblem) -> &str {
    match problem {
        MappingProblem::GroupAmbiguous { name, .. } => name,
        _ => "",
    }
}

/// Evaluates the member expressions of all mappings on all people who could be wanted. A person on whom one fails is
/// frozen.
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
    let snapshot = desired.snapshot;
    let mut made = vec![Vec::new(); expressions.len()];
    for user in 0..snapshot.user_count() {
        if !snapshot.user(user).active() || snapshot.unreadable(user).is_some() {
            continue;
        }
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

/// Goes through the members of several groups, each person once.
pub(super) struct Distinct {
    /// The last round in which each person was seen.
    seen: Vec<u32>,
    round: u32,
}

impl Distinct {
    pub fn new(users: u32) -> Self {
        Self {
            seen: vec![0; users as usize],
            round: 0,
        }
    }

    pub fn members<'s>(
        &'s mut self,
        desired: &'s Desired<'_>,
        sources: impl IntoIterator<Item = &'s Source> + 's,
    ) -> impl Iterator<Item = u32> + 's {
        self.round += 1;
        let members = sources.into_iter().flat_map(|source| desired.source(source)).copied();
        members.filter(|user| std::mem::replace(&mut self.seen[*user as usize], self.round) != self.round)
    }
}
