//! Who may create, edit, loosen and approve, with the chart's roles and policies and a `ServiceAccount` of each role.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::object;
use crate::support::apiserver::{ApiServer, Namespace};
use crate::support::process::wait_until;

/// How long the API server's own caches may take to see what was just written.
const SETTLING: Duration = Duration::from_secs(30);

/// A connection with something of everything that can be loosened.
fn strict() -> Value {
    object(
        "DirectoryConnection",
        &json!({
            "removals": { "maxPercent": 10, "minPopulation": 10, "maxCount": 50 },
            "protect": { "users": ["boss@acme.test", "owner@acme.test"], "roles": ["owner"], "teams": ["Board", "Finance"], "minAdministrators": 3 },
        }),
    )
}

/// A `ServiceAccount` bound to roles in the namespace, once the authorizer knows.
async fn account(space: &Namespace<'_>, name: &str, roles: &[&str]) -> PathBuf {
    space.kubectl(&["create", "serviceaccount", name]).await.success();
    let subject = format!("{}:{name}", space.name);
    for role in roles {
        let binding = format!("{name}-{role}");
        let bind = [
            "create",
            "rolebinding",
            &binding,
            "--clusterrole",
            role,
            "--serviceaccount",
            &subject,
        ];
        space.kubectl(&bind).await.success();
    }
    let kubeconfig = space.server.service_account_kubeconfig(&space.name, name).await;
    let can = ["auth", "can-i", "list", "directoryconnections.directory-sync.io"];
    wait_until("the role to hold", SETTLING, async || {
        let asked = space.kubectl_as(&kubeconfig, &can, "").await;
        asked.status.success().then_some(())
    })
    .await;
    kubeconfig
}

async fn patch(space: &Namespace<'_>, who: &Path, name: &str, spec: Value) -> Result<String, String> {
    let change = json!({ "spec": spec }).to_string();
    let finished = space
        .kubectl_as(who, &["patch", name, "--type=merge", "-p", &change], "")
        .await;
    if finished.status.success() {
        Ok(finished.stdout)
    } else {
        Err(finished.stderr)
    }
}

/// What loosens, each by itself.
fn loosened() -> [Value; 9] {
    [
        json!({ "removals": { "maxPercent": 11 } }),
        json!({ "removals": { "minPopulation": 1000 } }),
        json!({ "removals": { "maxCount": 51 } }),
        json!({ "removals": { "maxCount": null } }),
        json!({ "protect": { "users": ["boss@acme.test", "another@acme.test"] } }),
        json!({ "protect": { "roles": null } }),
        json!({ "protect": { "teams": ["Board"] } }),
        json!({ "protect": { "minAdministrators": 2 } }),
        json!({ "protect": { "minAdministrators": null } }),
    ]
}

/// On a server where Helm has installed the chart.
pub async fn to_loosen_takes_the_right_to_approve(server: &ApiServer, system: &str) {
    let space = server.namespace("loosening").await;
    let viewer = account(&space, "viewer", &["view"]).await;
    let editor = account(&space, "editor", &["edit"]).await;
    let approver = account(&space, "approver", &["directory-sync-approve"]).await;
    let lead = account(&space, "lead", &["edit", "directory-sync-approve"]).await;
    // What a tool of GitOps applies with.
    let gitops = account(&space, "gitops", &["edit"]).await;

    let manifest = strict().to_string();
    let apply = ["apply", "--server-side", "--field-manager", "gitops", "-f", "-"];
    for (who, may) in [(&viewer, false), (&approver, false), (&gitops, true)] {
        let created = space.kubectl_as(who, &apply, &manifest).await;
        assert_eq!(created.status.success(), may, "{}", created.stderr);
    }
    // An unchanged manifest, again and again.
    for _ in 0..2 {
        space.kubectl_as(&gitops, &apply, &manifest).await.success();
    }

    let name = "dirconn/acme";
    // The policy takes a moment to be known.
    let refusal = wait_until("the policy to hold", SETTLING, async || {
        let change = json!({ "spec": loosened()[0] }).to_string();
        let dry = ["patch", name, "--type=merge", "--dry-run=server", "-p", &change];
        let tried = space.kubectl_as(&editor, &dry, "").await;
        (!tried.status.success()).then_some(tried.stderr)
    })
    .await;
    let account = format!("system:serviceaccount:{}:editor", space.name);
    for text in [
        account.as_str(),
        "lacks the verb approve on directoryconnections.directory-sync.io/acme",
        &format!("in the namespace {}", space.name),
        "ClusterRole directory-sync-approve",
    ] {
        assert!(refusal.contains(text), "no {text:?} in {refusal}");
    }
    for spec in loosened() {
        for who in [&viewer, &editor, &gitops, &approver] {
            let refused = patch(&space, who, name, spec.clone()).await;
            assert!(refused.is_err(), "{spec}: {refused:?}");
        }
    }
    let looser = object("DirectoryConnection", &json!({ "removals": { "maxPercent": 90 } })).to_string();
    let refusal = space.kubectl_as(&gitops, &apply, &looser).await.failure();
    assert!(refusal.contains("lacks the verb approve"), "{refusal}");

    // Everything else is an editor's own.
    for spec in [
        json!({ "interval": "2h" }),
        json!({ "removals": { "maxPercent": 5, "minPopulation": 5, "maxCount": 5, "approvalTTL": "1h" } }),
        json!({ "protect": { "users": ["owner@acme.test", "boss@acme.test", "ann@acme.test"] } }),
        json!({ "protect": { "teams": ["Finance", "Board", "Staff"], "minAdministrators": 4 } }),
        json!({ "deletionPolicy": "Deprovision", "suspend": true }),
    ] {
        let edited = patch(&space, &editor, name, spec.clone()).await;
        assert!(edited.is_ok(), "{spec}: {edited:?}");
    }
    for spec in loosened() {
        let approved = patch(&space, &lead, name, spec.clone()).await;
        assert!(approved.is_ok(), "{spec}: {approved:?}");
    }

    mappings_are_loosened_by_the_same_right(&space, &editor, &lead).await;

    let operator = server.service_account_kubeconfig(system, "directory-sync").await;
    let finalizer = json!({ "metadata": { "finalizers": ["directory-sync.io/deprovision"] } }).to_string();
    let write = ["patch", name, "--type=merge", "-p", &finalizer];
    space.kubectl_as(&operator, &write, "").await.success();
    let refusal = patch(&space, &operator, name, json!({ "interval": "3h" }))
        .await
        .unwrap_err();
    assert!(refusal.contains("nothing but the finalizers"), "{refusal}");
}

async fn mappings_are_loosened_by_the_same_right(space: &Namespace<'_>, editor: &Path, lead: &Path) {
    let mapping = object("GroupMapping", &json!({ "removals": { "maxPercent": 10 } })).to_string();
    space
        .kubectl_as(editor, &["apply", "-f", "-"], &mapping)
        .await
        .success();
    for spec in [json!({ "removals": null }), json!({ "removals": { "maxPercent": 20 } })] {
        let refused = patch(space, editor, "gmap/acme", spec.clone()).await.unwrap_err();
        assert!(refused.contains("lacks the verb approve"), "{spec}: {refused}");
    }
    let tightened = patch(space, editor, "gmap/acme", json!({ "removals": { "maxPercent": 5 } })).await;
    assert!(tightened.is_ok(), "{tightened:?}");
    let approved = patch(space, lead, "gmap/acme", json!({ "removals": null })).await;
    assert!(approved.is_ok(), "{approved:?}");
}
