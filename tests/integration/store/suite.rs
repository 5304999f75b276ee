//! What every store does, whatever database it is in. The same functions run beside the code, on `SQLite`, and among the
//! integration tests, on `SQLite` and on PostgreSQL.

use std::time::{Duration, SystemTime};

use directory_sync::{
    store::Store,
    sync::ledger::{
        Entry, EntryKind, Given, HeldPlan, Intent, Key, Ledger, Ledgers as _, Removal, Scope, Settlement, Spent,
        SyncRecord,
    },
};
use directory_sync_model::plan::RemovalKind;

/// Hands the names of all cases to a macro.
macro_rules! for_each_case {
    ($make:ident) => {
        $make! {
            entries_come_back_in_the_order_of_their_keys
            an_entry_keeps_since_when_and_by_which_mapping
            an_owner_is_known_once_it_was_said
            an_intent_is_open_until_it_is_settled
            what_a_sync_took_comes_back_and_once
            a_held_plan_is_kept_in_full_until_it_is_another_one
            a_plan_that_passed_leaves_none_waiting
            an_approved_plan_that_was_begun_stays_until_it_is_finished
            history_is_bounded_and_takes_its_removals_along
            owners_and_platforms_do_not_see_each_other
            text_of_every_kind_comes_back
            a_dropped_call_has_no_effect
        }
    };
}
pub(crate) use for_each_case;

pub fn scope(owner: &str) -> Scope {
    Scope {
        connection: format!("acme/{owner}"),
        owner: owner.to_owned(),
        platform: "https://api.platform.test/".to_owned(),
        trigger: "Interval".to_owned(),
    }
}

/// So many seconds after some day.
pub fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

pub fn user(id: &str) -> Entry {
    Entry {
        directory_id: format!("d-{id}"),
        ..Entry::new(Key::of(EntryKind::User, id), at(0))
    }
}

pub fn removal(kind: RemovalKind, user: &str) -> Removal {
    Removal {
        kind,
        user: user.to_owned(),
        directory_id: format!("d-{user}"),
        text: format!("{user} <{user}@acme.test>"),
        container: String::new(),
        from: "no longer in the directory".to_owned(),
        to: String::new(),
        at: at(1),
    }
}

pub fn left(user: &str, team: &str) -> Removal {
    Removal {
        container: team.to_owned(),
        from: format!("Team {team}"),
        ..removal(RemovalKind::TeamMembership, user)
    }
}

fn recorded(record: Vec<Entry>) -> Settlement {
    Settlement {
        record,
        ..Settlement::default()
    }
}

fn held(hash: &str) -> HeldPlan {
    HeldPlan {
        hash: hash.to_owned(),
        sync: "s-1".to_owned(),
        at: at(2),
        reasons: vec!["3 of 4 users would be removed, allowed are 1".to_owned()],
    }
}

fn sync(id: &str, outcome: &str, start: SystemTime, counts: &str) -> SyncRecord {
    SyncRecord {
        id: id.to_owned(),
        outcome: outcome.to_owned(),
        start,
        end: Some(start + Duration::from_secs(1)),
        counts: counts.to_owned(),
        error: String::new(),
    }
}

async fn all(ledger: &dyn Ledger) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let page = ledger.entries(all.last().map(|entry| &entry.key)).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub async fn entries_come_back_in_the_order_of_their_keys(store: Store) {
    let ledger = store.of(&scope("a"));
    let kinds = [EntryKind::TeamMembership, EntryKind::User];
    let entry = |kind, number: u32| {
        let mut entry = user(&format!("u-{number:05}"));
        entry.key.kind = kind;
        if kind == EntryKind::TeamMembership {
            "t-1".clone_into(&mut entry.key.container);
        }
        entry
    };
    let entries: Vec<Entry> = kinds
        .into_iter()
        .flat_map(|kind| (0..6000).map(move |number| entry(kind, number)))
        .collect();
    for chunk in entries.chunks(5000) {
        ledger.settle(&recorded(chunk.to_vec())).await.unwrap();
    }
    let mut expected = entries;
    expected.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(all(ledger.as_ref()).await, expected, "over the end of a page");
    assert_eq!(store.count(&scope("a")).await.unwrap(), 12_000);

    let forget: Vec<Key> = expected[..11_998].iter().map(|entry| entry.key.clone()).collect();
    let settlement = Settlement {
        forget,
        ..Settlement::default()
    };
    ledger.settle(&settlement).await.unwrap();
    ledger.settle(&settlement).await.unwrap();
    assert_eq!(all(ledger.as_ref()).await, expected[11_998..]);
}

