//! `spec.provider.file`, read.

use crate::{
    api::provider::file::FileProvider,
    directory::Directory,
    resolve::{
        Error,
        ends::{Connector, Keys},
    },
};

pub(super) fn connect(_spec: &FileProvider, _keys: &Keys, _connector: &Connector) -> Result<Box<dyn Directory>, Error> {
    Err(Error::Field {
        field: "spec.provider.file".to_owned(),
        message: "not wired yet".to_owned(),
    })
}
