//! What one evaluation is about.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset};

use super::{Subject, error::EvaluationError};
use crate::record::Record;

/// The person or group that an expression is evaluated for, and the time that is `now`.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub(super) about: About<'a>,
    now: SystemTime,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum About<'a> {
    User {
        record: Record<'a>,
        groups: &'a [&'a str],
    },
    Group {
        id: &'a str,
        name: &'a str,
        description: &'a str,
        members: &'a [&'a str],
    },
}

impl About<'_> {
    /// The name of what the expression must have been about instead.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::User { .. } => Subject::Group.name(),
            Self::Group { .. } => Subject::User.name(),
        }
    }
}

impl<'a> Scope<'a> {
    /// A user. `groups` are the names of the groups that the person belongs to, directly or through others; they may be left
    /// empty where [`super::Reads`] doesn't name `groups`.
    pub const fn user(record: Record<'a>, groups: &'a [&'a str], now: SystemTime) -> Self {
        Self {
            about: About::User { record, groups },
            now,
        }
    }

    /// A group. `members` are the directory ids of its users; they may be left empty where [`super::Reads::members`] is
    /// false.
    pub const fn group(
        id: &'a str,
        name: &'a str,
        description: &'a str,
        members: &'a [&'a str],
        now: SystemTime,
    ) -> Self {
        Self {
            about: About::Group {
                id,
                name,
                description,
                members,
            },
            now,
        }
    }

    pub(super) const fn subject(&self) -> Subject {
        match self.about {
            About::User { .. } => Subject::User,
            About::Group { .. } => Subject::Group,
        }
    }

    pub(super) fn now(&self) -> Result<DateTime<FixedOffset>, EvaluationError> {
        let since = self
            .now
            .duration_since(UNIX_EPOCH)
            .map_err(|_| EvaluationError::Overflow)?;
        let seconds = i64::try_from(since.as_secs()).map_err(|_| EvaluationError::Overflow)?;
        let moment = DateTime::from_timestamp(seconds, since.subsec_nanos());
        moment
            .map(|moment| moment.fixed_offset())
            .ok_or(EvaluationError::Overflow)
    }
}
