//! Views as text: a table for people, JSON and YAML for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    io::{self, IsTerminal, Write},
};

use directory_sync_model::plan::KeptReason;
use serde::Serialize;

use super::{
    args::Output,
    view::{
        ReportView,
        plan::{Action, ChangeRow},
    },
};
use crate::{telemetry, words::counted};

/// A text of somebody else's, such as a name of the directory, in output for people. What would steer the terminal or turn the
/// direction of the line, and so could hide a change from whoever reviews it, is written as an escape: `\u{1b}`.
#[derive(Clone, Copy)]
pub struct Shown<'t>(pub &'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if steers(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Control characters, line and paragraph separators, and marks of direction (Unicode, UAX #9).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
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

/// What carries out a plan that was only shown, or is held.
#[derive(Clone, Copy)]
pub struct Next<'c> {
    /// The command without the program's name: `sync`, or `restore ID`.
    pub command: &'c str,
    /// Whether that command writes nothing either, because `spec.mode` is Observe.
    pub only_observes: bool,
}

/// A report with its plan, for people.
pub fn report(view: &ReportView, next: Next<'_>, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    if let Some(plan) = &view.plan {
        for row in &plan.changes {
            change(row, paint, out)?;
        }
    }
    for mapping in &view.mappings {
        for problem in &mapping.problems {
            let (name, problem) = (Shown(&mapping.name), Shown(problem));
            writeln!(out, "{} mapping {name}: {problem}", paint.yellow("!"))?;
        }
    }
    for failure in &view.failures {
        let (kind, id, message) = (failure.kind, Shown(&failure.id), Shown(&failure.message));
        writeln!(out, "{} {kind} {id}: {message} ({})", paint.red("✗"), failure.reason)?;
    }
    let actions: BTreeMap<&str, &str> = view.failures.iter().map(|row| (row.reason, row.action)).collect();
    for (reason, action) in actions {
        writeln!(out, "  {reason}: {action}")?;
    }
    for doubt in &view.doubts {
        writeln!(
            out,
            "{} the read of the directory is incomplete: {}; nothing is removed",
            paint.yellow("!"),
            Shown(doubt)
        )?;
    }
    for notice in &view.notices {
        writeln!(out, "{} {}", paint.yellow("!"), Shown(notice))?;
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
    summary(view, next, paint, out)
}

/// One change, for people.
pub(super) fn change(row: &ChangeRow, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let who = match (row.user.as_str(), row.email.as_str()) {
        ("", "") => String::new(),
        (user, "") => format!(" {}", Shown(user)),
        (user, email) => format!(" {} ({})", Shown(email), Shown(user)),
    };
    let object = if row.object.is_empty() {
        String::new()
    } else {
        format!(" {}", Shown(&row.object))
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
        Action::Update | Action::UpdateTeam => (paint.yellow("~"), "update"),
        Action::Join => (paint.green("+"), "add"),
        Action::Role => (paint.yellow("~"), "change role of"),
        Action::Leave => (paint.red("-"), "remove"),
        Action::Deactivate => (paint.red("-"), "deactivate"),
        Action::Delete => (paint.red("-"), "delete"),
    };
    let preposition = match row.action {
        Action::Join => " to",
        Action::Leave => " from",
        Action::Adopt if !row.object.is_empty() => " in",
        _ => "",
    };
    writeln!(out, "{sign} {verb}{who}{preposition}{object}{cause}")?;
    for field in &row.fields {
        let shown = |text: &'_ str| Shown(if text.is_empty() { "(none)" } else { text }).to_string();
        let (name, after) = (Shown(&field.name), shown(&field.after));
        if field.before.is_empty() && row.action == Action::Create {
            writeln!(out, "    {name}: {after}")?;
        } else {
            writeln!(out, "    {name}: {} → {after}", shown(&field.before))?;
        }
    }
    Ok(())
}

fn summary(view: &ReportView, next: Next<'_>, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    if let Some(error) = &view.error {
        writeln!(out, "{} {}: {}", paint.red("✗"), view.connection, Shown(error))?;
    }
    let name = &view.connection;
    let waiting: u64 = view
        .kept
        .iter()
        .filter(|kept| kept.reason == KeptReason::Incomplete.label())
        .map(|kept| kept.count)
        .sum();
    ending(view, next, out)?;
    if view.doubts.is_empty() {
        return Ok(());
    }
    let what = match waiting {
        0 => "whatever is to be removed waits".to_owned(),
        count => format!(
            "{} {}",
            counted(count, "removal", "removals"),
            if count == 1 { "waits" } else { "wait" }
        ),
    };
    writeln!(
        out,
        "{} {name}: {what} until the whole directory can be read; see above why it could not",
        paint.yellow("!")
    )
}

