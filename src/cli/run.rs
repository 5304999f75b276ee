//! `plan` and `sync`: the pipeline once, from manifests.

use std::{io, sync::Arc, time::SystemTime};

use directory_sync_model::{fingerprint::FingerprintKey, plan::PlanHash, rules::Rules};
use kube::ResourceExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    Exit,
    args::{GRACE, ManifestArguments, Output, PlanArguments, StoreArguments, SyncArguments},
    error::Error,
    manifests::{self, Manifests},
    progress::Progress,
    render::{self, Next, Paint},
    view::ReportView,
    warn, written,
};
use crate::{
    api::connection,
    call::{CallMetrics, LimiterRegistry},
    http::{Network, NetworkPolicy},
    resolve::{self, Connector, EachEnd},
    store::Access,
    sync::{
        self, Ends, MemoryLedger, Mode, Options, Outcome, Report,
        ledger::{Ledger, Ledgers as _, Scope},
    },
    telemetry::{begin_sync, sync_span},
};

/// Shows what a sync would change.
pub async fn plan(arguments: &PlanArguments) -> Result<Exit, Error> {
    if arguments.held {
        return super::store::held(arguments).await;
    }
    let (manifests, store) = (&arguments.manifests, &arguments.store);
    once(manifests, Some(Mode::Observe), None, store, arguments.output).await
}

/// Syncs once. A connection whose own mode is Observe is observed.
pub async fn sync(arguments: &SyncArguments) -> Result<Exit, Error> {
    let approved = arguments.approve.as_deref().map(PlanHash::from_text);
    once(&arguments.manifests, None, approved, &arguments.store, arguments.output).await
}

async fn once(
    manifests: &ManifestArguments,
    mode: Option<Mode>,
    approved: Option<PlanHash>,
    store: &StoreArguments,
    output: Output,
) -> Result<Exit, Error> {
    let loaded = manifests::load(manifests)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    let name = loaded.connection.name_any();
    if mode.is_none() && loaded.connection.spec.suspend {
        return Err(Error::Connection(format!(
            "DirectoryConnection {name:?}: spec.suspend is true, so nothing is read or written; set it to false, or see with \
             `directory-sync plan` what a sync would change"
        )));
    }
    if loaded.mappings.is_empty() {
        let namespace = loaded.connection.namespace().unwrap_or_default();
        return Err(Error::NoMappings { namespace, name });
    }
    let rules = rules(&loaded)?;
    let ends = ends(&loaded, &rules, manifests).await?;
    // What is only observed is only read.
    let access = match mode {
        Some(Mode::Observe) => Access::Read,
        _ => Access::Write,
    };
    let ledger = ledger(&loaded, store, access).await?;
    let own = match loaded.connection.spec.mode {
        connection::Mode::Apply => Mode::Apply,
        connection::Mode::Observe => Mode::Observe,
    };
    let options = Options {
        mode: mode.unwrap_or(own),
        approved,
        ..options()
    };
    let (report, view) = carried_out(&loaded, &options, async |stop, progress| {
        sync::run(&ends, &rules, &options, ledger.as_ref(), stop, progress).await
    })
    .await?;
    let next = Next {
        command: "sync",
        only_observes: own == Mode::Observe,
    };
    finish(&report, &view, next, output)
}

/// Carries out a run to its end, or until it is interrupted and takes too long to stop.
pub(super) async fn carried_out(
    loaded: &Manifests,
    options: &Options,
    run: impl AsyncFnOnce(&CancellationToken, &Progress) -> Report,
) -> Result<(Report, ReportView), Error> {
    let name = loaded.connection.name_any();
    let namespace = loaded.connection.namespace().unwrap_or_default();
    let stop = CancellationToken::new();
    let interrupt = tokio::spawn({
        let stop = stop.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        }
    });
    let progress = Progress::new();
    let running = async {
        begin_sync(&options.id);
        run(&stop, &progress).await
    };
    let mut report = tokio::select! {
        biased;
        report = Box::pin(running.instrument(sync_span(&namespace, &name))) => report,
        () = given_up(&stop) => return Err(Error::Interrupted),
    };
    interrupt.abort();
    report.notices.extend(resolve::advice(&loaded.connection));
    let view = ReportView::of(name, &report, progress.finish());
    Ok((report, view))
}

/// The ledger of a connection in the store that was named, or one that lasts as long as the command.
async fn ledger(loaded: &Manifests, store: &StoreArguments, access: Access) -> Result<Arc<dyn Ledger>, Error> {
    Ok(match super::store::open(store, access).await? {
        Some(store) => store.of(&scope(loaded)),
        None => Arc::new(MemoryLedger::new()),
    })
}

/// Whose ledger it is.
pub(super) fn scope(loaded: &Manifests) -> Scope {
    let connection = &loaded.connection;
    Scope {
        connection: format!(
            "{}/{}",
            connection.namespace().unwrap_or_default(),
            connection.name_any()
        ),
        owner: connection.owner_id(),
        platform: resolve::platform_address(connection).unwrap_or_default(),
        trigger: "CommandLine".to_owned(),
    }
}

