//! Expressions that want to stall or stop the process. Each is refused, or fails for that person, with a clear message.

use std::time::Instant;

use super::*;
use crate::expression::limits;

/// The message with which a source is refused, which must come at once.
fn refused_at_once(source: &str) -> String {
    let start = Instant::now();
    let message = refusal(source);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it took {:?}: {source}",
        start.elapsed()
    );
    message
}

/// The message with which an evaluation fails, which must come soon.
fn fails_soon(source: &str, record: &[u8], groups: &[&str]) -> String {
    let expression = compiled(source, Subject::User);
    let start = Instant::now();
    let outcome = both_ways(&expression, &Scope::user(Record::new(record), groups, noon()));
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "it took {:?}: {source}",
        start.elapsed()
    );
    outcome.expect_err(source).to_string()
}

fn with_note(note: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    RecordWriter::new(&mut bytes).custom_text("note", note);
    bytes
}

#[test]
fn three_thousand_characters_of_sums_are_refused() {
    let message = refused_at_once(&format!("1{}", "+1".repeat(1500)));
    assert_eq!(message, "the expression has 3001 characters; at most 1024 are allowed");
    let message = refused_at_once(&format!("1{}", "+1".repeat(500)));
    assert!(
        message.ends_with("there are too many operators, dots and brackets; at most 400 are allowed"),
        "{message}"
    );
    let message = refused_at_once(&format!("1{}", "+1".repeat(100)));
    assert!(message.contains("at most"), "{message}");
    assert_eq!(user(&format!("1{}", "+1".repeat(16))), Ok(Value::Int(17)));
    let message = refused_at_once(&format!("1{}", "+1".repeat(17)));
    assert!(
        message.ends_with("there are too many +; at most 16 are allowed"),
        "{message}"
    );
}

#[test]
fn deep_nesting_of_every_kind_is_refused() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{'a':", "}"),
        ("size([", "])"),
        ("!(", ")"),
        ("-(", ")"),
    ] {
        let depth = 1000 / (open.len() + close.len());
        let message = refused_at_once(&format!("{}1{}", open.repeat(depth), close.repeat(depth)));
        assert!(message.contains("nested too deeply"), "{message}");
        refused_at_once(&open.repeat(900 / open.len()));
    }
    for chain in [
        "user.custom.a".to_owned() + &".b".repeat(380),
        "user.custom.a".to_owned() + &"[0]".repeat(150),
    ] {
        let message = refused_at_once(&chain);
        assert!(message.contains("nested too deeply"), "{message}");
    }
    // The parser takes two ! or two - for none.
    compiled(&format!("{}true", "!".repeat(399)), Subject::User);
    refused_at_once(&format!("{}true", "!-".repeat(199)));
    let message = refused_at_once(&format!("{}1", "true?1:".repeat(100)));
    assert!(message.contains("too many conditions"), "{message}");
    let message = refused_at_once(&format!("{}'a'", "'a'".to_owned() + &".trim()".repeat(100) + "=="));
    assert!(message.contains("nested too deeply"), "{message}");
    refused_at_once(&"a".repeat(1024));
    refused_at_once(&"\"".repeat(1024));
    refused_at_once(&"'''\\".repeat(256));
    refused_at_once(&"a?".repeat(16));
    refused_at_once(&"?:".repeat(8));
    refused_at_once(&"\u{0}\u{202e}\u{1f600}".repeat(300));
}

#[test]
fn nested_and_chained_loops_are_refused() {
    let nested = "all, exists, filter and map can't stand inside or after one another";
    for source in [
        "user.groups.map(a, user.groups.map(b, user.groups.map(c, a)))",
        "user.groups.all(a, user.groups.exists(b, a == b))",
        "user.groups.filter(a, user.groups.exists_one(b, a == b))",
        "user.groups.map(a, [a, a]).map(b, [b, b]).map(c, [c, c])",
        "user.groups.filter(a, true).exists(b, b == '')",
        "[user.groups.map(a, a)].map(b, b)",
        "(user.active ? user.groups.map(a, a) : []).map(b, b)",
        "user.groups.map(a, a).join(',').split(',').exists(b, true)",
        "user.custom.a.map(a, a)[0].b.map(b, b)",
    ] {
        let message = refused_at_once(source);
        assert!(message.contains(nested), "{source}: {message}");
    }
    let four = ["user.groups.exists(g, g == '')"; 4].join(" || ");
    assert_eq!(user(&four), Ok(Value::Bool(false)));
    let five = ["user.groups.exists(g, g == '')"; 5].join(" || ");
    assert!(refused_at_once(&five).ends_with("there are too many all, exists, filter and map; at most 4 are allowed"));
    assert!(refused_at_once("user.groups.map(now, now)").contains("can't be called now"));
}

