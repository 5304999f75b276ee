//! The one table of condition types and reasons: for status, events, failures of single objects and the `reason` label of
//! metrics. `docs/reference/conditions.md` is generated from it.
//!
//! Types follow kstatus: `Ready` is computed from the outcome of a run; `Reconciling` and `Stalled` are there only while True;
//! a hold caused by people leaves `Ready` True, so that it never fails a rollout. The reason of an event is the reason of the
//! condition that it announces.

mod from;
mod page;
mod reason;
mod update;

pub use page::render;
pub use reason::{REASONS, Reason, ReasonRow};
#[cfg(test)]
pub use update::max_message;
pub use update::{MAX_HELD_MESSAGE, find, remove, set};

/// The types of condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The object does what its spec says.
    Ready,
    /// A plan waits for a decision.
    Held,
    /// The last read saw the whole directory.
    DirectoryComplete,
    /// The operator is at work on a new generation, or tries again after a failure.
    Reconciling,
    /// A person must act before anything goes on.
    Stalled,
    /// Every group that the mapping names was found, once.
    GroupFound,
    /// Another mapping of equal priority gives the same people another role.
    Conflicted,
    /// The plan has been carried out.
    Applied,
}

/// The values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It is so.
    True,
    /// It isn't.
    False,
    /// It can't be told yet.
    Unknown,
}

/// How a condition is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// True is what one wants.
    Positive,
    /// True means that somebody should look.
    Negative,
    /// True means that somebody should look, and it is there only while True.
    WhileTrue,
}

/// The kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Good to know.
    Normal,
    /// Somebody should look.
    Warning,
}

/// Where a reason stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a condition of this type and status.
    On(ConditionType, Status),
    /// In `status.failures`, and in the reports and metrics of single objects.
    Failure,
}

/// One line of the table of types.
#[derive(Clone, Copy, Debug)]
pub struct TypeRow {
    /// The type.
    pub condition: ConditionType,
    /// The kinds that have it.
    pub kinds: &'static [&'static str],
    /// How it is to be read.
    pub polarity: Polarity,
    /// What it tells, in a sentence.
    pub meaning: &'static str,
}

/// Every type of condition.
pub const TYPES: &[TypeRow] = &[
    TypeRow {
        condition: ConditionType::Ready,
        kinds: &["DirectoryConnection", "GroupMapping"],
        polarity: Polarity::Positive,
        meaning: "The object does what its spec says. A held plan and failures of single people leave it True.",
    },
    TypeRow {
        condition: ConditionType::Held,
        kinds: &["DirectoryConnection"],
        polarity: Polarity::Negative,
        meaning: "A plan takes away more than the limits allow and waits, as the SyncPlan in status.heldPlan, for a decision. \
                  Until then nothing is written.",
    },
    TypeRow {
        condition: ConditionType::DirectoryComplete,
        kinds: &["DirectoryConnection"],
        polarity: Polarity::Positive,
        meaning: "The last read saw all users and groups that matter. While it is False, people are added and updated, and \
                  nobody is removed.",
    },
    TypeRow {
        condition: ConditionType::Reconciling,
        kinds: &["DirectoryConnection"],
        polarity: Polarity::WhileTrue,
        meaning: "The operator is at work on a new generation, or tries again after a failure.",
    },
    TypeRow {
        condition: ConditionType::Stalled,
        kinds: &["DirectoryConnection", "GroupMapping"],
        polarity: Polarity::WhileTrue,
        meaning: "A person must act. Of a connection, the operator tries again when the spec or a Secret changes, when a sync is \
                  requested, and once a day; every sync of its connection looks at a mapping again.",
    },
    TypeRow {
        condition: ConditionType::GroupFound,
        kinds: &["GroupMapping"],
        polarity: Polarity::Positive,
        meaning: "Every group that the mapping names was found, once. While it is False, the mapping's removals wait.",
    },
    TypeRow {
        condition: ConditionType::Conflicted,
        kinds: &["GroupMapping"],
        polarity: Polarity::Negative,
        meaning: "Another mapping of equal priority gives some of the same people another role. Their roles stay as they are.",
    },
    TypeRow {
        condition: ConditionType::Applied,
        kinds: &["SyncPlan"],
        polarity: Polarity::Positive,
        meaning: "The plan has been carried out. While it is False, its reason says what it waits for, or why it never will be.",
    },
];

impl ConditionType {
    /// The type as it stands in the object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Held => "Held",
            Self::DirectoryComplete => "DirectoryComplete",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::GroupFound => "GroupFound",
            Self::Conflicted => "Conflicted",
            Self::Applied => "Applied",
        }
    }
}

impl Status {
    /// The status as it stands in the object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}
