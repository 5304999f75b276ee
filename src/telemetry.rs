//! Log lines, as text for people or as JSON for machines, on standard error.
//!
//! `RUST_LOG` chooses what is logged, as `tracing_subscriber::EnvFilter` reads it: `info`, `debug`,
//! `warn,directory_sync=debug`. Fields come first, then a sentence; ERROR only where a person must act.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, util::SubscriberInitExt as _};

/// What servers log where `RUST_LOG` says nothing: what they do. The cluster's client tells of each failed call by itself, in
/// words of its own; what becomes of it is told by whoever called.
pub const SERVERS: &str = "info,kube_client=off,kube_runtime=off";

/// What commands log where `RUST_LOG` says nothing: warnings alone, for they have an output of their own.
pub const COMMANDS: &str = "warn,kube_client=off,kube_runtime=off";

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Why logging can't be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The variable can't be understood.
    #[error("RUST_LOG can't be used: {value:?} is no filter; write for example info or warn,directory_sync=debug")]
    Filter {
        /// Its value.
        value: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// Something else logs already.
    #[error("logging was set up twice")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the process; once. `default` is the filter where `RUST_LOG` says nothing.
pub fn init(format: Format, default: &str) -> Result<(), Error> {
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref(), default)?;
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    match format {
        Format::Text => lines.finish().try_init(),
        Format::Json => lines.json().flatten_event(true).finish().try_init(),
    }
    .map_err(Error::Twice)
}

fn filter(variable: Option<&str>, default: &str) -> Result<EnvFilter, Error> {
    let value = variable
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .unwrap_or(default);
    EnvFilter::try_new(value).map_err(|source| Error::Filter {
        value: value.chars().take(200).collect(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_variable_the_default_is_logged() {
        assert!(filter(None, SERVERS).is_ok() && filter(None, COMMANDS).is_ok());
        for variable in [None, Some(""), Some(" ")] {
            assert_eq!(filter(variable, "info").unwrap().to_string(), "info");
        }
        assert_eq!(filter(Some("debug"), "info").unwrap().to_string(), "debug");
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_named() {
        let error = filter(Some("loud=yes=no"), "info").unwrap_err();
        assert!(error.to_string().contains("\"loud=yes=no\""), "{error}");
    }
}
