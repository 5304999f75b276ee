//! Publishes events. Each shows its own note: equal ones become one series, others never do. How many objects that makes is
//! bounded for each object that they are about.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    core::ObjectMeta,
};
use serde_json::json;

use super::{
    backoff::{after, until},
    error::ReconcileError,
    events::Notice,
    write::within,
};
use crate::{
    api::{
        CONTROLLER_MANAGER,
        condition::{self, Reason},
        status::cut,
    },
    fault::chain,
};

/// The longest note that the API server takes is 1 kB.
const MAX_NOTE: usize = 800;

/// How long an event goes on as a series: as long as an API server keeps events by default.
const SERIES: Duration = Duration::from_hours(1);

/// How many new events one object may have at once.
const BURST: u32 = 25;

/// How long it takes until it may have one more.
const REFILL: Duration = Duration::from_mins(2);

/// Publishes events of objects, and remembers which it published.
pub struct Recorder {
    client: Client,
    /// Who reports: the name of the pod.
    instance: String,
    told: Mutex<Ledger>,
}

impl Recorder {
    /// Nothing is published yet. `instance` is the name of the pod, where there is one.
    pub fn new(client: Client, instance: Option<String>) -> Self {
        Self {
            client,
            instance: instance.unwrap_or_else(|| CONTROLLER_MANAGER.to_owned()),
            told: Mutex::default(),
        }
    }

    /// Publishes events of an object. One that can't be published is logged: it is no reason to do anything again.
    pub async fn publish(&self, object: &ObjectReference, notices: impl IntoIterator<Item = Notice>) {
        for notice in notices {
            let notice = Notice {
                note: cut(&notice.note, MAX_NOTE),
                ..notice
            };
            if let Err(error) = self.tell(object, &notice).await {
                tracing::warn!(error = chain(&error), "An event couldn't be published.");
            }
        }
    }

    async fn tell(&self, object: &ObjectReference, notice: &Notice) -> Result<(), ReconcileError> {
        let now = Timestamp::now();
        let telling = self.ledger(|ledger| ledger.tell(object, notice, now));
        let events: Api<Event> = Api::namespaced(self.client.clone(), object.namespace.as_deref().unwrap_or("default"));
        let name = match telling {
            Telling::New { name } => name,
            Telling::Again { name, count } => {
                let series = EventSeries {
                    count,
                    last_observed_time: MicroTime(now),
                };
                let patch = Patch::Merge(json!({ "series": series }));
                let parameters = PatchParams::default();
                match within("publishing an event", events.patch(&name, &parameters, &patch)).await {
                    // The API server keeps events for a while only.
                    Err(error) if error.is_gone() => name,
                    other => return other.map(drop),
                }
            }
            Telling::TooMany => {
                tracing::info!(
                    reason = notice.reason.as_str(),
                    note = notice.note,
                    "Too many events of one object; this one is told by the log alone."
                );
                return Ok(());
            }
        };
        let event = self.event(object, notice, name, now);
        within("publishing an event", events.create(&PostParams::default(), &event)).await?;
        Ok(())
    }

    fn event(&self, object: &ObjectReference, notice: &Notice, name: String, now: Timestamp) -> Event {
        let kind = match notice.reason.row().event {
            Some(condition::Event::Warning) => "Warning",
            _ => "Normal",
        };
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: object.namespace.clone(),
                ..ObjectMeta::default()
            },
            regarding: Some(object.clone()),
            type_: Some(kind.to_owned()),
            reason: Some(notice.reason.as_str().to_owned()),
            note: Some(notice.note.clone()),
            action: Some("Sync".to_owned()),
            event_time: Some(MicroTime(now)),
            reporting_controller: Some(CONTROLLER_MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }

