//! Teams follow their groups: a renamed group is a renamed team, never a second one.

use directory_sync_model::{
    desired::MappingProblem,
    rules::{GroupSelector, Rules},
};

use crate::support::{
    Directory, MappingWords, OTHER, OWNER, Platform, RulesWords, World, directory, group, mapping, platform, rules,
};

/// Every group whose name begins with `team-` makes the team of the rest of its name.
fn named_by_group() -> Rules {
    let teams = mapping("teams").of_groups_like("team-.+");
    rules().with(teams.to_team_named_by("group.name.replace('team-', '')").creating())
}

/// Groups by name with one member each, whose id is the group's in small letters.
fn company(groups: &[&str]) -> Directory {
    groups.iter().fold(directory(), |directory, name| {
        let member = name.to_lowercase();
        let group = group(&format!("team-{name}")).of(&[&member]);
        directory.with_people(&[&member]).with(group)
    })
}

/// After the first sync: the teams have the ids `new-NAME`.
fn synced(groups: &[&str]) -> World {
    let mut world = World::new(company(groups), named_by_group(), platform());
    world.sync();
    world
}

/// Renames groups, all at once.
fn rename(world: &mut World, names: &[(&str, &str)]) {
    for group in &mut world.directory.groups {
        if let Some((_, to)) = names.iter().find(|(from, _)| group.name == format!("team-{from}")) {
            group.name = format!("team-{to}");
        }
    }
}

fn problems(outcome: &crate::support::world::Outcome) -> Vec<&MappingProblem> {
    outcome.problems.iter().map(|(_, problem)| problem).collect()
}

#[test]
fn a_renamed_group_renames_its_team_and_nobody_leaves_it() {
    let mut world = synced(&["A"]);
    rename(&mut world, &[("A", "B")]);
    assert_eq!(world.sync().changes, ["rename team A to B"]);
    assert_eq!(world.platform.names(), [("new-A", "B")]);
    assert_eq!(world.platform.members("B"), ["a"]);
}

#[test]
fn a_team_that_an_unreadable_mapping_may_give_keeps_its_name() {
    let to_team = |name| mapping("team-A").to_team(name).creating();
    let mut world = World::new(company(&["A"]), rules().with(to_team("A")), platform());
    world.sync();
    world.rules.mappings[0].group = GroupSelector::Invalid("spec can't be read".to_owned());
    world.rules.mappings[0].team = None;
    world.rules.mappings.push(to_team("B"));
    world.sync();
    assert_eq!(world.platform.members("A"), ["a"]);
    assert_eq!(world.platform.members("B"), ["a"]);
}

#[test]
fn a_team_tells_its_group_where_the_groups_id_is_not_too_long_for_that() {
    for (length, told) in [(256, true), (257, false)] {
        let id = "ä".repeat(length);
        let mut world = World::new(
            directory().with_people(&["ann"]).with(group("A").id(&id).of(&["ann"])),
            rules().with(mapping("A").to_team("A").creating()),
            platform(),
        );
        world.sync();
        assert_eq!(
            world.platform.containers[0].external_id,
            if told { id } else { String::new() }
        );
    }
}

#[test]
fn a_rename_comes_before_whoever_joins_by_the_same_sync() {
    let mut world = synced(&["A"]);
    rename(&mut world, &[("A", "B")]);
    world.directory = world.directory.with_people(&["bob"]);
    world.directory.groups[0].members.push("bob".to_owned());
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["rename team A to B", "create bob", "add bob to A"]);
    assert_eq!((outcome.counts.teams_renamed, outcome.counts.teams_created), (1, 0));
    assert_eq!(world.platform.members("B"), ["a", "bob"]);
}

#[test]
fn a_team_of_ours_that_was_renamed_by_hand_gets_its_name_back() {
    let mut world = synced(&["A"]);
    world.platform.rename("A", "By hand");
    assert_eq!(world.sync().changes, ["rename team By hand to A"]);
    assert_eq!(world.platform.names(), [("new-A", "A")]);
}

