//! `all`, `exists`, `exists_one`, `filter` and `map`, which the parser has taken apart into loops.
//!
//! They may stand side by side, never one inside another nor one on the result of another: that is how a few
//! characters make the work, or a value, grow without end. What a loop does in a round is charged in every round.

use cel::{
    common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, operators},
    parser::Expression as Tree,
};

use super::{Checker, Outcome};
use crate::expression::{error::ExpressionError, functions::STEP, limits, types::Type};

/// The parts of a loop that the person wrote.
pub struct Written<'p> {
    /// The condition of `all`, `exists`, `exists_one` and `filter`, and the one of a `map` that has one.
    pub condition: Option<&'p Tree>,
    /// The value of a `map`, the variable itself in a `filter`.
    pub value: Option<&'p Tree>,
}

impl<'p> Checker<'p> {
    pub(super) fn comprehension(&mut self, node: &'p Tree, looped: &'p ComprehensionExpr) -> Outcome {
        let Some(written) = written(looped) else {
            return Err(self.not_allowed(node, "this kind of loop is not supported here"));
        };
        if self.local.is_some() || contains_loop(&looped.iter_range) {
            let message = "all, exists, filter and map can't stand inside or after one another; \
                           list.map(x, condition, value) filters and maps at once";
            return Err(self.not_allowed(node, message));
        }
        self.comprehensions += 1;
        if self.comprehensions > limits::COMPREHENSIONS {
            let what = "there are too many all, exists, filter and map";
            return Err(self.too_complex(node, what, limits::COMPREHENSIONS));
        }
        if looped.iter_var2.is_some() || ["user", "group", "now"].contains(&looped.iter_var.as_str()) {
            let message = format!("the variable of a loop can't be called {}; call it x", looped.iter_var);
            return Err(self.not_allowed(node, message));
        }
        let (iter_range, range) = self.expression(&looped.iter_range)?;
        let item = match range {
            Type::Any => Type::Any,
            Type::List(item) => *item,
            Type::Map(_) => Type::Text,
            other => return Err(self.type_error(node, format!("{other:#} is no list to go through"))),
        };
        self.local = Some((&looped.iter_var, item));
        let rewritten = self.body(looped, &written);
        self.local = None;
        let (loop_step, value) = rewritten?;
        let result = if written.value.is_some() {
            value.list()
        } else {
            Type::Bool
        };
        let looped = ComprehensionExpr {
            iter_range,
            loop_step,
            ..looped.clone()
        };
        Ok((
            Tree {
                id: node.id,
                expr: Expr::Comprehension(Box::new(looped)),
            },
            result,
        ))
    }

    /// The step of the loop with what the person wrote checked, rewritten and charged; and the type of a `map`'s value.
    fn body(&mut self, looped: &'p ComprehensionExpr, written: &Written<'p>) -> Outcome {
        let before = self.nodes;
        let mut condition = None;
        if let Some(tree) = written.condition {
            let (rewritten, found) = self.expression(tree)?;
            if !found.fits(&Type::Bool) {
                return Err(self.type_error(tree, format!("the condition is {found:#}, not a bool")));
            }
            condition = Some(charged(rewritten, self.nodes - before));
        }
        let mut value = None;
        let mut result = Type::Bool;
        if let Some(tree) = written.value {
            let (rewritten, found) = self.expression(tree)?;
            value = Some(charged(rewritten, self.nodes - before));
            result = found;
        }
        let mut step = looped.loop_step.clone();
        replace(&mut step, condition, value).ok_or(ExpressionError::Parser)?;
        Ok((step, result))
    }
}

/// Takes a macro's loop step apart; `None` for a loop that none of the macros makes.
pub fn written(looped: &ComprehensionExpr) -> Option<Written<'_>> {
    let Expr::Call(step) = &looped.loop_step.expr else {
        return None;
    };
    match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [_, condition]) => Some(Written {
            condition: Some(condition),
            value: None,
        }),
        (
            operators::CONDITIONAL,
            [
                condition,
                Tree {
                    expr: Expr::Call(added),
                    ..
                },
                _,
            ],
        ) => Some(Written {
            condition: Some(condition),
            value: appended(added)?,
        }),
        (operators::ADD, _) => Some(Written {
            condition: None,
            value: appended(step)?,
        }),
        _ => None,
    }
}

/// The value of `@result + [value]`; it is nothing for `@result + 1`, the counter of `exists_one`.
#[expect(
    clippy::option_option,
    reason = "a step of an unknown kind, and a known step without a value"
)]
fn appended(added: &CallExpr) -> Option<Option<&Tree>> {
    match added.args.as_slice() {
        [
            _,
            Tree {
                expr: Expr::List(list), ..
            },
        ] => list.elements.first().map(Some),
        [
            _,
            Tree {
                expr: Expr::Literal(LiteralValue::Int(_)),
                ..
            },
        ] => Some(None),
        _ => None,
    }
}

/// Puts the rewritten parts into a loop step, where [`written`] found the originals.
fn replace(step: &mut Tree, condition: Option<Tree>, value: Option<Tree>) -> Option<()> {
    let Expr::Call(call) = &mut step.expr else { return None };
    match call.func_name.as_str() {
        operators::LOGICAL_AND | operators::LOGICAL_OR => *call.args.get_mut(1)? = condition?,
        operators::CONDITIONAL => {
            *call.args.get_mut(0)? = condition?;
            if let Some(value) = value {
                replace(call.args.get_mut(1)?, None, Some(value))?;
            }
        }
        operators::ADD => {
            let list = call.args.get_mut(1)?;
            list.expr = Expr::List(ListExpr::new(vec![value?]));
        }
        _ => return None,
    }
    Some(())
}

/// The tree with its size charged each time it is evaluated.
fn charged(tree: Tree, nodes: usize) -> Tree {
    let id = tree.id;
    let nodes = i64::try_from(nodes).unwrap_or(i64::MAX);
    let nodes = Tree {
        id,
        expr: Expr::Literal(LiteralValue::Int(nodes.into())),
    };
    Tree {
        id,
        expr: Expr::Call(CallExpr {
            func_name: STEP.to_owned(),
            target: None,
            args: vec![tree, nodes],
        }),
    }
}

/// What [`charged`] charges for.
pub fn uncharged(tree: &Tree) -> Option<&Tree> {
    match &tree.expr {
        Expr::Call(call) if call.func_name == STEP => call.args.first(),
        _ => None,
    }
}

fn contains_loop(tree: &Tree) -> bool {
    match &tree.expr {
        Expr::Comprehension(_) => true,
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).any(contains_loop),
        Expr::Select(select) => contains_loop(&select.operand),
        Expr::List(list) => list.elements.iter().any(contains_loop),
        _ => false,
    }
}
