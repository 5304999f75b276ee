//! The status of a mapping.

use directory_sync_model::desired::MappingProblem;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::{
    api::{
        GroupMapping,
        condition::{ConditionType, Reason, Status, remove, set},
        mapping::{GroupMappingStatus, MatchedCounts, MatchedGroup},
        status::{MAX_ID, cut},
    },
    controller::assessment::Claim,
    sync::report::{GroupSample, MappingReport},
    words::counted,
};

/// The longest name of a group.
const MAX_NAME: usize = 256;

/// The status after a run that looked at the mapping; `complete`: whether it saw the whole directory.
pub fn after_run(mapping: &GroupMapping, report: &MappingReport, complete: bool, now: Timestamp) -> GroupMappingStatus {
    let outcome = &report.outcome;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let mut status = GroupMappingStatus {
        observed_generation: mapping.metadata.generation,
        matched: Some(MatchedCounts {
            groups: number(outcome.groups.len() as u64),
            members: number(outcome.members),
            teams: number(report.teams),
            inboxes: number(report.inboxes),
        }),
        samples: report.samples.iter().map(sample).collect(),
        ..before(mapping)
    };
    put(
        &mut status,
        ConditionType::Ready,
        &ready(mapping, &outcome.problems),
        now,
    );
    put(
        &mut status,
        ConditionType::GroupFound,
        &group_found(&outcome.problems),
        now,
    );
    put(
        &mut status,
        ConditionType::Conflicted,
        &conflicted(&outcome.problems),
        now,
    );
    stall(&mut status, stalled(&outcome.problems, complete), now);
    status
}

/// The status of a mapping that no run has looked at.
pub fn not_synced_yet(mapping: &GroupMapping, now: Timestamp) -> GroupMappingStatus {
    let mut status = before(mapping);
    put(
        &mut status,
        ConditionType::Ready,
        &plain(Status::Unknown, Reason::NotSyncedYet),
        now,
    );
    put(
        &mut status,
        ConditionType::GroupFound,
        &plain(Status::Unknown, Reason::NotReadYet),
        now,
    );
    put(
        &mut status,
        ConditionType::Conflicted,
        &plain(Status::False, Reason::NoConflict),
        now,
    );
    remove(&mut status.conditions, ConditionType::Stalled);
    // It is this generation of which nothing is known, whichever the last run has handled.
    for condition in &mut status.conditions {
        condition.observed_generation = mapping.metadata.generation;
    }
    status
}

/// The status of a mapping whose connection isn't there.
pub fn not_found(mapping: &GroupMapping, now: Timestamp) -> GroupMappingStatus {
    let mut status = not_synced_yet(mapping, now);
    status.observed_generation = mapping.metadata.generation;
    let message = format!(
        "there is no DirectoryConnection {:?} in this namespace",
        mapping.spec.connection_ref.name.as_str()
    );
    let claim = (Status::False, Reason::ConnectionNotFound, message);
    put(&mut status, ConditionType::Ready, &claim, now);
    status
}

/// The status of a mapping that can't be read.
pub fn unreadable(generation: Option<i64>, message: &str, now: Timestamp) -> GroupMappingStatus {
    let mut status = GroupMappingStatus {
        observed_generation: generation,
        ..GroupMappingStatus::default()
    };
    let claim = (Status::False, Reason::InvalidSpec, message.to_owned());
    put(&mut status, ConditionType::Ready, &claim, now);
    stall(&mut status, Some((Reason::InvalidSpec, message.to_owned())), now);
    put(
        &mut status,
        ConditionType::GroupFound,
        &plain(Status::Unknown, Reason::NotReadYet),
        now,
    );
    put(
        &mut status,
        ConditionType::Conflicted,
        &plain(Status::False, Reason::NoConflict),
        now,
    );
    status
}

fn before(mapping: &GroupMapping) -> GroupMappingStatus {
    mapping.status.clone().unwrap_or_default()
}

