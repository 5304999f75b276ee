//! The direct way and the evaluator give the same, for any expression of the usual shapes and any person.

use proptest::prelude::*;

use super::*;
use crate::{attribute::ATTRIBUTES, attribute::Kind, expression::direct::Direct};

/// A literal that often equals, or is part of, what a record holds.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[abA]{1,3}",
        Just("\u{fc}b".to_owned()),
        "[ a]{0,3}"
    ]
}

fn quoted() -> impl Strategy<Value = String> {
    word().prop_map(|word| format!("'{word}'"))
}

fn text_source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        quoted(),
        (0..ATTRIBUTES.len()).prop_map(|index| match ATTRIBUTES[index].kind {
            Kind::Text => format!("user.{}", ATTRIBUTES[index].name),
            _ => "user.title".to_owned(),
        }),
        "[xyz]".prop_map(|name| format!("user.custom.{name}")),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|text| format!("({text}).lowerAscii()")),
            inner.clone().prop_map(|text| format!("({text}).upperAscii()")),
            inner.clone().prop_map(|text| format!("({text}).trim()")),
            (inner.clone(), quoted(), quoted()).prop_map(|(text, a, b)| format!("({text}).replace({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(user.active ? {a} : {b})")),
        ]
    })
}

/// A condition about the variable `i` of a loop.
fn item_source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        quoted().prop_map(|word| format!("i == {word}")),
        quoted().prop_map(|word| format!("i.startsWith({word})")),
        quoted().prop_map(|word| format!("i.lowerAscii().contains({word})")),
        quoted().prop_map(|word| format!("i in ['x', {word}]")),
        Just("i.matches('^a')".to_owned()),
        Just("i == user.title".to_owned()),
        Just("i in user.emails".to_owned()),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|flag| format!("!({flag})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} || {b})")),
        ]
    })
}

fn list_source() -> impl Strategy<Value = String> {
    let range = prop_oneof![Just("user.groups"), Just("user.emails"), Just("['a', 'B', '']")];
    let value = prop_oneof![
        Just("i"),
        Just("'x-' + i"),
        Just("i.replace('a', 'bb')"),
        Just("i.trim().upperAscii()")
    ];
    prop_oneof![
        prop::collection::vec(text_source(), 1..4).prop_map(|texts| format!("[{}]", texts.join(", "))),
        (range.clone(), item_source()).prop_map(|(range, flag)| format!("{range}.filter(i, {flag})")),
        (range.clone(), value.clone()).prop_map(|(range, value)| format!("{range}.map(i, {value})")),
        (range, item_source(), value).prop_map(|(range, flag, value)| format!("{range}.map(i, {flag}, {value})")),
    ]
}

fn flag_source() -> impl Strategy<Value = String> {
    let list = prop_oneof![
        Just("user.groups".to_owned()),
        Just("user.emails".to_owned()),
        prop::collection::vec(quoted(), 1..4).prop_map(|items| format!("[{}]", items.join(", "))),
    ];
    let sized = prop_oneof![Just("user.groups"), Just("user.emails")];
    let compared = prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let leaf = prop_oneof![
        Just("user.active".to_owned()),
        Just("true".to_owned()),
        Just("(user.active == false)".to_owned()),
        "[xyz]".prop_map(|name| format!("has(user.custom.{name})")),
        (text_source(), text_source()).prop_map(|(a, b)| format!("({a} == {b})")),
        (text_source(), text_source()).prop_map(|(a, b)| format!("({a} != {b})")),
        (text_source(), quoted()).prop_map(|(a, b)| format!("({a}).startsWith({b})")),
        (text_source(), quoted()).prop_map(|(a, b)| format!("({a}).endsWith({b})")),
        (text_source(), quoted()).prop_map(|(a, b)| format!("({a}).contains({b})")),
        text_source().prop_map(|text| format!("({text}).matches('^a.?$')")),
        (text_source(), list).prop_map(|(text, list)| format!("({text} in {list})")),
        (
            Just("user.groups"),
            prop_oneof![Just("all"), Just("exists"), Just("exists_one")],
            item_source()
        )
            .prop_map(|(list, name, flag)| format!("{list}.{name}(i, {flag})")),
        (sized, compared, 0..4).prop_map(|(list, sign, number)| format!("(size({list}) {sign} {number})")),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|flag| format!("!({flag})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a} || {b})")),
        ]
    })
}

