//! The command line. Every command ends in one of four exit codes, see [`Exit`].

pub mod args;
mod check;
#[cfg(test)]
pub mod contract;
mod copy;
mod error;
mod manifests;
mod operator;
mod progress;
#[cfg(test)]
pub mod reference;
mod render;
mod restore;
mod run;
mod serve;
mod store;
mod view;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser as _};

use args::{Arguments, Command, LogFormat, PlatformCommand};
use error::Error;
use render::{Paint, Shown};

use crate::telemetry;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to do, or done.
    Done = 0,
    /// An error, or something failed on its own.
    Failed = 1,
    /// Changes are planned, or a plan is held.
    Planned = 2,
    /// Wrong usage (`EX_USAGE` of sysexits.h).
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Reads the command line and carries it out.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors, and go to standard output.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit.into();
        }
    };
    if let Err(error) = start_logging(&arguments) {
        tell("error", Paint::red, &crate::fault::chain(&error));
        return Exit::Usage.into();
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider is installed already");
    }
    match carry_out(arguments.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell("error", Paint::red, &crate::fault::chain(&error));
            error.exit().into()
        }
    }
}

/// Servers tell what they do; whoever runs a command sees its output, and warnings.
fn start_logging(arguments: &Arguments) -> Result<(), telemetry::Error> {
    let format = match arguments.log_format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    };
    let serves = matches!(arguments.command, Command::Controller(_) | Command::Platform(_));
    telemetry::init(
        format,
        if serves {
            telemetry::SERVERS
        } else {
            telemetry::COMMANDS
        },
    )
}

/// A message on standard error, whatever texts of others it repeats.
fn tell(label: &str, colour: fn(Paint, &str) -> String, message: &str) {
    let label = colour(Paint::of(&io::stderr()), label);
    // Nobody is left to be told that it can't be written.
    let _ = writeln!(io::stderr(), "{label}: {}", Shown(message));
}

/// What is worth knowing and stops nothing.
fn warn(message: &str) {
    tell("warning", Paint::yellow, message);
}

fn carry_out(command: Command) -> Result<Exit, Error> {
    match command {
        Command::Controller(arguments) => runtime()?.block_on(operator::run(arguments)),
        Command::Plan(arguments) => runtime()?.block_on(run::plan(&arguments)),
        Command::Sync(arguments) => runtime()?.block_on(run::sync(&arguments)),
        Command::Restore(arguments) => runtime()?.block_on(restore::restore(&arguments)),
        Command::Store(command) => runtime()?.block_on(copy::store(&command)),
        Command::Check(arguments) => runtime()?.block_on(check::check(&arguments)),
        Command::Platform(PlatformCommand::Serve(arguments)) => runtime()?.block_on(serve::serve(&arguments)),
        Command::Crds => {
            let files = crate::api::crds::render().map_err(|error| Error::Internal {
                what: "the definitions can't be rendered",
                source: Box::new(error),
            })?;
            let texts: Vec<&str> = files.iter().map(|(_, text)| text.as_str()).collect();
            print(&format!("---\n{}", texts.join("---\n")))
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "directory-sync", &mut script);
            let script = String::from_utf8_lossy(&script);
            // clap_complete 4.6 writes the program's hyphen in two ways, and so Bash would complete no option of any command.
            print(&match shell {
                clap_complete::Shell::Bash => script.replace("directory__subcmd__sync", "directory__sync"),
                _ => script.into_owned(),
            })
        }
        Command::Version => print(concat!("directory-sync ", env!("CARGO_PKG_VERSION"), "\n")),
    }
}

fn print(text: &str) -> Result<Exit, Error> {
    written(io::stdout().write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

/// Whether results could be written. A reader who has seen enough (`… | head`) is no error: the command ends as it would have.
fn written(result: io::Result<()>) -> Result<(), Error> {
    match result.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Start)
}
