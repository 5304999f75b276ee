//! Users in the database.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    super::{
        answer::Failure,
        check::{Check, in_use},
        id::IdKind,
        normal::email_key,
        page::count,
        precondition::Precondition,
    },
    input::{Changes, NewUser},
    no_such_user,
};
use crate::platform::rest::wire::{AttributeValue, Problem, ProblemKind, User, UserCreate};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, external_id, email, given_name, family_name, display_name, phone, active, role, \
             attributes, tags, mark, created, updated, version FROM users ",
            $rest
        )
    };
}

/// Users after a row, in the order of their ids.
pub(super) async fn list(db: &mut SqliteConnection, after: i64, limit: u32) -> Result<Vec<User>, Failure> {
    let rows = sqlx::query(select!("WHERE id > ? ORDER BY id LIMIT ?"))
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.iter().map(decode).collect()
}

/// One user.
pub(super) async fn find(db: &mut SqliteConnection, row: i64) -> Result<Option<User>, Failure> {
    let found = sqlx::query(select!("WHERE id = ?"))
        .bind(row)
        .fetch_optional(db)
        .await?;
    found.as_ref().map(decode).transpose()
}

fn decode(row: &SqliteRow) -> Result<User, Failure> {
    Ok(User {
        id: IdKind::User.encode(row.try_get(0)?),
        external_id: row.try_get(1)?,
        email: row.try_get(2)?,
        given_name: row.try_get(3)?,
        family_name: row.try_get(4)?,
        display_name: row.try_get(5)?,
        phone: row.try_get(6)?,
        active: row.try_get(7)?,
        role: IdKind::Role.encode(row.try_get(8)?),
        attributes: from_json(row.try_get(9)?)?,
        tags: from_json(row.try_get(10)?)?,
        mark: row.try_get::<Option<&str>, _>(11)?.map(from_json).transpose()?,
        created_time: time(row.try_get(12)?),
        updated_time: time(row.try_get(13)?),
        etag: row.try_get::<i64, _>(14)?.to_string(),
    })
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(Failure::Decode)
}

fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::Encode)
}

