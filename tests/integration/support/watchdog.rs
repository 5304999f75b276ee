//! Stops servers when the test binary is gone.
//!
//! A server that all tests share lives in a static, and Rust drops no static at exit; a binary that is killed drops
//! nothing at all. So a small shell runs beside us and reads our orders from a pipe. The kernel closes that pipe
//! whenever and however we end, and only then does the shell kill what we had not stopped by ourselves. It runs in a
//! process group of its own, so that Ctrl-C on the terminal does not reach it before it has done so.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Orders are lines: `watch PID`, `forget PID`, `remove FOLDER`.
const SCRIPT: &str = r#"
pids=" "
set --
while read -r order subject; do
  case $order in
    watch) pids="$pids$subject " ;;
    forget)
      case $pids in
        *" $subject "*) pids="${pids%% $subject *} ${pids#* $subject }" ;;
      esac
      ;;
    remove) set -- "$@" "$subject" ;;
  esac
done
for pid in $pids; do kill -9 "$pid"; done
for folder in "$@"; do rm -rf -- "$folder"; done
"#;

/// The shell that outlives its owner by a moment.
pub struct Watchdog {
    shell: Mutex<Child>,
    orders: Mutex<Option<ChildStdin>>,
}

/// The watchdog of this process; it is never dropped, so its pipe closes when the process ends.
pub fn shared() -> &'static Watchdog {
    static SHARED: OnceLock<Watchdog> = OnceLock::new();
    SHARED.get_or_init(Watchdog::new)
}

impl Watchdog {
    /// Starts the shell.
    pub fn new() -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a POSIX shell is on PATH");
        let orders = shell.stdin.take();
        Self {
            shell: Mutex::new(shell),
            orders: Mutex::new(orders),
        }
    }

    /// Kills the process `pid` at exit.
    pub fn watch(&self, pid: u32) {
        self.order(&format!("watch {pid}"));
    }

    /// Leaves the process `pid` alone: it has ended, and another may be given its number.
    pub fn forget(&self, pid: u32) {
        self.order(&format!("forget {pid}"));
    }

    /// Removes a folder at exit, when the processes are gone.
    pub fn remove_at_exit(&self, folder: &Path) {
        self.order(&format!("remove {}", folder.display()));
    }

    fn order(&self, line: &str) {
        let mut orders = self.orders.lock().unwrap();
        let sent = orders
            .as_mut()
            .is_some_and(|pipe| pipe.write_all(format!("{line}\n").as_bytes()).is_ok());
        assert!(sent || std::thread::panicking(), "the watchdog was killed");
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.orders.lock().unwrap().take();
        let _ = self.shell.lock().unwrap().wait();
    }
}
