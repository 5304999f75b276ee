//! HTTP as all providers and platforms use it: host policy, bounds, trust, errors.
//!
//! A [`Network`] is what the operator allows (from its flags); a [`HttpClient`] is one credential at one base URL. The
//! rules that hold for every request:
//!
//! - Only allowed hosts, checked again on the addresses that the name resolves to, when the connection is made.
//! - The credential goes to the origin of the base URL alone: next-page links and redirects to another origin are
//!   refused.
//! - Every answer has a bound in bytes, counted after decompression.
//! - Errors name the host and what to do, never the credential and never a query string.
//!
//! Retries, rates, timeouts and metrics are not here but in the layers around a whole call, see [`crate::call`].

pub mod address;
pub mod auth;
pub mod client;
pub mod error;
pub mod in_process;
pub mod network;
pub mod problem;
pub mod retry_after;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

pub use auth::{Auth, CredentialId};
pub use client::{
    Advice, HttpClient, PAGE_LIMIT, RequestBuilder, Response, Timeouts, decode_error, encode_segment, parse_base,
};
pub use error::Error;
pub use in_process::InProcess;
pub use network::{HostPattern, Network, NetworkPolicy};
pub use problem::Problem;
pub use retry_after::retry_after;
pub use tls::Tls;
