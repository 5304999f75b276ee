//! From specifications to a connected directory and a connected platform, with layers around both.
//!
//! Every Secret and `ConfigMap` key is read first, by name; nothing is connected when one is missing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use directory_sync_model::rules::Rules;
use secrecy::{SecretSlice, SecretString};

use super::{Documents, Error, Missing, platform, provider};
use crate::{
    api::{
        connection::DirectoryConnection,
        reference::{KeyRef, RequestLimits, Timeouts},
    },
    call::{CallMetrics, CallPolicy, Limiter, LimiterRegistry},
    directory::{Directory, nobody::Nobody},
    http::{CredentialId, Network},
    platform::Platform,
    sync::Ends,
};

/// How often a call is tried.
const ATTEMPTS: u32 = 5;
/// How long is waited after the first failure.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The longest wait between two attempts.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// What all connections of a process share.
#[derive(Clone)]
pub struct Connector {
    /// The operator's host policy.
    pub network: Network,
    /// Rate limits, one per host and credential.
    pub limiters: Arc<LimiterRegistry>,
    /// Counts of requests.
    pub metrics: Arc<CallMetrics>,
}

/// Connects both ends of a connection, whose rules say what is read. Fails with the first thing that is wrong.
pub async fn ends(
    connection: &DirectoryConnection,
    rules: &Rules,
    documents: &dyn Documents,
    connector: &Connector,
) -> Result<Ends, Error> {
    let (directory, platform) = each_end(connection, rules, documents, connector).await;
    let first = |mut errors: Vec<Error>| errors.swap_remove(0);
    Ok(Ends {
        directory: directory.map_err(first)?,
        platform: platform.map_err(first)?,
    })
}

/// Connects the platform of a connection that is deleted; its directory may be gone, and isn't read.
pub async fn retiring_ends(
    connection: &DirectoryConnection,
    documents: &dyn Documents,
    connector: &Connector,
) -> Result<Ends, Error> {
    let platform = platform_end(connection, documents, connector).await;
    Ok(Ends {
        directory: Box::new(Nobody),
        platform: platform.map_err(|mut errors| errors.swap_remove(0))?,
    })
}

/// Each end, or everything that keeps it from being connected, at least one thing.
pub type EachEnd = (
    Result<Box<dyn Directory>, Vec<Error>>,
    Result<Box<dyn Platform>, Vec<Error>>,
);

/// Connects each end by itself.
pub async fn each_end(
    connection: &DirectoryConnection,
    rules: &Rules,
    documents: &dyn Documents,
    connector: &Connector,
) -> EachEnd {
    let namespace = connection.metadata.namespace.as_deref().unwrap_or("default");
    let directory = match connection.spec.provider.selected() {
        Some(spec) => Keys::read(spec.references(), namespace, documents)
            .await
            .and_then(|keys| provider::connect(spec, rules, &keys, connector).map_err(|error| vec![error])),
        None => Err(exactly_one("provider")),
    };
    let platform = platform_end(connection, documents, connector).await;
    (directory, platform)
}

async fn platform_end(
    connection: &DirectoryConnection,
    documents: &dyn Documents,
    connector: &Connector,
) -> Result<Box<dyn Platform>, Vec<Error>> {
    let namespace = connection.metadata.namespace.as_deref().unwrap_or("default");
    match connection.spec.platform.selected() {
        Some(spec) => Keys::read(spec.references(), namespace, documents)
            .await
            .and_then(|keys| platform::connect(spec, &keys, connector).map_err(|error| vec![error])),
        None => Err(exactly_one("platform")),
    }
}

fn exactly_one(what: &str) -> Vec<Error> {
    vec![Error::Field {
        field: format!("spec.{what}"),
        message: format!("exactly one {what} must be set"),
    }]
}

