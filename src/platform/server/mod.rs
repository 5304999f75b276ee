//! The reference server: the platform contract (`../rest/openapi.yaml`) on SQLite, with durable data.
//!
//! A request passes the [`gate`] (token, rate, size of the body) and comes to its handler. Reads use a pool of connections and see
//! one state of the data each. Writes go through the one [`writer`], which takes those that wait into one transaction and answers
//! after the commit. An answer that is kept for repetitions is part of that transaction.

// A refused request makes one `Problem`, on its way out; its size costs nothing worth a box at every step.
#![allow(clippy::result_large_err)]

mod account;
mod answer;
mod auth;
mod check;
mod config;
mod database;
mod gate;
mod id;
mod in_flight;
mod inboxes;
mod json;
mod kept;
mod memberships;
mod normal;
mod page;
mod precondition;
mod rate;
mod request;
mod roles;
mod teams;
mod users;
mod writer;

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::Request,
    middleware,
    routing::{get, post},
    serve::ListenerExt,
};
use futures::FutureExt;
use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use config::{ServerConfig, TokenConfig, TokenFileError, parse_token_file};

use crate::platform::rest::wire::{Problem, ProblemKind};

/// How long requests may still run once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How often old kept answers are removed.
const SWEEP: Duration = Duration::from_hours(1);

/// Why the server doesn't run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is taken, or isn't this machine's.
    #[error("can't listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file can't be opened or isn't a SQLite database.
    #[error("can't open the database {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// The tables can't be brought up to date, for one because the file belongs to a newer version.
    #[error("can't bring the database {} up to date", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The roles and accounts can't be created.
    #[error("can't set up the roles and accounts of the database")]
    SetUp(#[source] sqlx::Error),
    /// A token's account has a role that there isn't.
    #[error("the token of {account} has the role {role}, which the platform doesn't have")]
    UnknownRole {
        /// The account as it was configured.
        account: String,
        /// The role's name.
        role: String,
    },
    /// Nobody could call.
    #[error("no token was given; nobody could call the server")]
    NoToken,
    /// The connection that writes has ended by itself.
    #[error("the task that writes to the database has stopped")]
    WriterStopped,
}

/// What the handlers share.
struct App {
    readers: SqlitePool,
    writer: writer::Writer,
    tokens: auth::Tokens,
    rates: rate::Rates,
    rate: Option<NonZeroU32>,
    seats: Option<u32>,
    in_flight: in_flight::InFlight,
}

/// Serves the contract until `shutdown` is ready; then requests that run are finished, for at most 10 seconds.
///
/// `ready` is called once with the address that the server listens on. On an empty database the built-in roles (owner,
/// administrator, agent, member) are created; so are the users among the tokens' accounts that there aren't yet.
pub async fn serve(
    config: ServerConfig,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    let (listen, database) = (config.listen, config.database.clone());
    let stop_writer = CancellationToken::new();
    let (app, run_writer) = open(config, Durability::Full, stop_writer.clone()).await?;
    let failed = |source| ServerError::Listen {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let readers = app.readers.clone();
    let mut writing = tokio::spawn(run_writer);
    let sweeping = tokio::spawn(sweep(app.writer.clone()));
    tracing::info!(%address, database = %database.display(), "The platform listens.");
    ready(address);

    let stopping = CancellationToken::new();
    let stopped = stopping.clone().cancelled_owned();
    // Answers are small and wanted at once.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(stopped);
    let mut serving = tokio::spawn(server.into_future());
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        // The listener retries whatever fails at it, so the server never ends by itself.
        _ = &mut serving => Ok(()),
        _ = &mut writing => Err(ServerError::WriterStopped),
    };
    let begun = Instant::now();
    stopping.cancel();
    if !serving.is_finished() && tokio::time::timeout(GRACE, &mut serving).await.is_err() {
        tracing::warn!("Requests still ran at the end of the grace period; they were cut off.");
        serving.abort();
    }
    sweeping.abort();
    readers.close().await;
    stop_writer.cancel();
    if !writing.is_finished() {
        // Its work is bounded by the queue; a panic of it is told by its own message.
        let _ = writing.await;
    }
    tracing::info!(milliseconds = begun.elapsed().as_millis(), "The platform has stopped.");
    outcome
}

