//! shim
use crate::{
    attribute::AttributeSet,
    record::Record,
    snapshot::{Group, Snapshot},
    value::AttributeValue,
};
#[derive(Clone, Copy, Debug)]
pub struct Now(pub i64);
#[derive(Debug)]
pub struct Expression;
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("x")]
pub struct EvaluationError;
pub struct UserScope<'a>(Record<'a>);
impl<'a> UserScope<'a> {
    pub fn new(r: Record<'a>, _g: &'a [&'a str], _n: Now) -> Self {
        Self(r)
    }
}
pub struct GroupScope;
impl GroupScope {
    pub fn new(_g: Group<'_>, _s: &Snapshot, _m: &[u32]) -> Self {
        Self
    }
}
impl Expression {
    pub fn reads(&self) -> AttributeSet {
        AttributeSet::EMPTY
    }
    pub fn evaluate_filter(&self, _s: &UserScope<'_>) -> Result<bool, EvaluationError> {
        Ok(true)
    }
    pub fn evaluate_attribute(&self, _s: &UserScope<'_>) -> Result<Option<AttributeValue>, EvaluationError> {
        Ok(None)
    }
    pub fn evaluate_group_text(&self, _s: &GroupScope) -> Result<Option<String>, EvaluationError> {
        Ok(None)
    }
}
