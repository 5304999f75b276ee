//! A value of an attribute on the platform.

use std::fmt;

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
