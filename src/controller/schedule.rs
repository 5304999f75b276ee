//! What to do with a connection now: a pure function of what is asked, what is known and the time.

use std::time::Duration;

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
    /// When the plan that is held can no longer be approved, and has to be worked out anew: at once, where it was deleted.
    pub hold_expires: Option<Timestamp>,
    /// `spec.interval`.
    pub interval: Duration,
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
    /// Whether they were waited for in vain, because nothing is done at the moment: the next change is a first one.
    pub resting: bool,
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
        if let Some(settling) = &mut self.settling {
            // A clock that was set back doesn't make them settle for an hour.
            settling.first = settling.first.min(now);
            settling.last = settling.last.min(now);
        }
        if self.mappings.as_ref() == Some(seen) {
            // Nothing has changed, or it was taken back.
            self.settling = None;
            return;
        }
        match &mut self.settling {
            Some(settling) if settling.seen == *seen => {}
            Some(settling) if !settling.resting => {
                settling.seen = seen.clone();
                settling.last = now;
            }
            _ => {
                self.settling = Some(Settling {
                    first: now,
                    last: now,
                    seen: seen.clone(),
                    resting: false,
                });
            }
        }
    }

    /// Nothing is done at the moment. However long that lasts, mappings that change later have all their time to settle.
    pub fn rest(&mut self) {
        if let Some(settling) = &mut self.settling {
            settling.resting = true;
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
        interval,
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
    // A hold that has run out, or that is gone, can't hurry a run that fails.
    let hold_expires = hold_expires.filter(|_| past.failures == 0 && past.stalled.is_none());
    // No wait is longer than this, so that a time beyond it was written by a clock that has been set back since.
    let longest = interval
        .max(timing.max_retry)
        .max(timing.stalled_retry)
        .saturating_mul(2);
    let due = past.next.filter(|next| *next <= after(now, longest)).unwrap_or(now);
    let due = hold_expires.map_or(due, |expires| due.min(expires));
    let look = past.stalled.map(|look| look.min(after(now, timing.stalled_look * 2)));
    match look {
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
mod tests;
