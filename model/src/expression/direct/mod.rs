//! The usual expressions, taken directly: reading, comparing and joining texts, without the evaluator.
//!
//! A million people times a few expressions is where the time of a plan goes, and nearly all expressions are of these
//! shapes. A shape that meets something that it was not made for (a custom attribute that is no text, a value beyond a
//! limit) says `None`, and the evaluator decides: so both ways give the same, and a test compares them.

mod build;

pub use build::direct;

use std::borrow::Cow;

use super::{
    functions::Pattern,
    limits,
    scope::{About, Scope},
    text,
    value::Value,
};
use crate::attribute::{Attribute, GroupAttribute};

/// An expression of one of the usual shapes.
#[derive(Debug)]
pub enum Direct {
    Text(Text),
    Flag(Flag),
    List(Vec<Text>),
}

/// A text.
#[derive(Debug)]
pub enum Text {
    Literal(Box<str>),
    User(Attribute),
    Group(GroupAttribute),
    Custom(Box<str>),
    Lower(Box<Self>),
    Upper(Box<Self>),
    Trim(Box<Self>),
    Replace {
        text: Box<Self>,
        from: Box<str>,
        to: Box<str>,
    },
    Joined(Vec<Self>),
    Choice(Box<(Flag, Self, Self)>),
}

/// A list that is searched or counted where it lies.
#[derive(Debug)]
pub enum Items {
    Emails,
    Groups,
    Members,
    Literal(Vec<Box<str>>),
}

/// A yes or no.
#[derive(Debug)]
pub enum Flag {
    Literal(bool),
    Active,
    HasCustom(Box<str>),
    Equal(Text, Text),
    In(Text, Items),
    StartsWith(Text, Text),
    EndsWith(Text, Text),
    Contains(Text, Text),
    Matches(Text, Pattern),
    /// The size of the list and the number, compared.
    Size(Items, Comparison, usize),
    Not(Box<Self>),
    And(Box<(Self, Self)>),
    Or(Box<(Self, Self)>),
}

/// How a size is compared with a number.
#[derive(Clone, Copy, Debug)]
pub enum Comparison {
    Equal,
    Less,
    Greater,
}

impl Direct {
    /// The value for one person or group; `None` where the evaluator must decide.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Option<Value> {
        Some(match self {
            Self::Text(text) => Value::Text(text.evaluate(scope)?.into_owned()),
            Self::Flag(flag) => Value::Bool(flag.evaluate(scope)?),
            Self::List(items) => Value::List(
                items
                    .iter()
                    .map(|item| item.evaluate(scope).map(Cow::into_owned))
                    .collect::<Option<_>>()?,
            ),
        })
    }
}

impl Text {
    /// The text, borrowed where nothing had to be made.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Literal(text) => Cow::Borrowed(text),
            Self::User(attribute) => match scope.about {
                About::User { record, .. } => Cow::Borrowed(short(record.text(*attribute))?),
                About::Group { .. } => return None,
            },
            Self::Group(attribute) => match (scope.about, attribute) {
                (About::Group { id, .. }, GroupAttribute::Id) => Cow::Borrowed(short(id)?),
                (About::Group { name, .. }, GroupAttribute::Name) => Cow::Borrowed(short(name)?),
                (About::Group { description, .. }, GroupAttribute::Description) => Cow::Borrowed(short(description)?),
                _ => return None,
            },
            Self::Custom(name) => match scope.about {
                About::User { record, .. } => Cow::Borrowed(short(plain_json_text(record.custom_json(name)?)?)?),
                About::Group { .. } => return None,
            },
            Self::Lower(text) => Cow::Owned(text.evaluate(scope)?.to_ascii_lowercase()),
            Self::Upper(text) => Cow::Owned(text.evaluate(scope)?.to_ascii_uppercase()),
            Self::Trim(text) => match text.evaluate(scope)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            },
            Self::Replace { text, from, to } => Cow::Owned(text::replace(&text.evaluate(scope)?, from, to, -1)?),
            Self::Joined(parts) => {
                let mut joined = String::new();
                for part in parts {
                    joined.push_str(&part.evaluate(scope)?);
                }
                Cow::Owned(joined)
            }
            Self::Choice(choice) => {
                let (condition, yes, no) = choice.as_ref();
                return if condition.evaluate(scope)? {
                    yes.evaluate(scope)
                } else {
                    no.evaluate(scope)
                };
            }
        })
    }
}

impl Flag {
    /// The answer; `None` where the evaluator must decide.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Option<bool> {
        Some(match self {
            Self::Literal(flag) => *flag,
            Self::Active => match scope.about {
                About::User { record, .. } => record.active(),
                About::Group { .. } => return None,
            },
            Self::HasCustom(name) => match scope.about {
                About::User { record, .. } => record.custom_json(name).is_some(),
                About::Group { .. } => return None,
            },
            Self::Equal(a, b) => a.evaluate(scope)? == b.evaluate(scope)?,
            Self::In(text, items) => items.contains(&text.evaluate(scope)?, scope)?,
            Self::StartsWith(text, part) => text.evaluate(scope)?.starts_with(&*part.evaluate(scope)?),
            Self::EndsWith(text, part) => text.evaluate(scope)?.ends_with(&*part.evaluate(scope)?),
            Self::Contains(text, part) => text.evaluate(scope)?.contains(&*part.evaluate(scope)?),
            Self::Matches(text, pattern) => pattern.is_match(&text.evaluate(scope)?)?,
            Self::Size(items, comparison, number) => {
                let size = items.size(scope)?;
                match comparison {
                    Comparison::Equal => size == *number,
                    Comparison::Less => size < *number,
                    Comparison::Greater => size > *number,
                }
            }
            Self::Not(flag) => !flag.evaluate(scope)?,
            Self::And(both) => both.0.evaluate(scope)? && both.1.evaluate(scope)?,
            Self::Or(either) => either.0.evaluate(scope)? || either.1.evaluate(scope)?,
        })
    }
}

impl Items {
    fn contains(&self, wanted: &str, scope: &Scope<'_>) -> Option<bool> {
        match (self, scope.about) {
            (Self::Emails, About::User { record, .. }) => any_is(record.items(Attribute::Emails), wanted),
            (Self::Groups, About::User { groups, .. }) => any_is(groups.iter().copied(), wanted),
            (Self::Members, About::Group { members, .. }) => any_is(members.iter().copied(), wanted),
            (Self::Literal(texts), _) => Some(texts.iter().any(|text| **text == *wanted)),
            _ => None,
        }
    }

    fn size(&self, scope: &Scope<'_>) -> Option<usize> {
        match (self, scope.about) {
            (Self::Emails, About::User { record, .. }) => all_short(record.items(Attribute::Emails)),
            (Self::Groups, About::User { groups, .. }) => all_short(groups.iter().copied()),
            (Self::Members, About::Group { members, .. }) => all_short(members.iter().copied()),
            _ => None,
        }
    }
}

fn any_is<'a>(items: impl Iterator<Item = &'a str>, wanted: &str) -> Option<bool> {
    let mut found = false;
    for item in items {
        found |= short(item)? == wanted;
    }
    Some(found)
}

fn all_short<'a>(mut items: impl Iterator<Item = &'a str>) -> Option<usize> {
    items.try_fold(0, |count, item| short(item).map(|_| count + 1))
}

/// A text of the directory that is within the limit.
fn short(text: &str) -> Option<&str> {
    (text.len() <= limits::INPUT_TEXT).then_some(text)
}

/// The text that a JSON value is, where it needs no unescaping.
fn plain_json_text(json: &str) -> Option<&str> {
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then_some(text)
}
