//! How a failed call is to be taken: may it be tried again, must a person act, and what it is called in metrics.
//!
//! Every room has an error type of its own; each error knows its [`Class`], and retry, backoff, conditions and metric
//! labels look at nothing else.

use std::time::Duration;

/// What kind of failure it was, whatever the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The other side doesn't accept our credential (HTTP 401, LDAP 49).
    Unauthorized,
    /// The credential is good, but lacks a right (HTTP 403, LDAP 50).
    Forbidden,
    /// What the specification names doesn't exist: a Secret, a key, a base DN, an endpoint.
    NotFound,
    /// What the specification says can't be used as it is: a bad URL, an unusable certificate.
    InvalidConfiguration,
    /// The operator's host policy refuses the address.
    HostNotAllowed,
    /// No connection: name resolution, refused, unreachable.
    Unreachable,
    /// The server's certificate isn't trusted.
    Untrusted,
    /// No answer in time.
    Timeout,
    /// The other side asks for fewer requests (HTTP 429).
    RateLimited,
    /// The other side is not able to answer now (HTTP 5xx, LDAP 51/52), or broke off in the middle.
    Unavailable,
    /// The answer is not what the protocol says: malformed, too large, contradictory.
    Protocol,
    /// The object was changed by somebody else, or a unique value is in use (HTTP 409, 412).
    Conflict,
    /// The other side refuses the values of one object (HTTP 400, 422).
    Rejected,
    /// No seat or licence is left on the platform.
    NoSeats,
    /// Our own store can't be read or written.
    StoreUnavailable,
    /// A panic in the code of this sync.
    Internal,
}

impl Class {
    /// Whether the same call may succeed when tried again soon.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Timeout | Self::RateLimited | Self::Unavailable
        )
    }

    /// Whether only a person can mend it, so that trying again on a schedule is pointless.
    pub const fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Forbidden | Self::NotFound | Self::InvalidConfiguration | Self::HostNotAllowed
        )
    }

    /// The value of the `reason` label of metrics and the reason of conditions and events.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::InvalidConfiguration => "InvalidConfiguration",
            Self::HostNotAllowed => "HostNotAllowed",
            Self::Unreachable => "Unreachable",
            Self::Untrusted => "Untrusted",
            Self::Timeout => "Timeout",
            Self::RateLimited => "RateLimited",
            Self::Unavailable => "Unavailable",
            Self::Protocol => "Protocol",
            Self::Conflict => "Conflict",
            Self::Rejected => "Rejected",
            Self::NoSeats => "NoSeats",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::Internal => "Internal",
        }
    }
}

/// An error that knows how it is to be taken.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    /// What kind of failure it was.
    fn class(&self) -> Class;

    /// How long the other side asked us to wait (`Retry-After`, RFC 9110 §10.2.3), if it did.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// An error and its sources in one line, `what: because: because`, for conditions, events and the command line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Libraries often repeat their source in their own message.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
