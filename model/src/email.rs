//! E-mail addresses as they are compared: trimmed, NFC, lower case, the domain in IDNA's ASCII form.

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

/// The longest address that SMTP can carry, in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const MAX_LENGTH: usize = 254;

/// Why a text is no e-mail address. The address itself is not repeated: it is personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// The text is empty or blank.
    #[error("the e-mail address is missing")]
    Missing,
    /// There is no `@`.
    #[error("the e-mail address has no @")]
    NoAt,
    /// There is more than one `@`.
    #[error("the e-mail address has more than one @")]
    SecondAt,
    /// Nothing stands before the `@`.
    #[error("the e-mail address has nothing before the @")]
    EmptyLocalPart,
    /// A space, a line break, a control character or an invisible one is inside.
    #[error("the e-mail address contains a space, a control character or an invisible character")]
    Unprintable,
    /// What follows the `@` is no domain name (RFC 5890, UTS 46).
    #[error("the e-mail address has no valid domain after the @")]
    Domain,
    /// It is longer than [`MAX_LENGTH`] bytes.
    #[error("the e-mail address is longer than {MAX_LENGTH} bytes")]
    TooLong,
}

/// Brings an address into the form in which addresses are compared and sent to the platform.
///
/// An address that already has that form is given back as it is, without an allocation.
pub fn normalize(address: &str) -> Result<Cow<'_, str>, EmailError> {
    let address = address.trim();
    if is_normal(address) {
        return Ok(Cow::Borrowed(address));
    }
    if address.is_empty() {
        return Err(EmailError::Missing);
    }
    if address.chars().any(is_unprintable) {
        return Err(EmailError::Unprintable);
    }
    let (local, domain) = address.split_once('@').ok_or(EmailError::NoAt)?;
    if local.is_empty() {
        return Err(EmailError::EmptyLocalPart);
    }
    if domain.contains('@') {
        return Err(EmailError::SecondAt);
    }
    // Lower case can take a composed letter apart, so the composition comes last as well as first.
    let composed: String = local.nfc().collect();
    let mut normal: String = composed.to_lowercase().nfc().collect();
    let domain = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| EmailError::Domain)?;
    normal.push('@');
    normal.push_str(&domain);
    if normal.len() > MAX_LENGTH {
        return Err(EmailError::TooLong);
    }
    Ok(Cow::Owned(normal))
}

/// Characters that no address shows, and that make two addresses look alike that are not.
fn is_unprintable(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Whether the address is plain ASCII that [`normalize`] would not change.
fn is_normal(address: &str) -> bool {
    if address.len() > MAX_LENGTH {
        return false;
    }
    let Some((local, domain)) = address.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && local
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
        && domain.len() <= 253
        && domain.split('.').all(is_plain_label)
}

/// A label that IDNA leaves alone; those in `xn--` are left to the full check.
fn is_plain_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
        && !label.starts_with("xn--")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_address_is_given_back_without_an_allocation() {
        for address in [
            "ann@acme.test",
            " ann.o'neil+x@mail.acme.test\n",
            "root@localhost",
            "a@1-2.test",
        ] {
            let normal = normalize(address).unwrap();
            assert_eq!(normal, address.trim());
            assert!(matches!(normal, Cow::Borrowed(_)), "{address}");
        }
    }

    #[test]
    fn letter_case_composition_and_idna_make_no_difference() {
        assert_eq!(normalize(" Ann@ACME.Test ").unwrap(), "ann@acme.test");
        assert_eq!(normalize("JOSE\u{301}@acme.test").unwrap(), "jos\u{e9}@acme.test");
        assert_eq!(normalize("a@B\u{dc}CHER.example").unwrap(), "a@xn--bcher-kva.example");
        assert_eq!(normalize("a@xn--bcher-kva.example").unwrap(), "a@xn--bcher-kva.example");
    }

    #[test]
    fn each_fault_has_its_own_message() {
        let long = format!("{}@acme.test", "x".repeat(245));
        let cases = [
            ("", EmailError::Missing),
            (" \t ", EmailError::Missing),
            ("ann.acme.test", EmailError::NoAt),
            ("@acme.test", EmailError::EmptyLocalPart),
            ("ann@acme@test", EmailError::SecondAt),
            ("ann lee@acme.test", EmailError::Unprintable),
            ("ann\u{7}@acme.test", EmailError::Unprintable),
            ("ann\u{200b}@acme.test", EmailError::Unprintable),
            ("ann@", EmailError::Domain),
            ("ann@acme..test", EmailError::Domain),
            ("ann@acme.test.", EmailError::Domain),
            ("ann@-acme.test", EmailError::Domain),
            ("ann@ac_me.test", EmailError::Domain),
            ("ann@xn--a.test", EmailError::Domain),
            ("ann@[192.0.2.1]", EmailError::Domain),
            (long.as_str(), EmailError::TooLong),
        ];
        for (address, error) in cases {
            assert_eq!(normalize(address), Err(error), "{address:?}");
        }
    }

    #[test]
    fn the_longest_address_that_there_may_be_is_one() {
        // In capitals too: those don't go the short way.
        for letter in ["x", "X"] {
            let longest = format!("{}@acme.test", letter.repeat(MAX_LENGTH - 10));
            assert_eq!(normalize(&longest).unwrap(), longest.to_lowercase());
            assert_eq!(normalize(&format!("x{longest}")), Err(EmailError::TooLong));
        }
    }

    #[test]
    fn a_message_does_not_repeat_the_address() {
        for address in ["secret.person", "secret.person@bad domain", "secret@-person.test"] {
            let message = normalize(address).unwrap_err().to_string();
            assert!(!message.contains("secret") && !message.contains("person"), "{message}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_address_stays_as_it_is(local in "\\PC{1,12}", domain in "[a-zA-Z0-9.\u{e4}\u{df}-]{1,16}") {
            if let Ok(normal) = normalize(&format!("{local}@{domain}")) {
                prop_assert_eq!(normalize(&normal).map(Cow::into_owned), Ok(normal.into_owned()));
            }
        }

        #[test]
        fn the_fast_path_says_what_idna_says(domain in "[a-z0-9.-]{1,20}") {
            let full = Uts46::new()
                .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify);
            if domain.split('.').all(is_plain_label) {
                prop_assert_eq!(full.unwrap(), domain.as_str());
            } else if full.is_ok() {
                prop_assert!(domain.contains("xn--"), "{} is plain", domain);
            }
        }
    }
}
