//! Each cause of a sync, and what keeps one from beginning.

use std::time::Duration;

use super::*;

const TIMING: Timing = Timing {
    settle: Duration::from_secs(10),
    first_retry: Duration::from_secs(10),
    max_retry: Duration::from_hours(1),
    stalled_look: Duration::from_mins(1),
    stalled_retry: Duration::from_hours(24),
    grace: Duration::from_secs(1),
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::of([text])
}

/// A connection that synced at second 0, is due at second 3600, and of which nothing is asked.
struct Case {
    now: i64,
    generation: i64,
    suspended: bool,
    mapped: bool,
    mappings: Digest,
    requested: Option<&'static str>,
    decided: bool,
    hold_expires: Option<i64>,
    running: Option<i64>,
    past: Past,
}

fn quiet() -> Case {
    Case {
        now: 100,
        generation: 3,
        suspended: false,
        mapped: true,
        mappings: digest("m"),
        requested: None,
        decided: false,
        hold_expires: None,
        running: None,
        past: Past {
            generation: Some(3),
            mappings: Some(digest("m")),
            next: Some(at(3600)),
            ran: true,
            ..Past::default()
        },
    }
}

impl Case {
    fn decide(&self) -> Decision {
        let mut past = self.past.clone();
        past.note_mappings(&self.mappings, at(self.now));
        self.decide_on(&past)
    }

    fn decide_on(&self, past: &Past) -> Decision {
        let situation = Situation {
            now: at(self.now),
            generation: self.generation,
            suspended: self.suspended,
            mapped: self.mapped,
            mappings: &self.mappings,
            requested: self.requested,
            decided: self.decided,
            hold_expires: self.hold_expires.map(at),
            interval: Duration::from_hours(1),
            running: self.running,
        };
        decide(&situation, past, &TIMING)
    }
}

#[test]
fn nothing_asked_waits_for_the_interval() {
    assert_eq!(quiet().decide(), Decision::WaitUntil(at(3600)));
    let due = Case { now: 3600, ..quiet() };
    assert_eq!(due.decide(), Decision::Run(Trigger::Interval));
}

#[test]
fn a_new_generation_runs_at_once() {
    let changed = Case {
        generation: 4,
        ..quiet()
    };
    assert_eq!(changed.decide(), Decision::Run(Trigger::Spec));
}

#[test]
fn a_new_request_runs_and_its_removal_does_not() {
    let mut case = Case {
        requested: Some("now"),
        ..quiet()
    };
    assert_eq!(case.decide(), Decision::Run(Trigger::Requested));
    case.past.requested = Some("now".into());
    assert_eq!(case.decide(), Decision::WaitUntil(at(3600)));
    case.requested = None;
    assert_eq!(case.decide(), Decision::WaitUntil(at(3600)));
}

#[test]
fn a_request_runs_even_while_stalled_or_backing_off() {
    for (failures, stalled) in [(5, None), (1, Some(at(160)))] {
        let past = Past {
            failures,
            stalled,
            ..quiet().past
        };
        let case = Case {
            requested: Some("now"),
            past,
            ..quiet()
        };
        assert_eq!(case.decide(), Decision::Run(Trigger::Requested));
    }
}

#[test]
fn a_decision_on_a_plan_runs() {
    let decided = Case {
        decided: true,
        ..quiet()
    };
    assert_eq!(decided.decide(), Decision::Run(Trigger::Decision));
}

#[test]
fn a_changed_mapping_settles_for_ten_seconds_after_the_last_change() {
    let mut case = Case {
        mappings: digest("n"),
        ..quiet()
    };
    let mut past = case.past.clone();
    past.note_mappings(&case.mappings, at(100));
    assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(110)));
    case.now = 105;
    case.mappings = digest("o");
    past.note_mappings(&case.mappings, at(105));
    assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(115)));
    case.now = 115;
    assert_eq!(case.decide_on(&past), Decision::Run(Trigger::Mapping));
}

#[test]
fn mappings_that_never_stop_changing_do_not_put_off_a_run_for_ever() {
    let mut past = quiet().past;
    for (round, second) in (100..160).step_by(5).enumerate() {
        let case = Case {
            now: second,
            mappings: digest(&format!("change {round}")),
            ..quiet()
        };
        past.note_mappings(&case.mappings, at(second));
        assert_ne!(case.decide_on(&past), Decision::Run(Trigger::Mapping), "{second}");
    }
    let case = Case {
        now: 160,
        mappings: past.settling.as_ref().unwrap().seen.clone(),
        ..quiet()
    };
    assert_eq!(case.decide_on(&past), Decision::Run(Trigger::Mapping));
}

