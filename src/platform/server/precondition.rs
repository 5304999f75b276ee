//! `If-Match` (RFC 9110 §13.1.1).

use http::{HeaderMap, header::IF_MATCH};

use crate::platform::rest::wire::{Problem, ProblemKind};

/// Which state an object must be in to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Any.
    None,
    /// One of these etags, without quotes. Weak tags are not among them: the comparison is a strong one.
    OneOf(Vec<String>),
    /// What the client asks for can't be read, so no state is it.
    Unreadable,
}

impl Precondition {
    /// Reads the header.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Self::None;
        }
        let mut tags = Vec::new();
        for value in values {
            match value.to_str().ok().and_then(parse) {
                Some(Self::OneOf(more)) => tags.extend(more),
                Some(any) => return any,
                None => return Self::Unreadable,
            }
        }
        Self::OneOf(tags)
    }

    /// The precondition of an item of a batch.
    pub(super) fn etag(etag: Option<String>) -> Self {
        etag.map_or(Self::None, |etag| Self::OneOf(vec![etag]))
    }

    /// Fails unless an object with this etag may be changed.
    pub(super) fn check(&self, etag: &str) -> Result<(), Problem> {
        let failed = Problem::new(ProblemKind::PreconditionFailed);
        match self {
            Self::None => Ok(()),
            Self::OneOf(etags) if etags.iter().any(|wanted| wanted == etag) => Ok(()),
            Self::OneOf(_) => Err(failed.with_detail(format!("the object has the etag {etag} by now; read it again"))),
            Self::Unreadable => {
                let detail = "must be `*` or a list of entity tags in quotes, such as \"7\"";
                Err(failed.with_parameter("If-Match", detail))
            }
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

    fn read(text: &str) -> Precondition {
        Precondition::read(&HeaderMap::from_iter([(
            IF_MATCH,
            HeaderValue::from_str(text).unwrap(),
        )]))
    }

    #[test]
    fn a_list_of_tags_allows_each_of_them_and_no_other() {
        let precondition = read("\"3\" ,\t\"4\"");
        assert!(precondition.check("3").is_ok() && precondition.check("4").is_ok());
        assert_eq!(precondition.check("5").unwrap_err().status, 412);
        assert!(read("*").check("5").is_ok());
    }

    #[test]
    fn a_weak_tag_never_matches() {
        assert!(read("W/\"3\"").check("3").is_err());
    }

    #[test]
    fn what_is_no_tag_matches_nothing_and_says_so() {
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
            let problem = read(text).check("3").unwrap_err();
            assert_eq!(problem.kind(), Some(ProblemKind::PreconditionFailed), "{text}");
            assert_eq!(problem.errors[0].parameter.as_deref(), Some("If-Match"), "{text}");
        }
    }
}
