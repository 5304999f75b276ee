//! E-mail addresses: how they are compared, and how they pass from one to the other.

use directory_sync_model::desired::FailureReason;

use crate::support::{RulesWords, World, directory, person, platform, rules, user};

fn address(id: &str) -> String {
    format!("{id}@acme.test")
}

/// A world in which each person has a user whose address is another's: (person, address in the directory).
fn passing(on: &[(&str, &str)]) -> World {
    let people = on.iter().fold(directory(), |directory, (id, wanted)| {
        directory.with(person(id).email(&address(wanted)))
    });
    let users = on
        .iter()
        .filter(|(id, _)| !id.starts_with("new"))
        .fold(platform(), |platform, (id, _)| platform.with(user(id).managed()));
    World::new(people, rules().everybody(), users)
}

fn failed(world: &mut World) -> Vec<String> {
    let outcome = world.sync();
    let mut ids: Vec<_> = outcome.failures.into_iter().map(|(id, _)| id).collect();
    ids.sort();
    ids
}

#[test]
fn a_change_of_case_alone_is_no_write() {
    let mut world = World::new(
        directory().with(person("ann").email("Ann.Archer@ACME.test")),
        rules().everybody(),
        platform().with(user("ann").managed().email("aNN.archer@acme.TEST")),
    );
    world.sync().nothing();
}

#[test]
fn blanks_composition_and_the_spelling_of_the_domain_are_no_write() {
    let mut world = World::new(
        directory().with(person("ann").email(" jose\u{301}@b\u{fc}cher.test ")),
        rules().everybody(),
        platform().with(user("ann").managed().email("JOS\u{c9}@xn--bcher-kva.test")),
    );
    world.sync().nothing();
}

#[test]
fn another_address_is_written_in_its_normal_form() {
    let mut world = World::new(
        directory().with(person("ann").email("Ann@New.test")),
        rules().everybody(),
        platform().with(user("ann").managed()),
    );
    assert_eq!(
        world.sync().changes,
        [r#"update ann: email "ann@acme.test" -> "ann@new.test""#]
    );
    assert_eq!(world.platform.user("ann").external_id, "ann");
}

#[test]
fn an_invalid_or_missing_address_is_that_persons_failure_and_leaves_him_as_he_is() {
    let mut world = World::new(
        directory()
            .with(person("ann").email("").phone("1"))
            .with(person("bob").email("no address"))
            .with(person("cid")),
        rules().everybody(),
        platform().with(user("ann").managed()).with(user("bob").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create cid"]);
    assert_eq!(
        outcome.failures,
        [
            ("ann".to_owned(), FailureReason::InvalidEmail),
            ("bob".to_owned(), FailureReason::InvalidEmail)
        ]
    );
}

#[test]
fn an_invalid_address_on_the_platform_is_replaced() {
    let mut world = World::new(
        directory().with(person("ann")),
        rules().everybody(),
        platform().with(user("ann").managed().email("ann at acme")),
    );
    assert_eq!(
        world.sync().changes,
        [r#"update ann: email "ann at acme" -> "ann@acme.test""#]
    );
}

#[test]
fn addresses_are_freed_before_they_are_given() {
    let mut world = passing(&[("a", "b"), ("b", "c"), ("c", "d")]);
    assert_eq!(world.sync().counts.users_updated, 3);
    let mut world = passing(&[("c", "d"), ("b", "c"), ("a", "b")]);
    assert_eq!(world.sync().counts.users_updated, 3);
}

#[test]
fn an_address_that_is_freed_can_be_a_new_persons() {
    let mut world = passing(&[("new", "a"), ("a", "b"), ("b", "c")]);
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_created, 1);
    assert_eq!(outcome.counts.users_updated, 2);
    assert_eq!(world.platform.user("new").email, address("a"));
}

#[test]
fn people_who_exchange_their_addresses_in_a_ring_fail_and_others_go_on() {
    let mut world = passing(&[("a", "b"), ("b", "a"), ("c", "d")]);
    assert_eq!(failed(&mut world), ["a", "b"]);
    assert_eq!(world.platform.user("c").email, address("d"));
    assert_eq!(world.platform.user("a").email, address("a"));
}

#[test]
fn whoever_waits_for_a_ring_fails_with_it() {
    let mut world = passing(&[("x", "a"), ("new", "x"), ("a", "b"), ("b", "a")]);
    assert_eq!(failed(&mut world), ["a", "b", "new", "x"]);
}

#[test]
fn whoever_waits_for_an_address_that_is_never_freed_fails_too() {
    for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let next = |id: &str| match id {
            "a" => "b",
            "b" => "c",
            _ => "hand",
        };
        let on: Vec<(&str, &str)> = order.iter().map(|id| (*id, next(id))).collect();
        let mut world = passing(&on);
        world.directory.add(person("new").email(&address("a")));
        world.platform.users.push(user("hand"));
        // The user by hand fits the last of them by address, but he has a user already.
        assert!(world.look().messages.iter().all(|message| !message.contains("ring")));
        assert_eq!(failed(&mut world), ["a", "b", "c", "new"]);
    }
}

#[test]
fn an_address_of_another_connections_user_is_not_given() {
    let mut world = World::new(
        directory().with(person("ann").email("taken@acme.test")),
        rules().everybody(),
        platform()
            .with(user("ann").managed())
            .with(user("taken").of_another_connection()),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AddressInUse)]);
}

