//! URLs: where a service is, and how texts get into paths.

use std::borrow::Cow;

use url::Url;

use crate::http::{Error, error::unusable};

/// Reads the base URL of a service, for example `https://idp.acme.test/scim/v2`.
///
/// It has a scheme, a host, and neither user information, query nor fragment; otherwise it is [`Error::InvalidUrl`].
pub fn parse_base(text: &str) -> Result<Url, Error> {
    let invalid = |why: String| Error::InvalidUrl {
        // What isn't a URL may be anything, even a token pasted into the wrong field.
        url: text
            .chars()
            .take_while(|c| !matches!(c, '?' | '@' | '#'))
            .take(100)
            .collect(),
        why,
    };
    let url: Url = text
        .trim()
        .parse()
        .map_err(|error: url::ParseError| invalid(error.to_string()))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(unusable(&url, "a base URL has neither ? nor #"));
    }
    if !url.has_host() {
        return Err(invalid("it has no host".to_owned()));
    }
    Ok(url)
}

/// Percent-encodes a text so that it is one segment of a path (RFC 3986 §3.3).
pub fn encode_segment(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 15]
                    .iter()
                    .filter_map(|nibble| char::from_digit(u32::from(*nibble), 16)),
            );
        }
    }
    Cow::Owned(encoded)
}

/// Whom a URL leads to, as messages name him.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
