//! The pipeline: fetch → snapshot → map → desired → diff → plan → guard → apply → report.
//!
//! One [`run`](run::run) for the controller and the command line alike. Observe mode and dry-run are the same path
//! stopped before apply.

pub mod apply;
pub mod error;
pub mod report;
pub mod run;

pub use error::Error;
pub use report::{Outcome, Report, Step};
pub use run::{Ends, Mode, Options, Watch, run};
