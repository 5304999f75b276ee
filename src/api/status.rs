//! What the status of several kinds has in common: counts of runs, held plans, failures of single objects.
//!
//! Text in a status is cut to a fixed number of bytes, and lists to a fixed number of items, so that a status stays under
//! 16 KiB whatever the directory's size. Nothing here names an address or a person: directory ids only.

use directory_sync_model::{attribute::AttributeSet, desired, snapshot::Seen};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    condition::{Reason, ReasonRow},
    schema,
};

/// The most failures that a status lists.
pub const MAX_FAILURES: usize = 20;
/// The most runs that a status remembers.
pub const MAX_HISTORY: usize = 10;
/// The most bytes of a failure's message.
const MAX_FAILURE_MESSAGE: usize = 160;
/// The most bytes of an id in a status.
pub const MAX_ID: usize = 64;

/// The kinds of thing that a sync writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ObjectType {
    /// A user of the platform.
    User,
    /// A team.
    Team,
    /// A user's membership of a team.
    Membership,
    /// A user's role.
    Role,
    /// A user's membership of an inbox.
    Inbox,
    /// A group of the directory.
    Group,
}

/// What was counted in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryCounts {
    /// People read from the directory.
    pub users: i64,
    /// Groups read from the directory.
    pub groups: i64,
}

/// What is managed on the platform, after the last sync; not what else it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformCounts {
    /// Active users that this connection manages.
    pub users: i64,
    /// Teams of the platform that its mappings put people into.
    pub teams: i64,
    /// Inboxes of the platform that its mappings put people into.
    pub inboxes: i64,
}

/// Why a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Trigger {
    /// The interval was over.
    Interval,
    /// The connection is new or its spec changed.
    Spec,
    /// A mapping came, changed or went.
    Mapping,
    /// The annotation `directory-sync.io/requestedAt` changed.
    Requested,
    /// The last run failed.
    Retry,
    /// A held plan was decided.
    Decision,
    /// The operator started with a run still due.
    Restart,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Outcome {
    /// Everything that was to change has been changed.
    Synced,
    /// Nothing was to change.
    Unchanged,
    /// Changes were computed and, in Observe mode, not written.
    Observed,
    /// Nothing was written: the plan waits for a decision.
    Held,
    /// Everything else was done; some objects failed, see failures.
    PartlyFailed,
    /// The run ended early, on a failure of its own.
    Failed,
    /// The run was stopped: suspended, deleted, changed or shut down in the middle.
    Stopped,
}

/// What a run did to users. Zeros are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserCounts {
    /// Users created.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub created: i64,
    /// Users that were there before and became managed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub adopted: i64,
    /// Users updated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub updated: i64,
    /// Users activated again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub activated: i64,
    /// Users deactivated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deactivated: i64,
    /// Users deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deleted: i64,
    /// Users that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: i64,
}

/// What a run did to teams. Zeros are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TeamCounts {
    /// Teams created.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub created: i64,
    /// Teams renamed, or told which group made them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub updated: i64,
    /// Teams that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: i64,
}

/// What a run did to memberships of teams or inboxes. Zeros are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MembershipCounts {
    /// Memberships added, or taken over from another connection.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub added: i64,
    /// Memberships removed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: i64,
    /// Memberships that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: i64,
}

/// What a run did to roles. Zeros are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleCounts {
    /// Roles of existing users changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub changed: i64,
    /// Roles that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: i64,
}

/// One run of the pipeline. In Observe mode the counts say what would have been done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncSummary {
    /// Id of the run, as in logs.
    #[schemars(length(max = 64))]
    pub id: String,
    /// Why the run began: Interval, Spec, Mapping, Requested, Retry, Decision or Restart.
    pub trigger: Trigger,
    /// How the run ended: Synced, Unchanged, Observed, Held, PartlyFailed, Failed or Stopped.
    pub outcome: Outcome,
    /// When the run began.
    #[schemars(schema_with = "schema::time")]
    pub start_time: Time,
    /// When the run ended.
    #[schemars(schema_with = "schema::time")]
    pub completion_time: Time,
    /// What was done to users.
    #[serde(default, skip_serializing_if = "is_default")]
    pub users: UserCounts,
    /// What was done to teams.
    #[serde(default, skip_serializing_if = "is_default")]
    pub teams: TeamCounts,
    /// What was done to memberships of teams.
    #[serde(default, skip_serializing_if = "is_default")]
    pub memberships: MembershipCounts,
    /// What was done to roles.
    #[serde(default, skip_serializing_if = "is_default")]
    pub roles: RoleCounts,
    /// What was done to memberships of inboxes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inboxes: MembershipCounts,
}

