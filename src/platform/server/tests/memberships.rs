//! Memberships.

use serde_json::json;

use super::*;

#[tokio::test]
async fn memberships_are_added_and_removed_and_a_repetition_changes_nothing() {
    let server = Server::start().await;
    let users = server.create_users(["a@acme.test".into(), "b@acme.test".into()]).await;
    let team = server.create("/v1/teams", json!({"name": "T"})).await;
    let inbox = server.create("/v1/inboxes", json!({"name": "I"})).await;
    let add =
        |user: &str, mark: Value| json!({"op": "add", "kind": "team", "container": team, "user": user, "mark": mark});
    let remove = |user: &str| json!({"op": "remove", "kind": "team", "container": team, "user": user});

    let items = json!([
        add(&users[0], Value::Null),
        add(&users[0], json!({"owner": "o"})),
        add(&users[1], json!({"owner": "o"})),
        add(&users[1], json!({"owner": "p"})),
        {"op": "add", "kind": "inbox", "container": inbox, "user": users[0]},
    ]);
    let reply = server.post("/v1/memberships:batch", json!({ "items": items })).await;
    let changed = |reply: &Reply| {
        reply.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["changed"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (reply.status, changed(&reply)),
        (200, vec![true, false, true, false, true])
    );

    // The mark that a membership has, or hasn't, stays.
    let listed = server.get("/v1/memberships?kind=team").await;
    let wanted = json!({"total": 2, "items": [
        {"container": team, "user": users[0], "mark": null},
        {"container": team, "user": users[1], "mark": {"owner": "o"}},
    ]});
    assert_eq!(listed.body, wanted);
    let inboxes = server.get("/v1/memberships?kind=inbox").await;
    assert_eq!(
        (&inboxes.body["total"], &inboxes.body["items"][0]["container"]),
        (&json!(1), &json!(inbox))
    );

    let items = json!([remove(&users[0]), remove(&users[0]), remove(&users[1])]);
    let reply = server.post("/v1/memberships:batch", json!({ "items": items })).await;
    assert_eq!(changed(&reply), [true, false, true]);
    assert_eq!(
        server.get("/v1/memberships?kind=team").await.body,
        json!({"total": 0, "items": []})
    );
}

#[tokio::test]
async fn an_item_without_its_container_or_user_fails_alone() {
    let server = Server::start().await;
    let users = server.create_users(["a@acme.test".into()]).await;
    let team = server.create("/v1/teams", json!({"name": "T"})).await;
    let item = |op: &str, kind: &str, container: &str, user: &str| json!({"op": op, "kind": kind, "container": container, "user": user});
    let mut marked = item("remove", "team", &team, &users[0]);
    marked["mark"] = json!({"owner": "o"});
    let items = json!([
        item("add", "team", "team_0000zzzz", &users[0]),
        item("add", "team", &team, "usr_0000zzzz"),
        item("add", "inbox", &team, &users[0]),
        item("remove", "team", "team_0000zzzz", &users[0]),
        item("remove", "team", &team, "usr_0000zzzz"),
        item("drop", "team", &team, &users[0]),
        marked,
        item("add", "team", &team, &users[0]),
    ]);
    let reply = server.post("/v1/memberships:batch", json!({ "items": items })).await;
    let results = reply.body["results"].as_array().unwrap();
    let outcome = |index: usize| {
        let problem = item_problem(&results[index]);
        (problem.status, problem.errors[0].pointer.clone().unwrap())
    };
    assert_eq!(outcome(0), (404, "/items/0/container".into()));
    assert_eq!(outcome(1), (404, "/items/1/user".into()));
    assert_eq!(outcome(2), (404, "/items/2/container".into()));
    assert_eq!(outcome(3), (404, "/items/3/container".into()));
    assert_eq!(outcome(4), (404, "/items/4/user".into()));
    assert_eq!(outcome(5), (400, "/items/5/op".into()));
    assert_eq!(outcome(6), (400, "/items/6/mark".into()));
    assert_eq!(results[7], json!({"changed": true}));
    assert_eq!(server.get("/v1/memberships?kind=team").await.body["total"], 1);
}

#[tokio::test]
async fn the_list_needs_a_kind_and_a_batch_has_1_to_1000_items() {
    let server = Server::start().await;
    for query in ["", "?kind=role", "?kind=team&kind=team"] {
        let reply = server.get(&format!("/v1/memberships{query}")).await;
        assert_eq!(reply.places(ProblemKind::InvalidRequest), ["kind"]);
    }
    let bad_cursor = server.get("/v1/memberships?kind=inbox&cursor=inbox_00000001").await;
    assert_eq!(bad_cursor.places(ProblemKind::InvalidRequest), ["cursor"]);
    for items in [vec![], vec![json!({}); 1001]] {
        let reply = server.post("/v1/memberships:batch", json!({ "items": items })).await;
        assert_eq!(reply.places(ProblemKind::InvalidRequest), ["/items"]);
    }
}

#[tokio::test]
async fn a_thousand_memberships_are_one_request_and_are_paged_in_order() {
    let server = Server::start().await;
    let users = server.create_users((0..500).map(|n| format!("{n}@acme.test"))).await;
    let mut teams = Vec::new();
    for name in ["A", "B"] {
        teams.push(server.create("/v1/teams", json!({"name": name})).await);
    }
    let item = |team: &String, user: &String| json!({"op": "add", "kind": "team", "container": team, "user": user});
    let items: Vec<Value> = teams
        .iter()
        .rev()
        .flat_map(|team| users.iter().rev().map(move |user| item(team, user)))
        .collect();
    let reply = server.post("/v1/memberships:batch", json!({ "items": items })).await;
    assert_eq!(reply.body["results"].as_array().unwrap().len(), 1000);

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server
            .get(&format!("/v1/memberships?kind=team&limit=300{cursor}"))
            .await;
        assert_eq!(page.body["total"], 1000);
        for item in page.body["items"].as_array().unwrap() {
            seen.push((
                item["container"].as_str().unwrap().to_owned(),
                item["user"].as_str().unwrap().to_owned(),
            ));
        }
        let Some(next) = page.body["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    let wanted: Vec<_> = teams
        .iter()
        .flat_map(|team| users.iter().map(move |user| (team.clone(), user.clone())))
        .collect();
    assert_eq!(seen, wanted);
}
