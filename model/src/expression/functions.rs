//! The evaluator's one environment: the functions that an expression may call, registered once for the process.
//!
//! Where a function of the crate could grow a value or work without bound, one of ours, named `@…`, is called in its
//! place; the check rewrites the tree.

#![expect(
    clippy::needless_pass_by_value,
    reason = "an overload is a function pointer of a type that the crate sets"
)]

use std::{
    any::Any,
    sync::{Arc, LazyLock},
};

use cel::{
    Context, DeclarationError, Env, ExecutionError, Value,
    common::{
        types::{CelBool, CelInt, CelList, CelString, DYN_TYPE, INT_TYPE, LIST_TYPE, STRING_TYPE, Type},
        value::{CowVal, StaticVal, Val},
    },
    extensions,
    parser::Expression as Tree,
};
use regex::{Regex, RegexBuilder};

use super::{fuel, limits, text};

/// The function that charges the work of a loop's body: `@step(value, parts)` gives the value.
pub const STEP: &str = "@step";

/// The root of every evaluation; each person's scope is a child of it.
pub static ROOT: LazyLock<Context<'static, 'static>> = LazyLock::new(|| {
    // Only a double registration fails, and then every test here does; without functions every call is refused.
    Context::with_env(Arc::new(environment().unwrap_or_default()))
});

fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    env.add_extension(extensions::strings)?;
    env.add_overload(STEP, "step", vec![DYN_TYPE, INT_TYPE], step)?;
    env.add_member_overload(
        "@matches",
        "matches",
        STRING_TYPE,
        vec![PATTERN_TYPE.to_owned()],
        matches,
    )?;
    env.add_member_overload(
        "@replace",
        "replace",
        STRING_TYPE,
        vec![STRING_TYPE, STRING_TYPE],
        replace,
    )?;
    let texts_and_count = vec![STRING_TYPE, STRING_TYPE, INT_TYPE];
    env.add_member_overload("@replace", "replace_times", STRING_TYPE, texts_and_count, replace)?;
    env.add_member_overload("@split", "split", STRING_TYPE, vec![STRING_TYPE], split)?;
    env.add_member_overload("@split", "split_most", STRING_TYPE, vec![STRING_TYPE, INT_TYPE], split)?;
    env.add_member_overload("@join", "join", LIST_TYPE, vec![], join)?;
    env.add_member_overload("@join", "join_separator", LIST_TYPE, vec![STRING_TYPE], join)?;
    env.add_member_overload("@indexOf", "indexOf", STRING_TYPE, vec![STRING_TYPE], index_of)?;
    env.add_member_overload(
        "@lastIndexOf",
        "lastIndexOf",
        STRING_TYPE,
        vec![STRING_TYPE],
        last_index_of,
    )?;
    Ok(env)
}

/// The value of a call of literals alone; `None` where it fails.
pub fn constant(tree: &Tree) -> Option<Box<dyn Val>> {
    fuel::fill();
    Value::resolve_val(tree, &ROOT).ok().map(CowVal::into_owned)
}

/// The pattern of a `matches`, compiled when the expression is.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// Units of fuel for four bytes of text: what a large pattern costs where it can't be run as an automaton.
    weight: usize,
}

static PATTERN_TYPE: Type = Type::new_unspecified_type("pattern");

impl Pattern {
    /// Compiles a pattern that takes at most [`limits::PATTERN_BYTES`].
    pub fn compile(pattern: &str) -> Result<Self, regex::Error> {
        let compile = |bytes| {
            RegexBuilder::new(pattern)
                .size_limit(bytes)
                .dfa_size_limit(1 << 20)
                .nest_limit(50)
                .build()
        };
        let small = [(1024, 1), (4 * 1024, 4), (16 * 1024, 16)];
        for (bytes, weight) in small {
            if let Ok(regex) = compile(bytes) {
                return Ok(Self { regex, weight });
            }
        }
        compile(limits::PATTERN_BYTES).map(|regex| Self { regex, weight: 64 })
    }

    /// Whether the pattern is found in the text; `None` for a text that is too long to look at.
    pub fn is_match(&self, text: &str) -> Option<bool> {
        (text.len() <= limits::MATCHED_TEXT).then(|| self.regex.is_match(text))
    }
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        &PATTERN_TYPE
    }

    fn cel_type() -> &'static Type {
        &PATTERN_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}

type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn step<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let parts = args.pop();
    let parts = parts
        .as_deref()
        .and_then(<dyn Val>::downcast_ref::<CelInt>)
        .map_or(0, |parts| *parts.inner());
    let value = args
        .pop()
        .ok_or_else(|| failed("@step", "it was called without a value"))?;
    let size = value
        .downcast_ref::<CelString>()
        .map_or(0, |text| fuel::text(text.inner().len()))
        + value.downcast_ref::<CelList>().map_or(0, |list| list.inner().len());
    charge(usize::try_from(parts).unwrap_or(usize::MAX).saturating_add(size))?;
    Ok(value)
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let text = text_at("@matches", &args, 0)?;
    let pattern = args.get(1).and_then(|pattern| pattern.downcast_ref::<Pattern>());
    let pattern = pattern.ok_or_else(|| failed("@matches", "its pattern is missing"))?;
    charge(1 + text.len() / 4 * pattern.weight)?;
    let found = pattern
        .is_match(text)
        .ok_or_else(|| failed("@matches", "the text is longer than 4096 bytes"))?;
    Ok(CowVal::owned(CelBool::from(found)))
}

