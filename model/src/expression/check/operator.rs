//! Operators: the types that each takes and gives.

use cel::{
    common::ast::{CallExpr, Expr, LiteralValue, operators},
    parser::Expression as Tree,
};

use super::{Checker, Outcome};
use crate::expression::{error::ExpressionError, limits, types::Type};

impl<'p> Checker<'p> {
    /// The call of an operator; `None` where the call is one of a function.
    pub(super) fn operator(&mut self, node: &'p Tree, call: &'p CallExpr) -> Option<Outcome> {
        if call.target.is_some() {
            return None;
        }
        Some(match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => self.conditional(node, condition, yes, no),
            (operators::LOGICAL_NOT | operators::NEGATE, [operand]) => self.unary(node, &call.func_name, operand),
            (operators::INDEX, [operand, index]) => self
                .attribute_by_index(node, operand, index)
                .unwrap_or_else(|| self.index(node, operand, index)),
            (operators::IN, [item, container]) => self
                .custom_by_in(node, item, container)
                .unwrap_or_else(|| self.binary(node, &call.func_name, item, container)),
            (
                operators::LOGICAL_AND
                | operators::LOGICAL_OR
                | operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS
                | operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                [left, right],
            ) => self.binary(node, &call.func_name, left, right),
            _ => return None,
        })
    }

    fn conditional(&mut self, node: &'p Tree, condition: &'p Tree, yes: &'p Tree, no: &'p Tree) -> Outcome {
        let at = condition;
        let (condition, found) = self.expression(condition)?;
        if !found.fits(&Type::Bool) {
            return Err(self.type_error(at, format!("the condition before ? is {found:#}, not a bool")));
        }
        let (yes, found) = self.expression(yes)?;
        let (no, other) = self.expression(no)?;
        Ok((
            rebuilt(node, operators::CONDITIONAL, vec![condition, yes, no]),
            found.or(&other),
        ))
    }

    fn unary(&mut self, node: &'p Tree, operator: &str, operand: &'p Tree) -> Outcome {
        let (operand, found) = self.expression(operand)?;
        let takes = match operator {
            operators::LOGICAL_NOT => found.fits(&Type::Bool),
            _ => found.is_number() || found == Type::Any,
        };
        if !takes {
            return Err(self.type_error(node, format!("{} can't take {found:#}", symbol(operator))));
        }
        let result = if operator == operators::LOGICAL_NOT {
            Type::Bool
        } else {
            found
        };
        Ok((rebuilt(node, operator, vec![operand]), result))
    }

    fn index(&mut self, node: &'p Tree, operand: &'p Tree, index: &'p Tree) -> Outcome {
        let at = index;
        let (operand, container) = self.expression(operand)?;
        let (index, found) = self.expression(index)?;
        let (item, key) = match container {
            Type::Any => (Type::Any, Type::Any),
            Type::List(item) => (*item, Type::Int),
            Type::Map(value) => (*value, Type::Text),
            other => return Err(self.type_error(node, format!("{other:#} can't be indexed"))),
        };
        if !found.fits(&key) {
            return Err(self.type_error(at, format!("the index is {found:#}, not {key:#}")));
        }
        Ok((rebuilt(node, operators::INDEX, vec![operand, index]), item))
    }

    fn binary(&mut self, node: &'p Tree, operator: &str, left: &'p Tree, right: &'p Tree) -> Outcome {
        let literal_side = is_text_literal(left) || is_text_literal(right);
        let (left, a) = self.expression(left)?;
        let (right, b) = self.expression(right)?;
        if operator == operators::ADD {
            self.additions += 1;
            if self.additions > limits::ADDITIONS {
                return Err(self.too_complex(node, "there are too many +", limits::ADDITIONS));
            }
            // Texts and lists must not grow with every round; one literal more a round is no growth.
            let grows = |found: &Type| matches!(found, Type::Any | Type::Text | Type::List(_));
            if self.local.is_some() && !literal_side && grows(&a) && grows(&b) {
                let message = "inside all, exists, filter and map, + joins a text and a literal only: \"team-\" + x";
                return Err(self.not_allowed(node, message));
            }
        }
        match result(operator, &a, &b) {
            Some(found) => Ok((rebuilt(node, operator, vec![left, right]), found)),
            None => Err(self.mismatch(node, operator, &a, &b)),
        }
    }

    fn mismatch(&self, node: &Tree, operator: &str, a: &Type, b: &Type) -> ExpressionError {
        let sign = symbol(operator);
        let message = match operator {
            operators::EQUALS | operators::NOT_EQUALS => {
                let why = match (a, b) {
                    (Type::Null, Type::Text) | (Type::Text, Type::Null) => ": an absent text is \"\"",
                    (Type::Null, Type::List(_)) | (Type::List(_), Type::Null) => ": an absent list is []",
                    _ => "",
                };
                format!("{a:#} and {b:#} are never equal{why}")
            }
            operators::IN if *b == Type::Text => {
                "in looks into a list or a map; for a part of a text write text.contains(part)".to_owned()
            }
            operators::ADD if *a == Type::Text || *b == Type::Text => {
                format!("+ can't join {a:#} and {b:#}; make a text with string(…)")
            }
            _ => format!("{sign} can't take {a:#} and {b:#}"),
        };
        self.type_error(node, message)
    }
}

