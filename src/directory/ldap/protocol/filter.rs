//! Search filters: from text (RFC 4515) to the form on the wire (RFC 4511 §4.5.1.7).

use super::ber;

/// How many levels of brackets a filter may have; people write three.
const DEPTH_LIMIT: usize = 32;

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}, at character {at} of {filter:?}")]
pub struct FilterError {
    why: &'static str,
    at: usize,
    filter: String,
}

/// Encodes a filter. White space between brackets is allowed, so that a filter may be written over several lines.
pub fn encode(filter: &str) -> Result<Vec<u8>, FilterError> {
    let mut parser = Parser {
        bytes: filter.as_bytes(),
        at: 0,
    };
    let mut out = Vec::new();
    parser.whole(&mut out).map_err(|why| FilterError {
        why,
        at: String::from_utf8_lossy(&parser.bytes[..parser.at]).chars().count() + 1,
        filter: filter.to_owned(),
    })?;
    Ok(out)
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, expected: u8, otherwise: &'static str) -> Result<(), &'static str> {
        if self.peek() == Some(expected) {
            self.at += 1;
            Ok(())
        } else {
            Err(otherwise)
        }
    }

    /// The whole text.
    fn whole(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        self.filter(out, 0)?;
        match self.peek() {
            None => Ok(()),
            Some(_) => Err("nothing may follow the last )"),
        }
    }

    fn filter(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), &'static str> {
        if depth > DEPTH_LIMIT {
            return Err("more than 32 brackets within each other");
        }
        self.skip_space();
        self.take(b'(', "a filter begins with (")?;
        self.skip_space();
        let tag = match self.peek() {
            Some(b'&') => 0xa0,
            Some(b'|') => 0xa1,
            Some(b'!') => 0xa2,
            _ => 0,
        };
        if tag == 0 {
            self.item(out)?;
        } else {
            self.at += 1;
            let mut inner = Vec::new();
            self.skip_space();
            while self.peek() == Some(b'(') {
                self.filter(&mut inner, depth + 1)?;
                if tag == 0xa2 {
                    break;
                }
            }
            if tag == 0xa2 && inner.is_empty() {
                return Err("! needs a filter in brackets");
            }
            ber::write(out, tag, &inner);
        }
        self.take(b')', "a ) is missing")?;
        self.skip_space();
        Ok(())
    }

    /// `attr=value`, `attr>=value`, `attr<=value`, `attr~=value`, `attr=*`, `attr=a*b*c`, `attr:dn:rule:=value`.
    fn item(&mut self, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let name = self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'_'));
        match self.peek() {
            Some(b':') => return self.extensible(name, out),
            _ if name.is_empty() => return Err("the name of an attribute is expected"),
            Some(b'=') => {}
            Some(sign @ (b'>' | b'<' | b'~')) => {
                self.at += 1;
                self.take(b'=', "= is expected")?;
                let tag = match sign {
                    b'>' => 0xa5,
                    b'<' => 0xa6,
                    _ => 0xa8,
                };
                let value = self.value(false)?;
                assertion(out, tag, name, &value);
                return Ok(());
            }
            _ => return Err("=, >=, <=, ~= or := is expected"),
        }
        self.at += 1;
        let mut parts = vec![self.value(true)?];
        while self.peek() == Some(b'*') {
            self.at += 1;
            parts.push(self.value(true)?);
        }
        match parts.as_slice() {
            [value] => assertion(out, 0xa3, name, value),
            [before, after] if before.is_empty() && after.is_empty() => ber::write(out, 0x87, name),
            parts => substrings(out, name, parts)?,
        }
        Ok(())
    }

    /// What follows a name in `name:dn:rule:=value`; name or rule may be absent, not both.
    fn extensible(&mut self, name: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        let mut rule: &[u8] = &[];
        let mut dn = false;
        loop {
            self.take(b':', ": is expected")?;
            if self.peek() == Some(b'=') {
                self.at += 1;
                break;
            }
            let word = self.run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
            match word {
                b"" => return Err("the name of a matching rule is expected"),
                word if word.eq_ignore_ascii_case(b"dn") && !dn && rule.is_empty() => dn = true,
                word if rule.is_empty() => rule = word,
                _ => return Err(":= is expected"),
            }
        }
        if name.is_empty() && rule.is_empty() {
            return Err("an attribute or a matching rule is expected before :=");
        }
        let value = self.value(false)?;
        ber::write_with(out, 0xa9, |out| {
            if !rule.is_empty() {
                ber::write(out, 0x81, rule);
            }
            if !name.is_empty() {
                ber::write(out, 0x82, name);
            }
            ber::write(out, 0x83, &value);
            if dn {
                ber::write_boolean(out, 0x84, true);
            }
        });
        Ok(())
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
        &self.bytes[start..self.at]
    }

    /// A value up to the closing bracket, or up to a star where that has a meaning; `\2a` is a byte in hexadecimal.
    fn value(&mut self, stars: bool) -> Result<Vec<u8>, &'static str> {
        let mut value = Vec::new();
        loop {
            match self.peek() {
                Some(b')') => return Ok(value),
                Some(b'*') if stars => return Ok(value),
                Some(b'*') => return Err("a * has no meaning here; write \\2a for the character"),
                Some(b'(') => return Err("a bracket in a value is written \\28 or \\29"),
                Some(0) => return Err("a zero byte in a value is written \\00"),
                None => return Err("a ) is missing"),
                Some(b'\\') => {
                    let digits = self.bytes.get(self.at + 1..self.at + 3);
                    let digit = |at: usize| digits.and_then(|pair| char::from(pair[at]).to_digit(16));
                    let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                        return Err("two hexadecimal digits must follow a \\");
                    };
                    value.push(u8::try_from(high * 16 + low).unwrap_or(0));
                    self.at += 3;
                }
                Some(byte) => {
                    value.push(byte);
                    self.at += 1;
                }
            }
        }
    }
}

