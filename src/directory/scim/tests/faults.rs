//! What goes wrong.

use directory_sync_model::{attribute::Attribute, snapshot::SnapshotBuilder};

use super::*;
use crate::fault::{Class, Fault as _, chain};

async fn with_users(body: &'static str) -> Fake {
    Fake::answering_text(Box::new(move |asked| match asked.path.as_str() {
        "Users" => (200, body.to_owned()),
        _ => (200, json!({ "totalResults": 0 }).to_string()),
    }))
    .await
}

async fn failure_of(fake: &Fake) -> String {
    match try_fetch(&fake.directory(), AttributeSet::EMPTY).await {
        Ok(_) => panic!("the page can't be read"),
        Err(failure) => chain(&failure),
    }
}

#[tokio::test]
async fn a_page_that_is_no_list_fails_the_sync_and_says_what_to_do() {
    for (body, why) in [
        ("<html>login</html>", "expected value at line 1 column 1"),
        ("", "EOF"),
        ("[]", "expected a SCIM list"),
        (r#"{"id":"u-1"}"#, "neither totalResults nor Resources"),
        (r#"{"totalResults":1,"Resources":[{"id":"u-1"}"#, "EOF"),
        (r#"{"totalResults":1,"Resources":{"id":"u-1"}}"#, "expected"),
        (
            r#"{"totalResults":1,"Resources":[{"id":"u-1"}]} trailing"#,
            "trailing characters",
        ),
    ] {
        let text = failure_of(&with_users(body).await).await;
        assert!(
            text.contains("reading users of http://127.0.0.1") && text.contains(why),
            "{body}: {text}"
        );
        assert!(text.contains("can't be read as a SCIM list"), "{text}");
    }
}

#[tokio::test]
async fn invalid_utf_8_fails_the_page_and_names_the_byte() {
    let mut batch = Batch::new();
    let mut rows = wire::GroupRows::new(&mut batch);
    let body = b"{\"totalResults\":1,\"Resources\":[{\"id\":\"g-\xff\"}]}";
    let error = wire::decode_list(body, 0, &mut rows).unwrap_err();
    assert_eq!(error.why, "it is not UTF-8 from byte 40 on");
}

#[tokio::test]
async fn thirty_megabytes_are_no_page() {
    let fake = Fake::answering_text(Box::new(|asked| match asked.path.as_str() {
        "Users" => (
            200,
            format!(
                r#"{{"totalResults":1,"Resources":[{{"id":"{}"}}]}}"#,
                "x".repeat(30 << 20)
            ),
        ),
        _ => (404, String::new()),
    }))
    .await;
    let text = failure_of(&fake).await;
    assert!(text.contains("sent more than 16777216 bytes"), "{text}");
}

#[tokio::test]
async fn one_bad_user_is_that_users_failure_and_the_others_are_read() {
    let body = r#"{"totalResults":6,"Resources":[
        {"id":"u-1","userName":"ann","active":"perhaps"},
        {"id":"u-2","userName":["bob"]},
        {"userName":"nobody"},
        null,
        {"id":"u-5","userName":"eve","userName":"eve","emails":[{"value":"eve@acme.test"}]},
        {"id":"u-6","deep":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],"active":"False"}]}"#;
    let fake = with_users(body).await;
    let snapshot = snapshot(&fake.directory()).await;
    assert_eq!(ids(&snapshot), ["u-1", "u-2", "u-5", "u-6"]);
    assert_eq!(snapshot.user(2).text(Attribute::Email), "eve@acme.test");
    assert!(!snapshot.user(3).active());
    let unreadable: Vec<_> = (0..4).filter_map(|user| snapshot.unreadable(user)).collect();
    assert_eq!(unreadable.len(), 2, "{unreadable:?}");
    assert!(
        unreadable[0].starts_with("user 1 (id u-1): expected true or false"),
        "{unreadable:?}"
    );
    assert!(
        unreadable[1].starts_with("user 2 (id u-2): expected a text"),
        "{unreadable:?}"
    );
    let rejected: Vec<_> = snapshot
        .rejected
        .iter()
        .map(|row| format!("{}: {}", row.place, row.message))
        .collect();
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert_eq!(rejected[0], "user 3: it has no id");
    assert!(rejected[1].starts_with("user 4: expected a user"), "{rejected:?}");
    assert!(matches!(
        snapshot.completeness.users.as_slice(),
        [Doubt::Unreadable { count: 4, .. }]
    ));
}

