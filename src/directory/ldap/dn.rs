//! Distinguished names as they are compared: `UID=Ann , OU=People` and `uid=ann,ou=people` name the same entry.
//!
//! A directory need not give a member's DN in the spelling of the member's own entry, so both are brought into one form
//! (RFC 4514 for the syntax, RFC 4518 for what counts in a value): types in lower case and by their short name, values
//! without escapes, in lower case, NFKC, without spaces that don't count, and the parts of a multi-valued RDN in order.
//! Values are all taken as texts without regard to case, as those of every attribute are that names people and groups.

use std::{borrow::Cow, iter::Peekable, str::Chars};

use unicode_normalization::UnicodeNormalization as _;

/// Why a text is no DN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnError {
    /// A part has no `=`.
    #[error("a part of it has no =")]
    NoValue,
    /// What stands before a `=` is neither a name nor an OID.
    #[error("what stands before a = is no attribute's name")]
    Type,
    /// A backslash is followed by neither a character that needs one nor two hexadecimal digits.
    #[error("a \\ is followed by neither a special character nor two hexadecimal digits")]
    Escape,
    /// The value after `#` is not hexadecimal.
    #[error("the value after # is not hexadecimal")]
    Hex,
    /// A quotation mark has no partner.
    #[error("a quotation mark has no partner")]
    Quote,
    /// The bytes of a value are not UTF-8.
    #[error("a value is not UTF-8")]
    Encoding,
}

/// Brings a DN into the form in which DNs are compared. A DN that has that form already is given back as it is. A text
/// that is no DN is only trimmed and put into lower case, so that it still equals itself; a `?` in front keeps it apart
/// from every DN.
pub fn normalize(dn: &str) -> Cow<'_, str> {
    if is_normal(dn.as_bytes()) {
        return Cow::Borrowed(dn);
    }
    let lower = dn.to_ascii_lowercase();
    if is_normal(lower.as_bytes()) {
        return Cow::Owned(lower);
    }
    Cow::Owned(canonical(dn).unwrap_or_else(|_| format!("?{}", lower.trim())))
}

/// The form in which a DN is compared; empty for the empty DN (RFC 4514 §2.1).
pub fn canonical(dn: &str) -> Result<String, DnError> {
    let mut parser = Parser {
        rest: dn.chars().peekable(),
    };
    parser.skip_spaces();
    if parser.rest.peek().is_none() {
        return Ok(String::new());
    }
    let mut text = String::with_capacity(dn.len());
    let mut rdn: Vec<String> = Vec::new();
    loop {
        let (pair, separator) = parser.pair()?;
        rdn.push(pair);
        if separator == Some('+') {
            continue;
        }
        rdn.sort_unstable();
        rdn.dedup();
        text.push_str(&rdn.join("+"));
        rdn.clear();
        if separator.is_none() {
            return Ok(text);
        }
        text.push(',');
    }
}

/// Removes the unique identifier that a value of `uniqueMember` may have behind its DN: `cn=a#'0101'B`
/// (RFC 4517 §3.3.21).
pub fn without_identifier(value: &str) -> &str {
    let bits = value
        .strip_suffix("'B")
        .and_then(|rest| rest.rsplit_once("#'"))
        .filter(|(_, bits)| bits.bytes().all(|bit| matches!(bit, b'0' | b'1')));
    bits.map_or(value, |(dn, _)| dn)
}

