//! Short digests that tell that something changed, and not what: they stand in the status, so that nothing is forgotten when
//! the operator restarts.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The letter `x` and the first 16 hexadecimal digits of a SHA-256. Without the letter some would be numbers in YAML, such as
/// `98620805e4410188`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of parts in this order; moving text from one part to another gives another digest.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut head = [0; 8];
        head.copy_from_slice(&hasher.finalize()[..8]);
        Self(format!("x{:016x}", u64::from_be_bytes(head)))
    }

    /// A digest as it stands in a status; `None` where there is none.
    pub fn stored(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_differ_where_text_moves_between_parts() {
        assert_eq!(Digest::of(["a", "b"]), Digest::of(["a", "b"]));
        assert_ne!(Digest::of(["ab", ""]), Digest::of(["a", "b"]));
        assert_eq!(Digest::of(["a"]).to_string().len(), 17);
    }
}