/// How it ended, and what to do next.
fn ending(view: &ReportView, next: Next<'_>, out: &mut dyn Write) -> io::Result<()> {
    let name = &view.connection;
    let command = Shown(next.command);
    let count = view.plan.as_ref().map_or(0, |plan| plan.changes.len());
    let changes = counted(count, "change", "changes");
    let first = if next.only_observes {
        "spec.mode is Observe: with Apply, "
    } else {
        ""
    };
    match (view.outcome, &view.plan) {
        ("Held" | "Observed", Some(plan)) if !plan.held.is_empty() => {
            writeln!(out, "{name}: held, nothing is written:")?;
            for reason in &plan.held {
                writeln!(out, "  {}", Shown(reason))?;
            }
            writeln!(out, "Look at the changes above. To carry out this very plan:")?;
            if next.only_observes {
                writeln!(out, "  set spec.mode, which is Observe, to Apply")?;
            }
            writeln!(out, "  directory-sync {command} -f … --approve {}", plan.hash)
        }
        ("Observed", _) if count == 0 => writeln!(out, "{name}: nothing to change"),
        ("Observed", _) => writeln!(
            out,
            "{name}: {changes} planned; {first}`directory-sync {command}` carries {} out",
            if count == 1 { "it" } else { "them" }
        ),
        ("Unchanged", _) => writeln!(out, "{name}: nothing to change"),
        ("Synced", _) => writeln!(out, "{name}: {changes} done (sync {})", Shown(&view.id)),
        ("PartlyFailed", _) => writeln!(
            out,
            "{name}: done, but for {} that failed (sync {})",
            view.failures.len(),
            Shown(&view.id)
        ),
        ("Stopped", _) if view.done.is_empty() => writeln!(out, "{name}: stopped; nothing was written"),
        ("Stopped", _) => writeln!(
            out,
            "{name}: stopped between two writes; run it again to go on from there"
        ),
        _ => writeln!(out, "{name}: failed; run it again to go on from there"),
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// Colours where the stream is for them.
    pub fn of(stream: &impl IsTerminal) -> Self {
        Self(telemetry::coloured(stream))
    }

    fn with(self, code: u8, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Red, if at all.
    pub fn red(self, text: &str) -> String {
        self.with(31, text)
    }

    /// Green, if at all.
    pub fn green(self, text: &str) -> String {
        self.with(32, text)
    }

    /// Yellow, if at all.
    pub fn yellow(self, text: &str) -> String {
        self.with(33, text)
    }
}

#[cfg(test)]
mod tests {
    use directory_sync_model::{
        desired::{Failure, FailureKind, FailureReason},
        plan::{Counts, RemovalCounts},
    };

    use super::*;
    use crate::cli::view::{
        FailureRow, KeptRow, MappingRow,
        plan::{FieldRow, PlanView},
    };

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
                removals: RemovalCounts::default(),
            }),
            done: Counts::default(),
            kept: Vec::new(),
            notices: Vec::new(),
            failures: Vec::new(),
            mappings: Vec::new(),
        }
    }

    const SYNC: Next<'_> = Next {
        command: "sync",
        only_observes: false,
    };

    fn text(view: &ReportView, next: Next<'_>) -> String {
        let mut out = Vec::new();
        report(view, next, Paint(false), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The report's lines, those of single changes aside.
    fn told(view: &ReportView) -> String {
        text(view, SYNC).lines().filter(|line| !line.starts_with('+')).collect()
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
        let text = text(&failed, SYNC);
        assert_eq!(text.matches("eu1/globex").count(), 2);
        assert_eq!(text.matches("Take the person out of scope").count(), 1, "{text}");
    }

    #[test]
    fn a_stop_says_whether_anything_was_written() {
        assert_eq!(told(&view("Stopped", 0)), "acme: stopped; nothing was written");
        let mut stopped = view("Stopped", 0);
        stopped.done.users_created = 1;
        assert!(told(&stopped).starts_with("acme: stopped between two writes"));
    }

    #[test]
    fn what_carries_a_plan_out_is_the_command_that_showed_it() {
        let restore = Next {
            command: "restore 0196-5f",
            ..SYNC
        };
        let planned = text(&view("Observed", 1), restore);
        assert!(
            planned.ends_with("`directory-sync restore 0196-5f` carries it out\n"),
            "{planned}"
        );
        let mut held = view("Held", 1);
        held.plan.as_mut().unwrap().held.push("too much".into());
        let told = text(&held, restore);
        assert!(
            told.contains("\n  directory-sync restore 0196-5f -f … --approve"),
            "{told}"
        );
    }

    #[test]
    fn a_connection_that_only_observes_says_so_where_it_is_told_what_to_do() {
        let observing = Next {
            only_observes: true,
            ..SYNC
        };
        let planned = text(&view("Observed", 1), observing);
        let expected = "planned; spec.mode is Observe: with Apply, `directory-sync sync` carries it out\n";
        assert!(planned.ends_with(expected), "{planned}");
        let mut held = view("Observed", 1);
        held.plan.as_mut().unwrap().held.push("too much".into());
        let told = text(&held, observing);
        assert!(
            told.contains("\n  set spec.mode, which is Observe, to Apply\n"),
            "{told}"
        );
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        let hostile = "A\u{1b}[2K\r\n\u{9b}1A\u{202e}é\u{7f}";
        assert_eq!(
            Shown(hostile).to_string(),
            "A\\u{1b}[2K\\r\\n\\u{9b}1A\\u{202e}é\\u{7f}"
        );
        let mut view = view("Observed", 1);
        if let Some(plan) = &mut view.plan {
            plan.held = vec![hostile.into()];
            let row = &mut plan.changes[0];
            (row.user, row.email, row.object) = (hostile.into(), hostile.into(), hostile.into());
            row.fields = vec![FieldRow {
                name: hostile.into(),
                before: hostile.into(),
                after: hostile.into(),
            }];
        }
        view.error = Some(hostile.into());
        view.doubts = vec![hostile.into()];
        view.failures = vec![FailureRow {
            kind: "user",
            id: hostile.into(),
            reason: "Refused",
            message: hostile.into(),
            action: "",
        }];
        view.mappings = vec![MappingRow {
            name: hostile.into(),
            problems: vec![hostile.into()],
        }];
        let text = text(&view, SYNC);
        assert!(!text.chars().any(|c| c != '\n' && steers(c)), "{text:?}");
        assert_eq!(text.matches("\\u{9b}1A").count(), 13, "{text}");
    }

    #[test]
    fn what_waits_for_a_complete_read_is_told_last() {
        let mut doubtful = view("Unchanged", 0);
        doubtful.doubts = vec!["a page is missing".into()];
        let last = |view: &ReportView| text(view, SYNC).lines().last().unwrap().to_owned();
        let expected =
            "! acme: whatever is to be removed waits until the whole directory can be read; see above why it could not";
        assert_eq!(last(&doubtful), expected);
        doubtful.kept = ["Incomplete", "Protected", "Incomplete"]
            .map(|reason| KeptRow {
                kind: "users",
                reason,
                count: 2,
            })
            .into();
        assert!(last(&doubtful).starts_with("! acme: 4 removals wait until"));
    }

    #[test]
    fn counts_are_right_for_one() {
        assert_eq!(told(&view("Synced", 1)), "acme: 1 change done (sync run)");
        assert_eq!(told(&view("Synced", 2)), "acme: 2 changes done (sync run)");
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
