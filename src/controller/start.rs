//! Starts the operator and ends it: first nothing new begins, then syncs stop after the batch in flight and are told of, and
//! the server of probes ends last.

use std::{convert::Infallible, fmt::Debug, sync::Arc, time::Duration};

use axum::body::HttpBody;
use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _, future};
use http::{Request, Response};
use kube::{
    Client, Config, Resource,
    client::{Body, ClientBuilder, retry::RetryPolicy},
    runtime::{
        applier,
        controller::{self, Action},
        reflector::{self, ObjectRef, Store},
    },
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Service, buffer::BufferLayer, retry::RetryLayer};

use super::{
    config::ControllerConfig,
    error::{Error, ReconcileError},
    fleet::{Fleet, Stores, Wakes, reference},
    mappings, reconcile,
    view::{Guarded, Key},
    watch::{Watched, watch},
};
use crate::{
    api::{DirectoryConnection, GroupMapping, SyncPlan},
    fault::chain,
    metrics::Metrics,
    server::{self, Readiness},
};

/// How many objects of a kind are looked at at once.
const CONCURRENCY: u16 = 32;

/// How long an object waits that couldn't be looked after.
const RETRY: Duration = Duration::from_secs(5);

/// How long the server of probes may take to end.
const SERVER_GRACE: Duration = Duration::from_secs(2);

/// Retries of one call to the API server: kube's own default lasts for many minutes.
const RETRIES: u32 = 4;
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
const BUFFERED_CALLS: usize = 1024;

/// A client of the cluster that the environment names: `KUBECONFIG`, `~/.kube/config`, or the `ServiceAccount` of the pod.
pub async fn client() -> Result<Client, Error> {
    let config = Config::infer()
        .await
        .map_err(|error| Error::Kubeconfig(Box::new(error)))?;
    client_of(config)
}

/// A client whose calls end in good time.
pub fn client_of(mut config: Config) -> Result<Client, Error> {
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).map_err(|error| Error::Client(Box::new(error)))?;
    Ok(patient(builder))
}

/// The client over any service: a call that the API server is too busy for is repeated a few times. It is made, and used, on
/// one runtime.
pub fn patient<S, B>(builder: ClientBuilder<S>) -> Client
where
    S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send + Sync,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    match RetryPolicy::new(FIRST_RETRY, LAST_RETRY, RETRIES, true) {
        // A call that is repeated needs a service that can be cloned.
        Ok(policy) => builder
            .with_layer(&BufferLayer::new(BUFFERED_CALLS))
            .with_layer(&RetryLayer::new(policy))
            .build(),
        Err(error) => {
            tracing::warn!(%error, "Calls to the API server are not retried.");
            builder.build()
        }
    }
}

/// Runs the operator until `shutdown` is ready.
pub async fn run(
    config: ControllerConfig,
    client: Client,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let listen = |source| Error::Listen {
        address: config.http_listen,
        source,
    };
    let listener = TcpListener::bind(config.http_listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let metrics = Metrics::new()?;
    let (stop_watching, stop_serving) = (CancellationToken::new(), CancellationToken::new());
    let readiness = Arc::new(Readiness::default());

    let (stores, writers) = Stores::new();
    let (connection_wakes, woken_connections) = mpsc::unbounded_channel();
    let (mapping_wakes, woken_mappings) = mpsc::unbounded_channel();
    let wakes = Wakes {
        connections: connection_wakes,
        mappings: mapping_wakes,
    };
    let fleet = Arc::new(Fleet::new(config, &client, metrics, stores, wakes));

    let server = tokio::spawn(server::serve(
        listener,
        Arc::clone(&readiness),
        {
            let fleet = Arc::clone(&fleet);
            move || fleet.render_metrics()
        },
        stop_serving.clone(),
    ));
    tracing::info!(%address, "The operator serves /metrics, /healthz and /readyz.");
    let watching = |kind| readiness.wait_for(kind, "not listed yet");
    watching(DirectoryConnection::PLURAL);
    watching(GroupMapping::PLURAL);
    watching(SyncPlan::PLURAL);
    let shared = || (Arc::clone(&fleet), Arc::clone(&readiness), stop_watching.clone());
    let mut parts = JoinSet::new();
    spawn_watch::<DirectoryConnection>(&mut parts, writers.connections, shared());
    spawn_watch::<GroupMapping>(&mut parts, writers.mappings, shared());
    spawn_watch::<SyncPlan>(&mut parts, writers.plans, shared());
    parts.spawn(look_after(
        Arc::clone(&fleet),
        woken_connections,
        woken_mappings,
        stop_watching.clone(),
    ));

    let asked = tokio::select! {
        () = shutdown => Ok(()),
        error = first_end(&mut parts) => Err(error),
    };
    if let Err(error) = &asked {
        // Whoever asks whether it is alive is told the truth, while syncs under way come to their end.
        readiness.give_up(chain(error));
        tracing::error!(error = chain(error), "The operator can't go on, and ends.");
    } else {
        tracing::info!("The operator is told to end.");
    }
    readiness.wait_for("operator", "it is ending");
    end(&fleet, &stop_watching, parts).await;
    stop_serving.cancel();
    if tokio::time::timeout(SERVER_GRACE, server).await.is_err() {
        tracing::debug!("A client kept its connection to the server of probes.");
    }
    tracing::info!("The operator has ended.");
    asked
}

/// Waits for one of the parts to end. None does while nobody tells it to, unless it panicked: what it did is done by nobody
/// then.
async fn first_end(parts: &mut JoinSet<()>) -> Error {
    Error::Part(parts.join_next().await.and_then(Result::err))
}

/// Ends in order, within the time of grace.
async fn end(fleet: &Fleet, stop_watching: &CancellationToken, mut parts: JoinSet<()>) {
    // From here on no sync begins; those that wait for their turn end, the others stop after the batch in flight.
    fleet.stop.cancel();
    stop_watching.cancel();
    fleet.tasks.close();
    let grace = fleet.config.timing.grace;
    let all = async {
        while let Some(ended) = parts.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "A part of the operator failed.");
            }
        }
        fleet.tasks.wait().await;
    };
    if tokio::time::timeout(grace, all).await.is_err() {
        tracing::warn!(
            syncs = fleet.tasks.len(),
            "Syncs were still under way at the end of the time of grace; the next start goes on from there."
        );
    }
    fleet.abandon.cancel();
}

