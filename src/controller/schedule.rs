//! What to do with a connection now: a pure function of what is asked, what is known and the time.

use jiff::Timestamp;

use super::{
    backoff::{Timing, after},
    digest::Digest,
};
use crate::api::status::Trigger;

/// What is asked of a connection, and what is so at the moment.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Now.
    pub now: Timestamp,
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Whether any mapping names the connection.
    pub mapped: bool,
    /// What the mappings say, see [`super::view::View::mappings_digest`].
    pub mappings: &'a Digest,
    /// The value of the annotation that asks for a sync.
    pub requested: Option<&'a str>,
    /// Whether a held plan was decided and no run has taken notice of it.
    pub decided: bool,
    /// When the plan that is held can no longer be approved, and has to be worked out anew.
    pub hold_expires: Option<Timestamp>,
    /// The generation with which a run is under way.
    pub running: Option<i64>,
}

/// What was done before, as far as it decides what comes next.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The generation that the last run had.
    pub generation: Option<i64>,
    /// The request that the last run answered.
    pub requested: Option<String>,
    /// What the mappings said to the last run.
    pub mappings: Option<Digest>,
    /// Mappings that say something else since then.
    pub settling: Option<Settling>,
    /// When the next run is due.
    pub next: Option<Timestamp>,
    /// How many runs have failed since the last that didn't.
    pub failures: u32,
    /// When to look at Secrets and `ConfigMap`s again, while a person must act.
    pub stalled: Option<Timestamp>,
    /// Whether there was a run since the operator started.
    pub ran: bool,
}

/// Mappings that have changed and may go on changing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// When the first change was seen.
    pub first: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
    /// What they say now.
    pub seen: Digest,
}

impl Settling {
    /// When a run may begin: a while after the last change, but not for ever after the first.
    fn until(&self, timing: &Timing) -> Timestamp {
        after(self.last, timing.settle).min(after(self.first, timing.settle * 6))
    }
}

impl Past {
    /// Takes notice of what the mappings say now.
    pub fn note_mappings(&mut self, seen: &Digest, now: Timestamp) {
        if self.mappings.as_ref() == Some(seen) {
            // Nothing has changed, or it was taken back.
            self.settling = None;
            return;
        }
        match &mut self.settling {
            Some(settling) if settling.seen == *seen => {}
            Some(settling) => {
                settling.seen = seen.clone();
                settling.last = now;
            }
            None => {
                self.settling = Some(Settling {
                    first: now,
                    last: now,
                    seen: seen.clone(),
                });
            }
        }
    }

    /// When mappings will have settled; `None` where they have.
    pub fn settles(&self, now: Timestamp, timing: &Timing) -> Option<Timestamp> {
        let until = self.settling.as_ref()?.until(timing);
        (now < until).then_some(until)
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing, while `spec.suspend` is true.
    Suspend,
    /// Nothing, while no mapping names the connection.
    NoMappings,
    /// Nothing until the run under way has ended.
    Await {
        /// It has to stop, because it isn't what is asked any more.
        stop: bool,
    },
    /// A run begins.
    Run(Trigger),
    /// Secrets and `ConfigMap`s are looked at; a change of one begins a run.
    LookAtDocuments,
    /// Nothing until then.
    WaitUntil(Timestamp),
}

/// Decides.
pub fn decide(situation: &Situation<'_>, past: &Past, timing: &Timing) -> Decision {
    let Situation {
        now,
        generation,
        suspended,
        mapped,
        mappings,
        requested,
        decided,
        hold_expires,
        running,
    } = *situation;
    if let Some(running) = running {
        return Decision::Await {
            stop: suspended || running != generation,
        };
    }
    if suspended {
        return Decision::Suspend;
    }
    if let Some(until) = past.settles(now, timing) {
        return Decision::WaitUntil(until);
    }
    if !mapped {
        return Decision::NoMappings;
    }
    if past.generation != Some(generation) {
        return Decision::Run(Trigger::Spec);
    }
    if requested.is_some() && requested != past.requested.as_deref() {
        return Decision::Run(Trigger::Requested);
    }
    if decided {
        return Decision::Run(Trigger::Decision);
    }
    if past.mappings.as_ref() != Some(mappings) {
        return Decision::Run(Trigger::Mapping);
    }
    // A hold that has run out can't hurry a run that fails.
    let hold_expires = hold_expires.filter(|_| past.failures == 0 && past.stalled.is_none());
    let due = past.next.unwrap_or(now);
    let due = hold_expires.map_or(due, |expires| due.min(expires));
    match past.stalled {
        _ if now >= due => Decision::Run(if past.failures > 0 || past.stalled.is_some() {
            Trigger::Retry
        } else if past.ran {
            Trigger::Interval
        } else {
            Trigger::Restart
        }),
        Some(look) if now >= look => Decision::LookAtDocuments,
        Some(look) => Decision::WaitUntil(due.min(look)),
        None => Decision::WaitUntil(due),
    }
}

#[cfg(test)]
mod tests {
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
}
