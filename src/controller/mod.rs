//! The operator: watches the kinds and keeps the platform of each connection in step.
//!
//! ```text
//!  watches ──▶ stores ──▶ reconcile: look · decide · act ──▶ sync task: wait · order · run · conclude
//!                 ▲                                                              │
//!                 └───────────── wake ◀── status · plans · events · metrics ◀────┘
//! ```
//!
//! | what | where |
//! | --- | --- |
//! | What is watched, and whom a change concerns | [`watch`] |
//! | One connection with all that belongs to it | [`view`] |
//! | What is remembered of it; what outlives a restart | [`memory`], [`judged`], [`digest`] |
//! | What to do now, as a pure function | [`schedule`], [`backoff`] |
//! | Looks, decides, acts | [`reconcile`], [`mappings`] |
//! | The end of a connection | [`retire`] |
//! | One sync, from its turn to its end | [`sync_task`], [`mod@run`], [`documents`], [`notes`] |
//! | What a sync says of the connection, as pure functions | [`assessment`], [`cause`], [`status`], [`plans`], [`wording`], [`events`] |
//! | Telling it | [`conclude`], [`mod@write`], [`recorder`] |
//!
//! Reconciles are short, 32 at once; syncs run in tasks of their own, as many at once as the operator allows and one for each
//! connection, so that none delays another.

mod assessment;
mod backoff;
mod cause;
mod conclude;
mod config;
mod digest;
mod documents;
mod error;
mod events;
mod fleet;
mod judged;
mod mappings;
mod memory;
mod notes;
mod plans;
#[cfg(test)]
mod reasons;
mod reconcile;
mod recorder;
mod retire;
mod run;
mod schedule;
mod start;
mod status;
mod sync_task;
#[cfg(test)]
mod testing;
mod view;
mod watch;
mod wording;
mod write;

pub use config::{ControllerConfig, Timing};
pub use error::{Error, ReconcileError};
pub use start::{client, patient, run};
