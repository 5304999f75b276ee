//! The bounds that keep every expression cheap. The `cel` crate has no budget of its own: what is bounded here is bounded
//! before it sees the text (length, nesting, operators), in the parsed tree, or while it evaluates (`fuel`).

/// Characters of an expression's text.
pub const SOURCE_CHARACTERS: usize = 1024;
/// Brackets inside brackets, and conditions inside conditions, in the text.
pub const NESTING: usize = 16;
/// Operators, dots and brackets in the text: each may be one level of the parser's recursion.
pub const OPERATORS: usize = 400;
/// Levels of the parsed tree. The evaluator takes some 25 KiB of stack for each; a worker thread has 2 MiB.
pub const DEPTH: usize = 24;
/// Nodes of the parsed tree.
pub const NODES: usize = 600;
/// Entries of a list or a map that is written out in the expression.
pub const LITERAL_ENTRIES: usize = 128;
/// `+` in one expression.
pub const ADDITIONS: usize = 16;
/// `all`, `exists`, `exists_one`, `filter` and `map` in one expression, side by side; never one inside another.
pub const COMPREHENSIONS: usize = 4;
/// Bytes that the compiled pattern of a `matches` may take.
pub const PATTERN_BYTES: usize = 64 * 1024;

/// Stack of the thread that parses, in bytes. The parser and the tree it gives are recursive.
pub const PARSER_STACK: usize = 32 * 1024 * 1024;

/// Bytes of one text that an expression reads.
pub const INPUT_TEXT: usize = 16 * 1024;
/// Bytes of JSON of one custom attribute that an expression reads.
pub const INPUT_JSON: usize = 64 * 1024;
/// Values of one list that an expression reads.
pub const INPUT_ITEMS: usize = 100_000;
/// Bytes of a text that a function makes on the way.
pub const WORKING_TEXT: usize = 64 * 1024;
/// Bytes of a text that `matches` looks at.
pub const MATCHED_TEXT: usize = 4 * 1024;
/// Work of one evaluation. A unit is a part of the tree in a loop, a value of a list read or made, or 16 bytes of text.
pub const FUEL: u64 = 2_000_000;

/// Bytes of a text that an expression gives.
pub const OUTPUT_TEXT: usize = 4 * 1024;
/// Values of a list that an expression gives.
pub const OUTPUT_ITEMS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_texts_are_those_that_the_docs_tell() {
        let kib = |count: usize| count << 10;
        assert_eq!((INPUT_TEXT, INPUT_JSON), (kib(16), kib(64)));
        assert_eq!((PATTERN_BYTES, MATCHED_TEXT), (kib(64), kib(4)));
        assert_eq!((WORKING_TEXT, OUTPUT_TEXT), (kib(64), kib(4)));
    }
}
