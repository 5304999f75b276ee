//! `protect.teams`: nobody joins or leaves such a team, and it keeps its name; and lists that name nobody.

use directory_sync_model::{
    desired::MappingProblem,
    plan::{Kept, KeptReason, RemovalKind},
};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, platform, rules, user};

fn protected(team: &str) -> (String, MappingProblem) {
    let team = team.to_owned();
    ("board".to_owned(), MappingProblem::TeamProtected { team })
}

#[test]
fn nobody_joins_or_leaves_a_protected_team_named_by_name_or_by_id() {
    for entry in ["  BOARD", "t-Board"] {
        let mut world = World::new(
            directory()
                .with_people(&["ann", "bob"])
                .with(group("Board").of(&["ann"]))
                .with(group("All").of(&["bob"])),
            rules()
                .with(mapping("Board").to_team("Board"))
                .with(mapping("All").to_team("All"))
                .protecting_team(entry),
            platform()
                .team("Board")
                .team("All")
                .with(user("ann").managed())
                .with(user("bob").managed())
                .gave("Board", "bob")
                .gave("All", "bob"),
        );
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.problems, [protected("Board")]);
        let kept = Kept {
            kind: RemovalKind::TeamMembership,
            reason: KeptReason::Protected,
            count: 1,
        };
        assert_eq!(outcome.kept, [kept]);
    }
}

#[test]
fn whoever_leaves_keeps_a_protected_team_and_loses_the_others() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("All").of(&["ann"])),
        rules().with(mapping("All").to_team("All")).protecting_team("Board"),
        platform()
            .team("Board")
            .team("All")
            .with(user("ann").managed())
            .with(user("bob").managed())
            .gave("All", "ann")
            .gave("Board", "bob")
            .gave("All", "bob"),
    );
    assert_eq!(
        world.sync().changes,
        [
            "remove bob from All with his deactivation",
            "deactivate bob: no longer in the directory"
        ]
    );
    assert_eq!(world.platform.members("Board"), ["bob"]);
}

#[test]
fn a_protected_team_that_is_not_there_is_not_created() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Board").of(&["ann"])),
        rules()
            .with(mapping("Board").to_team("Board").creating())
            .protecting_team("board"),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann"]);
    assert_eq!(outcome.problems, [protected("Board")]);
}

#[test]
fn a_protected_team_is_not_renamed_and_no_team_gets_a_protected_name() {
    for entry in ["Old", "New"] {
        let mut world = World::new(
            directory().with_people(&["ann"]).with(group("Board").of(&["ann"])),
            rules()
                .with(mapping("Board").to_team("New").creating())
                .protecting_team(entry),
            platform()
                .with(user("ann").managed())
                .made_team("Old", "g-Board")
                .gave("Old", "ann"),
        );
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.problems, [protected("New")]);
        assert_eq!(world.platform.members("Old"), ["ann"]);
    }
}

#[test]
fn protect_lists_that_name_nobody_are_told_and_stop_nothing() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("All").of(&["ann"])),
        rules()
            .with(mapping("All").to_team("All"))
            .protecting_user("nobody@acme.test")
            .protecting_user("Chief@acme.test".to_lowercase().as_str())
            .protecting_user("ann")
            .protecting_role("boss")
            .protecting_role("Admin")
            .protecting_team("Nowhere")
            .protecting_team("t-Board"),
        platform().team("All").team("Board").with(user("chief")),
    );
    let outcome = world.sync();
    assert_eq!(outcome.failures, []);
    assert_eq!(outcome.problems, []);
    assert_eq!(
        outcome.notices,
        [
            "protect.users names nobody on the platform or in scope: nobody@acme.test",
            "protect.roles names no role of the platform: boss",
            "protect.teams names no team of the platform: Nowhere",
        ]
    );
    world.directory = world.directory.cut_off();
    assert_eq!(world.sync().notices.len(), 2, "whom nobody saw may be there");
}
