//! Whole runs from real directories: people come, change and go; a directory that is cut, dead, slow or breaks off.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use super::world::{World, condition, support};
use crate::support::company::{BASE_DN, Company, Member, Shape};
use crate::support::scim_server::{self, ScimServer};
use crate::support::slapd::{self, BIND_DN, BIND_PASSWORD, Slapd};

/// An operator and the connection `acme` of this specification, with the group `support` as a team.
async fn synced(mut spec: Value, secret: &str) -> World {
    let world = World::with_operator().await;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "directory" },
        "stringData": { "secret": secret },
    });
    world.put(secret).await;
    spec["provider"]["file"] = Value::Null;
    world.put(world.connection(spec)).await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    world
}

fn ldap(url: &str) -> Value {
    json!({
        "url": url,
        "tls": { "mode": "Disabled" },
        "baseDN": BASE_DN,
        "auth": { "simple": { "bindDN": BIND_DN, "passwordSecretRef": { "name": "directory", "key": "secret" } } },
        "timeouts": { "connect": "1s", "request": "1s" },
    })
}

/// So many people, of whom the first are the group `support`.
fn company(people: usize, support: usize) -> Company {
    let members: Vec<_> = (0..support)
        .map(|number| Member::Person(Company::uid(number)))
        .collect();
    Company::new()
        .with_people(people)
        .with_group(Shape::Names, "support", &members)
}

fn leave(uid: &str) -> String {
    format!("dn: {}\nchangetype: delete\n\n", Company::person_dn(uid))
}

fn join(uid: &str) -> String {
    let dn = Company::person_dn(uid);
    format!(
        "dn: {dn}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\nmail: {uid}@acme.test\n\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_an_ldap_directory_come_move_and_leave_and_a_size_limit_removes_nobody() {
    let limited = slapd::Options { size_limit: Some(1000) };
    let server = Slapd::start(&company(990, 60), limited).await;
    let spec = json!({
        "provider": { "ldap": ldap(&server.url()) },
        // The connection's provider names no attribute of its own.
        "attributes": [{ "name": "called", "expression": "user.custom.cn" }],
    });
    let world = synced(spec, BIND_PASSWORD).await;
    assert_eq!(world.platform.active().await.len(), 60);
    let users = world.platform.list("users").await;
    let called = users.iter().find(|user| user["email"] == "u0000007@acme.test").unwrap();
    assert_eq!(called["attributes"]["called"], "Given7 Family7");

    let group = Company::group_dn("support");
    let add = format!(
        "{}dn: {group}\nchangetype: modify\nadd: member\nmember: {}\n\n",
        join("new"),
        Company::person_dn("new")
    );
    server.modify(&(leave(&Company::uid(3)) + &add)).await;
    world.sync("acme").await;
    let active = world.platform.active().await;
    assert!(active.contains("new@acme.test") && !active.contains("u0000003@acme.test"));
    assert_eq!(world.platform.teams().await["Support"], active);
    assert_eq!(active.len(), 60);

    // More people than the server shows, of whom one has left.
    let more: String = (0..20).map(|number| join(&format!("more{number}"))).collect();
    server.modify(&(more + &leave(&Company::uid(4)))).await;
    let cut = world.sync("acme").await;
    assert_eq!(condition(&cut, "DirectoryComplete").unwrap(), "False/SizeLimit");
    assert_eq!(condition(&cut, "Ready").unwrap(), "False/DirectoryIncomplete");
    assert_eq!(world.platform.active().await, active, "nobody is removed");
    assert_eq!(world.platform.teams().await["Support"], active);

    let fewer: Vec<_> = (0..20).map(|number| leave(&format!("more{number}"))).collect();
    server.modify(&fewer.concat()).await;
    world.sync("acme").await;
    assert!(!world.platform.active().await.contains("u0000004@acme.test"));
}

/// Passes connections on, and breaks each off after so many bytes of answers.
async fn breaking_off(target: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let bytes = Arc::new(AtomicUsize::new(usize::MAX));
    let allowed = Arc::clone(&bytes);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (target, allowed) = (target.clone(), allowed.load(Ordering::SeqCst));
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(target).await else {
                    return;
                };
                let (mut asked, mut answered) = client.into_split();
                let (answers, mut asking) = server.into_split();
                let forth = tokio::spawn(async move { copy(&mut asked, &mut asking).await });
                let _ = copy(&mut answers.take(allowed as u64), &mut answered).await;
                let _ = answered.shutdown().await;
                forth.abort();
            });
        }
    });
    (url, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_dead_or_slow_or_breaks_off_is_told_clearly_and_the_platform_is_left_untouched() {
    let mut server = Slapd::start(&company(200, 60), slapd::Options::default()).await;
    let (url, bytes) = breaking_off(server.url().replace("ldap://", "")).await;
    let world = synced(json!({ "provider": { "ldap": ldap(&url) } }), BIND_PASSWORD).await;
    let before = world.platform.everything().await;
    server.modify(&leave(&Company::uid(3))).await;

    // In the middle of the people.
    bytes.store(20_000, Ordering::SeqCst);
    let half = told(&world).await;
    bytes.store(usize::MAX, Ordering::SeqCst);
    server.process().signal("STOP");
    let slow = told(&world).await;
    server.process().signal("CONT");
    server.process().kill();
    let dead = told(&world).await;
    let reasons = [&half, &slow, &dead].map(|(reason, _)| reason.as_str());
    assert_eq!(reasons, ["False/Unavailable", "False/Timeout", "False/Unavailable"]);
    for (_, message) in [half, slow, dead] {
        assert!(
            message.contains("127.0.0.1:") && !message.contains(BIND_PASSWORD),
            "{message}"
        );
    }
    assert_eq!(world.platform.everything().await, before);

    server.restart().await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await.len(), 59);
}

