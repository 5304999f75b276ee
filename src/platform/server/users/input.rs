//! Users as they are asked for, within the bounds of the contract.

use serde_json::Value;

use super::{
    super::{
        check::{Check, LINE},
        id::IdKind,
        json,
        precondition::Precondition,
    },
    no_such_user,
};
use crate::platform::rest::wire::{Problem, ProblemKind, UserCreate, UserDeletion, UserUpdate};

/// A user to create.
#[derive(Debug)]
pub(super) struct NewUser {
    pub(super) fields: UserCreate,
    /// The row of the role; `None` is the default role.
    pub(super) role: Option<i64>,
    /// Where the user stands in the body.
    pub(super) pointer: String,
}

impl NewUser {
    /// Checks what stands at `pointer` of a body.
    pub(super) fn check(fields: UserCreate, pointer: &str) -> Result<Self, Problem> {
        let mut check = Check::at(pointer);
        check.email(&fields.email);
        check.optional_line("/externalId", fields.external_id.as_ref(), 1..=LINE);
        check.optional_line("/givenName", fields.given_name.as_ref(), 0..=LINE);
        check.optional_line("/familyName", fields.family_name.as_ref(), 0..=LINE);
        check.optional_line("/displayName", fields.display_name.as_ref(), 0..=LINE);
        check.optional_line("/phone", fields.phone.as_ref(), 0..=LINE);
        check.attributes(&fields.attributes);
        check.tags(&fields.tags);
        check.user_mark(fields.mark.as_ref());
        let role = role_row(&mut check, fields.role.as_deref());
        check.finish()?;
        Ok(Self {
            fields,
            role,
            pointer: pointer.to_owned(),
        })
    }
}

/// What to change of a user.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) fields: UserUpdate,
    /// The row of the new role.
    pub(super) role: Option<i64>,
}

/// Checks what stands at `pointer` of a body.
pub(super) fn check_update(fields: UserUpdate, pointer: &str) -> Result<Changes, Problem> {
    let mut check = Check::at(pointer);
    if let Some(email) = &fields.email {
        check.email(email);
    }
    check.optional_line("/externalId", fields.external_id.value(), 1..=LINE);
    check.optional_line("/givenName", fields.given_name.value(), 0..=LINE);
    check.optional_line("/familyName", fields.family_name.value(), 0..=LINE);
    check.optional_line("/displayName", fields.display_name.value(), 0..=LINE);
    check.optional_line("/phone", fields.phone.value(), 0..=LINE);
    check.attribute_changes(&fields.attributes);
    check.tags(fields.tags.as_deref().unwrap_or_default());
    check.user_mark(fields.mark.value());
    let role = role_row(&mut check, fields.role.as_deref());
    check.finish()?;
    Ok(Changes { fields, role })
}

fn role_row(check: &mut Check<'_>, role: Option<&str>) -> Option<i64> {
    let row = role.map(|role| IdKind::Role.decode(role))?;
    if row.is_none() {
        check.fault("/role", "must be the id of a role, such as role_00000004");
    }
    row
}

/// An item of a batch of updates.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) row: i64,
    pub(super) precondition: Precondition,
    pub(super) changes: Changes,
}

impl Item {
    /// Checks the item that stands at `pointer` of a body.
    pub(super) fn check(mut item: Value, pointer: &str) -> Result<Self, Problem> {
        let id = take_text(&mut item, "id", pointer)?;
        let missing = || Problem::new(ProblemKind::InvalidRequest).with_pointer(pointer, "missing field `id`");
        let id = id.ok_or_else(missing)?;
        let precondition = Precondition::etag(take_text(&mut item, "ifMatch", pointer)?);
        let changes = check_update(json::parse_item(item, pointer)?, pointer)?;
        let row = row_of(&id, pointer)?;
        Ok(Self {
            row,
            precondition,
            changes,
        })
    }
}

fn row_of(id: &str, pointer: &str) -> Result<i64, Problem> {
    let row = IdKind::User.decode(id);
    row.ok_or_else(|| no_such_user().with_pointer(format!("{pointer}/id"), id))
}

/// An item of a batch of deletions.
#[derive(Debug)]
pub(super) struct Deletion {
    pub(super) id: String,
    pub(super) row: i64,
    pub(super) precondition: Precondition,
}

impl Deletion {
    /// Checks the item that stands at `pointer` of a body.
    pub(super) fn check(item: Value, pointer: &str) -> Result<Self, Problem> {
        let UserDeletion { id, if_match } = json::parse_item(item, pointer)?;
        let row = row_of(&id, pointer)?;
        Ok(Self {
            id,
            row,
            precondition: Precondition::etag(if_match),
        })
    }
}

/// Takes a text out of an object.
fn take_text(item: &mut Value, name: &str, pointer: &str) -> Result<Option<String>, Problem> {
    match item.as_object_mut().and_then(|fields| fields.remove(name)) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => {
            let place = format!("{pointer}/{name}");
            Err(Problem::new(ProblemKind::InvalidRequest).with_pointer(place, "must be a string"))
        }
    }
}
