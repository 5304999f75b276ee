//! Expressions in CEL: filters, attribute values, names of teams, and groups made of an attribute.
//!
//! An [`Expression`] is compiled once, on a thread of its own, against an allow-list ([`limits`]): what compiles reads
//! known attributes, has types that fit, and is bounded in its work and in what it gives. It is then evaluated for each
//! person or group, directly where it has one of the usual shapes and by the `cel` crate everywhere else. What goes wrong
//! for one person is an [`EvaluationError`] and nobody else's.
//!
//! ```
//! use directory_sync_model::{attribute::Attribute, expression::{Expression, Scope, Subject}, record};
//!
//! let filter = Expression::compile_filter("user.active && user.department in ['Sales', 'Support']", Subject::User)?;
//! assert!(filter.reads().user.contains(Attribute::Department));
//!
//! let mut bytes = Vec::new();
//! record::RecordWriter::new(&mut bytes).text(Attribute::Department, "Sales");
//! let person = Scope::user(record::Record::new(&bytes), &[], std::time::UNIX_EPOCH);
//! assert_eq!(filter.evaluate_filter(&person), Ok(true));
//! # Ok::<(), directory_sync_model::expression::ExpressionError>(())
//! ```

mod check;
mod date;
mod direct;
mod error;
mod fuel;
mod functions;
pub mod limits;
mod parse;
mod scan;
mod scope;
mod slot;
mod text;
mod types;
mod value;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cel::{ExecutionError, parser::Expression as Tree};

pub use self::{
    check::{Reads, functions_markdown},
    error::{EvaluationError, ExpressionError, Position},
    scope::Scope,
    types::Type,
    value::Value,
};
use self::{
    direct::Direct,
    slot::{Reader, Slot},
};
use crate::value::AttributeValue;

/// The time that `now` gives.
pub type Now = std::time::SystemTime;

/// What an expression is about, and so which variable it has beside `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// `user`.
    User,
    /// `group`.
    Group,
}

impl Subject {
    /// The name of the variable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// A compiled expression; cloning shares it.
#[derive(Clone)]
pub struct Expression {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    subject: Subject,
    tree: Tree,
    slots: Vec<Slot>,
    direct: Option<Direct>,
    result: Type,
    reads: Reads,
}

impl Expression {
    /// Compiles an expression of any result type, or says what is wrong with it and where.
    pub fn compile(source: &str, subject: Subject) -> Result<Self, ExpressionError> {
        let (checked, direct) = parse::parse_and(source, |parsed| {
            let checked = check::check(parsed, subject)?;
            let direct = direct::direct(&checked.tree, &checked.slots);
            Ok((checked, direct))
        })?;
        let check::Checked {
            tree,
            slots,
            result,
            reads,
        } = checked;
        let source = source.to_owned();
        Ok(Self {
            compiled: Arc::new(Compiled {
                source,
                subject,
                tree,
                slots,
                direct,
                result,
                reads,
            }),
        })
    }

    /// Compiles an expression for [`Self::evaluate_filter`]: one that gives a bool.
    pub fn compile_filter(source: &str, subject: Subject) -> Result<Self, ExpressionError> {
        Self::compile_for(source, subject, "a bool", |result| result.fits(&Type::Bool))
    }

    /// Compiles an expression for [`Self::evaluate_text`]: one that gives a text, or null.
    pub fn compile_text(source: &str, subject: Subject) -> Result<Self, ExpressionError> {
        Self::compile_for(source, subject, "a string", |result| result.fits(&Type::Text))
    }

    /// Compiles an expression for [`Self::evaluate_attribute`]: one that gives anything but a map or a list of lists.
    pub fn compile_attribute(source: &str, subject: Subject) -> Result<Self, ExpressionError> {
        Self::compile_for(
            source,
            subject,
            "a string, a number, a bool or a list of them",
            |result| match result {
                Type::Map(_) => false,
                Type::List(item) => !matches!(**item, Type::List(_) | Type::Map(_)),
                _ => true,
            },
        )
    }

    fn compile_for(
        source: &str,
        subject: Subject,
        needed: &'static str,
        suits: impl FnOnce(&Type) -> bool,
    ) -> Result<Self, ExpressionError> {
        let expression = Self::compile(source, subject)?;
        if suits(expression.result()) {
            Ok(expression)
        } else {
            Err(ExpressionError::Result {
                found: expression.result().clone(),
                needed,
            })
        }
    }

    /// The text that it was compiled from.
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// What it is about.
    pub fn subject(&self) -> Subject {
        self.compiled.subject
    }

    /// The type of what it gives, as far as it is known before evaluating.
    pub fn result(&self) -> &Type {
        &self.compiled.result
    }

    /// Which attributes it reads.
    pub fn reads(&self) -> &Reads {
        &self.compiled.reads
    }

    /// Evaluates the expression for one person or group.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        self.check_subject(scope)?;
        match self.compiled.direct.as_ref().and_then(|direct| direct.evaluate(scope)) {
            Some(value) => value.bounded(),
            None => self.evaluate_with_cel(scope),
        }
    }

