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
    assert_eq!(
        attribute("[user.custom.tags]").unwrap_err().to_string(),
        "the expression gives a value of type list of lists, but a text, a number, a flag or a list of them is needed"
    );
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

#[test]
fn what_an_operator_cannot_take_is_told_by_types_where_only_the_value_tells_them() {
    for (source, operation, types) in [
        ("user.custom.level < user.custom.vip", "<", "int, bool"),
        ("user.custom.level + user.custom.vip == 1", "+", "int, bool"),
        ("user.custom.level - user.custom.vip == 1", "-", "int, bool"),
        ("user.custom.level * user.custom.vip == 1", "*", "int, bool"),
        ("user.custom.level / user.custom.vip == 1", "/", "int, bool"),
        ("user.custom.level % user.custom.vip == 1", "%", "int, bool"),
        ("user.custom.level ? 'a' : 'b'", "a place that needs bool", "int"),
        ("user.custom.level.size() == 1", "size", "int"),
    ] {
        let error = user(source).unwrap_err();
        let told = matches!(&error, EvaluationError::NoSuchOverload { operation: other, types: of, .. }
            if other == operation && of == types);
        assert!(told, "{source}: {error:?}");
    }
}

#[test]
fn an_expression_about_people_is_none_about_groups_and_the_other_way_round() {
    let of_group = Scope::group("g1", "team-blue", "", MEMBERS, noon());
    let of_user = compiled("user.active", Subject::User);
    assert_eq!(
        of_user.evaluate(&of_group),
        Err(EvaluationError::WrongSubject { expected: "user" })
    );
    assert!(of_user.evaluate_filter(&of_group).is_err());
    // Nothing is read here that only a user has, and it is about a user all the same.
    assert_eq!(
        compiled("now > timestamp('2026-01-01T00:00:00Z')", Subject::User).evaluate(&of_group),
        Err(EvaluationError::WrongSubject { expected: "user" })
    );
    let record = ann();
    let of_ann = Scope::user(Record::new(&record), GROUPS, noon());
    let expected = Err(EvaluationError::WrongSubject { expected: "group" });
    assert_eq!(
        compiled("group.name == 'x'", Subject::Group).evaluate(&of_ann),
        expected
    );
    // What reads an attribute asks for itself too.
    for source in ["user.title", "user.active", "user.groups", "user.custom.vip"] {
        let expected = Err(EvaluationError::WrongSubject { expected: "user" });
        let expression = compiled(source, Subject::User);
        assert_eq!(expression.evaluate_with_cel(&of_group), expected, "{source}");
    }
    for source in ["group.name", "group.members"] {
        let expected = Err(EvaluationError::WrongSubject { expected: "group" });
        let expression = compiled(source, Subject::Group);
        assert_eq!(expression.evaluate_with_cel(&of_ann), expected, "{source}");
    }
    assert_eq!(of_user.source(), "user.active");
    assert_eq!(format!("{of_user:?}"), r#"Expression("user.active")"#);
}

#[test]
fn what_two_expressions_read_together_is_all_that_either_reads() {
    let of_user = compiled("user.custom.vip && user.startDate < now", Subject::User);
    let of_group = compiled("'u1' in group.members", Subject::Group);
    for (one, other) in [(&of_user, &of_group), (&of_group, &of_user)] {
        let both = one.reads().clone().union(other.reads());
        assert!(both.members && both.now && both.custom.contains("vip"));
        assert!(both.user.contains(Attribute::StartDate));
    }
}

#[test]
fn a_map_has_as_many_entries_as_a_list_at_most() {
    let map = |count: u32| {
        let letter = |number: u32| char::from_digit(10 + number % 26, 36).unwrap();
        let entries = (0..count).map(|number| format!("'{}{}':1", letter(number / 26), letter(number)));
        format!("{{{}}}['aa'] == 1", entries.collect::<Vec<_>>().join(","))
    };
    assert_eq!(user(&map(128)), Ok(Value::Bool(true)));
    assert!(refusal(&map(129)).contains("the map has too many entries"));
}

#[test]
fn what_an_expression_reads_twice_is_read_once() {
    for (source, subject, reads) in [
        ("user.title + user.title", Subject::User, 1),
        ("user.title + user.office", Subject::User, 2),
        ("user.custom.a == user.custom.a", Subject::User, 1),
        ("user.custom.a == user.custom.b", Subject::User, 2),
        ("has(user.custom.a) && has(user.custom.a)", Subject::User, 1),
        ("user.startDate < now && user.endDate > now", Subject::User, 3),
        ("group.name + group.name", Subject::Group, 1),
        ("group.name + group.description", Subject::Group, 2),
    ] {
        assert_eq!(compiled(source, subject).compiled.slots.len(), reads, "{source}");
    }
}
