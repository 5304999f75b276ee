//! The operator's own account, the last administrator, and what `protect` names.

use directory_sync_model::{
    plan::{Kept, KeptReason, RemovalKind},
    rules::{Adoption, Deprovision, Rules},
};

use crate::support::{
    MappingWords, RulesWords, World, directory, group, mapping, person, platform, rules, shown::kept, user,
};

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
fn the_operators_own_account_is_not_adopted_and_no_failure_whatever_adoption_allows() {
    for adoption in [Adoption::Email, Adoption::ExternalId, Adoption::Never] {
        let mut world = World::new(
            directory().with(person("ann").phone("1")).with(group("A").of(&["ann"])),
            rules()
                .adopting(adoption)
                .with(mapping("A").to_team("T").giving("agent")),
            platform().with(user("ann")).team("T"),
        );
        world.platform.own_account = Some("u-ann".to_owned());
        let outcome = world.sync();
        outcome.nothing();
        assert_eq!(outcome.failures, [], "{adoption:?}");
    }
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

/// Four administrators; those of them who are named leave.
fn administrators(min: u32, leaving: &[&str]) -> World {
    let all = ["ann", "bob", "cid", "dan"];
    let staying: Vec<&str> = all.into_iter().filter(|admin| !leaving.contains(admin)).collect();
    World::new(
        directory().with_people(&staying).with_people(&["new"]),
        rules().everybody().keeping_administrators(min),
        all.iter()
            .fold(platform().with(user("new").managed()), |platform, admin| {
                platform.with(user(admin).managed().role("admin"))
            }),
    )
}

#[test]
fn as_many_administrators_as_asked_for_stay_active() {
    for (min, leaving, go) in [(1, 4, 3), (2, 3, 2), (3, 2, 1), (3, 1, 1), (4, 1, 0), (1000, 4, 0)] {
        let leaving = &["ann", "bob", "cid", "dan"][..leaving];
        let mut world = administrators(min, leaving);
        let outcome = world.sync();
        assert_eq!(outcome.counts.users_deactivated, go, "{min} of {leaving:?}");
        let stay = leaving.len() as u64 - go;
        let expected = Kept {
            kind: RemovalKind::User,
            reason: KeptReason::LastAdministrator,
            count: stay,
        };
        assert_eq!(
            outcome.kept,
            [expected].into_iter().filter(|_| stay > 0).collect::<Vec<_>>()
        );
    }
}

#[test]
fn as_many_administrators_as_asked_for_keep_their_role() {
    let mut world = World::new(
        directory().with_people(&["ann", "bob", "cid"]),
        rules()
            .everybody()
            .keeping_administrators(2)
            .with(mapping("A").giving("admin")),
        ["ann", "bob", "cid"].iter().fold(platform(), |platform, admin| {
            platform.with(user(admin).managed().given("admin"))
        }),
    );
    world.directory.add(group("A"));
    assert_eq!(world.sync().changes, ["role of ann: admin -> member"]);
}

#[test]
fn administrators_of_others_count_among_those_who_stay() {
    let mut world = administrators(2, &["ann", "bob", "cid", "dan"]);
    for other in ["eve", "fay"] {
        world.platform = world.platform.with(user(other).role("admin"));
    }
    assert_eq!(world.sync().counts.users_deactivated, 4);
}

/// Somebody leaves, somebody loses a team, and somebody else loses a role.
fn removing() -> World {
    World::new(
        directory().with_people(&["bob", "cid"]).with(group("A")),
        rules().everybody().with(mapping("A").to_team("T").giving("agent")),
        platform()
            .with(user("ann").managed())
            .with(user("bob").managed().given("agent"))
            .with(user("cid").managed())
            .with(user("dan").managed().deactivated())
            .team("T")
            .gave("T", "cid"),
    )
    .deprovisioning_at_once()
}

impl World {
    fn deprovisioning_at_once(mut self) -> Self {
        self.rules = self
            .rules
            .deprovisioning(Deprovision::DeleteAfter(std::time::Duration::ZERO));
        self
    }
}

#[test]
fn where_somebodys_role_is_not_among_those_that_the_platform_shows_nothing_is_removed() {
    assert_eq!(removing().sync().changes.len(), 4);
    for stranger in [
        user("eve").role("chief"),
        user("eve").role("chief").of_another_connection(),
    ] {
        let mut world = removing();
        world.platform.users.push(stranger);
        let outcome = world.look();
        outcome.nothing();
        assert!(outcome.kept.iter().all(|kept| kept.reason == KeptReason::RolesUnknown));
        assert_eq!(outcome.kept.iter().map(|kept| kept.count).sum::<u64>(), 4);
        // Who joins or changes isn't kept waiting.
        world.directory.add(person("new"));
        assert_eq!(world.look().changes, ["create new"]);
    }
}

#[test]
fn where_the_platform_shows_no_roles_nothing_is_removed_that_a_role_might_protect() {
    // Nobody can say whether the one who leaves is an administrator.
    let mut world = removing();
    world.platform.roles.clear();
    world.look().nothing();
    // On a platform without roles nobody is; unless the connection counts on some.
    let without_roles = |rules: Rules| {
        let mut held = platform()
            .with(user("ann").managed().role(""))
            .with(user("bob").managed().role(""));
        held.roles.clear();
        World::new(directory().with_people(&["bob"]), rules.everybody(), held)
    };
    assert_eq!(
        without_roles(rules()).sync().changes,
        ["deactivate ann: no longer in the directory"]
    );
    without_roles(rules().protecting_role("owner")).sync().nothing();
    without_roles(rules().keeping_administrators(2)).sync().nothing();
}
