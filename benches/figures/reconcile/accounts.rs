//! A platform with many accounts that are in step already: it answers every list from memory and refuses to write.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// How many people each account has, all in one team.
const PEOPLE: u32 = 3;

const TIME: &str = "2026-03-01T08:00:00.000Z";

/// The platform. Each account is the path of its name, which is the second half of its owner's.
pub struct Accounts {
    pub address: SocketAddr,
    asked: Arc<Mutex<Asked>>,
}

/// What was asked for, since it was last looked at.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Paths without their account, and how often.
    pub reads: BTreeMap<String, u64>,
    /// Requests that would have written.
    pub writes: u64,
}

#[derive(Clone)]
struct Desk {
    namespace: String,
    asked: Arc<Mutex<Asked>>,
}

impl Accounts {
    /// Serves until the runtime ends.
    pub async fn serve(namespace: &str) -> Self {
        let asked = Arc::<Mutex<Asked>>::default();
        let desk = Desk {
            namespace: namespace.to_owned(),
            asked: Arc::clone(&asked),
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let app = Router::new().fallback(answer).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, asked }
    }

    /// What was asked for since the last call.
    pub fn take(&self) -> Asked {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// The people of the directory, as `people.csv`.
pub fn company() -> String {
    let rows =
        (1..=PEOPLE).map(|number| format!("{number},p{number}@acme.test,Given{number},Family{number},support\n"));
    std::iter::once("id,email,givenName,familyName,groups\n".to_owned())
        .chain(rows)
        .collect()
}

async fn answer(State(desk): State<Desk>, method: Method, uri: Uri) -> Response {
    let what = uri.path_and_query().map_or("", |path| path.as_str());
    let (account, what) = what.trim_start_matches('/').split_once('/').unwrap_or_default();
    let mut asked = desk.asked.lock().unwrap();
    if method != Method::GET {
        asked.writes += 1;
        return StatusCode::FORBIDDEN.into_response();
    }
    *asked.reads.entry(what.to_owned()).or_default() += 1;
    drop(asked);
    let owner = format!("{}/{account}", desk.namespace);
    let list = uri.path().rsplit('/').next().unwrap_or_default();
    let items = match list {
        "whoami" => return Json(whoami()).into_response(),
        "roles" => vec![json!({
            "id": "role_00000001", "name": "member", "description": null, "kind": "default",
            "administrator": false, "isDefault": true,
        })],
        "teams" => vec![json!({
            "id": "team_00000001", "name": "Support", "description": null, "mark": { "owner": owner },
            "createdTime": TIME, "updatedTime": TIME, "etag": "1",
        })],
        "users" => (1..=PEOPLE).map(|number| user(number, &owner)).collect(),
        "memberships" if what.contains("kind=team") => (1..=PEOPLE)
            .map(|number| json!({ "container": "team_00000001", "user": id(number), "mark": { "owner": owner } }))
            .collect(),
        _ => Vec::new(),
    };
    let body = json!({ "total": items.len(), "items": items });
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn id(number: u32) -> String {
    format!("usr_{number:08}")
}

fn user(number: u32, owner: &str) -> Value {
    json!({
        "id": id(number), "externalId": number.to_string(), "email": format!("p{number}@acme.test"),
        "givenName": format!("Given{number}"), "familyName": format!("Family{number}"), "displayName": null,
        "phone": null, "active": true, "role": "role_00000001", "attributes": {}, "tags": [],
        "mark": { "owner": owner, "role": null },
        "createdTime": TIME, "updatedTime": TIME, "etag": "1",
    })
}

fn whoami() -> Value {
    let permissions: Vec<String> = ["users", "teams", "roles", "inboxes", "memberships"]
        .iter()
        .flat_map(|of| [format!("{of}:read"), format!("{of}:write")])
        .collect();
    json!({
        "id": "svc_bench", "kind": "service", "role": "role_00000001", "permissions": permissions,
        "limits": {
            "pageSize": 1000, "userBatch": 100, "membershipBatch": 1000, "requestBytes": 1_048_576,
            "requestsPerSecond": null,
        },
        "seats": { "limit": null, "used": PEOPLE },
    })
}
