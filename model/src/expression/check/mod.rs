//! The allow-list over the parsed tree: what passes is cheap to evaluate, reads known attributes only, and has types
//! that fit together.
//!
//! The tree is rewritten on the way: each thing that is read from a user or a group, and each constant that would
//! otherwise be built anew for every person, becomes one numbered [`Slot`].

mod call;
mod comprehension;
mod functions;
mod names;
mod operator;

pub use comprehension::{uncharged, written};
pub use functions::functions_markdown;
pub use operator::symbol;

use std::collections::BTreeSet;

use cel::{
    common::{
        ast::{EntryExpr, Expr, LiteralValue},
        types::{CelList, CelMap, CelMapKey},
        value::Val,
    },
    parser::Expression as Tree,
};

use super::{
    Subject,
    error::ExpressionError,
    limits,
    parse::Parsed,
    slot::{Slot, slot_name},
    types::Type,
};
use crate::attribute::AttributeSet;

/// Which attributes an expression reads, and so which a directory must be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The attributes of a user.
    pub user: AttributeSet,
    /// The names read under `user.custom`.
    pub custom: BTreeSet<String>,
    /// Whether `group.members` is read.
    pub members: bool,
    /// Whether `now` is read: what the expression gives can change while the directory doesn't.
    pub now: bool,
}

impl Reads {
    /// Everything that is in one of the two.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.user = self.user.union(other.user);
        self.custom.extend(other.custom.iter().cloned());
        self.members |= other.members;
        self.now |= other.now;
        self
    }
}

/// An expression that passed.
pub struct Checked {
    /// The tree with slots in the place of attributes and constants.
    pub tree: Tree,
    /// What the slots stand for.
    pub slots: Vec<Slot>,
    /// The type of what it gives.
    pub result: Type,
    /// What it reads.
    pub reads: Reads,
}

/// Checks a parsed tree against the allow-list.
pub fn check(parsed: &Parsed<'_>, subject: Subject) -> Result<Checked, ExpressionError> {
    let mut checker = Checker {
        parsed,
        subject,
        slots: Vec::new(),
        reads: Reads::default(),
        local: None,
        depth: 0,
        nodes: 0,
        additions: 0,
        comprehensions: 0,
    };
    let (tree, result) = checker.expression(&parsed.tree)?;
    Ok(Checked {
        tree,
        slots: checker.slots,
        result,
        reads: checker.reads,
    })
}

type Outcome = Result<(Tree, Type), ExpressionError>;

struct Checker<'p> {
    parsed: &'p Parsed<'p>,
    subject: Subject,
    slots: Vec<Slot>,
    reads: Reads,
    /// The variable of the comprehension whose body is being checked.
    local: Option<(&'p str, Type)>,
    depth: usize,
    nodes: usize,
    additions: usize,
    comprehensions: usize,
}

