//! Why an expression is refused, and why an evaluation failed.

use std::fmt;

use super::{limits, types::Type};

/// A place in an expression's text; lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The place of a byte offset in a text.
    pub(super) fn of(source: &str, offset: usize) -> Self {
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            1 => write!(f, "column {}", self.column),
            line => write!(f, "line {line}, column {}", self.column),
        }
    }
}

/// Why an expression is refused before it is ever evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// There is no text.
    #[error("the expression is empty")]
    Empty,
    /// The text is longer than [`limits::SOURCE_CHARACTERS`].
    #[error(
        "the expression has {characters} characters; at most {} are allowed",
        limits::SOURCE_CHARACTERS
    )]
    TooLong {
        /// How many there are.
        characters: usize,
    },
    /// It is larger than one of the other [`limits`].
    #[error("{at}: {what}; at most {most} are allowed")]
    TooComplex {
        /// Where the limit was passed.
        at: Position,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// It is not CEL.
    #[error("{at}: {message}")]
    Syntax {
        /// Where the parser stumbled.
        at: Position,
        /// What it expected.
        message: String,
    },
    /// A variable, attribute or function has a name that doesn't exist.
    #[error("{at}: there is no {name}{hint}")]
    UnknownName {
        /// Where it stands.
        at: Position,
        /// The name as written.
        name: String,
        /// `; did you mean …?`, or what there is instead.
        hint: String,
    },
    /// It uses a part of CEL that is not offered here.
    #[error("{at}: {message}")]
    NotAllowed {
        /// Where it stands.
        at: Position,
        /// What it is, and what to write instead.
        message: String,
    },
    /// Its types don't fit together.
    #[error("{at}: {message}")]
    Type {
        /// Where they meet.
        at: Position,
        /// Which types, and where.
        message: String,
    },
    /// It gives another type than the place where it stands needs.
    #[error("the expression gives {found:#}, but {needed} is needed")]
    Result {
        /// What it gives.
        found: Type,
        /// What the place needs.
        needed: &'static str,
    },
    /// The parser itself failed.
    #[error("the parser failed on this expression; write it in a simpler way")]
    Parser,
}

/// Why an expression gave no value for one person or group.
///
/// No message repeats what the directory says about the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A custom attribute was read that isn't there.
    #[error("user.custom.{name} is absent; test it first with has(user.custom.{name})")]
    Absent {
        /// The attribute.
        name: String,
    },
    /// A date of the directory can't be understood.
    #[error("user.{attribute} is not a date: the directory gave something else than YYYY-MM-DD or RFC 3339")]
    InvalidDate {
        /// The attribute.
        attribute: &'static str,
    },
    /// A value of the directory is longer than an expression may read.
    #[error("{name} is too long for an expression: at most {most} are read")]
    InputTooLong {
        /// The attribute.
        name: String,
        /// The limit with its unit.
        most: String,
    },
    /// An operator or a function met values that it can't take.
    #[error("{operation} can't take ({types}){hint}")]
    NoSuchOverload {
        /// The operator or function.
        operation: String,
        /// The types that it met.
        types: String,
        /// What to do, where that is known.
        hint: &'static str,
    },
    /// A map was asked for a key, or a value for a field, that isn't there.
    #[error("there is no such key in a map; test it first with \"key\" in map")]
    NoSuchKey,
    /// A list was asked for a place that it doesn't have.
    #[error("a list has no value at that index; test its size() first")]
    NoSuchIndex,
    /// A number was divided by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A number, a timestamp or a duration left its range.
    #[error("a number, timestamp or duration is out of range")]
    Overflow,
    /// A function refused its arguments.
    #[error("{function}() failed: {message}")]
    Function {
        /// The function.
        function: String,
        /// Why.
        message: String,
    },
    /// The evaluation needed more than [`limits::FUEL`].
    #[error("the expression does too much work on these values")]
    TooMuchWork,
    /// The text is longer than [`limits::OUTPUT_TEXT`].
    #[error(
        "the expression gives a text of {bytes} bytes; at most {} are allowed",
        limits::OUTPUT_TEXT
    )]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The list is longer than [`limits::OUTPUT_ITEMS`].
    #[error(
        "the expression gives a list of {items} values; at most {} are allowed",
        limits::OUTPUT_ITEMS
    )]
    ListTooLong {
        /// Its length.
        items: usize,
    },
    /// The expression gave a value of another type than its place needs.
    #[error("the expression gives a value of type {found}, but {needed} is needed")]
    WrongType {
        /// What it gave.
        found: &'static str,
        /// What the place needs.
        needed: &'static str,
    },
    /// An expression over a user was given a group, or the other way round.
    #[error("the expression is about a {expected}, but was evaluated for something else")]
    WrongSubject {
        /// What it is about.
        expected: &'static str,
    },
    /// The evaluator itself failed, or panicked.
    #[error("the evaluator failed on these values")]
    Evaluator,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_and_lines_from_one() {
        let source = "a + \u{fc} +\n  b";
        assert_eq!(Position::of(source, 0).to_string(), "column 1");
        assert_eq!(
            Position::of(source, source.find('b').unwrap()).to_string(),
            "line 2, column 3"
        );
        assert_eq!(
            Position::of(source, source.rfind('+').unwrap()),
            Position { line: 1, column: 7 }
        );
        assert_eq!(Position::of(source, 999), Position { line: 2, column: 4 });
    }
}
