//! `controller`: the operator.

use std::sync::Arc;

use super::{Exit, args::ControllerArguments, error::Error};
use crate::{
    controller::{self, ControllerConfig},
    fault::chain,
    http::{Network, NetworkPolicy},
    store::Access,
    sync::ledger::{Ledgers, MemoryLedgers},
};

/// Runs the operator until it is told to stop.
pub async fn run(arguments: ControllerArguments) -> Result<Exit, Error> {
    let ControllerArguments {
        http_listen,
        namespace,
        max_syncs,
        observe_only,
        removals_max_percent,
        removals_max_count,
        read_memory_mib,
        store,
        network,
    } = arguments;
    let store = super::store::named(&store, Access::Write)?;
    let ledgers: Arc<dyn Ledgers> = if let Some(store) = &store {
        match store.ensure().await {
            Ok(()) => tracing::info!(store = store.name(), "Durable state is kept."),
            // It may come back while the operator runs; until then each connection says why nothing is written.
            Err(error) => tracing::error!(
                error = chain(&error),
                "The store can't be used. Nothing is written to any platform until it can; every sync tries it again."
            ),
        }
        Arc::new(store.clone())
    } else {
        tracing::warn!(
            "There is no --store: held plans in full, history and what syncs took, for restore, are forgotten; who is managed \
             is known from the platform's marks alone."
        );
        Arc::new(MemoryLedgers::default())
    };
    let config = ControllerConfig {
        http_listen,
        namespace,
        max_syncs: usize::from(max_syncs),
        observe_only,
        removals_max_percent,
        removals_max_count,
        read_memory: u64::from(read_memory_mib) << 20,
        network: Network::new(NetworkPolicy {
            allow_loopback: network.allow_loopback,
            allow_insecure: network.allow_insecure,
            allowed_hosts: network.allow_hosts,
        }),
        ledgers,
        ..ControllerConfig::default()
    };
    let failed = |error: controller::Error| Error::Controller(Box::new(error));
    let client = controller::client().await.map_err(failed)?;
    let ended = controller::run(config, client, interrupted()).await.map_err(failed);
    if let Some(store) = store {
        store.close().await;
    }
    ended.map(|()| Exit::Done)
}

/// Ends when the process is asked to: SIGTERM from Kubernetes, SIGINT from a person.
pub(super) async fn interrupted() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without a handler the signal ends the process at once, which is safe at any point.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
