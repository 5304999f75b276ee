//! Keyed 128-bit fingerprints of text, and an index from fingerprint to row number.
//!
//! A sync compares a million users without keeping both sides' text: equal content has equal fingerprints, and the
//! key (random per process) keeps anybody who controls a directory from constructing two texts that collide.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

/// A keyed 128-bit hash (SipHash-1-3) of a text or of a row's content. Four words, because a number of 128 bits would
/// be aligned to sixteen bytes, and every row that has one with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Fingerprint([u32; 4]);

/// Half a [`Fingerprint`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HalfFingerprint([u32; 2]);

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
        Fingerprint::of(SipHasher13::new_with_keys(self.low, self.high).hash(bytes).as_u128())
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
        Fingerprint::of(self.0.finish128().as_u128())
    }
}

impl Fingerprint {
    /// Half of it, for two that are compared with each other alone: whether they are one is no question of how many
    /// others there are.
    pub(crate) const fn half(self) -> HalfFingerprint {
        HalfFingerprint([self.0[0], self.0[1]])
    }

    /// A quarter of it, for whoever looks closer at what has the same.
    pub(crate) const fn first_word(self) -> u32 {
        self.0[0]
    }

    fn of(hash: u128) -> Self {
        let bytes = hash.to_le_bytes();
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self([word(0), word(4), word(8), word(12)])
    }
}

/// From fingerprint to row number. Rows are numbered by their owner; one row per fingerprint.
///
/// A table with open addressing at 20 bytes a slot. It grows by half, not to the next power of two, and is four fifths
/// full at most: a million rows take 25 to 38 MB. Fingerprints are uniform and nobody outside knows their key, so that
/// runs of taken slots stay short.
///
/// Why not the standard library's map: it has 2²¹ places of 21 bytes for a million rows, 44 MB, and there are two such
/// indexes at once, of the directory's people and of the platform's. Why not a sorted list: rows come one by one, each
/// is looked up before it is added, and ten million memberships are looked up afterwards.
#[derive(Default, Clone)]
pub struct Index {
    slots: Vec<Slot>,
    rows: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    fingerprint: Fingerprint,
    /// [`FREE`], or the row.
    row: u32,
}

/// No row has this number: rows are counted in `u32`, and their owners stop before it.
const FREE: u32 = u32::MAX;

/// The fewest slots that are made.
const FEWEST: usize = 16;

impl Index {
    /// An index with room for `rows` rows.
    pub fn with_capacity(rows: usize) -> Self {
        let mut index = Self::default();
        if rows > 0 {
            index.resize(rows + rows / 4 + 1);
        }
        index
    }

    /// The row with this fingerprint.
    pub fn get(&self, fingerprint: Fingerprint) -> Option<u32> {
        let slot = self.slots.get(self.find(fingerprint))?;
        Some(slot.row).filter(|row| *row != FREE)
    }

    /// Adds a row. When the fingerprint is known already, changes nothing and returns the row that has it.
    pub fn insert(&mut self, fingerprint: Fingerprint, row: u32) -> Option<u32> {
        debug_assert_ne!(row, FREE, "a row that can't be told from a free slot");
        if (self.rows + 1) * 5 > self.slots.len() * 4 {
            self.resize((self.slots.len() + self.slots.len() / 2).max(FEWEST));
        }
        let at = self.find(fingerprint);
        let slot = &mut self.slots[at];
        if slot.row != FREE {
            return Some(slot.row);
        }
        *slot = Slot { fingerprint, row };
        self.rows += 1;
        None
    }

    /// How many rows are indexed.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row is indexed.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The slot that has the fingerprint, or the free one where it belongs. Some slot is always free, if there is one.
    fn find(&self, fingerprint: Fingerprint) -> usize {
        let count = self.slots.len();
        let mut at = first(fingerprint, count);
        while let Some(slot) = self.slots.get(at) {
            if slot.row == FREE || slot.fingerprint == fingerprint {
                break;
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
        at
    }

    fn resize(&mut self, slots: usize) {
        let free = Slot {
            fingerprint: Fingerprint::default(),
            row: FREE,
        };
        let old = std::mem::replace(&mut self.slots, vec![free; slots.max(FEWEST)]);
        for slot in old.into_iter().filter(|slot| slot.row != FREE) {
            let at = self.find(slot.fingerprint);
            self.slots[at] = slot;
        }
    }
}

/// Where the search for a fingerprint begins: its first words as a fraction of the table.
fn first(fingerprint: Fingerprint, slots: usize) -> usize {
    let hash = u64::from(fingerprint.0[0]) << 32 | u64::from(fingerprint.0[1]);
    let at = (u128::from(hash) * slots as u128) >> 64;
    usize::try_from(at).unwrap_or(0)
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

    #[test]
    fn every_row_is_found_while_the_index_grows() {
        let mut index = Index::default();
        let fingerprint = |row: u32| KEY.text(&row.to_string());
        for row in 0..10_000 {
            assert_eq!(index.get(fingerprint(row)), None);
            assert_eq!(index.insert(fingerprint(row), row), None);
            assert_eq!(index.insert(fingerprint(row / 2), FREE - 1), Some(row / 2));
        }
        assert!((0..10_000).all(|row| index.get(fingerprint(row)) == Some(row)));
        assert_eq!(index.get(fingerprint(10_000)), None);
        assert!(index.slots.len() * 4 >= index.len() * 5);
    }

    #[test]
    fn every_bit_of_the_hash_tells_two_apart() {
        let plain = Fingerprint::of(0);
        assert!((0..128).all(|bit| Fingerprint::of(1 << bit) != plain));
    }

    #[test]
    fn runs_of_taken_slots_stay_short() {
        let mut index = Index::default();
        let prints: Vec<_> = (0..10_000).map(|row: u32| KEY.text(&row.to_string())).collect();
        (0..)
            .zip(&prints)
            .for_each(|(row, print)| _ = index.insert(*print, row));
        let count = index.slots.len();
        let steps = |print: &Fingerprint| (index.find(*print) + count - first(*print, count)) % count;
        assert!(prints.iter().map(steps).sum::<usize>() < 10 * prints.len());
    }

    #[test]
    fn an_index_with_room_does_not_grow() {
        let mut index = Index::with_capacity(1000);
        let slots = index.slots.len();
        assert!(slots <= 1000 * 5 / 4 + 1, "{slots}");
        (0..1000).for_each(|row| assert_eq!(index.insert(KEY.text(&row.to_string()), row), None));
        assert_eq!((index.slots.len(), index.len()), (slots, 1000));
        assert!(Index::with_capacity(0).is_empty() && Index::default().get(KEY.text("ann")).is_none());
    }
}
