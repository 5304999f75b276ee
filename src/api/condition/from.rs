//! The words of the other rooms are the words of the table: one line here for each, or it doesn't compile.

use directory_sync_model::{
    desired::{FailureReason, MappingProblem},
    snapshot::Doubt,
};

use super::Reason;
use crate::fault::Class;

impl From<Class> for Reason {
    fn from(class: Class) -> Self {
        match class {
            Class::Unauthorized => Self::Unauthorized,
            Class::Forbidden => Self::Forbidden,
            Class::NotFound => Self::NotFound,
            Class::InvalidConfiguration => Self::InvalidConfiguration,
            Class::HostNotAllowed => Self::HostNotAllowed,
            Class::Unreachable => Self::Unreachable,
            Class::Untrusted => Self::Untrusted,
            Class::Timeout => Self::Timeout,
            Class::RateLimited => Self::RateLimited,
            Class::Unavailable => Self::Unavailable,
            Class::Protocol => Self::Protocol,
            Class::Conflict => Self::Conflict,
            Class::Rejected => Self::Rejected,
            Class::NoSeats => Self::NoSeats,
            Class::StoreUnavailable => Self::StoreUnavailable,
            Class::Internal => Self::Internal,
        }
    }
}

impl From<&Doubt> for Reason {
    fn from(doubt: &Doubt) -> Self {
        match doubt {
            Doubt::PageLimit { .. } => Self::PageLimit,
            Doubt::RepeatedCursor => Self::RepeatedCursor,
            Doubt::CountMismatch { .. } => Self::CountMismatch,
            Doubt::SizeLimit => Self::SizeLimit,
            Doubt::TimeLimit => Self::TimeLimit,
            Doubt::Referral => Self::Referral,
            Doubt::Interrupted { .. } => Self::Interrupted,
            Doubt::Empty => Self::Empty,
            Doubt::DuplicateIds { .. } => Self::DuplicateIds,
            Doubt::Unreadable { .. } => Self::Unreadable,
            Doubt::ExpressionFailures { .. } => Self::ExpressionFailures,
            Doubt::MembersNotTold { .. } => Self::MembersNotTold,
        }
    }
}

impl From<FailureReason> for Reason {
    fn from(reason: FailureReason) -> Self {
        match reason {
            FailureReason::InvalidEmail => Self::InvalidEmail,
            FailureReason::DuplicateEmail => Self::DuplicateEmail,
            FailureReason::ExpressionFailed => Self::ExpressionFailed,
            FailureReason::ManagedElsewhere => Self::ManagedElsewhere,
            FailureReason::AddressReused => Self::AddressReused,
            FailureReason::AddressInUse => Self::AddressInUse,
            FailureReason::AmbiguousMatch => Self::AmbiguousMatch,
            FailureReason::AdoptionNotAllowed => Self::AdoptionNotAllowed,
            FailureReason::RoleNotFound => Self::RoleNotFound,
            FailureReason::Unreadable => Self::Unreadable,
            FailureReason::Refused => Self::Refused,
            FailureReason::Changed => Self::Changed,
            FailureReason::NoSeats => Self::NoSeats,
        }
    }
}

impl From<&MappingProblem> for Reason {
    fn from(problem: &MappingProblem) -> Self {
        match problem {
            MappingProblem::Invalid { .. } => Self::InvalidSpec,
            MappingProblem::GroupNotFound => Self::GroupNotFound,
            MappingProblem::GroupAmbiguous { .. } => Self::GroupAmbiguous,
            MappingProblem::MembersNotTold { .. } => Self::MembersNotTold,
            MappingProblem::RoleNotAllowed { .. } => Self::RoleNotAllowed,
            MappingProblem::RoleConflict { .. } => Self::RoleConflict,
            MappingProblem::TeamNameFailed { .. } => Self::TeamNameFailed,
            MappingProblem::TeamNotFound { .. } => Self::TeamNotFound,
            MappingProblem::TeamProtected { .. } => Self::TeamProtected,
            MappingProblem::TeamNameTaken { .. } => Self::TeamNameTaken,
            MappingProblem::Ambiguous { .. } => Self::Ambiguous,
            MappingProblem::InboxNotFound { .. } => Self::InboxNotFound,
            MappingProblem::RoleNotFound { .. } => Self::RoleNotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::condition::{ConditionType, Place, REASONS, Status};

    /// The reasons that stand at a place.
    fn rows_with(place: Place) -> impl Iterator<Item = Reason> {
        REASONS
            .iter()
            .filter(move |row| row.places.contains(&place))
            .map(|row| row.reason)
    }

    #[test]
    fn classes_have_the_word_of_the_table_and_stall_when_they_need_a_person() {
        for class in [
            Class::Unauthorized,
            Class::Forbidden,
            Class::NotFound,
            Class::InvalidConfiguration,
            Class::HostNotAllowed,
            Class::Unreachable,
            Class::Untrusted,
            Class::Timeout,
            Class::RateLimited,
            Class::Unavailable,
            Class::Protocol,
            Class::Conflict,
            Class::Rejected,
            Class::NoSeats,
            Class::StoreUnavailable,
            Class::Internal,
        ] {
            let reason = Reason::from(class);
            assert_eq!(reason.as_str(), class.label());
            let stalls = reason
                .row()
                .places
                .contains(&Place::On(ConditionType::Stalled, Status::True));
            assert_eq!(stalls, class.needs_a_person(), "{class:?}");
        }
    }

    #[test]
    fn doubts_have_the_word_of_the_table() {
        let text = String::new;
        for doubt in [
            Doubt::PageLimit { pages: 1 },
            Doubt::RepeatedCursor,
            Doubt::CountMismatch { stated: 1, received: 2 },
            Doubt::SizeLimit,
            Doubt::TimeLimit,
            Doubt::Referral,
            Doubt::Interrupted { cause: text() },
            Doubt::Empty,
            Doubt::DuplicateIds {
                count: 1,
                example: text(),
            },
            Doubt::Unreadable {
                count: 1,
                example: text(),
            },
            Doubt::ExpressionFailures { count: 1, of: 2 },
            Doubt::MembersNotTold { group: text() },
        ] {
            let reason = Reason::from(&doubt);
            assert_eq!(reason.as_str(), doubt.label());
            assert!(rows_with(Place::On(ConditionType::DirectoryComplete, Status::False)).any(|row| row == reason));
        }
    }

    #[test]
    fn failures_have_the_word_of_the_table() {
        use FailureReason::{
            AddressInUse, AddressReused, AdoptionNotAllowed, AmbiguousMatch, Changed, DuplicateEmail, ExpressionFailed,
            InvalidEmail, ManagedElsewhere, NoSeats, Refused, RoleNotFound, Unreadable,
        };
        let all = [
            InvalidEmail,
            DuplicateEmail,
            ExpressionFailed,
            ManagedElsewhere,
            AddressReused,
            AddressInUse,
            AmbiguousMatch,
            AdoptionNotAllowed,
            RoleNotFound,
            Unreadable,
            Refused,
            Changed,
            NoSeats,
        ];
        for failure in all {
            assert_eq!(Reason::from(failure).as_str(), failure.label());
        }
        let mut reasons: Vec<_> = all.into_iter().map(Reason::from).collect();
        reasons.sort_unstable();
        let mut rows: Vec<_> = rows_with(Place::Failure).collect();
        rows.sort_unstable();
        assert_eq!(reasons, rows);
    }
}
