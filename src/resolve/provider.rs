//! Directories of a specification, connected.

pub(super) mod file;
pub(super) mod ldap;
pub(super) mod scim;

use super::{
    Error,
    ends::{Connector, Keys},
};
use crate::{api::provider::ProviderSpec, directory::Directory};

/// Connects the provider that is set.
pub(super) fn connect(spec: ProviderSpec<'_>, keys: &Keys, connector: &Connector) -> Result<Box<dyn Directory>, Error> {
    match spec {
        ProviderSpec::Ldap(spec) => ldap::connect(spec, keys, connector),
        ProviderSpec::Scim(spec) => scim::connect(spec, keys, connector),
        ProviderSpec::File(spec) => file::connect(spec, keys, connector),
    }
}
