//! The bounds of the contract, checked field by field; all faults of a body are told at once.

use std::{
    collections::{BTreeMap, HashSet},
    ops::RangeInclusive,
};

use super::json::escape;
use crate::platform::rest::wire::{AttributeValue, Mark, Problem, ProblemKind, UserMark};

/// The longest name, address part, id and mark.
pub(super) const LINE: usize = 256;
const EMAIL: RangeInclusive<usize> = 3..=320;
const DESCRIPTION: usize = 1024;
const TAGS: usize = 64;
const TAG: RangeInclusive<usize> = 1..=128;
const ATTRIBUTE_NAME: RangeInclusive<usize> = 1..=64;
const ATTRIBUTE_TEXT: usize = 1024;
const ATTRIBUTE_LIST: usize = 64;

/// The most attributes that a user can have.
pub(super) const ATTRIBUTES: usize = 128;

/// The fault of a value that only one object may have, and that another has.
pub(super) fn in_use(kind: ProblemKind, pointer: &str, other: String) -> Problem {
    Problem::new(kind)
        .with_pointer(pointer, format!("belongs to {other}"))
        .with_existing(other)
}

/// Collects the faults of a body.
pub(super) struct Check<'a> {
    base: &'a str,
    problem: Problem,
}

impl<'a> Check<'a> {
    /// Checks what stands at the JSON pointer `base` of a body.
    pub(super) fn at(base: &'a str) -> Self {
        Self {
            base,
            problem: Problem::new(ProblemKind::InvalidRequest),
        }
    }

    /// The faults, if there are any.
    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.problem.errors.is_empty() {
            Ok(())
        } else {
            Err(self.problem)
        }
    }

    /// Names a fault.
    pub(super) fn fault(&mut self, path: &str, detail: impl Into<String>) {
        let problem = std::mem::replace(&mut self.problem, Problem::new(ProblemKind::InvalidRequest));
        self.problem = problem.with_pointer(format!("{}{path}", self.base), detail);
    }

    /// Text without control characters.
    pub(super) fn line(&mut self, path: &str, text: &str, bounds: RangeInclusive<usize>) {
        self.length(path, text, bounds);
        if text.chars().any(|c| c.is_ascii_control()) {
            self.fault(path, "must not have control characters");
        }
    }

    /// Text without control characters, if there is any.
    pub(super) fn optional_line(&mut self, path: &str, text: Option<&String>, bounds: RangeInclusive<usize>) {
        if let Some(text) = text {
            self.line(path, text, bounds);
        }
    }

    /// A name that is neither empty nor blank.
    pub(super) fn name(&mut self, name: &str) {
        self.line("/name", name, 1..=LINE);
        if !name.is_empty() && name.chars().all(|c| c == ' ') {
            self.fault("/name", "must not be blank");
        }
    }

    /// Text of several lines.
    pub(super) fn description(&mut self, text: Option<&String>) {
        if let Some(text) = text {
            self.text("/description", text, DESCRIPTION);
        }
    }

    /// An e-mail address.
    pub(super) fn email(&mut self, email: &str) {
        self.length("/email", email, EMAIL);
        let parts = email.split_once('@');
        let is_address = parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !email.chars().any(is_space_or_control)
        });
        if !is_address {
            self.fault(
                "/email",
                "must be an e-mail address: one @, something on both sides, no spaces",
            );
        }
    }

    /// A phone number in E.164 form.
    pub(super) fn e164(&mut self, path: &str, number: Option<&String>) {
        let Some(number) = number else { return };
        let digits = number.strip_prefix('+').unwrap_or_default().as_bytes();
        let valid = (2..=15).contains(&digits.len()) && digits[0] != b'0' && digits.iter().all(u8::is_ascii_digit);
        if !valid {
            self.fault(path, "must be a phone number in E.164 form, such as +442071234567");
        }
    }

    /// A list of labels.
    pub(super) fn tags(&mut self, tags: &[String]) {
        if tags.len() > TAGS {
            self.fault("/tags", format!("has {} items, at most {TAGS} are allowed", tags.len()));
        }
        let mut seen = HashSet::new();
        for (index, tag) in tags.iter().enumerate().take(TAGS) {
            let path = format!("/tags/{index}");
            self.line(&path, tag, TAG);
            if !seen.insert(tag) {
                self.fault(&path, "is there twice");
            }
        }
    }

    /// The attributes of a new user.
    pub(super) fn attributes(&mut self, attributes: &BTreeMap<String, AttributeValue>) {
        self.attribute_count(attributes.len());
        for (name, value) in attributes.iter().take(ATTRIBUTES) {
            self.attribute(name, Some(value));
        }
    }

    /// The changes of a user's attributes.
    pub(super) fn attribute_changes(&mut self, changes: &BTreeMap<String, Option<AttributeValue>>) {
        self.attribute_count(changes.len());
        for (name, value) in changes.iter().take(ATTRIBUTES) {
            self.attribute(name, value.as_ref());
        }
    }

    /// How many attributes a user has after a change.
    pub(super) fn attribute_count(&mut self, count: usize) {
        if count > ATTRIBUTES {
            self.fault(
                "/attributes",
                format!("there would be {count} attributes, at most {ATTRIBUTES} are allowed"),
            );
        }
    }

    /// The mark of a team, inbox or membership.
    pub(super) fn mark(&mut self, mark: Option<&Mark>) {
        if let Some(mark) = mark {
            self.line("/mark/owner", &mark.owner, 1..=LINE);
        }
    }

    /// The mark of a user.
    pub(super) fn user_mark(&mut self, mark: Option<&UserMark>) {
        if let Some(mark) = mark {
            self.line("/mark/owner", &mark.owner, 1..=LINE);
            self.optional_line("/mark/role", mark.role.as_ref(), 1..=LINE);
        }
    }

    fn attribute(&mut self, name: &str, value: Option<&AttributeValue>) {
        let path = format!("/attributes/{}", escape(name));
        self.line(&path, name, ATTRIBUTE_NAME);
        match value {
            Some(AttributeValue::Text(text)) => self.text(&path, text, ATTRIBUTE_TEXT),
            Some(AttributeValue::List(texts)) => {
                if texts.len() > ATTRIBUTE_LIST {
                    self.fault(
                        &path,
                        format!("has {} items, at most {ATTRIBUTE_LIST} are allowed", texts.len()),
                    );
                }
                for (index, text) in texts.iter().enumerate().take(ATTRIBUTE_LIST) {
                    self.text(&format!("{path}/{index}"), text, ATTRIBUTE_TEXT);
                }
            }
            Some(AttributeValue::Bool(_) | AttributeValue::Number(_)) | None => {}
        }
    }

    fn text(&mut self, path: &str, text: &str, max: usize) {
        self.length(path, text, 0..=max);
        if text.contains('\0') {
            self.fault(path, "must not have the character U+0000");
        }
    }

    fn length(&mut self, path: &str, text: &str, bounds: RangeInclusive<usize>) {
        let length = text.chars().count();
        if !bounds.contains(&length) {
            let (min, max) = bounds.into_inner();
            self.fault(path, format!("has {length} characters, {min} to {max} are allowed"));
        }
    }
}

