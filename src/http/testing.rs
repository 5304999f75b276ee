//! A server in this process for the tests of faults, and a client for it.

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Auth, HttpClient, Network, NetworkPolicy, Timeouts, Tls};

/// A server on a free port of the loopback address; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { url, task }
}

/// A network that allows what tests need: loopback and plain text.
pub(crate) fn open_network() -> Network {
    Network::new(NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        allowed_hosts: Vec::new(),
    })
}

pub(crate) fn client_with(url: &str, auth: Auth) -> HttpClient {
    let tls = Tls {
        ca_pem: None,
        insecure_http: true,
    };
    let base = super::parse_base(url).unwrap();
    HttpClient::new(&open_network(), &tls, Timeouts::default(), auth, base).unwrap()
}

pub(crate) fn client(url: &str) -> HttpClient {
    client_with(url, Auth::Bearer("t0ken".into()))
}
