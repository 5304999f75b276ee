//! What `directory-sync restore SYNC_ID` does, at the other end of a line: [`sync::restore`] with what the store knows of the
//! last sync, between the same ends and with the same rules.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use async_trait::async_trait;
use directory_sync::api::reference::{KeyRef, ObjectKind};
use directory_sync::api::{DirectoryConnection, GroupMapping};
use directory_sync::call::CallMetrics;
use directory_sync::resolve::{self, Connector, Documents, Missing};
use directory_sync::sync::ledger::{Ledgers as _, RESTORE, Scope};
use directory_sync::sync::{self, Mode, Options, Outcome};
use directory_sync_model::fingerprint::FingerprintKey;
use futures::future::{BoxFuture, FutureExt as _};
use k8s_openapi::ByteString;
use secrecy::SecretSlice;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::ledger::StoreOnLine;
use crate::life::network;
use crate::line::Line;
use crate::world::{NAMESPACE, World};

/// Gives back what the last sync of `acme` took, unless that is done already.
pub fn restore(line: Arc<Line>) -> BoxFuture<'static, ()> {
    async move {
        if line.world().commanded.load(Ordering::Relaxed) {
            return;
        }
        give_back(&line).await;
        line.world().commanded.store(true, Ordering::Relaxed);
    }
    .boxed()
}

async fn give_back(line: &Arc<Line>) {
    let world = line.world();
    let (connection, mappings) = manifests(world);
    let status = connection.status.as_ref().expect("it was synced");
    let last = &status.last_sync.as_ref().expect("it was synced").id;

    let store = StoreOnLine::open(line).await;
    let taken = store.taken(last).await.expect("the store knows the last sync");
    assert!(!taken.removals.is_empty(), "sync {last} took nothing");
    let rules = resolve::rules(&connection, &mappings).unwrap();
    let connector = Connector {
        network: network(line),
        limiters: Arc::default(),
        metrics: Arc::new(CallMetrics::new(&prometheus::Registry::new()).unwrap()),
    };
    let ends = resolve::ends(&connection, &rules, &Files(world), &connector)
        .await
        .unwrap();
    let ledger = store.of(&Scope {
        connection: format!("{NAMESPACE}/acme"),
        owner: connection.owner_id(),
        platform: resolve::platform_address(&connection).unwrap(),
        trigger: RESTORE.to_owned(),
    });
    let options = Options::new(
        sync::new_id(),
        Mode::Apply,
        SystemTime::now(),
        FingerprintKey::new(fastrand::u64(..), fastrand::u64(..)),
    );
    let stop = CancellationToken::new();
    let platform = ends.platform.as_ref();
    let report = sync::restore(
        platform,
        &rules,
        &taken.removals,
        &options,
        ledger.as_ref(),
        (&stop, &()),
    )
    .await;
    let done = [Outcome::Synced, Outcome::Unchanged].contains(&report.outcome);
    assert!(done, "it couldn't be given back: {report:?}");
}

/// The connection and its mappings, as the files say that people have of them.
fn manifests(world: &World) -> (DirectoryConnection, Vec<GroupMapping>) {
    let connection = world.api.get("directoryconnections", NAMESPACE, "acme");
    let mappings = world.api.all("groupmappings").into_iter().map(read);
    (read(connection.expect("it is there")), mappings.collect())
}

fn read<T: DeserializeOwned>(object: serde_json::Value) -> T {
    serde_json::from_value(object).unwrap()
}

/// Secrets and `ConfigMap`s from the same files.
struct Files<'a>(&'a World);

#[async_trait]
impl Documents for Files<'_> {
    async fn key(&self, namespace: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing> {
        let plural = match key.kind {
            ObjectKind::ConfigMap => "configmaps",
            ObjectKind::Secret => "secrets",
        };
        let object = self
            .0
            .api
            .get(plural, namespace, key.name.as_str())
            .expect("it is there");
        let value = object["data"][key.key].clone();
        let bytes = match key.kind {
            ObjectKind::ConfigMap => read::<String>(value).into_bytes(),
            ObjectKind::Secret => read::<ByteString>(value).0,
        };
        Ok(bytes.into())
    }
}
