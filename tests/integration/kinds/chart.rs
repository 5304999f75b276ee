//! The chart, installed by Helm: the kinds, the operator's rights, and the roles that it gives people.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use directory_sync::api::{DirectoryConnection, crds};
use directory_sync::cli::args::{Arguments, Command, LogFormat};
use kube::CustomResourceExt;
use kube::api::PostParams;
use serde_json::json;

use super::{dynamic, established, named, raw, repository, smallest};
use crate::support::apiserver::{ApiServer, Namespace};
use crate::support::command::Finished;
use crate::support::process::wait_until;

/// How long the API server's own caches may take to see what was just written.
const SETTLING: Duration = Duration::from_secs(30);

const SYSTEM: &str = "sync-system";

#[tokio::test]
async fn the_chart_installs_upgrades_and_leaves_the_kinds_behind() {
    let server = ApiServer::start_private().await;
    let chart = repository().join("charts/directory-sync");
    let release = ["directory-sync", chart.to_str().unwrap(), "--namespace", SYSTEM];
    helm(&server, &["lint", "--strict", release[1]]).await.success();
    // The strictest of Kubernetes' own pod security standards.
    server.kubectl(&["create", "namespace", SYSTEM]).await.success();
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    server
        .kubectl(&["label", "namespace", SYSTEM, restricted])
        .await
        .success();

    helm(&server, &[&["install"], &release[..]].concat()).await.success();
    established(&server).await;
    wait_until("the operator's pod", SETTLING, async || {
        let pods = server
            .kubectl(&["get", "pods", "--namespace", SYSTEM, "-o", "name"])
            .await
            .success();
        pods.contains("pod/directory-sync-").then_some(())
    })
    .await;
    roles_let_people_do_their_own_part(&server).await;
    the_operator_may_do_what_it_needs_and_no_more(&server).await;
    super::loosening::to_loosen_takes_the_right_to_approve(&server, SYSTEM).await;

    let flags = "controller.observeOnly=true,controller.allowHosts={*.acme.test},controller.allowLoopback=true,\
                 controller.allowInsecure=true,controller.removals.maxPercent=0,controller.removals.maxCount=10000000";
    helm(&server, &[&["upgrade"], &release[..], &["--set", flags]].concat())
        .await
        .success();
    let arguments = "jsonpath={.spec.template.spec.containers[0].args}";
    let get = [
        "get",
        "deployment",
        "directory-sync",
        "--namespace",
        SYSTEM,
        "-o",
        arguments,
    ];
    let arguments: Vec<String> = serde_json::from_str(&server.kubectl(&get).await.success()).unwrap();
    let arguments = Arguments::try_parse_from([vec!["directory-sync".to_owned()], arguments].concat()).unwrap();
    assert_eq!(arguments.log_format, LogFormat::Json);
    let Command::Controller(controller) = arguments.command else {
        panic!("not the controller")
    };
    assert_eq!((controller.max_syncs, controller.observe_only), (4, true));
    assert_eq!(controller.read_memory_mib, 512);
    assert_eq!(
        (controller.removals_max_percent, controller.removals_max_count),
        (Some(0), Some(10_000_000))
    );
    assert!(controller.network.allow_insecure && controller.network.allow_loopback);
    assert_eq!(controller.network.allow_hosts, ["*.acme.test".parse().unwrap()]);
    let misspelt = helm(
        &server,
        &[&["upgrade"], &release[..], &["--set", "controller.maxSync=1"]].concat(),
    )
    .await;
    let refusal = misspelt.failure();
    assert!(refusal.contains("maxSync"), "{refusal}");

    helm(&server, &["uninstall", "directory-sync", "--namespace", SYSTEM])
        .await
        .success();
    let kept = server
        .kubectl(&["get", "crd", DirectoryConnection::crd_name(), "-o", "name"])
        .await
        .success();
    assert!(kept.contains("directoryconnections"), "{kept}");
    // And installed again over what stayed.
    helm(&server, &[&["install"], &release[..]].concat()).await.success();
}

async fn helm(server: &ApiServer, arguments: &[&str]) -> Finished {
    server.run("helm", &server.kubeconfig(), arguments, "").await
}

/// Binds a user to a role in the namespace, and returns once the authorizer knows.
async fn user(space: &Namespace<'_>, name: &str, role: &str, may: [&str; 2]) -> PathBuf {
    space
        .kubectl(&["create", "rolebinding", name, "--clusterrole", role, "--user", name])
        .await
        .success();
    let kubeconfig = space.server.user_kubeconfig(name, None);
    let can = [&["auth", "can-i"], &may[..]].concat();
    wait_until("the role to hold", SETTLING, async || {
        space
            .kubectl_as(&kubeconfig, &can, "")
            .await
            .status
            .success()
            .then_some(())
    })
    .await;
    kubeconfig
}

