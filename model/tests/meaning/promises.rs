//! The promises of `docs/safety.md`, one test each, as far as they can be seen without a network: what is decided. What
//! is carried out, and in which order, is tested in `src/sync/apply/tests/promises.rs`.

use directory_sync_model::{
    desired::FailureReason,
    guard::{Terms, Verdict, guard},
    limits::Limits,
    plan::{KeptReason, PlanHash, RemovalCounts},
    snapshot::Doubt,
};

use crate::support::{
    Directory, MappingWords, OTHER, Platform, RulesWords, World, directory, group, mapping, person, platform, rules,
    user,
};

/// Every reason to doubt a read that a directory, or the way to it, can give.
fn doubts() -> Vec<Doubt> {
    vec![
        Doubt::PageLimit { pages: 50 },
        Doubt::RepeatedCursor,
        Doubt::CountMismatch {
            stated: 1001,
            received: 1000,
        },
        Doubt::SizeLimit,
        Doubt::TimeLimit,
        Doubt::Referral,
        Doubt::Interrupted {
            cause: "connection reset".to_owned(),
        },
        Doubt::Empty,
        Doubt::DuplicateIds {
            count: 1,
            example: "x".to_owned(),
        },
        Doubt::Unreadable {
            count: 1,
            example: "row 7".to_owned(),
        },
    ]
}

/// Of ten people, seven are still in the directory and three of these in their group; one of them has a new number, and
/// Eve is new.
fn shrunk(read: Directory) -> World {
    let ids: Vec<String> = (0..10).map(|at| format!("p{at}")).collect();
    let mut held = platform().team("Support").inbox("Help", "");
    for id in &ids {
        held = held
            .with(user(id).managed().given("agent"))
            .gave("Support", id)
            .gave("Help", id);
    }
    let staying: Vec<&str> = ids[..7].iter().map(String::as_str).collect();
    let mut read = read
        .with_people(&staying)
        .with_people(&["eve"])
        .with(group("Support").of(&["p0", "p1", "p2", "eve"]));
    read.person("p0").phone = "1".to_owned();
    let mapping = mapping("Support").to_team("Support").to_inbox("Help").giving("agent");
    World::new(read, rules().everybody().with(mapping), held)
}

const ADDED: [&str; 4] = [
    "create eve as agent",
    r#"update p0: phone "" -> "1""#,
    "add eve to Help",
    "add eve to Support",
];

#[test]
fn promise_1_an_incomplete_empty_or_doubtful_fetch_may_add_and_update_and_never_removes() {
    assert_eq!(
        shrunk(directory()).sync().removals.users,
        3,
        "a complete read does remove"
    );
    for doubt in doubts() {
        let mut about_people = directory();
        about_people.doubts_about_users.push(doubt.clone());
        let mut about_groups = directory();
        about_groups.doubts_about_groups.push(doubt.clone());
        for read in [about_people, about_groups] {
            let outcome = shrunk(read).sync();
            assert_eq!(outcome.changes, ADDED, "{doubt}");
            assert_eq!(outcome.removals, RemovalCounts::default(), "{doubt}");
            assert!(outcome.kept.iter().all(|kept| kept.reason == KeptReason::Incomplete));
        }
    }
    // Nobody at all, as from a wrong base or an expired right.
    let mut world = shrunk(directory());
    world.directory = directory();
    world.sync().nothing();
}

#[test]
fn promise_1_a_missing_mapped_group_and_a_credential_that_sees_no_members_remove_nothing_that_they_may_hide() {
    // In both the people are all there, so who left the company is known.
    let mut missing = shrunk(directory());
    missing.directory.groups.clear();
    let mut untold = shrunk(directory());
    untold.directory.group("Support").members.clear();
    untold.directory.group("Support").told = false;
    for mut world in [missing, untold] {
        let outcome = world.sync();
        assert_eq!(
            outcome.removals.users, 3,
            "who left the company is told by the people alone"
        );
        assert_eq!(outcome.removals.team_memberships, 0);
        assert_eq!(outcome.removals.inbox_memberships, 0);
        assert_eq!(outcome.removals.roles, 0);
        assert_eq!(outcome.problems.len(), 1);
    }
}

