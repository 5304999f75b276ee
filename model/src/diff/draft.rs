//! A plan in the making: what was seen, and what was decided so far.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Differ, NOBODY};
use crate::{
    desired::{Desired, Failure, FailureKind, FailureReason, Standing},
    plan::{Kept, KeptReason, Place, Plan, RemovalKind},
};

/// What the steps of the diff hand on to each other.
pub(super) struct Draft<'a> {
    pub seen: Differ<'a>,
    /// Per person: nothing is done for him.
    pub left_alone: Vec<bool>,
    /// The people who failed, each once.
    failed: HashSet<u32>,
    /// From the first of several people with one address to the one of them who goes on.
    pub heirs: HashMap<u32, u32>,
    /// Per user of the platform: what became of him.
    pub fates: Vec<Fate>,
    pub plan: Plan<'a>,
    kept: BTreeMap<(RemovalKind, KeptReason), u64>,
    /// Absence means something, and what is protected is known.
    pub certain: bool,
}

/// What becomes of a user of the platform, beyond what he is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing new.
    #[default]
    Stays,
    /// He becomes managed.
    Adopted,
    /// He is deactivated.
    Deactivated,
    /// He is to go, and is inactive already.
    Gone,
    /// He is deleted.
    Deleted,
    /// He is to go, and his account is kept; what we gave him isn't.
    Kept,
    /// No mapping that can be told has him, and he may be in one that can't: only his account waits for that one.
    Waits,
}

impl<'a> Draft<'a> {
    pub fn new(seen: Differ<'a>) -> Self {
        let desired = seen.desired;
        Self {
            left_alone: vec![false; desired.people.len()],
            failed: HashSet::new(),
            heirs: HashMap::new(),
            fates: vec![Fate::Stays; seen.holdings.len()],
            plan: Plan {
                failures: desired.failures.clone(),
                outcomes: desired.outcomes.clone(),
                ..Plan::nothing(desired)
            },
            kept: BTreeMap::new(),
            certain: desired.is_certain() && seen.roles_are_told(),
            seen,
        }
    }

    pub fn desired(&self) -> &'a Desired<'a> {
        self.seen.desired
    }

    /// Whether a person is to be what the directory says.
    pub fn wanted(&self, user: u32) -> bool {
        self.desired().people[user as usize].standing == Standing::Wanted && !self.left_alone[user as usize]
    }

    /// The person's user, if he has one.
    pub fn holding_of(&self, user: u32) -> Option<u32> {
        Some(self.seen.holding_of[user as usize]).filter(|holding| *holding != NOBODY)
    }

    /// Those who are to go and whose accounts are kept.
    pub fn kept_leavers(&self) -> impl Iterator<Item = u32> {
        let fates = (0_u32..).zip(&self.fates);
        fates
            .filter(|(_, fate)| **fate == Fate::Kept)
            .map(|(holding, _)| holding)
    }

    /// Notes that a person failed, and leaves him alone. What is wrong first is what is reported.
    pub fn fail_user(&mut self, user: u32, reason: FailureReason, message: String) {
        self.left_alone[user as usize] = true;
        if self.failed.insert(user) {
            let id = self.desired().snapshot.user_id(user).to_owned();
            self.plan.failures.push(Failure {
                kind: FailureKind::User,
                id,
                reason,
                message,
            });
        }
    }

    pub fn keep(&mut self, kind: RemovalKind, reason: KeptReason, count: u64) {
        if count > 0 {
            *self.kept.entry((kind, reason)).or_default() += count;
        }
    }

    /// Why a removal waits: for the read, for the platform's roles, or for a mapping.
    pub fn waits_for(&self) -> KeptReason {
        if self.certain {
            KeptReason::Frozen
        } else if self.desired().is_certain() {
            KeptReason::RolesUnknown
        } else {
            KeptReason::Incomplete
        }
    }

    pub fn into_plan(self, places: Vec<Option<Place>>) -> Plan<'a> {
        let kept = self
            .kept
            .into_iter()
            .map(|((kind, reason), count)| Kept { kind, reason, count })
            .collect();
        Plan {
            holdings: self.seen.holdings,
            containers: self.seen.containers,
            roles: self.seen.roles.into_names(),
            holding_of: self.seen.holding_of,
            places,
            kept,
            ..self.plan
        }
    }
}
