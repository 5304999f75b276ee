//! The memberships that the platform has, in little room: nearly all of them are memberships of the directory too.

use std::ops::Range;

/// The memberships that the platform has.
///
/// One that the directory has as well is two bits beside the directory's own list of members; any other one takes four
/// bytes, in the order in which they came. Ten million memberships in step take 2.5 MB in place of 40.
#[derive(Default)]
pub(super) struct Held<'a> {
    is_prepared: bool,
    /// Sorted by container.
    shared: Vec<Shared<'a>>,
    /// Four memberships a byte: nobody's, or the [`Giver`]'s number.
    bits: Vec<u8>,
    /// The part of `shared` that is of the last container, and which that was.
    last: (usize, Range<usize>),
    /// Memberships that the directory hasn't: holding number and giver, packed into one word.
    rows: Vec<u32>,
    /// Rows one after the other that are of one container; nearly every container has one such run.
    runs: Vec<Run>,
}

/// People of whom the directory says that they belong into a container.
struct Shared<'a> {
    container: usize,
    /// Sorted.
    people: &'a [u32],
    /// The place of the first one's bits.
    first: usize,
}

struct Run {
    container: usize,
    rows: Range<usize>,
}

/// A membership that the platform has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Membership {
    /// The user.
    pub holding: u32,
    /// Whose mark it carries.
    pub giver: Giver,
}

/// Who gave a membership. Of one that is shown twice, the least counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Giver {
    /// A hand, or a connection that keeps its users.
    Others = 1,
    /// A connection that hands its users over to this one.
    Former = 2,
    /// We did.
    Us = 3,
}

impl Giver {
    fn of(bits: u32) -> Option<Self> {
        match bits & GIVER {
            1 => Some(Self::Others),
            2 => Some(Self::Former),
            3 => Some(Self::Us),
            _ => None,
        }
    }
}

/// How many bits a giver takes, and which.
const GIVER_BITS: u32 = 2;
const GIVER: u32 = 3;

impl<'a> Held<'a> {
    /// Whether it has been told what the directory has.
    pub fn is_prepared(&self) -> bool {
        self.is_prepared
    }

