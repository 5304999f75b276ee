//! The servers themselves: each really starts, answers, misbehaves on demand, and ends.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{ListParams, PostParams};
use kube::core::ObjectMeta;
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{LdapConnAsync, LdapConnSettings, LdapResult, Scope, SearchEntry};
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use crate::support::apiserver::{self, ApiServer};
use crate::support::company::{BASE_DN, Company, Member, Shape};
use crate::support::process::{Process, wait_until};
use crate::support::scim_server::{self, ScimServer};
use crate::support::slapd::{self, BIND_DN, BIND_PASSWORD, Slapd};
use crate::support::watchdog::Watchdog;
use crate::support::{command, init_tls, temporary_folder, tools};

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), "value".to_owned())])),
        ..ConfigMap::default()
    }
}

/// A chart of one `ConfigMap`.
const CHART: [(&str, &str); 2] = [
    ("Chart.yaml", "apiVersion: v2\nname: small\nversion: 0.1.0\n"),
    (
        "templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: from-chart }\ndata: { colour: {{ .Values.colour | quote }} }\n",
    ),
];

#[tokio::test]
async fn the_api_server_keeps_objects_apart_by_namespace() {
    let server = ApiServer::shared().await;
    let (ours, others) = (server.namespace("testbed").await, server.namespace("testbed").await);
    ours.api::<ConfigMap>()
        .create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();
    let names = |list: kube::api::ObjectList<ConfigMap>| -> Vec<_> {
        list.into_iter().filter_map(|map| map.metadata.name).collect()
    };
    assert_eq!(names(ours.api().list(&ListParams::default()).await.unwrap()), ["one"]);
    assert_eq!(names(others.api().list(&ListParams::default()).await.unwrap()), [""; 0]);
}

#[tokio::test]
async fn kubectl_applies_yaml_and_reports_a_refusal() {
    let space = ApiServer::shared().await.namespace("testbed").await;
    space
        .apply("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\ndata: { key: value }\n")
        .await
        .success();
    assert_eq!(
        space
            .kubectl(&["get", "configmap", "one", "-o", "jsonpath={.data.key}"])
            .await
            .success(),
        "value"
    );
    let refusal = space
        .apply("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: One }\n")
        .await
        .failure();
    assert!(refusal.contains("Invalid value: \"One\""), "{refusal}");
}