/// A time as the database has it; what can't be one, since nothing writes it, is the epoch.
pub(in super::super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// Creates a user.
pub(super) async fn insert(
    db: &mut SqliteConnection,
    new: NewUser,
    seats: Option<u32>,
    now: i64,
) -> Result<User, Failure> {
    let NewUser { fields, role, pointer } = new;
    let (active, key) = (fields.active.unwrap_or(true), email_key(&fields.email));
    if active && let Err(full) = take_seat(db, seats).await {
        // A conflict is the better answer: seats come and go, the other user stays.
        return Err(conflict(db, 0, &key, fields.external_id.as_deref(), &pointer)
            .await?
            .map_or(full, Failure::from));
    }
    let inserted = sqlx::query(
        "INSERT INTO users (external_id, email, email_key, given_name, family_name, display_name, phone, active, role, \
         attributes, tags, mark, created, updated, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, coalesce(?9, (SELECT id FROM roles WHERE is_default = 1)), \
         ?10, ?11, ?12, ?13, ?13, 1) RETURNING id, role",
    )
    .bind(&fields.external_id)
    .bind(&fields.email)
    .bind(&key)
    .bind(&fields.given_name)
    .bind(&fields.family_name)
    .bind(&fields.display_name)
    .bind(&fields.phone)
    .bind(active)
    .bind(role)
    .bind(to_json(&fields.attributes)?)
    .bind(to_json(&fields.tags)?)
    .bind(fields.mark.as_ref().map(to_json).transpose()?)
    .bind(now)
    .fetch_one(&mut *db)
    .await;
    let row = match inserted {
        Ok(row) => row,
        Err(error) => return Err(refused(db, error, 0, &key, fields.external_id.as_deref(), &pointer).await),
    };
    let UserCreate {
        external_id,
        email,
        given_name,
        family_name,
        display_name,
        phone,
        attributes,
        tags,
        mark,
        ..
    } = fields;
    Ok(User {
        id: IdKind::User.encode(row.try_get(0)?),
        external_id,
        email,
        given_name,
        family_name,
        display_name,
        phone,
        active,
        role: IdKind::Role.encode(row.try_get(1)?),
        attributes,
        tags,
        mark,
        created_time: time(now),
        updated_time: time(now),
        etag: "1".to_owned(),
    })
}

/// Changes a user; `pointer` is where the changes stand in the body.
pub(super) async fn update(
    db: &mut SqliteConnection,
    row: i64,
    precondition: &Precondition,
    changes: Changes,
    pointer: &str,
    seats: Option<u32>,
    now: i64,
) -> Result<User, Failure> {
    let before = find(db, row).await?.ok_or_else(no_such_user)?;
    precondition.check(&before.etag)?;
    let mut after = merge(before.clone(), changes);
    let mut check = Check::at(pointer);
    check.attribute_count(after.attributes.len());
    check.finish()?;
    if after == before {
        return Ok(before);
    }
    let key = email_key(&after.email);
    if after.active
        && !before.active
        && let Err(full) = take_seat(db, seats).await
    {
        return Err(conflict(db, row, &key, after.external_id.as_deref(), pointer)
            .await?
            .map_or(full, Failure::from));
    }
    let updated = sqlx::query_scalar::<_, i64>(
        "UPDATE users SET external_id = ?2, email = ?3, email_key = ?4, given_name = ?5, family_name = ?6, \
         display_name = ?7, phone = ?8, active = ?9, role = ?10, attributes = ?11, tags = ?12, mark = ?13, updated = ?14, \
         version = version + 1 WHERE id = ?1 RETURNING version",
    )
    .bind(row)
    .bind(&after.external_id)
    .bind(&after.email)
    .bind(&key)
    .bind(&after.given_name)
    .bind(&after.family_name)
    .bind(&after.display_name)
    .bind(&after.phone)
    .bind(after.active)
    .bind(IdKind::Role.decode(&after.role))
    .bind(to_json(&after.attributes)?)
    .bind(to_json(&after.tags)?)
    .bind(after.mark.as_ref().map(to_json).transpose()?)
    .bind(now)
    .fetch_one(&mut *db)
    .await;
    match updated {
        Ok(version) => after.etag = version.to_string(),
        Err(error) => return Err(refused(db, error, row, &key, after.external_id.as_deref(), pointer).await),
    }
    after.updated_time = time(now);
    Ok(after)
}

/// Deletes a user with all memberships.
pub(super) async fn delete(db: &mut SqliteConnection, row: i64, precondition: &Precondition) -> Result<(), Failure> {
    let version: Option<i64> = sqlx::query_scalar("SELECT version FROM users WHERE id = ?")
        .bind(row)
        .fetch_optional(&mut *db)
        .await?;
    precondition.check(&version.ok_or_else(no_such_user)?.to_string())?;
    for statement in [
        "DELETE FROM team_members WHERE user = ?",
        "DELETE FROM inbox_members WHERE user = ?",
        "DELETE FROM users WHERE id = ?",
    ] {
        sqlx::query(statement).bind(row).execute(&mut *db).await?;
    }
    Ok(())
}

fn merge(mut user: User, changes: Changes) -> User {
    let Changes { fields, role } = changes;
    fields.external_id.apply(&mut user.external_id);
    fields.given_name.apply(&mut user.given_name);
    fields.family_name.apply(&mut user.family_name);
    fields.display_name.apply(&mut user.display_name);
    fields.phone.apply(&mut user.phone);
    fields.mark.apply(&mut user.mark);
    user.email = fields.email.unwrap_or(user.email);
    user.active = fields.active.unwrap_or(user.active);
    user.role = role.map_or(user.role, |role| IdKind::Role.encode(role));
    user.tags = fields.tags.unwrap_or(user.tags);
    for (name, value) in fields.attributes {
        set(&mut user.attributes, name, value);
    }
    user
}

fn set(attributes: &mut BTreeMap<String, AttributeValue>, name: String, value: Option<AttributeValue>) {
    match value {
        Some(value) => attributes.insert(name, value),
        None => attributes.remove(&name),
    };
}

/// Fails unless one more user may be active.
async fn take_seat(db: &mut SqliteConnection, seats: Option<u32>) -> Result<(), Failure> {
    let Some(seats) = seats else { return Ok(()) };
    if count(db, "active_users").await? < u64::from(seats) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::NoSeats)
        .with_detail(format!("all {seats} seats are taken by active users"))
        .into())
}

