//! The program itself: with the rights that the chart gives it, killed in the middle, with the API server going away.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use directory_sync::api::DirectoryConnection;
use directory_sync::api::SyncPlan;
use directory_sync::controller;
use k8s_openapi::api::events::v1::Event;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::world::{
    PATIENCE, Platform, addresses, company, condition, connection, hurried, plan_state, put, secret, support,
};
use crate::support::apiserver::ApiServer;
use crate::support::process::{Process, free_port, wait_until};
use crate::support::temporary_folder;

/// How often the operator is killed.
const KILLS: usize = 20;

/// How many people come between two kills.
const JOINERS: u32 = 150;

/// A server for the program, which watches all namespaces: only one operator may.
async fn server() -> MutexGuard<'static, ApiServer> {
    static SERVER: OnceCell<Mutex<ApiServer>> = OnceCell::const_new();
    let start = async || {
        let server = ApiServer::start_private().await;
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
        server.kubectl(&["apply", "--server-side", "-f", crds]).await.success();
        server
            .kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"])
            .await
            .success();
        Mutex::new(server)
    };
    SERVER.get_or_init(start).await.lock().await
}

/// The running program.
struct Operator {
    process: Process,
    probes: u16,
    folder: TempDir,
}

impl Operator {
    fn start(kubeconfig: &Path) -> Self {
        let folder = temporary_folder();
        let probes = free_port();
        let process = Self::spawn(kubeconfig, probes, folder.path());
        Self {
            process,
            probes,
            folder,
        }
    }

    fn spawn(kubeconfig: &Path, probes: u16, folder: &Path) -> Process {
        Self::spawn_logging(kubeconfig, probes, folder, "text")
    }

    fn spawn_logging(kubeconfig: &Path, probes: u16, folder: &Path, format: &str) -> Process {
        Self::spawn_with(kubeconfig, probes, folder, &["--log-format", format])
    }

    fn spawn_with(kubeconfig: &Path, probes: u16, folder: &Path, arguments: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_directory-sync"));
        command.args(["controller", "--allow-loopback", "--allow-insecure"]);
        command.args(["--http-listen", &format!("127.0.0.1:{probes}")]);
        command.args(arguments);
        command.env("KUBECONFIG", kubeconfig).env_remove("RUST_LOG");
        Process::start("operator", &mut command, folder)
    }

    /// Kills it as a crash would, and starts it again.
    fn crash(&mut self, kubeconfig: &Path) {
        self.process.kill();
        self.process = Self::spawn(kubeconfig, self.probes, self.folder.path());
    }

    async fn ready(&mut self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.probes);
        let answer = async || {
            let answer = reqwest::get(&url).await.ok()?;
            answer.status().is_success().then_some(())
        };
        self.process.ready(PATIENCE, answer).await;
    }

    /// Ends it as Kubernetes does.
    async fn end(mut self) {
        self.process.signal("TERM");
        let status = self.process.wait(PATIENCE).await;
        assert!(status.success(), "{status}\n{}", self.process.output());
    }
}

async fn until(
    client: &Client,
    namespace: &str,
    what: &str,
    so: impl Fn(&DirectoryConnection) -> bool,
) -> DirectoryConnection {
    let api: Api<DirectoryConnection> = Api::namespaced(client.clone(), namespace);
    wait_until(what, PATIENCE, async || {
        // The API server may be away.
        let connection = api.get("acme").await.ok()?;
        so(&connection).then_some(connection)
    })
    .await
}

