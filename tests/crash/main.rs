//! The operator stopped for good between any two of its calls, and in weather in which anything may be lost, late or repeated: it
//! loses nothing and does nothing twice.
//!
//! ```text
//!  operator (shipped) ── line ──▶ API server (in memory) · platform (the reference, without its socket) · SCIM server
//!                          │      · store (the shipped one, on SQLite)
//!                          └ numbers every call; ends a life before or after one; delays, refuses, loses, repeats
//! ```
//!
//! Each life runs on a runtime of one thread whose clock stands still while anything happens, so that nothing waits and the
//! order of calls can be had again. It begins with opening the store, which is a call as any other, and makes the tables where
//! there are none; the next life finds the file and its log as they were when the one before ended. `restore` is run in place of
//! the operator, and before it, where a scenario says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api_server;
mod company;
mod database;
mod ledger;
mod life;
mod line;
mod platform;
mod points;
mod restore;
mod scenario;
mod scenarios;
mod schedules;
mod world;

use std::{
    io::Write as _,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

/// Says what came of a test, also where it passed: the test runner keeps what `println` writes to itself.
fn tell(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// One at a time: each has all cores for itself, and says how long it took.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    static TLS: Once = Once::new();
    TLS.call_once(|| {
        drop(rustls::crypto::ring::default_provider().install_default());
        // What the operator says, for whoever replays a failure: RUST_LOG=directory_sync=debug
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        drop(tracing_subscriber::fmt().with_env_filter(filter).try_init());
    });
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_crash_at_any_call_loses_nothing_and_does_nothing_twice_points() {
    let _turn = alone();
    points::all_points();
}

#[test]
fn a_crash_while_a_crash_is_made_good_loses_nothing_either_pairs() {
    let _turn = alone();
    points::pairs();
}

#[test]
fn two_operators_in_rough_weather_lose_nothing_and_do_nothing_twice_schedules() {
    let _turn = alone();
    schedules::all();
}
