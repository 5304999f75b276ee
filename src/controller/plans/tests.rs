//! The life of a held plan, state by state.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::api::{
    condition::{Status, set},
    plan::{SyncPlanSpec, SyncPlanStatus},
    reference::ConnectionRef,
};

const H: &str = "aaaa";
const OTHER: &str = "bbbb";
const HELD: Judgement<'_> = Judgement::Held { hash: H };
const DONE: Judgement<'_> = Judgement::Passed { hash: H };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A plan that was held at second `created` and runs out at second 1000.
fn plan(created: i64, hash: &str, decision: Option<Decision>, reason: Option<Reason>) -> SyncPlan {
    let spec = SyncPlanSpec {
        connection_ref: ConnectionRef {
            name: "acme".try_into().unwrap(),
        },
        hash: hash.to_owned(),
        decision,
        decided_by: decision.map(|_| "ann".to_owned()),
    };
    let mut plan = SyncPlan::new(&format!("acme-{created}"), spec);
    plan.metadata.creation_timestamp = Some(Time(at(created)));
    if let Some(reason) = reason {
        let mut status = SyncPlanStatus {
            expire_time: Some(Time(at(1000))),
            ..SyncPlanStatus::default()
        };
        let value = if reason == Reason::Spent {
            Status::True
        } else {
            Status::False
        };
        set(
            &mut status.conditions,
            (ConditionType::Applied, value, reason),
            "",
            None,
            &Time(at(created)),
        );
        plan.status = Some(status);
    }
    plan
}

fn open(created: i64, hash: &str) -> SyncPlan {
    plan(created, hash, None, Some(Reason::AwaitingDecision))
}

fn decided(created: i64, hash: &str, decision: Decision) -> SyncPlan {
    plan(created, hash, Some(decision), Some(Reason::AwaitingDecision))
}

/// What a run makes of one plan at second 100.
fn mark(plan: &SyncPlan, judgement: Judgement<'_>) -> Option<Reason> {
    let settlement = settle([plan], judgement, &[], at(100));
    settlement.marks.first().map(|(_, reason)| *reason)
}

#[test]
fn a_plan_that_is_held_for_the_first_time_gets_an_object() {
    assert_eq!(settle([], HELD, &[], at(100)).hold, Some(Hold::New));
    assert_eq!(settle([], DONE, &[], at(100)), Settlement::default());
}

#[test]
fn the_same_plan_stays_the_same_object() {
    let open = open(1, H);
    let settlement = settle([&open], HELD, &[], at(100));
    assert_eq!(
        settlement.hold,
        Some(Hold::Existing {
            plan: &open,
            rejected: false
        })
    );
    assert_eq!(settlement.marks, []);
}

#[test]
fn another_plan_supersedes_an_undecided_and_an_approved_one() {
    for plan in [open(1, OTHER), decided(1, OTHER, Decision::Approved)] {
        let settlement = settle([&plan], HELD, &[], at(100));
        assert_eq!(settlement.marks, [(&plan, Reason::Superseded)]);
        assert_eq!(settlement.hold, Some(Hold::New));
    }
}

#[test]
fn a_plan_that_is_no_longer_held_is_superseded() {
    let passed = Judgement::Passed { hash: OTHER };
    assert_eq!(mark(&open(1, H), passed), Some(Reason::Superseded));
}

#[test]
fn a_plan_that_was_carried_out_is_spent_and_its_approval_used_up() {
    let approved_plan = decided(1, H, Decision::Approved);
    assert_eq!(approved([&approved_plan], at(100)), Some(H));
    assert_eq!(mark(&approved_plan, DONE), Some(Reason::Spent));
    let spent = plan(1, H, Some(Decision::Approved), Some(Reason::Spent));
    assert_eq!(approved([&spent], at(100)), None);
    assert_eq!(mark(&spent, HELD), None);
    assert_eq!(settle([&spent], HELD, &[], at(100)).hold, Some(Hold::New));
}

fn used(hash: &str, second: u64) -> Spent {
    Spent {
        hash: hash.to_owned(),
        at: std::time::UNIX_EPOCH + std::time::Duration::from_secs(second),
    }
}

