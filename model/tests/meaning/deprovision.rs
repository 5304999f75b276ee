//! What becomes of people who leave: deactivated, deleted later, or kept.

use std::time::Duration;

use directory_sync_model::{
    limits::Limits,
    plan::{Kept, KeptReason, Population, RemovalKind},
    rules::{Deprovision, Rules},
    snapshot::Doubt,
};

use crate::support::{
    Directory, MappingWords, Platform, RulesWords, World, directory, group, mapping, person, platform,
    platform::User,
    rules,
    shown::kept,
    user,
    world::{DAY, noon},
};

const HOUR: Duration = Duration::from_hours(1);

/// What happens to somebody in the directory.
type Leave = fn(&mut Directory);

/// Deleted by a later sync, however soon that is.
const DELETE: Deprovision = Deprovision::DeleteAfter(Duration::ZERO);

fn after(days: u32) -> Deprovision {
    Deprovision::DeleteAfter(days * DAY)
}

/// Everybody of the directory is in scope: bob. The others are gone.
fn gone(deprovision: Deprovision, users: impl IntoIterator<Item = User>) -> World {
    let held = platform().with(user("bob").managed());
    World::new(
        directory().with_people(&["bob"]),
        rules().everybody().deprovisioning(deprovision),
        users.into_iter().fold(held, Platform::with),
    )
}

fn is_there(world: &World, person: &str) -> bool {
    world.platform.users.iter().any(|user| user.id == format!("u-{person}"))
}

#[test]
fn a_deactivation_is_recorded_with_the_time_of_the_sync() {
    let mut world = gone(after(30), [user("ann").managed()]);
    world.later(3 * HOUR).sync();
    let mark = world.platform.user("ann").mark.clone().unwrap();
    assert_eq!(mark.deactivated, Some(noon() + 3 * HOUR));
}

#[test]
fn who_left_is_deleted_by_the_first_sync_so_many_days_after_his_deactivation() {
    let mut world = gone(after(30), [user("ann").managed()]);
    assert_eq!(world.sync().changes, ["deactivate ann: no longer in the directory"]);
    world.later(Duration::from_secs(30 * 24 * 3600 - 1)).sync().nothing();
    let outcome = world.later(Duration::from_secs(1)).sync();
    assert_eq!(outcome.changes, ["delete ann: no longer in the directory"]);
    assert_eq!((outcome.counts.users_deleted, outcome.removals.deletions), (1, 1));
    assert!(!is_there(&world, "ann"));
    world.sync().nothing();
}

#[test]
fn days_that_are_shorter_than_the_interval_are_over_at_the_next_sync() {
    let mut world = gone(after(1), [user("ann").managed()]);
    world.sync();
    assert_eq!(
        world.later(3 * DAY).sync().changes,
        ["delete ann: no longer in the directory"]
    );
}

#[test]
fn delete_takes_two_syncs_that_both_find_him_gone() {
    let mut world = gone(DELETE, [user("ann").managed()]);
    assert_eq!(world.sync().changes, ["deactivate ann: no longer in the directory"]);
    assert!(is_there(&world, "ann"));
    assert_eq!(
        world.later(HOUR).sync().changes,
        ["delete ann: no longer in the directory"]
    );
}

#[test]
fn nobody_is_deleted_where_nobody_asked_for_it() {
    for action in [Deprovision::Deactivate, Deprovision::Keep] {
        let mut world = gone(action, [user("ann").managed().deactivated()]);
        world.later(10_000 * DAY).sync().nothing();
    }
}

#[test]
fn every_way_of_leaving_ends_in_the_deletion() {
    let ways: [(Leave, &str); 4] = [
        (|directory| directory.loses("ann"), "no longer in the directory"),
        (
            |directory| directory.person("ann").active = false,
            "disabled in the directory",
        ),
        (
            |directory| directory.group("A").members.clear(),
            "no longer in a mapped group",
        ),
        (
            |directory| directory.person("ann").department.clear(),
            "no longer in scope",
        ),
    ];
    for (leave, cause) in ways {
        let mut world = World::new(
            directory()
                .with(person("ann").department("Sales"))
                .with(person("bob").department("Sales"))
                .with(group("A").of(&["ann"])),
            rules()
                .who("user.department == 'Sales'")
                .deprovisioning(after(30))
                .with(mapping("A")),
            platform(),
        );
        world.sync();
        leave(&mut world.directory);
        assert_eq!(world.sync().changes, [format!("deactivate ann: {cause}")]);
        assert_eq!(world.later(30 * DAY).sync().changes, [format!("delete ann: {cause}")]);
    }
}