/// The type that an operator gives for two operands; `None` where it doesn't take them.
fn result(operator: &str, a: &Type, b: &Type) -> Option<Type> {
    use Type::{Any, Bool, Double, Duration, Int, List, Map, Text, Timestamp};
    let either_any = *a == Any || *b == Any;
    match operator {
        operators::LOGICAL_AND | operators::LOGICAL_OR => (a.fits(&Bool) && b.fits(&Bool)).then_some(Bool),
        operators::EQUALS | operators::NOT_EQUALS => a.compares_with(b).then_some(Bool),
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
            let ordered = |found: &Type| matches!(found, Any | Bool | Int | Double | Text | Timestamp | Duration);
            let comparable = a.fits(b) || (a.is_number() && b.is_number());
            (ordered(a) && ordered(b) && comparable).then_some(Bool)
        }
        operators::IN => match b {
            Any => Some(Bool),
            List(item) => a.compares_with(item).then_some(Bool),
            Map(_) => a.fits(&Text).then_some(Bool),
            _ => None,
        },
        operators::ADD => match (a, b) {
            (Int, Int) | (Double, Double) | (Text, Text) | (Duration, Duration) => Some(a.clone()),
            (Timestamp, Duration) | (Duration, Timestamp) => Some(Timestamp),
            (List(item), List(other)) => Some(item.as_ref().clone().or(other).list()),
            (Any, Text) | (Text, Any) => Some(Text),
            (Any, List(_)) | (List(_), Any) => Some(Any.list()),
            (Any, Any | Int | Double | Timestamp | Duration) | (Int | Double | Timestamp | Duration, Any) => Some(Any),
            _ => None,
        },
        operators::SUBSTRACT => match (a, b) {
            (Int, Int) | (Double, Double) | (Duration, Duration) => Some(a.clone()),
            (Timestamp, Duration) => Some(Timestamp),
            (Timestamp, Timestamp) => Some(Duration),
            (Any, Any | Int | Double | Timestamp | Duration) | (Int | Double | Timestamp | Duration, Any) => Some(Any),
            _ => None,
        },
        operators::MULTIPLY | operators::DIVIDE | operators::MODULO => match (a, b) {
            (Int, Int) => Some(Int),
            (Double, Double) if operator != operators::MODULO => Some(Double),
            _ if either_any && [a, b].iter().all(|found| matches!(found, Any | Int | Double)) => Some(Any),
            _ => None,
        },
        _ => None,
    }
}

/// The sign of an operator as it is written.
pub fn symbol(operator: &str) -> &str {
    match operator {
        operators::CONDITIONAL => "? :",
        operators::INDEX => "[ ]",
        operators::IN => "in",
        other => other.trim_matches('_'),
    }
}

fn is_text_literal(node: &Tree) -> bool {
    matches!(&node.expr, Expr::Literal(LiteralValue::String(_)))
}

fn rebuilt(node: &Tree, operator: &str, args: Vec<Tree>) -> Tree {
    Tree {
        id: node.id,
        expr: Expr::Call(CallExpr {
            func_name: operator.to_owned(),
            target: None,
            args,
        }),
    }
}
