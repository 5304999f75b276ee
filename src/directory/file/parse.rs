//! From bytes to rows: bound, encoding, format.

use super::{
    config::{Format, Source},
    csv, json,
    value::{Document, Kind},
    yaml,
};
use crate::directory::Error;

/// The largest document, 16 MiB: some 100,000 people. A key of a ConfigMap or Secret holds 1 MiB at most.
const LARGEST: usize = 16 << 20;

/// Reads the rows of a document. What is wrong with it as a whole is [`Error::Document`].
pub(super) fn parse(source: &Source, kind: Kind) -> Result<Document, Error> {
    let rows = rows(source, kind).map_err(|message| Error::Document {
        document: source.name.clone(),
        message,
    })?;
    Ok(rows.named(&source.name))
}

fn rows(source: &Source, kind: Kind) -> Result<Document, String> {
    let bytes = source.bytes.as_slice();
    if bytes.len() > LARGEST {
        return Err(format!(
            "it has {} MiB, and {} are the most that is read",
            bytes.len() >> 20,
            LARGEST >> 20
        ));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err("it is empty".to_owned());
    }
    match source.format {
        Format::Csv => csv::read(bytes, kind),
        Format::Json => json::read(text(bytes)?, kind),
        Format::Yaml => yaml::read(text(bytes)?, kind),
        Format::Auto => {
            Err("its format can't be told by its name; name it .csv, .json, .yaml or .yml, or set format".to_owned())
        }
    }
}

impl Format {
    /// The format that a name's ending tells, if this is [`Format::Auto`].
    pub(super) fn of(self, name: &str) -> Self {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match (self, ending.as_deref()) {
            (Self::Auto, Some("csv")) => Self::Csv,
            (Self::Auto, Some("json")) => Self::Json,
            (Self::Auto, Some("yaml" | "yml")) => Self::Yaml,
            (format, _) => format,
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = line_breaks(&bytes[..error.valid_up_to()]) + 1;
        format!("line {line} is not UTF-8; save the file as UTF-8")
    })
}

/// How many line breaks there are.
pub(super) fn line_breaks(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}
