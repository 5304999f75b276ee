//! `spec.platform.rest`: a platform that speaks directory-sync's own REST contract.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::reference::{BearerAuth, HttpTls, KeyRef, RequestLimits, Timeouts};

/// A platform with directory-sync's own REST contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.tls.mode != 'Required' || self.url.startsWith('https://')", "tls.mode Required needs an https:// url"),
    validation = ("self.tls.mode != 'Disabled' || self.url.startsWith('http://')", "tls.mode Disabled needs an http:// url")
)]
pub struct RestPlatform {
    /// Base address of the platform, for example https://api.platform.test.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = (
        r"self.matches('^https?://[^/?#@\\s]+(/[^?#\\s]*)?$')",
        "url must be https://host[:port][/path], without credentials, query or fragment",
    ))]
    pub url: String,
    /// How the connection is secured.
    #[serde(default)]
    pub tls: HttpTls,
    /// How to authenticate: exactly one way. The account behind it is never changed or removed by a sync.
    pub auth: RestAuth,
    /// How hard the platform may be asked.
    #[serde(default)]
    pub limits: RequestLimits,
    /// How long to wait for the platform.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// How to authenticate with the platform: exactly one way, `bearer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = ("[has(self.bearer)].exists_one(x, x)", "exactly one way to authenticate must be set: bearer"))]
pub struct RestAuth {
    /// With a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<BearerAuth>,
}

impl RestPlatform {
    /// Every Secret and `ConfigMap` key that is read for this platform.
    pub fn references(&self) -> Vec<KeyRef<'_>> {
        let ca = self.tls.ca_ref.as_ref().map(|ca| ca.at("spec.platform.rest.tls.caRef"));
        let token = self
            .auth
            .bearer
            .as_ref()
            .map(|b| b.token_secret_ref.at("spec.platform.rest.auth.bearer.tokenSecretRef"));
        ca.into_iter().chain(token).collect()
    }
}