#[tokio::test]
async fn a_user_is_known_by_name_and_may_do_what_roles_allow() {
    let space = ApiServer::shared().await.namespace("testbed").await;
    let ann = space.server.user_kubeconfig("ann", Some("editors"));
    let name = [
        "auth",
        "whoami",
        "-o",
        "jsonpath={.status.userInfo.username} {.status.userInfo.groups[0]}",
    ];
    assert_eq!(space.kubectl_as(&ann, &name, "").await.success(), "ann editors");
    let refusal = space.kubectl_as(&ann, &["get", "configmaps"], "").await.failure();
    assert!(
        refusal.contains("\"ann\" cannot list resource \"configmaps\""),
        "{refusal}"
    );
    space
        .kubectl(&["create", "rolebinding", "ann", "--clusterrole", "view", "--user", "ann"])
        .await
        .success();
    // The authorizer learns of a new binding by its own watch.
    wait_until("the role to hold", Duration::from_secs(20), async || {
        space
            .kubectl_as(&ann, &["get", "configmaps"], "")
            .await
            .status
            .success()
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_service_account_acts_with_its_own_token() {
    let space = ApiServer::shared().await.namespace("testbed").await;
    space.kubectl(&["create", "serviceaccount", "robot"]).await.success();
    let kubeconfig = space.server.service_account_kubeconfig(&space.name, "robot").await;
    let client = apiserver::client(&kubeconfig).await;
    let accounts = kube::Api::<ServiceAccount>::namespaced(client, &space.name);
    let refusal = accounts.list(&ListParams::default()).await.unwrap_err();
    let user = format!("system:serviceaccount:{}:robot", space.name);
    assert!(refusal.to_string().contains(&user), "{refusal}");
}

#[tokio::test]
async fn objects_go_with_their_owner_and_with_their_namespace() {
    let space = ApiServer::shared().await.namespace("testbed").await;
    let maps = space.api::<ConfigMap>();
    let owner = maps.create(&PostParams::default(), &config_map("owner")).await.unwrap();
    let mut belonging = config_map("owned");
    belonging.metadata.owner_references = kube::Resource::owner_ref(&owner, &()).map(|owner| vec![owner]);
    maps.create(&PostParams::default(), &belonging).await.unwrap();
    space.kubectl(&["delete", "configmap", "owner"]).await.success();
    let gone = async || maps.get_opt("owned").await.unwrap().is_none().then_some(());
    wait_until("the owned object to go", Duration::from_mins(1), gone).await;
    space
        .server
        .kubectl(&["delete", "namespace", &space.name, "--timeout", "60s"])
        .await
        .success();
}

#[tokio::test]
async fn a_private_api_server_keeps_its_objects_when_it_is_killed() {
    let mut server = ApiServer::start_private().await;
    server
        .apply("apiVersion: v1\nkind: Namespace\nmetadata: { name: kept }\n")
        .await
        .success();
    server.kill();
    server
        .kubectl(&["get", "namespace", "kept", "--request-timeout", "2s"])
        .await
        .failure();
    server.restart().await;
    server.kubectl(&["get", "namespace", "kept"]).await.success();
}

#[tokio::test]
async fn helm_installs_a_chart_into_the_api_server() {
    let space = ApiServer::shared().await.namespace("testbed").await;
    let chart = temporary_folder();
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    for (name, content) in CHART {
        std::fs::write(chart.path().join(name), content).unwrap();
    }
    let chart = chart.path().display().to_string();
    let install = [
        "install",
        "small",
        &chart,
        "--namespace",
        &space.name,
        "--wait",
        "--set",
        "colour=red",
    ];
    let admin = space.server.kubeconfig();
    space.server.run("helm", &admin, &install, "").await.success();
    let map = space.api::<ConfigMap>().get("from-chart").await.unwrap();
    assert_eq!(map.data.unwrap()["colour"], "red");
}

/// Searches all people page by page, as the sync account; returns how many came and how the search ended.
async fn people(server: &Slapd) -> (usize, LdapResult) {
    let (connection, mut ldap) = LdapConnAsync::new(&server.url()).await.unwrap();
    ldap3::drive!(connection);
    ldap.simple_bind(BIND_DN, BIND_PASSWORD)
        .await
        .unwrap()
        .success()
        .unwrap();
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(500))];
    let filter = "(objectClass=inetOrgPerson)";
    let mut search = ldap
        .streaming_search_with(adapters, BASE_DN, Scope::Subtree, filter, vec!["uid", "entryUUID"])
        .await
        .unwrap();
    let mut count = 0;
    while let Some(entry) = search.next().await.unwrap() {
        let entry = SearchEntry::construct(entry);
        assert_eq!(entry.attrs["entryUUID"].len(), 1, "{entry:?}");
        count += 1;
    }
    (count, search.finish().await)
}

#[tokio::test]
async fn openldap_pages_through_a_whole_company() {
    init_tls();
    let company = Company::new()
        .with_people(3000)
        .with_groups(Shape::Names, "names", 20, 50)
        .with_groups(Shape::UniqueNames, "unique", 20, 50)
        .with_groups(Shape::Posix, "posix", 20, 50)
        .with_group(
            Shape::Names,
            "nested",
            &[Member::Group("names-0".to_owned()), Member::Person(Company::uid(0))],
        );
    let server = Slapd::start(&company, slapd::Options::default()).await;
    let (count, result) = people(&server).await;
    assert_eq!((count, result.rc), (3000, 0));
    let url = server.url();
    let search = [
        "-x",
        "-LLL",
        "-H",
        &url,
        "-D",
        BIND_DN,
        "-w",
        BIND_PASSWORD,
        "-b",
        BASE_DN,
    ];
    let nested = [&search[..], &["cn=nested", "member"]].concat();
    let nested = command::run(&tools::tool("ldapsearch"), nested, &[], "")
        .await
        .success();
    assert!(
        nested.contains(&format!("member: {}", Company::group_dn("names-0"))),
        "{nested}"
    );
    let groups = [&search[..], &["-E", "pr=100/noprompt", "(cn=*-*)", "1.1"]].concat();
    let groups = command::run(&tools::tool("ldapsearch"), groups, &[], "")
        .await
        .success();
    assert_eq!(groups.matches("dn: ").count(), 60);
}

#[tokio::test]
async fn a_size_limit_of_openldap_ends_the_pages_with_code_4() {
    init_tls();
    let company = Company::new().with_people(3000);
    let server = Slapd::start(&company, slapd::Options { size_limit: Some(1000) }).await;
    let (count, result) = people(&server).await;
    assert_eq!((count, result.rc), (1000, 4), "{result}");
}

#[tokio::test]
async fn openldap_changes_while_it_runs_and_after_a_crash() {
    init_tls();
    let company = Company::new().with_people(3).with_entry(&format!(
        "dn: uid=guest,ou=people,{BASE_DN}\nobjectClass: account\nuid: guest"
    ));
    let mut server = Slapd::start(&company, slapd::Options::default()).await;
    let gone = Company::person_dn(&Company::uid(1));
    server.modify(&format!("dn: {gone}\nchangetype: delete\n")).await;
    assert_eq!(people(&server).await.0, 2);
    server.process().kill();
    assert!(LdapConnAsync::new(&server.url()).await.is_err());
    server.restart().await;
    assert_eq!(people(&server).await.0, 2);
}

#[tokio::test]
async fn a_frozen_openldap_accepts_and_says_nothing() {
    init_tls();
    let mut server = Slapd::start(&Company::new().with_people(3), slapd::Options::default()).await;
    server.process().signal("STOP");
    let patience = Duration::from_secs(1);
    tokio::time::timeout(patience, people(&server))
        .await
        .expect_err("a frozen server does not answer");
    server.process().signal("CONT");
    assert_eq!(people(&server).await.0, 3);
}

#[tokio::test]
async fn openldap_speaks_tls_to_those_who_trust_its_authority() {
    init_tls();
    let server = Slapd::start(&Company::new().with_people(3), slapd::Options::default()).await;
    let trusting = |roots: rustls::RootCertStore| {
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        LdapConnSettings::new().set_config(config.into())
    };
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(server.ca_certificate().as_bytes()).unwrap())
        .unwrap();
    for (settings, url) in [
        (trusting(roots.clone()), server.tls_url()),
        (trusting(roots).set_starttls(true), server.url()),
    ] {
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &url).await.unwrap();
        ldap3::drive!(connection);
        ldap.simple_bind(BIND_DN, BIND_PASSWORD)
            .await
            .unwrap()
            .success()
            .unwrap();
    }
    let stranger = trusting(rustls::RootCertStore::empty());
    assert!(LdapConnAsync::with_settings(stranger, &server.tls_url()).await.is_err());
}

