//! What holds for every directory, specification and platform.

use std::collections::BTreeMap;

use proptest::prelude::*;

use directory_sync_model::{limits::Limits, rules::Deprovision};

use crate::support::{
    OWNER, Platform, World,
    platform::{User, address},
    random::{RulesSpec, world, worlds},
    world::{DAY, Outcome},
};

fn by_id(platform: &Platform) -> BTreeMap<&str, &User> {
    platform.users.iter().map(|user| (user.id.as_str(), user)).collect()
}

fn is_ours(user: &User) -> bool {
    user.mark.as_ref().is_some_and(|mark| mark.owner == OWNER)
}

fn ours(owner: Option<&String>) -> bool {
    owner.is_some_and(|owner| owner == OWNER)
}

/// Syncs twice, the second time with another directory, and hands each step to `check`.
fn twice(
    (first, second, spec, platform): &(
        crate::support::Directory,
        crate::support::Directory,
        RulesSpec,
        Platform,
    ),
    mut check: impl FnMut(&World, &Outcome, &Platform),
) {
    let mut world = world(first, spec, platform);
    for directory in [first, second] {
        world.directory = directory.clone();
        let before = world.platform.clone();
        let outcome = world.sync();
        check(&world, &outcome, &before);
        world.later(8 * DAY);
    }
}

/// Who may be deleted, as far as the platform alone tells.
fn may_be_deleted(world: &World, spec: &RulesSpec, user: &User) {
    let since = user
        .mark
        .as_ref()
        .filter(|_| is_ours(user))
        .and_then(|mark| mark.deactivated);
    let due = match (spec.deprovision, since) {
        (Deprovision::DeleteAfter(rest), Some(since)) => since + rest <= world.now,
        _ => false,
    };
    assert!(due && !user.active, "{user:?} was deleted");
}

/// What no sync does to a user.
fn untouched(world: &World, spec: &RulesSpec, before: &Platform) {
    let after = by_id(&world.platform);
    let administrators = |platform: &Platform| {
        let active = platform.users.iter().filter(|user| user.active && user.role == "admin");
        active.count()
    };
    let fewest = administrators(before).min(spec.min_administrators as usize);
    assert!(
        administrators(&world.platform) >= fewest,
        "too few administrators are left"
    );
    for user in &before.users {
        let protected = spec
            .protected_user
            .is_some_and(|at| address(&user.email) == format!("m{at}@acme.test"));
        let role = spec.protected_role.map(|at| ["member", "agent", "lead", "admin"][at]);
        let Some(now) = after.get(user.id.as_str()).copied() else {
            may_be_deleted(world, spec, user);
            assert!(!protected && before.own_account.as_ref() != Some(&user.id) && role != Some(&user.role));
            continue;
        };
        if protected || before.own_account.as_ref() == Some(&user.id) || !is_ours(now) {
            assert_eq!(now, user, "somebody who is not ours to touch");
            assert_eq!(memberships(&world.platform, &user.id), memberships(before, &user.id));
        } else if let Some(mark) = user.mark.as_ref().filter(|mark| mark.owner != OWNER) {
            assert!(spec.takes_over, "somebody else's user is taken");
            assert!(now.active == user.active || mark.deactivated.is_some());
        } else if !is_ours(user) {
            assert_eq!(now.active, user.active, "an adopted user is activated or deactivated");
            let nobodys =
                user.role.is_empty() || user.role == "member" || Some(user.role.as_str()) == spec.default_role;
            assert!(nobodys || now.role == user.role, "the role of an adopted user is taken");
        }
        if let Some(mark) = user.mark.as_ref().filter(|mark| mark.role.is_some() && is_ours(user)) {
            let by_hand = mark.role.as_deref() != Some(&user.role);
            assert!(!by_hand || now.role == user.role, "a role set by hand is taken");
        }
        if let Some(role) = role {
            assert_eq!(
                user.role == role,
                now.role == role,
                "a protected role is granted or taken"
            );
            assert!(user.role != role || now.active == user.active || now.active);
        }
        let by_hand = |user: &User| !user.active && user.mark.as_ref().is_none_or(|mark| mark.deactivated.is_none());
        assert!(!by_hand(user) || !now.active, "somebody deactivated by hand is active");
    }
    for (key, owner) in &before.memberships {
        let now = after.get(key.1.as_str());
        let handed_over = spec.takes_over && owner.is_some() && now.is_some_and(|user| is_ours(user));
        if !ours(owner.as_ref()) && !handed_over && now.is_some() {
            assert_eq!(world.platform.memberships.get(key), Some(owner), "not ours to take");
        }
    }
    for container in &before.containers {
        let now = world.platform.containers.iter().find(|now| now.id == container.id);
        let mut now = now.expect("no team or inbox goes away").clone();
        if ours(container.owner.as_ref()) && !spec.protects_team(container) {
            assert!(container.external_id.is_empty() || container.external_id == now.external_id);
            now.external_id.clone_from(&container.external_id);
            now.name.clone_from(&container.name);
        }
        assert_eq!(&now, container, "a team or inbox is changed");
    }
}

