//! Plans that take away too much: held, approved, rejected, run out.

use directory_sync::api::status::{ObjectType, Trigger};
use directory_sync::api::{DirectoryConnection, SyncPlan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::world::{PATIENCE, WHILE, World, addresses, company, company_of, condition, mapping, plan_state, support};
use crate::support::command::run;
use crate::support::process::wait_until;

/// Ten people in step, of whom five have left the directory: more than 20 percent of at least 10.
async fn held() -> (World, String) {
    let world = World::with_operator().await;
    world.put(company(&(1..=10).collect::<Vec<_>>())).await;
    world
        .put(world.connection(json!({ "removals": { "minPopulation": 10 } })))
        .await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    world.put(company(&[1, 2, 3, 4, 5])).await;
    let held = world.sync("acme").await;
    let plan = held.status.unwrap().held_plan.expect("a plan is held");
    (world, plan.name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_above_the_limits_is_held_until_it_is_approved_and_the_approval_is_spent() {
    let (world, name) = held().await;
    let connection = world.get("acme").await;
    assert_eq!(condition(&connection, "Ready").unwrap(), "True/PlanHeld");
    assert_eq!(condition(&connection, "Held").unwrap(), "True/TooManyRemovals");
    assert_eq!(world.platform.active().await.len(), 10, "nothing is written");
    let plan = world.until_plan(&name, "AwaitingDecision").await;
    assert_eq!(name, format!("acme-{}", &plan.spec.hash[..10]));
    let status = plan.status.as_ref().unwrap();
    assert_eq!(status.removals.map(|removals| removals.users), Some(5));
    assert_eq!(status.samples.len(), 5);
    assert_eq!(
        (status.samples[0].kind, status.samples[0].id.as_str()),
        (ObjectType::User, "6")
    );
    assert_eq!(status.samples[0].user, "p6@acme.test");
    assert!(status.expire_time.as_ref().unwrap().0 > plan.metadata.creation_timestamp.as_ref().unwrap().0);
    let owner = &plan.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!(Some(&owner.uid), connection.metadata.uid.as_ref());
    world
        .until_told("DirectoryConnection", "acme", "Warning/TooManyRemovals")
        .await;

    world.decide(&name, "Approved").await;
    let spent = world.until_plan(&name, "Spent").await;
    let status = spent.status.unwrap();
    assert_eq!(status.conditions[0].status, "True");
    assert_eq!(status.commands, None, "there is nothing to decide any more");
    let done = world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses(1..=5));
    assert_eq!(condition(&done, "Held").unwrap(), "False/NothingHeld");
    let status = done.status.unwrap();
    assert_eq!(status.held_plan, None);
    let last = status.last_sync.unwrap();
    assert_eq!((last.trigger, last.users.deactivated), (Trigger::Decision, 5));
}

fn applied(plan: &SyncPlan) -> Condition {
    plan.status.as_ref().unwrap().conditions[0].clone()
}

/// What a command prints, as somebody types it, in a namespace that isn't the current one.
async fn shell(world: &World, command: &str) -> String {
    let kubectl = crate::support::tools::tool("kubectl");
    let path = format!("{}:/usr/bin:/bin", kubectl.parent().unwrap().display());
    let kubeconfig = world.space.server.kubeconfig();
    let variables = [
        ("KUBECONFIG", kubeconfig.as_path()),
        ("PATH", std::path::Path::new(&path)),
    ];
    let finished = run(std::path::Path::new("/bin/sh"), ["-c", command], &variables, "").await;
    finished.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_said_in_words_with_commands_that_work_as_they_stand() {
    let (world, name) = held().await;
    let space = &world.space;
    let expires = {
        let plan = world.until_plan(&name, "AwaitingDecision").await;
        let expires = plan.status.unwrap().expire_time.unwrap().0;
        expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let plan = world.until_plan(&name, "AwaitingDecision").await;
    let commands = plan.status.unwrap().commands.unwrap();
    assert_eq!(
        commands.inspect,
        format!("kubectl describe -n {} splan/{name}", space.name)
    );
    for object in [format!("splan/{name}"), "dirconn/acme".to_owned()] {
        let described = space.kubectl(&["describe", &object]).await.success();
        for text in ["5 of 10 users would be deactivated; the limits allow 2", &expires] {
            assert!(described.contains(text), "no {text:?} in {described}");
        }
        assert!(described.contains(&commands.inspect), "{described}");
        let decides = [&commands.approve, &commands.reject].map(|command| described.contains(command.as_str()));
        assert_eq!(decides, [object.starts_with("splan"); 2], "{described}");
    }
    let listed = space.kubectl(&["get", "splan"]).await.success();
    assert!(
        listed.contains("AwaitingDecision") && listed.contains(&expires),
        "{listed}"
    );
    wait_until("a note with the numbers and the command", PATIENCE, async || {
        let notes = world.notes("DirectoryConnection", "acme").await;
        let mut notes = notes.iter();
        let told = notes.any(|(note, _)| note.contains("5 of 10 users") && note.contains(&commands.inspect));
        told.then_some(())
    })
    .await;

    assert!(shell(&world, &commands.inspect).await.contains("5 of 10 users"));
    shell(&world, &commands.approve).await;
    let spent = world.until_plan(&name, "Spent").await;
    assert_eq!(spent.spec.decided_by.as_deref(), Some("admin"));
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await, addresses(1..=5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_plan_is_never_carried_out_and_another_one_is_held_anew() {
    let (world, name) = held().await;
    let plan = world.until_plan(&name, "AwaitingDecision").await;
    let reject = plan.status.unwrap().commands.unwrap().reject;
    shell(&world, &reject).await;
    let rejected = world.until_plan(&name, "PlanRejected").await;
    assert_eq!(rejected.spec.decided_by.as_deref(), Some("admin"));
    let rejected = world.until("acme", "the rejection", |connection| {
        (condition(connection, "Held")? == "True/PlanRejected").then_some(())
    });
    assert_eq!(condition(&rejected.await, "Ready").unwrap(), "True/PlanHeld");
    let again = world.sync("acme").await;
    assert_eq!(condition(&again, "Held").unwrap(), "True/PlanRejected");
    assert_eq!(world.plans().await.len(), 1);
    assert_eq!(world.platform.active().await.len(), 10);

    // Nor when it is within the limits now, or its time to be approved has run out.
    let loosened = json!({ "spec": { "removals": { "maxPercent": 100 } } });
    world.change("DirectoryConnection", "acme", loosened).await;
    let run_out = json!({ "status": { "expireTime": "2026-01-01T00:00:00Z" } });
    world.change_status("SyncPlan", &name, run_out).await;
    for _ in 0..2 {
        let again = world.sync("acme").await;
        assert_eq!(condition(&again, "Held").unwrap(), "True/PlanRejected");
    }
    let last = |connection: &DirectoryConnection| connection.status.clone().unwrap().last_sync.unwrap().id;
    let before = last(&world.get("acme").await);
    tokio::time::sleep(WHILE).await;
    assert_eq!(last(&world.get("acme").await), before, "no sync begins of itself");
    assert_eq!(world.platform.active().await.len(), 10);

    let tightened = json!({ "spec": { "removals": { "maxPercent": 20 } } });
    world.change("DirectoryConnection", "acme", tightened).await;
    world.put(company(&[1, 2, 3, 4])).await;
    let another = world.sync("acme").await;
    assert_eq!(condition(&another, "Held").unwrap(), "True/TooManyRemovals");
    assert_ne!(another.status.unwrap().held_plan.unwrap().name, name);
    assert_eq!(world.platform.active().await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_ran_out_approves_nothing_and_is_held_anew() {
    let (world, name) = held().await;
    let run_out = json!({ "status": { "expireTime": "2026-01-01T00:00:00Z" } });
    world.change_status("SyncPlan", &name, run_out).await;
    world.decide(&name, "Approved").await;
    let expired = world.until_plan(&name, "Expired").await;
    let again = world.sync("acme").await;
    let plan = again.status.unwrap().held_plan.unwrap();
    assert_eq!(plan.name, format!("{name}-2"));
    assert_eq!(world.platform.active().await.len(), 10);
    let message = applied(&expired).message;
    assert!(message.starts_with("The decision came too late"), "{message}");
    assert!(message.contains(&format!("Decide SyncPlan {}", plan.name)), "{message}");
    for (kind, name) in [("SyncPlan", name.as_str()), ("DirectoryConnection", "acme")] {
        world.until_told(kind, name, "Warning/DecidedTooLate").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_plan_supersedes_the_one_that_was_approved_too_late() {
    let (world, name) = held().await;
    world.put(company(&[1, 2, 3])).await;
    let another = world.sync("acme").await.status.unwrap().held_plan.unwrap().name;
    assert_eq!(plan_state(&world.until_plan(&name, "Superseded").await), "Superseded");
    world.decide(&name, "Approved").await;
    wait_until("the answer", PATIENCE, async || {
        let plan = world.until_plan(&name, "Superseded").await;
        let message = applied(&plan).message;
        let answered = message.starts_with("The decision came too late");
        (answered && message.contains(&format!("Decide SyncPlan {another}"))).then_some(())
    })
    .await;
    world.until_told("SyncPlan", &name, "Warning/DecidedTooLate").await;
    tokio::time::sleep(WHILE).await;
    let events = world.notes("SyncPlan", &name).await;
    assert_eq!(events.len(), 1, "it is told once: {events:?}");
    assert_eq!(world.platform.active().await.len(), 10);
    world.decide(&another, "Approved").await;
    world.until_plan(&another, "Spent").await;
    assert_eq!(world.platform.active().await, addresses(1..=3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sync_after_limits_were_loosened_is_judged_by_the_old_ones() {
    let (world, name) = held().await;
    world
        .change(
            "DirectoryConnection",
            "acme",
            json!({ "spec": { "removals": { "maxPercent": 100 } } }),
        )
        .await;
    let first = world.until_ready("acme", "True/PlanHeld").await;
    assert_eq!(first.status.unwrap().held_plan.unwrap().name, name);
    assert_eq!(world.platform.active().await.len(), 10);
    world.sync("acme").await;
    assert_eq!(world.platform.active().await, addresses(1..=5));
    world.until_plan(&name, "Spent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_mapping_would_deactivate_is_always_held() {
    let world = World::with_operator().await;
    let people: Vec<_> = (1..=30)
        .map(|number| (number, if number == 30 { "sales" } else { "support" }))
        .collect();
    world.put(company_of(&people)).await;
    world.put(world.connection(json!({}))).await;
    world.put(support()).await;
    let sales = mapping("sales", "sales", json!({ "name": "Sales", "create": true }));
    world.put(sales.clone()).await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await.len(), 30);

    world.delete("GroupMapping", "sales").await;
    world
        .until("acme", "the hold", |connection| {
            (condition(connection, "Held")? == "True/MappingRemoved").then_some(())
        })
        .await;
    world.sync("acme").await;
    assert_eq!(
        world.platform.active().await.len(),
        30,
        "one of thirty is far below the limits"
    );

    world.put(sales).await;
    world
        .until("acme", "the end of the hold", |connection| {
            (condition(connection, "Held")? == "False/NothingHeld").then_some(())
        })
        .await;
    assert_eq!(world.platform.active().await.len(), 30);
}

/// Twenty-nine people of one mapping and one of another, in step.
async fn with_two_mappings() -> World {
    let world = World::with_operator().await;
    let people: Vec<_> = (1..=30)
        .map(|number| (number, if number == 30 { "sales" } else { "support" }))
        .collect();
    world.put(company_of(&people)).await;
    world.put(world.connection(json!({}))).await;
    world.put(support()).await;
    world
        .put(mapping("sales", "sales", json!({ "name": "Sales", "create": true })))
        .await;
    world.until_ready("acme", "True/Synced").await;
    assert_eq!(world.platform.active().await.len(), 30);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retargeted_or_deleted_mapping_would_deactivate_is_held_even_if_nobody_looked_meanwhile() {
    for retarget in [true, false] {
        let mut world = with_two_mappings().await;
        world.stop_operator().await;
        if retarget {
            let group = json!({ "spec": { "group": { "name": "support" } } });
            world.change("GroupMapping", "sales", group).await;
        } else {
            world.delete("GroupMapping", "sales").await;
        }
        world.start_operator(super::world::hurried(&world.space.name)).await;
        let held = world.until("acme", "the hold", |connection| {
            (condition(connection, "Held")? == "True/MappingRemoved").then_some(())
        });
        let name = held.await.status.unwrap().held_plan.unwrap().name;
        assert_eq!(world.platform.active().await.len(), 30);
        let plan = world.until_plan(&name, "AwaitingDecision").await;
        let summary = plan.status.unwrap().summary;
        assert!(summary[0].contains("because a mapping is gone"), "{summary:?}");
        world.decide(&name, "Approved").await;
        world.until_plan(&name, "Spent").await;
        assert_eq!(world.platform.active().await, addresses(1..=29));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_gives_another_team_takes_the_first_one_and_is_not_held() {
    let world = with_two_mappings().await;
    let team = json!({ "spec": { "team": { "name": "Field", "create": true } } });
    world.change("GroupMapping", "sales", team).await;
    wait_until("the other team", PATIENCE, async || {
        let teams = world.platform.teams().await;
        let members = |team: &str| teams.get(team).cloned().unwrap_or_default();
        (members("Field") == addresses([30]) && members("Sales").is_empty()).then_some(())
    })
    .await;
    let connection = world.until_ready("acme", "True/Synced").await;
    assert_eq!(condition(&connection, "Held").unwrap(), "False/NothingHeld");
    assert_eq!(
        (world.plans().await.len(), world.platform.active().await.len()),
        (0, 30)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_own_ceiling_is_stricter_than_a_connection() {
    let mut world = World::new().await;
    let mut config = super::world::hurried(&world.space.name);
    config.removals_max_count = Some(0);
    world.start_operator(config).await;
    world.put(company(&[1, 2, 3])).await;
    world
        .put(world.connection(json!({ "removals": { "maxPercent": 100 } })))
        .await;
    world.put(support()).await;
    world.until_ready("acme", "True/Synced").await;
    world.put(company(&[1, 2])).await;
    let held = world.sync("acme").await;
    assert_eq!(condition(&held, "Held").unwrap(), "True/TooManyRemovals");
    assert_eq!(world.platform.active().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_plans_are_garbage_and_the_last_three_are_kept() {
    let (world, _) = held().await;
    // Each time another one of those who stayed is missing: another plan.
    for missing in 1..=5 {
        let others: Vec<_> = (1..=5).filter(|number| *number != missing).collect();
        world.put(company(&others)).await;
        world.sync("acme").await;
    }
    wait_until("old plans to be deleted", PATIENCE, async || {
        let plans = world.plans().await;
        let over = plans.iter().filter(|plan| plan_state(plan) == "Superseded").count();
        (over == 3).then_some(())
    })
    .await;
    assert_eq!(world.platform.active().await.len(), 10);
}
