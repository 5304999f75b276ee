//! From the text to the parsed tree, on a thread whose stack is made for it.

use cel::{
    ParseErrors,
    common::ast::SourceInfo,
    parser::{Expression as Tree, Parser},
};

use super::{
    error::{ExpressionError, Position},
    limits, scan,
};

/// A parsed tree together with the places of its nodes in the text.
pub struct Parsed<'s> {
    pub tree: Tree,
    source: &'s str,
    places: SourceInfo,
}

impl Parsed<'_> {
    /// Where a node stands in the text.
    pub fn at(&self, node: &Tree) -> Position {
        let offset = self.places.offset_for(node.id).map_or(0, |(start, _)| start as usize);
        Position::of(self.source, offset)
    }
}

/// Parses the text and hands the tree to `check`, all on one thread with a large stack: the tree of a refused
/// expression may be too deep to be looked at, or even dropped, anywhere else.
pub fn parse_and<T: Send>(
    source: &str,
    check: impl FnOnce(&Parsed<'_>) -> Result<T, ExpressionError> + Send,
) -> Result<T, ExpressionError> {
    scan::scan(source)?;
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new()
            .name("expression".into())
            .stack_size(limits::PARSER_STACK)
            .spawn_scoped(scope, || {
                let (tree, places) = Parser::new()
                    .parse_with_source_info(source)
                    .map_err(|errors| explain(source, &errors))?;
                check(&Parsed { tree, source, places })
            });
        // No thread, or a panic in the parser: the expression can't be judged, so it is refused.
        parser
            .map_err(|_| ExpressionError::Parser)?
            .join()
            .unwrap_or(Err(ExpressionError::Parser))
    })
}

/// The first fault that the parser found, in a sentence.
fn explain(source: &str, errors: &ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else {
        return ExpressionError::Parser;
    };
    let place = |value: isize| usize::try_from(value).unwrap_or(1).max(1);
    let at = Position {
        line: place(first.pos.0),
        column: place(first.pos.1),
    };
    let message = if source.contains('`') && first.msg.contains('`') {
        "a name in backticks is not supported; write user.custom[\"name\"]".to_owned()
    } else {
        in_words(first.msg.trim_start_matches("Syntax error: "))
    };
    ExpressionError::Syntax { at, message }
}

/// Says what the parser found, without the list of everything that it would have taken.
fn in_words(message: &str) -> String {
    let found = [
        "mismatched input '",
        "extraneous input '",
        "no viable alternative at input '",
    ]
    .iter()
    .find_map(|start| message.strip_prefix(start))
    .map(|rest| {
        rest.split_once("' expecting")
            .map_or_else(|| rest.trim_end_matches('\''), |(found, _)| found)
    });
    if let Some(found) = found {
        return match found {
            "<EOF>" => "the expression ends too early".to_owned(),
            "and" | "AND" => "and is not expected here; write &&".to_owned(),
            "or" | "OR" => "or is not expected here; write ||".to_owned(),
            found => format!("{} is not expected here", shortened(found)),
        };
    }
    if let Some((missing, before)) = message
        .strip_prefix("missing '")
        .and_then(|rest| rest.split_once("' at '"))
    {
        return match before.trim_end_matches('\'') {
            "<EOF>" => format!("a {missing} is missing at the end"),
            before => format!("a {missing} is missing before {}", shortened(before)),
        };
    }
    match message.strip_prefix("token recognition error at: '") {
        Some(rest) => match rest.chars().next() {
            Some('"' | '\'') => "a text that begins here is not closed".to_owned(),
            Some('=') => "= is no operator; write == to compare".to_owned(),
            Some('&') => "& is no operator; write &&".to_owned(),
            Some('|') => "| is no operator; write ||".to_owned(),
            Some(other) => format!("{} is not understood here", other.escape_debug()),
            None => "something is not understood here".to_owned(),
        },
        None => shortened(message),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}
