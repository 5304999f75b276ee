//! Tests of expressions as their users see them: text in, value or message out.

mod agreement;
mod hostile;
mod language;
mod refused;
mod values;
mod work;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{EvaluationError, Expression, Scope, Subject, Value};
use crate::{
    attribute::Attribute,
    record::{Record, RecordWriter},
};

/// 2026-06-15T12:00:00Z.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(494_868)
}

const GROUPS: &[&str] = &["eng-all", "eng-platform", "office-berlin"];
const MEMBERS: &[&str] = &["u1", "u2", "u3"];

/// A person with most attributes.
fn ann() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut record = RecordWriter::new(&mut bytes);
    record.text(Attribute::Id, "u1");
    record.text(Attribute::UserName, "ann");
    record.text(Attribute::Email, "ann@acme.test");
    record.item(Attribute::Emails, "ann@acme.test");
    record.item(Attribute::Emails, "ann.lee@acme.test");
    record.text(Attribute::GivenName, "Ann");
    record.text(Attribute::FamilyName, "Lee");
    record.text(Attribute::Department, "R&D");
    record.text(Attribute::Division, "Platform");
    record.text(Attribute::Title, "Senior Engineer");
    record.text(Attribute::StartDate, "2024-02-29");
    record.custom_text("costCode", "C-17");
    record.custom_text("cost center", "4711");
    record.custom("level", &json!(7));
    record.custom("ratio", &json!(0.5));
    record.custom("vip", &json!(true));
    record.custom("tags", &json!(["blue", "green"]));
    record.custom("address", &json!({"city": "Berlin", "zip": 10115}));
    bytes
}

/// The value for [`ann`].
fn user(source: &str) -> Result<Value, EvaluationError> {
    user_of(source, &ann())
}

/// The value for a record; both ways to it must agree.
fn user_of(source: &str, record: &[u8]) -> Result<Value, EvaluationError> {
    let expression = compiled(source, Subject::User);
    both_ways(&expression, &Scope::user(Record::new(record), GROUPS, noon()))
}

/// The value for a group.
fn group(source: &str) -> Result<Value, EvaluationError> {
    let expression = compiled(source, Subject::Group);
    both_ways(
        &expression,
        &Scope::group("g1", "team-blue", "The blue team", MEMBERS, noon()),
    )
}

fn both_ways(expression: &Expression, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
    let value = expression.evaluate(scope);
    assert_eq!(
        value,
        expression.evaluate_with_cel(scope),
        "the ways differ: {}",
        expression.source()
    );
    value
}

fn compiled(source: &str, subject: Subject) -> Expression {
    Expression::compile(source, subject).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// The message that refuses the expression.
fn refusal(source: &str) -> String {
    match Expression::compile(source, Subject::User) {
        Ok(_) => panic!("it compiles: {source}"),
        Err(error) => error.to_string(),
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with the outcome of an evaluation"
)]
fn text(text: &str) -> Result<Value, EvaluationError> {
    Ok(Value::Text(text.to_owned()))
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with the outcome of an evaluation"
)]
fn list(items: &[&str]) -> Result<Value, EvaluationError> {
    Ok(Value::List(items.iter().map(ToString::to_string).collect()))
}
