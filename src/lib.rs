//! directory-sync keeps a platform's users, teams, roles and inboxes in step with a company's directory.
//!
//! # The way data flows
//!
//! ```text
//!  GroupMappings ───────────────────────┐
//!  directory ──fetch──▶ Snapshot ──map──▶ Desired ──┐
//!                                                   ├─diff─▶ Plan ──guard──▶ Approved plan ──apply──▶ Report
//!  platform ──observe──▶ Observed ──────────────────┘                                                   │
//!                                                                             status · events · metrics · logs
//! ```
//!
//! There is one way through it, [`sync::run()`](sync::run()), for the operator and the command line alike. Observe mode and
//! `plan` are the same way, stopped before `apply`. What comes before is the same, too: manifests become rules and two
//! connected ends in [`resolve`].
//!
//! | step | function | what it touches |
//! | --- | --- | --- |
//! | fetch | [`directory::fetch`] | the directory, page by page |
//! | map | [`directory_sync_model::map`] | nothing |
//! | observe | [`platform::observe`] | the platform, page by page, shown to the diff as it comes |
//! | diff | [`directory_sync_model::diff`] | nothing |
//! | guard | [`directory_sync_model::guard`] | nothing |
//! | apply | [`sync::apply`] | the platform, in batches |
//!
//! `map`, `diff` and `guard` are in a crate of their own, `model/`, whose dependencies know no network, no cluster, no clock
//! and no async: a rule that decides who is removed can be read and tested without any of them.
//!
//! # The rooms
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`cli`] | the command line: arguments, manifests from disk, views of plans and reports |
//! | [`controller`] | the operator: what wakes a connection, when it runs, what becomes of the outcome |
//! | [`api`] | the three kinds as types, their rules, conditions and reasons; the one source of `crds/` |
//! | [`resolve`] | from what people wrote, and the Secrets that it names, to rules and two connected ends |
//! | [`directory`] | the read side: the trait, the fetch, one folder per provider |
//! | [`platform`] | the write side: the trait, the observation, one folder per platform, the reference server |
//! | [`sync`] | the pipeline: one file per step |
//! | [`call`] | what is put around every provider and platform: retries, rates, timeouts, metrics |
//! | [`http`] | the HTTP client of all of them: which hosts may be reached, TLS, credentials, bounds |
//! | [`fault`] | what kind of failure an error is, which retries, conditions and metrics go by |
//! | [`metrics`], [`server`] | what the operator counts; its own HTTP server: metrics and probes |
//! | [`telemetry`] | logs |
//! | [`words`] | counts in words |
//!
//! `CONTRIBUTING.md` says how to add a provider or a platform, and how tests and generated files work.

pub mod api;
pub mod call;
pub mod cli;
pub mod controller;
pub mod directory;
pub mod fault;
pub mod http;
pub mod metrics;
pub mod platform;
pub mod resolve;
pub mod server;
pub mod sync;
pub mod telemetry;
pub mod words;

#[cfg(test)]
mod generated;
#[cfg(test)]
mod proofs;