    /// Makes room beside the directory's own lists: containers and the sorted people who belong into each. Comes before
    /// any membership; what isn't told here takes more room and is as right.
    pub fn prepare(&mut self, mut expected: Vec<(usize, &'a [u32])>) {
        self.is_prepared = true;
        expected.sort_by_key(|(container, _)| *container);
        let mut first = 0;
        self.shared = expected
            .into_iter()
            .map(|(container, people)| {
                let shared = Shared {
                    container,
                    people,
                    first,
                };
                first += people.len();
                shared
            })
            .collect();
        self.bits = vec![0; first.div_ceil(4)];
        self.last = (usize::MAX, 0..0);
    }

    /// Adds a membership. `user` is the person whose one user the holding is. One that is shown twice is one, and ours
    /// only if it is ours both times.
    pub fn push(&mut self, container: usize, holding: u32, user: Option<u32>, giver: Giver) {
        if let Some(place) = user.and_then(|user| self.place(container, user)) {
            let giver = self.giver(place).map_or(giver, |known| known.min(giver));
            self.bits[place / 4] &= !(3 << (place % 4 * 2));
            self.bits[place / 4] |= (giver as u8) << (place % 4 * 2);
            return;
        }
        let at = self.rows.len();
        self.rows.push(holding << GIVER_BITS | giver as u32);
        match self.runs.last_mut() {
            Some(run) if run.container == container => run.rows.end = at + 1,
            _ => self.runs.push(Run {
                container,
                rows: at..at + 1,
            }),
        }
    }

    /// Brings the runs of one container together.
    pub fn sort(&mut self) {
        self.runs.sort_by_key(|run| run.container);
    }

    /// What one container has: sorted by holding, each once. `holding_of` tells the one user of a person.
    pub fn of(&self, container: usize, holding_of: impl Fn(u32) -> Option<u32>) -> Vec<Membership> {
        let mut all = Vec::new();
        for shared in &self.shared[self.shared_of(container)] {
            for (at, user) in shared.people.iter().enumerate() {
                let Some(giver) = self.giver(shared.first + at) else {
                    continue;
                };
                if let Some(holding) = holding_of(*user) {
                    all.push(Membership { holding, giver });
                }
            }
        }
        let start = self.runs.partition_point(|run| run.container < container);
        let runs = self.runs[start..].iter().take_while(|run| run.container == container);
        all.extend(runs.flat_map(|run| &self.rows[run.rows.clone()]).filter_map(|row| {
            Some(Membership {
                holding: row >> GIVER_BITS,
                giver: Giver::of(*row)?,
            })
        }));
        // Of two that are one, the one that is less ours comes first.
        all.sort_unstable();
        all.dedup_by_key(|membership| membership.holding);
        all
    }

    /// Where the bits of a person's membership are, if the directory has it.
    fn place(&mut self, container: usize, user: u32) -> Option<usize> {
        // Memberships mostly come container by container.
        if self.last.0 != container {
            self.last = (container, self.shared_of(container));
        }
        let mut shared = self.shared[self.last.1.clone()].iter();
        shared.find_map(|shared| Some(shared.first + shared.people.binary_search(&user).ok()?))
    }

    fn shared_of(&self, container: usize) -> Range<usize> {
        let start = self.shared.partition_point(|shared| shared.container < container);
        let count = self.shared[start..].partition_point(|shared| shared.container == container);
        start..start + count
    }

    fn giver(&self, place: usize) -> Option<Giver> {
        Giver::of(u32::from(self.bits[place / 4] >> (place % 4 * 2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(holding: u32) -> Membership {
        Membership {
            holding,
            giver: Giver::Us,
        }
    }

    fn theirs(holding: u32) -> Membership {
        Membership {
            holding,
            giver: Giver::Others,
        }
    }

    /// The user of person 7 is 107. Person 0 has none.
    fn holding_of(user: u32) -> Option<u32> {
        (user > 0).then_some(user + 100)
    }

    fn held() -> Held<'static> {
        let mut held = Held::default();
        held.prepare(vec![(4, &[1, 2, 9]), (2, &[1, 2, 3, 5, 8]), (4, &[2, 7])]);
        held
    }

    #[test]
    fn memberships_of_the_directory_and_others_come_out_together() {
        let mut held = held();
        held.push(4, 107, Some(7), Giver::Us);
        held.push(2, 105, Some(5), Giver::Others);
        held.push(4, 50, None, Giver::Us);
        held.push(2, 101, Some(1), Giver::Us);
        held.push(4, 103, Some(3), Giver::Others);
        held.push(3, 101, Some(1), Giver::Us);
        held.sort();
        assert_eq!(held.of(2, holding_of), [ours(101), theirs(105)]);
        assert_eq!(held.of(3, holding_of), [ours(101)]);
        assert_eq!(held.of(4, holding_of), [ours(50), theirs(103), ours(107)]);
        assert_eq!(held.of(5, holding_of), []);
        assert_eq!(held.rows.len(), 3, "only those that the directory hasn't");
    }

    #[test]
    fn a_membership_that_is_shown_twice_is_ours_only_if_it_is_both_times() {
        let givers = [Giver::Us, Giver::Former, Giver::Others];
        for shown in givers.iter().flat_map(|one| givers.map(|other| [*one, other])) {
            let mut held = held();
            for giver in shown {
                held.push(2, 103, Some(3), giver);
                held.push(2, 104, Some(4), giver);
                held.push(2, 50, None, giver);
            }
            held.sort();
            let giver = shown[0].min(shown[1]);
            let expected = [50, 103, 104].map(|holding| Membership { holding, giver });
            assert_eq!(held.of(2, holding_of), expected, "{shown:?}");
        }
    }

    #[test]
    fn a_person_of_two_lists_of_one_container_is_in_it_once() {
        let mut held = held();
        held.push(4, 102, Some(2), Giver::Us);
        assert_eq!(held.of(4, holding_of), [ours(102)]);
    }

    #[test]
    fn what_nothing_was_told_about_is_kept_all_the_same() {
        let mut held = Held::default();
        assert!(!held.is_prepared());
        held.push(1, 102, Some(2), Giver::Us);
        held.push(0, 103, Some(3), Giver::Others);
        held.push(1, 101, Some(1), Giver::Us);
        held.sort();
        assert_eq!(held.of(1, holding_of), [ours(101), ours(102)]);
        assert_eq!(held.of(0, holding_of), [theirs(103)]);
    }
}
