//! Which events a run has: one for each noteworthy outcome, none for a run that changed nothing, never one for a person. Pure;
//! [`super::recorder`] publishes them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::{
    assessment::{Assessment, Claim},
    plans::{Hold, Settlement},
};
use crate::{
    api::{
        condition::{self, ConditionType, Reason, find},
        connection::DirectoryConnectionStatus,
        plan::Decision,
        status::SyncSummary,
    },
    sync::Outcome,
    words::counted,
};

/// One event: its reason, which is that of a condition, and what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The reason.
    pub reason: Reason,
    /// What happened, without names of people.
    pub note: String,
}

/// The events of a run.
pub fn of_run(
    before: &DirectoryConnectionStatus,
    after: &DirectoryConnectionStatus,
    outcome: Outcome,
    assessment: &Assessment,
    settlement: &Settlement<'_>,
) -> Vec<Notice> {
    let (_, reason, message) = &assessment.ready;
    let is_new = reason_of(&before.conditions, ConditionType::Ready) != Some(reason.as_str());
    let done = after.last_sync.as_ref().map(numbers).unwrap_or_default();
    let planned_before = before.last_sync.as_ref().map(numbers).unwrap_or_default();
    let noteworthy = match outcome {
        Outcome::Failed | Outcome::Stopped | Outcome::Synced => true,
        // Nothing is written, so that the same plan is there each time.
        Outcome::Observed => !done.is_empty() && (is_new || done != planned_before),
        Outcome::PartlyFailed => is_new || !done.is_empty(),
        _ if *reason == Reason::PlanNotWritten => is_new,
        // A hold has an event of its own.
        Outcome::Held | Outcome::Unchanged => false,
    };
    let mut notices = Vec::new();
    for (plan, _) in settlement.marks.iter().filter(|(_, reason)| *reason == Reason::Spent) {
        notices.push(match plan.spec.decision {
            Some(Decision::Approved) => plain(Reason::PlanApproved),
            // Nobody approved it: the limits, the mappings or what is there changed, and it isn't held any more.
            Some(Decision::Rejected) | None => Notice {
                reason: Reason::Spent,
                note: format!(
                    "SyncPlan {} is within the limits now and was carried out",
                    plan.name_any()
                ),
            },
        });
    }
    if noteworthy {
        let note = match (done.is_empty(), outcome) {
            (false, Outcome::Observed) => format!("would be: {done}"),
            (false, Outcome::Synced) => done,
            (false, _) => format!("{message}; {done}"),
            (true, _) => message.clone(),
        };
        notices.push(Notice { reason: *reason, note });
    }
    if let (Some(hold), Some((_, reason, message))) = (settlement.hold, &assessment.held) {
        let was = reason_of(&before.conditions, ConditionType::Held);
        if hold == Hold::New || was != Some(reason.as_str()) {
            notices.push(Notice {
                reason: *reason,
                note: message.clone(),
            });
        }
    }
    notices.extend(transition(
        &before.conditions,
        ConditionType::DirectoryComplete,
        assessment.complete.as_ref(),
    ));
    notices.extend(transition_of(
        &before.conditions,
        &after.conditions,
        ConditionType::Reconciling,
    ));
    notices.retain(|notice| notice.reason.row().event.is_some());
    notices
}

/// The event of a condition that has another reason now.
pub fn transition(before: &[Condition], condition: ConditionType, now: Option<&Claim>) -> Option<Notice> {
    let (_, reason, message) = now?;
    let is_new = reason_of(before, condition) != Some(reason.as_str());
    (is_new && reason.row().event.is_some()).then(|| Notice {
        reason: *reason,
        note: message.clone(),
    })
}

/// The event of conditions of which one has another reason now.
pub fn transition_of(before: &[Condition], after: &[Condition], condition: ConditionType) -> Option<Notice> {
    let now = find(after, condition)?;
    let row = condition::REASONS
        .iter()
        .find(|row| row.reason.as_str() == now.reason)?;
    let is_new = reason_of(before, condition) != Some(now.reason.as_str());
    (is_new && row.event.is_some()).then(|| Notice {
        reason: row.reason,
        note: now.message.clone(),
    })
}