#[test]
fn a_return_cancels_the_deletion_and_gives_back_what_he_had() {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann", "bob"])),
        rules()
            .deprovisioning(after(30))
            .with(mapping("A").to_team("T").giving("agent")),
        platform().team("T"),
    );
    world.sync();
    let before = world.platform.clone();
    world.directory.loses("ann");
    world.sync();
    world.directory.add(person("ann"));
    world.directory.group("A").members.push("ann".to_owned());
    // Due by now, and back: that is what counts.
    assert_eq!(
        world.later(31 * DAY).sync().changes,
        ["update ann: activate", "add ann to T"]
    );
    assert_eq!(world.platform, before, "the same user with the same role and teams");

    // Whoever leaves again has all the time again.
    world.directory.loses("ann");
    world.sync();
    world.later(29 * DAY).sync().nothing();
    assert_eq!(world.later(DAY).sync().counts.users_deleted, 1);
}

#[test]
fn whom_somebody_deactivated_by_hand_is_never_deleted() {
    for action in [DELETE, after(1)] {
        let mut world = gone(action, [user("ann").managed().inactive()]);
        world.later(100 * DAY).sync().nothing();
    }
}

#[test]
fn who_was_activated_by_hand_and_is_still_gone_is_deactivated_again_and_his_time_begins_anew() {
    let mut world = gone(after(30), [user("ann").managed().deactivated_at(noon() - 40 * DAY)]);
    world.platform.user_mut("ann").active = true;
    assert_eq!(world.sync().changes, ["deactivate ann: no longer in the directory"]);
    world.later(29 * DAY).sync().nothing();
    assert_eq!(world.later(DAY).sync().counts.users_deleted, 1);
}

#[test]
fn nobody_who_is_protected_or_not_ours_is_deleted() {
    let left = || user("ann").managed().deactivated();
    let mut worlds = [
        gone(DELETE, [left()]),
        gone(DELETE, [left()]),
        gone(DELETE, [left().role("lead")]),
        gone(DELETE, [left()]),
        gone(DELETE, [left().of_another_connection()]),
        gone(DELETE, [user("ann").external_id("ann").inactive()]),
    ];
    worlds[0].rules.protect.users.insert("ann@acme.test".to_owned());
    worlds[1].rules.protect.users.insert("ann".to_owned());
    worlds[2].rules.protect.roles.insert("lead".to_owned());
    worlds[3].platform.own_account = Some("u-ann".to_owned());
    let reasons = [
        Some(KeptReason::Protected),
        Some(KeptReason::Protected),
        Some(KeptReason::Protected),
        Some(KeptReason::OwnAccount),
        None,
        None,
    ];
    for (mut world, reason) in worlds.into_iter().zip(reasons) {
        let outcome = world.sync();
        outcome.nothing();
        let expected = reason.map(|reason| kept(RemovalKind::Deletion, reason));
        assert_eq!(outcome.kept, expected.unwrap_or_default());
    }
}

#[test]
fn a_read_that_is_incomplete_deletes_nobody() {
    let doubts: [fn(&mut World); 3] = [
        |world| world.directory.doubts_about_users.push(Doubt::SizeLimit),
        |world| world.directory.doubts_about_groups.push(Doubt::RepeatedCursor),
        |world| world.rules.mappings.clear(),
    ];
    for doubt in doubts {
        let mut world = gone(DELETE, [user("ann").managed().deactivated()]);
        doubt(&mut world);
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.kept, kept(RemovalKind::Deletion, KeptReason::Incomplete));
    }
}