fn memberships<'p>(platform: &'p Platform, user: &str) -> Vec<(&'p String, &'p Option<String>)> {
    let of_user = platform.memberships.iter().filter(|((_, id), _)| id == user);
    of_user.map(|((container, _), owner)| (container, owner)).collect()
}

/// What was taken, counted from the two states alone.
fn within_limits(limits: &Limits, takes_over: bool, before: &Platform, after: &Platform) {
    let allowed = |removed: usize, of: usize| {
        assert!(
            removed as u64 <= limits.allowed(of as u64),
            "{removed} of {of} removed, {limits:?}"
        );
    };
    let now = by_id(after);
    let managed = before
        .users
        .iter()
        .filter(|user| is_ours(user) && user.active && !user.external_id.is_empty());
    let managed: Vec<_> = managed.collect();
    let deactivated: Vec<&str> = managed
        .iter()
        .filter(|user| now.get(user.id.as_str()).is_some_and(|now| !now.active))
        .map(|user| user.id.as_str())
        .collect();
    allowed(deactivated.len(), managed.len());
    let had = |user: &&User| is_ours(user) && !user.external_id.is_empty();
    let had = before.users.iter().filter(had);
    let by_us = |user: &User| user.mark.as_ref().is_some_and(|mark| mark.deactivated.is_some());
    let had: Vec<_> = had.filter(|user| user.active || by_us(user)).collect();
    let deleted = had.iter().filter(|user| !now.contains_key(user.id.as_str()));
    allowed(deleted.count(), had.len());
    for container in &before.containers {
        let given: Vec<_> = before
            .memberships
            .iter()
            .filter(|((id, user), owner)| {
                let still = now.get(user.as_str()).is_some_and(|user| is_ours(user));
                let given = ours(owner.as_ref()) || (takes_over && owner.is_some());
                *id == container.id && given && still
            })
            .map(|(key, _)| key)
            .collect();
        let lost = given
            .iter()
            .filter(|key| !after.memberships.contains_key(**key) && !deactivated.contains(&key.1.as_str()));
        allowed(lost.count(), given.len());
    }
    let changed = before
        .users
        .iter()
        .filter(|user| now.get(user.id.as_str()).is_some_and(|now| now.role != user.role));
    let given = before.users.iter().filter(|user| {
        let given = user.mark.as_ref().and_then(|mark| mark.role.as_deref());
        (is_ours(user) || (takes_over && now.get(user.id.as_str()).is_some_and(|now| is_ours(now))))
            && !user.role.is_empty()
            && given == Some(&user.role)
    });
    allowed(changed.count(), given.count());
}

