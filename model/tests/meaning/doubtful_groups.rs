//! Completeness of each mapping: groups that are missing, ambiguous or not told.

use directory_sync_model::{
    desired::MappingProblem,
    plan::{Kept, KeptReason, RemovalKind},
};

use crate::support::{
    Directory, MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user,
};

/// Ann is an agent by the group Support, Bob a lead by Sales; Out was in both, Dan is disabled, Gone left.
fn mapped(groups: Directory) -> World {
    World::new(
        groups
            .with_people(&["ann", "bob", "out"])
            .with(person("dan").disabled()),
        rules()
            .with(mapping("Support").to_team("Support").giving("agent"))
            .with(mapping("Sales").to_team("Sales").giving("lead")),
        platform()
            .with(user("ann").managed().given("agent"))
            .with(user("bob").managed().given("lead"))
            .with(user("out").managed().given("lead"))
            .with(user("dan").managed())
            .with(user("gone").managed())
            .team("Support")
            .team("Sales")
            .gave("Support", "ann")
            .gave("Support", "out")
            .gave("Sales", "bob")
            .gave("Sales", "out"),
    )
}

#[test]
fn while_a_mapped_group_is_missing_its_removals_wait_and_only_absent_and_disabled_people_are_deactivated() {
    let mut world = mapped(directory().with(group("Sales").of(&["bob"])));
    let outcome = world.sync();
    assert_eq!(
        outcome.changes,
        [
            "remove out from Sales",
            "deactivate dan: disabled in the directory",
            "deactivate gone: no longer in the directory"
        ]
    );
    assert_eq!(
        outcome.problems,
        [("support".to_owned(), MappingProblem::GroupNotFound)]
    );
    // Ann may be in the missing group, and so may Out: nobody can tell.
    assert!(world.platform.user("ann").active && world.platform.user("out").active);
    assert_eq!(world.platform.members("Support"), ["ann", "out"]);
}

#[test]
fn while_a_mapped_group_is_missing_the_removals_of_others_go_on() {
    let mut world = mapped(directory().with(group("Sales").of(&["bob"])));
    world.rules = world.rules.everybody();
    let outcome = world.sync();
    assert!(outcome.changes.contains(&"remove out from Sales".to_owned()));
    assert!(outcome.changes.contains(&"role of out: lead -> member".to_owned()));
    assert!(!outcome.changes.iter().any(|line| line.contains("role of ann")));
}

#[test]
fn while_a_mapped_group_is_missing_whoever_left_another_one_leaves_its_team_and_keeps_his_account() {
    let mut world = mapped(directory().with(group("Sales").of(&["bob"])));
    let outcome = world.sync();
    assert!(outcome.changes.contains(&"remove out from Sales".to_owned()));
    assert!(world.platform.user("out").active);
    assert_eq!(world.platform.members("Support"), ["ann", "out"]);
}

#[test]
fn what_an_expression_reads_of_groups_that_are_not_told_removes_nobody() {
    let support = || {
        mapping("x")
            .of_people_who("'Support' in user.groups")
            .to_team("Support")
    };
    let mut world = mapped(directory().with(group("Support").not_told()));
    world.rules = rules().with(support());
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_deactivated, 2, "only who is absent or disabled");
    assert_eq!(world.platform.members("Support"), ["ann", "out"]);
    let untold = MappingProblem::MembersNotTold {
        group: "Support".to_owned(),
    };
    assert_eq!(outcome.problems, [("x".to_owned(), untold)]);

    for groups in [directory().with(group("Staff").not_told()), directory()] {
        let mut world = mapped(groups);
        world.rules = world.rules.who("'Staff' in user.groups").everybody();
        let outcome = world.sync();
        assert_eq!(outcome.counts.users_deactivated, 0);
        assert_eq!(outcome.doubts.len(), 1, "{:?}", outcome.doubts);
    }
}

#[test]
fn while_a_mapped_group_is_missing_whoever_does_not_pass_the_filter_waits_too() {
    let mut world = mapped(directory().with(group("Sales").of(&["bob"])));
    world.rules = world.rules.who("user.id != 'bob'");
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_deactivated, 2);
    assert!(world.platform.user("bob").active);
    let waits = Kept {
        kind: RemovalKind::User,
        reason: KeptReason::Frozen,
        count: 3,
    };
    assert!(outcome.kept.contains(&waits));
}

#[test]
fn two_groups_of_one_name_are_ambiguous_and_their_removals_wait() {
    let mut world = mapped(
        directory()
            .with(group("Support").id("g1").of(&["bob"]))
            .with(group("Support").id("g2").of(&["ann"]))
            .with(group("Sales").of(&["bob"])),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_deactivated, 2);
    assert_eq!(outcome.removals.team_memberships, 1, "out from Sales");
    assert_eq!(world.platform.members("Support"), ["ann", "out"]);
    let MappingProblem::GroupAmbiguous { name, ids } = &outcome.problems[0].1 else {
        panic!("{:?}", outcome.problems)
    };
    assert_eq!((name.as_str(), ids.len()), ("Support", 2));
}

