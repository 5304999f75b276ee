//! Pages of the documentation, taken apart.

use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file of the repository.
pub struct Page {
    /// Its path from the root of the repository.
    pub path: String,
    /// What of it can be run, in order.
    pub parts: Vec<Part>,
    /// Its lines outside of code blocks, with their numbers.
    pub prose: Vec<(usize, String)>,
}

/// Something that a page lets its readers do.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its first line, counted from 1.
    pub line: usize,
    /// `sh`, `yaml`, `console`, …; `before` for what a reader has done by then.
    pub language: String,
    /// What is inside.
    pub text: String,
    /// Why it is not run, if the page says so.
    pub not_run: Option<String>,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README, CONTRIBUTING, CHANGELOG, the examples' page and all of `docs/`, sorted by path.
pub fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md"]
        .map(PathBuf::from)
        .into();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("docs/ can be read") {
            let entry = entry.expect("docs/ can be read");
            let path = folder.join(entry.file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(root().join(path)).expect("a page can be read");
        Self::parse(&path.display().to_string(), &text)
    }

    /// Takes a page apart.
    pub fn parse(path: &str, text: &str) -> Self {
        let mut page = Self {
            path: path.to_owned(),
            parts: Vec::new(),
            prose: Vec::new(),
        };
        let mut not_run = None;
        let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
        while let Some((line, content)) = lines.next() {
            if let Some(language) = content.strip_prefix("```") {
                let text = until(&mut lines, |line| line == "```");
                page.parts.push(Part {
                    line: line + 1,
                    language: language.trim().to_owned(),
                    text,
                    not_run: not_run.take(),
                });
            } else if content == "<!-- before:" {
                let text = until(&mut lines, |line| line == "-->");
                page.parts.push(Part {
                    line: line + 1,
                    language: "before".to_owned(),
                    text,
                    not_run: None,
                });
            } else if let Some(reason) = content.strip_prefix("<!-- not run: ") {
                not_run = Some(reason.trim_end_matches("-->").trim().to_owned());
            } else {
                assert!(
                    content.trim().is_empty() || not_run.is_none(),
                    "{path}:{line}: `not run` must stand right before a block"
                );
                page.prose.push((line, content.to_owned()));
            }
        }
        page
    }

    /// The names by which headings of the page are linked, as GitHub makes them.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose.iter().filter(|(_, line)| line.starts_with('#'));
        headings
            .map(|(_, line)| {
                let text = line.trim_start_matches('#').trim().to_lowercase();
                let kept = text
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect()
            })
            .collect()
    }

    /// What the page's links lead to, with the lines that they are on.
    pub fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        self.prose.iter().flat_map(|(line, text)| {
            let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            targets.map(|(target, _)| (*line, target))
        })
    }
}

fn until<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>, end: impl Fn(&str) -> bool) -> String {
    lines
        .map(|(_, line)| line)
        .take_while(|line| !end(line))
        .fold(String::new(), |text, line| text + line + "\n")
}
