//! LDAP messages: requests as bytes, answers as views into the bytes received.

use super::ber::{self, Malformed, Reader};

/// The OID of `StartTLS` (RFC 4511 §4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// The OID of the control for paged results (RFC 2696 §2).
pub const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const CONTROLS: u8 = 0xa0;

/// How far below its base a search looks (RFC 4511 §4.5.1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The base itself.
    Base = 0,
    /// The entries directly below the base.
    OneLevel = 1,
    /// The base and everything below it.
    #[default]
    Subtree = 2,
}

/// A search request (RFC 4511 §4.5.1). Aliases are not followed.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The DN of the base.
    pub base: &'a str,
    /// How far below the base.
    pub scope: Scope,
    /// The filter, as [`super::filter::encode`] encodes it.
    pub filter: &'a [u8],
    /// The names of the attributes to return; empty asks for all user attributes, `1.1` for none.
    pub attributes: &'a [String],
    /// After how many entries the server is to stop; 0 asks for all.
    pub size_limit: u32,
    /// The page to return: its size, and the cookie of the page before (empty for the first); `None` asks for all.
    pub page: Option<(u32, &'a [u8])>,
}

/// Encodes a simple bind (RFC 4511 §4.2); an empty name and password is an anonymous one.
pub fn bind(id: i32, name: &str, password: &str) -> Vec<u8> {
    envelope(id, |out| {
        ber::write_with(out, BIND_REQUEST, |out| {
            ber::write_integer(out, ber::INTEGER, 3);
            ber::write(out, ber::OCTET_STRING, name.as_bytes());
            ber::write(out, 0x80, password.as_bytes());
        });
    })
}

/// Encodes the request to begin TLS.
pub fn start_tls(id: i32) -> Vec<u8> {
    envelope(id, |out| {
        ber::write_with(out, EXTENDED_REQUEST, |out| ber::write(out, 0x80, START_TLS.as_bytes()));
    })
}

/// Encodes the notice that this side is about to close the connection (RFC 4511 §4.3).
pub fn unbind(id: i32) -> Vec<u8> {
    envelope(id, |out| ber::write(out, UNBIND_REQUEST, &[]))
}

/// Encodes a search.
pub fn search(id: i32, search: &Search<'_>) -> Vec<u8> {
    envelope(id, |out| {
        ber::write_with(out, SEARCH_REQUEST, |out| {
            ber::write(out, ber::OCTET_STRING, search.base.as_bytes());
            ber::write_integer(out, ber::ENUMERATED, search.scope as i64);
            ber::write_integer(out, ber::ENUMERATED, 0);
            ber::write_integer(out, ber::INTEGER, i64::from(search.size_limit));
            ber::write_integer(out, ber::INTEGER, 0);
            ber::write_boolean(out, ber::BOOLEAN, false);
            out.extend_from_slice(search.filter);
            ber::write_with(out, ber::SEQUENCE, |out| {
                for name in search.attributes {
                    ber::write(out, ber::OCTET_STRING, name.as_bytes());
                }
            });
        });
        if let Some((size, cookie)) = search.page {
            ber::write_with(out, CONTROLS, |out| {
                ber::write_with(out, ber::SEQUENCE, |out| {
                    ber::write(out, ber::OCTET_STRING, PAGED_RESULTS.as_bytes());
                    let mut value = Vec::new();
                    ber::write_with(&mut value, ber::SEQUENCE, |out| {
                        ber::write_integer(out, ber::INTEGER, i64::from(size));
                        ber::write(out, ber::OCTET_STRING, cookie);
                    });
                    // Not critical, which is the default: a server without pages answers with everything.
                    ber::write(out, ber::OCTET_STRING, &value);
                });
            });
        }
    })
}

fn envelope(id: i32, operation: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    ber::write_with(&mut out, ber::SEQUENCE, |out| {
        ber::write_integer(out, ber::INTEGER, i64::from(id));
        operation(out);
    });
    out
}

/// One message of the server.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The id of the request that it answers; 0 when it answers none.
    pub id: i32,
    /// What it says.
    pub answer: Answer<'a>,
}

/// What a message of the server says.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// An entry that a search found.
    Entry(Entry<'a>),
    /// A part of the tree that another server has (RFC 4511 §4.5.3).
    Reference,
    /// How a search ended.
    SearchDone(Outcome<'a>),
    /// How a bind ended.
    Bound(Outcome<'a>),
    /// How an extended operation ended, or, with id 0, that the server is about to close the connection (§4.4.1).
    Extended(Outcome<'a>),
    /// Something that no request here asks for, such as an intermediate response.
    Other,
}

/// How an operation ended (`LDAPResult`, RFC 4511 §4.1.9).
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// The result code; 0 is success.
    pub code: u32,
    /// The last existing entry on the way to the one that doesn't exist; empty otherwise.
    pub matched: &'a [u8],
    /// The server's own words.
    pub text: &'a [u8],
    /// The cookie of the control for paged results; `None` where the server sent no such control.
    pub cookie: Option<&'a [u8]>,
}

/// An entry that a search found.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its DN.
    pub dn: &'a [u8],
    attributes: Reader<'a>,
}

/// One attribute of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// Its description: a name, and perhaps options such as `;lang-en` or `;range=0-1499`.
    pub description: &'a [u8],
    /// Its values.
    pub values: Values<'a>,
}

