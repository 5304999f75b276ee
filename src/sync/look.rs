//! Observes a platform for a run: as whom, with the marks of the ledger where the platform has none, and what became of
//! requests that were under way when a run was broken off.

use directory_sync_model::{diff::Account, observed::Observer};

use super::{
    Error, Mode, Options, Watch,
    ledger::{Ledger, Opened, Settlement},
    marks::Marks,
};
use crate::platform::{Part, Platform, observe};

/// Who we are on the platform. Who is to write and may not is an error.
pub(super) async fn account(platform: &dyn Platform, mode: Mode) -> Result<Account, Error> {
    let identity = platform.identity().await.map_err(Error::Observe)?;
    // A plan alone needs no right to write.
    if mode == Mode::Apply && !identity.missing.is_empty() {
        return Err(Error::Rights {
            account: identity.name,
            missing: identity.missing,
        });
    }
    Ok(Account {
        user_id: identity.user_id,
        fixed_teams: !platform.capability().create_teams,
    })
}

/// Shows all of the platform to `observer`, and settles in the ledger what that tells.
pub(super) async fn look(
    platform: &dyn Platform,
    observer: &mut (dyn Observer + Send),
    owner: &str,
    options: &Options,
    ledger: &dyn Ledger,
    opened: &Opened,
    watch: &dyn Watch,
) -> Result<(), Error> {
    let progress = |progress: observe::Progress| watch.progress(progress.rows, progress.total);
    let carried = platform.capability().marks;
    let mut marks = Marks::load(ledger, carried, opened, owner, options.now, options.key)
        .await
        .map_err(Error::Ledger)?;
    // A ledger that is new to this owner is filled from the marks, while they are read.
    let fill = options.mode == Mode::Apply && !opened.known;
    let (sender, mut chunks) = tokio::sync::mpsc::unbounded_channel();
    let mut marking = marks.over(observer, (fill && carried).then_some(sender));
    let observing = async {
        let limits = observe::ObserveLimits::default();
        let observed = observe::observe(platform, &Part::ALL, &mut marking, limits, &progress).await;
        drop(marking);
        observed.map_err(Error::Observe)
    };
    let filling = async {
        while let Some(record) = chunks.recv().await {
            let settlement = Settlement {
                record,
                ..Settlement::default()
            };
            ledger.settle(&settlement).await.map_err(Error::Ledger)?;
        }
        Ok(())
    };
    tokio::try_join!(observing, filling)?;
    if options.mode == Mode::Observe {
        return Ok(());
    }
    let settlement = marks.settlement();
    if !settlement.is_empty() {
        ledger.settle(&settlement).await.map_err(Error::Ledger)?;
    }
    if fill {
        ledger.known().await.map_err(Error::Ledger)?;
    }
    Ok(())
}