/// The values of all keys that one end of a connection names.
pub(super) struct Keys {
    namespace: String,
    values: BTreeMap<(&'static str, String), SecretSlice<u8>>,
}

impl Keys {
    /// Reads all of them, or says of each that is missing that it is.
    pub(super) async fn read(
        references: impl IntoIterator<Item = KeyRef<'_>>,
        namespace: &str,
        documents: &dyn Documents,
    ) -> Result<Self, Vec<Error>> {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        for reference in references {
            match documents.key(namespace, &reference).await {
                Ok(value) => {
                    values.insert((reference.field, reference.key.to_owned()), value);
                }
                Err(source) => errors.push(missing(&reference, source)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            values,
        })
    }

    /// The bytes of a key.
    pub(super) fn bytes(&self, reference: &KeyRef<'_>) -> Result<&[u8], Error> {
        self.values
            .get(&(reference.field, reference.key.to_owned()))
            .map(secrecy::ExposeSecret::expose_secret)
            .ok_or_else(|| {
                let (kind, name) = (reference.kind, reference.name.as_str().to_owned());
                missing(
                    reference,
                    Missing::Object {
                        kind,
                        namespace: self.namespace.clone(),
                        name,
                    },
                )
            })
    }

    /// What a message calls the document behind a key.
    pub(super) fn place(&self, reference: &KeyRef<'_>) -> String {
        format!(
            "{} {}/{}, key {}",
            reference.kind,
            self.namespace,
            reference.name.as_str(),
            reference.key
        )
    }

    /// A token: without white space around it, and something that fits a header.
    pub(super) fn token(&self, reference: &KeyRef<'_>) -> Result<SecretString, Error> {
        let text = self.text(reference)?;
        Ok(SecretString::from(text.trim().to_owned()))
    }

    /// A password: one line break at its end is an editor's, everything else belongs to it.
    pub(super) fn password(&self, reference: &KeyRef<'_>) -> Result<SecretString, Error> {
        let text = self.text(reference)?;
        let text = text
            .strip_suffix('\n')
            .map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        Ok(SecretString::from(text.to_owned()))
    }

    fn text(&self, reference: &KeyRef<'_>) -> Result<&str, Error> {
        let invalid = |message: &str| Error::Field {
            field: reference.field.to_owned(),
            message: format!("{reference} {message}"),
        };
        let text = std::str::from_utf8(self.bytes(reference)?).map_err(|_| invalid("isn't UTF-8 text"))?;
        if text.trim().is_empty() {
            Err(invalid("is empty"))
        } else {
            Ok(text)
        }
    }
}

fn missing(reference: &KeyRef<'_>, source: Missing) -> Error {
    Error::Missing {
        field: reference.field.to_owned(),
        source,
    }
}

/// What to do when the other side refuses a credential.
pub(super) fn renew(reference: &KeyRef<'_>) -> String {
    format!(
        "put a credential that it accepts into {reference} ({})",
        reference.field
    )
}

/// How long a call of a provider may take that gives each of its requests a time of its own: one page may need a hundred
/// requests, and wait for its turn before each.
pub(super) const MANY_REQUESTS: Duration = Duration::from_mins(30);

/// How long to wait in making a connection. No connection takes longer than an answer may.
pub(super) fn connect_timeout(timeouts: &Timeouts) -> Duration {
    let (connect, request): (Duration, Duration) = (timeouts.connect.into(), timeouts.request.into());
    connect.min(request)
}

/// The layers of one side.
pub(super) struct Layers {
    pub side: &'static str,
    pub provider: &'static str,
    /// How long one call may take.
    pub timeout: Duration,
}

impl Layers {
    /// The policy of calls to `host` with this credential.
    pub(super) fn policy(
        &self,
        connector: &Connector,
        host: &str,
        credential: CredentialId,
        limits: &RequestLimits,
    ) -> CallPolicy {
        let rate = limits.requests_per_second.and_then(|rate| u32::try_from(rate).ok());
        self.with_limiter(connector, connector.limiters.for_credential(host, credential, rate))
    }

    /// The policy of calls that no server counts.
    pub(super) fn unlimited(&self, connector: &Connector) -> CallPolicy {
        self.with_limiter(connector, Arc::new(Limiter::new(None)))
    }

    fn with_limiter(&self, connector: &Connector, limiter: Arc<Limiter>) -> CallPolicy {
        CallPolicy {
            attempts: ATTEMPTS,
            first_delay: FIRST_DELAY,
            max_delay: MAX_DELAY,
            timeout: self.timeout,
            limiter,
            metrics: connector.metrics.clone(),
            side: self.side,
            provider: self.provider,
        }
    }
}
