//! Which role mappings want for whom: the highest priority wins; equal priorities with different roles are a conflict.

use std::collections::{BTreeMap, HashMap};

use super::mappings::Resolved;
use crate::{
    desired::{Desired, MappingProblem, RoleWish},
    rules::Mapping,
};

/// Gives each person his role. The same group mapped twice to the same role counts once.
pub(super) fn assign(desired: &mut Desired<'_>, resolved: &[Resolved]) {
    let rules = desired.rules;
    let mut order: Vec<usize> = (0..rules.mappings.len())
        .filter(|at| rules.mappings[*at].role.is_some())
        .collect();
    if order.is_empty() {
        return;
    }
    order.sort_by_key(|at| std::cmp::Reverse(rules.mappings[*at].priority));
    let mut numbers = HashMap::new();
    // The mapping that decided each person's role so far.
    let mut decided_by = vec![usize::MAX; desired.people.len()];
    let mut conflicts = Conflicts::default();
    for at in order {
        let Mapping {
            role: Some(role),
            priority,
            ..
        } = &rules.mappings[at]
        else {
            continue;
        };
        let wish = if resolved[at].frozen {
            RoleWish::Leave
        } else {
            RoleWish::Give(Desired::role_number(&mut desired.roles, &mut numbers, role))
        };
        for source in &resolved[at].sources {
            let members = match source {
                crate::desired::Source::Group(group) => desired.snapshot.members(*group),
                crate::desired::Source::Made(made) => &desired.made_groups[*made],
            };
            for user in members {
                let person = &mut desired.people[*user as usize];
                let earlier = decided_by[*user as usize];
                if earlier == usize::MAX {
                    person.role = wish;
                    decided_by[*user as usize] = at;
                } else if rules.mappings[earlier].priority == *priority
                    && rules.mappings[earlier].role.as_ref() != Some(role)
                {
                    person.role = RoleWish::Leave;
                    conflicts.note(earlier, at, *user);
                }
            }
        }
    }
    conflicts.report(desired);
}

#[derive(Default)]
struct Conflicts(BTreeMap<(usize, usize), (u32, u64)>);

impl Conflicts {
    fn note(&mut self, one: usize, other: usize, user: u32) {
        self.0.entry((one, other)).or_insert((user, 0)).1 += 1;
    }

    fn report(self, desired: &mut Desired<'_>) {
        let rules = desired.rules;
        for ((one, other), (user, people)) in self.0 {
            let example = desired.snapshot.user_id(user).to_owned();
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
