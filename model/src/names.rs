//! How names of teams and inboxes are compared.

use unicode_normalization::UnicodeNormalization as _;

/// The form in which two names are the same: trimmed, NFC, inner white space single, lower case.
/// Platforms differ in whether case counts; two teams that differ in case alone are nobody's intention.
pub fn normalize(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.nfc().flat_map(char::to_lowercase));
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn names_are_compared_without_case_and_outer_space() {
        assert_eq!(normalize("  EMEA\u{a0} Support "), "emea support");
        assert_eq!(normalize("Cafe\u{301}"), normalize("CAFÉ"));
    }
}
