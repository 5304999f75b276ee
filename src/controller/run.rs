//! One run of the pipeline for one connection: what it works with, and what came of it.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use directory_sync_model::{
    fingerprint::FingerprintKey,
    limits::Limits,
    plan::{KeptReason, Notice, PlanHash, RemovalKind},
    rules::Rules,
};
use jiff::Timestamp;
use kube::Client;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::{
    cause::Cause,
    digest::Digest,
    documents::ClusterDocuments,
    judged::{self, Judged, JudgedRules, Strictness, Weight},
    notes::{Noted, Notes},
    plans::Judgement,
    view::{Guarded, Key, for_rules},
};
use crate::{
    api::{DirectoryConnection, GroupMapping, SyncPlan, plan::Decision, status::Trigger},
    directory::fetch::FetchLimits,
    resolve::{self, Connector},
    sync::{
        self, Mode, Options, Outcome, Report,
        ledger::{Ledger, Ledgers, Scope, Spent},
    },
};

/// What one run works with: everything as it was at its beginning.
pub struct Order {
    /// The run's id, as in logs and idempotency keys.
    pub id: String,
    /// Why it began.
    pub trigger: Trigger,
    /// When it began.
    pub start: Timestamp,
    /// The connection.
    pub connection: DirectoryConnection,
    /// Its mappings, and those that can't be read, by name.
    pub mappings: Vec<Arc<Guarded<GroupMapping>>>,
    /// What the mappings say.
    pub mappings_digest: Digest,
    /// Its plans.
    pub plans: Vec<Arc<Guarded<SyncPlan>>>,
    /// The request that it answers.
    pub requested: Option<String>,
    /// Whether its plan is carried out.
    pub mode: Mode,
    /// Ceilings of the operator.
    pub ceilings: Limits,
    /// What the last plan was judged by.
    pub judged: Option<Judged>,
    /// The hash of the plan that a person approved.
    pub approved: Option<PlanHash>,
    /// The hashes of plans that people rejected.
    pub rejected: Vec<PlanHash>,
    /// An older connection that marks the same platform in the same way.
    pub older: Option<Key>,
    /// Older connections that take over from this one although it takes over from them, by owner.
    pub rivals: Vec<(String, Key)>,
    /// Whether the connection is being deleted and takes back all that it gave.
    pub retire: bool,
}

impl Order {
    /// The connection's name.
    pub fn key(&self) -> Key {
        Key::of(&self.connection.metadata)
    }

    /// `metadata.generation` of the connection.
    pub fn generation(&self) -> i64 {
        self.connection.metadata.generation.unwrap_or_default()
    }

    /// The kind of directory, for metrics.
    pub fn provider(&self) -> &'static str {
        let provider = self.connection.spec.provider.selected();
        provider.map_or("none", crate::api::provider::ProviderSpec::name)
    }

    /// The plans that can be read.
    pub fn plans(&self) -> impl Iterator<Item = &SyncPlan> {
        self.plans.iter().filter_map(|plan| plan.0.as_ref().ok())
    }
}

/// What a run came to.
pub struct Ended {
    /// When it ended.
    pub end: Timestamp,
    /// What it did; or why it couldn't begin.
    pub result: Result<Report, Cause>,
    /// What was noted of its plan.
    pub noted: Option<Noted>,
    /// The versions of the Secrets and `ConfigMap`s that it read; `None` where that can't be told.
    pub documents: Option<Digest>,
    /// What its plan was judged by; `None` where there was no plan.
    pub rules: Option<JudgedRules>,
}

