//! What can go wrong before a run: manifests, usage.

use std::path::PathBuf;

use super::Exit;
use crate::{api::admission::Violation, resolve, store};

/// A command that can't be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read.
    #[error("{} can't be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file can't be written.
    #[error("{} can't be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A document isn't YAML.
    #[error("{place}: {message}")]
    Yaml {
        /// The file and document.
        place: String,
        /// Where and why.
        message: String,
    },
    /// An object isn't valid.
    #[error("{place}: {}", .violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// The file, kind and name.
        place: String,
        /// All that is wrong.
        violations: Vec<Violation>,
    },
    /// There is no connection, or it isn't to be synced.
    #[error("{0}")]
    Connection(String),
    /// What was typed doesn't fit what `-f` names.
    #[error("{0}")]
    Usage(String),
    /// The same object is there twice.
    #[error("{kind} {name:?} is there twice: in {first} and in {second}; remove one")]
    Twice {
        /// Its kind.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it was first.
        first: String,
        /// Where it is again.
        second: String,
    },
    /// Nothing says who is wanted, so nothing is done, as on a cluster.
    #[error(
        "no GroupMapping names DirectoryConnection {namespace}/{name}, so nothing is synced: add one to what -f names, in \
         namespace {namespace} and with spec.connectionRef.name {name}"
    )]
    NoMappings {
        /// The connection's namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// It was interrupted, and what was under way wasn't answered in time.
    #[error("interrupted while requests were under way; run it again to go on from there")]
    Interrupted,
    /// The specification can't be carried out.
    #[error("{object}: {source}")]
    Resolve {
        /// Which connection.
        object: String,
        /// Why.
        source: resolve::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The reference platform.
    #[error("the platform can't be served")]
    Platform(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The operator.
    #[error("the operator can't run")]
    Controller(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The program can't begin.
    #[error("the program's threads can't be started")]
    Start(#[source] std::io::Error),
    /// Something that doesn't depend on what was typed.
    #[error("{what}; this is a fault of the program: please report it")]
    Internal {
        /// What can't be done.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Results can't be written.
    #[error("the output can't be written")]
    Output(#[source] std::io::Error),
}

impl Error {
    /// How a command ends with it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}
