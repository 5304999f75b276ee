//! A mapping's own `removals`: they only tighten, and both limits count.

use directory_sync_model::rules::Mapping;

use crate::support::{
    Directory, MappingWords, Platform, RulesWords, World, directory, group, mapping, platform, rules, user,
};

fn people(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number:02}")).collect()
}

/// Ten people in the team, of whom so many leave its group; the connection allows half of them to.
fn world(mapping: Mapping, leaving: usize, give: impl Fn(Platform, &str) -> Platform) -> World {
    let people = people(10);
    let stay: Vec<&str> = people[leaving..].iter().map(String::as_str).collect();
    let everybody: Vec<&str> = people.iter().map(String::as_str).collect();
    let directory: Directory = directory()
        .with_people(&everybody)
        .with(group("Support").of(&stay))
        .with(group("All").of(&everybody));
    let mut platform = platform().team("Support").inbox("Desk", "");
    for person in &everybody {
        platform = give(platform.with(user(person).managed().given("agent")), person);
    }
    let all = crate::support::mapping("All").called("all");
    World::new(directory, rules().limited_to(50, 0).with(all).with(mapping), platform)
}

fn support() -> Mapping {
    mapping("Support").to_team("Support")
}

fn in_team(platform: Platform, person: &str) -> Platform {
    platform.gave("Support", person)
}

fn agents(mapping: Mapping) -> Mapping {
    mapping.giving("agent")
}

#[test]
fn a_mapping_tightens_what_may_be_taken_of_the_team_that_it_gives() {
    let three = || world(agents(support()), 3, in_team);
    assert_eq!(three().sync().held, [""; 0]);
    let mut tight = three();
    tight.rules.mappings[1] = agents(support()).tightened(20, 0);
    tight.rules.mappings[1].role = None;
    tight.rules.default_role = Some("agent".to_owned());
    let outcome = tight.sync();
    let expected = "3 of 10 team memberships of \"Support\" would be removed, allowed are 2 by the removals of \
                    GroupMapping support";
    assert_eq!(outcome.held, [expected]);
}

#[test]
fn a_mapping_does_not_loosen_what_the_connection_allows() {
    let mut loose = world(support().tightened(100, 1000), 6, in_team);
    loose.rules.default_role = Some("agent".to_owned());
    let held = loose.sync().held;
    assert_eq!(held.len(), 2, "{held:?}");
    assert!(held.iter().all(|held| held.ends_with("allowed are 5")), "{held:?}");
}

#[test]
fn people_who_lose_their_account_count_for_the_mapping_whose_team_they_leave() {
    let mut world = world(agents(support()).tightened(20, 0), 0, in_team);
    for person in &people(3) {
        world.directory.loses(person);
    }
    let held = world.sync().held;
    assert_eq!(
        held,
        [
            "3 of 10 roles of \"agent\" would be removed, allowed are 2 by the removals of GroupMapping support",
            "3 of 10 team memberships of \"Support\" would be removed, allowed are 2 by the removals of GroupMapping support",
        ]
    );
    world.rules.mappings[1].removals = None;
    assert_eq!(world.sync().held, [""; 0]);
}

#[test]
fn a_mapping_tightens_its_inboxes_and_its_role_too() {
    let give = |platform: Platform, person: &str| platform.gave("Desk", person);
    let desk = mapping("Support").to_inbox("Desk").giving("agent").tightened(20, 0);
    let held = world(desk, 3, give).sync().held;
    assert_eq!(held.len(), 2, "{held:?}");
    assert!(held[0].contains("roles of \"agent\"") && held[1].contains("inbox memberships of \"Desk\""));
}

#[test]
fn a_mapping_judges_its_own_role_by_how_many_have_that_one() {
    let mut held = platform().team("lead");
    let mut people = directory().with(group("Agents")).with(group("Leads").of(&["l2", "l3"]));
    for (id, role) in [("a1", "agent"), ("l1", "lead"), ("l2", "lead"), ("l3", "lead")] {
        held = held.with(user(id).managed().given(role)).gave("lead", id);
        people = people.with_people(&[id]);
    }
    let leads = mapping("Leads").giving("lead").tightened(20, 0);
    let world = |mapping| {
        let rules = rules()
            .everybody()
            .with(crate::support::mapping("Agents").giving("agent"));
        World::new(people.clone(), rules.with(mapping), held.clone())
    };
    assert_eq!(world(leads).sync().held, [""; 0]);
    let none = mapping("Leads").giving("lead").tightened(0, 0);
    assert_eq!(
        world(none).sync().held,
        ["1 of 3 roles of \"lead\" would be removed, allowed are 0 by the removals of GroupMapping leads"]
    );
}

#[test]
fn many_small_losses_of_one_mappings_teams_are_a_large_one() {
    let mut directory = directory();
    let mut held = platform();
    for team in 0..10 {
        let name = format!("t{team}");
        let people: Vec<String> = (0..5).map(|number| format!("{name}-{number}")).collect();
        let ids: Vec<&str> = people.iter().map(String::as_str).collect();
        directory = directory.with_people(&ids).with(group(&name).of(&ids[1..]));
        held = held.team(&name);
        for id in ids {
            held = held.with(user(id).managed()).gave(&name, id);
        }
    }
    let teams = mapping("x")
        .called("teams")
        .of_groups_like("t.")
        .to_team_named_by("group.name");
    let limited = || rules().everybody().limited_to(50, 0);
    let mut world = World::new(directory, limited().with(teams.tightened(10, 5)), held);
    assert_eq!(
        world.sync().held,
        ["10 of 50 team memberships would be removed, allowed are 5 by the removals of GroupMapping teams"]
    );
}

#[test]
fn a_plan_that_a_mapping_holds_is_approved_as_any_other() {
    let mut world = world(agents(support()).tightened(20, 0), 3, in_team);
    let held = world.sync();
    assert!(!held.held.is_empty());
    world.approved = Some(held.hash);
    assert_eq!(world.sync().held, [""; 0]);
    assert_eq!(world.platform.members("Support").len(), 7);
}
