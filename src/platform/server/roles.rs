//! `/v1/roles`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    App,
    answer::{Answer, Failure},
    check::{Check, in_use},
    id::IdKind,
    normal::name_key,
    page::{Params, count, page},
    request::WriteRequest,
};
use crate::platform::rest::wire::{Problem, ProblemKind, Role, RoleCreate, RoleKind};

/// The roles that the platform brings: name, administrator, default.
const BUILT_IN: [(&str, bool, bool); 4] = [
    ("owner", true, false),
    ("administrator", true, false),
    ("agent", false, false),
    ("member", false, true),
];

/// Creates the built-in roles in a database that has none.
pub(super) async fn seed(db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    for (name, administrator, is_default) in BUILT_IN {
        sqlx::query(
            "INSERT INTO roles (name, name_key, custom, administrator, is_default) \
             VALUES (?, ?, 0, ?, ?) ON CONFLICT (name_key) DO NOTHING",
        )
        .bind(name)
        .bind(name_key(name))
        .bind(administrator)
        .bind(is_default)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// A role as accounts need it.
pub(super) struct Found {
    pub(super) row: i64,
    pub(super) administrator: bool,
}

/// The role with this name.
pub(super) async fn find_by_name(db: &mut SqliteConnection, name: &str) -> Result<Option<Found>, sqlx::Error> {
    let found = sqlx::query("SELECT id, administrator FROM roles WHERE name_key = ?")
        .bind(name_key(name))
        .fetch_optional(db)
        .await?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(Found {
        row: row.try_get(0)?,
        administrator: row.try_get(1)?,
    }))
}

/// `GET /v1/roles`
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Answer, Problem> {
    let (limit, after) = Params::of_list(query.as_deref(), IdKind::Role)?;
    Ok(read_page(&app, limit, after).await?)
}

async fn read_page(app: &App, limit: u32, after: i64) -> Result<Answer, Failure> {
    let mut tx = app.readers.begin().await?;
    let total = count(&mut tx, "roles").await?;
    let rows = sqlx::query(
        "SELECT id, name, description, custom, administrator, is_default FROM roles WHERE id > ? ORDER BY id LIMIT ?",
    )
    .bind(after)
    .bind(limit + 1)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let roles = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Answer::ok(&page(roles, limit, total, |role| role.id.clone()))
}

fn decode(row: &SqliteRow) -> Result<Role, Failure> {
    let kind = if row.try_get(3)? {
        RoleKind::Custom
    } else {
        RoleKind::Default
    };
    Ok(Role {
        id: IdKind::Role.encode(row.try_get(0)?),
        name: row.try_get(1)?,
        description: row.try_get(2)?,
        kind,
        administrator: row.try_get(4)?,
        is_default: row.try_get(5)?,
    })
}

/// `POST /v1/roles`
pub(super) async fn create(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let new: RoleCreate = request.json()?;
    let mut check = Check::at("");
    check.name(&new.name);
    check.description(new.description.as_ref());
    check.finish()?;
    app.write(request, move |db, _now| {
        async move { Answer::created(&insert(db, new).await?, None) }.boxed()
    })
    .await
}

async fn insert(db: &mut SqliteConnection, new: RoleCreate) -> Result<Role, Failure> {
    let key = name_key(&new.name);
    let inserted = sqlx::query_scalar(
        "INSERT INTO roles (name, name_key, description, custom, administrator, is_default) \
         VALUES (?, ?, ?, 1, ?, 0) ON CONFLICT (name_key) DO NOTHING RETURNING id",
    )
    .bind(&new.name)
    .bind(&key)
    .bind(&new.description)
    .bind(new.administrator)
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = inserted else {
        let other = sqlx::query_scalar("SELECT id FROM roles WHERE name_key = ?")
            .bind(&key)
            .fetch_one(db)
            .await?;
        return Err(in_use(ProblemKind::NameInUse, "/name", IdKind::Role.encode(other)).into());
    };
    let RoleCreate {
        name,
        description,
        administrator,
    } = new;
    let id = IdKind::Role.encode(row);
    Ok(Role {
        id,
        name,
        description,
        kind: RoleKind::Custom,
        administrator,
        is_default: false,
    })
}
