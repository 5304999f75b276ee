//! What happens to a company: a beginning, and what people do when all is quiet.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::life::{Command, End, live};
use crate::line::{Line, Moment, Weather};
use crate::platform::{Batches, Log};
use crate::world::{Beginning, Bench, World};

/// What happens to a company.
pub struct Scenario {
    /// Its name, which finds it again.
    pub name: String,
    /// How much goes into one request.
    pub batches: Batches,
    /// Makes everything that there is before the operator starts. It may let operators live meanwhile, see [`settle`].
    pub prepare: fn(&Arc<World>),
    /// What people do when all is quiet, going by what they see; false when there is nothing more to be done. It is asked again
    /// after a crash, and by whoever lives next.
    pub person: fn(&World) -> bool,
    /// What somebody does on a command line before the operator starts, until it has come to its end once.
    pub command: Option<Command>,
    /// What a crash leaves of the operator's store.
    pub store: Store,
}

/// What a crash leaves of the operator's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// All that was written.
    Kept,
    /// Nothing: its disk goes with the operator.
    Lost,
}

/// Lets an operator live on a world until all is quiet.
pub fn settle(world: &Arc<World>) {
    let line = Line::new(world, Weather::Calm);
    assert_eq!(live(&[line], None, || false), End::Quiet);
}

/// A scenario that is prepared.
pub struct Prepared {
    /// The scenario.
    pub scenario: Scenario,
    beginning: Beginning,
    /// What comes of it when nothing goes wrong.
    pub outcome: Outcome,
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many calls the operator made that lived last, before it was asked for one more sync.
    pub calls: usize,
    /// The platform as it was then.
    pub platform: BTreeMap<String, Value>,
    /// What the cluster told after one more sync.
    pub told: BTreeMap<String, Value>,
    /// All that was written.
    pub log: Log,
    /// How many requests of the last sync may write.
    pub afterwards: usize,
    /// The calls, for whoever looks for a fault.
    pub names: Vec<String>,
}

impl Prepared {
    /// Prepares a scenario, and sees what comes of it when nothing goes wrong.
    pub fn new(bench: &Bench, scenario: Scenario) -> Self {
        let world = Arc::new(World::empty(bench, scenario.batches));
        (scenario.prepare)(&world);
        let beginning = Arc::into_inner(world)
            .expect("nobody lives here any more")
            .into_beginning();
        let world = Arc::new(World::begin(bench, &beginning));
        let outcome = last_life(&world, &scenario);
        let outcome = outcome.unwrap_or_else(|why| panic!("{} without a crash: {why}", scenario.name));
        Self {
            scenario,
            beginning,
            outcome,
        }
    }

    /// A world at the beginning.
    pub fn world(&self, bench: &Bench) -> Arc<World> {
        Arc::new(World::begin(bench, &self.beginning))
    }

    /// Goes through the scenario with crashes at these calls, each in the life after the one before. An error says what differs
    /// from how it goes without, and at which calls the crashes came. `None` where a life was over before its crash.
    pub fn crash(&self, bench: &Bench, crashes: &[(usize, Moment)]) -> Option<Result<(), String>> {
        let world = self.world(bench);
        let mut came = Vec::new();
        for (call, moment) in crashes {
            let weather = Weather::Crash {
                call: *call,
                moment: *moment,
            };
            let line = Line::new(&world, weather);
            match live(&[line], self.scenario.command, || (self.scenario.person)(&world)) {
                End::Crashed(call) => came.push(call),
                End::Quiet => return None,
                End::Restless => return Some(Err(format!("it never came to rest after {came:?}"))),
            }
            if self.scenario.store == Store::Lost {
                world.database.lose();
            }
        }
        let outcome = last_life(&world, &self.scenario);
        let same = outcome.and_then(|outcome| self.compare(&outcome));
        Some(same.map_err(|why| format!("crash {}: {why}", came.join("; then "))))
    }

    /// What differs from how it goes when nothing goes wrong.
    pub fn compare(&self, outcome: &Outcome) -> Result<(), String> {
        if self.scenario.store == Store::Kept {
            return differences(&self.outcome, outcome);
        }
        // What is left of an approved plan is another one, of which nobody knows any more that it was approved.
        let without = |outcome: &Outcome| {
            let mut outcome = outcome.clone();
            outcome.told.retain(|what, _| !what.starts_with("plan "));
            outcome
        };
        differences(&without(&self.outcome), &without(outcome))
    }
}

fn differences(wanted: &Outcome, outcome: &Outcome) -> Result<(), String> {
    differ("the platform", &wanted.platform, &outcome.platform)?;
    differ("the cluster", &wanted.told, &outcome.told)?;
    let twice: Vec<_> = outcome.log.created.iter().filter(|(_, count)| **count > 1).collect();
    if !twice.is_empty() {
        return Err(format!("created twice: {twice:?}"));
    }
    for (what, wanted, found) in [
        ("deactivated", &wanted.log.deactivated, &outcome.log.deactivated),
        ("deleted", &wanted.log.deleted, &outcome.log.deleted),
        (
            "taken out of a team or an inbox",
            &wanted.log.removed,
            &outcome.log.removed,
        ),
    ] {
        if let Some(who) = found.difference(wanted).next() {
            return Err(format!("{who} was {what}"));
        }
    }
    if outcome.afterwards > 0 {
        return Err(format!(
            "a further sync wrote to the platform {} times",
            outcome.afterwards
        ));
    }
    Ok(())
}

/// Lets an operator live until all is quiet, and asks it for one more sync.
pub fn last_life(world: &Arc<World>, scenario: &Scenario) -> Result<Outcome, String> {
    let line = Line::new(world, Weather::Calm);
    let (mut calls, mut then) = (0, None);
    let end = live(&[Arc::clone(&line)], scenario.command, || {
        if (scenario.person)(world) {
            return true;
        }
        if then.is_some() {
            return false;
        }
        calls = line.calls();
        then = Some((world.platform.state(), world.platform.log()));
        world.request("once more");
        true
    });
    let Some((platform, log)) = then.filter(|_| end == End::Quiet) else {
        let names = line.names();
        let last = names[names.len().saturating_sub(12)..].join(", ");
        return Err(format!(
            "the last life ended otherwise: {end:?} after {} calls, the last {last}",
            names.len()
        ));
    };
    Ok(Outcome {
        calls,
        platform,
        told: world.told(),
        afterwards: world.platform.log().writes - log.writes,
        log: world.platform.log(),
        names: line.names(),
    })
}

/// Says what differs, and no more.
fn differ(what: &str, wanted: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>) -> Result<(), String> {
    let keys = wanted.keys().chain(found.keys());
    let mut differences: Vec<String> = keys
        .filter(|key| wanted.get(*key) != found.get(*key))
        .map(|key| {
            let shown = |map: &BTreeMap<String, Value>| map.get(key).map_or("nothing".to_owned(), Value::to_string);
            format!("{key}: {} instead of {}", shown(found), shown(wanted))
        })
        .collect();
    differences.dedup();
    match differences.as_slice() {
        [] => Ok(()),
        some => Err(format!("{what} is otherwise: {}", some[..some.len().min(4)].join(", "))),
    }
}
