//! Every file of this repository that is generated from the code, and the one test that keeps them current.
//!
//! `make generate` runs the test with `DIRECTORY_SYNC_GENERATE` set, which writes the files; `make check` compares them.

use std::{fmt::Write as _, fs, path::Path};

use directory_sync_model::{attribute, expression};

use crate::{
    api::{condition, crds, fields},
    cli,
    directory::registry::PROVIDERS,
    metrics::{METRICS, Row},
};

/// A page about a provider or platform: its text is kept beside the code and copied into `docs/`.
struct Page {
    /// The page in `docs/`.
    path: String,
    /// The folder of the code.
    folder: String,
    /// `docs.md` of that folder.
    text: &'static str,
}

fn pages() -> Vec<Page> {
    let providers = PROVIDERS.iter().map(|provider| Page {
        path: format!("docs/providers/{}.md", provider.name),
        folder: format!("src/directory/{}", provider.name),
        text: provider.docs,
    });
    let rest = Page {
        path: "docs/platforms/rest.md".to_owned(),
        folder: "src/platform/rest".to_owned(),
        text: include_str!("platform/rest/docs.md"),
    };
    providers.chain([rest]).collect()
}

/// The path from the root of the repository, and the text, of every generated file.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (file, text) in crds::render().unwrap() {
        files.push((format!("crds/{file}"), text.clone()));
        files.push((format!("charts/directory-sync/files/crds/{file}"), text));
    }
    let reference = [
        ("fields", fields::render(&crds::definitions())),
        ("conditions", condition::render()),
        ("attributes", attribute::reference_markdown()),
        ("functions", expression::functions_markdown()),
        ("cli", cli::reference::render()),
        ("report", cli::contract::render()),
        ("metrics", metrics()),
    ];
    files.extend(reference.map(|(name, text)| (format!("docs/reference/{name}.md"), text)));
    files.extend(pages().iter().map(|page| (page.path.clone(), page.render())));
    files
}

/// `docs/reference/metrics.md`, from the table of all families.
fn metrics() -> String {
    let mut page = String::from(
        "<!-- Generated from src/metrics.rs by `make generate`: do not edit. -->\n\
         # Metrics\n\n\
         At `/metrics`, in Prometheus' text format. Labels have few values: `provider`, `step`, `side`, `call` and `operation` are fixed words, \
         `reason` is one of [the reasons](conditions.md), `status` is `ok` or the kind of failure, such as `Timeout` or `RateLimited`. `namespace` and `connection` stand on one gauge alone, whose line is \
         taken away with its connection.\n\n\
         | name | kind | labels | meaning |\n| --- | --- | --- | --- |\n",
    );
    for Row {
        name,
        kind,
        labels,
        help,
    } in METRICS
    {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    page
}

impl Page {
    /// The text, with links that still lead where they did.
    fn render(&self) -> String {
        let Self { folder, text, .. } = self;
        let mut page = format!("<!-- Generated from {folder}/docs.md by `make generate`: do not edit. -->\n");
        let mut in_block = false;
        for line in text.lines() {
            in_block ^= line.starts_with("```");
            page.push_str(&if in_block {
                line.to_owned()
            } else {
                rebased(line, folder)
            });
            page.push('\n');
        }
        page
    }
}

/// Relative links of a line, which begin in `folder`, as seen from a folder below `docs/`.
fn rebased(line: &str, folder: &str) -> String {
    let mut parts = line.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("](");
        // All pages of this kind are two folders below the root, and their texts three.
        if let Some(from_root) = part.strip_prefix("../../../") {
            text.extend(["../../", from_root]);
        } else if part.starts_with('#') || part.starts_with("http") {
            text.push_str(part);
        } else {
            text.extend(["../../", folder, "/", part]);
        }
    }
    text
}

#[test]
fn generated_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, text) in files() {
        let path = root.join(&file);
        if std::env::var_os("DIRECTORY_SYNC_GENERATE").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{file} is not what the code says: run `make generate` and commit the result"
        );
    }
}

#[test]
fn a_page_keeps_its_blocks_and_its_links_lead_where_they_did() {
    let page = Page {
        path: "docs/x/y.md".to_owned(),
        folder: "src/x/y".to_owned(),
        text: "# Y\nSee [a](a.md), [b](#b) and [c](https://c.test).\n```sh\n# [a](a.md)\n```\n",
    };
    let expected = "# Y\nSee [a](../../src/x/y/a.md), [b](#b) and [c](https://c.test).\n```sh\n# [a](a.md)\n```\n";
    assert!(page.render().ends_with(expected), "{}", page.render());
}
