//! What can go wrong with one HTTP request. Messages name the host and what to do; never a credential.

use std::time::Duration;

use url::Url;

use crate::fault::{Class, Fault};

/// A failed HTTP request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server answered with a status other than success.
    #[error("{host} answered {status}{detail}")]
    Status {
        /// Host and port.
        host: String,
        /// The status code.
        status: u16,
        /// `: ` and what the server said of it, bounded, and `; ` and what to do; or nothing.
        detail: String,
        /// The problem type (RFC 9457) or provider's error code, if any.
        kind: Option<String>,
        /// How long the server asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The server has asked for a pause that is too long to be sat out; nothing was sent.
    #[error("{host} wants no requests for another {} s", .rest.as_secs())]
    Paused {
        /// Host and port.
        host: String,
        /// How long the pause still is.
        rest: Duration,
    },
    /// The host's name can't be resolved.
    #[error("{host} can't be resolved; check the host name in the URL")]
    Resolve {
        /// The host.
        host: String,
        /// The resolver's error.
        #[source]
        source: std::io::Error,
    },
    /// No connection.
    #[error("{host} can't be reached; check host, port and network policy")]
    Connect {
        /// Host and port.
        host: String,
        /// The library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server's certificate isn't trusted.
    #[error("the certificate of {host} is not accepted; {advice}")]
    Untrusted {
        /// Host and port.
        host: String,
        /// What to do.
        advice: &'static str,
        /// The library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer in time.
    #[error("{host} did not answer in time")]
    Timeout {
        /// Host and port.
        host: String,
    },
    /// The operator's host policy refuses the address.
    #[error("{host} is not allowed: {why}")]
    HostNotAllowed {
        /// The host.
        host: String,
        /// Which rule refuses it, and which flag of the operator allows it, if any.
        why: String,
    },
    /// The URL can't be used.
    #[error("{url:?} is not a usable URL: {why}")]
    InvalidUrl {
        /// The URL, without user, password and query.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Plain text is asked for, and somebody whose word it needs hasn't given it.
    #[error("{url} is not encrypted: {why}")]
    InsecureUrl {
        /// The URL, without user, password and query.
        url: String,
        /// What to do.
        why: &'static str,
    },
    /// The credential can't be sent.
    #[error("the credential can't be used: {why}")]
    InvalidCredential {
        /// What is wrong with it; never a part of it.
        why: &'static str,
    },
    /// The request can't be made of what it was to carry.
    #[error("the request to {host} can't be made: {why}")]
    Request {
        /// Host and port.
        host: String,
        /// What can't be sent.
        why: String,
    },
    /// The CA can't be used.
    #[error("the CA certificate can't be used: {why}")]
    InvalidCertificate {
        /// What is wrong with it.
        why: String,
    },
    /// The answer is larger than the bound.
    #[error("{host} sent more than {limit} bytes where at most that was expected{advice}")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The bound in bytes.
        limit: usize,
        /// `; ` and what to do, or nothing.
        advice: String,
    },
    /// The connection broke in the middle of the answer.
    #[error("{host} broke off in the middle of the answer")]
    Body {
        /// Host and port.
        host: String,
        /// The library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer isn't what was expected.
    #[error("the answer of {host} can't be read as {what}: {why}")]
    Decode {
        /// Host and port.
        host: String,
        /// What was expected, for example `a SCIM list`.
        what: &'static str,
        /// Where and why decoding failed.
        why: String,
    },
    /// The server redirects or points to another host.
    #[error("{host} points to another host ({target}), which is refused because the credential would go there")]
    Redirect {
        /// Host and port.
        host: String,
        /// The other host.
        target: String,
    },
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Status { status, .. } => of_status(*status),
            Self::Paused { .. } => Class::RateLimited,
            Self::Resolve { .. } | Self::Connect { .. } => Class::Unreachable,
            Self::Untrusted { .. } => Class::Untrusted,
            Self::Timeout { .. } => Class::Timeout,
            Self::HostNotAllowed { .. } | Self::Redirect { .. } => Class::HostNotAllowed,
            Self::InvalidUrl { .. }
            | Self::InsecureUrl { .. }
            | Self::InvalidCredential { .. }
            | Self::InvalidCertificate { .. } => Class::InvalidConfiguration,
            Self::Body { .. } => Class::Unavailable,
            Self::TooLarge { .. } | Self::Decode { .. } | Self::Request { .. } => Class::Protocol,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Paused { rest, .. } => Some(*rest),
            _ => None,
        }
    }
}

/// How a status code is to be taken where the provider says nothing better.
pub const fn of_status(status: u16) -> Class {
    match status {
        401 => Class::Unauthorized,
        403 => Class::Forbidden,
        404 | 410 => Class::NotFound,
        402 => Class::NoSeats,
        408 => Class::Timeout,
        409 | 412 => Class::Conflict,
        429 => Class::RateLimited,
        400 | 413 | 415 | 422 => Class::Rejected,
        500..=599 => Class::Unavailable,
        _ => Class::Protocol,
    }
}

/// A URL as it may be shown: without user, password, query and fragment.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that can't have either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

pub(super) fn unusable(url: &Url, why: &str) -> Error {
    Error::InvalidUrl {
        url: shown(url),
        why: why.to_owned(),
    }
}
