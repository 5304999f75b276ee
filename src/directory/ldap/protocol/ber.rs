//! BER as LDAP restricts it (RFC 4511 §5.1): definite lengths, primitive strings, and tags of one byte.

/// `BOOLEAN`.
pub const BOOLEAN: u8 = 0x01;
/// `INTEGER`.
pub const INTEGER: u8 = 0x02;
/// `OCTET STRING`, primitive.
pub const OCTET_STRING: u8 = 0x04;
/// `ENUMERATED`.
pub const ENUMERATED: u8 = 0x0a;
/// `SEQUENCE` and `SEQUENCE OF`.
pub const SEQUENCE: u8 = 0x30;
/// `SET OF`.
pub const SET: u8 = 0x31;

/// Bytes that are not BER, or not the element that belongs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// The first bytes of an element: its tag, and where its content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Class, form and number in one byte.
    pub tag: u8,
    /// How many bytes come before the content.
    pub length: usize,
    /// How many bytes the content has.
    pub content: usize,
}

/// Reads the header of the element at the beginning of `bytes`; `None` while there are too few bytes to tell.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let [tag, first, rest @ ..] = bytes else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(Malformed("a tag of several bytes"));
    }
    let (length, content) = match *first {
        short @ 0..0x80 => (2, usize::from(short)),
        0x80 => return Err(Malformed("an indefinite length")),
        long => {
            let size = usize::from(long & 0x7f);
            // Active Directory writes every length in four bytes; more than eight nobody does.
            if size > 8 {
                return Err(Malformed("a length of more than eight bytes"));
            }
            let Some(digits) = rest.get(..size) else {
                return Ok(None);
            };
            let content = digits.iter().fold(0_u64, |sum, digit| (sum << 8) | u64::from(*digit));
            let content = usize::try_from(content).map_err(|_| Malformed("a length beyond all memory"))?;
            (2 + size, content)
        }
    };
    Ok(Some(Header {
        tag: *tag,
        length,
        content,
    }))
}

/// Walks over elements in place.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first of the elements that `bytes` consist of.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether no element is left.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag and the content of the next element.
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        const CUT: Malformed = Malformed("an element that is longer than what holds it");
        let header = header(self.0)?.ok_or(CUT)?;
        let (_, rest) = self.0.split_at_checked(header.length).ok_or(CUT)?;
        let (content, rest) = rest.split_at_checked(header.content).ok_or(CUT)?;
        self.0 = rest;
        Ok((header.tag, content))
    }

    /// The content of the next element, which must have the given tag; `what` says what was expected there.
    pub fn expect(&mut self, tag: u8, what: &'static str) -> Result<&'a [u8], Malformed> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed(what)),
        }
    }

    /// The content of the next element if it has the given tag; otherwise the element is left where it is.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.0.first() == Some(&tag) {
            self.element().map(|(_, content)| Some(content))
        } else {
            Ok(None)
        }
    }
}

/// The value of an `INTEGER` or `ENUMERATED` (two's complement), of at most eight bytes.
pub fn integer(content: &[u8]) -> Result<i64, Malformed> {
    let (Some(first), true) = (content.first(), content.len() <= 8) else {
        return Err(Malformed("a number of no or too many bytes"));
    };
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(sign, |sum, byte| (sum << 8) | i64::from(*byte)))
}

/// Appends an element with the given content.
pub fn write(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    write_length(out, content.len());
    out.extend_from_slice(content);
}

/// Appends an element whose content is what `inner` appends.
pub fn write_with(out: &mut Vec<u8>, tag: u8, inner: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    inner(&mut content);
    write(out, tag, &content);
}

/// Appends an `INTEGER` or, by its tag, an `ENUMERATED`, in as few bytes as it takes.
pub fn write_integer(out: &mut Vec<u8>, tag: u8, value: i64) {
    let bytes = value.to_be_bytes();
    let mut skip = 0;
    // A leading byte is redundant when it only repeats the sign of the byte after it.
    while skip < 7 && matches!((bytes[skip], bytes[skip + 1] & 0x80), (0, 0) | (0xff, 0x80)) {
        skip += 1;
    }
    write(out, tag, &bytes[skip..]);
}

/// Appends a `BOOLEAN`; true is 0xFF (RFC 4511 §5.1).
pub fn write_boolean(out: &mut Vec<u8>, tag: u8, value: bool) {
    write(out, tag, &[if value { 0xff } else { 0 }]);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or(0));
        return;
    }
    let bytes = length.to_be_bytes();
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0));
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_in_more_bytes_than_needed_is_read() {
        // As Active Directory writes it.
        let mut reader = Reader::new(&[0x30, 0x84, 0, 0, 0, 3, 2, 1, 5]);
        let mut inner = Reader::new(reader.expect(SEQUENCE, "sequence").unwrap());
        assert_eq!(integer(inner.expect(INTEGER, "integer").unwrap()), Ok(5));
        assert!(reader.is_empty() && inner.is_empty());
    }

    #[test]
    fn a_header_that_is_not_all_there_yet_is_no_error() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x82], &[0x30, 0x82, 1]] {
            assert_eq!(header(bytes), Ok(None));
        }
        let whole = Header {
            tag: 0x30,
            length: 4,
            content: 256,
        };
        assert_eq!(header(&[0x30, 0x82, 1, 0]), Ok(Some(whole)));
    }

    #[test]
    fn what_ldap_forbids_is_malformed() {
        assert!(header(&[0x30, 0x80, 0, 0]).is_err(), "indefinite length");
        assert!(header(&[0x1f, 0x81, 0]).is_err(), "tag of several bytes");
        assert!(header(&[0x30, 0xff, 0]).is_err(), "length of 127 bytes");
        assert!(
            Reader::new(&[0x04, 5, b'a']).element().is_err(),
            "longer than its holder"
        );
        assert!(integer(&[]).is_err() && integer(&[0; 9]).is_err());
    }

    proptest! {
        #[test]
        fn an_integer_survives_the_round_trip(value: i64) {
            let mut out = Vec::new();
            write_integer(&mut out, ENUMERATED, value);
            let content = Reader::new(&out).expect(ENUMERATED, "enumerated").unwrap();
            prop_assert_eq!(integer(content), Ok(value));
            // The shortest form: the first nine bits are never all alike.
            prop_assert!(content.len() == 1 || !matches!((content[0], content[1] >> 7), (0, 0) | (0xff, 1)));
        }

        #[test]
        fn a_string_of_any_length_survives_the_round_trip(length in prop_oneof![0_usize..400, 65_000_usize..70_000]) {
            let mut out = Vec::new();
            write_with(&mut out, SEQUENCE, |out| write(out, OCTET_STRING, &vec![7; length]));
            let mut outer = Reader::new(&out);
            let content = Reader::new(outer.expect(SEQUENCE, "sequence").unwrap()).expect(OCTET_STRING, "octets").unwrap();
            prop_assert_eq!(content, &vec![7; length][..]);
            prop_assert!(outer.is_empty());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok((_, content)) = reader.element() {
                let _ = integer(content);
            }
        }
    }
}
