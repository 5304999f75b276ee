//! `docs/reference/conditions.md`, from the table.

use std::fmt::Write as _;

use super::{ConditionType, Event, Place, Polarity, REASONS, TYPES};

/// The page, in Markdown.
pub fn render() -> String {
    let mut page = String::from(
        "<!-- Generated from src/api/condition by `make generate`: do not edit. -->\n\
         # Conditions, reasons and events\n\n\
         A condition says how an object is doing; its reason is one of the words below, and its message says it in a sentence. \
         The reason of an event is the reason of the condition that it announces, and the `reason` label of a metric is one of \
         the same words. `kubectl wait --for=condition=Ready` and tools that know kstatus (Argo CD, Flux, Helm) work with these \
         conditions as they are.\n\n\
         ## Conditions\n\n| condition | of | good is | meaning |\n| --- | --- | --- | --- |\n",
    );
    for row in TYPES {
        let good = match row.polarity {
            Polarity::Positive => "True",
            Polarity::Negative => "False",
            Polarity::WhileTrue => "absent",
        };
        // Writing to a String can't fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {good} | {} |",
            row.condition.as_str(),
            row.kinds.join(", "),
            row.meaning
        );
    }
    for row in TYPES {
        section(&mut page, row.condition);
    }
    page.push_str(
        "\n## Reasons of failures\n\nOf single people, teams and inboxes, in `status.failures`. Nobody else is held up by them.\n\n\
         | reason | meaning | what to do |\n| --- | --- | --- |\n",
    );
    for row in REASONS.iter().filter(|row| row.places.contains(&Place::Failure)) {
        let _ = writeln!(page, "| `{}` | {} | {} |", row.reason.as_str(), row.meaning, row.action);
    }
    page.push_str(
        "\n## Events\n\nA run that changes nothing has no event.\n\n| reason | type | meaning |\n| --- | --- | --- |\n",
    );
    for row in REASONS {
        let kind = match row.event {
            Some(Event::Normal) => "Normal",
            Some(Event::Warning) => "Warning",
            None => continue,
        };
        let _ = writeln!(page, "| `{}` | {kind} | {} |", row.reason.as_str(), row.meaning);
    }
    page
}

fn section(page: &mut String, condition: ConditionType) {
    let _ = write!(
        page,
        "\n## Reasons of `{}`\n\n| status | reason | meaning | what to do |\n| --- | --- | --- | --- |\n",
        condition.as_str()
    );
    for row in REASONS {
        for place in row.places {
            if let Place::On(on, status) = place
                && *on == condition
            {
                let (status, reason) = (status.as_str(), row.reason.as_str());
                let _ = writeln!(page, "| {status} | `{reason}` | {} | {} |", row.meaning, row.action);
            }
        }
    }
}