#[tokio::test]
async fn a_user_of_whom_only_the_id_can_be_read_stays_in_his_groups_and_puts_nothing_in_doubt() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => {
            let mut users = people(200);
            users[0]["active"] = json!("perhaps");
            (200, asked.page(&users))
        }
        "Groups" => {
            let members = json!([{ "value": "u-1" }, { "value": "u-2" }]);
            (
                200,
                asked.page(&[json!({ "id": "g", "displayName": "G", "members": members })]),
            )
        }
        _ => (404, json!({})),
    })
    .await;
    let config = Config {
        page_size: 100,
        ..fake.config()
    };
    let snapshot = snapshot(&ScimDirectory::new(config, &open_network()).unwrap()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!((snapshot.user_count(), snapshot.rejected.len()), (200, 0));
    let first = snapshot.find_user("u-1").unwrap();
    assert!(snapshot.unreadable(first).is_some());
    assert_eq!(snapshot.members(0).len(), 2);
}

#[tokio::test]
async fn a_group_of_which_only_id_and_name_can_be_read_is_not_told_and_puts_nothing_else_in_doubt() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, asked.page(&people(2))),
        "Groups" => {
            let bad = json!({ "id": "bad", "displayName": "Bad", "members": [{ "value": ["u-1"] }] });
            let good = json!({ "id": "good", "displayName": "Good", "members": [{ "value": "u-1" }] });
            (200, asked.page(&[bad, good]))
        }
        _ => (404, json!({})),
    })
    .await;
    let snapshot = snapshot(&fake.directory()).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    let groups: Vec<_> = snapshot
        .groups()
        .map(|(at, group)| (group.id, group.name, group.members_told, snapshot.members(at)))
        .collect();
    assert_eq!(groups, [("bad", "Bad", false, &[][..]), ("good", "Good", true, &[0])]);
    assert_eq!(snapshot.rejected.len(), 1);
    assert!(
        snapshot.rejected[0].place == "bad" && snapshot.rejected[0].message.contains("expected a text"),
        "{:?}",
        snapshot.rejected
    );
}

#[tokio::test]
async fn a_group_whose_name_can_not_be_read_puts_the_groups_in_doubt() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, asked.page(&people(2))),
        "Groups" => (200, asked.page(&[json!({ "id": "bad", "displayName": ["Bad"] })])),
        _ => (404, json!({})),
    })
    .await;
    let completeness = snapshot(&fake.directory()).await.completeness;
    assert_eq!(completeness.users, []);
    assert!(
        matches!(completeness.groups.as_slice(), [Doubt::Unreadable { count: 1, .. }]),
        "{completeness:?}"
    );
}

#[tokio::test]
async fn a_user_nested_too_deep_is_that_users_failure() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let body = format!(r#"{{"totalResults":2,"Resources":[{{"id":"u-1","x":{deep}}},{{"id":"u-2"}}]}}"#);
    let mut batch = Batch::new();
    let plan = plan::Plan::new(everything(), &[]);
    let mut rows = wire::UserRows {
        plan: &plan,
        batch: &mut batch,
        first_id: None,
    };
    wire::decode_list(body.as_bytes(), 0, &mut rows).unwrap();
    let mut builder = SnapshotBuilder::new(FingerprintKey::new(1, 2));
    builder.append(&batch);
    let snapshot = builder.finish();
    assert!(snapshot.unreadable(0).unwrap().starts_with("user 1 (id u-1): "));
    assert_eq!((snapshot.unreadable(1), batch.entries()), (None, 2));
}

#[tokio::test]
async fn a_choice_of_attributes_that_is_refused_is_given_up() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        _ if asked.query.contains_key("attributes") => (400, json!({ "scimType": "invalidValue" })),
        "Users" => (200, asked.page(&people(5))),
        _ => (200, asked.page(&[])),
    })
    .await;
    let snapshot = snapshot(&fake.selecting()).await;
    assert_eq!(snapshot.user_count(), 5);
    let with_choice = fake
        .asked()
        .iter()
        .filter(|asked| asked.query.contains_key("attributes"))
        .count();
    assert_eq!(with_choice, 1, "it is tried once");
}

#[tokio::test]
async fn a_filter_that_is_refused_is_not_taken_for_a_refused_choice() {
    let fake = Fake::answering(|_| (400, json!({ "scimType": "invalidFilter", "detail": "no operator xx" }))).await;
    let Err(failure) = try_fetch(&fake.selecting(), AttributeSet::EMPTY).await else {
        panic!("the filter is refused");
    };
    assert_eq!(failure.class(), Class::Rejected);
    assert!(chain(&failure).contains("no operator xx"), "{}", chain(&failure));
}

