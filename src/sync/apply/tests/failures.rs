//! Requests that fail as a whole.

use directory_sync_model::desired::FailureKind;

use super::*;

fn people(count: usize) -> Vec<company::Person> {
    (0..count).map(|number| person(&format!("p{number:04}"))).collect()
}

/// A platform that answers so to every request about this person.
fn poisoned(person: &'static str, error: impl Fn() -> Error + Send + Sync + 'static) -> Fake {
    let mut platform = Fake::new();
    platform.on_call = Box::new(move |call| call.names(person).then(&error));
    platform
}

#[tokio::test(start_paused = true)]
async fn one_person_who_spoils_every_request_he_is_in_is_that_persons_failure() {
    let unreadable = || Error::Protocol {
        operation: "creating users".to_owned(),
        message: "the answer is no JSON".to_owned(),
    };
    let answers: [fn() -> Error; 5] = [
        || status(400),
        || status(413),
        || status(422),
        || status(500),
        unreadable,
    ];
    for answer in answers {
        let platform = Arc::new(poisoned("p0042", answer));
        let company = Company::of(people(250));
        let report = sync(&company, &rules(&[]), &platform).await;
        assert_eq!(
            (report.outcome, failed(&report), report.done.users_created),
            (Outcome::PartlyFailed, vec!["p0042"], 249),
            "{:?}",
            answer()
        );
        // Halved again and again, and not sent one by one.
        assert!(platform.calls().len() <= 3 + 2 * 7, "{}", platform.calls().len());
    }
}

#[tokio::test(start_paused = true)]
async fn one_membership_that_spoils_its_request_is_that_persons_failure() {
    let mut platform = Fake::new();
    platform.on_call = Box::new(|call| (call.step() == Step::Add && call.names("p0007")).then(|| status(500)));
    let platform = Arc::new(platform);
    let everybody = people(300);
    let ids: Vec<_> = everybody.iter().map(|person| person.id.clone()).collect();
    let company = Company::of(everybody).group("Support", &ids);
    let report = sync(&company, &rules(&["Support"]), &platform).await;
    assert_eq!(
        (report.outcome, failed(&report)),
        (Outcome::PartlyFailed, vec!["p0007"])
    );
    assert_eq!(platform.team("Support").len(), 299);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_down_or_refuses_us_ends_the_apply_without_a_storm() {
    for code in [401, 403, 429, 502, 503] {
        let mut platform = Fake::new();
        platform.on_call = Box::new(move |_| Some(status(code)));
        let platform = Arc::new(platform);
        let report = sync(&Company::of(people(1000)), &rules(&[]), &platform).await;
        assert_eq!((report.outcome, report.failures.len()), (Outcome::Failed, 0), "{code}");
        assert!(platform.calls().len() <= 8, "{code}: {}", platform.calls().len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_answers_500_to_everything_is_not_asked_for_each_person() {
    let mut platform = Fake::new();
    platform.on_call = Box::new(|_| Some(status(500)));
    let platform = Arc::new(platform);
    let report = sync(&Company::of(people(1000)), &rules(&[]), &platform).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.error.is_some());
    assert!(platform.calls().len() <= 24, "{}", platform.calls().len());
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_keeps_what_its_neighbours_did() {
    let mut platform = poisoned("p0150", || status(503));
    platform.capability.concurrency = 4;
    let platform = Arc::new(platform);
    let report = sync(&Company::of(people(400)), &rules(&[]), &platform).await;
    assert_eq!((report.outcome, report.done.users_created), (Outcome::Failed, 300));
    assert_eq!(report.error.unwrap().class(), Class::Unavailable);
    assert_eq!(platform.state().users.len(), 300);
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_is_stopped_keeps_what_is_in_flight_and_begins_nothing_more() {
    let mut platform = Fake::new();
    platform.capability.concurrency = 2;
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    platform.on_call = Box::new(move |_| {
        stopper.cancel();
        None
    });
    let platform = Arc::new(platform);
    let report = sync_until(&Company::of(people(1000)), &rules(&[]), &platform, &stop).await;
    assert_eq!((report.outcome, report.done.users_created), (Outcome::Stopped, 200));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_holds_up_a_stop_for_half_a_minute_at_most() {
    let mut platform = Fake::new();
    platform.takes = Duration::from_hours(1);
    let platform = Arc::new(platform);
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stopper.cancel();
    });
    let start = tokio::time::Instant::now();
    let report = sync_until(&Company::of(people(10)), &rules(&[]), &platform, &stop).await;
    assert_eq!(report.outcome, Outcome::Stopped);
    assert!(start.elapsed() <= Duration::from_secs(36), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_role_and_a_membership_that_are_refused_are_failures_of_their_own_kinds() {
    let mut platform = Fake::new()
        .with_user(user("ann").given("member"))
        .with_user(user("ben"));
    platform.on_item = Box::new(|_| Some(Class::Rejected));
    let platform = Arc::new(platform);
    let company = Company::of([person("ann"), person("ben")]).group("Agents", ["ann"]);
    let mut rules = rules(&["Agents"]);
    rules.mappings[0].team = None;
    rules.mappings[0].role = Some("agent".to_owned());
    let report = sync(&company, &rules, &platform).await;
    let kinds = |report: &Report| -> Vec<_> { report.failures.iter().map(|failure| failure.kind).collect() };
    assert_eq!(
        (failed(&report), kinds(&report)),
        (vec!["ann"], vec![FailureKind::Role])
    );

    rules.mappings[0].role = None;
    rules.mappings[0].team = Some(TeamSelector::Name("Agents".to_owned()));
    let mut platform = Fake::new()
        .with_user(user("ann"))
        .with_user(user("ben"))
        .with_team("Agents", &[]);
    platform.on_item = Box::new(|item| matches!(item, Item::Member(_)).then_some(Class::Rejected));
    let report = sync(&company, &rules, &Arc::new(platform)).await;
    assert_eq!(
        (failed(&report), kinds(&report)),
        (vec!["ann"], vec![FailureKind::Membership])
    );
}
