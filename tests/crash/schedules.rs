//! Two operators at once on the same connections, in rough weather: late answers, lost ones, conflicts, old lists, watches that
//! break off, repeat themselves or are told that they are too late.
//!
//! Each schedule is drawn from a seed. When the weather is over, one operator is left, and has to find everything as it should be.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::life::{End, live};
use crate::line::{Line, Weather};
use crate::points::{Stopwatch, everywhere};
use crate::scenario::{Prepared, last_life};
use crate::scenarios;
use crate::world::Bench;

/// Which seed to try alone, as a failure prints it: `SCENARIO:SEED`.
const REPLAY: &str = "SCHEDULE";

/// From which seed on schedules are drawn; one after the other from there.
const SEED: &str = "SCHEDULE_SEED";

/// The one from which they are drawn otherwise: whoever changes something is told of what he changed, and not of luck.
const FIRST_SEED: u64 = 8_742_141_770_062_473_757;

/// How many schedules are to be tried.
const COUNT: &str = "SCHEDULES";

/// How many are tried otherwise: four minutes on two cores.
const SCHEDULES: usize = 10_000;

/// Tries one schedule.
fn schedule(bench: &Bench, prepared: &Prepared, seed: u64, calls: &AtomicUsize) -> Result<(), String> {
    let world = prepared.world(bench);
    let lines = [seed, !seed].map(|seed| Line::new(&world, Weather::Rough(seed)));
    let end = live(&lines, None, || (prepared.scenario.person)(&world));
    calls.fetch_add(lines.iter().map(|line| line.acts()).sum(), Ordering::Relaxed);
    if end != End::Quiet {
        return Err(format!("it never came to rest: {end:?}"));
    }
    // Whatever failed for good in the weather is tried again by the next sync; nobody has to wait for its interval.
    world.request("the weather is over");
    prepared.compare(&last_life(&world, &prepared.scenario)?)
}

/// Tries all schedules.
pub fn all() {
    let watch = Stopwatch::start();
    let scenarios: Vec<Prepared> = {
        let bench = Bench::new();
        scenarios::small()
            .into_iter()
            .map(|scenario| Prepared::new(&bench, scenario))
            .collect()
    };
    let seed = std::env::var(SEED)
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(FIRST_SEED);
    let replay = std::env::var(REPLAY).ok();
    let trials: Vec<(usize, u64)> = if let Some(text) = &replay {
        let (name, seed) = text.rsplit_once(':').expect("SCENARIO:SEED");
        let place = scenarios.iter().position(|prepared| prepared.scenario.name == name);
        vec![(place.expect("a scenario of that name"), seed.parse().expect("a number"))]
    } else {
        println!("schedules are drawn with {SEED}={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let count = std::env::var(COUNT).ok().and_then(|count| count.parse().ok());
        let count = count.unwrap_or(SCHEDULES) / crate::points::every();
        (0..count).map(|at| (at % scenarios.len(), random.u64(..))).collect()
    };
    let calls = AtomicUsize::new(0);
    let (next, converged, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    everywhere(|bench| {
        while let Some((place, seed)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
            let prepared = &scenarios[*place];
            match schedule(bench, prepared, *seed, &calls) {
                Ok(()) => drop(converged.fetch_add(1, Ordering::Relaxed)),
                Err(why) => {
                    let name = &prepared.scenario.name;
                    let failure =
                        format!("{why}\n  replay: {REPLAY}='{name}:{seed}' cargo test --test crash schedules");
                    failures.lock().unwrap().push(failure);
                }
            }
        }
    });
    let converged = converged.into_inner();
    for failure in failures.into_inner().unwrap().iter().take(10) {
        println!("{failure}");
    }
    let calls = calls.into_inner() / trials.len().max(1);
    crate::tell(&format!(
        "schedules: {} tried, {converged} converged ({watch}; {calls} calls each in rough weather)",
        trials.len()
    ));
    assert_eq!(converged, trials.len());
}
