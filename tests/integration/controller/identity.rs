//! Names come twice: a status belongs to one object and not to the next one of its name, and people to one cluster's connection
//! and not to another's.

use std::sync::{Arc, Mutex};

use directory_sync::api::DirectoryConnection;
use directory_sync::controller;
use http::{Method, Request};
use kube::api::{Api, DeleteParams};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, oneshot};

use super::world::{PATIENCE, World, addresses, company, condition, connection, hurried, put, support};
use crate::kinds::install_kinds;
use crate::support::apiserver::ApiServer;
use crate::support::process::wait_until;

/// What came of a write of a connection's status: for which uid, and the code of the answer.
type Written = Arc<Mutex<Vec<(String, u16)>>>;

/// Where the operator is about to tell what came of its first sync, the connection is deleted and made anew, suspended; the
/// write is sent as it was.
async fn meddling(world: &World, written: &Written) -> Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(world.space.server.kubeconfig()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let stack = kube::client::ClientBuilder::try_from(config).unwrap().build();
    let (client, namespace) = (world.space.client.clone(), world.space.name.clone());
    let anew = Arc::new(Mutex::new(Some(world.connection(json!({ "suspend": true })))));
    let written = Arc::clone(written);
    let service = tower::service_fn(move |request: Request<Body>| {
        let (stack, client, namespace) = (stack.clone(), client.clone(), namespace.clone());
        let (anew, written) = (Arc::clone(&anew), Arc::clone(&written));
        async move {
            let path = request.uri().path();
            let tells = path.ends_with("/directoryconnections/acme/status") && request.method() == Method::PATCH;
            if !tells {
                return stack.send(request).await;
            }
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let object: Value = serde_json::from_slice(&body).unwrap();
            let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
            if !object["status"]["lastSync"].is_null() {
                let anew = anew.lock().unwrap().take();
                if let Some(anew) = anew {
                    let api: Api<DirectoryConnection> = Api::namespaced(client.clone(), &namespace);
                    api.delete("acme", &DeleteParams::default()).await.unwrap();
                    put(&client, &namespace, anew).await;
                }
            }
            let answer = stack.send(Request::from_parts(head, Body::from(body.to_vec()))).await;
            let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            written.lock().unwrap().push((uid, code));
            answer
        }
    });
    Client::new(service, world.space.name.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_sync_does_not_write_its_status_onto_a_connection_created_anew_under_the_same_name() {
    let world = World::new().await;
    world.put(company(&[1])).await;
    world.put(world.connection(json!({}))).await;
    world.put(support()).await;
    let old = world.get("acme").await.metadata.uid.unwrap();
    let written = Written::default();
    let client = meddling(&world, &written).await;
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let operator = tokio::spawn(controller::run(hurried(&world.space.name), client, shutdown));
    let suspended = world.until("acme", "the new one to be looked at", |connection| {
        let is_new = connection.metadata.uid.as_deref() != Some(&old);
        (is_new && condition(connection, "Ready")? == "True/Suspended").then_some(())
    });
    let status = suspended.await.status.unwrap();
    assert_eq!(status.last_sync, None, "of the new one no sync was run");
    let told = wait_until("the old status to be refused", PATIENCE, async || {
        let written = written.lock().unwrap().clone();
        written
            .iter()
            .any(|(uid, code)| *uid == old && *code == 409)
            .then_some(written)
    });
    // Nothing of the old one was written after that, and nobody tried again and again.
    let told = told.await;
    let of_old: Vec<u16> = told
        .iter()
        .filter(|(uid, _)| *uid == old)
        .map(|(_, code)| *code)
        .collect();
    assert_eq!(of_old.iter().filter(|code| **code == 409).count(), 1, "{told:?}");
    assert_eq!(of_old.last(), Some(&409), "{told:?}");
    drop(stop);
    operator.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_with_equal_names_never_own_each_others_people() {
    static OTHER: OnceCell<ApiServer> = OnceCell::const_new();
    // All that anybody loses passes: nothing but the mark tells whose people are whose.
    let owned = |cluster: &str| json!({ "ownerID": format!("{cluster}/acme"), "removals": { "maxPercent": 100 } });
    let mut here = World::new().await;
    let other = OTHER.get_or_init(ApiServer::start_private).await;
    install_kinds(other).await;
    let mut there = World::of(other.namespace_named(here.space.name.clone()).await).await;
    let platform = here.platform.url();
    for (world, cluster, people) in [(&mut here, "eu1", [1, 2, 3]), (&mut there, "us1", [3, 4, 5])] {
        world.put(company(&people)).await;
        world.put(connection("acme", &platform, owned(cluster))).await;
        world.put(support()).await;
        world.start_operator(hurried(&world.space.name)).await;
        world
            .until("acme", "its first sync", |connection| {
                connection.status.as_ref()?.last_sync.as_ref().map(drop)
            })
            .await;
    }
    let failures = there.sync("acme").await.status.unwrap().failures;
    let told: Vec<_> = failures
        .iter()
        .map(|failure| (&*failure.id, &*failure.reason))
        .collect();
    assert_eq!(told, [("3", "ManagedElsewhere")]);
    let first = here.sync("acme").await;
    assert_eq!(condition(&first, "Ready").unwrap(), "True/Synced");
    assert_eq!(here.platform.active().await, addresses(1..=5));

    // Whoever leaves a directory leaves the people of that cluster alone.
    there.put(company(&[4])).await;
    there.sync("acme").await;
    assert_eq!(here.platform.active().await, addresses(1..=4));
    here.put(company(&[2])).await;
    here.sync("acme").await;
    assert_eq!(here.platform.active().await, addresses([2, 4]));
    assert_eq!(here.platform.teams().await["Support"], addresses([2, 4]));
}
