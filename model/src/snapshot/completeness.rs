//! Is it everything? An incomplete, empty or doubtful read may add and update; it never removes.

use std::fmt;

/// A reason to doubt that a read saw everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The read stopped at our own bound of pages.
    PageLimit {
        /// How many pages were read.
        pages: u64,
    },
    /// The directory handed out a page cursor a second time.
    RepeatedCursor,
    /// The directory stated a total, and another number of entries came.
    CountMismatch {
        /// What the directory stated.
        stated: u64,
        /// What came.
        received: u64,
    },
    /// The directory cut the answer at its size limit (LDAP result code 4, RFC 4511 §4.1.9).
    SizeLimit,
    /// The directory cut the answer at its time limit (LDAP result code 3, RFC 4511 §4.1.9).
    TimeLimit,
    /// Part of the answer is on another server, which is not followed (LDAP referral, RFC 4511 §4.1.10).
    Referral,
    /// The directory broke off in the middle of the answer.
    Interrupted {
        /// What happened.
        cause: String,
    },
    /// There is nobody at all. A directory without people is far less likely than a wrong base, filter or right.
    Empty,
    /// The same id came more than once.
    DuplicateIds {
        /// How many entries repeated an id that had come before.
        count: u64,
        /// One of the ids.
        example: String,
    },
    /// Entries could not be read.
    Unreadable {
        /// How many.
        count: u64,
        /// The first of them: its place, and what is wrong with it.
        example: String,
    },
    /// An expression failed on more than one person in a hundred.
    ExpressionFailures {
        /// How many people.
        count: u64,
        /// Of how many.
        of: u64,
    },
    /// The filter reads `user.groups`, and nobody said who is in one of the groups, or whether there are any.
    MembersNotTold {
        /// The group's name; empty: no group came at all.
        group: String,
    },
}

impl Doubt {
    /// A word for the reason, for conditions and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::PageLimit { .. } => "PageLimit",
            Self::RepeatedCursor => "RepeatedCursor",
            Self::CountMismatch { .. } => "CountMismatch",
            Self::SizeLimit => "SizeLimit",
            Self::TimeLimit => "TimeLimit",
            Self::Referral => "Referral",
            Self::Interrupted { .. } => "Interrupted",
            Self::Empty => "Empty",
            Self::DuplicateIds { .. } => "DuplicateIds",
            Self::Unreadable { .. } => "Unreadable",
            Self::ExpressionFailures { .. } => "ExpressionFailures",
            Self::MembersNotTold { .. } => "MembersNotTold",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PageLimit { pages } => write!(f, "reading stopped after {pages} pages"),
            Self::RepeatedCursor => f.write_str("the directory handed out the same page cursor twice"),
            Self::CountMismatch { stated, received } => {
                write!(f, "the directory stated {stated} entries and sent {received}")
            }
            Self::SizeLimit => f.write_str("the directory cut the answer at its size limit"),
            Self::TimeLimit => f.write_str("the directory cut the answer at its time limit"),
            Self::Referral => f.write_str("part of the answer is on another server (referral), which is not followed"),
            Self::Interrupted { cause } => write!(f, "the directory broke off in the middle of the answer: {cause}"),
            Self::Empty => f.write_str("the directory returned nobody at all: check base, filter and rights"),
            Self::DuplicateIds { count, example } => {
                write!(
                    f,
                    "{count} entries repeat an id that had come before, for example {example:?}"
                )
            }
            Self::Unreadable { count, example } => write!(f, "{count} entries could not be read, the first: {example}"),
            Self::ExpressionFailures { count, of } => write!(f, "an expression failed on {count} of {of} people"),
            Self::MembersNotTold { group } if group.is_empty() => {
                f.write_str("the filter reads user.groups, and the directory returned no group at all")
            }
            Self::MembersNotTold { group } => write!(
                f,
                "the filter reads user.groups, and the directory doesn't say who is in the group {group:?}"
            ),
        }
    }
}

/// Whether a read saw everything, for people and for groups apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Why not everybody may have come; empty means that everybody came.
    pub users: Vec<Doubt>,
    /// Why not all groups or members may have come; empty means that all came.
    pub groups: Vec<Doubt>,
}

impl Completeness {
    /// Whether people and groups are both complete.
    pub fn is_complete(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty()
    }

    /// All doubts, those about people first.
    pub fn doubts(&self) -> impl Iterator<Item = &Doubt> {
        self.users.iter().chain(&self.groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_doubt_has_a_label_and_words_that_say_what_was_seen() {
        let text = |text: &str| text.to_owned();
        let group = |name: &str| Doubt::MembersNotTold { group: text(name) };
        let duplicates = Doubt::DuplicateIds {
            count: 2,
            example: text("u1"),
        };
        let cases = [
            (Doubt::PageLimit { pages: 7 }, "PageLimit", "after 7 pages"),
            (Doubt::RepeatedCursor, "RepeatedCursor", "cursor twice"),
            (
                Doubt::CountMismatch { stated: 3, received: 2 },
                "CountMismatch",
                "stated 3 entries and sent 2",
            ),
            (Doubt::SizeLimit, "SizeLimit", "size limit"),
            (Doubt::TimeLimit, "TimeLimit", "time limit"),
            (Doubt::Referral, "Referral", "another server"),
            (
                Doubt::Interrupted { cause: text("reset") },
                "Interrupted",
                "answer: reset",
            ),
            (Doubt::Empty, "Empty", "nobody at all"),
            (
                duplicates,
                "DuplicateIds",
                "2 entries repeat an id that had come before, for example \"u1\"",
            ),
            (
                Doubt::Unreadable {
                    count: 4,
                    example: text("row 1"),
                },
                "Unreadable",
                "4 entries could not be read, the first: row 1",
            ),
            (
                Doubt::ExpressionFailures { count: 5, of: 100 },
                "ExpressionFailures",
                "failed on 5 of 100 people",
            ),
            (group("A"), "MembersNotTold", "doesn't say who is in the group \"A\""),
            (group(""), "MembersNotTold", "returned no group at all"),
        ];
        for (doubt, label, words) in cases {
            assert_eq!(doubt.label(), label);
            assert!(doubt.to_string().contains(words), "{doubt}");
        }
    }
}
