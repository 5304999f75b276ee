//! From what was read and what is asked for to what should be: the step `map` of the pipeline.

mod groups;
mod people;
mod roles;
mod targets;

use std::collections::{BTreeSet, HashSet};

use crate::{
    desired::{Addresses, Desired, Failure, Standing},
    expression::Now,
    rules::Rules,
    snapshot::{Doubt, Snapshot},
};

/// Above this share of people on whom an expression fails, the read as a whole is doubtful: one in a hundred.
const FAILURE_DIVISOR: u64 = 100;

/// Works out what should be. Pure: the same input gives the same output; `now` is an argument.
pub fn map<'a>(snapshot: &'a Snapshot, rules: &'a Rules, now: Now) -> Desired<'a> {
    let reads = rules.reads();
    let mut desired = Desired {
        snapshot,
        rules,
        now,
        people: Vec::new(),
        roles: Vec::new(),
        containers: Vec::new(),
        made_groups: Vec::new(),
        outcomes: Vec::new(),
        unknown_targets: Vec::new(),
        unplaced: HashSet::new(),
        unknown_members: false,
        frozen_members: false,
        frozen_roles: BTreeSet::new(),
        failures: snapshot.rejected.iter().map(Failure::from).collect(),
        addresses: Addresses::default(),
        shared_emails: Vec::new(),
        groups_by_user: reads.reads_groups().then(|| snapshot.groups_by_user()),
        untold_group: if reads.reads_groups() {
            groups::untold(snapshot)
        } else {
            None
        },
        expression_failed: HashSet::new(),
    };
    let groups = groups::resolve(&mut desired);
    people::judge(&mut desired, &groups);
    roles::assign(&mut desired, &groups);
    targets::target(&mut desired, &groups);
    desired
}

impl Desired<'_> {
    /// Why not everybody may be told, beyond what the read itself doubts.
    pub fn doubt(&self) -> Option<Doubt> {
        let of = u64::from(self.snapshot.user_count());
        let count = self.expression_failed.len() as u64;
        if count * FAILURE_DIVISOR > of {
            return Some(Doubt::ExpressionFailures { count, of });
        }
        let filter = self.rules.filter.as_ref()?;
        let group = self
            .untold_group
            .clone()
            .filter(|_| filter.reads().user.reads_groups())?;
        Some(Doubt::MembersNotTold { group })
    }

    /// How many people are wanted.
    pub fn wanted(&self) -> u64 {
        self.people
            .iter()
            .filter(|person| person.standing == Standing::Wanted)
            .count() as u64
    }
}