async fn request(client: &Client, namespace: &str, value: &str) {
    let object = json!({
        "apiVersion": "directory-sync.io/v1alpha1", "kind": "DirectoryConnection",
        "metadata": { "name": "acme", "annotations": { "directory-sync.io/requestedAt": value } },
    });
    let api: Api<DirectoryConnection> = Api::namespaced(client.clone(), namespace);
    let patch = kube::api::Patch::Merge(&object);
    api.patch("acme", &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap();
}

fn answered(connection: &DirectoryConnection, value: &str) -> bool {
    let status = connection.status.as_ref();
    status.is_some_and(|status| status.last_handled_reconcile_at.as_deref() == Some(value))
}

/// Installs what the chart gives the operator in the way of rights, and returns its `ServiceAccount`'s kubeconfig.
async fn chart_account(server: &ApiServer, namespace: &str, values: &str) -> PathBuf {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/directory-sync");
    let install = [
        "install",
        "directory-sync",
        chart,
        "--namespace",
        namespace,
        "--set",
        &format!("crds.install=false,{values}"),
    ];
    server.run("helm", &server.kubeconfig(), &install, "").await.success();
    server.service_account_kubeconfig(namespace, "directory-sync").await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_charts_own_rights_nothing_is_forbidden_and_a_restarted_api_server_is_no_end() {
    let mut server = server().await;
    let space = server.namespace("program").await;
    let (namespace, client) = (space.name.clone(), space.client.clone());
    drop(space);
    let account = chart_account(&server, &namespace, "controller.namespace=").await;
    let mut operator = Operator::start(&account);
    operator.ready().await;
    let platform = Platform::start(free_port(), None).await;
    let apply = async |object| put(&client, &namespace, object).await;
    apply(secret(super::world::TOKEN)).await;
    apply(company(&(1..=10).collect::<Vec<_>>())).await;
    apply(connection(
        "acme",
        &platform.url(),
        json!({ "removals": { "minPopulation": 10 } }),
    ))
    .await;
    apply(support()).await;
    let ready = |expected: &'static str| {
        move |acme: &DirectoryConnection| condition(acme, "Ready").as_deref() == Some(expected)
    };
    until(&client, &namespace, "the first sync", ready("True/Synced")).await;
    assert_eq!(platform.active().await, addresses(1..=10));

    // Everything that the operator ever writes: a plan, its states, the garbage of old ones, events.
    let plans: Api<SyncPlan> = Api::namespaced(client.clone(), &namespace);
    for left in (1..=5).rev() {
        apply(company(&(1..=left).collect::<Vec<_>>())).await;
        let value = format!("left-{left}");
        request(&client, &namespace, &value).await;
        until(&client, &namespace, "the hold", |acme| answered(acme, &value)).await;
    }
    let held = until(&client, &namespace, "the plan", |acme| {
        condition(acme, "Held").as_deref() == Some("True/TooManyRemovals")
    });
    let name = held.await.status.unwrap().held_plan.unwrap().name;
    let decision = json!({ "spec": { "decision": "Approved", "decidedBy": "admin" } });
    let patch = kube::api::Patch::Merge(&decision);
    plans
        .patch(&name, &kube::api::PatchParams::default(), &patch)
        .await
        .unwrap();
    wait_until("the approval to be spent", PATIENCE, async || {
        (plan_state(&plans.get(&name).await.ok()?) == "Spent").then_some(())
    })
    .await;
    assert_eq!(platform.active().await, addresses([1]));
    wait_until("old plans to be deleted", PATIENCE, async || {
        (plans.list(&ListParams::default()).await.ok()?.items.len() <= 4).then_some(())
    })
    .await;
    let events: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let reported = events.list(&ListParams::default()).await.unwrap().items;
    assert!(
        reported
            .iter()
            .any(|event| event.reason.as_deref() == Some("TooManyRemovals"))
    );

    let log = operator.process.output();
    assert!(!log.to_lowercase().contains("forbidden"), "{log}");
    // For a moment the restarted server knows no roles and forbids everything.
    server.restart().await;
    apply(company(&[1, 2])).await;
    request(&client, &namespace, "after the restart").await;
    until(&client, &namespace, "a sync after the restart", |acme| {
        answered(acme, "after the restart")
    })
    .await;
    assert_eq!(platform.active().await, addresses(1..=2));

    operator.end().await;
    let uninstall = ["uninstall", "directory-sync", "--namespace", &namespace];
    server.run("helm", &server.kubeconfig(), &uninstall, "").await.success();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_namespace_to_watch_the_operator_has_and_needs_no_right_in_any_other() {
    let server = server().await;
    let system = server.namespace("system").await;
    let (watched, other) = (server.namespace("watched").await, server.namespace("other").await);
    let values = format!(
        "controller.namespace={},rbac.userRoles=false,approval.ownNameOnly=false",
        watched.name
    );
    let account = chart_account(&server, &system.name, &values).await;
    let may = async |verb: &str, resource: &str, namespace: &str| {
        let ask = ["auth", "can-i", verb, resource, "--namespace", namespace];
        server.run("kubectl", &account, &ask, "").await.status.success()
    };
    assert!(may("get", "secrets", &watched.name).await);
    for elsewhere in [&system.name, &other.name] {
        assert!(!may("get", "secrets", elsewhere).await);
        assert!(!may("list", "directoryconnections.directory-sync.io", elsewhere).await);
    }

    let (folder, probes) = (temporary_folder(), free_port());
    let arguments = ["--namespace", watched.name.as_str()];
    let mut operator = Operator {
        process: Operator::spawn_with(&account, probes, folder.path(), &arguments),
        probes,
        folder,
    };
    operator.ready().await;
    let platform = Platform::start(free_port(), None).await;
    for space in [&other, &watched] {
        for object in [
            secret(super::world::TOKEN),
            company(&[1]),
            connection("acme", &platform.url(), json!({})),
            support(),
        ] {
            put(&space.client, &space.name, object).await;
        }
    }
    until(&watched.client, &watched.name, "the first sync", |acme| {
        condition(acme, "Ready").as_deref() == Some("True/Synced")
    })
    .await;
    let events: Api<Event> = Api::namespaced(watched.client.clone(), &watched.name);
    wait_until("its event", PATIENCE, async || {
        (!events.list(&ListParams::default()).await.ok()?.items.is_empty()).then_some(())
    })
    .await;
    let elsewhere: Api<DirectoryConnection> = Api::namespaced(other.client.clone(), &other.name);
    assert_eq!(elsewhere.get("acme").await.unwrap().status, None);
    let log = operator.process.output();
    assert!(!log.to_lowercase().contains("forbidden"), "{log}");
    operator.end().await;
    let uninstall = ["uninstall", "directory-sync", "--namespace", &system.name];
    server.run("helm", &server.kubeconfig(), &uninstall, "").await.success();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_sync_carries_its_connection_and_its_id() {
    let server = server().await;
    let space = server.namespace("logs").await;
    let (namespace, client) = (space.name.clone(), space.client.clone());
    // So slow that calls are tried again, on the thread that the sync has for itself.
    let platform = Platform::start(free_port(), Some(2)).await;
    let mut people = company(&[1]);
    let rows = people["data"]["people.csv"].as_str().unwrap().to_owned();
    people["data"]["people.csv"] = json!(format!("{rows}2,not-an-address,Given,Family,support\n"));
    for object in [
        secret(super::world::TOKEN),
        people,
        connection("acme", &platform.url(), json!({})),
        support(),
    ] {
        put(&client, &namespace, object).await;
    }
    for format in ["text", "json"] {
        let (folder, probes) = (temporary_folder(), free_port());
        let mut operator = Operator {
            process: Operator::spawn_logging(&server.kubeconfig(), probes, folder.path(), format),
            probes,
            folder,
        };
        operator.ready().await;
        request(&client, &namespace, format).await;
        let synced = until(&client, &namespace, "the sync", |acme| answered(acme, format)).await;
        let id = synced.status.unwrap().last_sync.unwrap().id;
        let log = wait_until("the last line", PATIENCE, async || {
            let log = operator.process.output();
            let ended = |line: &str| line.contains("The sync has ended.") && line.contains(&id);
            log.lines().any(ended).then_some(log)
        })
        .await;
        let lines: Vec<&str> = log.lines().collect();
        let first = lines.iter().position(|line| line.contains(&id)).unwrap();
        let last = lines.iter().rposition(|line| line.contains(&id)).unwrap();
        let text = format!("sync{{namespace=\"{namespace}\" connection=\"acme\" id=\"{id}\"}}");
        for line in &lines[first..=last] {
            let whole = match serde_json::from_str::<serde_json::Value>(line) {
                Ok(line) => {
                    let span = json!({ "name": "sync", "namespace": namespace, "connection": "acme", "id": id });
                    format == "json" && line["span"] == span
                }
                Err(_) => format == "text" && line.contains(&text),
            };
            assert!(whole, "{line}\nof\n{log}");
        }
        let of_sync = lines[first..=last].join("\n");
        for message in [
            "A sync begins.",
            "A call failed and is tried again.",
            "Something failed on its own.",
        ] {
            assert!(of_sync.contains(message), "no {message:?} in\n{log}");
        }
        operator.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_interrupted_while_it_reads_ends_at_once_and_says_that_nothing_was_written() {
    // It takes every connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let folder = temporary_folder();
    let objects = [
        secret(super::world::TOKEN),
        company(&[1]),
        connection("acme", &address, json!({})),
        support(),
    ];
    for (number, object) in objects.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.json")), object.to_string()).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_directory-sync"));
    command.args(["sync", "-f"]).arg(folder.path());
    let mut sync = Process::start("sync", &mut command, folder.path());
    let asked = tokio::time::timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    let interrupted = std::time::Instant::now();
    sync.signal("INT");
    let status = sync.wait(PATIENCE).await;
    assert!(interrupted.elapsed() < Duration::from_secs(5), "a request may take 30");
    assert_eq!(status.code(), Some(1), "{}", sync.output());
    assert!(
        sync.output().contains("acme: stopped; nothing was written"),
        "{}",
        sync.output()
    );
    drop(asked);
}

/// Whether so many people are all who came up to some kill.
fn is_whole(there: usize) -> bool {
    there % JOINERS as usize == 1
}

/// Waits until so many users are on the platform, or more.
async fn until_there(platform: &Platform, users: usize) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while platform.list("users").await.len() < users {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{users} users were not there in {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Twenty times people come and the operator is killed at a random moment of bringing them; it starts again and goes on.
/// In the end everything is as it would be without a crash, and nobody and nothing was written twice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_goes_on_and_does_nothing_twice() {
    let server = server().await;
    let space = server.namespace("killed").await;
    let (namespace, client) = (space.name.clone(), space.client.clone());
    let seed = fastrand::u64(..);
    let mut chance = fastrand::Rng::with_seed(seed);
    println!("seed {seed}");
    let platform = Platform::start(free_port(), None).await;
    let apply = async |object| put(&client, &namespace, object).await;
    apply(secret(super::world::TOKEN)).await;
    apply(company(&[1])).await;
    // A sync takes about a second: so many requests, one after the other.
    let slowly = json!({ "platform": { "rest": { "limits": { "concurrentRequests": 1, "requestsPerSecond": 12 } } } });
    apply(connection("acme", &platform.url(), slowly)).await;
    apply(support()).await;
    let synced = |acme: &DirectoryConnection| condition(acme, "Ready").as_deref() == Some("True/Synced");
    // An operator in a hurry does the first sync, so that nobody waits for mappings to settle.
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let first = controller::run(hurried(&namespace), client.clone(), async move { drop(stopped.await) });
    let first = tokio::spawn(first);
    until(&client, &namespace, "the first sync", synced).await;
    drop(stop);
    first.await.unwrap().unwrap();
    let mut operator = Operator::start(&server.kubeconfig());
    operator.ready().await;

    let mut people = 1;
    let mut middles = 0;
    for kill in 0..KILLS {
        people += JOINERS;
        apply(company(&(1..=people).collect::<Vec<_>>())).await;
        request(&client, &namespace, &format!("request-{kill}")).await;
        // How long an operator takes to begin depends on the machine; how far it has come does not.
        let newcomers = usize::try_from(chance.u32(0..=JOINERS)).unwrap();
        until_there(&platform, (people - JOINERS) as usize + newcomers).await;
        tokio::time::sleep(Duration::from_millis(chance.u64(0..160))).await;
        operator.crash(&server.kubeconfig());
        // Whoever is there, and whoever is in the team, before the operator goes on.
        let there = platform.list("users").await.len();
        let joined = platform.list("memberships?kind=team").await.len();
        middles += usize::from(there > joined || !is_whole(there));
    }
    assert!(middles > 0, "no kill met an apply in its middle");
    operator.ready().await;
    request(&client, &namespace, "the last").await;
    until(&client, &namespace, "the last sync", |acme| {
        answered(acme, "the last") && synced(acme)
    })
    .await;
    println!("{middles} of {KILLS} kills met an apply in its middle");

    assert_eq!(platform.active().await, addresses(1..=people));
    assert_eq!(platform.teams().await["Support"], addresses(1..=people));
    let users = platform.list("users").await;
    assert_eq!(users.len(), people as usize, "nobody is there twice");
    assert!(users.iter().all(|user| user["etag"] == "1"), "nobody was written twice");
    assert_eq!(platform.list("teams").await.len(), 1);
    operator.end().await;
}
