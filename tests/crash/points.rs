//! A crash at every call of every scenario, before it is sent and after it took effect; and pairs of crashes.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::line::Moment;
use crate::scenario::Prepared;
use crate::scenarios;
use crate::world::Bench;

/// Which crashes to try alone: `SCENARIO:CALL:MOMENT[:CALL:MOMENT]`, as a failure prints it.
const REPLAY: &str = "CRASH_POINT";

/// Tries only every so manieth point, to see soon whether all is well.
const EVERY: &str = "CRASH_EVERY";

/// Which seed pairs are drawn with.
const SEED: &str = "CRASH_SEED";

/// The one that they are drawn with otherwise: whoever changes something is told of what he changed, and not of luck.
const FIRST_SEED: u64 = 13_136_182_674_246_133_674;

/// How many pairs of crashes are tried.
const PAIRS: usize = 2000;

/// How often a crash is tried that didn't come.
const TRIES: usize = 5;

/// One trial: a scenario by its place, and its crashes.
type Trial = (usize, Vec<(usize, Moment)>);

/// What came of trials.
#[derive(Default)]
struct Tally {
    tried: usize,
    converged: usize,
    /// Trials in which a life was over before its crash.
    missed: usize,
    failures: Vec<String>,
}

/// How long something took, and how much of the cores' time: on a busy machine the two are far from each other.
pub struct Stopwatch(Instant, f64);

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(Instant::now(), processor_time())
    }
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wall, cores) = (self.0.elapsed().as_secs_f64(), processor_time() - self.1);
        write!(f, "{wall:.0} s, {cores:.0} s of processor time")
    }
}

/// What this process has used so far, in seconds (proc(5): fields 14 and 15 of `stat`, in hundredths).
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Does work on every core, each worker with a bench of its own. There are two workers to a core: each waits for the thread of
/// its database about a quarter of the time.
pub fn everywhere(work: impl Fn(&Bench) + Sync) {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores * 2 {
            scope.spawn(|| work(&Bench::new()));
        }
    });
}

/// Prepares all scenarios, or the one with which a replay begins.
fn prepare() -> Vec<Prepared> {
    let replay = std::env::var(REPLAY).ok();
    let mut all = scenarios::all();
    all.retain(|scenario| {
        replay
            .as_ref()
            .is_none_or(|replay| replay.split(':').next() == Some(&scenario.name))
    });
    let waiting = Mutex::new(all.into_iter().enumerate().collect::<Vec<_>>());
    let prepared = Mutex::new(Vec::new());
    everywhere(|bench| {
        loop {
            let next = waiting.lock().unwrap().pop();
            let Some((place, scenario)) = next else { break };
            let scenario = Prepared::new(bench, scenario);
            prepared.lock().unwrap().push((place, scenario));
        }
    });
    let mut prepared = prepared.into_inner().unwrap();
    prepared.sort_by_key(|(place, _)| *place);
    prepared.into_iter().map(|(_, prepared)| prepared).collect()
}

/// How many trials are left out for each that is tried, and one.
pub fn every() -> usize {
    std::env::var(EVERY)
        .ok()
        .and_then(|every| every.parse().ok())
        .unwrap_or(1)
}

fn spelled(scenario: &str, crashes: &[(usize, Moment)]) -> String {
    let crashes: Vec<String> = crashes
        .iter()
        .map(|(call, moment)| format!("{call}:{moment:?}"))
        .collect();
    format!("{scenario}:{}", crashes.join(":"))
}

fn read(text: &str, scenarios: &[Prepared]) -> Trial {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let place = scenarios.iter().position(|prepared| prepared.scenario.name == name);
    let parts: Vec<&str> = parts.collect();
    let crashes = parts.chunks(2).map(|crash| {
        let moment = if crash[1] == "Before" {
            Moment::Before
        } else {
            Moment::After
        };
        (crash[0].parse().expect("the number of a call"), moment)
    });
    (
        place.unwrap_or_else(|| panic!("there is no scenario {name:?}")),
        crashes.collect(),
    )
}

