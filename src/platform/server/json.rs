//! Bodies read strictly, with each fault at its JSON pointer.

use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::platform::rest::wire::{Problem, ProblemKind};

/// The most characters of a fault's message: it may quote the request.
const MAX_DETAIL: usize = 300;

/// Reads a body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = read(&mut json, "")?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Reads an item of a body; `pointer` is where it stands there.
pub(super) fn parse_item<T: DeserializeOwned>(item: Value, pointer: &str) -> Result<T, Problem> {
    read(item, pointer)
}

fn read<'de, T, D>(json: D, base: &str) -> Result<T, Problem>
where
    T: serde::Deserialize<'de>,
    D: Deserializer<'de, Error = serde_json::Error>,
{
    serde_path_to_error::deserialize(json).map_err(|error| {
        let cause = error.inner();
        if !cause.is_data() {
            return malformed(cause);
        }
        let pointer = format!("{base}{}", pointer(error.path()));
        Problem::new(ProblemKind::InvalidRequest).with_pointer(cut(&pointer), cut(&without_position(cause)))
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(ProblemKind::MalformedJson).with_detail(cut(&error.to_string()))
}

/// The message without ` at line 1 column 2`, which the pointer says better.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) if error.line() > 0 => message[..end].to_owned(),
        _ => message,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(&escape(key)),
            Segment::Enum { variant } => pointer.push_str(&escape(variant)),
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer
}

/// A name as a segment of a JSON pointer (RFC 6901 §3).
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::rest::wire::{Batch, UserCreate};

    fn place(body: &str) -> (String, String) {
        let problem = parse::<UserCreate>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.kind(), Some(ProblemKind::InvalidRequest), "{problem:?}");
        let place = problem.errors.into_iter().next().unwrap();
        (place.pointer.unwrap(), place.detail)
    }

    #[test]
    fn an_unknown_field_is_named_at_its_place() {
        let (pointer, detail) = place(r#"{"email":"a@b","emial":"x"}"#);
        assert_eq!(pointer, "/emial");
        assert!(detail.starts_with("unknown field `emial`, expected one of"), "{detail}");
        assert_eq!(place(r#"{"email":"a@b","mark":{"owner":"o","x/y":1}}"#).0, "/mark/x~1y");
    }

    #[test]
    fn a_wrong_type_and_a_missing_field_are_named() {
        assert_eq!(
            place(r#"{"email":1}"#),
            ("/email".into(), "invalid type: integer `1`, expected a string".into())
        );
        assert_eq!(place("{}"), (String::new(), "missing field `email`".into()));
        let (pointer, detail) = place(r#"{"email":"a@b","attributes":{"d":{}}}"#);
        assert_eq!(pointer, "/attributes/d");
        assert!(
            detail.contains("a string, a list of strings, a boolean or a number"),
            "{detail}"
        );
        assert_eq!(place(r#"{"email":"a@b","active":null}"#).0, "/active");
    }

    #[test]
    fn an_item_is_named_in_the_whole_body() {
        let batch: Batch<Value> = parse(br#"{"items":[{"email":"a@b","x":1}]}"#).unwrap();
        let problem = parse_item::<UserCreate>(batch.items[0].clone(), "/items/0").unwrap_err();
        assert_eq!(problem.errors[0].pointer.as_deref(), Some("/items/0/x"));
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in ["", "{", "{}x", "\u{1}", "[1,]"] {
            let problem = parse::<Value>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.kind(), Some(ProblemKind::MalformedJson), "{body}");
        }
        assert_eq!(
            parse::<Value>(b"\"\xff\"").unwrap_err().kind(),
            Some(ProblemKind::MalformedJson)
        );
    }

    #[test]
    fn a_message_that_quotes_the_request_is_cut() {
        let body = format!(r#"{{"email":"a@b","{}":1}}"#, "x".repeat(5000));
        let (pointer, detail) = place(&body);
        assert!(pointer.chars().count() <= MAX_DETAIL + 1 && detail.chars().count() <= MAX_DETAIL + 1);
    }
}