/// The values of one attribute, in the server's order.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a>(Reader<'a>);

impl<'a> Message<'a> {
    /// Reads one whole message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut message = Reader::new(Reader::new(bytes).expect(ber::SEQUENCE, "a message that is no sequence")?);
        let id = ber::integer(message.expect(ber::INTEGER, "a message without an id")?)?;
        let id = i32::try_from(id).map_err(|_| Malformed("a message id out of range"))?;
        let (tag, operation) = message.element()?;
        let answer = match tag {
            SEARCH_ENTRY => Answer::Entry(Entry::decode(operation)?),
            SEARCH_REFERENCE => Answer::Reference,
            SEARCH_DONE => Answer::SearchDone(Outcome::decode(operation, message)?),
            BIND_RESPONSE => Answer::Bound(Outcome::decode(operation, message)?),
            EXTENDED_RESPONSE => Answer::Extended(Outcome::decode(operation, message)?),
            _ => Answer::Other,
        };
        Ok(Self { id, answer })
    }
}

impl<'a> Outcome<'a> {
    fn decode(operation: &'a [u8], mut after: Reader<'a>) -> Result<Self, Malformed> {
        let mut result = Reader::new(operation);
        let code = ber::integer(result.expect(ber::ENUMERATED, "a result without a code")?)?;
        let code = u32::try_from(code).map_err(|_| Malformed("a result code out of range"))?;
        let matched = result.expect(ber::OCTET_STRING, "a result without a matched DN")?;
        let text = result.expect(ber::OCTET_STRING, "a result without a message")?;
        let cookie = match after.optional(CONTROLS)? {
            Some(controls) => cookie(Reader::new(controls))?,
            None => None,
        };
        Ok(Self {
            code,
            matched,
            text,
            cookie,
        })
    }
}

/// The cookie among the response controls. Of several such controls the one with a cookie counts: some servers send an
/// empty one beside it.
fn cookie(mut controls: Reader<'_>) -> Result<Option<&[u8]>, Malformed> {
    let mut found: Option<&[u8]> = None;
    while !controls.is_empty() {
        let mut control = Reader::new(controls.expect(ber::SEQUENCE, "a control that is no sequence")?);
        let oid = control.expect(ber::OCTET_STRING, "a control without a type")?;
        control.optional(ber::BOOLEAN)?;
        if oid != PAGED_RESULTS.as_bytes() {
            continue;
        }
        let value = control.expect(ber::OCTET_STRING, "a paged results control without a value")?;
        let mut value =
            Reader::new(Reader::new(value).expect(ber::SEQUENCE, "a paged results value that is no sequence")?);
        value.expect(ber::INTEGER, "a paged results value without a size")?;
        let cookie = value.expect(ber::OCTET_STRING, "a paged results value without a cookie")?;
        found = found.filter(|known| !known.is_empty()).or(Some(cookie));
    }
    Ok(found)
}

impl<'a> Entry<'a> {
    fn decode(operation: &'a [u8]) -> Result<Self, Malformed> {
        let mut entry = Reader::new(operation);
        let dn = entry.expect(ber::OCTET_STRING, "an entry without a DN")?;
        let attributes = Reader::new(entry.expect(ber::SEQUENCE, "an entry without attributes")?);
        Ok(Self { dn, attributes })
    }

    /// The next attribute; `None` after the last one.
    pub fn next_attribute(&mut self) -> Result<Option<Attribute<'a>>, Malformed> {
        if self.attributes.is_empty() {
            return Ok(None);
        }
        let mut attribute = Reader::new(
            self.attributes
                .expect(ber::SEQUENCE, "an attribute that is no sequence")?,
        );
        let description = attribute.expect(ber::OCTET_STRING, "an attribute without a name")?;
        let values = Values(Reader::new(attribute.expect(ber::SET, "an attribute without values")?));
        values.check()?;
        Ok(Some(Attribute { description, values }))
    }
}

impl Values<'_> {
    /// Values that walk without an error: checked once, so that those who read them need not.
    fn check(self) -> Result<(), Malformed> {
        let mut values = self.0;
        while !values.is_empty() {
            values.expect(ber::OCTET_STRING, "a value that is no octet string")?;
        }
        Ok(())
    }

    /// Whether there is no value at all.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for Values<'a> {
    type Item = &'a [u8];
    type IntoIter = ValueIter<'a>;

    fn into_iter(self) -> ValueIter<'a> {
        ValueIter(self.0)
    }
}

/// Walks over values.
#[derive(Debug)]
pub struct ValueIter<'a>(Reader<'a>);

impl<'a> Iterator for ValueIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.element().ok().map(|(_, value)| value)
    }
}

#[cfg(test)]
pub(crate) mod tests;
