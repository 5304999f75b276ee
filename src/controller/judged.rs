//! Loosening is approving: what the last plan was judged by, and how the next one is judged because of it.
//!
//! - The first plan of a new generation, of the connection or of a mapping, is judged by the stricter of the limits and
//!   protections of before and of now. A
//!   plan counts as judged where it could have been carried out: in Apply mode, by a read that saw everything, and with no
//!   mapping that kept people where they are.
//! - Where a mapping has gone, or names other groups, what its people would lose their accounts for is held, until such a
//!   plan isn't held any more.
//!
//! While the operator runs it knows what it judged by; after a restart it knows digests. Where those say that something
//! changed meanwhile and not what, the first plan is judged as if everything had been loosened: every removal is held.

use std::collections::{BTreeMap, BTreeSet};

use directory_sync_model::{
    limits::{Limits, Tightening},
    rules::{Protect, Rules, UserScope},
    snapshot::Seen,
};

use super::digest::Digest;
use crate::api::{
    connection::DirectoryConnectionStatus,
    mapping::GroupMapping,
    status::{HandledLimits, HandledSight, LastHandled},
};

/// Something that was known, or its digest.
#[derive(Clone, Debug)]
pub enum Known<T> {
    /// It is known.
    Fully(T),
    /// Another process knew it.
    Digest(Digest),
}

/// The `removals` of mappings that have any, by the mapping's name.
pub type Tightenings = BTreeMap<String, Tightening>;

/// What the last plan was judged by.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The limits of the spec.
    pub limits: Limits,
    /// What was protected.
    pub protect: Known<Protect>,
    /// What mappings tightened; `None`: nothing, as far as is known.
    pub tightenings: Option<Known<Tightenings>>,
    /// The groups that mappings named in the last plan that wasn't held, and since; `None` until there was a plan.
    pub groups: Option<Known<BTreeSet<String>>>,
    /// What the read of the last plan that passed saw.
    pub seen: Option<Seen>,
}

/// The part of a plan's rules that the next plan is compared with.
#[derive(Clone, Debug)]
pub struct JudgedRules {
    /// The limits of the spec.
    pub limits: Limits,
    /// What the spec protects.
    pub protect: Protect,
    /// What mappings tighten.
    pub tightenings: Tightenings,
    /// The groups that mappings name, see [`groups`].
    pub groups: BTreeSet<String>,
    /// What the plan's read saw.
    pub seen: Option<Seen>,
}

/// How much of what it would remove a plan could show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// All of it, and it wasn't held.
    Passed,
    /// All of it, and it was held, or wasn't carried out to its end.
    Held,
    /// Only a part: the read was incomplete, or a mapping kept people where they are.
    Partial,
}

/// How the next plan is judged beside the rules themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Limits of before; the stricter ones count.
    pub limits: Option<Limits>,
    /// Whether deactivations of people whom no mapping wants any more are held.
    pub hold_departures: bool,
}

/// Limits under which every removal is held.
const NO_REMOVALS: Limits = Limits {
    max_percent: 0,
    min_population: 0,
    max_count: Some(0),
};

impl Judged {
    /// What the status tells of it.
    pub fn recall(status: &DirectoryConnectionStatus) -> Option<Self> {
        let handled = status.last_handled.as_ref()?;
        let limits = handled.limits?;
        Some(Self {
            limits: Limits {
                max_percent: u8::try_from(limits.max_percent).unwrap_or(0),
                min_population: u32::try_from(limits.min_population).unwrap_or(0),
                max_count: limits.max_count.map(|count| u32::try_from(count).unwrap_or(0)),
            },
            protect: Known::Digest(Digest::stored(&handled.protect)?),
            tightenings: Digest::stored(&handled.mapping_removals).map(Known::Digest),
            groups: Digest::stored(&handled.groups).map(Known::Digest),
            seen: handled.seen.as_ref().map(HandledSight::recall),
        })
    }

