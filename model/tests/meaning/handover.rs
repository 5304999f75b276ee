//! Two connections on one platform: who manages a user keeps him, and handing over is explicit.

use std::mem;

use directory_sync_model::{
    desired::FailureReason,
    rules::{Adoption, Rules},
};

use crate::support::{
    Directory, MappingWords, OTHER, OWNER, RulesWords, World, directory, group, mapping, person, platform, rules, user,
};

/// The marks of the two, seen from the other side: the test's own connection is now the other one.
fn from_the_other_side(world: &mut World) {
    let turn = |owner: &mut Option<String>| match owner.as_deref() {
        Some(OWNER) => *owner = Some(OTHER.to_owned()),
        Some(OTHER) => *owner = Some(OWNER.to_owned()),
        _ => {}
    };
    for user in &mut world.platform.users {
        if let Some(mark) = &mut user.mark {
            let mut owner = Some(mem::take(&mut mark.owner));
            turn(&mut owner);
            mark.owner = owner.unwrap_or_default();
        }
    }
    world.platform.memberships.values_mut().for_each(turn);
    for container in &mut world.platform.containers {
        turn(&mut container.owner);
    }
}

fn support(people: &[&str]) -> Directory {
    directory().with_people(people).with(group("Support").of(people))
}

fn agents() -> Rules {
    rules().with(mapping("Support").to_team("Support").giving("agent").creating())
}

/// Ann and Bob are the other connection's, with a team, and Bob is also in a team by hand.
fn taken_over() -> World {
    let platform = platform()
        .with(user("ann").external_id("old-1").of_another_connection().given("agent"))
        .with(user("bob").external_id("old-2").of_another_connection())
        .team("Support")
        .team("Elsewhere")
        .other_gave("Support", "ann")
        .other_gave("Elsewhere", "ann")
        .joined("Elsewhere", "bob");
    World::new(support(&["ann"]), agents(), platform)
}

#[test]
fn who_manages_a_user_keeps_him_and_the_other_connection_reports_managed_elsewhere() {
    let mut world = taken_over();
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::ManagedElsewhere)]);
    assert!(outcome.messages[0].contains(OTHER), "{}", outcome.messages[0]);
}

#[test]
fn a_connection_takes_over_the_users_of_those_that_hand_them_over_and_no_others() {
    let mut world = taken_over();
    world.rules = world.rules.taking_over_from(OTHER);
    let outcome = world.sync();
    assert_eq!(outcome.failures, []);
    assert_eq!(
        outcome.changes,
        [
            "update ann: adopt as ann",
            "adopt ann in Support",
            "remove ann from Elsewhere"
        ]
    );
    assert_eq!(outcome.counts.team_memberships_adopted, 1);
    let ann = world.platform.user("ann");
    let mark = ann.mark.as_ref().unwrap();
    assert_eq!((mark.owner.as_str(), mark.role.as_deref()), (OWNER, Some("agent")));
    assert_eq!(world.platform.giver("Support", "ann"), Some(OWNER));
    assert_eq!(
        world.platform.user("bob").mark.as_ref().unwrap().owner,
        OTHER,
        "nobody here is Bob"
    );
    assert_eq!(world.platform.members("Elsewhere"), ["bob"]);
}

#[test]
fn a_third_connections_users_are_not_taken_over() {
    let mut world = taken_over();
    world.rules = world.rules.taking_over_from("acme/third");
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures.len(), 1);
}

#[test]
fn after_a_handover_the_old_connection_touches_the_user_no_more() {
    let mut world = taken_over();
    world.rules = world.rules.taking_over_from(OTHER);
    world.sync();
    from_the_other_side(&mut world);
    world.rules = agents();
    // The old connection's directory may still have her, as another person of its own, or have lost her.
    world.directory = directory()
        .with(person("old-1").email("ann@acme.test"))
        .with(person("old-2").email("bob@acme.test"))
        .with(group("Support").of(&["old-1", "old-2"]));
    world.rules.mappings[0].role = None;
    world.rules.mappings[0].team = None;
    let before = world.platform.clone();
    let outcome = world.look();
    outcome.nothing();
    assert_eq!(
        outcome.failures,
        [("old-1".to_owned(), FailureReason::ManagedElsewhere)]
    );
    world.directory.loses("old-1");
    world.sync().nothing();
    assert_eq!(
        world.platform.user("ann"),
        before.users.iter().find(|user| user.id == "u-ann").unwrap()
    );
    assert_eq!(world.platform.giver("Support", "ann"), Some(OTHER));
}

#[test]
fn a_user_can_be_handed_back() {
    let mut world = taken_over();
    let before = world.platform.clone();
    world.rules = world.rules.taking_over_from(OTHER);
    world.sync();
    from_the_other_side(&mut world);
    world.directory = directory()
        .with(person("old-1").email("ann@acme.test"))
        .with(person("old-2").email("bob@acme.test"))
        .with(group("Support").of(&["old-1"]))
        .with(group("Elsewhere").of(&["old-1"]));
    world.rules = agents()
        .everybody()
        .with(mapping("Elsewhere").to_team("Elsewhere"))
        .taking_over_from(OTHER);
    world.sync();
    from_the_other_side(&mut world);
    assert_eq!(world.platform.users, before.users);
    assert_eq!(world.platform.memberships, before.memberships);
}

#[test]
fn a_handover_goes_by_what_adoption_allows() {
    let mut world = taken_over();
    world.rules = world.rules.taking_over_from(OTHER).adopting(Adoption::ExternalId);
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(
        outcome.failures,
        [("ann".to_owned(), FailureReason::AdoptionNotAllowed)]
    );
    world.directory = directory()
        .with(person("old-1").email("ann@acme.test"))
        .with(group("Support").of(&["old-1"]));
    assert_eq!(world.sync().failures, []);
    assert_eq!(world.platform.user("ann").mark.as_ref().unwrap().owner, OWNER);
}

#[test]
fn whom_the_old_connection_deactivated_is_activated_and_whom_a_hand_deactivated_is_not() {
    let platform = platform()
        .with(user("ann").of_another_connection().deactivated())
        .with(user("bob").of_another_connection().inactive())
        .team("Support");
    let mut world = World::new(support(&["ann", "bob"]), agents().taking_over_from(OTHER), platform);
    world.sync();
    assert!(world.platform.user("ann").active);
    assert!(!world.platform.user("bob").active);
    assert_eq!(world.platform.members("Support"), ["ann"]);
}

#[test]
fn a_protected_user_is_not_taken_over() {
    let mut world = taken_over();
    world.rules = world.rules.taking_over_from(OTHER).protecting_user("ann@acme.test");
    world.sync().nothing();
}

#[test]
fn what_an_earlier_handover_left_undone_is_done_by_the_next_sync() {
    let platform = platform()
        .with(user("ann").managed())
        .team("Support")
        .team("Elsewhere")
        .other_gave("Support", "ann")
        .other_gave("Elsewhere", "ann");
    let mut world = World::new(support(&["ann"]), agents().taking_over_from(OTHER), platform);
    world.rules.mappings[0].role = None;
    assert_eq!(
        world.sync().changes,
        ["adopt ann in Support", "remove ann from Elsewhere"]
    );
}

#[test]
fn what_a_handover_takes_away_counts_as_a_removal() {
    let mut world = taken_over();
    world.rules = world.rules.taking_over_from(OTHER).limited_to(0, 0);
    let outcome = world.sync();
    assert_eq!(outcome.removals.team_memberships, 1);
    assert_eq!(outcome.held.len(), 2);
    assert_eq!(world.platform.user("ann").mark.as_ref().unwrap().owner, OTHER);
}
