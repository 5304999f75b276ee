//! Lists and their pages.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_page_has_200_items_unless_it_is_told_otherwise() {
    let server = Server::start().await;
    server.create_users((0..201).map(|n| format!("{n}@acme.test"))).await;
    let first = server.get("/v1/users").await;
    assert_eq!(
        (first.body["items"].as_array().unwrap().len(), &first.body["total"]),
        (200, &json!(201))
    );
    let next = first.body["nextCursor"].as_str().unwrap();
    let last = server.get(&format!("/v1/users?cursor={next}")).await;
    assert_eq!(
        (
            last.body["items"].as_array().unwrap().len(),
            last.body.get("nextCursor")
        ),
        (1, None)
    );
    // A page that ends exactly at the end is the last one.
    let whole = server.get("/v1/users?limit=201").await;
    assert_eq!(
        (
            whole.body["items"].as_array().unwrap().len(),
            whole.body.get("nextCursor")
        ),
        (201, None)
    );
}

#[tokio::test]
async fn a_limit_or_cursor_out_of_bounds_is_refused() {
    let server = Server::start().await;
    for path in ["/v1/users", "/v1/teams", "/v1/roles", "/v1/inboxes"] {
        for (query, place) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=ten", "limit"),
            ("cursor=", "cursor"),
            ("cursor=xyz", "cursor"),
            ("page=2", "page"),
        ] {
            let reply = server.get(&format!("{path}?{query}")).await;
            assert_eq!(reply.places(ProblemKind::InvalidRequest), [place], "{path}?{query}");
        }
        assert_eq!(server.get(&format!("{path}?limit=1000")).await.status, 200);
    }
    assert_eq!(
        server.get("/v1/whoami?x=1").await.places(ProblemKind::InvalidRequest),
        ["x"]
    );
}

#[tokio::test]
async fn what_exists_throughout_a_listing_is_seen_exactly_once_while_others_write() {
    let server = Arc::new(Server::start().await);
    let ids = server.create_users((0..300).map(|n| format!("old{n}@acme.test"))).await;
    let team = server.create("/v1/teams", json!({"name": "T"})).await;
    let change = |op: &str, user: &str| json!({"op": op, "kind": "team", "container": team, "user": user});
    let items: Vec<Value> = ids.iter().map(|id| change("add", id)).collect();
    server.post("/v1/memberships:batch", json!({ "items": items })).await;

    // Creates and changes users, and takes every third membership away, while the lists are read.
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writing = tokio::spawn({
        let (server, ids) = (Arc::clone(&server), ids.clone());
        let (stop, rounds) = (Arc::clone(&stop), Arc::clone(&rounds));
        let removals: Vec<Value> = ids.iter().step_by(3).map(|id| change("remove", id)).collect();
        async move {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                server
                    .create_users((0..5).map(|n| format!("new{round}-{n}@acme.test")))
                    .await;
                let path = format!("/v1/users/{}", ids[(round * 7) % ids.len()]);
                server
                    .patch(
                        &path,
                        json!({"email": format!("moved{round}@acme.test"), "active": round % 2 == 0}),
                    )
                    .await;
                let removal = removals[round % removals.len()].clone();
                server.post("/v1/memberships:batch", json!({"items": [removal]})).await;
                round += 1;
                rounds.store(round, Ordering::Relaxed);
            }
        }
    });

    // However fast the lists are read: until enough was written meanwhile.
    while rounds.load(Ordering::Relaxed) <= 3 {
        let users = read_all(&server, "/v1/users?limit=7", "id").await;
        let members = read_all(&server, "/v1/memberships?kind=team&limit=7", "user").await;
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(users.get(id), Some(&1), "{id}");
            let seen = members.get(id).copied().unwrap_or(0);
            assert!(
                if index % 3 == 0 { seen <= 1 } else { seen == 1 },
                "{id} was seen {seen} times"
            );
        }
        assert!(users.values().all(|seen| *seen == 1));
    }
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
}

/// How often each object was seen in a whole listing.
async fn read_all(server: &Server, path: &str, field: &str) -> BTreeMap<String, u32> {
    let mut seen = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("{path}{cursor}")).await;
        for item in page.body["items"].as_array().unwrap() {
            *seen.entry(item[field].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn the_total_follows_every_kind_of_write() {
    let server = Server::start().await;
    let ids = server.create_users((0..3).map(|n| format!("{n}@acme.test"))).await;
    server
        .post("/v1/users", json!({"email": "0@acme.test"}))
        .await
        .problem(ProblemKind::EmailInUse);
    server
        .patch(&format!("/v1/users/{}", ids[0]), json!({"active": false}))
        .await;
    assert_eq!(server.get("/v1/users?limit=1").await.body["total"], 3);
    assert_eq!(
        server.get("/v1/whoami").await.body["seats"],
        json!({"limit": null, "used": 2})
    );
    assert_eq!(server.get("/v1/roles?limit=1").await.body["total"], 4);
}
