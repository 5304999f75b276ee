//! A suspended mapping is frozen: neither adds nor removes.

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

/// Ann is in the group and has what it gives; Bob left it; New is new in it.
fn suspended(everybody: bool) -> World {
    let mut rules = rules()
        .with(mapping("A").to_team("T").to_inbox("I").giving("agent").suspended())
        .with(mapping("B").to_team("Other"));
    if everybody {
        rules = rules.everybody();
    }
    World::new(
        directory()
            .with_people(&["ann", "bob", "new", "both"])
            .with(group("A").of(&["ann", "new", "both"]))
            .with(group("B").of(&["both"])),
        rules,
        platform()
            .with(user("ann").managed().given("agent"))
            .with(user("bob").managed().given("agent"))
            .with(user("both").managed().given("agent"))
            .team("T")
            .team("Other")
            .inbox("I", "")
            .gave("T", "ann")
            .gave("T", "bob")
            .gave("T", "both")
            .gave("I", "bob"),
    )
}

#[test]
fn a_suspended_mapping_neither_adds_nor_removes() {
    let outcome = suspended(true).sync();
    assert_eq!(outcome.changes, ["create new", "add both to Other"]);
    assert_eq!(outcome.problems, []);
}

#[test]
fn whoever_is_in_a_suspended_mapping_alone_stays_as_he_is_and_is_not_created() {
    let mut world = suspended(false);
    world.directory.person("ann").phone = "1".to_owned();
    assert_eq!(world.sync().changes, ["add both to Other"]);
}

#[test]
fn whoever_leaves_the_group_of_a_suspended_mapping_is_not_deactivated() {
    let mut world = suspended(false);
    world.sync();
    assert!(world.platform.user("bob").active);
}

#[test]
fn whoever_does_not_pass_the_filter_is_deactivated_in_spite_of_a_suspended_mapping() {
    let mut world = suspended(false);
    world.rules = world.rules.who("user.id != 'bob'");
    assert_eq!(
        world.sync().changes,
        ["add both to Other", "deactivate bob: no longer in scope"]
    );
    // His memberships stay: the mapping that gave them is frozen.
    assert_eq!(world.platform.members("T"), ["ann", "bob", "both"]);
}

#[test]
fn whoever_leaves_the_directory_is_deactivated_in_spite_of_a_suspended_mapping() {
    let mut world = suspended(false);
    world.directory.loses("ann");
    assert_eq!(
        world.sync().changes,
        ["add both to Other", "deactivate ann: no longer in the directory"]
    );
    assert!(world.platform.members("T").contains(&"ann"));
}

#[test]
fn somebody_in_a_suspended_and_in_another_mapping_is_kept_up_by_the_other() {
    let mut world = suspended(false);
    world.directory.person("both").phone = "1".to_owned();
    assert_eq!(
        world.sync().changes,
        [r#"update both: phone "" -> "1""#, "add both to Other"]
    );
    assert_eq!(world.platform.user("both").role, "agent");
    world.directory.group("A").members.retain(|member| member != "both");
    world.sync().nothing();
}

#[test]
fn a_team_given_by_a_suspended_and_by_another_mapping_gains_and_loses_nobody() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["cid"])),
        rules()
            .everybody()
            .with(mapping("A").to_team("T").suspended())
            .with(mapping("B").to_team("T")),
        platform()
            .with(user("bob").managed())
            .with(user("ann").managed())
            .with(user("cid").managed())
            .team("T")
            .gave("T", "bob"),
    );
    // Bob may have been given the team by either.
    assert_eq!(world.sync().changes, ["add cid to T"]);
}

#[test]
fn the_team_of_a_suspended_mapping_is_not_created() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules()
            .everybody()
            .with(mapping("A").to_team("T").creating().suspended()),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann"]);
    assert_eq!(outcome.problems, []);
}

#[test]
fn a_suspended_mapping_of_higher_priority_keeps_the_role_that_it_gave() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["ann", "bob"])),
        rules()
            .with(mapping("A").giving("lead").first(200).suspended())
            .with(mapping("B").giving("agent")),
        platform()
            .with(user("ann").managed().given("lead"))
            .with(user("bob").managed().given("lead")),
    );
    world.sync().nothing();
}

#[test]
fn a_role_that_an_acting_mapping_gives_too_is_given() {
    for (one, other) in [("a", "b"), ("b", "a")] {
        let mut world = World::new(
            directory()
                .with_people(&["ann"])
                .with(group("A").of(&["ann"]))
                .with(group("B").of(&["ann"])),
            rules()
                .with(mapping("A").called(one).giving("lead").suspended())
                .with(mapping("B").called(other).giving("lead")),
            platform().with(user("ann").managed()),
        );
        world.rules.mappings.sort_by(|one, other| one.name.cmp(&other.name));
        assert_eq!(world.sync().changes, ["role of ann: member -> lead"]);
    }
}

#[test]
fn a_suspended_mapping_whose_team_goes_by_another_name_now_takes_nobody_out_of_it() {
    let mut world = suspended(true);
    world.platform.containers[0].name = "T by another name".to_owned();
    world
        .platform
        .memberships
        .remove(&("t-T".to_owned(), "u-bob".to_owned()));
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create new", "add both to Other"]);
    assert_eq!(outcome.problems, []);
}

#[test]
fn a_suspended_mapping_conflicts_with_nobody() {
    let mut world = World::new(
        directory()
            .with_people(&["ann"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["ann"])),
        rules()
            .with(mapping("A").giving("lead").suspended())
            .with(mapping("B").giving("agent")),
        platform().with(user("ann").managed().given("lead")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.problems, []);
}

#[test]
fn a_mapping_that_cannot_be_read_is_frozen_and_the_others_go_on() {
    use directory_sync_model::rules::GroupSelector;
    let mut world = suspended(true);
    world.rules.mappings[0] = mapping("A").to_team("T").giving("agent");
    world.rules.mappings[0].group = GroupSelector::Invalid("spec.group: nothing is set".to_owned());
    world.directory.add(person("cid"));
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create cid", "create new", "add both to Other"]);
    assert_eq!(outcome.problems.len(), 1);
}

#[test]
fn while_a_mapping_is_suspended_whoever_left_another_group_leaves_its_team_and_keeps_his_account() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["bob"]))
            .with(group("B")),
        rules()
            .who("user.id == 'ann' ? user.custom.nothing == '' : true")
            .with(mapping("A").suspended())
            .with(mapping("B").to_team("T")),
        platform().with(user("ann").managed()).team("T").gave("T", "ann"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["remove ann from T"]);
    assert_eq!(outcome.failures, [], "whether she passes the filter has no effect");
    assert_eq!(
        outcome.kept.len(),
        1,
        "her account waits for the suspended mapping: {:?}",
        outcome.kept
    );
}

#[test]
fn a_suspended_mapping_is_told_that_its_team_is_ambiguous_and_not_that_it_is_missing() {
    let team = |platform: crate::support::Platform, id: &str| {
        platform.container(directory_sync_model::observed::ContainerKind::Team, id, "T", "")
    };
    for (held, problems) in [(platform(), 0), (team(team(platform(), "1"), "2"), 1)] {
        let world = World::new(
            directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
            rules().everybody().with(mapping("A").to_team("T").suspended()),
            held,
        );
        assert_eq!(world.look().problems.len(), problems);
    }
}
