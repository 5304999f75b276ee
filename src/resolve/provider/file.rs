//! `spec.provider.file`, read.

use crate::{
    api::provider::file::{FileFormat, FileProvider, FileSource},
    call::LayeredDirectory,
    directory::{
        Directory,
        file::{Config, FileDirectory, Format, Source},
    },
    resolve::{
        Error,
        ends::{Connector, Keys, Layers, MANY_REQUESTS},
    },
};

/// Nothing is asked of another server: the documents were read with all other keys.
pub(super) fn connect(spec: &FileProvider, keys: &Keys, connector: &Connector) -> Result<Box<dyn Directory>, Error> {
    let layers = Layers {
        side: "directory",
        provider: "file",
        timeout: MANY_REQUESTS,
    };
    Ok(Box::new(LayeredDirectory::new(
        Box::new(FileDirectory::new(config(spec, keys)?)),
        layers.unlimited(connector),
    )))
}

/// Every field of the specification, with the values of its keys.
pub(in crate::resolve) fn config(spec: &FileProvider, keys: &Keys) -> Result<Config, Error> {
    let groups = spec.groups.as_ref();
    Ok(Config {
        people: source(&spec.people, "spec.provider.file.people", keys)?,
        groups: groups
            .map(|groups| source(groups, "spec.provider.file.groups", keys))
            .transpose()?,
    })
}

fn source(source: &FileSource, field: &'static str, keys: &Keys) -> Result<Source, Error> {
    let reference = source.reference(field).ok_or_else(|| Error::Field {
        field: field.to_owned(),
        message: "exactly one place must be set: configMapKeyRef or secretKeyRef".to_owned(),
    })?;
    Ok(Source {
        name: keys.place(&reference),
        bytes: keys.bytes(&reference)?.to_vec(),
        format: match source.format {
            FileFormat::Auto => Format::Auto,
            FileFormat::Csv => Format::Csv,
            FileFormat::Json => Format::Json,
            FileFormat::Yaml => Format::Yaml,
        },
    })
}
