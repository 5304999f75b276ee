//! People join, change and move: each change is an update of the same platform user, and one person's conflict is nobody
//! else's.

use directory_sync_model::desired::{FailureReason, MappingProblem};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

#[test]
fn two_candidates_for_one_person_are_named_and_both_stay_as_they_are() {
    let mut twins = platform()
        .with(user("x").external_id("ann"))
        .with(user("y").external_id("ann").email("y@acme.test"));
    twins.users[0].phone = "1".to_owned();
    let world = World::new(directory().with_people(&["ann"]), rules().everybody(), twins);
    let outcome = world.look();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AmbiguousMatch)]);
    assert_eq!(
        outcome.messages,
        ["several platform users fit (u-x, u-y); nothing is guessed"]
    );
}

#[test]
fn changes_of_address_name_phone_and_department_are_updates_of_the_same_user() {
    let mut world = World::new(
        directory().with(person("ann").given_name("Ann").department("Sales")),
        rules().everybody().attribute("department", "user.department"),
        platform(),
    );
    world.sync();
    let id = world.platform.users[0].id.clone();
    let ann = world.directory.person("ann");
    ann.email = "ann.archer@acme.test".to_owned();
    ann.given_name = "Anna".to_owned();
    ann.family_name = "Archer".to_owned();
    ann.display_name = "Anna Archer".to_owned();
    ann.phone = "1".to_owned();
    ann.department = "Support".to_owned();
    let outcome = world.sync();
    assert_eq!((outcome.counts.users_created, outcome.counts.users_updated), (0, 1));
    assert_eq!(world.platform.users.len(), 1);
    let after = &world.platform.users[0];
    assert_eq!(after.id, id);
    assert_eq!(
        [
            &after.email,
            &after.given_name,
            &after.family_name,
            &after.display_name,
            &after.phone
        ],
        ["ann.archer@acme.test", "Anna", "Archer", "Anna Archer", "1"]
    );
}

#[test]
fn an_address_that_another_user_has_is_one_persons_conflict_and_all_others_are_synced() {
    let mut world = World::new(
        directory().with_people(&["ann", "bob"]),
        rules().everybody(),
        platform()
            .with(user("hand").email("taken@acme.test"))
            .with(user("other").email("theirs@acme.test").of_another_connection()),
    );
    world.sync();
    world.directory.person("ann").email = "theirs@acme.test".to_owned();
    world.directory.person("bob").given_name = "Bob".to_owned();
    world.directory.add(person("cid"));
    let before = world.platform.user("ann").clone();
    let outcome = world.sync();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AddressInUse)]);
    assert_eq!(outcome.changes, ["create cid", r#"update bob: givenName "" -> "Bob""#]);
    assert_eq!(world.platform.user("ann"), &before);
}

#[test]
fn whoever_moves_to_another_group_is_in_the_new_team_before_he_leaves_the_old_one() {
    let mut world = World::new(
        directory()
            .with_people(&["ann"])
            .with(group("Sales").of(&["ann"]))
            .with(group("Support")),
        rules()
            .with(mapping("Sales").to_team("Sales").to_inbox("Desk"))
            .with(mapping("Support").to_team("Support")),
        platform().team("Sales").team("Support").inbox("Desk", ""),
    );
    world.sync();
    world.directory.group("Sales").members.clear();
    world.directory.group("Support").members.push("ann".to_owned());
    assert_eq!(
        world.sync().changes,
        ["add ann to Support", "remove ann from Desk", "remove ann from Sales"]
    );
}

#[test]
fn mappings_that_contradict_each_other_on_creating_a_team_create_it() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"])),
        rules()
            .with(mapping("A").to_team("Both"))
            .with(mapping("B").to_team("both").creating()),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.problems, []);
    assert_eq!(outcome.counts.teams_created, 1);
    assert_eq!(world.platform.members("Both"), ["ann", "bob"]);
}

#[test]
fn a_suspended_mapping_and_one_that_is_not_leave_everybody_in_the_team_that_both_give() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"])),
        rules()
            .everybody()
            .with(mapping("A").to_team("Both"))
            .with(mapping("B").to_team("Both")),
        platform().team("Both"),
    );
    world.sync();
    world.rules.mappings[0].suspended = true;
    world.directory.group("A").members.clear();
    world.directory.group("B").members = vec!["ann".to_owned()];
    world.sync().nothing();
    assert_eq!(world.platform.members("Both"), ["ann", "bob"]);
}

#[test]
fn mappings_that_give_one_person_different_roles_say_which_and_what_to_do() {
    let world = World::new(
        directory()
            .with_people(&["ann"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["ann"])),
        rules()
            .with(mapping("A").giving("agent"))
            .with(mapping("B").giving("lead")),
        platform().with(user("ann").managed()),
    );
    let outcome = world.look();
    outcome.nothing();
    let told: Vec<String> = outcome
        .problems
        .iter()
        .map(|(_, problem)| problem.to_string())
        .collect();
    assert_eq!(
        told[0],
        "mapping \"b\" of the same priority gives another role to 1 of the same people, for example ann; give one of \
         the two a higher priority"
    );
    assert!(matches!(outcome.problems[1].1, MappingProblem::RoleConflict { ref other, .. } if other == "a"));
}