fn is_space_or_control(c: char) -> bool {
    c == ' ' || c.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(check: impl FnOnce(&mut Check<'_>)) -> Vec<String> {
        let mut faults = Check::at("/items/2");
        check(&mut faults);
        let problem = faults.finish().err();
        let places = problem.into_iter().flat_map(|problem| problem.errors);
        places.map(|place| place.pointer.unwrap_or_default()).collect()
    }

    #[test]
    fn an_address_has_one_at_sign_and_no_spaces() {
        for email in ["a@b", "andré@bücher.test", "a+b@c.test"] {
            assert!(faults(|check| check.email(email)).is_empty(), "{email}");
        }
        for email in [
            "ann",
            "@acme.test",
            "ann@",
            "a@b@c",
            "a b@c",
            " a@b",
            "a@b\n",
            &format!("{}@b", "a".repeat(319)),
        ] {
            assert_eq!(faults(|check| check.email(email)), ["/items/2/email"], "{email}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(faults(|check| check.name(&"é".repeat(256))).is_empty());
        assert_eq!(faults(|check| check.name(&"é".repeat(257))), ["/items/2/name"]);
        assert_eq!(faults(|check| check.name("  ")), ["/items/2/name"]);
        assert_eq!(faults(|check| check.name("a\tb")), ["/items/2/name"]);
    }

    #[test]
    fn a_phone_number_of_an_inbox_is_in_e164_form() {
        let check = |number: &str| faults(|check| check.e164("/phoneNumber", Some(&number.to_owned())));
        assert!(check("+442071234567").is_empty());
        for number in ["", "442071234567", "+0123", "+1", "+1234567890123456", "+44 20"] {
            assert_eq!(check(number), ["/items/2/phoneNumber"], "{number}");
        }
    }

    #[test]
    fn every_fault_of_a_body_is_told() {
        let tags = ["a".to_owned(), "a".to_owned(), String::new()];
        let list = AttributeValue::List(vec!["x".to_owned(), "\0".to_owned()]);
        let attributes = BTreeMap::from([("a/b".to_owned(), list), (String::new(), AttributeValue::Bool(true))]);
        let places = faults(|check| {
            check.tags(&tags);
            check.attributes(&attributes);
        });
        assert_eq!(
            places,
            [
                "/items/2/tags/1",
                "/items/2/tags/2",
                "/items/2/attributes/",
                "/items/2/attributes/a~1b/1"
            ]
        );
    }
}
