//! What the platform should hold, as far as the directory and the specification say.
//!
//! Nothing is copied: people stay numbers of the snapshot, a team's members stay the groups that make it, and a
//! person's content is kept as a fingerprint that can be told again from the snapshot when it is needed.

use std::collections::{HashMap, HashSet};

use crate::{
    content::{Content, ContentError, FieldMask},
    expression::{Now, Scope},
    fingerprint::{Fingerprint, FingerprintKey, Index},
    observed::{ContainerKind, UserFields},
    rules::{InboxSelector, Rules},
    snapshot::{GroupsByUser, Snapshot},
};

/// What is to become of one person of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// He is to exist and be active.
    Wanted,
    /// The directory has him and says that he is disabled.
    Disabled,
    /// The directory has him, and the specification doesn't want him.
    OutOfScope,
    /// Exactly as he is: something about him can't be told, or a frozen mapping has him.
    Frozen,
}

/// The role that mappings want for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleWish {
    /// No mapping gives one.
    None,
    /// This one, a number of [`Desired::roles`].
    Give(u16),
    /// Whatever he has: mappings contradict each other, or a frozen mapping may have given it.
    Leave,
}

/// One person of the directory, by his number.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What is to become of him.
    pub standing: Standing,
    /// His role.
    pub role: RoleWish,
    /// Which fields the directory told.
    pub mask: FieldMask,
    /// The fingerprint of his content, where he is wanted.
    pub content: Fingerprint,
}

/// How a team or an inbox is found on the platform.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContainerKey {
    /// By the platform's id.
    Id(String),
    /// By name, in [`crate::names::normalize`]d form.
    Name(String),
    /// By phone number.
    PhoneNumber(String),
}

impl From<&InboxSelector> for ContainerKey {
    fn from(selector: &InboxSelector) -> Self {
        match selector {
            InboxSelector::Id(id) => Self::Id(id.clone()),
            InboxSelector::Name(name) => Self::Name(crate::names::normalize(name)),
            InboxSelector::PhoneNumber(number) => Self::PhoneNumber(number.clone()),
        }
    }
}

/// Where members of a team or an inbox come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A group of the snapshot.
    Group(u32),
    /// The people for whom a mapping's expression is true: a number of [`Desired::made_groups`].
    Made(usize),
}

/// A team or an inbox that mappings give.
#[derive(Clone, Debug)]
pub struct Container {
    /// Team or inbox.
    pub kind: ContainerKind,
    /// How it is found.
    pub key: ContainerKey,
    /// The name as written, for creation and for messages.
    pub name: String,
    /// Whether it is created when it doesn't exist.
    pub create: bool,
    /// Whose members belong into it.
    pub sources: Vec<Source>,
    /// Nobody is removed from it: a mapping that gives it is suspended, unresolved or broken.
    pub frozen: bool,
    /// The mappings that give it, numbers of [`Rules::mappings`].
    pub mappings: Vec<usize>,
}

/// Why a mapping doesn't do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingProblem {
    /// It can't be carried out as it is written.
    Invalid {
        /// The field, what is wrong with it, and what to do.
        message: String,
    },
    /// No group of the directory fits.
    GroupNotFound,
    /// Several groups have the name.
    GroupAmbiguous {
        /// The name.
        name: String,
        /// Their ids, at most ten.
        ids: Vec<String>,
    },
    /// The directory doesn't tell the members of a group.
    MembersNotTold {
        /// The group's name.
        group: String,
    },
    /// It grants a role that mappings may not grant.
    RoleNotAllowed {
        /// The role.
        role: String,
    },
    /// Another mapping of the same priority gives the same person another role.
    RoleConflict {
        /// The other mapping.
        other: String,
        /// One person's directory id.
        example: String,
        /// How many people.
        people: u64,
    },
    /// The expression for the team's name fails.
    TeamNameFailed {
        /// For which group.
        group: String,
        /// Why.
        message: String,
    },
    /// The team doesn't exist and is not to be created.
    TeamNotFound {
        /// Its name or id.
        team: String,
    },
    /// Several teams or inboxes of the platform fit.
    Ambiguous {
        /// Name or number.
        name: String,
    },
    /// The inbox doesn't exist.
    InboxNotFound {
        /// Its name, number or id.
        inbox: String,
    },
    /// The role doesn't exist on the platform.
    RoleNotFound {
        /// The role.
        role: String,
    },
}

/// What one mapping came to.
#[derive(Clone, Debug, Default)]
pub struct MappingOutcome {
    /// The groups that it is about, numbers of the snapshot.
    pub groups: Vec<u32>,
    /// The group that it makes of an attribute, a number of [`Desired::made_groups`].
    pub made: Option<usize>,
    /// How many people are in them, those out of scope included.
    pub members: u64,
    /// The containers that it gives, numbers of [`Desired::containers`].
    pub containers: Vec<usize>,
    /// What is wrong, if anything. All but a role conflict freeze the mapping.
    pub problems: Vec<MappingProblem>,
}

/// A failure of one object, named, which stops nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of object.
    pub kind: FailureKind,
    /// The directory's id; the platform's where the directory has none.
    pub id: String,
    /// A word for the reason.
    pub reason: FailureReason,
    /// What is wrong and what to do. May hold names and addresses: it is for reports and plans, not for status.
    pub message: String,
}

