//! What was answered stays, whatever happens to the server.

use serde_json::json;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::*;

#[tokio::test]
async fn a_restart_keeps_everything() {
    let server = Server::start().await;
    let users = server.create_users((0..10).map(|n| format!("{n}@acme.test"))).await;
    let team = server
        .create("/v1/teams", json!({"name": "T", "mark": {"owner": "o"}}))
        .await;
    server.create("/v1/roles", json!({"name": "supervisor"})).await;
    server.create("/v1/inboxes", json!({"name": "I"})).await;
    let item = json!({"op": "add", "kind": "team", "container": team, "user": users[0], "mark": {"owner": "o"}});
    server.post("/v1/memberships:batch", json!({"items": [item]})).await;
    let keyed = |server: &Server| {
        let request = server.request(Method::POST, "/v1/teams").header("Idempotency-Key", "k");
        reply(request.json(&json!({"name": "U"})))
    };
    let first = keyed(&server).await;
    let paths = [
        "/v1/users",
        "/v1/teams",
        "/v1/roles",
        "/v1/inboxes",
        "/v1/memberships?kind=team",
        "/v1/whoami",
    ];
    let mut before = Vec::new();
    for path in paths {
        before.push(server.get(path).await.body);
    }

    let server = Server::start_in(server.stop().await, |_| {}).await;
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(server.get(path).await.body, before, "{path}");
    }
    let again = keyed(&server).await;
    assert_eq!(
        (again.header("idempotency-replayed"), &again.body),
        (Some("true"), &first.body)
    );
    // An id is never given twice.
    let next = server.create("/v1/users", json!({"email": "next@acme.test"})).await;
    assert!(next > users[9]);
}

#[tokio::test]
async fn a_mark_of_before_deactivations_had_a_time_gets_the_one_that_the_user_was_changed_at() {
    let server = Server::start().await;
    let mark =
        |deactivated| json!({"email": format!("{deactivated}@acme.test"), "mark": {"owner": "o", "role": "agent"}});
    let left = server.create("/v1/users", mark("left")).await;
    let other = server.create("/v1/users", mark("other")).await;
    let nobodys = server.create("/v1/users", json!({"email": "nobodys@acme.test"})).await;
    let folder = server.stop().await;

    // The file as the version before has left it.
    let options = SqliteConnectOptions::new().filename(folder.path().join("platform.db"));
    let mut db = options.connect().await.unwrap();
    sqlx::raw_sql(
        "DELETE FROM _sqlx_migrations WHERE version = 2;
         DROP INDEX team_members_user; DROP INDEX inbox_members_user; DROP TRIGGER users_removed;
         UPDATE users SET updated = 1767225600500;
         UPDATE users SET mark = '{\"owner\":\"o\",\"role\":\"agent\",\"deactivated\":true}' WHERE email LIKE 'left%';
         UPDATE users SET mark = '{\"owner\":\"o\",\"deactivated\":false}' WHERE email LIKE 'other%';",
    )
    .execute(&mut db)
    .await
    .unwrap();
    db.close().await.unwrap();

    let server = Server::start_in(folder, |_| {}).await;
    let mark = async |user: &str| server.get(&format!("/v1/users/{user}")).await.body["mark"].clone();
    let told = json!({"owner": "o", "role": "agent", "deactivatedTime": "2026-01-01T00:00:00Z"});
    assert_eq!(mark(&left).await, told);
    assert_eq!(mark(&other).await, json!({"owner": "o"}));
    assert_eq!(mark(&nobodys).await, Value::Null);
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let server = Server::start().await;
    let user = server.create("/v1/users", json!({"email": "a@acme.test"})).await;
    let keyed = server
        .request(Method::POST, "/v1/teams")
        .header("Idempotency-Key", "k")
        .json(&json!({"name": "T"}));
    let team = reply(keyed).await;
    // The files as a crash at this moment would leave them.
    let folder = Arc::new(tempfile::tempdir().unwrap());
    copy(server.folder.path(), folder.path());

    let after = Server::start_in(folder, |_| {}).await;
    assert_eq!(after.get(&format!("/v1/users/{user}")).await.status, 200);
    let keyed = after
        .request(Method::POST, "/v1/teams")
        .header("Idempotency-Key", "k")
        .json(&json!({"name": "T"}));
    let again = reply(keyed).await;
    assert_eq!(
        (again.header("idempotency-replayed"), &again.body),
        (Some("true"), &team.body)
    );
}

#[tokio::test]
async fn a_stop_lets_running_requests_end() {
    let server = Server::start().await;
    let url = format!("http://{}/v1/users:batchCreate", server.address);
    let requests: Vec<_> = (0..20)
        .map(|batch| {
            let items: Vec<Value> = (0..50)
                .map(|n| json!({"email": format!("{batch}-{n}@acme.test")}))
                .collect();
            let request = server
                .client
                .post(&url)
                .bearer_auth(TOKEN)
                .json(&json!({ "items": items }));
            tokio::spawn(async move { request.send().await.is_ok_and(|response| response.status() == 200) })
        })
        .collect();
    // Let them reach the server; those that don't are refused as a whole.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let folder = server.stop().await;
    let mut done = 0;
    for request in requests {
        done += u64::from(request.await.unwrap());
    }
    let server = Server::start_in(folder, |_| {}).await;
    assert_eq!(server.get("/v1/users?limit=1").await.body["total"], json!(done * 50));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("notes.txt");
    std::fs::write(
        &database,
        "not a database, but a text that is long enough to be read as one".repeat(20),
    )
    .unwrap();
    let config = ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        database,
        tokens: vec![TokenConfig::administrator(SecretString::from(TOKEN))],
        rate: None,
        seats: None,
    };
    let error = serve(config, |_| panic!("it must not start"), std::future::pending())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("not a database"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let config = ServerConfig {
        listen: server.address,
        database: folder.path().join("db"),
        tokens: vec![TokenConfig::administrator(SecretString::from(TOKEN))],
        rate: None,
        seats: None,
    };
    let error = serve(config, |_| panic!("it must not start"), std::future::pending())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("can't listen on {}", server.address));
}