/// Everything on a platform that isn't ours.
fn strangers(before: &Platform) -> Vec<String> {
    let ours = |user: &&crate::support::platform::User| {
        let mark = user.mark.as_ref();
        mark.is_none_or(|mark| mark.owner == OTHER)
    };
    let users = before.users.iter().filter(ours).map(|user| format!("{user:?}"));
    let containers = before.containers.iter().map(|container| format!("{container:?}"));
    let foreign = before
        .memberships
        .iter()
        .filter(|(_, owner)| owner.as_deref().is_none_or(|owner| owner == OTHER));
    let foreign = foreign.map(|row| format!("{row:?}"));
    users.chain(containers).chain(foreign).collect()
}

#[test]
fn promise_2_nothing_that_is_not_managed_is_changed_or_removed_and_nothing_is_deleted_to_be_created_again() {
    let mut world = World::new(
        directory()
            .with(person("ann").phone("1"))
            .with(person("kim").email("kim.new@acme.test"))
            .with(group("Support").of(&["ann"])),
        rules()
            .everybody()
            .with(mapping("Support").to_team("Support").giving("agent")),
        platform()
            .with(user("ann").role("lead"))
            .with(user("kim").managed().email("kim.old@acme.test"))
            .with(user("hand"))
            .with(user("boss").role("admin"))
            .with(user("theirs").of_another_connection().external_id("theirs"))
            .team("Support")
            .team("By hand")
            .joined("Support", "hand")
            .joined("By hand", "ann")
            .joined("By hand", "kim")
            .other_gave("Support", "theirs"),
    );
    let ids: Vec<String> = world.platform.users.iter().map(|user| user.id.clone()).collect();
    let mut untouched = strangers(&world.platform);
    // Ann is to be ours, so what follows is not about her.
    untouched.retain(|row| !row.starts_with("User") || !row.contains("\"u-ann\""));
    let outcome = world.sync();
    assert_eq!(
        outcome.changes,
        [
            r#"update ann: adopt as ann, phone "" -> "1""#,
            r#"update kim: email "kim.old@acme.test" -> "kim.new@acme.test""#,
            "add ann to Support"
        ]
    );
    assert_eq!(outcome.counts.users_created, 0);
    let after: Vec<String> = world.platform.users.iter().map(|user| user.id.clone()).collect();
    assert_eq!(after, ids, "everybody keeps the platform id that they had");
    assert_eq!(world.platform.user("ann").role, "lead", "a role set by hand stays");
    // Both leave the company: what is taken is what we gave.
    world.directory = directory().with_people(&["new"]).with(group("Support"));
    world.sync();
    let now = strangers(&world.platform);
    for row in untouched {
        assert!(now.contains(&row), "{row} is gone");
    }
    assert_eq!(world.platform.members("By hand"), ["ann", "kim"]);
    assert_eq!(world.platform.members("Support"), ["hand", "theirs"]);
    assert!(!world.platform.user("ann").active && world.platform.users.len() == ids.len() + 1);
}

/// A hundred people, of whom so many have left, with the limits that nobody has set.
fn company(left: usize) -> World {
    let mut held = platform();
    let mut read = directory().with_people(&["new"]);
    for at in 0..100 {
        let id = format!("p{at:03}");
        held = held.with(user(&id).managed());
        if at >= left {
            read.add(person(&id));
        }
    }
    let mut world = World::new(read, rules().everybody(), held);
    world.rules.limits = Limits::default();
    world
}