fn nothing_taken(before: &Platform, after: &Platform) {
    let now = by_id(after);
    for user in &before.users {
        let now = now[user.id.as_str()];
        assert!(now.active || !user.active, "{} was deactivated", user.id);
        assert_eq!(now.role, user.role, "the role of {} was changed", user.id);
    }
    for key in before.memberships.keys() {
        assert!(after.memberships.contains_key(key), "{key:?} was taken");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_second_sync_writes_nothing_and_nothing_that_is_not_ours_is_touched(all in worlds(false)) {
        // That the second sync writes nothing is asserted by every sync of a `World`.
        twice(&all, |world, outcome, before| {
            assert_eq!(outcome.held, [""; 0]);
            untouched(world, &all.2, before);
        });
    }

    #[test]
    fn removals_stay_within_the_limits_or_nothing_is_written(all in worlds(true)) {
        twice(&all, |world, outcome, before| {
            if outcome.held.is_empty() {
                within_limits(&world.rules.limits, all.2.takes_over, before, &world.platform);
                untouched(world, &all.2, before);
            } else {
                assert_eq!(&world.platform, before);
            }
        });
    }

    #[test]
    fn an_incomplete_read_never_yields_a_removal(mut all in worlds(false), about_users in any::<bool>()) {
        for directory in [&mut all.0, &mut all.1] {
            let doubts = if about_users { &mut directory.doubts_about_users } else { &mut directory.doubts_about_groups };
            doubts.push(directory_sync_model::snapshot::Doubt::TimeLimit);
        }
        twice(&all, |world, outcome, before| {
            assert_eq!(outcome.removals, directory_sync_model::plan::RemovalCounts::default());
            nothing_taken(before, &world.platform);
        });
    }

    #[test]
    fn the_order_of_rows_and_pages_does_not_matter(all in worlds(false), seed in 1_u64.., page in 1_usize..4) {
        let (first, _, spec, platform) = &all;
        let one = world(first, spec, platform).look();
        let mut other = world(first, spec, platform);
        other.platform.order = seed;
        other.directory.page = page;
        let people = crate::support::platform::shuffled(&other.directory.people, seed);
        other.directory.people = people.into_iter().cloned().collect();
        let groups = crate::support::platform::shuffled(&other.directory.groups, seed);
        other.directory.groups = groups.into_iter().cloned().collect();
        let other = other.look();
        prop_assert_eq!(&one.hash, &other.hash);
        prop_assert_eq!(one.counts, other.counts);
        prop_assert_eq!(one.removals, other.removals);
        prop_assert_eq!(&one.changes, &other.changes);
        prop_assert_eq!(&one.kept, &other.kept);
        prop_assert_eq!(&one.problems, &other.problems);
        let ids = |outcome: &Outcome| {
            let mut ids: Vec<_> = outcome.failures.iter().map(|(id, _)| id.clone()).collect();
            ids.sort();
            ids
        };
        prop_assert_eq!(ids(&one), ids(&other));
    }

    #[test]
    fn an_interrupted_apply_is_finished_by_the_next_sync(all in worlds(false), writes in 0_usize..30) {
        let (first, _, spec, platform) = &all;
        let finish = |mut world: World| {
            // Whoever replaces the last administrator comes one sync before that one goes.
            // And who is deleted goes one sync after his deactivation, and frees his address for a third.
            for _ in 0..5 {
                world.sync();
            }
            let mut platform = world.platform;
            // A new user's id here tells whether another one of that id had been deleted by then.
            let plain = |id: &str| id.trim_end_matches('+').to_owned();
            platform.users.iter_mut().for_each(|user| user.id = plain(&user.id));
            let memberships = std::mem::take(&mut platform.memberships).into_iter();
            platform.memberships = memberships.map(|((container, user), owner)| ((container, plain(&user)), owner)).collect();
            platform.users.sort_by(|one, other| (&one.id, &one.external_id).cmp(&(&other.id, &other.external_id)));
            platform.containers.sort_by(|one, other| one.id.cmp(&other.id));
            platform
        };
        let whole = finish(world(first, spec, platform));
        let mut interrupted = world(first, spec, platform);
        let mut part = interrupted.platform.clone();
        interrupted.plan(|plan| part.apply_part(&plan, writes));
        interrupted.platform = part;
        prop_assert_eq!(finish(interrupted), whole);
    }

    #[test]
    fn nobody_fails_twice_and_every_failure_is_explained(all in worlds(false)) {
        let outcome = world(&all.0, &all.2, &all.3).look();
        let mut ids: Vec<_> = outcome.failures.iter().map(|(id, _)| id).collect();
        let failures = ids.len();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), failures);
        prop_assert!(outcome.messages.iter().all(|message| !message.is_empty()));
    }
}