#[test]
fn who_may_be_in_a_mapping_that_is_suspended_is_not_deleted_and_who_is_absent_is() {
    let world = |people: &[&str]| {
        World::new(
            directory()
                .with_people(people)
                .with(group("A").of(&["bob"]))
                .with(group("B")),
            rules()
                .deprovisioning(DELETE)
                .with(mapping("A"))
                .with(mapping("B").suspended()),
            platform()
                .with(user("bob").managed())
                .with(user("ann").managed().deactivated()),
        )
    };
    let outcome = world(&["ann", "bob"]).sync();
    outcome.nothing();
    assert_eq!(outcome.kept, kept(RemovalKind::Deletion, KeptReason::Frozen));
    assert_eq!(world(&["bob"]).sync().counts.users_deleted, 1);
}

#[test]
fn deletions_are_removals_of_their_own_judged_by_all_whom_the_connection_has() {
    let left = ["l1", "l2", "l3"].map(|id| user(id).managed().deactivated());
    let others = [user("hand").managed().inactive(), user("other").of_another_connection()];
    let mut world = gone(DELETE, left.into_iter().chain(others).chain([user("leaver").managed()]));
    world.rules.limits = Limits {
        max_percent: 50,
        min_population: 0,
        max_count: Some(2),
    };
    world.directory.add(person("new"));
    let before = world.platform.clone();
    let held = world.sync();
    assert_eq!(held.held, ["3 of 5 users would be deleted, allowed are 2"]);
    assert_eq!(world.platform, before, "nothing at all is written");
    let population = |kind| held.populations.iter().find(|population| population.kind == kind);
    let expected = |kind, size, removals| Population {
        kind,
        name: None,
        size,
        removals,
    };
    assert_eq!(
        population(RemovalKind::Deletion),
        Some(&expected(RemovalKind::Deletion, 5, 3))
    );
    assert_eq!(population(RemovalKind::User), Some(&expected(RemovalKind::User, 2, 1)));

    world.approved = Some(held.hash.clone());
    let outcome = world.sync();
    assert_eq!(outcome.held, [""; 0]);
    assert_eq!((outcome.counts.users_deleted, outcome.counts.users_deactivated), (3, 1));
    assert!(is_there(&world, "hand") && is_there(&world, "other"));
}

#[test]
fn one_more_deletion_is_another_plan() {
    let hash = |users: Vec<User>| gone(DELETE, users).look().hash;
    let left = |id: &str| user(id).managed().deactivated();
    let one = hash(vec![left("ann")]);
    assert_ne!(one, hash(vec![left("ann"), left("cid")]));
    assert_ne!(one, hash(vec![left("cid")]));
    assert_ne!(one, hash(vec![user("ann").managed()]), "a deactivation is no deletion");
    assert_eq!(one, hash(vec![left("ann").phone("1")]));
}

#[test]
fn who_is_to_be_deleted_because_no_mapping_has_him_any_more_is_a_departure() {
    let world = World::new(
        directory().with_people(&["ann", "bob"]).with(group("A").of(&["bob"])),
        rules().deprovisioning(DELETE).with(mapping("A")),
        platform()
            .with(user("bob").managed())
            .with(user("ann").managed().deactivated())
            .with(user("cid").managed().deactivated()),
    );
    assert_eq!(
        world.plan(|plan| (plan.deletions.len(), plan.departures())),
        (2, 1),
        "cid is not in the directory at all"
    );
}

#[test]
fn a_clock_that_jumps_an_hour_either_way_deletes_nobody_early_by_more_than_that() {
    // The clock was an hour fast at the deactivation: his time is an hour longer.
    let fast = || gone(after(30), [user("ann").managed().deactivated_at(noon() + HOUR)]);
    fast().later(30 * DAY).sync().nothing();
    assert_eq!(fast().later(30 * DAY + HOUR).sync().counts.users_deleted, 1);
    // And an hour slow: it is an hour shorter, never more.
    let slow = || gone(after(30), [user("ann").managed().deactivated_at(noon() - HOUR)]);
    slow().later(29 * DAY + 22 * HOUR).sync().nothing();
    assert_eq!(slow().later(29 * DAY + 23 * HOUR).sync().counts.users_deleted, 1);
    // A deactivation that is yet to come is never due, not even without any days.
    let mut ahead = gone(DELETE, [user("ann").managed().deactivated_at(noon() + HOUR)]);
    ahead.sync().nothing();
    assert_eq!(ahead.later(HOUR).sync().counts.users_deleted, 1);
}

