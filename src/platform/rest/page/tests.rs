//! The decoders on the examples of the contract itself, and on pages that are not what it says.

use serde_json::{Value, json};

use super::*;
use crate::platform::rest::testing::Seen;

fn contract() -> Value {
    serde_saphyr::from_str(include_str!("../openapi.yaml")).unwrap()
}

/// A page of the examples of one schema of the contract.
fn page_of(schema: &str) -> Vec<u8> {
    let examples = &contract()["components"]["schemas"][schema]["examples"];
    assert!(examples.is_array(), "the contract has no examples of {schema}");
    let page = json!({ "items": examples, "total": 7, "nextCursor": "after" });
    page.to_string().into_bytes()
}

fn roles() -> Roles {
    let mut roles = Roles::default();
    roles.insert("role_00000004", "member");
    roles
}

fn user(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut user = contract()["components"]["schemas"]["User"]["examples"][0].clone();
    change(&mut user);
    json!({ "items": [user], "total": 1 }).to_string().into_bytes()
}

fn decode_one(body: &[u8]) -> UserRow<'static> {
    let mut seen = Seen::default();
    decode_users(body, &roles(), &mut seen).unwrap();
    seen.users.pop().unwrap()
}

#[test]
fn the_users_of_the_contract_are_read() {
    let mut seen = Seen::default();
    let end = decode_users(&page_of("User"), &roles(), &mut seen).unwrap();
    assert_eq!((end.next.as_deref(), end.total, end.rows), (Some("after"), Some(7), 1));
    let user = decode_one(&page_of("User"));
    assert_eq!(user.id, "usr_00000007");
    assert_eq!(user.version, "3");
    assert_eq!(user.external_id, "5f1e2a34-8a6b-4c55-9c8f-0c9a4f2b7d10");
    assert_eq!(user.email, "ann@acme.test");
    assert_eq!(
        (&*user.given_name, &*user.family_name, &*user.display_name),
        ("Ann", "Archer", "")
    );
    assert_eq!(user.phone, "+442071234567");
    assert!(user.active);
    assert_eq!(user.role, "member");
    let text = |text: &str| AttributeValue::Text(text.to_owned());
    let list = |items: &[&str]| AttributeValue::List(items.iter().map(|item| (*item).to_owned()).collect());
    let attributes = [
        ("department", text("Support")),
        ("floor", AttributeValue::Number(3.0)),
        ("languages", list(&["en", "de"])),
        ("remote", AttributeValue::Bool(true)),
        ("tags", list(&["emea"])),
    ];
    let mut read = user.attributes;
    read.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(read, attributes.map(|(name, value)| (Cow::Borrowed(name), value)));
    let mark = user.mark.unwrap();
    assert_eq!(
        (&*mark.owner, mark.role.as_deref(), mark.deactivated),
        ("eu1/acme", Some("member"), None)
    );
}

#[test]
fn teams_inboxes_and_roles_of_the_contract_are_read() {
    let mut seen = Seen::default();
    let mut known = Roles::default();
    decode_roles(&page_of("Role"), &mut known, &mut seen).unwrap();
    assert_eq!(known.name("role_00000004"), Some("member"));
    decode_teams(&page_of("Team"), &mut seen).unwrap();
    decode_inboxes(&page_of("Inbox"), &mut seen).unwrap();
    let [
        RoleRow {
            name,
            administrator: false,
            default: true,
        },
    ] = &seen.roles[..]
    else {
        panic!("{:?}", seen.roles)
    };
    assert_eq!(name, "member");
    let [team, inbox] = &seen.containers[..] else {
        panic!("{:?}", seen.containers)
    };
    assert_eq!(
        (team.kind, &*team.id, &*team.name),
        (ContainerKind::Team, "team_00000001", "EMEA Support")
    );
    assert_eq!((&*team.phone, team.owner.as_deref()), ("", Some("eu1/acme")));
    assert_eq!(
        (inbox.kind, &*inbox.id, &*inbox.name),
        (ContainerKind::Inbox, "inbox_00000001", "EMEA Support")
    );
    assert_eq!((&*inbox.phone, inbox.owner.as_deref()), ("+442071234567", None));
}

#[test]
fn the_memberships_of_the_contract_are_read() {
    let example =
        &contract()["paths"]["/v1/memberships"]["get"]["responses"]["200"]["content"]["application/json"]["example"];
    let mut seen = Seen::default();
    let body = example.to_string();
    let end = decode_memberships(body.as_bytes(), ContainerKind::Team, &mut seen).unwrap();
    assert_eq!(end.next.as_deref(), Some("00000001.00000009"));
    assert_eq!((end.total, end.rows), (Some(61204), 2));
    let told: Vec<_> = seen
        .memberships
        .iter()
        .map(|row| (row.kind, &*row.container, &*row.user, row.owner.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (ContainerKind::Team, "team_00000001", "usr_00000007", Some("eu1/acme")),
            (ContainerKind::Team, "team_00000001", "usr_00000009", None),
        ]
    );
}

#[test]
fn a_page_that_is_wrong_at_its_end_shows_nothing() {
    let mut seen = Seen::default();
    let good = page_of("User");
    for body in [&good[..good.len() - 1], b"".as_slice(), b"[]", b"\xff"] {
        assert!(decode_users(body, &roles(), &mut seen).is_err());
    }
    assert_eq!(seen.rows(), 0, "{seen:?}");
}

#[test]
fn an_error_says_where_and_never_repeats_a_value() {
    let body = user(|user| user["active"] = json!("secret.person@acme.test"));
    let error = decode_users(&body, &roles(), &mut Seen::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the answer is not a page of users: expected a boolean"),
        "{error}"
    );
    assert!(error.contains("line 1 column") && !error.contains("secret"), "{error}");
}

#[test]
fn a_missing_mark_is_not_taken_for_nobodys() {
    let body = user(|user| {
        user.as_object_mut().unwrap().remove("mark");
    });
    let error = decode_users(&body, &roles(), &mut Seen::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("missing field `mark`"), "{error}");
}

#[test]
fn a_user_with_a_role_that_was_not_listed_is_an_error_with_both_ids() {
    let body = user(|user| user["role"] = json!("role_00000009"));
    match decode_users(&body, &roles(), &mut Seen::default()) {
        Err(PageError::UnknownRole { user, role }) => assert_eq!((&*user, &*role), ("usr_00000007", "role_00000009")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_role_of_a_mark_that_is_gone_is_shown_by_its_id() {
    let body = user(|user| {
        user["mark"] =
            json!({ "owner": "eu1/acme", "role": "role_00000009", "deactivatedTime": "2027-01-15T08:00:00Z" });
    });
    let mark = decode_one(&body).mark.unwrap();
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(500_000);
    assert_eq!(
        (mark.role.as_deref(), mark.deactivated),
        (Some("role_00000009"), Some(time))
    );
}

#[test]
fn a_user_of_nobody_without_external_id_and_tags_is_read() {
    let body = user(|user| {
        user["mark"] = Value::Null;
        user["externalId"] = Value::Null;
        user["tags"] = json!([]);
        user["attributes"] = json!({});
        user["addedLater"] = json!({ "deep": [1, 2] });
    });
    let user = decode_one(&body);
    assert_eq!(user.mark, None);
    assert_eq!(user.external_id, "");
    assert!(user.attributes.is_empty());
}