pub async fn an_entry_keeps_since_when_and_by_which_mapping(store: Store) {
    let ledger = store.of(&scope("a"));
    let mut first = user("u");
    "support".clone_into(&mut first.mapping);
    // Twice in one settlement, as a retry would: the later one counts.
    let mut again = first.clone();
    again.deactivated = Some(at(5));
    ledger.settle(&recorded(vec![first, again])).await.unwrap();
    let later = Entry {
        directory_id: String::new(),
        since: at(9),
        ..user("u")
    };
    ledger.settle(&recorded(vec![later])).await.unwrap();
    let entry = all(ledger.as_ref()).await.remove(0);
    assert_eq!((entry.since, entry.mapping.as_str()), (at(0), "support"));
    assert_eq!((entry.directory_id.as_str(), entry.deactivated), ("d-u", None));

    let role = |role: &str, since| Entry {
        role: role.to_owned(),
        ..Entry::new(Key::of(EntryKind::Role, "u"), since)
    };
    for (name, since, expected) in [("agent", 1, 1), ("agent", 2, 1), ("lead", 3, 3)] {
        ledger.settle(&recorded(vec![role(name, at(since))])).await.unwrap();
        assert_eq!(all(ledger.as_ref()).await[1], role(name, at(expected)));
    }
}

pub async fn an_owner_is_known_once_it_was_said(store: Store) {
    let ledger = store.of(&scope("a"));
    assert!(!ledger.open(true).await.unwrap().known);
    ledger.settle(&recorded(vec![user("u")])).await.unwrap();
    assert!(!ledger.open(true).await.unwrap().known, "a filling that was broken off");
    ledger.known().await.unwrap();
    assert!(store.of(&scope("a")).open(true).await.unwrap().known);
}

pub async fn an_intent_is_open_until_it_is_settled(store: Store) {
    let ledger = store.of(&scope("a"));
    let intent = Intent {
        id: "s-1-create-1".to_owned(),
        sync: "s-1".to_owned(),
        given: vec![Given {
            entry: user(""),
            found_by: "ann@acme.test".to_owned(),
            activates: false,
        }],
        taken: vec![left("u", "t")],
    };
    ledger.intend(&intent).await.unwrap();
    ledger.intend(&intent).await.unwrap();
    assert_eq!(
        store.of(&scope("a")).open(true).await.unwrap().intents,
        std::slice::from_ref(&intent)
    );
    let other = Intent {
        id: "s-1-create-2".to_owned(),
        ..intent.clone()
    };
    ledger.intend(&other).await.unwrap();
    let settlement = Settlement {
        intents: vec![intent.id.clone(), "unheard of".to_owned()],
        ..Settlement::default()
    };
    ledger.settle(&settlement).await.unwrap();
    ledger.settle(&settlement).await.unwrap();
    assert_eq!(ledger.open(true).await.unwrap().intents, [other]);
}

