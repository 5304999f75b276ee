//! The platform's users who matter to a plan: 20 bytes and an id each.

use crate::fingerprint::{Fingerprint, FingerprintKey, Index};

/// No person of the snapshot, no role.
const NO_USER: u32 = u32::MAX;
const NO_ROLE: u16 = u16::MAX;

/// One user of the platform.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts about a user, not states of one thing"
)]
pub struct Holding {
    start: u32,
    id_length: u16,
    version_length: u16,
    user: u32,
    role: u16,
    given_role: u16,
    /// Whether he carries our mark.
    pub managed: bool,
    /// Whether he may sign in.
    pub active: bool,
    /// Whether the mark says that we deactivated him.
    pub deactivated_by_us: bool,
    /// Whether nothing of him may be changed: protected, or our own account.
    pub untouchable: bool,
}

impl Holding {
    /// The person of the snapshot.
    pub fn user(&self) -> Option<u32> {
        Some(self.user).filter(|user| *user != NO_USER)
    }

    /// The role that he has.
    pub fn role(&self) -> Option<u16> {
        Some(self.role).filter(|role| *role != NO_ROLE)
    }

    /// The role that the mark says that we gave.
    pub fn given_role(&self) -> Option<u16> {
        Some(self.given_role).filter(|role| *role != NO_ROLE)
    }
}

/// What is known of a user when he is added.
#[allow(clippy::struct_excessive_bools, reason = "see Holding")]
pub(crate) struct NewHolding<'a> {
    pub id: &'a str,
    pub version: &'a str,
    pub user: Option<u32>,
    pub role: Option<u16>,
    pub given_role: Option<u16>,
    pub managed: bool,
    pub active: bool,
    pub deactivated_by_us: bool,
    pub untouchable: bool,
}

/// All of them, numbered in the order in which they were seen.
pub struct Holdings {
    arena: String,
    rows: Vec<Holding>,
    ids: Index,
    key: FingerprintKey,
    /// How many are expected.
    expected: usize,
}

impl Holdings {
    /// None yet; `expected` is how many there will be, more or less.
    pub(crate) fn new(key: FingerprintKey, expected: usize) -> Self {
        Self {
            arena: String::new(),
            rows: Vec::new(),
            ids: Index::default(),
            key,
            expected,
        }
    }

    /// Adds a user; `None` when one of this id is there already.
    pub(crate) fn add(&mut self, new: &NewHolding<'_>) -> Option<u32> {
        let number = u32::try_from(self.rows.len()).ok()?;
        if self.rows.is_empty() {
            self.reserve(new.id.len() + new.version.len());
        }
        let start = u32::try_from(self.arena.len()).ok()?;
        let id_length = u16::try_from(new.id.len()).ok()?;
        if self.ids.insert(self.key.text(new.id), number).is_some() {
            return None;
        }
        // A version too long to be one isn't sent: the write is then unconditional.
        let version_length = u16::try_from(new.version.len()).unwrap_or(0);
        self.arena.push_str(new.id);
        self.arena.push_str(&new.version[..usize::from(version_length)]);
        self.rows.push(Holding {
            start,
            id_length,
            version_length,
            user: new.user.unwrap_or(NO_USER),
            role: new.role.unwrap_or(NO_ROLE),
            given_role: new.given_role.unwrap_or(NO_ROLE),
            managed: new.managed,
            active: new.active,
            deactivated_by_us: new.deactivated_by_us,
            untouchable: new.untouchable,
        });
        Some(number)
    }

    /// Makes room for all, whose texts are about as long as the first one's: a platform that has anybody mostly has
    /// everybody, and a few more. What grows step by step is there twice while it does, and leaves holes behind.
    fn reserve(&mut self, text: usize) {
        let expected = self.expected + self.expected / 16;
        self.ids = Index::with_capacity(expected);
        self.rows.reserve_exact(expected);
        self.arena.reserve_exact(expected * text);
    }

    /// One user.
    pub fn get(&self, holding: u32) -> &Holding {
        &self.rows[holding as usize]
    }

    /// All users.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Holding)> {
        (0_u32..).zip(&self.rows)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The user with this platform id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.find_fingerprint(self.key.text(id))
    }

    /// The same by the id's fingerprint.
    pub(crate) fn find_fingerprint(&self, id: Fingerprint) -> Option<u32> {
        self.ids.get(id)
    }

    /// The platform's id.
    pub fn id(&self, holding: u32) -> &str {
        let row = self.get(holding);
        let start = row.start as usize;
        &self.arena[start..start + usize::from(row.id_length)]
    }

    /// The version for conditional writes; `None` when the platform has none.
    pub fn version(&self, holding: u32) -> Option<&str> {
        let row = self.get(holding);
        let start = row.start as usize + usize::from(row.id_length);
        Some(&self.arena[start..start + usize::from(row.version_length)]).filter(|version| !version.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_is_found_once_by_his_id_with_the_version_that_was_read() {
        let mut holdings = Holdings::new(FingerprintKey::new(1, 2), 2);
        assert!(holdings.is_empty());
        let long = "v".repeat(usize::from(u16::MAX) + 1);
        for (number, (id, version)) in (0..).zip([("ann", "7"), ("bob", ""), ("cid", &long), ("dan", "12")]) {
            let new = NewHolding {
                id,
                version,
                user: None,
                role: None,
                given_role: None,
                managed: true,
                active: true,
                deactivated_by_us: false,
                untouchable: false,
            };
            assert_eq!(holdings.add(&new), Some(number));
            assert_eq!(holdings.add(&new), None);
            assert_eq!((holdings.find(id), holdings.id(number)), (Some(number), id));
        }
        // One that is too long to be sent is none.
        let versions = [0, 1, 2, 3].map(|number| holdings.version(number));
        assert_eq!(versions, [Some("7"), None, None, Some("12")]);
        assert_eq!(
            (holdings.find("eve"), holdings.len(), holdings.is_empty()),
            (None, 4, false)
        );
        assert!(holdings.iter().map(|(number, _)| number).eq(0..4));
    }
}
