//! Where people come from: one struct per kind of directory, exactly one of which is set.

pub mod file;
pub mod ldap;
pub mod scim;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

pub use file::FileProvider;
pub use ldap::LdapProvider;
pub use scim::ScimProvider;

use super::{reference::KeyRef, the_one};

/// The directory that people are read from: exactly one of `ldap`, `scim` and `file`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = (
    "[has(self.ldap), has(self.scim), has(self.file)].exists_one(x, x)",
    "exactly one provider must be set: ldap, scim or file",
))]
pub struct Provider {
    /// An LDAP server: OpenLDAP, 389 Directory Server and others with RFC 4519 or RFC 2307 entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ldap: Option<LdapProvider>,
    /// A SCIM 2.0 service provider (RFC 7643, RFC 7644), read over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim: Option<ScimProvider>,
    /// People and groups in keys of ConfigMaps or Secrets, as CSV, JSON or YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileProvider>,
}

/// The one provider that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderSpec<'a> {
    /// `spec.provider.ldap`
    Ldap(&'a LdapProvider),
    /// `spec.provider.scim`
    Scim(&'a ScimProvider),
    /// `spec.provider.file`
    File(&'a FileProvider),
}

impl Provider {
    /// The provider that is set; `None` unless it is exactly one, which the schema's rule and
    /// [`admit`](super::admission::admit) refuse.
    pub fn selected(&self) -> Option<ProviderSpec<'_>> {
        // Destructured without `..`, so that a new provider can't be forgotten here.
        let Self { ldap, scim, file } = self;
        the_one([
            ldap.as_ref().map(ProviderSpec::Ldap),
            scim.as_ref().map(ProviderSpec::Scim),
            file.as_ref().map(ProviderSpec::File),
        ])
    }
}

impl<'a> ProviderSpec<'a> {
    /// The provider's name: its field under `spec.provider`, the value of `status.provider` and of metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ldap(_) => "ldap",
            Self::Scim(_) => "scim",
            Self::File(_) => "file",
        }
    }

    /// Every Secret and `ConfigMap` key that this provider reads.
    pub fn references(self) -> Vec<KeyRef<'a>> {
        match self {
            Self::Ldap(ldap) => ldap.references(),
            Self::Scim(scim) => scim.references(),
            Self::File(file) => file.references(),
        }
    }
}