    fn ledger<R>(&self, change: impl FnOnce(&mut Ledger) -> R) -> R {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How something is told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Telling {
    /// By a new event of this name.
    New { name: String },
    /// By the event of this name, which says that it has now happened so often.
    Again { name: String, count: i32 },
    /// Not at all: the object has had too many.
    TooMany,
}

/// What was told lately, by the uid of what it is about.
#[derive(Debug, Default)]
struct Ledger(HashMap<String, Told>);

/// What was told of one object.
#[derive(Debug)]
struct Told {
    /// How many new events it may still have.
    allowance: u32,
    /// When the allowance last grew, or was whole.
    since: Timestamp,
    events: Vec<Recent>,
}

/// One event that may become a series, or is one.
#[derive(Debug)]
struct Recent {
    reason: Reason,
    note: String,
    name: String,
    count: i32,
    last: Timestamp,
}

impl Ledger {
    /// Takes note of what is told now, and says how.
    fn tell(&mut self, object: &ObjectReference, notice: &Notice, now: Timestamp) -> Telling {
        self.0.values_mut().for_each(|told| told.age(now));
        // Of whom nothing recent was told, who may have all events again, there is nothing to remember.
        self.0
            .retain(|_, told| !told.events.is_empty() || told.allowance < BURST);
        let told = self
            .0
            .entry(object.uid.clone().unwrap_or_default())
            .or_insert_with(|| Told {
                allowance: BURST,
                since: now,
                events: Vec::new(),
            });
        let same = |recent: &&mut Recent| recent.reason == notice.reason && recent.note == notice.note;
        if let Some(recent) = told.events.iter_mut().find(same) {
            recent.count = recent.count.saturating_add(1);
            recent.last = now;
            let (name, count) = (recent.name.clone(), recent.count);
            return Telling::Again { name, count };
        }
        if told.allowance == 0 {
            return Telling::TooMany;
        }
        if told.allowance == BURST {
            told.since = now;
        }
        told.allowance -= 1;
        let name = new_name(object);
        told.events.push(Recent {
            reason: notice.reason,
            note: notice.note.clone(),
            name: name.clone(),
            count: 1,
            last: now,
        });
        Telling::New { name }
    }
}

impl Told {
    /// Forgets what is old, and allows what has become allowed meanwhile.
    fn age(&mut self, now: Timestamp) {
        self.events.retain(|recent| now < after(recent.last, SERIES));
        let grown = until(self.since, now).as_secs() / REFILL.as_secs();
        let grown = u32::try_from(grown).unwrap_or(u32::MAX);
        self.allowance = self.allowance.saturating_add(grown).min(BURST);
        self.since = after(self.since, REFILL.saturating_mul(grown));
    }
}

/// A name that no other event has: events are named after what they are about.
fn new_name(object: &ObjectReference) -> String {
    /// The longest name of an object is 253 characters.
    const MAX: usize = 230;
    let about = object.name.as_deref().unwrap_or(CONTROLLER_MANAGER);
    let about = &about[..about.floor_char_boundary(MAX)];
    format!("{}.{:016x}", about.trim_end_matches(['.', '-']), fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::testing::at;

    fn object(uid: &str) -> ObjectReference {
        ObjectReference {
            name: Some("directory".into()),
            uid: Some(uid.into()),
            ..ObjectReference::default()
        }
    }

    fn notice(reason: Reason, note: &str) -> Notice {
        Notice {
            reason,
            note: note.into(),
        }
    }

    /// The name and the number of a telling.
    fn told(telling: Telling) -> (String, i32) {
        match telling {
            Telling::New { name } => (name, 1),
            Telling::Again { name, count } => (name, count),
            Telling::TooMany => panic!("too many"),
        }
    }

    #[test]
    fn events_with_equal_notes_are_one_series_and_others_are_events_of_their_own() {
        let mut ledger = Ledger::default();
        let mut tell = |reason, note, second| told(ledger.tell(&object("u-1"), &notice(reason, note), at(second)));
        let (three, _) = tell(Reason::Synced, "3 users created", 0);
        let (one, count) = tell(Reason::Synced, "1 user created", 60);
        assert!(one != three && count == 1);
        assert_eq!(tell(Reason::Synced, "3 users created", 120), (three.clone(), 2));
        assert_eq!(tell(Reason::Synced, "3 users created", 180), (three.clone(), 3));
        let (other, count) = tell(Reason::Observed, "3 users created", 240);
        assert!(other != three && count == 1, "another reason is another event");
    }

    #[test]
    fn a_series_is_of_one_object() {
        let mut ledger = Ledger::default();
        let note = notice(Reason::Synced, "1 user created");
        let (first, _) = told(ledger.tell(&object("u-1"), &note, at(0)));
        let (second, count) = told(ledger.tell(&object("u-2"), &note, at(0)));
        assert!(first != second && count == 1);
    }

    #[test]
    fn a_series_ends_when_the_api_server_may_have_forgotten_it() {
        let mut ledger = Ledger::default();
        let mut tell = |second| told(ledger.tell(&object("u-1"), &notice(Reason::Timeout, "late"), at(second))).1;
        assert_eq!(
            [tell(0), tell(3599), tell(3599 + 3599), tell(3599 + 3599 + 3600)],
            [1, 2, 3, 1]
        );
    }

    #[test]
    fn new_events_of_one_object_are_bounded_and_those_of_others_are_not_held_up() {
        let mut ledger = Ledger::default();
        let mut tell = |uid, note: i64, second| {
            let telling = ledger.tell(&object(uid), &notice(Reason::Synced, &note.to_string()), at(second));
            !matches!(telling, Telling::TooMany)
        };
        assert!((0..25).all(|note| tell("u-1", note, 0)));
        assert!(!tell("u-1", 25, 0));
        assert!(tell("u-1", 7, 0), "one that is there already goes on");
        assert!(tell("u-2", 25, 0));
        assert!(!tell("u-1", 26, 119));
        assert!(tell("u-1", 26, 120));
        assert!(!tell("u-1", 27, 121));
        let in_an_hour = (121..3600).filter(|second| tell("u-1", 1000 + second, *second)).count();
        assert_eq!(in_an_hour, 28, "one in two minutes");
    }

    #[test]
    fn what_is_old_is_not_remembered() {
        let mut ledger = Ledger::default();
        for uid in 0..100 {
            ledger.tell(&object(&uid.to_string()), &notice(Reason::Synced, "x"), at(0));
        }
        ledger.tell(&object("late"), &notice(Reason::Synced, "x"), at(3600));
        assert_eq!(ledger.0.len(), 1);
    }

    #[test]
    fn a_long_name_makes_a_name_that_the_api_server_takes() {
        let long = ObjectReference {
            name: Some(format!("{}.{}", "a".repeat(229), "b".repeat(23))),
            ..ObjectReference::default()
        };
        let name = new_name(&long);
        assert!(
            name.len() <= 253 && name.starts_with("aaa") && !name.contains(".."),
            "{name}"
        );
    }
}
