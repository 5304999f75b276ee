//! Who is who: mark, external id, address.

use directory_sync_model::{desired::FailureReason, rules::Adoption};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

#[test]
fn a_new_person_is_created_with_the_directorys_stable_id() {
    let mut world = World::new(directory().with(person("ann")), rules().everybody(), platform());
    assert_eq!(world.sync().changes, ["create ann"]);
    assert_eq!(world.platform.user("ann").external_id, "ann");
    assert_eq!(world.platform.user("ann").email, "ann@acme.test");
}

#[test]
fn a_person_is_found_by_our_mark_before_anything_else() {
    let world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform()
            .with(user("ann").managed().email("old@acme.test"))
            .with(user("elsewhere").email("other@acme.test")),
    );
    assert_eq!(
        world.look().changes,
        [r#"update ann: email "old@acme.test" -> "ann@acme.test""#]
    );
}

#[test]
fn a_person_is_found_by_external_id_before_his_address() {
    let world = World::new(
        directory().with(person("ann").email("annie@acme.test")),
        rules().everybody(),
        platform().with(user("x").external_id("ann").email("x@acme.test")),
    );
    assert_eq!(
        world.look().changes,
        [r#"update x: adopt as ann, email "x@acme.test" -> "annie@acme.test""#]
    );
}

#[test]
fn an_address_that_another_unmanaged_user_has_is_not_given_to_the_one_found_by_external_id() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform()
            .with(user("x").external_id("ann"))
            .with(user("hand").email("ann@acme.test")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AddressInUse)]);
}

#[test]
fn somebody_managed_under_another_directory_id_is_never_adopted() {
    let mut world = World::new(
        directory().with(person("new-ann").email("ann@acme.test")),
        rules().everybody(),
        platform().with(user("ann").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["deactivate ann: no longer in the directory"]);
    assert_eq!(outcome.failures, [("new-ann".to_owned(), FailureReason::AddressReused)]);
    assert_eq!(world.platform.user("ann").external_id, "ann");
}

#[test]
fn somebody_who_carries_the_id_of_another_person_of_the_directory_is_not_adopted_by_address() {
    let mut world = World::new(
        directory()
            .with(person("old").disabled())
            .with(person("new").email("shared@acme.test")),
        rules().everybody(),
        platform().with(user("x").external_id("old").email("shared@acme.test")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures, [("new".to_owned(), FailureReason::AddressInUse)]);
}

#[test]
fn a_user_with_an_id_of_an_older_system_is_adopted_by_address() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform().with(user("ann").external_id("00u-of-long-ago")),
    );
    assert_eq!(world.sync().changes, ["update ann: adopt as ann"]);
    assert_eq!(world.platform.user("ann").external_id, "ann");
}

#[test]
fn somebody_managed_by_another_connection_is_a_conflict() {
    for other in [
        user("ann").of_another_connection(),
        user("x").external_id("ann").of_another_connection(),
    ] {
        let mut world = World::new(
            directory().with(person("ann")),
            rules().everybody(),
            platform().with(other),
        );
        let before = world.platform.clone();
        let outcome = world.sync();
        assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::ManagedElsewhere)]);
        assert_eq!(world.platform, before);
    }
}

#[test]
fn of_several_connections_that_manage_who_fits_the_first_by_name_is_told_in_any_order() {
    for (by_id, by_address) in [("acme/one", "acme/two"), ("acme/two", "acme/one")] {
        let by_id = user("x").external_id("ann").marked(by_id);
        let by_address = user("y").email("ann@acme.test").marked(by_address);
        for (first, second) in [(by_id.clone(), by_address.clone()), (by_address, by_id)] {
            let outcome = World::new(
                directory().with(person("ann")),
                rules().everybody(),
                platform().with(first).with(second),
            )
            .look();
            assert_eq!(
                outcome.messages,
                [r#"the platform's user is managed by "acme/one", which keeps him"#]
            );
        }
    }
}

#[test]
fn of_two_people_with_one_address_the_managed_one_goes_on() {
    for (first, second) in [("ann", "bob"), ("bob", "ann")] {
        let mut world = World::new(
            directory()
                .with(person(first).email("shared@acme.test").phone("1"))
                .with(person(second).email("shared@acme.test").phone("1")),
            rules().everybody(),
            platform().with(user("ann").managed().email("shared@acme.test")),
        );
        let outcome = world.sync();
        assert_eq!(outcome.changes, [r#"update ann: phone "" -> "1""#]);
        assert_eq!(outcome.failures, [("bob".to_owned(), FailureReason::DuplicateEmail)]);
    }
}

#[test]
fn of_two_managed_people_with_one_address_the_one_who_has_it_goes_on() {
    let mut world = World::new(
        directory()
            .with(person("ann").email("shared@acme.test"))
            .with(person("bob").email("shared@acme.test")),
        rules().everybody(),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed().email("shared@acme.test")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::DuplicateEmail)]);
}

#[test]
fn if_neither_of_two_people_with_one_address_is_managed_both_fail_named() {
    let mut world = World::new(
        directory()
            .with(person("ann").email("shared@acme.test"))
            .with(person("bob").email("SHARED@acme.test"))
            .with(person("cid")),
        rules().everybody(),
        platform().with(user("x").email("shared@acme.test")),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create cid"]);
    let mut failed = outcome.failures;
    failed.sort();
    assert_eq!(
        failed,
        [
            ("ann".to_owned(), FailureReason::DuplicateEmail),
            ("bob".to_owned(), FailureReason::DuplicateEmail)
        ]
    );
    assert!(outcome.messages.iter().any(|message| message.contains("ann")));
    assert!(outcome.messages.iter().any(|message| message.contains("bob")));
}

#[test]
fn the_one_who_goes_on_still_gets_no_address_that_a_third_user_has() {
    for (first, second) in [("ann", "bob"), ("bob", "ann")] {
        let mut world = World::new(
            directory()
                .with(person(first).email("shared@acme.test"))
                .with(person(second).email("shared@acme.test")),
            rules().everybody(),
            platform()
                .with(user("ann").managed())
                .with(user("hand").email("shared@acme.test")),
        );
        let mut failed = world.sync().failures;
        failed.sort();
        assert_eq!(
            failed,
            [
                ("ann".to_owned(), FailureReason::AddressInUse),
                ("bob".to_owned(), FailureReason::DuplicateEmail)
            ]
        );
    }
}

#[test]
fn several_users_with_our_mark_and_one_id_are_a_conflict_and_lose_nothing() {
    let mut platform = platform()
        .with(user("ann").managed())
        .with(user("x").managed())
        .team("Support")
        .gave("Support", "ann")
        .gave("Support", "x");
    platform.users[1].external_id = "ann".to_owned();
    let world = World::new(
        directory().with(person("ann").phone("1")),
        rules().everybody(),
        platform,
    );
    let outcome = world.look();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AmbiguousMatch)]);
}