#[test]
fn promise_3_above_the_limits_nothing_at_all_is_written_until_exactly_that_plan_is_approved() {
    let mut world = company(21);
    let before = world.platform.clone();
    let outcome = world.sync();
    assert_eq!(outcome.held, ["21 of 100 users would be removed, allowed are 20"]);
    assert_eq!(world.platform, before, "the joiner waits too");

    for other in ["", "0", &"0".repeat(64), company(22).look().hash.as_str()] {
        world.approved = Some(PlanHash::from_text(other));
        assert!(!world.sync().held.is_empty(), "{other:?} is another plan's hash");
        assert_eq!(world.platform, before);
    }
    world.approved = Some(outcome.hash);
    assert_eq!(world.sync().held, [""; 0]);
    assert_eq!(world.platform.users.iter().filter(|user| user.active).count(), 80);

    // The same approval is worth nothing for what comes next.
    for at in 21..60 {
        world.directory.loses(&format!("p{at:03}"));
    }
    let before = world.platform.clone();
    assert_eq!(world.sync().held, ["39 of 80 users would be removed, allowed are 16"]);
    assert_eq!(world.platform, before);
}

#[test]
fn promise_3_a_plan_that_somebody_rejected_is_not_carried_out_however_little_it_removes() {
    let world = company(1);
    world.plan(|plan| {
        let hash = plan.hash();
        let terms = Terms {
            rejected: vec![hash.clone()],
            approved: Some(hash.clone()),
            ..Terms::default()
        };
        assert!(matches!(guard(plan, &hash, &terms), Verdict::Hold(_, hold) if hold.rejected));
    });
}

#[test]
fn promise_4_the_own_account_the_last_administrator_and_protected_accounts_are_never_touched() {
    let world = || {
        World::new(
            directory().with_people(&["new"]).with(group("Support").of(&["new"])),
            rules()
                .everybody()
                .protecting_user("vip@acme.test")
                .protecting_user("by-id")
                .protecting_role("lead")
                .with(mapping("Support").to_team("Support").giving("agent")),
            platform()
                .with(user("operator").managed())
                .with(user("boss").managed().role("admin"))
                .with(user("gone-boss").role("admin").inactive())
                .with(user("vip").managed().email("VIP@Acme.test"))
                .with(user("by-id").managed())
                .with(user("chief").managed().given("lead"))
                .with(user("gone").managed())
                .team("Support")
                .gave("Support", "operator")
                .gave("Support", "boss")
                .gave("Support", "vip")
                .gave("Support", "chief"),
        )
    };
    let mut all_left = world();
    all_left.platform.own_account = Some("u-operator".to_owned());
    let outcome = all_left.sync();
    assert_eq!(
        outcome.changes,
        [
            "create new as agent",
            "add new to Support",
            "deactivate gone: no longer in the directory"
        ]
    );
    // The same people are in the directory, changed, disabled, and in no group any more.
    let mut changed = world();
    changed.platform.own_account = Some("u-operator".to_owned());
    for id in ["operator", "vip", "by-id"] {
        let email = format!("{id}@acme.test");
        changed.directory.add(person(id).email(&email).phone("1"));
    }
    changed.directory.add(person("boss").disabled());
    changed.directory.add(person("chief").disabled());
    let outcome = changed.sync();
    assert_eq!(
        outcome.changes,
        [
            "create new as agent",
            "add new to Support",
            "deactivate gone: no longer in the directory"
        ]
    );
    assert_eq!(outcome.failures, []);
}

#[test]
fn promise_5_a_plan_that_broke_off_after_any_write_is_finished_by_the_next_sync() {
    let begun = || {
        let mut world = shrunk(directory());
        world
            .rules
            .mappings
            .push(mapping("New").to_team("New").creating().giving("lead"));
        world.directory.add(group("New").of(&["p3", "eve"]));
        world.platform = std::mem::take(&mut world.platform)
            .with(user("p9x"))
            .joined("Support", "p9x");
        world.directory.add(person("p9x"));
        world
    };
    let sorted = |mut platform: Platform| {
        platform.users.sort_by(|one, other| one.id.cmp(&other.id));
        platform.containers.sort_by(|one, other| one.id.cmp(&other.id));
        platform
    };
    let mut whole = begun();
    let writes = whole.sync().changes.len();
    assert!(writes > 20, "{writes} writes are worth breaking off");
    let whole = sorted(whole.platform);
    for done in 0..=writes {
        let mut broken = begun();
        let mut part = broken.platform.clone();
        broken.plan(|plan| part.apply_part(&plan, done));
        broken.platform = part;
        broken.sync();
        assert_eq!(sorted(broken.platform), whole, "broken off after {done} writes");
    }
}

