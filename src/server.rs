//! The operator's own HTTP server: `/metrics`, `/healthz` and `/readyz`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What has to be so before the operator is ready, and what keeps it from being so.
#[derive(Debug, Default)]
pub struct Readiness {
    parts: Mutex<BTreeMap<&'static str, Option<String>>>,
    /// Why the operator can't go on.
    given_up: Mutex<Option<String>>,
}

impl Readiness {
    /// Not ready before this part is, for this reason.
    pub fn wait_for(&self, part: &'static str, why: impl Into<String>) {
        self.set(part, Some(why.into()));
    }

    /// This part is ready, and stays so.
    pub fn ready(&self, part: &'static str) {
        self.set(part, None);
    }

    /// What keeps this part from being ready; one that was ready stays so.
    pub fn failed(&self, part: &'static str, why: String) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.get(part) != Some(&None) {
            parts.insert(part, Some(why));
        }
    }

    /// The operator can't go on, and isn't alive any more.
    pub fn give_up(&self, why: String) {
        *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Why the operator can't go on, when it can't.
    pub fn given_up(&self) -> Option<String> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that is waited for, one line each; nothing when all is ready.
    pub fn waiting(&self) -> String {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = String::new();
        for (part, why) in parts.iter() {
            if let Some(why) = why {
                // Writing to a String can't fail.
                let _ = writeln!(lines, "{part}: {why}");
            }
        }
        lines
    }

    fn set(&self, part: &'static str, why: Option<String>) {
        self.parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(part, why);
    }
}

/// What the handlers share.
#[derive(Clone)]
struct App {
    readiness: Arc<Readiness>,
    metrics: Arc<dyn Fn() -> Result<String, prometheus::Error> + Send + Sync>,
}

/// Serves until `stop` is cancelled. `metrics` renders the counts as they are at the moment.
pub async fn serve(
    listener: TcpListener,
    readiness: Arc<Readiness>,
    metrics: impl Fn() -> Result<String, prometheus::Error> + Send + Sync + 'static,
    stop: CancellationToken,
) {
    let app = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render_metrics))
        .with_state(App {
            readiness,
            metrics: Arc::new(metrics),
        });
    let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "The server of metrics and probes failed.");
    }
}

async fn healthz(State(app): State<App>) -> Response {
    match app.readiness.given_up() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")).into_response(),
    }
}

async fn readyz(State(app): State<App>) -> Response {
    let waiting = app.readiness.waiting();
    if waiting.is_empty() {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, waiting).into_response()
    }
}

async fn render_metrics(State(app): State<App>) -> Response {
    match (app.metrics)() {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get_text(address: std::net::SocketAddr, path: &str) -> (u16, String) {
        // The client's TLS is chosen once for all tests of this binary.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn the_probes_tell_what_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let readiness = Arc::new(Readiness::default());
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(
            listener,
            Arc::clone(&readiness),
            || Ok("up 1\n".to_owned()),
            stop.clone(),
        ));
        readiness.wait_for("mappings", "the definition isn't installed");
        assert_eq!(
            get_text(address, "/readyz").await,
            (503, "mappings: the definition isn't installed\n".to_owned())
        );
        assert_eq!(get_text(address, "/healthz").await.0, 200);
        readiness.ready("mappings");
        assert_eq!(get_text(address, "/readyz").await, (200, "ok\n".to_owned()));
        assert_eq!(get_text(address, "/metrics").await, (200, "up 1\n".to_owned()));
        assert_eq!(get_text(address, "/other").await.0, 404);
        readiness.give_up("a watch panicked".to_owned());
        assert_eq!(
            get_text(address, "/healthz").await,
            (500, "a watch panicked\n".to_owned())
        );
        stop.cancel();
        server.await.unwrap();
    }
}
