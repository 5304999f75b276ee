//! Carries out what became of the plans: statuses, a new object, garbage.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, Client, Resource as _, api::PostParams};

use super::{Hold, Judgement, Settlement, is_late, late_notice};
use crate::{
    api::{
        CONNECTION_UID, CONTROLLER_MANAGER, DirectoryConnection, SyncPlan,
        condition::{ConditionType, Reason, Status, set},
        plan::{RemovalSample, SyncPlanSpec, SyncPlanStatus},
        reference::{ConnectionRef, ObjectName},
        status::{DecisionCommands, HeldPlan, Removals},
    },
    controller::{
        ReconcileError,
        backoff::after,
        events::Notice,
        reconcile::unless_gone,
        view::owned_by,
        wording,
        write::{status, this_very, within},
    },
    fault::chain,
};

/// How many digits of the hash stand in a plan's name.
const HASH_DIGITS: usize = 10;

/// How many names are tried: those of earlier plans with the same hash are taken.
const NAMES: usize = 100;

/// What a held plan is made of.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The hash of its removals.
    pub hash: String,
    /// How much it removes.
    pub removals: Removals,
    /// The same in words, and why it is held.
    pub summary: Vec<String>,
    /// Some of its removals, by name.
    pub samples: Vec<RemovalSample>,
    /// How long it can be approved.
    pub ttl: Duration,
}

/// What came of carrying out a settlement.
#[derive(Debug, Default)]
pub struct Written<'a> {
    /// The plan that is held now and can be decided, as the connection's status tells it.
    pub held: Option<HeldPlan>,
    /// What couldn't be written; the plan that is held before all else.
    pub failed: Option<ReconcileError>,
    /// Plans that were decided and of which nothing will come, and what is to be said of each.
    pub late: Vec<(&'a SyncPlan, Notice)>,
}

/// Carries out a settlement. Whatever can't be written keeps nothing else from being written.
pub async fn write<'a>(
    client: &Client,
    connection: &DirectoryConnection,
    settlement: &Settlement<'a>,
    held: &Held,
    now: Timestamp,
) -> Written<'a> {
    let mut written = Written::default();
    // First, so that what is over can name it.
    let mut filled = None;
    match hold(client, connection, settlement.hold, held, now).await {
        Ok(plan) => {
            written.held = plan.as_ref().map(|plan| told(plan, now));
            filled = plan;
        }
        Err(error) => written.failed = Some(error),
    }
    let rejected = matches!(settlement.hold, Some(Hold::Existing { rejected: true, .. }));
    let open = written.held.as_ref().filter(|_| !rejected);
    let held_now = open.map(|held| held.name.clone());
    for (plan, reason) in &settlement.marks {
        // A crash may have left it without a status; it has just got one, which the mark mustn't take away.
        let same = |filled: &&SyncPlan| filled.metadata.uid == plan.metadata.uid;
        let known = filled.as_ref().filter(same).unwrap_or(plan);
        let mut marked = known.status.clone().unwrap_or_default();
        let message = state(known, *reason, is_late(plan, *reason), held_now.as_deref());
        mark(&mut marked, plan.metadata.generation, *reason, &message, now);
        // Nobody asks any more what has become of a plan that was deleted during the run.
        if let Err(error) = unless_gone(status::<SyncPlan>(client, &plan.metadata, &marked).await) {
            written.failed.get_or_insert(error);
        }
        if let Some(notice) = late_notice(plan, *reason, &message) {
            written.late.push((plan, notice));
        }
    }
    let api: Api<SyncPlan> = Api::namespaced(client.clone(), namespace(connection));
    for plan in &settlement.garbage {
        let name = plan.metadata.name.as_deref().unwrap_or_default();
        match within("deleting an old SyncPlan", api.delete(name, &this_very(&plan.metadata))).await {
            // The next run deletes it.
            Err(error) if !error.is_gone() => {
                tracing::warn!(plan = name, error = chain(&error), "An old SyncPlan stays for now.");
            }
            _ => {}
        }
    }
    written
}

/// The object of the plan that is held, with its status.
async fn hold(
    client: &Client,
    connection: &DirectoryConnection,
    hold: Option<Hold<'_>>,
    held: &Held,
    now: Timestamp,
) -> Result<Option<SyncPlan>, ReconcileError> {
    match hold {
        None => return Ok(None),
        Some(Hold::Existing { plan, .. }) => match fill(client, plan.clone(), held, now).await {
            // It was deleted during the run, and the plan is held all the same.
            Err(error) if error.is_gone() => {}
            filled => return filled.map(Some),
        },
        Some(Hold::New) => {}
    }
    let plan = create(client, connection, held, now).await?;
    fill(client, plan, held, now).await.map(Some)
}