pub async fn what_a_sync_took_comes_back_and_once(store: Store) {
    let ledger = store.of(&scope("a"));
    ledger.settle(&recorded(vec![user("u")])).await.unwrap();
    let mut settlement = Settlement::default();
    for removal in [removal(RemovalKind::User, "u"), left("u", "t-1"), left("u", "t-2")] {
        settlement.take("s-1", removal);
    }
    ledger.settle(&settlement).await.unwrap();
    ledger.settle(&settlement).await.unwrap();
    assert_eq!(store.taken("s-1").await.unwrap(), None, "a sync that nobody recorded");
    let record = sync("s-1", "Synced", at(1), r#"{"usersDeactivated":1}"#);
    ledger.record(&record).await.unwrap();
    let taken = store.taken("s-1").await.unwrap().unwrap();
    assert_eq!(
        (taken.owner.as_str(), taken.platform.as_str()),
        ("a", "https://api.platform.test/")
    );
    let mut expected = vec![left("u", "t-1"), left("u", "t-2"), removal(RemovalKind::User, "u")];
    expected.sort_by_key(|removal| removal.kind.label());
    assert_eq!(taken.removals, expected);
    assert_eq!(all(ledger.as_ref()).await[0].deactivated, Some(at(1)));
}

pub async fn a_held_plan_is_kept_in_full_until_it_is_another_one(store: Store) {
    let ledger = store.of(&scope("a"));
    let plan = |number: usize| (0..number).map(|number| removal(RemovalKind::User, &format!("u-{number:05}")));
    ledger.hold(&held("one"), &mut plan(6000)).await.unwrap();
    // The same plan again: nothing is written anew.
    ledger.hold(&held("one"), &mut plan(1)).await.unwrap();
    let waiting = store.held(Some("acme/a")).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (&waiting[0].plan, waiting[0].connection.as_str()),
        (&held("one"), "acme/a")
    );
    assert!(waiting[0].removals.iter().cloned().eq(plan(6000)));
    assert!(store.held(Some("acme/b")).await.unwrap().is_empty());

    ledger.hold(&held("two"), &mut plan(2)).await.unwrap();
    let waiting = store.held(None).await.unwrap();
    assert_eq!(waiting.len(), 1, "the other one is superseded");
    assert_eq!((waiting[0].plan.hash.as_str(), waiting[0].removals.len()), ("two", 2));
}

pub async fn a_plan_that_passed_leaves_none_waiting(store: Store) {
    let ledger = store.of(&scope("a"));
    let hold = async || {
        let mut removals = std::iter::once(removal(RemovalKind::User, "u"));
        ledger.hold(&held("one"), &mut removals).await.unwrap();
    };
    for (outcome, waiting) in [
        ("Failed", 1),
        ("Stopped", 1),
        ("Held", 1),
        ("Unchanged", 0),
        ("Synced", 0),
    ] {
        hold().await;
        ledger.record(&sync("s-2", outcome, at(3), "{}")).await.unwrap();
        assert_eq!(store.held(None).await.unwrap().len(), waiting, "{outcome}");
    }
}

pub async fn an_approved_plan_that_was_begun_stays_until_it_is_finished(store: Store) {
    let ledger = store.of(&scope("a"));
    let removals = [removal(RemovalKind::User, "u-2"), removal(RemovalKind::User, "u-1")];
    ledger.hold(&held("one"), &mut removals.iter().cloned()).await.unwrap();
    ledger.decide("one", "Approved", "ann", at(3)).await.unwrap();
    ledger.decide("one", "Approved", "ann", at(9)).await.unwrap();
    let opened = ledger.open(true).await.unwrap();
    assert_eq!((opened.unfinished, opened.spent), (None, vec![]));
    ledger.spend("one", "s-2", at(4)).await.unwrap();
    ledger.record(&sync("s-2", "Failed", at(4), "{}")).await.unwrap();
    // Another sync that had nothing to do with it, on half a read.
    ledger.record(&sync("s-3", "Synced", at(5), "{}")).await.unwrap();
    let unfinished = ledger.open(true).await.unwrap().unfinished.unwrap();
    assert_eq!(unfinished.hash, "one");
    let mut lines: Vec<String> = removals.iter().map(Removal::line).collect();
    lines.sort_unstable();
    assert_eq!(unfinished.removals, lines);
    assert!(store.held(None).await.unwrap().is_empty(), "it waits for nobody");

    let decision = store.decision(&scope("a"), "one").await.unwrap().unwrap();
    assert_eq!(decision, ("Approved".to_owned(), "ann".to_owned(), "s-2".to_owned()));

    ledger.finish("one").await.unwrap();
    let spent = |hash: &str, second| Spent {
        hash: hash.to_owned(),
        at: at(second),
    };
    let opened = ledger.open(true).await.unwrap();
    assert_eq!((opened.unfinished, opened.spent), (None, vec![spent("one", 4)]));
    ledger.spend("two", "s-4", at(6)).await.unwrap();
    ledger.finish("two").await.unwrap();
    let opened = ledger.open(true).await.unwrap();
    assert_eq!(opened.spent, [spent("two", 6), spent("one", 4)], "the latest first");
    // The same plan may come again, and waits again.
    ledger.hold(&held("one"), &mut removals.iter().cloned()).await.unwrap();
    assert_eq!(ledger.open(true).await.unwrap().unfinished, None);
}

