//! What a client of the contract is told: plain data, already resolved and checked by whoever read the specification.

use secrecy::SecretString;
use url::Url;

use super::wire::MAX_PAGE;
use crate::http::{Advice, Timeouts};

/// How a platform that speaks the contract is reached.
#[derive(Clone, Debug)]
pub struct Config {
    /// The base of all paths, `https://api.platform.test` or with a path before `/v1`.
    pub url: Url,
    /// The bearer token (RFC 6750).
    pub token: SecretString,
    /// The CA that signed the platform's certificate, as PEM; absent: the public CAs.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether `http://` is wanted. The operator's host policy must allow it as well.
    pub insecure_http: bool,
    /// How many objects to ask for per page, 1 to 1,000. Fewer where the platform's pages are smaller.
    pub page_size: u32,
    /// How many writes may be under way at once, at least 1.
    pub concurrency: usize,
    /// The largest answer that is read, in bytes.
    pub answer_bytes: usize,
    /// How long to wait for the platform.
    pub timeouts: Timeouts,
    /// What to do about some errors.
    pub advice: Advice,
}

impl Config {
    /// Pages of 1,000 objects and at most 16 MiB, 8 writes at once, publicly trusted certificates, no plain HTTP.
    pub fn new(url: Url, token: SecretString) -> Self {
        Self {
            url,
            token,
            ca_pem: None,
            insecure_http: false,
            page_size: MAX_PAGE,
            concurrency: 8,
            answer_bytes: 16 << 20,
            timeouts: Timeouts::default(),
            advice: Advice::none(),
        }
    }
}
