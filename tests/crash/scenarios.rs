//! All scenarios: each story in several sizes of requests, which are several orders of calls.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::company::{Person, person};
use crate::life::Command;
use crate::platform::Batches;
use crate::restore::restore;
use crate::scenario::{Scenario, Store, settle};
use crate::world::{NAMESPACE, World};

/// One story: its name, its beginning, what people do in it; and what else is unusual about it.
struct Story {
    name: &'static str,
    prepare: fn(&Arc<World>),
    person: fn(&World) -> bool,
    command: Option<Command>,
    store: Store,
}

impl Story {
    const fn new(name: &'static str, prepare: fn(&Arc<World>), person: fn(&World) -> bool) -> Self {
        Self {
            name,
            prepare,
            person,
            command: None,
            store: Store::Kept,
        }
    }

    /// A command goes before the operator.
    const fn after(self, command: Command) -> Self {
        let command = Some(command);
        Self { command, ..self }
    }

    /// A crash leaves nothing of the operator's store.
    const fn losing(self) -> Self {
        let store = Store::Lost;
        Self { store, ..self }
    }
}

const STORIES: [Story; 19] = [
    Story::new("first sync of a file", first_file, nobody),
    Story::new("first sync of a SCIM server", first_scim, nobody),
    Story::new("adoption", adoption, approves),
    Story::new("joiners, movers and leavers", changes, nobody),
    Story::new("joiners, movers and leavers of a SCIM server", changes_of_scim, nobody),
    Story::new("addresses that change hands", addresses, nobody),
    Story::new("held, then approved", held, approves),
    Story::new("held, then rejected", held, rejects),
    Story::new("a mapping deleted, then approved", mapping_deleted, approves),
    Story::new("a connection deleted, which leaves everything", orphan, deletes),
    Story::new("a connection deleted and made again", orphan, replaces),
    Story::new("two connections on one platform", two_connections, nobody),
    Story::new("observed, then applied", observed, applies),
    Story::new("deletion after so many days", deferred, nobody),
    Story::new("deleted by the second sync", two_syncs, asks_twice),
    Story::new(
        "a connection deleted, which takes everything back",
        deprovision,
        deletes_and_approves,
    ),
    Story::new("what a sync took, restored", taken, puts_right).after(restore),
    Story::new("joiners, movers and leavers, and the store lost", changes, nobody).losing(),
    Story::new("held, then approved, and the store lost", held, approves).losing(),
];

const BATCHES: [Batches; 2] = [
    Batches {
        page: 6,
        users: 1,
        memberships: 1,
    },
    Batches {
        page: 4,
        users: 3,
        memberships: 2,
    },
];

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    let sizes = BATCHES
        .iter()
        .flat_map(|batches| STORIES.iter().map(move |story| (batches, story)));
    sizes
        .map(|(batches, story)| scenario(story, format!("{}, {} at once", story.name, batches.users), *batches))
        .collect()
}

fn scenario(story: &Story, name: String, batches: Batches) -> Scenario {
    let Story {
        prepare,
        person,
        command,
        store,
        ..
    } = *story;
    Scenario {
        name,
        batches,
        prepare,
        person,
        command,
        store,
    }
}

/// A few small companies, in which little has to happen: for trials by the thousand.
pub fn small() -> Vec<Scenario> {
    let stories = [
        Story::new("a small first sync", small_first, nobody),
        Story::new("small changes", small_changes, nobody),
        Story::new("a small plan held, then approved", small_held, approves),
        Story::new(
            "a small mapping deleted, then approved",
            small_mapping_deleted,
            approves,
        ),
        Story::new("a small connection observed, then applied", small_observed, applies),
    ];
    let batches = Batches {
        page: 50,
        users: 2,
        memberships: 3,
    };
    stories
        .iter()
        .map(|story| scenario(story, story.name.to_owned(), batches))
        .collect()
}

fn small_company(world: &World, connection: &Value) {
    world.employ("acme", &people(1..=3, &["support"]));
    world.connect("acme", connection);
    world.map("acme", "support", &json!({ "role": { "name": "agent" } }));
}

fn small_first(world: &Arc<World>) {
    small_company(world, &json!({}));
}

fn small_observed(world: &Arc<World>) {
    small_company(world, &json!({ "mode": "Observe" }));
}

/// One joins, one gets another address, one leaves.
fn small_changes(world: &Arc<World>) {
    small_company(world, &json!({}));
    settle(world);
    let mut now = people([1, 2, 9], &["support"]);
    now[0].email.insert_str(0, "new-name-");
    world.employ("acme", &now);
    world.request("changes");
}

fn small_held(world: &Arc<World>) {
    small_company(world, &json!({ "removals": { "maxPercent": 20 } }));
    settle(world);
    world.employ("acme", &people([1, 9], &["support"]));
    world.request("many leave");
}

fn small_mapping_deleted(world: &Arc<World>) {
    small_company(world, &json!({ "removals": { "maxPercent": 100 } }));
    let mut people = people(1..=3, &["support"]);
    people[2].groups = vec!["sales"];
    world.employ("acme", &people);
    world.map("acme", "sales", &json!({}));
    settle(world);
    world.api.delete("groupmappings", NAMESPACE, "acme-sales");
}

