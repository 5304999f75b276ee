//! Teams and inboxes: how they are found, made, joined and left.

use directory_sync_model::{
    desired::MappingProblem,
    diff::{Account, Differ},
    map::map,
    observed::{ContainerKind, ContainerRow, MembershipRow, Observer as _},
    plan::{Place, RemovalKind},
};

use crate::support::{MappingWords, OWNER, RulesWords, World, directory, group, mapping, platform, rules, shown, user};

#[test]
fn teams_made_by_hand_are_joined_never_renamed_or_deleted() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support").of(&["ann"])),
        rules().with(mapping("Support").to_team("emea  SUPPORT").creating()),
        platform().team("EMEA Support").team("Nobody"),
    );
    assert_eq!(world.sync().changes, ["create ann", "add ann to EMEA Support"]);
    world.rules.mappings.clear();
    world.rules.mappings.push(mapping("Support").to_team("Nobody"));
    assert_eq!(
        world.sync().changes,
        ["add ann to Nobody", "remove ann from EMEA Support"]
    );
    let names: Vec<_> = world
        .platform
        .containers
        .iter()
        .map(|team| team.name.as_str())
        .collect();
    assert_eq!(names, ["EMEA Support", "Nobody"]);
}

#[test]
fn a_team_is_created_only_when_the_mapping_says_so() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("Support").of(&["ann"])),
        rules().with(mapping("Support").to_team("Support")),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann"]);
    assert_eq!(
        outcome.problems,
        [(
            "support".to_owned(),
            MappingProblem::TeamNotFound {
                team: "Support".to_owned()
            }
        )]
    );
    world.rules.mappings[0].create_team = true;
    assert_eq!(world.sync().changes, ["create team Support", "add ann to Support"]);
}

#[test]
fn a_team_is_created_in_the_plan_that_creates_its_members() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("Support").of(&["ann", "bob"])),
        rules().with(mapping("Support").to_team(" Support ").creating()),
        platform(),
    );
    assert_eq!(
        world.sync().changes,
        [
            "create team Support",
            "create ann",
            "create bob",
            "add ann to Support",
            "add bob to Support"
        ]
    );
}

#[test]
fn a_team_that_is_given_by_its_id_is_never_created() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().with(mapping("A").to_team_id("t-1").creating()),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["create ann"]);
    assert_eq!(outcome.problems.len(), 1);
}

#[test]
fn several_mappings_may_give_one_team_and_the_union_counts() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann", "bob"]))
            .with(group("B").of(&["bob"])),
        rules()
            .with(mapping("A").to_team("Both").creating())
            .with(mapping("B").to_team("both").creating()),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.teams_created, 1);
    assert_eq!(outcome.counts.team_memberships_added, 2);
    world.directory.group("A").members = vec!["ann".to_owned()];
    world.sync().nothing();
    world.directory.group("B").members.clear();
    world.rules = world.rules.everybody();
    let name = world.platform.containers[0].name.clone();
    assert_eq!(world.sync().changes, [format!("remove bob from {name}")]);
}

#[test]
fn a_team_given_by_id_and_by_name_is_one_team() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"])),
        rules()
            .with(mapping("A").to_team_id("t-Both"))
            .with(mapping("B").to_team("Both")),
        platform().team("Both"),
    );
    assert_eq!(
        world.sync().changes,
        ["create ann", "create bob", "add ann to Both", "add bob to Both"]
    );
}

#[test]
fn the_same_group_mapped_twice_to_the_same_team_counts_once() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules()
            .with(mapping("A").called("one").to_team("T").to_inbox("I"))
            .with(mapping("A").called("two").to_team("T").to_inbox("I")),
        platform().team("T").inbox("I", ""),
    );
    assert_eq!(world.sync().changes, ["create ann", "add ann to I", "add ann to T"]);
}

#[test]
fn one_mapping_makes_many_teams() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("team-a").of(&["ann"]))
            .with(group("team-b").of(&["ann", "bob"]))
            .with(group("other").of(&["ann"])),
        rules().with(
            mapping("teams")
                .of_groups_like("team-.+")
                .to_team_named_by("group.name.replace('team-', '')")
                .creating(),
        ),
        platform(),
    );
    let outcome = world.sync();
    assert_eq!(
        (outcome.counts.teams_created, outcome.counts.team_memberships_added),
        (2, 3)
    );
    assert_eq!(world.platform.members("b"), ["ann", "bob"]);
}

