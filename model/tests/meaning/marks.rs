//! Only what this connection gave can be taken.

use crate::support::{
    MappingWords, OWNER, RulesWords, World, directory, group, mapping, person, platform, rules, user,
};

#[test]
fn what_is_created_carries_the_owner() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support").of(&["ann"])),
        rules().with(mapping("Support").to_team("Support").creating().giving("agent")),
        platform(),
    );
    world.sync();
    let mark = world.platform.user("ann").mark.clone().unwrap();
    assert_eq!((mark.owner.as_str(), mark.role.as_deref()), (OWNER, Some("agent")));
    assert_eq!(world.platform.containers[0].owner.as_deref(), Some(OWNER));
    assert_eq!(
        world.platform.memberships.values().next(),
        Some(&Some(OWNER.to_owned()))
    );
}

#[test]
fn memberships_that_an_adopted_user_already_had_stay_in_every_later_sync_too() {
    let mut world = World::new(
        directory()
            .with_people(&["ann"])
            .with(group("Support").of(&["ann"]))
            .with(group("Sales").of(&["ann"])),
        rules()
            .with(mapping("Support").to_team("Support").to_inbox("Help"))
            .with(mapping("Sales").to_team("Sales")),
        platform()
            .with(user("ann"))
            .team("Support")
            .team("Sales")
            .inbox("Help", "")
            .joined("Support", "ann")
            .joined("Help", "ann"),
    );
    assert_eq!(world.sync().changes, ["update ann: adopt as ann", "add ann to Sales"]);
    world.directory.group("Support").members.clear();
    world.sync().nothing();
    world.directory.group("Sales").members.clear();
    world.rules = world.rules.everybody();
    assert_eq!(world.sync().changes, ["remove ann from Sales"]);
    world.directory.loses("ann");
    world.directory.add(person("bob"));
    let outcome = world.sync();
    assert_eq!(
        outcome.changes,
        ["create bob", "deactivate ann: no longer in the directory"]
    );
    assert_eq!(world.platform.members("Support"), ["ann"]);
    assert_eq!(world.platform.members("Help"), ["ann"]);
}

#[test]
fn memberships_given_by_hand_or_by_another_connection_stay() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support")),
        rules().everybody().with(mapping("Support").to_team("Support")),
        platform()
            .with(user("ann").managed())
            .team("Support")
            .team("Other")
            .joined("Support", "ann")
            .other_gave("Other", "ann"),
    );
    world.sync().nothing();
}

#[test]
fn memberships_of_users_who_are_not_managed_stay_whatever_their_mark() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support")),
        rules().everybody().with(mapping("Support").to_team("Support")),
        platform()
            .with(user("ann").managed())
            .with(user("hand"))
            .with(user("theirs").of_another_connection())
            .team("Support")
            .gave("Support", "hand")
            .gave("Support", "theirs"),
    );
    world.sync().nothing();
}

#[test]
fn what_a_user_still_has_of_us_when_he_is_adopted_again_is_ours() {
    let mut world = World::new(
        directory()
            .with_people(&["ann"])
            .with(group("Support"))
            .with(group("Sales").of(&["ann"])),
        rules()
            .everybody()
            .with(mapping("Support").to_team("Support"))
            .with(mapping("Sales").to_team("Sales")),
        platform()
            .with(user("ann"))
            .team("Support")
            .team("Sales")
            .gave("Support", "ann")
            .gave("Sales", "ann"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["update ann: adopt as ann", "remove ann from Support"]);
    assert_eq!(outcome.removals.team_memberships, 1);
}

#[test]
fn a_membership_that_is_shown_twice_is_one() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support")),
        rules().everybody().with(mapping("Support").to_team("Support")),
        platform()
            .with(user("ann").managed())
            .team("Support")
            .gave("Support", "ann"),
    );
    world.platform.shown_twice = true;
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["remove ann from Support"]);
    assert_eq!(outcome.removals.team_memberships, 1);
}

#[test]
fn somebody_who_comes_back_is_activated_and_gets_back_what_he_had() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("Support").of(&["ann", "bob"])),
        rules().with(mapping("Support").to_team("Support").giving("agent")),
        platform().team("Support"),
    );
    world.sync();
    world.directory.loses("ann");
    assert_eq!(
        world.sync().changes,
        [
            "remove ann from Support with his deactivation",
            "deactivate ann: no longer in the directory"
        ]
    );
    world.directory.add(person("ann"));
    world.directory.group("Support").members.push("ann".to_owned());
    assert_eq!(world.sync().changes, ["update ann: activate", "add ann to Support"]);
    let ann = world.platform.user("ann");
    assert!(ann.active && ann.mark.as_ref().unwrap().deactivated.is_none());
    assert_eq!(ann.role, "agent");
}

#[test]
fn whom_we_deactivated_and_somebody_activated_by_hand_is_no_longer_deactivated_by_us() {
    let mut world = World::new(
        directory().with_people(&["ann"]),
        rules().everybody(),
        platform().with(user("ann").managed().deactivated()),
    );
    world.platform.user_mut("ann").active = true;
    world.sync();
    world.platform.user_mut("ann").active = false;
    // Now it was by hand.
    world.sync().nothing();
    assert!(!world.platform.user("ann").active);
}
