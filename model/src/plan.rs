//! The ordered operations that take what is to what should be.
//!
//! Large lists are numbers: people of the snapshot, users held by the platform, teams and inboxes. Text is there only
//! where the two sides differ.

mod hash;
mod holdings;
mod notice;
mod summary;

pub use hash::PlanHash;
pub(crate) use holdings::NewHolding;
pub use holdings::{Holding, Holdings};
pub use notice::Notice;
pub use summary::{Counts, RemovalCounts};

use std::time::SystemTime;

use crate::{
    content::Change,
    desired::{Desired, Failure, MappingOutcome, Source},
    limits::Limits,
    observed::{ContainerKind, FieldsPatch},
};

/// What can be removed, each judged against a population of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemovalKind {
    /// A user is deactivated.
    User,
    /// A user is deleted.
    Deletion,
    /// A user's role is changed.
    Role,
    /// A user leaves a team.
    TeamMembership,
    /// A user leaves an inbox.
    InboxMembership,
}

impl RemovalKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::Deletion,
        Self::Role,
        Self::TeamMembership,
        Self::InboxMembership,
    ];

    /// How messages name many of them.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::User | Self::Deletion => "users",
            Self::Role => "roles",
            Self::TeamMembership => "team memberships",
            Self::InboxMembership => "inbox memberships",
        }
    }

    /// How messages name what would be done to them.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Deletion => "deleted",
            Self::User | Self::Role | Self::TeamMembership | Self::InboxMembership => "removed",
        }
    }

    /// The word in status, metrics and the plan hash.
    pub const fn label(self) -> &'static str {
        match self {
            Self::User => "users",
            Self::Deletion => "deletions",
            Self::Role => "roles",
            Self::TeamMembership => "teamMemberships",
            Self::InboxMembership => "inboxMemberships",
        }
    }
}

impl From<ContainerKind> for RemovalKind {
    fn from(kind: ContainerKind) -> Self {
        match kind {
            ContainerKind::Team => Self::TeamMembership,
            ContainerKind::Inbox => Self::InboxMembership,
        }
    }
}

/// What we gave before the plan, and how much of it the plan takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    /// Of what.
    pub kind: RemovalKind,
    /// Which team, inbox or role; `None` for users, who are one population, and one more where they are deleted.
    pub name: Option<String>,
    /// How many before the plan.
    pub size: u64,
    /// How many the plan removes.
    pub removals: u64,
}

/// A team or an inbox that the platform holds.
#[derive(Clone, Debug)]
pub struct HeldContainer {
    /// Team or inbox.
    pub kind: ContainerKind,
    /// The platform's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// An inbox's phone number.
    pub phone: String,
    /// The directory's id of the one group that a team was made of; empty where none is told.
    pub external_id: String,
    /// The version for conditional writes; empty when the platform has none.
    pub version: String,
    /// Whether it carries our mark: we made it.
    pub ours: bool,
}

/// Where somebody is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A container of the platform, a number of [`Plan::containers`].
    Held(usize),
    /// A team that the plan creates, a number of [`Plan::new_teams`].
    New(usize),
}

/// A team to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTeam {
    /// Its name.
    pub name: String,
    /// The directory's id of the one group that makes it; `None` where several do, or none of the directory's.
    pub external_id: Option<String>,
}

/// A change of a team that we made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamUpdate {
    /// The team, a number of [`Plan::containers`].
    pub container: usize,
    /// The name that it gets, because its group has another one now.
    pub name: Option<String>,
    /// The directory's id of its group, where the team doesn't tell it yet.
    pub external_id: Option<String>,
}

/// What one mapping's own limits are about: of one team, inbox or role that it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tightened {
    /// The mapping's name.
    pub mapping: String,
    /// Of what.
    pub kind: RemovalKind,
    /// Which team, inbox or role.
    pub name: String,
    /// How many we had given before the plan.
    pub size: u64,
    /// How many the plan takes; those who lose it with their account are among them.
    pub removals: u64,
    /// The mapping's limits.
    pub limits: Limits,
}

/// A user to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The person of the snapshot.
    pub user: u32,
    /// The role, a number of [`Plan::roles`]; `None`: what the platform gives by itself.
    pub role: Option<u16>,
    /// His address is another user's until the updates are done.
    pub after_updates: bool,
}

/// A change of an existing user, his role aside.
#[derive(Clone, Debug)]
pub struct Update {
    /// The user, a number of [`Plan::holdings`].
    pub holding: u32,
    /// The person of the snapshot.
    pub user: u32,
    /// After which others he comes: those of one turn may be done at once, when those of lower turns are done.
    pub turn: u32,
    /// He becomes managed; his id stays.
    pub adopt: bool,
    /// He is activated, or somebody has activated him since we deactivated him; the mark says no longer that we did.
    pub activate: bool,
    /// The fields to change.
    pub patch: FieldsPatch,
    /// The same in words.
    pub changes: Vec<Change>,
}