#[test]
fn no_run_of_any_cause_begins_while_mappings_settle() {
    let mut case = Case {
        generation: 4,
        requested: Some("now"),
        mappings: digest("n"),
        ..quiet()
    };
    let mut past = case.past.clone();
    past.note_mappings(&case.mappings, at(100));
    assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(110)));
    case.now = 110;
    assert_eq!(case.decide_on(&past), Decision::Run(Trigger::Spec));
}

#[test]
fn a_change_that_is_taken_back_begins_no_run() {
    let mut past = quiet().past;
    past.note_mappings(&digest("n"), at(100));
    past.note_mappings(&digest("m"), at(102));
    let case = Case { now: 112, ..quiet() };
    assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(3600)));
}

#[test]
fn no_mapping_at_all_is_never_a_run() {
    let mut past = quiet().past;
    past.note_mappings(&digest("none"), at(100));
    let case = Case {
        now: 200,
        mapped: false,
        mappings: digest("none"),
        generation: 4,
        requested: Some("now"),
        ..quiet()
    };
    assert_eq!(case.decide_on(&past), Decision::NoMappings);
}

#[test]
fn suspended_is_never_a_run() {
    let case = Case {
        suspended: true,
        generation: 4,
        requested: Some("now"),
        now: 9999,
        ..quiet()
    };
    assert_eq!(case.decide(), Decision::Suspend);
}

#[test]
fn a_run_under_way_goes_on_unless_it_is_not_what_is_asked_any_more() {
    let running = |generation, suspended| Case {
        running: Some(3),
        generation,
        suspended,
        now: 9999,
        ..quiet()
    };
    assert_eq!(running(3, false).decide(), Decision::Await { stop: false });
    assert_eq!(running(4, false).decide(), Decision::Await { stop: true });
    assert_eq!(running(3, true).decide(), Decision::Await { stop: true });
}

#[test]
fn a_failed_run_is_tried_again_when_its_time_has_come() {
    let past = Past {
        failures: 2,
        next: Some(at(120)),
        ..quiet().past
    };
    let mut case = Case { past, ..quiet() };
    assert_eq!(case.decide(), Decision::WaitUntil(at(120)));
    case.now = 120;
    assert_eq!(case.decide(), Decision::Run(Trigger::Retry));
}

#[test]
fn a_stalled_connection_looks_at_its_documents_and_is_tried_once_a_day() {
    let past = Past {
        failures: 1,
        stalled: Some(at(160)),
        next: Some(at(86_400)),
        ..quiet().past
    };
    let mut case = Case { past, ..quiet() };
    assert_eq!(case.decide(), Decision::WaitUntil(at(160)));
    case.now = 160;
    assert_eq!(case.decide(), Decision::LookAtDocuments);
    case.now = 86_400;
    assert_eq!(case.decide(), Decision::Run(Trigger::Retry));
}

#[test]
fn after_a_restart_only_what_is_due_runs() {
    let past = Past {
        ran: false,
        ..quiet().past
    };
    let mut case = Case { past, ..quiet() };
    assert_eq!(case.decide(), Decision::WaitUntil(at(3600)));
    case.now = 4000;
    assert_eq!(case.decide(), Decision::Run(Trigger::Restart));
    case.past.next = None;
    case.now = 100;
    assert_eq!(case.decide(), Decision::Run(Trigger::Restart));
}

#[test]
fn a_hold_that_runs_out_is_worked_out_anew_but_not_while_runs_fail() {
    let mut case = Case {
        hold_expires: Some(500),
        ..quiet()
    };
    assert_eq!(case.decide(), Decision::WaitUntil(at(500)));
    case.now = 500;
    assert_eq!(case.decide(), Decision::Run(Trigger::Interval));
    case.past.failures = 1;
    assert_eq!(case.decide(), Decision::WaitUntil(at(3600)));
}