fn put(status: &mut GroupMappingStatus, condition: ConditionType, claim: &Claim, now: Timestamp) {
    let (value, reason, message) = claim;
    let generation = status.observed_generation;
    set(
        &mut status.conditions,
        (condition, *value, *reason),
        message,
        generation,
        &Time(now),
    );
}

fn plain(status: Status, reason: Reason) -> Claim {
    (status, reason, reason.row().meaning.to_owned())
}

fn sample(group: &GroupSample) -> MatchedGroup {
    MatchedGroup {
        group_id: cut(&group.id, MAX_NAME),
        group_name: cut(&group.name, MAX_NAME),
        team_id: group.team_id.as_deref().map(|id| cut(id, MAX_NAME)),
        members: i64::try_from(group.members).unwrap_or(i64::MAX),
    }
}

/// Stalled is there only while it is True.
fn stall(status: &mut GroupMappingStatus, why: Option<(Reason, String)>, now: Timestamp) {
    match why {
        Some((reason, message)) => put(status, ConditionType::Stalled, &(Status::True, reason, message), now),
        None => remove(&mut status.conditions, ConditionType::Stalled),
    }
}

/// What keeps a mapping from being in effect: everything but a conflict.
fn obstacle(problems: &[MappingProblem]) -> Option<&MappingProblem> {
    let mut problems = problems.iter();
    problems.find(|problem| !matches!(problem, MappingProblem::RoleConflict { .. }))
}

/// Why a person must act. What wasn't seen of a directory may come with the next read, where this one didn't see everything.
fn stalled(problems: &[MappingProblem], complete: bool) -> Option<(Reason, String)> {
    let passes = |problem: &MappingProblem| {
        let unseen = matches!(
            problem,
            MappingProblem::GroupNotFound | MappingProblem::MembersNotTold { .. }
        );
        unseen && !complete
    };
    let problem = obstacle(problems).filter(|problem| !passes(problem))?;
    Some((Reason::from(problem), message(problem)))
}

fn ready(mapping: &GroupMapping, problems: &[MappingProblem]) -> Claim {
    match obstacle(problems) {
        Some(problem) => (Status::False, Reason::from(problem), message(problem)),
        None if mapping.spec.suspend => plain(Status::True, Reason::Suspended),
        None => plain(Status::True, Reason::Mapped),
    }
}

fn group_found(problems: &[MappingProblem]) -> Claim {
    for problem in problems {
        match problem {
            MappingProblem::GroupNotFound
            | MappingProblem::GroupAmbiguous { .. }
            | MappingProblem::MembersNotTold { .. } => {
                return (Status::False, Reason::from(problem), message(problem));
            }
            MappingProblem::Invalid { .. } => return plain(Status::Unknown, Reason::NotReadYet),
            _ => {}
        }
    }
    plain(Status::True, Reason::Found)
}

fn conflicted(problems: &[MappingProblem]) -> Claim {
    let conflict = problems
        .iter()
        .find(|problem| matches!(problem, MappingProblem::RoleConflict { .. }));
    match conflict {
        Some(problem) => (Status::True, Reason::RoleConflict, message(problem)),
        None => plain(Status::False, Reason::NoConflict),
    }
}

