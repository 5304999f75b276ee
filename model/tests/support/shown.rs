//! A plan in words, one line a change, in the order in which it is applied.

use directory_sync_model::plan::{Kept, KeptReason, Place, Plan, RemovalKind, Update};

/// What a plan reports where it leaves one removal out.
pub fn kept(kind: RemovalKind, reason: KeptReason) -> Vec<Kept> {
    vec![Kept { kind, reason, count: 1 }]
}

/// The lines, sorted within each step.
pub fn lines(plan: &Plan<'_>) -> Vec<String> {
    let steps = [
        team_updates(plan),
        plan.new_teams
            .iter()
            .map(|team| format!("create team {}", team.name))
            .collect(),
        creations(plan, false),
        plan.updates.iter().map(|change| update(plan, change)).collect(),
        creations(plan, true),
        adoptions(plan),
        additions(plan),
        role_changes(plan),
        removals(plan),
        plan.deactivations
            .iter()
            .map(|leaver| {
                format!(
                    "deactivate {}: {}",
                    name(plan.holdings.id(leaver.holding)),
                    leaver.cause.text()
                )
            })
            .collect(),
        plan.deletions
            .iter()
            .map(|leaver| {
                format!(
                    "delete {}: {}",
                    name(plan.holdings.id(leaver.holding)),
                    leaver.cause.text()
                )
            })
            .collect(),
    ];
    steps.into_iter().flat_map(sorted).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_unstable();
    lines
}

fn creations(plan: &Plan<'_>, after_updates: bool) -> Vec<String> {
    let of_step = plan
        .creations
        .iter()
        .filter(|creation| creation.after_updates == after_updates);
    of_step
        .map(|creation| {
            let id = plan.desired.snapshot.user_id(creation.user);
            let role = creation
                .role
                .map(|role| format!(" as {}", plan.roles[usize::from(role)]));
            format!("create {id}{}", role.unwrap_or_default())
        })
        .collect()
}

fn update(plan: &Plan<'_>, update: &Update) -> String {
    let mut parts = Vec::new();
    if update.adopt {
        parts.push(format!("adopt as {}", plan.desired.snapshot.user_id(update.user)));
    }
    if update.activate {
        parts.push("activate".to_owned());
    }
    let changes = update
        .changes
        .iter()
        .map(|change| format!("{} {:?} -> {:?}", change.field, change.before, change.after));
    parts.extend(changes);
    format!(
        "update {}: {}",
        name(plan.holdings.id(update.holding)),
        parts.join(", ")
    )
}

fn additions(plan: &Plan<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for additions in &plan.additions {
        let container = match additions.place {
            Place::Held(at) => &plan.containers[at].name,
            Place::New(at) => &plan.new_teams[at].name,
        };
        let people = additions.users.iter().map(|user| plan.desired.snapshot.user_id(*user));
        lines.extend(people.map(|id| format!("add {id} to {container}")));
    }
    lines
}

fn team_updates(plan: &Plan<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for update in &plan.team_updates {
        let name = &plan.containers[update.container].name;
        lines.extend(update.name.as_ref().map(|to| format!("rename team {name} to {to}")));
        let group = update.external_id.as_ref();
        lines.extend(group.map(|group| format!("tell team {name} its group {group}")));
    }
    lines
}

fn adoptions(plan: &Plan<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for adoptions in &plan.adoptions {
        let Place::Held(at) = adoptions.place else {
            panic!("a membership of a team that isn't there yet")
        };
        let container = &plan.containers[at].name;
        let people = adoptions.users.iter().map(|user| plan.desired.snapshot.user_id(*user));
        lines.extend(people.map(|id| format!("adopt {id} in {container}")));
    }
    lines
}

fn role_changes(plan: &Plan<'_>) -> Vec<String> {
    let role = |number: u16| plan.roles[usize::from(number)].as_str();
    let changes = plan.role_changes.iter().map(|change| {
        let id = name(plan.holdings.id(change.holding));
        format!("role of {id}: {} -> {}", change.from.map_or("", role), role(change.to))
    });
    changes.collect()
}

fn removals(plan: &Plan<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for removals in &plan.removals {
        let container = &plan.containers[removals.container].name;
        let leaving = removals.leaving.iter().map(|holding| (holding, ""));
        let going = removals
            .with_deactivation
            .iter()
            .map(|holding| (holding, " with his deactivation"));
        lines.extend(
            leaving
                .chain(going)
                .map(|(holding, how)| format!("remove {} from {container}{how}", name(plan.holdings.id(*holding)))),
        );
    }
    lines
}

/// The person's id, which a platform id of these tests ends with.
fn name(id: &str) -> &str {
    id.trim_start_matches("u-")
}