/// What a plan would take away, by kind. Zeros are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removals {
    /// Users to be deactivated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub users: i64,
    /// Users to be deleted, whom an earlier sync deactivated.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deletions: i64,
    /// Team memberships to be removed; those of users to be deactivated aren't counted again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub memberships: i64,
    /// Roles of existing users to be changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub roles: i64,
    /// Inbox memberships to be removed; those of users to be deactivated aren't counted again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inboxes: i64,
}

impl Removals {
    /// All of them together.
    pub fn total(self) -> i64 {
        let Self {
            users,
            deletions,
            memberships,
            roles,
            inboxes,
        } = self;
        users + deletions + memberships + roles + inboxes
    }
}

/// The plan that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldPlan {
    /// Name of the SyncPlan to decide.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Hash of the plan's removals.
    #[schemars(length(max = 64))]
    pub hash: String,
    /// When the plan was first held.
    #[schemars(schema_with = "schema::time")]
    pub hold_time: Time,
    /// When the plan can no longer be approved.
    #[schemars(schema_with = "schema::time")]
    pub expire_time: Time,
    /// What the plan would take away.
    #[serde(default)]
    pub removals: Removals,
}

/// What to type to look at a held plan and to decide it, with its names filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionCommands {
    /// Shows the plan: what it would take away, and whom up to 200 of its removals are about.
    #[schemars(length(max = 400))]
    pub inspect: String,
    /// Approves the plan, in your own name.
    #[schemars(length(max = 400))]
    pub approve: String,
    /// Rejects the plan, in your own name.
    #[schemars(length(max = 400))]
    pub reject: String,
}

impl DecisionCommands {
    /// The most bytes of a command.
    pub const MAX: usize = 400;
}

/// What the last runs were about, so that nothing is forgotten when the operator restarts. Digests are the letter x
/// and the first 16 digits of a SHA-256: they tell that something changed, not what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastHandled {
    /// Digest of the mappings that the last run worked with; another one begins a run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 17))]
    pub mappings: String,
    /// Digest of the versions of the Secrets and ConfigMaps that the last run read; while stalled, another one begins a run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 17))]
    pub documents: String,
    /// The limits that the last plan was judged by. The first plan of a new generation is judged by the stricter of these and
    /// those of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<HandledLimits>,
    /// Digest of spec.protect at that time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 17))]
    pub protect: String,
    /// Digest of the removals of mappings at that time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 17))]
    pub mapping_removals: String,
    /// Digest of the groups that mappings named in the last plan that wasn't held. What a mapping that is gone since would
    /// deactivate is held.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 17))]
    pub groups: String,
    /// What the read of the last plan that passed saw. A later read that sees less, while groups still name who is missing,
    /// holds its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<HandledSight>,
}

/// What a read of the directory saw, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandledSight {
    /// Number of people.
    pub users: i64,
    /// Number of groups.
    pub groups: i64,
    /// Number of people who are in a group.
    pub grouped: i64,
    /// Number of names of members that are nobody's.
    pub strangers: i64,
    /// Attributes that many people have: one bit for each, in the order of docs/reference/attributes.md.
    pub attributes: i64,
}

impl HandledSight {
    /// Writes down what a read saw.
    pub fn store(seen: &Seen) -> Self {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            users: number(seen.users),
            groups: number(seen.groups),
            grouped: number(seen.grouped),
            strangers: number(seen.strangers),
            attributes: i64::from(seen.common.bits()),
        }
    }

    /// What was written down. Which attributes few people had isn't known any more, and doesn't matter.
    pub fn recall(&self) -> Seen {
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        Seen {
            users: number(self.users),
            groups: number(self.groups),
            grouped: number(self.grouped),
            strangers: number(self.strangers),
            common: AttributeSet::from_bits(u32::try_from(self.attributes).unwrap_or(0)),
            present: AttributeSet::EMPTY,
        }
    }
}

/// Limits of removals, as in spec.removals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandledLimits {
    /// Most removals of each kind, in percent.
    pub max_percent: i32,
    /// Number that maxPercent is taken of at least.
    pub min_population: i32,
    /// Most removals of each kind, as a number. Unset: no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_count: Option<i32>,
}

