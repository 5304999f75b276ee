//! JSON (RFC 8259): an array of people or groups, or an object of `users` and `groups`.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    parse::line_breaks,
    value::{Document, Kind, Parsed, Row, Value},
};
use crate::http::decode_error;

/// Deeper values are nobody's attributes.
const DEPTH: u32 = 16;

/// Reads a document; the error says what is wrong with it as a whole.
pub(super) fn read(text: &str, kind: Kind) -> Result<Document, String> {
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| decode_error(&error))?;
    let lines = Lines { text };
    if whole.get().starts_with('[') {
        return Ok(kind.document(rows(whole, kind, &lines)?));
    }
    let members: Members<'_> = serde_json::from_str(whole.get())
        .map_err(|_| format!("it is neither a list nor an object with {:?}", kind.key()))?;
    let mut document = Document::default();
    let mut known = false;
    for (name, value) in members.0 {
        match name.as_str() {
            "users" => document.users = rows(value, Kind::People, &lines)?,
            "groups" => document.groups = Some(rows(value, Kind::Groups, &lines)?),
            // A misspelt `users` must not read as nobody at all.
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
        Err(format!("the object has no key {:?}", kind.key()))
    }
}

fn rows(list: &RawValue, kind: Kind, lines: &Lines<'_>) -> Result<Vec<Parsed>, String> {
    let list: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|_| format!("{:?} is no list", kind.key()))?;
    let mut line = LineCounter::default();
    let row = |(at, raw): (usize, &RawValue)| {
        let place = format!("{}[{at}], line {}", kind.key(), line.at(lines, raw));
        match value(raw, 0) {
            Ok(Value::Object(fields)) => Ok(Row::new(place, fields)),
            Ok(_) => Err((place, "it is no object".to_owned())),
            Err(why) => Err((place, why)),
        }
    };
    Ok(list.into_iter().enumerate().map(row).collect())
}

/// A value with the text of its scalars.
fn value(raw: &RawValue, depth: u32) -> Result<Value, String> {
    if depth > DEPTH {
        return Err(format!("it is nested more than {DEPTH} levels deep"));
    }
    let text = raw.get();
    let unreadable = |error: serde_json::Error| decode_error(&error);
    match text.bytes().next() {
        Some(b'"') => serde_json::from_str(text).map(Value::Text).map_err(unreadable),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(unreadable)?;
            items
                .into_iter()
                .map(|item| value(item, depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        Some(b'{') => {
            let Members(members) = serde_json::from_str(text).map_err(unreadable)?;
            let mut fields: Vec<(String, Value)> = Vec::with_capacity(members.len());
            for (name, raw) in members {
                if fields.iter().any(|(known, _)| *known == name) {
                    return Err(format!("the key {name:?} comes twice"));
                }
                fields.push((name, value(raw, depth + 1)?));
            }
            Ok(Value::Object(fields))
        }
        Some(b'n') => Ok(Value::Empty),
        _ => serde_json::from_str(text)
            .map(|json| Value::Plain(text.to_owned(), json))
            .map_err(unreadable),
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Shape)
    }
}

struct Lines<'t> {
    text: &'t str,
}

/// Counts line breaks up to values that come in their order.
#[derive(Default)]
struct LineCounter {
    offset: usize,
    breaks: usize,
}

impl LineCounter {
    fn at(&mut self, lines: &Lines<'_>, raw: &RawValue) -> usize {
        // The value is borrowed from the text, so the distance of the two is its place.
        let offset = (raw.get().as_ptr() as usize).saturating_sub(lines.text.as_ptr() as usize);
        let between = lines.text.as_bytes().get(self.offset..offset).unwrap_or_default();
        self.breaks += line_breaks(between);
        self.offset = self.offset.max(offset);
        self.breaks + 1
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_the_text_that_was_written() {
        let document = read(
            r#"[{"id":12345678901234567890123,"x":1.10,"y":true,"z":null,"w":["a"]}]"#,
            Kind::People,
        );
        let row = document.unwrap().users.remove(0).unwrap();
        assert_eq!(row.get("id").text(), Some("12345678901234567890123"));
        assert_eq!(row.get("x"), &Value::Plain("1.10".into(), json!(1.1)));
        assert_eq!(row.get("y").to_json(), json!(true));
        assert_eq!(row.get("z"), &Value::Empty);
        assert_eq!(row.get("w").to_json(), json!(["a"]));
    }

    #[test]
    fn rows_are_named_by_key_number_and_line() {
        let text = "{\"groups\": [{}],\n \"users\": [\n  {\"id\":\"a\"},\n  7,\n\n  {\"id\":\"b\",\"id\":\"c\"}]}";
        let document = read(text, Kind::People).unwrap();
        let place = |row: &Parsed| match row {
            Ok(row) => row.place.clone(),
            Err((place, why)) => format!("{place}! {why}"),
        };
        let places: Vec<_> = document.users.iter().map(place).collect();
        assert_eq!(
            places,
            [
                "users[0], line 3",
                "users[1], line 4! it is no object",
                "users[2], line 6! the key \"id\" comes twice"
            ]
        );
        assert_eq!(document.groups.unwrap()[0].as_ref().unwrap().place, "groups[0], line 1");
    }

    #[test]
    fn a_document_of_another_shape_is_refused() {
        let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
        for (text, why) in [
            ("", "EOF"),
            ("7", "neither a list nor an object with \"users\""),
            ("{}", "no key \"users\""),
            (r#"{"groups":[]}"#, "no key \"users\""),
            (r#"{"users":{}}"#, "\"users\" is no list"),
            (r#"{"users":[],"people":[]}"#, "\"people\" is not expected here"),
            ("[{]", "line 1 column 3"),
            ("[] []", "trailing characters"),
        ] {
            let refused = read(text, Kind::People).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        let document = read(&deep, Kind::People).unwrap();
        assert!(matches!(&document.users[0], Err((_, why)) if why.contains("nested more than 16 levels")));
    }
}
