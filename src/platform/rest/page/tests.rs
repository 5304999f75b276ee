//! The decoders on the examples of the contract itself, and on pages that are not what it says.

use serde_json::{Value, json};

use super::*;

/// Keeps what it is shown, in one line each.
#[derive(Default)]
struct Seen(Vec<String>);

impl Observer for Seen {
    fn role(&mut self, role: &RoleRow<'_>) {
        let RoleRow {
            name,
            administrator,
            default,
        } = role;
        self.0
            .push(format!("role {name} administrator={administrator} default={default}"));
    }

    fn container(&mut self, container: &ContainerRow<'_>) {
        self.0.push(format!("{container:?}"));
    }

    fn user(&mut self, user: &UserRow<'_>) {
        self.0.push(format!("{user:?}"));
    }

    fn membership(&mut self, membership: &MembershipRow<'_>) {
        self.0.push(format!("{membership:?}"));
    }
}

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

/// The one user of a page.
struct One(Option<UserRow<'static>>);

impl Observer for One {
    fn role(&mut self, _: &RoleRow<'_>) {}
    fn container(&mut self, _: &ContainerRow<'_>) {}
    fn membership(&mut self, _: &MembershipRow<'_>) {}

    fn user(&mut self, user: &UserRow<'_>) {
        let owned = |text: &Cow<'_, str>| Cow::Owned(text.to_string());
        self.0 = Some(UserRow {
            id: owned(&user.id),
            version: owned(&user.version),
            external_id: owned(&user.external_id),
            email: owned(&user.email),
            given_name: owned(&user.given_name),
            family_name: owned(&user.family_name),
            display_name: owned(&user.display_name),
            phone: owned(&user.phone),
            active: user.active,
            role: owned(&user.role),
            attributes: user
                .attributes
                .iter()
                .map(|(name, value)| (owned(name), value.clone()))
                .collect(),
            mark: user.mark.as_ref().map(|mark| MarkRow {
                owner: owned(&mark.owner),
                role: mark.role.as_ref().map(owned),
                deactivated: mark.deactivated,
            }),
        });
    }
}

fn decode_one(body: &[u8]) -> UserRow<'static> {
    let mut one = One(None);
    decode_users(body, &roles(), &mut one).unwrap();
    one.0.unwrap()
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
        ("eu1/acme", Some("member"), false)
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
    assert_eq!(seen.0[0], "role member administrator=false default=true");
    assert_eq!(
        seen.0[1],
        r#"ContainerRow { kind: Team, id: "team_00000001", name: "EMEA Support", phone: "", owner: Some("eu1/acme") }"#
    );
    assert_eq!(
        seen.0[2],
        r#"ContainerRow { kind: Inbox, id: "inbox_00000001", name: "EMEA Support", phone: "+442071234567", owner: None }"#
    );
}

#[test]
fn the_memberships_of_the_contract_are_read() {
    let example =
        &contract()["paths"]["/v1/memberships"]["get"]["responses"]["200"]["content"]["application/json"]["example"];
    let mut seen = Seen::default();
    let body = example.to_string();
    let end = decode_memberships(body.as_bytes(), ContainerKind::Team, &mut seen).unwrap();
    assert_eq!(end.next.as_deref(), Some("team_00000001.usr_00000009"));
    assert_eq!((end.total, end.rows), (Some(61204), 2));
    assert_eq!(
        seen.0,
        [
            r#"MembershipRow { kind: Team, container: "team_00000001", user: "usr_00000007", owner: Some("eu1/acme") }"#,
            r#"MembershipRow { kind: Team, container: "team_00000001", user: "usr_00000009", owner: None }"#,
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
    assert!(seen.0.is_empty(), "{:?}", seen.0);
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
    let body = user(|user| user["mark"] = json!({ "owner": "eu1/acme", "role": "role_00000009", "deactivated": true }));
    let mark = decode_one(&body).mark.unwrap();
    assert_eq!((mark.role.as_deref(), mark.deactivated), (Some("role_00000009"), true));
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
