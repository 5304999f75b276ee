//! What counts as a difference.

use std::{borrow::Cow, time::UNIX_EPOCH};

use super::{Change, Content, ContentError, Record};
use crate::{
    attribute::Attribute,
    expression::{Expression, Scope, Subject},
    fingerprint::FingerprintKey,
    observed::{FieldsPatch, UserRow},
    record::RecordWriter,
    rules::{AttributeRule, AttributeSource},
    value::AttributeValue,
};

const KEY: FingerprintKey = FingerprintKey::new(1, 2);

fn person(write: impl FnOnce(&mut RecordWriter<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut record = RecordWriter::new(&mut bytes);
    record.text(Attribute::Id, "u1");
    record.text(Attribute::Email, "Ann@Acme.test");
    write(&mut record);
    bytes
}

fn rule(name: &str, expression: &str) -> AttributeRule {
    let expression = Expression::compile_attribute(expression, Subject::User).unwrap();
    AttributeRule {
        name: name.to_owned(),
        source: AttributeSource::Expression(expression),
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

fn desired<'a>(bytes: &'a [u8], rules: &'a [AttributeRule]) -> Result<Content<'a>, ContentError> {
    let record = Record::new(bytes);
    Content::desired(record, rules, &Scope::user(record, &[], UNIX_EPOCH))
}

fn row(email: &'static str, phone: &'static str, attributes: &[(&'static str, AttributeValue)]) -> UserRow<'static> {
    UserRow {
        email: Cow::Borrowed(email),
        phone: Cow::Borrowed(phone),
        attributes: attributes
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), value.clone()))
            .collect(),
        ..UserRow::default()
    }
}

/// Whether the fingerprints say that nothing differs, and what the comparison of the content itself says.
fn compare(bytes: &[u8], rules: &[AttributeRule], row: &UserRow<'_>) -> (bool, FieldsPatch, Vec<Change>) {
    let wanted = desired(bytes, rules).unwrap();
    let held = Content::observed(row, rules, wanted.mask());
    let (patch, changes) = wanted.difference(&held, rules);
    (wanted.fingerprint(KEY) == held.fingerprint(KEY), patch, changes)
}

#[test]
fn equal_content_has_equal_fingerprints_and_no_difference() {
    let bytes = person(|record| {
        record.text(Attribute::Phone, "1");
        record.text(Attribute::Department, "Sales");
    });
    let rules = [rule("department", "user.department"), rule("left", "user.title")];
    let held = row(
        "ann@ACME.test",
        "1",
        &[("other", text("x")), ("department", text("Sales"))],
    );
    let (same, patch, changes) = compare(&bytes, &rules, &held);
    assert!(same);
    assert_eq!((patch, changes), (FieldsPatch::default(), Vec::new()));
}

#[test]
fn each_difference_changes_the_fingerprint_and_is_told_before_and_after() {
    let rules = [rule("department", "user.department")];
    let bytes = person(|record| {
        record.text(Attribute::Phone, "1");
        record.text(Attribute::Department, "Sales");
    });
    let sales = || vec![("department", text("Sales"))];
    let rows = [
        (row("bob@acme.test", "1", &sales()), "email"),
        (row("ann@acme.test", "2", &sales()), "phone"),
        (row("ann@acme.test", "1", &[]), "department"),
        (
            row("ann@acme.test", "1", &[("department", text("sales"))]),
            "department",
        ),
        (
            row(
                "ann@acme.test",
                "1",
                &[("department", AttributeValue::List(vec!["Sales".to_owned()]))],
            ),
            "department",
        ),
    ];
    for (held, field) in rows {
        let (same, patch, changes) = compare(&bytes, &rules, &held);
        assert!(!same, "{field}");
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].field, field);
        assert_ne!(changes[0].before, changes[0].after);
        assert_ne!(patch, FieldsPatch::default());
    }
}

#[test]
fn a_field_that_is_not_told_is_not_compared() {
    let bytes = person(|_| {});
    let (same, patch, _) = compare(&bytes, &[], &row("ann@acme.test", "by hand", &[]));
    assert!(same);
    assert_eq!(patch.phone, None);
    assert_eq!(desired(&bytes, &[]).unwrap().mask(), 0);
}

#[test]
fn a_rule_that_yields_nothing_clears() {
    let bytes = person(|_| {});
    let rules = [rule("phone", "user.phone"), rule("department", "user.department")];
    let (same, patch, _) = compare(&bytes, &rules, &row("ann@acme.test", "1", &[("department", text("x"))]));
    assert!(!same);
    assert_eq!(patch.phone.as_deref(), Some(""));
    assert_eq!(patch.attributes, [("department".to_owned(), None)]);
}

#[test]
fn a_value_that_is_empty_on_the_platform_is_none() {
    let bytes = person(|_| {});
    let rules = [rule("department", "user.department"), rule("groups", "user.groups")];
    let empty = [("department", text(" ")), ("groups", AttributeValue::List(Vec::new()))];
    assert!(compare(&bytes, &rules, &row("ann@acme.test", "", &empty)).0);
}

#[test]
fn values_of_different_kinds_differ() {
    let values = [
        text("1"),
        AttributeValue::Number(1.0),
        AttributeValue::Bool(true),
        AttributeValue::List(vec!["1".to_owned()]),
        AttributeValue::List(vec!["1".to_owned(), "1".to_owned()]),
    ];
    let rules = [rule("x", "user.title")];
    let prints: Vec<_> = values
        .iter()
        .map(|value| {
            let held = row("ann@acme.test", "", &[("x", value.clone())]);
            Content::observed(&held, &rules, 0).fingerprint(KEY)
        })
        .collect();
    for (at, one) in prints.iter().enumerate() {
        assert!(prints[at + 1..].iter().all(|other| other != one));
    }
}

#[test]
fn a_creation_has_everything() {
    let bytes = person(|record| {
        record.text(Attribute::GivenName, "Ann");
        record.text(Attribute::FamilyName, "Archer");
    });
    let rules = [
        rule("displayName", "user.givenName + ' ' + user.familyName"),
        rule("nothing", "user.title"),
        rule("active", "user.active"),
    ];
    let fields = desired(&bytes, &rules).unwrap().into_fields(&rules);
    assert_eq!(fields.email, "ann@acme.test");
    assert_eq!(
        (fields.given_name.as_str(), fields.family_name.as_str()),
        ("Ann", "Archer")
    );
    assert_eq!(fields.display_name, "Ann Archer");
    assert_eq!(fields.phone, "");
    assert_eq!(
        fields.attributes,
        [("active".to_owned(), Some(AttributeValue::Bool(true)))]
    );
}

#[test]
fn what_cannot_be_told_is_named() {
    let bytes = person(|_| {});
    let rules = [rule("level", "user.custom.level")];
    let error = desired(&bytes, &rules).err().unwrap();
    assert!(error.to_string().starts_with("attribute \"level\": "), "{error}");

    let mut nowhere = Vec::new();
    RecordWriter::new(&mut nowhere).text(Attribute::Id, "u1");
    let error = desired(&nowhere, &[]).err().unwrap();
    assert_eq!(error.to_string(), "e-mail address: the e-mail address is missing");
}