fn plain(reason: Reason) -> Notice {
    Notice {
        reason,
        note: reason.row().meaning.to_owned(),
    }
}

fn reason_of(conditions: &[Condition], condition: ConditionType) -> Option<&str> {
    find(conditions, condition).map(|condition| condition.reason.as_str())
}

/// What a run did, in words; empty where it did nothing.
fn numbers(summary: &SyncSummary) -> String {
    const USER: (&str, &str) = ("user", "users");
    const TEAM: (&str, &str) = ("team", "teams");
    const MEMBERSHIP: (&str, &str) = ("team membership", "team memberships");
    const ROLE: (&str, &str) = ("role", "roles");
    const INBOX: (&str, &str) = ("inbox membership", "inbox memberships");
    let SyncSummary {
        users,
        teams,
        memberships,
        roles,
        inboxes,
        ..
    } = summary;
    // Those who are adopted and activated are among those who are updated.
    let among = [(users.adopted, "adopted"), (users.activated, "activated")];
    let among: Vec<String> = among
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let updated = if among.is_empty() {
        "updated".to_owned()
    } else {
        format!("updated ({})", among.join(", "))
    };
    let all = [
        (users.created, USER, "created"),
        (users.updated, USER, &updated),
        (users.deactivated, USER, "deactivated"),
        (users.deleted, USER, "deleted"),
        (teams.created, TEAM, "created"),
        (teams.updated, TEAM, "updated"),
        (memberships.added, MEMBERSHIP, "added"),
        (memberships.removed, MEMBERSHIP, "removed"),
        (roles.changed, ROLE, "changed"),
        (inboxes.added, INBOX, "added"),
        (inboxes.removed, INBOX, "removed"),
    ];
    let told: Vec<String> = all
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, (one, many), what)| format!("{} {what}", counted(*count, one, many)))
        .collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{
        api::{
            condition::{Status, set},
            status::{self, Trigger, UserCounts},
        },
        controller::backoff::After,
    };

    fn status(ready: (Status, Reason), created: i64) -> DirectoryConnectionStatus {
        let now = Time(Timestamp::from_second(1).unwrap());
        let mut status = DirectoryConnectionStatus::default();
        let claim = (ConditionType::Ready, ready.0, ready.1);
        set(&mut status.conditions, claim, "", None, &now);
        status.last_sync = Some(SyncSummary {
            id: "run".into(),
            trigger: Trigger::Interval,
            outcome: status::Outcome::Synced,
            start_time: now.clone(),
            completion_time: now,
            users: UserCounts {
                created,
                ..UserCounts::default()
            },
            teams: crate::api::status::TeamCounts::default(),
            memberships: crate::api::status::MembershipCounts::default(),
            roles: crate::api::status::RoleCounts::default(),
            inboxes: crate::api::status::MembershipCounts::default(),
        });
        status
    }

    fn assessment(status: Status, reason: Reason) -> Assessment {
        Assessment {
            ready: (status, reason, "why".into()),
            held: None,
            complete: None,
            stalled: false,
            reconciling: None,
            after: After::Success,
        }
    }

    /// The reasons of a run's events, where Ready had one reason before and has another now.
    fn reasons(outcome: Outcome, before: Reason, now: (Status, Reason), created: i64) -> Vec<Reason> {
        let before = status((now.0, before), 0);
        let after = status(now, created);
        let notices = of_run(
            &before,
            &after,
            outcome,
            &assessment(now.0, now.1),
            &Settlement::default(),
        );
        notices.into_iter().map(|notice| notice.reason).collect()
    }

    #[test]
    fn a_run_that_changed_nothing_has_no_event() {
        let synced = (Status::True, Reason::Synced);
        assert_eq!(reasons(Outcome::Unchanged, Reason::Synced, synced, 0), []);
        let partly = (Status::True, Reason::SyncedWithFailures);
        assert_eq!(
            reasons(Outcome::PartlyFailed, Reason::SyncedWithFailures, partly, 0),
            []
        );
        let observed = (Status::True, Reason::Observed);
        assert_eq!(reasons(Outcome::Observed, Reason::Synced, observed, 0), []);
    }

    #[test]
    fn a_run_that_changed_something_has_one() {
        let synced = (Status::True, Reason::Synced);
        assert_eq!(reasons(Outcome::Synced, Reason::Synced, synced, 3), [Reason::Synced]);
        let partly = (Status::True, Reason::SyncedWithFailures);
        assert_eq!(
            reasons(Outcome::PartlyFailed, Reason::SyncedWithFailures, partly, 3),
            [Reason::SyncedWithFailures]
        );
    }

    #[test]
    fn every_failed_run_has_one() {
        let unreachable = (Status::False, Reason::Unreachable);
        assert_eq!(
            reasons(Outcome::Failed, Reason::Unreachable, unreachable, 0),
            [Reason::Unreachable]
        );
    }

    #[test]
    fn the_same_observed_plan_is_told_once() {
        let observed = (Status::True, Reason::Observed);
        assert_eq!(
            reasons(Outcome::Observed, Reason::Synced, observed, 3),
            [Reason::Observed]
        );
        let before = status(observed, 3);
        let again = of_run(
            &before,
            &before,
            Outcome::Observed,
            &assessment(observed.0, observed.1),
            &Settlement::default(),
        );
        assert_eq!(again, []);
    }

    #[test]
    fn a_hold_is_told_when_it_begins_and_an_incomplete_read_when_its_reason_changes() {
        let before = status((Status::True, Reason::PlanHeld), 0);
        let mut assessment = assessment(Status::True, Reason::PlanHeld);
        assessment.held = Some((Status::True, Reason::TooManyRemovals, "many".into()));
        assessment.complete = Some((Status::False, Reason::SizeLimit, "cut".into()));
        let settlement = Settlement {
            hold: Some(Hold::New),
            ..Settlement::default()
        };
        let notices = of_run(&before, &before, Outcome::Held, &assessment, &settlement);
        let told: Vec<_> = notices
            .iter()
            .map(|notice| (notice.reason, notice.note.as_str()))
            .collect();
        assert_eq!(told, [(Reason::TooManyRemovals, "many"), (Reason::SizeLimit, "cut")]);
    }

    #[test]
    fn a_plan_that_nobody_approved_is_not_said_to_be_approved() {
        let status = status((Status::True, Reason::Synced), 0);
        let assessment = assessment(Status::True, Reason::Synced);
        let mut plan = crate::controller::testing::plan("acme-aa", "aa");
        for (decision, reason) in [(None, Reason::Spent), (Some(Decision::Approved), Reason::PlanApproved)] {
            plan.spec.decision = decision;
            let settlement = Settlement {
                marks: vec![(&plan, Reason::Spent)],
                ..Settlement::default()
            };
            let notices = of_run(&status, &status, Outcome::Unchanged, &assessment, &settlement);
            assert_eq!(notices[0].reason, reason);
        }
    }

    #[test]
    fn the_note_of_a_run_says_what_was_done() {
        let synced = (Status::True, Reason::Synced);
        let assessment = assessment(synced.0, synced.1);
        let done = |created, (updated, adopted, activated)| UserCounts {
            created,
            adopted,
            updated,
            activated,
            ..UserCounts::default()
        };
        for (users, note) in [
            (done(3, (0, 0, 0)), "3 users created"),
            (done(1, (1, 0, 0)), "1 user created, 1 user updated"),
            (done(0, (3, 2, 1)), "3 users updated (2 adopted, 1 activated)"),
        ] {
            let (before, mut after) = (status(synced, 0), status(synced, 0));
            after.last_sync.as_mut().unwrap().users = users;
            let notices = of_run(&before, &after, Outcome::Synced, &assessment, &Settlement::default());
            assert_eq!(notices[0].note, note);
        }
    }
}
