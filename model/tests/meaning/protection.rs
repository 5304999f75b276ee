//! The operator's own account, the last administrator, and what `protect` names.

use directory_sync_model::plan::{Kept, KeptReason, RemovalKind};

use crate::support::{MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, user};

fn kept(kind: RemovalKind, reason: KeptReason) -> Vec<Kept> {
    vec![Kept { kind, reason, count: 1 }]
}

#[test]
fn the_operators_own_account_is_never_touched() {
    for in_directory in [true, false] {
        let mut world = World::new(
            directory().with_people(&["bob"]),
            rules().everybody().with(mapping("A").to_team("T").giving("agent")),
            platform()
                .with(user("ann").managed())
                .with(user("bob").managed())
                .team("T")
                .gave("T", "ann"),
        );
        world.directory.add(group("A"));
        world.platform.own_account = Some("u-ann".to_owned());
        if in_directory {
            world.directory.add(person("ann").phone("1"));
            world.directory.group("A").members.push("ann".to_owned());
        }
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.failures, []);
        if !in_directory {
            assert_eq!(outcome.kept, kept(RemovalKind::User, KeptReason::OwnAccount));
        }
    }
}

#[test]
fn a_protected_user_is_never_changed_or_removed() {
    for protected in ["ann@acme.test", "ann"] {
        for change in ["leaves", "changes", "is disabled", "is not in the group"] {
            let mut world = World::new(
                directory().with_people(&["ann", "bob"]).with(group("A").of(&["ann"])),
                rules()
                    .everybody()
                    .protecting_user(protected)
                    .with(mapping("A").to_team("T").giving("agent")),
                platform()
                    .with(user("ann").managed().given("agent").email("Ann@Acme.test"))
                    .with(user("bob").managed())
                    .team("T")
                    .gave("T", "ann"),
            );
            match change {
                "leaves" => world.directory.loses("ann"),
                "changes" => world.directory.person("ann").phone = "1".to_owned(),
                "is disabled" => world.directory.person("ann").active = false,
                _ => world.directory.group("A").members.clear(),
            }
            let outcome = world.sync();
            outcome.nothing();
            assert_eq!(outcome.failures, [], "{change}");
        }
    }
}

#[test]
fn a_protected_user_is_not_adopted_and_no_failure() {
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules().protecting_user("ann@acme.test").with(mapping("A").to_team("T")),
        platform().with(user("ann")).team("T"),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.failures, []);
}

#[test]
fn a_protected_person_without_a_user_is_not_created_and_nobody_gets_a_protected_address() {
    for protected in ["ann@acme.test", "ann"] {
        for existing in [None, Some(user("ann").managed().email("other@acme.test"))] {
            let mut world = World::new(
                directory()
                    .with_people(&["ann", "bob"])
                    .with(group("A").of(&["ann", "bob"])),
                rules()
                    .protecting_user(protected)
                    .with(mapping("A").to_team("T").giving("agent")),
                platform().team("T"),
            );
            world.platform.users.extend(existing);
            let outcome = world.sync();
            assert_eq!(outcome.changes, ["create bob as agent", "add bob to T"]);
            assert_eq!(outcome.failures, []);
        }
    }
}