fn run(scenarios: &[Prepared], trials: &[Trial]) -> Tally {
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    everywhere(|bench| {
        while let Some((place, crashes)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
            let prepared = &scenarios[*place];
            // The order of calls isn't always the same to the last one: some that were there may not be there again at once.
            let tries = if crashes.len() == 1 { TRIES } else { 1 };
            let ended = (0..tries).find_map(|_| prepared.crash(bench, crashes));
            let mut tally = tally.lock().unwrap();
            match ended {
                None => tally.missed += 1,
                Some(ended) => {
                    tally.tried += 1;
                    match ended {
                        Ok(()) => tally.converged += 1,
                        Err(why) => {
                            let replay = spelled(&prepared.scenario.name, crashes);
                            tally.failures.push(format!(
                                "{why}\n  replay: {REPLAY}='{replay}' cargo test --test crash points"
                            ));
                        }
                    }
                }
            }
        }
    });
    tally.into_inner().unwrap()
}

/// Tries all points.
pub fn all_points() {
    let watch = Stopwatch::start();
    let scenarios = prepare();
    let replay = std::env::var(REPLAY).ok();
    let trials: Vec<Trial> = if let Some(text) = &replay {
        vec![read(text, &scenarios)]
    } else {
        let places = scenarios.iter().enumerate();
        let calls = places.flat_map(|(place, prepared)| (1..=prepared.outcome.calls).map(move |call| (place, call)));
        let moments = [Moment::Before, Moment::After];
        let points = calls.flat_map(|(place, call)| moments.map(|moment| (place, vec![(call, moment)])));
        points.step_by(every()).collect()
    };
    for prepared in &scenarios {
        println!("{}: {} calls", prepared.scenario.name, prepared.outcome.calls);
        if replay
            .as_ref()
            .is_some_and(|replay| replay.starts_with(&prepared.scenario.name))
        {
            let names = prepared.outcome.names.iter().enumerate();
            names.for_each(|(at, name)| println!("  {} {name}", at + 1));
        }
    }
    let tally = run(&scenarios, &trials);
    tally.failures.iter().take(20).for_each(|failure| println!("{failure}"));
    crate::tell(&format!(
        "crash points: {} tried, {} converged ({watch})",
        tally.tried, tally.converged
    ));
    assert_eq!(tally.converged, trials.len(), "{} missed", tally.missed);
    assert!(
        replay.is_some() || every() > 1 || tally.tried >= 5000,
        "there are fewer points than there were"
    );
}

/// Tries pairs of crashes, the second during the recovery from the first.
pub fn pairs() {
    let watch = Stopwatch::start();
    let scenarios = prepare();
    let seed = std::env::var(SEED)
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(FIRST_SEED);
    println!("pairs are drawn with {SEED}={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut tally, mut drawn) = (Tally::default(), 0);
    let wanted = PAIRS / every();
    while tally.tried < wanted && drawn < wanted * 3 {
        let trials: Vec<Trial> = (0..wanted - tally.tried)
            .map(|_| {
                let place = random.usize(..scenarios.len());
                let calls = scenarios[place].outcome.calls;
                let mut moment = || if random.bool() { Moment::Before } else { Moment::After };
                let moments = (moment(), moment());
                let first = random.usize(1..=calls);
                // The recovery needs about as many calls as were left, and those that look around.
                let second = random.usize(1..=calls.min(calls - first + 25));
                (place, vec![(first, moments.0), (second, moments.1)])
            })
            .collect();
        drawn += trials.len();
        let more = run(&scenarios, &trials);
        tally.tried += more.tried;
        tally.converged += more.converged;
        tally.failures.extend(more.failures);
    }
    tally.failures.iter().take(20).for_each(|failure| println!("{failure}"));
    crate::tell(&format!(
        "crash pairs: {} tried, {} converged ({watch})",
        tally.tried, tally.converged
    ));
    assert_eq!((tally.tried, tally.converged), (wanted, wanted));
}
