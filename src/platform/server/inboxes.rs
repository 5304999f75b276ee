//! `/v1/inboxes`.

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
use crate::platform::rest::wire::{Inbox, InboxCreate, Mark, Problem, ProblemKind};

/// `GET /v1/inboxes`
pub(super) async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Answer, Problem> {
    let (limit, after) = Params::of_list(query.as_deref(), IdKind::Inbox)?;
    Ok(read_page(&app, limit, after).await?)
}

async fn read_page(app: &App, limit: u32, after: i64) -> Result<Answer, Failure> {
    let mut tx = app.readers.begin().await?;
    let total = count(&mut tx, "inboxes").await?;
    let rows = sqlx::query("SELECT id, name, phone_number, owner FROM inboxes WHERE id > ? ORDER BY id LIMIT ?")
        .bind(after)
        .bind(limit + 1)
        .fetch_all(&mut *tx)
        .await?;
    tx.commit().await?;
    let inboxes = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Answer::ok(&page(inboxes, limit, total, |inbox| inbox.id.clone()))
}

fn decode(row: &SqliteRow) -> Result<Inbox, Failure> {
    Ok(Inbox {
        id: IdKind::Inbox.encode(row.try_get(0)?),
        name: row.try_get(1)?,
        phone_number: row.try_get(2)?,
        mark: row.try_get::<Option<String>, _>(3)?.map(|owner| Mark { owner }),
    })
}

/// `POST /v1/inboxes`
pub(super) async fn create(State(app): State<Arc<App>>, request: WriteRequest) -> Result<Answer, Problem> {
    let new: InboxCreate = request.json()?;
    let mut check = Check::at("");
    check.name(&new.name);
    check.e164("/phoneNumber", new.phone_number.as_ref());
    check.mark(new.mark.as_ref());
    check.finish()?;
    app.write(request, move |db, _now| {
        async move { Answer::created(&insert(db, new).await?, None) }.boxed()
    })
    .await
}

async fn insert(db: &mut SqliteConnection, new: InboxCreate) -> Result<Inbox, Failure> {
    let key = name_key(&new.name);
    let inserted = sqlx::query_scalar(
        "INSERT INTO inboxes (name, name_key, phone_number, owner) VALUES (?, ?, ?, ?) \
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(&new.name)
    .bind(&key)
    .bind(&new.phone_number)
    .bind(new.mark.as_ref().map(|mark| &mark.owner))
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = inserted else {
        return Err(conflict(db, &key, new.phone_number.as_deref()).await);
    };
    let InboxCreate {
        name,
        phone_number,
        mark,
    } = new;
    Ok(Inbox {
        id: IdKind::Inbox.encode(row),
        name,
        phone_number,
        mark,
    })
}

/// Which other inbox has the name or the number.
async fn conflict(db: &mut SqliteConnection, name_key: &str, phone_number: Option<&str>) -> Failure {
    let other =
        sqlx::query("SELECT id, name_key = ?1 FROM inboxes WHERE name_key = ?1 OR phone_number = ?2 ORDER BY 2 DESC")
            .bind(name_key)
            .bind(phone_number)
            .fetch_one(db)
            .await;
    let problem = other.and_then(|other| {
        let id = IdKind::Inbox.encode(other.try_get(0)?);
        let (kind, pointer) = if other.try_get(1)? {
            (ProblemKind::NameInUse, "/name")
        } else {
            (ProblemKind::PhoneNumberInUse, "/phoneNumber")
        };
        Ok(in_use(kind, pointer, id))
    });
    match problem {
        Ok(problem) => problem.into(),
        Err(error) => error.into(),
    }
}