#[test]
fn mappings_that_come_back_one_by_one_after_a_rest_settle_as_if_it_were_the_first_time() {
    for suspended in [false, true] {
        let mut past = quiet().past;
        past.note_mappings(&digest("none"), at(100));
        past.rest();
        let mut case = Case {
            now: 400,
            mappings: digest("one of two"),
            ..quiet()
        };
        // While suspended, mappings change and nothing is done about it.
        if suspended {
            past.note_mappings(&case.mappings, at(400));
            past.rest();
        }
        past.note_mappings(&case.mappings, at(400));
        assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(410)), "{suspended}");
        case.now = 405;
        case.mappings = digest("both");
        past.note_mappings(&case.mappings, at(405));
        assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(415)), "{suspended}");
        case.now = 415;
        assert_eq!(case.decide_on(&past), Decision::Run(Trigger::Mapping), "{suspended}");
    }
}

const HOUR: i64 = 3600;

#[test]
fn a_clock_that_is_set_back_an_hour_puts_a_sync_off_for_that_hour_and_no_longer() {
    let mut case = quiet();
    case.past.next = Some(at(100 * HOUR));
    case.now = 98 * HOUR;
    assert_eq!(case.decide(), Decision::WaitUntil(at(100 * HOUR)));
    case.now = 100 * HOUR;
    assert_eq!(case.decide(), Decision::Run(Trigger::Interval));
}

#[test]
fn a_clock_that_was_years_ahead_stalls_nothing() {
    let mut case = quiet();
    case.past.next = Some(at(10_000 * HOUR));
    case.now = 100 * HOUR;
    assert_eq!(case.decide(), Decision::Run(Trigger::Interval));
}

#[test]
fn a_clock_that_is_set_forward_an_hour_begins_one_sync_and_no_second() {
    let mut case = quiet();
    case.now = 3600 + HOUR;
    assert_eq!(case.decide(), Decision::Run(Trigger::Interval));
    // As after that run.
    case.past.next = Some(at(3600 + 2 * HOUR));
    assert_eq!(case.decide(), Decision::WaitUntil(at(3600 + 2 * HOUR)));
}

#[test]
fn mappings_settle_in_ten_seconds_although_the_clock_was_set_back_an_hour_meanwhile() {
    let mut past = quiet().past;
    past.note_mappings(&digest("n"), at(2 * HOUR));
    let case = Case {
        now: HOUR,
        mappings: digest("n"),
        ..quiet()
    };
    past.note_mappings(&case.mappings, at(HOUR));
    assert_eq!(case.decide_on(&past), Decision::WaitUntil(at(HOUR + 10)));
}

#[test]
fn a_stalled_connection_is_looked_at_within_minutes_although_the_clock_was_set_back_an_hour() {
    let mut case = quiet();
    case.now = HOUR;
    case.past.next = Some(at(25 * HOUR));
    case.past.failures = 1;
    case.past.stalled = Some(at(2 * HOUR));
    assert_eq!(case.decide(), Decision::WaitUntil(at(HOUR + 120)));
}

#[test]
fn a_hold_that_has_run_out_by_a_clock_set_forward_is_worked_out_anew_once() {
    let mut case = Case {
        hold_expires: Some(100 + HOUR),
        ..quiet()
    };
    case.past.next = Some(at(40 * HOUR));
    case.now = 100 + 2 * HOUR;
    assert_eq!(case.decide(), Decision::Run(Trigger::Interval));
    // The plan that is held then runs out later.
    case.hold_expires = Some(100 + 30 * HOUR);
    assert_eq!(case.decide(), Decision::WaitUntil(at(100 + 30 * HOUR)));
}

#[test]
fn a_connection_in_quarantine_is_tried_once_an_hour_early_or_late_where_the_clock_jumps_by_that() {
    let day = 24 * HOUR;
    let quarantined = |now: i64| {
        let mut case = quiet();
        case.past.failures = 15;
        case.past.next = Some(at(now + day));
        case
    };
    // Set forward: at its time by the new clock, and then a day later.
    let mut case = quarantined(0);
    case.now = day;
    assert_eq!(case.decide(), Decision::Run(Trigger::Retry));
    case.past.next = Some(at(2 * day));
    assert_eq!(case.decide(), Decision::WaitUntil(at(2 * day)));
    // Set back: an hour later than it would have been, and it counts as what it is.
    let mut case = quarantined(HOUR);
    case.now = 0;
    assert_eq!(case.decide(), Decision::WaitUntil(at(day + HOUR)));
    case.now = day + HOUR;
    assert_eq!(case.decide(), Decision::Run(Trigger::Retry));
}
