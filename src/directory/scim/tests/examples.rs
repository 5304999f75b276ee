//! The examples of the RFCs, and what becomes of them.

use std::fmt::Write as _;

use directory_sync_model::{
    attribute::{ATTRIBUTES, Attribute},
    record::Record,
    snapshot::EntryKind,
};

use super::*;

/// A user as the snapshot has him: one line per attribute.
fn shown(record: Record<'_>) -> String {
    let mut text = String::new();
    for info in ATTRIBUTES {
        let values: Vec<_> = record.items(info.attribute).collect();
        if !values.is_empty() {
            writeln!(text, "{}: {}", info.name, values.join(" | ")).unwrap();
        }
    }
    let mut customs: Vec<_> = record
        .customs()
        .map(|(name, json)| format!("custom.{name}: {json}\n"))
        .collect();
    customs.sort();
    text + &customs.concat()
}

async fn read(user: &str, wanted: AttributeSet, attributes: &[(Attribute, &str)]) -> String {
    let user: Json = serde_json::from_str(user).unwrap();
    let fake = Fake::answering(move |asked| match asked.path.as_str() {
        "Users" => (200, asked.page(std::slice::from_ref(&user))),
        _ => (200, asked.page(&[])),
    })
    .await;
    let config = Config {
        attributes: attributes
            .iter()
            .map(|(attribute, path)| (*attribute, (*path).to_owned()))
            .collect(),
        ..fake.config()
    };
    let directory = ScimDirectory::new(config, &open_network()).unwrap();
    let snapshot = try_fetch(&directory, wanted).await.unwrap();
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    shown(snapshot.user(0))
}

const MINIMAL: &str = include_str!("../fixtures/rfc7643-8.1-minimal-user.json");
const FULL: &str = include_str!("../fixtures/rfc7643-8.2-full-user.json");
const ENTERPRISE: &str = include_str!("../fixtures/rfc7643-8.3-enterprise-user.json");

#[tokio::test]
async fn the_minimal_user_of_rfc_7643_has_his_login_as_address() {
    assert_eq!(
        read(MINIMAL, everything(), &[]).await,
        "id: 2819c223-7f76-453a-919d-413861904646\n\
         userName: bjensen@example.com\n\
         email: bjensen@example.com\n"
    );
}

#[tokio::test]
async fn the_enterprise_user_of_rfc_7643_fills_the_table() {
    let mut wanted = AttributeSet::EMPTY;
    for info in ATTRIBUTES {
        wanted.insert(info.attribute);
    }
    assert_eq!(
        read(ENTERPRISE, wanted, &[]).await,
        "id: 2819c223-7f76-453a-919d-413861904646\n\
         externalId: 701984\n\
         userName: bjensen@example.com\n\
         email: bjensen@example.com\n\
         emails: bjensen@example.com | babs@jensen.org\n\
         givenName: Barbara\n\
         familyName: Jensen\n\
         displayName: Babs Jensen\n\
         department: Tour Operations\n\
         division: Theme Park\n\
         organization: Universal Studios\n\
         costCenter: 4130\n\
         title: Tour Guide\n\
         employeeNumber: 701984\n\
         employeeType: Employee\n\
         manager: 26118915-6090-4610-87e4-49d8ca9f808d\n\
         phone: 555-555-5555\n\
         mobile: 555-555-4444\n\
         office: Hollywood\n\
         locale: en-US\n\
         timezone: America/Los_Angeles\n"
    );
}

#[tokio::test]
async fn only_what_a_sync_needs_is_kept_when_nothing_else_is_wanted() {
    assert_eq!(
        read(FULL, AttributeSet::EMPTY, &[]).await,
        "id: 2819c223-7f76-453a-919d-413861904646\n\
         userName: bjensen@example.com\n\
         email: bjensen@example.com\n\
         givenName: Barbara\n\
         familyName: Jensen\n\
         displayName: Babs Jensen\n\
         phone: 555-555-5555\n"
    );
}

#[tokio::test]
async fn what_has_no_attribute_of_its_own_is_custom_but_secrets_and_bookkeeping_are_not() {
    let text = read(FULL, everything(), &[]).await;
    let customs: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("custom.")).collect();
    let names: Vec<_> = customs.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["addresses", "ims", "nickName", "photos", "profileUrl"]);
    assert!(
        customs.contains(&r#"ims: [{"type":"aim","value":"someaimhandle"}]"#),
        "{customs:?}"
    );
}

#[tokio::test]
async fn extensions_are_custom_by_name_and_clashes_by_full_name() {
    let user = r#"{
        "id": "u-1", "badge": "core",
        "urn:zeta:2.0:User": { "badge": "zeta", "site": { "floor": 3 }, "nothing": null },
        "URN:IETF:params:scim:schemas:extension:enterprise:2.0:user": { "badge": "enterprise", "Department": "Ops", "grade": 7 },
        "urn:acme:2.0:User": { "badge": "acme", "grade": 8, "department": "of acme" },
        "urn:odd": "text"
    }"#;
    assert_eq!(
        read(user, everything(), &[]).await,
        "id: u-1\n\
         department: Ops\n\
         custom.badge: \"core\"\n\
         custom.department: \"of acme\"\n\
         custom.grade: 7\n\
         custom.site: {\"floor\":3}\n\
         custom.urn:acme:2.0:User:badge: \"acme\"\n\
         custom.urn:acme:2.0:User:grade: 8\n\
         custom.urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:badge: \"enterprise\"\n\
         custom.urn:odd: \"text\"\n\
         custom.urn:zeta:2.0:User:badge: \"zeta\"\n"
    );
}