#[test]
fn texts_and_lists_do_not_grow_in_loops() {
    let joins = "+ joins a text and a literal only";
    for source in [
        "user.groups.map(x, x + x)",
        "user.groups.map(x, x + user.title)",
        "user.custom.tags.map(x, x + x + x + x)",
        "user.groups.map(x, [x] + [x])",
    ] {
        let message = refused_at_once(source);
        assert!(message.contains(joins), "{source}: {message}");
    }
}

#[test]
fn the_work_of_a_loop_is_bounded() {
    let names: Vec<String> = (0..20_000).map(|number| format!("group-{number}")).collect();
    let groups: Vec<&str> = names.iter().map(String::as_str).collect();
    let too_much = "the expression does too much work on these values";
    let squares = "user.groups.all(g, g in user.groups && g in user.groups && size(user.groups) > 0)";
    assert_eq!(fails_soon(squares, &[], &groups), too_much);
    // `||` and `exists` swallow an error, but not this one.
    assert_eq!(
        fails_soon(
            "user.groups.exists(g, g in user.groups && g == 'x') || true",
            &[],
            &groups
        ),
        too_much
    );
    let note = with_note(&"a,".repeat(8000));
    let search = "user.custom.note.split(',').exists(x, user.custom.note.contains('b') || user.custom.note == x)";
    assert_eq!(fails_soon(search, &note, &[]), too_much);
    let grow = "user.groups.map(x, x.replace('', '0123456789012345678901234567890123456789'))";
    assert!(fails_soon(grow, &[], &groups[..2000]).starts_with("the expression gives a list of 2000 values"));
    let grow = "user.groups.map(x, user.custom.note.replace(',', '0123')).size() > 0";
    assert_eq!(fails_soon(grow, &note, &groups), too_much);
}

#[test]
fn texts_do_not_grow_without_bound() {
    let x = "x".repeat(400);
    let replaced = fails_soon(
        &format!("user.custom.note.replace('', '{x}')"),
        &with_note(&"a".repeat(4000)),
        &[],
    );
    assert_eq!(replaced, "replace() failed: the result is longer than 65536 bytes");
    let chained = format!("'aaaaaaaa'{}", ".replace('a', 'aaaaaaaa')".repeat(8));
    assert_eq!(
        fails_soon(&chained, &[], &[]),
        "replace() failed: the result is longer than 65536 bytes"
    );
    let joined = format!("user.custom.note.split('').join('{x}')");
    assert_eq!(
        fails_soon(&joined, &with_note(&"a".repeat(4000)), &[]),
        "join() failed: the result is longer than 65536 bytes"
    );
    let sum = ["user.custom.note"; 16].join(" + ");
    assert_eq!(
        fails_soon(&sum, &with_note(&"a".repeat(16_000)), &[]),
        "the expression gives a text of 256000 bytes; at most 4096 are allowed"
    );
}

