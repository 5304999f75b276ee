//! People change and move: each change is an update of the same platform user, and nobody is without a team meanwhile.

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules};

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