/// Whether [`canonical`] would change nothing: one pass over the plain spelling that servers use for nearly every DN.
fn is_normal(dn: &[u8]) -> bool {
    let mut rest = dn;
    loop {
        // Longer names may be long names of short ones; no short name is another's long one.
        let name = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        if !(1..=5).contains(&name) || rest.get(name) != Some(&b'=') {
            return false;
        }
        rest = &rest[name + 1..];
        let mut before = b' ';
        let mut length = 0;
        for byte in rest {
            match byte {
                b',' => break,
                b' ' if before == b' ' => return false,
                b' '
                | b'a'..=b'z'
                | b'0'..=b'9'
                | b'-'
                | b'.'
                | b'_'
                | b'@'
                | b'/'
                | b':'
                | b'\''
                | b'('
                | b')'
                | b'&' => {}
                _ => return false,
            }
            before = *byte;
            length += 1;
        }
        if before == b' ' {
            return false;
        }
        match rest.get(length + 1..) {
            Some(next) => rest = next,
            // Nothing after the value; a comma at the very end is found by the next round.
            None if length == rest.len() => return true,
            None => return false,
        }
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn skip_spaces(&mut self) {
        while self.rest.next_if_eq(&' ').is_some() {}
    }

    /// One `type=value`, and the separator behind it.
    fn pair(&mut self) -> Result<(String, Option<char>), DnError> {
        self.skip_spaces();
        let mut name = String::new();
        loop {
            match self.rest.next().ok_or(DnError::NoValue)? {
                '=' => break,
                ',' | ';' | '+' => return Err(DnError::NoValue),
                c => name.push(c.to_ascii_lowercase()),
            }
        }
        let name = short_name(name.trim_end())?;
        self.skip_spaces();
        let (value, separator) = match self.rest.peek() {
            Some('#') => self.hex()?,
            Some('"') => self.quoted()?,
            _ => self.plain()?,
        };
        Ok((format!("{name}={value}"), separator))
    }

    fn plain(&mut self) -> Result<(String, Option<char>), DnError> {
        let mut bytes = Vec::new();
        loop {
            match self.rest.next() {
                None => return Ok((fold(bytes)?, None)),
                Some(separator @ (',' | ';' | '+')) => return Ok((fold(bytes)?, Some(separator))),
                Some('\\') => self.escaped(&mut bytes)?,
                Some(c) => push(&mut bytes, c),
            }
        }
    }

    /// A value in quotation marks, as older servers store it (RFC 1779, RFC 2253 §4).
    fn quoted(&mut self) -> Result<(String, Option<char>), DnError> {
        self.rest.next();
        let mut bytes = Vec::new();
        loop {
            match self.rest.next().ok_or(DnError::Quote)? {
                '"' => break,
                '\\' => self.escaped(&mut bytes)?,
                c => push(&mut bytes, c),
            }
        }
        Ok((fold(bytes)?, self.separator().map_err(|()| DnError::Quote)?))
    }

    /// A value as the hexadecimal digits of its BER encoding (RFC 4514 §2.4). A string in it is taken as if it had been
    /// written out; anything else is compared by its digits.
    fn hex(&mut self) -> Result<(String, Option<char>), DnError> {
        self.rest.next();
        let mut digits = String::new();
        while let Some(digit) = self.rest.next_if(char::is_ascii_hexdigit) {
            digits.push(digit.to_ascii_lowercase());
        }
        let separator = self.separator().map_err(|()| DnError::Hex)?;
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(hex_byte).collect();
        let value = match bytes.as_deref() {
            None | Some([]) => return Err(DnError::Hex),
            // UTF8String, PrintableString, IA5String and OCTET STRING of up to 127 bytes.
            Some([0x0c | 0x13 | 0x16 | 0x04, length, text @ ..])
                if *length < 0x80 && usize::from(*length) == text.len() && std::str::from_utf8(text).is_ok() =>
            {
                fold(text.to_vec())?
            }
            Some(_) => format!("#{digits}"),
        };
        Ok((value, separator))
    }

    fn separator(&mut self) -> Result<Option<char>, ()> {
        self.skip_spaces();
        match self.rest.next() {
            separator @ (None | Some(',' | ';' | '+')) => Ok(separator),
            Some(_) => Err(()),
        }
    }

    fn escaped(&mut self, bytes: &mut Vec<u8>) -> Result<(), DnError> {
        match self.rest.next().ok_or(DnError::Escape)? {
            c @ ('"' | '+' | ',' | ';' | '<' | '>' | '\\' | ' ' | '#' | '=') => push(bytes, c),
            high => {
                let low = self.rest.next().ok_or(DnError::Escape)?;
                let (Some(high), Some(low)) = (high.to_digit(16), low.to_digit(16)) else {
                    return Err(DnError::Escape);
                };
                bytes.push(u8::try_from(high * 16 + low).map_err(|_| DnError::Escape)?);
            }
        }
        Ok(())
    }
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn hex_byte(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let (high, low) = (char::from(*high).to_digit(16)?, char::from(*low).to_digit(16)?);
    u8::try_from(high * 16 + low).ok()
}

/// A value as it is compared (RFC 4518 §2 in short): NFKC and lower case; spaces at the ends don't count, and several
/// within count as one. What separates the parts of a DN is escaped, so that two DNs can't look alike.
fn fold(bytes: Vec<u8>) -> Result<String, DnError> {
    let text = String::from_utf8(bytes).map_err(|_| DnError::Encoding)?;
    let text: Cow<'_, str> = if text.is_ascii() {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        // Lower case can take a composed letter apart, so the composition comes last as well as first.
        let composed: String = text.nfkc().collect();
        Cow::Owned(composed.to_lowercase().nfkc().collect())
    };
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for c in word.chars() {
            if matches!(c, ',' | '+' | ';' | '"' | '\\') || (c == '#' && folded.is_empty()) {
                folded.push('\\');
            }
            folded.push(c);
        }
    }
    Ok(folded)
}