#[test]
fn the_team_that_a_mapping_gives_a_group_is_told_whether_it_is_there_or_new() {
    let world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"]))
            .with(group("C").of(&["ann"])),
        rules()
            .with(mapping("A").to_inbox("I").to_team("Held"))
            .with(mapping("B").to_team("New").creating())
            .with(mapping("C").giving("agent")),
        platform().team("Other").team("Held").inbox("I", ""),
    );
    world.plan(|plan| {
        let number = |name: &str| {
            let snapshot = plan.desired.snapshot;
            (0..snapshot.group_count())
                .find(|number| snapshot.group(*number).name == name)
                .unwrap()
        };
        let team = |name: &str, mapping: usize| match plan.team_of(number(name), &plan.outcomes[mapping]) {
            Some(Place::Held(at)) => Some(plan.containers[at].id.as_str()),
            Some(Place::New(at)) => Some(plan.new_teams[at].name.as_str()),
            None => None,
        };
        assert_eq!(
            [team("A", 0), team("B", 1), team("C", 2)],
            [Some("t-Held"), Some("New"), None]
        );
        assert_eq!(team("B", 0), None);
        assert_eq!(plan.desired.wanted(), 2);
        // Where nobody leaves and we had given nothing, there is nothing to judge and nothing to do.
        assert!(plan.removals.is_empty());
        let judged = plan.populations.iter().map(|population| population.kind);
        assert!(!judged.into_iter().any(|kind| kind == RemovalKind::TeamMembership));
    });
}

#[test]
fn several_groups_of_one_mapping_may_make_one_team() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("team-a-1").of(&["ann"]))
            .with(group("team-a-2").of(&["bob"])),
        rules().with(
            mapping("teams")
                .of_groups_like("team-.+")
                .to_team_named_by("group.name.substring(5, 6)")
                .creating(),
        ),
        platform(),
    );
    assert_eq!(world.sync().counts.teams_created, 1);
    assert_eq!(world.platform.members("a"), ["ann", "bob"]);
    world.plan(|plan| assert_eq!(plan.outcomes[0].containers.len(), 1));
}

#[test]
fn a_group_can_be_made_of_an_attribute() {
    let mut world = World::new(
        directory()
            .with(crate::support::person("ann").department("Sales"))
            .with(crate::support::person("bob")),
        rules().with(
            mapping("sales")
                .of_people_who("user.department == 'Sales'")
                .to_team("Sales"),
        ),
        platform().team("Sales"),
    );
    assert_eq!(world.sync().changes, ["create ann", "add ann to Sales"]);
    world.directory.person("ann").department = "Support".to_owned();
    assert_eq!(
        world.sync().changes,
        [
            "remove ann from Sales with his deactivation",
            "deactivate ann: no longer in a mapped group"
        ]
    );
}

#[test]
fn members_of_nested_groups_are_members_and_cycles_end() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid"])
            .with(group("All").of(&["g-Inner", "ann"]))
            .with(group("Inner").of(&["g-All", "g-Deep", "bob"]))
            .with(group("Deep").of(&["cid", "g-Deep"])),
        rules().with(mapping("All").to_team("All")),
        platform().team("All"),
    );
    world.sync();
    assert_eq!(world.platform.members("All"), ["ann", "bob", "cid"]);
}

#[test]
fn several_teams_of_one_name_are_ambiguous_and_none_of_them_loses_anybody() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["bob"])),
        rules()
            .everybody()
            .with(mapping("A").to_team("Twin"))
            .with(mapping("B").to_team_id("t1")),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed())
            .container(ContainerKind::Team, "t1", "Twin", "")
            .container(ContainerKind::Team, "t2", "twin", "")
            .gave("Twin", "ann"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["add bob to Twin"]);
    assert_eq!(
        outcome.problems,
        [(
            "a".to_owned(),
            MappingProblem::Ambiguous {
                name: "Twin".to_owned()
            }
        )]
    );
}

#[test]
fn people_whose_team_is_not_found_lose_no_team_that_no_mapping_gives() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("Support").of(&["ann"]))
            .with(group("Sales").of(&["bob"])),
        rules()
            .everybody()
            .with(mapping("Support").to_team("Suport").to_inbox("Hlep"))
            .with(mapping("Sales").to_team("Sales")),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed())
            .team("Support")
            .team("Sales")
            .inbox("Help", "")
            .gave("Support", "ann")
            .gave("Support", "bob")
            .gave("Help", "ann")
            .gave("Sales", "bob")
            .gave("Sales", "ann"),
    );
    let outcome = world.sync();
    // Support may be what Suport means; Sales is what the mapping of Sales means.
    assert_eq!(outcome.changes, ["remove ann from Sales", "remove bob from Support"]);
    assert_eq!(outcome.problems.len(), 2);
}

