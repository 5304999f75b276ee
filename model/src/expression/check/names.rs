//! Variables and attributes: what may be read, and what to write instead of a name that doesn't exist.

use cel::{
    common::ast::{Expr, LiteralValue, SelectExpr},
    parser::Expression as Tree,
};

use super::{Checker, Outcome};
use crate::{
    attribute::{ATTRIBUTES, Attribute, CUSTOM, GROUP_ATTRIBUTES, GroupAttribute, Kind},
    expression::{Subject, error::ExpressionError, slot::Slot, types::Type},
};

impl<'p> Checker<'p> {
    pub(super) fn variable(&mut self, node: &'p Tree, name: &str) -> Outcome {
        if let Some((local, found)) = &self.local
            && *local == name
        {
            return Ok((node.clone(), found.clone()));
        }
        if name == "now" {
            self.reads.now = true;
            return Ok((self.slot(node, Slot::Now), Type::Timestamp));
        }
        let subject = self.subject.name();
        if name == subject {
            let example = if self.subject == Subject::User {
                "user.department"
            } else {
                "group.name"
            };
            let message = format!("{subject} alone is no value; name one of its attributes, such as {example}");
            return Err(self.not_allowed(node, message));
        }
        let hint = match name {
            "user" | "group" => format!(": this expression is about a {subject}"),
            _ => nearest(name, [subject, "now"]).map_or_else(
                || format!("; there are {subject} and now"),
                |near| format!("; did you mean {near}?"),
            ),
        };
        Err(ExpressionError::UnknownName {
            at: self.parsed.at(node),
            name: format!("variable {name}"),
            hint,
        })
    }

    /// `operand.field`, or `has(operand.field)`.
    pub(super) fn select(&mut self, node: &'p Tree, select: &'p SelectExpr) -> Outcome {
        if self.is_subject(&select.operand) {
            return self.attribute(node, &select.field, select.test);
        }
        if self.is_custom(&select.operand) {
            return Ok(self.custom(node, &select.field, select.test));
        }
        let (operand, found) = self.expression(&select.operand)?;
        let field = match found {
            Type::Any => Type::Any,
            Type::Map(value) => *value,
            found => {
                let message = format!("{found:#} has no field {}", select.field);
                return Err(self.type_error(node, message));
            }
        };
        let rewritten = Expr::Select(SelectExpr {
            operand: Box::new(operand),
            field: select.field.clone(),
            test: select.test,
        });
        Ok((
            Tree {
                id: node.id,
                expr: rewritten,
            },
            if select.test { Type::Bool } else { field },
        ))
    }

    /// `user["department"]` and `user.custom["cost center"]`; `None` for any other index.
    pub(super) fn attribute_by_index(&mut self, node: &'p Tree, operand: &'p Tree, index: &'p Tree) -> Option<Outcome> {
        let (subject, custom) = (self.is_subject(operand), self.is_custom(operand));
        if !subject && !custom {
            return None;
        }
        Some(match &index.expr {
            Expr::Literal(LiteralValue::String(name)) if subject => self.attribute(node, name.inner(), false),
            Expr::Literal(LiteralValue::String(name)) => Ok(self.custom(node, name.inner(), false)),
            _ => Err(self.not_allowed(index, "the name of an attribute must be written out, as a text")),
        })
    }

    /// `"name" in user.custom`; `None` for any other `in`.
    pub(super) fn custom_by_in(&mut self, node: &'p Tree, name: &'p Tree, container: &'p Tree) -> Option<Outcome> {
        self.is_custom(container).then(|| match &name.expr {
            Expr::Literal(LiteralValue::String(name)) => Ok(self.custom(node, name.inner(), true)),
            _ => Err(self.not_allowed(name, "the name of an attribute must be written out, as a text")),
        })
    }

    /// Whether the node is the variable `user` or `group` itself.
    fn is_subject(&self, node: &Tree) -> bool {
        matches!(&node.expr, Expr::Ident(name) if name == self.subject.name())
    }

    fn is_custom(&self, node: &Tree) -> bool {
        self.subject == Subject::User
            && matches!(&node.expr, Expr::Select(select)
                if select.field == CUSTOM && !select.test && self.is_subject(&select.operand))
    }