#[test]
fn an_address_of_somebody_who_leaves_is_not_given_to_somebody_else() {
    let mut world = World::new(
        directory().with(person("bob").email(&address("ann"))),
        rules().everybody(),
        platform().with(user("ann").managed()).with(user("bob").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["deactivate ann: no longer in the directory"]);
    assert_eq!(outcome.failures, [("bob".to_owned(), FailureReason::AddressReused)]);
}

#[test]
fn an_address_of_somebody_who_stays_as_he_is_is_not_given() {
    let mut world = World::new(
        directory()
            .with(person("ann").email("broken"))
            .with(person("new").email(&address("ann"))),
        rules().everybody(),
        platform().with(user("ann").managed()),
    );
    let outcome = world.sync();
    outcome.nothing();
    let failed: Vec<_> = outcome.failures.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(failed, ["ann", "new"]);
}

#[test]
fn a_person_fails_once_however_much_is_wrong() {
    let mut world = World::new(
        directory()
            .with(person("ann").email("shared@acme.test"))
            .with(person("bob").email("shared@acme.test")),
        rules().everybody(),
        platform()
            .with(user("x").external_id("ann").of_another_connection())
            .with(user("y").email("shared@acme.test").of_another_connection()),
    );
    assert_eq!(failed(&mut world), ["ann", "bob"]);
}

#[test]
fn a_long_chain_of_addresses_is_ordered_in_linear_time() {
    let ids: Vec<String> = (0..20_000).map(|number| format!("p{number:05}")).collect();
    let mut people = directory();
    let mut users = platform();
    for (at, id) in ids.iter().enumerate() {
        let wanted = ids.get(at + 1).map_or("end", String::as_str);
        people.add(person(id).email(&address(wanted)));
        users.users.push(user(id).managed());
    }
    let world = World::new(people, rules().everybody(), users);
    let last = world.plan(|plan| {
        assert_eq!(plan.updates.len(), 20_000);
        let first = &plan.updates[0];
        plan.holdings.id(first.holding).to_owned()
    });
    assert_eq!(last, "u-p19999");
}

#[test]
fn who_waits_for_an_address_has_a_later_turn_than_who_frees_it_and_all_others_the_first() {
    let world = passing(&[("a", "b"), ("b", "c"), ("c", "free"), ("d", "other")]);
    let mut turns: Vec<(u32, String)> = world.plan(|plan| {
        let turn = |update: &directory_sync_model::plan::Update| {
            let person = plan.desired.snapshot.user_id(update.user);
            (update.turn, person.to_owned())
        };
        plan.updates.iter().map(turn).collect()
    });
    assert!(turns.is_sorted_by_key(|(turn, _)| *turn), "{turns:?}");
    turns.sort();
    let turns: Vec<_> = turns.iter().map(|(turn, person)| (*turn, person.as_str())).collect();
    assert_eq!(turns, [(0, "c"), (0, "d"), (1, "b"), (2, "a")]);
}
