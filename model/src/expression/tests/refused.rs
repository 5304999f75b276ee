//! What is refused, and the words in which.

use super::*;
use crate::expression::ExpressionError;

#[test]
fn an_unknown_attribute_is_refused_with_the_nearest_name() {
    assert_eq!(
        refusal("user.departmnt"),
        "column 5: there is no user.departmnt; did you mean user.department?"
    );
    assert_eq!(
        refusal("user.active && user.Email == ''"),
        "column 20: there is no user.Email; did you mean user.email?"
    );
    assert_eq!(
        refusal("user.shoeSize"),
        "column 5: there is no user.shoeSize; an attribute of the directory's own is user.custom.shoeSize"
    );
    assert_eq!(
        refusal("user['titel']"),
        "column 5: there is no user.titel; did you mean user.title?"
    );
    let message = Expression::compile("group.title", Subject::Group)
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "column 6: there is no group.title; a group has id, name, description and members"
    );
}

#[test]
fn an_unknown_variable_is_refused_with_what_there_is() {
    assert_eq!(
        refusal("usr.title"),
        "column 1: there is no variable usr; did you mean user?"
    );
    assert_eq!(
        refusal("department == ''"),
        "column 1: there is no variable department; there are user and now"
    );
    assert_eq!(
        refusal("group.name"),
        "column 1: there is no variable group: this expression is about a user"
    );
    assert_eq!(
        refusal("user == null"),
        "column 1: user alone is no value; name one of its attributes, such as user.department"
    );
    assert_eq!(
        refusal("size(user.custom) > 0"),
        "column 10: user.custom alone is no value; name an attribute, such as user.custom.costCode"
    );
    assert_eq!(
        refusal("user.custom[user.title]"),
        "column 17: the name of an attribute must be written out, as a text"
    );
}

#[test]
fn an_unknown_function_is_refused_with_the_nearest_one() {
    assert_eq!(
        refusal("user.title.lowerASCII()"),
        "column 22: there is no function lowerASCII(); did you mean lowerAscii()?"
    );
    assert_eq!(
        refusal("user.title.reverse()"),
        "column 19: there is no function reverse()"
    );
    assert_eq!(
        refusal("lowerAscii(user.title)"),
        "column 11: lowerAscii is called as string.lowerAscii()"
    );
    assert_eq!(
        refusal("user.groups.contains('eng')"),
        "column 21: there is no list(string).contains(string), only string.contains(string)"
    );
    assert_eq!(
        refusal("user.title.replace('a')"),
        "column 19: there is no string.replace(string), only string.replace(string, string), \
         string.replace(string, string, int)"
    );
}

#[test]
fn parts_of_cel_that_are_not_offered_are_refused_by_name() {
    for (source, part) in [
        ("dyn(user.title)", "function dyn()"),
        ("type(user.title) == string", "function type()"),
        ("uint(1)", "function uint()"),
        ("bytes('a')", "function bytes()"),
        ("1u + 2u", "unsigned numbers (1u) are not supported"),
        ("b'abc'", "bytes (b\"…\") are not supported"),
        ("'%s'.format([1])", "function format()"),
        ("Person{name: 'a'}", "messages (Name{field: value})"),
        ("user.?title", "unsupported syntax"),
        ("[?user.title]", "unsupported syntax"),
        ("optional.of(1)", "function of()"),
        ("base64.encode(b'a')", "function encode()"),
        ("user.title.`a b`", "a name in backticks"),
        ("{user.title: 1}", "the keys and values of a map are literals"),
        ("{'a': 1, 'a': 2}", "the key \"a\" stands twice"),
    ] {
        let message = refusal(source);
        assert!(message.contains(part), "{source}: {message}");
    }
}

#[test]
fn has_is_refused_where_it_is_always_true() {
    let always = |source: &str, instead: &str| {
        let message = refusal(source);
        assert!(
            message.ends_with(&format!("is always present; write {instead} in place of has()")),
            "{message}"
        );
    };
    always("has(user.department)", "user.department != \"\"");
    always("has(user.endDate)", "user.endDate != null");
    always("has(user.groups)", "size(user.groups) > 0");
    always("has(user.active)", "user.active");
}

#[test]
fn types_that_do_not_fit_are_refused() {
    for (source, message) in [
        (
            "user.active == 'true'",
            "column 13: a bool and a string are never equal",
        ),
        (
            "user.title == null",
            "column 12: a string and a null are never equal: an absent text is \"\"",
        ),
        (
            "user.groups == null",
            "column 13: a list(string) and a null are never equal: an absent list is []",
        ),
        (
            "user.title && user.active",
            "column 12: && can't take a string and a bool",
        ),
        ("!user.title", "column 1: ! can't take a string"),
        (
            "user.title + 1",
            "column 12: + can't join a string and an int; make a text with string(…)",
        ),
        ("user.title - 'a'", "column 12: - can't take a string and a string"),
        (
            "'a' in user.title",
            "column 5: in looks into a list or a map; for a part of a text write text.contains(part)",
        ),
        ("1 in user.groups", "column 3: in can't take an int and a list(string)"),
        (
            "user.startDate > '2026-01-01'",
            "column 16: > can't take a timestamp and a string",
        ),
        (
            "user.title ? 1 : 2",
            "column 5: the condition before ? is a string, not a bool",
        ),
        ("user.title[0]", "column 11: a string can't be indexed"),
        ("user.groups['a']", "column 13: the index is a string, not an int"),
        ("user.title.name", "column 11: a string has no field name"),
        (
            "user.title.all(x, true)",
            "column 15: a string is no list to go through",
        ),
        (
            "user.groups.all(x, x)",
            "column 20: the condition is a string, not a bool",
        ),
        (
            "user.title.exists()",
            "column 18: it is called as list.exists(x, condition)",
        ),
        (
            "timestamp('2026-01-01')",
            "column 10: this is no timestamp; write it as timestamp(\"2026-01-31T00:00:00Z\")",
        ),
        (
            "duration('2d')",
            "column 9: this is no duration; write it as duration(\"36h30m\") (days are \"24h\" each)",
        ),
    ] {
        assert_eq!(refusal(source), message, "{source}");
    }
}

