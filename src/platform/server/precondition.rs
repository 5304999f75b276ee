//! `If-Match` (RFC 9110 §13.1.1).

use http::{HeaderMap, header::IF_MATCH};

use super::page::invalid;
use crate::platform::rest::wire::{Problem, ProblemKind};

/// The most bytes of the header.
const MAX_LENGTH: usize = 1024;

/// Which state an object must be in to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Any.
    None,
    /// One of these etags, without quotes. Weak tags are not among them: the comparison is a strong one.
    OneOf(Vec<String>),
}

impl Precondition {
    /// Reads the header.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self::None);
        }
        let mut tags = Vec::new();
        for value in values {
            let text = value.to_str().ok().filter(|text| text.len() <= MAX_LENGTH);
            match text.and_then(parse) {
                Some(Self::OneOf(more)) => tags.extend(more),
                Some(Self::None) => return Ok(Self::None),
                None => {
                    return Err(invalid(
                        "If-Match",
                        "must be `*` or a list of entity tags in quotes, such as \"7\"",
                    ));
                }
            }
        }
        Ok(Self::OneOf(tags))
    }

    /// The precondition of an item of a batch.
    pub(super) fn etag(etag: Option<String>) -> Self {
        etag.map_or(Self::None, |etag| Self::OneOf(vec![etag]))
    }

    /// Fails unless an object with this etag may be changed.
    pub(super) fn check(&self, etag: &str) -> Result<(), Problem> {
        match self {
            Self::OneOf(etags) if !etags.iter().any(|wanted| wanted == etag) => {
                let detail = format!("the object has the etag {etag} by now; read it again");
                Err(Problem::new(ProblemKind::PreconditionFailed).with_detail(detail))
            }
            Self::None | Self::OneOf(_) => Ok(()),
        }
    }
}

fn parse(text: &str) -> Option<Precondition> {
    if text == "*" {
        return Some(Precondition::None);
    }
    let mut tags = Vec::new();
    let mut rest = text;
    loop {
        let weak = rest.starts_with("W/");
        let (tag, after) = rest
            .strip_prefix("W/")
            .unwrap_or(rest)
            .strip_prefix('"')?
            .split_once('"')?;
        if !tag.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        if !weak {
            tags.push(tag.to_owned());
        }
        if after.is_empty() {
            return Some(Precondition::OneOf(tags));
        }
        let blank = [' ', '\t'];
        rest = after
            .trim_start_matches(blank)
            .strip_prefix(',')?
            .trim_start_matches(blank);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(text: &str) -> Result<Precondition, Problem> {
        Precondition::read(&HeaderMap::from_iter([(
            IF_MATCH,
            HeaderValue::from_str(text).unwrap(),
        )]))
    }

    #[test]
    fn a_list_of_tags_allows_each_of_them_and_no_other() {
        let precondition = read("\"3\" ,\t\"4\"").unwrap();
        assert!(precondition.check("3").is_ok() && precondition.check("4").is_ok());
        assert_eq!(precondition.check("5").unwrap_err().status, 412);
        assert!(read("*").unwrap().check("5").is_ok());
    }

    #[test]
    fn a_weak_tag_never_matches() {
        assert!(read("W/\"3\"").unwrap().check("3").is_err());
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in [
            "",
            "3",
            "\"3",
            "\"3\" \"4\"",
            "\"3\",",
            "w/\"3\"",
            "*, \"3\"",
            "\"a b\"",
        ] {
            assert_eq!(read(text).unwrap_err().status, 400, "{text}");
        }
    }
}
