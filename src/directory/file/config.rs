//! Which documents to read, as plain data.

use std::fmt;

/// Everything that a [`super::FileDirectory`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The people, and perhaps their groups.
    pub people: Source,
    /// The groups; absent: those that the people name, or that are in the document of the people.
    pub groups: Option<Source>,
}

/// One document, already read.
#[derive(Clone)]
pub struct Source {
    /// What messages call it, for example `ConfigMap acme/people, key people.csv`.
    pub name: String,
    /// Its text.
    pub bytes: Vec<u8>,
    /// How it is written.
    pub format: Format,
}

impl fmt::Debug for Source {
    /// Without the text: there are people in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bytes, format } = self;
        write!(
            f,
            "Source {{ name: {name:?}, bytes: {}, format: {format:?} }}",
            bytes.len()
        )
    }
}

/// How a document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// By the ending of its name: `.csv`, `.json`, `.yaml` or `.yml`.
    #[default]
    Auto,
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// JSON (RFC 8259).
    Json,
    /// YAML 1.2.
    Yaml,
}
