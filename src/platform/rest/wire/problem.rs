//! Problem details (RFC 9457) and the one table of their types.

use serde::{Deserialize, Serialize};

/// What the `type` of every problem of the contract begins with.
pub const PROBLEM_BASE: &str = "https://directory-sync.io/problems/";

/// The body of an answer of 4xx or 5xx, and of a failed item of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What went wrong: [`PROBLEM_BASE`] and the slug of a [`ProblemKind`], or something of a newer platform.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The same for people; the same for each problem of a type.
    pub title: String,
    /// The HTTP status; of an item of a batch what it would have been alone.
    pub status: u16,
    /// What went wrong this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Each place of the request that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<InvalidPlace>,
    /// The id of the object that has what must be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<String>,
    /// How long to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A place of a request that is wrong: in the body, or else a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidPlace {
    /// A JSON pointer into the body (RFC 6901).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The name of a query parameter or header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong there.
    pub detail: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            type_uri: format!("{PROBLEM_BASE}{}", kind.slug()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: None,
            errors: Vec::new(),
            existing: None,
            retry_after_ms: None,
        }
    }

    /// Says what went wrong this time.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names a wrong place of the body.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(InvalidPlace {
            pointer: Some(pointer.into()),
            parameter: None,
            detail: detail.into(),
        });
        self
    }

    /// Names a wrong query parameter or header.
    #[must_use]
    pub fn with_parameter(mut self, name: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(InvalidPlace {
            pointer: None,
            parameter: Some(name.into()),
            detail: detail.into(),
        });
        self
    }

    /// Names the object that has what must be unique.
    #[must_use]
    pub fn with_existing(mut self, id: impl Into<String>) -> Self {
        self.existing = Some(id.into());
        self
    }

    /// Which problem of the contract this is; `None` for one that the contract doesn't name.
    pub fn kind(&self) -> Option<ProblemKind> {
        let slug = self.type_uri.strip_prefix(PROBLEM_BASE)?;
        ProblemKind::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }
}

macro_rules! problem_kinds {
    ($($(#[$doc:meta])+ $name:ident = $slug:literal, $status:literal, $title:literal;)+) => {
        /// What can go wrong: the types of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind {
            $($(#[$doc])+ $name,)+
        }

        impl ProblemKind {
            /// Every kind, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The last segment of the problem's `type`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// What went wrong, for people.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

problem_kinds! {
    /// The body isn't JSON.
    MalformedJson = "malformed-json", 400, "The body is not JSON";
    /// A field, parameter or header is unknown, missing or out of bounds.
    InvalidRequest = "invalid-request", 400, "The request is invalid";
    /// No token, or one that isn't known.
    Unauthorized = "unauthorized", 401, "A valid token is required";
    /// The token may not write.
    Forbidden = "forbidden", 403, "The token does not allow this";
    /// There is no such object.
    NotFound = "not-found", 404, "There is no such object";
    /// The contract has no such path.
    UnknownRoute = "unknown-route", 404, "There is no such path";
    /// The path has no such method.
    MethodNotAllowed = "method-not-allowed", 405, "The path does not have this method";
    /// Another user has the e-mail address.
    EmailInUse = "email-in-use", 409, "The e-mail address belongs to another user";
    /// Another user has the external id.
    ExternalIdInUse = "external-id-in-use", 409, "The external id belongs to another user";
    /// Another object of the kind has the name.
    NameInUse = "name-in-use", 409, "The name belongs to another object";
    /// Another inbox has the phone number.
    PhoneNumberInUse = "phone-number-in-use", 409, "The phone number belongs to another inbox";
    /// All seats are taken by active users.
    NoSeats = "no-seats", 409, "No seat is free";
    /// There is no role with that id.
    UnknownRole = "unknown-role", 409, "There is no such role";
    /// A request with the same idempotency key is running.
    RequestInProgress = "request-in-progress", 409, "A request with this idempotency key is running";
    /// The object has another etag by now.
    PreconditionFailed = "precondition-failed", 412, "The object has changed";
    /// The body is above the limit.
    BodyTooLarge = "body-too-large", 413, "The body is too large";
    /// The body isn't `application/json`.
    UnsupportedMediaType = "unsupported-media-type", 415, "The body must be application/json";
    /// The key was used with another request.
    IdempotencyKeyReused = "idempotency-key-reused", 422, "The idempotency key belongs to another request";
    /// Above the rate of the credential.
    TooManyRequests = "too-many-requests", 429, "Too many requests";
    /// A fault of the platform.
    Internal = "internal", 500, "The platform failed";
    /// The platform can't answer now.
    Unavailable = "unavailable", 503, "The platform cannot answer now";
}
