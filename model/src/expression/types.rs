//! The types that an expression is checked with before it is ever evaluated.

use std::fmt;

use crate::attribute::Kind;

/// What is known about the type of an expression, or a part of one, without evaluating it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only the value tells: custom attributes, and what is made of them.
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Double,
    /// A text.
    Text,
    /// A moment.
    Timestamp,
    /// A length of time.
    Duration,
    /// A list of values of one type.
    List(Box<Self>),
    /// A map from keys to values of one type.
    Map(Box<Self>),
}

impl Type {
    /// A list of this type.
    pub(super) fn list(self) -> Self {
        Self::List(Box::new(self))
    }

    /// Whether a value of this type may turn out to be of the other one.
    pub(super) fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(a), Self::List(b)) | (Self::Map(a), Self::Map(b)) => a.fits(b),
            (a, b) => a == b,
        }
    }

    /// Whether `==` between the two can ever be true. A date can be null; numbers compare across their types.
    pub(super) fn compares_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Timestamp) | (Self::Timestamp, Self::Null) => true,
            (Self::List(a), Self::List(b)) | (Self::Map(a), Self::Map(b)) => a.compares_with(b),
            (a, b) => a.fits(b) || (a.is_number() && b.is_number()),
        }
    }

    /// The type of "one or the other".
    pub(super) fn or(self, other: &Self) -> Self {
        if self == *other { self } else { Self::Any }
    }

    /// Whether it is certainly a number.
    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::TextList => Self::Text.list(),
            Kind::Flag => Self::Bool,
            Kind::Date => Self::Timestamp,
        }
    }
}

/// The name of the type in CEL; with `{:#}` behind its article.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            f.write_str(if *self == Self::Int { "an " } else { "a " })?;
        }
        f.write_str(match self {
            Self::Any => "dyn",
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Text => "string",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::List(item) => return write!(f, "list({item})"),
            Self::Map(value) => return write!(f, "map(string, {value})"),
        })
    }
}
