//! What the operator says over HTTP: whether it is ready, and what it counts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use directory_sync::controller::{self, ControllerConfig};
use kube::Client;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::world::{PATIENCE, World, company, hurried, support};
use crate::support::init_tls;
use crate::support::process::wait_until;

async fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let answer = reqwest::get(format!("http://{address}{path}")).await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_runs_objects_requests_and_the_last_success() {
    let mut world = World::new().await;
    let config = hurried(&world.space.name);
    let address = config.http_listen;
    world.start_operator(config).await;
    world.put(company(&[1, 2])).await;
    world.put(world.connection(json!({}))).await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(get(address, "/readyz").await.unwrap(), (200, "ok\n".to_owned()));
    assert_eq!(get(address, "/healthz").await.unwrap().0, 200);

    let (status, text) = get(address, "/metrics").await.unwrap();
    assert_eq!(status, 200);
    let since = format!(
        "directory_sync_seconds_since_last_success{{connection=\"acme\",namespace=\"{}\"}}",
        world.space.name
    );
    for line in [
        "directory_sync_runs_total{outcome=\"synced\",provider=\"file\"} 1",
        "directory_sync_objects_total{kind=\"user\",operation=\"create\"} 2",
        "directory_sync_objects_total{kind=\"team_membership\",operation=\"add\"} 2",
        "directory_sync_step_duration_seconds_count{step=\"apply\"} 1",
        "directory_sync_requests_total{call=",
        "directory_sync_held_plans 0",
        "directory_sync_syncs_running 0",
        &since,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    world.delete("DirectoryConnection", "acme").await;
    wait_until("the connection's own gauge to go", PATIENCE, async || {
        let (_, text) = get(address, "/metrics").await?;
        (!text.contains("connection=\"acme\"")).then_some(())
    })
    .await;
}

/// An API server that knows no kinds of ours until it is told to, and has no objects of them.
async fn bare_api_server(installed: Arc<AtomicBool>) -> SocketAddr {
    async fn answer(State(installed): State<Arc<AtomicBool>>, request: Request) -> Response {
        if !installed.load(Ordering::Relaxed) {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "the server could not find the requested resource", "reason": "NotFound", "code": 404,
            });
            return (StatusCode::NOT_FOUND, Json(status)).into_response();
        }
        if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
            std::future::pending::<()>().await;
        }
        let list = json!({
            "kind": "List", "apiVersion": "directory-sync.io/v1alpha1",
            "metadata": { "resourceVersion": "1" }, "items": [],
        });
        Json(list).into_response()
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(answer).with_state(installed);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_definitions_the_operator_waits_and_names_them() {
    init_tls();
    let installed = Arc::new(AtomicBool::new(false));
    let server = bare_api_server(Arc::clone(&installed)).await;
    let client = Client::try_from(kube::Config::new(format!("http://{server}").parse().unwrap())).unwrap();
    let config: ControllerConfig = hurried("anywhere");
    let address = config.http_listen;
    let (stop, stopped) = oneshot::channel::<()>();
    let operator = tokio::spawn(controller::run(config, client, async move { drop(stopped.await) }));
    wait_until("all three definitions to be missed", PATIENCE, async || {
        let (status, text) = get(address, "/readyz").await?;
        let missed = ["directoryconnections", "groupmappings", "syncplans"]
            .iter()
            .all(|kind| text.contains(&format!("the definition {kind}.directory-sync.io isn't installed")));
        (status == 503 && missed).then_some(())
    })
    .await;
    assert_eq!(
        get(address, "/healthz").await.unwrap().0,
        200,
        "it is alive all the same"
    );
    installed.store(true, Ordering::Relaxed);
    wait_until("the operator to be ready", PATIENCE, async || {
        (get(address, "/readyz").await?.0 == 200).then_some(())
    })
    .await;
    drop(stop);
    tokio::time::timeout(PATIENCE, operator)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named() {
    init_tls();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = hurried("anywhere");
    config.http_listen = taken.local_addr().unwrap();
    let client = Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
    let error = controller::run(config, client, std::future::pending())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(&taken.local_addr().unwrap().to_string()),
        "{error}"
    );
}
