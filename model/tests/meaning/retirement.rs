//! A connection that is deleted takes back all that it gave, and nothing else; no directory is read for it.

use std::time::Duration;

use directory_sync_model::{
    plan::Plan,
    rules::{Deprovision, Protect, Rules},
};

use crate::support::{OWNER, Platform, World, directory, platform, rules, user, world::noon};

fn retiring(deprovision: Deprovision, platform: Platform) -> World {
    let protect = Protect {
        users: ["boss@acme.test".to_owned()].into(),
        ..Protect::default()
    };
    let limits = rules().limits;
    World {
        directory: directory(),
        rules: Rules::retirement(OWNER.to_owned(), None, deprovision, protect, limits),
        platform,
        approved: None,
        now: noon(),
    }
}

fn company() -> Platform {
    let mut nameless = user("nameless").managed();
    nameless.external_id.clear();
    platform()
        .with(user("ann").managed())
        .with(user("boss").managed())
        .with(user("left").managed().deactivated())
        .with(user("off").managed().inactive())
        .with(user("theirs").of_another_connection())
        .with(user("hand"))
        .with(nameless)
        .team("T")
        .gave("T", "ann")
        .gave("T", "boss")
        .joined("T", "hand")
}

/// Who loses our mark.
fn released(plan: &Plan<'_>) -> Vec<String> {
    let ids = plan
        .releases
        .iter()
        .map(|holding| plan.holdings.id(*holding).to_owned());
    let mut ids: Vec<String> = ids.collect();
    ids.sort();
    ids
}

#[test]
fn whom_it_managed_is_deactivated_and_everybody_loses_its_mark_alone() {
    let world = retiring(Deprovision::Deactivate, company());
    let outcome = world.look();
    assert_eq!(outcome.counts.users_updated, 5);
    assert_eq!(
        outcome.changes,
        [
            "remove ann from T with his deactivation",
            "deactivate ann: the connection is deleted"
        ]
    );
    assert_eq!(
        world.plan(|plan| released(&plan)),
        ["u-ann", "u-boss", "u-left", "u-nameless", "u-off"]
    );
}

#[test]
fn whom_it_keeps_loses_what_it_gave_and_stays_active() {
    let world = retiring(Deprovision::Keep, company());
    assert_eq!(world.look().changes, ["remove ann from T"]);
}

#[test]
fn nobodys_deletion_is_waited_for() {
    let at_once = retiring(Deprovision::DeleteAfter(Duration::ZERO), company());
    assert!(
        at_once
            .look()
            .changes
            .contains(&"delete left: the connection is deleted".to_owned())
    );
    // Whom a later sync deletes is managed until then.
    assert_eq!(at_once.plan(|plan| released(&plan)), ["u-boss", "u-nameless", "u-off"]);
    let later = retiring(Deprovision::DeleteAfter(Duration::from_secs(1)), company());
    assert_eq!(later.rules.deprovision, Deprovision::Deactivate);
    assert_eq!(
        later.look().changes,
        retiring(Deprovision::Deactivate, company()).look().changes
    );
}
