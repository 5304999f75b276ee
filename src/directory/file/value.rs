//! A value of a document, whatever the format: scalars keep the text that was written, so that no zero in front and no
//! plus sign is lost.

use std::sync::Arc;

use serde_json::Value as Json;

/// What stands at one key or in one cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing, or `null`.
    Empty,
    /// A text.
    Text(String),
    /// A number or a flag: as it was written, and what it means.
    Plain(String, Json),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The text of a scalar, trimmed; `None` for a list or an object.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Empty => Some(""),
            Self::Text(text) | Self::Plain(text, _) => Some(text.trim()),
            Self::List(_) | Self::Object(_) => None,
        }
    }

    /// The texts of a list. A text is a list whose elements are separated by `;`. `None` for anything else.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        let texts = match self {
            Self::List(items) => items.iter().map(Self::text).collect::<Option<Vec<_>>>()?,
            scalar => scalar.text()?.split(';').map(str::trim).collect(),
        };
        Some(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// Yes or no: `true`, `yes` and `1`, or `false`, `no` and `0`, in any case. `None` for anything else.
    pub(super) fn flag(&self) -> Option<bool> {
        let text = self.text()?;
        let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        match () {
            () if is(["true", "yes", "1"]) => Some(true),
            () if is(["false", "no", "0"]) => Some(false),
            () => None,
        }
    }

    /// The value in JSON, for what has no attribute of its own.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Empty => Json::Null,
            Self::Text(text) => Json::String(text.clone()),
            Self::Plain(_, json) => json.clone(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value.to_json()))
                .collect(),
        }
    }
}

/// One person or one group.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Where it stands: `line 7`, `users[3], line 12`.
    pub(super) place: String,
    pub(super) fields: Vec<(String, Value)>,
    /// What messages call the document that it is in.
    document: Option<Arc<str>>,
}

impl Row {
    pub(super) const fn new(place: String, fields: Vec<(String, Value)>) -> Self {
        Self {
            place,
            fields,
            document: None,
        }
    }

    /// What is wrong with it, with the document.
    pub(super) fn wrong(&self, why: &str) -> String {
        self.document
            .as_ref()
            .map_or_else(|| why.to_owned(), |document| within(document, why))
    }

    pub(super) fn get(&self, name: &str) -> &Value {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map_or(&Value::Empty, |(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }
}

/// A row that can be used, or the place of one that can't and why.
pub(super) type Parsed = Result<Row, (String, String)>;

/// The rows of one document.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) users: Vec<Parsed>,
    /// Absent where the document has no groups of its own.
    pub(super) groups: Option<Vec<Parsed>>,
}

impl Document {
    /// The same, its rows with its name for messages.
    pub(super) fn named(mut self, name: &str) -> Self {
        let name: Arc<str> = name.into();
        for row in self.users.iter_mut().chain(self.groups.iter_mut().flatten()) {
            match row {
                Ok(row) => row.document = Some(name.clone()),
                Err((_, why)) => *why = within(&name, why),
            }
        }
        self
    }
}

fn within(document: &str, why: &str) -> String {
    format!("{why} ({document})")
}

/// Which rows a document has that doesn't say it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    People,
    Groups,
}

impl Kind {
    /// The key under which a document of both has them.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::People => "users",
            Self::Groups => "groups",
        }
    }

    pub(super) fn document(self, rows: Vec<Parsed>) -> Document {
        match self {
            Self::People => Document {
                users: rows,
                groups: None,
            },
            Self::Groups => Document {
                users: Vec::new(),
                groups: Some(rows),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_list_or_a_text_with_semicolons() {
        let texts = |value: Value| value.texts().map(|texts| texts.join("|"));
        assert_eq!(texts(Value::Text(" a; b ;;c".into())).unwrap(), "a|b|c");
        let list = vec![
            Value::Text("a;b".into()),
            Value::Plain("007".into(), 7.into()),
            Value::Empty,
        ];
        assert_eq!(texts(Value::List(list)).unwrap(), "a;b|007");
        assert_eq!(texts(Value::Empty).unwrap(), "");
        assert_eq!(texts(Value::Object(Vec::new())), None);
        assert_eq!(texts(Value::List(vec![Value::List(Vec::new())])), None);
    }

    #[test]
    fn a_flag_is_one_of_six_words() {
        let flag = |text: &str| Value::Text(text.to_owned()).flag();
        assert_eq!(["true", "YES", "1"].map(flag), [Some(true); 3]);
        assert_eq!(["False", "no", " 0 "].map(flag), [Some(false); 3]);
        assert_eq!(["", "ja", "on", "2"].map(flag), [None; 4]);
        assert_eq!(Value::Plain("true".into(), true.into()).flag(), Some(true));
    }
}