#[test]
fn another_name_in_the_mapping_renames_the_team_that_one_group_made() {
    let support = || mapping("Support").creating();
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support").of(&["ann"])),
        rules().with(support().to_team("Support")),
        platform(),
    );
    world.sync();
    world.rules.mappings = vec![support().to_team("Helpdesk")];
    assert_eq!(world.sync().changes, ["rename team Support to Helpdesk"]);
}

#[test]
fn a_change_of_case_alone_renames_no_team() {
    let mut world = synced(&["emea"]);
    rename(&mut world, &[("emea", "EMEA")]);
    world.sync().nothing();
}

#[test]
fn a_team_made_by_hand_or_by_another_connection_is_never_renamed() {
    let by_hand = {
        let mut platform = platform().made_team("A", "g-team-A");
        platform.containers[0].owner = None;
        platform
    };
    for (platform, owner) in [(by_hand, None), (platform().others_team("A", "g-team-A"), Some(OTHER))] {
        let mut world = World::new(company(&["A"]), named_by_group(), platform);
        rename(&mut world, &[("A", "B")]);
        assert_eq!(world.sync().changes, ["create team B", "create a", "add a to B"]);
        let team = &world.platform.containers[0];
        assert_eq!((team.name.as_str(), team.owner.as_deref()), ("A", owner));
    }
}

#[test]
fn a_team_of_the_new_name_that_is_no_groups_is_joined_and_nothing_is_renamed() {
    let mut world = synced(&["A"]);
    world.platform = world.platform.team("B");
    rename(&mut world, &[("A", "B")]);
    assert_eq!(world.sync().changes, ["add a to B", "remove a from A"]);
    assert_eq!(world.platform.names(), [("new-A", "A"), ("t-B", "B")]);
}

#[test]
fn names_that_pass_on_are_freed_before_they_are_given() {
    let mut world = synced(&["A", "B", "C"]);
    rename(&mut world, &[("A", "B"), ("B", "C"), ("C", "D")]);
    let outcome = world.sync();
    assert_eq!(
        outcome.changes,
        ["rename team C to D", "rename team B to C", "rename team A to B"]
            .into_iter()
            .rev()
            .collect::<Vec<_>>(),
        "shown sorted; that the order is right is checked by carrying it out"
    );
    assert_eq!(world.platform.names(), [("new-A", "B"), ("new-B", "C"), ("new-C", "D")]);
    assert_eq!(world.platform.members("B"), ["a"]);
}

#[test]
fn names_exchanged_in_a_ring_are_a_named_problem_and_nobody_loses_anything() {
    let mut world = synced(&["A", "B"]);
    rename(&mut world, &[("A", "B"), ("B", "A")]);
    let before = world.platform.clone();
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(world.platform, before);
    let taken = |team: &str| MappingProblem::TeamNameTaken { team: team.to_owned() };
    assert_eq!(problems(&outcome), [&taken("A"), &taken("B")]);
    // As the message says: with a free name for one of them, the rest follows.
    world.platform.rename("A", "Parked");
    assert_eq!(world.sync().changes, ["rename team B to A", "rename team Parked to B"]);
    assert_eq!(world.platform.names(), [("new-A", "B"), ("new-B", "A")]);
}

#[test]
fn a_new_group_of_the_old_name_gets_a_team_of_its_own() {
    let mut world = synced(&["A"]);
    rename(&mut world, &[("A", "A-old")]);
    world.directory = world
        .directory
        .with_people(&["bob"])
        .with(group("team-A").id("g-2").of(&["bob"]));
    let outcome = world.sync();
    assert_eq!(
        outcome.changes,
        ["rename team A to A-old", "create team A", "create bob", "add bob to A"]
    );
    assert_eq!(world.platform.members("A-old"), ["a"]);
    assert_eq!(world.platform.members("A"), ["bob"]);
}

