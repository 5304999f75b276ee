//! Every line of the table of reasons is produced by code, at every place where the table has it; and every event.

use std::{collections::BTreeSet, time::Duration};

use directory_sync_model::{
    desired::{Failure, FailureKind, FailureReason, MappingOutcome, MappingProblem},
    guard::Exceeded,
    plan::RemovalKind,
    snapshot::{Doubt, Loss},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{
    assessment::{Assessment, assess},
    backoff::Timing,
    cause::Cause,
    events,
    plans::{self, Hold, Judgement, Settlement},
    retire::{self, Farewell},
    run::{Ended, Order},
    status,
    testing::{at, ended, failed, order},
};
use crate::{
    api::{
        GroupMapping, SyncPlan,
        condition::{ConditionType, Place, REASONS, Reason},
        connection::DirectoryConnectionStatus,
        mapping::{GroupMappingSpec, GroupMappingStatus, GroupSelector},
        plan::{Decision, SyncPlanSpec, SyncPlanStatus},
        reference::{ConnectionRef, ObjectKind},
        status::LastHandled,
    },
    directory::{self, fetch::FetchFailure},
    http, platform,
    resolve::{self, Missing},
    sync::{
        self, Outcome, Report,
        report::{DirectoryCounts, Hold as Why, MappingReport},
    },
};

/// What code was seen to produce: conditions as `type=status reason`, and reasons of events.
#[derive(Default)]
struct Produced {
    conditions: BTreeSet<String>,
    events: BTreeSet<&'static str>,
}

impl Produced {
    fn note(&mut self, conditions: &[Condition]) {
        let told = conditions
            .iter()
            .map(|condition| line(&condition.type_, &condition.status, &condition.reason));
        self.conditions.extend(told);
    }

    fn announce(&mut self, notices: impl IntoIterator<Item = events::Notice>) {
        self.events
            .extend(notices.into_iter().map(|notice| notice.reason.as_str()));
    }

    /// A run of a connection.
    fn run(&mut self, order: &Order, ended: &Ended, hold: Option<Hold<'_>>) {
        self.run_with(order, ended, hold, |_| {});
    }

    /// A run of a connection after which something else went wrong.
    fn run_with(&mut self, order: &Order, ended: &Ended, hold: Option<Hold<'_>>, then: impl Fn(&mut Assessment)) {
        let before = DirectoryConnectionStatus::default();
        let mut assessment = assess(order, ended, hold.as_ref());
        then(&mut assessment);
        let after = status::After {
            assessment: &assessment,
            held: None,
            next: at(7200),
            failures: 0,
            handled: LastHandled::default(),
        };
        let after = status::after_run(&before, order, ended, after);
        self.note(&after.conditions);
        let settlement = Settlement {
            hold,
            ..Settlement::default()
        };
        self.announce(events::of_run(
            &before,
            &after,
            ended.outcome(),
            &assessment,
            &settlement,
        ));
    }

    fn report(&mut self, outcome: Outcome, change: impl FnOnce(&mut Report)) {
        let mut report = report(outcome);
        change(&mut report);
        self.run(&order(), &ended(report), None);
    }

    fn held(&mut self, exceeded: Vec<Exceeded>, hold: Hold<'_>) {
        let mut report = report(Outcome::Held);
        report.hold = Some(Why {
            exceeded,
            departures: 1,
            ..Why::default()
        });
        self.run(&order(), &ended(report), Some(hold));
    }

    /// A run that took back what a deleted connection gave.
    fn retired(&mut self, ended: &Ended) {
        let order = order();
        self.run_with(&order, ended, None, |assessment| {
            let timing = Timing::default();
            retire::judge(&order, ended, None, None, assessment, at(3600), &timing);
        });
    }

    /// The state of a mapping, once told.
    fn mapping(&mut self, status: &GroupMappingStatus) {
        self.note(&status.conditions);
        let told = [ConditionType::Ready, ConditionType::Conflicted];
        self.announce(
            told.iter()
                .filter_map(|condition| events::transition_of(&[], &status.conditions, *condition)),
        );
    }
}

fn line(condition: &str, status: &str, reason: &str) -> String {
    format!("{condition}={status} {reason}")
}

fn report(outcome: Outcome) -> Report {
    let mut report = Report::begin("run".into());
    report.outcome = outcome;
    report.directory = Some(DirectoryCounts { users: 10, groups: 2 });
    report
}

fn doubts() -> Vec<Doubt> {
    let example = String::new;
    vec![
        Doubt::PageLimit { pages: 1 },
        Doubt::RepeatedCursor,
        Doubt::CountMismatch { stated: 1, received: 2 },
        Doubt::SizeLimit,
        Doubt::TimeLimit,
        Doubt::Referral,
        Doubt::Interrupted { cause: example() },
        Doubt::Empty,
        Doubt::DuplicateIds {
            count: 1,
            example: example(),
        },
        Doubt::Unreadable {
            count: 1,
            example: example(),
        },
        Doubt::ExpressionFailures { count: 1, of: 2 },
        Doubt::MembersNotTold { group: example() },
    ]
}

fn problems() -> Vec<MappingProblem> {
    let text = String::new;
    vec![
        MappingProblem::Invalid { message: text() },
        MappingProblem::GroupNotFound,
        MappingProblem::GroupAmbiguous {
            name: text(),
            ids: Vec::new(),
        },
        MappingProblem::MembersNotTold { group: text() },
        MappingProblem::RoleNotAllowed { role: text() },
        MappingProblem::RoleConflict {
            other: text(),
            example: text(),
            people: 1,
        },
        MappingProblem::TeamNameFailed {
            group: text(),
            message: text(),
        },
        MappingProblem::TeamNotFound { team: text() },
        MappingProblem::TeamProtected { team: text() },
        MappingProblem::TeamNameTaken { team: text() },
        MappingProblem::Ambiguous { name: text() },
        MappingProblem::InboxNotFound { inbox: text() },
        MappingProblem::RoleNotFound { role: text() },
    ]
}

/// What servers answer, and what happens on the way to them.
fn http_errors() -> Vec<http::Error> {
    let host = || "api.acme.test".to_owned();
    let source = || Box::new(std::io::Error::other("no"));
    let mut errors: Vec<http::Error> = [400, 401, 402, 403, 404, 408, 409, 429, 503]
        .map(|status| http::Error::Status {
            host: host(),
            status,
            detail: String::new(),
            kind: None,
            retry_after: Some(Duration::from_secs(1)),
        })
        .into();
    errors.extend([
        http::Error::Connect {
            host: host(),
            source: source(),
        },
        http::Error::Untrusted {
            host: host(),
            advice: "renew it",
            source: source(),
        },
        http::Error::HostNotAllowed {
            host: host(),
            why: String::new(),
        },
        http::Error::TooLarge {
            host: host(),
            limit: 1,
            advice: String::new(),
        },
    ]);
    errors
}

fn causes() -> Vec<Cause> {
    let field = || "spec.field".to_owned();
    let missing = |kind| resolve::Error::Missing {
        field: field(),
        source: Missing::Object {
            kind,
            namespace: "acme".into(),
            name: "it".into(),
        },
    };
    let unresolved = [
        resolve::Error::Field {
            field: field(),
            message: String::new(),
        },
        resolve::Error::Expression {
            field: field(),
            message: String::new(),
        },
        missing(ObjectKind::Secret),
        missing(ObjectKind::ConfigMap),
        resolve::Error::Platform(platform::Error::Configuration {
            field: field(),
            message: String::new(),
        }),
    ];
    let panicked = sync::Error::Fetch(FetchFailure {
        part: directory::Part::Users,
        page: 1,
        source: directory::Error::Panic {
            operation: String::new(),
        },
    });
    let answered = http_errors().into_iter().map(|source| {
        sync::Error::Observe(platform::Error::Http {
            operation: String::new(),
            source,
        })
    });
    let unwritten = sync::Error::Ledger(sync::ledger::LedgerError::new("writing the ledger", "the disk is full"));
    let failed = answered.chain([panicked, unwritten]).map(|error| Cause::failed(&error));
    unresolved
        .iter()
        .map(Cause::unresolved)
        .chain(failed)
        .chain([Cause::owner_in_use("acme", "eu/older")])
        .collect()
}

fn connections(produced: &mut Produced) {
    for outcome in [Outcome::Unchanged, Outcome::Stopped] {
        produced.report(outcome, |_| {});
    }
    // What was done is told by events.
    produced.report(Outcome::Synced, |report| report.done.users_created = 1);
    let observed = {
        let mut order = order();
        order.mode = sync::Mode::Observe;
        order
    };
    let mut observing = report(Outcome::Observed);
    observing.planned.users_created = 1;
    produced.run(&observed, &ended(observing), None);
    produced.report(Outcome::PartlyFailed, |report| {
        report.failures = vec![Failure {
            kind: FailureKind::User,
            id: "1".into(),
            reason: FailureReason::InvalidEmail,
            message: String::new(),
        }];
    });
    produced.report(Outcome::PartlyFailed, |report| {
        report.failures = vec![Failure {
            kind: FailureKind::User,
            id: "1".into(),
            reason: FailureReason::NoSeats,
            message: String::new(),
        }];
    });
    for doubt in doubts() {
        produced.report(Outcome::Synced, |report| report.doubts = vec![doubt]);
    }
    for problem in problems() {
        produced.report(Outcome::Synced, |report| {
            report.mappings = vec![MappingReport {
                outcome: MappingOutcome {
                    problems: vec![problem],
                    ..MappingOutcome::default()
                },
                ..MappingReport::default()
            }];
        });
    }
    let exceeded = || Exceeded {
        kind: RemovalKind::User,
        name: None,
        removals: 5,
        population: 10,
        allowed: 4,
        mapping: None,
    };
    let rejected = plan(Some(Decision::Rejected), None);
    produced.held(vec![exceeded()], Hold::New);
    produced.held(Vec::new(), Hold::New);
    let mut sees_less = report(Outcome::Held);
    sees_less.hold = Some(Why {
        losses: vec![Loss::Members { count: 15 }],
        ..Why::default()
    });
    produced.run(&order(), &ended(sees_less), Some(Hold::New));
    let hold = Hold::Existing {
        plan: &rejected,
        rejected: true,
    };
    produced.held(vec![exceeded()], hold);
    for cause in causes() {
        produced.run(&order(), &failed(cause), None);
    }
    for failures in [1, 15] {
        let cause = failed(Cause::abandoned());
        produced.run_with(&order(), &cause, None, |assessment| {
            assessment.tries_again(failures, at(7200), &Timing::default());
        });
    }
    let held = report(Outcome::Held);
    produced.run_with(&order(), &ended(held), None, |assessment| {
        assessment.plan_not_written("quota");
    });
    produced.retired(&ended(report(Outcome::Synced)));
    produced.announce(Farewell::Deprovisioned.notice());
    produced.announce(Farewell::Left("why".into()).notice());
    let (connection, before) = (order().connection, DirectoryConnectionStatus::default());
    for reason in [Reason::Suspended, Reason::NoMappings] {
        let resting = status::at_rest(&connection, &before, reason, None, at(1));
        produced.note(&resting.conditions);
        produced.announce(events::transition_of(&[], &resting.conditions, ConditionType::Ready));
    }
    produced.note(&status::announced(&connection, &before, at(1)).conditions);
    produced.note(&status::unreadable_connection(Some(1), "no", at(1)).conditions);
}

fn mappings(produced: &mut Produced) {
    let mapping = |suspend| {
        let connection_ref = ConnectionRef {
            name: "acme".try_into().unwrap(),
        };
        let spec = GroupMappingSpec {
            connection_ref,
            group: GroupSelector::default(),
            team: None,
            role: None,
            inboxes: Vec::new(),
            priority: 100,
            removals: None,
            suspend,
        };
        GroupMapping::new("support", spec)
    };
    let after = |suspend, problems| {
        let report = MappingReport {
            outcome: MappingOutcome {
                problems,
                ..MappingOutcome::default()
            },
            ..MappingReport::default()
        };
        status::mapping_after_run(&mapping(suspend), &report, true, at(1))
    };
    produced.mapping(&after(false, Vec::new()));
    produced.mapping(&after(true, Vec::new()));
    for problem in problems() {
        produced.mapping(&after(false, vec![problem]));
    }
    produced.mapping(&status::not_found(&mapping(false), at(1)));
    produced.mapping(&status::not_synced_yet(&mapping(false), at(1)));
    produced.mapping(&status::unreadable_mapping(Some(1), "no", at(1)));
}

/// A plan with the hash `aa` that runs out at second 1000.
fn plan(decision: Option<Decision>, created: Option<i64>) -> SyncPlan {
    let spec = SyncPlanSpec {
        connection_ref: ConnectionRef {
            name: "acme".try_into().unwrap(),
        },
        hash: "aa".into(),
        decision,
        decided_by: decision.map(|_| "ann".into()),
    };
    let mut plan = SyncPlan::new("acme-aa", spec);
    plan.metadata.creation_timestamp = created.map(|second| Time(at(second)));
    plan.status = Some(SyncPlanStatus {
        expire_time: Some(Time(at(1000))),
        ..SyncPlanStatus::default()
    });
    plan
}

fn plans(produced: &mut Produced) {
    let done = Judgement::Passed { hash: "aa" };
    for (decision, judgement, now) in [
        (None, Judgement::None, 1),
        (Some(Decision::Approved), Judgement::None, 1),
        (Some(Decision::Approved), done, 1),
        (None, done, 1),
        (Some(Decision::Rejected), Judgement::None, 1),
        (None, Judgement::Held { hash: "bb" }, 1),
        (None, Judgement::None, 1000),
        (Some(Decision::Approved), Judgement::None, 1000),
    ] {
        let plan = plan(decision, Some(0));
        let settlement = plans::settle([&plan], judgement, &[], at(now));
        for (plan, reason) in &settlement.marks {
            let mut status = plan.status.clone().unwrap_or_default();
            plans::mark(&mut status, None, *reason, "", at(now));
            produced.note(&status.conditions);
        }
        let status = DirectoryConnectionStatus::default();
        let assessment = assess(&order(), &ended(report(Outcome::Unchanged)), None);
        let outcome = Outcome::Unchanged;
        produced.announce(events::of_run(&status, &status, outcome, &assessment, &settlement));
        for (plan, reason) in &settlement.marks {
            produced.announce(plans::late_notice(plan, *reason, "too late"));
        }
    }
}

#[test]
fn every_reason_of_the_table_is_produced_at_each_of_its_places_and_so_is_every_event() {
    let mut produced = Produced::default();
    connections(&mut produced);
    mappings(&mut produced);
    plans(&mut produced);
    let places = REASONS
        .iter()
        .flat_map(|row| row.places.iter().map(move |place| (row.reason, place)));
    let table: BTreeSet<String> = places
        .filter_map(|(reason, place)| match place {
            Place::On(condition, status) => Some(line(condition.as_str(), status.as_str(), reason.as_str())),
            // A test beside the conversion of reasons of failures compares these.
            Place::Failure => None,
        })
        .collect();
    let only =
        |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> { one.difference(other).cloned().collect() };
    assert_eq!(only(&table, &produced.conditions), [""; 0], "nothing produces these");
    assert_eq!(
        only(&produced.conditions, &table),
        [""; 0],
        "the table doesn't have these"
    );
    let events: BTreeSet<&str> = REASONS
        .iter()
        .filter(|row| row.event.is_some())
        .map(|row| row.reason.as_str())
        .collect();
    assert_eq!(events, produced.events);
}