async fn roles_let_people_do_their_own_part(server: &ApiServer) {
    let space = server.namespace("people").await;
    raw(&space, "SyncPlan")
        .create(&PostParams::default(), &dynamic(smallest("SyncPlan")))
        .await
        .unwrap();
    // Kubernetes' own roles, which the chart's are added to.
    let viewer = user(
        &space,
        "vera",
        "view",
        ["list", "directoryconnections.directory-sync.io"],
    )
    .await;
    let editor = user(
        &space,
        "ed",
        "edit",
        ["create", "directoryconnections.directory-sync.io"],
    )
    .await;
    let approver = user(
        &space,
        "ann",
        "directory-sync-approve",
        ["patch", "syncplans.directory-sync.io"],
    )
    .await;

    let connection = smallest("DirectoryConnection").to_string();
    space
        .kubectl_as(&editor, &["apply", "--server-side", "-f", "-"], &connection)
        .await
        .success();
    space
        .kubectl_as(&viewer, &["get", "dirconn", "acme"], "")
        .await
        .success();
    let denied = space
        .kubectl_as(&viewer, &["delete", "dirconn", "acme"], "")
        .await
        .failure();
    assert!(denied.contains("forbidden"), "{denied}");

    let decide =
        |decision: &str, name: &str| json!({ "spec": { "decision": decision, "decidedBy": name } }).to_string();
    let approve = decide("Approved", "ed");
    for nobody in [&viewer, &editor] {
        for attempt in [
            &["patch", "splan", "acme", "--type", "merge", "-p", &approve][..],
            &["get", "splan", "acme"],
            &["delete", "splan", "acme"],
        ] {
            let denied = space.kubectl_as(nobody, attempt, "").await.failure();
            assert!(denied.contains("forbidden"), "{denied}");
        }
        let own = named(smallest("SyncPlan"), "own");
        let denied = space
            .kubectl_as(nobody, &["create", "-f", "-"], &own.to_string())
            .await
            .failure();
        assert!(denied.contains("forbidden"), "{denied}");
    }
    // In one's own name alone. The policy takes a moment to be known.
    let patch = |change: String| {
        [
            "patch".to_owned(),
            "splan/acme".into(),
            "--type=merge".into(),
            "-p".into(),
            change,
        ]
    };
    let as_another = patch(decide("Approved", "ben"));
    let attempt = as_another.each_ref().map(String::as_str);
    let dry = [&attempt[..], &["--dry-run=server"]].concat();
    let denied = wait_until("the policy to hold", SETTLING, async || {
        let tried = space.kubectl_as(&approver, &dry, "").await;
        (!tried.status.success()).then_some(tried.stderr)
    })
    .await;
    assert!(denied.contains("decidedBy must be your own user name, ann"), "{denied}");
    let in_own_name = patch(decide("Approved", "ann"));
    space
        .kubectl_as(&approver, &in_own_name.each_ref().map(String::as_str), "")
        .await
        .success();
    let decided = space
        .kubectl(&[
            "get",
            "splan",
            "acme",
            "-o",
            "jsonpath={.spec.decision} {.spec.decidedBy}",
        ])
        .await;
    assert_eq!(decided.success(), "Approved ann");
    let denied = space
        .kubectl_as(&approver, &["delete", "splan", "acme"], "")
        .await
        .failure();
    assert!(denied.contains("forbidden"), "{denied}");
}

async fn the_operator_may_do_what_it_needs_and_no_more(server: &ApiServer) {
    let operator = server.service_account_kubeconfig(SYSTEM, "directory-sync").await;
    let may = async |verb: &str, resource: &str| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let ask = [
            "auth",
            "can-i",
            verb,
            resource,
            "--subresource",
            subresource,
            "--all-namespaces",
        ];
        server.run("kubectl", &operator, &ask, "").await.status.success()
    };
    for (verb, resource) in [
        ("get", "secrets"),
        ("get", "configmaps"),
        ("watch", "directoryconnections.directory-sync.io"),
        ("list", "groupmappings.directory-sync.io"),
        ("create", "syncplans.directory-sync.io"),
        ("delete", "syncplans.directory-sync.io"),
        ("patch", "directoryconnections.directory-sync.io/status"),
        // For finalizers; a policy refuses everything else.
        ("patch", "directoryconnections.directory-sync.io"),
        ("patch", "syncplans.directory-sync.io/status"),
        ("create", "events.events.k8s.io"),
    ] {
        assert!(may(verb, resource).await, "{verb} {resource}");
    }
    for (verb, resource) in [
        ("list", "secrets"),
        ("watch", "secrets"),
        ("list", "configmaps"),
        ("create", "secrets"),
        ("update", "directoryconnections.directory-sync.io"),
        ("approve", "directoryconnections.directory-sync.io"),
        // That would be deciding them.
        ("patch", "syncplans.directory-sync.io"),
        ("update", "syncplans.directory-sync.io"),
        ("delete", "groupmappings.directory-sync.io"),
        ("create", "pods"),
        ("impersonate", "users"),
    ] {
        assert!(!may(verb, resource).await, "{verb} {resource}");
    }
}

#[test]
fn the_charts_copies_of_the_kinds_are_the_kinds() {
    for (file, text) in crds::render().unwrap() {
        let copy = std::fs::read_to_string(repository().join("charts/directory-sync/files/crds").join(&file)).unwrap();
        assert!(
            copy == text,
            "charts/directory-sync/files/crds/{file} is old: run `make generate`"
        );
    }
}
