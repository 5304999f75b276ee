//! What went wrong in other directory syncs, one test each: all of it, as far as it is decided without a network. The
//! numbers are those of the issues in the projects named. `src/sync/apply/tests/incidents.rs` has those that need one.

use directory_sync_model::{
    desired::{FailureReason, MappingProblem},
    limits::Limits,
    plan::{KeptReason, RemovalCounts},
    snapshot::Doubt,
};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

/// Four people whom we manage, in a team that we gave them, and all that a sync could take.
fn settled() -> World {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob", "cid", "dan"])
            .with(group("Support").of(&["ann", "bob"]))
            .with(group("Sales").of(&["cid", "dan"])),
        rules()
            .with(mapping("Support").to_team("Support").creating().giving("agent"))
            .with(mapping("Sales").to_team("Sales").creating()),
        platform(),
    );
    world.sync();
    world
}

/// ssosync #194, #159, #234, #278: an empty answer deleted users and groups. Polis: an empty first page deletes every user.
/// LSC stops on an empty source.
#[test]
fn an_empty_answer_deletes_nobody() {
    for people_too in [true, false] {
        let mut world = settled();
        world.directory.groups.clear();
        if people_too {
            world.directory.people.clear();
        }
        let before = world.platform.clone();
        let outcome = world.sync();
        assert_eq!(outcome.removals, RemovalCounts::default());
        assert_eq!(world.platform, before);
        assert_eq!(outcome.doubts.contains(&Doubt::Empty), people_too);
    }
}

/// ssosync #291: people were deleted and created again, with new ids, and lost what they had been given.
#[test]
fn whoever_changes_everything_but_his_id_is_the_same_user_of_the_platform() {
    let mut world = settled();
    let before = world.platform.user("ann").clone();
    let ann = world.directory.person("ann");
    *ann = person("ann")
        .email("a.smith@other.test")
        .given_name("Anna")
        .phone("2")
        .department("New");
    let outcome = world.sync();
    assert_eq!((outcome.counts.users_updated, outcome.counts.users_created), (1, 0));
    assert_eq!(outcome.removals, RemovalCounts::default());
    let after = world.platform.user("ann");
    assert_eq!((&after.id, &after.external_id), (&before.id, &before.external_id));
    assert_eq!(world.platform.members("Support"), ["ann", "bob"]);
}

/// ssosync #88, #105, #366: groups made by hand were deleted.
#[test]
fn teams_made_by_hand_stay_with_all_their_people_whatever_the_directory_says() {
    let mut world = settled();
    world.platform = std::mem::take(&mut world.platform)
        .with(user("hand"))
        .team("By hand")
        .joined("By hand", "hand")
        .joined("By hand", "ann")
        .joined("Support", "hand");
    world.sync().nothing();
    world.directory.group("Support").members.clear();
    world.directory.loses("ann");
    world.sync();
    assert_eq!(world.platform.members("By hand"), ["ann", "hand"]);
    assert_eq!(world.platform.members("Support"), ["hand"]);
    assert_eq!(world.platform.containers.len(), 3);
}

/// ssosync #353: a primary address that had changed stopped this sync and every later one.
#[test]
fn an_address_that_changed_to_one_that_is_taken_is_that_persons_failure_and_stops_nobody() {
    let mut world = settled();
    world.platform = std::mem::take(&mut world.platform).with(user("hand"));
    world.directory.person("ann").email = "hand@acme.test".to_owned();
    world.directory.person("bob").email = "robert@acme.test".to_owned();
    world.directory.add(person("eve"));
    world.directory.group("Sales").members.push("eve".to_owned());
    for round in 0..2 {
        let outcome = world.sync();
        assert_eq!(outcome.failures, [("ann".to_owned(), FailureReason::AddressInUse)]);
        assert_eq!(outcome.changes.is_empty(), round == 1);
    }
    assert_eq!(world.platform.user("bob").email, "robert@acme.test");
    assert_eq!(world.platform.members("Sales"), ["cid", "dan", "eve"]);
    assert_eq!(world.platform.user("ann").email, "ann@acme.test");
    // Once the address is free, he gets it.
    world.platform.user_mut("hand").email = "other@acme.test".to_owned();
    assert_eq!(world.sync().counts.users_updated, 1);
}

