//! Runs what a page shows, from top to bottom, in one shell.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::blocks::{Page, Part, root};
use crate::support::process::{Process, free_port};
use crate::support::{temporary_folder, tools};

/// How long a page may take.
const PATIENCE: Duration = Duration::from_mins(5);
/// Ports that pages name; each run has its own in their place.
const PORTS: [&str; 2] = ["127.0.0.1:8480", "127.0.0.1:8080"];

/// One command of a page.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Its line on the page.
    pub line: usize,
    /// What is run.
    pub command: String,
    /// How it has to end.
    pub code: i32,
    /// What it has to print, `…` standing for anything; `None`: whatever it likes.
    pub output: Option<Vec<String>>,
}

/// The commands of a page, in order.
pub fn steps(page: &Page) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in page.parts.iter().filter(|part| part.not_run.is_none()) {
        match part.language.as_str() {
            "sh" | "before" => steps.extend(of_script(part)),
            "console" => steps.extend(of_console(part)),
            _ => {}
        }
    }
    steps.retain(|step| !step.command.starts_with("make"));
    steps
}

fn of_script(part: &Part) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // The word that ends the document that the command goes on with.
    let mut document: Option<String> = None;
    let mut open = false;
    for (at, line) in part.text.lines().enumerate() {
        if open {
            let step = steps.last_mut().expect("a continued line has a beginning");
            step.command.push('\n');
            step.command.push_str(line);
            step.code = exit_code(&step.command);
        } else if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            steps.push(Step {
                line: part.line + at,
                command: line.to_owned(),
                code: exit_code(line),
                output: None,
            });
        }
        match &document {
            Some(end) if line == end => document = None,
            Some(_) => {}
            None => document = begins_document(line),
        }
        open = document.is_some() || line.ends_with('\\');
    }
    steps
}

fn of_console(part: &Part) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in part.text.lines().enumerate() {
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, code) = (command.to_owned(), exit_code(command));
            steps.push(Step {
                line: part.line + at,
                command,
                code,
                output: Some(Vec::new()),
            });
        } else {
            let step = steps.last_mut().expect("a console block begins with a command");
            step.output
                .as_mut()
                .expect("commands of a console block have output")
                .push(line.to_owned());
        }
    }
    steps
}

/// `# exit code 2: changes are planned` at the end of a command.
fn exit_code(line: &str) -> i32 {
    let code = line.rsplit_once("# exit code ").map(|(_, rest)| rest);
    code.map_or(0, |rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("an exit code is a number")
    })
}

fn begins_document(line: &str) -> Option<String> {
    let (_, word) = line.split_once("<<")?;
    let word: String = word
        .trim_start_matches(['\'', '"'])
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    (!word.is_empty()).then_some(word)
}

/// Where a page is run: a folder with what a reader of the repository has.
pub struct Shell {
    folder: TempDir,
    ports: Vec<(&'static str, String)>,
}

impl Shell {
    /// A folder with copies of `examples`, `charts` and `crds`, and the programs that pages call.
    pub fn new() -> Self {
        let ports = PORTS.map(|shown| (shown, format!("127.0.0.1:{}", free_port())));
        let shell = Self {
            folder: temporary_folder(),
            ports: ports.into(),
        };
        for folder in ["examples", "charts", "crds"] {
            shell.copy(&root().join(folder), &shell.work().join(folder));
        }
        let programs = shell.folder.path().join("bin");
        fs::create_dir_all(&programs).expect("the folder is writable");
        for program in ["kubectl", "helm"] {
            symlink(tools::tool(program), programs.join(program)).expect("the folder is writable");
        }
        let ours = env!("CARGO_BIN_EXE_directory-sync");
        symlink(ours, programs.join("directory-sync")).expect("the folder is writable");
        shell
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn copy(&self, from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("the folder is writable");
        for entry in fs::read_dir(from).expect("the repository can be read") {
            let entry = entry.expect("the repository can be read");
            let (from, to) = (entry.path(), to.join(entry.file_name()));
            if from.is_dir() {
                self.copy(&from, &to);
            } else {
                let text = fs::read_to_string(&from).expect("files of examples and charts are text");
                fs::write(to, self.here(&text)).expect("the folder is writable");
            }
        }
    }

    /// A text of a page, with this run's ports.
    fn here(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (shown, ours)| text.replace(shown, ours))
    }

