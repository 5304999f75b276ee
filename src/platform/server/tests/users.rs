//! Users one at a time.

use serde_json::json;

use super::*;
use crate::platform::rest::wire::User;

#[tokio::test]
async fn a_user_is_created_with_what_was_sent_and_read_back() {
    let server = Server::start().await;
    let sent = json!({
        "externalId": "e-1", "email": "Ann@Acme.test", "givenName": "Ann", "familyName": "", "displayName": null,
        "phone": "020 7123", "active": false,
        "attributes": {"department": "Support", "languages": ["en", "de"], "remote": true, "floor": -3, "ratio": 2.5},
        "tags": ["b", "a"], "mark": {"owner": "eu1/acme", "role": "agent", "deactivatedTime": "2026-03-02T08:00:00Z"},
    });
    let created = server.post("/v1/users", sent.clone()).await;
    assert_eq!(created.status, 201);
    let user: User = created.read();
    assert_eq!(
        created.header("location"),
        Some(format!("/v1/users/{}", user.id).as_str())
    );
    assert_eq!(created.header("etag"), Some(format!("\"{}\"", user.etag).as_str()));
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&created.body[name], value, "{name}");
    }
    let read = server.get(&format!("/v1/users/{}", user.id)).await;
    assert_eq!((read.status, read.header("etag")), (200, created.header("etag")));
    assert_eq!(read.body, created.body);
    let listed = server.get("/v1/users").await;
    assert_eq!(listed.body["items"][0], created.body);
}

#[tokio::test]
async fn a_user_without_more_than_an_address_is_active_and_has_the_default_role() {
    let server = Server::start().await;
    let user: User = server.post("/v1/users", json!({"email": "a@acme.test"})).await.read();
    let roles = server.get("/v1/roles").await;
    let default = roles.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["isDefault"] == true)
        .unwrap();
    assert_eq!(
        (default["name"].as_str(), user.role.as_str()),
        (Some("member"), default["id"].as_str().unwrap())
    );
    assert!(user.active && user.attributes.is_empty() && user.tags.is_empty() && user.mark.is_none());
    assert_eq!((user.external_id, user.phone), (None, None));
}

