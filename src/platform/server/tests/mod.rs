//! The rules of the contract, each against a real server on a file of its own.

mod account;
mod durability;
mod idempotency;
mod memberships;
mod objects;
mod paging;
mod protocol;
mod user_batches;
mod users;

use std::{net::SocketAddr, num::NonZeroU32, path::Path, sync::Arc};

use reqwest::{Client, Method, header::HeaderMap};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{ServerConfig, ServerError, TokenConfig, serve};
use crate::platform::rest::wire::{Problem, ProblemKind};

const TOKEN: &str = "t0p-s3cret";

/// A server that runs, and a client with its administrator's token.
struct Server {
    client: Client,
    address: SocketAddr,
    folder: Arc<TempDir>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServerError>>,
}

/// An answer, read whole.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), change).await
    }

    async fn start_in(folder: Arc<TempDir>, change: impl FnOnce(&mut ServerConfig)) -> Self {
        // A second call finds it installed, which is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: folder.path().join("platform.db"),
            tokens: vec![TokenConfig::administrator(SecretString::from(TOKEN))],
            rate: None,
            seats: None,
        };
        change(&mut config);
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let task = tokio::spawn(serve(config, move |address| drop(ready.send(address)), shutdown));
        let address = address.await.expect("the server starts");
        Self {
            client: Client::new(),
            address,
            folder,
            stop,
            task,
        }
    }

    /// Stops the server and gives its folder back.
    async fn stop(self) -> Arc<TempDir> {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
        self.folder
    }

    fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("platform.db")
    }

    /// A request with the token, to be changed and sent.
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
            .bearer_auth(TOKEN)
    }

    async fn get(&self, path: &str) -> Reply {
        reply(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        reply(self.request(Method::POST, path).json(&body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Reply {
        reply(self.request(Method::PATCH, path).json(&body)).await
    }

    /// Posts and gives the id of what was created.
    async fn create(&self, path: &str, body: Value) -> String {
        let reply = self.post(path, body).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.body["id"].as_str().unwrap().to_owned()
    }

    /// Creates users in batches and gives their ids.
    async fn create_users(&self, emails: impl IntoIterator<Item = String>) -> Vec<String> {
        let items: Vec<Value> = emails.into_iter().map(|email| json!({ "email": email })).collect();
        let mut ids = Vec::new();
        for items in items.chunks(100) {
            let reply = self.post("/v1/users:batchCreate", json!({ "items": items })).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            let results = reply.body["results"].as_array().unwrap();
            ids.extend(results.iter().map(|result| result["id"].as_str().unwrap().to_owned()));
        }
        ids
    }
}

/// Sends a request and reads the answer, whose body must be JSON.
async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply {
        status,
        headers,
        body: response.json().await.unwrap(),
    }
}

impl Reply {
    /// The body as the type that a client reads it as.
    fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The problem, which must be of this kind, in the status, the body and the media type.
    fn problem(&self, kind: ProblemKind) -> Problem {
        let problem: Problem = self.read();
        assert_eq!(problem.kind(), Some(kind), "{}", self.body);
        assert_eq!((self.status, problem.status), (kind.status(), kind.status()));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        problem
    }

    /// Where the request was wrong: pointers and parameters.
    fn places(&self, kind: ProblemKind) -> Vec<String> {
        let errors = self.problem(kind).errors;
        errors
            .into_iter()
            .map(|place| place.pointer.or(place.parameter).unwrap())
            .collect()
    }
}

/// The problem of an item of a batch.
fn item_problem(result: &Value) -> Problem {
    serde_json::from_value(result["error"].clone()).unwrap()
}

fn rate(rate: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(rate)
}

fn token(token: &str, account: &str, role: &str, read_only: bool) -> TokenConfig {
    TokenConfig {
        token: SecretString::from(token),
        account: account.into(),
        role: role.into(),
        read_only,
    }
}

fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = format!("platform.db{suffix}");
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}