/// Syncs, and tells why the connection isn't ready.
async fn told(world: &World) -> (String, String) {
    let connection = world.sync("acme").await;
    let conditions = connection.status.as_ref().unwrap().conditions.iter();
    let ready = conditions.clone().find(|condition| condition.type_ == "Ready").unwrap();
    (condition(&connection, "Ready").unwrap(), ready.message.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_scim_provider_come_change_and_leave() {
    let server = ScimServer::start(scim_server::Options::default()).await;
    let ids = server.create_users(12).await;
    server.create_group("support", &ids[..8]).await;
    let provider = json!({
        "url": server.url(),
        "tls": { "mode": "Disabled" },
        "auth": { "bearer": { "tokenSecretRef": { "name": "directory", "key": "secret" } } },
        "pageSize": 5,
    });
    let world = synced(json!({ "provider": { "scim": provider } }), scim_server::TOKEN).await;
    let active = world.platform.active().await;
    assert_eq!(active.len(), 8);
    assert_eq!(world.platform.teams().await["Support"], active);
    let users = world.platform.list("users").await;
    let id_of = |users: &[Value], external: &str| {
        let user = users.iter().find(|user| user["externalId"] == external).unwrap();
        user["id"].clone()
    };
    let platform_id = id_of(&users, &ids[1]);

    server.request(Method::DELETE, &format!("Users/{}", ids[0]), None).await;
    let renamed = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "emails", "value": [{ "value": "new@acme.test", "primary": true }] }],
    });
    server
        .request(Method::PATCH, &format!("Users/{}", ids[1]), Some(&renamed))
        .await;
    let synced = world.sync("acme").await;
    assert_eq!(condition(&synced, "Ready").unwrap(), "True/Synced");
    let active = world.platform.active().await;
    assert!(
        active.contains("new@acme.test") && !active.contains("u0@acme.test"),
        "{active:?}"
    );
    assert_eq!(active.len(), 7);
    let users = world.platform.list("users").await;
    assert_eq!(
        id_of(&users, &ids[1]),
        platform_id,
        "the same user with another address"
    );
}
