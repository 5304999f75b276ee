//! What kubectl shows: statuses, columns, selections, explanations.

use directory_sync::api::{
    DirectoryConnectionStatus, GroupMappingStatus, SyncPlanStatus,
    condition::{ConditionType, Reason, Status, set},
    mapping::{MatchedCounts, MatchedGroup},
    plan::RemovalSample,
    status::{
        DecisionCommands, DirectoryCounts, Failure, HeldPlan, MembershipCounts, ObjectType, Outcome, PlatformCounts,
        Removals, RoleCounts, SyncSummary, TeamCounts, Trigger, UserCounts,
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{dynamic, named, object, raw, server_with_kinds, smallest};
use crate::support::apiserver::Namespace;

fn time(second: i64) -> Time {
    Time(jiff::Timestamp::from_second(second).unwrap())
}

fn conditions(wanted: &[(ConditionType, Status, Reason)]) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for wanted in wanted {
        set(&mut conditions, *wanted, "because", Some(1), &time(1_700_000_000));
    }
    conditions
}

fn run() -> SyncSummary {
    SyncSummary {
        id: "r1".into(),
        trigger: Trigger::Spec,
        outcome: Outcome::Held,
        start_time: time(1_700_000_000),
        completion_time: time(1_700_000_060),
        users: UserCounts {
            created: 3,
            adopted: 1,
            updated: 2,
            activated: 1,
            deactivated: 4,
            deleted: 2,
            failed: 1,
        },
        teams: TeamCounts {
            created: 1,
            updated: 1,
            failed: 1,
        },
        memberships: MembershipCounts {
            added: 5,
            removed: 6,
            failed: 1,
        },
        roles: RoleCounts { changed: 1, failed: 1 },
        inboxes: MembershipCounts {
            added: 1,
            removed: 1,
            failed: 1,
        },
    }
}

fn connection_status() -> DirectoryConnectionStatus {
    use ConditionType::{DirectoryComplete, Held, Ready};
    DirectoryConnectionStatus {
        observed_generation: Some(1),
        last_handled_reconcile_at: Some("now".into()),
        owner_id: Some("ns/acme".into()),
        provider: Some("ldap".into()),
        conditions: conditions(&[
            (Ready, Status::True, Reason::PlanHeld),
            (Held, Status::True, Reason::TooManyRemovals),
            (DirectoryComplete, Status::True, Reason::Complete),
        ]),
        directory: Some(DirectoryCounts {
            users: 1200,
            groups: 40,
        }),
        platform: Some(PlatformCounts {
            users: 1187,
            teams: 38,
            inboxes: 4,
        }),
        last_sync: Some(run()),
        held_plan: Some(HeldPlan {
            name: "acme-0123".into(),
            hash: "0123456789abcdef".repeat(4),
            hold_time: time(1_700_000_060),
            expire_time: time(1_700_259_260),
            removals: Removals {
                users: 310,
                deletions: 7,
                memberships: 5,
                roles: 1,
                inboxes: 2,
            },
        }),
        failures: vec![Failure::new(
            ObjectType::User,
            "1001",
            Reason::InvalidEmail,
            "no address",
        )],
        history: vec![run()],
        next_sync_time: Some(time(1_700_003_600)),
        consecutive_failures: 3,
        last_handled: None,
    }
}

fn mapping_status() -> GroupMappingStatus {
    use ConditionType::{Conflicted, GroupFound, Ready};
    GroupMappingStatus {
        observed_generation: Some(1),
        conditions: conditions(&[
            (Ready, Status::True, Reason::Mapped),
            (GroupFound, Status::True, Reason::Found),
            (Conflicted, Status::False, Reason::NoConflict),
        ]),
        matched: Some(MatchedCounts {
            groups: 3,
            members: 77,
            teams: 3,
            inboxes: 2,
        }),
        samples: vec![MatchedGroup {
            group_id: "g".into(),
            group_name: "sales".into(),
            team_id: Some("t".into()),
            members: 7,
        }],
    }
}

fn plan_status() -> SyncPlanStatus {
    SyncPlanStatus {
        summary: vec!["310 of 1000 users would be deactivated; the limits allow 200".into()],
        commands: Some(DecisionCommands {
            inspect: "kubectl describe splan/acme".into(),
            approve: "kubectl patch splan/acme".into(),
            reject: "kubectl patch splan/acme".into(),
        }),
        removals: Some(Removals {
            users: 310,
            deletions: 7,
            memberships: 5,
            roles: 1,
            inboxes: 2,
        }),
        samples: vec![
            RemovalSample {
                kind: ObjectType::Membership,
                deleted: false,
                id: "1001".into(),
                user: "Ann Archer <ann@acme.test>".into(),
                from: "Support".into(),
            },
            RemovalSample {
                kind: ObjectType::User,
                deleted: true,
                id: "1002".into(),
                user: "bob@acme.test".into(),
                from: String::new(),
            },
        ],
        expire_time: Some(time(1_700_259_260)),
        conditions: conditions(&[(ConditionType::Applied, Status::False, Reason::AwaitingDecision)]),
    }
}

async fn write_status(space: &Namespace<'_>, kind: &str, status: Value) -> DynamicObject {
    let api = raw(space, kind);
    api.create(&PostParams::default(), &dynamic(smallest(kind)))
        .await
        .unwrap();
    let patch = json!({ "apiVersion": "directory-sync.io/v1alpha1", "kind": kind, "status": status });
    api.patch_status(
        "acme",
        &PatchParams::apply("directory-sync").force(),
        &Patch::Apply(patch),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_status_is_stored_whole() {
    let space = server_with_kinds().await.namespace("status").await;
    let connection = serde_json::to_value(connection_status()).unwrap();
    assert_eq!(
        write_status(&space, "DirectoryConnection", connection.clone())
            .await
            .data["status"],
        connection
    );
    let mapping = serde_json::to_value(mapping_status()).unwrap();
    assert_eq!(
        write_status(&space, "GroupMapping", mapping.clone()).await.data["status"],
        mapping
    );
    let plan = serde_json::to_value(plan_status()).unwrap();
    assert_eq!(
        write_status(&space, "SyncPlan", plan.clone()).await.data["status"],
        plan
    );
}

/// The columns of a table that kubectl printed: the header and the one row, cut where the header's words begin.
fn columns(table: &str) -> Vec<(String, String)> {
    let mut lines = table.lines();
    let (header, row) = (lines.next().unwrap(), lines.next().unwrap());
    // A column begins after three spaces at least; its name may hold one.
    let begins = |at: &usize| *at == 0 || (header[..*at].ends_with("   ") && !header[*at..].starts_with(' '));
    let mut starts: Vec<usize> = (0..header.len()).filter(begins).collect();
    starts.push(usize::MAX);
    let cut =
        |line: &str, from: usize, to: usize| line.get(from..to.min(line.len())).unwrap_or_default().trim().to_owned();
    starts
        .windows(2)
        .map(|pair| (cut(header, pair[0], pair[1]), cut(row, pair[0], pair[1])))
        .collect()
}

#[tokio::test]
async fn the_columns_tell_how_an_object_is_doing() {
    let space = server_with_kinds().await.namespace("columns").await;
    write_status(
        &space,
        "DirectoryConnection",
        serde_json::to_value(connection_status()).unwrap(),
    )
    .await;
    write_status(&space, "GroupMapping", serde_json::to_value(mapping_status()).unwrap()).await;
    write_status(&space, "SyncPlan", serde_json::to_value(plan_status()).unwrap()).await;
    let headings = |table: Vec<(String, String)>| table.into_iter().map(|(name, _)| name).collect::<Vec<_>>();

    let narrow = columns(&space.kubectl(&["get", "dirconn"]).await.success());
    let names = [
        "NAME",
        "READY",
        "PROVIDER",
        "MODE",
        "USERS",
        "TEAMS",
        "HELD",
        "LAST SYNC",
        "AGE",
    ];
    assert_eq!(headings(narrow.clone()), names);
    let values: Vec<_> = narrow.iter().take(7).map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["acme", "True", "ldap", "Apply", "1187", "38", "True"]);
    assert!(narrow[7].1.ends_with('d') || narrow[7].1.ends_with('y'), "{narrow:?}");
    let wide = columns(&space.kubectl(&["get", "dirconn", "-o", "wide"]).await.success());
    assert_eq!(headings(wide.clone())[9..], ["REASON", "SUSPENDED", "NEXT"]);
    let values: Vec<_> = wide[9..].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["PlanHeld", "false", "2023-11-14T23:13:20Z"]);

    let wide = columns(&space.kubectl(&["get", "gmap", "-o", "wide"]).await.success());
    let names = [
        "NAME",
        "READY",
        "CONNECTION",
        "ROLE",
        "GROUPS",
        "MEMBERS",
        "TEAMS",
        "AGE",
        "REASON",
        "PRIORITY",
        "SUSPENDED",
    ];
    assert_eq!(headings(wide.clone()), names);
    assert_eq!(
        (wide[1].1.as_str(), wide[2].1.as_str(), wide[5].1.as_str()),
        ("True", "acme", "77")
    );

    let wide = columns(&space.kubectl(&["get", "splan", "-o", "wide"]).await.success());
    let names = [
        "NAME",
        "CONNECTION",
        "USERS",
        "DELETIONS",
        "MEMBERSHIPS",
        "ROLES",
        "DECISION",
        "STATE",
        "EXPIRES",
        "AGE",
        "INBOXES",
        "DECIDED BY",
    ];
    assert_eq!(headings(wide.clone()), names);
    assert_eq!((wide[2].1.as_str(), wide[7].1.as_str()), ("310", "AwaitingDecision"));

    // The category has all three.
    let all = space.kubectl(&["get", "directory", "-o", "name"]).await.success();
    assert_eq!(all.lines().count(), 3, "{all}");
    space
        .kubectl(&["wait", "dirconn/acme", "--for=condition=Ready", "--timeout=10s"])
        .await
        .success();
}

#[tokio::test]
async fn mappings_and_plans_are_selected_by_their_connection() {
    let space = server_with_kinds().await.namespace("selected").await;
    for kind in ["GroupMapping", "SyncPlan"] {
        for (name, connection) in [("one", "a"), ("two", "b"), ("three", "a")] {
            let object = named(object(kind, &json!({ "connectionRef": { "name": connection } })), name);
            raw(&space, kind)
                .create(&PostParams::default(), &dynamic(object))
                .await
                .unwrap();
        }
    }
    for kind in ["gmap", "splan"] {
        let get = [
            "get",
            kind,
            "--field-selector",
            "spec.connectionRef.name=a",
            "-o",
            "jsonpath={.items[*].metadata.name}",
        ];
        assert_eq!(space.kubectl(&get).await.success(), "one three");
    }
}

#[tokio::test]
async fn kubectl_explains_a_field_in_plain_sentences() {
    let server = server_with_kinds().await;
    let explain = async |field: &str| {
        let told = server.kubectl(&["explain", field]).await.success();
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let told = explain("directoryconnections.spec.removals.maxPercent").await;
    assert!(
        told.contains("Most removals, in percent of what there is, rounded up: 0 to 100."),
        "{told}"
    );
    let told = explain("syncplans.spec.decision").await;
    assert!(told.contains("ENUM: Approved Rejected"), "{told}");
    assert!(told.contains("Approved: the plan is carried out at once."), "{told}");
}