/// group-sync-operator #169, #248: groups were pruned at random.
#[test]
fn the_same_directory_in_any_order_of_rows_and_pages_takes_the_same_and_no_more() {
    let mut world = settled();
    world.directory.group("Sales").members.retain(|member| member != "dan");
    let expected = world.look();
    assert_eq!(expected.removals.users, 1);
    for order in 1..20 {
        world.platform.order = order;
        world.directory.page = usize::try_from(order % 4).unwrap();
        world.directory.people.rotate_left(1);
        world.directory.groups.rotate_left(1);
        let outcome = world.look();
        assert_eq!(outcome.changes, expected.changes);
        assert_eq!(outcome.hash, expected.hash);
    }
}

/// group-sync-operator #246, #370, #184: lists ended at 100, at 999 and at 1,000 rows. `DefGuard`: at 50 pages.
#[test]
fn a_list_that_ends_at_100_at_999_at_1000_rows_or_at_50_pages_removes_nobody() {
    for (rows, doubt) in [
        (
            100,
            Doubt::CountMismatch {
                stated: 1200,
                received: 100,
            },
        ),
        (999, Doubt::SizeLimit),
        (
            1000,
            Doubt::CountMismatch {
                stated: 1200,
                received: 1000,
            },
        ),
        (500, Doubt::PageLimit { pages: 50 }),
    ] {
        let mut held = platform();
        let mut cut = directory();
        for at in 0..1200 {
            let id = format!("p{at}");
            held = held.with(user(&id).managed());
            if at < rows {
                cut.add(person(&id));
            }
        }
        cut.doubts_about_users.push(doubt.clone());
        let outcome = World::new(cut, rules().everybody(), held).look();
        outcome.nothing();
        assert_eq!(outcome.doubts, [doubt]);
        assert_eq!(outcome.kept.iter().map(|kept| kept.count).sum::<u64>(), 1200 - rows);
    }
}

/// group-sync-operator #135, #129: of two groups of one name below different groups, the second overwrote the first.
#[test]
fn two_groups_of_one_name_are_never_taken_for_one() {
    let admins = |id: &str, members: &[&str]| group("admins").id(id).of(members);
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("eu").of(&["eu/admins"]))
            .with(group("us").of(&["us/admins"]))
            .with(admins("eu/admins", &["ann"]))
            .with(admins("us/admins", &["bob"])),
        rules()
            .everybody()
            .with(mapping("x").called("by id").of_group_id("eu/admins").to_team("EU"))
            .with(mapping("us").to_team("US"))
            .with(mapping("admins").to_team("Both")),
        platform()
            .team("EU")
            .team("US")
            .team("Both")
            .with(user("ann").managed())
            .gave("Both", "ann"),
    );
    let outcome = world.sync();
    assert_eq!(world.platform.members("EU"), ["ann"]);
    assert_eq!(world.platform.members("US"), ["bob"]);
    assert_eq!(
        world.platform.members("Both"),
        ["ann"],
        "nobody is added on a guess, and nobody removed"
    );
    let [(name, MappingProblem::GroupAmbiguous { ids, .. })] = &outcome.problems[..] else {
        panic!("{:?}", outcome.problems);
    };
    assert_eq!(
        (name.as_str(), &ids[..]),
        ("admins", &["eu/admins".to_owned(), "us/admins".to_owned()][..])
    );
}

