//! What refuses a plan that would remove too much.
//!
//! Removals are counted per kind before any write. Above the limits nothing at all is written: the plan is held until
//! a person approves it by its hash.

use std::fmt;

use crate::{
    limits::Limits,
    plan::{Plan, PlanHash, Population, RemovalCounts, RemovalKind, Tightened},
    snapshot::Loss,
};

/// One limit that a plan exceeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Of what.
    pub kind: RemovalKind,
    /// Which team, role or inbox; `None`: all of this kind together.
    pub name: Option<String>,
    /// How many would be removed.
    pub removals: u64,
    /// Of how many.
    pub population: u64,
    /// How many are allowed.
    pub allowed: u64,
    /// The mapping whose own limit it is; `None`: the connection's.
    pub mapping: Option<String>,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            name,
            removals,
            population,
            allowed,
            mapping,
        } = self;
        let (what, done) = (kind.noun(), kind.verb());
        match name {
            Some(name) => write!(
                f,
                "{removals} of {population} {what} of {name:?} would be {done}, allowed are {allowed}"
            )?,
            None => write!(
                f,
                "{removals} of {population} {what} would be {done}, allowed are {allowed}"
            )?,
        }
        match mapping {
            Some(mapping) => write!(f, " by the removals of GroupMapping {mapping}"),
            None => Ok(()),
        }
    }
}

/// A plan that may be applied. Only [`guard`] makes one.
pub struct ApprovedPlan<'a>(Plan<'a>);

impl<'a> ApprovedPlan<'a> {
    /// The plan.
    pub fn plan(&self) -> &Plan<'a> {
        &self.0
    }
}

/// By what a plan is judged. The default has the default limits and no decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How much may be removed without asking.
    pub limits: Limits,
    /// Whether deactivations and deletions of people whom no mapping has any more hold the plan, however few they are.
    pub hold_departures: bool,
    /// What the read saw no longer of what was there before. It holds a plan that removes something.
    pub losses: Vec<Loss>,
    /// The plan that a person approved.
    pub approved: Option<PlanHash>,
    /// The plans that people rejected. A rejected plan is held whatever it removes.
    pub rejected: Vec<PlanHash>,
}

/// What a held plan waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// Every limit that it exceeds.
    pub exceeded: Vec<Exceeded>,
    /// How many people it deactivates or deletes because a mapping has gone, where [`Terms::hold_departures`] says that they count.
    pub departures: u64,
    /// What can't be seen any more of what was there before, where the plan may follow from that.
    pub losses: Vec<Loss>,
    /// Whether a person rejected it: it stays undone until it is another plan.
    pub rejected: bool,
}

impl Hold {
    /// Why it waits, a line for each reason. Teams, inboxes and roles are named, and people never.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self.exceeded.iter().map(ToString::to_string).collect();
        reasons.extend(self.losses.iter().map(ToString::to_string));
        match self.departures {
            0 => {}
            1 => reasons.push("1 user would go because a mapping is gone or names other groups".to_owned()),
            many => reasons.push(format!(
                "{many} users would go because a mapping is gone or names other groups"
            )),
        }
        if self.rejected {
            reasons.push("a person rejected it".to_owned());
        }
        reasons
    }
}

/// What the guard says of a plan.
pub enum Verdict<'a> {
    /// It may be applied.
    Pass(ApprovedPlan<'a>),
    /// It removes too much and nobody has approved it, or somebody has rejected it. It is untouched.
    Hold(Plan<'a>, Hold),
}

/// Judges a plan. `hash` is the plan's own, see [`Plan::hash`].
pub fn guard<'a>(plan: Plan<'a>, hash: &PlanHash, terms: &Terms) -> Verdict<'a> {
    let hold = Hold {
        losses: losses(&plan, &terms.losses),
        exceeded: {
            let mut exceeded = exceeded(&plan.populations, &terms.limits);
            exceeded.extend(exceeded_by_mappings(&plan.tightened, &terms.limits));
            exceeded
        },
        departures: if terms.hold_departures { plan.departures() } else { 0 },
        rejected: terms.rejected.contains(hash),
    };
    let too_much = !hold.exceeded.is_empty() || hold.departures > 0 || !hold.losses.is_empty();
    if hold.rejected || (too_much && terms.approved.as_ref() != Some(hash)) {
        Verdict::Hold(plan, hold)
    } else {
        Verdict::Pass(ApprovedPlan(plan))
    }
}

