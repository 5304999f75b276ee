//! Query parameters and the pages of lists.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use super::{answer::Failure, id::IdKind};
use crate::platform::rest::wire::{DEFAULT_PAGE, MAX_PAGE, Page, Problem, ProblemKind};

/// The query parameters of a request: those that the contract names, each at most once.
pub(super) struct Params(HashMap<&'static str, String>);

impl Params {
    /// Reads the query of a request that may have the parameters `known`.
    pub(super) fn read(query: Option<&str>, known: &[&'static str]) -> Result<Self, Problem> {
        let mut params = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(&known) = known.iter().find(|known| **known == name) else {
                let name: String = name.chars().take(64).collect();
                return Err(invalid(&name, "unknown parameter"));
            };
            if params.insert(known, value.into_owned()).is_some() {
                return Err(invalid(known, "is there twice"));
            }
        }
        Ok(Self(params))
    }

    /// What a list without parameters of its own is asked for: how many objects, and the row after which the page begins.
    pub(super) fn of_list(query: Option<&str>, kind: IdKind) -> Result<(u32, i64), Problem> {
        let params = Self::read(query, &["cursor", "limit"])?;
        Ok((params.limit()?, params.after(kind)?))
    }

    /// Refuses all parameters.
    pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
        Self::read(query, &[]).map(drop)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// How many objects the page may have.
    pub(super) fn limit(&self) -> Result<u32, Problem> {
        let Some(text) = self.get("limit") else {
            return Ok(DEFAULT_PAGE);
        };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text
            .parse()
            .ok()
            .filter(|limit| digits && (1..=MAX_PAGE).contains(limit));
        limit.ok_or_else(|| invalid("limit", format!("must be a whole number from 1 to {MAX_PAGE}")))
    }

    /// The row after which the page begins.
    pub(super) fn after(&self, kind: IdKind) -> Result<i64, Problem> {
        let Some(cursor) = self.get("cursor") else { return Ok(0) };
        kind.decode(cursor).ok_or_else(bad_cursor)
    }
}

/// The fault of a cursor that no page of this list gave.
pub(super) fn bad_cursor() -> Problem {
    invalid(
        "cursor",
        "isn't a cursor of this list; send `nextCursor` back as it came",
    )
}

pub(super) fn invalid(parameter: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::InvalidRequest).with_parameter(parameter, detail)
}

/// How many rows there are, from the counters that the triggers keep.
pub(super) async fn count(db: &mut SqliteConnection, counter: &str) -> Result<u64, Failure> {
    let n: i64 = sqlx::query_scalar("SELECT n FROM counters WHERE name = ?")
        .bind(counter)
        .fetch_one(db)
        .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// Makes a page of up to `limit + 1` items: the last one only tells that there is a next page.
pub(super) fn page<T: Serialize>(mut items: Vec<T>, limit: u32, total: u64, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(cursor);
    Page {
        items,
        total,
        next_cursor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_within_its_bounds() {
        let limit = |query| Params::read(Some(query), &["limit", "cursor"]).and_then(|params| params.limit());
        assert_eq!(limit("").unwrap(), DEFAULT_PAGE);
        assert_eq!((limit("limit=1").unwrap(), limit("limit=1000").unwrap()), (1, 1000));
        for query in [
            "limit=",
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=%2B5",
            "limit=1.0",
            "limit=x",
            "limit=99999999999",
        ] {
            let problem = limit(query).unwrap_err();
            assert_eq!(problem.errors[0].parameter.as_deref(), Some("limit"), "{query}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_named() {
        let problem = Params::read(Some("limt=5"), &["limit"]).err().unwrap();
        assert_eq!(problem.errors[0].parameter.as_deref(), Some("limt"));
        assert!(Params::read(Some("limit=5&limit=5"), &["limit"]).is_err());
    }

    #[test]
    fn only_a_page_before_the_last_has_a_cursor() {
        let cursor = |item: &u32| item.to_string();
        assert_eq!(page(vec![1, 2, 3], 2, 9, cursor).next_cursor.as_deref(), Some("2"));
        assert_eq!(page(vec![1, 2], 2, 9, cursor).next_cursor, None);
        assert_eq!(page(Vec::new(), 2, 0, cursor).next_cursor, None);
    }
}
