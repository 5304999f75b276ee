//! What is compared between a person and his platform user: names, phone, e-mail address and attributes.
//!
//! Both sides are brought into the same [`Content`]; where the fingerprints are equal, nothing else is kept of it.
//!
//! A field of which the directory says nothing (no phone) stays as the platform has it: directories leave out what they
//! don't know. A rule in the specification is different: it says what the value is to be, so a rule that yields nothing
//! clears the field, or takes the attribute away.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::{
    attribute::Attribute,
    email::{self, EmailError},
    expression::{EvaluationError, Scope},
    fingerprint::{Fingerprint, FingerprintKey},
    observed::{FieldsPatch, UserFields, UserRow},
    record::Record,
    rules::{AttributeRule, AttributeSource, Field},
    value::AttributeValue,
};

/// The four text fields, in the order of [`Field`]'s numbers.
const FIELDS: [(Field, Attribute, &str); 4] = [
    (Field::GivenName, Attribute::GivenName, "givenName"),
    (Field::FamilyName, Attribute::FamilyName, "familyName"),
    (Field::DisplayName, Attribute::DisplayName, "displayName"),
    (Field::Phone, Attribute::Phone, "phone"),
];

/// What a user has or is to have, as far as this connection is concerned.
pub struct Content<'a> {
    /// The normal form of the address; on the observed side the address as it is, where it has no normal form.
    email: Cow<'a, str>,
    /// `None`: not told by the directory, so it stays as it is.
    fields: [Option<Cow<'a, str>>; 4],
    /// One per attribute rule that isn't a field.
    attributes: Vec<Option<Cow<'a, AttributeValue>>>,
}

/// Which of the four fields are compared, one bit each.
pub type FieldMask = u8;

/// Why a person's content can't be told.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The e-mail address.
    #[error("e-mail address: {0}")]
    Email(#[from] EmailError),
    /// An attribute's expression.
    #[error("attribute {name:?}: {source}")]
    Attribute {
        /// The attribute's name in the specification.
        name: String,
        /// Why.
        source: EvaluationError,
    },
}

/// One difference of one user, before and after, as a plan shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The field's or attribute's name.
    pub field: String,
    /// What the platform has; empty when nothing.
    pub before: String,
    /// What it will have; empty when nothing.
    pub after: String,
}

impl<'a> Content<'a> {
    /// What a person is to have.
    pub fn desired(record: Record<'a>, rules: &'a [AttributeRule], scope: &Scope<'_>) -> Result<Self, ContentError> {
        let email = email::normalize(record.text(Attribute::Email))?;
        let told = |text: &'a str| Some(Cow::Borrowed(text)).filter(|text| !text.is_empty());
        let mut fields = FIELDS.map(|(_, attribute, _)| told(record.text(attribute)));
        let mut attributes = Vec::with_capacity(rules.len());
        for rule in rules {
            let value = value_of(rule, scope)?;
            match Field::from_name(&rule.name) {
                Some(field) => {
                    fields[field as usize] = Some(value.map_or(Cow::Borrowed(""), as_text));
                }
                None => attributes.push(value),
            }
        }
        Ok(Self {
            email,
            fields,
            attributes,
        })
    }

