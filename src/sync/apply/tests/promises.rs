//! The promises of `docs/safety.md` as far as they are about what is carried out; `model/tests/meaning/promises.rs` has
//! what is decided.

use std::sync::atomic::{AtomicUsize, Ordering};

use directory_sync_model::plan::PlanHash;

use super::{crashes::Watched, fake::User, *};

/// Of twelve people three have left the company, and the rest has left its team but for two; one is new.
fn company() -> Company {
    let mut people: Vec<_> = (3..12).map(|at| person(&format!("p{at:02}"))).collect();
    people[0].given_name = "Pia".to_owned();
    people.push(person("new"));
    Company::of(people)
        .group("Support", ["p03", "p04", "new"])
        .group("Fresh", ["p05", "new"])
}

fn platform() -> Fake {
    let ids: Vec<_> = (0..12).map(|at| format!("p{at:02}")).collect();
    let platform = ids
        .iter()
        .fold(Fake::new(), |platform, id| platform.with_user(user(id).given("agent")));
    let members: Vec<_> = ids.iter().map(String::as_str).collect();
    platform.with_team("Support", &members)
}

fn both() -> Rules {
    let mut rules = rules(&["Support", "Fresh"]);
    rules.mappings[0].role = Some("agent".to_owned());
    rules
}

