//! What a server says of its own error.

use serde::Deserialize;
use serde_json::Value;

/// How much of a body without any known form is repeated, in characters.
const EXCERPT: usize = 200;

/// How much of a stated detail is repeated, in characters.
const DETAIL: usize = 500;

/// An error body in one of the usual forms: problem details (RFC 9457), SCIM (RFC 7644 §3.12), OAuth (RFC 6749 §5.2),
/// and the forms of the large vendors (`error.code` and `error.message`, `errorCode` and `errorSummary`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The problem type, `scimType` or error code.
    pub kind: Option<String>,
    /// The short form of what went wrong.
    pub title: Option<String>,
    /// What went wrong in this case.
    pub detail: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    r#type: Option<Value>,
    title: Option<Value>,
    detail: Option<Value>,
    #[serde(rename = "scimType")]
    scim_type: Option<Value>,
    code: Option<Value>,
    message: Option<Value>,
    error: Option<Value>,
    error_description: Option<Value>,
    #[serde(rename = "errorCode")]
    error_code: Option<Value>,
    #[serde(rename = "errorSummary")]
    error_summary: Option<Value>,
}

impl Problem {
    /// Reads an error body. `None` when it is no JSON object of a known form.
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: Body = serde_json::from_slice(body).ok()?;
        let nested: Body = match &body.error {
            Some(object @ Value::Object(_)) => serde_json::from_value(object.clone()).unwrap_or_default(),
            Some(text @ Value::String(_)) => Body {
                code: Some(text.clone()),
                ..Body::default()
            },
            _ => Body::default(),
        };
        // `about:blank` says nothing beyond the status (RFC 9457 §4.2.1).
        let kind = [body.scim_type, body.r#type, body.error_code, body.code, nested.code]
            .into_iter()
            .find_map(text)
            .filter(|kind| kind != "about:blank");
        let problem = Self {
            kind,
            title: text(body.title),
            detail: [
                body.detail,
                body.error_description,
                body.error_summary,
                body.message,
                nested.message,
            ]
            .into_iter()
            .find_map(text),
        };
        (problem != Self::default()).then_some(problem)
    }

    /// The same with each text changed.
    #[must_use]
    pub(super) fn map(self, change: impl Fn(&str) -> String) -> Self {
        let change = |text: Option<String>| text.as_deref().map(&change);
        Self {
            kind: change(self.kind),
            title: change(self.title),
            detail: change(self.detail),
        }
    }

    /// `: ` and what the server said, in one line and bounded; empty when it said nothing.
    pub fn sentence(&self) -> String {
        match (&self.title, &self.detail, &self.kind) {
            (Some(title), Some(detail), _) if title != detail => format!(": {title}: {}", line(detail, DETAIL)),
            (Some(text), _, _) | (None, Some(text), _) | (None, None, Some(text)) => {
                format!(": {}", line(text, DETAIL))
            }
            (None, None, None) => String::new(),
        }
    }
}

/// `: ` and the beginning of a body of no known form; empty for a page of HTML, whose text helps nobody.
pub fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') || text.chars().take(EXCERPT).any(|c| c == '\u{fffd}') {
        String::new()
    } else {
        format!(": {}", line(text, EXCERPT))
    }
}

/// A text in one line, without control characters, at most so many characters long.
fn line(text: &str, limit: usize) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut kept: String = one_line.chars().filter(|c| !c.is_control()).take(limit).collect();
    if kept.chars().count() == limit {
        kept.push('…');
    }
    kept
}

fn text(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, String) {
        let problem = Problem::read(body.as_bytes()).unwrap();
        (problem.kind.clone(), problem.sentence())
    }

    #[test]
    fn the_usual_forms_are_understood() {
        for (body, kind, sentence) in [
            (
                r#"{"type":"https://acme.test/no-seats","title":"No seat left","detail":"5 of 5 are taken","status":402}"#,
                "https://acme.test/no-seats",
                ": No seat left: 5 of 5 are taken",
            ),
            (
                r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidFilter","detail":"no such operator"}"#,
                "invalidFilter",
                ": no such operator",
            ),
            (
                r#"{"error":"invalid_client","error_description":"unknown"}"#,
                "invalid_client",
                ": unknown",
            ),
            (r#"{"error":{"code":403,"message":"not you"}}"#, "403", ": not you"),
            (
                r#"{"errorCode":"E0000011","errorSummary":"Invalid token"}"#,
                "E0000011",
                ": Invalid token",
            ),
        ] {
            assert_eq!(read(body), (Some(kind.to_owned()), sentence.to_owned()));
        }
    }

    #[test]
    fn what_says_nothing_is_no_problem_body() {
        for body in ["", "[]", "{}", "nope", r#"{"type":"about:blank"}"#, r#"{"detail":""}"#] {
            assert_eq!(Problem::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_stays_in_one_line() {
        let text = format!("first\nsecond \u{1b}[31m{}", "x".repeat(1000));
        let excerpt = excerpt(text.as_bytes());
        assert!(excerpt.starts_with(": first second [31mxxx"), "{excerpt}");
        assert!(excerpt.chars().count() <= EXCERPT + 3);
    }

    #[test]
    fn html_and_bytes_are_not_repeated() {
        assert_eq!(excerpt(b" <html><body>oops"), "");
        assert_eq!(excerpt(&[0x1f, 0x8b, 0xff, 0xfe]), "");
    }
}
