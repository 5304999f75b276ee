//! A real PostgreSQL server: one for all tests of the binary, a database for each.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::process::{Process, free_port, wait_until};
use super::{temporary_folder, tools};

/// The password of the server's one user; a test that looks for leaked secrets can look for it.
pub const PASSWORD: &str = "store-8d2f61-password";

/// Nobody in particular: the server refuses to be run by root.
const OTHER_USER: u32 = 65534;

/// How long the server may take to make its files, and to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server.
pub struct Postgres {
    process: Process,
    port: u16,
    bin: PathBuf,
    data: PathBuf,
    folder: TempDir,
}

impl Postgres {
    /// The server that all tests share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// A server of one's own, to stop.
    pub async fn start() -> Self {
        let folder = temporary_folder();
        let bin = programs(folder.path());
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        if is_root() {
            open(folder.path());
            for path in [&data, &password] {
                std::os::unix::fs::chown(path, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
            }
        }
        let mut initdb = command(&bin, "initdb");
        initdb.args([
            "--auth=scram-sha-256",
            "--username=sync",
            "--encoding=UTF8",
            "--locale=C",
        ]);
        initdb.arg("--no-sync").arg("--pgdata").arg(&data);
        initdb.arg(format!("--pwfile={}", password.display()));
        let made = tokio::task::spawn_blocking(move || initdb.output())
            .await
            .unwrap()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut server = command(&bin, "postgres");
        server
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""]);
        server.args(["-c", "fsync=off", "-c", "max_connections=200"]);
        let mut process = Process::start("postgres", &mut server, folder.path());
        let ready = async || {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            connected.ok().map(drop)
        };
        process.ready(PATIENCE, ready).await;
        let server = Self {
            process,
            port,
            bin,
            data,
            folder,
        };
        let asked = async || server.psql("postgres", "SELECT 1").ok();
        wait_until("PostgreSQL", PATIENCE, asked).await;
        server
    }

    /// A new database; its URL, with the password.
    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("store{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        self.url(&name)
    }

    /// The URL of a database, with the password.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://sync:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs a statement as the server's administrator; what it printed, or why it failed.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.run(
            "psql",
            &["--dbname", &self.url(database), "-v", "ON_ERROR_STOP=1", "-qAtc", sql],
        )
    }

    /// Runs one of the server's programs; what it printed, or why it failed.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = command(&self.bin, program).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stderr))
        }
    }

    /// The server itself: to kill.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where a program of the server may write.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, and its children with it: a kill of the first process alone leaves the others behind for a while.
        let data = self.data.display().to_string();
        let _ = self.run("pg_ctl", &["stop", "-D", &data, "-m", "immediate", "-w"]);
    }
}

/// A command that is run by nobody in particular where we are root.
fn command(bin: &Path, program: &str) -> Command {
    let mut command = Command::new(bin.join(program));
    if is_root() {
        command.uid(OTHER_USER).gid(OTHER_USER).current_dir("/");
    }
    command
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// The folder of the programs; a copy where we are root, whose cache others may not read.
fn programs(folder: &Path) -> PathBuf {
    let bin = tools::tool("initdb").parent().unwrap().to_owned();
    if !is_root() {
        return bin;
    }
    let copied = Command::new("cp")
        .args(["-a", "--"])
        .arg(bin.parent().unwrap())
        .arg(folder.join("postgresql"))
        .status();
    assert!(copied.unwrap().success());
    open(&folder.join("postgresql"));
    folder.join("postgresql/bin")
}

/// Lets others look into a temporary folder.
fn open(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
