//! What a handler gives back: an answer, or why there is none.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;

use crate::platform::rest::wire::{IDEMPOTENCY_REPLAYED, PROBLEM_JSON, Problem, ProblemKind, quoted_etag};

/// How long a client should wait when the database can't answer.
const UNAVAILABLE_WAIT: Duration = Duration::from_secs(1);

/// A good answer, in the form in which it is kept for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) etag: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
    /// Whether it was kept from an earlier request.
    pub(super) replayed: bool,
}

impl Answer {
    /// 200 with this body.
    pub(super) fn ok(body: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(body).map_err(Failure::Encode)?;
        Ok(Self {
            status: StatusCode::OK,
            etag: None,
            location: None,
            body,
            replayed: false,
        })
    }

    /// 201 with the new object, which is at `location` when it has a path of its own.
    pub(super) fn created(body: &impl Serialize, location: Option<String>) -> Result<Self, Failure> {
        Ok(Self {
            status: StatusCode::CREATED,
            location,
            ..Self::ok(body)?
        })
    }

    /// 204: done, and there is nothing to tell.
    pub(super) fn done() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            etag: None,
            location: None,
            body: Vec::new(),
            replayed: false,
        }
    }

    /// Adds the object's etag, without quotes.
    pub(super) fn with_etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let has_body = !self.body.is_empty();
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        } else {
            headers.remove(CONTENT_TYPE);
        }
        // Etags and locations are of our own making: letters, digits and slashes.
        if let Some(etag) = self
            .etag
            .and_then(|etag| HeaderValue::try_from(quoted_etag(&etag)).ok())
        {
            headers.insert(ETAG, etag);
        }
        if let Some(location) = self.location.and_then(|path| HeaderValue::try_from(path).ok()) {
            headers.insert(LOCATION, location);
        }
        if self.replayed {
            headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A struct of texts and numbers always serializes.
        let mut response = (status, serde_json::to_vec(&self).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = self.retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(1000)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"platform\""));
        }
        response
    }
}

impl Problem {
    /// Says how long to wait.
    #[must_use]
    pub(super) fn with_wait(mut self, wait: Duration) -> Self {
        // Rounded up: whoever comes back a moment too early is refused again.
        self.retry_after_ms = Some(
            u64::try_from(wait.as_micros().div_ceil(1000))
                .unwrap_or(u64::MAX)
                .max(1),
        );
        self
    }
}

/// Why a request has no good answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client's doing.
    Problem(Box<Problem>),
    /// The database's doing.
    Database(sqlx::Error),
    /// The writer has stopped, or its transaction was lost.
    Lost,
    /// What the database has isn't what we wrote there.
    Decode(serde_json::Error),
    /// An answer can't be written as JSON.
    Encode(serde_json::Error),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Problem {
    /// What the client is told; the rest goes to the log.
    fn from(failure: Failure) -> Self {
        let kind = match failure {
            Failure::Problem(problem) => return *problem,
            Failure::Lost => {
                tracing::error!("The write was lost with its transaction; the client may repeat it.");
                ProblemKind::Unavailable
            }
            Failure::Database(error) => {
                tracing::error!(%error, "The database failed.");
                if is_passing(&error) {
                    ProblemKind::Unavailable
                } else {
                    ProblemKind::Internal
                }
            }
            Failure::Decode(error) => {
                tracing::error!(%error, "The database holds a column that isn't the JSON it should be.");
                ProblemKind::Internal
            }
            Failure::Encode(error) => {
                tracing::error!(%error, "The answer can't be written as JSON.");
                ProblemKind::Internal
            }
        };
        let problem = Self::new(kind);
        if kind == ProblemKind::Unavailable {
            problem.with_wait(UNAVAILABLE_WAIT)
        } else {
            problem
        }
    }
}

/// Whether the database may well succeed later: busy, locked, full or an I/O error (SQLite result codes 5, 6, 13, 10), or no free connection.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13))
        }
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}