impl Ended {
    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.result.as_ref().map_or(Outcome::Failed, |report| report.outcome)
    }

    /// Whether it was stopped before it wrote anything.
    pub fn is_void(&self) -> bool {
        self.result.as_ref().is_ok_and(Report::is_void)
    }

    /// Why it failed.
    pub fn cause(&self) -> Option<Cause> {
        match &self.result {
            Ok(report) => report.error.as_ref().map(Cause::failed),
            Err(cause) => Some(cause.clone()),
        }
    }

    /// What follows for held plans.
    pub fn judgement(&self, mode: Mode) -> Judgement<'_> {
        let Ok(report) = &self.result else {
            return Judgement::None;
        };
        let Some(hash) = report.hash.as_ref().map(PlanHash::as_str) else {
            return Judgement::None;
        };
        match report.outcome {
            _ if mode == Mode::Observe => Judgement::None,
            Outcome::Held => Judgement::Held { hash },
            Outcome::Synced | Outcome::PartlyFailed | Outcome::Unchanged => Judgement::Passed { hash },
            Outcome::Observed | Outcome::Stopped | Outcome::Failed => Judgement::None,
        }
    }

    /// The approvals that are used up.
    pub fn spent(&self) -> &[Spent] {
        self.result.as_ref().map_or(&[], |report| &report.spent)
    }

    /// What the next plan is compared with. Only a plan that could have been carried out is a measure.
    pub fn judged(&self, order: &Order) -> Option<Judged> {
        let before = order.judged.as_ref();
        let (Some(rules), Ok(report)) = (&self.rules, &self.result) else {
            return before.cloned();
        };
        if order.mode == Mode::Observe || report.hash.is_none() {
            return before.cloned();
        }
        let rules = JudgedRules {
            seen: report.seen,
            ..rules.clone()
        };
        Some(Judged::next(before, rules, weight(report)))
    }
}

fn weight(report: &Report) -> Weight {
    let people_kept = report.kept.iter().any(|kept| {
        matches!(kept.kind, RemovalKind::User | RemovalKind::Deletion)
            && matches!(
                kept.reason,
                KeptReason::Incomplete | KeptReason::RolesUnknown | KeptReason::Frozen
            )
    });
    if people_kept || !report.doubts.is_empty() {
        Weight::Partial
    } else if report.hold.is_some() || matches!(report.outcome, Outcome::Failed | Outcome::Stopped) {
        // What passed and wasn't carried out to its end shows no more than what was held.
        Weight::Held
    } else {
        Weight::Passed
    }
}

/// What all runs share.
#[derive(Clone)]
pub struct Shared {
    /// For Secrets and `ConfigMap`s.
    pub client: Client,
    /// For directories and platforms.
    pub connector: Connector,
    /// The key of this process's fingerprints.
    pub key: FingerprintKey,
    /// Bounds of reads.
    pub fetch: FetchLimits,
    /// Where runs write down what they give and take.
    pub ledgers: Arc<dyn Ledgers>,
}

/// Runs the pipeline once. It never fails and never panics: whatever happens is in what it came to. It is given up when
/// `abandon` is cancelled.
pub async fn run(order: &Arc<Order>, shared: &Shared, stop: &CancellationToken, abandon: &CancellationToken) -> Ended {
    let (stop, abandon) = (stop.clone(), abandon.clone());
    let (task_order, shared) = (Arc::clone(order), shared.clone());
    contain(&order.id, async move {
        abandon.run_until_cancelled(attempt(&task_order, &shared, &stop)).await
    })
    .await
}

/// Gives a run a thread of its own: while it maps and compares a million people it keeps no other connection waiting, and a
/// panic in somebody's parser ends this run and nothing else. A runtime that has one thread alone keeps the run on it, so
/// that everything happens in one order, which can be repeated.
async fn contain(id: &str, work: impl Future<Output = Option<Ended>> + Send + 'static) -> Ended {
    let (runtime, work) = (Handle::current(), work.instrument(Span::current()));
    let task = match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => runtime.spawn(work),
        _ => runtime.clone().spawn_blocking(move || runtime.block_on(work)),
    };
    let cause = match task.await {
        Ok(Some(ended)) => return ended,
        Ok(None) => Cause::abandoned(),
        Err(error) => {
            tracing::error!(%error, "The sync panicked.");
            Cause::panicked(id)
        }
    };
    Ended {
        end: Timestamp::now(),
        result: Err(cause),
        noted: None,
        documents: None,
        rules: None,
    }
}

