//! Takes the value of a usual shape for one person or group.

use std::borrow::Cow;

use super::{Comparison, Direct, Flag, Items, Text};
use crate::{
    attribute::{Attribute, GroupAttribute},
    expression::{
        limits,
        scope::{About, Scope},
        text,
        value::Value,
    },
};

/// Items that a loop goes through here; of more, the evaluator keeps the account of the work.
const LOOPED_ITEMS: usize = 1000;

/// Where a shape is evaluated: for whom, and for which item of the loop around it.
#[derive(Clone, Copy)]
struct Place<'a> {
    about: About<'a>,
    item: &'a str,
}

impl<'a> From<&Scope<'a>> for Place<'a> {
    fn from(scope: &Scope<'a>) -> Self {
        Self {
            about: scope.about,
            item: "",
        }
    }
}

impl Direct {
    /// The value for one person or group; `None` where the evaluator must decide.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Option<Value> {
        let place = Place::from(scope);
        Some(match self {
            Self::Text(text) => Value::Text(text.evaluate(place)?.into_owned()),
            Self::Flag(flag) => Value::Bool(flag.evaluate(place)?),
            Self::List(items) => Value::List(
                items
                    .iter()
                    .map(|item| item.evaluate(place).map(Cow::into_owned))
                    .collect::<Option<_>>()?,
            ),
            Self::Loop(items, condition, value) => {
                let mut values = Vec::new();
                items.each(place, |place| {
                    if condition.evaluate(place)? {
                        values.push(value.evaluate(place)?.into_owned());
                    }
                    Some(())
                })?;
                Value::List(values)
            }
        })
    }
}

impl Text {
    /// The text, borrowed where nothing had to be made.
    fn evaluate<'a>(&'a self, place: Place<'a>) -> Option<Cow<'a, str>> {
        Some(match self {
            Self::Literal(text) => Cow::Borrowed(text),
            Self::User(attribute) => match place.about {
                About::User { record, .. } => Cow::Borrowed(short(record.text(*attribute))?),
                About::Group { .. } => return None,
            },
            Self::Group(attribute) => match (place.about, attribute) {
                (About::Group { id, .. }, GroupAttribute::Id) => Cow::Borrowed(short(id)?),
                (About::Group { name, .. }, GroupAttribute::Name) => Cow::Borrowed(short(name)?),
                (About::Group { description, .. }, GroupAttribute::Description) => Cow::Borrowed(short(description)?),
                _ => return None,
            },
            Self::Custom(name) => match place.about {
                About::User { record, .. } => Cow::Borrowed(short(plain_json_text(record.custom_json(name)?)?)?),
                About::Group { .. } => return None,
            },
            Self::Item => Cow::Borrowed(place.item),
            Self::Lower(text) => Cow::Owned(text.evaluate(place)?.to_ascii_lowercase()),
            Self::Upper(text) => Cow::Owned(text.evaluate(place)?.to_ascii_uppercase()),
            Self::Trim(text) => match text.evaluate(place)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            },
            Self::Replace { text, from, to } => Cow::Owned(text::replace(&text.evaluate(place)?, from, to, -1)?),
            Self::Joined(parts) => {
                let mut joined = String::new();
                for part in parts {
                    joined.push_str(&part.evaluate(place)?);
                }
                Cow::Owned(joined)
            }
            Self::Choice(choice) => {
                let (condition, yes, no) = choice.as_ref();
                return if condition.evaluate(place)? {
                    yes.evaluate(place)
                } else {
                    no.evaluate(place)
                };
            }
        })
    }
}

impl Flag {
    /// The answer for one person or group; `None` where the evaluator must decide.
    pub fn answer(&self, scope: &Scope<'_>) -> Option<bool> {
        self.evaluate(scope.into())
    }

    fn evaluate(&self, place: Place<'_>) -> Option<bool> {
        Some(match self {
            Self::Literal(flag) => *flag,
            Self::Active => match place.about {
                About::User { record, .. } => record.active(),
                About::Group { .. } => return None,
            },
            Self::HasCustom(name) => match place.about {
                About::User { record, .. } => record.custom_json(name).is_some(),
                About::Group { .. } => return None,
            },
            Self::Equal(a, b) => a.evaluate(place)? == b.evaluate(place)?,
            Self::In(text, items) => items.contains(&text.evaluate(place)?, place)?,
            Self::StartsWith(text, part) => text.evaluate(place)?.starts_with(&*part.evaluate(place)?),
            Self::EndsWith(text, part) => text.evaluate(place)?.ends_with(&*part.evaluate(place)?),
            Self::Contains(text, part) => text.evaluate(place)?.contains(&*part.evaluate(place)?),
            Self::Matches(text, pattern) => pattern.is_match(&text.evaluate(place)?)?,
            Self::Size(items, comparison, number) => {
                let size = items.size(place)?;
                match comparison {
                    Comparison::Equal => size == *number,
                    Comparison::Less => size < *number,
                    Comparison::Greater => size > *number,
                }
            }
            Self::Exists(items, condition) => {
                let mut exists = false;
                items.each(place, |place| {
                    exists = exists || condition.evaluate(place)?;
                    Some(())
                })?;
                exists
            }
            Self::Not(flag) => !flag.evaluate(place)?,
            Self::And(both) => both.0.evaluate(place)? && both.1.evaluate(place)?,
            Self::Or(either) => either.0.evaluate(place)? || either.1.evaluate(place)?,
        })
    }
}

impl Items {
    fn contains(&self, wanted: &str, place: Place<'_>) -> Option<bool> {
        if let Self::Literal(texts) = self {
            return Some(texts.iter().any(|text| **text == *wanted));
        }
        let mut found = false;
        self.visit(place.about, |item| {
            found |= item == wanted;
            Some(())
        })?;
        Some(found)
    }

    fn size(&self, place: Place<'_>) -> Option<usize> {
        let mut size = 0;
        self.visit(place.about, |_| {
            size += 1;
            Some(())
        })?;
        Some(size)
    }

    /// Goes through the items as a loop does.
    fn each<'a>(&'a self, place: Place<'a>, mut round: impl FnMut(Place<'a>) -> Option<()>) -> Option<()> {
        let mut left = LOOPED_ITEMS;
        self.visit(place.about, |item| {
            left = left.checked_sub(1)?;
            round(Place { item, ..place })
        })
    }

    fn visit<'a>(&'a self, about: About<'a>, mut take: impl FnMut(&'a str) -> Option<()>) -> Option<()> {
        match (self, about) {
            (Self::Emails, About::User { record, .. }) => {
                record.items(Attribute::Emails).try_for_each(|item| take(short(item)?))
            }
            (Self::Groups, About::User { groups: texts, .. })
            | (Self::Members, About::Group { members: texts, .. }) => {
                texts.iter().try_for_each(|item| take(short(item)?))
            }
            (Self::Literal(texts), _) => texts.iter().try_for_each(|item| take(item)),
            _ => None,
        }
    }
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
