//! The same meaning worked out a second time, slowly and from the plain data alone: what a sync leaves on the platform
//! is compared with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use proptest::prelude::*;

use directory_sync_model::{
    observed::{ContainerKind, Mark},
    plan::KeptReason,
    rules::Deprovision,
    value::AttributeValue,
};

use crate::support::{
    Directory, OWNER, Platform, World,
    directory::{Group, Person},
    platform::{User, address},
    random::{MappingSpec, Question, RulesSpec, SALES, Select, Team, world, worlds},
    world::{DAY, Outcome},
};

const GROUPS: [&str; 4] = ["A", "B", "C", "D"];
const TEAMS: [&str; 4] = ["T0", "T1", "T2", "A"];
const ROLES: [&str; 4] = ["member", "agent", "lead", "admin"];

/// One sync, seen from outside.
struct Seen<'a> {
    directory: &'a Directory,
    spec: &'a RulesSpec,
    before: &'a Platform,
    after: &'a Platform,
    outcome: &'a Outcome,
    now: SystemTime,
}

fn passes(question: Question, person: &Person) -> bool {
    match question {
        Question::IsInSales | Question::FailsForSales => {
            (person.department == SALES) == (question == Question::IsInSales)
        }
        Question::HasPhone => !person.phone.is_empty(),
    }
}

