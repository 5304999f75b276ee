//! Who is in scope, and what becomes of those who aren't any more.

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

#[test]
fn all_means_every_user_of_the_directory_who_passes_the_filter() {
    let mut world = World::new(
        directory()
            .with(person("ann").department("Sales"))
            .with(person("bob"))
            .with(person("dan").department("Sales").disabled()),
        rules().everybody().who("user.department == 'Sales'"),
        platform().with(user("bob").managed()),
    );
    assert_eq!(
        world.sync().changes,
        ["create ann", "deactivate bob: no longer in scope"]
    );
}

#[test]
fn with_all_leaving_a_group_never_deactivates() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().everybody().with(mapping("A").to_team("T")),
        platform().team("T"),
    );
    world.sync();
    world.directory.group("A").members.clear();
    assert_eq!(world.sync().changes, ["remove ann from T"]);
}

#[test]
fn mapped_groups_means_their_members_and_whoever_leaves_the_last_one_is_deactivated() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["ann", "bob"]))
            .with(group("Unmapped").of(&["cid"])),
        rules()
            .with(mapping("A").to_team("T"))
            .with(mapping("B").giving("agent")),
        platform().team("T"),
    );
    assert_eq!(
        world.sync().changes,
        ["create ann as agent", "create bob as agent", "add ann to T"]
    );
    world.directory.group("B").members.clear();
    assert_eq!(
        world.sync().changes,
        [
            "role of ann: agent -> member",
            "deactivate bob: no longer in a mapped group"
        ]
    );
}

#[test]
fn members_of_groups_in_mapped_groups_are_in_scope() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("Outer").of(&["g-Inner"]))
            .with(group("Inner").of(&["ann"])),
        rules().with(mapping("Outer").giving("agent")),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann as agent"]);
}

#[test]
fn people_made_a_group_by_an_attribute_are_in_scope() {
    let mut world = World::new(
        directory().with(person("ann").department("Sales")).with(person("bob")),
        rules().with(mapping("sales").of_people_who("user.department == 'Sales'")),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann"]);
}

#[test]
fn the_filter_counts_for_members_of_mapped_groups_too() {
    let mut world = World::new(
        directory()
            .with(person("ann").department("Sales"))
            .with(person("bob"))
            .with(group("A").of(&["ann", "bob"])),
        rules()
            .who("user.department == 'Sales'")
            .with(mapping("A").to_team("T")),
        platform().team("T"),
    );
    assert_eq!(world.sync().changes, ["create ann", "add ann to T"]);
}

#[test]
fn a_disabled_person_is_deactivated_wherever_he_is() {
    for everybody in [true, false] {
        let mut world = World::new(
            directory().with(person("dan").disabled()).with(group("A").of(&["dan"])),
            rules().with(mapping("A").to_team("T")),
            platform().with(user("dan").managed()).team("T").gave("T", "dan"),
        );
        if everybody {
            world.rules = world.rules.everybody();
        }
        assert_eq!(
            world.sync().changes,
            [
                "remove dan from T with his deactivation",
                "deactivate dan: disabled in the directory"
            ]
        );
    }
}

#[test]
fn a_hand_deactivated_person_stays_inactive_unless_we_deactivated_him() {
    let mut world = World::new(
        directory()
            .with(person("ann").phone("1"))
            .with(person("bob"))
            .with(group("A").of(&["ann", "bob"])),
        rules().with(mapping("A").to_team("T").giving("agent")),
        platform()
            .with(user("ann").managed().inactive())
            .with(user("bob").managed().deactivated())
            .team("T")
            .team("Old")
            .gave("Old", "ann"),
    );
    assert_eq!(
        world.sync().changes,
        ["update bob: activate", "add bob to T", "role of bob: member -> agent"]
    );
    assert!(!world.platform.user("ann").active);
}

#[test]
fn a_leaver_who_is_inactive_already_is_not_deactivated_again_and_loses_what_we_gave_him() {
    for leaver in [user("ann").managed().inactive(), user("ann").managed().deactivated()] {
        let mut world = World::new(
            directory().with_people(&["bob"]).with(group("A").of(&["bob"])),
            rules().everybody().with(mapping("A").to_team("T")),
            platform()
                .with(leaver.clone())
                .with(user("bob").managed())
                .team("T")
                .gave("T", "ann")
                .gave("T", "bob"),
        );
        let outcome = world.sync();
        assert_eq!(outcome.changes, ["remove ann from T"]);
        assert_eq!(outcome.removals.team_memberships, 1);
        assert_eq!(world.platform.user("ann"), &leaver);
    }
}

#[test]
fn somebody_who_leaves_takes_only_what_we_gave_with_him() {
    let mut world = World::new(
        directory().with_people(&["bob"]),
        rules().everybody().with(mapping("A").to_team("T")),
        platform()
            .with(user("ann").managed().given("agent"))
            .team("Hand")
            .joined("Hand", "ann"),
    );
    world.directory.add(group("A"));
    world.sync();
    assert_eq!(world.platform.members("Hand"), ["ann"]);
    assert_eq!(world.platform.user("ann").role, "agent");
}

#[test]
fn an_empty_group_is_empty() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A")),
        rules().with(mapping("A").to_team("T")),
        platform().with(user("ann").managed()).team("T").gave("T", "ann"),
    );
    assert_eq!(
        world.sync().changes,
        [
            "remove ann from T with his deactivation",
            "deactivate ann: no longer in a mapped group"
        ]
    );
}
