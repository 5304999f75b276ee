//! The hash that a person approves.

use directory_sync_model::plan::PlanHash;

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

fn world() -> World {
    World::new(
        directory().with_people(&["ann", "bob"]).with(group("A").of(&["ann"])),
        rules()
            .everybody()
            .with(mapping("A").to_team("T").to_inbox("I").giving("agent")),
        platform()
            .with(user("ann").managed().given("agent"))
            .with(user("bob").managed().given("agent"))
            .with(user("gone").managed())
            .team("T")
            .inbox("I", "")
            .gave("T", "ann")
            .gave("T", "bob")
            .gave("I", "bob")
            .gave("I", "gone"),
    )
}

#[test]
fn the_hash_is_of_the_sorted_removals_in_any_order_of_rows_and_people() {
    let hash = world().look().hash;
    assert_eq!(hash.as_str().len(), 64);
    for order in 1..6 {
        let mut other = world();
        other.platform.order = order;
        other.directory.people.reverse();
        assert_eq!(other.look().hash, hash);
    }
}

#[test]
fn a_new_joiner_or_an_update_does_not_change_it() {
    let hash = world().look().hash;
    let mut other = world();
    other.directory.add(person("new"));
    other.directory.group("A").members.push("new".to_owned());
    other.directory.person("ann").phone = "1".to_owned();
    assert_eq!(other.look().hash, hash);
}

#[test]
fn another_leaver_membership_or_role_changes_it() {
    let hash = world().look().hash;
    let changes: [fn(&mut World); 4] = [
        |world| world.directory.loses("bob"),
        |world| world.directory.group("A").members.clear(),
        |world| world.platform.user_mut("bob").role = "lead".to_owned(),
        |world| {
            world.platform = std::mem::take(&mut world.platform).team("U").gave("U", "ann");
        },
    ];
    for change in changes {
        let mut other = world();
        change(&mut other);
        assert_ne!(other.look().hash, hash);
    }
}

#[test]
fn the_role_that_is_given_instead_is_part_of_it() {
    let mut other = world();
    other.rules.default_role = Some("lead".to_owned());
    assert_ne!(other.look().hash, world().look().hash);
}

#[test]
fn a_plan_without_removals_has_the_hash_of_nothing() {
    let empty = World::new(directory().with_people(&["x"]), rules().everybody(), platform());
    assert_eq!(
        empty.look().hash.as_str(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn the_team_inbox_or_role_that_somebody_loses_is_part_of_it() {
    let losing = |from: &str| {
        let world = World::new(
            directory().with_people(&["ann"]),
            rules().everybody(),
            platform()
                .with(user("ann").managed())
                .team("One")
                .team("Two")
                .inbox("Three", "")
                .gave(from, "ann"),
        );
        let outcome = world.look();
        assert_eq!(outcome.changes.len(), 1);
        outcome.hash
    };
    let hashes = ["One", "Two", "Three"].map(losing);
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
    let text = hashes[0].to_string();
    assert!(
        text.len() == 64 && text == hashes[0].as_str(),
        "what a person types is what is compared"
    );
}

#[test]
fn a_hash_is_read_back_in_whatever_spelling_a_person_gives_it() {
    let hash = world().look().hash;
    let text = hash.as_str();
    assert!(
        text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{text}"
    );
    assert_eq!(hash.to_string(), text);
    assert_eq!(PlanHash::from_text(&format!(" {}\n", text.to_uppercase())), hash);
}
