//! `docs/reference/report.md`: what `-o json` and `-o yaml` write, from the types that are written.

use std::fmt::Write as _;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::{check::CheckView, store::HeldView, view::ReportView};

/// The page, in Markdown.
pub fn render() -> String {
    let mut page = String::from(
        "<!-- Generated from src/cli/ by `make generate`: do not edit. -->\n\
         # Reports\n\n\
         What `directory-sync plan`, `sync`, `restore` and `check` write with `-o json`, and with `-o yaml` in YAML. Scripts may rely on it: fields are \
         only added. `[]` is a list; a field that may be absent is absent where it would be empty.\n",
    );
    section::<ReportView>(&mut page, "`plan`, `sync` and `restore`");
    section::<HeldView>(&mut page, "`plan --held`");
    section::<CheckView>(&mut page, "`check`");
    page
}

/// The schema as it is written, and as it would be read: the latter has every field that isn't optional in its own order.
struct Schemas {
    written: Value,
    read: Value,
}

fn section<V: JsonSchema>(page: &mut String, title: &str) {
    let schema = |settings: SchemaSettings| settings.into_generator().into_root_schema_for::<V>().to_value();
    let schemas = Schemas {
        written: schema(SchemaSettings::draft2020_12().for_serialize()),
        read: schema(SchemaSettings::draft2020_12()),
    };
    let _ = write!(
        page,
        "\n## {title}\n\n| field | type | meaning |\n| --- | --- | --- |\n"
    );
    schemas.rows(page, &schemas.written, &schemas.read, "");
}

impl Schemas {
    fn rows(&self, page: &mut String, written: &Value, read: &Value, path: &str) {
        let names = |object: &Value| -> Vec<String> {
            let names = object["required"].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let always = names(written);
        let mut order = names(read);
        for name in read["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
        {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
        for name in order {
            let field = &written["properties"][&name];
            let (inner, is_list) = resolved(&self.written, field);
            let (inner_read, _) = resolved(&self.read, &read["properties"][&name]);
            let brackets = if is_list { "[]" } else { "" };
            let path = format!("{path}{}{name}{brackets}", if path.is_empty() { "" } else { "." });
            let absent = if always.contains(&name) { "" } else { ", may be absent" };
            let description = field["description"].as_str().or(inner["description"].as_str());
            let meaning = description.unwrap_or_else(|| panic!("{path} has no description"));
            let _ = writeln!(
                page,
                "| `{path}` | {}{absent} | {} |",
                type_of(inner),
                meaning.replace('\n', " ")
            );
            if inner.get("properties").is_some() {
                self.rows(page, inner, inner_read, &path);
            }
        }
    }
}

/// What a field holds, or a list of it: references followed, null aside.
fn resolved<'s>(root: &'s Value, field: &'s Value) -> (&'s Value, bool) {
    if let Some(place) = field["$ref"].as_str() {
        let found = root.pointer(place.trim_start_matches('#'));
        return resolved(root, found.unwrap_or_else(|| panic!("{place} is nowhere")));
    }
    if let Some(some) = field["anyOf"].as_array().and_then(|any| any.first()) {
        return resolved(root, some);
    }
    match field.get("items") {
        Some(items) => (resolved(root, items).0, true),
        None => (field, false),
    }
}

fn type_of(schema: &Value) -> String {
    let mut words: Vec<String> = Vec::new();
    for option in schema["oneOf"].as_array().into_iter().flatten() {
        let more = option["enum"].as_array().into_iter().flatten();
        words.extend(
            option
                .get("const")
                .into_iter()
                .chain(more)
                .map(|word| format!("`{}`", word.as_str().unwrap_or("?"))),
        );
    }
    if !words.is_empty() {
        return format!("one of {}", words.join(", "));
    }
    let one = match &schema["type"] {
        Value::Array(several) => several.first().cloned().unwrap_or_default(),
        one => one.clone(),
    };
    match one.as_str() {
        Some("integer") => "number".to_owned(),
        Some(one) => one.to_owned(),
        None => panic!("{schema} has no type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_fields_of_every_level() {
        let page = render();
        for row in [
            "| `plan.changes[].fields[].before` | string |",
            "| `plan.changes[].action` | one of `createTeam`, `create`,",
            "| `plan` | object, may be absent |",
            "| `doubts[]` | string |",
            "| `done.usersCreated` | number |",
            "| `person.changes[].action` |",
        ] {
            assert!(page.contains(row), "{row}\n{page}");
        }
    }
}