/// How much of a commit is on the disk when it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// All of it.
    Full,
    /// Nothing is waited for: what the machine's end would lose is of no use to anybody after it.
    None,
}

/// The server without its socket, for whoever calls its router by himself.
pub struct Embedded {
    /// Answers requests as the server does.
    pub router: Router,
    readers: SqlitePool,
    stop_writer: CancellationToken,
    writing: JoinHandle<()>,
}

impl Embedded {
    /// Opens the database and begins. `config.listen` is of no account; answers that are kept are never swept.
    pub async fn open(config: ServerConfig, durability: Durability) -> Result<Self, ServerError> {
        let stop_writer = CancellationToken::new();
        let (app, run_writer) = open(config, durability, stop_writer.clone()).await?;
        Ok(Self {
            readers: app.readers.clone(),
            writing: tokio::spawn(run_writer),
            stop_writer,
            router: router(app),
        })
    }

    /// Ends it. The database is one file then.
    pub async fn close(self) {
        self.readers.close().await;
        self.stop_writer.cancel();
        // A panic of it is told by its own message.
        let _ = self.writing.await;
    }
}

/// Opens the database; the writer is to be run until it is told to stop.
async fn open(
    config: ServerConfig,
    durability: Durability,
    stop_writer: CancellationToken,
) -> Result<(App, impl Future<Output = ()> + Send + 'static), ServerError> {
    let ServerConfig {
        listen: _,
        database,
        tokens,
        rate,
        seats,
    } = config;
    let (mut db, readers) = database::open(&database, durability).await?;
    roles::seed(&mut db).await.map_err(ServerError::SetUp)?;
    let rates = rate::Rates::new(rate, tokens.len());
    let tokens = auth::Tokens::set_up(&tokens, &mut db).await?;
    let (writer, run_writer) = writer::Writer::new(db, stop_writer);
    let app = App {
        readers,
        writer,
        tokens,
        rates,
        rate,
        seats,
        in_flight: in_flight::InFlight::default(),
    };
    Ok((app, run_writer))
}

fn router(app: App) -> Router {
    let app = Arc::new(app);
    Router::new()
        .route(gate::CONTRACT_PATH, get(account::contract))
        .route("/v1/whoami", get(account::who_am_i))
        .route("/v1/users", get(users::list).post(users::create))
        .route(
            "/v1/users/{id}",
            get(users::read).patch(users::update).delete(users::delete),
        )
        .route("/v1/users:batchCreate", post(users::batch_create))
        .route("/v1/users:batchUpdate", post(users::batch_update))
        .route("/v1/users:batchDelete", post(users::batch_delete))
        .route("/v1/teams", get(teams::list).post(teams::create))
        .route("/v1/teams/{id}", get(teams::read).patch(teams::update))
        .route("/v1/roles", get(roles::list).post(roles::create))
        .route("/v1/inboxes", get(inboxes::list).post(inboxes::create))
        .route("/v1/memberships", get(memberships::list))
        .route("/v1/memberships:batch", post(memberships::batch))
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), gate::pass))
        .with_state(app)
}

async fn unknown_route(request: Request) -> Problem {
    let path: String = request.uri().path().chars().take(200).collect();
    Problem::new(ProblemKind::UnknownRoute).with_detail(format!("the contract has no path {path}"))
}

async fn method_not_allowed() -> Problem {
    Problem::new(ProblemKind::MethodNotAllowed)
}

/// Removes old kept answers, at the start and then every hour.
async fn sweep(writer: writer::Writer) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tick.tick().await;
        loop {
            let work: writer::Work = Box::new(|db: &mut SqliteConnection| {
                async move { answer::Answer::ok(&kept::sweep(db, Timestamp::now().as_millisecond()).await?) }.boxed()
            });
            match writer.submit(work, None).await {
                Ok(answer) if answer.body == b"true" => {}
                Ok(_) => break,
                Err(failure) => {
                    drop(Problem::from(failure));
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
