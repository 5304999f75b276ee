//! The reference platform without its socket, on a file without durability, and what was written to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use directory_sync::platform::server::{Durability, Embedded, ServerConfig, TokenConfig};
use futures::executor::block_on;
use http::{Method, Request, Response};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::unconstrained;
use tower::ServiceExt as _;

/// The token of the operator and of everybody else.
pub const TOKEN: &str = "t0p-s3cret";

/// The host under which the operator reaches the platform.
pub const HOST: &str = "platform.test";

/// How much goes into one request: little, so that there are many.
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    /// Objects on a page.
    pub page: u32,
    /// Users in a batch.
    pub users: u32,
    /// Memberships in a batch.
    pub memberships: u32,
}

/// What was written, beside the state that it left.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Requests that may write.
    pub writes: usize,
    /// How often a user with this external id, or a team with this name, was created.
    pub created: BTreeMap<String, usize>,
    /// The users who were told to be inactive.
    pub deactivated: BTreeSet<String>,
    /// The users who were deleted.
    pub deleted: BTreeSet<String>,
    /// Memberships that were removed.
    pub removed: BTreeSet<String>,
}

/// A platform. It lives on a runtime of its own, with a clock of its own.
pub struct Platform {
    runtime: Arc<Runtime>,
    embedded: Option<Embedded>,
    router: Router,
    file: PathBuf,
    batches: Batches,
    log: Mutex<Log>,
}