#[tokio::test]
async fn a_refused_credential_is_told_as_such_and_never_shown() {
    let fake = Fake::answering(|_| (401, json!({ "detail": "token t0ken is expired" }))).await;
    let Err(failure) = try_fetch(&fake.directory(), AttributeSet::EMPTY).await else {
        panic!("the credential is refused");
    };
    assert_eq!(failure.class(), Class::Unauthorized);
    let text = chain(&failure);
    assert!(
        text.contains("token *** is expired") && !text.contains("t0ken"),
        "{text}"
    );
}

#[tokio::test]
async fn a_path_that_is_none_is_refused_at_once() {
    let fake = Fake::answering(|_| (500, json!({}))).await;
    let config = Config {
        attributes: vec![(Attribute::StartDate, "emails[primary eq true].value".into())],
        ..fake.config()
    };
    let error = ScimDirectory::new(config, &open_network()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("spec.provider.scim.users.attributes.startDate: "),
        "{error}"
    );
}

async fn findings(fake: &Fake) -> Vec<String> {
    let findings = fake.selecting().check().await;
    let text = |finding: Finding| match finding.outcome {
        Ok(found) => format!("ok: {}: {found}", finding.tried),
        Err(missing) => format!("failed: {}: {missing}", finding.tried),
    };
    findings.into_iter().map(text).collect()
}

#[tokio::test]
async fn a_check_says_in_words_what_it_found() {
    let fake = Fake::answering(|asked| match asked.path.as_str() {
        "Users" => (200, asked.page(&people(7))),
        "Groups" => (200, asked.page(&[json!({ "id": "g", "displayName": "G" })])),
        _ => (404, json!({})),
    })
    .await;
    assert_eq!(
        findings(&fake).await,
        [
            "ok: read ServiceProviderConfig: lists are paged by index",
            "failed: read one user: 7 in all; the first has no emails",
            "ok: read one group: 1 in all; the first comes without members: if none has any, each group is asked for by \
             itself",
            "ok: read users with a choice of attributes: everything that was asked for came",
        ]
    );
}

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A provider that doesn't know names with a URN in `attributes`, nor `members`, and leaves them out.
async fn forgetful() -> Fake {
    Fake::answering(|asked| {
        let mut user = json!({ "id": "u-1", "userName": "ann", "emails": [] });
        let mut group = json!({ "id": "g-1", "displayName": "G" });
        if !asked.query.contains_key("attributes") {
            user[ENTERPRISE] = json!({ "department": "Sales" });
            group["members"] = json!([{ "value": "u-1" }]);
        }
        match asked.path.as_str() {
            "Users" => (200, asked.page(&[user])),
            "Groups" => (200, asked.page(&[group])),
            _ => (404, json!({})),
        }
    })
    .await
}

#[tokio::test]
async fn a_provider_that_leaves_out_what_was_asked_for_is_asked_for_everything() {
    let fake = forgetful().await;
    let directory = fake.selecting();
    let wanted = AttributeSet::of(&[Attribute::Department]);
    let snapshot = try_fetch(&directory, wanted).await.unwrap();
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(snapshot.user(0).text(Attribute::Department), "Sales");
    assert_eq!(snapshot.members(0), [0]);
    assert_eq!(fake.queries("Users").len(), 3, "chosen, the comparison, everything");
    assert_eq!(fake.queries("Groups").len(), 1);
}

#[tokio::test]
async fn a_provider_that_leaves_out_members_alone_is_found_out_too() {
    let fake = forgetful().await;
    let snapshot = snapshot(&fake.selecting()).await;
    assert_eq!(snapshot.members(0), [0]);
    assert_eq!((fake.queries("Users").len(), fake.queries("Groups").len()), (2, 3));
}

#[tokio::test]
async fn a_check_notices_a_provider_that_leaves_out_what_was_asked_for() {
    let found = findings(&forgetful().await).await;
    assert!(
        found[3].contains("leaves out urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_check_says_what_to_do_about_a_refusal() {
    for (status, advice) in [
        (401, "check the credential"),
        (403, "the right to read"),
        (404, "check the URL"),
    ] {
        let fake = Fake::answering(move |_| (status, json!({}))).await;
        let found = findings(&fake).await;
        assert!(
            found[1].starts_with("failed: read one user") && found[1].contains(advice),
            "{found:?}"
        );
    }
    let fake = Fake::answering(|_| (200, json!({ "hello": "world" }))).await;
    assert!(findings(&fake).await[1].contains("no SCIM list"));
    let fake = Fake::answering(|asked| (200, asked.page(&[]))).await;
    assert!(findings(&fake).await[1].contains("there is nobody"));
}