#[test]
fn a_plan_whose_approval_was_used_is_spent_though_what_was_left_of_it_was_another_plan() {
    let approved_plan = decided(50, H, Decision::Approved);
    let after = |judgement, spent: Spent, now| {
        let settlement = settle([&approved_plan], judgement, &[used(OTHER, 90), spent], at(now));
        settlement.marks.first().map(|(_, reason)| *reason)
    };
    // The run that came after it did what was left, or found nothing left, or found more to do than was approved.
    for judgement in [Judgement::Passed { hash: OTHER }, Judgement::Held { hash: OTHER }] {
        assert_eq!(after(judgement, used(H, 90), 100), Some(Reason::Spent), "{judgement:?}");
        // An earlier plan of the same hash, before this one was held.
        assert_eq!(after(judgement, used(H, 49), 100), Some(Reason::Superseded));
    }
    // What is left of it goes on with the next run; there may be none in its time.
    assert_eq!(after(Judgement::None, used(H, 90), 100), Some(Reason::PlanApproved));
    assert_eq!(after(Judgement::None, used(H, 90), 1000), Some(Reason::Spent));

    // Of one that nobody approved nothing was carried out.
    let undecided = open(50, H);
    let passed = Judgement::Passed { hash: OTHER };
    let settlement = settle([&undecided], passed, &[used(H, 90)], at(100));
    assert_eq!(settlement.marks, [(&undecided, Reason::Superseded)]);
}

#[test]
fn an_approval_outlives_a_run_that_failed_or_was_stopped() {
    let approved_plan = decided(1, H, Decision::Approved);
    assert_eq!(mark(&approved_plan, Judgement::None), Some(Reason::PlanApproved));
    let noticed = plan(1, H, Some(Decision::Approved), Some(Reason::PlanApproved));
    assert_eq!(approved([&noticed], at(100)), Some(H));
}

#[test]
fn an_approval_that_was_given_while_the_run_was_under_way_is_kept() {
    let approved_plan = decided(1, H, Decision::Approved);
    assert_eq!(mark(&approved_plan, HELD), Some(Reason::PlanApproved));
}

#[test]
fn a_rejected_plan_stays_held_and_rejected_until_it_is_another() {
    let rejected = decided(1, H, Decision::Rejected);
    let settlement = settle([&rejected], HELD, &[], at(100));
    assert_eq!(settlement.marks, [(&rejected, Reason::PlanRejected)]);
    assert_eq!(
        settlement.hold,
        Some(Hold::Existing {
            plan: &rejected,
            rejected: true
        })
    );
    assert_eq!(super::rejected([&rejected]).collect::<Vec<_>>(), [H]);
    // Even when its time to be approved has run out.
    let later = settle([&rejected], HELD, &[], at(2000));
    assert!(matches!(later.hold, Some(Hold::Existing { rejected: true, .. })));
    assert_eq!(
        settle([&rejected], Judgement::Held { hash: OTHER }, &[], at(100)).hold,
        Some(Hold::New)
    );
}

#[test]
fn a_plan_that_ran_out_can_not_be_used_and_a_new_hold_is_a_new_object() {
    for plan in [open(1, H), decided(1, H, Decision::Approved)] {
        assert_eq!(approved([&plan], at(1000)), None);
        let settlement = settle([&plan], HELD, &[], at(1000));
        assert_eq!(settlement.marks, [(&plan, Reason::Expired)]);
        assert_eq!(settlement.hold, Some(Hold::New));
    }
}

#[test]
fn a_plan_without_a_status_of_ours_approves_nothing() {
    let forged = plan(1, H, Some(Decision::Approved), None);
    assert_eq!(approved([&forged], at(100)), None);
}

#[test]
fn an_object_whose_status_was_never_written_is_still_the_plan_that_is_held() {
    let unwritten = plan(1, H, None, None);
    assert!(matches!(
        settle([&unwritten], HELD, &[], at(100)).hold,
        Some(Hold::Existing { rejected: false, .. })
    ));
}

#[test]
fn the_last_three_plans_that_are_over_are_kept() {
    let plans: Vec<_> = (1..=6)
        .map(|created| plan(created, H, None, Some(Reason::Superseded)))
        .collect();
    let settlement = settle(&plans, HELD, &[], at(100));
    let garbage: Vec<_> = settlement
        .garbage
        .iter()
        .map(|plan| plan.metadata.name.as_deref())
        .collect();
    assert_eq!(garbage, [Some("acme-3"), Some("acme-2"), Some("acme-1")]);
}

