//! What comes before what, and what a failure holds back.

use directory_sync_model::desired::{FailureReason, MappingProblem};

use super::*;

/// Whom an earlier sync deactivated is deleted.
const AT_ONCE: Deprovision = Deprovision::DeleteAfter(Duration::ZERO);

#[tokio::test(start_paused = true)]
async fn people_are_created_updated_and_added_before_anything_is_taken_and_deleted_last() {
    let mut rules = rules(&["Sales", "Support"]);
    rules.mappings[1].role = Some("agent".to_owned());
    let company = Company::of([person("ann").named("Ann"), person("bob"), person("new")])
        .group("Sales", ["new"])
        .group("Support", ["ann", "bob"]);
    let platform = Arc::new(
        Fake::new()
            .with_user(user("ann").given("agent"))
            .with_user(user("bob").given("member"))
            .with_user(user("leaver"))
            .with_user(user("left").deactivated())
            .with_team("Support", &["leaver"])
            .with_team("Sales", &["bob"]),
    );
    rules.deprovision = AT_ONCE;
    rules.mappings.push(Mapping {
        name: "new team".to_owned(),
        group: GroupSelector::Name("Support".to_owned()),
        team: Some(TeamSelector::Name("New".to_owned())),
        create_team: true,
        role: None,
        inboxes: Vec::new(),
        priority: 0,
        suspended: false,
        removals: None,
    });
    let report = sync(&company, &rules, &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    assert_eq!(
        platform.steps(),
        [
            Step::Team,
            Step::Create,
            Step::Update,
            Step::Add,
            Step::Role,
            Step::Remove,
            Step::Deactivate,
            Step::Delete
        ]
    );
    assert_eq!(platform.team("Support"), ["ann", "bob"]);
    assert_eq!(platform.team("Sales"), ["new"]);
    assert_eq!(platform.team("New"), ["ann", "bob"]);
    assert_eq!(platform.user("bob").role, "agent");
    assert!(!platform.user("leaver").active);
    assert!(!platform.has("left"));
    assert_eq!((report.done.users_deactivated, report.done.users_deleted), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_add_blocks_the_removals_of_that_person_alone() {
    let company = Company::of([person("ann"), person("bob")])
        .group("New", ["ann", "bob"])
        .group("Old", [""; 0]);
    let mut platform = Fake::new()
        .with_user(user("ann"))
        .with_user(user("bob"))
        .with_team("Old", &["ann", "bob"])
        .with_team("New", &[]);
    platform.on_item = Box::new(|item| match item {
        Item::Member(change) if change.add && change.user == "u-ann" => Some(Class::Rejected),
        _ => None,
    });
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["New", "Old"]), &platform).await;
    assert_eq!((report.outcome, failed(&report)), (Outcome::PartlyFailed, vec!["ann"]));
    assert_eq!(platform.team("Old"), ["ann"]);
    assert_eq!(platform.team("New"), ["bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_team_that_could_not_be_created_blocks_the_removals_of_its_people() {
    let company = Company::of([person("ann")]).group("New", ["ann"]).group("Old", [""; 0]);
    let mut platform = Fake::new().with_user(user("ann")).with_team("Old", &["ann"]);
    platform.on_call = Box::new(|call| matches!(call, Call::Team).then(|| status(422)));
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["New", "Old"]), &platform).await;
    assert_eq!((report.outcome, failed(&report)), (Outcome::PartlyFailed, vec!["New"]));
    assert_eq!(platform.team("Old"), ["ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_removal_holds_back_neither_other_removals_nor_the_deactivation() {
    let company = Company::of([person("ann").disabled(), person("bob")])
        .group("One", [""; 0])
        .group("Two", [""; 0]);
    let mut platform = Fake::new()
        .with_user(user("ann"))
        .with_user(user("bob"))
        .with_team("One", &["ann"])
        .with_team("Two", &["ann"]);
    platform.on_item = Box::new(|item| match item {
        Item::Member(change) if change.container == "t-One" => Some(Class::Rejected),
        _ => None,
    });
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["One", "Two"]), &platform).await;
    assert_eq!((report.outcome, failed(&report)), (Outcome::PartlyFailed, vec!["ann"]));
    assert_eq!(platform.team("Two"), [""; 0]);
    assert!(!platform.user("ann").active, "who is disabled in the directory is out");
}

#[tokio::test(start_paused = true)]
async fn an_update_or_role_that_fails_holds_back_no_removal() {
    let mut rules = rules(&["Old", "Support"]);
    rules.mappings[1].role = Some("agent".to_owned());
    let company = Company::of([person("ann").named("Ann"), person("bob")])
        .group("Old", [""; 0])
        .group("Support", ["ann", "bob"]);
    let mut platform = Fake::new()
        .with_user(user("ann").given("member"))
        .with_user(user("bob").given("member"))
        .with_team("Old", &["ann", "bob"])
        .with_team("Support", &["ann", "bob"]);
    platform.on_item = Box::new(|item| match item {
        Item::Update => Some(Class::Rejected),
        _ => None,
    });
    let platform = Arc::new(platform);
    let report = sync(&company, &rules, &platform).await;
    // Ann's role is not tried once her update has failed: each is named once.
    assert_eq!(failed(&report), ["ann", "bob"]);
    assert_eq!(platform.team("Old"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn addresses_are_freed_before_they_are_given() {
    // new takes bob's address, bob takes ann's, ann's is new.
    let company = Company::of([
        person("new").email("bob@acme.test"),
        person("bob").email("ann@acme.test"),
        person("ann").email("ann.b@acme.test"),
    ]);
    let platform = Arc::new(Fake::new().with_user(user("ann")).with_user(user("bob")));
    let report = sync(&company, &rules(&[]), &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{:?}", report.failures);
    assert_eq!(platform.user("ann").email, "ann.b@acme.test");
    assert_eq!(platform.user("bob").email, "ann@acme.test");
    assert_eq!(platform.user("new").email, "bob@acme.test");
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_seat_is_created_after_the_removals_and_then_joins_his_team() {
    let company = Company::of([person("one"), person("two")]).group("Support", ["one", "two"]);
    let mut platform = Fake::new().with_user(user("leaver")).with_team("Support", &["leaver"]);
    platform.seats = Some(2);
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["Support"]), &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{:?}", report.failures);
    assert_eq!(report.done.users_created, 2);
    assert_eq!(platform.team("Support"), ["one", "two"]);

    let company = Company::of([person("one"), person("two"), person("three")]);
    let report = sync(&company, &rules(&[]), &platform).await;
    assert_eq!(
        (report.outcome, failed(&report)),
        (Outcome::PartlyFailed, vec!["three"])
    );
    assert!(
        report.failures[0].message.contains("no seat is left"),
        "{:?}",
        report.failures
    );
}

/// Somebody whose name changes and who gets another role, in two writes.
fn promoted() -> (Company, Rules) {
    let mut rules = rules(&["Support"]);
    rules.mappings[0].role = Some("agent".to_owned());
    (
        Company::of([person("ann").named("Ann")]).group("Support", ["ann"]),
        rules,
    )
}

#[tokio::test(start_paused = true)]
async fn a_second_write_to_a_user_names_the_version_that_the_first_one_made() {
    let (company, rules) = promoted();
    let platform = Arc::new(
        Fake::new()
            .with_user(user("ann").given("member"))
            .with_team("Support", &["ann"]),
    );
    let report = sync(&company, &rules, &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{:?}", report.failures);
    let versions: Vec<_> = platform
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            Call::Update(patches) => Some(patches[0].version.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [Some("1".to_owned()), Some("2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_change_by_hand_between_two_writes_is_not_overwritten() {
    let (company, rules) = promoted();
    let mut platform = Fake::new()
        .with_user(user("ann").given("member"))
        .with_team("Support", &["ann"]);
    platform.after_call = Box::new(|call, state| {
        if call.step() == Step::Update {
            let ann = state.users.get_mut("u-ann").unwrap();
            ann.role = "owner".to_owned();
            ann.version += 1;
        }
    });
    let platform = Arc::new(platform);
    let report = sync(&company, &rules, &platform).await;
    assert_eq!((report.outcome, failed(&report)), (Outcome::PartlyFailed, vec!["ann"]));
    assert_eq!(platform.user("ann").role, "owner");
}

#[tokio::test(start_paused = true)]
async fn where_teams_can_not_be_created_a_missing_one_is_not_found() {
    let company = Company::of([person("ann")])
        .group("Support", ["ann"])
        .group("Sales", ["ann"]);
    let mut platform = Fake::new().with_user(user("ann")).with_team("Sales", &[]);
    platform.capability.create_teams = false;
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&["Sales", "Support"]), &platform).await;
    assert_eq!(platform.steps(), [Step::Add]);
    assert_eq!(platform.team("Sales"), ["ann"]);
    let problems: Vec<_> = report
        .mappings
        .iter()
        .map(|mapping| mapping.outcome.problems.clone())
        .collect();
    let not_found = MappingProblem::TeamNotFound {
        team: "Support".to_owned(),
    };
    assert_eq!(problems, [vec![], vec![not_found]]);
}

#[tokio::test(start_paused = true)]
async fn the_mark_of_whom_a_sync_deactivates_has_the_time_of_the_sync() {
    let company = Company::of([person("ann")]);
    let platform = Arc::new(Fake::new().with_user(user("ann")).with_user(user("leaver")));
    sync(&company, &rules(&["Nobody"]), &platform).await;
    let mark = platform.user("leaver").mark.unwrap();
    assert_eq!(mark.deactivated, Some(SystemTime::UNIX_EPOCH));
}

#[tokio::test(start_paused = true)]
async fn who_is_activated_by_hand_between_the_read_and_his_deletion_stays_and_is_named() {
    let mut rules = rules(&["Support"]);
    rules.deprovision = AT_ONCE;
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let mut platform = Fake::new()
        .with_user(user("ann"))
        .with_user(user("back").deactivated())
        .with_user(user("left").deactivated());
    platform.after_call = Box::new(|call, state| {
        if call.step() == Step::Add {
            let back = state.users.get_mut("u-back").unwrap();
            back.active = true;
            back.version += 1;
        }
    });
    let platform = Arc::new(platform.with_team("Support", &[]));
    let report = sync(&company, &rules, &platform).await;
    assert_eq!((report.outcome, failed(&report)), (Outcome::PartlyFailed, vec!["back"]));
    assert_eq!(report.failures[0].reason, FailureReason::Changed);
    assert!(platform.user("back").active && !platform.has("left"));
    assert_eq!(report.done.users_deleted, 1);
}

#[tokio::test(start_paused = true)]
async fn deletions_go_in_as_few_requests_as_the_platform_takes() {
    let mut rules = rules(&["Support"]);
    rules.deprovision = AT_ONCE;
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let ids: Vec<String> = (0..250).map(|number| format!("left{number}")).collect();
    let platform = ids.iter().fold(
        Fake::new().with_user(user("ann")).with_team("Support", &["ann"]),
        |platform, id| platform.with_user(user(id).deactivated()),
    );
    let platform = Arc::new(platform);
    let report = sync(&company, &rules, &platform).await;
    assert_eq!((report.outcome, report.done.users_deleted), (Outcome::Synced, 250));
    assert_eq!(platform.calls().iter().map(Call::items).sum::<usize>(), 250);
    assert_eq!(platform.calls().len(), 3);
}
