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
    let (line, column) = (
        usize::try_from(first.pos.0).unwrap_or(1),
        usize::try_from(first.pos.1).unwrap_or(1),
    );
    let at = Position {
        line: line.max(1),
        column: column.max(1),
    };
    let message = first
        .msg
        .trim_start_matches("Syntax error: ")
        .replace("<EOF>", "the end of the expression");
    // The parser lists every token that it would have taken; that helps nobody.
    let message = match message.split_once(" expecting {") {
        Some((found, _)) => format!("{found} is not expected here"),
        None => message,
    };
    let message = if source.contains('`') && message.contains('`') {
        "a name in backticks is not supported; write user.custom[\"name\"]".to_owned()
    } else {
        message
    };
    ExpressionError::Syntax { at, message }
}
