//! The rows of a ledger.

use std::time::SystemTime;

use directory_sync_model::{observed::ContainerKind, plan::RemovalKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A user is managed.
    User,
    /// A team was created.
    Team,
    /// Somebody was put into a team.
    TeamMembership,
    /// Somebody was put into an inbox.
    InboxMembership,
    /// Somebody was given a role.
    Role,
}

impl EntryKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::Team,
        Self::TeamMembership,
        Self::InboxMembership,
        Self::Role,
    ];

    /// The word in the store.
    pub const fn label(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Team => "team",
            Self::TeamMembership => "teamMembership",
            Self::InboxMembership => "inboxMembership",
            Self::Role => "role",
        }
    }

    /// The kind of this word.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }
}

impl From<ContainerKind> for EntryKind {
    fn from(kind: ContainerKind) -> Self {
        match kind {
            ContainerKind::Team => Self::TeamMembership,
            ContainerKind::Inbox => Self::InboxMembership,
        }
    }
}

/// What one entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// What was given.
    pub kind: EntryKind,
    /// The platform's id of the user, or of the team that was created.
    pub id: String,
    /// The platform's id of the team or inbox; empty where it is about none.
    pub container: String,
}

impl Key {
    /// A user, a team or a role of a user.
    pub fn of(kind: EntryKind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            container: String::new(),
        }
    }

    /// All that is on record of a user's account: that he is ours, and the role that we gave. His memberships go before it does.
    pub fn of_account(user: &str) -> [Self; 2] {
        [EntryKind::User, EntryKind::Role].map(|kind| Self::of(kind, user))
    }

    /// A membership.
    pub fn membership(kind: ContainerKind, container: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            id: user.into(),
            container: container.into(),
        }
    }
}

/// Something that we gave and that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is about.
    pub key: Key,
    /// The directory's id of the person, or of the group that made a team; empty where it isn't known.
    pub directory_id: String,
    /// The role that was given; empty for everything else.
    pub role: String,
    /// The mappings that gave it, with commas; empty where none did or nobody knows.
    pub mapping: String,
    /// Since when we know that it is ours.
    pub since: SystemTime,
    /// When we deactivated the user; `None` where we didn't.
    pub deactivated: Option<SystemTime>,
}

impl Entry {
    /// An entry that says nothing but what it is about.
    pub fn new(key: Key, since: SystemTime) -> Self {
        Self {
            key,
            directory_id: String::new(),
            role: String::new(),
            mapping: String::new(),
            since,
            deactivated: None,
        }
    }
}

/// Something that is about to be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What will be there. The platform's id is empty for what is created.
    pub entry: Entry,
    /// By what it is found on the platform where its id isn't known: the address of a user, the name of a team.
    pub found_by: String,
    /// Whether it is there only once the user is active: a reactivation.
    pub activates: bool,
}

/// Something that a plan takes, or that a sync took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// What is taken.
    #[serde(serialize_with = "removal_kind", deserialize_with = "read_removal_kind")]
    pub kind: RemovalKind,
    /// The platform's id of the user.
    pub user: String,
    /// The directory's id of the person; empty where it isn't known.
    pub directory_id: String,
    /// Name and address, for people; may be empty.
    pub text: String,
    /// The platform's id of the team or inbox; empty where it is about none.
    pub container: String,
    /// From what: the name of the team or inbox, or the role that is taken; why, for a user.
    pub from: String,
    /// The role that is given in place of the one that is taken; empty for everything else.
    pub to: String,
    /// When; of a plan, when it was worked out.
    pub at: SystemTime,
}

impl Removal {
    /// What a plan's hash is made of: kind, user, and what is taken.
    pub fn line(&self) -> String {
        let of = if self.kind == RemovalKind::Role {
            &self.from
        } else {
            &self.container
        };
        format!("{}\t{}\t{of}\t{}", self.kind.label(), self.user, self.to)
    }

    /// What the ledger says of it before it is taken.
    pub fn key(&self) -> Key {
        let kind = match self.kind {
            RemovalKind::TeamMembership => EntryKind::TeamMembership,
            RemovalKind::InboxMembership => EntryKind::InboxMembership,
            RemovalKind::Role => EntryKind::Role,
            RemovalKind::User | RemovalKind::Deletion => EntryKind::User,
        };
        let container = match kind {
            EntryKind::TeamMembership | EntryKind::InboxMembership => self.container.clone(),
            _ => String::new(),
        };
        Key {
            kind,
            id: self.user.clone(),
            container,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn removal_kind<S: Serializer>(kind: &RemovalKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.label())
}

fn read_removal_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RemovalKind, D::Error> {
    let label = String::deserialize(deserializer)?;
    let known = RemovalKind::ALL.into_iter().find(|kind| kind.label() == label);
    known.ok_or_else(|| serde::de::Error::custom(format!("{label:?} is no kind of removal")))
}

/// What one request is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The request's key.
    pub id: String,
    /// The run.
    pub sync: String,
    /// What it gives.
    pub given: Vec<Given>,
    /// What it takes.
    pub taken: Vec<Removal>,
}

impl Intent {
    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty() && self.taken.is_empty()
    }
}

/// What came of intents, or what was observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Intents that are settled.
    pub intents: Vec<String>,
    /// What is ours. Replaces what was known, but for since when.
    pub record: Vec<Entry>,
    /// What isn't ours any more.
    pub forget: Vec<Key>,
    /// What was taken, with the run that took it.
    pub journal: Vec<(String, Removal)>,
}

impl Settlement {
    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        self.intents.is_empty() && self.record.is_empty() && self.forget.is_empty() && self.journal.is_empty()
    }

    /// Notes that something was taken.
    pub fn take(&mut self, sync: &str, removal: Removal) {
        match removal.kind {
            RemovalKind::User => self.record.push(Entry {
                directory_id: removal.directory_id.clone(),
                deactivated: Some(removal.at),
                ..Entry::new(removal.key(), removal.at)
            }),
            // The role that was given in its place is an entry of its own.
            RemovalKind::Role => {}
            RemovalKind::Deletion => self.forget.extend(Key::of_account(&removal.user)),
            RemovalKind::TeamMembership | RemovalKind::InboxMembership => self.forget.push(removal.key()),
        }
        self.journal.push((sync.to_owned(), removal));
    }
}
