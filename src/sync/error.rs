//! Why a run ended early: one variant per step that touches the world.

use std::time::Duration;

use super::ledger::LedgerError;
use crate::{
    directory::{self, fetch::FetchFailure},
    fault::{Class, Fault},
    platform,
};

/// A run that ended early. Whatever was applied before is in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory could not be read; nothing was written.
    #[error("the directory could not be read")]
    Fetch(#[source] FetchFailure),
    /// The platform could not be observed; nothing was written.
    #[error("the platform could not be read")]
    Observe(#[source] platform::Error),
    /// The account lacks rights on the platform; nothing was written.
    #[error("the account {account:?} lacks rights on the platform: {}", .missing.join(", "))]
    Rights {
        /// What the account is called.
        account: String,
        /// The rights that are missing.
        missing: Vec<String>,
    },
    /// The ledger could not be read or written; nothing more was written to the platform.
    #[error("the operator's own store failed, so nothing more is written to the platform")]
    Ledger(#[source] LedgerError),
    /// The platform failed while it was written; what was done is in the report, and the next run goes on from there.
    #[error("the platform could not be written")]
    Apply(#[source] platform::Error),
}

impl Error {
    /// Whether it was the directory's side.
    pub const fn is_directory(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }

    /// The directory's error, when it was its side.
    pub fn directory(&self) -> Option<&directory::Error> {
        match self {
            Self::Fetch(failure) => Some(&failure.source),
            _ => None,
        }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Fetch(failure) => failure.source.class(),
            Self::Observe(source) | Self::Apply(source) => source.class(),
            Self::Ledger(source) => source.class(),
            Self::Rights { .. } => Class::Forbidden,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fetch(failure) => failure.source.retry_after(),
            Self::Observe(source) | Self::Apply(source) => source.retry_after(),
            Self::Ledger(_) | Self::Rights { .. } => None,
        }
    }
}
