//! The program behind `make bench`: prints one line `bench NAME key=value …` per figure.
//!
//! `cargo bench --bench figures -- [--scale 0.01] [--rounds 3] [--keep] [NAME…]`; without names it is all of them. The names are
//! those of [`FIGURES`]. What is measured in a process of its own (time and memory of a plan and of its floor) is this
//! program again, called as `child NAME`. A figure whose result isn't what the data were made with ends in a panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a benchmark that can't go on ends"
)]

mod apply;
mod child;
mod data;
mod ends;
mod floor;
mod ldap;
mod ledger;
mod measure;
mod plan;
mod reconcile;
#[path = "../../tests/integration/support/mod.rs"]
#[allow(dead_code, reason = "the tests' servers; some of them are needed here")]
mod testbed;

use std::time::Instant;

use data::Data;

/// What can be measured.
const FIGURES: [&str; 7] = [
    "full_plan",
    "full_plan_cel",
    "first_sync",
    "ldap_read",
    "apply",
    "reconcile",
    "ledger",
];

/// How to measure.
struct Arguments {
    /// 1 is a million users.
    scale: f64,
    /// How often each program runs; the medians count.
    rounds: usize,
    names: Vec<String>,
    /// Leave generated data for the next run.
    keep: bool,
}

impl Arguments {
    fn parse() -> Self {
        let mut parsed = Self {
            scale: 1.0,
            rounds: 3,
            names: Vec::new(),
            keep: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse::<f64>().ok());
            match argument.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--keep" => parsed.keep = true,
                "--scale" => parsed.scale = number().expect("--scale takes a number such as 0.01"),
                "--rounds" => {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
                    let rounds = number().expect("--rounds takes a number") as usize;
                    parsed.rounds = rounds.max(1);
                }
                name => parsed.names.push(name.to_owned()),
            }
        }
        parsed
    }
}

fn main() {
    testbed::init_tls();
    let arguments = Arguments::parse();
    match arguments.names.as_slice() {
        [child, name] if child == "child" => child::run(name, arguments.scale),
        names => {
            let unknown = names.iter().find(|name| !FIGURES.contains(&name.as_str()));
            assert!(unknown.is_none(), "there is no figure {unknown:?}, only {FIGURES:?}");
            for name in FIGURES {
                if names.is_empty() || names.iter().any(|wanted| wanted == name) {
                    figure(name, &arguments);
                }
            }
        }
    }
}

fn figure(name: &str, arguments: &Arguments) {
    match name {
        "apply" => apply::figure(arguments),
        "ldap_read" => ldap::figure(arguments),
        "reconcile" => reconcile::figure(arguments),
        "ledger" => ledger::figure(arguments),
        _ => plan::figure(name, arguments),
    }
}

/// The data of a scale, made now where they are not there yet. Those are gone when we are, unless they are to be kept.
fn data(scale: f64, arguments: &Arguments) -> Data {
    let data = Data::of_scale(scale);
    if !data.exists() {
        let started = Instant::now();
        if !arguments.keep {
            for folder in [&data.partial(), &data.folder] {
                testbed::watchdog::shared().remove_at_exit(folder);
            }
        }
        data.generate().expect("the temporary folder has room");
        eprintln!("made {} in {:.1?}", data.folder.display(), started.elapsed());
    }
    data
}
