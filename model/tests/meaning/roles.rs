//! Roles: who gets which, what lapses, and what a hand has set.

use directory_sync_model::{
    desired::{FailureReason, MappingProblem},
    rules::Mapping,
};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

fn ann_in(groups: &[&str]) -> crate::support::Directory {
    ["A", "B"]
        .iter()
        .fold(directory().with_people(&["ann"]), |directory, name| {
            let members: &[&str] = if groups.contains(name) { &["ann"] } else { &[] };
            directory.with(group(name).of(members))
        })
}

fn two(one: Mapping, other: Mapping) -> directory_sync_model::rules::Rules {
    rules().everybody().with(one).with(other)
}

#[test]
fn a_mapping_gives_a_role_at_creation() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().default_role("member").with(mapping("A").giving("agent")),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann as agent"]);
}

#[test]
fn the_default_role_is_set_at_creation() {
    let mut world = World::new(ann_in(&[]), rules().everybody().default_role("agent"), platform());
    assert_eq!(world.sync().changes, ["create ann as agent"]);
}

#[test]
fn without_a_default_role_the_platform_chooses() {
    let mut world = World::new(ann_in(&[]), rules().everybody(), platform());
    assert_eq!(world.sync().changes, ["create ann"]);
    assert_eq!(world.platform.user("ann").role, "member");
}

#[test]
fn a_role_that_we_gave_lapses_to_the_default_role() {
    for (default, expected) in [(Some("agent"), "agent"), (None, "member")] {
        let mut world = World::new(
            ann_in(&["A"]),
            rules().everybody().with(mapping("A").giving("lead")),
            platform(),
        );
        world.rules.default_role = default.map(str::to_owned);
        world.sync();
        world.directory = ann_in(&[]);
        assert_eq!(world.sync().changes, [format!("role of ann: lead -> {expected}")]);
    }
}

#[test]
fn a_default_role_that_lapsed_to_is_ours_and_gives_way_to_a_mapping() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules()
            .everybody()
            .default_role("agent")
            .with(mapping("A").giving("lead")),
        platform(),
    );
    for (groups, role) in [(&["A"][..], "lead"), (&[], "agent"), (&["A"], "lead")] {
        world.directory = ann_in(groups);
        world.sync();
        assert_eq!(world.platform.user("ann").role, role);
    }
}

#[test]
fn the_platforms_own_choice_gives_way_to_a_mapping() {
    for existing in [user("ann"), user("ann").managed()] {
        let mut world = World::new(
            ann_in(&["A"]),
            rules().everybody().with(mapping("A").giving("agent")),
            platform().with(existing),
        );
        assert!(
            world
                .sync()
                .changes
                .contains(&"role of ann: member -> agent".to_owned())
        );
        world.directory = ann_in(&[]);
        assert_eq!(world.sync().changes, ["role of ann: agent -> member"]);
    }
}

#[test]
fn a_role_set_by_hand_stays() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules()
            .everybody()
            .default_role("member")
            .with(mapping("A").giving("agent")),
        platform(),
    );
    world.sync();
    for by_hand in ["lead", "member", "admin"] {
        world.platform.user_mut("ann").role = by_hand.to_owned();
        world.directory = ann_in(&["A"]);
        world.sync().nothing();
        world.directory = ann_in(&[]);
        world.sync().nothing();
    }
}

#[test]
fn a_role_that_an_adopted_user_already_had_stays_in_every_later_sync_too() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().everybody().with(mapping("A").giving("agent")),
        platform().with(user("ann").role("lead")),
    );
    assert_eq!(world.sync().changes, ["update ann: adopt as ann"]);
    world.directory = ann_in(&[]);
    world.sync().nothing();
}

#[test]
fn a_mapped_role_that_an_adopted_user_has_by_hand_does_not_become_ours() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().everybody().with(mapping("A").giving("agent")),
        platform().with(user("ann").role("agent")),
    );
    world.sync();
    world.directory = ann_in(&[]);
    world.sync().nothing();
    assert_eq!(world.platform.user("ann").role, "agent");
}

#[test]
fn a_user_without_any_role_gets_the_mapped_one() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().everybody().with(mapping("A").giving("agent")),
        platform().with(user("ann").managed().role("")),
    );
    assert_eq!(world.sync().changes, ["role of ann:  -> agent"]);
}

#[test]
fn the_higher_priority_wins() {
    for (first, second) in [(200, 100), (100, 200)] {
        let mut world = World::new(
            ann_in(&["A", "B"]),
            two(
                mapping("A").giving("agent").first(first),
                mapping("B").giving("lead").first(second),
            ),
            platform(),
        );
        let outcome = world.sync();
        let expected = if first > second { "agent" } else { "lead" };
        assert_eq!(outcome.changes, [format!("create ann as {expected}")]);
        assert_eq!(outcome.problems, []);
    }
}

