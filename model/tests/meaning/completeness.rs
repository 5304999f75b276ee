//! What an incomplete read may do, and what a missing or doubtful group waits for.

use directory_sync_model::{
    desired::FailureReason,
    plan::{Kept, KeptReason, RemovalKind},
    snapshot::{Doubt, EntryKind, Rejected},
};

use crate::support::{
    Directory, MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user,
};

/// Ann stays, Bob left the team, Cid left the company, Dan is disabled; Eve is new.
fn busy(mapped: Directory) -> World {
    World::new(
        mapped
            .with_people(&["ann", "bob", "eve"])
            .with(person("dan").disabled())
            .with(group("Support").of(&["ann", "eve", "dan"])),
        rules()
            .everybody()
            .with(mapping("Support").to_team("Support").giving("agent").to_inbox("Help")),
        platform()
            .with(user("ann").managed().given("agent"))
            .with(user("bob").managed().given("agent"))
            .with(user("cid").managed().given("agent"))
            .with(user("dan").managed().given("agent"))
            .team("Support")
            .inbox("Help", "")
            .gave("Support", "ann")
            .gave("Support", "bob")
            .gave("Support", "cid")
            .gave("Help", "bob"),
    )
}

#[test]
fn a_complete_read_adds_and_removes() {
    assert_eq!(
        busy(directory()).sync().changes,
        [
            "create eve as agent",
            "add ann to Help",
            "add eve to Help",
            "add eve to Support",
            "role of bob: agent -> member",
            "remove bob from Help",
            "remove bob from Support",
            "remove cid from Support with his deactivation",
            "deactivate cid: no longer in the directory",
            "deactivate dan: disabled in the directory",
        ]
    );
}

#[test]
fn an_incomplete_read_adds_and_removes_nothing() {
    let doubts = [
        Doubt::PageLimit { pages: 3 },
        Doubt::RepeatedCursor,
        Doubt::CountMismatch { stated: 9, received: 4 },
        Doubt::SizeLimit,
        Doubt::TimeLimit,
        Doubt::Referral,
        Doubt::Interrupted {
            cause: "reset".to_owned(),
        },
    ];
    for doubt in doubts {
        for about_groups in [false, true] {
            let mut doubtful = directory();
            if about_groups {
                doubtful.doubts_about_groups.push(doubt.clone());
            } else {
                doubtful.doubts_about_users.push(doubt.clone());
            }
            let outcome = busy(doubtful).sync();
            assert_eq!(
                outcome.changes,
                [
                    "create eve as agent",
                    "add ann to Help",
                    "add eve to Help",
                    "add eve to Support"
                ],
                "{doubt}"
            );
            let waits = |kind, count| Kept {
                kind,
                reason: KeptReason::Incomplete,
                count,
            };
            assert_eq!(
                outcome.kept,
                [
                    waits(RemovalKind::User, 2),
                    waits(RemovalKind::Role, 1),
                    waits(RemovalKind::TeamMembership, 1),
                    waits(RemovalKind::InboxMembership, 1)
                ]
            );
        }
    }
}

#[test]
fn an_empty_directory_removes_nothing() {
    let mut world = busy(directory());
    world.directory = directory();
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.doubts, [Doubt::Empty]);
}

#[test]
fn an_id_that_comes_twice_makes_the_read_incomplete() {
    let mut world = busy(directory().with(person("ann")));
    let outcome = world.sync();
    assert_eq!(outcome.removals, directory_sync_model::plan::RemovalCounts::default());
    assert_eq!(
        outcome.doubts,
        [Doubt::DuplicateIds {
            count: 1,
            example: "ann".to_owned()
        }]
    );
}

#[test]
fn a_person_whose_two_entries_contradict_each_other_stays_as_he_is() {
    for (one, other) in [("1", "2"), ("2", "1")] {
        let mut world = World::new(
            directory()
                .with(person("ann").phone(one))
                .with(person("ann").phone(other)),
            rules().everybody(),
            platform().with(user("ann").managed()),
        );
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::Unreadable)]);
    }
}

#[test]
fn an_entry_that_names_its_person_and_cannot_be_read_is_that_persons_failure_alone() {
    let mut crowd = directory();
    for number in 0..100 {
        crowd.add(person(&format!("p{number}")));
    }
    let mut world = World::new(
        crowd.with(person("ann").unreadable()),
        rules().everybody(),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed())
            .team("Old")
            .gave("Old", "ann"),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_created, 100);
    assert_eq!(outcome.counts.users_deactivated, 1);
    assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::Unreadable)]);
    assert!(world.platform.user("ann").active);
    assert_eq!(world.platform.members("Old"), ["ann"]);
}

#[test]
fn an_entry_without_a_readable_id_is_a_failure_named_by_its_place_and_makes_the_read_incomplete() {
    for kind in [EntryKind::User, EntryKind::Group] {
        let rejected = Rejected {
            kind,
            place: "row 7".to_owned(),
            message: "it has two columns too many".to_owned(),
        };
        let mut world = busy(directory().with(rejected));
        let outcome = world.sync();
        assert_eq!(outcome.failures, [("row 7".to_owned(), FailureReason::Unreadable)]);
        assert_eq!(outcome.messages, ["it has two columns too many"]);
        assert_eq!(outcome.counts.users_deactivated, 0);
        assert!(
            matches!(outcome.doubts[..], [Doubt::Unreadable { count: 1, .. }]),
            "{:?}",
            outcome.doubts
        );
    }
}

#[test]
fn above_one_percent_of_entries_that_cannot_be_read_the_read_is_incomplete() {
    let mut world = busy(directory().with(person("x").unreadable()));
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_deactivated, 0);
    assert!(matches!(outcome.doubts[..], [Doubt::Unreadable { count: 1, .. }]));
}

#[test]
fn above_one_percent_of_people_on_whom_an_expression_fails_the_read_is_incomplete() {
    for (people, deactivated) in [(99, 0), (100, 1)] {
        let mut crowd = directory();
        for number in 0..people {
            crowd.add(person(&format!("p{number}")));
        }
        crowd.person("p0").department = "broken".to_owned();
        let mut world = World::new(
            crowd,
            rules()
                .everybody()
                .who("user.department == 'broken' ? user.custom.nothing == 'x' : true"),
            platform().with(user("gone").managed()),
        );
        let outcome = world.sync();
        assert_eq!(outcome.counts.users_deactivated, deactivated);
        assert_eq!(outcome.doubts.is_empty(), deactivated == 1);
    }
}

#[test]
fn without_any_mapping_nothing_is_removed() {
    for everybody in [true, false] {
        let mut world = busy(directory());
        world.rules.mappings.clear();
        if !everybody {
            world.rules.scope = directory_sync_model::rules::UserScope::MappedGroups;
        }
        let outcome = world.sync();
        assert_eq!(outcome.counts.users_deactivated, 0);
        assert_eq!(outcome.removals, directory_sync_model::plan::RemovalCounts::default());
    }
}