async fn attempt(order: &Order, shared: &Shared, stop: &CancellationToken) -> Ended {
    let loading = ClusterDocuments::load(&shared.client, &order.connection);
    let Some(documents) = stop.run_until_cancelled(loading).await else {
        return Ended {
            end: Timestamp::now(),
            result: Ok(Report::stopped(order.id.clone())),
            noted: None,
            documents: None,
            rules: None,
        };
    };
    let notes = Notes::default();
    let mut rules = None;
    let result = pipeline(order, shared, &documents, &notes, &mut rules, stop).await;
    Ended {
        end: Timestamp::now(),
        result,
        noted: notes.take(),
        documents: documents.digest(),
        rules,
    }
}

async fn pipeline(
    order: &Order,
    shared: &Shared,
    documents: &ClusterDocuments,
    notes: &Notes,
    judged_rules: &mut Option<JudgedRules>,
    stop: &CancellationToken,
) -> Result<Report, Cause> {
    if let Some(older) = order.older.as_ref().filter(|_| !order.retire) {
        let owner = order.connection.owner_id();
        return Err(Cause::owner_in_use(&owner, &older.to_string()));
    }
    let mappings = for_rules(&order.mappings, &order.key());
    let mut rules = if order.retire {
        resolve::retirement(&order.connection)
    } else {
        resolve::rules(&order.connection, &mappings).map_err(|error| Cause::unresolved(&error))?
    };
    // The older one takes over, and nobody is taken back.
    for (owner, _) in &order.rivals {
        rules.from_owners.remove(owner);
    }
    let groups = judged::groups(order.mappings.iter().filter_map(|mapping| mapping.0.as_ref().ok()));
    *judged_rules = Some(JudgedRules {
        limits: rules.limits,
        protect: rules.protect.clone(),
        tightenings: judged::tightenings(&rules),
        groups: groups.clone(),
        seen: None,
    });
    let strictness = strictness(order, &mut rules, &groups);
    let connecting = async {
        if order.retire {
            resolve::retiring_ends(&order.connection, documents, &shared.connector).await
        } else {
            resolve::ends(&order.connection, &rules, documents, &shared.connector).await
        }
    };
    let Some(ends) = stop.run_until_cancelled(connecting).await else {
        return Ok(Report::stopped(order.id.clone()));
    };
    let ends = ends.map_err(|error| Cause::unresolved(&error))?;
    let ledger = shared.ledgers.of(&Scope {
        connection: order.key().to_string(),
        owner: rules.owner.clone(),
        platform: resolve::platform_address(&order.connection).unwrap_or_default(),
        trigger: format!("{:?}", order.trigger),
    });
    note_decisions(order, ledger.as_ref()).await?;
    let options = Options {
        id: order.id.clone(),
        mode: order.mode,
        approved: order.approved.clone(),
        rejected: order.rejected.clone(),
        stricter: strictness.limits,
        hold_departures: strictness.hold_departures,
        seen: order.judged.as_ref().and_then(|judged| judged.seen),
        now: SystemTime::now(),
        key: shared.key,
        fetch: shared.fetch,
    };
    let mut report = sync::run(&ends, &rules, &options, ledger.as_ref(), stop, notes).await;
    if !order.retire {
        report.notices.extend(resolve::advice(&order.connection));
        report
            .notices
            .extend(order.rivals.iter().map(|(owner, key)| Notice::HandoverBothWays {
                owner: owner.clone(),
                connection: key.to_string(),
            }));
    }
    Ok(report)
}