    /// Writes it down.
    pub fn store(&self, handled: &mut LastHandled) {
        let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        handled.limits = Some(HandledLimits {
            max_percent: i32::from(self.limits.max_percent),
            min_population: number(self.limits.min_population),
            max_count: self.limits.max_count.map(number),
        });
        handled.protect = match &self.protect {
            Known::Fully(protect) => protect_digest(protect),
            Known::Digest(digest) => digest.clone(),
        }
        .to_string();
        handled.mapping_removals = match &self.tightenings {
            Some(Known::Fully(tightenings)) if !tightenings.is_empty() => tightenings_digest(tightenings).to_string(),
            Some(Known::Digest(digest)) => digest.to_string(),
            _ => String::new(),
        };
        handled.groups = match &self.groups {
            Some(Known::Fully(groups)) => groups_digest(groups).to_string(),
            Some(Known::Digest(digest)) => digest.to_string(),
            None => String::new(),
        };
        handled.seen = self.seen.as_ref().map(HandledSight::store);
    }

    /// How a plan of these rules is judged because of it. What was protected before stays so for this plan.
    pub fn strictness(&self, rules: &mut Rules, groups: &BTreeSet<String>) -> Strictness {
        let mut limits = self.limits;
        match &self.protect {
            Known::Fully(before) => {
                rules.protect.users.extend(before.users.iter().cloned());
                rules.protect.roles.extend(before.roles.iter().cloned());
                rules.protect.teams.extend(before.teams.iter().cloned());
                let fewest = &mut rules.protect.min_administrators;
                *fewest = (*fewest).max(before.min_administrators);
            }
            Known::Digest(before) if *before != protect_digest(&rules.protect) => limits = NO_REMOVALS,
            Known::Digest(_) => {}
        }
        match &self.tightenings {
            Some(Known::Fully(before)) => {
                for mapping in &mut rules.mappings {
                    if let Some(before) = before.get(&mapping.name) {
                        mapping.removals = Some(mapping.removals.unwrap_or_default().stricter(*before));
                    }
                }
            }
            Some(Known::Digest(before)) if *before != tightenings_digest(&tightenings(rules)) => limits = NO_REMOVALS,
            Some(Known::Digest(_)) | None => {}
        }
        let gone = match &self.groups {
            None => false,
            Some(Known::Fully(before)) => !before.is_subset(groups),
            Some(Known::Digest(before)) => *before != groups_digest(groups),
        };
        Strictness {
            limits: Some(limits),
            // Where everybody is in scope, nobody leaves it with a mapping.
            hold_departures: gone && rules.scope == UserScope::MappedGroups,
        }
    }

    /// What the next plan is compared with, after this one. A read is a measure only where its plan passed: what a held one
    /// saw less is still a loss the next time.
    pub fn next(before: Option<&Self>, rules: JudgedRules, weight: Weight) -> Self {
        let known = before.and_then(|before| before.seen);
        let now = Self {
            seen: if weight == Weight::Passed { rules.seen } else { known },
            limits: rules.limits,
            protect: Known::Fully(rules.protect),
            tightenings: Some(Known::Fully(rules.tightenings)),
            groups: Some(Known::Fully(rules.groups)),
        };
        let Some(before) = before.filter(|_| weight != Weight::Passed) else {
            return now;
        };
        // Groups of before count until the people of those that have gone were judged, and new ones may go before that.
        let groups = before.groups.as_ref().zip(now.groups.as_ref());
        let groups = groups.map(|(before, now)| before.and(now, |one, other| one | other, groups_digest));
        if weight == Weight::Held {
            return Self {
                groups: groups.or(now.groups),
                ..now
            };
        }
        let both = |one: &Protect, other: &Protect| Protect {
            users: &one.users | &other.users,
            roles: &one.roles | &other.roles,
            teams: &one.teams | &other.teams,
            min_administrators: one.min_administrators.max(other.min_administrators),
        };
        Self {
            limits: before.limits.stricter(now.limits),
            protect: before.protect.and(&now.protect, both, protect_digest),
            tightenings: match (&before.tightenings, &now.tightenings) {
                (Some(before), Some(now)) => Some(before.and(now, stricter_of_each, tightenings_digest)),
                _ => now.tightenings.clone(),
            },
            groups: groups.or(now.groups),
            seen: known,
        }
    }
}

