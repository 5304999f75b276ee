//! A fake provider for faults and odd ways; the examples of the RFCs for the mapping. What an honest provider does is
//! tested with a real one in `tests/integration/scim.rs`.

mod examples;
mod faults;
mod members;
mod pages;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, Uri},
};
use directory_sync_model::{
    attribute::AttributeSet,
    fingerprint::FingerprintKey,
    snapshot::{Doubt, Snapshot},
};
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    directory::fetch::{FetchFailure, FetchLimits, fetch},
    http::{
        Auth, Tls, parse_base,
        testing::{Server, open_network, serve},
    },
};

/// A request as the fake sees it.
#[derive(Clone, Debug)]
struct Asked {
    path: String,
    query: BTreeMap<String, String>,
}

impl Asked {
    fn number(&self, name: &str) -> usize {
        self.query.get(name).map_or(1, |text| text.parse().unwrap())
    }

    /// The part of `all` that a provider that keeps to the RFC sends for this request.
    fn page(&self, all: &[Json]) -> Json {
        let (start, count) = (self.number("startIndex") - 1, self.number("count"));
        let rows: Vec<_> = all.iter().skip(start).take(count).collect();
        json!({ "totalResults": all.len(), "startIndex": start + 1, "Resources": rows })
    }
}

type Shared = (Arc<Mutex<Vec<Asked>>>, Arc<Answer>);
type Answer = Box<dyn Fn(&Asked) -> (u16, String) + Send + Sync>;

struct Fake {
    server: Server,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// A provider that answers like this; groups, and what it says of itself, are absent unless it answers for them.
    async fn answering(answer: impl Fn(&Asked) -> (u16, Json) + Send + Sync + 'static) -> Self {
        Self::answering_text(Box::new(move |asked| {
            let (status, body) = answer(asked);
            (status, body.to_string())
        }))
        .await
    }

    async fn answering_text(answer: Answer) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let state = (Arc::clone(&asked), Arc::new(answer));
        let handle = |State((log, answer)): State<Shared>, uri: Uri, Query(query): Query<BTreeMap<String, String>>| async move {
            let asked = Asked {
                path: uri.path().trim_start_matches("/scim/").to_owned(),
                query,
            };
            log.lock().unwrap().push(asked.clone());
            let (status, body) = answer(&asked);
            (StatusCode::from_u16(status).unwrap(), body)
        };
        let server = serve(Router::new().fallback(handle).with_state(state)).await;
        Self { server, asked }
    }

    /// A provider of which nothing is noted.
    fn of(server: Server) -> Self {
        Self {
            server,
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The requests of one path, each by its query less the choice of attributes.
    fn queries(&self, path: &str) -> Vec<String> {
        let of_path = self.asked().into_iter().filter(|asked| asked.path == path);
        of_path
            .map(|asked| {
                let query = asked
                    .query
                    .iter()
                    .filter(|(name, _)| !name.to_lowercase().contains("attributes"));
                query
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect::<Vec<_>>()
                    .join("&")
            })
            .collect()
    }

    fn config(&self) -> Config {
        Config {
            tls: Tls {
                ca_pem: None,
                insecure_http: true,
            },
            paging: Paging::Index,
            page_size: 3,
            select_attributes: false,
            ..Config::new(
                parse_base(&format!("{}/scim", self.server.url)).unwrap(),
                Auth::Bearer("t0ken".into()),
            )
        }
    }

    fn directory(&self) -> ScimDirectory {
        ScimDirectory::new(self.config(), &open_network()).unwrap()
    }

    /// A directory that asks for nothing but what is read.
    fn selecting(&self) -> ScimDirectory {
        let config = Config {
            select_attributes: true,
            ..self.config()
        };
        ScimDirectory::new(config, &open_network()).unwrap()
    }
}

async fn try_fetch(directory: &ScimDirectory, wanted: AttributeSet) -> Result<Snapshot, FetchFailure> {
    fetch(
        directory,
        wanted,
        FingerprintKey::new(1, 2),
        FetchLimits {
            max_pages: 50,
            ..FetchLimits::default()
        },
        &|_| {},
    )
    .await
}

async fn snapshot(directory: &ScimDirectory) -> Snapshot {
    try_fetch(directory, AttributeSet::EMPTY).await.unwrap()
}

/// So many users, `u-1` and so on.
fn people(count: usize) -> Vec<Json> {
    (1..=count)
        .map(|number| json!({ "id": format!("u-{number}"), "userName": format!("u{number}@acme.test") }))
        .collect()
}

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    (0..snapshot.user_count()).map(|user| snapshot.user_id(user)).collect()
}

fn everything() -> AttributeSet {
    AttributeSet::ALL
}
