//! What the operator tells of a connection.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{
    schema,
    status::{DirectoryCounts, Failure, HeldPlan, LastHandled, PlatformCounts, SyncSummary, is_default},
};

/// What the operator last saw and did. Under 16 KiB whatever the directory's size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryConnectionStatus {
    /// The metadata.generation that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The value of the annotation directory-sync.io/requestedAt that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// The mark in use: spec.ownerID, or NAMESPACE/NAME.
    #[serde(rename = "ownerID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub owner_id: Option<String>,
    /// The kind of directory: ldap, scim or file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub provider: Option<String>,
    /// Ready, Held and DirectoryComplete always; Reconciling and Stalled only while they are True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What the last complete read found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryCounts>,
    /// What is managed on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformCounts>,
    /// The last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync: Option<SyncSummary>,
    /// The plan that waits for a decision, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_plan: Option<HeldPlan>,
    /// What failed in the last run, at most 20; logs and metrics have all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "atomic"))]
    pub failures: Vec<Failure>,
    /// The last runs that changed or failed something, newest first, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub history: Vec<SyncSummary>,
    /// When the next sync is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub next_sync_time: Option<Time>,
    /// How many syncs in a row have failed or saw only a part of the directory. With each one the wait for the next grows, up
    /// to a day. 0, and left out, after one that came to its end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub consecutive_failures: i32,
    /// What the operator compares with after a restart of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled: Option<LastHandled>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        condition::{ConditionType, REASONS, Status, set},
        status::{
            HandledLimits, HandledSight, MAX_FAILURES, MAX_HISTORY, MembershipCounts, ObjectType, Outcome, Removals,
            RoleCounts, TeamCounts, Trigger, UserCounts,
        },
    };

    #[test]
    #[allow(clippy::too_many_lines, reason = "the whole status, once")]
    fn a_status_stays_under_16_kib_whatever_it_holds() {
        let now = Time(jiff::Timestamp::from_second(2_000_000_000).unwrap());
        let (long, many) = ("é".repeat(2000), 999_999_999);
        let memberships = MembershipCounts {
            added: many,
            removed: many,
            failed: many,
        };
        let run = SyncSummary {
            id: "0123456789abcdef".into(),
            trigger: Trigger::Requested,
            outcome: Outcome::PartlyFailed,
            start_time: now.clone(),
            completion_time: now.clone(),
            users: UserCounts {
                created: many,
                adopted: many,
                updated: many,
                activated: many,
                deactivated: many,
                deleted: many,
                failed: many,
            },
            teams: TeamCounts {
                created: many,
                updated: many,
                failed: many,
            },
            memberships: memberships.clone(),
            roles: RoleCounts {
                changed: many,
                failed: many,
            },
            inboxes: memberships,
        };
        let reason = REASONS
            .iter()
            .map(|row| row.reason)
            .max_by_key(|reason| reason.as_str().len())
            .unwrap();
        let mut conditions = Vec::new();
        for row in REASONS.iter().filter(|row| row.event.is_some()) {
            for place in row.places {
                if let crate::api::condition::Place::On(condition, status @ (Status::True | Status::False)) = place
                    && !matches!(
                        condition,
                        // What stalls isn't tried again, so it is either the one or the other.
                        ConditionType::GroupFound
                            | ConditionType::Conflicted
                            | ConditionType::Applied
                            | ConditionType::Reconciling
                    )
                {
                    set(
                        &mut conditions,
                        (*condition, *status, row.reason),
                        &long,
                        Some(many),
                        &now,
                    );
                }
            }
        }
        let status = DirectoryConnectionStatus {
            observed_generation: Some(many),
            last_handled_reconcile_at: Some("x".repeat(256)),
            owner_id: Some("x".repeat(128)),
            provider: Some("ldap".into()),
            conditions,
            directory: Some(DirectoryCounts {
                users: many,
                groups: many,
            }),
            platform: Some(PlatformCounts {
                users: many,
                teams: many,
                inboxes: many,
            }),
            last_sync: Some(run.clone()),
            held_plan: Some(HeldPlan {
                name: "x".repeat(80),
                hash: "x".repeat(64),
                hold_time: now.clone(),
                expire_time: now.clone(),
                removals: Removals {
                    users: many,
                    deletions: many,
                    memberships: many,
                    roles: many,
                    inboxes: many,
                },
            }),
            failures: vec![Failure::new(ObjectType::Membership, &long, reason, &long); MAX_FAILURES],
            history: vec![run; MAX_HISTORY],
            next_sync_time: Some(now),
            consecutive_failures: i32::MAX,
            last_handled: Some(LastHandled {
                mappings: "x".repeat(17),
                documents: "x".repeat(17),
                limits: Some(HandledLimits {
                    max_percent: i32::MAX,
                    min_population: i32::MAX,
                    max_count: Some(i32::MAX),
                }),
                protect: "x".repeat(17),
                mapping_removals: "x".repeat(17),
                groups: "x".repeat(17),
                // More than a read can hold.
                seen: Some(HandledSight {
                    users: i64::from(u32::MAX),
                    groups: i64::from(u32::MAX),
                    grouped: i64::from(u32::MAX),
                    strangers: i64::from(u32::MAX),
                    attributes: i64::from(u32::MAX),
                }),
            }),
        };
        let size = serde_json::to_string(&status).unwrap().len();
        assert!(size < 16 * 1024, "{size} bytes");
    }
}
