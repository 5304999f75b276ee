//! Calls of functions.

use cel::{
    common::ast::{CallExpr, Expr, LiteralValue},
    parser::Expression as Tree,
};

use super::{
    Checker, Outcome,
    functions::{MACROS, SIGNATURES, Shape, Signature, Style, written},
    names::nearest,
};
use crate::expression::{error::ExpressionError, functions as runtime, limits, types::Type};

impl<'p> Checker<'p> {
    pub(super) fn call(&mut self, node: &'p Tree, call: &'p CallExpr) -> Outcome {
        if let Some(outcome) = self.operator(node, call) {
            return outcome;
        }
        let style = if call.target.is_some() {
            Style::Member
        } else {
            Style::Global
        };
        let known: Vec<_> = SIGNATURES
            .iter()
            .filter(|s| s.name == call.func_name && s.style == style)
            .collect();
        if known.is_empty() {
            return Err(self.unknown_function(node, call, style));
        }
        let written_args: Vec<_> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let mut args = Vec::with_capacity(written_args.len());
        let mut types = Vec::with_capacity(written_args.len());
        for arg in &written_args {
            let (arg, found) = self.expression(arg)?;
            args.push(arg);
            types.push(found);
        }
        let signature = known.iter().find(|signature| takes(signature, &types));
        let Some(signature) = signature else {
            return Err(self.wrong_arguments(node, &known, &types));
        };
        if let Some(pattern) = signature.parameters.iter().position(|shape| *shape == Shape::Pattern) {
            args[pattern] = self.pattern(written_args[pattern])?;
        }
        let literal_args = args.iter().all(|arg| matches!(arg.expr, Expr::Literal(_)));
        let mut args = args.into_iter();
        let target = (style == Style::Member).then(|| args.next().map(Box::new)).flatten();
        let expr = Expr::Call(CallExpr {
            func_name: signature.calls.to_owned(),
            target,
            args: args.collect(),
        });
        let (tree, result) = (Tree { id: node.id, expr }, Type::from(signature.result));
        if literal_args && matches!(signature.name, "timestamp" | "duration") {
            let Some(value) = runtime::constant(&tree) else {
                return Err(self.bad_time(node, signature.name));
            };
            return Ok((self.constant_slot(node, value), result));
        }
        Ok((tree, result))
    }

    /// A pattern is compiled once, here; one that is made while evaluating could be anything.
    fn pattern(&mut self, node: &'p Tree) -> Result<Tree, ExpressionError> {
        let Expr::Literal(LiteralValue::String(pattern)) = &node.expr else {
            return Err(self.not_allowed(node, "the pattern of matches() must be written out, as a text"));
        };
        match runtime::Pattern::compile(pattern.inner()) {
            Ok(pattern) => Ok(self.constant_slot(node, Box::new(pattern))),
            Err(regex::Error::CompiledTooBig(_)) => Err(self.too_complex(
                node,
                "the pattern is too large when compiled, in bytes",
                limits::PATTERN_BYTES,
            )),
            Err(error) => {
                // The message of `regex` draws the pattern over several lines; its last line says what is wrong.
                let error = error.to_string();
                let reason = error
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned();
                Err(self.not_allowed(
                    node,
                    format!("the pattern of matches() is no regular expression: {reason}"),
                ))
            }
        }
    }

    fn bad_time(&self, node: &Tree, function: &str) -> ExpressionError {
        let message = if function == "timestamp" {
            "this is no timestamp; write it as timestamp(\"2026-01-31T00:00:00Z\")"
        } else {
            "this is no duration; write it as duration(\"36h30m\") (days are \"24h\" each)"
        };
        self.type_error(node, message)
    }

    fn wrong_arguments(&self, node: &Tree, known: &[&Signature], types: &[Type]) -> ExpressionError {
        let ways: Vec<_> = known.iter().map(|signature| written(signature)).collect();
        let types: Vec<_> = types.iter().map(ToString::to_string).collect();
        let found = match known[0].style {
            Style::Global => format!("{}({})", known[0].name, types.join(", ")),
            Style::Member => format!("{}.{}({})", types[0], known[0].name, types[1..].join(", ")),
        };
        self.type_error(node, format!("there is no {found}, only {}", ways.join(", ")))
    }

    fn unknown_function(&self, node: &Tree, call: &CallExpr, style: Style) -> ExpressionError {
        let name = call.func_name.as_str();
        let message = match name {
            "has" => Some("has() takes an attribute that may be absent: has(user.custom.name)"),
            "all" | "exists" | "exists_one" | "filter" => Some("it is called as list.NAME(x, condition)"),
            "map" => Some("it is called as list.map(x, value) or list.map(x, condition, value)"),
            _ => None,
        };
        if let Some(message) = message {
            return self.type_error(node, message.replace("NAME", name));
        }
        if let Some(other) = SIGNATURES
            .iter()
            .find(|signature| signature.name == name && signature.style != style)
        {
            return self.type_error(node, format!("{name} is called as {}", written(other)));
        }
        let names = SIGNATURES
            .iter()
            .map(|signature| signature.name)
            .chain(MACROS.iter().copied());
        let hint = nearest(name, names).map_or_else(String::new, |near| format!("; did you mean {near}()?"));
        ExpressionError::UnknownName {
            at: self.parsed.at(node),
            name: format!("function {name}()"),
            hint,
        }
    }
}

fn takes(signature: &Signature, types: &[Type]) -> bool {
    signature.parameters.len() == types.len()
        && signature
            .parameters
            .iter()
            .zip(types)
            .all(|(shape, found)| shape.takes(found))
}
