//! A status belongs to one object, and not to the next one of the same name.

use std::sync::{Arc, Mutex};

use directory_sync::api::DirectoryConnection;
use directory_sync::controller;
use http::{Method, Request};
use kube::api::{Api, DeleteParams};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::world::{PATIENCE, World, company, condition, hurried, put, support};
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
