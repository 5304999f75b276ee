//! Whether and when a failed call is tried again.

use std::time::Duration;

use super::{CallPolicy, LONGEST_SAT_OUT};
use crate::fault::{Fault, chain};

/// The attempts of one call.
pub(super) struct Retries<'p> {
    policy: &'p CallPolicy,
    call: &'static str,
    failures: u32,
    allowed: u32,
}

impl<'p> Retries<'p> {
    /// `repeatable` says whether this call may be made a second time at all.
    pub(super) fn new(policy: &'p CallPolicy, call: &'static str, repeatable: bool) -> Self {
        Self {
            policy,
            call,
            failures: 0,
            allowed: if repeatable { policy.attempts } else { 1 },
        }
    }

    /// How long to wait before the next attempt; `None` when the error is final.
    pub(super) fn after(&mut self, error: &impl Fault) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= self.allowed || !error.class().is_transient() {
            return None;
        }
        let own = backoff(
            self.failures,
            self.policy.first_delay,
            self.policy.max_delay,
            fastrand::f64(),
        );
        let wait = match error.retry_after() {
            Some(asked) if asked > LONGEST_SAT_OUT => return None,
            // A little more than asked, so that those who were sent away together don't come back together.
            Some(asked) => asked + own.min(self.policy.first_delay),
            None => own,
        };
        tracing::info!(
            side = self.policy.side,
            provider = self.policy.provider,
            call = self.call,
            attempt = self.failures,
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            reason = error.class().label(),
            error = chain(error),
            "A call failed and is tried again."
        );
        Some(wait)
    }
}

/// Doubles with each failure, up to `longest`; `random` (0 to 1) takes away up to half.
fn backoff(failures: u32, first: Duration, longest: Duration, random: f64) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(longest).mul_f64(1.0 - random / 2.0)
}

/// Makes an attempt until it succeeds or its failure is final. A macro, because each attempt borrows anew.
macro_rules! retried {
    ($policy:expr, $call:expr, $repeatable:expr, $attempt:expr) => {{
        let mut retries = $crate::call::retry::Retries::new(&$policy, $call, $repeatable);
        loop {
            match $policy.attempt($call, $attempt).await {
                Ok(done) => break Ok(done),
                Err(error) => match retries.after(&error) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => break Err(error),
                },
            }
        }
    }};
}
pub(super) use retried;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_chance_takes_at_most_half() {
        let wait = |failures, random| {
            backoff(failures, Duration::from_millis(100), Duration::from_secs(1), random).as_millis()
        };
        assert_eq!(
            [1, 2, 3, 4, 5, 40].map(|failures| wait(failures, 0.0)),
            [100, 200, 400, 800, 1000, 1000]
        );
        assert_eq!(wait(3, 1.0), 200);
        assert_eq!(wait(u32::MAX, 0.5), 750);
    }
}