/// All that a platform holds, versions aside.
fn state(platform: &Fake) -> Vec<String> {
    let state = platform.state();
    let users = state.users.iter().map(|(id, user)| {
        let User {
            external_id,
            email,
            given_name,
            active,
            role,
            mark,
            ..
        } = user;
        format!("{id} {external_id} {email} {given_name} {active} {role} {mark:?}")
    });
    let teams = state.teams.iter().map(|team| format!("{team:?}"));
    let members = state.members.iter().map(|member| format!("{member:?}"));
    users.chain(teams).chain(members).collect()
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_read_that_is_cut_adds_and_updates_and_one_that_fails_writes_nothing() {
    let mut cut = company();
    cut.people.push(person("last"));
    let rows = cut.people.len() - 1;
    let whole = Arc::new(platform());
    sync(&company(), &both(), &whole).await;
    assert!(whole.steps().contains(&Step::Deactivate) && whole.steps().contains(&Step::Remove));

    let adding = Arc::new(platform());
    let report = sync(&cut.clone().answering(Answer::Cut(rows)), &both(), &adding).await;
    assert_eq!(adding.steps(), [Step::Team, Step::Create, Step::Update, Step::Add]);
    assert_eq!(report.doubts.len(), 1, "{:?}", report.doubts);

    for answer in [
        Answer::Fails(crate::directory::Part::Users),
        Answer::Fails(crate::directory::Part::Groups),
        Answer::BreaksOff(rows),
    ] {
        let untouched = Arc::new(platform());
        let report = sync(&cut.clone().answering(answer), &both(), &untouched).await;
        assert_eq!((report.outcome, untouched.calls().len()), (Outcome::Failed, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_held_plan_writes_nothing_at_all() {
    let mut rules = both();
    rules.limits = Limits {
        max_percent: 10,
        min_population: 10,
        max_count: None,
    };
    let platform = Arc::new(platform());
    let report = sync(&company(), &rules, &platform).await;
    assert_eq!(report.outcome, Outcome::Held);
    assert!(report.hold.is_some_and(|hold| hold.exceeded.len() > 1));
    assert_eq!(
        platform.calls().len(),
        0,
        "the joiner, the new team and the new name wait too"
    );
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_plan_that_can_not_be_kept_is_told_as_held_all_the_same() {
    let mut rules = both();
    rules.limits.max_count = Some(0);
    let (platform, ledger) = (Arc::new(platform()), Watched::default());
    // After it was opened, and before the plan is written down.
    ledger.fail_from(1);
    let ends = Box::new(Arc::clone(&platform));
    let report = sync_with(&company(), &rules, ends, &ledger, &CancellationToken::new()).await;
    assert_eq!((report.outcome, platform.calls().len()), (Outcome::Failed, 0));
    // What the next run is judged by goes by this.
    assert!(
        report.hold.is_some_and(|hold| !hold.exceeded.is_empty()),
        "{:?}",
        report.error
    );
}

/// A run with an approval, if somebody gave one.
async fn decided(company: &Company, platform: &Arc<Fake>, ledger: &MemoryLedger, approved: Option<PlanHash>) -> Report {
    let ends = Ends {
        directory: Box::new(company.clone()),
        platform: Box::new(Arc::clone(platform)),
    };
    let mut rules = both();
    rules.limits = Limits::default();
    rules.limits.max_count = Some(2);
    let options = Options { approved, ..options() };
    run(&ends, &rules, &options, ledger, &CancellationToken::new(), &()).await
}

#[tokio::test(start_paused = true)]
async fn promise_3_what_is_left_of_an_approved_plan_is_finished_and_takes_nobody_else_along() {
    for another_leaves in [false, true] {
        let mut platform = platform();
        let broken = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&broken);
        platform.on_call = Box::new(move |call| {
            let breaks = call.step() == Step::Deactivate && left.fetch_add(1, Ordering::SeqCst) == 0;
            breaks.then(|| status(401))
        });
        let (platform, ledger) = (Arc::new(platform), MemoryLedger::new());
        let mut company = company();
        let hash = decided(&company, &platform, &ledger, None).await.hash;
        assert_eq!(platform.calls().len(), 0, "held");
        let report = decided(&company, &platform, &ledger, hash.clone()).await;
        assert_eq!((report.outcome, broken.load(Ordering::SeqCst)), (Outcome::Failed, 1));
        if another_leaves {
            company.people.retain(|person| person.id != "p11");
        }
        let calls = platform.calls().len();
        let report = decided(&company, &platform, &ledger, None).await;
        let spent: Vec<_> = report
            .spent
            .iter()
            .map(|spent| Some(PlanHash::from_text(&spent.hash)))
            .collect();
        assert!(spent.contains(&hash), "{report:?}");
        if another_leaves {
            assert_eq!((report.outcome, platform.calls().len()), (Outcome::Held, calls));
            assert!(platform.user("p00").active && platform.user("p11").active);
        } else {
            assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
            assert!(!platform.user("p00").active && !platform.user("p02").active);
            // It is finished: what comes next is held as it would have been before.
            company
                .people
                .retain(|person| person.id.as_str() < "p08" || person.id == "new");
            assert_eq!(decided(&company, &platform, &ledger, None).await.outcome, Outcome::Held);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_adds_come_before_removes_and_deactivations_are_last() {
    let platform = Arc::new(platform());
    let report = sync(&company(), &both(), &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    let steps = platform.steps();
    assert!(steps.is_sorted() && steps.len() == 7, "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn promise_5_a_run_that_ends_before_any_of_its_writes_is_finished_by_the_next_one() {
    let whole = Arc::new(platform());
    sync(&company(), &both(), &whole).await;
    let writes = whole.calls().len();
    assert!(writes >= 7);
    for done in 0..writes {
        let left = Arc::new(AtomicUsize::new(done));
        let mut broken = platform();
        // One request at a time, so that the first so many are done.
        broken.capability.concurrency = 1;
        let budget = Arc::clone(&left);
        broken.on_call = Box::new(move |_| {
            let spend = |left: usize| left.checked_sub(1);
            budget
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend)
                .is_err()
                .then(|| status(401))
        });
        let broken = Arc::new(broken);
        let report = sync(&company(), &both(), &broken).await;
        assert_eq!(report.outcome, Outcome::Failed, "ended before write {done}");
        left.store(usize::MAX, Ordering::SeqCst);
        let report = sync(&company(), &both(), &broken).await;
        assert_eq!(report.outcome, Outcome::Synced, "after {done} writes: {report:?}");
        assert_eq!(state(&broken), state(&whole), "after {done} writes");
        let calls = broken.calls().len();
        let report = sync(&company(), &both(), &broken).await;
        assert_eq!((report.outcome, broken.calls().len()), (Outcome::Unchanged, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn promise_6_a_second_sync_of_an_unchanged_directory_asks_for_no_write() {
    let platform = Arc::new(platform());
    sync(&company(), &both(), &platform).await;
    let calls = platform.calls().len();
    for _ in 0..3 {
        let report = sync(&company(), &both(), &platform).await;
        assert_eq!((report.outcome, platform.calls().len()), (Outcome::Unchanged, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn promise_7_a_user_whom_the_platform_refuses_stops_nobody_and_is_counted_named_and_explained() {
    let mut platform = platform();
    platform.on_call = Box::new(|call| (call.names("new") || call.names("p00")).then(|| status(422)));
    let platform = Arc::new(platform);
    let report = sync(&company(), &both(), &platform).await;
    assert_eq!(report.outcome, Outcome::PartlyFailed);
    let mut named = failed(&report);
    named.dedup();
    assert_eq!(named, ["new", "u-p00"]);
    assert!(report.failures.iter().all(|failure| failure.message.contains("422")));
    assert!(platform.user("p00").active && !platform.user("p01").active && !platform.user("p02").active);
    assert_eq!(platform.team("Support"), ["p00", "p03", "p04"]);
    assert_eq!(platform.team("Fresh"), ["p05"]);
}