    /// What a command printed, with the page's ports.
    fn shown(&self, text: &str) -> String {
        self.ports.iter().fold(text.to_owned(), |text, (shown, ours)| {
            text.replace(ours.as_str(), shown)
        })
    }

    /// Runs all steps in one shell; fails at the first that doesn't do what the page says.
    pub async fn run(&self, page: &str, steps: &[Step], kubeconfig: Option<&Path>) {
        let folder = self.folder.path();
        fs::write(folder.join("script"), self.script(steps)).expect("the folder is writable");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        command.arg(folder.join("script")).current_dir(self.work());
        command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
        command.env("HOME", folder).env("NO_COLOR", "1");
        command.env("KUBECONFIG", kubeconfig.unwrap_or(Path::new("/dev/null")));
        let mut process = Process::start("page", &mut command, folder);
        process.wait(PATIENCE).await;
        for (number, step) in steps.iter().enumerate() {
            let (place, command) = (format!("{page}:{}", step.line), &step.command);
            let read = |kind: &str| fs::read_to_string(folder.join(format!("{number}.{kind}")));
            let output = self.shown(&read("out").unwrap_or_default());
            let code = read("code")
                .unwrap_or_else(|_| panic!("{place}: {command}\nwas not reached or did not end:\n{output}"));
            let expected = step.code.to_string();
            assert!(
                code.trim() == expected,
                "{place}: {command}\nended with {}, not {expected}:\n{output}",
                code.trim()
            );
            if let Some(shown) = &step.output {
                assert!(
                    matches(shown, &output),
                    "{place}: {command}\nprinted:\n{output}\nbut the page shows:\n{}",
                    shown.join("\n")
                );
            }
        }
    }

    fn script(&self, steps: &[Step]) -> String {
        let folder = self.folder.path().display();
        // Whatever runs in the background ends with the page.
        let mut script = "set -uo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n".to_owned();
        for (number, Step { command, code, .. }) in steps.iter().enumerate() {
            let command = self.here(command);
            let at = format!("{folder}/{number}");
            write!(script, "{{ {command}\n}} >{at}.out 2>&1 </dev/null\ncode=$?\n")
                .expect("a string can be written to");
            if command
                .split(" #")
                .next()
                .is_some_and(|command| command.trim_end().ends_with('&'))
            {
                // It is ready when it says something.
                let wait =
                    "for _ in $(seq 600); do [[ -s FILE ]] && break; sleep 0.1; done\n[[ -s FILE ]] || code=127\n";
                script.push_str(&wait.replace("FILE", &format!("{at}.out")));
            }
            write!(script, "echo $code >{at}.code\n[[ $code = {code} ]] || exit 1\n")
                .expect("a string can be written to");
        }
        script
    }
}

/// Whether an output is the one that a page shows: line by line, with `…` for anything in a line, and for any lines where it
/// stands alone. How much white space there is between words doesn't matter.
pub fn matches(shown: &[String], output: &str) -> bool {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: Vec<_> = shown.iter().map(|line| words(line)).collect();
    let output: Vec<_> = output.trim_end().lines().map(words).collect();
    all_match(&shown, &output, &|shown, line| {
        let pieces: Vec<_> = shown.split('…').map(ToOwned::to_owned).collect();
        in_order(&pieces, line)
    })
}

fn all_match(shown: &[String], output: &[String], fits: &dyn Fn(&str, &str) -> bool) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((first, rest)) if first == "…" => (0..=output.len()).any(|skip| all_match(rest, &output[skip..], fits)),
        Some((first, rest)) => output
            .split_first()
            .is_some_and(|(line, others)| fits(first, line) && all_match(rest, others, fits)),
    }
}

/// Whether the pieces are in a line one after the other, the first at its beginning and the last at its end.
fn in_order(pieces: &[String], line: &str) -> bool {
    match pieces {
        [] => line.is_empty(),
        [only] => line == only,
        [first, middle @ .., last] => {
            let Some(mut rest) = line.strip_prefix(first.as_str()) else {
                return false;
            };
            for piece in middle {
                let Some(at) = rest.find(piece.as_str()) else {
                    return false;
                };
                rest = &rest[at + piece.len()..];
            }
            rest.ends_with(last.as_str())
        }
    }
}
