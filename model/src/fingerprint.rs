//! Keyed 128-bit fingerprints of text, and an index from fingerprint to row number.
//!
//! A sync compares a million users without keeping both sides' text: equal content has equal fingerprints, and the
//! key (random per process) keeps anybody who controls a directory from constructing two texts that collide.

use std::hash::Hasher as _;

use hashbrown::HashTable;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A keyed 128-bit hash (SipHash-1-3) of a text or of a row's content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Fingerprint(u128);

/// The key of one process's fingerprints. Fingerprints of different keys can't be compared, so none is ever stored.
#[derive(Clone, Copy)]
pub struct FingerprintKey {
    low: u64,
    high: u64,
}

impl FingerprintKey {
    /// A key from two random words.
    pub const fn new(low: u64, high: u64) -> Self {
        Self { low, high }
    }

    /// The fingerprint of one text.
    pub fn text(self, text: &str) -> Fingerprint {
        self.bytes(text.as_bytes())
    }

    /// The fingerprint of bytes.
    pub fn bytes(self, bytes: &[u8]) -> Fingerprint {
        Fingerprint(SipHasher13::new_with_keys(self.low, self.high).hash(bytes).as_u128())
    }

    /// A fingerprint over several fields, each length-prefixed, so that moving text between fields changes it.
    pub fn fields(self) -> FieldHasher {
        FieldHasher(SipHasher13::new_with_keys(self.low, self.high))
    }
}

/// Hashes a row field by field.
pub struct FieldHasher(SipHasher13);

impl FieldHasher {
    /// Adds one text field.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.write_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.write(text.as_bytes());
        self
    }

    /// Adds a number: a tag, a flag or a count.
    pub fn number(&mut self, number: u32) -> &mut Self {
        self.0.write_u32(number);
        self
    }

    /// The fingerprint of all that was added.
    pub fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.finish128().as_u128())
    }
}

/// From fingerprint to row number. Rows are numbered by their owner; one row per fingerprint.
#[derive(Default, Clone)]
pub struct Index {
    /// Fingerprints as four words: alignment 4 makes an entry 20 bytes instead of 32.
    table: HashTable<([u32; 4], u32)>,
}

impl Index {
    /// An index with room for `rows` rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            table: HashTable::with_capacity(rows),
        }
    }

    /// The row with this fingerprint.
    pub fn get(&self, fingerprint: Fingerprint) -> Option<u32> {
        let words = words(fingerprint);
        self.table
            .find(hash(words), |entry| entry.0 == words)
            .map(|entry| entry.1)
    }

    /// Adds a row. When the fingerprint is known already, changes nothing and returns the row that has it.
    pub fn insert(&mut self, fingerprint: Fingerprint, row: u32) -> Option<u32> {
        let words = words(fingerprint);
        match self
            .table
            .entry(hash(words), |entry| entry.0 == words, |entry| hash(entry.0))
        {
            hashbrown::hash_table::Entry::Occupied(entry) => Some(entry.get().1),
            hashbrown::hash_table::Entry::Vacant(entry) => {
                entry.insert((words, row));
                None
            }
        }
    }

    /// How many rows are indexed.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no row is indexed.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

fn words(fingerprint: Fingerprint) -> [u32; 4] {
    let bytes = fingerprint.0.to_le_bytes();
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    [word(0), word(4), word(8), word(12)]
}

/// The fingerprint is a good hash already; two of its words choose the slot.
fn hash(words: [u32; 4]) -> u64 {
    u64::from(words[0]) | (u64::from(words[1]) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: FingerprintKey = FingerprintKey::new(1, 2);

    #[test]
    fn text_moved_between_fields_changes_the_fingerprint() {
        let one = KEY.fields().text("ab").text("c").finish();
        let other = KEY.fields().text("a").text("bc").finish();
        assert_ne!(one, other);
    }

    #[test]
    fn another_key_gives_another_fingerprint() {
        assert_ne!(KEY.text("ann"), FingerprintKey::new(1, 3).text("ann"));
    }

    #[test]
    fn numbers_and_texts_are_told_apart() {
        let prints = [
            KEY.fields().number(1).finish(),
            KEY.fields().number(1).number(0).finish(),
            KEY.fields().text("").finish(),
            KEY.fields().text("").text("").finish(),
            KEY.fields().text("a").number(1).finish(),
            KEY.fields().number(1).text("a").finish(),
        ];
        for (at, one) in prints.iter().enumerate() {
            assert!(prints[at + 1..].iter().all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn each_of_many_rows_is_found() {
        let mut index = Index::with_capacity(10);
        assert!(index.is_empty());
        for row in 0..10_000 {
            assert_eq!(index.insert(KEY.text(&row.to_string()), row), None);
        }
        assert!((0..10_000).all(|row| index.get(KEY.text(&row.to_string())) == Some(row)));
        assert_eq!(index.len(), 10_000);
    }

    #[test]
    fn the_first_row_of_a_fingerprint_is_kept() {
        let mut index = Index::default();
        assert_eq!(index.insert(KEY.text("ann"), 7), None);
        assert_eq!(index.insert(KEY.text("ann"), 8), Some(7));
        assert_eq!(index.get(KEY.text("ann")), Some(7));
        assert_eq!(index.get(KEY.text("bob")), None);
        assert_eq!(index.len(), 1);
    }
}
