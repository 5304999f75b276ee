//! What a read saw in numbers, and what a later one sees no longer.
//!
//! An account that loses the right to read some entries is told nothing of it: the read looks complete, and people seem to
//! have left. Three things give that away, each against the last read that was relied upon:
//!
//! - Groups still name people who were read before and are no longer. Where a directory keeps its groups clean, people who
//!   really left are in none; where it doesn't, a few names of nobody are left behind, and so a few are no sign.
//! - Most of the people or groups are gone.
//! - Nobody at all has an attribute any more that many had, and that somebody reads.
//!
//! Either may be the truth. So it is no doubt that lasts until somebody changes the directory: the plan is held, and a person
//! who knows better approves it.

use std::fmt;

use super::{Snapshot, SnapshotBuilder};
use crate::attribute::{Attribute, AttributeSet};

/// So many people may turn into names of nobody: whoever leaves a directory that doesn't clean its groups is one.
const FEW_MEMBERS: u64 = 5;

/// Or so many in a hundred of those who were in groups.
const FEW_MEMBERS_PERCENT: u64 = 5;

/// Fewer people, or groups, than this may become less than half of them.
const SMALL_DIRECTORY: u64 = 20;

/// What many have: at least so many people, and one in ten.
const MANY_PEOPLE: u64 = 20;

/// What a read saw, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many people.
    pub users: u64,
    /// How many groups.
    pub groups: u64,
    /// How many of the people are in a group.
    pub grouped: u64,
    /// How many names of members of groups are the name of nobody, and of no group, that was read: each counts once.
    pub strangers: u64,
    /// The attributes that at least twenty people and one in ten have. `active` is among them where so many are disabled.
    pub common: AttributeSet,
    /// The attributes that anybody has.
    pub present: AttributeSet,
}

/// What was there at the last read that was relied upon, and can't be seen any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// More than half of the people.
    Users {
        /// How many there were.
        before: u64,
        /// How many there are.
        now: u64,
    },
    /// More than half of the groups.
    Groups {
        /// How many there were.
        before: u64,
        /// How many there are.
        now: u64,
    },
    /// People whom groups still name.
    Members {
        /// How many.
        count: u64,
    },
    /// An attribute that many people had, and that is read, is nobody's any more.
    Attribute(Attribute),
}

impl Loss {
    /// Whether it casts doubt on updates as well, and not on removals alone.
    pub const fn is_about_values(&self) -> bool {
        matches!(self, Self::Attribute(_))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Users { before, now } => write!(f, "{now} people were read, and {before} before"),
            Self::Groups { before, now } => write!(f, "{now} groups were read, and {before} before"),
            Self::Members { count } => {
                write!(
                    f,
                    "groups still name {count} people who were read before and are not any more"
                )
            }
            Self::Attribute(Attribute::Active) => f.write_str("many people were disabled, and nobody is any more"),
            Self::Attribute(attribute) => write!(
                f,
                "many people had the attribute {attribute}, and nobody has it any more"
            ),
        }
    }
}

impl Seen {
    /// What was there `before` and can't be seen any more; `reads` are the attributes that expressions read.
    pub fn losses(&self, before: &Self, reads: AttributeSet) -> Vec<Loss> {
        let mut losses = Vec::new();
        if halved(before.users, self.users) {
            losses.push(Loss::Users {
                before: before.users,
                now: self.users,
            });
        }
        if halved(before.groups, self.groups) {
            losses.push(Loss::Groups {
                before: before.groups,
                now: self.groups,
            });
        }
        // Only who was somebody and is nobody now counts on both sides: neither a guest who is put into a group, nor somebody
        // who is taken out of all of his.
        let new_strangers = self.strangers.saturating_sub(before.strangers);
        let count = new_strangers.min(before.grouped.saturating_sub(self.grouped));
        if count > FEW_MEMBERS.max(before.grouped * FEW_MEMBERS_PERCENT / 100) {
            losses.push(Loss::Members { count });
        }
        if self.users > 0 {
            // Names and a phone that aren't told stay as they are.
            let read = reads.union(AttributeSet::of(&[Attribute::Email, Attribute::Active]));
            let lost = read
                .iter()
                .filter(|attribute| before.common.contains(*attribute) && !self.present.contains(*attribute));
            losses.extend(lost.map(Loss::Attribute));
        }
        losses
    }
}

fn halved(before: u64, now: u64) -> bool {
    before >= SMALL_DIRECTORY && now * 2 < before
}

