//! Which role mappings want for whom: the highest priority wins; equal priorities with different roles are a conflict.

use std::collections::{BTreeMap, HashMap};

use super::groups::{Distinct, Resolved, State};
use crate::{
    desired::{Desired, MappingProblem, RoleWish, Standing},
    rules::Mapping,
};

/// Nobody has decided a person's role yet.
const NOBODY: usize = usize::MAX;

/// Gives each person his role. The same group mapped twice to the same role counts once.
pub(super) fn assign(desired: &mut Desired<'_>, resolved: &[Resolved]) {
    let rules = desired.rules;
    let mut order: Vec<usize> = (0..rules.mappings.len())
        .filter(|at| rules.mappings[*at].role.is_some())
        .collect();
    if order.is_empty() {
        return;
    }
    // Of equal priority, those that act come first: a frozen one takes nothing from them.
    let acts = |at: usize| resolved[at].state == State::Active;
    order.sort_by_key(|at| (std::cmp::Reverse(rules.mappings[*at].priority), !acts(*at)));
    let mut numbers = HashMap::new();
    // The mapping that decided each person's role so far.
    let mut decided_by = vec![NOBODY; desired.people.len()];
    let mut conflicts = Conflicts::default();
    let mut distinct = Distinct::new(desired.snapshot.user_count());
    let mut wishes = Vec::new();
    for at in order {
        let Mapping {
            role: Some(role),
            priority,
            ..
        } = &rules.mappings[at]
        else {
            continue;
        };
        let wish = if acts(at) {
            RoleWish::Give(Desired::role_number(&mut desired.roles, &mut numbers, role))
        } else {
            RoleWish::Leave
        };
        for user in distinct.members(desired, resolved[at].all()) {
            if desired.people[user as usize].standing != Standing::Wanted {
                continue;
            }
            let earlier = decided_by[user as usize];
            if earlier == NOBODY {
                decided_by[user as usize] = at;
                wishes.push((user, wish));
            } else if rules.mappings[earlier].priority == *priority
                && rules.mappings[earlier].role.as_ref() != Some(role)
            {
                wishes.push((user, RoleWish::Leave));
                if acts(at) && acts(earlier) {
                    conflicts.note(earlier, at, desired.snapshot.user_id(user));
                }
            }
        }
        for (user, wish) in wishes.drain(..) {
            desired.people[user as usize].role = wish;
        }
    }
    conflicts.report(desired);
}

/// Pairs of mappings, with the number of people about whom they disagree and the least of their ids.
#[derive(Default)]
struct Conflicts(BTreeMap<(usize, usize), (String, u64)>);

impl Conflicts {
    fn note(&mut self, one: usize, other: usize, user: &str) {
        let (example, people) = self.0.entry((one, other)).or_default();
        if example.is_empty() || user < example.as_str() {
            user.clone_into(example);
        }
        *people += 1;
    }

    fn report(self, desired: &mut Desired<'_>) {
        let rules = desired.rules;
        for ((one, other), (example, people)) in self.0 {
            for (at, with) in [(one, other), (other, one)] {
                desired.outcomes[at].problems.push(MappingProblem::RoleConflict {
                    other: rules.mappings[with].name.clone(),
                    example: example.clone(),
                    people,
                });
            }
        }
    }
}