/// One object that failed in the last run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// What failed: User, Team, Membership, Role, Inbox or Group.
    pub kind: ObjectType,
    /// Its id in the directory, or on the platform for what isn't from the directory.
    #[schemars(length(max = 128))]
    pub id: String,
    /// One word for why, see docs/reference/conditions.md.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, and what to do.
    #[schemars(length(max = 256))]
    pub message: String,
}

impl Failure {
    /// A failure as a status may tell it: what is wrong, and what to do. The pipeline's own message is left out, for it may hold
    /// names and addresses; where it names the owner of a mark and nobody else, it is told.
    pub fn of(failure: &desired::Failure) -> Self {
        let reason = Reason::from(failure.reason);
        let ReasonRow { meaning, action, .. } = reason.row();
        let message = match failure.reason {
            desired::FailureReason::ManagedElsewhere => format!("{}. {action}", failure.message),
            _ => format!("{meaning} {action}"),
        };
        Self::new(failure.kind.into(), &failure.id, reason, &message)
    }

    /// A failure that fits into a status: long texts are cut.
    pub fn new(kind: ObjectType, id: &str, reason: Reason, message: &str) -> Self {
        Self {
            kind,
            id: cut(id, MAX_ID),
            reason: reason.as_str().to_owned(),
            message: cut(message, MAX_FAILURE_MESSAGE),
        }
    }
}

impl From<desired::FailureKind> for ObjectType {
    fn from(kind: desired::FailureKind) -> Self {
        match kind {
            desired::FailureKind::User => Self::User,
            desired::FailureKind::Group => Self::Group,
            desired::FailureKind::Team => Self::Team,
            desired::FailureKind::Inbox => Self::Inbox,
            desired::FailureKind::Membership => Self::Membership,
            desired::FailureKind::Role => Self::Role,
        }
    }
}

/// The text, or its beginning and `…`, in at most `max` bytes; control characters become spaces.
pub fn cut(text: &str, max: usize) -> String {
    const ELLIPSIS: char = '…';
    let clean = |text: &str| {
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
    };
    if text.len() <= max {
        return clean(text);
    }
    let end = text.floor_char_boundary(max.saturating_sub(ELLIPSIS.len_utf8()));
    let mut short = clean(&text[..end]);
    short.push(ELLIPSIS);
    short
}

// Serde passes a reference.
#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// Whether a field holds nothing but its default, and is left out.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::condition::{Place, REASONS};

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd\n", 5), "abcd ");
        assert_eq!(cut("äöüäöü", 8), "äö…");
        assert!(cut(&"x".repeat(500), 160).len() <= 160);
    }

    #[test]
    fn a_failure_in_a_status_names_nobody() {
        let failure = desired::Failure {
            kind: desired::FailureKind::User,
            id: "1001".into(),
            reason: desired::FailureReason::DuplicateEmail,
            message: "ann@acme.test is also the address of Ann Archer".into(),
        };
        let told = serde_json::to_string(&Failure::of(&failure)).unwrap();
        assert!(
            told.contains("1001") && !told.contains("acme.test") && !told.contains("Archer"),
            "{told}"
        );
    }

    #[test]
    fn a_failure_in_a_status_says_what_to_do() {
        for row in REASONS.iter().filter(|row| row.places.contains(&Place::Failure)) {
            let whole = row.meaning.len() + " ".len() + row.action.len();
            assert!(whole <= MAX_FAILURE_MESSAGE, "{:?} would be cut", row.reason);
        }
        let failure = desired::Failure {
            kind: desired::FailureKind::User,
            id: "1001".into(),
            reason: desired::FailureReason::InvalidEmail,
            message: "mail: ann@ has no domain".into(),
        };
        let message = Failure::of(&failure).message;
        assert!(message.ends_with(Reason::InvalidEmail.row().action), "{message}");
    }

    #[test]
    fn who_is_managed_elsewhere_is_told_with_the_owner_of_the_mark_and_what_to_do() {
        let failure = desired::Failure {
            kind: desired::FailureKind::User,
            id: "1001".into(),
            reason: desired::FailureReason::ManagedElsewhere,
            message: "the platform's user is managed by \"eu1/globex\", which keeps him".into(),
        };
        let message = Failure::of(&failure).message;
        assert!(message.contains("eu1/globex"), "{message}");
        assert!(message.ends_with(Reason::ManagedElsewhere.row().action), "{message}");
    }

    #[test]
    fn counts_of_zero_are_left_out() {
        assert_eq!(
            serde_json::to_value(UserCounts {
                created: 1,
                ..Default::default()
            })
            .unwrap(),
            serde_json::json!({ "created": 1 })
        );
    }
}
