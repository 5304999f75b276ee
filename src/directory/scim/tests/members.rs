//! Groups and who is in them.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::routing::get;

use super::*;
use crate::{
    fault::{Class, Fault as _},
    http::Timeouts,
};

async fn with_groups(groups: impl Fn(&Asked) -> (u16, Json) + Send + Sync + 'static) -> Fake {
    Fake::answering(move |asked| match asked.path.as_str() {
        "Users" => (200, asked.page(&people(2))),
        _ => groups(asked),
    })
    .await
}

async fn with_list(list: Vec<Json>) -> Fake {
    with_groups(move |asked| match asked.path.as_str() {
        "Groups" => (200, asked.page(&list)),
        path => panic!("{path} is not to be asked for"),
    })
    .await
}

fn group(id: &str, members: &[Json]) -> Json {
    json!({ "id": id, "displayName": id.to_uppercase(), "members": members })
}

#[tokio::test]
async fn members_are_users_and_groups_by_type_or_by_reference() {
    let fake = with_list(vec![
        group(
            "all",
            &[
                json!({ "value": "in", "type": "Group" }),
                json!({ "value": "out", "$ref": "../Groups/out" }),
            ],
        ),
        group("in", &[json!({ "value": "u-1", "type": "User" })]),
        group("out", &[json!({ "value": "u-2" }), json!("u-9")]),
    ])
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    let members: Vec<_> = (0..3).map(|group| snapshot.members(group)).collect();
    assert_eq!(members, [&[0, 1][..], &[0], &[1]]);
    assert_eq!(snapshot.group(0).name, "ALL");
}

#[tokio::test]
async fn a_group_with_the_number_of_a_user_is_not_that_user() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, asked.page(&[json!({ "id": 1 }), json!({ "id": 2 })])),
        _ => (
            200,
            asked.page(&[
                json!({ "id": 1, "displayName": "team", "members": [{ "value": 2 }] }),
                json!({ "id": 2, "displayName": "above", "members": [{ "value": 1, "type": "group" }] }),
            ]),
        ),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!(snapshot.members(0), [1], "the second user");
    assert_eq!(snapshot.members(1), [1], "who is in the first group");
}

#[tokio::test]
async fn a_member_without_a_type_is_the_user_or_the_group_that_has_the_id() {
    let fake = with_list(vec![
        group("all", &[json!({ "value": "later" }), json!({ "value": "u-2" })]),
        group("later", &[json!({ "value": "u-1" })]),
    ])
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!((snapshot.members(0), snapshot.members(1)), (&[0, 1][..], &[0][..]));
}

#[tokio::test]
async fn a_user_who_is_not_read_is_no_group_with_his_number() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, asked.page(&[json!({ "id": 1 }), json!({ "id": 2 })])),
        _ => (
            200,
            asked.page(&[
                json!({ "id": 7, "displayName": "secret", "members": [{ "value": 1 }] }),
                json!({ "id": 8, "displayName": "by type", "members": [{ "value": 7, "type": "User" }] }),
                json!({ "id": 9, "displayName": "by reference", "members": [{ "value": 7, "$ref": "../Users/7" }] }),
            ]),
        ),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!(snapshot.members(0), [0]);
    assert_eq!((snapshot.members(1), snapshot.members(2)), (&[][..], &[][..]));
}

#[tokio::test]
async fn a_group_without_members_is_not_told_where_others_tell_theirs() {
    let silent = json!({ "id": "silent", "displayName": "Silent" });
    let null = json!({ "id": "null", "displayName": "Null", "members": null });
    let fake = with_list(vec![group("told", &[]), silent, null]).await;
    let snapshot = snapshot(&fake.directory()).await;
    let told: Vec<_> = snapshot
        .groups()
        .map(|(_, group)| (group.id, group.members_told))
        .collect();
    assert_eq!(told, [("told", true), ("null", true), ("silent", false)]);
}

