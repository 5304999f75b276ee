//! What the image holds: a static binary that needs nothing else around it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::process::{Process, free_port, wait_until};
use crate::support::temporary_folder;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Builds it as the Dockerfile does; `make test` has done so before, because it takes minutes.
fn build() {
    let mut make = Command::new("make");
    make.args(["--directory", env!("CARGO_MANIFEST_DIR"), "static"]);
    // What cargo sets for a test would have build scripts run anew, and with them everything be built anew.
    let of_this_run = |name: &str| name.starts_with("CARGO") && !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&name);
    for (name, _) in std::env::vars().filter(|(name, _)| of_this_run(name)) {
        make.env_remove(name);
    }
    let made = make.env_remove("MAKEFLAGS").output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn target() -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A command in a root of its own, in which there is the binary and nothing to link it with.
fn within(root: &Path, arguments: &[&str]) -> Command {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root {
        Command::new("chroot")
    } else {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--root"]);
        command
    };
    command.arg(root).arg("/directory-sync");
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap());
    command
}

#[tokio::test]
async fn the_static_binary_syncs_in_an_empty_root_and_resolves_names_there() {
    tokio::task::spawn_blocking(build).await.unwrap();
    let folder = temporary_folder();
    let root = folder.path();
    fs::create_dir(root.join("etc")).unwrap();
    fs::create_dir(root.join("tmp")).unwrap();
    fs::copy(target().join("static/directory-sync"), root.join("directory-sync")).unwrap();
    fs::write(root.join("etc/hosts"), "127.0.0.1 platform.test\n").unwrap();
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n").unwrap();
    fs::write(root.join("token"), "quickstart-token\n").unwrap();

    let port = free_port();
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    fs::create_dir(root.join("quickstart")).unwrap();
    for file in fs::read_dir(quickstart).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let text = text.replace("127.0.0.1:8480", &format!("platform.test:{port}"));
        fs::write(root.join("quickstart").join(file.file_name()), text).unwrap();
    }

    let listen = format!("127.0.0.1:{port}");
    let serve = [
        "platform",
        "serve",
        "--listen",
        &listen,
        "--database",
        "/tmp/platform.db",
        "--token-file",
        "/token",
    ];
    let mut server = Process::start("platform", &mut within(root, &serve), root);
    server
        .ready(PATIENCE, async || tokio::net::TcpStream::connect(&listen).await.ok())
        .await;

    let sync = async |expected: &str| {
        let output = within(root, &["sync", "-f", "/quickstart"]).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && told.contains(expected),
            "{told}\n{complaint}"
        );
    };
    sync("12 changes done").await;
    sync("nothing to change").await;

    // And names that don't resolve are said to be that.
    let connection = root.join("quickstart/connection.yaml");
    let text = fs::read_to_string(&connection)
        .unwrap()
        .replace("platform.test", "nowhere.test");
    fs::write(&connection, text).unwrap();
    let output = within(root, &["sync", "-f", "/quickstart"]).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && complaint.contains("nowhere.test"),
        "{complaint}"
    );

    server.signal("TERM");
    wait_until("the server to end", PATIENCE, async || server.exited()).await;
}
