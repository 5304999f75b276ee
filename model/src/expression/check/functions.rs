//! The functions that an expression may call. Those of texts are the functions of Kubernetes' CEL.

use crate::expression::types::Type;

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `size(x)`.
    Global,
    /// `x.trim()`; the first parameter is `x`.
    Member,
}

/// The type of a parameter or a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Bool,
    Int,
    Double,
    Text,
    Timestamp,
    Duration,
    AnyList,
    TextList,
    AnyMap,
    /// A pattern that is written out in the expression.
    Pattern,
}

impl Shape {
    pub fn takes(self, found: &Type) -> bool {
        found.fits(&self.into())
    }
}

impl From<Shape> for Type {
    fn from(shape: Shape) -> Self {
        match shape {
            Shape::Bool => Self::Bool,
            Shape::Int => Self::Int,
            Shape::Double => Self::Double,
            Shape::Text | Shape::Pattern => Self::Text,
            Shape::Timestamp => Self::Timestamp,
            Shape::Duration => Self::Duration,
            Shape::AnyList => Self::Any.list(),
            Shape::TextList => Self::Text.list(),
            Shape::AnyMap => Self::Map(Box::new(Self::Any)),
        }
    }
}

/// One way to call one function.
#[derive(Debug)]
pub struct Signature {
    pub name: &'static str,
    pub style: Style,
    pub parameters: &'static [Shape],
    pub result: Shape,
    /// The overload that is called in its place: one of ours, with bounds, starts with `@`.
    pub calls: &'static str,
}

const fn global(name: &'static str, parameters: &'static [Shape], result: Shape) -> Signature {
    Signature {
        name,
        style: Style::Global,
        parameters,
        result,
        calls: name,
    }
}

const fn member(name: &'static str, parameters: &'static [Shape], result: Shape) -> Signature {
    Signature {
        name,
        style: Style::Member,
        parameters,
        result,
        calls: name,
    }
}

const fn bounded(name: &'static str, calls: &'static str, parameters: &'static [Shape], result: Shape) -> Signature {
    Signature {
        name,
        style: Style::Member,
        parameters,
        result,
        calls,
    }
}

use Shape::{AnyList, AnyMap, Bool, Double, Duration, Int, Pattern, Text, TextList, Timestamp};

/// Every function, and every way to call it.
pub const SIGNATURES: &[Signature] = &[
    global("size", &[Text], Int),
    global("size", &[AnyList], Int),
    global("size", &[AnyMap], Int),
    member("size", &[Text], Int),
    member("size", &[AnyList], Int),
    member("size", &[AnyMap], Int),
    member("contains", &[Text, Text], Bool),
    member("startsWith", &[Text, Text], Bool),
    member("endsWith", &[Text, Text], Bool),
    bounded("matches", "@matches", &[Text, Pattern], Bool),
    member("lowerAscii", &[Text], Text),
    member("upperAscii", &[Text], Text),
    member("trim", &[Text], Text),
    bounded("replace", "@replace", &[Text, Text, Text], Text),
    bounded("replace", "@replace", &[Text, Text, Text, Int], Text),
    bounded("split", "@split", &[Text, Text], TextList),
    bounded("split", "@split", &[Text, Text, Int], TextList),
    bounded("join", "@join", &[TextList], Text),
    bounded("join", "@join", &[TextList, Text], Text),
    member("substring", &[Text, Int], Text),
    member("substring", &[Text, Int, Int], Text),
    member("charAt", &[Text, Int], Text),
    bounded("indexOf", "@indexOf", &[Text, Text], Int),
    bounded("lastIndexOf", "@lastIndexOf", &[Text, Text], Int),
    global("string", &[Text], Text),
    global("string", &[Int], Text),
    global("string", &[Double], Text),
    global("string", &[Bool], Text),
    global("string", &[Timestamp], Text),
    global("string", &[Duration], Text),
    global("int", &[Int], Int),
    global("int", &[Double], Int),
    global("int", &[Text], Int),
    global("int", &[Timestamp], Int),
    global("double", &[Double], Double),
    global("double", &[Int], Double),
    global("double", &[Text], Double),
    global("bool", &[Bool], Bool),
    global("bool", &[Text], Bool),
    global("timestamp", &[Text], Timestamp),
    global("timestamp", &[Int], Timestamp),
    global("timestamp", &[Timestamp], Timestamp),
    global("duration", &[Text], Duration),
    member("getFullYear", &[Timestamp], Int),
    member("getFullYear", &[Timestamp, Text], Int),
    member("getMonth", &[Timestamp], Int),
    member("getMonth", &[Timestamp, Text], Int),
    member("getDate", &[Timestamp], Int),
    member("getDate", &[Timestamp, Text], Int),
    member("getDayOfMonth", &[Timestamp], Int),
    member("getDayOfMonth", &[Timestamp, Text], Int),
    member("getDayOfWeek", &[Timestamp], Int),
    member("getDayOfWeek", &[Timestamp, Text], Int),
    member("getDayOfYear", &[Timestamp], Int),
    member("getDayOfYear", &[Timestamp, Text], Int),
    member("getHours", &[Timestamp], Int),
    member("getHours", &[Timestamp, Text], Int),
    member("getMinutes", &[Timestamp], Int),
    member("getMinutes", &[Timestamp, Text], Int),
];

/// The names of the macros, which the parser has already taken apart where they were called rightly.
pub const MACROS: &[&str] = &["has", "all", "exists", "exists_one", "filter", "map"];

/// Renders the docs page of what an expression may call, as Markdown that ends in a line break.
///
/// `docs/` holds a copy that a test compares byte for byte.
pub fn functions_markdown() -> String {
    let mut page = String::from(
        "# Functions\n\n\
         What an expression can call, beside the operators `&& || ! == != < <= > >= in + - * / % ? : [ ]`. The functions of\n\
         texts are those of Kubernetes' CEL. The pattern of `matches` is written out in the expression.\n\n\
         <!-- Generated from the table of functions; do not edit. -->\n\n\
         | call | gives |\n| --- | --- |\n\
         | `has(user.custom.NAME)` | bool |\n\
         | `list.all(x, condition)` | bool |\n\
         | `list.exists(x, condition)` | bool |\n\
         | `list.exists_one(x, condition)` | bool |\n\
         | `list.filter(x, condition)` | list |\n\
         | `list.map(x, value)` | list |\n\
         | `list.map(x, condition, value)` | list |\n",
    );
    for signature in SIGNATURES {
        let result = Type::from(signature.result).to_string();
        page.extend(["| `", &written(signature), "` | ", &result, " |\n"]);
    }
    page
}

/// How a signature is written in a message: `text.replace(string, string)`.
pub fn written(signature: &Signature) -> String {
    let types: Vec<_> = signature
        .parameters
        .iter()
        .map(|shape| Type::from(*shape).to_string())
        .collect();
    match signature.style {
        Style::Global => format!("{}({})", signature.name, types.join(", ")),
        Style::Member => format!("{}.{}({})", types[0], signature.name, types[1..].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_page_names_every_function_and_macro() {
        let page = functions_markdown();
        for name in SIGNATURES
            .iter()
            .map(|signature| signature.name)
            .chain(MACROS.iter().copied())
        {
            assert!(page.contains(&format!("{name}(")), "{name}");
        }
        assert!(page.contains("| `string.replace(string, string, int)` | string |\n"));
    }
}
