//! How many requests a second, shared by all who use one credential at one host.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

use super::LONGEST_SAT_OUT;
use crate::http::CredentialId;

/// The other side has asked to be left alone, and that for too long to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused {
    /// How long it still is.
    pub rest: Duration,
}

/// Lets requests pass one after the other: at a rate, if there is one, and not at all while the other side has asked
/// to be left alone.
#[derive(Debug)]
pub struct Limiter {
    /// Whoever holds it is next; the queue behind it is fair.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: Option<NonZeroU32>,
    gate: Option<Gate>,
    paused_until: Option<Instant>,
}

type Gate = RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Duration>>;

/// The runtime's clock, which stands still in tests.
#[derive(Clone, Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Limiter {
    /// A limiter for so many requests a second; absent: as many as one likes. 0 would let nothing pass and is taken
    /// as 1.
    pub fn new(rate: Option<u32>) -> Self {
        let rate = rate.map(|rate| NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN));
        Self {
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                gate: rate.map(gate),
                rate,
                paused_until: None,
            }),
        }
    }

    /// Waits for its turn. Where the other side has asked to be left alone for longer than anybody sits out
    /// ([`LONGEST_SAT_OUT`]), it is an error at once, and the turn is somebody else's.
    pub async fn acquire(&self) -> Result<(), Paused> {
        let _turn = self.turn.lock().await;
        while let Some(wait) = self.wait() {
            if wait > LONGEST_SAT_OUT {
                return Err(Paused { rest: wait });
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Lets nobody pass for so long. A pause that is under way is never shortened.
    pub fn pause(&self, wait: Duration) {
        let mut state = self.state();
        let until = Instant::now() + wait;
        state.paused_until = Some(state.paused_until.map_or(until, |paused| paused.max(until)));
    }

    /// `None`: pass, and the pass is counted.
    fn wait(&self) -> Option<Duration> {
        let mut state = self.state();
        if let Some(until) = state.paused_until {
            let rest = until.saturating_duration_since(Instant::now());
            if !rest.is_zero() {
                return Some(rest);
            }
            state.paused_until = None;
        }
        let gate = state.gate.as_ref()?;
        gate.check().err().map(|early| early.wait_time_from(gate.clock().now()))
    }

    /// Of two rates the lower one holds, for as long as both are in use.
    fn tighten(&self, rate: Option<u32>) {
        let Some(rate) = rate.map(|rate| NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN)) else {
            return;
        };
        let mut state = self.state();
        if state.rate.is_none_or(|known| rate < known) {
            state.rate = Some(rate);
            state.gate = Some(gate(rate));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rate as such allows no bursts. A timer that fires late would lose what it is late by, so that a fiftieth of a
/// second's worth may be made up for; below ten a second nothing is lost that matters.
fn gate(rate: NonZeroU32) -> Gate {
    let late = match rate.get() {
        0..10 => 1,
        rate => (rate / 50).max(2),
    };
    let quota = Quota::per_second(rate).allow_burst(NonZeroU32::new(late).unwrap_or(NonZeroU32::MIN));
    RateLimiter::direct_with_clock(quota, RuntimeClock(Instant::now()))
}

/// The limiters in use, by host and credential: connections that share both share one. One per process.
#[derive(Debug, Default)]
pub struct LimiterRegistry {
    limiters: Mutex<HashMap<(String, CredentialId), Weak<Limiter>>>,
}

impl LimiterRegistry {
    /// The limiter of a credential at a host (host and port, as the URL has them). It lives as long as somebody holds
    /// it; when those who share it state different rates (requests a second), the lowest counts.
    pub fn for_credential(&self, host: &str, credential: CredentialId, rate: Option<u32>) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.retain(|_, limiter| limiter.strong_count() > 0);
        let slot = limiters.entry((host.to_owned(), credential)).or_default();
        if let Some(limiter) = slot.upgrade() {
            limiter.tighten(rate);
            return limiter;
        }
        let limiter = Arc::new(Limiter::new(rate));
        *slot = Arc::downgrade(&limiter);
        limiter
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    async fn seconds_for(limiter: &Limiter, requests: usize) -> f64 {
        let start = Instant::now();
        for turn in join_all((0..requests).map(|_| limiter.acquire())).await {
            turn.unwrap();
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn requests_pass_at_the_rate() {
        let seconds = seconds_for(&Limiter::new(Some(5)), 51).await;
        assert!((10.0..10.2).contains(&seconds), "{seconds}");
        let seconds = seconds_for(&Limiter::new(Some(500)), 5010).await;
        assert!((10.0..10.2).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        assert!(seconds_for(&Limiter::new(None), 10_000).await < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_and_is_never_shortened() {
        let limiter = Limiter::new(None);
        limiter.pause(Duration::from_secs(30));
        limiter.pause(Duration::from_secs(3));
        let seconds = seconds_for(&limiter, 2).await;
        assert!((30.0..30.1).contains(&seconds), "{seconds}");
        assert!(seconds_for(&limiter, 2).await < f64::EPSILON);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_nobody_sits_out_is_told_at_once_with_what_is_left_of_it() {
        let limiter = Limiter::new(Some(5));
        limiter.pause(Duration::from_hours(1));
        tokio::time::sleep(Duration::from_mins(10)).await;
        let start = Instant::now();
        let told = join_all((0..3).map(|_| limiter.acquire())).await;
        let rest = Duration::from_mins(50);
        assert_eq!(told, [Err(Paused { rest }); 3]);
        assert!(start.elapsed().is_zero());
        tokio::time::sleep(rest).await;
        assert_eq!(limiter.acquire().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_already_is_told_when_the_pause_grows() {
        let limiter = Limiter::new(None);
        limiter.pause(Duration::from_secs(30));
        let longer = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            limiter.pause(Duration::from_hours(1));
        };
        let (told, ()) = tokio::join!(limiter.acquire(), longer);
        assert!(told.is_err(), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_credential_at_one_host_has_one_limiter_at_the_lowest_rate() {
        let registry = LimiterRegistry::default();
        let (ann, bob) = (CredentialId::of(&["ann"]), CredentialId::of(&["bob"]));
        let first = registry.for_credential("a.test", ann, Some(100));
        let second = registry.for_credential("a.test", ann, Some(2));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &registry.for_credential("a.test", bob, None)));
        assert!(!Arc::ptr_eq(&first, &registry.for_credential("b.test", ann, None)));
        let seconds = seconds_for(&first, 5).await;
        assert!((2.0..2.1).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limiter_that_nobody_holds_is_forgotten() {
        let registry = LimiterRegistry::default();
        let ann = CredentialId::of(&["ann"]);
        drop(registry.for_credential("a.test", ann, Some(1)));
        let limiter = registry.for_credential("a.test", ann, None);
        assert!(seconds_for(&limiter, 100).await < f64::EPSILON);
        assert_eq!(registry.limiters.lock().unwrap().len(), 1);
    }
}
