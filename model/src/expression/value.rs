//! What an evaluation gives.

use cel::common::{
    types::{CelBool, CelDouble, CelDuration, CelInt, CelList, CelMap, CelNull, CelString, CelTimestamp},
    value::Val,
};
use chrono::{SecondsFormat, Utc};

use super::{error::EvaluationError, limits};
use crate::value::AttributeValue;

/// The value of an expression, at most [`limits::OUTPUT_TEXT`] or [`limits::OUTPUT_ITEMS`] large.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A text; a timestamp is its RFC 3339 text in UTC, a duration its seconds (`5400s`).
    Text(String),
    /// A list; its texts as they are, its numbers and flags as texts, without its nulls.
    List(Vec<String>),
}

impl Value {
    /// The name of the value's type in CEL.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::List(_) => "list",
        }
    }

    /// Takes over what the evaluator gave.
    pub(super) fn of(value: &dyn Val) -> Result<Self, EvaluationError> {
        if let Some(list) = value.downcast_ref::<CelList>() {
            return items(list).map(Self::List);
        }
        scalar(value)
    }

    /// The value, if it is within the limits.
    pub(super) fn bounded(self) -> Result<Self, EvaluationError> {
        let texts = match &self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(items) if items.len() > limits::OUTPUT_ITEMS => {
                return Err(EvaluationError::ListTooLong { items: items.len() });
            }
            Self::List(items) => items,
            _ => &[],
        };
        match texts.iter().map(String::len).find(|bytes| *bytes > limits::OUTPUT_TEXT) {
            Some(bytes) => Err(EvaluationError::TextTooLong { bytes }),
            None => Ok(self),
        }
    }
}

fn scalar(value: &dyn Val) -> Result<Value, EvaluationError> {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return Ok(Value::Text(text.inner().to_owned()));
    }
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*flag.inner()));
    }
    if let Some(number) = value.downcast_ref::<CelInt>() {
        return Ok(Value::Int(*number.inner()));
    }
    if let Some(number) = value.downcast_ref::<CelDouble>() {
        return Ok(Value::Double(*number.inner()));
    }
    if let Some(moment) = value.downcast_ref::<CelTimestamp>() {
        let utc = moment.inner().with_timezone(&Utc);
        return Ok(Value::Text(utc.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
    }
    if let Some(duration) = value.downcast_ref::<CelDuration>() {
        let nanos = duration.inner().num_nanoseconds().ok_or(EvaluationError::Overflow)?;
        let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
        let fraction = format!(".{:09}", nanos % 1_000_000_000);
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        return Ok(Value::Text(format!("{sign}{}{fraction}s", nanos / 1_000_000_000)));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    let found = match value {
        value if value.downcast_ref::<CelMap>().is_some() => "map",
        value if value.downcast_ref::<CelList>().is_some() => "list of lists",
        _ => "value of an unknown type",
    };
    Err(EvaluationError::WrongType {
        found,
        needed: "a text, a number, a flag or a list of them",
    })
}

fn items(list: &CelList<'_>) -> Result<Vec<String>, EvaluationError> {
    let items = list.inner();
    if items.len() > limits::OUTPUT_ITEMS {
        return Err(EvaluationError::ListTooLong { items: items.len() });
    }
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match scalar(item.as_ref())? {
            Value::Null | Value::List(_) => {}
            Value::Text(text) => texts.push(text),
            Value::Bool(flag) => texts.push(flag.to_string()),
            Value::Int(number) => texts.push(number.to_string()),
            Value::Double(number) => texts.push(number.to_string()),
        }
    }
    Ok(texts)
}

impl AttributeValue {
    /// The attribute that a value stands for; `None` is an absent one.
    pub(super) fn of(value: Value) -> Result<Option<Self>, EvaluationError> {
        Ok(Some(match value {
            Value::Null => return Ok(None),
            Value::Text(text) => return Ok(present(&text).map(Self::Text)),
            Value::List(items) => {
                let items: Vec<String> = items.iter().filter_map(|item| present(item)).collect();
                return Ok((!items.is_empty()).then_some(Self::List(items)));
            }
            Value::Bool(flag) => Self::Bool(flag),
            #[expect(
                clippy::cast_precision_loss,
                reason = "numbers of JSON are doubles (RFC 8259 section 6)"
            )]
            Value::Int(number) => Self::Number(number as f64),
            Value::Double(number) if number.is_finite() => Self::Number(number),
            Value::Double(_) => return Err(EvaluationError::Overflow),
        }))
    }
}

/// The text without blanks around it; `None` where nothing is left.
pub(super) fn present(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use cel::common::types::CelUInt;

    use super::*;

    #[test]
    fn a_value_that_no_expression_here_can_make_is_told_as_unknown() {
        assert_eq!(
            Value::of(&CelUInt::from(1)),
            Err(EvaluationError::WrongType {
                found: "value of an unknown type",
                needed: "a text, a number, a flag or a list of them",
            })
        );
    }
}
