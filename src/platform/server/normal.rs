//! The normal forms by which addresses and names are unique.

use unicode_normalization::UnicodeNormalization;

/// Trimmed, NFC, lower case, the domain in its ASCII form (UTS 46); a domain that has none is taken as it is.
pub(super) fn email_key(email: &str) -> String {
    let email = name_key(email);
    let Some((local, domain)) = email.rsplit_once('@') else {
        return email;
    };
    match idna::domain_to_ascii(domain) {
        Ok(ascii) => format!("{local}@{ascii}"),
        Err(_) => email,
    }
}

/// Trimmed, NFC, lower case.
pub(super) fn name_key(name: &str) -> String {
    name.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_key_however_it_is_written() {
        let key = email_key("andré@xn--bcher-kva.test");
        for email in ["Andre\u{301}@BÜCHER.test", " ANDRÉ@bücher.test "] {
            assert_eq!(email_key(email), key);
        }
    }

    #[test]
    fn a_domain_without_an_ascii_form_still_has_a_key() {
        assert_eq!(email_key("A@xn--a"), "a@xn--a");
    }

    #[test]
    fn names_differ_neither_by_case_nor_by_composition() {
        assert_eq!(name_key(" Équipe "), name_key("e\u{301}QUIPE"));
        assert_ne!(name_key("team a"), name_key("team  a"));
    }
}
