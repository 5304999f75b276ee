//! Names, phone and attributes: what is written, what stays, what is taken away.

use directory_sync_model::{desired::FailureReason, value::AttributeValue};

use crate::support::{RulesWords, World, directory, group, person, platform, rules, user};

#[test]
fn what_differs_is_written_and_nothing_else() {
    let mut world = World::new(
        directory().with(person("ann").given_name("Ann").phone("2")),
        rules().everybody(),
        platform().with(user("ann").managed().phone("1")),
    );
    assert_eq!(
        world.sync().changes,
        [r#"update ann: givenName "" -> "Ann", phone "1" -> "2""#]
    );
}

#[test]
fn a_field_that_the_directory_does_not_tell_stays_as_it_is() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform().with(user("ann").managed().phone("+44 20 7946 0000")),
    );
    world.platform.user_mut("ann").display_name = "Ann by hand".to_owned();
    world.sync().nothing();
}

#[test]
fn a_rule_for_a_field_that_yields_nothing_clears_it() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody().attribute("phone", "user.phone"),
        platform().with(user("ann").managed().phone("+44 20 7946 0000")),
    );
    assert_eq!(world.sync().changes, [r#"update ann: phone "+44 20 7946 0000" -> """#]);
}

#[test]
fn a_rule_of_a_fields_name_sets_the_field() {
    let mut world = World::new(
        directory().with(person("ann").department("Sales")),
        rules()
            .everybody()
            .attribute("displayName", "user.department + ' ' + user.id"),
        platform(),
    );
    world.sync();
    assert_eq!(world.platform.user("ann").display_name, "Sales ann");
    assert!(world.platform.user("ann").attributes.is_empty());
}

#[test]
fn an_attribute_is_set_changed_and_taken_away_when_it_is_absent() {
    let mut world = World::new(
        directory().with(person("ann").department("Sales")),
        rules()
            .everybody()
            .attribute("department", "user.department")
            .value("source", "acme"),
        platform().with(user("ann").managed().attribute("hand", "made")),
    );
    assert_eq!(
        world.sync().changes,
        [r#"update ann: department "" -> "Sales", source "" -> "acme""#]
    );
    world.directory.person("ann").department = "Support".to_owned();
    assert_eq!(world.sync().changes, [r#"update ann: department "Sales" -> "Support""#]);
    world.directory.person("ann").department = String::new();
    assert_eq!(world.sync().changes, [r#"update ann: department "Support" -> """#]);
    let names: Vec<_> = world.platform.user("ann").attributes.keys().collect();
    assert_eq!(names, ["hand", "source"]);
}

#[test]
fn an_attribute_that_no_rule_names_stays_as_it_is() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform().with(user("ann").managed().attribute("hand", "made")),
    );
    world.sync().nothing();
}

#[test]
fn an_empty_value_is_no_value() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody().value("note", " "),
        platform().with(user("ann").managed().attribute("note", "")),
    );
    world.sync().nothing();
    world.directory.add(person("bob"));
    world.sync();
    assert!(world.platform.user("bob").attributes.is_empty());
}

#[test]
fn tags_are_a_list_whatever_gives_them_and_each_counts_once() {
    let list = |items: &[&str]| AttributeValue::List(items.iter().map(|item| (*item).to_owned()).collect());
    let mut world = World::new(
        directory().with(person("ann").department("Sales")),
        rules().everybody().value("tags", "acme"),
        platform().with(user("ann").managed()),
    );
    world
        .platform
        .user_mut("ann")
        .attributes
        .insert("tags".to_owned(), list(&["acme"]));
    world.sync().nothing();

    let mut world = World::new(
        directory().with(person("ann").department("Sales")),
        rules()
            .everybody()
            .attribute("tags", "[user.department, 'b', user.department, '']"),
        platform(),
    );
    world.sync();
    assert_eq!(world.platform.user("ann").attributes["tags"], list(&["Sales", "b"]));
}

#[test]
fn the_order_in_which_a_directory_sends_groups_is_no_change_of_an_attribute() {
    let people = || directory().with(person("ann"));
    let (one, other) = (group("One").of(&["ann"]), group("Two").of(&["ann"]));
    let mut world = World::new(
        people().with(one.clone()).with(other.clone()),
        rules().everybody().attribute("groups", "user.groups"),
        platform(),
    );
    world.sync();
    world.directory = people().with(other).with(one);
    world.sync().nothing();
}

#[test]
fn an_expression_that_fails_leaves_that_person_exactly_as_he_is() {
    let mut world = World::new(
        directory().with_people(&["ann", "bob"]),
        rules()
            .everybody()
            .attribute("level", "user.id == 'ann' ? user.custom.level : 'x'"),
        platform().with(user("ann").managed().phone("1")),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create bob"]);
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::ExpressionFailed)]);
}

#[test]
fn a_person_with_two_addresses_has_the_primary_one() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody().attribute("mail", "user.emails"),
        platform().with(user("archer")),
    );
    let addresses = ["ann@acme.test", "archer@acme.test"].map(str::to_owned);
    world.directory.person("ann").emails = addresses.to_vec();
    // The other address is no reason to take a user over.
    assert_eq!(world.sync().changes, ["create ann"]);
    let ann = world.platform.user("ann");
    assert_eq!(ann.email, "ann@acme.test");
    assert_eq!(ann.attributes["mail"], AttributeValue::List(addresses.to_vec()));
}