#[test]
fn memberships_go_with_the_deletion_and_are_not_counted_again() {
    let mut world = gone(DELETE, [user("ann").managed().deactivated()]);
    world.platform = world.platform.team("T").gave("T", "ann").team("U").joined("U", "ann");
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["delete ann: no longer in the directory"]);
    assert_eq!(outcome.removals.team_memberships, 0);
    assert!(world.platform.memberships.is_empty());
}

#[test]
fn the_address_of_whom_a_sync_deletes_is_free_for_the_next_one() {
    let mut world = gone(DELETE, [user("ann").managed().deactivated()]);
    world.directory.add(person("new").email("ann@acme.test"));
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["delete ann: no longer in the directory"]);
    assert_eq!(outcome.failures.len(), 1);
    assert_eq!(world.sync().changes, ["create new"]);
}

#[test]
fn who_waits_for_his_deletion_is_told_with_the_time_of_his_deactivation() {
    let since = |deprovision, user| {
        gone(deprovision, [user]).plan(|plan| plan.gone.iter().map(|gone| gone.leaver.since).collect::<Vec<_>>())
    };
    let then = noon() - 10 * DAY;
    assert_eq!(since(after(30), user("ann").managed().deactivated()), [Some(then)]);
    // Somebody has activated him since.
    let mut back = user("ann").managed().deactivated();
    back.active = true;
    assert_eq!(since(Deprovision::Keep, back), [None]);
}

fn keeping() -> Rules {
    rules()
        .deprovisioning(Deprovision::Keep)
        .with(mapping("A").to_team("T").to_inbox("I").giving("agent"))
}

/// Ann has all that the mapping gives, and a team by hand. She leaves in one way or another.
fn staying(leave: Leave) -> World {
    let mut world = World::new(
        directory()
            .with_people(&["ann", "bob"])
            .with(group("A").of(&["ann", "bob"])),
        keeping(),
        platform().team("T").team("Hand").inbox("I", ""),
    );
    world.sync();
    world
        .platform
        .memberships
        .insert(("t-Hand".to_owned(), "u-ann".to_owned()), None);
    leave(&mut world.directory);
    world
}

#[test]
fn who_leaves_and_is_kept_stays_active_and_loses_what_mappings_gave_him() {
    let ways: [Leave; 3] = [
        |directory| directory.loses("ann"),
        |directory| directory.person("ann").active = false,
        |directory| directory.group("A").members.retain(|member| member != "ann"),
    ];
    for leave in ways {
        let mut world = staying(leave);
        let outcome = world.sync();
        assert_eq!(
            outcome.changes,
            ["role of ann: agent -> member", "remove ann from I", "remove ann from T"]
        );
        let ann = world.platform.user("ann");
        assert!(ann.active && ann.mark.as_ref().unwrap().deactivated.is_none());
        assert_eq!(outcome.kept, kept(RemovalKind::User, KeptReason::KeepAction));
        let removals = outcome.removals;
        assert_eq!((removals.users, removals.roles, removals.team_memberships), (0, 1, 1));
        assert_eq!(world.platform.members("Hand"), ["ann"]);
        assert_eq!(world.sync().kept, kept(RemovalKind::User, KeptReason::KeepAction));
    }
}

/// Ann, whom we deactivated 40 days ago and somebody activated since, is still gone, and accounts are kept.
fn kept_and_activated_by_hand() -> World {
    let mut world = gone(after(30), [user("ann").managed()]);
    world.sync();
    world.rules.deprovision = Deprovision::Keep;
    world.later(40 * DAY);
    world.platform.user_mut("ann").active = true;
    world
}

