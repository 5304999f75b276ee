//! What a run did, with counts and causes.

use std::time::Duration;

use directory_sync_model::{
    desired::{Failure, MappingOutcome},
    plan::{Counts, Kept, Notice, PlanHash, RemovalCounts},
    snapshot::{Doubt, Seen},
};

use super::{Error, ledger::Spent};

pub use directory_sync_model::guard::Hold;

/// The steps that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Reading the directory.
    Fetch,
    /// Working out what should be.
    Map,
    /// Reading the platform, and comparing while it is read.
    Observe,
    /// Working out what to do.
    Diff,
    /// Writing.
    Apply,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 5] = [Self::Fetch, Self::Map, Self::Observe, Self::Diff, Self::Apply];

    /// The value of the `step` label of metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Map => "map",
            Self::Observe => "observe",
            Self::Diff => "diff",
            Self::Apply => "apply",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// There was nothing to do.
    Unchanged,
    /// All was done.
    Synced,
    /// All was done but what failed on its own.
    PartlyFailed,
    /// The plan waits for a person; nothing was written.
    Held,
    /// The plan was worked out and, as asked, not applied.
    Observed,
    /// The run was stopped while it read, or between two writes; the next one goes on from there.
    Stopped,
    /// The run ended early.
    Failed,
}

impl Outcome {
    /// The word in histories.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unchanged => "Unchanged",
            Self::Synced => "Synced",
            Self::PartlyFailed => "PartlyFailed",
            Self::Held => "Held",
            Self::Observed => "Observed",
            Self::Stopped => "Stopped",
            Self::Failed => "Failed",
        }
    }
}

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// The run's id, as in logs.
    pub id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended early.
    pub error: Option<Error>,
    /// People and groups of the directory; absent when it could not be read.
    pub directory: Option<DirectoryCounts>,
    /// What was read in numbers, for the next read to be compared with; absent when it could not be read.
    pub seen: Option<Seen>,
    /// Users, teams and inboxes of the platform; absent when it could not be read.
    pub platform: Option<PlatformCounts>,
    /// Why the read may not be everything; empty when it is.
    pub doubts: Vec<Doubt>,
    /// What was planned.
    pub planned: Counts,
    /// What was done.
    pub done: Counts,
    /// What the plan removes.
    pub removals: RemovalCounts,
    /// The hash of the plan's removals; absent when there was no plan.
    pub hash: Option<PlanHash>,
    /// Why the plan waits, when it does.
    pub hold: Option<Hold>,
    /// The approvals that this run and those before it have used.
    pub spent: Vec<Spent>,
    /// What the plan left undone on purpose.
    pub kept: Vec<Kept>,
    /// What a person should know of the specification, and that stops nothing.
    pub notices: Vec<Notice>,
    /// Failures of single objects.
    pub failures: Vec<Failure>,
    /// One per mapping, in the order of the rules.
    pub mappings: Vec<MappingReport>,
    /// How long each step took.
    pub durations: Vec<(Step, Duration)>,
}

/// What was read of the directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct DirectoryCounts {
    /// People.
    pub users: u64,
    /// Groups.
    pub groups: u64,
}

/// What was read of the platform.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlatformCounts {
    /// Users, whoever manages them.
    pub users: u64,
    /// Teams.
    pub teams: u64,
    /// Inboxes.
    pub inboxes: u64,
}

/// What one mapping came to.
#[derive(Clone, Debug, Default)]
pub struct MappingReport {
    /// The mapping's name.
    pub name: String,
    /// What is wrong, and the numbers.
    pub outcome: MappingOutcome,
    /// How many teams and inboxes it gives.
    pub teams: u64,
    /// How many inboxes it gives.
    pub inboxes: u64,
    /// At most ten of its groups.
    pub samples: Vec<GroupSample>,
}

/// One group of a mapping.
#[derive(Clone, Debug)]
pub struct GroupSample {
    /// The directory's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many people are in it.
    pub members: u64,
    /// The platform's id of the team that it makes; absent while there is none.
    pub team_id: Option<String>,
}

impl Report {
    /// A report of a run that has done nothing yet.
    pub fn begin(id: String) -> Self {
        Self {
            id,
            outcome: Outcome::Failed,
            error: None,
            directory: None,
            seen: None,
            platform: None,
            doubts: Vec::new(),
            planned: Counts::default(),
            done: Counts::default(),
            removals: RemovalCounts::default(),
            hash: None,
            hold: None,
            spent: Vec::new(),
            kept: Vec::new(),
            notices: Vec::new(),
            failures: Vec::new(),
            mappings: Vec::new(),
            durations: Vec::new(),
        }
    }

    /// A report of a run that was stopped before it did anything.
    pub fn stopped(id: String) -> Self {
        Self {
            outcome: Outcome::Stopped,
            ..Self::begin(id)
        }
    }

    /// Whether the run was stopped before it wrote anything: it is as if it had not been.
    pub fn is_void(&self) -> bool {
        self.outcome == Outcome::Stopped && self.done.is_empty()
    }
}
