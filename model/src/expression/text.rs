//! The functions of texts whose results can grow, with bounds. The rules are those of Kubernetes' CEL.

use super::limits;

/// Replaces the first `times` occurrences of `from`, all of them where `times` is negative; `None` when the result is
/// longer than [`limits::WORKING_TEXT`]. An empty `from` stands before each character and at the end.
pub fn replace(text: &str, from: &str, to: &str, times: i64) -> Option<String> {
    let times = usize::try_from(times).unwrap_or(usize::MAX);
    let mut replaced = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, part) in text.match_indices(from).take(times) {
        replaced.push_str(&text[rest..at]);
        replaced.push_str(to);
        rest = at + part.len();
        if replaced.len() > limits::WORKING_TEXT {
            return None;
        }
    }
    replaced.push_str(&text[rest..]);
    (replaced.len() <= limits::WORKING_TEXT).then_some(replaced)
}

/// Splits into at most `most` parts, the last of them with what remains: none for 0, all for a negative number. An empty
/// separator splits between the characters.
pub fn split<'t>(text: &'t str, separator: &str, most: i64) -> Vec<&'t str> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if most == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(most, separator).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if parts.len() + 1 == most {
            parts.push(rest);
            break;
        }
        let (part, others) = rest.split_at(first.len_utf8());
        parts.push(part);
        rest = others;
    }
    parts
}

/// Joins texts; `None` when the result is longer than [`limits::WORKING_TEXT`].
pub fn join(texts: &[&str], separator: &str) -> Option<String> {
    let separators = separator.len().checked_mul(texts.len().saturating_sub(1))?;
    let bytes = texts
        .iter()
        .try_fold(separators, |sum, text| sum.checked_add(text.len()))?;
    (bytes <= limits::WORKING_TEXT).then(|| texts.join(separator))
}

/// The place of a part in characters, counted from 0; -1 where there is none.
pub fn index_of(text: &str, found: Option<usize>) -> i64 {
    let characters = found.and_then(|at| i64::try_from(text[..at].chars().count()).ok());
    characters.unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_follows_the_count_and_stops_at_the_bound() {
        assert_eq!(replace("a-b-c", "-", "+", -1).as_deref(), Some("a+b+c"));
        assert_eq!(replace("a-b-c", "-", "+", 1).as_deref(), Some("a+b-c"));
        assert_eq!(replace("a-b-c", "-", "+", 0).as_deref(), Some("a-b-c"));
        assert_eq!(replace("\u{fc}b", "", "_", -1).as_deref(), Some("_\u{fc}_b_"));
        assert_eq!(replace(&"a".repeat(limits::WORKING_TEXT / 2), "", "xx", -1), None);
        assert_eq!(
            replace(&"a".repeat(limits::WORKING_TEXT), "b", "x", -1).map(|t| t.len()),
            Some(limits::WORKING_TEXT)
        );
        let longest = "x".repeat(limits::WORKING_TEXT);
        assert_eq!(replace("a", "a", &longest, -1), Some(longest));
    }

    #[test]
    fn split_follows_the_count() {
        assert_eq!(split("a,b,c", ",", -1), ["a", "b", "c"]);
        assert_eq!(split("a,b,c", ",", 2), ["a", "b,c"]);
        assert_eq!(split("a,b,c", ",", 1), ["a,b,c"]);
        assert!(split("a,b,c", ",", 0).is_empty());
        assert_eq!(split("\u{fc}bc", "", -1), ["\u{fc}", "b", "c"]);
        assert_eq!(split("\u{fc}bc", "", 2), ["\u{fc}", "bc"]);
        assert!(split("", "", -1).is_empty());
        assert_eq!(split("", ",", -1), [""]);
    }

    #[test]
    fn join_stops_at_the_bound_before_it_makes_the_text() {
        assert_eq!(join(&["a", "b"], ", ").as_deref(), Some("a, b"));
        assert_eq!(join(&[], ", ").as_deref(), Some(""));
        assert_eq!(join(&[""; 1000], &"x".repeat(100)), None);
    }
}
