//! What a numbered slot of a checked tree stands for, and how it is read for one person or group.

use std::sync::OnceLock;

use cel::{
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelTimestamp},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use chrono::{DateTime, FixedOffset};

use super::{
    date,
    error::EvaluationError,
    fuel, limits,
    scope::{About, Scope},
};
use crate::attribute::{Attribute, GroupAttribute, Kind};

/// Something that an expression reads.
#[derive(Debug)]
pub enum Slot {
    /// An attribute of the user.
    User(Attribute),
    /// An attribute of the group.
    Group(GroupAttribute),
    /// `user.custom.NAME`.
    Custom(String),
    /// `has(user.custom.NAME)`.
    HasCustom(String),
    /// The time of the evaluation.
    Now,
    /// A value that was made when the expression was compiled.
    Constant(Box<dyn Val>),
}

impl Slot {
    /// Whether both read the same thing; two constants never do.
    pub fn reads_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User(a), Self::User(b)) => a == b,
            (Self::Group(a), Self::Group(b)) => a == b,
            (Self::Custom(a), Self::Custom(b)) | (Self::HasCustom(a), Self::HasCustom(b)) => a == b,
            (Self::Now, Self::Now) => true,
            _ => false,
        }
    }

    /// Whether the value is made once for a person, because making it is dear.
    fn is_kept(&self) -> bool {
        match self {
            Self::User(attribute) => attribute.kind() == Kind::TextList,
            Self::Group(attribute) => *attribute == GroupAttribute::Members,
            Self::Custom(_) => true,
            Self::HasCustom(_) | Self::Now | Self::Constant(_) => false,
        }
    }
}

/// The variable by which the tree reads a slot. No expression can contain it: `@` is no letter of CEL.
pub fn slot_name(index: usize) -> String {
    format!("@{index}")
}

/// A value that is made once for a person, with what each reading of it costs.
struct Kept<'a> {
    value: Box<dyn Val + 'a>,
    price: usize,
}

/// Reads the slots of one expression for one person or group.
pub struct Reader<'a> {
    slots: &'a [Slot],
    scope: Scope<'a>,
    kept: Vec<OnceLock<Result<Kept<'a>, EvaluationError>>>,
}

impl<'a> Reader<'a> {
    pub fn new(slots: &'a [Slot], scope: Scope<'a>) -> Self {
        let last = slots.iter().rposition(Slot::is_kept).map_or(0, |index| index + 1);
        Self {
            slots,
            scope,
            kept: std::iter::repeat_with(OnceLock::new).take(last).collect(),
        }
    }

    /// Why the variable of an "undeclared reference" could not be read.
    pub fn explain(&self, variable: &str) -> Option<EvaluationError> {
        self.read(variable)?.err()
    }

    fn read<'b>(&'b self, variable: &str) -> Option<Result<CowVal<'b, 'b>, EvaluationError>> {
        let index: usize = variable.strip_prefix('@')?.parse().ok()?;
        let slot = self.slots.get(index)?;
        if !slot.is_kept() {
            return Some(self.cheap(slot));
        }
        let kept = self.kept.get(index)?.get_or_init(|| {
            let value = self.made(slot)?;
            Ok(Kept {
                price: price(value.as_ref()),
                value,
            })
        });
        Some(match kept {
            Ok(kept) => charge(kept.price).map(|()| CowVal::Borrowed(kept.value.as_ref())),
            Err(error) => Err(error.clone()),
        })
    }

    fn cheap<'b>(&'b self, slot: &'b Slot) -> Result<CowVal<'b, 'b>, EvaluationError> {
        match (slot, self.scope.about) {
            (Slot::Constant(value), _) => Ok(CowVal::Borrowed(value.as_ref())),
            (Slot::Now, _) => self.scope.now().map(timestamp),
            (Slot::HasCustom(name), About::User { record, .. }) => {
                Ok(CowVal::owned(CelBool::from(record.custom_json(name).is_some())))
            }
            (Slot::User(attribute), About::User { record, .. }) => match attribute.kind() {
                Kind::Flag => Ok(CowVal::owned(CelBool::from(record.active()))),
                Kind::Date => match record.text(*attribute) {
                    "" => Ok(CowVal::owned(CelNull)),
                    text => {
                        let invalid = EvaluationError::InvalidDate {
                            attribute: attribute.name(),
                        };
                        date::midnight(text).map(timestamp).ok_or(invalid)
                    }
                },
                Kind::Text | Kind::TextList => text(record.text(*attribute), || format!("user.{}", attribute.name())),
            },
            (
                Slot::Group(attribute),
                About::Group {
                    id, name, description, ..
                },
            ) => {
                let value = match attribute {
                    GroupAttribute::Id => id,
                    GroupAttribute::Name => name,
                    GroupAttribute::Description | GroupAttribute::Members => description,
                };
                text(value, || format!("group.{}", attribute.name()))
            }
            _ => Err(EvaluationError::WrongSubject {
                expected: self.scope.about.expected(),
            }),
        }
    }

    fn made(&self, slot: &Slot) -> Result<Box<dyn Val + 'a>, EvaluationError> {
        match (slot, self.scope.about) {
            (Slot::User(Attribute::Groups), About::User { groups, .. }) => list(groups.iter().copied(), "user.groups"),
            (Slot::User(attribute), About::User { record, .. }) => list(record.items(*attribute), attribute.name()),
            (Slot::Group(_), About::Group { members, .. }) => list(members.iter().copied(), "group.members"),
            (Slot::Custom(name), About::User { record, .. }) => {
                let absent = || EvaluationError::Absent { name: name.clone() };
                let json = record.custom_json(name).ok_or_else(absent)?;
                let too_long = |most: usize| EvaluationError::InputTooLong {
                    name: format!("user.custom.{name}"),
                    most: format!("{most} bytes"),
                };
                if json.len() > limits::INPUT_JSON {
                    return Err(too_long(limits::INPUT_JSON));
                }
                match serde_json::from_str(json).map_err(|_| absent())? {
                    serde_json::Value::String(text) if text.len() > limits::INPUT_TEXT => {
                        Err(too_long(limits::INPUT_TEXT))
                    }
                    value => Ok(json_value(value)),
                }
            }
            _ => Err(EvaluationError::WrongSubject {
                expected: self.scope.about.expected(),
            }),
        }
    }
}

