//! Requests that are repeated with the same `Idempotency-Key`.

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use super::*;

impl Server {
    async fn keyed(&self, method: Method, path: &str, key: &str, body: Value) -> Reply {
        reply(self.request(method, path).header("Idempotency-Key", key).json(&body)).await
    }
}

fn replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

#[tokio::test]
async fn a_repeated_request_is_answered_again_and_not_done_again() {
    let server = Server::start().await;
    let body = json!({"email": "a@acme.test"});
    let first = server.keyed(Method::POST, "/v1/users", "k1", body.clone()).await;
    let again = server.keyed(Method::POST, "/v1/users", "k1", body.clone()).await;
    assert!(!replayed(&first) && replayed(&again));
    assert_eq!((again.status, &again.body), (201, &first.body));
    for name in ["etag", "location", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(server.get("/v1/users").await.body["total"], 1);

    // An old answer, though the user has changed since.
    let path = format!("/v1/users/{}", first.body["id"].as_str().unwrap());
    let update = json!({"attributes": {"a": 1}});
    let updated = server.keyed(Method::PATCH, &path, "k2", update.clone()).await;
    server.patch(&path, json!({"attributes": {"a": 2}})).await;
    let again = server.keyed(Method::PATCH, &path, "k2", update).await;
    assert!(replayed(&again));
    assert_eq!(again.body, updated.body);
    assert_eq!(server.get(&path).await.body["attributes"]["a"], 2);
}

#[tokio::test]
async fn every_write_can_be_repeated() {
    let server = Server::start().await;
    let user = server.create("/v1/users", json!({"email": "z@acme.test"})).await;
    let team = server.create("/v1/teams", json!({"name": "Z"})).await;
    let membership = json!({"op": "add", "kind": "team", "container": team, "user": user});
    for (index, (method, path, body)) in [
        (
            Method::POST,
            "/v1/users:batchCreate",
            json!({"items": [{"email": "b@acme.test"}, {"email": "bad"}]}),
        ),
        (
            Method::POST,
            "/v1/users:batchUpdate",
            json!({"items": [{"id": user, "ifMatch": "1", "phone": "1"}]}),
        ),
        (Method::POST, "/v1/teams", json!({"name": "T"})),
        (
            Method::PATCH,
            format!("/v1/teams/{team}").as_str(),
            json!({"name": "Y"}),
        ),
        (Method::POST, "/v1/roles", json!({"name": "R"})),
        (Method::POST, "/v1/inboxes", json!({"name": "I"})),
        (Method::POST, "/v1/memberships:batch", json!({"items": [membership]})),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("key-{index}");
        let first = server.keyed(method.clone(), path, &key, body.clone()).await;
        let again = server.keyed(method, path, &key, body).await;
        assert!((200..300).contains(&first.status), "{path}: {}", first.body);
        assert!(!replayed(&first) && replayed(&again), "{path}");
        assert_eq!((again.status, again.body), (first.status, first.body), "{path}");
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let server = Server::start().await;
    let body = json!({"name": "T"});
    assert_eq!(
        server.keyed(Method::POST, "/v1/teams", "k", body.clone()).await.status,
        201
    );
    let other_body = server.keyed(Method::POST, "/v1/teams", "k", json!({"name": "U"})).await;
    other_body.problem(ProblemKind::IdempotencyKeyReused);
    let other_path = server.keyed(Method::POST, "/v1/roles", "k", body.clone()).await;
    other_path.problem(ProblemKind::IdempotencyKeyReused);
    let with_etag = server
        .request(Method::POST, "/v1/teams")
        .header("Idempotency-Key", "k")
        .header("If-Match", "*");
    reply(with_etag.json(&body))
        .await
        .problem(ProblemKind::IdempotencyKeyReused);
    assert_eq!(server.get("/v1/teams").await.body["total"], 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_account() {
    let server = Server::start_with(|config| config.tokens.push(token("other", "second", "owner", false))).await;
    assert_eq!(
        server
            .keyed(Method::POST, "/v1/teams", "k", json!({"name": "T"}))
            .await
            .status,
        201
    );
    let request = server
        .client
        .post(format!("http://{}/v1/teams", server.address))
        .bearer_auth("other");
    let second = reply(request.header("Idempotency-Key", "k").json(&json!({"name": "U"}))).await;
    assert_eq!(second.status, 201);
}

#[tokio::test]
async fn a_refused_request_is_not_kept() {
    let server = Server::start_with(|config| config.seats = Some(1)).await;
    let ann = server.create("/v1/users", json!({"email": "a@acme.test"})).await;
    let bob = json!({"email": "b@acme.test"});
    server
        .keyed(Method::POST, "/v1/users", "k", bob.clone())
        .await
        .problem(ProblemKind::NoSeats);
    server
        .patch(&format!("/v1/users/{ann}"), json!({"active": false}))
        .await;
    let retried = server.keyed(Method::POST, "/v1/users", "k", bob).await;
    assert_eq!((retried.status, replayed(&retried)), (201, false));
}

#[tokio::test]
async fn a_key_is_1_to_255_visible_characters() {
    let server = Server::start().await;
    for key in ["", "a b", &"x".repeat(256)] {
        let reply = server.keyed(Method::POST, "/v1/teams", key, json!({"name": "T"})).await;
        assert_eq!(reply.places(ProblemKind::InvalidRequest), ["Idempotency-Key"], "{key}");
    }
    let two = server
        .request(Method::POST, "/v1/teams")
        .header("Idempotency-Key", "a")
        .header("Idempotency-Key", "b");
    let reply = reply(two.json(&json!({"name": "T"}))).await;
    assert_eq!(reply.places(ProblemKind::InvalidRequest), ["Idempotency-Key"]);
    assert_eq!(
        server
            .keyed(Method::POST, "/v1/teams", &"x".repeat(255), json!({"name": "T"}))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn a_request_whose_key_is_running_is_refused() {
    let server = Server::start().await;
    // Whoever else writes to the file keeps the server's writer waiting.
    let mut other = SqliteConnectOptions::new()
        .filename(server.database())
        .connect()
        .await
        .unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let body = json!({"name": "T"});
    let mut both: FuturesUnordered<_> = (0..2)
        .map(|_| server.keyed(Method::POST, "/v1/teams", "k", body.clone()))
        .collect();
    both.next().await.unwrap().problem(ProblemKind::RequestInProgress);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    let done = both.next().await.unwrap();
    assert_eq!((done.status, replayed(&done)), (201, false));
    let again = server.keyed(Method::POST, "/v1/teams", "k", body).await;
    assert_eq!((again.status, replayed(&again)), (201, true));
}
