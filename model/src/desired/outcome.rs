//! What goes wrong with mappings and with single objects, and stops nothing else.

use crate::snapshot::{EntryKind, Rejected};

/// Why a mapping doesn't do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingProblem {
    /// It can't be carried out as it is written.
    Invalid {
        /// The field, what is wrong with it, and what to do.
        message: String,
    },
    /// No group of the directory fits.
    GroupNotFound,
    /// Several groups have the name.
    GroupAmbiguous {
        /// The name.
        name: String,
        /// Their ids, at most ten.
        ids: Vec<String>,
    },
    /// The directory doesn't tell the members of a group.
    MembersNotTold {
        /// The group's name.
        group: String,
    },
    /// It grants a role that mappings may not grant.
    RoleNotAllowed {
        /// The role.
        role: String,
    },
    /// Another mapping of the same priority gives the same person another role.
    RoleConflict {
        /// The other mapping.
        other: String,
        /// One person's directory id.
        example: String,
        /// How many people.
        people: u64,
    },
    /// The expression for the team's name fails.
    TeamNameFailed {
        /// For which group.
        group: String,
        /// Why.
        message: String,
    },
    /// The team doesn't exist and is not to be created.
    TeamNotFound {
        /// Its name or id.
        team: String,
    },
    /// `protect.teams` names the team: nobody joins or leaves it.
    TeamProtected {
        /// Its name or id.
        team: String,
    },
    /// The team follows its group's name, and another team that follows its own group's has that name.
    TeamNameTaken {
        /// The name that it is to have.
        team: String,
    },
    /// Several teams or inboxes of the platform fit.
    Ambiguous {
        /// Name or number.
        name: String,
    },
    /// The inbox doesn't exist.
    InboxNotFound {
        /// Its name, number or id.
        inbox: String,
    },
    /// The role doesn't exist on the platform.
    RoleNotFound {
        /// The role.
        role: String,
    },
}

/// What one mapping came to.
#[derive(Clone, Debug, Default)]
pub struct MappingOutcome {
    /// The groups that it is about, numbers of the snapshot.
    pub groups: Vec<u32>,
    /// The group that it makes of an attribute, a number of [`super::Desired::made_groups`].
    pub made: Option<usize>,
    /// How many people are in them, those out of scope included.
    pub members: u64,
    /// The containers that it gives, numbers of [`super::Desired::containers`].
    pub containers: Vec<usize>,
    /// What is wrong, if anything. While a group is missing, ambiguous or not told, the mapping adds and its removals
    /// wait; a mapping that is invalid or grants what it may not, does nothing; the people of a team or inbox that
    /// isn't found, or can't be named, lose no other one.
    pub problems: Vec<MappingProblem>,
}

/// A failure of one object, named, which stops nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of object.
    pub kind: FailureKind,
    /// The directory's id; where the directory has none, the platform's; where an entry has none that can be read, its
    /// place: a row number or a DN.
    pub id: String,
    /// A word for the reason.
    pub reason: FailureReason,
    /// What is wrong and what to do. May hold names and addresses: it is for reports and plans, not for status.
    pub message: String,
}

impl From<&Rejected> for Failure {
    fn from(rejected: &Rejected) -> Self {
        Self {
            kind: match rejected.kind {
                EntryKind::User => FailureKind::User,
                EntryKind::Group => FailureKind::Group,
            },
            id: rejected.place.clone(),
            reason: FailureReason::Unreadable,
            message: rejected.message.clone(),
        }
    }
}

/// Kinds of objects that fail on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// A person.
    User,
    /// A group.
    Group,
    /// A team.
    Team,
    /// A membership of an inbox.
    Inbox,
    /// A membership of a team.
    Membership,
    /// The role of an existing user.
    Role,
}

/// Why an object failed. One documented word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureReason {
    /// The e-mail address is missing or can't be one.
    InvalidEmail,
    /// Two people of the directory have one address.
    DuplicateEmail,
    /// An expression failed on this person.
    ExpressionFailed,
    /// Another connection manages the platform's user.
    ManagedElsewhere,
    /// The address belongs to a platform user who is managed under another directory id.
    AddressReused,
    /// Another platform user has the address.
    AddressInUse,
    /// Several platform users fit, and nothing is guessed.
    AmbiguousMatch,
    /// A platform user fits, and adoption doesn't allow to take him.
    AdoptionNotAllowed,
    /// The role that he is to have doesn't exist on the platform, or is protected.
    RoleNotFound,
    /// The entry can't be read.
    Unreadable,
    /// The platform refused the write.
    Refused,
    /// The object was changed by somebody else in the meantime.
    Changed,
    /// No seat is left on the platform.
    NoSeats,
}

impl FailureReason {
    /// The word, as in status and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::InvalidEmail => "InvalidEmail",
            Self::DuplicateEmail => "DuplicateEmail",
            Self::ExpressionFailed => "ExpressionFailed",
            Self::ManagedElsewhere => "ManagedElsewhere",
            Self::AddressReused => "AddressReused",
            Self::AddressInUse => "AddressInUse",
            Self::AmbiguousMatch => "AmbiguousMatch",
            Self::AdoptionNotAllowed => "AdoptionNotAllowed",
            Self::RoleNotFound => "RoleNotFound",
            Self::Unreadable => "Unreadable",
            Self::Refused => "Refused",
            Self::Changed => "Changed",
            Self::NoSeats => "NoSeats",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FailureReason;

    #[test]
    fn each_reason_is_labelled_with_its_own_name() {
        let reasons = [
            FailureReason::InvalidEmail,
            FailureReason::DuplicateEmail,
            FailureReason::ExpressionFailed,
            FailureReason::ManagedElsewhere,
            FailureReason::AddressReused,
            FailureReason::AddressInUse,
            FailureReason::AmbiguousMatch,
            FailureReason::AdoptionNotAllowed,
            FailureReason::RoleNotFound,
            FailureReason::Unreadable,
            FailureReason::Refused,
            FailureReason::Changed,
            FailureReason::NoSeats,
        ];
        for reason in reasons {
            assert_eq!(reason.label(), format!("{reason:?}"));
        }
    }
}
