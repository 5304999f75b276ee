//! Programs that do one thing and end: kubectl, helm, ldapmodify, our own command line.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longer than anything that a test waits for in one command.
const PATIENCE: Duration = Duration::from_mins(3);

/// A command that has ended, with all that it wrote.
#[derive(Debug)]
pub struct Finished {
    /// What was run, for messages.
    pub line: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a command to its end, with `input` as its standard input.
pub async fn run<S: AsRef<std::ffi::OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
    variables: &[(&str, &Path)],
    input: &str,
) -> Finished {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied());
    let line = format!("{:?}", command.as_std());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let feed = async move {
        // A program that ends without reading all of its input is judged by its status.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let ended = tokio::time::timeout(PATIENCE, async { tokio::join!(feed, child.wait_with_output()).1 });
    let output = ended
        .await
        .unwrap_or_else(|_| panic!("{line} did not end within {PATIENCE:?}"))
        .unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
    Finished {
        line,
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Finished {
    /// The standard output of a command that must succeed.
    #[track_caller]
    pub fn success(self) -> String {
        assert!(
            self.status.success(),
            "{}: {}\n{}{}",
            self.line,
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// The standard error of a command that must fail.
    #[track_caller]
    pub fn failure(self) -> String {
        assert!(
            !self.status.success(),
            "{} should have failed\n{}{}",
            self.line,
            self.stdout,
            self.stderr
        );
        self.stderr
    }
}
