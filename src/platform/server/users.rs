//! `/v1/users`.

mod input;
mod store;

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State, rejection::PathRejection};
use futures::FutureExt;
use serde_json::Value;

pub(super) use store::{ensure, standing, time};

use self::input::{Deletion, Item, NewUser};
use super::{
    App,
    answer::{Answer, Failure},
    id::IdKind,
    json,
    page::{Params, count, page},
    request::WriteRequest,
};
use crate::platform::rest::wire::{
    BatchResults, DeletionResult, MAX_USER_BATCH, Problem, ProblemKind, User, UserCreate, UserResult, UserUpdate,
};

/// `GET /v1/users`
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Answer, Problem> {
    let (limit, after) = Params::of_list(query.as_deref(), IdKind::User)?;
    Ok(read_page(&app, limit, after).await?)
}

async fn read_page(app: &App, limit: u32, after: i64) -> Result<Answer, Failure> {
    let mut tx = app.readers.begin().await?;
    let total = count(&mut tx, "users").await?;
    let users = store::list(&mut tx, after, limit + 1).await?;
    tx.commit().await?;
    Answer::ok(&page(users, limit, total, |user: &User| user.id.clone()))
}

/// `GET /v1/users/{id}`
pub(super) async fn read(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    Params::none(query.as_deref())?;
    let row = row_in_path(id)?;
    let user = find(&app, row).await?.ok_or_else(no_such_user)?;
    Ok(Answer::ok(&user)?.with_etag(&user.etag))
}

async fn find(app: &App, row: i64) -> Result<Option<User>, Failure> {
    let mut db = app.readers.acquire().await?;
    store::find(&mut db, row).await
}

/// `POST /v1/users`
pub(super) async fn create(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let new = NewUser::check(request.json::<UserCreate>()?, "")?;
    let seats = app.seats;
    app.write(request, move |db, now| {
        async move {
            let user = store::insert(db, new, seats, now).await?;
            let location = format!("/v1/users/{}", user.id);
            Ok(Answer::created(&user, Some(location))?.with_etag(&user.etag))
        }
        .boxed()
    })
    .await
}

/// `PATCH /v1/users/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    request: WriteRequest,
) -> Result<Answer, Problem> {
    let row = row_in_path(id)?;
    let changes = input::check_update(request.json::<UserUpdate>()?, "")?;
    let (seats, precondition) = (app.seats, request.precondition.clone());
    app.write(request, move |db, now| {
        async move {
            let user = store::update(db, row, &precondition, changes, "", seats, now).await?;
            Ok(Answer::ok(&user)?.with_etag(&user.etag))
        }
        .boxed()
    })
    .await
}

/// `DELETE /v1/users/{id}`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    request: WriteRequest,
) -> Result<Answer, Problem> {
    let row = row_in_path(id)?;
    let precondition = request.precondition.clone();
    app.write(request, move |db, _now| {
        async move {
            store::delete(db, row, &precondition).await?;
            Ok(Answer::done())
        }
        .boxed()
    })
    .await
}

/// `POST /v1/users:batchDelete`
pub(super) async fn batch_delete(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let items = checked(request.items(MAX_USER_BATCH)?, Deletion::check);
    app.write(request, move |db, _now| {
        async move {
            let mut results = Vec::with_capacity(items.len());
            for item in items {
                let outcome = match item {
                    Ok(Deletion { id, row, precondition }) => store::delete(db, row, &precondition).await.map(|()| id),
                    Err(problem) => Err(problem.into()),
                };
                results.push(match outcome {
                    Ok(id) => DeletionResult::Done { id },
                    Err(Failure::Problem(error)) => DeletionResult::Failed { error: *error },
                    Err(failure) => return Err(failure),
                });
            }
            Answer::ok(&BatchResults { results })
        }
        .boxed()
    })
    .await
}

/// `POST /v1/users:batchCreate`
pub(super) async fn batch_create(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let items = checked(request.items(MAX_USER_BATCH)?, |item, pointer| {
        NewUser::check(json::parse_item::<UserCreate>(item, pointer)?, pointer)
    });
    let seats = app.seats;
    app.write(request, move |db, now| {
        async move {
            let mut results = Vec::with_capacity(items.len());
            for item in items {
                let outcome = match item {
                    Ok(new) => store::insert(db, new, seats, now).await,
                    Err(problem) => Err(problem.into()),
                };
                results.push(result(outcome)?);
            }
            Answer::ok(&BatchResults { results })
        }
        .boxed()
    })
    .await
}

/// `POST /v1/users:batchUpdate`
pub(super) async fn batch_update(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let items = checked(request.items(MAX_USER_BATCH)?, Item::check);
    let seats = app.seats;
    app.write(request, move |db, now| {
        async move {
            let mut results = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let pointer = format!("/items/{index}");
                let outcome = match item {
                    Ok(Item {
                        row,
                        precondition,
                        changes,
                    }) => store::update(db, row, &precondition, changes, &pointer, seats, now).await,
                    Err(problem) => Err(problem.into()),
                };
                results.push(result(outcome)?);
            }
            Answer::ok(&BatchResults { results })
        }
        .boxed()
    })
    .await
}

/// Looks at each item on its own.
fn checked<T>(items: Vec<Value>, check: impl Fn(Value, &str) -> Result<T, Problem>) -> Vec<Result<T, Problem>> {
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| check(item, &format!("/items/{index}")))
        .collect()
}

/// The result of an item; a failure that isn't the item's own fails the batch.
fn result(outcome: Result<User, Failure>) -> Result<UserResult, Failure> {
    match outcome {
        Ok(User { id, etag, .. }) => Ok(UserResult::Done { id, etag }),
        Err(Failure::Problem(error)) => Ok(UserResult::Failed { error: *error }),
        Err(failure) => Err(failure),
    }
}

fn row_in_path(id: Result<Path<String>, PathRejection>) -> Result<i64, Problem> {
    id.ok()
        .and_then(|Path(id)| IdKind::User.decode(&id))
        .ok_or_else(no_such_user)
}

pub(super) fn no_such_user() -> Problem {
    Problem::new(ProblemKind::NotFound).with_detail("there is no user with this id")
}