#[test]
fn equal_priority_with_another_role_is_a_conflict_on_both_mappings_and_the_role_stays() {
    let mut world = World::new(
        ann_in(&["A", "B"]),
        two(mapping("A").giving("agent"), mapping("B").giving("lead")),
        platform().with(user("ann").managed().given("agent")),
    );
    let outcome = world.sync();
    outcome.nothing();
    let conflict = |other: &str| MappingProblem::RoleConflict {
        other: other.to_owned(),
        example: "ann".to_owned(),
        people: 1,
    };
    assert_eq!(
        outcome.problems,
        [("a".to_owned(), conflict("b")), ("b".to_owned(), conflict("a"))]
    );
}

#[test]
fn a_conflict_below_the_deciding_priority_is_none() {
    let mut world = World::new(
        ann_in(&["A", "B"]),
        two(mapping("A").giving("agent"), mapping("B").giving("lead"))
            .with(mapping("A").called("top").giving("admin").first(200)),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann as admin"]);
    assert_eq!(outcome.problems, []);
}

#[test]
fn in_a_conflict_a_new_user_gets_the_default_role() {
    let mut world = World::new(
        ann_in(&["A", "B"]),
        two(mapping("A").giving("agent"), mapping("B").giving("lead")).default_role("member"),
        platform(),
    );
    assert_eq!(world.sync().changes, ["create ann as member"]);
}

#[test]
fn a_conflict_counts_each_person_once_and_nobody_who_is_not_wanted() {
    let mut world = World::new(
        directory()
            .with_people(&["ann"])
            .with(person("dan").disabled())
            .with(group("team-1").of(&["ann", "dan"]))
            .with(group("team-2").of(&["ann", "dan"]))
            .with(group("B").of(&["ann", "dan"])),
        rules()
            .with(mapping("teams").of_groups_like("team-.").giving("agent"))
            .with(mapping("B").giving("lead"))
            .with(mapping("x").of_groups_like("team-.").giving("admin")),
        platform(),
    );
    let people = |problem: &MappingProblem| match problem {
        MappingProblem::RoleConflict { people, .. } => *people,
        other => panic!("{other:?}"),
    };
    for (_, problem) in &world.sync().problems {
        assert_eq!(people(problem), 1);
    }
}

#[test]
fn the_same_group_mapped_twice_to_the_same_role_counts_once() {
    let mut world = World::new(
        ann_in(&["A"]),
        two(
            mapping("A").called("one").giving("agent"),
            mapping("A").called("two").giving("agent"),
        ),
        platform().with(user("ann").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["role of ann: member -> agent"]);
    assert_eq!(outcome.removals.roles, 1);
    assert_eq!(outcome.problems, []);
}

#[test]
fn any_change_of_an_existing_users_role_counts_as_a_removal() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().everybody().with(mapping("A").giving("admin")).limited_to(0, 0),
        platform().with(user("ann").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.removals.roles, 1);
    assert_eq!(world.platform.user("ann").role, "member");
    assert!(!outcome.held.is_empty());
}

#[test]
fn any_change_of_an_existing_users_role_waits_on_an_incomplete_read() {
    let mut world = World::new(
        ann_in(&["A"]).cut_off(),
        rules().everybody().with(mapping("A").giving("agent")),
        platform().with(user("ann").managed()),
    );
    world.sync().nothing();
}

#[test]
fn a_role_that_the_platform_does_not_have_is_the_mappings_problem() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().everybody().with(mapping("A").giving("agnet").to_team("T")),
        platform().with(user("ann").managed().given("lead")).team("T"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["add ann to T"]);
    assert_eq!(
        outcome.problems,
        [(
            "a".to_owned(),
            MappingProblem::RoleNotFound {
                role: "agnet".to_owned()
            }
        )]
    );
}

#[test]
fn a_default_role_that_the_platform_does_not_have_creates_nobody_with_another_one() {
    let mut world = World::new(
        ann_in(&["A"]).with(person("bob")),
        rules()
            .everybody()
            .default_role("gest")
            .with(mapping("A").giving("agent")),
        platform().with(user("cid").managed().given("lead")),
    );
    world.directory.add(person("cid"));
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann as agent"]);
    assert_eq!(outcome.failures, [("bob".to_owned(), FailureReason::RoleNotFound)]);
    assert_eq!(world.platform.user("cid").role, "lead");
}

#[test]
fn a_mapping_may_grant_only_allowed_roles_and_is_frozen_otherwise() {
    let mut world = World::new(
        ann_in(&["A"]),
        rules().with(mapping("A").giving("admin").to_team("T")),
        platform().with(user("bob").managed()).team("T").gave("T", "bob"),
    );
    world.directory.add(person("bob"));
    world.rules.allowed_roles = Some(["agent".to_owned()].into());
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(
        outcome.problems,
        [(
            "a".to_owned(),
            MappingProblem::RoleNotAllowed {
                role: "admin".to_owned()
            }
        )]
    );
}

#[test]
fn the_role_of_a_mapping_whose_group_is_partly_unknown_is_neither_given_nor_taken() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "new"])
            .with(group("A").of(&["ann", "new"]).not_told()),
        rules().everybody().with(mapping("A").giving("agent")),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed().given("agent")),
    );
    assert_eq!(world.sync().changes, ["create new"]);
}
