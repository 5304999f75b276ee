//! Why a run failed, in the words of the table of reasons.

use std::time::Duration;

use super::backoff::After;
use crate::{
    api::condition::Reason,
    fault::{Class, Fault, chain},
    resolve, sync,
};

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The word.
    pub reason: Reason,
    /// The sentence: what failed, on which object, what to do.
    pub message: String,
    /// Whether only a person can mend it.
    pub needs_a_person: bool,
    /// Whether a Secret or `ConfigMap` that it needs isn't there at all.
    pub gone: bool,
    /// How long the other side asked to wait.
    pub retry_after: Option<Duration>,
}

impl Cause {
    /// Of a spec that can't be carried out, or of something that it names and that isn't there.
    pub fn unresolved(error: &resolve::Error) -> Self {
        let reason = match error {
            resolve::Error::Directory(_) | resolve::Error::Platform(_) => Reason::from(error.class()),
            _ => error.reason(),
        };
        let gone = matches!(
            error,
            resolve::Error::Missing {
                source: resolve::Missing::Object { .. },
                ..
            }
        );
        Self {
            gone,
            ..Self::of(error, reason)
        }
    }

    /// Of a run that ended early.
    pub fn failed(error: &sync::Error) -> Self {
        Self::of(error, Reason::from(error.class()))
    }

    /// Of a panic in a run. The message is in the log alone: nobody knows what it says.
    pub fn panicked(id: &str) -> Self {
        Self {
            reason: Reason::from(Class::Internal),
            message: format!("the operator failed in sync {id}; its log says where"),
            needs_a_person: Class::Internal.needs_a_person(),
            gone: false,
            retry_after: None,
        }
    }

    /// Of a run that was under way when the operator could wait no longer for its end.
    pub fn abandoned() -> Self {
        Self {
            reason: Reason::from(Class::Internal),
            message: "the operator ended before the sync could stop".to_owned(),
            needs_a_person: false,
            gone: false,
            retry_after: None,
        }
    }

    /// Of a connection that must not run beside an older one.
    pub fn owner_in_use(owner: &str, older: &str) -> Self {
        Self {
            reason: Reason::OwnerIDInUse,
            message: format!(
                "DirectoryConnection {older} is older and marks the same platform with {owner:?}: delete one of the two, and \
                 create it again with an ownerID of its own if it is wanted"
            ),
            needs_a_person: true,
            gone: false,
            retry_after: None,
        }
    }

    /// How it decides when the next run is due.
    pub fn after(&self) -> After {
        if self.needs_a_person {
            After::Stall
        } else {
            After::Failure {
                retry_after: self.retry_after,
            }
        }
    }

    fn of(error: &dyn Fault, reason: Reason) -> Self {
        Self {
            reason,
            message: chain(error as &dyn std::error::Error),
            needs_a_person: error.class().needs_a_person(),
            gone: false,
            retry_after: error.retry_after(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::reference::ObjectKind, directory, directory::fetch::FetchFailure, http, platform};

    fn status(status: u16, retry_after: Option<Duration>) -> http::Error {
        http::Error::Status {
            host: "api.acme.test".into(),
            status,
            detail: String::new(),
            kind: None,
            retry_after,
        }
    }

    fn of_platform(source: http::Error) -> Cause {
        Cause::failed(&sync::Error::Observe(platform::Error::Http {
            operation: "listing users".into(),
            source,
        }))
    }

    #[test]
    fn a_refused_credential_needs_a_person() {
        let cause = of_platform(status(401, None));
        assert_eq!((cause.reason, cause.after()), (Reason::Unauthorized, After::Stall));
        assert_eq!(
            cause.message,
            "the platform could not be read: listing users: api.acme.test answered 401"
        );
    }

    #[test]
    fn a_platform_that_asks_to_wait_is_obeyed() {
        let minute = Some(Duration::from_mins(1));
        let cause = of_platform(status(429, minute));
        assert_eq!(
            (cause.reason, cause.after()),
            (Reason::RateLimited, After::Failure { retry_after: minute })
        );
    }

    #[test]
    fn a_server_in_trouble_is_tried_again() {
        let cause = Cause::failed(&sync::Error::Fetch(FetchFailure {
            part: directory::Part::Users,
            page: 3,
            source: directory::Error::Http {
                operation: "listing users".into(),
                source: status(503, None),
            },
        }));
        assert_eq!(
            (cause.reason, cause.after()),
            (Reason::Unavailable, After::Failure { retry_after: None })
        );
        assert!(
            cause.message.starts_with("the directory could not be read"),
            "{}",
            cause.message
        );
    }

    #[test]
    fn a_missing_secret_is_told_as_such_and_a_certificate_that_cannot_be_used_as_configuration() {
        let missing = resolve::Error::Missing {
            field: "spec.platform.rest.auth.bearer.tokenSecretRef".into(),
            source: resolve::Missing::Object {
                kind: ObjectKind::Secret,
                namespace: "acme".into(),
                name: "platform".into(),
            },
        };
        let cause = Cause::unresolved(&missing);
        assert_eq!((cause.reason, cause.after()), (Reason::SecretNotFound, After::Stall));
        let unusable = resolve::Error::Platform(platform::Error::Http {
            operation: "connecting".into(),
            source: http::Error::InvalidCertificate {
                why: "it is empty".into(),
            },
        });
        assert_eq!(Cause::unresolved(&unusable).reason, Reason::InvalidConfiguration);
    }
}