#[test]
fn a_rejected_plan_that_is_held_is_never_garbage() {
    let mut plans: Vec<_> = (2..=6)
        .map(|created| plan(created, OTHER, None, Some(Reason::Superseded)))
        .collect();
    plans.push(decided(1, H, Decision::Rejected));
    let settlement = settle(&plans, HELD, &[], at(100));
    assert!(settlement.garbage.iter().all(|plan| plan.spec.hash == OTHER));
}

#[test]
fn a_plan_that_has_just_been_carried_out_is_not_garbage_however_old_it_is() {
    let mut plans: Vec<_> = (2..=6)
        .map(|created| plan(created, OTHER, None, Some(Reason::Superseded)))
        .collect();
    plans.push(decided(1, H, Decision::Approved));
    let settlement = settle(&plans, DONE, &[], at(100));
    assert!(
        settlement
            .marks
            .iter()
            .any(|(plan, reason)| plan.spec.hash == H && *reason == Reason::Spent)
    );
    assert!(settlement.garbage.iter().all(|plan| plan.spec.hash == OTHER));
}

#[test]
fn of_plans_of_one_second_the_one_that_is_over_now_is_among_the_last_three() {
    let mut plans: Vec<_> = (1..=4)
        .map(|_| plan(7, OTHER, None, Some(Reason::Superseded)))
        .collect();
    plans.push(open(7, OTHER));
    let settlement = settle(&plans, HELD, &[], at(100));
    assert_eq!(settlement.marks, [(&plans[4], Reason::Superseded)]);
    assert_eq!(settlement.garbage.len(), 2, "five are over, three stay");
}

#[test]
fn a_decision_on_a_plan_that_is_over_is_answered_once() {
    let over = |decision: Option<Decision>, reason, generation| {
        let mut plan = plan(1, H, decision, Some(reason));
        plan.metadata.generation = Some(generation);
        plan.status.as_mut().unwrap().conditions[0].observed_generation = Some(1);
        plan
    };
    let approved = Some(Decision::Approved);
    for reason in [Reason::Expired, Reason::Superseded, Reason::Spent] {
        let late = over(approved, reason, 2);
        assert_eq!(decided_too_late([&late]), [(&late, reason)]);
        assert_eq!(decided_too_late([&over(approved, reason, 1)]), [], "it was told of");
        assert_eq!(decided_too_late([&over(None, reason, 2)]), []);
    }
    assert_eq!(decided_too_late([&over(approved, Reason::AwaitingDecision, 2)]), []);
}

#[test]
fn a_decision_of_which_nothing_comes_has_an_event_of_its_own() {
    let late = |plan: &SyncPlan, judgement, now| {
        let settlement = settle([plan], judgement, &[], at(now));
        let (_, reason) = settlement.marks[0];
        late_notice(plan, reason, "").map(|notice| notice.reason)
    };
    let told = Some(Reason::DecidedTooLate);
    assert_eq!(late(&decided(1, H, Decision::Approved), HELD, 1000), told);
    assert_eq!(late(&decided(1, OTHER, Decision::Approved), HELD, 100), told);
    // Rejected while it was being carried out.
    assert_eq!(late(&decided(1, H, Decision::Rejected), DONE, 100), told);
    assert_eq!(late(&decided(1, H, Decision::Approved), DONE, 100), None);
    assert_eq!(late(&open(1, OTHER), HELD, 100), None);
}

#[test]
fn a_clock_that_is_set_back_an_hour_lets_a_plan_live_an_hour_longer_and_loses_nothing() {
    let waiting = open(5000, H);
    // The plan was created an hour from now.
    let settlement = settle([&waiting], HELD, &[], at(1));
    assert!(matches!(settlement.hold, Some(Hold::Existing { .. })));
    assert_eq!(settlement.marks, []);
    let approved_plan = decided(5000, H, Decision::Approved);
    assert_eq!(approved([&approved_plan], at(1)), Some(H));
}

#[test]
fn a_clock_that_is_set_forward_an_hour_expires_a_plan_and_never_approves_one() {
    let approved_plan = decided(1, H, Decision::Approved);
    assert_eq!(approved([&approved_plan], at(4600)), None);
    let settlement = settle([&approved_plan], HELD, &[], at(4600));
    assert_eq!(settlement.marks, [(&approved_plan, Reason::Expired)]);
    assert_eq!(settlement.hold, Some(Hold::New), "it is held anew");
}