#[tokio::test]
async fn where_no_group_of_the_list_has_members_each_is_asked_for() {
    let fake = with_groups(|asked| match asked.path.as_str() {
        "Groups" => {
            let list: Vec<_> = ["a", "b", "gone", "d/e"]
                .iter()
                .map(|id| json!({ "id": id, "displayName": id }))
                .collect();
            (200, asked.page(&list))
        }
        "Groups/a" => (200, group("a", &[json!({ "value": "u-1" })])),
        "Groups/b" => (200, json!({ "id": "b", "displayName": "b" })),
        "Groups/gone" => (404, json!({})),
        "Groups/d%2fe" => (200, group("d/e", &[json!({ "value": "u-2" })])),
        path => panic!("{path}"),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    let told: Vec<_> = snapshot
        .groups()
        .map(|(at, group)| (group.id, group.members_told, snapshot.members(at)))
        .collect();
    assert_eq!(
        told,
        [
            ("a", true, &[0][..]),
            ("b", false, &[]),
            ("gone", false, &[]),
            ("d/e", true, &[1])
        ]
    );
    assert_eq!(
        fake.asked()
            .iter()
            .filter(|asked| asked.path.starts_with("Groups/"))
            .count(),
        4
    );
}

#[tokio::test]
async fn once_some_list_told_members_no_group_is_asked_for() {
    let list = ["a", "b", "c"]
        .map(|id| group(id, &[json!({ "value": "u-1" })]))
        .to_vec();
    let rest = ["d", "e"].map(|id| json!({ "id": id, "displayName": id })).to_vec();
    let fake = with_list([list, rest].concat()).await;
    let snapshot = snapshot(&fake.directory()).await;
    let told: Vec<_> = snapshot.groups().map(|(_, group)| group.members_told).collect();
    assert_eq!(told, [true, true, true, false, false]);
}

#[tokio::test]
async fn a_group_that_can_not_be_asked_for_fails_the_page() {
    let fake = with_groups(|asked| match asked.path.as_str() {
        "Groups" => (200, asked.page(&[json!({ "id": "a", "displayName": "a" })])),
        _ => (503, json!({})),
    })
    .await;
    let Err(failure) = try_fetch(&fake.directory(), AttributeSet::EMPTY).await else {
        panic!("the group can't be read");
    };
    assert!(
        crate::fault::chain(&failure).contains("reading the members of a group"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_group_that_comes_twice_is_doubted() {
    // The list shifts by one between the pages: "c" comes twice and "d" never.
    let fake = with_groups(|asked| {
        let rows = match asked.number("startIndex") {
            1 => ["a", "b", "c"].as_slice(),
            _ => &["c"],
        };
        let rows: Vec<_> = rows.iter().map(|id| group(id, &[])).collect();
        (200, json!({ "totalResults": 4, "Resources": rows }))
    })
    .await;
    let doubt = Doubt::DuplicateIds {
        count: 1,
        example: "c".into(),
    };
    assert_eq!(snapshot(&fake.directory()).await.completeness.groups, [doubt]);
}

/// A provider of twelve groups whose list doesn't tell members, which takes its time over each; the router, and how many
/// requests were under way at once at most.
fn slow_groups(each: Duration) -> (Router, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let list = || async {
        let groups: Vec<_> = (0..12).map(|id| json!({ "id": id, "displayName": "G" })).collect();
        json!({ "totalResults": 12, "Resources": groups }).to_string()
    };
    let one = move || {
        let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
        async move {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(each).await;
            now.fetch_sub(1, Ordering::SeqCst);
            json!({ "id": "x", "displayName": "G", "members": [] }).to_string()
        }
    };
    let router = Router::new()
        .route(
            "/scim/Users",
            get(|| async { json!({ "totalResults": 0 }).to_string() }),
        )
        .route("/scim/Groups", get(list))
        .route("/scim/Groups/{id}", get(one));
    (router, most)
}

#[tokio::test]
async fn no_more_groups_are_asked_for_at_once_than_the_limit_says() {
    for concurrency in [1, 3] {
        let (router, most) = slow_groups(Duration::from_millis(5));
        let fake = Fake::of(serve(router).await);
        let config = Config {
            concurrency,
            page_size: 12,
            ..fake.config()
        };
        let snapshot = snapshot(&ScimDirectory::new(config, &open_network()).unwrap()).await;
        assert!(snapshot.groups().all(|(_, group)| group.members_told));
        assert_eq!(most.load(Ordering::SeqCst), concurrency);
    }
}

#[tokio::test]
async fn each_request_of_a_page_has_a_time_of_its_own() {
    let read = async |answer| {
        let (router, _) = slow_groups(Duration::from_millis(200));
        let fake = Fake::of(serve(router).await);
        let config = Config {
            concurrency: 4,
            page_size: 12,
            timeouts: Timeouts {
                connect: answer,
                answer: Some(answer),
            },
            ..fake.config()
        };
        let directory = ScimDirectory::new(config, &open_network()).unwrap();
        let read = try_fetch(&directory, AttributeSet::EMPTY).await;
        read.map(|snapshot| snapshot.group_count())
            .map_err(|failure| failure.class())
    };
    // All twelve take longer than that, each of them doesn't.
    assert_eq!(read(Duration::from_millis(500)).await, Ok(12));
    assert_eq!(read(Duration::from_millis(50)).await, Err(Class::Timeout));
}
