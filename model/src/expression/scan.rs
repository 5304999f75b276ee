//! What is checked on the text alone, so that a hostile one never reaches the parser: its recursion grows with
//! brackets, conditions and chains of operators, and a stack that overflows aborts the process.

use super::{
    error::{ExpressionError, Position},
    limits,
};

/// Refuses a text that is too long, too deeply nested or has too many operators.
pub fn scan(source: &str) -> Result<(), ExpressionError> {
    if source.trim().is_empty() {
        return Err(ExpressionError::Empty);
    }
    let characters = source.chars().count();
    if characters > limits::SOURCE_CHARACTERS {
        return Err(ExpressionError::TooLong { characters });
    }
    let too_complex = |offset, what, most| {
        Err(ExpressionError::TooComplex {
            at: Position::of(source, offset),
            what,
            most,
        })
    };
    let (mut depth, mut conditions, mut operators) = (0_usize, 0_usize, 0_usize);
    let bytes = source.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => {
                at = end_of_string(bytes, at);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += source[at..].find('\n').unwrap_or(source.len() - at);
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => conditions += 1,
            _ => {}
        }
        if byte.is_ascii_punctuation() && *byte != b'_' && *byte != b',' {
            operators += 1;
        }
        if depth > limits::NESTING {
            return too_complex(at, "the brackets are nested too deeply", limits::NESTING);
        }
        if conditions > limits::NESTING {
            return too_complex(at, "there are too many conditions (? :)", limits::NESTING);
        }
        if operators > limits::OPERATORS {
            return too_complex(at, "there are too many operators, dots and brackets", limits::OPERATORS);
        }
        at += 1;
    }
    Ok(())
}

/// The offset after a string literal that starts at `start`, or the end of the text where it never ends.
///
/// A raw string (`r"\"`) has no escapes. Where this guess and the parser's lexer disagree about a malformed literal, the
/// length of the text still bounds the parser's work, and its stack is made for that.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let raw = start > 0 && matches!(bytes[start - 1], b'r' | b'R');
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let closing: &[u8] = if triple { &[quote; 3] } else { &[quote] };
    let mut at = start + closing.len();
    while at < bytes.len() {
        if bytes[at] == b'\\' && !raw {
            at += 2;
        } else if bytes[at..].starts_with(closing) {
            return at + closing.len();
        } else if bytes[at] == b'\n' && !triple {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_expression_passes() {
        scan("user.active && user.department in [\"R&D\", 'Sales'] // (((((((((((((((((((((((\n").unwrap();
        scan(&format!("user.title == \"{}\"", "(".repeat(900))).unwrap();
        scan(r#"user.title == r"\" + r'\' + """ " ((( """ + "\"((((((((((((((((((((((""#).unwrap();
    }

    #[test]
    fn what_stands_behind_a_division_or_a_string_is_looked_at() {
        let deep = "(".repeat(17);
        for before in [
            "1 / ",
            "// a comment\n",
            "'a' + ",
            r#""\\" + "#,
            r"r'\' + ",
            r#"""" ' " "" """ + "#,
            "'not ended\n",
        ] {
            assert!(scan(&format!("{before}{deep}")).is_err(), "{before}");
        }
        for (before, behind) in [
            ("'", "'"),
            (r#"""""#, r#"""""#),
            ("r'", "'"),
            (r"'\'", "'"),
            ("// ", ""),
            ("'", ""),
        ] {
            scan(&format!("{before}{deep}{behind}")).unwrap();
        }
    }

    #[test]
    fn blank_and_overlong_texts_are_refused() {
        assert_eq!(scan(" \n"), Err(ExpressionError::Empty));
        assert_eq!(
            scan(&"x".repeat(1025)),
            Err(ExpressionError::TooLong { characters: 1025 })
        );
        assert_eq!(scan(&format!("'{}'", "\u{fc}".repeat(1022))), Ok(()));
    }

    #[test]
    fn deep_brackets_and_long_chains_are_refused_where_they_pass_the_limit() {
        let message = scan(&"(".repeat(17)).unwrap_err().to_string();
        assert_eq!(
            message,
            "column 17: the brackets are nested too deeply; at most 16 are allowed"
        );
        let message = scan(&"a?b:".repeat(20)).unwrap_err().to_string();
        assert_eq!(
            message,
            "column 66: there are too many conditions (? :); at most 16 are allowed"
        );
        let message = scan(&"1+".repeat(500)).unwrap_err().to_string();
        assert_eq!(
            message,
            "column 802: there are too many operators, dots and brackets; at most 400 are allowed"
        );
        scan(&"[]".repeat(100)).unwrap();
    }
}
