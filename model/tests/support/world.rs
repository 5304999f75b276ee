//! A directory, rules and a platform together, and syncs between them.

use std::time::{Duration, UNIX_EPOCH};

use directory_sync_model::{
    desired::{FailureReason, MappingProblem},
    diff::Differ,
    expression::Now,
    guard::{Terms, Verdict, guard},
    map::map,
    plan::{Counts, Kept, KeptReason, Plan, PlanHash, Population, RemovalCounts},
    rules::Rules,
    snapshot::Doubt,
};

use super::{Directory, MappingWords, Platform, mapping, shown};

/// Everything that a sync is about.
pub struct World {
    pub directory: Directory,
    pub rules: Rules,
    pub platform: Platform,
    /// The hash of the plan that a person approved.
    pub approved: Option<PlanHash>,
    /// When the next sync is.
    pub now: Now,
}

/// What one sync planned, in plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub changes: Vec<String>,
    pub counts: Counts,
    pub removals: RemovalCounts,
    pub populations: Vec<Population>,
    pub hash: PlanHash,
    pub failures: Vec<(String, FailureReason)>,
    pub messages: Vec<String>,
    pub kept: Vec<Kept>,
    /// Of each mapping, by name.
    pub problems: Vec<(String, MappingProblem)>,
    pub doubts: Vec<Doubt>,
    /// What a person should know.
    pub notices: Vec<String>,
    /// The limits that hold the plan; empty when it was applied.
    pub held: Vec<String>,
}

impl Outcome {
    /// Asserts that nothing would be written.
    #[track_caller]
    pub fn nothing(&self) {
        assert_eq!(self.changes, [""; 0]);
        assert!(self.counts.is_empty());
    }
}

/// A day.
pub const DAY: Duration = Duration::from_hours(24);

/// The noon of 2026-03-01 in UTC.
pub fn noon() -> Now {
    UNIX_EPOCH + Duration::from_hours(492_324)
}

impl World {
    /// Without any mapping nothing would ever be removed, so rules without one get one about nobody.
    pub fn new(directory: Directory, mut rules: Rules, platform: Platform) -> Self {
        if rules.mappings.is_empty() {
            rules.mappings.push(mapping("nobody").of_people_who("user.id == ''"));
        }
        Self {
            directory,
            rules,
            platform,
            approved: None,
            now: noon(),
        }
    }

    /// So much time passes until the next sync.
    pub fn later(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    /// Works a plan out and reads it.
    pub fn plan<R>(&self, read: impl FnOnce(Plan<'_>) -> R) -> R {
        let snapshot = self.directory.snapshot();
        let desired = map(&snapshot, &self.rules, self.now);
        let mut differ = Differ::new(&desired, self.platform.account());
        self.platform.show(&mut differ);
        read(differ.finish())
    }

    /// What a sync would do.
    pub fn look(&self) -> Outcome {
        self.plan(|plan| outcome(&plan))
    }

    /// Syncs, unless the plan is held. Then asks once more: a second sync of an unchanged directory writes nothing. Only
    /// whoever replaces the last administrator comes one sync before that one goes; where leavers are deleted, that is one
    /// sync after their deactivation, and what they had is free one sync later.
    #[track_caller]
    pub fn sync(&mut self) -> Outcome {
        let outcome = self.step();
        let replaced = outcome
            .kept
            .iter()
            .any(|kept| kept.reason == KeptReason::LastAdministrator);
        if outcome.held.is_empty() && !replaced && outcome.counts.users_deleted == 0 {
            let again = self.look().changes;
            let (deletions, others): (Vec<_>, Vec<_>) = again.iter().partition(|line| line.starts_with("delete "));
            assert!(others.is_empty(), "a second sync writes: {others:?}");
            for line in deletions {
                let deactivated = format!("deactivate {}", line.trim_start_matches("delete "));
                assert!(
                    outcome.changes.contains(&deactivated),
                    "{line} belonged into the first sync"
                );
            }
        }
        outcome
    }

    fn step(&mut self) -> Outcome {
        let before = self.platform.clone();
        let (outcome, after) = self.plan(|plan| {
            let mut outcome = outcome(&plan);
            let terms = Terms {
                limits: self.rules.limits,
                approved: self.approved.clone(),
                ..Terms::default()
            };
            let hash = plan.hash();
            match guard(plan, &hash, &terms) {
                Verdict::Hold(_, hold) => {
                    outcome.held = hold.exceeded.iter().map(ToString::to_string).collect();
                    (outcome, before)
                }
                Verdict::Pass(approved) => {
                    let mut after = before;
                    after.apply(approved.plan());
                    (outcome, after)
                }
            }
        });
        self.platform = after;
        outcome
    }
}

fn outcome(plan: &Plan<'_>) -> Outcome {
    let mappings = plan.desired.rules.mappings.iter().zip(&plan.outcomes);
    let problems = mappings
        .flat_map(|(mapping, outcome)| {
            let problems = outcome.problems.iter();
            problems.map(|problem| (mapping.name.clone(), problem.clone()))
        })
        .collect();
    let completeness = &plan.desired.snapshot.completeness;
    Outcome {
        changes: shown::lines(plan),
        counts: plan.counts(),
        removals: plan.removal_counts(),
        populations: plan.populations.clone(),
        hash: plan.hash(),
        failures: plan
            .failures
            .iter()
            .map(|failure| (failure.id.clone(), failure.reason))
            .collect(),
        messages: plan.failures.iter().map(|failure| failure.message.clone()).collect(),
        kept: plan.kept.clone(),
        problems,
        doubts: completeness.doubts().cloned().chain(plan.desired.doubt()).collect(),
        notices: plan.notices.iter().map(ToString::to_string).collect(),
        held: Vec::new(),
    }
}