/// Why the database refused a user: a constraint that the contract knows, or else a fault.
async fn refused(
    db: &mut SqliteConnection,
    error: sqlx::Error,
    row: i64,
    email_key: &str,
    external_id: Option<&str>,
    pointer: &str,
) -> Failure {
    let constraint = error.as_database_error();
    if constraint.is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation) {
        let problem = Problem::new(ProblemKind::UnknownRole);
        return problem
            .with_pointer(format!("{pointer}/role"), "there is no role with this id")
            .into();
    }
    if !constraint.is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
        return error.into();
    }
    match conflict(db, row, email_key, external_id, pointer).await {
        Ok(Some(problem)) => problem.into(),
        Ok(None) => error.into(),
        Err(failure) => failure,
    }
}

/// Which other user has the address or the external id.
async fn conflict(
    db: &mut SqliteConnection,
    row: i64,
    email_key: &str,
    external_id: Option<&str>,
    pointer: &str,
) -> Result<Option<Problem>, Failure> {
    let with_email = "SELECT id FROM users WHERE email_key = ? AND id <> ?";
    let other = sqlx::query_scalar(with_email)
        .bind(email_key)
        .bind(row)
        .fetch_optional(&mut *db)
        .await?;
    let (kind, field, other) = if let Some(other) = other {
        (ProblemKind::EmailInUse, "email", other)
    } else {
        let with_external_id = "SELECT id FROM users WHERE external_id = ? AND id <> ?";
        let query = sqlx::query_scalar(with_external_id).bind(external_id).bind(row);
        let Some(other) = query.fetch_optional(db).await? else {
            return Ok(None);
        };
        (ProblemKind::ExternalIdInUse, "externalId", other)
    };
    let pointer = format!("{pointer}/{field}");
    Ok(Some(in_use(kind, &pointer, IdKind::User.encode(other))))
}

/// What the account of a user may do now.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Standing {
    pub(in super::super) active: bool,
    /// The row of the role.
    pub(in super::super) role: i64,
    pub(in super::super) administrator: bool,
}

/// What the account of a user may do now.
pub(in super::super) async fn standing(db: &mut SqliteConnection, row: i64) -> Result<Option<Standing>, Failure> {
    let found = sqlx::query(
        "SELECT users.active, users.role, roles.administrator FROM users JOIN roles ON roles.id = users.role WHERE users.id = ?",
    )
    .bind(row)
    .fetch_optional(db)
    .await?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(Standing {
        active: row.try_get(0)?,
        role: row.try_get(1)?,
        administrator: row.try_get(2)?,
    }))
}

/// The row of the user with this address, who is created when there is none.
pub(in super::super) async fn ensure(db: &mut SqliteConnection, email: &str, role: i64) -> Result<i64, sqlx::Error> {
    let key = email_key(email);
    let now = Timestamp::now().as_millisecond();
    sqlx::query(
        "INSERT INTO users (email, email_key, active, role, attributes, tags, created, updated, version) \
         VALUES (?, ?, 1, ?, '{}', '[]', ?4, ?4, 1) ON CONFLICT (email_key) DO NOTHING",
    )
    .bind(email)
    .bind(&key)
    .bind(role)
    .bind(now)
    .execute(&mut *db)
    .await?;
    sqlx::query_scalar("SELECT id FROM users WHERE email_key = ?")
        .bind(&key)
        .fetch_one(db)
        .await
}
