//! Every test that needs a real server, in one binary: linking is dear, and the API server is started once.
//!
//! `support` starts the servers; each other module tests one part of directory-sync against them.

// The lint's allowance for tests covers functions marked `#[test]`, not the helpers that they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Helpers take `json!` by value and may become async without their callers noticing.
#![allow(clippy::needless_pass_by_value, clippy::unused_async)]

mod command_line;
mod controller;
mod demo;
mod docs;
mod fake_api_server;
mod image;
mod kinds;
mod ldap;
mod rest_contract;
mod rooms;
mod scim;
mod support;
mod testbed;
