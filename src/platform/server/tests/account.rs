//! Tokens, accounts and permissions.

use serde_json::json;

use super::*;
use crate::platform::rest::wire::{AccountKind, WhoAmI};

async fn with_token(server: &Server, token: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let mut request = server
        .client
        .request(method, format!("http://{}{path}", server.address))
        .bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    reply(request).await
}

#[tokio::test]
async fn an_administrators_token_is_told_who_it_is_and_what_the_limits_are() {
    let server = Server::start_with(|config| (config.rate, config.seats) = (rate(500), Some(9))).await;
    let me: WhoAmI = server.get("/v1/whoami").await.read();
    assert_eq!((me.id.as_str(), me.kind), ("svc_directory-sync", AccountKind::Service));
    assert_eq!(me.permissions.len(), 10);
    assert!(me.permissions.contains(&"memberships:write".to_owned()));
    let limits = json!({"pageSize": 1000, "userBatch": 100, "membershipBatch": 1000, "requestBytes": 4_194_304, "requestsPerSecond": 500});
    assert_eq!(serde_json::to_value(me.limits).unwrap(), limits);
    assert_eq!((me.seats.limit, me.seats.used), (Some(9), 0));
}

#[tokio::test]
async fn without_a_known_token_nothing_is_told() {
    let server = Server::start().await;
    let url = format!("http://{}/v1/users", server.address);
    let requests = [
        server.client.get(&url),
        server.client.get(&url).bearer_auth("t0p-s3cre"),
        server
            .client
            .get(&url)
            .header("Authorization", format!("Basic {TOKEN}")),
        server.client.get(&url).header("Authorization", TOKEN),
        server.client.post(&url).json(&json!({"email": "a@acme.test"})),
        server.client.get(format!("http://{}/v1/nowhere", server.address)),
    ];
    for request in requests {
        let reply = reply(request).await;
        reply.problem(ProblemKind::Unauthorized);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert!(!reply.body.to_string().contains("s3cre"));
    }
    assert_eq!(server.get("/v1/users").await.body["total"], 0);
}

#[tokio::test]
async fn a_read_only_token_may_read_and_nothing_else() {
    let server = Server::start_with(|config| {
        config.tokens.push(token("reader", "audit", "administrator", true));
        config.tokens.push(token("member", "plain", "member", false));
    })
    .await;
    let user = server.create("/v1/users", json!({"email": "a@acme.test"})).await;
    let update = format!("/v1/users/{user}");
    for token in ["reader", "member"] {
        let me: WhoAmI = with_token(&server, token, Method::GET, "/v1/whoami", None).await.read();
        let wanted = [
            "users:read",
            "teams:read",
            "roles:read",
            "inboxes:read",
            "memberships:read",
        ];
        assert_eq!(me.permissions, wanted);
        assert_eq!(
            with_token(&server, token, Method::GET, "/v1/users", None).await.status,
            200
        );
        for (method, path) in [
            (Method::POST, "/v1/users"),
            (Method::PATCH, update.as_str()),
            (Method::POST, "/v1/users:batchCreate"),
            (Method::POST, "/v1/users:batchUpdate"),
            (Method::POST, "/v1/teams"),
            (Method::POST, "/v1/roles"),
            (Method::POST, "/v1/inboxes"),
            (Method::POST, "/v1/memberships:batch"),
        ] {
            let reply = with_token(&server, token, method, path, Some(json!({}))).await;
            reply.problem(ProblemKind::Forbidden);
        }
    }
}

#[tokio::test]
async fn the_account_of_a_token_can_be_a_user_and_ends_with_the_user() {
    let server =
        Server::start_with(|config| config.tokens.push(token("owner", "Owner@acme.test", "owner", false))).await;
    let me: WhoAmI = with_token(&server, "owner", Method::GET, "/v1/whoami", None)
        .await
        .read();
    assert_eq!((me.kind, me.seats.used), (AccountKind::User, 1));
    let path = format!("/v1/users/{}", me.id);
    let user = server.get(&path).await.body;
    assert_eq!(
        (&user["email"], &user["role"]),
        (&json!("Owner@acme.test"), &json!(me.role))
    );

    // Its rights are those of the user's role at each moment.
    let roles = server.get("/v1/roles").await;
    let member = roles.body["items"][3]["id"].clone();
    server.patch(&path, json!({"role": member})).await;
    let refused = with_token(&server, "owner", Method::POST, "/v1/teams", Some(json!({"name": "T"}))).await;
    refused.problem(ProblemKind::Forbidden);
    server.patch(&path, json!({"active": false})).await;
    let refused = with_token(&server, "owner", Method::GET, "/v1/whoami", None).await;
    assert!(
        refused
            .problem(ProblemKind::Unauthorized)
            .detail
            .unwrap()
            .contains("deactivated")
    );
}

#[tokio::test]
async fn a_token_with_an_unknown_role_or_none_at_all_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = |tokens| {
        let config = ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: folder.path().join("db"),
            tokens,
            rate: None,
            seats: None,
        };
        serve(config, |_| panic!("it must not start"), std::future::pending())
    };
    let unknown = start(vec![token("s3cret", "robot", "boss", false)])
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        unknown,
        "the token of robot has the role boss, which the platform doesn't have"
    );
    assert!(matches!(start(Vec::new()).await, Err(ServerError::NoToken)));
}