/// A change of an existing user's role. It takes one away, so it counts as a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleChange {
    /// The user, a number of [`Plan::holdings`].
    pub holding: u32,
    /// The role that he has, a number of [`Plan::roles`]; `None`: none.
    pub from: Option<u16>,
    /// The role that he gets.
    pub to: u16,
}

/// People who join one team or inbox.
#[derive(Clone, Debug)]
pub struct Additions {
    /// Where.
    pub place: Place,
    /// Who: people of the snapshot, sorted.
    pub users: Vec<u32>,
}

/// Users who leave one team or inbox.
#[derive(Clone, Debug)]
pub struct Removals {
    /// Where, a number of [`Plan::containers`].
    pub container: usize,
    /// Who loses the membership while staying: numbers of [`Plan::holdings`], sorted. These count.
    pub leaving: Vec<u32>,
    /// Who loses it with his deactivation, which counts once.
    pub with_deactivation: Vec<u32>,
}

/// Why somebody is deactivated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The directory doesn't have him any more.
    Absent,
    /// The directory says that he is disabled.
    Disabled,
    /// The directory has him, and no mapping has him any more.
    Unmapped,
    /// The directory has him, and he doesn't pass the filter any more.
    OutOfScope,
    /// The connection is deleted, and takes back all that it gave.
    ConnectionDeleted,
}

impl Cause {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Absent => "no longer in the directory",
            Self::Disabled => "disabled in the directory",
            Self::Unmapped => "no longer in a mapped group",
            Self::OutOfScope => "no longer in scope",
            Self::ConnectionDeleted => "the connection is deleted",
        }
    }
}

/// A managed user who is to go.
#[derive(Clone, Debug)]
pub struct Leaver {
    /// The user, a number of [`Plan::holdings`].
    pub holding: u32,
    /// The directory's id that the person had or has.
    pub external_id: String,
    /// The address, for people who read the plan.
    pub email: String,
    /// Why he is to go.
    pub cause: Cause,
    /// When we deactivated him; `None`: we didn't, or somebody has activated him since.
    pub since: Option<SystemTime>,
}

/// A leaver whom the plan neither deactivates nor deletes: he is inactive already, or something keeps him.
#[derive(Clone, Debug)]
pub struct Gone {
    /// Who.
    pub leaver: Leaver,
    /// What keeps him as he is, if anything does.
    pub kept: Option<KeptReason>,
}

/// Why a removal that the directory suggests is not in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptReason {
    /// The read is incomplete or doubtful, or there is no mapping.
    Incomplete,
    /// A mapping that may have given it is suspended, or doesn't find what it is about.
    Frozen,
    /// `protect` names the user or his role.
    Protected,
    /// It is the operator's own account.
    OwnAccount,
    /// He is one of the last active administrators: [`crate::rules::Protect::min_administrators`] are to stay.
    LastAdministrator,
    /// The platform doesn't tell whose role is which, so nobody can say who is protected or an administrator.
    RolesUnknown,
    /// The connection lets whoever leaves stay active.
    KeepAction,
}

impl KeptReason {
    /// In words, after "because".
    pub const fn text(self) -> &'static str {
        match self {
            Self::Incomplete => "the directory was not read completely, or no mapping says whom to keep",
            Self::Frozen => "a mapping that may have him is suspended, or doesn't find its group",
            Self::Protected => "spec.protect names him or his role",
            Self::OwnAccount => "it is the operator's own account",
            Self::LastAdministrator => "spec.protect.minAdministrators are to stay active",
            Self::RolesUnknown => {
                "the platform doesn't tell which role everybody has, so nobody knows who is protected"
            }
            Self::KeepAction => "spec.deprovision.action is Keep",
        }
    }

    /// The word in reports.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Incomplete => "Incomplete",
            Self::Frozen => "Frozen",
            Self::Protected => "Protected",
            Self::OwnAccount => "OwnAccount",
            Self::LastAdministrator => "LastAdministrator",
            Self::RolesUnknown => "RolesUnknown",
            Self::KeepAction => "KeepAction",
        }
    }
}

/// What a plan leaves undone on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What would have been removed.
    pub kind: RemovalKind,
    /// Why it stays.
    pub reason: KeptReason,
    /// How many.
    pub count: u64,
}

