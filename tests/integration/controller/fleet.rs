//! Many connections at once: none delays another, and what one does to the operator is its own affair.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::net::TcpListener;

use super::world::{PATIENCE, WHILE, World, addresses, company, condition, connection, hurried, mapping_of};
use crate::support::process::wait_until;

/// How long a request is kept, so that syncs that run at once meet.
const INSIDE: Duration = Duration::from_millis(150);

/// More than are brought in a few seconds.
const MANY: u32 = 6000;

fn support_of(connection: &str) -> serde_json::Value {
    mapping_of(
        connection,
        &format!("{connection}-support"),
        "support",
        json!({ "name": connection, "create": true }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_platform_never_answers_delays_no_other() {
    let world = World::with_operator().await;
    // It takes every connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    world.put(company(&[1])).await;
    world.put(support_of("stuck")).await;
    world.put(connection("stuck", &address, json!({}))).await;
    world
        .until("stuck", "its sync to begin", |stuck| {
            (condition(stuck, "Reconciling")? == "True/Progressing").then_some(())
        })
        .await;
    world.put(support_of("acme")).await;
    world.put(world.connection(json!({}))).await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(
        condition(&world.get("stuck").await, "Reconciling").unwrap(),
        "True/Progressing"
    );
    drop(silent);
}

/// A platform behind doors: each connection comes in by one of its own, and it is counted who is inside at once.
struct Doors {
    platform: String,
    http: reqwest::Client,
    inside: Mutex<BTreeMap<String, usize>>,
    most: AtomicUsize,
}

impl Doors {
    /// Opens them; returns their address, below which each name is a door.
    async fn open(platform: String) -> (Arc<Self>, String) {
        let doors = Arc::new(Self {
            platform,
            http: reqwest::Client::new(),
            inside: Mutex::default(),
            most: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(Self::pass).with_state(Arc::clone(&doors));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (doors, address)
    }

    /// Lets a request in, keeps it for a while, and hands it on.
    async fn pass(State(doors): State<Arc<Self>>, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().unwrap().as_str().to_owned();
        let (door, rest) = target[1..].split_once('/').unwrap();
        {
            let mut inside = doors.inside.lock().unwrap();
            *inside.entry(door.to_owned()).or_default() += 1;
            doors.most.fetch_max(inside.len(), Ordering::Relaxed);
        }
        tokio::time::sleep(INSIDE).await;
        let mut headers = head.headers;
        headers.remove("host");
        let asked = doors
            .http
            .request(head.method, format!("{}/{rest}", doors.platform))
            .headers(headers)
            .body(to_bytes(body, usize::MAX).await.unwrap());
        let answer = asked.send().await.unwrap();
        {
            let mut inside = doors.inside.lock().unwrap();
            let count = inside.get_mut(door).unwrap();
            *count -= 1;
            if *count == 0 {
                inside.remove(door);
            }
        }
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove("transfer-encoding");
        (status, headers, answer.bytes().await.unwrap()).into_response()
    }
}

/// How many of three connections sync at once, where so many may.
async fn most_at_once(max_syncs: usize) -> usize {
    let mut world = World::new().await;
    let mut config = hurried(&world.space.name);
    config.max_syncs = max_syncs;
    world.start_operator(config).await;
    let (doors, address) = Doors::open(world.platform.url()).await;
    world.put(company(&[1, 2])).await;
    for name in ["one", "two", "three"] {
        world.put(support_of(name)).await;
        // Each has people of its own, so that none is a conflict.
        let filter = match name {
            "one" => "user.id == \"1\"",
            "two" => "user.id == \"2\"",
            _ => "false",
        };
        let scope = json!({ "scope": { "filterExpression": filter } });
        world.put(connection(name, &format!("{address}/{name}"), scope)).await;
    }
    for name in ["one", "two", "three"] {
        world.until_ready(name, "True/Synced").await;
    }
    assert_eq!(world.platform.active().await, addresses(1..=2));
    doors.most.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn syncs_beyond_the_number_allowed_take_turns() {
    assert_eq!(most_at_once(1).await, 1);
    let all = most_at_once(3).await;
    assert!(all > 1, "{all}: they never met, so that nothing was measured");
}

/// A world with a sync under way that reads, and would go on doing so for longer than anybody waits.
async fn while_it_reads() -> (World, TcpListener) {
    let mut world = World::new().await;
    let mut config = hurried(&world.space.name);
    config.timing.grace = PATIENCE * 2;
    world.start_operator(config).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    world.put(company(&[1])).await;
    world.put(support_of("acme")).await;
    let timeouts = json!({ "platform": { "rest": { "timeouts": { "connect": "5m", "request": "5m" } } } });
    world.put(connection("acme", &address, timeouts)).await;
    // That is the request for the first page.
    let (asked, _) = tokio::time::timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    drop(asked);
    (world, silent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_generation_ends_a_sync_that_reads() {
    let (world, _silent) = while_it_reads().await;
    world.put(world.connection(json!({}))).await;
    let synced = world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses([1]));
    let status = synced.status.unwrap();
    assert_eq!(status.history.len(), 1, "of the stopped one there is nothing to tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn suspending_a_connection_ends_a_sync_that_reads() {
    let (world, _silent) = while_it_reads().await;
    let suspend = json!({ "spec": { "suspend": true } });
    world.change("DirectoryConnection", "acme", suspend).await;
    let suspended = world.until_ready("acme", "True/Suspended").await;
    assert_eq!(suspended.status.unwrap().last_sync, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_ends_while_a_sync_reads_leaves_the_status_as_it_was() {
    let (mut world, _silent) = while_it_reads().await;
    let before = world.get("acme").await;
    world.stop_operator().await;
    assert_eq!(world.get("acme").await.status, before.status);
    world.put(world.connection(json!({}))).await;
    world.start_operator(hurried(&world.space.name)).await;
    world.until_ready("acme", "True/Synced").await;
}

/// A world with a sync under way that will take long: so many people, in small steps.
async fn in_the_middle() -> World {
    let world = World::with_operator().await;
    world.put(company(&(1..=MANY).collect::<Vec<_>>())).await;
    world.put(support_of("acme")).await;
    let limits = json!({ "concurrentRequests": 1, "requestsPerSecond": 10 });
    world
        .put(world.connection(json!({ "platform": { "rest": { "limits": limits } } })))
        .await;
    wait_until("some people to be there", PATIENCE, async || {
        (!world.platform.list("users").await.is_empty()).then_some(())
    })
    .await;
    world
}

/// How many people are there; fewer than all, and no more a while later.
async fn stopped_in_the_middle(world: &World) {
    // The batch in flight is finished.
    tokio::time::sleep(WHILE).await;
    let there = world.platform.active().await.len();
    assert!((1..MANY as usize).contains(&there), "{there} people");
    tokio::time::sleep(WHILE).await;
    assert_eq!(world.platform.active().await.len(), there, "nothing goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_ends_in_the_middle_says_so_and_goes_on_when_it_starts_again() {
    let mut world = in_the_middle().await;
    world.stop_operator().await;
    let stopped = world.get("acme").await;
    assert_eq!(condition(&stopped, "Ready").unwrap(), "Unknown/Stopped");
    stopped_in_the_middle(&world).await;
    world.put(world.connection(json!({}))).await;
    world.start_operator(hurried(&world.space.name)).await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses(1..=MANY));
}

#[tokio::test(flavor = "multi_thread")]
async fn suspending_and_deleting_a_connection_end_its_sync() {
    let world = in_the_middle().await;
    world
        .change("DirectoryConnection", "acme", json!({ "spec": { "suspend": true } }))
        .await;
    world.until_ready("acme", "True/Suspended").await;
    stopped_in_the_middle(&world).await;

    world
        .change("DirectoryConnection", "acme", json!({ "spec": { "suspend": false } }))
        .await;
    let before = world.platform.list("users").await.len();
    wait_until("more people to be there", PATIENCE, async || {
        (world.platform.list("users").await.len() > before).then_some(())
    })
    .await;
    world.delete("DirectoryConnection", "acme").await;
    stopped_in_the_middle(&world).await;
}