#[tokio::test]
async fn an_address_or_external_id_belongs_to_one_user() {
    let server = Server::start().await;
    let ann = server
        .create("/v1/users", json!({"email": "André@Bücher.test", "externalId": "e-1"}))
        .await;
    let bob = server
        .create("/v1/users", json!({"email": "bob@acme.test", "externalId": "E-1"}))
        .await;

    let taken = server
        .post("/v1/users", json!({"email": "ANDRE\u{301}@xn--bcher-kva.test"}))
        .await;
    assert_eq!(taken.problem(ProblemKind::EmailInUse).existing, Some(ann.clone()));
    assert_eq!(taken.places(ProblemKind::EmailInUse), ["/email"]);
    let taken = server
        .post("/v1/users", json!({"email": "c@acme.test", "externalId": "e-1"}))
        .await;
    assert_eq!(taken.problem(ProblemKind::ExternalIdInUse).existing, Some(ann.clone()));

    let path = format!("/v1/users/{bob}");
    let taken = server.patch(&path, json!({"email": "andré@bücher.test"})).await;
    assert_eq!(taken.problem(ProblemKind::EmailInUse).existing, Some(ann.clone()));
    let taken = server.patch(&path, json!({"externalId": "e-1"})).await;
    assert_eq!(taken.problem(ProblemKind::ExternalIdInUse).existing, Some(ann));
    // Their own values are no conflict, and another case of them is a change.
    let same = server
        .patch(&path, json!({"email": "BOB@acme.test", "externalId": "E-1"}))
        .await;
    assert_eq!((same.status, &same.body["email"]), (200, &json!("BOB@acme.test")));
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let server = Server::start().await;
    let body = json!({"email": "a@acme.test", "givenName": "Ann", "phone": "1", "tags": ["x"],
        "attributes": {"department": "Support", "desk": "7"}, "mark": {"owner": "o", "role": "agent"}});
    let before = server.post("/v1/users", body).await;
    let path = format!("/v1/users/{}", before.body["id"].as_str().unwrap());
    let update =
        json!({"givenName": "Anna", "phone": null, "attributes": {"desk": null, "floor": 3}, "mark": {"owner": "p"}});
    let after = server.patch(&path, update).await;
    assert_eq!(after.status, 200);
    assert_eq!(after.body["givenName"], "Anna");
    assert_eq!(after.body["phone"], Value::Null);
    assert_eq!(after.body["attributes"], json!({"department": "Support", "floor": 3}));
    assert_eq!(after.body["mark"], json!({"owner": "p"}));
    for same in ["id", "email", "tags", "role", "active", "createdTime"] {
        assert_eq!(after.body[same], before.body[same], "{same}");
    }
    assert_ne!(after.body["etag"], before.body["etag"]);
    let cleared = server.patch(&path, json!({"mark": null, "tags": []})).await;
    assert_eq!(
        (&cleared.body["mark"], &cleared.body["tags"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(server.get(&path).await.body, cleared.body);
}

#[tokio::test]
async fn an_update_that_changes_nothing_leaves_etag_and_time() {
    let server = Server::start().await;
    let body = json!({"email": "a@acme.test", "attributes": {"a": 1}, "tags": ["x"], "mark": {"owner": "o"}});
    let before = server.post("/v1/users", body.clone()).await;
    let path = format!("/v1/users/{}", before.body["id"].as_str().unwrap());
    for update in [
        json!({}),
        body,
        json!({"attributes": {"b": null}, "phone": null, "active": true}),
    ] {
        let after = server.patch(&path, update).await;
        assert_eq!((after.status, &after.body), (200, &before.body));
    }
}

#[tokio::test]
async fn an_update_with_another_etag_is_refused() {
    let server = Server::start().await;
    let user = server.post("/v1/users", json!({"email": "a@acme.test"})).await;
    let path = format!("/v1/users/{}", user.body["id"].as_str().unwrap());
    let send = |etag: &str, name: &str| {
        let request = server.request(Method::PATCH, &path).header("If-Match", etag);
        reply(request.json(&json!({"givenName": name})))
    };
    let first = user.header("etag").unwrap();
    assert_eq!(send(first, "Ann").await.status, 200);
    send(first, "Bob").await.problem(ProblemKind::PreconditionFailed);
    assert_eq!(server.get(&path).await.body["givenName"], "Ann");
    assert_eq!(send("*", "Cid").await.status, 200);
    assert_eq!(
        send(first, "not a tag")
            .await
            .problem(ProblemKind::PreconditionFailed)
            .status,
        412
    );
    // A tag without its quotes is no tag.
    let places = send("3", "Dan").await.places(ProblemKind::PreconditionFailed);
    assert_eq!(places, ["If-Match"]);
    assert_eq!(server.get(&path).await.body["givenName"], "Cid");
}

#[tokio::test]
async fn active_users_take_seats_until_there_are_none() {
    let server = Server::start_with(|config| config.seats = Some(2)).await;
    let ann = server.create("/v1/users", json!({"email": "a@acme.test"})).await;
    server.create("/v1/users", json!({"email": "b@acme.test"})).await;
    server
        .post("/v1/users", json!({"email": "c@acme.test"}))
        .await
        .problem(ProblemKind::NoSeats);
    // A conflict says more than a missing seat.
    server
        .post("/v1/users", json!({"email": "A@acme.test"}))
        .await
        .problem(ProblemKind::EmailInUse);
    let cid = server
        .create("/v1/users", json!({"email": "c@acme.test", "active": false}))
        .await;

    let path = format!("/v1/users/{cid}");
    server
        .patch(&path, json!({"active": true}))
        .await
        .problem(ProblemKind::NoSeats);
    assert_eq!(server.patch(&path, json!({"givenName": "Cid"})).await.status, 200);
    assert_eq!(
        server.get("/v1/whoami").await.body["seats"],
        json!({"limit": 2, "used": 2})
    );

    assert_eq!(
        server
            .patch(&format!("/v1/users/{ann}"), json!({"active": false}))
            .await
            .status,
        200
    );
    assert_eq!(server.patch(&path, json!({"active": true})).await.status, 200);
    // Whoever has a seat keeps it through other changes.
    assert_eq!(
        server
            .patch(&path, json!({"active": true, "givenName": "Cyd"}))
            .await
            .status,
        200
    );
    assert_eq!(server.get("/v1/whoami").await.body["seats"]["used"], 2);
}

#[tokio::test]
async fn a_role_must_exist() {
    let server = Server::start().await;
    let unknown = json!({"email": "a@acme.test", "role": "role_0000zzzz"});
    let refused = server.post("/v1/users", unknown).await;
    assert_eq!(refused.places(ProblemKind::UnknownRole), ["/role"]);
    let no_id = server
        .post("/v1/users", json!({"email": "a@acme.test", "role": "member"}))
        .await;
    assert_eq!(no_id.places(ProblemKind::InvalidRequest), ["/role"]);
    assert_eq!(server.get("/v1/users").await.body["total"], 0);

    let role = server.create("/v1/roles", json!({"name": "supervisor"})).await;
    let user = server.create("/v1/users", json!({"email": "a@acme.test"})).await;
    let path = format!("/v1/users/{user}");
    assert_eq!(
        server.patch(&path, json!({"role": role})).await.body["role"],
        json!(role)
    );
    let refused = server.patch(&path, json!({"role": "role_0000zzzz"})).await;
    assert_eq!(refused.places(ProblemKind::UnknownRole), ["/role"]);
    assert_eq!(server.get(&path).await.body["role"], json!(role));
}

#[tokio::test]
async fn a_user_has_at_most_128_attributes() {
    let server = Server::start().await;
    let some = |range: std::ops::Range<u32>| {
        range
            .map(|n| (format!("a{n:03}"), json!(n)))
            .collect::<serde_json::Map<_, _>>()
    };
    let user = server
        .create("/v1/users", json!({"email": "a@acme.test", "attributes": some(0..100)}))
        .await;
    let path = format!("/v1/users/{user}");
    let refused = server.patch(&path, json!({"attributes": some(100..129)})).await;
    assert_eq!(refused.places(ProblemKind::InvalidRequest), ["/attributes"]);
    assert_eq!(
        server.patch(&path, json!({"attributes": some(100..128)})).await.status,
        200
    );
}

#[tokio::test]
async fn a_user_that_is_not_there_is_not_found() {
    let server = Server::start().await;
    for path in [
        "/v1/users/usr_00000001",
        "/v1/users/team_00000001",
        "/v1/users/%ff",
        "/v1/users/x",
    ] {
        server.get(path).await.problem(ProblemKind::NotFound);
        server.patch(path, json!({})).await.problem(ProblemKind::NotFound);
    }
}

impl Server {
    async fn delete(&self, path: &str, etag: &str) -> (u16, String) {
        let response = self
            .request(Method::DELETE, path)
            .header("If-Match", etag)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_frees_everything_but_the_id() {
    let server = Server::start_with(|config| config.seats = Some(2)).await;
    let body = json!({"email": "a@acme.test", "externalId": "e-1"});
    let ann = server.create("/v1/users", body.clone()).await;
    let bob = server.create("/v1/users", json!({"email": "b@acme.test"})).await;
    let team = server.create("/v1/teams", json!({"name": "T"})).await;
    let inbox = server.create("/v1/inboxes", json!({"name": "I"})).await;
    let join = |kind: &str, container: &str, user: &str| json!({"op": "add", "kind": kind, "container": container, "user": user});
    let items = json!([
        join("team", &team, &ann),
        join("inbox", &inbox, &ann),
        join("team", &team, &bob)
    ]);
    server.post("/v1/memberships:batch", json!({ "items": items })).await;

    let path = format!("/v1/users/{ann}");
    assert_eq!(server.delete(&path, "*").await, (204, String::new()));
    server.get(&path).await.problem(ProblemKind::NotFound);
    assert_eq!(server.get("/v1/users").await.body["total"], 1);
    assert_eq!(server.get("/v1/whoami").await.body["seats"]["used"], 1);
    let members = server.get("/v1/memberships?kind=team").await;
    assert_eq!(
        (&members.body["total"], &members.body["items"][0]["user"]),
        (&json!(1), &json!(bob))
    );
    assert_eq!(server.get("/v1/memberships?kind=inbox").await.body["total"], 0);

    // Who is gone can't be deleted, and who comes instead is somebody else.
    assert_eq!(server.delete(&path, "*").await.0, 404);
    let again = server.create("/v1/users", body).await;
    assert!(again != ann && again != bob);
}

#[tokio::test]
async fn a_user_with_another_etag_is_not_deleted() {
    let server = Server::start().await;
    let user = server.post("/v1/users", json!({"email": "a@acme.test"})).await;
    let path = format!("/v1/users/{}", user.body["id"].as_str().unwrap());
    let etag = user.header("etag").unwrap();
    server.patch(&path, json!({"givenName": "Ann"})).await;
    assert_eq!(server.delete(&path, etag).await.0, 412);
    assert_eq!(server.delete(&path, "\"2\"").await.0, 204);
}

#[tokio::test]
async fn a_deletion_that_is_repeated_with_its_key_is_answered_again() {
    let server = Server::start().await;
    let user = server.create("/v1/users", json!({"email": "a@acme.test"})).await;
    let send = async || {
        let request = server.request(Method::DELETE, &format!("/v1/users/{user}"));
        let response = request.header("Idempotency-Key", "k").send().await.unwrap();
        let replayed = response.headers().contains_key("idempotency-replayed");
        (response.status().as_u16(), replayed)
    };
    assert_eq!(send().await, (204, false));
    assert_eq!(send().await, (204, true));
}

#[tokio::test]
async fn the_time_of_a_mark_is_read_in_one_form_alone() {
    let server = Server::start().await;
    let with = |time: Value| json!({"email": "a@acme.test", "mark": {"owner": "o", "deactivatedTime": time}});
    for time in [
        json!(true),
        json!(null),
        json!("yesterday"),
        json!("2026-03-02T08:00:00+01:00"),
        json!("2026-02-30T08:00:00Z"),
    ] {
        let refused = server.post("/v1/users", with(time)).await;
        assert_eq!(refused.places(ProblemKind::InvalidRequest), ["/mark/deactivatedTime"]);
    }
    server.create("/v1/users", with(json!("2026-03-02T08:00:00Z"))).await;
}
