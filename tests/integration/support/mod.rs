//! Real servers for tests: each listens on 127.0.0.1 on a free port, works in a temporary folder, and is gone when
//! the test binary is gone, however that ends.
//!
//! | server | start it with |
//! | --- | --- |
//! | Kubernetes API server, one for all tests | [`apiserver::ApiServer::shared`], then a namespace per test |
//! | Kubernetes API server of one's own, to stop and restart | [`apiserver::ApiServer::start_private`] |
//! | OpenLDAP | [`slapd::Slapd::start`], filled by a [`company::Company`] |
//! | SCIM 2.0 service provider | [`scim_server::ScimServer::start`] |
//! | PostgreSQL, one for all tests | [`postgres::Postgres::shared`], then a database per test |
//! | any other program, such as our own | [`process::Process::start`] |
//!
//! A program that is missing fails the test with the command that installs it; no test is skipped.

use std::sync::Once;

pub mod apiserver;
pub mod command;
pub mod company;
pub mod postgres;
pub mod process;
pub mod scim_server;
pub mod slapd;
pub mod tls;
pub mod tools;
pub mod watchdog;

/// Chooses the TLS implementation of this process; call it before any TLS client is made (the servers here do).
pub fn init_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("no other TLS implementation was chosen before");
    });
}

/// A new temporary folder, which the watchdog removes when the test binary ends without doing so.
pub fn temporary_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("directory-sync-test-")
        .tempdir()
        .expect("the temporary folder is writable");
    watchdog::shared().remove_at_exit(folder.path());
    folder
}
