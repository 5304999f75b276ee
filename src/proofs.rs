//! The pages that say which test proves what are true: each test that they name is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The pages with tables whose last column names tests.
const PAGES: [&str; 2] = ["docs/safety.md", "tests/proofs.md"];

/// Tests of promises and incidents: each of these has to be on one of the pages.
const COLLECTIONS: [&str; 6] = [
    "model/tests/meaning/promises.rs",
    "model/tests/meaning/incidents.rs",
    "src/sync/apply/tests/promises.rs",
    "src/sync/apply/tests/incidents.rs",
    "src/directory/bad_reads/incidents.rs",
    "src/resolve/tests/secrets.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in the last column of a page's tables, where the head of that column is `tests`.
fn named(page: &str) -> Vec<String> {
    let mut in_table = false;
    let mut names = Vec::new();
    for line in text(page).lines() {
        let last = line
            .trim_end()
            .strip_suffix('|')
            .and_then(|line| line.rsplit('|').next())
            .map(str::trim);
        match last {
            None => in_table = false,
            Some("tests") => in_table = true,
            Some(cell) if in_table => names.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned)),
            Some(_) => {}
        }
    }
    names
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The tests of one file: functions after an attribute `test`, whichever, that is not ignored, and those in `proptest!`.
fn tests(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test") || line.contains("::test");
            assert!(!line.starts_with("#[ignore"), "a test that is ignored proves nothing");
        } else {
            let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            if let Some((name, _)) = function.filter(|_| is_test).and_then(|rest| rest.split_once('(')) {
                tests.insert(name.to_owned());
            }
            is_test = false;
        }
    }
    tests
}

#[test]
fn the_pages_of_proofs_name_tests_that_there_are() {
    let mut files = Vec::new();
    for folder in ["src", "model/src", "model/tests", "tests"] {
        sources(&root().join(folder), &mut files);
    }
    let all: BTreeSet<String> = files
        .iter()
        .flat_map(|path| tests(&fs::read_to_string(path).unwrap()))
        .collect();
    let mut gone = Vec::new();
    for page in PAGES {
        let names = named(page);
        assert!(names.len() > 10, "{page} has no table of tests");
        gone.extend(
            names
                .into_iter()
                .filter(|name| !all.contains(name))
                .map(|name| format!("{page}: {name}")),
        );
    }
    assert!(
        gone.is_empty(),
        "no test is called so any more; name the one that proves it now:\n{}",
        gone.join("\n")
    );
}

#[test]
fn every_test_of_a_promise_or_an_incident_is_on_a_page() {
    let named: BTreeSet<String> = PAGES.iter().flat_map(|page| named(page)).collect();
    let mut missing = Vec::new();
    for file in COLLECTIONS {
        let tests = tests(&text(file));
        assert!(!tests.is_empty(), "{file} has no tests");
        missing.extend(
            tests
                .into_iter()
                .filter(|name| !named.contains(name))
                .map(|name| format!("{file}: {name}")),
        );
    }
    assert!(
        missing.is_empty(),
        "put them into {}:\n{}",
        PAGES.join(" or "),
        missing.join("\n")
    );
}

#[test]
fn every_promise_has_a_row_and_a_test_of_its_number() {
    let page = text("docs/safety.md");
    for number in 1..=8 {
        let row = page.lines().find(|line| line.starts_with(&format!("| {number}. ")));
        let row = row.unwrap_or_else(|| panic!("promise {number} has no row in docs/safety.md"));
        assert!(
            row.contains(&format!("`promise_{number}_")),
            "promise {number} has no test of its number"
        );
    }
}