pub async fn history_is_bounded_and_takes_its_removals_along(store: Store) {
    let ledger = store.of(&scope("a"));
    let day = 24 * 3600;
    let mut settlement = Settlement::default();
    settlement.take("old", left("u", "t"));
    settlement.take("new", left("u", "t"));
    ledger.settle(&settlement).await.unwrap();
    let did = r#"{"teamMembershipsRemoved":1}"#;
    ledger.record(&sync("old", "Synced", at(0), did)).await.unwrap();
    ledger.record(&sync("new", "Synced", at(day * 2), did)).await.unwrap();
    for number in 0..120 {
        let idle = sync(&format!("idle-{number:03}"), "Unchanged", at(day * 3 + number), "{}");
        ledger.record(&idle).await.unwrap();
    }
    let rows = store.syncs(Some("acme/a"), 1000).await.unwrap();
    assert_eq!(rows.len(), 102, "a hundred idle ones, and those that did something");
    assert_eq!(rows[0].id, "idle-119");
    ledger
        .record(&sync("later", "Synced", at(day * 91), did))
        .await
        .unwrap();
    assert_eq!(store.taken("old").await.unwrap(), None);
    assert_eq!(store.taken("new").await.unwrap().unwrap().removals.len(), 1);
    let ids: Vec<String> = store
        .syncs(None, 2)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(ids, ["later", "idle-119"]);
    // One of the same id finds nothing of the old one's.
    ledger.record(&sync("old", "Synced", at(day * 91), did)).await.unwrap();
    assert_eq!(store.taken("old").await.unwrap().unwrap().removals, []);
}

pub async fn owners_and_platforms_do_not_see_each_other(store: Store) {
    let elsewhere = Scope {
        platform: "https://other.test/".to_owned(),
        ..scope("a")
    };
    let ledgers = [scope("a"), scope("b"), elsewhere].map(|scope| store.of(&scope));
    for (ledger, id) in ledgers.iter().zip(["1", "2", "3"]) {
        ledger.settle(&recorded(vec![user(id)])).await.unwrap();
        ledger.known().await.unwrap();
    }
    for (ledger, id) in ledgers.iter().zip(["1", "2", "3"]) {
        assert_eq!(all(ledger.as_ref()).await, [user(id)]);
    }
    let settlement = Settlement {
        forget: vec![user("1").key],
        ..Settlement::default()
    };
    ledgers[1].settle(&settlement).await.unwrap();
    assert_eq!(all(ledgers[0].as_ref()).await.len(), 1);
}

pub async fn text_of_every_kind_comes_back(store: Store) {
    let ledger = store.of(&scope("o'brien; DROP TABLE entries; --"));
    for id in ["", "Zoë \u{1f600} 日本", "a'b\"c\\d%_$1", " \t\n", &"x".repeat(2000)] {
        let mut entry = user("u");
        "d".clone_into(&mut entry.directory_id);
        entry.mapping = format!("m{id}");
        ledger.settle(&recorded(vec![entry.clone()])).await.unwrap();
        assert_eq!(all(ledger.as_ref()).await, [entry]);
    }
}

pub async fn a_dropped_call_has_no_effect(store: Store) {
    let ledger = store.of(&scope("a"));
    ledger.open(true).await.unwrap();
    // Given up at once, and a little later.
    for patience in [0, 1, 3] {
        let many: Vec<Entry> = (0..20_000).map(|number| user(&number.to_string())).collect();
        let settlement = recorded(many);
        let settling = ledger.settle(&settlement);
        let ended = tokio::time::timeout(Duration::from_millis(patience), settling).await;
        let entries = all(ledger.as_ref()).await.len();
        match ended {
            Ok(done) => {
                done.unwrap();
                assert_eq!(entries, 20_000);
                return;
            }
            Err(_) => assert!(entries == 0 || entries == 20_000, "all or nothing: {entries}"),
        }
    }
    ledger.settle(&recorded(vec![user("u")])).await.unwrap();
}