/// Ends when a run that was interrupted takes too long to stop, or is interrupted once more.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// Writes the report. `next` is what to do about what was only planned.
pub(super) fn finish(report: &Report, view: &ReportView, next: Next<'_>, output: Output) -> Result<Exit, Error> {
    let mut out = io::stdout().lock();
    let paint = Paint::of(&out);
    written(render::write(output, view, &mut out, |out| {
        render::report(view, next, paint, out)
    }))?;
    Ok(exit(report))
}

fn exit(report: &Report) -> Exit {
    let failed = !report.failures.is_empty()
        || report
            .mappings
            .iter()
            .any(|mapping| !mapping.outcome.problems.is_empty());
    match report.outcome {
        Outcome::Failed | Outcome::PartlyFailed | Outcome::Stopped => Exit::Failed,
        // As for the operator, whose condition Ready is False then: what waits has to be seen by whoever looks at the code alone.
        _ if !report.doubts.is_empty() => Exit::Failed,
        Outcome::Held => Exit::Planned,
        Outcome::Observed if !report.planned.is_empty() => Exit::Planned,
        _ if failed => Exit::Failed,
        Outcome::Observed | Outcome::Unchanged | Outcome::Synced => Exit::Done,
    }
}

/// How the command line runs: no limits but the specification's own.
pub(super) fn options() -> Options {
    Options::new(
        sync::new_id(),
        Mode::Observe,
        SystemTime::now(),
        FingerprintKey::new(fastrand::u64(..), fastrand::u64(..)),
    )
}

pub(super) fn rules(loaded: &Manifests) -> Result<Rules, Error> {
    resolve::rules(&loaded.connection, &loaded.mappings).map_err(|source| in_connection(loaded, source))
}

/// Connects both ends. The command line runs as the person who calls it, so it may reach this machine and use plain
/// HTTP where the specification says so; only hosts that were named explicitly limit it.
fn connector(arguments: &ManifestArguments) -> Result<Connector, Error> {
    let policy = NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        allowed_hosts: arguments.allow_hosts.clone(),
    };
    let metrics = CallMetrics::new(&prometheus::Registry::new()).map_err(|error| Error::Internal {
        what: "requests can't be counted",
        source: Box::new(error),
    })?;
    Ok(Connector {
        network: Network::new(policy),
        limiters: Arc::new(LimiterRegistry::default()),
        metrics: Arc::new(metrics),
    })
}

pub(super) async fn ends(loaded: &Manifests, rules: &Rules, arguments: &ManifestArguments) -> Result<Ends, Error> {
    resolve::ends(&loaded.connection, rules, &loaded.objects, &connector(arguments)?)
        .await
        .map_err(|source| in_connection(loaded, source))
}

/// Each end by itself, or all that keeps it from being connected.
pub(super) async fn each_end(
    loaded: &Manifests,
    rules: &Rules,
    arguments: &ManifestArguments,
) -> Result<EachEnd, Error> {
    let connector = connector(arguments)?;
    Ok(resolve::each_end(&loaded.connection, rules, &loaded.objects, &connector).await)
}

fn in_connection(loaded: &Manifests, source: resolve::Error) -> Error {
    Error::Resolve {
        object: format!("DirectoryConnection {}", loaded.connection.name_any()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{super::args::Arguments, *};
    use crate::cli::args::Command;

    const CONNECTION: &str = "
apiVersion: directory-sync.io/v1alpha1
kind: DirectoryConnection
metadata: { name: acme, namespace: people }
spec:
  provider: { file: { people: { configMapKeyRef: { name: company, key: people.csv } } } }
  platform: { rest: { url: https://127.0.0.1:1, auth: { bearer: { tokenSecretRef: { name: token, key: token } } } } }
  scope: { users: SCOPE }
";

    #[tokio::test]
    async fn a_connection_without_any_mapping_is_refused_whatever_its_scope() {
        for scope in ["All", "MappedGroups"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("connection.yaml");
            std::fs::write(&file, CONNECTION.replace("SCOPE", scope)).unwrap();
            let manifests = ManifestArguments {
                filenames: vec![file],
                connection: None,
                files: Vec::new(),
                allow_hosts: Vec::new(),
            };
            for mode in [Some(Mode::Observe), None] {
                let store = StoreArguments {
                    store: None,
                    store_password_file: None,
                };
                let error = once(&manifests, mode, None, &store, Output::Table).await.unwrap_err();
                assert!(
                    error
                        .to_string()
                        .starts_with("no GroupMapping names DirectoryConnection people/acme"),
                    "{error}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_suspended_connection_is_not_synced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("connection.yaml");
        let manifest = std::fs::read_to_string("examples/scim/connection.yaml").unwrap();
        let suspended = manifest.replace("\nspec:\n", "\nspec:\n  suspend: true\n");
        std::fs::write(&path, suspended).unwrap();
        let typed = ["directory-sync", "sync", "-f", path.to_str().unwrap()];
        let Command::Sync(arguments) = Arguments::try_parse_from(typed).unwrap().command else {
            panic!("sync was typed");
        };
        let error = sync(&arguments).await.unwrap_err().to_string();
        assert!(error.contains("\"scim\": spec.suspend is true"), "{error}");
    }
}
