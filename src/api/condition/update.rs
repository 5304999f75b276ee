//! Setting and removing conditions in a status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{ConditionType, Place, Reason, Status};
use crate::api::status::cut;

/// The most bytes of a condition's message, so that a status stays small.
const MAX_MESSAGE: usize = 360;

/// The most bytes where a plan waits: its name and what to type are in it.
pub const MAX_HELD_MESSAGE: usize = 720;

/// Sets a condition. `lastTransitionTime` moves only when the status changes; a long message is cut.
pub fn set(
    conditions: &mut Vec<Condition>,
    (condition, status, reason): (ConditionType, Status, Reason),
    message: &str,
    observed_generation: Option<i64>,
    now: &Time,
) {
    debug_assert!(
        reason.row().places.contains(&Place::On(condition, status)),
        "{reason:?} is no reason for {condition:?}={status:?}: see the table"
    );
    let old = conditions.iter_mut().find(|old| old.type_ == condition.as_str());
    let last_transition_time = match &old {
        Some(old) if old.status == status.as_str() => old.last_transition_time.clone(),
        _ => now.clone(),
    };
    let new = Condition {
        last_transition_time,
        message: cut(message, max_message(condition)),
        observed_generation,
        reason: reason.as_str().to_owned(),
        status: status.as_str().to_owned(),
        type_: condition.as_str().to_owned(),
    };
    match old {
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

/// The most bytes of the message of a condition of this type.
pub const fn max_message(condition: ConditionType) -> usize {
    match condition {
        ConditionType::Held | ConditionType::Applied => MAX_HELD_MESSAGE,
        _ => MAX_MESSAGE,
    }
}

/// Removes a condition, as `Reconciling` and `Stalled` are once they aren't True any more.
pub fn remove(conditions: &mut Vec<Condition>, condition: ConditionType) {
    conditions.retain(|old| old.type_ != condition.as_str());
}

/// The condition of that type.
pub fn find(conditions: &[Condition], condition: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|old| old.type_ == condition.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time(jiff::Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let mut conditions = Vec::new();
        set(
            &mut conditions,
            (ConditionType::Ready, Status::True, Reason::Synced),
            "a",
            Some(1),
            &at(1),
        );
        set(
            &mut conditions,
            (ConditionType::Ready, Status::True, Reason::Observed),
            "b",
            Some(2),
            &at(2),
        );
        let ready = find(&conditions, ConditionType::Ready).unwrap();
        assert_eq!(
            (
                ready.last_transition_time.clone(),
                ready.reason.as_str(),
                ready.message.as_str()
            ),
            (at(1), "Observed", "b")
        );
        set(
            &mut conditions,
            (ConditionType::Ready, Status::False, Reason::Timeout),
            "c",
            Some(2),
            &at(3),
        );
        assert_eq!(
            find(&conditions, ConditionType::Ready).unwrap().last_transition_time,
            at(3)
        );
        assert_eq!(conditions.len(), 1);
        remove(&mut conditions, ConditionType::Ready);
        assert!(conditions.is_empty());
    }

    #[test]
    #[should_panic(expected = "see the table")]
    fn a_reason_that_the_table_does_not_have_for_a_condition_is_a_mistake() {
        set(
            &mut Vec::new(),
            (ConditionType::Held, Status::True, Reason::Synced),
            "",
            None,
            &at(1),
        );
    }
}
