//! The names of columns and keys: exactly those of the attribute table; every other name is a custom attribute.

use directory_sync_model::attribute::{ATTRIBUTES, Attribute, CUSTOM, GROUP_ATTRIBUTES, GroupAttribute};

use super::value::Kind;

/// The right spelling of a name that is one of ours but for case, spaces, underscores or hyphens: `E-Mail` is meant to be
/// `email`, and as a custom attribute it would never be found.
pub(super) fn misspelt(name: &str, kind: Kind) -> Option<&'static str> {
    let known = || -> Box<dyn Iterator<Item = &'static str>> {
        match kind {
            Kind::People => Box::new(ATTRIBUTES.iter().map(|info| info.name).chain([CUSTOM])),
            Kind::Groups => Box::new(GROUP_ATTRIBUTES.iter().map(|info| info.name)),
        }
    };
    // Asked for each value of each row, of which nearly all are spelt as they should be.
    if known().any(|right| right == name) {
        return None;
    }
    known().find(|right| plain(right).eq(plain(name)))
}

/// Whether it is one of ours, and its values never take more than one line.
pub(super) fn is_one_line(name: &str, kind: Kind) -> bool {
    match kind {
        Kind::People => Attribute::from_name(name).is_some(),
        Kind::Groups => matches!(GroupAttribute::from_name(name), Some(of) if of != GroupAttribute::Description),
    }
}

fn plain(name: &str) -> impl Iterator<Item = char> {
    let letters = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
    letters.flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_ours_but_for_its_spelling_is_corrected() {
        for (name, right) in [
            ("Email", Some("email")),
            ("e-mail", Some("email")),
            ("cost center", Some("costCenter")),
            ("EMPLOYEE_NUMBER", Some("employeeNumber")),
            ("Custom", Some("custom")),
            ("costCenter", None),
            ("badge", None),
        ] {
            assert_eq!(misspelt(name, Kind::People), right, "{name}");
        }
        assert_eq!(misspelt("Members", Kind::Groups), Some("members"));
        assert_eq!(misspelt("Email", Kind::Groups), None);
    }
}
