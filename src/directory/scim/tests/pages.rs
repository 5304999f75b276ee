//! Paging, honest and otherwise.

use super::*;

fn honest(asked: &Asked) -> (u16, Json) {
    match asked.path.as_str() {
        "Users" => (200, asked.page(&people(7))),
        "Groups" => (200, asked.page(&[])),
        _ => (404, json!({})),
    }
}

#[tokio::test]
async fn pages_are_read_by_index_until_all_came() {
    let fake = Fake::answering(honest).await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(ids(&snapshot), ["u-1", "u-2", "u-3", "u-4", "u-5", "u-6", "u-7"]);
    assert_eq!(
        fake.queries("Users"),
        ["count=3&startIndex=1", "count=3&startIndex=4", "count=3&startIndex=7"]
    );
}

#[tokio::test]
async fn a_provider_that_sends_smaller_pages_than_asked_for_is_read_in_full() {
    let fake = Fake::answering(|asked| {
        let mut small = asked.clone();
        small.query.insert("count".into(), "2".into());
        honest(&small)
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete());
    assert_eq!(snapshot.user_count(), 7);
}

#[tokio::test]
async fn filters_are_sent_with_every_page() {
    let fake = Fake::answering(honest).await;
    let config = Config {
        user_filter: Some(r#"userType eq "Employee""#.into()),
        group_filter: Some(r#"displayName sw "team-""#.into()),
        ..fake.config()
    };
    snapshot(&ScimDirectory::new(config, &open_network()).unwrap()).await;
    assert!(
        fake.queries("Users")
            .iter()
            .all(|query| query.contains(r#"filter=userType eq "Employee""#))
    );
    assert_eq!(
        fake.queries("Groups"),
        [r#"count=3&filter=displayName sw "team-"&startIndex=1"#]
    );
}

#[tokio::test]
async fn a_provider_that_ignores_the_index_is_doubted_and_nobody_counts_twice() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, json!({ "totalResults": 7, "Resources": people(3) })),
        _ => honest(asked),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!(snapshot.user_count(), 3);
    let [Doubt::Interrupted { cause }] = snapshot.completeness.users.as_slice() else {
        panic!("{:?}", snapshot.completeness);
    };
    assert!(
        cause.contains("answers startIndex 4 with a page that it had sent before"),
        "{cause}"
    );
    assert_eq!(fake.queries("Users").len(), 2);
}

#[tokio::test]
async fn a_provider_without_paging_is_complete_when_its_total_says_that_all_came() {
    // More than was asked for, all at once, and the same again for the check of the total.
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, json!({ "totalResults": 7, "Resources": people(7) })),
        _ => honest(asked),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(snapshot.user_count(), 7);
}

#[tokio::test]
async fn a_total_that_is_only_the_size_of_the_page_is_found_out() {
    let fake = Fake::answering(|asked| {
        let (status, mut body) = honest(asked);
        if asked.path == "Users" {
            body["totalResults"] = json!(body["Resources"].as_array().unwrap().len());
        }
        (status, body)
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!(snapshot.user_count(), 7);
    assert_eq!(
        snapshot.completeness.users,
        [Doubt::CountMismatch { stated: 0, received: 7 }]
    );
}

#[tokio::test]
async fn a_provider_that_refuses_an_index_beyond_the_end_is_complete_when_its_total_was_right() {
    let fake = Fake::answering(|asked| match (asked.path.as_str(), asked.number("startIndex")) {
        ("Users", 1) => (200, asked.page(&people(3))),
        ("Users", _) => (404, json!({ "detail": "no such page" })),
        _ => honest(asked),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(fake.queries("Users").len(), 2);
}

#[tokio::test]
async fn a_cut_list_is_a_mismatch() {
    let fake = Fake::answering(|asked| match (asked.path.as_str(), asked.number("startIndex")) {
        ("Users", 1..=6) => (200, asked.page(&people(7))),
        ("Users", _) => (200, json!({ "totalResults": 7, "Resources": [] })),
        _ => honest(asked),
    })
    .await;
    let doubts = snapshot(&fake.directory()).await.completeness.users;
    assert_eq!(doubts, [Doubt::CountMismatch { stated: 7, received: 6 }]);
}

/// Pages by cursor: `c4` starts at the fourth user.
fn by_cursor(asked: &Asked) -> (u16, Json) {
    if asked.path != "Users" {
        return honest(asked);
    }
    let start = match asked.query.get("cursor").map(String::as_str) {
        Some("") => 1,
        Some(cursor) => cursor[1..].parse().unwrap(),
        None => return (400, json!({ "scimType": "invalidCursor" })),
    };
    let mut by_index = asked.clone();
    by_index.query.insert("startIndex".into(), start.to_string());
    let (status, mut body) = honest(&by_index);
    if start + 3 <= 7 {
        body["nextCursor"] = json!(format!("c{}", start + 3));
    }
    (status, body)
}

fn config_of(cursor: bool) -> (u16, Json) {
    (
        200,
        json!({ "pagination": { "cursor": cursor, "index": true, "maxPageSize": 3 } }),
    )
}

#[tokio::test]
async fn pages_are_read_by_cursor_where_the_provider_offers_that() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "ServiceProviderConfig" => config_of(true),
        "Groups" => (200, json!({ "totalResults": 0 })),
        _ => by_cursor(asked),
    })
    .await;
    let config = Config {
        paging: Paging::Auto,
        page_size: 500,
        ..fake.config()
    };
    let snapshot = snapshot(&ScimDirectory::new(config, &open_network()).unwrap()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(
        fake.queries("Users"),
        ["count=3&cursor=", "count=3&cursor=c4", "count=3&cursor=c7"]
    );
    assert_eq!(fake.queries("ServiceProviderConfig").len(), 1);
}

#[tokio::test]
async fn pages_are_read_by_index_where_the_provider_does_not_say_what_it_can() {
    for status in [200, 401, 403, 404, 500] {
        let fake = Fake::answering(move |asked| match asked.path.as_str() {
            "ServiceProviderConfig" => (status, config_of(false).1),
            _ => honest(asked),
        })
        .await;
        let config = Config {
            paging: Paging::Auto,
            ..fake.config()
        };
        let snapshot = snapshot(&ScimDirectory::new(config, &open_network()).unwrap()).await;
        assert_eq!(snapshot.user_count(), 7, "{status}");
        assert_eq!(fake.queries("Users")[0], "count=3&startIndex=1");
    }
}

#[tokio::test]
async fn a_lost_cursor_fails_the_sync_and_says_that_the_next_one_starts_anew() {
    for kind in ["expiredCursor", "invalidCursor"] {
        let fake = Fake::answering(move |asked| match asked.query.get("cursor").map(String::as_str) {
            Some("c4") => (400, json!({ "status": "400", "scimType": kind, "detail": "gone" })),
            _ => by_cursor(asked),
        })
        .await;
        let config = Config {
            paging: Paging::Cursor,
            ..fake.config()
        };
        let directory = ScimDirectory::new(config, &open_network()).unwrap();
        let Err(failure) = try_fetch(&directory, AttributeSet::EMPTY).await else {
            panic!("the second page can't be read");
        };
        let text = crate::fault::chain(&failure);
        assert!(
            text.contains("page 2 of the directory's users") && text.contains("starts from the first page"),
            "{text}"
        );
        assert!(text.contains(kind), "{text}");
    }
}

#[tokio::test]
async fn a_cursor_that_comes_twice_ends_the_read_in_doubt() {
    let fake = Fake::answering(|asked| {
        let (status, mut body) = by_cursor(asked);
        if asked.path == "Users" {
            body["nextCursor"] = json!("c4");
        }
        (status, body)
    })
    .await;
    let config = Config {
        paging: Paging::Cursor,
        ..fake.config()
    };
    let snapshot = snapshot(&ScimDirectory::new(config, &open_network()).unwrap()).await;
    assert!(
        snapshot.completeness.users.contains(&Doubt::RepeatedCursor),
        "{:?}",
        snapshot.completeness
    );
}

#[tokio::test]
async fn a_user_who_comes_twice_because_pages_shift_is_doubted_although_the_total_is_right() {
    // Between two pages "u-4" becomes one of the first, and pushes "u-3" into the second page.
    let fake = Fake::answering(|asked| match (asked.path.as_str(), asked.number("startIndex")) {
        ("Users", 1) => (200, asked.page(&people(6))),
        ("Users", _) => {
            let all = people(6);
            (
                200,
                json!({ "totalResults": 6, "Resources": [&all[2], &all[4], &all[5]] }),
            )
        }
        _ => honest(asked),
    })
    .await;
    let doubts = snapshot(&fake.directory()).await.completeness.users;
    let twice = Doubt::DuplicateIds {
        count: 1,
        example: "u-3".into(),
    };
    assert_eq!(doubts, [twice]);
}

#[tokio::test]
async fn a_provider_without_a_total_that_sends_its_last_page_again_and_again_is_doubted_at_once() {
    let fake = Fake::answering(|asked| match (asked.path.as_str(), asked.number("startIndex")) {
        ("Users", 1) => (200, json!({ "Resources": people(3) })),
        ("Users", _) => (200, json!({ "Resources": people(5)[3..] })),
        _ => honest(asked),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!(snapshot.user_count(), 5);
    let [Doubt::Interrupted { cause }] = snapshot.completeness.users.as_slice() else {
        panic!("{:?}", snapshot.completeness);
    };
    assert!(cause.contains("startIndex"), "{cause}");
    assert_eq!(fake.queries("Users").len(), 3);
}
