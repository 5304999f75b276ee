//! The normal forms by which addresses and names are unique: those by which a sync compares them.

use std::borrow::Cow;

use directory_sync_model::{email, names};

/// Trimmed, NFC, lower case, the domain in its ASCII form (UTS 46); an address whose domain has none is taken as a name.
pub(super) fn email_key(address: &str) -> String {
    email::normalize(address).map_or_else(|_| names::normalize(address), Cow::into_owned)
}

/// Trimmed, white space inside as one space, NFC, lower case.
pub(super) fn name_key(name: &str) -> String {
    names::normalize(name)
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
    fn names_differ_neither_by_case_nor_by_space_nor_by_composition() {
        assert_eq!(name_key(" Équipe  A "), name_key("e\u{301}QUIPE A"));
        assert_ne!(name_key("team a"), name_key("teama"));
    }
}