#[test]
fn a_team_that_others_are_given_by_its_name_keeps_it() {
    let mut world = synced(&["A"]);
    world.directory = world.directory.with_people(&["bob"]).with(group("Guests").of(&["bob"]));
    world.rules = world.rules.with(mapping("Guests").to_team("A"));
    assert_eq!(world.sync().changes, ["create bob", "add bob to A"]);
    rename(&mut world, &[("A", "B")]);
    assert_eq!(world.sync().changes, ["create team B", "add a to B", "remove a from A"]);
    assert_eq!(world.platform.members("A"), ["bob"]);
}

#[test]
fn a_team_of_several_groups_follows_none_of_them() {
    let both = mapping("teams").of_groups_like("team-.+");
    let mut world = World::new(
        company(&["A1", "A2"]),
        rules().with(both.to_team_named_by("group.name.substring(5, 6)").creating()),
        platform(),
    );
    world.sync();
    assert_eq!(world.platform.containers[0].external_id, "");
    for group in &mut world.directory.groups {
        group.name = group.name.replace('A', "B");
    }
    let changes = world.sync().changes;
    assert_eq!(changes[0], "create team B");
    assert_eq!(world.platform.containers[0].name, "A");
}

#[test]
fn a_team_made_before_teams_told_their_group_is_told_it_once() {
    let mut world = World::new(company(&["A"]), named_by_group(), platform().made_team("A", ""));
    assert_eq!(
        world.sync().changes,
        ["tell team A its group g-team-A", "create a", "add a to A"]
    );
    rename(&mut world, &[("A", "B")]);
    assert_eq!(world.sync().changes, ["rename team A to B"]);
    let mut doubtful = World::new(company(&["A"]), named_by_group(), platform().made_team("A", ""));
    doubtful.directory = doubtful.directory.cut_off();
    assert_eq!(
        doubtful.sync().changes,
        ["create a", "add a to A"],
        "there may be another group"
    );
}

#[test]
fn two_teams_that_tell_one_group_are_told_apart_by_their_names() {
    let platform = platform().made_team("A", "g-team-A").made_team("Old", "g-team-A");
    let mut world = World::new(company(&["A"]), named_by_group(), platform);
    rename(&mut world, &[("A", "B")]);
    assert_eq!(world.sync().changes, ["create team B", "create a", "add a to B"]);
}

#[test]
fn a_suspended_mapping_renames_nothing() {
    let mut world = synced(&["A"]);
    world.rules.mappings[0].suspended = true;
    rename(&mut world, &[("A", "B")]);
    world.sync().nothing();
}

#[test]
fn a_team_that_a_missing_group_may_give_as_well_keeps_its_name() {
    let mut world = synced(&["A"]);
    rename(&mut world, &[("A", "B")]);
    world.rules.mappings.push(mapping("Missing").to_team("B"));
    let outcome = world.look();
    assert!(
        !outcome.changes.iter().any(|line| line.starts_with("rename")),
        "{outcome:?}"
    );
}

#[test]
fn where_teams_cannot_be_changed_none_is_renamed() {
    let mut world = synced(&["A"]);
    rename(&mut world, &[("A", "B")]);
    world.platform.fixed_teams = true;
    let outcome = world.sync();
    assert_eq!(outcome.changes, [""; 0]);
    let missing = MappingProblem::TeamNotFound { team: "B".to_owned() };
    assert_eq!(problems(&outcome), [&missing]);
    assert_eq!(
        world.platform.members("A"),
        ["a"],
        "their team may go by another name now"
    );
}

#[test]
fn a_long_chain_of_names_is_ordered_in_linear_time() {
    let names: Vec<String> = (0..20_000).map(|number| format!("n{number}")).collect();
    let mut directory = directory();
    let mut held: Platform = platform();
    for (at, name) in names.iter().enumerate() {
        let next = format!("team-n{}", at + 1);
        directory.add(group(&next).id(name));
        held = held.container(
            directory_sync_model::observed::ContainerKind::Team,
            &format!("t-{name}"),
            name,
            "",
        );
        let team = &mut held.containers[at];
        team.owner = Some(OWNER.to_owned());
        team.external_id.clone_from(name);
    }
    let world = World::new(directory, named_by_group(), held);
    let begin = std::time::Instant::now();
    assert_eq!(world.look().counts.teams_renamed, 20_000);
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
}
