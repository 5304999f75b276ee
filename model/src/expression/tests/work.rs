//! What an evaluation costs, in the units of its budget.

use super::*;
use crate::expression::{fuel, limits};

/// The units that the evaluator takes for [`ann`].
fn spent(source: &str) -> u64 {
    let record = ann();
    let scope = Scope::user(Record::new(&record), GROUPS, noon());
    compiled(source, Subject::User)
        .evaluate_with_cel(&scope)
        .unwrap_or_else(|error| panic!("{source}: {error}"));
    limits::FUEL - fuel::left()
}

#[test]
fn to_read_costs_a_unit_for_each_value_and_each_16_bytes() {
    for (source, units) in [
        ("user.active", 0),
        ("user.title", 1),
        ("user.custom.vip", 1),
        ("user.custom.tags", 1 + 2),
        ("user.custom.address.city", 1 + 2),
        ("user.groups", 1 + 3),
    ] {
        assert_eq!(spent(source), units, "{source}");
    }
}

#[test]
fn a_loop_costs_the_parts_of_its_body_and_what_it_makes_in_each_round() {
    let read = 1 + 3;
    for (source, round) in [
        ("user.groups.all(g, g != '')", 3),
        ("user.groups.map(g, g + '!')", 3 + 1),
        ("user.groups.map(g, g + '0123456789abcdef')", 3 + 2),
        ("user.groups.map(g, [g].size())", 3),
        ("user.groups.map(g, [g])[0].size() == 1", 2 + 1),
        // The value's charge has the condition's parts in it once more.
        ("user.groups.filter(g, g != '')", 3 + 4 + 1),
        ("user.groups.map(g, g != '', g)", 3 + 4 + 1),
        // What stands before the loop is no part of it.
        ("1 in [1, 2, 3, 4] && user.groups.all(g, g != '')", 3),
        ("1 in [1, 2, 3, 4] && user.groups.map(g, g + '!').size() == 3", 3 + 1),
    ] {
        assert_eq!(spent(source), read + 3 * round, "{source}");
    }
}

#[test]
fn a_function_that_makes_or_searches_a_text_costs_what_it_looks_at() {
    let text = "a".repeat(400);
    for (call, units) in [
        (".matches('^a')", 1 + 100),
        (".matches('^(ab?){50}')", 1 + 100 * 16),
        (".matches('^(ab?){250}')", 1 + 100 * 64),
        (".replace('b', 'c')", 1 + 25),
        (".split('b')", 1 + 25 + 1),
        (".split('b').join()", 1 + 25 + 1 + 1 + 1 + 25),
    ] {
        assert_eq!(spent(&format!("'{text}'{call}")), units, "{call}");
    }
}
