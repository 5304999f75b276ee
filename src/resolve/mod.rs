//! From what people wrote to what the pipeline takes: specifications and the Secrets and `ConfigMaps` that they name
//! become [`Rules`](directory_sync_model::rules::Rules), a connected directory and a connected platform.
//!
//! Done once at the start of each run, from a cluster or from manifests on disk: both are [`Documents`].

mod ends;
mod error;
mod platform;
mod provider;
mod rules;

use async_trait::async_trait;
use secrecy::SecretSlice;

pub use ends::{Connector, EachEnd, each_end, ends, retiring_ends};
pub use error::Error;
pub use platform::platform_address;
pub use rules::{advice, retirement, rules};

use crate::api::reference::{KeyRef, ObjectKind};

/// Where Secrets and `ConfigMaps` are read, by name and one key at a time.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The value of one key of one object in the connection's namespace.
    async fn key(&self, namespace: &str, key: &KeyRef<'_>) -> Result<SecretSlice<u8>, Missing>;
}

/// Why a key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// There is no such object.
    #[error("{kind} {name:?} doesn't exist in namespace {namespace:?}")]
    Object {
        /// Secret or `ConfigMap`.
        kind: ObjectKind,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The object hasn't the key.
    #[error("{kind} {name:?} has no key {key:?}; it has: {}", if .present.is_empty() { "none".to_owned() } else { .present.join(", ") })]
    Key {
        /// Secret or `ConfigMap`.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// The key.
        key: String,
        /// The keys that it has.
        present: Vec<String>,
    },
    /// We may not read the object.
    #[error("the operator may not read {kind} {name:?}; grant its ServiceAccount get on it")]
    Forbidden {
        /// Secret or `ConfigMap`.
        kind: ObjectKind,
        /// Its name.
        name: String,
    },
    /// Reading failed for now.
    #[error("{kind} {name:?} can't be read now")]
    Unavailable {
        /// Secret or `ConfigMap`.
        kind: ObjectKind,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests;
