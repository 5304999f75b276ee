//! The watches of the three kinds: what they see goes into the stores, and wakes whom it concerns.

use std::{fmt::Debug, sync::Arc};

use futures::{StreamExt as _, pin_mut};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    runtime::{
        WatchStreamExt as _, reflector,
        reflector::store::Writer,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::{
    fleet::Fleet,
    view::{Guarded, Key},
};
use crate::{
    api::{
        DirectoryConnection, GROUP, GroupMapping, SyncPlan,
        condition::{ConditionType, Reason, find},
    },
    fault::chain,
    server::Readiness,
};

/// A kind that is watched, and whom a change of one of its objects concerns.
pub trait Watched: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Sized {
    /// The name of the kind in the probe of readiness: its plural.
    const PLURAL: &'static str;

    /// An object came, changed or went.
    fn touched(fleet: &Fleet, object: &Guarded<Self>, gone: bool);

    /// The store holds what there is, after a start or after a watch was lost. Changes in between have told of nothing.
    fn listed(fleet: &Fleet);
}

impl Watched for DirectoryConnection {
    const PLURAL: &'static str = "directoryconnections";

    fn touched(fleet: &Fleet, object: &Guarded<Self>, gone: bool) {
        let key = Key::of(object.meta());
        if gone {
            lost(fleet, &key);
        } else {
            if !fleet.knows(&key) {
                wake_mappings(fleet, &key);
            }
            fleet.wake(key);
        }
    }

    fn listed(fleet: &Fleet) {
        for key in fleet.known() {
            if fleet.connection(&key).is_none() {
                lost(fleet, &key);
            }
        }
        for object in fleet.stores.connections.state() {
            fleet.wake(Key::of(object.meta()));
        }
    }
}

/// A connection is gone.
fn lost(fleet: &Fleet, key: &Key) {
    fleet.forget(key);
    wake_mappings(fleet, key);
    // It may have been the older one of two that mark the same platform in the same way.
    fleet.hurry(|memory| {
        find(&memory.status.conditions, ConditionType::Ready)
            .is_some_and(|ready| ready.reason == Reason::OwnerIDInUse.as_str())
    });
}

fn wake_mappings(fleet: &Fleet, key: &Key) {
    let of_connection = fleet
        .stores
        .mappings
        .state_filter(|mapping| super::view::concerns(mapping, key));
    for mapping in of_connection {
        fleet.wake_mapping(Key::of(mapping.meta()));
    }
}

impl Watched for GroupMapping {
    const PLURAL: &'static str = "groupmappings";

    fn touched(fleet: &Fleet, object: &Guarded<Self>, gone: bool) {
        if !gone {
            fleet.wake_mapping(Key::of(object.meta()));
        }
        match &object.0 {
            Ok(mapping) => fleet.wake(Key::referred(&mapping.metadata, &mapping.spec.connection_ref)),
            Err(unreadable) => wake_namespace(fleet, unreadable.metadata.namespace.as_deref()),
        }
    }

    fn listed(fleet: &Fleet) {
        for object in fleet.stores.mappings.state() {
            fleet.wake_mapping(Key::of(object.meta()));
        }
        // Mappings that went without a word are missed by their connections alone.
        wake_namespace(fleet, None);
    }
}

impl Watched for SyncPlan {
    const PLURAL: &'static str = "syncplans";

    fn touched(fleet: &Fleet, object: &Guarded<Self>, _gone: bool) {
        match &object.0 {
            Ok(plan) => fleet.wake(Key::referred(&plan.metadata, &plan.spec.connection_ref)),
            Err(unreadable) => {
                let plan = Key::of(&unreadable.metadata);
                tracing::warn!(%plan, error = unreadable.error, "A SyncPlan can't be read; it approves nothing.");
            }
        }
    }

    fn listed(fleet: &Fleet) {
        wake_namespace(fleet, None);
    }
}

/// Wakes all connections of a namespace, or all.
fn wake_namespace(fleet: &Fleet, namespace: Option<&str>) {
    for object in fleet.stores.connections.state() {
        if namespace.is_none() || object.namespace().as_deref() == namespace {
            fleet.wake(Key::of(object.meta()));
        }
    }
}

/// Watches one kind until `stop` is cancelled. Whatever fails is tried again, less and less often.
pub async fn watch<K>(fleet: Arc<Fleet>, writer: Writer<Guarded<K>>, readiness: Arc<Readiness>, stop: CancellationToken)
where
    K: Watched + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let api: Api<Guarded<K>> = api(fleet.client(), fleet.config.namespace.as_deref());
    let events = watcher(api, watcher::Config::default())
        .default_backoff()
        .modify(|object| object.managed_fields_mut().clear());
    let events = reflector(writer, events).take_until(stop.cancelled_owned());
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object)) => touched(&fleet, &object, false),
            Ok(Event::Delete(object)) => touched(&fleet, &object, true),
            Ok(Event::Init | Event::InitApply(_)) => {}
            Ok(Event::InitDone) => {
                readiness.ready(K::PLURAL);
                K::listed(&fleet);
            }
            Err(error) => {
                let why = explain::<K>(&error);
                tracing::warn!(kind = K::PLURAL, error = why, "A watch failed; it is tried again.");
                readiness.failed(K::PLURAL, why);
            }
        }
    }
}

fn touched<K: Watched>(fleet: &Fleet, object: &Guarded<K>, gone: bool) {
    if gone || object.0.is_ok() {
        fleet.forget_complaint(object.meta());
    }
    K::touched(fleet, object, gone);
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<Guarded<K>>
where
    K: Watched,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// What keeps a kind from being watched, and what to do.
fn explain<K: Watched>(error: &watcher::Error) -> String {
    let (watcher::Error::InitialListFailed(source) | watcher::Error::WatchStartFailed(source)) = error else {
        return chain(error);
    };
    match source {
        kube::Error::Api(status) if status.is_not_found() => format!(
            "the definition {}.{GROUP} isn't installed: apply the output of `directory-sync crds`",
            K::PLURAL
        ),
        kube::Error::Api(status) if status.is_forbidden() => {
            format!(
                "the operator's ServiceAccount may not list and watch {}.{GROUP}",
                K::PLURAL
            )
        }
        _ => chain(error),
    }
}
