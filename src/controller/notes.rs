//! What is noted of a plan while a run has it: it is gone when the run has ended.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use directory_sync_model::{
    attribute::Attribute,
    observed::ContainerKind,
    plan::{Leaver, Place, Plan, Population, Removals, Update},
};

use crate::{
    api::{
        plan::{MAX_SAMPLES, RemovalSample},
        status::{ObjectType, PlatformCounts, cut},
    },
    sync::{Report, Watch, report::Hold},
};

/// The longest text of a sample.
const MAX_TEXT: usize = 256;

/// What is noted of a plan.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// Managed and active users before the plan.
    managed: u64,
    /// How many of those whom it adopts or activates come to them.
    joining: u64,
    /// Teams of the platform that mappings put people into, before the plan.
    teams: u64,
    /// Inboxes of the platform that mappings put people into.
    inboxes: u64,
    /// Removals by name, where the plan is held.
    pub samples: Vec<RemovalSample>,
    /// What it takes from where, where the plan is held.
    pub losses: Vec<Population>,
}

impl Noted {
    /// What is managed after a run.
    pub fn platform(&self, report: &Report) -> PlatformCounts {
        let done = &report.done;
        // Where an update failed nobody knows here whose it was; the next run counts them itself.
        let joined = done.users_created + self.joining.min(done.users_adopted + done.users_activated);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        PlatformCounts {
            users: number((self.managed + joined).saturating_sub(done.users_deactivated)),
            teams: number(self.teams + done.teams_created),
            inboxes: number(self.inboxes),
        }
    }
}

/// Notes what a plan is about.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Option<Noted>>);