    fn attribute(&mut self, node: &'p Tree, name: &str, test: bool) -> Outcome {
        let (slot, kind) = match self.subject {
            Subject::User => match Attribute::from_name(name) {
                Some(attribute) => (Slot::User(attribute), attribute.kind()),
                None => return Err(self.unknown_attribute(node, name)),
            },
            Subject::Group => match GroupAttribute::from_name(name) {
                Some(attribute) => (Slot::Group(attribute), attribute.info().kind),
                None => return Err(self.unknown_attribute(node, name)),
            },
        };
        if test {
            let full = format!("{}.{name}", self.subject.name());
            let instead = match kind {
                Kind::Text => format!("{full} != \"\""),
                Kind::TextList => format!("size({full}) > 0"),
                Kind::Flag => full.clone(),
                Kind::Date => format!("{full} != null"),
            };
            return Err(self.not_allowed(
                node,
                format!("{full} is always present; write {instead} in place of has()"),
            ));
        }
        match slot {
            Slot::User(attribute) => self.reads.user.insert(attribute),
            Slot::Group(GroupAttribute::Members) => self.reads.members = true,
            _ => {}
        }
        Ok((self.slot(node, slot), Type::from(kind)))
    }

    fn custom(&mut self, node: &Tree, name: &str, test: bool) -> (Tree, Type) {
        self.reads.user.insert_custom();
        self.reads.custom.insert(name.to_owned());
        let name = name.to_owned();
        let (slot, found) = if test {
            (Slot::HasCustom(name), Type::Bool)
        } else {
            (Slot::Custom(name), Type::Any)
        };
        (self.slot(node, slot), found)
    }

    fn unknown_attribute(&self, node: &Tree, name: &str) -> ExpressionError {
        let subject = self.subject.name();
        if name == CUSTOM && self.subject == Subject::User {
            let message = "user.custom alone is no value; name an attribute, such as user.custom.costCode";
            return self.not_allowed(node, message);
        }
        let near = match self.subject {
            Subject::User => nearest(name, ATTRIBUTES.iter().map(|info| info.name).chain([CUSTOM])),
            Subject::Group => nearest(name, GROUP_ATTRIBUTES.iter().map(|info| info.name)),
        };
        let hint = match (near, self.subject) {
            (Some(near), _) => format!("; did you mean {subject}.{near}?"),
            (None, Subject::User) => format!("; an attribute of the directory's own is user.custom.{name}"),
            (None, Subject::Group) => "; a group has id, name, description and members".to_owned(),
        };
        ExpressionError::UnknownName {
            at: self.parsed.at(node),
            name: format!("{subject}.{name}"),
            hint,
        }
    }
}

/// The candidate that `name` was probably meant to be: the same letters in another case, or a few of them different.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_ascii_lowercase();
    let most = (wanted.chars().count() / 3).clamp(1, 3);
    let distances = candidates
        .into_iter()
        .map(|near| (distance(&wanted, &near.to_ascii_lowercase()), near));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

/// How many letters must be put in, left out, changed or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best.min(rows[i - 2][j - 2] + 1)
                } else {
                    best
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_forgives_case_typos_and_swapped_letters() {
        let names = ["department", "displayName", "email", "emails", "id"];
        assert_eq!(nearest("departmnt", names), Some("department"));
        assert_eq!(nearest("displayname", names), Some("displayName"));
        assert_eq!(nearest("emial", names), Some("email"));
        assert_eq!(nearest("salary", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn the_longer_a_name_is_the_more_letters_of_it_may_differ() {
        let names = ["department", "email", "id"];
        assert_eq!(nearest("idx", names), Some("id"));
        assert_eq!(nearest("city", names), None);
        assert_eq!(nearest("emlai", names), None);
        assert_eq!(nearest("dipartmnt", names), Some("department"));
        assert_eq!(nearest("dipartmnts", names), Some("department"));
        assert_eq!(nearest("diportmnts", names), None);
    }

    #[test]
    fn each_letter_put_in_left_out_changed_or_swapped_counts_once() {
        for (a, b, letters) in [
            ("id", "id", 0),
            ("id", "ids", 1),
            ("ids", "id", 1),
            ("id", "is", 1),
            ("id", "di", 1),
            ("email", "emials", 2),
            ("", "id", 2),
        ] {
            assert_eq!(distance(a, b), letters, "{a} {b}");
        }
    }
}
