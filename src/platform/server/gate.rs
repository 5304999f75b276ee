//! What every request passes before a handler sees it: token, rate, size of the body.

use std::{sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use http::{HeaderMap, header::CONTENT_LENGTH};

use super::{App, auth::Caller};
use crate::platform::rest::wire::{Problem, ProblemKind};

/// The largest body of a request, in bytes.
pub(super) const MAX_BODY: usize = 4 << 20;

/// How much of a refused body is read and thrown away. A connection closed before its body is read is reset, and a
/// client that still sends may never see the answer that says why.
const MAX_DRAIN: usize = 64 << 20;

/// The one path that needs no token: the contract is public.
pub(super) const CONTRACT_PATH: &str = "/v1/openapi.yaml";

/// Lets a request through with its caller and the whole of its body, or answers it.
pub(super) async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (mut parts, body) = request.into_parts();
    let response = match admit(&app, &parts.headers, &path).await {
        Err(problem) => {
            drain(body, MAX_DRAIN).await;
            problem.into_response()
        }
        Ok(caller) => match read(&parts.headers, body).await {
            Err(problem) => problem.into_response(),
            Ok(bytes) => {
                parts.extensions.insert(caller);
                next.run(Request::from_parts(parts, Body::from(bytes))).await
            }
        },
    };
    let milliseconds = begun.elapsed().as_millis();
    tracing::debug!(%method, path, status = response.status().as_u16(), milliseconds, "Answered.");
    response
}

/// Who calls; `None` for the contract.
async fn admit(app: &App, headers: &HeaderMap, path: &str) -> Result<Option<Arc<Caller>>, Problem> {
    if path == CONTRACT_PATH {
        return app.rates.take(None).map(|()| None);
    }
    let known = match app.tokens.find(headers) {
        Ok(known) => known,
        // Guessing tokens is slowed down as well.
        Err(problem) => return Err(app.rates.take(None).err().unwrap_or(problem)),
    };
    app.rates.take(Some(known.index()))?;
    Ok(Some(known.caller(&app.readers).await?))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::with_capacity(declared.unwrap_or_default().min(MAX_BODY));
    while let Some(chunk) = stream.next().await {
        // Either the connection broke, which nobody reads about, or its framing is wrong.
        let chunk = chunk.map_err(|error| Problem::new(ProblemKind::MalformedJson).with_detail(error.to_string()))?;
        if bytes.len() + chunk.len() > MAX_BODY {
            drain(Body::from_stream(stream), MAX_DRAIN).await;
            let detail = format!("a body may have {MAX_BODY} bytes");
            return Err(Problem::new(ProblemKind::BodyTooLarge).with_detail(detail));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

async fn drain(body: Body, limit: usize) {
    let mut stream = body.into_data_stream();
    let mut drained = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        drained += chunk.len();
        if drained > limit {
            break;
        }
    }
}