#[test]
fn ambiguous_groups_are_told_in_the_order_of_their_names_and_ten_of_them_at_most() {
    let mut groups = directory();
    for number in 0..24 {
        let name = format!("team-{:02}", number * 7 % 12);
        groups.add(group(&name).id(&format!("g{number}")));
    }
    let world = World::new(
        groups,
        rules().with(mapping("teams").of_groups_like("team-.+").to_team("T")),
        platform().team("T"),
    );
    let told = world.look().problems.into_iter().map(|(_, problem)| match problem {
        MappingProblem::GroupAmbiguous { name, ids } => (name, ids.len()),
        other => panic!("{other:?}"),
    });
    let first: Vec<_> = (0..10).map(|number| (format!("team-{number:02}"), 2)).collect();
    assert_eq!(told.collect::<Vec<_>>(), first);
}

#[test]
fn people_of_ambiguous_groups_keep_a_team_that_goes_by_another_name_now() {
    let mut world = mapped(
        directory()
            .with(group("Support").id("g1").of(&["out"]))
            .with(group("Support").id("g2").of(&["ann"]))
            .with(group("Sales").of(&["bob"])),
    );
    world.rules = world.rules.everybody();
    world.platform.containers[0].name = "Support by another name".to_owned();
    assert_eq!(
        world.sync().changes,
        [
            "remove out from Sales",
            "deactivate dan: disabled in the directory",
            "deactivate gone: no longer in the directory"
        ]
    );
    assert_eq!(world.platform.members("Support by another name"), ["ann", "out"]);
}

#[test]
fn a_group_found_by_its_id_is_not_ambiguous() {
    let mut world = World::new(
        directory()
            .with_people(&["ann"])
            .with(group("Support").id("g1").of(&["ann"]))
            .with(group("Support").id("g2")),
        rules().with(mapping("x").of_group_id("g1").to_team("Support")),
        platform().team("Support"),
    );
    assert_eq!(world.sync().changes, ["create ann", "add ann to Support"]);
}

#[test]
fn a_group_without_members_attribute_is_not_told_not_empty() {
    let mut world = mapped(
        directory()
            .with(group("Support").not_told())
            .with(group("Sales").of(&["bob"])),
    );
    let outcome = world.sync();
    assert_eq!(world.platform.members("Support"), ["ann", "out"]);
    assert!(world.platform.user("ann").active);
    assert_eq!(
        outcome.problems,
        [(
            "support".to_owned(),
            MappingProblem::MembersNotTold {
                group: "Support".to_owned()
            }
        )]
    );

    let mut world = mapped(directory().with(group("Support")).with(group("Sales").of(&["bob"])));
    world.sync();
    assert_eq!(world.platform.members("Support"), [""; 0]);
    assert!(!world.platform.user("ann").active);
}

#[test]
fn a_group_above_one_that_is_not_told_is_not_told_either() {
    let mut world = mapped(
        directory()
            .with(group("Inner").not_told())
            .with(group("Support").of(&["g-Inner", "bob"]))
            .with(group("Sales").of(&["bob"])),
    );
    let outcome = world.sync();
    // Whom it names joins; nobody leaves.
    assert_eq!(world.platform.members("Support"), ["ann", "bob", "out"]);
    assert_eq!(outcome.problems.len(), 1);
}

#[test]
fn one_bad_group_of_many_stops_only_itself() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("team-a").of(&["ann"]))
            .with(group("team-b").id("b1").of(&["bob"]))
            .with(group("team-b").id("b2").of(&["cid"]))
            .with(group("team-c").not_told()),
        rules().everybody().with(
            mapping("teams")
                .of_groups_like("team-.+")
                .to_team_named_by("group.name")
                .creating(),
        ),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed())
            .with(user("cid").managed())
            .team("team-b")
            .team("team-c")
            .gave("team-b", "bob")
            .gave("team-c", "ann"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create team team-a", "add ann to team-a"]);
    assert_eq!(outcome.problems.len(), 2);
}

#[test]
fn a_team_whose_name_cannot_be_told_takes_nobody_out_of_any_team() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("team-").id("g1").of(&["ann"]))
            .with(group("team-b").of(&["bob"])),
        rules().everybody().with(
            mapping("teams")
                .of_groups_like("team-.*")
                .to_team_named_by("group.name.replace('team-', '')"),
        ),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed())
            .team("a")
            .team("b")
            .gave("a", "ann")
            .gave("b", "ann")
            .gave("a", "bob"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["add bob to b", "remove bob from a"]);
    assert!(matches!(
        outcome.problems[..],
        [(_, MappingProblem::TeamNameFailed { .. })]
    ));
}

#[test]
fn teams_that_a_missing_group_may_have_given_lose_nobody() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Sales").of(&["ann"])),
        rules()
            .everybody()
            .with(mapping("Gone").to_team_named_by("group.name + '!'"))
            .with(mapping("Sales").to_team("Sales")),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed().external_id("bob"))
            .team("Sales")
            .team("Gone!")
            .gave("Gone!", "ann"),
    );
    world.directory.add(person("bob"));
    world.platform = std::mem::take(&mut world.platform).gave("Sales", "bob");
    assert_eq!(world.sync().changes, ["add ann to Sales"]);
}
