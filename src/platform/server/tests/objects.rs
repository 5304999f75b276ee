//! Teams, roles and inboxes.

use serde_json::json;

use super::*;
use crate::platform::rest::wire::{Inbox, Page, Role, RoleKind, Team};

#[tokio::test]
async fn the_platform_brings_its_roles_and_takes_custom_ones() {
    let server = Server::start().await;
    let custom = server
        .post("/v1/roles", json!({"name": "Supervisor", "description": "Listens in"}))
        .await;
    assert_eq!((custom.status, &custom.body["kind"]), (201, &json!("custom")));
    let roles: Page<Role> = server.get("/v1/roles").await.read();
    let seen: Vec<_> = roles
        .items
        .iter()
        .map(|role| (role.name.as_str(), role.administrator, role.is_default, role.kind))
        .collect();
    assert_eq!(
        seen,
        [
            ("owner", true, false, RoleKind::Default),
            ("administrator", true, false, RoleKind::Default),
            ("agent", false, false, RoleKind::Default),
            ("member", false, true, RoleKind::Default),
            ("Supervisor", false, false, RoleKind::Custom),
        ]
    );
    let taken = server.post("/v1/roles", json!({"name": "supervisor "})).await;
    assert_eq!(
        taken.problem(ProblemKind::NameInUse).existing,
        Some(roles.items[4].id.clone())
    );
    let administrator = server
        .post("/v1/roles", json!({"name": "root", "administrator": true}))
        .await;
    assert_eq!(administrator.body["administrator"], true);
}

#[tokio::test]
async fn a_team_is_created_read_and_changed() {
    let server = Server::start().await;
    let created = server
        .post(
            "/v1/teams",
            json!({"name": " EMEA  Support", "mark": {"owner": "eu1/acme"}}),
        )
        .await;
    let team: Team = created.read();
    assert_eq!((created.status, team.name.as_str()), (201, " EMEA  Support"));
    let path = format!("/v1/teams/{}", team.id);
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_eq!(server.get(&path).await.body, created.body);

    let request = server
        .request(Method::PATCH, &path)
        .header("If-Match", created.header("etag").unwrap());
    let changed = reply(request.json(&json!({"name": "EMEA", "description": "x", "mark": null}))).await;
    assert_eq!((changed.status, changed.header("etag")), (200, Some("\"2\"")));
    assert_eq!(changed.body["mark"], Value::Null);
    let request = server.request(Method::PATCH, &path).header("If-Match", "\"1\"");
    reply(request.json(&json!({"name": "APAC"})))
        .await
        .problem(ProblemKind::PreconditionFailed);
    // What changes nothing is no change.
    assert_eq!(server.patch(&path, json!({"name": "EMEA"})).await.body, changed.body);
    assert_eq!(
        server.patch(&path, json!({"description": null})).await.body["description"],
        Value::Null
    );

    for absent in ["/v1/teams/team_0000zzzz", "/v1/teams/usr_00000001"] {
        server.get(absent).await.problem(ProblemKind::NotFound);
        server.patch(absent, json!({})).await.problem(ProblemKind::NotFound);
    }
}

#[tokio::test]
async fn names_of_teams_are_unique_whatever_their_case_and_space() {
    let server = Server::start().await;
    let team = server.create("/v1/teams", json!({"name": "Équipe A"})).await;
    let other = server.create("/v1/teams", json!({"name": "B"})).await;
    let taken = server.post("/v1/teams", json!({"name": " e\u{301}QUIPE  a "})).await;
    assert_eq!(taken.problem(ProblemKind::NameInUse).existing, Some(team.clone()));
    let taken = server
        .patch(&format!("/v1/teams/{other}"), json!({"name": "équipe a"}))
        .await;
    assert_eq!(taken.problem(ProblemKind::NameInUse).existing, Some(team.clone()));
    let renamed = server
        .patch(&format!("/v1/teams/{team}"), json!({"name": "ÉQUIPE A"}))
        .await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &json!("ÉQUIPE A")));
    assert_eq!(server.get("/v1/teams").await.body["total"], 2);
}

#[tokio::test]
async fn an_inbox_has_a_name_and_a_number_of_its_own() {
    let server = Server::start().await;
    let id = server
        .create("/v1/inboxes", json!({"name": "EMEA", "phoneNumber": "+442071234567"}))
        .await;
    let second = server
        .post("/v1/inboxes", json!({"name": "APAC", "mark": {"owner": "o"}}))
        .await;
    assert_eq!((second.status, &second.body["phoneNumber"]), (201, &Value::Null));
    let taken = server.post("/v1/inboxes", json!({"name": "emea"})).await;
    assert_eq!(taken.problem(ProblemKind::NameInUse).existing, Some(id.clone()));
    let taken = server
        .post("/v1/inboxes", json!({"name": "x", "phoneNumber": "+442071234567"}))
        .await;
    assert_eq!(taken.problem(ProblemKind::PhoneNumberInUse).existing, Some(id));
    // Two inboxes without a number are no conflict.
    assert_eq!(server.post("/v1/inboxes", json!({"name": "y"})).await.status, 201);
    let inboxes: Page<Inbox> = server.get("/v1/inboxes").await.read();
    assert_eq!(inboxes.total, 3);
    assert_eq!(inboxes.items[1].mark.as_ref().unwrap().owner, "o");
}

#[tokio::test]
async fn every_fault_of_a_body_is_named() {
    let server = Server::start().await;
    for (path, body, places) in [
        ("/v1/teams", json!({"name": " "}), vec!["/name"]),
        (
            "/v1/teams",
            json!({"name": "x".repeat(257), "description": "a\u{0}"}),
            vec!["/name", "/description"],
        ),
        (
            "/v1/teams",
            json!({"name": "a", "mark": {"owner": ""}}),
            vec!["/mark/owner"],
        ),
        (
            "/v1/teams",
            json!({"name": "a", "mark": {"owner": "o", "role": "x"}}),
            vec!["/mark/role"],
        ),
        ("/v1/roles", json!({"name": "a", "kind": "default"}), vec!["/kind"]),
        (
            "/v1/inboxes",
            json!({"name": "a", "phoneNumber": "020"}),
            vec!["/phoneNumber"],
        ),
        (
            "/v1/users",
            json!({"email": "x", "externalId": "", "tags": ["a", "a"], "attributes": {"": 1}}),
            vec!["/email", "/email", "/externalId", "/attributes/", "/tags/1"],
        ),
    ] {
        assert_eq!(
            server.post(path, body).await.places(ProblemKind::InvalidRequest),
            places,
            "{path}"
        );
    }
}