/// What is wrong, with the names that help to find it. None of them is a person's.
fn message(problem: &MappingProblem) -> String {
    let meaning = Reason::from(problem).row().meaning.trim_end_matches('.');
    match problem {
        MappingProblem::Invalid { message } => cut(message, 300),
        MappingProblem::GroupNotFound => meaning.to_owned(),
        MappingProblem::GroupAmbiguous { name, ids } => {
            let ids: Vec<String> = ids.iter().map(|id| cut(id, MAX_ID)).collect();
            format!("{meaning}: {name:?} is the name of {}", ids.join(", "))
        }
        MappingProblem::MembersNotTold { group } => format!("{meaning}: {group:?}"),
        MappingProblem::RoleNotAllowed { role } | MappingProblem::RoleNotFound { role } => {
            format!("{meaning}: {role:?}")
        }
        MappingProblem::RoleConflict { other, example, people } => format!(
            "{meaning}: GroupMapping {other} does for {}, one of them {}",
            counted(*people, "person", "people"),
            cut(example, MAX_ID)
        ),
        MappingProblem::TeamNameFailed { group, message } => format!("{meaning}: {group:?}: {}", cut(message, 200)),
        MappingProblem::TeamNotFound { team }
        | MappingProblem::TeamProtected { team }
        | MappingProblem::TeamNameTaken { team } => format!("{meaning}: {team:?}"),
        MappingProblem::Ambiguous { name } => format!("{meaning}: {name:?}"),
        MappingProblem::InboxNotFound { inbox } => format!("{meaning}: {inbox:?}"),
    }
}

#[cfg(test)]
mod tests {
    use directory_sync_model::desired::MappingOutcome;

    use super::*;
    use crate::api::{condition::find, mapping::GroupMappingSpec, reference::ConnectionRef};

