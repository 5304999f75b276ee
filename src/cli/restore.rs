//! `restore`: gives back what one sync took.

use std::sync::Arc;

use directory_sync_model::plan::PlanHash;
use kube::ResourceExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    Exit,
    args::RestoreArguments,
    error::Error,
    manifests,
    progress::Progress,
    run::{ends, finish, given_up, options, rules, scope},
    store,
    view::ReportView,
    warn,
};
use crate::{
    store::Access,
    sync::{
        self, Mode, Options,
        ledger::{Ledger, Ledgers as _, RESTORE, Scope},
    },
    telemetry::{begin_sync, sync_span},
};

/// Gives back what one sync took, or shows what it would give back.
pub async fn restore(arguments: &RestoreArguments) -> Result<Exit, Error> {
    let loaded = manifests::load(&arguments.manifests)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    let name = loaded.connection.name_any();
    let namespace = loaded.connection.namespace().unwrap_or_default();
    // A store that isn't there took nothing: a path that is mistyped must not make one.
    store::need(&arguments.store, Access::Read).await?;
    let access = if arguments.dry_run { Access::Read } else { Access::Write };
    let store = store::need(&arguments.store, access).await?;
    let scope = Scope {
        trigger: RESTORE.to_owned(),
        ..scope(&loaded)
    };
    let Some(taken) = store.taken(&arguments.sync).await? else {
        return Err(Error::Connection(format!(
            "{} knows no sync {:?}: its id is in the status, the events and the reports; syncs are kept for {} days",
            store.name(),
            arguments.sync,
            crate::store::DAYS
        )));
    };
    if (&taken.owner, &taken.platform) != (&scope.owner, &scope.platform) {
        return Err(Error::Connection(format!(
            "sync {:?} was one of owner {:?} on {}, and DirectoryConnection {name} is owner {:?} on {}: name the connection \
             whose sync it was",
            arguments.sync, taken.owner, taken.platform, scope.owner, scope.platform
        )));
    }
    let rules = rules(&loaded)?;
    let ends = ends(&loaded, &rules, &arguments.manifests).await?;
    let options = Options {
        mode: if arguments.dry_run { Mode::Observe } else { Mode::Apply },
        approved: arguments.approve.as_deref().map(PlanHash::from_text),
        ..options()
    };
    let ledger: Arc<dyn Ledger> = store.of(&scope);
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
    let restoring = async {
        begin_sync(&options.id);
        let (platform, watch) = (ends.platform.as_ref(), (&stop, &progress as &dyn sync::Watch));
        sync::restore(platform, &rules, &taken.removals, &options, ledger.as_ref(), watch).await
    };
    let report = tokio::select! {
        biased;
        report = Box::pin(restoring.instrument(sync_span(&namespace, &name))) => report,
        () = given_up(&stop) => return Err(Error::Interrupted),
    };
    interrupt.abort();
    if !loaded.connection.spec.suspend {
        warn(
            "the next sync takes again what the directory or the mappings still don't give: set spec.suspend to true until \
             they are put right",
        );
    }
    let view = ReportView::of(name, &report, progress.finish());
    finish(&report, &view, arguments.output)
}
