//! Views as text: a table for people, JSON and YAML for programs.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write},
};

use serde::Serialize;

use super::{
    args::Output,
    view::{Action, ChangeRow, CountsView, ReportView},
};
use crate::words::counted;

/// Whether output is coloured: on a terminal only, and not where `NO_COLOR` is set.
pub fn coloured() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes any view as asked; `table` writes the form for people.
pub fn write<V: Serialize>(
    output: Output,
    view: &V,
    out: &mut dyn Write,
    table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    match output {
        Output::Table => table(out),
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, view)?;
            writeln!(out)
        }
        Output::Yaml => {
            let text = serde_saphyr::to_string(view).map_err(io::Error::other)?;
            out.write_all(text.as_bytes())
        }
    }
}

/// A report with its plan, for people.
pub fn report(view: &ReportView, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let paint = Paint(colour);
    if let Some(plan) = &view.plan {
        for row in &plan.changes {
            change(row, paint, out)?;
        }
    }
    for mapping in &view.mappings {
        for problem in &mapping.problems {
            writeln!(out, "{} mapping {}: {problem}", paint.yellow("!"), mapping.name)?;
        }
    }
    for failure in &view.failures {
        let (kind, id) = (failure.kind, &failure.id);
        writeln!(
            out,
            "{} {kind} {id}: {} ({})",
            paint.red("✗"),
            failure.message,
            failure.reason
        )?;
    }
    let actions: BTreeMap<&str, &str> = view.failures.iter().map(|row| (row.reason, row.action)).collect();
    for (reason, action) in actions {
        writeln!(out, "  {reason}: {action}")?;
    }
    for doubt in &view.doubts {
        writeln!(
            out,
            "{} the read of the directory is incomplete: {doubt}; nothing is removed",
            paint.yellow("!")
        )?;
    }
    for kept in &view.kept {
        writeln!(
            out,
            "{} {} of {} left undone: {}",
            paint.yellow("!"),
            counted(kept.count, "removal", "removals"),
            kept.kind,
            kept.reason
        )?;
    }
    summary(view, paint, out)
}

/// One change, for people.
pub(super) fn change(row: &ChangeRow, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let who = match (row.user.as_str(), row.email.as_str()) {
        ("", "") => String::new(),
        (user, "") => format!(" {user}"),
        (user, email) => format!(" {email} ({user})"),
    };
    let object = if row.object.is_empty() {
        String::new()
    } else {
        format!(" {}", row.object)
    };
    let cause = if row.cause.is_empty() {
        String::new()
    } else {
        format!(": {}", row.cause)
    };
    let (sign, verb) = match row.action {
        Action::CreateTeam | Action::Create => (paint.green("+"), "create"),
        Action::Adopt => (paint.yellow("~"), "adopt"),
        Action::Activate => (paint.green("+"), "activate"),
        Action::Update => (paint.yellow("~"), "update"),
        Action::Join => (paint.green("+"), "add"),
        Action::Role => (paint.yellow("~"), "change role of"),
        Action::Leave => (paint.red("-"), "remove"),
        Action::Deactivate => (paint.red("-"), "deactivate"),
    };
    let preposition = match row.action {
        Action::Join => " to",
        Action::Leave => " from",
        _ => "",
    };
    writeln!(out, "{sign} {verb}{who}{preposition}{object}{cause}")?;
    for field in &row.fields {
        let quoted = |text: &str| {
            if text.is_empty() {
                "(none)".to_owned()
            } else {
                text.to_owned()
            }
        };
        if field.before.is_empty() && row.action == Action::Create {
            writeln!(out, "    {}: {}", field.name, field.after)?;
        } else {
            writeln!(
                out,
                "    {}: {} → {}",
                field.name,
                quoted(&field.before),
                quoted(&field.after)
            )?;
        }
    }
    Ok(())
}

