//! Users in batches.

use serde_json::json;

use super::*;

#[tokio::test]
async fn one_bad_item_never_spoils_the_others() {
    let server = Server::start_with(|config| config.seats = Some(3)).await;
    let items = json!([
        {"email": "a@acme.test", "externalId": "e-1"},
        {"email": "no address"},
        {"email": "A@acme.test"},
        {"email": "b@acme.test", "emial": "x"},
        {"email": "c@acme.test", "role": "role_0000zzzz"},
        {"email": "d@acme.test", "externalId": "e-1"},
        {"email": "e@acme.test", "active": "yes"},
        {"email": "f@acme.test"},
        {"email": "g@acme.test"},
        {"email": "h@acme.test"},
        {"email": "i@acme.test", "active": false},
        {},
    ]);
    let reply = server.post("/v1/users:batchCreate", json!({ "items": items })).await;
    assert_eq!(reply.status, 200);
    let results = reply.body["results"].as_array().unwrap();
    let outcome = |index: usize| item_problem(&results[index]);
    let place = |index: usize| outcome(index).errors[0].pointer.clone().unwrap();
    assert_eq!(results.len(), 12);
    for good in [0, 7, 8, 10] {
        assert_eq!(results[good]["etag"], "1", "{good}");
    }
    assert_eq!((outcome(1).status, place(1)), (400, "/items/1/email".into()));
    assert_eq!(outcome(2).kind(), Some(ProblemKind::EmailInUse));
    assert_eq!(outcome(2).existing.as_deref(), results[0]["id"].as_str());
    assert_eq!((outcome(3).status, place(3)), (400, "/items/3/emial".into()));
    assert_eq!(
        (outcome(4).kind(), place(4)),
        (Some(ProblemKind::UnknownRole), "/items/4/role".into())
    );
    assert_eq!(
        (outcome(5).kind(), place(5)),
        (Some(ProblemKind::ExternalIdInUse), "/items/5/externalId".into())
    );
    assert_eq!(place(6), "/items/6/active");
    assert_eq!(outcome(9).kind(), Some(ProblemKind::NoSeats));
    assert_eq!(outcome(11).errors[0].detail, "missing field `email`");

    let listed = server.get("/v1/users").await;
    let emails: Vec<_> = listed.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["email"].clone())
        .collect();
    assert_eq!(emails, ["a@acme.test", "f@acme.test", "g@acme.test", "i@acme.test"]);
    assert_eq!(listed.body["total"], 4);
}

#[tokio::test]
async fn updates_are_done_in_the_order_given_each_on_its_own() {
    let server = Server::start().await;
    let ids = server
        .create_users(["a@acme.test".into(), "b@acme.test".into(), "c@acme.test".into()])
        .await;
    let items = json!([
        {"id": ids[0], "email": "free@acme.test"},
        // The address that the item before has freed.
        {"id": ids[1], "email": "a@acme.test", "ifMatch": "1"},
        {"id": ids[1], "ifMatch": "1", "givenName": "Bob"},
        {"id": ids[1], "ifMatch": "2", "givenName": "Bob"},
        {"id": "usr_0000zzzz", "givenName": "Cid"},
        {"id": "nobody", "givenName": "Cid"},
        {"givenName": "Cid"},
        {"id": ids[2], "email": null},
        {"id": ids[2], "mail": "x"},
        {"id": ids[2], "ifMatch": 1},
        {"id": ids[2]},
    ]);
    let reply = server.post("/v1/users:batchUpdate", json!({ "items": items })).await;
    assert_eq!(reply.status, 200);
    let results = reply.body["results"].as_array().unwrap();
    let outcome = |index: usize| item_problem(&results[index]);
    assert_eq!(results[0], json!({"id": ids[0], "etag": "2"}));
    assert_eq!(results[1], json!({"id": ids[1], "etag": "2"}));
    assert_eq!(outcome(2).kind(), Some(ProblemKind::PreconditionFailed));
    assert_eq!(results[3], json!({"id": ids[1], "etag": "3"}));
    assert_eq!(outcome(4).kind(), Some(ProblemKind::NotFound));
    assert_eq!(outcome(5).kind(), Some(ProblemKind::NotFound));
    assert_eq!(outcome(6).errors[0].detail, "missing field `id`");
    assert_eq!(outcome(7).errors[0].pointer.as_deref(), Some("/items/7/email"));
    assert_eq!(outcome(8).errors[0].pointer.as_deref(), Some("/items/8/mail"));
    assert_eq!(outcome(9).errors[0].pointer.as_deref(), Some("/items/9/ifMatch"));
    assert_eq!(results[10], json!({"id": ids[2], "etag": "1"}));
    let bob = server.get(&format!("/v1/users/{}", ids[1])).await;
    assert_eq!(
        (&bob.body["email"], &bob.body["givenName"]),
        (&json!("a@acme.test"), &json!("Bob"))
    );
}

#[tokio::test]
async fn users_are_deleted_each_on_its_own() {
    let server = Server::start().await;
    let ids = server
        .create_users(["a@acme.test".into(), "b@acme.test".into(), "c@acme.test".into()])
        .await;
    let items = json!([
        {"id": ids[0], "ifMatch": "1"},
        {"id": ids[1], "ifMatch": "7"},
        {"id": ids[2]},
        {"id": ids[2]},
        {"id": "nobody"},
        {"id": ids[1], "active": false},
        {},
    ]);
    let reply = server.post("/v1/users:batchDelete", json!({ "items": items })).await;
    assert_eq!(reply.status, 200);
    let results = reply.body["results"].as_array().unwrap();
    let outcome = |index: usize| item_problem(&results[index]);
    assert_eq!(
        (&results[0], &results[2]),
        (&json!({"id": ids[0]}), &json!({"id": ids[2]}))
    );
    assert_eq!(outcome(1).kind(), Some(ProblemKind::PreconditionFailed));
    assert_eq!(outcome(3).kind(), Some(ProblemKind::NotFound));
    assert_eq!(outcome(4).kind(), Some(ProblemKind::NotFound));
    assert_eq!(outcome(5).errors[0].pointer.as_deref(), Some("/items/5/active"));
    assert_eq!(outcome(6).errors[0].detail, "missing field `id`");
    let left = server.get("/v1/users").await;
    assert_eq!(
        (&left.body["total"], &left.body["items"][0]["id"]),
        (&json!(1), &json!(ids[1]))
    );
}

#[tokio::test]
async fn a_batch_has_1_to_100_objects() {
    let server = Server::start().await;
    let many: Vec<Value> = (0..101).map(|n| json!({"email": format!("{n}@acme.test")})).collect();
    for (body, place) in [
        (json!({"items": []}), "/items"),
        (json!({ "items": many }), "/items"),
        (json!({"items": [{"email": "a@acme.test"}, 1]}), "/items/1"),
        (json!({"items": [], "x": 1}), "/x"),
        (json!({}), ""),
    ] {
        for path in [
            "/v1/users:batchCreate",
            "/v1/users:batchUpdate",
            "/v1/users:batchDelete",
        ] {
            assert_eq!(
                server
                    .post(path, body.clone())
                    .await
                    .places(ProblemKind::InvalidRequest),
                [place]
            );
        }
    }
    assert_eq!(server.get("/v1/users").await.body["total"], 0);
}
