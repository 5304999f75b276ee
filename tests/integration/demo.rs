//! `make demo`, without the building.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::run;
use crate::support::temporary_folder;

#[tokio::test]
async fn the_demo_tells_its_story_and_leaves_nothing_behind() {
    let folder = temporary_folder();
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo.sh");
    let program = PathBuf::from(env!("CARGO_BIN_EXE_directory-sync"));
    let variables = [("DIRECTORY_SYNC", program.as_path()), ("TMPDIR", temporary.as_path())];
    let told = run(&script, [""; 0], &variables, "").await.success();

    let mut rest = told.as_str();
    for line in [
        "/acme condition met\n",
        "team support           Ann Ben Cleo Dan Eve Finn\n",
        "inbox EMEA Support     Ann Ben Cleo Dan Eve Finn\n",
        "Synced",
        "+  not active             Ben\n",
        "+  team sales             Cleo Gwen Hal Ida Jon Kim\n",
        "Unchanged\n",
        "AwaitingDecision",
        "(no difference)\n",
        "Superseded",
        "everything that ran is stopped",
    ] {
        let at = rest
            .find(line)
            .unwrap_or_else(|| panic!("{line:?} is missing after the lines before it:\n{told}"));
        rest = &rest[at + line.len()..];
    }
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}
