//! Renamed teams, users who are handed over, and platforms without a free seat.

use directory_sync_model::desired::FailureReason;

use super::*;

/// The group `Old` has another name now.
fn renamed(company: Company, to: &str) -> Company {
    let mut company = company;
    for group in &mut company.groups {
        if group.0 == "Old" {
            group.0 = to.to_owned();
        }
    }
    company.ids.insert(to.to_owned(), "g-Old".to_owned());
    company
}

#[tokio::test(start_paused = true)]
async fn a_team_is_renamed_in_place_before_anybody_joins_it() {
    let company = Company::of([person("ann"), person("bob")]).group("Old", ["ann", "bob"]);
    let company = renamed(company, "New");
    let platform = Arc::new(Fake::new().with_user(user("ann")).with_made_team("Old", &["ann"]));
    let report = sync(&company, &rules(&["New"]), &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{:?}", report.failures);
    assert_eq!(platform.steps(), [Step::Rename, Step::Create, Step::Add]);
    assert_eq!(
        (
            report.done.teams_renamed,
            report.done.teams_updated,
            report.done.teams_created
        ),
        (1, 1, 0)
    );
    assert_eq!(platform.state().teams["t-Old"], "New");
    assert_eq!(platform.team("Old"), ["ann", "bob"]);
    let Call::Rename(patch) = &platform.calls()[0] else {
        panic!("the rename comes first")
    };
    assert_eq!(
        patch.version.as_deref(),
        Some("1"),
        "a team that somebody changed meanwhile is left alone"
    );
    assert_eq!(
        sync(&company, &rules(&["New"]), &platform).await.outcome,
        Outcome::Unchanged
    );
}

#[tokio::test(start_paused = true)]
async fn a_team_that_could_not_be_renamed_keeps_its_people_and_nobody_else_gets_into_it() {
    let company = Company::of([person("ann"), person("bob")]).group("Old", ["ann"]);
    // A new group has the old name.
    let company = renamed(company, "New").group("Old", ["bob"]);
    let mut company = company;
    company.ids.insert("Old".to_owned(), "g-2".to_owned());
    let mut platform = Fake::new()
        .with_user(user("ann"))
        .with_user(user("bob"))
        .with_made_team("Old", &["ann"]);
    platform.on_call = Box::new(|call| matches!(call, Call::Rename(_)).then(|| status(409)));
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["New", "Old"]), &platform).await;
    assert_eq!(
        (report.outcome, failed(&report)),
        (Outcome::PartlyFailed, vec!["Old", "Old"])
    );
    assert_eq!(platform.steps(), [Step::Rename]);
    assert_eq!(platform.team("Old"), ["ann"]);
}

#[tokio::test(start_paused = true)]
async fn whom_another_connection_hands_over_is_adopted_with_what_it_gave() {
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let mut theirs = user("ann");
    theirs.mark.get_or_insert_default().owner = OTHER.to_owned();
    let platform = Arc::new(
        Fake::new()
            .with_user(theirs)
            .with_team("Support", &[])
            .with_other_member("Support", "ann"),
    );
    let mut rules = rules(&["Support"]);
    rules.from_owners.insert(OTHER.to_owned());
    let report = sync(&company, &rules, &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{:?}", report.failures);
    assert_eq!(platform.steps(), [Step::Update, Step::Adopt]);
    assert_eq!(
        (report.done.users_adopted, report.done.team_memberships_adopted),
        (1, 1)
    );
    assert_eq!(platform.user("ann").mark.unwrap().owner, OWNER);
    assert!(platform.state().others.is_empty());
    assert_eq!(sync(&company, &rules, &platform).await.outcome, Outcome::Unchanged);
}

#[tokio::test(start_paused = true)]
async fn whose_adoption_failed_keeps_the_memberships_of_the_other_connection() {
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let mut theirs = user("ann");
    theirs.mark.get_or_insert_default().owner = OTHER.to_owned();
    let mut platform = Fake::new()
        .with_user(theirs)
        .with_team("Support", &[])
        .with_other_member("Support", "ann");
    platform.on_item = Box::new(|item| matches!(item, Item::Update).then_some(Class::Conflict));
    let platform = Arc::new(platform);
    let mut rules = rules(&["Support"]);
    rules.from_owners.insert(OTHER.to_owned());
    let report = sync(&company, &rules, &platform).await;
    assert_eq!(failed(&report), ["ann"]);
    assert_eq!(platform.state().others.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_seat_creating_stops_and_everything_else_goes_on() {
    let newcomers = (0..2000).map(|number| person(&format!("new-{number:04}")));
    let ids: Vec<String> = (0..2000).map(|number| format!("new-{number:04}")).collect();
    let company = Company::of(newcomers.chain([person("ann").named("Ann"), person("bob")]))
        .group("Support", ids.iter().map(String::as_str).chain(["bob"]));
    let mut platform = Fake::new()
        .with_user(user("ann"))
        .with_user(user("bob"))
        .with_user(user("leaver"))
        .with_team("Support", &["ann"]);
    platform.seats = Some(3);
    platform.capability.concurrency = 2;
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["Support"]), &platform).await;
    assert_eq!(report.outcome, Outcome::PartlyFailed);
    let creations = platform.calls().into_iter().filter(|call| call.step() == Step::Create);
    assert_eq!(
        creations.count(),
        4,
        "two that were under way, and two when the removals were done"
    );
    assert_eq!(report.done.users_created, 1, "the leaver's seat");
    assert_eq!(report.done.users_updated, 1);
    assert_eq!(platform.team("Support"), ["bob", "new-0000"]);
    assert!(!platform.user("leaver").active);
    assert_eq!(report.failures.len(), 1999);
    assert!(
        report
            .failures
            .iter()
            .all(|failure| failure.reason == FailureReason::NoSeats)
    );
}

#[tokio::test(start_paused = true)]
async fn who_had_no_seat_comes_with_the_next_sync_that_has_one() {
    let company = Company::of([person("ann"), person("bob")]);
    let mut platform = Fake::new();
    platform.seats = Some(1);
    let mut platform = Arc::new(platform);
    assert_eq!(sync(&company, &rules(&[]), &platform).await.failures.len(), 1);
    assert_eq!(sync(&company, &rules(&[]), &platform).await.failures.len(), 1);
    Arc::get_mut(&mut platform).unwrap().seats = Some(2);
    let report = sync(&company, &rules(&[]), &platform).await;
    assert_eq!((report.outcome, report.done.users_created), (Outcome::Synced, 1));
}