/// The losses from which something of the plan may follow: removals from all of them, updates from lost values.
fn losses(plan: &Plan<'_>, losses: &[Loss]) -> Vec<Loss> {
    let removes = plan.removal_counts() != RemovalCounts::default();
    let matters = |loss: &&Loss| removes || (loss.is_about_values() && !plan.is_empty());
    losses.iter().filter(matters).copied().collect()
}

/// Judges each team, role and inbox by what we gave there, and each kind as a whole: many small losses are a large one.
fn exceeded(populations: &[Population], limits: &Limits) -> Vec<Exceeded> {
    let mut found = Vec::new();
    for kind in RemovalKind::ALL {
        let of_kind = || populations.iter().filter(move |population| population.kind == kind);
        let removals = of_kind().map(|population| population.removals).sum();
        let population = of_kind().map(|population| population.size).sum();
        let mut judge = |name: Option<&String>, removals: u64, population: u64| {
            let allowed = limits.allowed(population);
            if removals > allowed {
                found.push(Exceeded {
                    kind,
                    name: name.cloned(),
                    removals,
                    population,
                    allowed,
                    mapping: None,
                });
            }
        };
        judge(None, removals, population);
        of_kind()
            .filter(|population| population.name.is_some())
            .for_each(|population| judge(population.name.as_ref(), population.removals, population.size));
    }
    found
}

/// The same for what each mapping limits beyond that.
fn exceeded_by_mappings(tightened: &[Tightened], limits: &Limits) -> Vec<Exceeded> {
    let mut found = Vec::new();
    let mut judge = |one: &Tightened, name: Option<&String>, removals: u64, population: u64| {
        let allowed = one.limits.stricter(*limits).allowed(population);
        if removals > allowed {
            found.push(Exceeded {
                kind: one.kind,
                name: name.cloned(),
                removals,
                population,
                allowed,
                mapping: Some(one.mapping.clone()),
            });
        }
    };
    let mut sorted: Vec<&Tightened> = tightened.iter().collect();
    sorted.sort_by(|one, other| (&one.mapping, one.kind, &one.name).cmp(&(&other.mapping, other.kind, &other.name)));
    for same in sorted.chunk_by(|one, other| (&one.mapping, one.kind) == (&other.mapping, other.kind)) {
        if same.len() > 1 {
            let removals = same.iter().map(|one| one.removals).sum();
            let size = same.iter().map(|one| one.size).sum();
            judge(same[0], None, removals, size);
        }
        same.iter()
            .for_each(|one| judge(one, Some(&one.name), one.removals, one.size));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_holds_a_plan_is_among_the_reasons() {
        let hold = Hold {
            exceeded: exceeded(
                &[Population {
                    kind: RemovalKind::User,
                    name: None,
                    size: 10,
                    removals: 5,
                }],
                &Limits::default(),
            ),
            departures: 1,
            losses: vec![Loss::Members { count: 9 }],
            rejected: true,
        };
        let expected = [
            "5 of 10 users would be removed, allowed are 4",
            "groups still name 9 people who were read before and are not any more",
            "1 user would go because a mapping is gone or names other groups",
            "a person rejected it",
        ];
        assert_eq!(hold.reasons(), expected);
        let departures = Hold {
            departures: 2,
            ..Hold::default()
        };
        assert_eq!(
            departures.reasons(),
            ["2 users would go because a mapping is gone or names other groups"]
        );
    }

    #[test]
    fn many_small_losses_are_a_large_one() {
        let team = |name: &str| Population {
            kind: RemovalKind::TeamMembership,
            name: Some(name.to_owned()),
            size: 10,
            removals: 4,
        };
        let teams: Vec<_> = (0..100).map(|number| team(&number.to_string())).collect();
        let exceeded = exceeded(&teams, &Limits::default());
        assert_eq!(exceeded.len(), 1);
        assert_eq!(
            exceeded[0].to_string(),
            "400 of 1000 team memberships would be removed, allowed are 200"
        );
    }
}
