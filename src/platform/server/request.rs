//! Writes: what they have in common before and after the work itself.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Method, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::{
    App,
    answer::{Answer, Failure},
    auth::Caller,
    json,
    kept::{self, Repeatable},
    page::{Params, invalid},
    precondition::Precondition,
    writer::Work,
};
use crate::platform::rest::wire::{Batch, IDEMPOTENCY_KEY, Problem, ProblemKind};

/// The most characters of an idempotency key.
const MAX_KEY: usize = 255;

/// A `POST`, `PATCH` or `DELETE` whose caller may write and whose headers are in order.
pub(super) struct WriteRequest {
    pub(super) precondition: Precondition,
    repeatable: Option<Repeatable>,
    body: Bytes,
}

impl FromRequest<Arc<App>> for WriteRequest {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let caller = parts.extensions.get::<Option<Arc<Caller>>>().cloned().flatten();
        let caller = caller.ok_or_else(|| Problem::new(ProblemKind::Unauthorized))?;
        caller.check_write()?;
        Params::none(parts.uri.query())?;
        let precondition = Precondition::read(&parts.headers);
        let key = idempotency_key(&parts.headers)?;
        // A deletion says everything by its path, and has no body to be of a type.
        if parts.method != Method::DELETE && !is_json(&parts.headers) {
            return Err(Problem::new(ProblemKind::UnsupportedMediaType));
        }
        // The gate has read it whole already, within its bound.
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
        let repeatable = key.map(|key| {
            let mut hash = Sha256::new();
            let etags = parts
                .headers
                .get_all(http::header::IF_MATCH)
                .iter()
                .flat_map(http::HeaderValue::as_bytes);
            for part in [
                parts.method.as_str().as_bytes(),
                parts.uri.path().as_bytes(),
                &etags.copied().collect::<Vec<_>>(),
            ] {
                hash.update(part);
                hash.update([0]);
            }
            hash.update(&body);
            Repeatable {
                account: caller.account.clone(),
                key,
                fingerprint: hash.finalize().into(),
            }
        });
        Ok(Self {
            precondition,
            repeatable,
            body,
        })
    }
}

impl WriteRequest {
    /// The body as one object.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::parse(&self.body)
    }

    /// The items of a batch, to be looked at one by one.
    pub(super) fn items(&self, max: usize) -> Result<Vec<Value>, Problem> {
        let Batch { items } = self.json::<Batch<Value>>()?;
        let wrong = |pointer: String, detail: String| {
            Err(Problem::new(ProblemKind::InvalidRequest).with_pointer(pointer, detail))
        };
        if items.is_empty() || items.len() > max {
            return wrong(
                "/items".to_owned(),
                format!("has {} items, 1 to {max} are allowed", items.len()),
            );
        }
        match items.iter().position(|item| !item.is_object()) {
            Some(index) => wrong(format!("/items/{index}"), "must be an object".to_owned()),
            None => Ok(items),
        }
    }
}

impl App {
    /// Does the work of a write once, and keeps its answer if the request has a key. `work` gets the time in milliseconds since 1970.
    pub(super) async fn write<W>(&self, request: WriteRequest, work: W) -> Result<Answer, Problem>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection, i64) -> BoxFuture<'c, Result<Answer, Failure>> + Send + 'static,
    {
        let repeatable = request.repeatable;
        let claim = match &repeatable {
            None => None,
            Some(Repeatable { account, key, .. }) => match self.in_flight.claim(account, key) {
                Some(claim) => Some(claim),
                None => return Err(Problem::new(ProblemKind::RequestInProgress)),
            },
        };
        let whole: Work = Box::new(move |db: &mut SqliteConnection| once(db, repeatable, work).boxed());
        Ok(self.writer.submit(whole, claim).await?)
    }
}

async fn once<W>(db: &mut SqliteConnection, repeatable: Option<Repeatable>, work: W) -> Result<Answer, Failure>
where
    W: for<'c> FnOnce(&'c mut SqliteConnection, i64) -> BoxFuture<'c, Result<Answer, Failure>> + Send + 'static,
{
    let now = Timestamp::now().as_millisecond();
    let Some(request) = repeatable else {
        return work(db, now).await;
    };
    if let Some(answer) = kept::find(db, &request, now).await? {
        return Ok(answer);
    }
    let answer = work(db, now).await?;
    kept::keep(db, &request, &answer, now).await?;
    Ok(answer)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let valid = (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !valid || values.next().is_some() {
        let detail = format!("must be one key of 1 to {MAX_KEY} visible ASCII characters");
        return Err(invalid("Idempotency-Key", detail));
    }
    Ok(Some(text.to_owned()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (media_type, _parameters) = value.split_once(';').unwrap_or((value, ""));
    media_type.trim().eq_ignore_ascii_case("application/json")
}