impl<T: Clone> Known<T> {
    /// Both together. What another process knew and is something else now can't be told, and stays a digest that differs.
    fn and(&self, now: &Self, both: impl Fn(&T, &T) -> T, digest: impl Fn(&T) -> Digest) -> Self {
        match (self, now) {
            (Self::Fully(before), Self::Fully(now)) => Self::Fully(both(before, now)),
            (Self::Digest(before), Self::Fully(known)) if *before == digest(known) => now.clone(),
            _ => self.clone(),
        }
    }
}

/// The groups that mappings name, each in words that no other selector has.
pub fn groups<'m>(mappings: impl IntoIterator<Item = &'m GroupMapping>) -> BTreeSet<String> {
    mappings
        .into_iter()
        .map(|mapping| serde_json::to_string(&mapping.spec.group).unwrap_or_default())
        .collect()
}

/// What mappings tighten.
pub fn tightenings(rules: &Rules) -> Tightenings {
    let mappings = rules.mappings.iter();
    mappings
        .filter_map(|mapping| Some((mapping.name.clone(), mapping.removals?)))
        .collect()
}

fn stricter_of_each(one: &Tightenings, other: &Tightenings) -> Tightenings {
    let mut both = one.clone();
    for (name, tightening) in other {
        let known = both.entry(name.clone()).or_insert(*tightening);
        *known = known.stricter(*tightening);
    }
    both
}

fn tightenings_digest(tightenings: &Tightenings) -> Digest {
    let words: Vec<String> = tightenings
        .iter()
        .map(|(name, tightening)| format!("{name} {tightening:?}"))
        .collect();
    Digest::of(words.iter().map(String::as_str))
}

fn groups_digest(groups: &BTreeSet<String>) -> Digest {
    Digest::of(groups.iter().map(String::as_str))
}

fn protect_digest(protect: &Protect) -> Digest {
    let Protect {
        users,
        roles,
        teams,
        min_administrators,
    } = protect;
    let users = users.iter().map(String::as_str);
    let roles = roles.iter().map(String::as_str);
    let teams = teams.iter().map(String::as_str);
    let fewest = min_administrators.to_string();
    Digest::of(users.chain(["/"]).chain(roles).chain(["/", &fewest]).chain(teams))
}

#[cfg(test)]
mod tests {
    use directory_sync_model::{
        attribute::{Attribute, AttributeSet},
        rules::{Adoption, Deprovision},
    };

    use super::*;

    fn limits(max_percent: u8) -> Limits {
        Limits {
            max_percent,
            ..Limits::default()
        }
    }

    fn protect(users: &[&str]) -> Protect {
        Protect {
            users: users.iter().map(|&user| user.to_owned()).collect(),
            ..Protect::default()
        }
    }

    fn set(groups: &[&str]) -> BTreeSet<String> {
        groups.iter().map(|&group| group.to_owned()).collect()
    }

    fn seen(users: u64) -> Seen {
        Seen {
            users,
            groups: 7,
            grouped: 90,
            strangers: 2,
            common: AttributeSet::of(&[Attribute::Department, Attribute::Active]),
            ..Seen::default()
        }
    }

    fn rules(max_percent: u8, users: &[&str], scope: UserScope) -> Rules {
        Rules {
            owner: "acme".into(),
            scope,
            filter: None,
            attributes: Vec::new(),
            default_role: None,
            allowed_roles: None,
            adoption: Adoption::Email,
            from_owners: BTreeSet::new(),
            deprovision: Deprovision::Deactivate,
            protect: protect(users),
            limits: limits(max_percent),
            mappings: Vec::new(),
        }
    }

    fn these(max_percent: u8, users: &[&str], groups: &[&str]) -> JudgedRules {
        JudgedRules {
            limits: limits(max_percent),
            protect: protect(users),
            tightenings: BTreeMap::new(),
            groups: set(groups),
            seen: Some(seen(100)),
        }
    }

    /// What another process makes of it, by way of the status.
    fn after_a_restart(judged: &Judged) -> Judged {
        let mut handled = LastHandled::default();
        judged.store(&mut handled);
        let status = DirectoryConnectionStatus {
            last_handled: Some(handled),
            ..DirectoryConnectionStatus::default()
        };
        Judged::recall(&status).unwrap()
    }

