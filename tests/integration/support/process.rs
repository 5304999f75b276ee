//! Programs that run beside a test and end with it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::watchdog;

/// A running program; it is killed when this is dropped. Its output is kept, and shown when the test fails.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; its standard output and error go to the end of `NAME.log` in `folder`.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the folder is writable");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be copied"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        watchdog::shared().watch(child.id());
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the program ended, or `None` while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child can be waited for")
    }

    /// Sends a signal by name: `TERM` asks to end, `STOP` freezes the program with its connections open, `CONT` lets
    /// it go on.
    pub fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid])
            .status();
        assert!(
            sent.expect("a POSIX shell is on PATH").success(),
            "{} ({pid}) is not running",
            self.name
        );
    }

    /// Ends the program as a crash would (SIGKILL), and returns when it is gone.
    pub fn kill(&mut self) {
        if self.exited().is_none() {
            // It may end between the two calls; then there is nothing to kill.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        watchdog::shared().forget(self.id());
    }

    /// Waits until the program has ended by itself, and returns how.
    pub async fn wait(&mut self, patience: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let status = wait_until(&what, patience, async || self.exited()).await;
        watchdog::shared().forget(self.id());
        status
    }

    /// Asks again and again until `answer` gives something; fails at once when the program ends instead.
    pub async fn ready<T>(&mut self, patience: Duration, mut answer: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(value) = answer().await {
                return value;
            }
            if let Some(status) = self.exited() {
                panic!("{} ended before it was ready ({status})", self.name);
            }
            assert!(
                Instant::now() < deadline,
                "{} was not ready within {patience:?}",
                self.name
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All that the program has written so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let output = self.output();
            let lines: Vec<_> = output.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n  ");
            eprintln!("the last lines of {}:\n  {last}", self.name);
        }
    }
}

/// Asks again and again until `attempt` gives something; fails when it has not within `patience`.
pub async fn wait_until<T>(what: &str, patience: Duration, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {patience:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A TCP port of 127.0.0.1 on which nothing listens, never the same twice in this process.
///
/// It is not taken from the range that the kernel gives to outgoing connections (32768 and up on Linux): one of those
/// could occupy the port before the server does.
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    // Test binaries that run at the same time start far from each other.
    let next = NEXT.get_or_init(|| AtomicU16::new(fastrand::u16(..COUNT)));
    for _ in 0..COUNT {
        let port = FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
