//! A connection that is deleted takes back all that it gave, and nothing else.

use super::*;
use crate::directory::nobody::Nobody;

fn retirement(deprovision: Deprovision, limits: Limits) -> Rules {
    let protect = Protect {
        users: ["boss@acme.test".to_owned()].into(),
        ..Protect::default()
    };
    Rules::retirement(OWNER.to_owned(), None, deprovision, protect, limits)
}

/// As much as is needed.
const ALL: Limits = Limits {
    max_percent: 100,
    min_population: 10_000,
    max_count: None,
};

/// A run without any directory.
async fn retire(rules: &Rules, platform: &Arc<Fake>) -> Report {
    let ends = Ends {
        directory: Box::new(Nobody),
        platform: Box::new(Arc::clone(platform)),
    };
    let options = Options::new(new_id(), Mode::Apply, SystemTime::UNIX_EPOCH, FingerprintKey::new(1, 2));
    run(
        &ends,
        rules,
        &options,
        &MemoryLedger::new(),
        &CancellationToken::new(),
        &(),
    )
    .await
}

fn platform() -> Fake {
    let mut foreign = user("foreign");
    foreign.mark.as_mut().unwrap().owner = "eu1/globex".to_owned();
    let mut by_hand = user("hand");
    by_hand.mark = None;
    Fake::new()
        .with_user(user("ann"))
        .with_user(user("bob"))
        .with_user(user("boss"))
        .with_user(user("left").deactivated())
        .with_user(foreign)
        .with_user(by_hand)
        // One with our mark and without a directory id.
        .with_user(user(""))
        .with_team("Support", &["ann", "boss", "foreign", "hand"])
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_connection_gave_is_taken_back_and_nobody_is_managed_any_more() {
    let (rules, platform) = (retirement(Deprovision::Deactivate, ALL), Arc::new(platform()));
    let report = retire(&rules, &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    assert!(report.doubts.is_empty() && report.directory.is_none(), "{report:?}");
    assert_eq!(report.done.users_deactivated, 2);
    for person in ["ann", "bob", "left", "boss", ""] {
        assert_eq!(platform.user(person).mark, None, "{person}");
    }
    let active = ["ann", "bob", "left", "boss", "", "foreign", "hand"].map(|person| platform.user(person).active);
    assert_eq!(active, [false, false, false, true, true, true, true]);
    assert_eq!(platform.user("foreign").mark.unwrap().owner, "eu1/globex");
    // Who is protected keeps what they have; the team stays.
    assert_eq!(platform.team("Support"), ["boss", "foreign", "hand"]);
    let calls = platform.calls().len();
    let again = retire(&rules, &platform).await;
    assert_eq!((again.outcome, platform.calls().len()), (Outcome::Unchanged, calls));
}

#[tokio::test(start_paused = true)]
async fn above_the_limits_nothing_is_taken_back_and_no_mark_is_lost() {
    let (rules, platform) = (
        retirement(
            Deprovision::Deactivate,
            Limits {
                max_count: Some(1),
                ..ALL
            },
        ),
        platform(),
    );
    let platform = Arc::new(platform);
    let report = retire(&rules, &platform).await;
    assert_eq!(report.outcome, Outcome::Held);
    assert_eq!(platform.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_anything_fails_the_marks_stay_so_that_the_next_run_finishes() {
    let rules = retirement(Deprovision::Deactivate, ALL);
    let failing = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let mut platform = platform();
    let fails = Arc::clone(&failing);
    platform.on_item = Box::new(move |item| match item {
        Item::Member(_) if fails.load(std::sync::atomic::Ordering::SeqCst) => Some(Class::Rejected),
        _ => None,
    });
    let platform = Arc::new(platform);
    let report = retire(&rules, &platform).await;
    assert_eq!(report.outcome, Outcome::PartlyFailed);
    assert!(platform.user("ann").mark.is_some());
    failing.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(retire(&rules, &platform).await.outcome, Outcome::Synced);
    assert_eq!(platform.user("ann").mark, None);
    assert_eq!(platform.team("Support"), ["boss", "foreign", "hand"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_kept_stays_active_and_loses_what_mappings_gave() {
    let (rules, platform) = (retirement(Deprovision::Keep, ALL), Arc::new(platform()));
    assert_eq!(retire(&rules, &platform).await.outcome, Outcome::Synced);
    let ann = platform.user("ann");
    assert_eq!((ann.active, ann.mark), (true, None));
    assert_eq!(platform.team("Support"), ["boss", "foreign", "hand"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_to_be_deleted_is_deactivated_by_one_run_and_deleted_by_the_next_and_nobody_is_waited_for() {
    let at_once = Deprovision::DeleteAfter(Duration::ZERO);
    let (rules, platform) = (retirement(at_once, ALL), Arc::new(platform()));
    assert_eq!(retire(&rules, &platform).await.outcome, Outcome::Synced);
    assert!(platform.has("ann") && !platform.user("ann").active && !platform.has("left"));
    assert_eq!(retire(&rules, &platform).await.outcome, Outcome::Synced);
    assert!(!platform.has("ann") && platform.has("boss"));
    assert_eq!(retire(&rules, &platform).await.outcome, Outcome::Unchanged);
    let month = Deprovision::DeleteAfter(Duration::from_hours(30 * 24));
    assert_eq!(retirement(month, ALL).deprovision, Deprovision::Deactivate);
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_run_without_a_directory_fails_and_removes_nobody() {
    let platform = Arc::new(platform());
    let report = retire(&rules(&["Support"]), &platform).await;
    assert_eq!((report.outcome, platform.calls().len()), (Outcome::Failed, 0));
}
