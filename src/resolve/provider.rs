//! Directories of a specification, connected.

use super::{
    Error,
    ends::{Connector, Keys},
};
use crate::{api::provider::ProviderSpec, directory::Directory};

/// Connects the provider that is set.
pub(super) fn connect(
    spec: ProviderSpec<'_>,
    _keys: &Keys,
    _connector: &Connector,
) -> Result<Box<dyn Directory>, Error> {
    let message = "not wired yet".to_owned();
    Err(Error::Field {
        field: format!("spec.provider.{}", spec.name()),
        message,
    })
}
