//! What a person should know of the specification.

use std::{fmt, time::Duration};

/// Something that a person should know, and that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// `protect.users` names nobody.
    NobodyProtected {
        /// The entry.
        user: String,
    },
    /// `protect.roles` names a role that the platform doesn't have.
    NoRoleProtected {
        /// The entry.
        role: String,
    },
    /// `protect.teams` names a team that the platform doesn't have.
    NoTeamProtected {
        /// The entry.
        team: String,
    },
    /// People are deleted later than `deprovision.deleteAfterDays` says: by the next sync after those days.
    DeletedLater {
        /// After so many days.
        days: u32,
        /// Between two syncs.
        interval: Duration,
    },
    /// `adoption.fromOwnerIDs` names the owner of a connection that names this one and is older: taken from it is nothing.
    HandoverBothWays {
        /// The owner.
        owner: String,
        /// Its connection, `NAMESPACE/NAME`.
        connection: String,
    },
    /// Of a platform that carries no marks nothing is remembered: what there is on it is nobody's.
    NothingRemembered,
}

impl Notice {
    /// The part of the specification that it is about.
    pub const fn about(&self) -> &'static str {
        match self {
            Self::NobodyProtected { .. } | Self::NoRoleProtected { .. } | Self::NoTeamProtected { .. } => "protect",
            Self::DeletedLater { .. } => "deprovision",
            Self::HandoverBothWays { .. } => "adoption",
            Self::NothingRemembered => "store",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyProtected { user } => {
                write!(f, "protect.users names nobody on the platform or in scope: {user}")
            }
            Self::NoRoleProtected { role } => write!(f, "protect.roles names no role of the platform: {role}"),
            Self::NoTeamProtected { team } => write!(f, "protect.teams names no team of the platform: {team}"),
            Self::DeletedLater { days, interval } => {
                let hours = interval.as_secs() / 3600;
                write!(
                    f,
                    "deprovision.deleteAfterDays ({days}) is no longer than spec.interval ({hours}h): people are deleted by the \
                     first sync after those days, as much as {hours}h later"
                )
            }
            Self::HandoverBothWays { owner, connection } => write!(
                f,
                "adoption.fromOwnerIDs names {owner}, and DirectoryConnection {connection} names this one: it is older and takes \
                 people over, and nobody is taken back; remove the entry here or there"
            ),
            Self::NothingRemembered => f.write_str(
                "the platform carries no marks, and the store remembers nothing of this connection: what is on the platform \
                 is nobody's, and is neither changed nor removed before it is adopted",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_which_part_of_the_specification_it_is_about_and_what_comes_of_it() {
        let entry = || "ann".to_owned();
        let week = Notice::DeletedLater {
            days: 2,
            interval: Duration::from_hours(168),
        };
        let both_ways = Notice::HandoverBothWays {
            owner: entry(),
            connection: "acme/old".into(),
        };
        for (notice, about, words) in [
            (
                Notice::NobodyProtected { user: entry() },
                "protect",
                "protect.users names nobody",
            ),
            (
                Notice::NoRoleProtected { role: entry() },
                "protect",
                "no role of the platform: ann",
            ),
            (
                Notice::NoTeamProtected { team: entry() },
                "protect",
                "no team of the platform: ann",
            ),
            (week, "deprovision", "(2) is no longer than spec.interval (168h)"),
            (both_ways, "adoption", "DirectoryConnection acme/old names this one"),
            (
                Notice::NothingRemembered,
                "store",
                "remembers nothing of this connection",
            ),
        ] {
            assert_eq!(notice.about(), about);
            assert!(notice.to_string().contains(words), "{notice}");
        }
    }
}
