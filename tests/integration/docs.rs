//! The documentation is true: its links lead somewhere, its YAML and CSV are accepted, its commands do what the pages say.

mod blocks;
mod shell;
mod words;

use std::collections::BTreeSet;
use std::fs;

use directory_sync::api::{DirectoryConnection, crds};
use directory_sync::directory::file::{Config, FileDirectory, Format, Source};
use directory_sync::directory::{Directory as _, Part};
use directory_sync::resolve::rules;
use directory_sync_model::attribute::AttributeSet;
use directory_sync_model::rules::GroupSelector;
use directory_sync_model::snapshot::Batch;
use serde_json::{Map, Value, json};

use crate::kinds::server_with_kinds;
use crate::support::apiserver::ApiServer;
use crate::support::command::run;
use crate::support::{temporary_folder, tools};
use blocks::{Page, pages, root};
use shell::{Shell, Step};

/// How many blocks of all pages may be shown without being run.
const NOT_RUN: usize = 8;

#[test]
fn links_of_the_documentation_lead_somewhere() {
    let pages = pages();
    let mut broken = Vec::new();
    for page in &pages {
        for (line, target) in page.links() {
            if target.starts_with("http") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = root()
                .join(&page.path)
                .parent()
                .expect("a page is in a folder")
                .to_owned();
            let file = if path.is_empty() {
                root().join(&page.path)
            } else {
                folder.join(path)
            };
            let found = fs::canonicalize(&file).ok();
            let linked = pages
                .iter()
                .find(|page| fs::canonicalize(root().join(&page.path)).ok() == found);
            let has_anchor =
                anchor.is_empty() || linked.is_some_and(|page| page.anchors().iter().any(|other| other == anchor));
            if found.is_none() || !has_anchor {
                broken.push(format!("{}:{line}: {target}", page.path));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn words_of_the_documentation_are_words_of_the_code() {
    let unknown = words::unknown(&pages());
    assert!(
        unknown.is_empty(),
        "the code doesn't know these words:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn nearly_every_block_of_the_documentation_is_run() {
    let pages = pages();
    let all = || {
        pages
            .iter()
            .flat_map(|page| page.parts.iter().map(move |part| (page, part)))
    };
    let mut not_run = 0;
    for (page, part) in all() {
        let known = ["sh", "console", "yaml", "before", "text", "csv", "json"].contains(&part.language.as_str());
        assert!(
            known,
            "{}:{}: a block of {:?} is not tested",
            page.path, part.line, part.language
        );
        let place = format!("{}:{}", page.path, part.line);
        match part.language.as_str() {
            "json" => {
                let parsed = serde_json::from_str::<Value>(&part.text);
                assert!(parsed.is_ok(), "{place}: this is no JSON: {parsed:?}");
            }
            // Pictures and lists. What can be typed is in a block that is run; the examples of every `--help`, which the page
            // of the command line repeats, are read by clap in a test of their own.
            "text" if page.path != "docs/reference/cli.md" => {
                let typed = |line: &str| {
                    let line = line.trim_start();
                    line.starts_with("$ ")
                        || ["directory-sync ", "kubectl ", "helm ", "make "]
                            .iter()
                            .any(|word| line.starts_with(word))
                };
                assert!(
                    !part.text.lines().any(typed),
                    "{place}: show commands in a block of sh or console, so that they are run"
                );
            }
            _ => {}
        }
        if let Some(reason) = &part.not_run {
            assert!(reason.len() > 10, "{}:{}: say why it is not run", page.path, part.line);
            not_run += 1;
        }
    }
    assert!(
        not_run <= NOT_RUN,
        "{not_run} blocks are not run; find a way to run some of them"
    );
    assert!(all().count() > 3 * NOT_RUN);
}

#[tokio::test]
async fn yaml_and_csv_of_the_documentation_is_accepted() {
    let server = server_with_kinds().await;
    let namespace = server.namespace("docs").await;
    let arguments = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
    for page in pages() {
        for part in page.parts.iter().filter(|part| part.not_run.is_none()) {
            let place = format!("{}:{}", page.path, part.line);
            let fragment = match part.language.as_str() {
                "yaml" => Fragment::of(&place, &part.text),
                "csv" => Fragment::People(Format::Csv),
                _ => continue,
            };
            match fragment {
                Fragment::People(format) => people(&place, &part.text, format).await,
                Fragment::Objects(yaml) => {
                    let applied = namespace.kubectl_as(&server.kubeconfig(), &arguments, &yaml).await;
                    assert!(applied.status.success(), "{place}: {}", applied.stderr);
                    expressions(&place, &yaml);
                }
                Fragment::Values(yaml) => {
                    let folder = temporary_folder();
                    let values = folder.path().join("values.yaml");
                    fs::write(&values, yaml).unwrap();
                    let chart = root().join("charts/directory-sync");
                    let arguments = [
                        "template".as_ref(),
                        "docs".as_ref(),
                        chart.as_os_str(),
                        "-f".as_ref(),
                        values.as_os_str(),
                    ];
                    let rendered = run(&tools::tool("helm"), arguments, &[("HOME", folder.path())], "").await;
                    assert!(rendered.status.success(), "{place}: {}", rendered.stderr);
                }
            }
        }
    }
}

/// Reads a block as the directory `file` would.
async fn people(place: &str, text: &str, format: Format) {
    let source = Source {
        name: place.to_owned(),
        bytes: text.as_bytes().to_vec(),
        format,
    };
    let directory = FileDirectory::new(Config {
        people: source,
        groups: None,
    });
    for part in [Part::Users, Part::Groups] {
        let mut batch = Batch::new();
        let read = directory.read(part, AttributeSet::ALL, None, &mut batch).await;
        assert!(
            read.is_ok() && batch.entries() > 0 && batch.rejected().is_empty() && batch.unreadable().next().is_none(),
            "{place}: {read:?}"
        );
    }
}

/// Compiles the expressions of connections and mappings, which an API server doesn't look at.
fn expressions(place: &str, yaml: &str) {
    let connection = |value: Value| serde_json::from_value::<DirectoryConnection>(value).unwrap();
    let any = || connection(merged("DirectoryConnection", Map::new()));
    for document in yaml.split("\n---\n") {
        let value: Value = serde_saphyr::from_str(document).unwrap();
        let rules = match value["kind"].as_str() {
            Some("DirectoryConnection") => rules(&connection(value), &[]),
            Some("GroupMapping") => rules(&any(), &[serde_json::from_value(value).unwrap()]),
            _ => continue,
        };
        let rules = rules.unwrap_or_else(|error| panic!("{place}: {error}"));
        for mapping in &rules.mappings {
            assert!(
                !matches!(mapping.group, GroupSelector::Invalid(_)),
                "{place}: {:?}",
                mapping.group
            );
        }
    }
}

/// What a block of YAML is.
enum Fragment {
    /// People of the directory `file`.
    People(Format),
    /// Objects, or parts of one put into a whole one.
    Objects(String),
    /// Values of the chart.
    Values(String),
}

impl Fragment {
    fn of(place: &str, text: &str) -> Self {
        let documents = text.split("\n---\n").collect::<Vec<_>>();
        let first: Value = serde_saphyr::from_str(documents[0]).unwrap_or_else(|error| panic!("{place}: {error}"));
        let fields = first
            .as_object()
            .unwrap_or_else(|| panic!("{place}: this is neither an object nor a part of one"));
        if fields.contains_key("kind") {
            return Self::Objects(text.to_owned());
        }
        assert!(documents.len() == 1, "{place}: several parts in one block");
        if fields.contains_key("users") {
            return Self::People(Format::Yaml);
        }
        let inner = match fields.get("spec") {
            Some(Value::Object(spec)) if fields.len() == 1 => spec,
            _ => fields,
        };
        let of_kind = |kind: &str| inner.keys().all(|field| spec_fields(kind).contains(field));
        let whole = |kind: &str, part: Map<String, Value>| {
            let object = merged(kind, part);
            Self::Objects(serde_json::to_string(&object).unwrap())
        };
        let values: Value =
            serde_saphyr::from_str(&fs::read_to_string(root().join("charts/directory-sync/values.yaml")).unwrap())
                .unwrap();
        if of_kind("DirectoryConnection") {
            whole("DirectoryConnection", inner.clone())
        } else if of_kind("GroupMapping") {
            whole("GroupMapping", inner.clone())
        } else if inner.keys().all(|key| ["ldap", "scim", "file"].contains(&key.as_str())) {
            whole(
                "DirectoryConnection",
                Map::from_iter([("provider".to_owned(), json!(inner))]),
            )
        } else if inner.keys().all(|key| values.get(key).is_some()) {
            Self::Values(text.to_owned())
        } else {
            panic!("{place}: this is no part of a connection's or mapping's spec, and no value of the chart")
        }
    }
}

fn spec_fields(kind: &str) -> BTreeSet<String> {
    let definition = crds::definitions()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .unwrap();
    let schema = definition.spec.versions[0]
        .schema
        .clone()
        .unwrap()
        .open_api_v3_schema
        .unwrap();
    schema.properties.unwrap()["spec"]
        .properties
        .clone()
        .unwrap()
        .into_keys()
        .collect()
}

/// A whole object with these fields in its spec.
fn merged(kind: &str, part: Map<String, Value>) -> Value {
    let mut spec = match kind {
        "DirectoryConnection" => json!({
            "provider": { "file": { "people": { "configMapKeyRef": { "name": "company", "key": "people.csv" } } } },
            "platform": { "rest": {
                "url": "https://api.platform.test",
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
            } },
        }),
        _ => json!({ "connectionRef": { "name": "acme" }, "group": { "name": "support" } }),
    };
    spec.as_object_mut().unwrap().extend(part);
    json!({ "apiVersion": "directory-sync.io/v1alpha1", "kind": kind, "metadata": { "name": "docs" }, "spec": spec })
}

#[tokio::test]
async fn commands_of_the_documentation_do_what_it_says() {
    for page in pages() {
        let steps = shell::steps(&page);
        if steps.is_empty() {
            continue;
        }
        let shell = Shell::new();
        let needs_cluster = |step: &Step| {
            ["kubectl", "helm", "controller"]
                .iter()
                .any(|word| step.command.contains(word))
        };
        if steps.iter().any(needs_cluster) {
            // A server of the page's own: the operator that runs on it looks at all namespaces.
            let server = ApiServer::start_private().await;
            shell.run(&page.path, &steps, Some(&server.kubeconfig())).await;
        } else {
            shell.run(&page.path, &steps, None).await;
        }
    }
}

#[test]
fn a_page_is_taken_apart_into_what_can_be_run() {
    let text = "# A `b`, c!\n[x](y.md#z)\n\n```sh\n# first\na \\\n  b # exit code 2: as planned\ncat <<EOF\n x\nEOF\n```\n\
                <!-- not run: because of that -->\n```sh\nc\n```\n<!-- before:\nd &\n-->\n```console\n$ e\nout …\n```\n";
    let page = Page::parse("p.md", text);
    assert_eq!(page.anchors(), ["a-b-c"]);
    assert_eq!(page.links().collect::<Vec<_>>(), [(2, "y.md#z")]);
    let expected = [
        (6, "a \\\n  b # exit code 2: as planned", 2, None),
        (8, "cat <<EOF\n x\nEOF", 0, None),
        (17, "d &", 0, None),
        (20, "e", 0, Some(vec!["out …".to_owned()])),
    ];
    let expected = expected.map(|(line, command, code, output)| Step {
        line,
        command: command.to_owned(),
        code,
        output,
    });
    assert_eq!(shell::steps(&page), expected);
}

#[test]
fn an_output_is_compared_line_by_line() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let output = "NAME   READY   AGE\nacme   True    3s\nx\ny\n";
    for good in [
        &["NAME READY AGE", "acme True …", "x", "y"][..],
        &["…"],
        &["NAME …", "…", "y"],
        &["…", "a…e T…e …", "…"],
    ] {
        assert!(shell::matches(&shown(good), output), "{good:?}");
    }
    for bad in [&["NAME READY AGE"][..], &["…", "acme False …", "…"], &["…", "z"], &[]] {
        assert!(!shell::matches(&shown(bad), output), "{bad:?}");
    }
}
