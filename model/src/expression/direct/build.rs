//! Recognises the usual shapes in a checked tree.

use cel::{
    common::{
        ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators},
        types::{CelList, CelString},
    },
    parser::Expression as Tree,
};

use super::{Comparison, Direct, Flag, Items, Text};
use crate::{
    attribute::{Attribute, GroupAttribute, Kind},
    expression::{
        check::{uncharged, written},
        functions::Pattern,
        slot::Slot,
    },
};

/// The direct way to a checked tree's value; `None` where only the evaluator knows it.
pub fn direct(tree: &Tree, slots: &[Slot]) -> Option<Direct> {
    let builder = Builder { slots, variable: None };
    if let Some(text) = builder.text(tree) {
        return Some(Direct::Text(text));
    }
    if let Some(flag) = builder.flag(tree) {
        return Some(Direct::Flag(flag));
    }
    match &tree.expr {
        Expr::List(list) => list
            .elements
            .iter()
            .map(|item| builder.text(item))
            .collect::<Option<_>>()
            .map(Direct::List),
        Expr::Comprehension(looped) => builder.loop_of_values(looped),
        _ => None,
    }
}

struct Builder<'s> {
    slots: &'s [Slot],
    /// The variable of the loop whose body is looked at. A body reads nothing else but constants: then the work of a
    /// loop is so small that no account must be kept.
    variable: Option<&'s str>,
}

