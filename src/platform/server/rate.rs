//! The rate of each credential.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::platform::rest::wire::{Problem, ProblemKind};

/// A token bucket for each token, and one for all requests without a known token.
///
/// A bucket fills at the rate and holds what one second brings: after a pause, at most that many requests come at once.
pub(super) struct Rates {
    clock: DefaultClock,
    tokens: Vec<DefaultDirectRateLimiter>,
    anonymous: Option<DefaultDirectRateLimiter>,
}

impl Rates {
    /// Buckets for this many tokens; `None` doesn't limit.
    pub(super) fn new(rate: Option<NonZeroU32>, tokens: usize) -> Self {
        let bucket = |rate: NonZeroU32| RateLimiter::direct(Quota::per_second(rate));
        Self {
            clock: DefaultClock::default(),
            tokens: rate
                .map(|rate| (0..tokens).map(|_| bucket(rate)).collect())
                .unwrap_or_default(),
            anonymous: rate.map(bucket),
        }
    }

    /// Takes one request out of the bucket of a token, or fails with how long to wait.
    pub(super) fn take(&self, token: Option<usize>) -> Result<(), Problem> {
        let bucket = match token {
            Some(token) => self.tokens.get(token),
            None => self.anonymous.as_ref(),
        };
        let Some(Err(not_until)) = bucket.map(DefaultDirectRateLimiter::check) else {
            return Ok(());
        };
        let wait = not_until.wait_time_from(self.clock.now()).max(Duration::from_millis(1));
        Err(Problem::new(ProblemKind::TooManyRequests).with_wait(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_credential_has_a_bucket_of_one_second() {
        let rates = Rates::new(NonZeroU32::new(5), 2);
        let taken = |token| (0..10).filter(|_| rates.take(token).is_ok()).count();
        assert_eq!((taken(Some(0)), taken(Some(1)), taken(None)), (5, 5, 5));
        let wait = rates.take(Some(0)).unwrap_err().retry_after_ms.unwrap();
        assert!((1..=200).contains(&wait), "{wait}");
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let rates = Rates::new(None, 1);
        assert!((0..1000).all(|_| rates.take(Some(0)).is_ok() && rates.take(None).is_ok()));
    }
}