/// The plan: see the module.
pub struct Plan<'a> {
    /// What it leads to.
    pub desired: &'a Desired<'a>,
    /// The platform's users who matter.
    pub holdings: Holdings,
    /// The platform's teams and inboxes.
    pub containers: Vec<HeldContainer>,
    /// Names of roles.
    pub roles: Vec<String>,
    /// The platform user of each person of the snapshot, see [`Plan::holding_of`].
    pub(crate) holding_of: Vec<u32>,
    /// Where the members of each container of the desired state go; `None` where that can't be told.
    pub places: Vec<Option<Place>>,
    /// Teams to create.
    pub new_teams: Vec<NewTeam>,
    /// Teams of ours to rename, or to tell their group, in an order in which names are freed before they are given.
    pub team_updates: Vec<TeamUpdate>,
    /// Users to create.
    pub creations: Vec<Creation>,
    /// Users to adopt, activate or update, in an order in which addresses are freed before they are given.
    pub updates: Vec<Update>,
    /// Memberships to add.
    pub additions: Vec<Additions>,
    /// Memberships that another connection gave and hands over: they get our mark.
    pub adoptions: Vec<Additions>,
    /// Roles to change.
    pub role_changes: Vec<RoleChange>,
    /// Memberships to remove.
    pub removals: Vec<Removals>,
    /// Users to deactivate.
    pub deactivations: Vec<Leaver>,
    /// Users to delete, whom an earlier sync has deactivated. Their memberships go with them.
    pub deletions: Vec<Leaver>,
    /// Users who are to go and stay as they are. Nothing is done for them; they are here to be explained.
    pub gone: Vec<Gone>,
    /// Users who lose our mark at the end, numbers of [`Plan::holdings`]: nobody manages them any more. Only where the
    /// connection is deleted.
    pub releases: Vec<u32>,
    /// Users whose marks say that we deactivated them, and who are active, because somebody activated them since, and stay so,
    /// though they are to go; numbers of [`Plan::holdings`]. The marks forget it: what we did then says nothing of a later
    /// deactivation, and makes no deletion come early.
    pub activated_by_hand: Vec<u32>,
    /// What the guard judges by.
    pub populations: Vec<Population>,
    /// What mappings limit beyond that.
    pub tightened: Vec<Tightened>,
    /// What is left undone on purpose.
    pub kept: Vec<Kept>,
    /// What a person should know of the specification.
    pub notices: Vec<Notice>,
    /// Failures of single objects, those of the step before included.
    pub failures: Vec<Failure>,
    /// One per mapping, with what the platform added to it.
    pub outcomes: Vec<MappingOutcome>,
    /// Managed and active users before the plan.
    pub managed_users: u64,
}

impl<'a> Plan<'a> {
    /// A plan that does nothing, on a platform of which nothing is known.
    pub(crate) fn nothing(desired: &'a Desired<'a>) -> Self {
        Self {
            desired,
            holdings: Holdings::new(desired.key(), 0),
            containers: Vec::new(),
            roles: Vec::new(),
            holding_of: Vec::new(),
            places: Vec::new(),
            new_teams: Vec::new(),
            team_updates: Vec::new(),
            creations: Vec::new(),
            updates: Vec::new(),
            additions: Vec::new(),
            adoptions: Vec::new(),
            role_changes: Vec::new(),
            removals: Vec::new(),
            deactivations: Vec::new(),
            deletions: Vec::new(),
            gone: Vec::new(),
            releases: Vec::new(),
            activated_by_hand: Vec::new(),
            populations: Vec::new(),
            tightened: Vec::new(),
            kept: Vec::new(),
            notices: Vec::new(),
            failures: Vec::new(),
            outcomes: Vec::new(),
            managed_users: 0,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.counts().is_empty()
    }

    /// The platform user of a person, managed or about to be; a number of [`Plan::holdings`].
    pub fn holding_of(&self, user: u32) -> Option<u32> {
        self.holding_of
            .get(user as usize)
            .copied()
            .filter(|holding| *holding != u32::MAX)
    }

    /// The team that a mapping makes of a group, as far as it is known.
    pub fn team_of(&self, group: u32, outcome: &MappingOutcome) -> Option<Place> {
        let of_group = |container: &&usize| {
            let container = &self.desired.containers[**container];
            container.kind == ContainerKind::Team
                && container
                    .sources
                    .iter()
                    .any(|source| matches!(source, Source::Group(number) if *number == group))
        };
        outcome
            .containers
            .iter()
            .find(of_group)
            .and_then(|container| self.places[*container])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_for_which_somebody_is_kept_has_words_of_its_own() {
        let reasons = [
            (KeptReason::Incomplete, "not read completely"),
            (KeptReason::Frozen, "suspended"),
            (KeptReason::Protected, "spec.protect names"),
            (KeptReason::OwnAccount, "own account"),
            (KeptReason::LastAdministrator, "minAdministrators"),
            (KeptReason::RolesUnknown, "which role everybody has"),
            (KeptReason::KeepAction, "action is Keep"),
        ];
        for (reason, words) in reasons {
            assert!(reason.text().contains(words), "{reason:?}");
            assert_eq!(reason.label(), format!("{reason:?}"));
        }
    }
}