impl<'p> Checker<'p> {
    fn expression(&mut self, node: &'p Tree) -> Outcome {
        self.nodes += 1;
        if self.nodes > limits::NODES {
            return Err(self.too_complex(node, "the expression has too many parts", limits::NODES));
        }
        self.depth += 1;
        if self.depth > limits::DEPTH {
            return Err(self.too_complex(node, "the expression is nested too deeply", limits::DEPTH));
        }
        let outcome = match &node.expr {
            Expr::Literal(literal) => self.literal(node, literal),
            Expr::Ident(name) => self.variable(node, name),
            Expr::Select(select) => self.select(node, select),
            Expr::Call(call) => self.call(node, call),
            Expr::List(list) => self.list(node, &list.elements),
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Some((&entry.key, &entry.value)),
                    EntryExpr::StructField(_) => None,
                });
                match entries.collect::<Option<Vec<_>>>() {
                    Some(entries) => self.map(node, &entries),
                    None => Err(self.not_allowed(node, "a map is written {\"key\": value}")),
                }
            }
            Expr::Comprehension(comprehension) => self.comprehension(node, comprehension),
            Expr::Struct(_) => Err(self.not_allowed(node, "messages (Name{field: value}) are not supported here")),
            Expr::Unspecified => Err(ExpressionError::Parser),
        };
        self.depth -= 1;
        outcome
    }

    fn literal(&self, node: &Tree, literal: &LiteralValue) -> Outcome {
        let found = match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Double(_) => Type::Double,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Null => Type::Null,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::UInt(_) => {
                return Err(self.not_allowed(node, "unsigned numbers (1u) are not supported here; write 1"));
            }
            LiteralValue::Bytes(_) => return Err(self.not_allowed(node, "bytes (b\"…\") are not supported here")),
        };
        Ok((node.clone(), found))
    }

    fn list(&mut self, node: &'p Tree, elements: &'p [Tree]) -> Outcome {
        if elements.len() > limits::LITERAL_ENTRIES {
            return Err(self.too_complex(node, "the list has too many values", limits::LITERAL_ENTRIES));
        }
        let mut item: Option<Type> = None;
        let mut rewritten = Vec::with_capacity(elements.len());
        for element in elements {
            let (element, found) = self.expression(element)?;
            item = Some(item.map_or_else(|| found.clone(), |item| item.or(&found)));
            rewritten.push(element);
        }
        let found = item.unwrap_or(Type::Any).list();
        let constants: Option<Vec<_>> = rewritten.iter().map(constant).collect();
        if let Some(constants) = constants {
            return Ok((self.constant_slot(node, Box::new(CelList::from(constants))), found));
        }
        let expr = Expr::List(cel::common::ast::ListExpr::new(rewritten));
        Ok((Tree { id: node.id, expr }, found))
    }

    fn map(&mut self, node: &'p Tree, entries: &[(&'p Tree, &'p Tree)]) -> Outcome {
        if entries.len() > limits::LITERAL_ENTRIES {
            return Err(self.too_complex(node, "the map has too many entries", limits::LITERAL_ENTRIES));
        }
        let mut item: Option<Type> = None;
        let mut constants = std::collections::HashMap::new();
        for (key, value) in entries {
            let (Expr::Literal(LiteralValue::String(text)), Some(constant)) = (&key.expr, constant(value)) else {
                return Err(self.not_allowed(key, "the keys and values of a map are literals: {\"key\": \"value\"}"));
            };
            let (_, found) = self.expression(value)?;
            item = Some(item.map_or_else(|| found.clone(), |item| item.or(&found)));
            if constants
                .insert(CelMapKey::from(text.inner().to_owned()), constant)
                .is_some()
            {
                return Err(self.not_allowed(key, format!("the key \"{}\" stands twice in the map", text.inner())));
            }
        }
        let found = Type::Map(Box::new(item.unwrap_or(Type::Any)));
        Ok((self.constant_slot(node, Box::new(CelMap::from(constants))), found))
    }

    /// The tree that reads a slot; a slot that reads the same is used again.
    fn slot(&mut self, node: &Tree, slot: Slot) -> Tree {
        let index = self
            .slots
            .iter()
            .position(|known| known.reads_the_same(&slot))
            .unwrap_or_else(|| {
                self.slots.push(slot);
                self.slots.len() - 1
            });
        Tree {
            id: node.id,
            expr: Expr::Ident(slot_name(index)),
        }
    }

    fn constant_slot(&mut self, node: &Tree, value: Box<dyn Val>) -> Tree {
        self.slot(node, Slot::Constant(value))
    }

    fn too_complex(&self, node: &Tree, what: &'static str, most: usize) -> ExpressionError {
        ExpressionError::TooComplex {
            at: self.parsed.at(node),
            what,
            most,
        }
    }

    fn not_allowed(&self, node: &Tree, message: impl Into<String>) -> ExpressionError {
        ExpressionError::NotAllowed {
            at: self.parsed.at(node),
            message: message.into(),
        }
    }

    fn type_error(&self, node: &Tree, message: impl Into<String>) -> ExpressionError {
        ExpressionError::Type {
            at: self.parsed.at(node),
            message: message.into(),
        }
    }
}

/// The value of a literal.
fn constant(node: &Tree) -> Option<Box<dyn Val>> {
    match &node.expr {
        Expr::Literal(literal) => Some(literal.to_val().into_owned()),
        _ => None,
    }
}
