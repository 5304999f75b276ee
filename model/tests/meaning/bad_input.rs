//! What somebody writes who isn't careful: mappings that overlap or contradict each other, protections of nobody, limits at
//! their ends. Each has one outcome, and says so in words.

use directory_sync_model::{
    desired::MappingProblem,
    guard::{Terms, Verdict, guard},
    limits::Limits,
    plan::RemovalCounts,
    snapshot::Doubt,
};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

#[test]
fn mappings_of_one_group_to_several_teams_each_give_theirs_and_take_theirs_alone() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules()
            .everybody()
            .with(mapping("A").called("one").to_team("T1").creating().to_inbox("I"))
            .with(mapping("A").called("two").to_team("T2").creating().to_inbox("I"))
            .with(mapping("x").called("all").of_groups_like(".*").to_team("T1")),
        platform().inbox("I", ""),
    );
    assert_eq!(
        world.sync().changes,
        [
            "create team T1",
            "create team T2",
            "create ann",
            "add ann to I",
            "add ann to T1",
            "add ann to T2"
        ]
    );
    world.rules.mappings.retain(|mapping| mapping.name != "one");
    world.sync().nothing();
    world.rules.mappings.retain(|mapping| mapping.name != "all");
    // Now one group alone makes T2, so T2 can follow it.
    assert_eq!(
        world.sync().changes,
        ["tell team T2 its group g-A", "remove ann from T1"]
    );
}

#[test]
fn of_two_mappings_of_which_one_may_create_the_team_it_is_created_once_in_whatever_spelling() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"])),
        rules()
            .with(mapping("A").to_team("EMEA Support"))
            .with(mapping("B").to_team(" emea  support ").creating()),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.teams_created, 1);
    assert_eq!(
        world.platform.members(&world.platform.containers[0].name.clone()),
        ["ann", "bob"]
    );
    assert_eq!(outcome.problems, []);
}

#[test]
fn of_several_spellings_of_a_new_teams_name_the_first_in_order_counts_whichever_mapping_says_it() {
    for (one, other) in [("support", "Support"), ("Support", "support")] {
        let world = World::new(
            directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
            rules()
                .with(mapping("A").called("one").to_team(one).creating())
                .with(mapping("A").called("other").to_team(other).creating()),
            platform(),
        );
        assert_eq!(world.look().changes[0], "create team Support");
    }
}

#[test]
fn whoever_gets_one_team_by_its_id_and_by_its_name_joins_it_once() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("A").of(&["bob", "cid"]))
            .with(group("B").of(&["ann", "bob"])),
        rules()
            .with(mapping("A").to_team_id("t-T"))
            .with(mapping("B").to_team("T"))
            .with(mapping("B").called("again").to_team(" t ")),
        platform().team("T"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.team_memberships_added, 3, "{:?}", outcome.changes);
    assert_eq!(world.platform.members("T"), ["ann", "bob", "cid"]);
}

#[test]
fn mappings_that_contradict_each_other_about_a_role_name_each_other_and_what_to_do() {
    for people in [["ann", "bob"], ["bob", "ann"]] {
        let mut world = World::new(
            directory()
                .with_people(&people)
                .with(group("A").of(&people))
                .with(group("B").of(&people)),
            rules()
                .with(mapping("A").giving("agent"))
                .with(mapping("B").giving("lead")),
            platform()
                .with(user("ann").managed().given("agent"))
                .with(user("bob").managed()),
        );
        let outcome = world.sync();
        outcome.nothing();
        for (mapping, other) in [("a", "b"), ("b", "a")] {
            let problem = outcome.problems.iter().find(|(name, _)| name == mapping).unwrap();
            assert!(matches!(&problem.1, MappingProblem::RoleConflict { other: named, .. } if named == other));
            assert_eq!(
                problem.1.to_string(),
                format!(
                    "mapping \"{other}\" of the same priority gives another role to 2 of the same people, for example \
                     ann; give one of the two a higher priority"
                )
            );
        }
    }
}

#[test]
fn a_protection_that_names_nobody_changes_nothing_for_anybody_else() {
    let world = |rules| {
        World::new(
            directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
            rules,
            platform()
                .with(user("gone").managed())
                .with(user("hand"))
                .team("T")
                .gave("T", "gone"),
        )
    };
    let plain = || rules().everybody().with(mapping("A").to_team("T").giving("agent"));
    let expected = world(plain()).sync();
    let nobody = plain()
        .protecting_user("nobody@acme.test")
        .protecting_user("no-such-id")
        .protecting_user("")
        .protecting_role("no such role");
    let outcome = world(nobody).sync();
    assert_eq!(outcome.changes, expected.changes);
    assert_eq!((outcome.failures, outcome.problems), (vec![], vec![]));
}

/// Ten people, of whom three have left; Eve is new.
fn ten(limits: Limits) -> World {
    let mut held = platform();
    let mut read = directory().with_people(&["eve"]);
    for at in 0..10 {
        held = held.with(user(&format!("p{at}")).managed());
        if at >= 3 {
            read.add(person(&format!("p{at}")));
        }
    }
    let mut world = World::new(read, rules().everybody(), held);
    world.rules.limits = limits;
    world
}

#[test]
fn a_limit_of_nothing_holds_every_removal_and_no_addition() {
    let none = Limits {
        max_percent: 0,
        ..Limits::default()
    };
    let no_one = Limits {
        max_percent: 100,
        min_population: 1_000_000,
        max_count: Some(0),
    };
    for limits in [none, no_one] {
        let mut world = ten(limits);
        assert_eq!(world.sync().held, ["3 of 10 users would be removed, allowed are 0"]);
        for at in 0..3 {
            world.directory.add(person(&format!("p{at}")));
        }
        assert_eq!(world.sync().changes, ["create eve"]);
    }
}

#[test]
fn a_limit_of_everything_holds_nothing_and_a_doubtful_read_still_removes_nobody() {
    let everything = Limits {
        max_percent: 100,
        min_population: 0,
        max_count: None,
    };
    let mut world = ten(everything);
    assert_eq!(world.sync().counts.users_deactivated, 3);
    world.directory = directory().with_people(&["eve"]);
    world.directory.doubts_about_users.push(Doubt::SizeLimit);
    assert_eq!(world.sync().removals, RemovalCounts::default());
    world.directory.doubts_about_users.clear();
    let outcome = world.sync();
    assert_eq!(
        (outcome.held.len(), outcome.counts.users_deactivated),
        (0, 7),
        "that is what 100 % means"
    );
    // A percentage above it, which no schema lets pass, is no more than everything.
    let above = Limits {
        max_percent: 255,
        ..everything
    };
    assert_eq!(above.allowed(10), 10);
}

#[test]
fn what_a_deleted_mapping_would_deactivate_is_held_where_the_terms_say_so_however_little_it_is() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"])),
        rules().with(mapping("A")).with(mapping("B")),
        platform(),
    );
    world.sync();
    world.rules.mappings.remove(1);
    for hold_departures in [true, false] {
        world.plan(|plan| {
            let hash = plan.hash();
            let mut terms = Terms {
                hold_departures,
                ..Terms::default()
            };
            terms.limits.max_percent = 100;
            match guard(plan, &hash, &terms) {
                Verdict::Hold(_, hold) => assert!(hold_departures && hold.departures == 1 && hold.exceeded.is_empty()),
                Verdict::Pass(_) => assert!(!hold_departures),
            }
            terms.approved = Some(hash.clone());
            world.plan(|plan| assert!(matches!(guard(plan, &hash, &terms), Verdict::Pass(_)), "approved"));
        });
    }
}
