//! `/v1/teams`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State, rejection::PathRejection};
use futures::FutureExt;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    App,
    answer::{Answer, Failure},
    check::{Check, LINE, in_use},
    id::IdKind,
    normal::name_key,
    page::{Params, count, page},
    precondition::Precondition,
    request::WriteRequest,
    users::time,
};
use crate::platform::rest::wire::{Mark, Problem, ProblemKind, Team, TeamCreate, TeamUpdate};

/// `GET /v1/teams`
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Answer, Problem> {
    let (limit, after) = Params::of_list(query.as_deref(), IdKind::Team)?;
    Ok(read_page(&app, limit, after).await?)
}

async fn read_page(app: &App, limit: u32, after: i64) -> Result<Answer, Failure> {
    let mut tx = app.readers.begin().await?;
    let total = count(&mut tx, "teams").await?;
    let rows = sqlx::query(
        "SELECT id, name, description, owner, created, updated, version, external_id FROM teams WHERE id > ? ORDER BY id LIMIT ?",
    )
    .bind(after)
    .bind(limit + 1)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let teams = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Answer::ok(&page(teams, limit, total, |team| team.id.clone()))
}

/// `GET /v1/teams/{id}`
pub(super) async fn read(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    Params::none(query.as_deref())?;
    let row = row_in_path(id)?;
    let mut db = app.readers.acquire().await.map_err(Failure::from)?;
    let team = find(&mut db, row).await?.ok_or_else(no_such_team)?;
    Ok(Answer::ok(&team)?.with_etag(&team.etag))
}

/// `POST /v1/teams`
pub(super) async fn create(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let new: TeamCreate = request.json()?;
    let mut check = Check::at("");
    check.name(&new.name);
    check.description(new.description.as_ref());
    check.optional_line("/externalId", new.external_id.as_ref(), 1..=LINE);
    check.mark(new.mark.as_ref());
    check.finish()?;
    app.write(request, move |db, now| {
        async move {
            let team = insert(db, new, now).await?;
            let location = format!("/v1/teams/{}", team.id);
            Ok(Answer::created(&team, Some(location))?.with_etag(&team.etag))
        }
        .boxed()
    })
    .await
}

/// `PATCH /v1/teams/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    request: WriteRequest,
) -> Result<Answer, Problem> {
    let row = row_in_path(id)?;
    let changes: TeamUpdate = request.json()?;
    let mut check = Check::at("");
    if let Some(name) = &changes.name {
        check.name(name);
    }
    check.description(changes.description.value());
    check.optional_line("/externalId", changes.external_id.value(), 1..=LINE);
    check.mark(changes.mark.value());
    check.finish()?;
    let precondition = request.precondition.clone();
    app.write(request, move |db, now| {
        async move {
            let team = change(db, row, &precondition, changes, now).await?;
            Ok(Answer::ok(&team)?.with_etag(&team.etag))
        }
        .boxed()
    })
    .await
}

fn row_in_path(id: Result<Path<String>, PathRejection>) -> Result<i64, Problem> {
    id.ok()
        .and_then(|Path(id)| IdKind::Team.decode(&id))
        .ok_or_else(no_such_team)
}

fn no_such_team() -> Problem {
    Problem::new(ProblemKind::NotFound).with_detail("there is no team with this id")
}

fn decode(row: &SqliteRow) -> Result<Team, Failure> {
    Ok(Team {
        id: IdKind::Team.encode(row.try_get(0)?),
        name: row.try_get(1)?,
        description: row.try_get(2)?,
        mark: row.try_get::<Option<String>, _>(3)?.map(|owner| Mark { owner }),
        created_time: time(row.try_get(4)?),
        updated_time: time(row.try_get(5)?),
        etag: row.try_get::<i64, _>(6)?.to_string(),
        external_id: row.try_get(7)?,
    })
}

async fn find(db: &mut SqliteConnection, row: i64) -> Result<Option<Team>, Failure> {
    let found = sqlx::query(
        "SELECT id, name, description, owner, created, updated, version, external_id FROM teams WHERE id = ?",
    )
    .bind(row)
    .fetch_optional(db)
    .await?;
    found.as_ref().map(decode).transpose()
}

async fn insert(db: &mut SqliteConnection, new: TeamCreate, now: i64) -> Result<Team, Failure> {
    let key = name_key(&new.name);
    let inserted = sqlx::query_scalar(
        "INSERT INTO teams (name, name_key, description, owner, created, updated, version, external_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6) RETURNING id",
    )
    .bind(&new.name)
    .bind(&key)
    .bind(&new.description)
    .bind(new.mark.as_ref().map(|mark| &mark.owner))
    .bind(now)
    .bind(&new.external_id)
    .fetch_one(&mut *db)
    .await;
    let row = match inserted {
        Ok(row) => row,
        Err(error) => return Err(refused(db, error, &key).await),
    };
    let TeamCreate {
        name,
        description,
        external_id,
        mark,
    } = new;
    let id = IdKind::Team.encode(row);
    let etag = "1".to_owned();
    Ok(Team {
        id,
        name,
        description,
        external_id,
        mark,
        created_time: time(now),
        updated_time: time(now),
        etag,
    })
}

async fn change(
    db: &mut SqliteConnection,
    row: i64,
    precondition: &Precondition,
    changes: TeamUpdate,
    now: i64,
) -> Result<Team, Failure> {
    let before = find(db, row).await?.ok_or_else(no_such_team)?;
    precondition.check(&before.etag)?;
    let mut after = before.clone();
    after.name = changes.name.unwrap_or(after.name);
    changes.description.apply(&mut after.description);
    changes.external_id.apply(&mut after.external_id);
    changes.mark.apply(&mut after.mark);
    if after == before {
        return Ok(before);
    }
    let key = name_key(&after.name);
    let updated = sqlx::query_scalar::<_, i64>(
        "UPDATE teams SET name = ?2, name_key = ?3, description = ?4, owner = ?5, updated = ?6, external_id = ?7, \
         version = version + 1 WHERE id = ?1 RETURNING version",
    )
    .bind(row)
    .bind(&after.name)
    .bind(&key)
    .bind(&after.description)
    .bind(after.mark.as_ref().map(|mark| &mark.owner))
    .bind(now)
    .bind(&after.external_id)
    .fetch_one(&mut *db)
    .await;
    match updated {
        Ok(version) => after.etag = version.to_string(),
        Err(error) => return Err(refused(db, error, &key).await),
    }
    after.updated_time = time(now);
    Ok(after)
}

async fn refused(db: &mut SqliteConnection, error: sqlx::Error, name_key: &str) -> Failure {
    if !error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    {
        return error.into();
    }
    match sqlx::query_scalar("SELECT id FROM teams WHERE name_key = ?")
        .bind(name_key)
        .fetch_one(db)
        .await
    {
        Ok(other) => in_use(ProblemKind::NameInUse, "/name", IdKind::Team.encode(other)).into(),
        Err(error) => error.into(),
    }
}