fn assertion(out: &mut Vec<u8>, tag: u8, name: &[u8], value: &[u8]) {
    ber::write_with(out, tag, |out| {
        ber::write(out, ber::OCTET_STRING, name);
        ber::write(out, ber::OCTET_STRING, value);
    });
}

fn substrings(out: &mut Vec<u8>, name: &[u8], parts: &[Vec<u8>]) -> Result<(), &'static str> {
    let last = parts.len() - 1;
    if parts[1..last].iter().any(Vec::is_empty) {
        return Err("two stars next to each other");
    }
    ber::write_with(out, 0xa4, |out| {
        ber::write(out, ber::OCTET_STRING, name);
        ber::write_with(out, ber::SEQUENCE, |out| {
            for (at, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
                let tag = match at {
                    0 => 0x80,
                    at if at == last => 0x82,
                    _ => 0x81,
                };
                ber::write(out, tag, part);
            }
        });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn escaped(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        })
    }

    fn hex(filter: &str) -> String {
        escaped(&encode(filter).unwrap()).replace('\\', "")
    }

    #[test]
    fn each_form_of_a_filter_is_encoded() {
        assert_eq!(hex("(o=a)"), "a3060401 6f 040161".replace(' ', ""));
        assert_eq!(hex("(o=)"), "a30504016f0400");
        assert_eq!(hex("(o=*)"), "87016f");
        assert_eq!(hex("(o>=a)"), "a50604016f040161");
        assert_eq!(hex("(o<=a)"), "a60604016f040161");
        assert_eq!(hex("(o~=a)"), "a80604016f040161");
        assert_eq!(hex("(o=a*b*c)"), "a40e04016f3009800161810162820163");
        assert_eq!(hex("(o=*b*)"), "a40804016f3003810162");
        assert_eq!(hex("(o=a*)"), "a40804016f3003800161");
        assert_eq!(hex("(!(o=*))"), "a20387016f");
        assert_eq!(hex("(&(o=*)(o=*))"), "a00687016f87016f");
        assert_eq!(hex("(|(o=*))"), "a10387016f");
        assert_eq!(hex("(&)"), "a000");
        assert_eq!(hex("(o:dn:2.5:=a)"), "a90e8103322e3582016f8301618401ff");
        assert_eq!(hex("(o:=a)"), "a90682016f830161");
        assert_eq!(hex("(:2.5:=a)"), "a9088103322e35830161");
        assert_eq!(hex("(o=\\28\\2A\\29\u{e9})"), "a30a04016f0405282a29c3a9");
    }

    #[test]
    fn a_filter_may_stand_on_several_lines() {
        assert_eq!(encode(" ( &\n  (o=a)\n  ( ! (o=b) )\n)\n"), encode("(&(o=a)(!(o=b)))"));
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        for (filter, why, at) in [
            ("", "a filter begins with (", 1),
            ("objectClass=person", "a filter begins with (", 1),
            ("(objectClass=person", "a ) is missing", 20),
            ("(&(a=b)(c=d)", "a ) is missing", 13),
            ("(a=b))", "nothing may follow", 6),
            ("(a b)", "=, >=, <=, ~= or := is expected", 3),
            ("(=b)", "the name of an attribute", 2),
            ("(a=\\2)", "two hexadecimal digits", 4),
            ("(a=\u{e9}\\zz)", "two hexadecimal digits", 5),
            ("(a=b**c)", "two stars", 8),
            ("(a>=b*)", "a * has no meaning", 6),
            ("(a=(b))", "a bracket in a value", 4),
            ("(!)", "! needs a filter", 3),
            ("(!(a=b)(c=d))", "a ) is missing", 8),
            ("(:=b)", "an attribute or a matching rule", 4),
        ] {
            let error = encode(filter).unwrap_err();
            assert!(error.why.starts_with(why), "{filter}: {error}");
            assert_eq!(error.at, at, "{filter}: {error}");
        }
    }

    #[test]
    fn a_filter_of_too_many_brackets_is_refused_and_takes_no_stack() {
        let deep = |levels: usize| format!("{}(a=b){}", "(!".repeat(levels), ")".repeat(levels));
        assert!(encode(&deep(32)).is_ok());
        assert!(encode(&deep(33)).unwrap_err().to_string().contains("more than 32"));
        assert!(encode(&"(!".repeat(1_000_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[(&|!)a=*:~<>\\\\2 \u{e9}]{0,40}") {
            let _ = encode(&text);
        }

        #[test]
        fn any_value_can_be_written_with_escapes(value in prop::collection::vec(any::<u8>(), 1..20)) {
            let escaped = escaped(&value);
            let mut expected = Vec::new();
            assertion(&mut expected, 0xa3, b"cn", &value);
            prop_assert_eq!(encode(&format!("(cn={escaped})")).unwrap(), expected);
        }
    }
}