    fn mapping(suspend: bool) -> GroupMapping {
        let mut mapping = GroupMapping::new(
            "support",
            GroupMappingSpec {
                connection_ref: ConnectionRef {
                    name: "acme".try_into().unwrap(),
                },
                group: crate::api::mapping::GroupSelector::default(),
                team: None,
                role: None,
                inboxes: Vec::new(),
                priority: 100,
                removals: None,
                suspend,
            },
        );
        mapping.metadata.generation = Some(4);
        mapping
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Status and reason of Ready, `GroupFound` and Conflicted.
    fn conditions(problems: Vec<MappingProblem>, suspend: bool) -> [String; 3] {
        let report = MappingReport {
            outcome: MappingOutcome {
                problems,
                ..MappingOutcome::default()
            },
            ..MappingReport::default()
        };
        told(&after_run(&mapping(suspend), &report, true, at(1)))
    }

    /// The reason of Stalled.
    fn stalls(status: &GroupMappingStatus) -> Option<&str> {
        find(&status.conditions, ConditionType::Stalled).map(|stalled| stalled.reason.as_str())
    }

    #[test]
    fn what_only_a_person_can_mend_stalls_a_mapping_until_it_is_mended() {
        let text = String::new;
        let run = |mapping: &GroupMapping, problems: Vec<MappingProblem>, complete| {
            let outcome = MappingOutcome {
                problems,
                ..MappingOutcome::default()
            };
            let report = MappingReport {
                outcome,
                ..MappingReport::default()
            };
            after_run(mapping, &report, complete, at(1))
        };
        let mut mapping = mapping(false);
        let conflict = MappingProblem::RoleConflict {
            other: text(),
            example: text(),
            people: 1,
        };
        assert_eq!(stalls(&run(&mapping, vec![conflict], true)), None);
        assert_eq!(stalls(&run(&mapping, vec![MappingProblem::GroupNotFound], false)), None);
        assert_eq!(
            stalls(&run(&mapping, vec![MappingProblem::GroupNotFound], true)),
            Some("GroupNotFound")
        );
        assert_eq!(stalls(&unreadable(Some(1), "no", at(1))), Some("InvalidSpec"));
        let stalled = run(&mapping, vec![MappingProblem::RoleNotAllowed { role: text() }], true);
        assert_eq!(stalls(&stalled), Some("RoleNotAllowed"));
        mapping.status = Some(stalled);
        assert_eq!(stalls(&run(&mapping, Vec::new(), true)), None);
        assert_eq!(stalls(&not_synced_yet(&mapping, at(2))), None);
    }

    #[test]
    fn of_a_new_generation_nothing_is_known_whatever_was_before() {
        let mut mapping = mapping(false);
        mapping.status = Some(after_run(&mapping, &MappingReport::default(), true, at(1)));
        mapping.metadata.generation = Some(5);
        let status = not_synced_yet(&mapping, at(2));
        assert_eq!(told(&status)[0], "Unknown/NotSyncedYet");
        assert_eq!(status.observed_generation, Some(4), "no run has handled it");
        let ready = find(&status.conditions, ConditionType::Ready).unwrap();
        assert_eq!(ready.observed_generation, Some(5));
    }

    fn told(status: &GroupMappingStatus) -> [String; 3] {
        [
            ConditionType::Ready,
            ConditionType::GroupFound,
            ConditionType::Conflicted,
        ]
        .map(|condition| {
            let condition = find(&status.conditions, condition).unwrap();
            format!("{}/{}", condition.status, condition.reason)
        })
    }

    #[test]
    fn each_problem_has_its_condition() {
        let text = String::new;
        let table = [
            (vec![], ["True/Mapped", "True/Found", "False/NoConflict"]),
            (
                vec![MappingProblem::GroupNotFound],
                ["False/GroupNotFound", "False/GroupNotFound", "False/NoConflict"],
            ),
            (
                vec![MappingProblem::GroupAmbiguous {
                    name: "team".into(),
                    ids: vec!["1".into(), "2".into()],
                }],
                ["False/GroupAmbiguous", "False/GroupAmbiguous", "False/NoConflict"],
            ),
            (
                vec![MappingProblem::MembersNotTold { group: text() }],
                ["False/MembersNotTold", "False/MembersNotTold", "False/NoConflict"],
            ),
            (
                vec![MappingProblem::Invalid { message: text() }],
                ["False/InvalidSpec", "Unknown/NotReadYet", "False/NoConflict"],
            ),
            (
                vec![MappingProblem::TeamNotFound { team: text() }],
                ["False/TeamNotFound", "True/Found", "False/NoConflict"],
            ),
            (
                vec![MappingProblem::RoleConflict {
                    other: "vip".into(),
                    example: "7".into(),
                    people: 3,
                }],
                ["True/Mapped", "True/Found", "True/RoleConflict"],
            ),
        ];
        for (problems, expected) in table {
            assert_eq!(conditions(problems, false), expected);
        }
        assert_eq!(
            conditions(vec![], true),
            ["True/Suspended", "True/Found", "False/NoConflict"]
        );
    }

    #[test]
    fn a_message_names_what_is_ambiguous_and_what_conflicts() {
        let ambiguous = message(&MappingProblem::GroupAmbiguous {
            name: "team".into(),
            ids: vec!["g-1".into(), "g-2".into()],
        });
        assert!(ambiguous.contains("\"team\" is the name of g-1, g-2"), "{ambiguous}");
        let conflict = message(&MappingProblem::RoleConflict {
            other: "vip".into(),
            example: "1007".into(),
            people: 1,
        });
        assert!(
            conflict.contains("GroupMapping vip does for 1 person, one of them 1007"),
            "{conflict}"
        );
    }

    #[test]
    fn the_same_run_again_gives_the_same_status() {
        let mut mapping = mapping(false);
        let report = MappingReport::default();
        let first = after_run(&mapping, &report, true, at(1));
        mapping.status = Some(first.clone());
        assert_eq!(after_run(&mapping, &report, true, at(2)), first);
        assert_eq!(first.observed_generation, Some(4));
    }

    #[test]
    fn before_the_first_run_nothing_is_known_and_without_a_connection_nothing_will_be() {
        assert_eq!(
            told(&not_synced_yet(&mapping(false), at(1))),
            ["Unknown/NotSyncedYet", "Unknown/NotReadYet", "False/NoConflict"]
        );
        assert_eq!(
            told(&not_found(&mapping(false), at(1))),
            ["False/ConnectionNotFound", "Unknown/NotReadYet", "False/NoConflict"]
        );
        assert_eq!(
            told(&unreadable(Some(1), "no", at(1))),
            ["False/InvalidSpec", "Unknown/NotReadYet", "False/NoConflict"]
        );
    }
}
