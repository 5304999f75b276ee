//! References to what a connection needs but doesn't hold: keys of Secrets and `ConfigMap`s of its own namespace, and how to
//! secure and limit a connection to another server.

use std::{borrow::Cow, fmt};

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::duration::Duration;

/// The name of an object in the same namespace: an RFC 1123 subdomain of at most 253 characters.
///
/// A type of its own, checked when it is read, because the Kubernetes client puts names into request paths unescaped:
/// `../../other/secrets/x` would otherwise reach another namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName(String);

/// Why a text can't be the name of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an object's name: use at most 253 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
)]
pub struct InvalidNameError(String);

impl ObjectName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectName {
    type Error = InvalidNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = name.as_bytes();
        let ends = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
        if ends && bytes.len() <= 253 && bytes.iter().all(|b| alphanumeric(b) || matches!(b, b'-' | b'.')) {
            Ok(Self(name))
        } else {
            Err(InvalidNameError(name.chars().take(60).collect()))
        }
    }
}

impl TryFrom<&str> for ObjectName {
    type Error = InvalidNameError;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        name.to_owned().try_into()
    }
}

impl From<ObjectName> for String {
    fn from(name: ObjectName) -> Self {
        name.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for ObjectName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ObjectName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        })
    }
}

/// Names a connection of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct ConnectionRef {
    /// Name of the DirectoryConnection, in the same namespace.
    pub name: ObjectName,
}

/// One key of a Secret of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretKeyRef {
    /// Name of the Secret, in the same namespace.
    pub name: ObjectName,
    /// Key within the Secret's data.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// One key of a `ConfigMap` of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap, in the same namespace.
    pub name: ObjectName,
    /// Key within the ConfigMap's data or binaryData.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// The kinds of object that hold a certificate authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ObjectKind {
    /// A `ConfigMap`.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// Where the certificates of a certificate authority are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct CaRef {
    /// What holds the certificates: ConfigMap or Secret.
    pub kind: ObjectKind,
    /// Name of the ConfigMap or Secret, in the same namespace.
    pub name: ObjectName,
    /// Key that holds one or more PEM certificates. Default: ca.crt.
    #[serde(default = "ca_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn ca_key() -> String {
    "ca.crt".to_owned()
}

/// A bearer token, sent as `Authorization: Bearer …` (RFC 6750).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BearerAuth {
    /// Key of a Secret that holds the token. White space around the token is removed.
    pub token_secret_ref: SecretKeyRef,
}

/// A user name and password, sent as `Authorization: Basic …` (RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BasicAuth {
    /// User name; it can't contain a colon.
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[^:]+$"))]
    pub username: String,
    /// Key of a Secret that holds the password. One line break at its end is removed.
    pub password_secret_ref: SecretKeyRef,
}

/// How an HTTP connection is secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpTlsMode {
    /// TLS with a verified certificate.
    #[default]
    Required,
    /// No TLS.
    Disabled,
}

/// TLS of an HTTP connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!(has(self.caRef) && self.mode == 'Disabled')",
    "caRef has no effect with mode Disabled: remove one of them",
))]
pub struct HttpTls {
    /// Required: https:// with a verified certificate. Disabled: http://, for Services of the same cluster and meshes that
    /// encrypt by themselves; secrets then cross the network as they are, so the operator must allow it (--allow-insecure).
    /// Default: Required.
    #[serde(default)]
    pub mode: HttpTlsMode,
    /// Certificate authority to trust instead of the operator's own list, for servers with a company's certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CaRef>,
}

/// How long to wait for another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Timeouts {
    /// For a connection to be made, TLS included: 1s to 10m, and never longer than request. Default: 10s.
    #[serde(default = "connect_timeout")]
    #[x_kube(validation = ("duration(self) >= duration('1s') && duration(self) <= duration('10m')", "connect must be between 1s and 10m"))]
    pub connect: Duration,
    /// For the answer to one request, or the next part of a long answer: 1s to 10m. Default: 1m.
    #[serde(default = "request_timeout")]
    #[x_kube(validation = ("duration(self) >= duration('1s') && duration(self) <= duration('10m')", "request must be between 1s and 10m"))]
    pub request: Duration,
}

fn connect_timeout() -> Duration {
    Duration::from_secs(10)
}

fn request_timeout() -> Duration {
    Duration::from_secs(60)
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: connect_timeout(),
            request: request_timeout(),
        }
    }
}

/// How hard another server may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestLimits {
    /// Most requests of one sync under way at once: 1 to 64. Default: 8.
    #[serde(default = "concurrent_requests")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrent_requests: i32,
    /// Most requests per second, spread evenly: 1 to 10000. Connections with the same host and credential share one rate, the
    /// lowest. Unset: as fast as the server answers; its 429 and Retry-After are obeyed either way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub requests_per_second: Option<i32>,
}

fn concurrent_requests() -> i32 {
    8
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            concurrent_requests: concurrent_requests(),
            requests_per_second: None,
        }
    }
}

/// One key of one object that a connection reads at each sync; what a test of the connection checks first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef<'a> {
    /// Field that refers to it, from the object's root, for example `spec.platform.rest.auth.bearer.tokenSecretRef`.
    pub field: &'static str,
    /// Kind of the object.
    pub kind: ObjectKind,
    /// Name of the object.
    pub name: &'a ObjectName,
    /// Key within the object.
    pub key: &'a str,
}

impl SecretKeyRef {
    pub(crate) fn at(&self, field: &'static str) -> KeyRef<'_> {
        KeyRef {
            field,
            kind: ObjectKind::Secret,
            name: &self.name,
            key: &self.key,
        }
    }
}

impl ConfigMapKeyRef {
    pub(crate) fn at(&self, field: &'static str) -> KeyRef<'_> {
        KeyRef {
            field,
            kind: ObjectKind::ConfigMap,
            name: &self.name,
            key: &self.key,
        }
    }
}

impl CaRef {
    pub(crate) fn at(&self, field: &'static str) -> KeyRef<'_> {
        KeyRef {
            field,
            kind: self.kind,
            name: &self.name,
            key: &self.key,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        })
    }
}

impl fmt::Display for KeyRef<'_> {
    /// Names the key the way a message does: `key "token" of Secret "platform"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?} of {} {:?}", self.key, self.kind, self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_namespace() {
        for name in [
            "../../kube-system/secrets/x",
            "a/b",
            "",
            "-a",
            "a-",
            "A",
            "a?b",
            "a%2fb",
            "a b",
            "..",
            &"a".repeat(254),
        ] {
            assert!(serde_json::from_value::<ObjectName>(name.into()).is_err(), "{name}");
        }
        for name in ["a", "ldap-bind", "corp.ca", &"a".repeat(253)] {
            assert!(serde_json::from_value::<ObjectName>((*name).into()).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_reference_is_named_with_its_key_and_object() {
        let reference = SecretKeyRef {
            name: "platform".try_into().unwrap(),
            key: "token".into(),
        };
        assert_eq!(
            reference.at("spec.x").to_string(),
            "key \"token\" of Secret \"platform\""
        );
    }
}