impl Seen<'_> {
    /// People about whom something can be said: no failure, one entry, not touched by hand or protected.
    fn usual(&self) -> impl Iterator<Item = &Person> {
        let failed: BTreeSet<&str> = self.outcome.failures.iter().map(|(id, _)| id.as_str()).collect();
        self.directory.people.iter().filter(move |person| {
            let entries = self.directory.people.iter().filter(|other| other.id == person.id);
            !failed.contains(person.id.as_str()) && entries.count() == 1 && !person.unreadable
        })
    }

    fn user(&self, person: &Person) -> Option<&User> {
        self.after.users.iter().find(|user| user.external_id == person.id)
    }

    fn protects(&self, email: &str) -> bool {
        self.spec
            .protected_user
            .is_some_and(|at| address(email) == format!("m{at}@acme.test"))
    }

    /// Whether the person's user is nothing that a sync may change.
    fn is_left_alone(&self, user: &User) -> bool {
        let before = self.before.users.iter().find(|before| before.id == user.id);
        let person = self
            .directory
            .people
            .iter()
            .find(|person| person.id == user.external_id);
        before.is_some_and(|before| self.protects(&before.email))
            || person.is_some_and(|person| person.active && self.protects(&person.email))
            || self.before.own_account.as_ref() == Some(&user.id)
            || (!user.active && user.mark.as_ref().is_none_or(|mark| mark.deactivated.is_none()))
    }

    /// The groups that a mapping is about; those of a mapping without problems.
    fn groups(&self, spec: &MappingSpec) -> Vec<&Group> {
        let named = |names: &[&str]| {
            let groups = self.directory.groups.iter();
            groups.filter(|group| names.contains(&group.name.as_str())).collect()
        };
        match &spec.group {
            Select::Id(at) => {
                let id = format!("g-{}", GROUPS[*at]);
                self.directory.groups.iter().filter(|group| group.id == id).collect()
            }
            Select::Name(at) => named(&[GROUPS[*at]]),
            Select::Regex("[AB]") => named(&["A", "B"]),
            Select::Regex("[ACD]") => named(&["A", "C", "D"]),
            Select::Regex(_) | Select::Members(_) => Vec::new(),
        }
    }

    fn members(&self, group: &Group) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open = vec![group.id.clone()];
        let mut people = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            for group in self.directory.groups.iter().filter(|group| group.id == id) {
                for member in &group.members {
                    match self.directory.people.iter().find(|person| person.id == *member) {
                        Some(person) => drop(people.insert(person.id.as_str())),
                        None => open.push(member.clone()),
                    }
                }
            }
        }
        people
    }

    fn is_in(&self, spec: &MappingSpec, person: &Person) -> bool {
        match &spec.group {
            Select::Members(question) => passes(*question, person),
            _ => self
                .groups(spec)
                .iter()
                .any(|group| self.members(group).contains(person.id.as_str())),
        }
    }

    /// Mappings that do what they say.
    fn good(&self) -> impl Iterator<Item = &MappingSpec> {
        let bad: BTreeSet<&str> = self.outcome.problems.iter().map(|(name, _)| name.as_str()).collect();
        let all = self.spec.mappings.iter().enumerate();
        all.filter(move |(at, spec)| !spec.suspended && !bad.contains(format!("m{at}").as_str()))
            .map(|(_, spec)| spec)
    }

    fn is_wanted(&self, person: &Person) -> bool {
        let mapped = self.spec.everybody || self.good().any(|spec| self.is_in(spec, person));
        person.active && mapped && self.spec.filter.is_none_or(|filter| passes(filter, person))
    }

    /// The ids of all teams and inboxes in which a good mapping wants the person.
    fn places(&self, person: &Person) -> BTreeSet<&str> {
        let find = |kind, fits: &dyn Fn(&str, &str) -> bool| {
            let held = self.after.containers.iter();
            let found = held.filter(move |held| held.kind == kind);
            found
                .filter(|held| fits(&held.id, &held.name))
                .map(|held| held.id.as_str())
                .collect::<Vec<_>>()
        };
        let mut places = BTreeSet::new();
        for spec in self.good().filter(|spec| self.is_in(spec, person)) {
            match &spec.team {
                None => {}
                Some(Team::Id(at)) => {
                    let id = format!("t-{}", TEAMS[*at]);
                    places.extend(find(ContainerKind::Team, &|other, _| other == id));
                }
                Some(Team::Name(at)) => {
                    places.extend(find(ContainerKind::Team, &|_, name| {
                        name.eq_ignore_ascii_case(TEAMS[*at])
                    }));
                }
                Some(Team::Expression) => {
                    let of_his = self.groups(spec);
                    let of_his = of_his
                        .iter()
                        .filter(|group| self.members(group).contains(person.id.as_str()));
                    for group in of_his {
                        places.extend(find(ContainerKind::Team, &|_, name| {
                            name.eq_ignore_ascii_case(&group.name)
                        }));
                    }
                }
            }
            if spec.inbox {
                places.extend(find(ContainerKind::Inbox, &|_, _| true));
            }
        }
        places
    }

    /// The role that good mappings want; `None` when they want none, or contradict each other.
    fn role(&self, person: &Person) -> Option<&'static str> {
        let mut by_priority: BTreeMap<i32, BTreeSet<usize>> = BTreeMap::new();
        for spec in self.good().filter(|spec| self.is_in(spec, person)) {
            if let Some(role) = spec.role {
                by_priority.entry(spec.priority).or_default().insert(role);
            }
        }
        let (_, roles) = by_priority.last_key_value()?;
        let mut roles = roles.iter();
        let first = roles.next().map(|at| ROLES[*at]);
        first.filter(|_| roles.next().is_none())
    }

    /// Whoever is wanted is there, and has what he is to have.
    fn nobody_is_missed(&self) {
        let unprotected = self.usual().filter(|person| !self.protects(&person.email));
        for person in unprotected.filter(|person| self.is_wanted(person)) {
            let Some(user) = self.user(person) else {
                let protected = self
                    .before
                    .users
                    .iter()
                    .find(|user| address(&user.email) == address(&person.email));
                assert!(
                    protected.is_some_and(|user| self.is_left_alone(user)),
                    "{} is missing",
                    person.id
                );
                continue;
            };
            if self.is_left_alone(user) {
                continue;
            }
            assert!(user.active, "{} is inactive", person.id);
            assert_eq!(user.mark.as_ref().unwrap().owner, OWNER);
            assert_eq!(address(&user.email), address(&person.email));
            let department = user.attributes.get("department");
            let expected = AttributeValue::Text(person.department.clone());
            assert_eq!(department, Some(&expected).filter(|_| !person.department.is_empty()));
            for place in self.places(person) {
                let key = (place.to_owned(), user.id.clone());
                assert!(
                    self.after.memberships.contains_key(&key),
                    "{} is not in {place}",
                    person.id
                );
            }
        }
    }

    /// Whether somebody whom an earlier sync deactivated has been inactive for long enough.
    fn is_due(&self, user: &User) -> bool {
        let before = self.before.users.iter().find(|before| before.id == user.id);
        let since = before
            .filter(|before| !before.active)
            .and_then(|before| before.mark.as_ref()?.deactivated);
        match (self.spec.deprovision, since) {
            (Deprovision::DeleteAfter(rest), Some(since)) => since + rest <= self.now,
            _ => false,
        }
    }

    /// Whoever is deleted is due, and the directory has been read whole and doesn't want him.
    fn nobody_is_deleted_who_is_not_gone(&self) {
        let left = |user: &&User| !self.after.users.iter().any(|other| other.id == user.id);
        for user in self.before.users.iter().filter(left) {
            assert!(self.is_due(user), "{} was not due", user.id);
            assert_eq!(self.outcome.doubts, [], "{} was deleted in doubt", user.id);
            let people = self.directory.people.iter();
            for person in people.filter(|person| person.id == user.external_id && person.active) {
                assert!(!self.is_wanted(person), "{} is wanted", user.id);
                let in_scope = self.spec.filter.is_none_or(|filter| passes(filter, person));
                let frozen = self.spec.mappings.iter().any(|mapping| mapping.suspended);
                assert!(!(in_scope && frozen), "{} may be wanted", user.id);
            }
        }
    }

    /// Where nothing is in doubt, whatever we gave and nobody wants any more is taken back.
    fn nothing_is_left_over(&self) {
        let in_doubt = !self.outcome.doubts.is_empty()
            || self.spec.mappings.is_empty()
            || self.good().count() < self.spec.mappings.len()
            || self
                .outcome
                .kept
                .iter()
                .any(|kept| kept.reason == KeptReason::LastAdministrator);
        if in_doubt {
            return;
        }
        let failed = |user: &User| {
            let ids = [&user.external_id, &user.id];
            self.outcome.failures.iter().any(|(id, _)| ids.contains(&id))
        };
        for user in self
            .after
            .users
            .iter()
            .filter(|user| !failed(user) && !self.is_left_alone(user))
        {
            if user.mark.as_ref().is_none_or(|mark| mark.owner != OWNER) {
                continue;
            }
            let person = self
                .directory
                .people
                .iter()
                .find(|person| person.id == user.external_id);
            let wanted = person.filter(|person| self.is_wanted(person));
            let protected_role = self.spec.protected_role.is_some_and(|at| ROLES[at] == user.role);
            let kept = self.spec.deprovision == Deprovision::Keep;
            assert!(
                wanted.is_some() || !user.active || protected_role || kept,
                "{} is still active",
                user.id
            );
            assert!(
                wanted.is_some() || !self.is_due(user) || protected_role,
                "{} is still there",
                user.id
            );
            if wanted.is_none() && protected_role {
                continue;
            }
            let places = wanted.map(|person| self.places(person)).unwrap_or_default();
            for ((container, id), owner) in &self.after.memberships {
                let held = self.after.containers.iter().find(|held| held.id == *container);
                let protected = held.is_some_and(|held| self.spec.protects_team(held));
                let ours = owner.as_deref() == Some(OWNER) && *id == user.id && !protected;
                assert!(
                    !ours || places.contains(container.as_str()),
                    "{id} is still in {container}"
                );
            }
            if wanted.is_some() || user.active {
                self.role_is_right(wanted, user);
            }
        }
    }

    /// The role that is left is what mappings want, unless a hand has set it or something protects it.
    fn role_is_right(&self, person: Option<&Person>, user: &User) {
        let wish = person.and_then(|person| self.role(person));
        let before = self.before.users.iter().find(|before| before.id == user.id);
        let protected = |role: &str| self.spec.protected_role.is_some_and(|at| ROLES[at] == role);
        let Some(before) = before else {
            let default = self.spec.default_role.unwrap_or("member");
            assert_eq!(user.role, wish.unwrap_or(default), "a new user");
            return;
        };
        let counts = |mark: &&Mark| mark.owner == OWNER || self.spec.takes_over;
        let mark = before.mark.as_ref().filter(counts);
        let given = mark.and_then(|mark| mark.role.as_deref());
        let ours = !before.role.is_empty() && given == Some(&before.role);
        let nobodys = given.is_none()
            && (before.role.is_empty()
                || before.role == "member"
                || Some(before.role.as_str()) == self.spec.default_role);
        let conflict = self
            .good()
            .any(|spec| spec.role.is_some() && person.is_some_and(|person| self.is_in(spec, person)));
        let lapsed = match self.spec.default_role {
            Some(role) if !ROLES.contains(&role) || protected(role) => before.role.as_str(),
            Some(role) => role,
            None => "member",
        };
        let expected = match wish {
            Some(role) if ours || nobodys => role,
            None if ours && !conflict => lapsed,
            _ => before.role.as_str(),
        };
        let stays = protected(&before.role) || protected(expected);
        assert_eq!(user.role, if stays { before.role.as_str() } else { expected });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_sync_leaves_exactly_what_a_second_reading_of_the_rules_gives(all in worlds(false)) {
        let (first, second, spec, platform) = &all;
        let mut world: World = world(first, spec, platform);
        for directory in [first, second] {
            world.directory = directory.clone();
            let (before, now) = (world.platform.clone(), world.now);
            let outcome = world.sync();
            world.later(8 * DAY);
            let seen = Seen { directory, spec, before: &before, after: &world.platform, outcome: &outcome, now };
            seen.nobody_is_missed();
            seen.nobody_is_deleted_who_is_not_gone();
            seen.nothing_is_left_over();
        }
    }
}
