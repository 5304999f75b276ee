//! directory-sync keeps a platform's users, teams, roles and inboxes in step with a company's directory.

pub mod api;
pub mod call;
pub mod cli;
pub mod controller;
pub mod directory;
pub mod fault;
pub mod http;
pub mod platform;
pub mod resolve;
pub mod sync;
pub mod telemetry;
