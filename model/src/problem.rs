//! What is wrong with a mapping, in words: what, and what to do.

use std::fmt;

use crate::desired::MappingProblem;

impl fmt::Display for MappingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { message } => f.write_str(message),
            Self::GroupNotFound => f.write_str(
                "no group of the directory fits; check the name, and whether the reading account may see it",
            ),
            Self::GroupAmbiguous { name, ids } => {
                write!(
                    f,
                    "several groups are named {name:?}; name one by group.id: {}",
                    ids.join(", ")
                )
            }
            Self::MembersNotTold { group } => write!(
                f,
                "the directory doesn't tell the members of group {group:?}; let the reading account see them"
            ),
            Self::RoleNotAllowed { role } => write!(
                f,
                "role {role:?} is protected, or not among the connection's mappings.allowedRoles"
            ),
            Self::RoleConflict { other, example, people } => write!(
                f,
                "mapping {other:?} of the same priority gives another role to {people} of the same people, for example \
                 {example}; give one of the two a higher priority"
            ),
            Self::TeamNameFailed { group, message } => write!(f, "the team's name for group {group:?}: {message}"),
            Self::TeamNotFound { team } => {
                write!(
                    f,
                    "the platform has no team {team:?}; make it, or set team.create to true"
                )
            }
            Self::TeamProtected { team } => write!(
                f,
                "the connection's protect.teams names {team:?}, so nobody joins or leaves it; take it out of one of the two"
            ),
            Self::TeamNameTaken { team } => write!(
                f,
                "the team follows its group's new name {team:?}, and the team that has this name can't give it up (groups \
                 have exchanged their names, or the other team is protected), so it keeps its name and its members; give \
                 the other team a free name by hand"
            ),
            Self::Ambiguous { name } => {
                write!(
                    f,
                    "several teams or inboxes of the platform are named {name:?}; name one by its id"
                )
            }
            Self::InboxNotFound { inbox } => write!(f, "the platform has no inbox {inbox:?}; make it there first"),
            Self::RoleNotFound { role } => write!(f, "the platform has no role {role:?}; make it there first"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::desired::MappingProblem;

    #[test]
    fn a_problem_says_what_to_do() {
        let problem = MappingProblem::TeamNotFound {
            team: "EMEA".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "the platform has no team \"EMEA\"; make it, or set team.create to true"
        );
    }
}