/// Writes down who decided about the plans of this run.
async fn note_decisions(order: &Order, ledger: &dyn Ledger) -> Result<(), Cause> {
    let decided = |plan: &&SyncPlan| {
        let hash = PlanHash::from_text(&plan.spec.hash);
        order.approved.as_ref() == Some(&hash) || order.rejected.contains(&hash)
    };
    for plan in order.plans().filter(decided) {
        let (Some(decision), by) = (plan.spec.decision, plan.spec.decided_by.as_deref()) else {
            continue;
        };
        let decision = match decision {
            Decision::Approved => "Approved",
            Decision::Rejected => "Rejected",
        };
        let noted = ledger.decide(&plan.spec.hash, decision, by.unwrap_or_default(), order.start.into());
        noted
            .await
            .map_err(|error| Cause::failed(&sync::Error::Ledger(error)))?;
    }
    Ok(())
}

/// How this plan is judged beside its own rules: by the operator's ceilings, and by what was before.
fn strictness(order: &Order, rules: &mut Rules, groups: &BTreeSet<String>) -> Strictness {
    let before = order
        .judged
        .as_ref()
        .map(|judged| judged.strictness(rules, groups))
        .unwrap_or_default();
    Strictness {
        limits: Some(
            before
                .limits
                .map_or(order.ceilings, |limits| limits.stricter(order.ceilings)),
        ),
        ..before
    }
}

#[cfg(test)]
mod tests {
    use directory_sync_model::{guard::Hold, plan::Kept};

    use super::*;
    use crate::{api::condition::Reason, controller::testing};

    #[tokio::test]
    async fn a_panic_is_the_failure_of_one_run_and_says_nothing_of_what_it_saw() {
        let ended = contain("run-7", async { panic!("ann@acme.test is no number") }).await;
        let cause = ended.cause().unwrap();
        assert_eq!((cause.reason, ended.outcome()), (Reason::Internal, Outcome::Failed));
        assert!(
            cause.message.contains("run-7") && !cause.message.contains("ann@"),
            "{}",
            cause.message
        );
        assert!(!cause.needs_a_person, "it is tried again");
    }

    #[tokio::test]
    async fn a_run_that_is_given_up_failed() {
        assert_eq!(contain("run-7", async { None }).await.outcome(), Outcome::Failed);
    }

    #[test]
    fn only_a_plan_that_could_have_been_carried_out_is_a_measure_for_the_next() {
        let mut order = testing::order();
        let judged = |order: &Order, hash: bool| {
            let mut report = Report::begin("run".into());
            report.outcome = Outcome::Synced;
            report.hash = hash.then(|| PlanHash::from_text("aa"));
            let mut ended = testing::ended(report);
            ended.rules = Some(JudgedRules {
                limits: Limits::default(),
                protect: directory_sync_model::rules::Protect::default(),
                tightenings: judged::Tightenings::new(),
                groups: BTreeSet::new(),
                seen: None,
            });
            ended.judged(order).is_some()
        };
        assert!(judged(&order, true));
        assert!(!judged(&order, false), "no plan was worked out");
        order.mode = Mode::Observe;
        assert!(
            !judged(&order, true),
            "loosening in Observe mode is not approving either"
        );
    }

    #[test]
    fn a_plan_that_kept_people_for_want_of_sight_weighs_less_than_one_that_was_held() {
        let kept = |reason| Kept {
            kind: RemovalKind::User,
            reason,
            count: 3,
        };
        let mut report = Report::begin("run".into());
        for outcome in [Outcome::Failed, Outcome::Stopped] {
            report.outcome = outcome;
            assert_eq!(
                weight(&report),
                Weight::Held,
                "{outcome:?}: it may have carried out nothing"
            );
        }
        report.outcome = Outcome::Synced;
        assert_eq!(weight(&report), Weight::Passed);
        report.kept = vec![kept(KeptReason::Protected)];
        assert_eq!(weight(&report), Weight::Passed);
        report.hold = Some(Hold::default());
        assert_eq!(weight(&report), Weight::Held);
        for reason in [KeptReason::Incomplete, KeptReason::RolesUnknown, KeptReason::Frozen] {
            report.kept = vec![kept(reason)];
            assert_eq!(weight(&report), Weight::Partial, "{reason:?}");
        }
    }
}
