//! directory-sync keeps a platform's users, teams, roles and inboxes in step with a company's directory.

pub mod api;
pub mod call;
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
