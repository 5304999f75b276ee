//! What becomes of a value in the place where it is used.

use super::*;
use crate::{expression::types::Type, value::AttributeValue};

fn filter(source: &str) -> Result<bool, EvaluationError> {
    let record = ann();
    let expression = Expression::compile_filter(source, Subject::User).unwrap();
    expression.evaluate_filter(&Scope::user(Record::new(&record), GROUPS, noon()))
}

fn name(source: &str) -> Result<Option<String>, EvaluationError> {
    let record = ann();
    let expression = Expression::compile_text(source, Subject::User).unwrap();
    expression.evaluate_text(&Scope::user(Record::new(&record), GROUPS, noon()))
}

fn attribute(source: &str) -> Result<Option<AttributeValue>, EvaluationError> {
    let record = ann();
    let expression = Expression::compile_attribute(source, Subject::User).unwrap();
    expression.evaluate_attribute(&Scope::user(Record::new(&record), GROUPS, noon()))
}

#[test]
fn what_the_docs_say_of_an_absent_attribute_and_its_type_is_what_an_expression_sees() {
    for info in crate::attribute::ATTRIBUTES {
        let source = format!("user.{} == {}", info.name, info.kind.when_absent());
        let expression = compiled(&source, Subject::User);
        let nobody = Scope::user(Record::new(&[]), &[], noon());
        assert_eq!(both_ways(&expression, &nobody), Ok(Value::Bool(true)), "{source}");
        assert_eq!(Type::from(info.kind).to_string(), info.kind.cel_type());
    }
}

#[test]
fn a_filter_gives_a_bool_or_fails() {
    assert_eq!(filter("user.active"), Ok(true));
    assert_eq!(filter("user.groups.exists(g, g == 'x')"), Ok(false));
    assert_eq!(filter("user.custom.vip"), Ok(true));
    assert_eq!(
        filter("user.custom.level").unwrap_err().to_string(),
        "the expression gives a value of type int, but a bool is needed"
    );
}

#[test]
fn a_blank_text_and_null_are_no_name() {
    assert_eq!(name("' ' + user.title + ' '"), Ok(Some("Senior Engineer".to_owned())));
    assert_eq!(name("user.employeeType"), Ok(None));
    assert_eq!(name("user.active ? null : 'x'"), Ok(None));
    assert!(matches!(
        name("user.custom.level"),
        Err(EvaluationError::WrongType { found: "int", .. })
    ));
}

#[test]
fn an_attribute_is_a_text_a_list_a_flag_or_a_number() {
    let text = |text: &str| Ok(Some(AttributeValue::Text(text.to_owned())));
    let list = |items: &[&str]| {
        Ok(Some(AttributeValue::List(
            items.iter().map(ToString::to_string).collect(),
        )))
    };
    assert_eq!(attribute("user.department"), text("R&D"));
    assert_eq!(attribute("user.employeeType"), Ok(None));
    assert_eq!(attribute("user.endDate"), Ok(None));
    assert_eq!(attribute("user.startDate"), text("2024-02-29T00:00:00Z"));
    assert_eq!(
        attribute("[user.division, user.employeeType, ' x ']"),
        list(&["Platform", "x"])
    );
    assert_eq!(
        attribute("[user.custom.level, true, null, 1.5, 'a']"),
        list(&["7", "true", "1.5", "a"])
    );
    assert_eq!(attribute("user.groups.filter(g, false)"), Ok(None));
    assert_eq!(attribute("user.active"), Ok(Some(AttributeValue::Bool(true))));
    assert_eq!(attribute("user.custom.level"), Ok(Some(AttributeValue::Number(7.0))));
    assert_eq!(attribute("user.custom.ratio"), Ok(Some(AttributeValue::Number(0.5))));
    assert_eq!(
        attribute("1.0 / (user.custom.ratio - user.custom.ratio)"),
        Err(EvaluationError::Overflow)
    );
    assert_eq!(
        attribute("user.custom.address").unwrap_err().to_string(),
        "the expression gives a value of type map, but a text, a number, a flag or a list of them is needed"
    );
    assert!(matches!(
        attribute("[user.custom.tags]"),
        Err(EvaluationError::WrongType { .. })
    ));
    assert_eq!(attribute("user.groups"), list(GROUPS));
}

#[test]
fn an_expression_is_evaluated_for_what_it_is_about() {
    let expression = compiled("user.title", Subject::User);
    let scope = Scope::group("g", "", "", &[], noon());
    assert_eq!(
        expression.evaluate(&scope),
        Err(EvaluationError::WrongSubject { expected: "user" })
    );
    assert_eq!(
        expression.evaluate_filter(&scope),
        Err(EvaluationError::WrongSubject { expected: "user" })
    );
}

#[test]
fn reads_of_several_expressions_are_joined() {
    let a = compiled("user.title + user.custom.a", Subject::User);
    let b = compiled("user.startDate < now", Subject::User);
    let both = a.reads().clone().union(b.reads());
    assert!(both.now && !both.members);
    assert_eq!(format!("{:?}", both.user), r#"{"title", "startDate", "custom"}"#);
    assert!(both.custom.contains("a"));
}
