//! What the platform should hold, as far as the directory and the specification say.
//!
//! Nothing is copied: people stay numbers of the snapshot, a team's members stay the groups that make it, and a
//! person's content is kept as a fingerprint that can be told again from the snapshot when it is needed.

mod addresses;
mod outcome;

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

pub(crate) use addresses::Addresses;
pub use outcome::{Failure, FailureKind, FailureReason, MappingOutcome, MappingProblem};

use crate::{
    attribute::Attribute,
    content::{Content, ContentError, FieldMask},
    email,
    expression::{Now, Scope},
    fingerprint::{FingerprintKey, HalfFingerprint},
    observed::{ContainerKind, UserFields},
    rules::{InboxSelector, Rules, UserScope},
    snapshot::{GroupsByUser, Snapshot},
};

/// What is to become of one person of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// He is to exist and be active.
    Wanted,
    /// The directory has him and says that he is disabled.
    Disabled,
    /// The directory has him, and no mapping does.
    Unmapped,
    /// The directory has him, and he doesn't pass the filter.
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
    pub content: HalfFingerprint,
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
    /// Nobody is removed from it: a mapping that gives it is suspended, or a group of it is in doubt.
    pub frozen: bool,
    /// Whose members may have it, without anybody being added: groups of frozen mappings, and ambiguous groups.
    pub frozen_sources: Vec<Source>,
    /// The mappings that give it, numbers of [`Rules::mappings`].
    pub mappings: Vec<usize>,
}

impl Container {
    /// A container that no mapping gives yet.
    pub fn new(kind: ContainerKind, key: ContainerKey, name: &str) -> Self {
        Self {
            kind,
            key,
            name: name.to_owned(),
            create: false,
            sources: Vec::new(),
            frozen: false,
            frozen_sources: Vec::new(),
            mappings: Vec::new(),
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
    /// Of these kinds, some mapping doesn't say which ones it gave, so nobody is removed from any.
    pub unknown_targets: Vec<ContainerKind>,
    /// People of groups whose team can't be named: they lose no team.
    pub(crate) unplaced: HashSet<u32>,
    /// Some mapped group is missing, ambiguous or not told, so nobody is out of scope for certain.
    pub unknown_members: bool,
    /// Some mapping is suspended or does nothing, so that leaving its groups changes nothing.
    pub frozen_members: bool,
    /// The roles of mappings that are not to take them: whoever got one of these keeps it.
    pub(crate) frozen_roles: BTreeSet<String>,
    /// Failures of single objects.
    pub failures: Vec<Failure>,
    /// Wanted people by address.
    pub(crate) addresses: Addresses,
    /// People who share an address with an earlier one: (later, earlier).
    pub(crate) shared_emails: Vec<(u32, u32)>,
    /// The people on whom an expression failed.
    pub(crate) expression_failed: HashSet<u32>,
    /// Groups of each person, where an expression reads them.
    pub(crate) groups_by_user: Option<GroupsByUser>,
    /// Where an expression reads groups: one of which nobody said who is in it; empty, where no group came at all.
    pub(crate) untold_group: Option<String>,
}

impl Desired<'_> {
    /// The key of all fingerprints.
    pub fn key(&self) -> FingerprintKey {
        self.snapshot.fingerprint_key()
    }

    /// What an expression sees of one person.
    pub fn with_scope<R>(&self, user: u32, read: impl FnOnce(&Scope<'_>) -> R) -> R {
        let names = self.groups_by_user.as_ref().map(|groups| {
            let mut names = self.snapshot.group_names(groups.of(user));
            // The order in which a directory sends its groups must not look like a change.
            names.sort_unstable();
            names.dedup();
            names
        });
        read(&Scope::user(
            self.snapshot.user(user),
            names.as_deref().unwrap_or_default(),
            self.now,
        ))
    }

    /// Whether what is absent may be removed at all: the read is complete, and there is a mapping that says what to keep; or
    /// nobody is wanted, whatever a read would say.
    pub fn is_certain(&self) -> bool {
        self.rules.scope == UserScope::Nobody || self.is_told()
    }

    fn is_told(&self) -> bool {
        self.snapshot.completeness.is_complete() && self.doubt().is_none() && !self.rules.mappings.is_empty()
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

    /// The wanted person who is to have an address; of several, the first. Addresses are in normal form.
    pub(crate) fn find_by_email(&self, address: &str) -> Option<u32> {
        let has = |user| self.email(user).is_some_and(|own| own == address);
        self.addresses.find(self.key().text(address), has)
    }

    /// The normal form of a person's address, where he has one.
    pub(crate) fn email(&self, user: u32) -> Option<Cow<'_, str>> {
        email::normalize(self.snapshot.user(user).text(Attribute::Email)).ok()
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

    /// Notes that the members of a group may belong into any team.
    pub(crate) fn unplace(&mut self, source: &Source) {
        let mut unplaced = std::mem::take(&mut self.unplaced);
        unplaced.extend(self.source(source));
        self.unplaced = unplaced;
    }

    /// Notes that an expression failed on a person; counts each person once.
    pub(crate) fn fail_expression(&mut self, user: u32, message: &str) {
        if self.expression_failed.insert(user) {
            self.fail_user(user, FailureReason::ExpressionFailed, message.to_owned());
        }
    }

    pub(crate) fn fail_user(&mut self, user: u32, reason: FailureReason, message: String) {
        let id = self.snapshot.user_id(user).to_owned();
        self.failures.push(Failure {
            kind: FailureKind::User,
            id,
            reason,
            message,
        });
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
