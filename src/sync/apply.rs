//! The step that writes: everything that only adds first, then what changes, then what removes.
//!
//! Batches of one step go out side by side, as many at once as the platform bears; the next step begins when all are
//! answered. A failed item is that object's failure. A failed request that one of its items may have provoked is taken
//! apart until that item stands alone; any other ends the apply, and the next run goes on from there, because every
//! write is idempotent and the platform is observed anew.

mod batches;
mod memberships;
mod teams;
mod users;

use std::collections::{HashMap, HashSet};

use directory_sync_model::{
    desired::{Failure, FailureKind, FailureReason},
    guard::ApprovedPlan,
    observed::ContainerKind,
    plan::{Counts, Place, Plan},
};
use tokio_util::sync::CancellationToken;

use super::run::Watch;
use crate::{
    fault::{Class, Fault},
    platform::{self, Platform, WriteKey},
};

/// What an apply did.
pub struct Applied {
    /// How many objects it touched.
    pub done: Counts,
    /// Which failed on their own.
    pub failures: Vec<Failure>,
    /// Whether it was stopped between two batches.
    pub stopped: bool,
    /// What ended it early.
    pub error: Option<platform::Error>,
    /// The ids of the plan's new teams, in its order; `None` where it wasn't created.
    pub team_ids: Vec<Option<String>>,
}

/// Carries out an approved plan.
pub async fn apply(
    plan: &ApprovedPlan<'_>,
    platform: &dyn Platform,
    sync_id: &str,
    stop: &CancellationToken,
    watch: &dyn Watch,
) -> Applied {
    let plan = plan.plan();
    let mut work = Work {
        plan,
        platform,
        sync_id,
        stop,
        watch,
        requests: 0,
        done: Counts::default(),
        steps_done: 0,
        failures: Vec::new(),
        team_ids: vec![None; plan.new_teams.len()],
        created: HashMap::new(),
        written: HashMap::new(),
        names_kept: HashSet::new(),
        blocked: HashSet::new(),
        failed: HashSet::new(),
    };
    let ended = work.all_steps().await;
    Applied {
        stopped: matches!(ended, Err(End::Stopped)),
        error: match ended {
            Err(End::Failed(error)) => Some(error),
            _ => None,
        },
        done: work.done,
        failures: work.failures,
        team_ids: work.team_ids,
    }
}

/// Why an apply ends before its last step.
enum End {
    Stopped,
    Failed(platform::Error),
}

/// An apply under way.
struct Work<'w, 'p> {
    plan: &'w Plan<'p>,
    platform: &'w dyn Platform,
    sync_id: &'w str,
    stop: &'w CancellationToken,
    watch: &'w dyn Watch,
    requests: u64,
    steps_done: u64,
    done: Counts,
    failures: Vec<Failure>,
    team_ids: Vec<Option<String>>,
    /// Platform ids of people created by this apply.
    created: HashMap<u32, Box<str>>,
    /// The versions of users whom this apply has written; `None` where the platform doesn't tell.
    written: HashMap<u32, Option<Box<str>>>,
    /// Names, in normal form, that teams keep because they couldn't be renamed.
    names_kept: HashSet<String>,
    /// People of whom an add failed: nothing of theirs is removed.
    blocked: HashSet<u32>,
    /// People of whom an update failed: their roles stay as they are.
    failed: HashSet<u32>,
}

impl Work<'_, '_> {
    async fn all_steps(&mut self) -> Result<(), End> {
        let (now, after_updates): (Vec<_>, Vec<_>) = self
            .plan
            .creations
            .iter()
            .copied()
            .partition(|creation| !creation.after_updates);
        self.update_teams().await?;
        self.create_teams().await?;
        let mut without_seat = self.create_users(&now).await?;
        self.update_users().await?;
        without_seat.extend(self.create_users(&after_updates).await?);
        self.adopt_members().await?;
        self.add_members(|_| true).await?;
        self.change_roles().await?;
        self.remove_members().await?;
        self.deactivate().await?;
        self.create_again(&without_seat).await?;
        self.delete().await?;
        self.release().await
    }

    /// The key of the next request, unless the run is to stop here.
    fn next_request(&mut self, step: &str) -> Result<WriteKey, End> {
        if self.stop.is_cancelled() {
            return Err(End::Stopped);
        }
        self.requests += 1;
        Ok(WriteKey(format!("{}-{step}-{}", self.sync_id, self.requests)))
    }

    fn progress(&mut self, objects: usize) {
        self.steps_done += objects as u64;
        self.watch.progress(self.steps_done, None);
    }

    fn fail(&mut self, kind: FailureKind, id: String, error: &platform::Error) {
        let reason = match error.class() {
            Class::NoSeats => FailureReason::NoSeats,
            Class::Conflict => FailureReason::Changed,
            _ => FailureReason::Refused,
        };
        self.failures.push(Failure {
            kind,
            id,
            reason,
            message: crate::fault::chain(error),
        });
    }

    fn fail_person(&mut self, kind: FailureKind, user: u32, error: &platform::Error) {
        let id = self.plan.desired.snapshot.user_id(user).to_owned();
        self.fail(kind, id, error);
    }

    fn place_id(&self, place: Place) -> Option<(ContainerKind, &str)> {
        match place {
            Place::Held(at) => Some((self.plan.containers[at].kind, &self.plan.containers[at].id)),
            Place::New(at) => Some((ContainerKind::Team, self.team_ids[at].as_deref()?)),
        }
    }

    /// The version that a user must still have: the one that was observed, or the one that this apply made.
    fn version(&self, holding: u32) -> Option<String> {
        match self.written.get(&holding) {
            Some(version) => version.as_deref().map(str::to_owned),
            None => self.plan.holdings.version(holding).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests;
