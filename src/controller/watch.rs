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
            arrived(fleet, key);
            hurry_twins(fleet);
        }
    }

    fn listed(fleet: &Fleet) {
        for key in fleet.known() {
            if fleet.connection(&key).is_none() {
                lost(fleet, &key);
            }
        }
        for object in fleet.stores.connections.state() {
            arrived(fleet, Key::of(object.meta()));
        }
        hurry_twins(fleet);
    }
}

/// A connection is there. Where it is a new one, its mappings may have said that it isn't.
fn arrived(fleet: &Fleet, key: Key) {
    if !fleet.knows(&key) {
        wake_mappings(fleet, &key);
    }
    fleet.wake(key);
}

/// A connection is gone.
fn lost(fleet: &Fleet, key: &Key) {
    fleet.forget(key);
    wake_mappings(fleet, key);
    hurry_twins(fleet);
}

/// Whatever changed of a connection, it may have been the older one of two that mark the same platform in the same way, and
/// not be so any more.
fn hurry_twins(fleet: &Fleet) {
    fleet.hurry(|key, memory| {
        let ready = find(&memory.status.conditions, ConditionType::Ready);
        ready.is_some_and(|ready| ready.reason == Reason::OwnerIDInUse.as_str()) && {
            let object = fleet.connection(key);
            let connection = object.as_ref().and_then(|object| object.0.as_ref().ok());
            connection.is_some_and(|connection| fleet.older_twin(connection).is_none())
        }
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

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{
        api::condition::{Status, set},
        controller::testing::{self, Bench},
    };

    fn guarded(connection: &DirectoryConnection) -> Guarded<DirectoryConnection> {
        DeserializeGuard(Ok(connection.clone()))
    }

    fn twin(name: &str, created: i64) -> DirectoryConnection {
        let mut connection = testing::connection();
        connection.metadata.name = Some(name.to_owned());
        connection.metadata.uid = Some(name.to_owned());
        connection.metadata.creation_timestamp = Some(Time(testing::at(created)));
        connection.spec.owner_id = Some("eu1/acme".to_owned());
        connection
    }

    /// When the younger of two twins is due.
    fn due(bench: &Bench, younger: &DirectoryConnection) -> Option<jiff::Timestamp> {
        bench.fleet.remember(younger, |memory| memory.past.next)
    }

    #[tokio::test]
    async fn a_younger_twin_goes_on_at_once_when_the_older_one_moves_and_not_before() {
        let mut bench = Bench::new();
        let (mut older, younger) = (twin("older", 1), twin("younger", 2));
        bench.put(&older);
        bench.put(&younger);
        bench.fleet.remember(&younger, |memory| {
            let claim = (ConditionType::Ready, Status::False, Reason::OwnerIDInUse);
            set(&mut memory.status.conditions, claim, "", None, &Time(testing::at(3)));
            memory.past.next = Some(testing::at(9999));
        });
        DirectoryConnection::touched(&bench.fleet, &guarded(&older), false);
        assert!(due(&bench, &younger).is_some(), "the older one is still there");
        older.spec.platform.rest.as_mut().unwrap().url = "https://elsewhere.test".to_owned();
        bench.put(&older);
        DirectoryConnection::touched(&bench.fleet, &guarded(&older), false);
        assert_eq!(due(&bench, &younger), None);
    }

    #[tokio::test]
    async fn a_plan_that_is_deleted_wakes_its_connection() {
        let mut bench = Bench::new();
        let plan = testing::plan("plan", "aa");
        SyncPlan::touched(&bench.fleet, &DeserializeGuard(Ok(plan)), true);
        assert_eq!(bench.woken.try_recv().unwrap().to_string(), "acme/directory");
    }

    #[tokio::test]
    async fn a_connection_that_is_first_seen_in_a_list_wakes_its_mappings() {
        let mut bench = Bench::new();
        bench.put(&testing::connection());
        bench.put_mapping(&testing::mapping("one"));
        DirectoryConnection::listed(&bench.fleet);
        let woken = bench.woken_mappings.try_recv().expect("the mapping is woken");
        assert_eq!(woken.name, "one");
    }
}