impl VariableResolver for Reader<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        // What can't be read is "undeclared" for the evaluator; `explain` says why afterwards.
        self.read(variable)?.ok()
    }
}

fn text(value: &str, name: impl FnOnce() -> String) -> Result<CowVal<'_, '_>, EvaluationError> {
    if value.len() > limits::INPUT_TEXT {
        return Err(EvaluationError::InputTooLong {
            name: name(),
            most: format!("{} bytes", limits::INPUT_TEXT),
        });
    }
    charge(fuel::text(value.len()))?;
    Ok(CowVal::owned(CelString::from(value)))
}

fn charge(units: usize) -> Result<(), EvaluationError> {
    if fuel::take(units) {
        Ok(())
    } else {
        Err(EvaluationError::TooMuchWork)
    }
}

fn timestamp<'b>(moment: DateTime<FixedOffset>) -> CowVal<'b, 'b> {
    CowVal::owned(CelTimestamp::from(moment))
}

fn list<'a>(items: impl Iterator<Item = &'a str>, name: &str) -> Result<Box<dyn Val + 'a>, EvaluationError> {
    let mut values: Vec<Box<dyn Val + 'a>> = Vec::new();
    for item in items {
        if values.len() == limits::INPUT_ITEMS || item.len() > limits::INPUT_TEXT {
            let most = format!("{} values of {} bytes", limits::INPUT_ITEMS, limits::INPUT_TEXT);
            return Err(EvaluationError::InputTooLong {
                name: name.to_owned(),
                most,
            });
        }
        values.push(Box::new(CelString::from(item)));
    }
    Ok(Box::new(CelList::from(values)))
}

/// What it costs to read a value that is kept: whatever is done with it may look at all of it.
fn price(value: &dyn Val) -> usize {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return fuel::text(text.inner().len());
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        return 1 + list.inner().iter().map(|item| price(item.as_ref())).sum::<usize>();
    }
    let values = value
        .downcast_ref::<CelMap>()
        .into_iter()
        .flat_map(|map| map.inner().values());
    1 + values.map(|item| price(item.as_ref())).sum::<usize>()
}

/// A value of a custom attribute. JSON nests at most 128 deep here: its parser refuses more.
fn json_value<'a>(value: serde_json::Value) -> Box<dyn Val + 'a> {
    match value {
        serde_json::Value::Null => Box::new(CelNull),
        serde_json::Value::Bool(flag) => Box::new(CelBool::from(flag)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Box::new(CelInt::from(whole)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        serde_json::Value::String(text) => Box::new(CelString::from(text)),
        serde_json::Value::Array(items) => Box::new(CelList::from(
            items.into_iter().map(json_value).collect::<Vec<Box<dyn Val + 'a>>>(),
        )),
        serde_json::Value::Object(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| (CelMapKey::from(key), json_value(value)));
            Box::new(CelMap::from(entries.collect::<std::collections::HashMap<_, _>>()))
        }
    }
}