impl Snapshot {
    /// What this read saw. Goes once through everybody and every membership.
    pub fn seen(&self) -> Seen {
        let mut having = [0_u64; 256];
        for user in 0..self.user_count() {
            let mut counted = AttributeSet::EMPTY;
            for attribute in self.user(user).attributes() {
                if !counted.contains(attribute) {
                    counted.insert(attribute);
                    having[attribute as usize] += 1;
                }
            }
        }
        let users = u64::from(self.user_count());
        let (mut common, mut present) = (AttributeSet::EMPTY, AttributeSet::EMPTY);
        for attribute in AttributeSet::ALL.iter() {
            let count = having[attribute as usize];
            if count > 0 {
                present.insert(attribute);
            }
            if count >= MANY_PEOPLE.max(users.div_ceil(10)) {
                common.insert(attribute);
            }
        }
        let mut in_groups = vec![false; self.users.len()];
        for row in &self.groups {
            for user in &self.direct[row.direct.clone()] {
                in_groups[*user as usize] = true;
            }
        }
        Seen {
            users,
            groups: u64::from(self.group_count()),
            grouped: in_groups.into_iter().filter(|is_in| *is_in).count() as u64,
            strangers: self.strangers,
            common,
            present,
        }
    }
}

/// How much has been taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// How many people.
    pub users: u64,
    /// How many groups.
    pub groups: u64,
    /// How many memberships.
    pub memberships: u64,
    /// How much memory that takes, in bytes, give or take a third.
    pub bytes: u64,
}

/// A person's place in the arena and in the index, and those of a further name of his.
const USER_BYTES: usize = 8 + 32;
/// A group's row and its place in the index.
const GROUP_BYTES: usize = 96 + 32;
/// A member by his number.
const MEMBER_BYTES: usize = 4;
/// A member who isn't known yet.
const UNRESOLVED_BYTES: usize = 32;
/// A further name of a person or a group in its index.
const ALIAS_BYTES: usize = 32;