/// The short name of an attribute type that a DN may give by its long name or its OID (RFC 4519 §2, RFC 4524 §2.16).
fn short_name(name: &str) -> Result<&str, DnError> {
    let name = name.strip_prefix("oid.").unwrap_or(name);
    if name.is_empty()
        || !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    {
        return Err(DnError::Type);
    }
    Ok(match name {
        "commonname" | "2.5.4.3" => "cn",
        "surname" | "2.5.4.4" => "sn",
        "countryname" | "2.5.4.6" => "c",
        "localityname" | "2.5.4.7" => "l",
        "stateorprovincename" | "2.5.4.8" => "st",
        "streetaddress" | "2.5.4.9" => "street",
        "organizationname" | "2.5.4.10" => "o",
        "organizationalunitname" | "2.5.4.11" => "ou",
        "givenname" | "2.5.4.42" => "gn",
        "emailaddress" | "1.2.840.113549.1.9.1" => "email",
        "userid" | "0.9.2342.19200300.100.1.1" => "uid",
        "rfc822mailbox" | "0.9.2342.19200300.100.1.3" => "mail",
        "domaincomponent" | "0.9.2342.19200300.100.1.25" => "dc",
        name => name,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_dn_is_given_back_without_an_allocation() {
        for dn in [
            "uid=ann,ou=people,dc=acme,dc=test",
            "cn=ann o'neil (uk),o=r&d",
            "dc=test",
        ] {
            assert!(matches!(normalize(dn), Cow::Borrowed(same) if same == dn), "{dn}");
        }
    }

    #[test]
    fn spellings_of_one_dn_are_one() {
        for (one, other) in [
            ("UID=Ann,OU=People,DC=acme,DC=test", "uid=ann,ou=people,dc=acme,dc=test"),
            ("uid = ann , ou =people,dc= acme", "uid=ann,ou=people,dc=acme"),
            ("userid=ann,0.9.2342.19200300.100.1.25=acme", "uid=ann,dc=acme"),
            ("OID.2.5.4.3=ann", "CN=Ann"),
            ("gn=ann,o=x", "givenName=Ann,o=x"),
            ("GN=ann,o=x", "2.5.4.42=Ann,o=x"),
            ("email=a@x.test,o=x", "emailAddress=a@x.test,o=x"),
            ("cn=Lee\\, Ann,o=x", "cn=Lee\\2C Ann,o=x"),
            ("cn=\"Lee, Ann\";o=x", "cn=lee\\, ann,o=x"),
            ("cn=a+uid=b,o=x", "UID=b+CN=a,o=x"),
            ("cn=Ann   Lee,o=x", "cn=ann lee,o=x"),
            ("cn=\\20ann\\ ,o=x", "cn=ann,o=x"),
            ("cn=#0403616E6E,o=x", "cn=ann,o=x"),
            ("cn=#0C03416E6E,o=x", "cn=ann,o=x"),
            ("cn=J\u{f6}rg,o=x", "cn=jo\u{308}rg,o=x"),
            ("cn=J\\C3\\B6rg,o=x", "cn=j\u{f6}rg,o=x"),
            ("cn=\u{d6}zil,o=x", "cn=\u{f6}zil,o=x"),
            ("cn=\\#1,o=x", "cn=\"#1\",o=x"),
            ("cn=a\\=b", "cn=a=b"),
            ("", "  "),
        ] {
            assert_eq!(normalize(one), normalize(other), "{one:?} and {other:?}");
            assert!(canonical(one).is_ok(), "{one:?}");
        }
    }

    #[test]
    fn different_dns_stay_different() {
        for (one, other) in [
            ("cn=a\\,o=x", "cn=a,o=x"),
            ("cn=a\\+sn=b", "cn=a+sn=b"),
            ("cn=a b", "cn=ab"),
            ("cn=#01ff", "cn=\\#01ff"),
            ("cn=\\\"ann\\\"", "cn=ann"),
            ("cn=a\\5c\\2c", "cn=a\\\\\\,b"),
            ("uid=ann,ou=a", "uid=ann,ou=b"),
            ("uid=ann", "cn=ann"),
        ] {
            assert_ne!(normalize(one), normalize(other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn what_is_no_dn_is_named_and_still_equals_itself() {
        for (text, error) in [
            ("ann", DnError::NoValue),
            ("uid=ann,", DnError::NoValue),
            ("uid=ann,,ou=x", DnError::NoValue),
            ("=ann", DnError::Type),
            ("u id=ann", DnError::Type),
            ("cn=a\\", DnError::Escape),
            ("cn=a\\zz", DnError::Escape),
            ("cn=#xyz", DnError::Hex),
            ("cn=#123", DnError::Hex),
            ("cn=\"a", DnError::Quote),
            ("cn=\"a\"b", DnError::Quote),
            ("cn=\\ff", DnError::Encoding),
        ] {
            assert_eq!(canonical(text), Err(error), "{text:?}");
            assert_eq!(normalize(text), normalize(&text.to_uppercase()), "{text:?}");
        }
    }

    #[test]
    fn the_identifier_behind_a_unique_member_is_removed() {
        assert_eq!(without_identifier("cn=a,o=x#'0101'B"), "cn=a,o=x");
        assert_eq!(without_identifier("cn=a,o=x#''B"), "cn=a,o=x");
        for dn in ["cn=a,o=x", "cn=a#1,o=x", "cn=a,o=#'012'B", "cn=a,o='01'B", ""] {
            assert_eq!(without_identifier(dn), dn);
        }
    }

    /// A value in one of the ways in which it can be written.
    fn spelling(value: &str, seed: usize) -> String {
        let mut text = String::new();
        for (at, c) in value.chars().enumerate() {
            let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '#');
            match (seed >> (at % 8)) & 3 {
                0 => c
                    .to_string()
                    .bytes()
                    .for_each(|byte| write!(text, "\\{byte:02X}").unwrap()),
                _ if special => text.extend(['\\', c]),
                1 => text.extend(c.to_uppercase()),
                _ => text.push(c),
            }
        }
        text
    }

    proptest! {
        #[test]
        fn every_spelling_of_a_dn_has_one_form(
            parts in prop::collection::vec(("(cn|uid|ou|dc|x-y|telephonenumber)", "[a-z0-9 ,+\"\\\\<>;=#.\u{e9}\u{4e2d}]{0,8}", 0_usize..256), 1..5),
        ) {
            let plain: Vec<_> = parts.iter().map(|(name, value, _)| format!("{name}={}", spelling(value, 0))).collect();
            let other: Vec<_> = parts.iter()
                .map(|(name, value, seed)| format!(" {} = {} ", name.to_uppercase(), spelling(value, *seed)))
                .collect();
            let normal = canonical(&plain.join(",")).unwrap();
            let other = other.join(",");
            prop_assert_eq!(canonical(&other), Ok(normal.clone()));
            prop_assert_eq!(normalize(&other), normal);
        }

        #[test]
        fn a_normal_dn_stays_as_it_is(dn in "[a-zA-Z=,+ \\\\#\"0-9'.\u{e9}\u{212a}]{0,30}") {
            if let Ok(normal) = canonical(&dn) {
                prop_assert_eq!(canonical(&normal), Ok(normal.clone()));
                prop_assert_eq!(normalize(&dn), normal);
            }
        }

        #[test]
        fn the_fast_path_says_what_the_slow_one_says(dn in "(uid|cn|ou|userid|dc)=[a-z0-9 .'@-]{0,6}(,(o|dc|street)=[a-z ]{1,4}){0,3},?") {
            if is_normal(dn.as_bytes()) {
                prop_assert_eq!(canonical(&dn), Ok(dn.clone()));
            }
        }
    }
}