#[test]
fn an_old_deactivation_of_a_kept_account_is_forgotten_so_that_no_later_deletion_comes_early() {
    let mut world = kept_and_activated_by_hand();
    assert_eq!(world.sync().counts.users_updated, 1);
    let ann = world.platform.user("ann");
    assert!(ann.active && ann.mark.as_ref().unwrap().deactivated.is_none());
    world.sync().nothing();

    // Deactivated by us again: the days begin then.
    let mut again = kept_and_activated_by_hand();
    again.sync();
    again.rules.deprovision = after(30);
    assert_eq!(again.sync().changes, ["deactivate ann: no longer in the directory"]);
    again.later(29 * DAY).sync().nothing();
    assert_eq!(again.later(DAY).sync().counts.users_deleted, 1);

    // Deactivated by hand: that was not us, and she is never deleted.
    world.platform.user_mut("ann").active = false;
    world.rules.deprovision = after(30);
    world.later(100 * DAY).sync().nothing();
}

#[test]
fn a_deactivation_before_a_return_says_nothing_of_the_next_leave_whatever_was_asked_for_meanwhile() {
    for meanwhile in [Deprovision::Keep, Deprovision::Deactivate, DELETE, after(1), after(30)] {
        let mut world = gone(after(30), [user("ann").managed()]);
        world.sync();
        world.rules.deprovision = meanwhile;
        world.directory.add(person("ann"));
        world.later(10 * DAY).sync();
        assert!(world.platform.user("ann").mark.as_ref().unwrap().deactivated.is_none());
        world.directory.loses("ann");
        world.rules.deprovision = after(30);
        assert_eq!(
            world.later(25 * DAY).sync().changes,
            ["deactivate ann: no longer in the directory"],
            "{meanwhile:?}"
        );
        world.later(29 * DAY).sync().nothing();
        assert_eq!(world.later(DAY).sync().counts.users_deleted, 1);
    }
}

#[test]
fn who_comes_back_to_a_kept_account_gets_everything_again() {
    let mut world = staying(|directory| directory.loses("ann"));
    world.sync();
    world.directory.add(person("ann"));
    world.directory.group("A").members.push("ann".to_owned());
    assert_eq!(
        world.sync().changes,
        ["add ann to I", "add ann to T", "role of ann: member -> agent"]
    );
}

#[test]
fn a_read_that_is_incomplete_takes_nothing_from_whom_we_keep() {
    let mut world = staying(|directory| directory.loses("ann"));
    world.directory.doubts_about_users.push(Doubt::SizeLimit);
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.kept, kept(RemovalKind::User, KeptReason::Incomplete));
}

#[test]
fn what_a_suspended_mapping_gave_stays_with_whom_we_keep() {
    let mut world = staying(|directory| directory.loses("ann"));
    world.rules.mappings[0].suspended = true;
    let outcome = world.sync();
    outcome.nothing();
    let waits = |kind, reason| Kept { kind, reason, count: 1 };
    for kept in [
        waits(RemovalKind::TeamMembership, KeptReason::Frozen),
        waits(RemovalKind::InboxMembership, KeptReason::Frozen),
    ] {
        assert!(outcome.kept.contains(&kept), "{:?}", outcome.kept);
    }
    assert_eq!(world.platform.members("T"), ["ann", "bob"]);
    assert_eq!(world.platform.user("ann").role, "agent");
}

#[test]
fn whoever_is_protected_loses_nothing_where_leavers_are_kept() {
    let mut world = staying(|directory| directory.loses("ann"));
    world.rules = keeping().protecting_user("ann@acme.test");
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.kept, kept(RemovalKind::User, KeptReason::Protected));
}

#[test]
fn the_last_administrators_keep_their_role_where_leavers_are_kept() {
    let mut world = World::new(
        directory().with_people(&["bob"]).with(group("A")),
        rules()
            .deprovisioning(Deprovision::Keep)
            .with(mapping("A").giving("admin"))
            .everybody(),
        platform()
            .with(user("bob").managed())
            .with(user("ann").managed().given("admin")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert!(outcome.kept.contains(&Kept {
        kind: RemovalKind::Role,
        reason: KeptReason::LastAdministrator,
        count: 1
    }));
}