/// Numbered people of these groups in turn.
fn people(numbers: impl IntoIterator<Item = u32>, groups: &[&'static str]) -> Vec<Person> {
    let group = |number: u32| groups[number as usize % groups.len()];
    numbers
        .into_iter()
        .map(|number| person(number, &[group(number)]))
        .collect()
}

/// The mappings of a connection: sales and support join teams, support has a role, leads answer an inbox.
fn mappings(world: &World, connection: &str) {
    world.platform.ask(
        Method::POST,
        "/v1/inboxes",
        &json!({ "name": format!("Inbox {connection}") }),
    );
    world.map(connection, "sales", &json!({}));
    world.map(connection, "support", &json!({ "role": { "name": "agent" } }));
    world.map(
        connection,
        "leads",
        &json!({ "team": null, "inboxes": [{ "name": format!("Inbox {connection}") }] }),
    );
}

const GROUPS: [&str; 3] = ["sales", "support", "leads"];

/// Lets the directory be a SCIM server.
fn by_scim() -> Value {
    json!({ "provider": { "file": null, "scim": {
        "url": "http://scim.test/v2", "tls": { "mode": "Disabled" }, "paging": "Index", "pageSize": 5,
        "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
    } } })
}

fn first_file(world: &Arc<World>) {
    world.employ("acme", &people(1..=11, &GROUPS));
    world.connect("acme", &json!({}));
    mappings(world, "acme");
}

fn first_scim(world: &Arc<World>) {
    world.employ("acme", &people(1..=9, &GROUPS));
    world.connect("acme", &by_scim());
    mappings(world, "acme");
}

/// A platform on which people were before: some with their address, some with their id, some in teams, some inactive.
fn adoption(world: &Arc<World>) {
    let team = json!({ "name": "team SALES" });
    let team = world.platform.ask(Method::POST, "/v1/teams", &team)["id"].clone();
    for number in 1..=6 {
        let mut user = json!({ "email": format!("P{number}@acme.test"), "displayName": format!("Old {number}") });
        if number % 3 == 0 {
            user["externalId"] = json!(format!("e-{number:03}"));
        }
        if number == 5 {
            user["active"] = json!(false);
        }
        let id = world.platform.ask(Method::POST, "/v1/users", &user)["id"].clone();
        if number % 4 == 0 {
            let items = json!({ "items": [{ "op": "add", "kind": "team", "container": team, "user": id }] });
            world.platform.ask(Method::POST, "/v1/memberships:batch", &items);
        }
    }
    world.employ("acme", &people(1..=8, &GROUPS));
    // That some of them get another role than they have is for a person to decide.
    world.connect("acme", &json!({}));
    mappings(world, "acme");
}

/// A company in step, of whose people one had left before: joiners, movers, leavers, new names, somebody who returns.
fn change(world: &Arc<World>, connection: &Value) {
    world.connect("acme", connection);
    world.employ("acme", &people(1..=11, &GROUPS));
    mappings(world, "acme");
    settle(world);
    world.employ("acme", &people(2..=11, &GROUPS));
    world.request("one left");
    settle(world);
    let mut now = people((1..=9).chain(20..=21), &GROUPS);
    for mover in [2, 3, 4, 5, 6] {
        now[mover].groups = vec![GROUPS[mover % 2], "leads"];
    }
    now[7].department.push_str(" new");
    now[8].email.insert_str(0, "new-name-");
    world.employ("acme", &now);
    world.request("many changes");
}

fn changes(world: &Arc<World>) {
    change(world, &json!({}));
}

fn changes_of_scim(world: &Arc<World>) {
    change(world, &by_scim());
}

/// Two people exchange their addresses, one takes that of a leaver.
fn addresses(world: &Arc<World>) {
    let mut now = people(1..=9, &GROUPS);
    world.employ("acme", &now);
    world.connect("acme", &json!({}));
    mappings(world, "acme");
    settle(world);
    for (to, from) in [(0, 1), (1, 0), (2, 3), (3, 4), (4, 2)] {
        now[to].email = format!("p{}@acme.test", from + 1);
    }
    now.truncate(8);
    now[7].email.insert(1, '7');
    world.employ("acme", &now);
    world.request("addresses");
}

/// More leave than may.
fn held(world: &Arc<World>) {
    world.employ("acme", &people(1..=9, &GROUPS));
    world.connect("acme", &json!({ "removals": { "maxPercent": 20 } }));
    mappings(world, "acme");
    settle(world);
    world.employ("acme", &people((1..=4).chain(20..=21), &GROUPS));
    world.request("many leave");
}

fn mapping_deleted(world: &Arc<World>) {
    world.employ("acme", &people(1..=9, &GROUPS));
    world.connect("acme", &json!({ "removals": { "maxPercent": 100 } }));
    mappings(world, "acme");
    settle(world);
    world.api.delete("groupmappings", NAMESPACE, "acme-sales");
}

fn orphan(world: &Arc<World>) {
    world.employ("acme", &people(1..=6, &GROUPS));
    world.connect("acme", &json!({}));
    mappings(world, "acme");
}

/// Two directories share a platform and some people, whom the first one has.
fn two_connections(world: &Arc<World>) {
    world.employ("north", &people(1..=6, &GROUPS));
    world.connect("north", &json!({}));
    mappings(world, "north");
    settle(world);
    world.employ("south", &people(5..=9, &GROUPS));
    world.connect("south", &json!({}));
    mappings(world, "south");
    world.employ("north", &people((1..=4).chain(30..=31), &GROUPS));
    world.request("both");
}

fn observed(world: &Arc<World>) {
    world.employ("acme", &people(1..=7, &GROUPS));
    world.connect("acme", &json!({ "mode": "Observe" }));
    mappings(world, "acme");
}

/// Some have left long ago and some lately, one has come back and one leaves now.
fn deferred(world: &Arc<World>) {
    let deprovision = json!({ "deprovision": { "deleteAfterDays": 30 }, "removals": { "maxPercent": 100 } });
    world.connect("acme", &deprovision);
    world.employ("acme", &people(1..=12, &GROUPS));
    mappings(world, "acme");
    settle(world);
    world.employ("acme", &people(1..=6, &GROUPS));
    world.request("some left");
    settle(world);
    for mut user in world.platform.list("users") {
        let left = user["active"] == false && user["email"] != "p12@acme.test";
        if left {
            user["mark"]["deactivatedTime"] = json!("2026-01-01T00:00:00Z");
            let place = format!("/v1/users/{}", user["id"].as_str().unwrap());
            world
                .platform
                .ask(Method::PATCH, &place, &json!({ "mark": user["mark"] }));
        }
    }
    world.employ("acme", &people((1..=5).chain([7]), &GROUPS));
    world.request("a month later");
}

/// Who leaves is deactivated by this sync, and deleted by the next.
fn two_syncs(world: &Arc<World>) {
    world.connect("acme", &json!({ "deprovision": { "action": "Delete" } }));
    world.employ("acme", &people(1..=8, &GROUPS));
    mappings(world, "acme");
    settle(world);
    world.employ("acme", &people(1..=6, &GROUPS));
    world.request("some left");
}

/// All that a connection gave is to be taken back when it goes.
fn deprovision(world: &Arc<World>) {
    adoption(world);
    world.connect("acme", &json!({ "deletionPolicy": "Deprovision" }));
    settle(world);
    assert!(world.decide("Approved"));
    settle(world);
}

/// Some were taken out of the directory by mistake, and a sync has seen it. Until that is put right the connection rests.
fn taken(world: &Arc<World>) {
    world.connect("acme", &json!({}));
    world.employ("acme", &people(1..=9, &GROUPS));
    mappings(world, "acme");
    settle(world);
    world.employ("acme", &people(1..=6, &GROUPS));
    world.request("a mistake");
    settle(world);
    world.connect("acme", &json!({ "suspend": true }));
}

/// Puts the directory right once what was taken is given back, and lets the connection go on.
fn puts_right(world: &World) -> bool {
    let connection = world.api.get("directoryconnections", NAMESPACE, "acme").unwrap();
    let rests = connection["spec"]["suspend"] == true;
    if rests {
        world.employ("acme", &people(1..=9, &GROUPS));
        world.connect("acme", &json!({ "suspend": false }));
    }
    rests
}

fn asks_twice(world: &World) -> bool {
    let connection = world.api.get("directoryconnections", NAMESPACE, "acme").unwrap();
    let first = connection["metadata"]["annotations"]["directory-sync.io/requestedAt"] == "some left";
    if first {
        world.request("they are gone");
    }
    first
}

fn deletes_and_approves(world: &World) -> bool {
    if world.decide("Approved") {
        return true;
    }
    let connection = world.api.get("directoryconnections", NAMESPACE, "acme");
    connection.is_some_and(|connection| connection["metadata"]["deletionTimestamp"].is_null()) && deletes(world)
}

fn nobody(_: &World) -> bool {
    false
}

fn approves(world: &World) -> bool {
    world.decide("Approved")
}

fn rejects(world: &World) -> bool {
    world.decide("Rejected")
}

fn deletes(world: &World) -> bool {
    let is_there = world.api.get("directoryconnections", NAMESPACE, "acme").is_some();
    if is_there {
        world.api.delete("directoryconnections", NAMESPACE, "acme");
    }
    is_there
}

/// Deletes the connection and makes another one of its name: the people are its own.
fn replaces(world: &World) -> bool {
    match world.api.get("directoryconnections", NAMESPACE, "acme") {
        Some(connection) if connection["spec"]["interval"] == "2h" => false,
        Some(_) => deletes(world),
        None => {
            world.connect("acme", &json!({ "interval": "2h" }));
            true
        }
    }
}

fn applies(world: &World) -> bool {
    let connection = world.api.get("directoryconnections", NAMESPACE, "acme").unwrap();
    let observes = connection["spec"]["mode"] == "Observe";
    if observes {
        world.connect("acme", &json!({ "mode": "Apply" }));
    }
    observes
}
