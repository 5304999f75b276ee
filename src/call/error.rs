//! What the layers themselves say in place of an answer.

use std::time::Duration;

use super::Paused;
use crate::{directory, fault::Fault, platform};

/// An error that can say why a layer gave no answer. `call` is the call's name in metrics.
pub(super) trait OfLayer: Fault {
    /// It took too long.
    fn timed_out(call: &'static str, after: Duration) -> Self;

    /// It wasn't made, because the other side wants no requests.
    fn paused(call: &'static str, paused: Paused) -> Self;
}

impl OfLayer for directory::Error {
    fn timed_out(call: &'static str, after: Duration) -> Self {
        Self::Timeout {
            operation: call.replace('_', " "),
            after,
        }
    }

    fn paused(call: &'static str, Paused { rest }: Paused) -> Self {
        Self::Paused {
            operation: call.replace('_', " "),
            rest,
        }
    }
}

impl OfLayer for platform::Error {
    fn timed_out(call: &'static str, after: Duration) -> Self {
        Self::Timeout {
            operation: call.replace('_', " "),
            after,
        }
    }

    fn paused(call: &'static str, Paused { rest }: Paused) -> Self {
        Self::Paused {
            operation: call.replace('_', " "),
            rest,
        }
    }
}