#[test]
fn a_pattern_that_backtracks_elsewhere_is_harmless_here_and_a_huge_one_is_refused() {
    assert_eq!(
        user("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a+)+$')"),
        Ok(Value::Bool(false))
    );
    let too_large = "the pattern is too large when compiled, in bytes; at most 65536 are allowed";
    assert!(refused_at_once("'a'.matches('(a{1000}){1000}')").ends_with(too_large));
    assert!(refused_at_once("'a'.matches('\\\\pL{300}')").ends_with(too_large));
    let nested = format!("'a'.matches('{}a{}')", "(".repeat(60), ")".repeat(60));
    assert!(refused_at_once(&nested).contains("is no regular expression"));
    let record = with_note(&"ab".repeat(2500));
    let message = fails_soon("user.custom.note.matches('(a|b)*c')", &record, &[]);
    assert_eq!(message, "matches() failed: the text is longer than 4096 bytes");
    let slow = with_note(&"a".repeat(4000));
    let start = Instant::now();
    assert_eq!(
        user_of("user.custom.note.matches('(.*a){20}b')", &slow),
        Ok(Value::Bool(false))
    );
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn giant_lists_and_maps_are_refused() {
    let items = vec!["1"; 129].join(",");
    assert!(
        refused_at_once(&format!("1 in [{items}]")).ends_with("the list has too many values; at most 128 are allowed")
    );
    let entries: Vec<_> = (0..129).map(|number| format!("'{number}':1")).collect();
    let message = refused_at_once(&format!("'a' in {{{}}}", entries.join(",")));
    assert!(message.contains("at most"), "{message}");
    compiled(&format!("1 in [{}]", vec!["1"; 128].join(",")), Subject::User);
}

#[test]
fn an_expression_has_600_parts_at_most() {
    // An equation of two lists, each with comparisons of three parts.
    let comparisons = |count| vec!["1<2"; count].join(",");
    let parts = |more: &str| format!("[{}]==[{}{more}]", comparisons(100), comparisons(99));
    assert_eq!(user(&parts("")), Ok(Value::Bool(false)));
    let message = refused_at_once(&parts(",1"));
    assert!(
        message.ends_with("the expression has too many parts; at most 600 are allowed"),
        "{message}"
    );
}

#[test]
fn giant_inputs_fail_for_that_person() {
    let long = with_note(&"x".repeat(limits::INPUT_TEXT + 1));
    assert_eq!(
        fails_soon("user.custom.note == 'x'", &long, &[]),
        "user.custom.note is too long for an expression: at most 16384 bytes are read"
    );
    let mut bytes = Vec::new();
    RecordWriter::new(&mut bytes).text(Attribute::Title, &"x".repeat(limits::INPUT_TEXT + 1));
    assert_eq!(
        fails_soon("user.title == 'x'", &bytes, &[]),
        "user.title is too long for an expression: at most 16384 bytes are read"
    );
    assert_eq!(
        fails_soon("'a' in user.groups", &[], &["x".repeat(20_000).as_str()]),
        "user.groups is too long for an expression: at most 100000 values of 16384 bytes are read"
    );
    let mut bytes = Vec::new();
    RecordWriter::new(&mut bytes).custom("list", &json!(vec!["0123456789"; 10_000]));
    assert_eq!(
        fails_soon("'a' in user.custom.list", &bytes, &[]),
        "user.custom.list is too long for an expression: at most 65536 bytes are read"
    );
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let mut bytes = Vec::new();
    RecordWriter::new(&mut bytes).custom("deep", &deep);
    assert_eq!(
        user_of("user.custom.deep == user.custom.deep", &bytes),
        Ok(Value::Bool(true))
    );
}

#[test]
fn outputs_are_bounded() {
    let names: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let groups: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(
        fails_soon("user.groups", &[], &groups),
        "the expression gives a list of 300 values; at most 256 are allowed"
    );
    assert_eq!(
        fails_soon("user.groups.map(g, g)", &[], &groups),
        "the expression gives a list of 300 values; at most 256 are allowed"
    );
    let mut bytes = Vec::new();
    RecordWriter::new(&mut bytes).text(Attribute::Title, &"x".repeat(5000));
    assert_eq!(
        fails_soon("user.title", &bytes, &[]),
        "the expression gives a text of 5000 bytes; at most 4096 are allowed"
    );
    assert_eq!(
        fails_soon("[user.title]", &bytes, &[]),
        "the expression gives a text of 5000 bytes; at most 4096 are allowed"
    );
}

#[test]
fn arithmetic_that_fails_is_that_persons_failure() {
    for (source, error) in [
        ("user.custom.level / 0", EvaluationError::DivisionByZero),
        ("user.custom.level % 0", EvaluationError::DivisionByZero),
        ("1 / 0", EvaluationError::DivisionByZero),
        ("9223372036854775807 + user.custom.level", EvaluationError::Overflow),
        ("-9223372036854775807 - user.custom.level", EvaluationError::Overflow),
        ("9223372036854775807 * user.custom.level", EvaluationError::Overflow),
        (
            "timestamp('9999-12-31T00:00:00Z') + duration('48h')",
            EvaluationError::Overflow,
        ),
        ("duration('2000000h') + duration('2000000h')", EvaluationError::Overflow),
        ("user.groups[99]", EvaluationError::NoSuchIndex),
        ("user.groups[-1]", EvaluationError::NoSuchIndex),
        ("{'a': 1}[user.title]", EvaluationError::NoSuchKey),
        ("user.custom.address.street", EvaluationError::NoSuchKey),
    ] {
        let failed = user(source).unwrap_err();
        assert_eq!(failed, error, "{source}");
    }
    assert!(matches!(user("int(user.title)"), Err(EvaluationError::Function { .. })));
    assert!(matches!(
        user("int(1e300)"),
        Err(EvaluationError::Function { .. } | EvaluationError::Overflow)
    ));
    assert!(matches!(
        user("user.title.substring(99)"),
        Err(EvaluationError::Function { .. })
    ));
}

#[test]
fn no_message_repeats_what_the_directory_says() {
    let record = with_note("secret");
    for source in [
        "int(user.custom.note)",
        "timestamp(user.custom.note)",
        "user.custom.note + 1.5 == user.custom.note",
        "user.custom.note > 1",
        "user.custom.note && true",
        "-user.custom.note",
        "{'a': 1}[user.custom.note]",
        "user.custom.note.field",
        "user.custom.note[0]",
        "1 in user.custom.note",
        "user.custom.note.map(x, x)",
        "user.custom.note ? 1 : 2",
        "user.custom.note.substring(50)",
        "[1][user.custom.note]",
        "now.getHours(user.custom.note)",
        "duration(user.custom.note)",
        "bool(user.custom.note)",
        "double(user.custom.note)",
    ] {
        let Ok(expression) = Expression::compile(source, Subject::User) else {
            continue;
        };
        let failed = expression.evaluate(&Scope::user(Record::new(&record), &[], noon()));
        let message = format!("{source}: {}", failed.unwrap_err());
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn the_deepest_expression_fits_the_stack_of_a_worker_thread() {
    let deepest = format!("user.title{} == 'x'", ".trim()".repeat(limits::DEPTH - 2));
    compiled(&deepest, Subject::User);
    assert!(
        refusal(&format!("user.title{} == 'x'", ".trim()".repeat(limits::DEPTH - 1))).contains("nested too deeply")
    );
    let run = move || compiled(&deepest, Subject::User).evaluate_with_cel(&Scope::user(Record::new(&[]), &[], noon()));
    let small = std::thread::Builder::new().stack_size(1024 * 1024).spawn(run).unwrap();
    assert_eq!(small.join().unwrap(), Ok(Value::Bool(false)));
}

/// A value that panics when it is compared.
#[derive(Clone, Debug)]
struct Bomb;

impl cel::common::value::Val for Bomb {
    fn get_type(&self) -> &cel::common::types::Type {
        &cel::common::types::NULL_TYPE
    }

    fn cel_type() -> &'static cel::common::types::Type {
        &cel::common::types::NULL_TYPE
    }

    fn equals(&self, _: &dyn cel::common::value::Val) -> bool {
        panic!("a bug in the evaluator")
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn cel::common::value::Val + 'v> {
        Box::new(self.clone())
    }
}

#[test]
fn a_panic_of_the_evaluator_is_that_persons_failure() {
    let mut expression = compiled("user.startDate == null", Subject::User);
    let compiled = std::sync::Arc::get_mut(&mut expression.compiled).unwrap();
    compiled.slots[0] = crate::expression::slot::Slot::Constant(Box::new(Bomb));
    let scope = Scope::user(Record::new(&[]), &[], noon());
    assert_eq!(expression.evaluate(&scope), Err(EvaluationError::Evaluator));
    assert_eq!(user("user.startDate != null"), Ok(Value::Bool(true)));
}

#[test]
fn as_much_as_is_allowed_is_read_and_given() {
    let mut bytes = Vec::new();
    let mut record = RecordWriter::new(&mut bytes);
    let longest = "x".repeat(limits::INPUT_TEXT);
    record.text(Attribute::Title, &longest);
    record.custom_text("note", &longest);
    record.custom_text("given", &longest[..limits::OUTPUT_TEXT]);
    // Numbers and commas between brackets: so many bytes of JSON.
    let numbers = limits::INPUT_JSON / 2 - 1;
    record.custom("list", &json!([vec![1; numbers - 1], vec![10]].concat()));
    for source in [
        "user.title.startsWith('x')",
        "user.custom.note.startsWith('x')",
        "size(user.custom.list) > 0",
    ] {
        assert_eq!(user_of(source, &bytes), Ok(Value::Bool(true)), "{source}");
    }
    let given = user_of("user.custom.given", &bytes);
    assert_eq!(given, text(&longest[..limits::OUTPUT_TEXT]));
    let names = vec!["g"; limits::OUTPUT_ITEMS];
    let record = Record::new(&bytes);
    let groups = |names: &[&str]| {
        let expression = compiled("user.groups", Subject::User);
        both_ways(&expression, &Scope::user(record, names, noon()))
    };
    assert_eq!(groups(&names), list(&names));
    let expression = compiled("user.groups.exists(g, g.startsWith('x'))", Subject::User);
    assert_eq!(
        both_ways(&expression, &Scope::user(record, &[&longest], noon())),
        Ok(Value::Bool(true))
    );
    assert!(groups(&[names, vec!["g"]].concat()).is_err());
}

#[test]
fn functions_in_a_loop_use_up_the_work_of_one_person() {
    let name = "a-".repeat(200);
    // So many can be read and compared.
    let names = vec![name.as_str(); 20_000];
    let compared = compiled("user.groups.exists(g, g == 'x')", Subject::User);
    let scope = Scope::user(Record::new(&[]), &names, noon());
    assert_eq!(compared.evaluate_with_cel(&scope), Ok(Value::Bool(false)));
    for source in [
        "user.groups.exists(g, g.split('-').join('+') == 'x')",
        "user.groups.exists(g, g.replace('a', 'b').matches('^(cd?){20}$'))",
    ] {
        let expression = compiled(source, Subject::User);
        let outcome = expression.evaluate_with_cel(&scope);
        assert_eq!(outcome, Err(EvaluationError::TooMuchWork), "{source}");
    }
}