prop_compose! {
    fn record()(
        texts in prop::collection::vec((0..ATTRIBUTES.len(), word()), 0..20),
        active in any::<bool>(),
        customs in prop::collection::btree_map("[xyz]", prop_oneof![
            word().prop_map(serde_json::Value::from),
            Just(json!(7)),
            Just(json!("quoted \" text")),
            Just(json!(["a"])),
        ], 0..3),
    ) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut record = RecordWriter::new(&mut bytes);
        for (index, text) in &texts {
            if !matches!(ATTRIBUTES[*index].kind, Kind::Flag) {
                record.text(ATTRIBUTES[*index].attribute, text);
            }
        }
        record.active(active);
        for (name, value) in &customs {
            record.custom(name, value);
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_agree(
        source in prop_oneof![
            text_source(),
            flag_source(),
            list_source(),
        ],
        records in prop::collection::vec((record(), prop::collection::vec(word(), 0..4)), 1..8),
    ) {
        prop_assume!(source.chars().count() <= 1024);
        let Ok(expression) = Expression::compile(&source, Subject::User) else {
            // Too many `+`, or two literals of a kind that are never equal.
            return Ok(());
        };
        for (record, groups) in &records {
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            let scope = Scope::user(Record::new(record), &groups, noon());
            prop_assert_eq!(expression.evaluate(&scope), expression.evaluate_with_cel(&scope), "{}", source);
        }
    }
}

/// The direct way gives an answer, and the evaluator's.
fn taken_directly(source: &str, subject: Subject, scope: &Scope<'_>) {
    let expression = compiled(source, subject);
    let direct = expression.compiled.direct.as_ref();
    let direct = direct.and_then(|direct| direct.evaluate(scope));
    assert_eq!(direct.map(Ok), Some(expression.evaluate_with_cel(scope)), "{source}");
    if let Some(Direct::Flag(flag)) = &expression.compiled.direct {
        assert_eq!(
            flag.answer(scope).map(Ok),
            Some(expression.evaluate_filter(scope)),
            "{source}"
        );
    }
}

#[test]
fn the_usual_shapes_are_taken_directly() {
    let record = ann();
    let scope = Scope::user(Record::new(&record), GROUPS, noon());
    for source in [
        "user.department",
        "user.active && user.employeeType != 'Contractor'",
        "user.active && user.employeeType == 'Contractor' || user.title == 'Senior Engineer'",
        "user.department in ['Sales', 'Support']",
        "user.department in ['Sales', 'R&D']",
        "'admins' in user.groups",
        "'eng-all' in user.groups",
        "'ann.lee@acme.test' in user.emails",
        "[user.division, user.custom.costCode]",
        "['a', user.title.upperAscii()]",
        "user.givenName + ' ' + user.familyName",
        "user.title.lowerAscii().replace(' ', '-')",
        "(' ' + user.title + ' ').trim()",
        "user.title.matches('^Senior')",
        "user.title.startsWith('Senior')",
        "user.title.endsWith('Engineer')",
        "user.title.contains('ior E')",
        "user.custom.costCode == 'C-17'",
        "user.department == '' ? 'none' : user.department",
        "true",
        "user.active == true",
        "false == user.active",
        "has(user.custom.vip)",
        "!has(user.custom.nothing)",
        "size(user.groups) == 3",
        "size(user.groups) > 2",
        "size(user.groups) > 3",
        "size(user.groups) >= 3",
        "size(user.groups) < 4",
        "size(user.groups) <= 2",
        "size(user.emails) == 2",
        "user.emails.exists(e, e.endsWith('@acme.test'))",
        "user.groups.exists(g, g.startsWith('eng-')) && !user.groups.all(g, g.endsWith('x'))",
        "user.groups.filter(g, g.startsWith('eng-'))",
        "user.groups.map(g, g.startsWith('eng-'), 'team-' + g)",
        "user.groups.map(g, g.upperAscii())",
        "['Staff', 'Senior'].map(t, t + ' Engineer')",
        "['a', 'b'].exists(x, x == 'b')",
    ] {
        taken_directly(source, Subject::User, &scope);
    }
    let scope = Scope::group("g1", "team-blue", "The blue team", MEMBERS, noon());
    for source in [
        "group.id",
        "group.name.replace('team-', '')",
        "group.description.contains('blue')",
        "size(group.members) > 0",
        "'u1' in group.members",
        "group.members.exists(m, m == 'u3')",
    ] {
        taken_directly(source, Subject::Group, &scope);
    }
}
