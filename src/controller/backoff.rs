//! When the next run is due. Pure: chance comes in as a number.

use std::time::Duration;

use jiff::Timestamp;

pub use super::config::Timing;
use crate::http::retry_after::LONGEST;

/// How far a time is moved at random, to either side.
const JITTER: f64 = 0.1;

/// What a run came to, as far as it decides when the next one is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It came to its end.
    Success,
    /// It came to its end, on an incomplete read.
    Incomplete,
    /// It failed in a way that may pass.
    Failure {
        /// How long the other side asked to wait.
        retry_after: Option<Duration>,
    },
    /// It failed in a way that only a person can mend.
    Stall,
    /// It was stopped in the middle.
    Stopped,
}

/// When the next run is due, the `failures`th in a row having failed. `chance` is between 0 and 1.
pub fn next_run(
    now: Timestamp,
    after_what: After,
    interval: Duration,
    failures: u32,
    timing: &Timing,
    chance: f64,
) -> Timestamp {
    let wait = match after_what {
        After::Success => jittered(interval, chance),
        After::Incomplete => jittered(growing(failures, timing).min(interval), chance),
        // What the other side asks for is a minimum.
        After::Failure { retry_after } => {
            jittered(growing(failures, timing), chance).max(retry_after.unwrap_or_default().min(LONGEST))
        }
        After::Stall => jittered(timing.stalled_retry, chance),
        After::Stopped => Duration::ZERO,
    };
    after(now, wait)
}

/// Whether a connection whose last run came to this, the `failures`th in a row, has failed so often that it waits as long as
/// ever. An incomplete read is tried again with the interval at the latest, and so never comes to it.
pub fn is_quarantined(after_what: After, failures: u32, timing: &Timing) -> bool {
    matches!(after_what, After::Failure { .. }) && growing(failures, timing) >= timing.max_retry
}

/// A time as messages tell it: in UTC, to the second.
pub fn told(time: Timestamp) -> impl std::fmt::Display {
    time.strftime("%Y-%m-%dT%H:%M:%SZ")
}

/// When to look at the Secrets and `ConfigMap`s of a stalled connection again.
pub fn next_look(now: Timestamp, timing: &Timing, chance: f64) -> Timestamp {
    after(now, jittered(timing.stalled_look, chance))
}

/// A point in time so much later; the end of time where there is none.
pub fn after(time: Timestamp, wait: Duration) -> Timestamp {
    time.saturating_add(jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::MAX))
        .unwrap_or(Timestamp::MAX)
}

/// How long it is from now until then; nothing when it has passed.
pub fn until(now: Timestamp, then: Timestamp) -> Duration {
    then.duration_since(now).try_into().unwrap_or(Duration::ZERO)
}

fn growing(failures: u32, timing: &Timing) -> Duration {
    let doublings = failures.saturating_sub(1).min(30);
    timing.first_retry.saturating_mul(1 << doublings).min(timing.max_retry)
}

fn jittered(wait: Duration, chance: f64) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn wait(after_what: After, failures: u32, chance: f64) -> Duration {
        let now = Timestamp::from_second(1000).unwrap();
        let next = next_run(now, after_what, HOUR * 6, failures, &Timing::default(), chance);
        until(now, next)
    }

    fn failure(retry_after: Option<Duration>) -> After {
        After::Failure { retry_after }
    }

    #[test]
    fn the_interval_is_jittered_by_ten_percent() {
        assert_eq!(wait(After::Success, 0, 0.5), HOUR * 6);
        assert_eq!(wait(After::Success, 0, 0.0), (HOUR * 6).mul_f64(0.9));
        assert_eq!(wait(After::Success, 0, 1.0), (HOUR * 6).mul_f64(1.1));
    }

    #[test]
    fn failures_wait_ten_seconds_and_then_twice_as_long_up_to_a_day() {
        let seconds =
            [1, 2, 3, 4, 9, 14, 15, 40, u32::MAX].map(|failures| wait(failure(None), failures, 0.5).as_secs());
        assert_eq!(seconds, [10, 20, 40, 80, 2560, 81_920, 86_400, 86_400, 86_400]);
    }

    #[test]
    fn a_connection_is_in_quarantine_once_it_waits_a_day_and_not_before() {
        let is_quarantined = |after_what, failures| is_quarantined(after_what, failures, &Timing::default());
        assert!(!is_quarantined(failure(None), 14));
        assert!(is_quarantined(failure(None), 15));
        assert!(is_quarantined(failure(Some(HOUR)), u32::MAX));
        assert!(!is_quarantined(After::Success, 15));
        // Its reads go on with the interval.
        assert!(!is_quarantined(After::Incomplete, 40));
    }

    #[test]
    fn a_wait_that_the_other_side_asks_for_is_never_shortened() {
        assert_eq!(wait(failure(Some(HOUR * 3)), 1, 0.0), HOUR * 3);
        assert_eq!(
            wait(failure(Some(Duration::from_secs(1))), 1, 0.5),
            Duration::from_secs(10)
        );
        assert_eq!(wait(failure(Some(HOUR * 1000)), 1, 0.5), HOUR * 24);
    }

    #[test]
    fn an_incomplete_read_is_tried_again_at_the_latest_with_the_interval() {
        assert_eq!(wait(After::Incomplete, 1, 0.5), Duration::from_secs(10));
        let now = Timestamp::from_second(0).unwrap();
        let minute = Duration::from_mins(1);
        let next = next_run(now, After::Incomplete, minute, 9, &Timing::default(), 0.5);
        assert_eq!(until(now, next), minute);
        // And where the interval is a week, with a day.
        let next = next_run(now, After::Incomplete, HOUR * 24 * 7, 40, &Timing::default(), 0.5);
        assert_eq!(until(now, next), HOUR * 24);
    }

    #[test]
    fn messages_tell_a_time_to_the_second() {
        let time: Timestamp = "2026-11-22T05:06:07.89Z".parse().unwrap();
        assert_eq!(told(time).to_string(), "2026-11-22T05:06:07Z");
    }

    #[test]
    fn what_needs_a_person_is_tried_once_a_day_and_what_was_stopped_at_once() {
        assert_eq!(wait(After::Stall, 1, 0.5), HOUR * 24);
        assert_eq!(wait(After::Stopped, 0, 0.5), Duration::ZERO);
    }
}