impl SnapshotBuilder {
    /// How much has been taken in so far.
    pub fn size(&self) -> Size {
        let aliases = self.user_aliases.len() + self.group_aliases.len();
        let bytes = self.arena.len()
            + self.users.len() * USER_BYTES
            + self.groups.len() * GROUP_BYTES
            + aliases * ALIAS_BYTES
            + self.members.len() * MEMBER_BYTES
            + self.unresolved.len() * UNRESOLVED_BYTES;
        Size {
            users: self.users.len() as u64,
            groups: self.groups.len() as u64,
            memberships: (self.members.len() + self.unresolved.len()) as u64,
            bytes: bytes as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fingerprint::FingerprintKey,
        snapshot::{Batch, Snapshot},
    };

    fn snapshot(write: impl FnOnce(&mut Batch)) -> Snapshot {
        let mut builder = SnapshotBuilder::new(FingerprintKey::new(1, 2));
        let mut batch = Batch::new();
        write(&mut batch);
        builder.append(&batch);
        builder.finish()
    }

    /// People `p0` and so on, of whom some are visible, in one group that names these.
    fn company(visible: std::ops::Range<u32>, named: std::ops::Range<u32>) -> Seen {
        snapshot(|batch| {
            visible.for_each(|person| batch.user(&format!("p{person}"), |_| {}));
            let mut group = batch.group("g", "G");
            named.for_each(|person| _ = group.member(&format!("p{person}")));
        })
        .seen()
    }

    fn losses(before: Seen, now: Seen) -> Vec<Loss> {
        now.losses(&before, AttributeSet::ALL)
    }

    #[test]
    fn people_whom_groups_still_name_are_a_loss() {
        let before = company(0..100, 0..100);
        assert_eq!(before.grouped, 100);
        assert_eq!(losses(before, company(0..85, 0..100)), [Loss::Members { count: 15 }]);
    }

    #[test]
    fn people_who_left_their_groups_as_well_are_none() {
        assert_eq!(losses(company(0..100, 0..100), company(0..85, 0..85)), []);
    }

    #[test]
    fn a_few_names_of_nobody_are_what_a_directory_that_does_not_clean_its_groups_leaves_behind() {
        let before = company(0..100, 0..100);
        assert_eq!(losses(before, company(0..95, 0..100)), []);
        assert_eq!(losses(before, company(0..94, 0..100)), [Loss::Members { count: 6 }]);
        // And in the next sync they are old.
        assert_eq!(losses(company(0..95, 0..100), company(0..90, 0..100)), []);
        let large = company(0..1000, 0..1000);
        assert_eq!(losses(large, company(0..950, 0..1000)), []);
        assert_eq!(losses(large, company(0..949, 0..1000)), [Loss::Members { count: 51 }]);
    }

    #[test]
    fn guests_in_a_group_are_none_and_neither_are_people_who_left_all_groups() {
        let before = company(0..100, 0..50);
        assert_eq!(losses(before, company(0..100, 0..50)), []);
        // Fifty names of nobody come, and nobody leaves the group.
        assert_eq!(losses(company(0..50, 0..50), company(0..50, 0..100)), []);
        // Thirty leave the group, and are still there.
        assert_eq!(losses(before, company(0..100, 0..20)), []);
    }

    #[test]
    fn a_name_of_nobody_counts_once_however_many_groups_have_it_and_a_group_is_somebody() {
        let seen = snapshot(|batch| {
            batch.user("p", |_| {});
            batch.group("g", "G").member("nobody").member("p").member("other");
            batch
                .group("h", "H")
                .member("nobody")
                .member("g")
                .group_member("printers");
        })
        .seen();
        assert_eq!((seen.strangers, seen.grouped), (2, 1));
    }

    #[test]
    fn most_of_the_people_or_groups_are_a_loss_unless_they_were_few() {
        let seen = |users, groups| Seen {
            users,
            groups,
            ..Seen::default()
        };
        assert_eq!(losses(seen(100, 40), seen(50, 20)), []);
        let half = [
            Loss::Users { before: 100, now: 49 },
            Loss::Groups { before: 40, now: 19 },
        ];
        assert_eq!(losses(seen(100, 40), seen(49, 19)), half);
        assert_eq!(losses(seen(19, 19), seen(1, 1)), []);
    }

    #[test]
    fn a_loss_says_what_was_lost() {
        let cases = [
            (Loss::Users { before: 9, now: 1 }, "1 people were read, and 9 before"),
            (Loss::Groups { before: 9, now: 1 }, "1 groups were read, and 9 before"),
            (Loss::Members { count: 7 }, "groups still name 7 people"),
            (Loss::Attribute(Attribute::Active), "nobody is any more"),
            (Loss::Attribute(Attribute::Title), "the attribute title"),
        ];
        for (loss, words) in cases {
            assert!(loss.to_string().contains(words), "{loss}");
            assert_eq!(loss.is_about_values(), matches!(loss, Loss::Attribute(_)));
        }
    }

    fn people_with(attribute: Attribute, having: usize, of: usize) -> Seen {
        snapshot(|batch| {
            for person in 0..of {
                batch.user(&format!("p{person}"), |record| {
                    if person < having {
                        record.text(attribute, if attribute == Attribute::Active { "false" } else { "x" });
                    }
                });
            }
        })
        .seen()
    }

    #[test]
    fn an_attribute_that_many_had_and_nobody_has_is_a_loss_where_it_is_read() {
        let before = people_with(Attribute::Department, 20, 200);
        let now = people_with(Attribute::Department, 0, 200);
        assert_eq!(losses(before, now), [Loss::Attribute(Attribute::Department)]);
        assert_eq!(now.losses(&before, AttributeSet::EMPTY), [], "nobody reads it");
        assert_eq!(losses(before, people_with(Attribute::Department, 1, 200)), []);
        assert_eq!(
            losses(people_with(Attribute::Department, 19, 200), now),
            [],
            "it was no common one"
        );
    }

    #[test]
    fn where_nobody_is_left_no_attribute_is_lost_besides() {
        let before = people_with(Attribute::Department, 200, 200);
        assert_eq!(losses(before, Seen::default()), [Loss::Users { before: 200, now: 0 }]);
    }

    #[test]
    fn a_mark_of_disabled_people_that_can_not_be_seen_any_more_is_a_loss() {
        let before = people_with(Attribute::Active, 30, 200);
        let now = people_with(Attribute::Active, 0, 200);
        assert_eq!(
            now.losses(&before, AttributeSet::EMPTY),
            [Loss::Attribute(Attribute::Active)]
        );
    }

    fn size(add: impl Fn(&mut Batch, u32)) -> Size {
        let mut builder = SnapshotBuilder::new(FingerprintKey::new(1, 2));
        let mut batch = Batch::new();
        (0..100).for_each(|number| add(&mut batch, number));
        builder.append(&batch);
        builder.size()
    }

    #[test]
    fn the_size_grows_with_all_that_is_taken_in() {
        let users = |batch: &mut Batch, number: u32| batch.user(&format!("p{number}"), |_| {});
        let group = |batch: &mut Batch, number: u32, alias: &str, member: &str| {
            let mut group = batch.group(&format!("g{number}"), "G");
            if !alias.is_empty() {
                group.alias(&format!("{alias}{number}"));
            }
            if !member.is_empty() {
                group.member(&format!("{member}{number}"));
            }
        };
        let of_users = size(users);
        assert_eq!((of_users.users, of_users.groups, of_users.memberships), (100, 0, 0));
        let each = |more: Size, fewer: Size| (more.bytes - fewer.bytes) / 100;
        let of_both = |alias: &'static str, member: &'static str| {
            size(|batch, number| {
                users(batch, number);
                group(batch, number, alias, member);
            })
        };
        let both = of_both("", "");
        assert_eq!((both.users, both.groups, both.memberships), (100, 100, 0));
        let known = of_both("", "p");
        let unknown = of_both("", "q");
        assert_eq!((known.memberships, unknown.memberships), (100, 100));
        // What each takes in tables, and its own text.
        assert!((40..80).contains(&each(of_users, Size::default())), "{of_users:?}");
        assert!((128..160).contains(&each(both, of_users)), "{both:?}");
        assert!((4..8).contains(&each(known, both)), "{known:?}");
        assert!((32..48).contains(&each(unknown, both)), "{unknown:?}");
        assert!((32..48).contains(&each(of_both("a", ""), both)));
    }
}
