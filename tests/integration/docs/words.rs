//! Words of the documentation that have to be words of the code: fields, reasons, flags, metrics.

use std::collections::BTreeSet;
use std::fs;

use super::blocks::{Page, root};

/// Words of Kubernetes and of programs beside ours, and names that stand for anybody's.
const OTHERS: &[&str] = &[
    "ConfigMap",
    "CustomResourceDefinition",
    "ServiceAccount",
    "ClusterRole",
    "StartTLS",
    "--take-ownership",
    "--help",
    "VmHWM",
    "PersistentVolumeClaim",
    "VolumeSnapshot",
];

/// Pages that are generated, or are about the code itself.
const APART: &[&str] = &[
    "docs/reference/",
    "docs/providers/",
    "docs/platforms/",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
];

/// What the code says of itself: the generated pages, the kinds' definitions and the chart's values.
struct Known {
    words: BTreeSet<String>,
    text: String,
}

impl Known {
    fn read() -> Self {
        let mut text = String::new();
        for page in [
            "fields",
            "conditions",
            "attributes",
            "functions",
            "cli",
            "metrics",
            "report",
        ] {
            text += &fs::read_to_string(root().join(format!("docs/reference/{page}.md"))).expect("a generated page");
        }
        text += &fs::read_to_string(root().join("charts/directory-sync/values.yaml")).expect("the chart's values");
        text += &OTHERS.join(" ");
        let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '.'));
        let words = words.map(|word| word.trim_end_matches('.').to_owned()).collect();
        Self { words, text }
    }

    fn has(&self, word: &str) -> bool {
        if word.starts_with("spec.") || word.starts_with("status.") {
            return self.text.contains(&format!("`{word}`")) || self.text.contains(&format!("`{word}."));
        }
        self.words.contains(word)
    }
}

/// Words in code that aren't words of the code, with where they stand.
pub fn unknown(pages: &[Page]) -> Vec<String> {
    let known = Known::read();
    let own = pages
        .iter()
        .filter(|page| !APART.iter().any(|apart| page.path.starts_with(apart)));
    let mut unknown = Vec::new();
    for page in own {
        for (line, text) in &page.prose {
            // Every second piece is between two back ticks.
            for code in text.split('`').skip(1).step_by(2) {
                let words = code.split(|c: char| c.is_whitespace() || matches!(c, '=' | ':' | '"' | '(' | ')' | ','));
                for word in words.filter(|word| is_ours(word) && !known.has(word)) {
                    unknown.push(format!("{}:{line}: {word}", page.path));
                }
            }
        }
    }
    unknown
}

/// Whether a word claims to be one of the code's: `spec.interval`, `NoMappings`, `--max-syncs`, `directory_sync_runs_total`.
fn is_ours(word: &str) -> bool {
    let field =
        ["spec.", "status."].iter().any(|part| word.starts_with(part)) && !word.contains("[]") && !word.contains('/');
    let humps = word.chars().filter(char::is_ascii_uppercase).count() > 1
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().any(|c| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric());
    field || humps || (word.starts_with("--") && word.len() > 2) || word.starts_with("directory_sync_")
}
