//! `check`: tries both ends and says what is missing; `check --user` explains one person.

mod account;
mod explain;

use std::io::{self, Write};

use kube::ResourceExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    Exit,
    args::CheckArguments,
    error::Error,
    manifests,
    render::{self, Paint, Shown},
    run::{each_end, options, rules},
    warn, written,
};
use crate::{
    directory::Finding,
    platform::Platform,
    resolve,
    sync::{self, Ends, Report},
    words::counted,
};
use explain::{Explainer, PersonView};

/// What was tried, and how it went.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckView {
    /// Which connection.
    connection: String,
    /// What was tried.
    findings: Vec<FindingView>,
    /// The person whom `--user` asks for; absent when not even the directory could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<PersonView>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingView {
    /// What was tried.
    tried: String,
    /// Whether it went well.
    ok: bool,
    /// What was found, or what is missing and what to do.
    outcome: String,
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let (ok, outcome) = match finding.outcome {
            Ok(found) => (true, found),
            Err(missing) => (false, missing),
        };
        Self {
            tried: finding.tried,
            ok,
            outcome,
        }
    }
}

/// Tries both ends of a connection; writes nothing anywhere.
pub async fn check(arguments: &CheckArguments) -> Result<Exit, Error> {
    let loaded = manifests::load(&arguments.manifests)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    let rules = rules(&loaded)?;
    let (directory, platform) = each_end(&loaded, &rules, &arguments.manifests).await?;
    let mut findings = Vec::new();
    match &directory {
        Ok(directory) => findings.extend(directory.check().await),
        Err(errors) => findings.extend(errors.iter().map(|error| unconnected("directory", error))),
    }
    match &platform {
        Ok(platform) => findings.push(sign_in(platform.as_ref()).await),
        Err(errors) => findings.extend(errors.iter().map(|error| unconnected("platform", error))),
    }
    let mut person = None;
    if let (Ok(directory), Ok(platform)) = (directory, platform)
        && findings.iter().all(|finding| finding.outcome.is_ok())
    {
        let ends = Ends { directory, platform };
        let explainer = Explainer::new(arguments.user.clone());
        let mut report = sync::run(
            &ends,
            &rules,
            &options(),
            &sync::MemoryLedger::new(),
            &CancellationToken::new(),
            &explainer,
        )
        .await;
        report.notices.extend(resolve::advice(&loaded.connection));
        findings.extend(of_report(&report));
        person = explainer.finish(&report);
    }
    let view = CheckView {
        connection: loaded.connection.name_any(),
        findings: findings.into_iter().map(FindingView::from).collect(),
        person,
    };
    let not_found = arguments.user.is_some() && view.person.as_ref().is_none_or(|person| !person.found);
    let failed = not_found || view.findings.iter().any(|finding| !finding.ok);
    let mut out = io::stdout().lock();
    let paint = Paint::of(&out);
    written(render::write(arguments.output, &view, &mut out, |out| {
        table(&view, paint, out)
    }))?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// What keeps an end from being tried.
fn unconnected(end: &str, error: &resolve::Error) -> Finding {
    Finding {
        tried: format!("connect the {end}"),
        outcome: Err(crate::fault::chain(error)),
    }
}

async fn sign_in(platform: &dyn Platform) -> Finding {
    let tried = "sign in to the platform".to_owned();
    let outcome = match platform.identity().await {
        Ok(identity) if identity.missing.is_empty() => Ok(match identity.free_seats {
            Some(seats) => format!("as {}; free: {}", identity.name, counted(seats, "seat", "seats")),
            None => format!("as {}", identity.name),
        }),
        Ok(identity) => Err(format!(
            "the account {} lacks rights: {}; grant them, or use another account's token",
            identity.name,
            identity.missing.join(", ")
        )),
        Err(error) => Err(crate::fault::chain(&error)),
    };
    Finding { tried, outcome }
}

/// What a whole read and comparison found.
fn of_report(report: &Report) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |tried: String, outcome| findings.push(Finding { tried, outcome });
    if let Some(error) = &report.error {
        note("read both ends".to_owned(), Err(crate::fault::chain(error)));
        return findings;
    }
    let directory = report.directory.unwrap_or_default();
    let read = format!(
        "{} and {}",
        counted(directory.users, "user", "users"),
        counted(directory.groups, "group", "groups")
    );
    let doubts: Vec<String> = report.doubts.iter().map(ToString::to_string).collect();
    let complete = if doubts.is_empty() {
        Ok(read)
    } else {
        Err(format!("{read}; {}", doubts.join("; ")))
    };
    note("read the whole directory".to_owned(), complete);
    for mapping in &report.mappings {
        let problems: Vec<String> = mapping.outcome.problems.iter().map(ToString::to_string).collect();
        let (groups, members) = (mapping.outcome.groups.len(), mapping.outcome.members);
        let outcome = if problems.is_empty() {
            Ok(format!(
                "{} with {}, for {} and {}",
                counted(groups, "group", "groups"),
                counted(members, "member", "members"),
                counted(mapping.teams, "team", "teams"),
                counted(mapping.inboxes, "inbox", "inboxes")
            ))
        } else {
            Err(problems.join("; "))
        };
        note(format!("mapping {}", mapping.name), outcome);
    }
    for notice in &report.notices {
        note(notice.about().to_owned(), Ok(notice.to_string()));
    }
    if report.mappings.is_empty() {
        let message = "no GroupMapping names this connection, so nothing would be synced; add one".to_owned();
        note("mappings".to_owned(), Err(message));
    }
    findings
}

fn table(view: &CheckView, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    for FindingView { tried, ok, outcome } in &view.findings {
        let sign = if *ok { paint.green("✓") } else { paint.red("✗") };
        writeln!(out, "{sign} {}: {}", Shown(tried), Shown(outcome))?;
    }
    view.person.as_ref().map_or(Ok(()), |person| person.table(paint, out))
}
