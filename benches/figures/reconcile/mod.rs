//! `reconcile`: how long an operator that starts takes for a thousand connections with nothing to do.
//!
//! All connections are in step before: an operator has synced each of them once, and has ended. While no operator runs,
//! each is asked for a sync. What is measured is the time from the start of the program until the last connection has
//! answered, each by a new `lastSync` that wrote nothing, and how large the program became.

mod accounts;
mod floor;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::{Duration, Instant},
};

use directory_sync::api::{DirectoryConnection, status::Outcome};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};

use self::accounts::{Accounts, company};
use crate::{
    Arguments,
    measure::{Cost, cpu_seconds_of, median, medians, peak_mib_of},
    plan::runtime,
    testbed::{
        apiserver::{ApiServer, Namespace},
        process::{Process, free_port},
        temporary_folder,
    },
};

const SECRET: &str = "platform";
const COMPANY: &str = "company";

/// Far longer than a thousand connections take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many objects are written at once while the scene is set.
const WRITERS: usize = 16;

pub fn figure(arguments: &Arguments) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most a thousand"
    )]
    let objects = ((1000.0 * arguments.scale) as usize).clamp(20, 1000);
    runtime().block_on(measure(objects, arguments.rounds));
}

async fn measure(objects: usize, rounds: usize) {
    let server = ApiServer::start_private().await;
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    server.kubectl(&["apply", "--server-side", "-f", crds]).await.success();
    let established = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
    server.kubectl(&established).await.success();
    let space = server.namespace("bench").await;
    let accounts = Accounts::serve(&space.name).await;
    set_scene(&space, &accounts, objects).await;
    eprintln!("  reconcile: {objects} connections and as many mappings are there");

    let first = start(&server, &space, "first", objects).await;
    assert_eq!(accounts.take().writes, 0, "the platform is in step");
    eprintln!(
        "  reconcile: first syncs took {:.1} s, with mappings that settle",
        first.seconds
    );
    let (mut runs, mut floors) = (Vec::new(), Vec::new());
    let mut requests = 0;
    for round in 0..rounds {
        let value = format!("round-{round}");
        request(&space, &value, objects).await;
        let cost = start(&server, &space, &value, objects).await;
        let asked = accounts.take();
        assert_eq!(asked.writes, 0, "the platform is in step");
        requests = asked.reads.values().sum::<u64>();
        assert!(asked.reads.values().all(|count| *count == objects as u64), "{asked:?}");
        let paths: Vec<String> = asked.reads.into_keys().collect();
        let floor = floor::run(&space, &accounts, &paths).await;
        accounts.take();
        eprintln!("  reconcile: {cost:?}, floor {floor:.2} s");
        runs.push(cost);
        floors.push(floor);
    }
    let (run, floor) = (medians(&runs), median(floors.into_iter()));
    println!(
        "bench reconcile objects={objects} seconds={:.2} peak_mib={:.0} cpu_seconds={:.2} floor_seconds={floor:.2} \
         requests_each={}",
        run.seconds,
        run.peak_mib,
        run.cpu,
        requests / objects as u64,
    );
}

/// A Secret, a company, and connections with a mapping each.
async fn set_scene(space: &Namespace<'_>, accounts: &Accounts, objects: usize) {
    put(
        space,
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": SECRET }, "stringData": { "token": "bench" } }),
    )
    .await;
    put(
        space,
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": COMPANY }, "data": { "people.csv": company() } }),
    )
    .await;
    let pairs = names(objects).map(|name| {
        let url = format!("http://{}/{name}", accounts.address);
        (connection(&name, &url), mapping(&name))
    });
    stream::iter(pairs)
        .for_each_concurrent(WRITERS, async |(connection, mapping)| {
            put(space, mapping).await;
            put(space, connection).await;
        })
        .await;
}

fn names(objects: usize) -> impl Iterator<Item = String> {
    (0..objects).map(|number| format!("connection-{number:04}"))
}

fn connection(name: &str, url: &str) -> Value {
    json!({
        "apiVersion": "directory-sync.io/v1alpha1", "kind": "DirectoryConnection", "metadata": { "name": name },
        "spec": {
            "provider": { "file": { "people": { "configMapKeyRef": { "name": COMPANY, "key": "people.csv" } } } },
            "platform": { "rest": {
                "url": url,
                "tls": { "mode": "Disabled" },
                "auth": { "bearer": { "tokenSecretRef": { "name": SECRET, "key": "token" } } },
            } },
        },
    })
}