impl Platform {
    /// Opens the platform of a database file; an empty one is made where there is none.
    pub fn open(runtime: &Arc<Runtime>, file: &Path, batches: Batches) -> Self {
        let config = ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: file.to_owned(),
            tokens: vec![TokenConfig::administrator(SecretString::from(TOKEN))],
            rate: None,
            seats: None,
        };
        let opening = runtime.spawn(Embedded::open(config, Durability::None));
        let embedded = wait(runtime, opening).unwrap().unwrap();
        Self {
            router: embedded.router.clone(),
            embedded: Some(embedded),
            runtime: Arc::clone(runtime),
            file: file.to_owned(),
            batches,
            log: Mutex::default(),
        }
    }

    /// Ends it and gives what its file holds.
    pub fn close(mut self) -> Vec<u8> {
        self.end();
        std::fs::read(&self.file).unwrap()
    }

    fn end(&mut self) {
        if let Some(embedded) = self.embedded.take() {
            self.router = Router::new();
            let closing = self.runtime.spawn(embedded.close());
            wait(&self.runtime, closing).unwrap();
        }
    }

    /// Answers a request of the operator, and waits for it.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (method, path, body) = (
            request.method().clone(),
            request.uri().path().to_owned(),
            request.body().clone(),
        );
        let answer = self.call(request);
        if path == "/v1/whoami" {
            return self.with_limits(answer);
        }
        if method != Method::GET {
            self.note(&method, &path, &body, &answer);
        }
        answer
    }

    /// What was written so far.
    pub fn log(&self) -> Log {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A whole list, as it is.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.ask(
                Method::GET,
                &format!("/v1/{path}{separator}limit=1000{cursor}"),
                &Value::Null,
            );
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Writes as an administrator does; what comes back.
    pub fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://{HOST}{path}").parse().unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        let answer = self.call(request);
        assert!(answer.status().is_success(), "{path}: {:?}", answer.body());
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// All that it holds, by what people know it by: without ids that depend on the order of creation, and without times.
    pub fn state(&self) -> BTreeMap<String, Value> {
        let names = |objects: &[Value]| -> BTreeMap<String, String> {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            objects
                .iter()
                .map(|object| (text(&object["id"]), text(&object["name"])))
                .collect()
        };
        let roles = names(&self.list("roles"));
        let (teams, inboxes) = (self.list("teams"), self.list("inboxes"));
        let mut containers = names(&teams);
        containers.extend(names(&inboxes));
        let mut state = BTreeMap::new();
        for team in teams {
            let entry = json!({ "mark": team["mark"], "externalId": team["externalId"] });
            state.insert(format!("team {}", team["name"]), entry);
        }
        let mut people = BTreeMap::new();
        for mut user in self.list("users") {
            let key = user["externalId"]
                .as_str()
                .or(user["email"].as_str())
                .unwrap()
                .to_owned();
            people.insert(user["id"].as_str().unwrap().to_owned(), key.clone());
            let named = |role: &Value| role.as_str().and_then(|role| roles.get(role)).cloned();
            user["role"] = json!(named(&user["role"]));
            if user["mark"]["role"].is_string() {
                user["mark"]["role"] = json!(named(&user["mark"]["role"]));
            }
            if let Some(mark) = user["mark"].as_object_mut() {
                // When it was, depends on when the operator ran.
                let time = mark.remove("deactivatedTime").filter(|time| !time.is_null());
                mark.insert("wasDeactivated".to_owned(), json!(time.is_some()));
            }
            let fields = user.as_object_mut().unwrap();
            ["id", "createdTime", "updatedTime"]
                .iter()
                .for_each(|field| drop(fields.remove(*field)));
            assert_eq!(state.insert(format!("user {key}"), user), None, "{key} is there twice");
        }
        for kind in ["team", "inbox"] {
            for membership in self.list(&format!("memberships?kind={kind}")) {
                let of =
                    |field: &str, names: &BTreeMap<String, String>| names[membership[field].as_str().unwrap()].clone();
                let key = format!("{kind} {} has {}", of("container", &containers), of("user", &people));
                state.insert(key, membership["mark"].clone());
            }
        }
        state
    }

    /// Answers on this very thread, which waits: nothing else of the operator goes on meanwhile.
    fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let router = self.router.clone();
        let _entered = self.runtime.enter();
        // Within a task of the operator, whose turn would be over in the middle.
        block_on(unconstrained(async move {
            let (head, body) = router.oneshot(request.map(Body::from)).await.unwrap().into_parts();
            Response::from_parts(head, to_bytes(body, usize::MAX).await.unwrap())
        }))
    }

    fn with_limits(&self, answer: Response<Bytes>) -> Response<Bytes> {
        answer.map(|body| {
            let mut account: Value = serde_json::from_slice(&body).unwrap();
            let Batches {
                page,
                users,
                memberships,
            } = self.batches;
            account["limits"]["pageSize"] = page.into();
            account["limits"]["userBatch"] = users.into();
            account["limits"]["membershipBatch"] = memberships.into();
            account.to_string().into()
        })
    }

    fn note(&self, method: &Method, path: &str, body: &[u8], answer: &Response<Bytes>) {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let replayed = answer.headers().contains_key("idempotency-replayed");
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.writes += 1;
        if !answer.status().is_success() || replayed {
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = asked["items"].as_array().into_iter().flatten();
        let results = told["items"].as_array().or(told["results"].as_array());
        let mut results = results.into_iter().flatten();
        if *method == Method::POST && path == "/v1/teams" {
            *log.created.entry(format!("team {}", text(&asked["name"]))).or_default() += 1;
        }
        for item in items {
            let result = results.next().expect("a result for each item");
            if !result["error"].is_null() {
                continue;
            }
            match path {
                "/v1/users:batchCreate" => *log.created.entry(text(&item["externalId"])).or_default() += 1,
                "/v1/users:batchUpdate" if item["active"] == false => drop(log.deactivated.insert(text(&item["id"]))),
                "/v1/users:batchDelete" => {
                    let id = item["id"].as_str().or(item.as_str()).unwrap_or_default();
                    log.deleted.insert(id.to_owned());
                }
                "/v1/memberships:batch" if item["op"] == "remove" => {
                    log.removed
                        .insert(format!("{} {}", text(&item["container"]), text(&item["user"])));
                }
                _ => {}
            }
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.end();
        for suffix in ["", "-wal", "-shm"] {
            let mut file = self.file.clone().into_os_string();
            file.push(suffix);
            // Some of them aren't there.
            drop(std::fs::remove_file(file));
        }
    }
}

/// Waits for a task without a runtime of one's own: whoever waits may be on one whose clock mustn't go on meanwhile.
fn wait<T: Send + 'static>(runtime: &Runtime, task: tokio::task::JoinHandle<T>) -> Result<T, tokio::task::JoinError> {
    let (tell, told) = mpsc::sync_channel(1);
    runtime.spawn(async move { drop(tell.send(task.await)) });
    told.recv().expect("the task ends")
}
