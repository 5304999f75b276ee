//! `/v1/whoami` and the contract.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::header::CONTENT_TYPE;

use super::{
    App,
    answer::{Answer, Failure},
    auth::Caller,
    gate::MAX_BODY,
    id::IdKind,
    page::{Params, count},
};
use crate::platform::rest::wire::{
    Limits, MAX_MEMBERSHIP_BATCH, MAX_PAGE, MAX_USER_BATCH, OPENAPI_YAML, Problem, ProblemKind, Seats, WhoAmI,
};

/// `GET /v1/whoami`
pub(super) async fn who_am_i(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Option<Arc<Caller>>>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Problem> {
    Params::none(query.as_deref())?;
    let caller = caller.ok_or_else(|| Problem::new(ProblemKind::Unauthorized))?;
    let mut db = app.readers.acquire().await.map_err(Failure::from)?;
    let used = count(&mut db, "active_users").await?;
    Ok(Answer::ok(&WhoAmI {
        id: caller.account.clone(),
        kind: caller.kind,
        role: IdKind::Role.encode(caller.role),
        permissions: caller.permissions(),
        limits: Limits {
            page_size: MAX_PAGE,
            user_batch: u32::try_from(MAX_USER_BATCH).unwrap_or(u32::MAX),
            membership_batch: u32::try_from(MAX_MEMBERSHIP_BATCH).unwrap_or(u32::MAX),
            request_bytes: u64::try_from(MAX_BODY).unwrap_or(u64::MAX),
            requests_per_second: app.rate.map(Into::into),
        },
        seats: Seats { limit: app.seats, used },
    })?)
}

/// `GET /v1/openapi.yaml`
pub(super) async fn contract() -> Response {
    ([(CONTENT_TYPE, "application/yaml")], OPENAPI_YAML).into_response()
}