fn mapping(connection: &str) -> Value {
    json!({
        "apiVersion": "directory-sync.io/v1alpha1", "kind": "GroupMapping", "metadata": { "name": connection },
        "spec": {
            "connectionRef": { "name": connection }, "group": { "name": "support" },
            "team": { "name": "Support", "create": true },
        },
    })
}

async fn put(space: &Namespace<'_>, object: Value) {
    let kind = object["kind"].as_str().unwrap();
    let resource = match kind {
        "Secret" | "ConfigMap" => GroupVersionKind::gvk("", "v1", kind),
        kind => GroupVersionKind::gvk("directory-sync.io", "v1alpha1", kind),
    };
    let resource = ApiResource::from_gvk(&resource);
    let api: Api<DynamicObject> = Api::namespaced_with(space.client.clone(), &space.name, &resource);
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("bench").force();
    api.patch(name, &parameters, &Patch::Apply(&object)).await.unwrap();
}

/// Asks every connection for a sync.
async fn request(space: &Namespace<'_>, value: &str, objects: usize) {
    let api = space.api::<DirectoryConnection>();
    let change = json!({ "metadata": { "annotations": { "directory-sync.io/requestedAt": value } } });
    stream::iter(names(objects))
        .for_each_concurrent(WRITERS, async |name| {
            let patch = Patch::Merge(&change);
            api.patch(&name, &PatchParams::default(), &patch).await.unwrap();
        })
        .await;
}

/// Starts the operator, ends it when every connection has had a sync that wrote nothing, and returns what it took.
async fn start(server: &ApiServer, space: &Namespace<'_>, value: &str, objects: usize) -> Cost {
    let before = last_syncs(space).await;
    let folder = temporary_folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_directory-sync"));
    command.args(["controller", "--allow-loopback", "--allow-insecure"]);
    command.args(["--http-listen", &format!("127.0.0.1:{}", free_port())]);
    command.env("KUBECONFIG", server.kubeconfig()).env_remove("RUST_LOG");
    let started = Instant::now();
    let mut operator = Process::start("operator", &mut command, folder.path());
    let waited = tokio::time::timeout(PATIENCE, all_synced(space, &before, objects)).await;
    let seconds = started.elapsed().as_secs_f64();
    assert!(
        waited.is_ok(),
        "{value}: not all were synced within {PATIENCE:?}\n{}",
        operator.output()
    );
    let cost = Cost {
        seconds,
        cpu: cpu_seconds_of(operator.id()),
        peak_mib: peak_mib_of(operator.id()),
    };
    operator.signal("TERM");
    let status = operator.wait(Duration::from_mins(1)).await;
    assert!(status.success(), "{status}\n{}", operator.output());
    cost
}

/// The ids of the last syncs, by connection.
async fn last_syncs(space: &Namespace<'_>) -> BTreeMap<String, String> {
    let all = space
        .api::<DirectoryConnection>()
        .list(&ListParams::default())
        .await
        .unwrap();
    let last = |connection: DirectoryConnection| Some((connection.metadata.name?, connection.status?.last_sync?.id));
    all.items.into_iter().filter_map(last).collect()
}

/// Waits until each connection has a sync that isn't the one before, and has written nothing.
async fn all_synced(space: &Namespace<'_>, before: &BTreeMap<String, String>, objects: usize) {
    let mut done = BTreeSet::new();
    let changes = watcher(space.api::<DirectoryConnection>(), watcher::Config::default()).applied_objects();
    let mut changes = std::pin::pin!(changes);
    while done.len() < objects {
        let connection = changes.try_next().await.unwrap().expect("a watch doesn't end");
        let name = connection.metadata.name.unwrap_or_default();
        let Some(last) = connection.status.and_then(|status| status.last_sync) else {
            continue;
        };
        if before.get(&name) != Some(&last.id) {
            assert_eq!(last.outcome, Outcome::Unchanged, "{name}: {last:?}");
            done.insert(name);
        }
    }
}