fn summary(view: &ReportView, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    if let Some(error) = &view.error {
        writeln!(out, "{} {}: {error}", paint.red("✗"), view.connection)?;
    }
    let count = view.plan.as_ref().map_or(0, |plan| plan.changes.len());
    let changes = counted(count, "change", "changes");
    let name = &view.connection;
    match view.outcome {
        "Held" | "Observed" if view.plan.as_ref().is_some_and(|plan| !plan.held.is_empty()) => {
            let Some(plan) = &view.plan else { return Ok(()) };
            writeln!(out, "{name}: held, nothing is written:")?;
            for reason in &plan.held {
                writeln!(out, "  {reason}")?;
            }
            writeln!(out, "Look at the changes above. To carry out this very plan:")?;
            writeln!(out, "  directory-sync sync -f … --approve {}", plan.hash)
        }
        "Observed" if count == 0 => writeln!(out, "{name}: nothing to change"),
        "Observed" => writeln!(
            out,
            "{name}: {changes} planned; `directory-sync sync` carries {} out",
            if count == 1 { "it" } else { "them" }
        ),
        "Unchanged" => writeln!(out, "{name}: nothing to change"),
        "Synced" => writeln!(out, "{name}: {changes} done"),
        "PartlyFailed" => writeln!(out, "{name}: done, but for {} that failed", view.failures.len()),
        "Stopped" if view.done == CountsView::default() => writeln!(out, "{name}: stopped; nothing was written"),
        "Stopped" => writeln!(
            out,
            "{name}: stopped between two writes; run it again to go on from there"
        ),
        _ => writeln!(out, "{name}: failed; run it again to go on from there"),
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// Colours where they are wanted.
    pub(super) fn of_terminal() -> Self {
        Self(coloured())
    }

    fn with(self, code: u8, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn red(self, text: &str) -> String {
        self.with(31, text)
    }

    fn green(self, text: &str) -> String {
        self.with(32, text)
    }

    fn yellow(self, text: &str) -> String {
        self.with(33, text)
    }
}

#[cfg(test)]
mod tests {
    use directory_sync_model::{
        desired::{Failure, FailureKind, FailureReason},
        plan::Counts,
    };

    use super::*;
    use crate::cli::view::{FailureRow, KeptRow, PlanView, RemovalsView};

    fn view(outcome: &'static str, changes: usize) -> ReportView {
        let change = ChangeRow {
            action: Action::Create,
            user: "1".into(),
            email: "ann@acme.test".into(),
            object: String::new(),
            fields: Vec::new(),
            cause: "",
        };
        ReportView {
            connection: "acme".into(),
            id: "run".into(),
            outcome,
            error: None,
            doubts: Vec::new(),
            plan: Some(PlanView {
                hash: String::new(),
                held: Vec::new(),
                changes: vec![change; changes],
                removals: RemovalsView::default(),
            }),
            done: CountsView::default(),
            kept: Vec::new(),
            failures: Vec::new(),
            mappings: Vec::new(),
        }
    }

    /// The report's lines, those of single changes aside.
    fn told(view: &ReportView) -> String {
        let mut out = Vec::new();
        report(view, false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines().filter(|line| !line.starts_with('+')).collect()
    }

    #[test]
    fn what_to_do_about_failures_is_said_once_for_each_reason() {
        let mut failed = view("PartlyFailed", 0);
        failed.failures = ["1", "2"]
            .map(|id| {
                FailureRow::of(&Failure {
                    kind: FailureKind::User,
                    id: id.into(),
                    reason: FailureReason::ManagedElsewhere,
                    message: "managed by \"eu1/globex\"".into(),
                })
            })
            .into();
        let mut out = Vec::new();
        report(&failed, false, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("eu1/globex").count(), 2);
        assert_eq!(text.matches("Take the person out of scope").count(), 1, "{text}");
    }

    #[test]
    fn a_stop_says_whether_anything_was_written() {
        assert_eq!(told(&view("Stopped", 0)), "acme: stopped; nothing was written");
        let counts = Counts {
            users_created: 1,
            ..Counts::default()
        };
        let mut stopped = view("Stopped", 0);
        stopped.done = counts.into();
        assert!(told(&stopped).starts_with("acme: stopped between two writes"));
    }

    #[test]
    fn counts_are_right_for_one() {
        assert_eq!(told(&view("Synced", 1)), "acme: 1 change done");
        assert_eq!(told(&view("Synced", 2)), "acme: 2 changes done");
        let one = "acme: 1 change planned; `directory-sync sync` carries it out";
        assert_eq!(told(&view("Observed", 1)), one);
        let two = "acme: 2 changes planned; `directory-sync sync` carries them out";
        assert_eq!(told(&view("Observed", 2)), two);
        assert_eq!(told(&view("Observed", 0)), "acme: nothing to change");
        let mut kept = view("Unchanged", 0);
        kept.kept.push(KeptRow {
            kind: "users",
            reason: "Protected",
            count: 1,
        });
        assert!(told(&kept).starts_with("! 1 removal of users left undone: Protected"));
    }
}
