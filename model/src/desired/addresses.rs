//! Who is to have which e-mail address.

use crate::fingerprint::Fingerprint;

/// People by the fingerprint of their address: eight bytes each, sorted.
///
/// A quarter of the fingerprint is kept, to find the few who may have an address; whether one has it is then told from
/// the snapshot. So this is a fifth of what a table of whole fingerprints takes, and nothing is left to chance.
#[derive(Default)]
pub(crate) struct Addresses(Vec<(u32, u32)>);

impl Addresses {
    /// Takes pairs of an address's fingerprint and a person.
    pub fn new(mut people: Vec<(u32, u32)>) -> Self {
        people.sort_unstable();
        Self(people)
    }

    /// What is kept of an address.
    pub fn short(address: Fingerprint) -> u32 {
        address.first_word()
    }

    /// The first person who has the address: one of those with its fingerprint, of whom `has` says so.
    pub fn find(&self, address: Fingerprint, has: impl Fn(u32) -> bool) -> Option<u32> {
        let short = Self::short(address);
        let start = self.0.partition_point(|(other, _)| *other < short);
        let same = self.0[start..].iter().take_while(|(other, _)| *other == short);
        same.map(|(_, user)| *user).find(|user| has(*user))
    }

    /// Whoever has an address that an earlier person has, with the first who has it: (later, first), in the order of the
    /// later ones. `same` says whether two people have one address.
    pub fn shared(&self, same: impl Fn(u32, u32) -> bool) -> Vec<(u32, u32)> {
        let mut shared = Vec::new();
        for alike in self.0.chunk_by(|(one, _), (other, _)| one == other) {
            for (at, (_, later)) in alike.iter().enumerate() {
                let first = alike[..at].iter().find(|(_, earlier)| same(*earlier, *later));
                shared.extend(first.map(|(_, first)| (*later, *first)));
            }
        }
        shared.sort_unstable();
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::FingerprintKey;

    const KEY: FingerprintKey = FingerprintKey::new(1, 2);

    fn of(people: &[&str]) -> Addresses {
        let shorts = people.iter().map(|address| Addresses::short(KEY.text(address)));
        Addresses::new(shorts.zip(0..).collect())
    }

    #[test]
    fn the_first_who_has_an_address_is_found() {
        let people = ["ann@acme.test", "bob@acme.test", "ann@acme.test"];
        let find = |address: &str| of(&people).find(KEY.text(address), |user| people[user as usize] == address);
        assert_eq!(find("ann@acme.test"), Some(0));
        assert_eq!(find("bob@acme.test"), Some(1));
        assert_eq!(find("eve@acme.test"), None);
    }

    #[test]
    fn equal_short_fingerprints_are_no_equal_addresses() {
        let alike = Addresses::new(vec![(7, 0), (7, 3), (7, 1), (8, 2)]);
        let people = ["a", "b", "a", "b"];
        assert_eq!(
            alike.shared(|one, other| people[one as usize] == people[other as usize]),
            [(3, 1)]
        );
        let print = KEY.text("a");
        let alike = Addresses::new(vec![(Addresses::short(print), 5), (Addresses::short(print), 9)]);
        assert_eq!(alike.find(print, |user| user == 9), Some(9));
        assert_eq!(alike.find(print, |_| false), None);
    }

    #[test]
    fn everybody_later_is_paired_with_the_first() {
        let people = ["c", "a", "b", "a", "a", "b"];
        let shared = of(&people).shared(|one, other| people[one as usize] == people[other as usize]);
        assert_eq!(shared, [(3, 1), (4, 1), (5, 2)]);
    }
}
