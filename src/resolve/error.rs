//! Why a connection can't be resolved.

use std::time::Duration;

use super::Missing;
use crate::{
    api::{condition::Reason, reference::ObjectKind},
    directory,
    fault::{Class, Fault},
    platform,
};

/// A specification that can't be carried out, or something that it names and that isn't there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field can't be used as it is.
    #[error("{field}: {message}")]
    Field {
        /// The field, as a path from the object's root.
        field: String,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// An expression doesn't compile.
    #[error("{field}: {message}")]
    Expression {
        /// The field, as a path from the object's root.
        field: String,
        /// Where it is wrong and what to do.
        message: String,
    },
    /// A Secret or `ConfigMap`, or a key of one.
    #[error("{field}: {source}")]
    Missing {
        /// The field that names it.
        field: String,
        /// What is missing.
        source: Missing,
    },
    /// The directory can't be connected.
    #[error("{0}")]
    Directory(#[from] directory::Error),
    /// The platform can't be connected.
    #[error("{0}")]
    Platform(#[from] platform::Error),
}

impl Error {
    /// The reason in conditions and events.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Field { .. } | Self::Directory(_) | Self::Platform(_) => Reason::InvalidSpec,
            Self::Expression { .. } => Reason::InvalidExpression,
            Self::Missing { source, .. } => match source {
                Missing::Object { kind, .. } | Missing::Key { kind, .. } | Missing::Forbidden { kind, .. } => {
                    match kind {
                        ObjectKind::Secret => Reason::SecretNotFound,
                        ObjectKind::ConfigMap => Reason::ConfigMapNotFound,
                    }
                }
                Missing::Unavailable { .. } => Reason::Internal,
            },
        }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Field { .. } | Self::Expression { .. } => Class::InvalidConfiguration,
            Self::Missing {
                source: Missing::Unavailable { .. },
                ..
            } => Class::Unavailable,
            Self::Missing { .. } => Class::NotFound,
            Self::Directory(source) => source.class(),
            Self::Platform(source) => source.class(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Directory(source) => source.retry_after(),
            Self::Platform(source) => source.retry_after(),
            _ => None,
        }
    }
}