impl Notes {
    /// What was noted; `None` where there was no plan.
    pub fn take(&self) -> Option<Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Watch for Notes {
    fn planned(&self, plan: &Plan<'_>, hold: Option<&Hold>) {
        // Several mappings may name one of them in different ways; of those that the platform doesn't have, none counts.
        let places: BTreeSet<usize> = plan.places.iter().flatten().filter_map(held).collect();
        let containers = |kind| {
            let of_kind = places.iter().filter(|at| plan.containers[**at].kind == kind);
            of_kind.count() as u64
        };
        let joins = |update: &&Update| {
            let before = plan.holdings.get(update.holding);
            let active = update.activate || before.active;
            // Somebody whom others have activated was managed and active before.
            (update.adopt || update.activate) && active && !(before.managed && before.active)
        };
        let noted = Noted {
            managed: plan.managed_users,
            joining: plan.updates.iter().filter(joins).count() as u64,
            teams: containers(ContainerKind::Team),
            inboxes: containers(ContainerKind::Inbox),
            samples: hold.map(|_| samples(plan)).unwrap_or_default(),
            losses: hold.map(|_| losses(plan)).unwrap_or_default(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
    }
}

fn held(place: &Place) -> Option<usize> {
    match place {
        Place::Held(at) => Some(*at),
        Place::New(_) => None,
    }
}

/// Every population that the plan takes something from.
fn losses(plan: &Plan<'_>) -> Vec<Population> {
    let populations = plan.populations.iter();
    populations
        .filter(|population| population.removals > 0)
        .cloned()
        .collect()
}

/// Some of the removals of a plan: accounts first, those that are deleted before the others, then roles, then memberships.
fn samples(plan: &Plan<'_>) -> Vec<RemovalSample> {
    let account = |leaver: &Leaver, deleted: bool| {
        let (_, user) = person(plan, leaver.holding);
        RemovalSample {
            kind: ObjectType::User,
            deleted,
            id: cut(&leaver.external_id, MAX_TEXT),
            user: if user.is_empty() {
                cut(&leaver.email, MAX_TEXT)
            } else {
                user
            },
            from: String::new(),
        }
    };
    let deletions = plan.deletions.iter().map(|leaver| account(leaver, true));
    let deactivations = plan.deactivations.iter().map(|leaver| account(leaver, false));
    let roles = plan.role_changes.iter().map(|change| {
        let from = change.from.map_or("", |role| plan.roles[usize::from(role)].as_str());
        sample(plan, ObjectType::Role, change.holding, from)
    });
    let memberships = plan.removals.iter().flat_map(|removals: &Removals| {
        let container = &plan.containers[removals.container];
        let kind = match container.kind {
            ContainerKind::Team => ObjectType::Membership,
            ContainerKind::Inbox => ObjectType::Inbox,
        };
        let leaving = removals.leaving.iter();
        leaving.map(move |holding| sample(plan, kind, *holding, &container.name))
    });
    deletions
        .chain(deactivations)
        .chain(roles)
        .chain(memberships)
        .take(MAX_SAMPLES)
        .collect()
}

fn sample(plan: &Plan<'_>, kind: ObjectType, holding: u32, from: &str) -> RemovalSample {
    let (id, user) = person(plan, holding);
    RemovalSample {
        kind,
        deleted: false,
        id,
        user,
        from: cut(from, MAX_TEXT),
    }
}

/// The id, and the name and address, of a platform's user; the platform's id where the directory doesn't have them.
fn person(plan: &Plan<'_>, holding: u32) -> (String, String) {
    let Some(user) = plan.holdings.get(holding).user() else {
        return (cut(plan.holdings.id(holding), MAX_TEXT), String::new());
    };
    let record = plan.desired.snapshot.user(user);
    let name = match record.text(Attribute::DisplayName) {
        "" => [Attribute::GivenName, Attribute::FamilyName]
            .map(|attribute| record.text(attribute))
            .join(" "),
        name => name.to_owned(),
    };
    let described = format!("{} <{}>", name.trim(), record.text(Attribute::Email));
    let id = plan.desired.snapshot.user_id(user);
    (cut(id, MAX_TEXT), cut(described.trim(), MAX_TEXT))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use directory_sync_model::{
        diff::{Account, Differ},
        fingerprint::FingerprintKey,
        limits::Limits,
        map::map,
        observed::{ContainerRow, MarkRow, Observer as _, UserRow},
        plan::Counts,
        rules::{
            Adoption, Deprovision, GroupSelector, InboxSelector, Mapping, Protect, Rules, TeamSelector, UserScope,
        },
        snapshot::{Batch, SnapshotBuilder},
    };

    use super::*;

    /// A mapping of the one group.
    fn mapping(name: &str, team: TeamSelector, create_team: bool, inbox: &str) -> Mapping {
        Mapping {
            name: name.into(),
            group: GroupSelector::Id("g".into()),
            team: Some(team),
            create_team,
            role: None,
            inboxes: vec![InboxSelector::Name(inbox.into())],
            priority: 100,
            suspended: false,
            removals: None,
        }
    }

    fn rules() -> Rules {
        Rules {
            owner: "acme".into(),
            scope: UserScope::MappedGroups,
            filter: None,
            attributes: Vec::new(),
            default_role: None,
            allowed_roles: None,
            adoption: Adoption::Email,
            from_owners: BTreeSet::new(),
            deprovision: Deprovision::Deactivate,
            protect: Protect::default(),
            limits: Limits::default(),
            mappings: vec![
                mapping("a", TeamSelector::Name("Support".into()), false, "Desk"),
                mapping("b", TeamSelector::Id("t-1".into()), false, "Desk"),
                mapping("c", TeamSelector::Name("New".into()), true, "Nowhere"),
                mapping("d", TeamSelector::Name("Missing".into()), false, "Desk"),
            ],
        }
    }

    /// A user of the platform with the id and the address of a person.
    fn user(number: u32, active: bool, owner: &'static str, deactivated: bool) -> UserRow<'static> {
        let mark = MarkRow {
            owner: owner.into(),
            role: None,
            deactivated: deactivated.then_some(SystemTime::UNIX_EPOCH),
        };
        let ours = owner == "acme";
        UserRow {
            id: format!("user-{number}").into(),
            external_id: if ours { number.to_string().into() } else { "".into() },
            email: format!("p{number}@acme.test").into(),
            active,
            mark: (!owner.is_empty()).then_some(mark),
            ..UserRow::default()
        }
    }

    /// What the status tells of the platform where a plan for six people did so much.
    fn told(done: impl FnOnce(&Plan<'_>) -> Counts) -> PlatformCounts {
        let mut batch = Batch::new();
        for number in 1..=6 {
            batch.user(&number.to_string(), |person| {
                person.text(Attribute::Email, &format!("p{number}@acme.test"));
            });
        }
        let mut group = batch.group("g", "support");
        for number in 1..=6 {
            group.member(&number.to_string());
        }
        let mut builder = SnapshotBuilder::new(FingerprintKey::new(1, 2));
        builder.append(&batch);
        let (snapshot, rules) = (builder.finish(), rules());
        let desired = map(&snapshot, &rules, SystemTime::UNIX_EPOCH);
        let mut differ = Differ::new(&desired, Account::default());
        for (kind, id, name) in [
            (ContainerKind::Team, "t-1", "Support"),
            (ContainerKind::Team, "t-2", "Unmapped"),
            (ContainerKind::Inbox, "i-1", "Desk"),
            (ContainerKind::Inbox, "i-2", "Unmapped"),
        ] {
            differ.container(&ContainerRow {
                kind,
                id: id.into(),
                name: name.into(),
                phone: "".into(),
                external_id: "".into(),
                version: "".into(),
                owner: None,
            });
        }
        for row in [
            user(1, true, "acme", false),
            // We deactivated this one, and somebody has activated him since.
            user(2, true, "acme", true),
            // This one comes back.
            user(3, false, "acme", true),
            // These two are adopted; the second was deactivated by hand and stays so.
            user(4, true, "", false),
            user(5, false, "", false),
            // This one leaves.
            user(7, true, "acme", false),
            // These are nobody of ours.
            user(8, true, "somebody", false),
            user(9, true, "", false),
        ] {
            differ.user(&row);
        }
        let plan = differ.finish();
        let notes = Notes::default();
        notes.planned(&plan, None);
        let mut report = Report::begin("run".into());
        report.done = done(&plan);
        notes.take().unwrap().platform(&report)
    }

    fn everything(plan: &Plan<'_>) -> Counts {
        plan.counts()
    }

    #[test]
    fn the_platform_in_a_status_is_what_is_managed_there_and_not_what_else_it_holds() {
        let after = told(everything);
        // The five who are active and ours: 1, 2, 3, 4 and the new 6.
        assert_eq!(after.users, 5);
        // Support, which two mappings name, and New. The platform has no Missing.
        assert_eq!((after.teams, after.inboxes), (2, 1));
    }

    #[test]
    fn where_nothing_was_written_the_platform_in_a_status_is_as_it_was() {
        let before = told(|_| Counts::default());
        assert_eq!((before.users, before.teams, before.inboxes), (3, 1, 1));
    }

    #[test]
    fn what_failed_does_not_count_as_managed() {
        let without_creation = told(|plan| Counts {
            users_created: 0,
            teams_created: 0,
            ..plan.counts()
        });
        assert_eq!((without_creation.users, without_creation.teams), (4, 1));
    }
}
