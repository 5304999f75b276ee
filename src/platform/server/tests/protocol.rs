//! What all routes have in common.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use super::*;
use crate::platform::rest::wire::OPENAPI_YAML;

#[tokio::test]
async fn the_contract_is_served_as_it_is_without_a_token() {
    let server = Server::start().await;
    let url = format!("http://{}/v1/openapi.yaml", server.address);
    let response = server.client.get(url).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/yaml");
    assert_eq!(response.text().await.unwrap(), OPENAPI_YAML);
}

#[tokio::test]
async fn the_server_has_the_paths_and_methods_of_the_contract_and_no_others() {
    let server = Server::start().await;
    let contract: Value = serde_saphyr::from_str(OPENAPI_YAML).unwrap();
    for (path, item) in contract["paths"].as_object().unwrap() {
        let url = path.replace("{id}", "usr_0000zzzz");
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let response = server.request(method.clone(), &url).send().await.unwrap();
            let documented = item.get(method.as_str().to_ascii_lowercase()).is_some();
            assert_eq!(response.status() != 405, documented, "{method} {path}");
            if !documented {
                let allow = response.headers()["allow"].to_str().unwrap().to_owned();
                let allowed: Vec<_> = allow.split(',').filter(|method| *method != "HEAD").collect();
                assert!(
                    allowed
                        .iter()
                        .all(|method| item.get(method.to_ascii_lowercase()).is_some()),
                    "{allow}"
                );
                let reply = Reply {
                    status: 405,
                    headers: response.headers().clone(),
                    body: response.json().await.unwrap(),
                };
                reply.problem(ProblemKind::MethodNotAllowed);
            }
        }
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/users/",
        "/v1/users/a/b",
        "/v1/users:drop",
        "/v2/users",
    ] {
        server.get(path).await.problem(ProblemKind::UnknownRoute);
        server.post(path, json!({})).await.problem(ProblemKind::UnknownRoute);
    }
}

#[tokio::test]
async fn a_body_must_be_json_and_say_so() {
    let server = Server::start().await;
    let send = |body: &'static str, content_type: Option<&str>| {
        let mut request = server.request(Method::POST, "/v1/teams").body(body);
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        reply(request)
    };
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
    ] {
        send(r#"{"name":"T"}"#, content_type)
            .await
            .problem(ProblemKind::UnsupportedMediaType);
    }
    for body in ["", "{", "name=T", r#"{"name":"T"}}"#] {
        let problem = send(body, Some("application/json"))
            .await
            .problem(ProblemKind::MalformedJson);
        assert!(problem.detail.is_some());
    }
    let duplicate = send(r#"{"name":"T","name":"U"}"#, Some("application/json")).await;
    assert_eq!(
        duplicate.problem(ProblemKind::InvalidRequest).errors[0].detail,
        "duplicate field `name`"
    );
    assert_eq!(
        send("[]", Some("application/json"))
            .await
            .places(ProblemKind::InvalidRequest),
        [""]
    );
    assert_eq!(
        send(r#"{"name":"T"}"#, Some("Application/JSON; charset=utf-8"))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let server = Server::start().await;
    let reply = server
        .post("/v1/users", json!({"email": "a@acme.test", "emial": "b@acme.test"}))
        .await;
    let problem = reply.problem(ProblemKind::InvalidRequest);
    assert_eq!(problem.errors[0].pointer.as_deref(), Some("/emial"));
    assert!(
        problem.errors[0].detail.starts_with("unknown field `emial`"),
        "{:?}",
        problem.errors
    );
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_with_an_answer() {
    let server = Server::start().await;
    let body = |size: usize| format!(r#"{{"name":"T"{}}}"#, " ".repeat(size - 12));
    let send = |body: String| {
        let request = server
            .request(Method::POST, "/v1/teams")
            .header("Content-Type", "application/json");
        reply(request.body(body))
    };
    send(body((4 << 20) + 1)).await.problem(ProblemKind::BodyTooLarge);
    send(body(30 << 20)).await.problem(ProblemKind::BodyTooLarge);
    assert_eq!(send(body(4 << 20)).await.status, 201);
    // A refused token gets its answer too, whatever is sent after it.
    let url = format!("http://{}/v1/teams", server.address);
    let refused = server
        .client
        .post(url)
        .header("Content-Type", "application/json")
        .body(body(30 << 20));
    reply(refused).await.problem(ProblemKind::Unauthorized);
}

#[tokio::test]
async fn above_the_rate_a_request_is_told_when_to_come_back() {
    let server = Server::start_with(|config| config.rate = rate(5)).await;
    let begun = Instant::now();
    let replies = join_all((0..100).map(|_| server.get("/v1/roles"))).await;
    let (good, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    let most = 5 + usize::try_from(begun.elapsed().as_millis() / 200).unwrap() + 1;
    assert!((5..=most).contains(&good.len()), "{} of at most {most}", good.len());
    assert!(!refused.is_empty());
    for reply in &refused {
        let wait = reply.problem(ProblemKind::TooManyRequests).retry_after_ms.unwrap();
        assert!((1..=200).contains(&wait), "{wait}");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    // Whoever waits as told is served.
    for _ in 0..3 {
        let wait = match server.get("/v1/roles").await {
            Reply { status: 200, .. } => continue,
            reply => reply.problem(ProblemKind::TooManyRequests).retry_after_ms.unwrap(),
        };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        assert_eq!(server.get("/v1/roles").await.status, 200);
    }
}

#[tokio::test]
async fn a_refused_request_was_not_looked_at() {
    let server = Server::start_with(|config| config.rate = rate(2)).await;
    let names = (0..50).map(|n| json!({"name": format!("team {n}")}));
    let replies = join_all(names.map(|body| server.post("/v1/teams", body))).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    assert!((2..50).contains(&created), "{created}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.get("/v1/teams").await.body["total"], created);
}
