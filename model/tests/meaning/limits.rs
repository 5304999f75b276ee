//! How much one sync may remove.

use directory_sync_model::{
    limits::Limits,
    plan::{Population, RemovalKind},
    rules::Adoption,
};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, platform, rules, user};

/// A team of so many people, of whom so many leave it.
fn team(size: usize, leaving: usize) -> World {
    let mut people = directory();
    let mut held = platform().team("T");
    let mut rest = group("A");
    for at in 0..size {
        let id = format!("p{at:03}");
        people.add(crate::support::person(&id));
        held = held.with(user(&id).managed()).gave("T", &id);
        if at >= leaving {
            rest = rest.of(&[&id]);
        }
    }
    World::new(
        people.with(rest),
        rules().everybody().with(mapping("A").to_team("T")),
        held,
    )
}

#[test]
fn removals_up_to_the_limit_pass_and_one_more_holds_the_whole_plan() {
    let mut world = team(100, 20);
    world.rules.limits = Limits::default();
    assert_eq!(world.sync().counts.team_memberships_removed, 20);

    let mut world = team(100, 21);
    world.rules.limits = Limits::default();
    world.directory.add(crate::support::person("new"));
    let before = world.platform.clone();
    let outcome = world.sync();
    assert_eq!(world.platform, before, "nothing at all is written");
    assert_eq!(
        outcome.held,
        [
            "21 of 100 team memberships would be removed, allowed are 20",
            r#"21 of 100 team memberships of "T" would be removed, allowed are 20"#
        ]
    );
}

#[test]
fn a_small_population_counts_as_the_minimum() {
    for (leaving, held) in [(4, 0), (5, 2)] {
        let mut world = team(5, leaving);
        world.rules.limits = Limits::default();
        assert_eq!(world.sync().held.len(), held);
    }
}

#[test]
fn each_team_is_judged_by_what_we_gave_there() {
    let mut world = team(25, 6);
    // Memberships by hand are no part of the population: of 25 given, 5 may go.
    for at in 0..100 {
        let id = format!("hand{at}");
        world.platform = std::mem::take(&mut world.platform).with(user(&id)).joined("T", &id);
    }
    world.rules.limits = Limits::default();
    assert_eq!(world.sync().held.len(), 2);
}

#[test]
fn users_are_judged_by_who_was_managed_and_active_before_the_plan() {
    let mut held = platform().with(user("gone").managed());
    let mut people = directory();
    for at in 0..4 {
        let id = format!("p{at}");
        people.add(crate::support::person(&id));
        held = held.with(user(&id).managed());
    }
    let held = held
        .with(user("hand"))
        .with(user("out").managed().inactive())
        .with(user("theirs").of_another_connection());
    let world = World::new(people.with_people(&["new"]), rules().everybody(), held);
    let outcome = world.look();
    let users = |population: &&Population| population.kind == RemovalKind::User;
    let population = outcome.populations.iter().find(users).unwrap();
    assert_eq!((population.size, population.removals), (5, 1));
}

#[test]
fn users_whom_nobody_manages_make_no_limit_looser() {
    let mut read = directory();
    let mut held = platform().with(user("gone").managed()).with(user("stays").managed());
    read.add(crate::support::person("stays"));
    for at in 0..50 {
        let id = format!("hand{at}");
        read.add(crate::support::person(&id));
        held = held.with(user(&id));
    }
    let world = World::new(read, rules().everybody().adopting(Adoption::Never), held);
    let populations = world.look().populations;
    assert_eq!((populations[0].size, populations[0].removals), (2, 1));
}

#[test]
fn a_role_is_judged_by_how_many_have_it_from_us() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("A").of(&["ann"])),
        rules().everybody().with(mapping("A").giving("agent")),
        platform()
            .with(user("ann").managed().given("agent"))
            .with(user("bob").managed().given("agent"))
            .with(user("gone").managed().given("agent"))
            .with(user("cid").managed().role("agent"))
            .with(user("hand").role("agent")),
    );
    let outcome = world.sync();
    let agents = outcome
        .populations
        .iter()
        .find(|population| population.name.as_deref() == Some("agent"))
        .unwrap();
    assert_eq!((agents.size, agents.removals), (3, 1));
}

#[test]
fn memberships_lost_through_a_deactivation_count_once() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().everybody().with(mapping("A").to_team("T").to_inbox("I")),
        platform()
            .with(user("ann").managed())
            .with(user("gone").managed())
            .team("T")
            .inbox("I", "")
            .gave("T", "ann")
            .gave("I", "ann")
            .gave("T", "gone")
            .gave("I", "gone"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.removals.users, 1);
    assert_eq!(outcome.removals.team_memberships, 0);
    assert_eq!(outcome.removals.inbox_memberships, 0);
    assert_eq!(outcome.counts.team_memberships_removed, 1);
    assert_eq!(world.platform.members("T"), ["ann"]);
}

#[test]
fn every_limit_that_is_exceeded_is_named() {
    let mut world = World::new(
        directory().with_people(&["ann"]),
        rules().everybody().limited_to(0, 0).with(mapping("A").giving("agent")),
        platform()
            .with(user("ann").managed().given("agent"))
            .with(user("gone").managed())
            .team("T")
            .inbox("I", "")
            .gave("T", "ann")
            .gave("I", "ann"),
    );
    world.directory.add(group("A"));
    let held = world.sync().held.join("\n");
    for what in [
        "users",
        "roles of \"agent\"",
        "team memberships of \"T\"",
        "inbox memberships of \"I\"",
    ] {
        assert!(held.contains(what), "{what} in {held}");
    }
}

#[test]
fn an_approval_lets_exactly_that_plan_pass() {
    let mut world = team(100, 30);
    world.rules.limits = Limits::default();
    let hash = world.sync().hash;
    world.approved = Some(hash);
    world.directory.group("A").members.pop();
    assert!(!world.sync().held.is_empty(), "another leaver voids the approval");
    world.directory.group("A").members.push("p099".to_owned());
    world.directory.add(crate::support::person("new"));
    assert!(world.sync().held.is_empty(), "a joiner doesn't");
    assert_eq!(world.platform.members("T").len(), 70);
}

#[test]
fn what_a_deleted_mapping_would_deactivate_is_told_apart_from_other_leavers() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("A").of(&["ann", "cid"]))
            .with(group("B").of(&["bob"])),
        rules()
            .who("user.department == ''")
            .with(mapping("A"))
            .with(mapping("B").to_team("T")),
        platform().team("T"),
    );
    world.sync();
    let departures = |world: &World| world.plan(|plan| (plan.deactivations.len(), plan.departures()));
    world.directory.loses("ann");
    world.directory.person("cid").department = "Sales".to_owned();
    assert_eq!(departures(&world), (2, 0), "left the company, doesn't pass the filter");
    world.rules.mappings.remove(1);
    assert_eq!(departures(&world), (3, 1), "Bob is in no mapped group any more");
    world.rules = world.rules.everybody();
    assert_eq!(
        departures(&world),
        (2, 0),
        "everybody is in scope: Bob only leaves the team"
    );
}
