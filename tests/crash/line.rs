//! What carries an operator's calls to the world, for one life of it: every call has a number, and may be the last.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use directory_sync::controller;
use directory_sync::http::{Error, InProcess};
use futures::stream;
use http::{HeaderValue, Request, Response, StatusCode};
use kube::Client;
use kube::client::ClientBuilder;
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::api_server::{self, Answer, Manners};
use crate::world::{NAMESPACE, World};
use crate::{company, platform};

/// When a crash comes, as seen from a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before it is sent.
    Before,
    /// After it took effect, before its answer is read.
    After,
}

/// What happens on the way.
#[derive(Clone, Copy, Debug)]
pub enum Weather {
    /// Nothing.
    Calm,
    /// The operator is gone at this call.
    Crash {
        /// The number of the call, from 1.
        call: usize,
        /// When.
        moment: Moment,
    },
    /// Everything that a network and a busy API server may do, by this seed.
    Rough(u64),
}

/// What became of a call.
enum Fate {
    /// Nothing unusual.
    Good,
    /// It isn't carried out.
    Refused,
    /// It is carried out, and nobody learns of it.
    Lost,
}

/// What carries one operator's calls.
pub struct Line {
    world: Arc<World>,
    weather: Weather,
    state: Mutex<State>,
    crashed: Notify,
}

struct State {
    calls: usize,
    /// The calls that aren't the beginnings of watches, which go on for ever.
    acts: usize,
    /// The call at which the operator went.
    last: Option<String>,
    random: fastrand::Rng,
    /// The calls so far, where somebody wants to know.
    names: Vec<String>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("weather", &self.weather)
            .finish_non_exhaustive()
    }
}

impl Line {
    /// A line to the world.
    pub fn new(world: &Arc<World>, weather: Weather) -> Arc<Self> {
        let seed = match weather {
            Weather::Rough(seed) => seed,
            _ => 0,
        };
        Arc::new(Self {
            world: Arc::clone(world),
            weather,
            state: Mutex::new(State {
                calls: 0,
                acts: 0,
                last: None,
                random: fastrand::Rng::with_seed(seed),
                names: Vec::new(),
            }),
            crashed: Notify::new(),
        })
    }

    /// The other end.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// A client of the cluster at the end of this line, with the operator's own layers. It belongs to the runtime on which it is made.
    pub fn client(self: &Arc<Self>) -> Client {
        let line = Arc::clone(self);
        let service = tower::service_fn(move |request| {
            let line = Arc::clone(&line);
            async move { line.cluster(request).await }
        });
        controller::patient(ClientBuilder::new(service, NAMESPACE))
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// How many of them weren't the beginnings of watches, which come and go whatever happens.
    pub fn acts(&self) -> usize {
        self.state().acts
    }

    /// What the calls were.
    pub fn names(&self) -> Vec<String> {
        self.state().names.clone()
    }

    /// Waits for the crash; says at which call it came.
    pub async fn crashed(&self) -> String {
        self.crashed.notified().await;
        self.state().last.clone().unwrap_or_default()
    }

    /// Carries one call: it takes effect at once, where it does.
    pub async fn carry<T>(&self, name: String, effect: impl FnOnce() -> T) -> Option<T> {
        let (number, fate, waits) = self.number(&name);
        match self.weather {
            Weather::Crash { call, moment } if number >= call => {
                if number == call && moment == Moment::After {
                    effect();
                }
                if number == call {
                    self.state().last = Some(format!("{moment:?} call {call}, {name}"));
                    self.crashed.notify_one();
                }
                std::future::pending().await
            }
            Weather::Calm | Weather::Crash { .. } => Some(effect()),
            Weather::Rough(_) => {
                tokio::time::sleep(waits.0).await;
                let done = match fate {
                    Fate::Refused => None,
                    Fate::Lost => {
                        effect();
                        None
                    }
                    Fate::Good => Some(effect()),
                };
                tokio::time::sleep(waits.1).await;
                done
            }
        }
    }

    fn number(&self, name: &str) -> (usize, Fate, (Duration, Duration)) {
        let mut state = self.state();
        state.calls += 1;
        state.acts += usize::from(!name.contains("WATCH"));
        let calls = state.calls;
        state.names.push(name.to_owned());
        let Weather::Rough(_) = self.weather else {
            return (calls, Fate::Good, (Duration::ZERO, Duration::ZERO));
        };
        let fate = match state.random.u8(..100) {
            0 => Fate::Refused,
            1..3 => Fate::Lost,
            _ => Fate::Good,
        };
        let mut wait = || Duration::from_millis(state.random.u64(0..8));
        (calls, fate, (wait(), wait()))
    }

    /// How the API server answers now.
    fn manners(&self) -> Manners {
        let Weather::Rough(_) = self.weather else {
            return Manners::default();
        };
        let mut state = self.state();
        Manners {
            behind: if state.random.u8(..3) == 0 {
                state.random.usize(..6)
            } else {
                0
            },
            gone: state.random.u8(..20) == 0,
        }
    }

    async fn cluster(self: Arc<Self>, request: Request<kube::client::Body>) -> Result<Response<Body>, std::io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.map_err(std::io::Error::other)?;
        let query = head.uri.query().unwrap_or_default();
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok());
        let request = api_server::Request {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            query,
        };
        let verb = if request.query.contains_key("watch") {
            "WATCH"
        } else {
            &request.method
        };
        let name = format!("API server: {verb} {}", request.path);
        let manners = self.manners();
        let answer = self.carry(name, || self.world.api.answer(&request, manners)).await;
        let (code, body) = match answer {
            Some(Answer::Object(code, object)) => (code, Body::from(object.to_string())),
            Some(Answer::Watch(changes)) => (200, self.watching(changes)),
            None => return self.trouble(&request),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        Ok(response)
    }

