//! Where the programs are that tests run.

use std::path::PathBuf;
use std::process::Command;

/// The path of a program that `tests/tools/install` provides.
///
/// That script alone knows the places (`$KUBEBUILDER_ASSETS`, then the cache folder of exactly these versions), and
/// says in one line what to run when the program is missing.
pub fn tool(program: &str) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/install");
    let output = Command::new(script)
        .args(["--where", program])
        .output()
        .unwrap_or_else(|error| panic!("cannot run {script}: {error}"));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    PathBuf::from(String::from_utf8(output.stdout).expect("the path is UTF-8").trim_end())
}

/// A file or folder that was unpacked beside a program: `../NAME` as seen from the program's folder.
pub fn beside(program: &str, name: &str) -> PathBuf {
    let path = tool(program);
    let root = path
        .parent()
        .and_then(|bin| bin.parent())
        .expect("a program is in a bin folder");
    root.join(name)
}
