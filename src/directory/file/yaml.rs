//! YAML 1.2: a sequence of people or groups, or a mapping of `users` and `groups`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value as Json;
use serde_saphyr::{Options, Spanned, from_str_with_options};

use super::value::{Document, Kind, Parsed, Row, Value};

/// How many nodes a document may have, far above what fits into its bytes.
const NODES: usize = 20_000_000;

/// Reads a document; the error says what is wrong with it as a whole.
pub(super) fn read(text: &str, kind: Kind) -> Result<Document, String> {
    let whole: Spanned<Raw> = from_str_with_options(text, options()).map_err(|error| describe(&error))?;
    match whole.value {
        Raw::List(items) => Ok(kind.document(rows(items, kind, text))),
        Raw::Object(members) => {
            let mut document = Document::default();
            let mut known = false;
            for (name, value) in members {
                let list = match value.value {
                    Raw::List(items) => items,
                    Raw::Empty => Vec::new(),
                    _ => return Err(format!("line {}: {name:?} is no list", value.referenced.line())),
                };
                match name.as_str() {
                    "users" => document.users = rows(list, Kind::People, text),
                    "groups" => document.groups = Some(rows(list, Kind::Groups, text)),
                    _ => {
                        return Err(format!(
                            "{name:?} is not expected here; the keys are \"users\" and \"groups\""
                        ));
                    }
                }
                known |= name == kind.key();
            }
            if known {
                Ok(document)
            } else {
                Err(format!("the mapping has no key {:?}", kind.key()))
            }
        }
        _ => Err(format!("it is neither a sequence nor a mapping with {:?}", kind.key())),
    }
}

/// How many nodes may come of aliases: two for each of a hundred thousand people.
const ALIASED: usize = 200_000;

fn options() -> Options {
    let mut options = Options::default();
    // A snippet would show people.
    options.with_snippet = false;
    options.emit_comments = false;
    // `no` is a flag where one is expected, and Norway elsewhere.
    options.strict_booleans = true;
    options.leading_zero_numbers_as_strings = true;
    options.underscored_numbers_as_strings = true;
    options.alias_limits.max_total_replayed_events = ALIASED;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = 32;
        budget.max_documents = 1;
        budget.max_nodes = NODES;
        budget.max_events = 2 * NODES;
    }
    options
}

fn describe(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default().trim();
    match error.location() {
        Some(place) if !text.contains("line ") => format!("line {}: {text}", place.line()),
        _ => text.to_owned(),
    }
}

fn rows(items: Vec<Spanned<Raw>>, kind: Kind, text: &str) -> Vec<Parsed> {
    let row = |(at, item): (usize, Spanned<Raw>)| {
        let place = format!("{}[{at}], line {}", kind.key(), item.referenced.line());
        match value(item, text) {
            Value::Object(fields) => Ok(Row::new(place, fields)),
            _ => Err((place, "it is no mapping".to_owned())),
        }
    };
    items.into_iter().enumerate().map(row).collect()
}

/// A node as YAML's core schema takes it. The text of numbers and flags is in the source.
enum Raw {
    Empty,
    Text(String),
    Plain(Json),
    List(Vec<Spanned<Raw>>),
    Object(Vec<(String, Spanned<Raw>)>),
}

