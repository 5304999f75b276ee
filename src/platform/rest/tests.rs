//! The client against the reference server: a real one, on a free port, with a database of its own.

mod reading;
mod refusals;
mod writing;

use std::{net::SocketAddr, num::NonZeroU32, thread};

use directory_sync_model::observed::{ContainerKind, Mark, UserFields};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use url::Url;

use super::{testing::Seen, *};
use crate::{
    fault::{Class, Fault as _},
    http::NetworkPolicy,
    platform::server::{self, ServerConfig, ServerError, TokenConfig},
};

const OWNER: &str = "eu1/acme";
const TOKEN: &str = "t0ken-of-a-service";

/// A running server and a client of it.
struct Running {
    platform: RestPlatform,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: thread::JoinHandle<Result<(), ServerError>>,
    // Removed when the server is stopped.
    _folder: tempfile::TempDir,
}

async fn start() -> Running {
    start_with(|_| ()).await
}

async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut config = ServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        database: folder.path().join("platform.sqlite"),
        tokens: vec![TokenConfig::administrator(TOKEN.into())],
        rate: None,
        seats: None,
    };
    change(&mut config);
    let (listens, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let serving = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let tell = |address| listens.send(address).unwrap();
        runtime.block_on(server::serve(config, tell, async move { drop(stopped.await) }))
    });
    let address = address.await.unwrap();
    Running {
        platform: client(address, TOKEN, 1000),
        address,
        stop,
        serving,
        _folder: folder,
    }
}

fn client(address: SocketAddr, token: &str, page_size: u32) -> RestPlatform {
    let network = Network::new(NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        ..NetworkPolicy::default()
    });
    let url = Url::parse(&format!("http://{address}")).unwrap();
    let config = Config {
        insecure_http: true,
        page_size,
        ..Config::new(url, token.into())
    };
    RestPlatform::new(config, &network).unwrap()
}

impl Running {
    /// Stops the server and sees to it that it ended well.
    fn stop(self) {
        self.stop.send(()).unwrap();
        drop(self.platform);
        self.serving.join().unwrap().unwrap();
    }

    /// Writes as somebody else does: a user, team, role or inbox made by hand. Returns its id.
    async fn by_hand(&self, path: &str, body: Value) -> String {
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        let answer = self.platform.client.post(path, &body).send(1 << 20).await.unwrap();
        answer.json::<Made>("an object").unwrap().id
    }

    async fn see(&self, part: Part) -> Seen {
        see(&self.platform, part).await
    }
}

/// All pages of a part.
async fn see(platform: &RestPlatform, part: Part) -> Seen {
    let mut seen = Seen::default();
    let mut cursor = None;
    loop {
        let before = seen.rows();
        let end = platform.read(part, cursor.as_deref(), &mut seen).await.unwrap();
        assert_eq!(end.rows, (seen.rows() - before) as u64);
        cursor = end.next;
        if cursor.is_none() {
            assert_eq!(end.total, Some(seen.rows() as u64));
            return seen;
        }
    }
}

fn key(name: &str) -> WriteKey {
    WriteKey(format!("sync-1/{name}"))
}

fn mark() -> Mark {
    Mark {
        owner: OWNER.to_owned(),
        role: None,
        deactivated: None,
    }
}

fn new_user(number: usize) -> NewUser {
    NewUser {
        external_id: format!("e-{number}"),
        fields: UserFields {
            email: format!("user{number}@acme.test"),
            ..UserFields::default()
        },
        role: None,
        mark: mark(),
    }
}

fn team(name: &str) -> NewTeam {
    NewTeam {
        name: name.to_owned(),
        external_id: None,
    }
}

fn membership(container: &str, user: &str, add: bool) -> MembershipWrite {
    let kind = if container.starts_with("inbox") {
        ContainerKind::Inbox
    } else {
        ContainerKind::Team
    };
    MembershipWrite {
        kind,
        container: container.to_owned(),
        user: user.to_owned(),
        add,
        adopt_from: Vec::new(),
    }
}

/// The class of each failure; `None` for a success.
fn classes<T>(results: &[Result<T, Error>]) -> Vec<Option<Class>> {
    results
        .iter()
        .map(|result| result.as_ref().err().map(Error::class))
        .collect()
}