    fn judged() -> Judged {
        Judged::next(None, these(20, &["ann@acme.test"], &["a", "b"]), Weight::Passed)
    }

    #[test]
    fn the_first_plan_after_limits_were_loosened_is_judged_by_the_old_ones() {
        for judged in [judged(), after_a_restart(&judged())] {
            let mut rules = rules(90, &["ann@acme.test"], UserScope::MappedGroups);
            let strictness = judged.strictness(&mut rules, &set(&["a", "b"]));
            assert_eq!(
                strictness,
                Strictness {
                    limits: Some(limits(20)),
                    hold_departures: false
                }
            );
        }
    }

    #[test]
    fn who_was_protected_stays_so_for_one_plan() {
        let mut rules = rules(20, &["bob@acme.test"], UserScope::MappedGroups);
        judged().strictness(&mut rules, &set(&["a", "b"]));
        assert_eq!(rules.protect.users, protect(&["ann@acme.test", "bob@acme.test"]).users);
    }

    #[test]
    fn a_mapping_that_was_loosened_is_judged_by_its_old_limits_once() {
        let tight = Tightening {
            max_percent: Some(5),
            ..Tightening::default()
        };
        let mut before = these(20, &[], &["a"]);
        before.tightenings = [("support".to_owned(), tight)].into();
        let judged = Judged::next(None, before, Weight::Passed);
        let rules = || {
            let mut rules = rules(20, &[], UserScope::MappedGroups);
            rules.mappings = vec![directory_sync_model::rules::Mapping {
                name: "support".into(),
                group: directory_sync_model::rules::GroupSelector::Id("g".into()),
                team: None,
                create_team: false,
                role: None,
                inboxes: Vec::new(),
                priority: 100,
                suspended: false,
                removals: None,
            }];
            rules
        };
        let mut loosened = rules();
        judged.strictness(&mut loosened, &set(&["a"]));
        assert_eq!(loosened.mappings[0].removals, Some(tight));
        let restarted = after_a_restart(&judged);
        assert_eq!(
            restarted.strictness(&mut rules(), &set(&["a"])).limits,
            Some(NO_REMOVALS)
        );
        let partial = Judged::next(Some(&judged), these(20, &[], &["a"]), Weight::Partial);
        let mut still = rules();
        partial.strictness(&mut still, &set(&["a"]));
        assert_eq!(still.mappings[0].removals, Some(tight));
        let passed = Judged::next(Some(&judged), these(20, &[], &["a"]), Weight::Passed);
        for judged in [after_a_restart(&passed), passed] {
            let mut free = rules();
            assert_eq!(judged.strictness(&mut free, &set(&["a"])).limits, Some(limits(20)));
            assert_eq!(free.mappings[0].removals, None);
        }
    }

    #[test]
    fn a_team_that_was_protected_stays_so_for_one_plan() {
        let mut before = these(20, &[], &["a"]);
        before.protect.teams = set(&["Board"]);
        let judged = Judged::next(None, before, Weight::Passed);
        let mut loosened = rules(20, &[], UserScope::MappedGroups);
        judged.strictness(&mut loosened, &set(&["a"]));
        assert_eq!(loosened.protect.teams, set(&["Board"]));
        let strictness =
            after_a_restart(&judged).strictness(&mut rules(20, &[], UserScope::MappedGroups), &set(&["a"]));
        assert_eq!(strictness.limits, Some(NO_REMOVALS));
        let partial = Judged::next(Some(&judged), these(20, &[], &["a"]), Weight::Partial);
        let mut still = rules(20, &[], UserScope::MappedGroups);
        partial.strictness(&mut still, &set(&["a"]));
        assert_eq!(still.protect.teams, set(&["Board"]));
    }

    #[test]
    fn a_protection_that_changed_while_nobody_looked_holds_every_removal_once() {
        let mut rules = rules(20, &["bob@acme.test"], UserScope::MappedGroups);
        let strictness = after_a_restart(&judged()).strictness(&mut rules, &set(&["a", "b"]));
        assert_eq!(strictness.limits, Some(NO_REMOVALS));
        assert_eq!(NO_REMOVALS.allowed(1_000_000), 0);
    }