#[test]
fn promise_6_a_second_sync_of_an_unchanged_directory_writes_nothing() {
    let mut world = shrunk(directory());
    world.rules.mappings.push(
        mapping("Support")
            .called("made")
            .to_team_named_by("group.name + ' EU'")
            .creating(),
    );
    world.rules = world
        .rules
        .attribute("department", "user.department")
        .default_role("member");
    world.directory.person("p1").email = " P1@ACME.Test".to_owned();
    assert!(!world.sync().changes.is_empty());
    for order in 0..4 {
        world.platform.order = order;
        world.directory.people.rotate_left(1);
        world.look().nothing();
    }
}

#[test]
fn promise_7_one_bad_user_or_group_never_stops_the_others_and_each_failure_is_named_and_explained() {
    let mut read = directory();
    for at in 0..300 {
        read.add(person(&format!("p{at:03}")));
    }
    let mut world = World::new(
        read.with(person("no-address").email("none"))
            .with(person("unreadable").unreadable())
            .with(person("twin-1").email("twin@acme.test"))
            .with(person("twin-2").email("twin@acme.test"))
            .with(person("taken").email("theirs@acme.test"))
            .with(person("reused").email("old@acme.test"))
            .with(group("Good").of(&["p000", "p001"]))
            .with(group("Twice").id("g-1").of(&["p002"]))
            .with(group("Twice").id("g-2").of(&["p003"])),
        rules()
            .everybody()
            .with(mapping("Good").to_team("Good").creating())
            .with(mapping("Gone").to_team("Good"))
            .with(mapping("Twice").to_team("Twice").creating())
            .with(mapping("Good").called("no-team").to_team("Nowhere"))
            .with(mapping("Good").called("no-role").giving("pilot")),
        platform()
            .with(user("theirs").of_another_connection())
            .with(user("old").managed().external_id("somebody-else"))
            .with(user("bye").managed()),
    );
    let outcome = world.sync();
    assert_eq!(outcome.counts.users_created, 300);
    assert_eq!(world.platform.members("Good"), ["p000", "p001"]);
    let mut failed = outcome.failures.clone();
    failed.sort();
    let expected = [
        ("no-address", FailureReason::InvalidEmail),
        ("reused", FailureReason::AddressReused),
        ("taken", FailureReason::ManagedElsewhere),
        ("twin-1", FailureReason::DuplicateEmail),
        ("twin-2", FailureReason::DuplicateEmail),
        ("unreadable", FailureReason::Unreadable),
    ];
    assert_eq!(failed, expected.map(|(id, reason)| (id.to_owned(), reason)));
    assert!(
        outcome.messages.iter().all(|message| message.len() > 10),
        "{:?}",
        outcome.messages
    );
    let of = |id: &str| {
        let at = outcome.failures.iter().position(|(failed, _)| failed == id);
        outcome.messages[at.unwrap()].as_str()
    };
    assert!(of("twin-1").ends_with("twin-2") && of("twin-2").ends_with("twin-1"));
    let mut problems: Vec<&str> = outcome.problems.iter().map(|(mapping, _)| mapping.as_str()).collect();
    problems.sort_unstable();
    assert_eq!(problems, ["gone", "no-role", "no-team", "twice"]);
    assert!(
        outcome
            .problems
            .iter()
            .all(|(_, problem)| problem.to_string().len() > 20)
    );
}
