//! `restore`: gives back what one sync took.

use std::sync::Arc;

use directory_sync_model::plan::PlanHash;
use kube::ResourceExt as _;

use super::{
    Exit,
    args::RestoreArguments,
    error::Error,
    manifests,
    render::Next,
    run::{carried_out, ends, finish, options, rules, scope},
    store, warn,
};
use crate::{
    store::Access,
    sync::{
        self, Mode, Options,
        ledger::{Ledger, Ledgers as _, RESTORE, Scope},
    },
};

/// Gives back what one sync took, or shows what it would give back.
pub async fn restore(arguments: &RestoreArguments) -> Result<Exit, Error> {
    let loaded = manifests::load(&arguments.manifests)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    let name = loaded.connection.name_any();
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
    let (report, view) = carried_out(&loaded, &options, async |stop, progress| {
        let (platform, watch) = (ends.platform.as_ref(), (stop, progress as &dyn sync::Watch));
        sync::restore(platform, &rules, &taken.removals, &options, ledger.as_ref(), watch).await
    })
    .await?;
    if !loaded.connection.spec.suspend {
        warn(
            "the next sync takes again what the directory or the mappings still don't give: set spec.suspend to true until \
             they are put right",
        );
    }
    let next = Next {
        command: &format!("restore {}", arguments.sync),
        only_observes: false,
    };
    finish(&report, &view, next, arguments.output)
}
