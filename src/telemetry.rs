//! Log lines, as text for people or as JSON for machines, on standard error.
//!
//! `RUST_LOG` chooses what is logged, as `tracing_subscriber::EnvFilter` reads it: `info`, `debug`,
//! `warn,directory_sync=debug`. Fields come first, then a sentence; ERROR only where a person must act. Every line of a sync
//! carries its connection and its id, see [`sync_span`].

use std::io::{IsTerminal, stderr};

use tracing::{Span, Subscriber, field};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, fmt::MakeWriter, util::SubscriberInitExt as _};

/// What servers log where `RUST_LOG` says nothing: what they do. The cluster's client tells of each failed call by itself, in
/// words of its own; what becomes of it is told by whoever called.
pub const SERVERS: &str = "info,kube_client=off,kube_runtime=off";

/// What commands log where `RUST_LOG` says nothing: warnings alone, for they have an output of their own.
pub const COMMANDS: &str = "warn,kube_client=off,kube_runtime=off";

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people; coloured on a terminal, see [`coloured`].
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
    let subscriber = subscriber(format, filter, coloured(&stderr()), stderr);
    subscriber.try_init().map_err(Error::Twice)
}

/// Whether what is written to a stream is coloured: on a terminal only, and not where `NO_COLOR` is set (<https://no-color.org>).
pub fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What every line of one sync carries: as `sync{namespace=… connection=… id=…}` in text, as the object `span` in JSON. The id,
/// which is that of `status.lastSync`, is there as soon as the sync begins, see [`begin_sync`].
pub fn sync_span(namespace: &str, connection: &str) -> Span {
    // A filter that lets through errors alone must not take their span from them.
    tracing::error_span!(parent: None, "sync", namespace, connection, id = field::Empty)
}

/// Gives the sync whose span this code runs in its id.
pub fn begin_sync(id: &str) {
    Span::current().record("id", id);
}

fn subscriber<W>(
    format: Format,
    filter: EnvFilter,
    coloured: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync + 'static>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt().with_env_filter(filter).with_writer(writer).with_ansi(coloured);
    match format {
        Format::Text => Box::new(lines.finish()),
        Format::Json => Box::new(lines.json().flatten_event(true).with_span_list(false).finish()),
    }
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

    /// What is logged by some code.
    fn logged(format: Format, directives: &str, code: impl FnOnce()) -> String {
        let (sender, receiver) = std::sync::mpsc::channel();
        let writer = move || Lines(sender.clone());
        let subscriber = subscriber(format, EnvFilter::new(directives), false, writer);
        tracing::subscriber::with_default(subscriber, code);
        String::from_utf8(receiver.try_iter().flatten().collect()).unwrap()
    }

    struct Lines(std::sync::mpsc::Sender<Vec<u8>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn a_sync() {
        sync_span("acme", "directory").in_scope(|| {
            begin_sync("run-7");
            tracing::error!("Something happened.");
        });
    }

    #[test]
    fn a_line_of_a_sync_carries_connection_and_sync_whatever_the_filter() {
        for directives in ["error", "info", "warn,directory_sync=debug"] {
            let text = logged(Format::Text, directives, a_sync);
            let span = r#"sync{namespace="acme" connection="directory" id="run-7"}"#;
            assert!(text.contains(span) && text.contains("Something happened."), "{text}");
            let json = logged(Format::Json, directives, a_sync);
            let line: serde_json::Value = serde_json::from_str(&json).unwrap();
            let span = serde_json::json!({
                "name": "sync", "namespace": "acme", "connection": "directory", "id": "run-7"
            });
            assert_eq!(
                (&line["span"], &line["message"]),
                (&span, &"Something happened.".into())
            );
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_named() {
        let error = filter(Some("loud=yes=no"), "info").unwrap_err();
        assert!(error.to_string().contains("\"loud=yes=no\""), "{error}");
    }
}
