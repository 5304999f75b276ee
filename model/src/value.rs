//! A value of an attribute on the platform.

use std::{collections::HashSet, fmt};

/// What one attribute of a user can be: the same on both sides, so that it can be compared.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// Text; never empty (an empty text is no value).
    Text(String),
    /// A list of texts, in order; never empty.
    List(Vec<String>),
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
}

/// The attribute that platforms keep apart as labels: a list of distinct texts, whatever gives it.
pub const TAGS: &str = "tags";

impl AttributeValue {
    /// Whether it is no value at all: a blank text, or a list without any text.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::List(items) => items.iter().all(|item| item.trim().is_empty()),
            Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// Whether [`Self::settled`] would give back the same value, as far as that can be told without making it.
    pub fn is_settled(&self, name: &str) -> bool {
        match self {
            Self::Text(text) => name != TAGS && !text.is_empty() && text.trim().len() == text.len(),
            Self::List(_) => false,
            Self::Bool(_) | Self::Number(_) => name != TAGS,
        }
    }

    /// The value as it is kept under a name: texts trimmed, those that are empty left out, [`TAGS`] a list without
    /// repetition; `None` where nothing is left.
    pub fn settled(self, name: &str) -> Option<Self> {
        let value = match self {
            Self::Text(text) if name == TAGS => Self::List(vec![text]),
            Self::Bool(_) | Self::Number(_) if name == TAGS => Self::List(vec![self.to_string()]),
            other => other,
        };
        if value.is_empty() {
            return None;
        }
        Some(match value {
            Self::Text(text) => Self::Text(trimmed(text)),
            Self::List(items) => {
                let items = items.into_iter().map(trimmed).filter(|item| !item.is_empty());
                let mut kept: Vec<String> = Vec::with_capacity(items.size_hint().1.unwrap_or(0));
                let mut seen = HashSet::new();
                kept.extend(items.filter(|item| name != TAGS || seen.insert(item.clone())));
                Self::List(kept)
            }
            other => other,
        })
    }
}

fn trimmed(text: String) -> String {
    let inner = text.trim();
    if inner.len() == text.len() {
        text
    } else {
        inner.to_owned()
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::List(items) => write!(f, "[{}]", items.join(", ")),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> AttributeValue {
        AttributeValue::Text(text.to_owned())
    }

    fn list(items: &[&str]) -> AttributeValue {
        AttributeValue::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn blanks_are_no_part_of_a_value_and_nothing_is_no_value() {
        assert_eq!(text(" x ").settled("a"), Some(text("x")));
        assert_eq!(text(" ").settled("a"), None);
        assert_eq!(list(&["b ", "", "b", "a"]).settled("a"), Some(list(&["b", "b", "a"])));
        assert_eq!(list(&["", " "]).settled("a"), None);
        assert_eq!(list(&[]).settled("a"), None);
        assert_eq!(
            AttributeValue::Bool(false).settled("a"),
            Some(AttributeValue::Bool(false))
        );
        assert_eq!(
            AttributeValue::Number(0.0).settled("a"),
            Some(AttributeValue::Number(0.0))
        );
    }

    #[test]
    fn a_value_that_is_settled_is_given_back_as_it_is() {
        for value in [
            text("x"),
            text(" x"),
            text(""),
            AttributeValue::Bool(true),
            AttributeValue::Number(1.5),
        ] {
            for name in ["a", TAGS] {
                let same = value.clone().settled(name).as_ref() == Some(&value);
                assert_eq!(value.is_settled(name), same, "{value} as {name}");
            }
        }
    }

    #[test]
    fn tags_are_distinct_texts_in_the_order_in_which_they_come() {
        assert_eq!(text("x").settled(TAGS), Some(list(&["x"])));
        assert_eq!(text("").settled(TAGS), None);
        assert_eq!(AttributeValue::Number(7.0).settled(TAGS), Some(list(&["7"])));
        assert_eq!(list(&["b", " b", "", "a"]).settled(TAGS), Some(list(&["b", "a"])));
    }
}
