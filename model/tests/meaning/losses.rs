//! What a read doesn't see any more holds whatever may follow from that.

use directory_sync_model::{
    attribute::Attribute,
    guard::{Hold, Terms, Verdict, guard},
    snapshot::Loss,
};

use crate::support::{RulesWords, World, directory, person, platform, rules, user};

const MEMBERS: Loss = Loss::Members { count: 15 };
const DEPARTMENTS: Loss = Loss::Attribute(Attribute::Department);

/// What holds the plan of a sync that has lost this; `None`: it passes.
fn held(world: &World, loss: Loss, approved: bool) -> Option<Hold> {
    world.plan(|plan| {
        let hash = plan.hash();
        let terms = Terms {
            limits: world.rules.limits,
            losses: vec![loss],
            approved: approved.then(|| hash.clone()),
            ..Terms::default()
        };
        match guard(plan, &hash, &terms) {
            Verdict::Hold(_, hold) => Some(hold),
            Verdict::Pass(_) => None,
        }
    })
}

/// Nothing is to be done; Ann is to be updated; Ann has left.
fn worlds() -> [World; 3] {
    ["", "1", "gone"].map(|what| {
        let people = match what {
            "gone" => directory().with_people(&["bob"]),
            phone => directory().with_people(&["bob"]).with(person("ann").phone(phone)),
        };
        World::new(
            people,
            rules().everybody(),
            platform().with(user("ann").managed()).with(user("bob").managed()),
        )
    })
}

#[test]
fn people_or_members_that_are_lost_hold_what_removes_and_nothing_else() {
    let [idle, updating, removing] = worlds();
    assert_eq!(held(&idle, MEMBERS, false), None);
    assert_eq!(held(&updating, MEMBERS, false), None);
    assert_eq!(held(&removing, MEMBERS, false).unwrap().losses, [MEMBERS]);
}

#[test]
fn an_attribute_that_nobody_has_any_more_holds_updates_as_well() {
    let [idle, updating, removing] = worlds();
    assert_eq!(held(&idle, DEPARTMENTS, false), None);
    assert_eq!(held(&updating, DEPARTMENTS, false).unwrap().losses, [DEPARTMENTS]);
    assert_eq!(held(&removing, DEPARTMENTS, false).unwrap().losses, [DEPARTMENTS]);
}

#[test]
fn a_plan_that_a_loss_holds_passes_when_it_is_approved() {
    let [_, updating, removing] = worlds();
    assert_eq!(held(&updating, DEPARTMENTS, true), None);
    assert_eq!(held(&removing, MEMBERS, true), None);
}