/// Kinds of objects that fail on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// A person.
    User,
    /// A group.
    Group,
    /// A team.
    Team,
    /// An inbox.
    Inbox,
    /// A membership.
    Membership,
}

/// Why an object failed. One documented word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureReason {
    /// The e-mail address is missing or can't be one.
    InvalidEmail,
    /// Two people of the directory have one address.
    DuplicateEmail,
    /// An expression failed on this person.
    ExpressionFailed,
    /// Another connection manages the platform's user.
    ManagedElsewhere,
    /// The address belongs to a platform user who is managed under another directory id.
    AddressReused,
    /// Another platform user has the address.
    AddressInUse,
    /// Several platform users fit, and nothing is guessed.
    AmbiguousMatch,
    /// A platform user fits, and adoption doesn't allow to take him.
    AdoptionNotAllowed,
    /// The entry can't be read.
    Unreadable,
    /// The platform refused the write.
    Refused,
    /// The object was changed by somebody else in the meantime.
    Changed,
    /// No seat is left on the platform.
    NoSeats,
}

impl FailureReason {
    /// The word, as in status and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::InvalidEmail => "InvalidEmail",
            Self::DuplicateEmail => "DuplicateEmail",
            Self::ExpressionFailed => "ExpressionFailed",
            Self::ManagedElsewhere => "ManagedElsewhere",
            Self::AddressReused => "AddressReused",
            Self::AddressInUse => "AddressInUse",
            Self::AmbiguousMatch => "AmbiguousMatch",
            Self::AdoptionNotAllowed => "AdoptionNotAllowed",
            Self::Unreadable => "Unreadable",
            Self::Refused => "Refused",
            Self::Changed => "Changed",
            Self::NoSeats => "NoSeats",
        }
    }
}

/// What the platform should hold.
pub struct Desired<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// What was asked for.
    pub rules: &'a Rules,
    /// The time that expressions see.
    pub now: Now,
    /// One per person of the snapshot.
    pub people: Vec<Person>,
    /// Names of roles that mappings give.
    pub roles: Vec<String>,
    /// Teams and inboxes that mappings give.
    pub containers: Vec<Container>,
    /// Groups made of an attribute: sorted people.
    pub made_groups: Vec<Vec<u32>>,
    /// One per mapping.
    pub outcomes: Vec<MappingOutcome>,
    /// Some mapping's targets are not known, so nobody is removed from a team or inbox that no mapping gives.
    pub unknown_targets: bool,
    /// Some mapping is frozen, so leaving its groups can't be told from its silence.
    pub unknown_members: bool,
    /// Failures of single objects.
    pub failures: Vec<Failure>,
    /// Wanted people by the fingerprint of their address. Of two with one address, the first.
    pub(crate) emails: Index,
    /// People who share an address with an earlier one: (later, earlier).
    pub(crate) shared_emails: Vec<(u32, u32)>,
    /// The people on whom an expression failed.
    pub(crate) expression_failed: HashSet<u32>,
    /// Groups of each person, where an expression reads them.
    pub(crate) groups_by_user: Option<GroupsByUser>,
}

impl Desired<'_> {
    /// The key of all fingerprints.
    pub fn key(&self) -> FingerprintKey {
        self.snapshot.fingerprint_key()
    }

    /// What an expression sees of one person.
    pub fn with_scope<R>(&self, user: u32, read: impl FnOnce(&Scope<'_>) -> R) -> R {
        let names = self
            .groups_by_user
            .as_ref()
            .map(|groups| self.snapshot.group_names(groups.of(user)));
        read(&Scope::user(
            self.snapshot.user(user),
            names.as_deref().unwrap_or_default(),
            self.now,
        ))
    }

    /// What one person is to have, told again from the snapshot.
    pub fn content(&self, user: u32) -> Result<Content<'_>, ContentError> {
        self.with_scope(user, |scope| {
            Content::desired(self.snapshot.user(user), &self.rules.attributes, scope)
        })
    }

    /// The fields of one person, for his creation.
    pub fn fields(&self, user: u32) -> Result<UserFields, ContentError> {
        Ok(self.content(user)?.into_fields(&self.rules.attributes))
    }

    /// The people of one source, sorted, whatever their standing.
    pub fn source(&self, source: &Source) -> &[u32] {
        match source {
            Source::Group(group) => self.snapshot.members(*group),
            Source::Made(made) => &self.made_groups[*made],
        }
    }

    /// The people who belong into a container, sorted, each once. `members` is cleared and filled.
    pub fn members_into(&self, container: &Container, members: &mut Vec<u32>) {
        members.clear();
        for source in &container.sources {
            let all = self.source(source);
            members.extend(
                all.iter()
                    .filter(|user| self.people[**user as usize].standing == Standing::Wanted),
            );
        }
        if container.sources.len() > 1 {
            members.sort_unstable();
            members.dedup();
        }
    }

    /// A role's number, made when it is new.
    pub(crate) fn role_number(roles: &mut Vec<String>, known: &mut HashMap<String, u16>, role: &str) -> u16 {
        if let Some(number) = known.get(role) {
            return *number;
        }
        let number = u16::try_from(roles.len()).unwrap_or(u16::MAX);
        roles.push(role.to_owned());
        known.insert(role.to_owned(), number);
        number
    }
}
