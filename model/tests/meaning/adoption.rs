//! How existing users become managed.

use directory_sync_model::{desired::FailureReason, rules::Adoption};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

#[test]
fn an_existing_user_is_adopted_in_place_and_keeps_his_id() {
    let mut world = World::new(
        directory().with(person("ann").phone("1")),
        rules().everybody(),
        platform().with(user("x").email("Ann@acme.test")),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, [r#"update x: adopt as ann, phone "" -> "1""#]);
    assert_eq!((outcome.counts.users_created, outcome.counts.users_adopted), (0, 1));
    let ann = world.platform.user("x");
    assert_eq!(ann.external_id, "ann");
    assert_eq!(ann.mark.as_ref().unwrap().role, None);
}

#[test]
fn adoption_by_external_id_takes_nobody_by_address() {
    let adopting = || rules().everybody().adopting(Adoption::ExternalId);
    let mut world = World::new(
        directory().with(person("ann")),
        adopting(),
        platform().with(user("ann")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(
        outcome.failures,
        [("ann".to_owned(), FailureReason::AdoptionNotAllowed)]
    );

    let mut world = World::new(
        directory().with(person("ann")),
        adopting(),
        platform().with(user("ann").external_id("ann")),
    );
    assert_eq!(world.sync().changes, ["update ann: adopt as ann"]);
}

#[test]
fn without_adoption_a_user_who_fits_is_a_conflict() {
    for existing in [user("ann"), user("x").external_id("ann")] {
        let mut world = World::new(
            directory().with(person("ann")),
            rules().everybody().adopting(Adoption::Never),
            platform().with(existing),
        );
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(
            outcome.failures,
            [("ann".to_owned(), FailureReason::AdoptionNotAllowed)]
        );
    }
}

#[test]
fn several_users_who_fit_are_a_conflict_and_nothing_is_guessed() {
    let mut twins = platform()
        .with(user("x").external_id("ann"))
        .with(user("y").external_id("ann"));
    twins.users[1].email = "y@acme.test".to_owned();
    let world = World::new(directory().with(person("ann")), rules().everybody(), twins);
    let outcome = world.look();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AmbiguousMatch)]);
    assert_eq!(
        outcome.messages,
        ["several platform users fit (u-x, u-y); nothing is guessed"]
    );
}

#[test]
fn a_user_deactivated_by_hand_is_adopted_and_stays_inactive() {
    let mut world = World::new(
        directory()
            .with(person("ann").phone("1"))
            .with(group("Support").of(&["ann"])),
        rules().with(mapping("Support").to_team("Support").giving("agent")),
        platform().with(user("ann").inactive()).team("Support"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, [r#"update ann: adopt as ann, phone "" -> "1""#]);
    let ann = world.platform.user("ann");
    assert!(!ann.active);
    assert_eq!(ann.role, "member");
}

#[test]
fn somebody_out_of_scope_is_not_adopted() {
    let mut world = World::new(
        directory().with_people(&["ann", "bob"]).with(person("cid").disabled()),
        rules().everybody().who("user.userName == 'nobody'"),
        platform()
            .with(user("ann"))
            .with(user("x").external_id("bob"))
            .with(user("cid")),
    );
    world.sync().nothing();
}

#[test]
fn people_whom_the_directory_does_not_have_are_left_alone_unless_managed() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform()
            .with(user("ann").managed())
            .with(user("hand"))
            .with(user("theirs").of_another_connection())
            .team("Support")
            .joined("Support", "hand")
            .other_gave("Support", "theirs"),
    );
    world.sync().nothing();
}