#[test]
fn a_protected_user_who_only_has_the_address_protects_nobody_else() {
    let mut world = World::new(
        directory().with(person("ann").email("new@acme.test").phone("1")),
        rules().everybody().protecting_user("hand@acme.test"),
        platform()
            .with(user("ann").managed().email("new@acme.test"))
            .with(user("hand").external_id("ann")),
    );
    world.platform.user_mut("hand").external_id = "x".to_owned();
    assert_eq!(world.sync().changes, [r#"update ann: phone "" -> "1""#]);
}

#[test]
fn a_protected_role_is_neither_granted_nor_taken() {
    // Not taken: neither by a mapping, nor by leaving.
    let mut world = World::new(
        directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
        rules()
            .everybody()
            .protecting_role("Lead")
            .with(mapping("A").giving("agent")),
        platform()
            .with(user("ann").managed().given("lead"))
            .with(user("bob").managed().given("lead")),
    );
    let outcome = world.sync();
    outcome.nothing();
    let waits = |kind| Kept {
        kind,
        reason: KeptReason::Protected,
        count: 1,
    };
    assert_eq!(outcome.kept, [waits(RemovalKind::User), waits(RemovalKind::Role)]);

    // Not granted, and spelling is no way around it.
    for role in ["lead", "LEAD"] {
        let mut world = World::new(
            directory().with_people(&["ann"]).with(group("A").of(&["ann"])),
            rules()
                .everybody()
                .protecting_role("lead")
                .with(mapping("A").giving(role)),
            platform().with(user("ann").managed()),
        );
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.problems.len(), 1);
    }
}

#[test]
fn nobody_falls_back_to_a_protected_role() {
    let mut world = World::new(
        directory().with_people(&["ann"]),
        rules().everybody().protecting_role("member"),
        platform().with(user("ann").managed().given("agent")),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.kept, kept(RemovalKind::Role, KeptReason::Protected));
}

#[test]
fn a_protected_default_role_is_not_granted() {
    let mut world = World::new(
        directory().with_people(&["ann", "bob"]),
        rules().everybody().protecting_role("lead").default_role("lead"),
        platform().with(user("ann").managed().given("agent")),
    );
    let outcome = world.sync();
    outcome.nothing();
    let failed: Vec<_> = outcome.failures.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(failed, ["bob"]);
}

#[test]
fn the_last_active_administrator_is_never_deactivated() {
    let mut world = World::new(
        directory().with_people(&["bob"]),
        rules().everybody(),
        platform()
            .with(user("ann").managed().role("admin"))
            .with(user("cid").role("admin").inactive())
            .with(user("bob").managed()),
    );
    let outcome = world.sync();
    outcome.nothing();
    assert_eq!(outcome.kept, kept(RemovalKind::User, KeptReason::LastAdministrator));
}

#[test]
fn administrators_may_leave_while_another_one_stays_whoever_manages_him() {
    for other in [
        user("cid").role("admin"),
        user("cid").role("admin").of_another_connection(),
    ] {
        let mut world = World::new(
            directory().with_people(&["bob"]),
            rules().everybody(),
            platform()
                .with(user("ann").managed().role("admin"))
                .with(other)
                .with(user("bob").managed()),
        );
        assert_eq!(world.sync().changes, ["deactivate ann: no longer in the directory"]);
    }
}

#[test]
fn of_several_administrators_who_leave_one_stays_the_same_in_any_order() {
    let admins = ["ann", "bob", "cid"];
    let mut kept_names: Vec<&str> = Vec::new();
    for order in 0..5 {
        let mut world = World::new(
            directory().with_people(&["dan"]),
            rules().everybody(),
            admins.iter().fold(platform(), |platform, admin| {
                platform.with(user(admin).managed().role("admin"))
            }),
        );
        world.platform.order = order;
        let outcome = world.sync();
        assert_eq!(outcome.counts.users_deactivated, 2);
        kept_names.extend(admins.iter().filter(|admin| world.platform.user(admin).active));
    }
    kept_names.dedup();
    assert_eq!(kept_names.len(), 1);
}

#[test]
fn the_last_administrator_does_not_lose_his_role_in_any_order() {
    for order in [["ann", "bob"], ["bob", "ann"]] {
        let mut world = World::new(
            directory().with_people(&order),
            rules().everybody().with(mapping("A").giving("admin")),
            platform()
                .with(user("ann").managed().given("admin"))
                .with(user("bob").managed().given("admin")),
        );
        world.directory.add(group("A"));
        assert_eq!(world.sync().changes, ["role of ann: admin -> member"]);
    }
}

#[test]
fn an_administrator_who_is_shown_twice_is_one() {
    let mut world = World::new(
        directory().with_people(&["bob"]),
        rules().everybody(),
        platform()
            .with(user("ann").managed().role("admin"))
            .with(user("bob").managed()),
    );
    world.platform.shown_twice = true;
    world.sync().nothing();
    assert!(world.platform.user("ann").active);
}

#[test]
fn nobody_may_go_while_another_loses_the_role_if_both_are_all() {
    let mut world = World::new(
        directory().with_people(&["ann"]),
        rules().everybody().with(mapping("A").giving("admin")),
        platform()
            .with(user("ann").managed().given("admin"))
            .with(user("bob").managed().given("admin")),
    );
    world.directory.add(group("A"));
    let outcome = world.sync();
    assert_eq!(outcome.changes, ["role of ann: admin -> member"]);
    assert_eq!(outcome.kept, kept(RemovalKind::User, KeptReason::LastAdministrator));
}

#[test]
fn whom_a_new_administrator_replaces_leaves_one_sync_later() {
    let mut world = World::new(
        directory().with_people(&["new"]).with(group("A").of(&["new"])),
        rules().everybody().with(mapping("A").giving("admin")),
        platform().with(user("ann").managed().role("admin")),
    );
    assert_eq!(world.sync().changes, ["create new as admin"]);
    assert_eq!(world.sync().changes, ["deactivate ann: no longer in the directory"]);
}