    /// What the operator sees of a call to the API server that went wrong.
    fn trouble(&self, request: &api_server::Request) -> Result<Response<Body>, std::io::Error> {
        let (code, reason) = match self.state().random.u8(..4) {
            0 => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            1 if request.path.ends_with("/status") => (409, "Conflict"),
            2 => (503, "ServiceUnavailable"),
            _ => (500, "InternalError"),
        };
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "rough weather",
            "reason": reason, "code": code,
        });
        let mut response = Response::new(Body::from(status.to_string()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        // Longer than the client waits by itself, which it draws from no seed of ours.
        response
            .headers_mut()
            .insert("retry-after", HeaderValue::from_static("6"));
        Ok(response)
    }

    /// The stream of a watch.
    fn watching(self: &Arc<Self>, changes: UnboundedReceiver<String>) -> Body {
        let line = Arc::clone(self);
        let events = stream::unfold((line, changes, None), |(line, mut changes, again)| async move {
            let event: String = match again {
                Some(event) => event,
                None => changes.recv().await?,
            };
            let (wait, ends, repeats) = line.delivery();
            tokio::time::sleep(wait).await;
            if ends {
                return None;
            }
            let again = repeats.then(|| event.clone());
            Some((
                Ok::<_, std::io::Error>(Bytes::from(event + "\n")),
                (line, changes, again),
            ))
        });
        Body::from_stream(events)
    }

    /// How a change comes: after how long, whether the watch breaks off instead, whether it comes once more.
    fn delivery(&self) -> (Duration, bool, bool) {
        let Weather::Rough(_) = self.weather else {
            return (Duration::ZERO, false, false);
        };
        let random = &mut self.state().random;
        (
            Duration::from_millis(random.u64(..20)),
            random.u8(..25) == 0,
            random.u8(..10) == 0,
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl InProcess for Line {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = match host.as_str() {
            platform::HOST => {
                let name = format!("platform: {method} {path}");
                self.carry(name, || self.world.platform.answer(request)).await
            }
            company::HOST => {
                let name = format!("directory: {method} {path}");
                self.carry(name, || self.world.scim.answer(&request)).await
            }
            other => panic!("nobody is at {other}"),
        };
        let Some(answer) = answer else {
            return Err(Error::Timeout { host });
        };
        Ok(answer)
    }
}
