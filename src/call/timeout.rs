//! No attempt takes forever.

use std::time::Duration;

use crate::{directory, fault::Fault, platform};

/// An error that can say that its call took too long.
pub(super) trait TimedOut: Fault {
    fn timed_out(call: &'static str, after: Duration) -> Self;
}

impl TimedOut for directory::Error {
    fn timed_out(call: &'static str, after: Duration) -> Self {
        Self::Timeout {
            operation: call.replace('_', " "),
            after,
        }
    }
}

impl TimedOut for platform::Error {
    fn timed_out(call: &'static str, after: Duration) -> Self {
        Self::Timeout {
            operation: call.replace('_', " "),
            after,
        }
    }
}

/// Gives a call so much time and drops it then.
pub(super) async fn within<T, E: TimedOut>(
    limit: Duration,
    call: &'static str,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| Err(E::timed_out(call, limit)))
}