fn replace<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let [text, from, to] = [0, 1, 2].map(|index| text_at("@replace", &args, index));
    let replaced = text::replace(text?, from?, to?, int_at(&args, 3)).ok_or_else(|| too_long("@replace"))?;
    charge(fuel::text(replaced.len()))?;
    Ok(CowVal::owned(CelString::from(replaced)))
}

fn split<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let (text, separator) = (text_at("@split", &args, 0)?, text_at("@split", &args, 1)?);
    let parts = text::split(text, separator, int_at(&args, 2));
    charge(fuel::text(text.len()) + parts.len())?;
    let parts: Vec<Box<dyn Val + 'v>> = parts
        .into_iter()
        .map(|part| Box::new(CelString::from(part.to_owned())) as Box<dyn Val + 'v>)
        .collect();
    Ok(CowVal::owned(CelList::from(parts)))
}

fn join<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let list = args.first().and_then(|list| list.downcast_ref::<CelList>());
    let items = list.ok_or_else(|| failed("@join", "it takes a list of texts"))?.inner();
    charge(items.len())?;
    let texts: Option<Vec<&str>> = items
        .iter()
        .map(|item| item.downcast_ref::<CelString>().map(CelString::inner))
        .collect();
    let texts = texts.ok_or_else(|| failed("@join", "not every value of the list is a text"))?;
    let separator = if args.len() > 1 {
        text_at("@join", &args, 1)?
    } else {
        ""
    };
    let joined = text::join(&texts, separator).ok_or_else(|| too_long("@join"))?;
    charge(fuel::text(joined.len()))?;
    Ok(CowVal::owned(CelString::from(joined)))
}

fn index_of<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let (text, part) = (text_at("@indexOf", &args, 0)?, text_at("@indexOf", &args, 1)?);
    Ok(CowVal::owned(CelInt::from(text::index_of(text, text.find(part)))))
}

fn last_index_of<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Outcome<'b, 'v> {
    let (text, part) = (text_at("@lastIndexOf", &args, 0)?, text_at("@lastIndexOf", &args, 1)?);
    Ok(CowVal::owned(CelInt::from(text::index_of(text, text.rfind(part)))))
}

fn text_at<'a>(function: &str, args: &'a [CowVal<'_, '_>], index: usize) -> Result<&'a str, ExecutionError> {
    let text = args.get(index).and_then(|arg| arg.downcast_ref::<CelString>());
    text.map(CelString::inner)
        .ok_or_else(|| failed(function, "an argument is not a text"))
}

/// The count at the end of the arguments; -1, "all", where it is left out.
fn int_at(args: &[CowVal<'_, '_>], index: usize) -> i64 {
    args.get(index)
        .and_then(|arg| arg.downcast_ref::<CelInt>())
        .map_or(-1, |count| *count.inner())
}

fn charge(units: usize) -> Result<(), ExecutionError> {
    if fuel::take(units) {
        Ok(())
    } else {
        Err(failed(STEP, "the budget is used up"))
    }
}

fn too_long(function: &str) -> ExecutionError {
    failed(function, "the result is longer than 65536 bytes")
}

/// An error of a function of ours; its message never holds a value.
fn failed(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_has_every_function_once() {
        assert!(environment().is_ok());
    }

    #[test]
    fn a_pattern_weighs_as_many_kib_as_it_needs() {
        for times in [1, 5, 10, 20, 50, 100, 200, 500, 1000] {
            let text = format!("(ab?){{{times}}}");
            let fits = |kib: &usize| RegexBuilder::new(&text).size_limit(kib << 10).build().is_ok();
            let needed = [1, 4, 16, 64].into_iter().find(fits);
            assert_eq!(
                Pattern::compile(&text).ok().map(|pattern| pattern.weight),
                needed,
                "{text}"
            );
        }
    }

    #[test]
    fn a_pattern_is_bounded_when_it_is_compiled() {
        for usual in [
            r"^[\w.+-]+@acme\.test$",
            r"(?i)sales|marketing",
            r"^\d{3}-\d{4}$",
            r"\p{Lu}\p{Ll}+",
        ] {
            Pattern::compile(usual).unwrap();
        }
        assert!(matches!(
            Pattern::compile(r"(\w{50}){50}"),
            Err(regex::Error::CompiledTooBig(_))
        ));
        assert!(matches!(Pattern::compile("("), Err(regex::Error::Syntax(_))));
    }
}