#[test]
fn what_is_no_cel_is_refused_where_the_parser_stumbles() {
    for (source, message) in [
        ("user.active &&", "column 15: the expression ends too early"),
        ("(user.active", "column 13: a ) is missing at the end"),
        ("user.title == 'a", "column 15: a text that begins here is not closed"),
        ("user.title = 'a'", "column 12: = is no operator; write == to compare"),
        ("user.active & user.active", "column 13: & is no operator; write &&"),
        (
            "user.active and user.title == ''",
            "column 13: and is not expected here; write &&",
        ),
        // A backtick in a text is not what is wrong here.
        ("user.title == '`' &&", "column 21: the expression ends too early"),
        ("user.title 'a'", "column 12: 'a' is not expected here"),
        ("user.active\n  && )", "line 2, column 6: ) is not expected here"),
        (
            "user.title == \u{201e}a\u{201c}",
            "column 15: \u{201e} is not understood here",
        ),
    ] {
        assert_eq!(refusal(source), message, "{source}");
    }
    assert_eq!(refusal("  "), "the expression is empty");
}

#[test]
fn a_pattern_must_be_written_out_and_be_one() {
    assert_eq!(
        refusal("user.title.matches(user.department)"),
        "column 24: the pattern of matches() must be written out, as a text"
    );
    assert_eq!(
        refusal("user.title.matches('(a')"),
        "column 20: the pattern of matches() is no regular expression: unclosed group"
    );
    assert_eq!(
        refusal("user.title.matches('(?=a)')"),
        "column 20: the pattern of matches() is no regular expression: look-around, including look-ahead and look-behind, is not supported"
    );
}

#[test]
fn an_expression_must_give_what_its_place_needs() {
    let filter = Expression::compile_filter("user.title", Subject::User).unwrap_err();
    assert_eq!(
        filter.to_string(),
        "the expression gives a string, but a bool is needed"
    );
    let text = Expression::compile_text("user.groups", Subject::User).unwrap_err();
    assert_eq!(
        text.to_string(),
        "the expression gives a list(string), but a string is needed"
    );
    let attribute = Expression::compile_attribute("{'a': 1}", Subject::User).unwrap_err();
    assert!(matches!(attribute, ExpressionError::Result { .. }));
    Expression::compile_filter("user.custom.vip", Subject::User).unwrap();
    Expression::compile_text("user.custom.costCode", Subject::User).unwrap();
    Expression::compile_text("user.active ? user.title : null", Subject::User).unwrap();
    Expression::compile_attribute("user.groups.map(g, g.split('-'))", Subject::User).unwrap_err();
}

#[test]
fn each_operator_takes_what_it_can_and_says_what_it_cannot() {
    for source in [
        "user.startDate + duration('1h') < now",
        "duration('1h') + user.startDate < now",
        "now - now == duration('1h')",
        "now - duration('1h') < now",
        "user.custom.a + ['x'] == ['x']",
        "1.5 * 2.0 == 3.0",
        "user.custom.a * 2 == 4",
        "user.custom.a % 2 == 0",
        "7 % 2 == 1",
    ] {
        Expression::compile(source, Subject::User).unwrap_or_else(|error| panic!("{source}: {error}"));
    }
    for (source, message) in [
        ("5.5 % 2.0 == 1.0", "% can't take a double and a double"),
        ("user.custom.a * 'x' == 1", "* can't take a dyn and a string"),
        ("1 < 'a'", "< can't take an int and a string"),
        ("user.custom.a < [1]", "< can't take a dyn and a list(int)"),
        (
            "1 + 'a' == 'x'",
            "+ can't join an int and a string; make a text with string(…)",
        ),
        ("[1] + 1 == [1]", "+ can't take a list(int) and an int"),
    ] {
        assert!(refusal(source).contains(message), "{source}: {}", refusal(source));
    }
}

#[test]
fn a_macro_that_is_called_wrongly_is_refused_with_the_way_to_call_it() {
    for (source, message) in [
        (
            "has(user.custom.a, 1)",
            "column 4: has() takes an attribute that may be absent: has(user.custom.name)",
        ),
        (
            "user.groups.map(g)",
            "column 16: it is called as list.map(x, value) or list.map(x, condition, value)",
        ),
        (
            "user.groups.filter(g)",
            "column 19: it is called as list.filter(x, condition)",
        ),
    ] {
        assert_eq!(refusal(source), message, "{source}");
    }
}