/// `DefGuard` #2833: switching the sync on emptied every group, administrators included. #1623: it disabled users made by
/// hand.
#[test]
fn the_first_sync_takes_nothing_from_anybody() {
    let mut world = settled();
    let mut crowded = platform().team("Support").team("Sales").inbox("Help", "");
    for id in ["ann", "boss", "hand", "old"] {
        crowded = crowded.with(user(id).role("admin"));
        for place in ["Support", "Sales", "Help"] {
            crowded = crowded.joined(place, id);
        }
    }
    crowded.user_mut("old").active = false;
    world.platform = crowded.clone();
    world.rules.mappings[0]
        .inboxes
        .push(directory_sync_model::rules::InboxSelector::Name("Help".to_owned()));
    let outcome = world.sync();
    assert_eq!(outcome.removals, RemovalCounts::default());
    for key in crowded.memberships.keys() {
        assert!(world.platform.memberships.contains_key(key), "{key:?}");
    }
    for user in &crowded.users {
        let now = world.platform.users.iter().find(|now| now.id == user.id).unwrap();
        assert_eq!((now.active, &now.role), (user.active, &user.role), "{}", user.id);
    }
    // Nor does any later one.
    world.directory = directory()
        .with_people(&["ann", "new"])
        .with(group("Support"))
        .with(group("Sales").of(&["new"]));
    world.sync();
    for id in ["boss", "hand"] {
        assert!(world.platform.user(id).active && world.platform.user(id).mark.is_none());
    }
    assert_eq!(world.platform.members("Help"), ["ann", "boss", "hand", "old"]);
}

/// Adobe user-sync #517: "group not found" was treated like "group is empty".
#[test]
fn a_group_that_is_not_found_is_not_an_empty_group() {
    let mut world = settled();
    let missing = world.directory.groups.remove(0);
    let before = world.platform.clone();
    let outcome = world.sync();
    assert_eq!(
        outcome.problems,
        [("support".to_owned(), MappingProblem::GroupNotFound)]
    );
    assert_eq!(
        world.platform, before,
        "Ann and Bob stay, in their team and with their role"
    );
    assert!(
        outcome
            .kept
            .iter()
            .any(|kept| kept.reason == KeptReason::Frozen && kept.count == 2),
        "{:?}",
        outcome.kept
    );
    // An empty one is empty.
    world.directory.add(group(&missing.name));
    let outcome = world.sync();
    assert_eq!(
        (outcome.removals.users, world.platform.members("Support").len()),
        (2, 0)
    );
}

/// Firezone #10898: a limit of 25 % stopped honest syncs, nobody could get past it, and so it was raised to 90 %.
#[test]
fn a_large_change_that_somebody_wants_passes_by_his_approval_and_the_limit_stays_as_it_is() {
    let mut world = settled();
    world.rules.limits = Limits {
        max_percent: 25,
        min_population: 4,
        max_count: None,
    };
    world.directory.loses("ann");
    world.directory.loses("bob");
    let hash = world.sync().hash;
    assert!(world.platform.user("ann").active);
    world.approved = Some(hash);
    assert_eq!(world.sync().held, [""; 0]);
    assert!(!world.platform.user("ann").active && !world.platform.user("bob").active);
    world.directory.loses("cid");
    world.directory.loses("dan");
    world.directory.add(person("new"));
    assert!(!world.sync().held.is_empty(), "the limit is what it was");
}

/// Peribolos, kubernetes/org#2094: a limit without a minimum population stopped small organizations.
#[test]
fn two_of_five_may_leave_a_small_team() {
    let mut held = platform().team("T");
    for id in ["a", "b", "c", "d", "e"] {
        held = held.with(user(id).managed()).gave("T", id);
    }
    let mut world = World::new(
        directory()
            .with_people(&["a", "b", "c", "d", "e"])
            .with(group("A").of(&["a", "b", "c"])),
        rules().everybody().with(mapping("A").to_team("T")),
        held,
    );
    world.rules.limits = Limits::default();
    assert_eq!(world.sync().held, [""; 0]);
    assert_eq!(world.platform.members("T"), ["a", "b", "c"]);
}

/// Peribolos: the acting account must stay, and so must administrators; GCDS leaves administrators untouched.
#[test]
fn the_acting_account_and_the_last_administrator_stay_when_everybody_leaves() {
    let mut world = settled();
    world.platform = std::mem::take(&mut world.platform)
        .with(user("operator").managed())
        .with(user("boss").managed().role("admin"));
    world.platform.own_account = Some("u-operator".to_owned());
    for id in ["ann", "bob", "cid"] {
        world.directory.loses(id);
    }
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_deactivated, 3);
    assert!(world.platform.user("operator").active && world.platform.user("boss").active);
}