/// Creates the object of a plan under the first name that is free. What the watch hasn't told yet is found by its name.
async fn create(
    client: &Client,
    connection: &DirectoryConnection,
    held: &Held,
    now: Timestamp,
) -> Result<SyncPlan, ReconcileError> {
    let api: Api<SyncPlan> = Api::namespaced(client.clone(), namespace(connection));
    let name = ObjectName::try_from(connection.metadata.name.as_deref().unwrap_or_default())?;
    let prefix = format!("{name}-{}", &held.hash[..held.hash.floor_char_boundary(HASH_DIGITS)]);
    let parameters = PostParams {
        field_manager: Some(CONTROLLER_MANAGER.to_owned()),
        ..PostParams::default()
    };
    for number in 1..=NAMES {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let spec = SyncPlanSpec {
            connection_ref: ConnectionRef { name: name.clone() },
            hash: held.hash.clone(),
            decision: None,
            decided_by: None,
        };
        let mut plan = SyncPlan::new(&format!("{prefix}{suffix}"), spec);
        plan.metadata.namespace.clone_from(&connection.metadata.namespace);
        if connection.metadata.deletion_timestamp.is_some() {
            // What an object owns that is deleted in the foreground is deleted before it, again and again.
            let uid = connection.metadata.uid.clone().unwrap_or_default();
            plan.metadata.labels = Some([(CONNECTION_UID.to_owned(), uid)].into());
        } else {
            plan.metadata.owner_references = connection.controller_owner_ref(&()).map(|owner| vec![owner]);
        }
        match within("creating a SyncPlan", api.create(&parameters, &plan)).await {
            Ok(plan) => return Ok(plan),
            Err(error) if is_taken(&error) => {
                let found = within("reading a SyncPlan", api.get_opt(&format!("{prefix}{suffix}"))).await?;
                if let Some(plan) = found.filter(|plan| is_held(plan, connection, &held.hash, now)) {
                    return Ok(plan);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(ReconcileError::NamesTaken { prefix })
}

/// Whether a plan that was found is the one that is held.
fn is_held(plan: &SyncPlan, connection: &DirectoryConnection, hash: &str, now: Timestamp) -> bool {
    let settlement = super::settle([plan], Judgement::Held { hash }, &[], now);
    owned_by(plan, connection) && matches!(settlement.hold, Some(Hold::Existing { .. }))
}

/// Writes the status of a plan that hasn't one yet.
async fn fill(client: &Client, mut plan: SyncPlan, held: &Held, now: Timestamp) -> Result<SyncPlan, ReconcileError> {
    if super::expires(&plan).is_some() {
        return Ok(plan);
    }
    let mut filled = SyncPlanStatus {
        removals: Some(held.removals),
        summary: held.summary.clone(),
        commands: None,
        samples: held.samples.clone(),
        expire_time: Some(Time(after(now, held.ttl))),
        conditions: Vec::new(),
    };
    plan.status = Some(filled.clone());
    let reason = Reason::AwaitingDecision;
    let message = state(&plan, reason, false, None);
    mark(&mut filled, plan.metadata.generation, reason, &message, now);
    filled.commands = Some(commands(&plan));
    status::<SyncPlan>(client, &plan.metadata, &filled).await?;
    plan.status = Some(filled);
    Ok(plan)
}

/// What the condition Applied of a plan says.
pub fn state(plan: &SyncPlan, reason: Reason, is_late: bool, held_now: Option<&str>) -> String {
    let status = plan.status.as_ref();
    match reason {
        Reason::Expired | Reason::Superseded => wording::over(reason, is_late, held_now),
        Reason::Spent if is_late => wording::over(reason, true, None),
        Reason::AwaitingDecision => {
            let summary = status.map(|status| status.summary.as_slice()).unwrap_or_default();
            let expires = super::expires(plan);
            expires.map_or_else(
                || reason.row().meaning.to_owned(),
                |expires| wording::undecided(summary, expires),
            )
        }
        reason => reason.row().meaning.to_owned(),
    }
}

fn commands(plan: &SyncPlan) -> DecisionCommands {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    wording::commands(&name(&plan.metadata.namespace), &name(&plan.metadata.name))
}

/// Says what has become of a plan. Once it is decided, or over, nobody can decide it any more.
pub fn mark(status: &mut SyncPlanStatus, generation: Option<i64>, reason: Reason, message: &str, now: Timestamp) {
    if reason != Reason::AwaitingDecision {
        status.commands = None;
    }
    let value = if reason == Reason::Spent {
        Status::True
    } else {
        Status::False
    };
    let claim = (ConditionType::Applied, value, reason);
    set(&mut status.conditions, claim, message, generation, &Time(now));
}

/// A plan as the connection's status tells it.
fn told(plan: &SyncPlan, now: Timestamp) -> HeldPlan {
    let status = plan.status.as_ref();
    HeldPlan {
        name: plan.metadata.name.clone().unwrap_or_default(),
        hash: plan.spec.hash.clone(),
        hold_time: plan.metadata.creation_timestamp.clone().unwrap_or(Time(now)),
        expire_time: Time(super::expires(plan).unwrap_or(now)),
        removals: status.and_then(|status| status.removals).unwrap_or_default(),
    }
}

fn is_taken(error: &ReconcileError) -> bool {
    matches!(error, ReconcileError::Kube { source, .. }
        if matches!(&**source, kube::Error::Api(status) if status.is_already_exists()))
}

fn namespace(connection: &DirectoryConnection) -> &str {
    connection.metadata.namespace.as_deref().unwrap_or_default()
}