    /// What a platform user has, of what the connection sets. `mask` names the fields that the directory told.
    pub fn observed(row: &'a UserRow<'_>, rules: &[AttributeRule], mask: FieldMask) -> Self {
        let email = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        let texts = [&row.given_name, &row.family_name, &row.display_name, &row.phone];
        let mut fields = texts.map(|text| Some(Cow::Borrowed(text.as_ref())));
        for (at, field) in fields.iter_mut().enumerate() {
            if mask & (1 << at) == 0 {
                *field = None;
            }
        }
        let attributes = named(rules)
            .map(|rule| {
                let found = row.attributes.iter().find(|(name, _)| *name == rule.name);
                found
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(_, value)| Cow::Borrowed(value))
            })
            .collect();
        Self {
            email,
            fields,
            attributes,
        }
    }

    /// Which fields the directory told.
    pub fn mask(&self) -> FieldMask {
        self.fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.is_some())
            .fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// The normal form of the e-mail address.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The fingerprint of everything.
    pub fn fingerprint(&self, key: FingerprintKey) -> Fingerprint {
        let mut hasher = key.fields();
        hasher.text(&self.email);
        for field in &self.fields {
            match field {
                Some(text) => hasher.number(1).text(text),
                None => hasher.number(0),
            };
        }
        for attribute in &self.attributes {
            match attribute.as_deref() {
                None => hasher.number(0),
                Some(AttributeValue::Text(text)) => hasher.number(1).text(text),
                Some(AttributeValue::List(items)) => {
                    hasher.number(2).number(u32::try_from(items.len()).unwrap_or(u32::MAX));
                    items.iter().for_each(|item| {
                        hasher.text(item);
                    });
                    &mut hasher
                }
                Some(AttributeValue::Bool(flag)) => hasher.number(3).number(u32::from(*flag)),
                Some(AttributeValue::Number(number)) => hasher.number(4).text(&number.to_string()),
            };
        }
        hasher.finish()
    }

    /// All of it, for a creation.
    pub fn into_fields(self, rules: &[AttributeRule]) -> UserFields {
        let [given_name, family_name, display_name, phone] =
            self.fields.map(|field| field.map(Cow::into_owned).unwrap_or_default());
        let attributes = named(rules)
            .zip(self.attributes)
            .filter_map(|(rule, value)| value.map(|value| (rule.name.clone(), Some(value.into_owned()))))
            .collect();
        UserFields {
            email: self.email.into_owned(),
            given_name,
            family_name,
            display_name,
            phone,
            attributes,
        }
    }

    /// What to write so that `observed` becomes this, and the same in words.
    pub fn difference(&self, observed: &Self, rules: &[AttributeRule]) -> (FieldsPatch, Vec<Change>) {
        let mut patch = FieldsPatch::default();
        let mut changes = Vec::new();
        let mut note = |field: &str, before: String, after: String| {
            changes.push(Change {
                field: field.to_owned(),
                before,
                after,
            });
        };
        if self.email != observed.email {
            note("email", observed.email.to_string(), self.email.to_string());
            patch.email = Some(self.email.to_string());
        }
        for (at, (_, _, name)) in FIELDS.iter().enumerate() {
            let (Some(after), before) = (&self.fields[at], &observed.fields[at]) else {
                continue;
            };
            if before.as_ref() == Some(after) {
                continue;
            }
            note(
                name,
                before.as_deref().unwrap_or_default().to_owned(),
                after.to_string(),
            );
            let slot = match FIELDS[at].0 {
                Field::GivenName => &mut patch.given_name,
                Field::FamilyName => &mut patch.family_name,
                Field::DisplayName => &mut patch.display_name,
                Field::Phone => &mut patch.phone,
            };
            *slot = Some(after.to_string());
        }
        for ((rule, after), before) in named(rules).zip(&self.attributes).zip(&observed.attributes) {
            if after != before {
                let text = |value: &Option<Cow<'_, AttributeValue>>| {
                    let value = value.as_deref().map(ToString::to_string);
                    value.unwrap_or_default()
                };
                note(&rule.name, text(before), text(after));
                let after = after.as_deref().cloned();
                patch.attributes.push((rule.name.clone(), after));
            }
        }
        (patch, changes)
    }
}

/// What a rule yields for one person.
fn value_of<'a>(rule: &'a AttributeRule, scope: &Scope<'_>) -> Result<Option<Cow<'a, AttributeValue>>, ContentError> {
    match &rule.source {
        AttributeSource::Value(value) if value.is_settled(&rule.name) => Ok(Some(Cow::Borrowed(value))),
        AttributeSource::Value(value) => Ok(value.clone().settled(&rule.name).map(Cow::Owned)),
        AttributeSource::Expression(expression) => {
            let value = expression.evaluate_attribute(scope);
            let value = value.map_err(|source| ContentError::Attribute {
                name: rule.name.clone(),
                source,
            })?;
            Ok(value.and_then(|value| value.settled(&rule.name)).map(Cow::Owned))
        }
    }
}

fn as_text(value: Cow<'_, AttributeValue>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(AttributeValue::Text(text)) => Cow::Borrowed(text),
        Cow::Owned(AttributeValue::Text(text)) => Cow::Owned(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// The rules that set an attribute, not one of the four fields.
fn named(rules: &[AttributeRule]) -> impl Iterator<Item = &AttributeRule> {
    rules.iter().filter(|rule| Field::from_name(&rule.name).is_none())
}
