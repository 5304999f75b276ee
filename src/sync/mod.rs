//! The pipeline: fetch → snapshot → map → desired → diff → plan → guard → apply → report.
//!
//! One [`run`](run::run) for the controller and the command line alike. Observe mode and dry-run are the same path
//! stopped before apply.

pub mod apply;
mod book;
pub mod error;
pub mod ledger;
mod look;
mod marks;
mod record;
mod removals;
pub mod report;
pub mod restore;
pub mod run;

pub use error::Error;
pub use ledger::{Ledger, MemoryLedger};
pub use report::{Outcome, Report, Step};
pub use restore::restore;
pub use run::{Ends, Mode, Options, Watch, run};

/// A new run's id: sortable by time, unique without a registry. Part of logs and of every write's idempotency key.
pub fn new_id() -> String {
    let milliseconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
    format!("{milliseconds:012x}-{:016x}", fastrand::u64(..))
}
