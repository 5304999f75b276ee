//! What can go wrong on the write side.

use std::time::Duration;

use crate::{
    fault::{Class, Fault},
    http,
};

/// A failed call to a platform, or the failure of one item of a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An HTTP request failed.
    #[error("{operation}")]
    Http {
        /// What was being done, for example `listing users of https://…`.
        operation: String,
        /// Why it failed.
        #[source]
        source: http::Error,
    },
    /// The platform refused one item.
    #[error("{operation}: {message}")]
    Item {
        /// What was being done.
        operation: String,
        /// What the platform answered.
        message: String,
        /// How it is to be taken.
        class: Class,
    },
    /// The answer is not what the contract says.
    #[error("{operation}: {message}")]
    Protocol {
        /// What was being done.
        operation: String,
        /// What is wrong with the answer.
        message: String,
    },
    /// The specification can't be used as it is.
    #[error("{field}: {message}")]
    Configuration {
        /// The field, as a path from `spec`.
        field: String,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// The platform was not observed completely, so that nothing can be concluded from what is missing.
    #[error("{operation}: the platform stated {stated} and sent {received}; nothing is planned on that ground")]
    Incomplete {
        /// What was being read.
        operation: String,
        /// What the platform stated.
        stated: u64,
        /// What came.
        received: u64,
    },
    /// The other side has asked for a pause that is too long to be sat out; the call wasn't made.
    #[error("{operation}: the other side wants no requests for another {} s", .rest.as_secs())]
    Paused {
        /// What was to be done.
        operation: String,
        /// How long the pause still is.
        rest: Duration,
    },
    /// What was to be written couldn't be written down first, so nothing was sent.
    #[error("nothing is sent to the platform while the operator's own store can't be written")]
    NotRecorded,
    /// A layer gave up waiting.
    #[error("{operation}: no answer within {} s", .after.as_secs())]
    Timeout {
        /// What was being done.
        operation: String,
        /// How long was waited.
        after: Duration,
    },
}

impl Error {
    /// Whether the data of one object may have provoked it: another request, without that object, may go through.
    pub fn may_be_of_one_object(&self) -> bool {
        // 502 to 504 are a platform that is away; 500 is often one that trips over what it was sent.
        if let Self::Http {
            source: http::Error::Status { status: 500, .. },
            ..
        } = self
        {
            return true;
        }
        let class = self.class();
        matches!(
            class,
            Class::Rejected | Class::Protocol | Class::Conflict | Class::NoSeats
        )
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Http { source, .. } => source.class(),
            Self::Item { class, .. } => *class,
            Self::Protocol { .. } | Self::Incomplete { .. } => Class::Protocol,
            Self::Configuration { .. } => Class::InvalidConfiguration,
            Self::Paused { .. } => Class::RateLimited,
            Self::Timeout { .. } => Class::Timeout,
            Self::NotRecorded => Class::StoreUnavailable,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Http { source, .. } => source.retry_after(),
            Self::Paused { rest, .. } => Some(*rest),
            _ => None,
        }
    }
}
