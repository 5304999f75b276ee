//! Directories of a specification, connected.

pub(super) mod file;
pub(super) mod ldap;
pub(super) mod scim;

use directory_sync_model::rules::Rules;

use super::{
    Error,
    ends::{Connector, Keys},
};
use crate::{api::provider::ProviderSpec, directory::Directory};

/// Connects the provider that is set.
pub(super) fn connect(
    spec: ProviderSpec<'_>,
    rules: &Rules,
    keys: &Keys,
    connector: &Connector,
) -> Result<Box<dyn Directory>, Error> {
    match spec {
        // The others send all that they have.
        ProviderSpec::Ldap(spec) => ldap::connect(spec, &rules.reads_custom(), keys, connector),
        ProviderSpec::Scim(spec) => scim::connect(spec, keys, connector),
        ProviderSpec::File(spec) => file::connect(spec, keys, connector),
    }
}