#[test]
fn a_disabled_person_loses_every_user_that_carries_his_id_and_our_mark() {
    let mut platform = platform().with(user("ann").managed()).with(user("x").managed());
    platform.users[1].external_id = "ann".to_owned();
    let world = World::new(
        directory().with(person("ann").disabled()),
        rules().everybody(),
        platform,
    );
    assert_eq!(
        world.look().changes,
        [
            "deactivate ann: disabled in the directory",
            "deactivate x: disabled in the directory"
        ]
    );
}

#[test]
fn of_two_users_with_one_id_each_loses_what_he_has_himself() {
    for (has, order) in [("ann", 0), ("ann", 1), ("x", 0), ("x", 1)] {
        let mut platform = platform()
            .with(user("ann").managed())
            .with(user("x").external_id("ann").managed())
            .team("T")
            .gave("T", has);
        platform.order = order;
        let world = World::new(
            directory().with(person("ann").disabled()).with(group("A").of(&["ann"])),
            rules().with(mapping("A").to_team("T")),
            platform,
        );
        assert_eq!(
            world.look().changes[0],
            format!("remove {has} from T with his deactivation")
        );
    }
}

#[test]
fn a_marked_user_without_external_id_is_found_by_address_and_told_his_id_again() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform().with(user("ann").managed()),
    );
    world.platform.user_mut("ann").external_id.clear();
    assert_eq!(world.sync().changes, ["update ann: adopt as ann"]);
}

#[test]
fn a_marked_user_without_external_id_whom_nobody_fits_is_reported_and_not_taken_for_absent() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody().adopting(Adoption::Never),
        platform().with(user("bob").managed()),
    );
    world.platform.user_mut("bob").external_id.clear();
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann"]);
    assert_eq!(outcome.failures, [("u-bob".to_owned(), FailureReason::AmbiguousMatch)]);
}

#[test]
fn a_marked_user_without_external_id_is_reported_when_his_address_is_somebody_elses() {
    let mut world = World::new(
        directory().with(person("ann").email("old@acme.test")),
        rules().everybody(),
        platform()
            .with(user("ann").managed().email("now@acme.test"))
            .with(user("old").managed()),
    );
    world.platform.user_mut("old").external_id.clear();
    let outcome = world.sync();
    outcome.nothing();
    let mut failed = outcome.failures;
    failed.sort();
    assert_eq!(
        failed,
        [
            ("ann".to_owned(), FailureReason::AddressInUse),
            ("u-old".to_owned(), FailureReason::AmbiguousMatch)
        ]
    );
}

#[test]
fn an_id_is_compared_without_the_blanks_around_it() {
    let mut world = World::new(directory().with(person(" ann ")), rules().everybody(), platform());
    world.directory.people[0].email = "ann@acme.test".to_owned();
    assert_eq!(world.sync().changes, ["create ann"]);
}

#[test]
fn somebody_without_an_id_is_reported_and_nobody_is_removed_meanwhile() {
    let mut world = World::new(
        directory().with(person("").email("x@acme.test")).with_people(&["ann"]),
        rules().everybody(),
        platform().with(user("bob").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann"]);
    assert!(!outcome.doubts.is_empty());
}

#[test]
fn an_id_of_a_group_that_is_also_an_id_of_a_person_means_the_person() {
    use crate::support::{MappingWords, group, mapping};
    let mut world = World::new(
        directory()
            .with_people(&["7", "ann"])
            .with(group("Nested").id("7").of(&["ann"]))
            .with(group("Support").of(&["7"])),
        rules().with(mapping("Support").to_team("Support")),
        platform().team("Support"),
    );
    assert_eq!(world.sync().changes, ["create 7", "add 7 to Support"]);
}