#[tokio::test]
async fn the_scim_server_serves_what_was_created() {
    let server = ScimServer::start(scim_server::Options::default()).await;
    let users = server.create_users(25).await;
    let group = server.create_group("Support", &users[..5]).await;
    let page = server.request(Method::GET, "Users?startIndex=21&count=10", None).await;
    assert_eq!(
        (&page["totalResults"], page["Resources"].as_array().unwrap().len()),
        (&json!(25), 5)
    );
    let change = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "remove", "path": format!("members[value eq \"{}\"]", users[0]) }],
    });
    server
        .request(Method::PATCH, &format!("Groups/{group}"), Some(&change))
        .await;
    let group = server.request(Method::GET, &format!("Groups/{group}"), None).await;
    assert_eq!(group["members"].as_array().unwrap().len(), 4);
    let stranger = reqwest::get(format!("{}/Users", server.url())).await.unwrap();
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn the_scim_server_pages_by_cursor_when_asked_to() {
    let mut server = ScimServer::start(scim_server::Options {
        cursors: true,
        page_size: Some(10),
    })
    .await;
    server.create_users(25).await;
    let (mut sizes, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server
            .request(Method::GET, &format!("Users?cursor={cursor}&count=100"), None)
            .await;
        sizes.push(page["Resources"].as_array().unwrap().len());
        let Some(next) = page["nextCursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(sizes, [10, 10, 5]);
    server.process().kill();
    assert!(reqwest::get(server.url()).await.is_err());
}

#[tokio::test]
async fn schemathesis_runs() {
    let version = command::run(&tools::tool("schemathesis"), ["--version"], &[], "")
        .await
        .success();
    assert!(version.starts_with("schemathesis, version 4."), "{version}");
}

#[tokio::test]
async fn a_missing_program_is_named_with_the_command_that_installs_it() {
    let empty = temporary_folder();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/install");
    let nowhere = [("XDG_CACHE_HOME", empty.path()), ("KUBEBUILDER_ASSETS", empty.path())];
    let message = command::run(script.as_ref(), ["--where", "etcd"], &nowhere, "")
        .await
        .failure();
    assert_eq!(
        message.trim_end(),
        "tools: etcd is missing; run: tests/tools/install kubernetes"
    );
}

#[tokio::test]
async fn programs_in_the_assets_folder_win() {
    let assets = temporary_folder();
    std::os::unix::fs::symlink("/bin/true", assets.path().join("etcd")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/install");
    let given = [("KUBEBUILDER_ASSETS", assets.path())];
    let path = command::run(script.as_ref(), ["--where", "etcd"], &given, "")
        .await
        .success();
    assert_eq!(path.trim_end(), assets.path().join("etcd").display().to_string());
}

#[tokio::test]
async fn a_process_is_gone_when_its_guard_is() {
    let folder = temporary_folder();
    let mut sleep = Process::start("sleep", Command::new("sleep").arg("600"), folder.path());
    let pid = sleep.id();
    assert!(sleep.exited().is_none());
    drop(sleep);
    assert!(!runs(pid));
    let mut shell = Process::start(
        "shell",
        Command::new("sh").args(["-c", "echo said; exit 3"]),
        folder.path(),
    );
    assert_eq!(shell.wait(Duration::from_secs(20)).await.code(), Some(3));
    assert_eq!(shell.output(), "said\n");
}

#[test]
fn the_watchdog_kills_what_is_left_when_its_owner_ends() {
    let watchdog = Watchdog::new();
    let folder = tempfile::tempdir().unwrap();
    let mut sleeps = [(); 3].map(|()| Command::new("sleep").arg("600").spawn().unwrap());
    for sleep in &sleeps {
        watchdog.watch(sleep.id());
    }
    // An order to forget what is not watched changes nothing.
    watchdog.forget(sleeps[1].id());
    watchdog.forget(sleeps[1].id());
    watchdog.remove_at_exit(folder.path());
    // Closes the pipe, as the end of the process does, and waits for the shell.
    drop(watchdog);
    let running = sleeps.each_mut().map(|sleep| sleep.try_wait().unwrap().is_none());
    sleeps[1].kill().unwrap();
    for sleep in &mut sleeps {
        sleep.wait().unwrap();
    }
    assert_eq!(running, [false, true, false]);
    assert!(!folder.path().exists());
}

/// Whether a process of this id exists.
fn runs(pid: u32) -> bool {
    Command::new("sh")
        .args(["-c", "kill -0 \"$0\" 2>/dev/null", &pid.to_string()])
        .status()
        .unwrap()
        .success()
}