    #[test]
    fn a_group_that_no_mapping_names_any_more_holds_departures() {
        for judged in [judged(), after_a_restart(&judged())] {
            let mut mapped = rules(20, &["ann@acme.test"], UserScope::MappedGroups);
            assert!(judged.strictness(&mut mapped, &set(&["a"])).hold_departures);
            let mut all = rules(20, &["ann@acme.test"], UserScope::All);
            assert!(!judged.strictness(&mut all, &set(&["a"])).hold_departures);
        }
    }

    #[test]
    fn one_more_group_holds_nothing() {
        let mut rules = rules(20, &["ann@acme.test"], UserScope::MappedGroups);
        assert!(!judged().strictness(&mut rules, &set(&["a", "b", "c"])).hold_departures);
    }

    #[test]
    fn departures_stay_held_until_a_plan_that_saw_everybody_is_not_held_any_more() {
        let mut rules = rules(20, &[], UserScope::MappedGroups);
        for before in [judged(), after_a_restart(&judged())] {
            for weight in [Weight::Held, Weight::Partial] {
                let waits = Judged::next(Some(&before), these(20, &[], &["a"]), weight);
                assert!(waits.strictness(&mut rules, &set(&["a"])).hold_departures, "{weight:?}");
                let again = after_a_restart(&waits);
                assert!(again.strictness(&mut rules, &set(&["a"])).hold_departures, "{weight:?}");
                let passed = Judged::next(Some(&waits), these(20, &[], &["a"]), Weight::Passed);
                assert!(!passed.strictness(&mut rules, &set(&["a"])).hold_departures);
            }
        }
    }

    #[test]
    fn a_mapping_that_came_while_plans_were_held_holds_departures_when_it_goes() {
        let held = Judged::next(Some(&judged()), these(20, &[], &["a", "b", "c"]), Weight::Held);
        let mut rules = rules(20, &[], UserScope::MappedGroups);
        assert!(held.strictness(&mut rules, &set(&["a", "b"])).hold_departures);
    }

    #[test]
    fn loosening_counts_from_the_first_plan_that_saw_everybody() {
        for before in [judged(), after_a_restart(&judged())] {
            let partial = Judged::next(
                Some(&before),
                these(90, &["ann@acme.test"], &["a", "b"]),
                Weight::Partial,
            );
            let mut rules = rules(90, &["ann@acme.test"], UserScope::MappedGroups);
            assert_eq!(
                partial.strictness(&mut rules, &set(&["a", "b"])).limits,
                Some(limits(20))
            );
            let held = Judged::next(Some(&partial), these(90, &["ann@acme.test"], &["a", "b"]), Weight::Held);
            assert_eq!(held.strictness(&mut rules, &set(&["a", "b"])).limits, Some(limits(90)));
        }
        let partial = Judged::next(Some(&judged()), these(20, &[], &["a", "b"]), Weight::Partial);
        let mut rules = rules(20, &[], UserScope::MappedGroups);
        partial.strictness(&mut rules, &set(&["a", "b"]));
        assert_eq!(rules.protect.users, protect(&["ann@acme.test"]).users);
    }

    #[test]
    fn what_was_seen_is_a_measure_once_its_plan_passed_and_outlives_a_restart() {
        let fewer = |weight| {
            let rules = JudgedRules {
                seen: Some(seen(40)),
                ..these(20, &[], &["a"])
            };
            Judged::next(Some(&judged()), rules, weight)
        };
        for (weight, users) in [(Weight::Passed, 40), (Weight::Held, 100), (Weight::Partial, 100)] {
            let judged = fewer(weight);
            assert_eq!(judged.seen, Some(seen(users)), "{weight:?}");
            assert_eq!(after_a_restart(&judged).seen, Some(seen(users)), "{weight:?}");
        }
    }

    #[test]
    fn a_first_plan_has_nothing_to_be_stricter_than() {
        assert!(Judged::recall(&DirectoryConnectionStatus::default()).is_none());
    }
}
