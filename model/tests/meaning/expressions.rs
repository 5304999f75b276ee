//! What expressions see, and what follows when one fails. The language itself is tested beside its code.

use directory_sync_model::{desired::FailureReason, value::AttributeValue};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

#[test]
fn absent_text_is_empty_a_list_is_empty_a_date_is_null_and_active_is_true() {
    let expression = "user.department == '' && user.emails == [] && user.startDate == null && user.active";
    let mut world = World::new(
        directory().with_people(&["ann"]),
        rules().everybody().who(expression),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann"]);
}

#[test]
fn groups_are_transitive_names() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("Outer").of(&["g-Inner"]))
            .with(group("Inner").of(&["ann"])),
        rules()
            .everybody()
            .who("'Outer' in user.groups")
            .attribute("groups", "user.groups"),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann"]);
    let names = ["Inner", "Outer"].map(str::to_owned).to_vec();
    assert_eq!(
        world.platform.user("ann").attributes["groups"],
        AttributeValue::List(names)
    );
}

#[test]
fn a_date_means_its_midnight_in_utc_and_now_is_an_argument() {
    // It is noon of 2026-03-01.
    let mut world = World::new(
        directory()
            .with(person("ann").starting("2026-03-01"))
            .with(person("bob").starting("2026-03-02"))
            .with(person("cid")),
        rules()
            .everybody()
            .who("user.startDate != null && user.startDate <= now"),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann"]);
}

#[test]
fn a_filter_or_a_made_group_that_fails_leaves_that_person_exactly_as_he_is() {
    let failing = "user.id == 'ann' ? user.custom.nothing == '' : true";
    let by_filter = rules().who(failing).with(mapping("A").to_team("T"));
    let by_group = rules()
        .with(mapping("made").of_people_who(failing).to_team("T"))
        .with(mapping("A"));
    for rules in [by_filter, by_group] {
        let mut world = World::new(
            directory()
                .with(person("ann").phone("1"))
                .with(person("bob"))
                .with(group("A").of(&["ann", "bob"])),
            rules,
            platform()
                .with(user("ann").managed().given("agent"))
                .team("T")
                .team("Old")
                .gave("Old", "ann"),
        );
        // So many that one failure is no doubt about the read.
        for number in 0..200 {
            world.directory.add(person(&format!("p{number}")));
        }
        let before = world.platform.user("ann").clone();
        let outcome = world.sync();
        assert!(outcome.changes.contains(&"add bob to T".to_owned()));
        assert_eq!(outcome.doubts, []);
        assert_eq!(world.platform.user("ann"), &before);
        assert_eq!(world.platform.members("Old"), ["ann"]);
    }
}

#[test]
fn nobody_who_is_disabled_is_kept_by_a_made_group_that_would_fail_on_him() {
    let mut world = World::new(
        directory().with(person("ann").disabled()),
        rules().with(mapping("made").of_people_who("user.custom.nothing == ''")),
        platform().with(user("ann").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["deactivate ann: disabled in the directory"]);
    assert_eq!((outcome.failures, outcome.doubts), (vec![], vec![]));
}

#[test]
fn whoever_fails_in_several_expressions_fails_once() {
    let failing = "user.custom.nothing == ''";
    let mut world = World::new(
        directory().with_people(&["ann"]),
        rules()
            .everybody()
            .who(failing)
            .with(mapping("one").of_people_who(failing))
            .with(mapping("two").of_people_who(failing)),
        platform(),
    );
    assert_eq!(
        world.sync().failures,
        [("ann".to_owned(), FailureReason::ExpressionFailed)]
    );
}

#[test]
fn nobody_fails_on_an_expression_that_does_not_concern_him() {
    let failing = "user.custom.nothing == ''";
    let mut world = World::new(
        directory()
            .with_people(&["unmapped"])
            .with(person("dan").disabled())
            .with(group("A").of(&["dan"])),
        rules().who(failing).with(mapping("A").giving("agent")),
        platform().with(user("dan").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["deactivate dan: disabled in the directory"]);
    assert_eq!(outcome.failures, []);
}