#[test]
fn a_team_that_is_shown_twice_is_one() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().with(mapping("A").to_team("T")),
        platform().team("T"),
    );
    world.platform.shown_twice = true;
    assert_eq!(world.sync().changes, ["create ann", "add ann to T"]);
}

#[test]
fn inboxes_are_found_by_id_name_or_number_and_never_created() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().with(
            mapping("A")
                .to_inbox("emea support")
                .to_number("+442071234567")
                .to_inbox("Nowhere"),
        ),
        platform().inbox("EMEA Support", "").inbox("Phone", "+442071234567"),
    );
    let outcome = world.sync();
    assert_eq!(
        outcome.changes,
        ["create ann", "add ann to EMEA Support", "add ann to Phone"]
    );
    assert_eq!(
        outcome.problems,
        [(
            "a".to_owned(),
            MappingProblem::InboxNotFound {
                inbox: "Nowhere".to_owned()
            }
        )]
    );
    world.directory.group("A").members.clear();
    world.rules = world.rules.everybody();
    let outcome = world.sync();
    assert_eq!(outcome.removals.inbox_memberships, 2);
}

#[test]
fn a_team_and_an_inbox_of_one_name_are_two() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().with(mapping("A").to_inbox("Same")),
        platform()
            .container(ContainerKind::Inbox, "1", "Same", "")
            .container(ContainerKind::Team, "2", "Same", ""),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.inbox_memberships_added, 1);
    assert_eq!(outcome.counts.team_memberships_added, 0);
}

#[test]
fn a_team_and_an_inbox_of_one_id_are_two() {
    let both = |kind: ContainerKind, name: &str| (kind, "1".to_owned(), name.to_owned());
    let containers = [both(ContainerKind::Team, "Team"), both(ContainerKind::Inbox, "Inbox")];
    let given = |kind, user: &'static str| MembershipRow {
        kind,
        container: "1".into(),
        user: user.into(),
        owner: Some(OWNER.into()),
    };
    let world = World::new(
        directory().with_people(&["ann", "bob"]).with(group("A")),
        rules().everybody().with(mapping("A").to_team("Team").to_inbox("Inbox")),
        platform().with(user("ann").managed()).with(user("bob").managed()),
    );
    let snapshot = world.directory.snapshot();
    let desired = map(&snapshot, &world.rules, world.now);
    let mut differ = Differ::new(&desired, Account::default());
    world.platform.show(&mut differ);
    for (kind, id, name) in &containers {
        differ.container(&ContainerRow {
            kind: *kind,
            id: id.into(),
            name: name.into(),
            phone: "".into(),
            external_id: "".into(),
            version: "".into(),
            owner: None,
        });
    }
    // One after the other, as a platform shows them that pages through both at once.
    differ.membership(&given(ContainerKind::Team, "u-ann"));
    differ.membership(&given(ContainerKind::Inbox, "u-bob"));
    assert_eq!((differ.observed_users(), differ.containers().len()), (2, 2));
    let changes = shown::lines(&differ.finish());
    assert_eq!(changes, ["remove ann from Team", "remove bob from Inbox"]);
}

#[test]
fn a_deleted_mapping_takes_back_what_it_gave() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann"]))
            .with(group("B").of(&["ann", "bob"])),
        rules()
            .with(mapping("A").to_team("A").to_inbox("I").giving("lead").first(200))
            .with(mapping("B").to_team("B")),
        platform().team("A").team("B").inbox("I", ""),
    );
    world.sync();
    world.rules.mappings.remove(0);
    assert_eq!(
        world.sync().changes,
        ["role of ann: lead -> member", "remove ann from A", "remove ann from I"]
    );
}

#[test]
fn a_retargeted_mapping_takes_back_what_it_gave() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().with(mapping("A").to_team("One")),
        platform().team("One").team("Two"),
    );
    world.sync();
    world.rules.mappings[0] = mapping("A").to_team("Two");
    assert_eq!(world.sync().changes, ["add ann to Two", "remove ann from One"]);
}

#[test]
fn an_inbox_is_found_by_its_number_among_many() {
    for number in ["+441", "+442", "+443"] {
        let mut world = World::new(
            directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
            rules().with(mapping("A").to_number(number)),
            platform()
                .with(user("ann").managed())
                .inbox("I+443", "+443")
                .inbox("I+441", "+441")
                .inbox("I+442", "+442")
                .inbox("none", ""),
        );
        assert_eq!(world.sync().changes, [format!("add ann to I{number}")]);
    }
}
