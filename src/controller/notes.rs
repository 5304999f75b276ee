//! What is noted of a plan while a run has it: it is gone when the run has ended.

use std::sync::{Mutex, PoisonError};

use directory_sync_model::{
    attribute::Attribute,
    observed::ContainerKind,
    plan::{Plan, Removals},
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
    /// How many users the plan adds to them.
    joining: u64,
    /// Teams that people are put into.
    teams: u64,
    /// Inboxes that people are put into.
    inboxes: u64,
    /// Removals by name, where the plan is held.
    pub samples: Vec<RemovalSample>,
}

impl Noted {
    /// What is managed after a run.
    pub fn platform(&self, report: &Report) -> PlatformCounts {
        let done = &report.done;
        let joined = self
            .joining
            .min(done.users_created + done.users_adopted + done.users_activated);
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        PlatformCounts {
            users: number((self.managed + joined).saturating_sub(done.users_deactivated)),
            teams: number(self.teams),
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
        let containers = |kind| {
            let of_kind = plan
                .desired
                .containers
                .iter()
                .filter(|container| container.kind == kind);
            of_kind.count() as u64
        };
        let becomes_active = |holding: u32, activate: bool| activate || plan.holdings.get(holding).active;
        let joining = plan
            .updates
            .iter()
            .filter(|update| (update.adopt || update.activate) && becomes_active(update.holding, update.activate))
            .count();
        let noted = Noted {
            managed: plan.managed_users,
            joining: (plan.creations.len() + joining) as u64,
            teams: containers(ContainerKind::Team),
            inboxes: containers(ContainerKind::Inbox),
            samples: hold.map(|_| samples(plan)).unwrap_or_default(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
    }
}

/// Some of the removals of a plan: accounts first, then roles, then memberships.
fn samples(plan: &Plan<'_>) -> Vec<RemovalSample> {
    let deactivations = plan.deactivations.iter().map(|deactivation| {
        let (_, user) = person(plan, deactivation.holding);
        RemovalSample {
            kind: ObjectType::User,
            id: cut(&deactivation.external_id, MAX_TEXT),
            user: if user.is_empty() {
                cut(&deactivation.email, MAX_TEXT)
            } else {
                user
            },
            from: String::new(),
        }
    });
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
    deactivations
        .chain(roles)
        .chain(memberships)
        .take(MAX_SAMPLES)
        .collect()
}

fn sample(plan: &Plan<'_>, kind: ObjectType, holding: u32, from: &str) -> RemovalSample {
    let (id, user) = person(plan, holding);
    RemovalSample {
        kind,
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