/// A value with the text of its scalars: `+442071234567` and `1.10` are numbers to YAML.
fn value(node: Spanned<Raw>, source: &str) -> Value {
    match node.value {
        Raw::Empty => Value::Empty,
        Raw::Text(text) => Value::Text(text),
        Raw::Plain(json) => {
            let span = node.defined.span();
            let range = span
                .byte_offset()
                .zip(span.byte_len())
                .and_then(|(start, length)| Some(usize::try_from(start).ok()?..usize::try_from(start + length).ok()?));
            let written = range.and_then(|range| source.get(range)).map(str::trim);
            Value::Plain(written.map_or_else(|| json.to_string(), str::to_owned), json)
        }
        Raw::List(items) => Value::List(items.into_iter().map(|item| value(item, source)).collect()),
        Raw::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, node)| (name, value(node, source)))
                .collect(),
        ),
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Empty)
            }

            fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Raw, E> {
                Ok(Raw::Text(text))
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Raw, E> {
                Ok(Raw::Plain(flag.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
                Ok(Raw::Plain(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
                Ok(Raw::Plain(number.into()))
            }

            fn visit_i128<E>(self, number: i128) -> Result<Raw, E> {
                Ok(Raw::Text(number.to_string()))
            }

            fn visit_u128<E>(self, number: u128) -> Result<Raw, E> {
                Ok(Raw::Text(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
                Ok(Raw::Plain(number.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Raw::Object(members))
            }
        }
        from.deserialize_any(Shape)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_keep_the_text_that_was_written() {
        let text = "- id: 0017\n  phone: +442071234567\n  price: 1.10\n  hex: 0x1F\n  big: 123456789012345678901234567890\n  \
                    active: no\n  vip: true\n  country: NO\n  none: ~\n  blank:\n  text: \"7\"\n  list: [a, 2]\n";
        let row = read(text, Kind::People).unwrap().users.remove(0).unwrap();
        for (name, written) in [
            ("id", "0017"),
            ("phone", "+442071234567"),
            ("price", "1.10"),
            ("hex", "0x1F"),
            ("big", "123456789012345678901234567890"),
            ("active", "no"),
            ("vip", "true"),
            ("country", "NO"),
            ("none", ""),
            ("blank", ""),
            ("text", "7"),
        ] {
            assert_eq!(row.get(name).text(), Some(written), "{name}");
        }
        assert_eq!(row.get("vip").to_json(), json!(true));
        assert_eq!(row.get("text").to_json(), json!("7"));
        assert_eq!(row.get("list").to_json(), json!(["a", 2]));
        assert_eq!(row.get("active").flag(), Some(false));
    }

    #[test]
    fn rows_are_named_by_key_number_and_line() {
        let document = read("# people\nusers:\n- id: a\n\n- 7\ngroups:\n- id: g\n", Kind::People).unwrap();
        assert_eq!(document.users[0].as_ref().unwrap().place, "users[0], line 3");
        assert_eq!(
            document.users[1].as_ref().unwrap_err(),
            &("users[1], line 5".to_owned(), "it is no mapping".to_owned())
        );
        assert_eq!(document.groups.unwrap()[0].as_ref().unwrap().place, "groups[0], line 7");
    }

    #[test]
    fn an_alias_stands_for_its_anchor() {
        let text = "- {id: a, department: &d \"Sales\", badge: &b 007}\n- {id: b, department: *d, badge: *b}\n";
        let row = read(text, Kind::People).unwrap().users.remove(1).unwrap();
        assert_eq!(
            (row.get("department").text(), row.get("badge").text()),
            (Some("Sales"), Some("007"))
        );
    }

    #[test]
    fn a_bomb_of_aliases_is_refused_soon() {
        let mut bomb = String::from("- &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let inner = format!("*a{}, ", level - 1).repeat(9);
            writeln!(bomb, "- &a{level} [{inner}]").unwrap();
        }
        let start = std::time::Instant::now();
        assert!(read(&bomb, Kind::People).is_err());
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        let deep = "[".repeat(200_000);
        assert!(read(&deep, Kind::People).is_err());
    }

    #[test]
    fn a_document_of_another_shape_is_refused_and_nobody_is_shown() {
        for (text, why) in [
            ("7", "neither a sequence nor a mapping"),
            ("groups: []", "no key \"users\""),
            ("users: {}", "line 1: \"users\" is no list"),
            ("users: []\npeople: []", "\"people\" is not expected here"),
            ("- id: a\n  title: [\n", "line"),
            ("- id: a\n  id: ann@acme.test\n", "line 2"),
            ("- id: a\n---\n- id: b\n", "document"),
        ] {
            let refused = read(text, Kind::People).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
            assert!(!refused.contains("acme.test") && !refused.contains('\n'), "{refused}");
        }
    }
}
