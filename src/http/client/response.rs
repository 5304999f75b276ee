//! Answers.

use bytes::Bytes;
use serde::Deserialize;

use crate::http::Error;

/// A success.
#[derive(Clone, Debug)]
pub struct Response {
    pub(super) host: String,
    /// The status code, 200 to 299.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Decodes the body, which may be borrowed from. `what` names what was expected, for example `a SCIM list`.
    pub fn json<'a, T: Deserialize<'a>>(&'a self, what: &'static str) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| self.decode_failed(what, decode_error(&error)))
    }

    /// The error of a body that can't be read; `why` says where and why.
    pub fn decode_failed(&self, what: &'static str, why: String) -> Error {
        Error::Decode {
            host: self.host.clone(),
            what,
            why,
        }
    }
}

/// Where and why JSON could not be read, without the value that was found: that may be somebody's name.
pub fn decode_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.find(", expected ") {
        Some(at) if error.is_data() => text[at + 2..].to_owned(),
        _ => text,
    }
}
