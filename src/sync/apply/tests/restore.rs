//! What one sync took is given back, as far as it is still ours to give.

use directory_sync_model::plan::RemovalKind;

use super::{crashes::Watched, *};
use crate::sync::{ledger::Removal, restore};

/// Bob and Carl leave; Ann leaves her team and her role. What the sync of that took.
async fn taken(platform: &Arc<Fake>) -> (Rules, Vec<Removal>) {
    let mut rules = rules(&["Support", "Sales"]);
    rules.mappings[0].role = Some("agent".to_owned());
    let before = Company::of([person("ann"), person("bob"), person("carl")])
        .group("Support", ["ann", "bob"])
        .group("Sales", ["ann", "bob", "carl"]);
    let after = Company::of([person("ann")])
        .group("Support", [""; 0])
        .group("Sales", ["ann"]);
    sync(&before, &rules, platform).await;
    let watched = Watched::default();
    let ends = Box::new(Arc::clone(platform));
    let report = sync_with(&after, &rules, ends, &watched, &CancellationToken::new()).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    assert!(!platform.user("bob").active && !platform.user("carl").active);
    assert_eq!(platform.user("ann").role, "member");
    let journal = watched.journal();
    assert!(journal.iter().all(|(sync, _)| *sync == report.id));
    (rules, journal.into_iter().map(|(_, removal)| removal).collect())
}

async fn give_back(platform: &Arc<Fake>, rules: &Rules, removals: &[Removal], mode: Mode) -> Report {
    let ledger = MemoryLedger::new();
    let options = Options { mode, ..options() };
    let stop = CancellationToken::new();
    restore(platform, rules, removals, &options, &ledger, (&stop, &())).await
}

#[tokio::test(start_paused = true)]
async fn people_teams_and_roles_that_one_sync_took_are_given_back_once() {
    let platform = Arc::new(Fake::new());
    let (rules, removals) = taken(&platform).await;

    let before = platform.calls().len();
    let report = give_back(&platform, &rules, &removals, Mode::Observe).await;
    assert_eq!(report.outcome, Outcome::Observed, "{report:?}");
    assert_eq!((report.planned.users_activated, report.planned.roles_changed), (2, 1));
    assert_eq!(platform.calls().len(), before, "a dry run writes nothing");

    let report = give_back(&platform, &rules, &removals, Mode::Apply).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    assert!(platform.user("bob").active && platform.user("carl").active);
    assert_eq!(platform.team("Support"), ["ann", "bob"]);
    assert_eq!(platform.team("Sales"), ["ann", "bob", "carl"]);
    assert_eq!(platform.user("ann").role, "agent");

    let before = platform.calls().len();
    let report = give_back(&platform, &rules, &removals, Mode::Apply).await;
    assert_eq!(report.outcome, Outcome::Unchanged, "{report:?}");
    assert_eq!(platform.calls().len(), before);

    // It is ours: who is not wanted any more loses it again at the next sync.
    let after = Company::of([person("ann")])
        .group("Support", [""; 0])
        .group("Sales", ["ann"]);
    let report = sync(&after, &rules, &platform).await;
    assert_eq!(report.done.users_deactivated, 2, "{report:?}");
    assert_eq!(platform.team("Support"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_to_give_any_more_is_told_and_stays() {
    let platform = Arc::new(Fake::new());
    let (mut rules, removals) = taken(&platform).await;
    {
        let mut state = platform.state();
        // Bob was deleted, Carl is another connection's, Ann got a role by hand.
        state.users.remove("u-bob");
        state.users.get_mut("u-carl").unwrap().mark = None;
        state.users.get_mut("u-ann").unwrap().role = "owner".to_owned();
        state.teams.remove("t-Support");
    }
    let report = give_back(&platform, &rules, &removals, Mode::Apply).await;
    assert_eq!(report.outcome, Outcome::PartlyFailed, "{report:?}");
    assert!(report.done.is_empty(), "{:?}", report.done);
    let told: Vec<&str> = report.failures.iter().map(|failure| failure.message.as_str()).collect();
    for expected in [
        "a deleted user can't be restored",
        "doesn't carry our mark any more",
        "another role since",
        "not on the platform any more",
    ] {
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}: {told:?}");
    }
    assert!(!platform.user("carl").active);
    assert_eq!(platform.user("ann").role, "owner");

    let platform = Arc::new(Fake::new());
    let (_, removals) = taken(&platform).await;
    rules.protect.users.insert("bob".to_owned());
    rules.protect.roles.insert("agent".to_owned());
    let report = give_back(&platform, &rules, &removals, Mode::Apply).await;
    assert!(!platform.user("bob").active, "{report:?}");
    assert!(platform.user("carl").active);
    assert_eq!(platform.user("ann").role, "member", "a protected role isn't granted");
}

#[tokio::test(start_paused = true)]
async fn too_many_roles_at_once_wait_for_a_person_as_any_other_removal() {
    let platform = Arc::new(Fake::new());
    let (mut rules, mut removals) = taken(&platform).await;
    removals.retain(|removal| removal.kind == RemovalKind::Role);
    assert_eq!(removals.len(), 1);
    rules.limits.max_percent = 0;
    let report = give_back(&platform, &rules, &removals, Mode::Apply).await;
    assert_eq!(report.outcome, Outcome::Held, "{report:?}");
    assert_eq!(platform.user("ann").role, "member");
    let ledger = MemoryLedger::new();
    let options = Options {
        approved: report.hash,
        ..options()
    };
    let stop = CancellationToken::new();
    let report = restore(&platform, &rules, &removals, &options, &ledger, (&stop, &())).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    assert_eq!(platform.user("ann").role, "agent");
}
