//! What a run writes down, and what a ledger is worth on a platform without marks.

use directory_sync_model::{
    plan::{Notice, RemovalKind},
    rules::{Deprovision, TeamSelector},
};

use super::{crashes::Watched, *};
use crate::sync::ledger::{Entry, EntryKind, Key, Settlement};

/// A platform that carries no marks, with or without the directory's ids.
pub(super) fn markless(external_ids: bool) -> Fake {
    let mut platform = Fake::new();
    platform.capability.marks = false;
    platform.external_ids = external_ids;
    platform
}

async fn sync_on(company: &Company, rules: &Rules, platform: &Arc<Fake>, ledger: &dyn Ledger) -> Report {
    let ends = Box::new(Arc::clone(platform));
    sync_with(company, rules, ends, ledger, &CancellationToken::new()).await
}

/// The entries as `kind id container role`.
fn lines(ledger: &MemoryLedger) -> Vec<String> {
    let line = |entry: Entry| {
        let Key { kind, id, container } = entry.key;
        let deactivated = if entry.deactivated.is_some() { "deactivated" } else { "" };
        let line = format!("{} {id} {container} {}{deactivated}", kind.label(), entry.role);
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    ledger.all().into_iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn without_marks_the_ledger_says_what_is_ours_and_a_second_sync_writes_nothing() {
    for external_ids in [true, false] {
        let ledger = MemoryLedger::new();
        let platform = Arc::new(markless(external_ids));
        let mut rules = rules(&["Support"]);
        rules.mappings[0].role = Some("agent".to_owned());
        let company = Company::of([person("ann"), person("bob")]).group("Support", ["ann"]);
        let report = sync_on(&company, &rules, &platform, &ledger).await;
        assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
        assert_eq!(
            lines(&ledger),
            [
                "user u-ann",
                "user u-bob",
                "team t-Support",
                "teamMembership u-ann t-Support",
                "role u-ann agent",
            ]
        );
        let entry = &ledger.all()[3];
        assert_eq!(
            entry.mapping, "support",
            "the mapping that gives a new team is known too"
        );

        let report = sync_on(&company, &rules, &platform, &ledger).await;
        assert_eq!(report.outcome, Outcome::Unchanged, "{report:?}");

        // Who leaves is deactivated, and leaves his team; who returns is reactivated, though the platform says nothing of it.
        let left = Company::of([person("bob")]).group("Support", ["bob"]);
        let report = sync_on(&left, &rules, &platform, &ledger).await;
        assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
        assert!(!platform.user("ann").active);
        assert_eq!(platform.team("Support"), ["bob"]);
        assert!(lines(&ledger).contains(&"user u-ann deactivated".to_owned()));
        assert!(!lines(&ledger).contains(&"teamMembership u-ann t-Support".to_owned()));

        let report = sync_on(&company, &rules, &platform, &ledger).await;
        assert_eq!(report.done.users_activated, 1, "{report:?}");
        assert!(platform.user("ann").active);
        assert!(lines(&ledger).contains(&"user u-ann".to_owned()));
        assert_eq!(
            sync_on(&company, &rules, &platform, &ledger).await.outcome,
            Outcome::Unchanged
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_ledger_makes_everything_unmanaged_so_that_nothing_is_removed() {
    let platform = Arc::new(markless(true));
    let company = Company::of([person("ann"), person("bob")]).group("Support", ["ann", "bob"]);
    let rules = rules(&["Support"]);
    sync_on(&company, &rules, &platform, &MemoryLedger::new()).await;
    // Everybody but Bob is gone, and so is the ledger.
    let left = Company::of([person("bob")]).group("Support", [""; 0]);
    let ledger = MemoryLedger::new();
    let report = sync_on(&left, &rules, &platform, &ledger).await;
    assert_eq!(report.outcome, Outcome::Synced, "Bob is adopted: {report:?}");
    assert_eq!(report.notices, [Notice::NothingRemembered]);
    assert!(platform.user("ann").active);
    assert_eq!(platform.team("Support"), ["ann", "bob"]);
    assert_eq!(lines(&ledger), ["user u-bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_renamed_group_renames_its_team_without_marks_too() {
    let ledger = MemoryLedger::new();
    let platform = Arc::new(markless(true));
    let mut rules = rules(&["Support"]);
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    sync_on(&company, &rules, &platform, &ledger).await;
    let team = |name: &str| {
        platform
            .state()
            .teams
            .iter()
            .find(|(_, other)| *other == name)
            .map(|(id, _)| id.clone())
    };
    let id = team("Support").expect("the team");
    // The team tells no group: what is known is in the ledger alone.
    platform.state().groups.clear();
    rules.mappings[0].team = Some(TeamSelector::Name("Help".to_owned()));
    let report = sync_on(&company, &rules, &platform, &ledger).await;
    assert_eq!(
        (report.done.teams_renamed, report.done.teams_created),
        (1, 0),
        "{report:?}"
    );
    assert_eq!((team("Help"), team("Support")), (Some(id.clone()), None));
    assert!(platform.state().members.contains(&(id, "u-ann".to_owned())));
    assert_eq!(
        sync_on(&company, &rules, &platform, &ledger).await.outcome,
        Outcome::Unchanged
    );
}

#[tokio::test(start_paused = true)]
async fn without_marks_a_team_of_a_lost_ledger_is_a_team_made_by_hand_and_is_not_renamed() {
    let platform = Arc::new(markless(true));
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    sync_on(&company, &rules(&["Support"]), &platform, &MemoryLedger::new()).await;
    let ledger = MemoryLedger::new();
    let report = sync_on(&company, &rules(&["Support"]), &platform, &ledger).await;
    assert!(report.notices.contains(&Notice::NothingRemembered), "{report:?}");
    assert_eq!(report.done.teams_updated, 0);
    let report = sync_on(&company, &rules(&["Support"]), &platform, &ledger).await;
    assert_eq!(
        (report.outcome, report.notices),
        (Outcome::Unchanged, Vec::new()),
        "told once"
    );
}

#[tokio::test(start_paused = true)]
async fn without_marks_nobody_is_another_connections_and_nobody_is_handed_over() {
    // Another connection's ledger has Ann and Bob; ours knows nobody.
    let platform = Arc::new(markless(true));
    let company = Company::of([person("ann"), person("bob")]).group("Support", ["ann", "bob"]);
    let theirs = MemoryLedger::new();
    sync_on(&company, &rules(&["Support"]), &platform, &theirs).await;
    let mut rules = rules(&["Support"]);
    rules.from_owners = ["another".to_owned()].into();
    let ours = MemoryLedger::new();
    let left = Company::of([person("bob")]).group("Support", ["bob"]);
    let report = sync_on(&left, &rules, &platform, &ours).await;
    // Bob is adopted as anybody is, with what he has; of Ann nothing is taken.
    assert_eq!(lines(&ours), ["user u-bob"], "{report:?}");
    assert_eq!(platform.team("Support"), ["ann", "bob"]);
    assert!(platform.user("ann").active);
}

#[tokio::test(start_paused = true)]
async fn what_an_adopted_user_already_had_stays_without_marks_too() {
    let platform = markless(false).with_user(user("ann")).with_team("Support", &["ann"]);
    let platform = Arc::new(platform);
    let ledger = MemoryLedger::new();
    let rules = rules(&["Support", "Sales"]);
    let company = Company::of([person("ann")])
        .group("Support", ["ann"])
        .group("Sales", ["ann"]);
    sync_on(&company, &rules, &platform, &ledger).await;
    let left = Company::of([person("ann")])
        .group("Support", [""; 0])
        .group("Sales", [""; 0]);
    let report = sync_on(&left, &rules, &platform, &ledger).await;
    assert_eq!(report.done.team_memberships_removed, 1, "{report:?}");
    assert_eq!(platform.team("Support"), ["ann"]);
    assert_eq!(platform.team("Sales"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_old_deactivation_of_a_kept_account_is_forgotten_by_the_ledger_too() {
    let ledger = MemoryLedger::new();
    let platform = Arc::new(markless(true));
    let mut rules = rules(&["Support"]);
    let company = Company::of([person("ann"), person("bob")]).group("Support", ["ann"]);
    sync_on(&company, &rules, &platform, &ledger).await;
    let left = Company::of([person("bob")]).group("Support", ["bob"]);
    sync_on(&left, &rules, &platform, &ledger).await;
    assert!(lines(&ledger).contains(&"user u-ann deactivated".to_owned()));
    rules.deprovision = Deprovision::Keep;
    platform.state().users.get_mut("u-ann").expect("ann").active = true;
    let report = sync_on(&left, &rules, &platform, &ledger).await;
    assert_eq!(report.done.users_updated, 1, "{report:?}");
    assert!(lines(&ledger).contains(&"user u-ann".to_owned()));
    assert_eq!(
        sync_on(&left, &rules, &platform, &ledger).await.outcome,
        Outcome::Unchanged
    );
}

#[tokio::test(start_paused = true)]
async fn every_write_is_on_record_before_it_is_sent() {
    let rules = rules(&["Support"]);
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let watched = Watched::default();
    let mut platform = Fake::new().with_user(user("leaver")).with_team("Support", &["leaver"]);
    let seen = watched.clone();
    platform.on_call = Box::new(move |call| {
        let intents = seen.intents();
        let open = intents.values();
        let named = |person: &str| {
            let user = format!("u-{person}");
            let mut given = open.clone().flat_map(|intent| &intent.given);
            let mut taken = open.clone().flat_map(|intent| &intent.taken);
            given.any(|given| given.entry.directory_id == person || given.entry.key.id == user)
                || taken.any(|removal| removal.user == user)
        };
        assert!(named("ann") || named("leaver"), "{call:?} is on record: {intents:?}");
        None
    });
    let platform = Arc::new(platform);
    let report = sync_on(&company, &rules, &platform, &watched).await;
    assert_eq!(report.outcome, Outcome::Synced, "{report:?}");
    assert!(watched.intents().is_empty(), "everything is settled");
    let taken = watched.journal();
    let kinds: Vec<_> = taken.iter().map(|(_, removal)| removal.kind).collect();
    assert_eq!(kinds, [RemovalKind::TeamMembership, RemovalKind::User]);
    let (sync, removal) = &taken[0];
    assert_eq!(*sync, report.id);
    assert_eq!(
        (removal.user.as_str(), removal.directory_id.as_str()),
        ("u-leaver", "leaver")
    );
    assert_eq!(
        (removal.container.as_str(), removal.from.as_str()),
        ("t-Support", "Support")
    );
    assert_eq!(taken[1].1.from, "no longer in the directory");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_refused_leaves_nothing_in_the_ledger() {
    let mut platform = markless(false);
    platform.on_item = Box::new(|item| matches!(item, Item::Member(_)).then_some(Class::Rejected));
    let ledger = MemoryLedger::new();
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let report = sync_on(&company, &rules(&["Support"]), &Arc::new(platform), &ledger).await;
    assert_eq!(report.outcome, Outcome::PartlyFailed);
    assert_eq!(lines(&ledger), ["user u-ann", "team t-Support"]);
    assert!(ledger.open(false).await.unwrap().intents.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_taken_apart_is_settled_by_its_parts() {
    let mut platform = markless(false);
    // Whoever asks for Bob gets nothing; somebody has made him by hand meanwhile.
    platform.on_call = Box::new(|call| {
        let bob = matches!(call, Call::Create(_)) && call.names("bob");
        bob.then(|| status(409))
    });
    let platform = Arc::new(platform);
    let ledger = MemoryLedger::new();
    let company = Company::of([person("ann"), person("bob"), person("carl")]);
    let report = sync_on(&company, &rules(&[]), &platform, &ledger).await;
    assert_eq!((report.outcome, failed(&report)), (Outcome::PartlyFailed, vec!["bob"]));
    assert_eq!(lines(&ledger), ["user u-ann", "user u-carl"]);
    // Bob's refusal was definite: whoever is there under his address later isn't ours because of it.
    assert!(ledger.open(false).await.unwrap().intents.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_at_the_begin_keeps_everybody_from_being_asked() {
    let watched = Watched::default();
    watched.fail_from(0);
    let platform = Arc::new(Fake::new().with_user(user("leaver")));
    let report = sync_on(&Company::of([person("ann")]), &rules(&[]), &platform, &watched).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.as_ref().unwrap().class(), Class::StoreUnavailable);
    assert!(report.directory.is_none() && platform.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_write_to_the_ledger_that_fails_ends_the_apply() {
    let company = Company::of([person("ann"), person("bob")]).group("Support", ["ann", "bob"]);
    let rules = rules(&["Support"]);
    let platform = || Fake::new().with_user(user("leaver")).with_team("Support", &["leaver"]);
    let all = Watched::default();
    let report = sync_on(&company, &rules, &Arc::new(platform()), &all).await;
    assert_eq!(report.outcome, Outcome::Synced);
    // At whichever of its calls the store fails: nothing is sent that isn't on record, and nothing after it.
    for at in 1..all.calls() {
        let watched = Watched::default();
        watched.fail_from(at);
        let platform = Arc::new(platform());
        let report = sync_on(&company, &rules, &platform, &watched).await;
        assert_eq!(report.outcome, Outcome::Failed, "at {at}");
        assert_eq!(
            report.error.as_ref().unwrap().class(),
            Class::StoreUnavailable,
            "at {at}"
        );
        assert!(
            watched.calls() <= at + 2,
            "it ends soon: {} after {at}",
            watched.calls()
        );
        let sent: usize = platform.calls().iter().map(Call::items).sum();
        assert!(
            sent <= watched.written(),
            "{sent} sent, {} on record",
            watched.written()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_does_not_know_the_owner_is_filled_from_the_marks() {
    let platform = Fake::new()
        .with_user(user("ann").given("agent"))
        .with_user(user("bob"))
        .with_team("Support", &["ann"]);
    platform.state().users.get_mut("u-bob").unwrap().mark = None;
    let platform = Arc::new(platform);
    let watched = Watched::unknown();
    let company = Company::of([person("ann")]).group("Support", ["ann"]);
    let mut rules = rules(&["Support"]);
    rules.mappings[0].role = Some("agent".to_owned());
    let report = sync_on(&company, &rules, &platform, &watched).await;
    assert_eq!(report.outcome, Outcome::Unchanged, "{report:?}");
    let keys: Vec<_> = watched.recorded().into_iter().map(|entry| entry.key).collect();
    assert_eq!(
        keys,
        [
            Key::of(EntryKind::User, "u-ann"),
            Key::of(EntryKind::Role, "u-ann"),
            Key::membership(
                directory_sync_model::observed::ContainerKind::Team,
                "t-Support",
                "u-ann"
            ),
        ]
    );
    assert!(watched.is_known());
    // From then on it is not read, and costs what changes.
    let settled = watched.settlements().len();
    sync_on(&company, &rules, &platform, &watched).await;
    assert_eq!(watched.settlements().len(), settled);
    assert_eq!(watched.pages(), 0, "with marks the ledger is never read as a whole");
    assert!(
        watched
            .settlements()
            .iter()
            .all(|settlement| *settlement != Settlement::default())
    );
}