fn spawn_watch<K>(
    parts: &mut JoinSet<()>,
    writer: reflector::store::Writer<Guarded<K>>,
    (fleet, readiness, stop): (Arc<Fleet>, Arc<Readiness>, CancellationToken),
) where
    K: Watched + Clone + Debug + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    parts.spawn(watch::<K>(fleet, writer, readiness, stop));
}

/// Looks after connections and mappings, once all three stores hold what there is: before, a mapping that hasn't been listed
/// yet would be taken for one that is gone.
async fn look_after(
    fleet: Arc<Fleet>,
    woken_connections: mpsc::UnboundedReceiver<Key>,
    woken_mappings: mpsc::UnboundedReceiver<Key>,
    stop: CancellationToken,
) {
    let Stores {
        connections,
        mappings,
        plans,
    } = fleet.stores.clone();
    let listed = future::join3(
        connections.wait_until_ready(),
        mappings.wait_until_ready(),
        plans.wait_until_ready(),
    );
    tokio::select! {
        biased;
        () = stop.cancelled() => return,
        _ = listed => {}
    }
    tracing::info!(
        connections = connections.len(),
        mappings = mappings.len(),
        "All objects are listed."
    );
    let of_connections = reconciler(&fleet, connections, woken_connections, &stop, reconcile::reconcile);
    let of_mappings = reconciler(&fleet, mappings, woken_mappings, &stop, mappings::reconcile);
    future::join(of_connections, of_mappings).await;
}

/// What kube's `Controller` does with watches of its own, with ours: they are shared by two reconcilers.
async fn reconciler<K, F>(
    fleet: &Arc<Fleet>,
    store: Store<Guarded<K>>,
    woken: mpsc::UnboundedReceiver<Key>,
    stop: &CancellationToken,
    reconcile: fn(Arc<Guarded<K>>, Arc<Fleet>) -> F,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    F: Future<Output = Result<Action, ReconcileError>> + Send + 'static,
{
    let config = controller::Config::default().concurrency(CONCURRENCY);
    let attempt = move |object, fleet| {
        // A task of its own: a panic is the failure of one object.
        let task = tokio::spawn(reconcile(object, fleet));
        task.map(|ended| ended.unwrap_or_else(|error| Err(ReconcileError::Panic(error))))
    };
    let retry = |_: Arc<Guarded<K>>, error: &ReconcileError, _: Arc<Fleet>| {
        tracing::warn!(
            error = chain(error),
            "An object couldn't be looked after; it is tried again."
        );
        Action::requeue(RETRY)
    };
    applier(attempt, retry, Arc::clone(fleet), store, queue(woken, stop.clone()), config)
        // Failures were told of; what else comes is an object that was woken and is gone.
        .for_each(|_| future::ready(()))
        .await;
}

fn queue<K>(
    woken: mpsc::UnboundedReceiver<Key>,
    stop: CancellationToken,
) -> impl Stream<Item = Result<ObjectRef<Guarded<K>>, Infallible>>
where
    K: Resource<DynamicType = ()>,
{
    let woken = futures::stream::unfold(woken, |mut woken| async {
        let key = woken.recv().await?;
        Some((Ok(reference(&key)), woken))
    });
    woken.take_until(stop.cancelled_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_operator_ends_with_an_error_when_one_of_its_parts_does() {
        let mut parts = JoinSet::new();
        parts.spawn(future::pending());
        parts.spawn(async { panic!("a watch") });
        let error = chain(&first_end(&mut parts).await);
        assert!(error.contains("ended by itself") && error.contains("panic"), "{error}");

        parts.spawn(async {});
        assert!(matches!(first_end(&mut parts).await, Error::Part(None)));
    }
}
