//! Carries out what became of the plans: statuses, a new object, garbage.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    Api, Client, Resource as _,
    api::{DeleteParams, PostParams},
};

use super::{Hold, Judgement, Settlement};
use crate::{
    api::{
        CONTROLLER_MANAGER, DirectoryConnection, SyncPlan,
        condition::{ConditionType, Reason, Status, set},
        plan::{RemovalSample, SyncPlanSpec, SyncPlanStatus},
        reference::{ConnectionRef, ObjectName},
        status::{HeldPlan, Removals},
    },
    controller::{
        ReconcileError,
        backoff::after,
        reconcile::unless_gone,
        view::owned_by,
        write::{status, within},
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
    /// Some of its removals, by name.
    pub samples: Vec<RemovalSample>,
    /// How long it can be approved.
    pub ttl: Duration,
}

/// What came of carrying out a settlement.
#[derive(Debug, Default)]
pub struct Written {
    /// The plan that is held now and can be decided, as the connection's status tells it.
    pub held: Option<HeldPlan>,
    /// What couldn't be written; the plan that is held before all else.
    pub failed: Option<ReconcileError>,
}

/// Carries out a settlement. Whatever can't be written keeps nothing else from being written.
pub async fn write(
    client: &Client,
    connection: &DirectoryConnection,
    settlement: &Settlement<'_>,
    held: &Held,
    now: Timestamp,
) -> Written {
    let mut written = Written::default();
    for (plan, reason) in &settlement.marks {
        let mut marked = plan.status.clone().unwrap_or_default();
        mark(&mut marked, plan.metadata.generation, *reason, now);
        // Nobody asks any more what has become of a plan that was deleted during the run.
        if let Err(error) = unless_gone(status::<SyncPlan>(client, &plan.metadata, &marked).await) {
            written.failed.get_or_insert(error);
        }
    }
    match hold(client, connection, settlement.hold, held, now).await {
        Ok(plan) => written.held = plan.map(|plan| told(&plan, now)),
        Err(error) => written.failed = Some(error),
    }
    let api: Api<SyncPlan> = Api::namespaced(client.clone(), namespace(connection));
    for plan in &settlement.garbage {
        let name = plan.metadata.name.as_deref().unwrap_or_default();
        match within("deleting an old SyncPlan", api.delete(name, &DeleteParams::default())).await {
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
        plan.metadata.owner_references = connection.controller_owner_ref(&()).map(|owner| vec![owner]);
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
    let settlement = super::settle([plan], Judgement::Held { hash }, now);
    owned_by(plan, connection) && matches!(settlement.hold, Some(Hold::Existing { .. }))
}

/// Writes the status of a plan that hasn't one yet.
async fn fill(client: &Client, mut plan: SyncPlan, held: &Held, now: Timestamp) -> Result<SyncPlan, ReconcileError> {
    if super::expires(&plan).is_some() {
        return Ok(plan);
    }
    let mut filled = SyncPlanStatus {
        removals: Some(held.removals),
        samples: held.samples.clone(),
        expire_time: Some(Time(after(now, held.ttl))),
        conditions: Vec::new(),
    };
    mark(&mut filled, plan.metadata.generation, Reason::AwaitingDecision, now);
    status::<SyncPlan>(client, &plan.metadata, &filled).await?;
    plan.status = Some(filled);
    Ok(plan)
}

/// Says what has become of a plan.
pub fn mark(status: &mut SyncPlanStatus, generation: Option<i64>, reason: Reason, now: Timestamp) {
    let value = if reason == Reason::Spent {
        Status::True
    } else {
        Status::False
    };
    let claim = (ConditionType::Applied, value, reason);
    set(
        &mut status.conditions,
        claim,
        reason.row().meaning,
        generation,
        &Time(now),
    );
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