#[tokio::test]
async fn attributes_are_read_from_paths_of_the_connections_own() {
    let user = r#"{
        "id": "u-1", "userName": "ann", "title": "usual", "emails": [{ "value": "usual@acme.test" }],
        "name": { "givenName": "Ann", "middleName": "Jane" },
        "urn:acme:User": { "hireDate": "2024-03-01", "mail": "ann@acme.test", "leaver": true }
    }"#;
    let paths = [
        (Attribute::StartDate, "urn:acme:User:hireDate"),
        (Attribute::Email, "urn:acme:User:mail"),
        (Attribute::GivenName, "name.middleName"),
        (Attribute::Title, "urn:acme:User:absent"),
    ];
    let mut wanted = AttributeSet::of(&[Attribute::StartDate, Attribute::Title, Attribute::Emails]);
    wanted.insert(Attribute::EndDate);
    assert_eq!(
        read(user, wanted, &paths).await,
        "id: u-1\n\
         userName: ann\n\
         email: ann@acme.test\n\
         emails: ann@acme.test | usual@acme.test\n\
         givenName: Jane\n\
         startDate: 2024-03-01\n"
    );
}

#[tokio::test]
async fn the_primary_address_comes_first_then_that_of_work() {
    let user = |emails: &str| format!(r#"{{"id":"u-1","userName":"ann@login.test","emails":{emails}}}"#);
    let wanted = AttributeSet::of(&[Attribute::Emails]);
    for (emails, expected) in [
        (
            r#"[{"value":"a@x.test"},{"value":"b@x.test","primary":true}]"#,
            "b@x.test | a@x.test",
        ),
        (
            r#"[{"value":"a@x.test"},{"value":"b@x.test","primary":"True"}]"#,
            "b@x.test | a@x.test",
        ),
        (
            r#"[{"value":"a@x.test","type":"home"},{"value":"b@x.test","type":"Work"}]"#,
            "b@x.test | a@x.test",
        ),
        (
            r#"[{"value":" "},{"value":"A@x.test"},{"value":"a@x.test"}]"#,
            "A@x.test",
        ),
        (r#"{"value":"a@x.test"}"#, "a@x.test"),
        (r#"["a@x.test"]"#, "a@x.test"),
    ] {
        let text = read(&user(emails), wanted, &[]).await;
        assert!(text.contains(&format!("emails: {expected}\n")), "{emails}: {text}");
        let first = expected.split(' ').next().unwrap();
        assert!(text.contains(&format!("email: {first}\n")), "{emails}: {text}");
    }
    assert!(read(&user("[]"), wanted, &[]).await.contains("email: ann@login.test\n"));
}

#[tokio::test]
async fn the_number_of_work_comes_first_and_is_no_uri() {
    let user = |numbers: &str| format!(r#"{{"id":"u-1","phoneNumbers":{numbers}}}"#);
    for (numbers, phone, mobile) in [
        (
            r#"[{"value":"1","type":"home"},{"value":"TEL:+49-30-1","type":"work"}]"#,
            "+49-30-1",
            "",
        ),
        (r#"[{"value":"1","type":"home"},{"value":"2","primary":true}]"#, "2", ""),
        (r#"[{"value":"tel:3","type":"mobile"}]"#, "3", "3"),
        ("null", "", ""),
    ] {
        let text = read(&user(numbers), AttributeSet::of(&[Attribute::Mobile]), &[]).await;
        let expected = |name, value: &str| {
            if value.is_empty() {
                String::new()
            } else {
                format!("{name}: {value}\n")
            }
        };
        assert_eq!(
            text,
            format!("id: u-1\n{}{}", expected("phone", phone), expected("mobile", mobile)),
            "{numbers}"
        );
    }
}

#[tokio::test]
async fn a_home_is_no_office_and_a_manager_without_id_is_told_by_name() {
    let user = r#"{"id":"u-1","addresses":[{"locality":"Rome","type":"home","primary":true}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"displayName":"John Smith"}}}"#;
    let wanted = AttributeSet::of(&[Attribute::Office, Attribute::Manager]);
    assert_eq!(read(user, wanted, &[]).await, "id: u-1\nmanager: John Smith\n");
}

#[test]
fn the_lists_of_rfc_7644_and_rfc_9865_are_understood() {
    let plan = plan::Plan::new(AttributeSet::EMPTY, &[]);
    let decode = |body: &[u8]| {
        let mut batch = Batch::new();
        let mut rows = wire::UserRows {
            plan: &plan,
            batch: &mut batch,
            first_id: None,
        };
        let list = wire::decode_list(body, 0, &mut rows).unwrap();
        (list.total, list.next_cursor, list.rows, rows.first_id)
    };
    let first = Some("2819c223-7f76-453a-919d-413861904646".to_owned());
    assert_eq!(
        decode(include_bytes!("../fixtures/rfc7644-3.4.2-list.json")),
        (Some(2), None, 2, first.clone())
    );
    assert_eq!(
        decode(include_bytes!("../fixtures/rfc9865-2-list.json")),
        (Some(5000), Some("VZUTiyhEQJ94IR".to_owned()), 1, first)
    );
}

#[test]
fn the_group_of_rfc_7643_is_understood() {
    let group = wire::decode_group(include_bytes!("../fixtures/rfc7643-8.4-group.json")).unwrap();
    assert_eq!(
        (group.id.as_str(), group.display_name.as_str()),
        ("e9e30dba-f08f-4109-8486-d5c6a331660a", "Tour Guides")
    );
    let members: Vec<_> = group
        .members
        .unwrap()
        .0
        .iter()
        .map(|member| (member.value.as_str().to_owned(), member.kind))
        .collect();
    assert_eq!(
        members,
        [
            ("2819c223-7f76-453a-919d-413861904646".to_owned(), Some(EntryKind::User)),
            ("902c246b-6245-4190-8e05-00816be7344a".to_owned(), Some(EntryKind::User))
        ]
    );
}