impl<'s> Builder<'s> {
    fn slot(&self, tree: &Tree) -> Option<&'s Slot> {
        let Expr::Ident(name) = &tree.expr else { return None };
        let slot = self.slots.get(name.strip_prefix('@')?.parse::<usize>().ok()?)?;
        (self.variable.is_none() || matches!(slot, Slot::Constant(_))).then_some(slot)
    }

    /// The builder for the body of a loop, and the list that the loop goes through.
    fn body<'t>(&'t self, looped: &'t ComprehensionExpr) -> Option<(Builder<'t>, Items)> {
        let items = self.items(&looped.iter_range)?;
        Some((
            Builder {
                slots: self.slots,
                variable: Some(&looped.iter_var),
            },
            items,
        ))
    }

    /// `filter` and `map`.
    fn loop_of_values(&self, looped: &ComprehensionExpr) -> Option<Direct> {
        let (body, items) = self.body(looped)?;
        let written = written(looped)?;
        let condition = match written.condition {
            Some(condition) => body.flag(uncharged(condition)?)?,
            None => Flag::Literal(true),
        };
        Some(Direct::Loop(items, condition, body.text(uncharged(written.value?)?)?))
    }

    /// `exists` and `all`.
    fn loop_of_flags(&self, looped: &ComprehensionExpr) -> Option<Flag> {
        let (body, items) = self.body(looped)?;
        let Expr::Call(step) = &looped.loop_step.expr else {
            return None;
        };
        let condition = body.flag(uncharged(written(looped)?.condition?)?)?;
        let not = |flag| Flag::Not(Box::new(flag));
        match step.func_name.as_str() {
            operators::LOGICAL_OR => Some(Flag::Exists(items, Box::new(condition))),
            operators::LOGICAL_AND => Some(not(Flag::Exists(items, Box::new(not(condition))))),
            _ => None,
        }
    }

    fn text(&self, tree: &Tree) -> Option<Text> {
        match &tree.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(Text::Literal(text.inner().into())),
            Expr::Ident(name) if self.variable == Some(name.as_str()) => Some(Text::Item),
            Expr::Ident(_) => match self.slot(tree)? {
                Slot::User(attribute) if attribute.kind() == Kind::Text => Some(Text::User(*attribute)),
                Slot::Group(attribute) if *attribute != GroupAttribute::Members => Some(Text::Group(*attribute)),
                Slot::Custom(name) => Some(Text::Custom(name.as_str().into())),
                _ => None,
            },
            Expr::Call(call) => self.text_call(call),
            _ => None,
        }
    }

    fn text_call(&self, call: &CallExpr) -> Option<Text> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("lowerAscii", Some(text), []) => Some(Text::Lower(Box::new(self.text(text)?))),
            ("upperAscii", Some(text), []) => Some(Text::Upper(Box::new(self.text(text)?))),
            ("trim", Some(text), []) => Some(Text::Trim(Box::new(self.text(text)?))),
            ("@replace", Some(text), [from, to]) => Some(Text::Replace {
                text: Box::new(self.text(text)?),
                from: literal(from)?,
                to: literal(to)?,
            }),
            (operators::ADD, None, [left, right]) => {
                let mut parts = Vec::new();
                for side in [left, right] {
                    match self.text(side)? {
                        Text::Joined(inner) => parts.extend(inner),
                        text => parts.push(text),
                    }
                }
                Some(Text::Joined(parts))
            }
            (operators::CONDITIONAL, None, [condition, yes, no]) => Some(Text::Choice(Box::new((
                self.flag(condition)?,
                self.text(yes)?,
                self.text(no)?,
            )))),
            _ => None,
        }
    }

    fn flag(&self, tree: &Tree) -> Option<Flag> {
        match &tree.expr {
            Expr::Literal(LiteralValue::Boolean(flag)) => Some(Flag::Literal(*flag.inner())),
            Expr::Ident(_) => match self.slot(tree)? {
                Slot::User(Attribute::Active) => Some(Flag::Active),
                Slot::HasCustom(name) => Some(Flag::HasCustom(name.as_str().into())),
                _ => None,
            },
            Expr::Call(call) => self.flag_call(call),
            Expr::Comprehension(looped) => self.loop_of_flags(looped),
            _ => None,
        }
    }

    fn flag_call(&self, call: &CallExpr) -> Option<Flag> {
        let not = |flag| Flag::Not(Box::new(flag));
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, None, [flag]) => self.flag(flag).map(not),
            (operators::LOGICAL_AND, None, [a, b]) => Some(Flag::And(Box::new((self.flag(a)?, self.flag(b)?)))),
            (operators::LOGICAL_OR, None, [a, b]) => Some(Flag::Or(Box::new((self.flag(a)?, self.flag(b)?)))),
            (operators::EQUALS, None, [a, b]) => self.equal(a, b),
            (operators::NOT_EQUALS, None, [a, b]) => self.equal(a, b).map(not),
            (operators::LESS, None, [a, b]) => self.size(a, Comparison::Less, b),
            (operators::GREATER, None, [a, b]) => self.size(a, Comparison::Greater, b),
            (operators::LESS_EQUALS, None, [a, b]) => self.size(a, Comparison::Greater, b).map(not),
            (operators::GREATER_EQUALS, None, [a, b]) => self.size(a, Comparison::Less, b).map(not),
            (operators::IN, None, [text, items]) => Some(Flag::In(self.text(text)?, self.items(items)?)),
            ("startsWith", Some(text), [part]) => Some(Flag::StartsWith(self.text(text)?, self.text(part)?)),
            ("endsWith", Some(text), [part]) => Some(Flag::EndsWith(self.text(text)?, self.text(part)?)),
            ("contains", Some(text), [part]) => Some(Flag::Contains(self.text(text)?, self.text(part)?)),
            ("@matches", Some(text), [pattern]) => match self.slot(pattern)? {
                Slot::Constant(value) => Some(Flag::Matches(
                    self.text(text)?,
                    value.downcast_ref::<Pattern>()?.clone(),
                )),
                _ => None,
            },
            _ => None,
        }
    }

    fn equal(&self, a: &Tree, b: &Tree) -> Option<Flag> {
        match (self.text(a), self.text(b)) {
            (Some(a), Some(b)) => Some(Flag::Equal(a, b)),
            _ => match (self.flag(a), self.flag(b)) {
                (Some(flag), Some(Flag::Literal(true))) | (Some(Flag::Literal(true)), Some(flag)) => Some(flag),
                (Some(flag), Some(Flag::Literal(false))) | (Some(Flag::Literal(false)), Some(flag)) => {
                    Some(Flag::Not(Box::new(flag)))
                }
                _ => self.size(a, Comparison::Equal, b),
            },
        }
    }

    /// `size(list)` or `list.size()` compared with a number.
    fn size(&self, call: &Tree, comparison: Comparison, number: &Tree) -> Option<Flag> {
        let (Expr::Call(call), Expr::Literal(LiteralValue::Int(number))) = (&call.expr, &number.expr) else {
            return None;
        };
        let list = match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("size", None, [list]) | ("size", Some(list), []) => self.items(list)?,
            _ => return None,
        };
        match list {
            Items::Literal(_) => None,
            list => Some(Flag::Size(list, comparison, usize::try_from(*number.inner()).ok()?)),
        }
    }

    fn items(&self, tree: &Tree) -> Option<Items> {
        match self.slot(tree)? {
            Slot::User(Attribute::Emails) => Some(Items::Emails),
            Slot::User(Attribute::Groups) => Some(Items::Groups),
            Slot::Group(GroupAttribute::Members) => Some(Items::Members),
            Slot::Constant(value) => {
                let items = value.downcast_ref::<CelList>()?.inner();
                let texts = items
                    .iter()
                    .map(|item| item.downcast_ref::<CelString>().map(|text| text.inner().into()));
                texts.collect::<Option<_>>().map(Items::Literal)
            }
            _ => None,
        }
    }
}

fn literal(tree: &Tree) -> Option<Box<str>> {
    match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().into()),
        _ => None,
    }
}