    /// Whether the person or group passes the filter. The expression should come from [`Self::compile_filter`].
    pub fn evaluate_filter(&self, scope: &Scope<'_>) -> Result<bool, EvaluationError> {
        self.check_subject(scope)?;
        if let Some(Direct::Flag(flag)) = &self.compiled.direct
            && let Some(passes) = flag.answer(scope)
        {
            return Ok(passes);
        }
        match self.evaluate(scope)? {
            Value::Bool(passes) => Ok(passes),
            other => Err(EvaluationError::WrongType {
                found: other.type_name(),
                needed: "a bool",
            }),
        }
    }

    /// The text for the person or group, trimmed; `None` for null and for a blank text. The expression should come from
    /// [`Self::compile_text`].
    pub fn evaluate_text(&self, scope: &Scope<'_>) -> Result<Option<String>, EvaluationError> {
        match self.evaluate(scope)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(value::present(&text)),
            other => {
                let needed = "a string (a number becomes one with string(…))";
                Err(EvaluationError::WrongType {
                    found: other.type_name(),
                    needed,
                })
            }
        }
    }

    /// The value of a platform attribute; `None` for null, a blank text and a list without any text. The
    /// expression should come from [`Self::compile_attribute`].
    pub fn evaluate_attribute(&self, scope: &Scope<'_>) -> Result<Option<AttributeValue>, EvaluationError> {
        AttributeValue::of(self.evaluate(scope)?)
    }

    fn check_subject(&self, scope: &Scope<'_>) -> Result<(), EvaluationError> {
        if scope.subject() == self.compiled.subject {
            Ok(())
        } else {
            Err(EvaluationError::WrongSubject {
                expected: self.compiled.subject.name(),
            })
        }
    }

    fn evaluate_with_cel(&self, scope: &Scope<'_>) -> Result<Value, EvaluationError> {
        let reader = Reader::new(&self.compiled.slots, *scope);
        fuel::fill();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut context = functions::ROOT.new_inner_scope();
            context.set_variable_resolver(&reader);
            match cel::Value::resolve_val(&self.compiled.tree, &context) {
                // `||` and `exists` swallow errors, but not the one that the budget is used up.
                _ if fuel::is_empty() => Err(EvaluationError::TooMuchWork),
                Ok(value) => Value::of(value.as_ref()),
                Err(error) => Err(explain(error, &reader)),
            }
        }));
        outcome.unwrap_or(Err(EvaluationError::Evaluator))?.bounded()
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.compiled.source).finish()
    }
}

/// Says what went wrong without a word of what the directory says about the person: the crate's own messages hold values.
fn explain(error: ExecutionError, reader: &Reader<'_>) -> EvaluationError {
    match error {
        ExecutionError::UndeclaredReference(name) => reader.explain(&name).unwrap_or(EvaluationError::Evaluator),
        ExecutionError::NoSuchOverload(overload) => no_overload(overload.function(), overload.argument_types()),
        ExecutionError::ValuesNotComparable(a, b) => values("comparison", &[a, b]),
        ExecutionError::UnsupportedBinaryOperator(operator, a, b) => values(sign(operator), &[a, b]),
        ExecutionError::UnexpectedType { got, want } => {
            no_overload(&format!("a place that needs {}", type_name(&want)), &[got])
        }
        ExecutionError::NoSuchKey(_) => EvaluationError::NoSuchKey,
        ExecutionError::IndexOutOfBounds(_) => EvaluationError::NoSuchIndex,
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => EvaluationError::DivisionByZero,
        ExecutionError::Overflow(..) => EvaluationError::Overflow,
        ExecutionError::FunctionError { function, message } => {
            // The messages of these hold no values: ours, and those about an index.
            let ours = function.strip_prefix('@');
            let is_safe = ours.is_some() || matches!(function.as_str(), "substring" | "charAt");
            EvaluationError::Function {
                function: ours.unwrap_or(&function).to_owned(),
                message: if is_safe {
                    message
                } else {
                    "it can't convert or take this value".to_owned()
                },
            }
        }
        _ => EvaluationError::Evaluator,
    }
}

/// The sign of an operator that the evaluator calls by a name of its own.
fn sign(operator: &str) -> &str {
    match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    }
}

fn values(operator: &str, values: &[cel::Value]) -> EvaluationError {
    let types: Vec<_> = values.iter().map(|value| value.type_of().to_string()).collect();
    no_overload(operator, &types)
}

fn no_overload(operator: &str, types: &[String]) -> EvaluationError {
    let types: Vec<_> = types.iter().map(|found| type_name(found)).collect();
    EvaluationError::NoSuchOverload {
        operation: check::symbol(operator).trim_start_matches('@').to_owned(),
        types: types.join(", "),
        hint: if types.contains(&"null") {
            "; a date is null where it is absent: test it first with user.startDate != null"
        } else {
            ""
        },
    }
}

/// The short name of a type that the evaluator names in full.
fn type_name(name: &str) -> &str {
    match name {
        "null_type" => "null",
        name => name.strip_prefix("google.protobuf.").map_or(name, |name| match name {
            "Timestamp" => "timestamp",
            "Duration" => "duration",
            other => other,
        }),
    }
}
