use std::{io::Write as _, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::{
    fault::{Class, Fault as _, chain},
    http::testing::{client, client_with, open_network, serve},
};

async fn status_of(code: StatusCode, body: &'static str) -> Error {
    let router = Router::new().route(
        "/x",
        get(move || async move { (code, [(header::RETRY_AFTER, "3")], body) }),
    );
    let server = serve(router).await;
    client(&server.url).get("x", &[]).send(PAGE_LIMIT).await.unwrap_err()
}

#[tokio::test]
async fn path_query_credential_and_user_agent_arrive() {
    let echo = |headers: HeaderMap, Query(query): Query<Vec<(String, String)>>| async move {
        let header = |name| headers[name].to_str().unwrap().to_owned();
        format!(
            "{} {} {} {query:?}",
            header("authorization"),
            header("user-agent"),
            header("accept")
        )
    };
    let server = serve(Router::new().route("/base/a%20b", get(echo))).await;
    let client = client(&format!("{}/base/", server.url));
    let path = format!("/{}", encode_segment("a b"));
    let answer = client
        .get(&path, &[("filter", r#"a eq "ü&=""#)])
        .send(PAGE_LIMIT)
        .await
        .unwrap();
    assert_eq!(
        std::str::from_utf8(&answer.body).unwrap(),
        format!(
            "Bearer t0ken {USER_AGENT} application/json {:?}",
            [("filter", r#"a eq "ü&=""#)]
        )
    );
}

#[tokio::test]
async fn a_body_is_sent_as_json() {
    let echo = |headers: HeaderMap, body: String| async move {
        format!(
            "{} {} {body}",
            headers["content-type"].to_str().unwrap(),
            headers["if-match"].to_str().unwrap()
        )
    };
    let server = serve(Router::new().route("/x", post(echo))).await;
    let client = client(&server.url);
    let request = client.post("x", &[1, 2]).header("if-match", "\"7\"");
    let answer = request.send(PAGE_LIMIT).await.unwrap();
    assert_eq!(answer.body, "application/json \"7\" [1,2]");
}

#[tokio::test]
async fn an_error_names_host_status_and_reason_and_how_long_to_wait() {
    let error = status_of(
        StatusCode::TOO_MANY_REQUESTS,
        r#"{"title":"Slow down","detail":"at most 5 a second"}"#,
    )
    .await;
    assert_eq!(error.class(), Class::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    let text = error.to_string();
    assert!(text.starts_with("127.0.0.1:"), "{text}");
    assert!(text.ends_with(" answered 429: Slow down: at most 5 a second"), "{text}");
}

#[tokio::test]
async fn a_server_that_echoes_the_credential_does_not_make_us_show_it() {
    for body in ["no such token: t0ken", r#"{"detail":"Bearer t0ken is unknown"}"#] {
        let text = chain(&status_of(StatusCode::UNAUTHORIZED, body).await);
        assert!(!text.contains("t0ken") && text.contains("***"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_above_the_bound_is_refused_with_or_without_a_stated_length() {
    let stream = || async {
        Body::from_stream(futures::stream::iter(
            (0..50).map(|_| Ok::<_, std::io::Error>("x".repeat(1000))),
        ))
    };
    let router = Router::new()
        .route("/stated", get(|| async { "x".repeat(50_000) }))
        .route("/streamed", get(stream));
    let server = serve(router).await;
    let client = client(&server.url);
    for path in ["stated", "streamed"] {
        let request = |limit| client.get(path, &[]).send(limit);
        let error = request(49_999).await.unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit: 49_999, .. }),
            "{path}: {error}"
        );
        assert_eq!(request(50_000).await.unwrap().body.len(), 50_000);
    }
}

#[tokio::test]
async fn the_bound_counts_after_decompression() {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    zip.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let zip = zip.finish().unwrap();
    assert!(zip.len() < 10_000);
    let router = Router::new().route(
        "/x",
        get(move || async move { ([(header::CONTENT_ENCODING, "gzip")], zip) }),
    );
    let server = serve(router).await;
    let error = client(&server.url).get("x", &[]).send(100_000).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(
        client(&server.url)
            .get("x", &[])
            .send(PAGE_LIMIT)
            .await
            .unwrap()
            .body
            .len(),
        1 << 20
    );
}

#[tokio::test]
async fn redirects_stay_within_the_origin_and_are_for_reading_alone() {
    let other = serve(Router::new().route("/x", get(|| async { "stolen" }))).await;
    let elsewhere = format!("{}/x", other.url);
    let router = Router::new()
        .route(
            "/here",
            get(|| async { Redirect::permanent("/there") }).post(|| async { Redirect::to("/there") }),
        )
        .route("/there", get(|| async { "there" }))
        .route("/away", get(move || async move { Redirect::temporary(&elsewhere) }))
        .route("/round", get(|| async { Redirect::temporary("/round") }));
    let server = serve(router).await;
    let client = client(&server.url);
    assert_eq!(client.get("here", &[]).send(PAGE_LIMIT).await.unwrap().body, "there");
    let error = client.get("away", &[]).send(PAGE_LIMIT).await.unwrap_err();
    assert_eq!(error.class(), Class::HostNotAllowed, "{error}");
    let error = client.post("here", &()).send(PAGE_LIMIT).await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 303, .. }), "{error}");
    let error = client.get("round", &[]).send(PAGE_LIMIT).await.unwrap_err();
    assert!(error.to_string().contains("more than 5 redirects"), "{error}");
}

#[tokio::test]
async fn a_next_link_to_another_origin_is_refused() {
    let client = client("http://127.0.0.1:9/scim");
    assert_eq!(
        client.same_origin("/scim/Users?cursor=2").unwrap().as_str(),
        "http://127.0.0.1:9/scim/Users?cursor=2"
    );
    for link in [
        "http://127.0.0.1:10/scim",
        "https://127.0.0.1:9/scim",
        "//evil.test/x",
        "http://evil.test@127.0.0.2:9/",
    ] {
        assert!(
            matches!(client.same_origin(link), Err(Error::Redirect { .. })),
            "{link}"
        );
        let sent = client.get(link.trim_start_matches('/'), &[]).send(PAGE_LIMIT).await;
        assert!(sent.is_err(), "{link}");
    }
}

#[tokio::test]
async fn a_dead_port_is_unreachable_and_an_unknown_name_too() {
    let error = client("http://127.0.0.1:9")
        .get("x", &[])
        .send(PAGE_LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
    let error = client("http://nobody.invalid")
        .get("x", &[])
        .send(PAGE_LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Resolve { .. }), "{}", chain(&error));
}

#[tokio::test]
async fn a_name_that_resolves_to_loopback_is_refused_when_the_connection_is_made() {
    let network = Network::new(crate::http::NetworkPolicy {
        allow_insecure: true,
        ..Default::default()
    });
    let tls = Tls {
        insecure_http: true,
        ..Default::default()
    };
    let base = parse_base("http://localhost:9").unwrap();
    let client = HttpClient::new(&network, &tls, Timeouts::default(), Auth::None, base).unwrap();
    let error = client.get("x", &[]).send(PAGE_LIMIT).await.unwrap_err();
    assert_eq!(error.class(), Class::HostNotAllowed, "{}", chain(&error));
}

#[tokio::test]
async fn a_connection_and_an_answer_are_waited_for_as_long_as_the_specification_says() {
    // It takes connections and never says a word, neither of TLS nor of HTTP.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let (short, long) = (Duration::from_millis(100), Duration::from_mins(1));
    for (scheme, timeouts) in [
        (
            "https",
            Timeouts {
                connect: short,
                answer: Some(long),
            },
        ),
        (
            "http",
            Timeouts {
                connect: long,
                answer: Some(short),
            },
        ),
    ] {
        let tls = Tls {
            ca_pem: None,
            insecure_http: scheme == "http",
        };
        let base = parse_base(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
        let client = HttpClient::new(&open_network(), &tls, timeouts, Auth::None, base).unwrap();
        let request = client.get("x", &[]);
        let answer = tokio::time::timeout(Duration::from_secs(20), request.send(PAGE_LIMIT)).await;
        let error = answer.expect("the wait has an end of its own").unwrap_err();
        assert_eq!(error.class(), Class::Timeout, "{scheme}: {}", chain(&error));
    }
    task.abort();
}

#[tokio::test]
async fn plain_text_needs_both_the_specification_and_the_operator() {
    let new = |network: &Network, insecure_http| {
        let tls = Tls {
            ca_pem: None,
            insecure_http,
        };
        let base = parse_base("http://api.acme.test").unwrap();
        HttpClient::new(network, &tls, Timeouts::default(), Auth::None, base)
    };
    assert!(
        new(&open_network(), false)
            .unwrap_err()
            .to_string()
            .contains("tls.mode")
    );
    assert!(
        new(&Network::default(), true)
            .unwrap_err()
            .to_string()
            .contains("--allow-insecure")
    );
    assert!(new(&open_network(), true).is_ok());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":")
            .await
            .unwrap();
    });
    let error = client(&url).get("x", &[]).send(PAGE_LIMIT).await.unwrap_err();
    task.await.unwrap();
    assert!(matches!(error, Error::Body { .. }), "{error}");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn errors_never_show_the_query() {
    let error = client("http://127.0.0.1:9")
        .get("x", &[("filter", "ann@acme.test")])
        .send(PAGE_LIMIT)
        .await
        .unwrap_err();
    assert!(!chain(&error).contains("ann"), "{}", chain(&error));
    assert!(!format!("{error:?}").contains("ann"), "{error:?}");
}

#[test]
fn a_decode_error_does_not_repeat_the_value() {
    let error = serde_json::from_str::<Vec<u8>>(r#"["ann@acme.test"]"#).unwrap_err();
    assert_eq!(decode_error(&error), "expected u8 at line 1 column 16");
    let error = serde_json::from_str::<Vec<u8>>("[1,").unwrap_err();
    assert_eq!(decode_error(&error), "EOF while parsing a value at line 1 column 3");
}

#[test]
fn what_is_no_base_url_is_refused() {
    for text in [
        "",
        "acme",
        "https://",
        "https://a.test?x=1",
        "https://a.test#x",
        "mailto:a@b.test",
    ] {
        assert!(parse_base(text).is_err(), "{text}");
    }
    let error = parse_base("https://[bad?token=geheim").unwrap_err();
    assert!(!error.to_string().contains("geheim"), "{error}");
}

#[test]
fn a_segment_keeps_what_is_plain_and_encodes_the_rest() {
    assert_eq!(encode_segment("2819c223-7f76"), "2819c223-7f76");
    assert_eq!(encode_segment("a/b?c ü"), "a%2fb%3fc%20%c3%bc");
}

/// A server with a certificate for `localhost`, signed by a CA of its own; returns its port and the CA.
async fn tls_server() -> (u16, Vec<u8>, tokio::task::JoinHandle<()>) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
                    .await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (port, ca.pem().into_bytes(), task)
}

#[tokio::test]
async fn only_a_certificate_of_the_given_ca_and_of_that_name_is_accepted() {
    let (port, ca_pem, task) = tls_server().await;
    let get = async |host: &str, ca_pem: Option<Vec<u8>>| {
        let tls = Tls {
            ca_pem,
            insecure_http: false,
        };
        let base = parse_base(&format!("https://{host}:{port}")).unwrap();
        let client = HttpClient::new(&open_network(), &tls, Timeouts::default(), Auth::None, base).unwrap();
        client.get("", &[]).send(PAGE_LIMIT).await
    };
    assert_eq!(get("localhost", Some(ca_pem.clone())).await.unwrap().body, "ok");
    let (_, other_ca, other) = tls_server().await;
    let error = get("localhost", Some(other_ca)).await.unwrap_err();
    assert_eq!(error.class(), Class::Untrusted, "{}", chain(&error));
    assert!(error.to_string().contains("tls.caRef"), "{error}");
    let error = get("127.0.0.1", Some(ca_pem)).await.unwrap_err();
    assert!(error.to_string().contains("for another name"), "{}", chain(&error));
    task.abort();
    other.abort();
}

#[tokio::test]
async fn a_secret_that_json_escapes_is_not_shown_either() {
    let auth = Auth::Basic {
        user: "ann".into(),
        password: r#"p"q\geheim"#.into(),
    };
    for body in [
        r#"{"title":"no","detail":"no such password: p\"q\\geheim"}"#,
        r#"{"detail":"p\u0022q\u005cgeheim"}"#,
        r#"{"type":"urn:p\"q\\geheim","title":"no"}"#,
        r#"{"unknown":"p\"q\\geheim"}"#,
        r#"{"unknown":"p\u0022q\u005cgeheim"}"#,
        r#"p"q\geheim is wrong"#,
    ] {
        let router = Router::new().route("/x", get(move || async move { (StatusCode::UNAUTHORIZED, body) }));
        let server = serve(router).await;
        let client = client_with(&server.url, auth.clone());
        let error = client.get("x", &[]).send(PAGE_LIMIT).await.unwrap_err();
        let text = format!("{} {error:?}", chain(&error));
        assert!(!text.contains("geheim") && text.contains("***"), "{text}");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_given_up() {
    // It accepts, and says nothing of TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = parse_base(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
    let timeouts = Timeouts {
        connect: Duration::from_millis(200),
        ..Timeouts::default()
    };
    let client = HttpClient::new(&open_network(), &Tls::default(), timeouts, Auth::None, base).unwrap();
    let start = std::time::Instant::now();
    let error = client.get("x", &[]).send(PAGE_LIMIT).await.unwrap_err();
    assert_eq!(error.class(), Class::Timeout, "{}", chain(&error));
    assert!(
        start.elapsed() < Timeouts::default().connect / 2,
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn no_credential_means_no_header() {
    let seen = |State(()): State<()>, headers: HeaderMap| async move {
        headers.contains_key(header::AUTHORIZATION).to_string().into_response()
    };
    let server = serve(Router::new().route("/x", get(seen)).with_state(())).await;
    let answer = client_with(&server.url, Auth::None)
        .get("x", &[])
        .send(PAGE_LIMIT)
        .await
        .unwrap();
    assert_eq!(answer.body, "false");
}
