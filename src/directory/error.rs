//! What can go wrong on the read side.

use std::time::Duration;

use directory_sync_model::snapshot::Size;

use crate::{
    fault::{Class, Fault},
    http,
};

/// A failed call to a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An HTTP request failed.
    #[error("{operation}")]
    Http {
        /// What was being done, for example `reading users from https://…`.
        operation: String,
        /// Why it failed.
        #[source]
        source: http::Error,
    },
    /// An LDAP operation failed.
    #[error("{operation}: {message}")]
    Ldap {
        /// What was being done, for example `searching ou=people,dc=acme,dc=test`.
        operation: String,
        /// What the server answered, and what to do.
        message: String,
        /// How it is to be taken.
        class: Class,
        /// The library's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The answer is not what the protocol says.
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
    /// A document of people or groups can't be read at all.
    #[error("{document}: {message}")]
    Document {
        /// Which document, for example `ConfigMap acme/people, key people.csv`.
        document: String,
        /// What is wrong, where, and what to do.
        message: String,
    },
    /// The other side has asked for a pause that is too long to be sat out; the call wasn't made.
    #[error("{operation}: the other side wants no requests for another {} s", .rest.as_secs())]
    Paused {
        /// What was to be done.
        operation: String,
        /// How long the pause still is.
        rest: Duration,
    },
    /// A layer gave up waiting.
    #[error("{operation}: no answer within {} s", .after.as_secs())]
    Timeout {
        /// What was being done.
        operation: String,
        /// How long was waited.
        after: Duration,
    },
    /// The whole read takes too long, whatever each answer takes.
    #[error(
        "the read isn't complete after {} s and is given up; ask for larger pages, narrow what is read, or raise \
         limits.requestsPerSecond",
        .after.as_secs()
    )]
    TooLong {
        /// How long it has taken.
        after: Duration,
    },
    /// What is read takes more memory than there is for it.
    #[error(
        "the directory takes more than {} MiB of memory after {} people, {} groups and {} memberships; narrow what is \
         read, or raise the operator's --read-memory-mib together with its memory",
        .limit >> 20, .size.users, .size.groups, .size.memberships
    )]
    TooLarge {
        /// How much had been read.
        size: Size,
        /// How much memory there is for it, in bytes.
        limit: u64,
    },
    /// A reader panicked; that is this sync's failure and nobody else's.
    #[error(
        "{operation}: the reader failed, which is a fault of directory-sync; please report it with what the log says"
    )]
    Panic {
        /// What was being done.
        operation: String,
    },
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Http { source, .. } => source.class(),
            Self::Ldap { class, .. } => *class,
            Self::Protocol { .. } | Self::TooLarge { .. } => Class::Protocol,
            Self::Configuration { .. } | Self::Document { .. } => Class::InvalidConfiguration,
            Self::Paused { .. } => Class::RateLimited,
            Self::Timeout { .. } | Self::TooLong { .. } => Class::Timeout,
            Self::Panic { .. } => Class::Internal,
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
