//! What one read of a directory saw: people, groups, who is in which, and whether that is all.
//!
//! Providers fill a [`Batch`] per page; a [`SnapshotBuilder`] takes the batches and yields a [`Snapshot`]. People are
//! numbered in the order in which they came; text lives in one arena and memberships are sorted numbers, so that a
//! million people with ten million memberships fit into a few hundred MiB.

mod batch;
mod builder;
mod completeness;
mod nesting;
mod seen;
#[cfg(test)]
mod tests;

pub use batch::{Batch, EntryKind, GroupEntry, Rejected};
pub use builder::SnapshotBuilder;
pub use completeness::{Completeness, Doubt};
pub use seen::{Loss, Seen, Size};

use std::collections::HashMap;

use crate::{
    attribute::Attribute,
    fingerprint::{FingerprintKey, Index},
    record::Record,
};

/// A place in an arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

/// One group as the directory has it.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The directory's stable id.
    pub id: &'a str,
    /// Its name, as a mapping's `group.name` compares it; may be empty.
    pub name: &'a str,
    /// Its description; may be empty.
    pub description: &'a str,
    /// Whether the directory said who its members are. A group without any `members` attribute is "not told",
    /// which is not the same as "empty".
    pub members_told: bool,
}

struct GroupRow {
    id: Span,
    name: Span,
    description: Span,
    members_told: bool,
    /// Direct user members: a run of `Snapshot::direct`, sorted and without repetition.
    direct: std::ops::Range<usize>,
    /// All user members through nested groups, where there are nested groups.
    closed: Option<Vec<u32>>,
}

/// What one read of a directory saw.
pub struct Snapshot {
    arena: Vec<u8>,
    users: Vec<Span>,
    user_ids: Index,
    groups: Vec<GroupRow>,
    group_ids: Index,
    direct: Vec<u32>,
    key: FingerprintKey,
    /// How many names of members are nobody's, each counted once.
    strangers: u64,
    /// Whether this is everything, and if not, why.
    pub completeness: Completeness,
    /// Entries that could not be read: people of whom not even the id can be read, and groups. Of more than ten thousand,
    /// the first.
    pub rejected: Vec<Rejected>,
    /// People whose entry can't be read beyond the id, with a message for the first of them.
    unreadable: HashMap<u32, Option<String>>,
}

impl Snapshot {
    /// How many people were read.
    pub fn user_count(&self) -> u32 {
        u32::try_from(self.users.len()).unwrap_or(u32::MAX)
    }

    /// How many groups were read.
    pub fn group_count(&self) -> u32 {
        u32::try_from(self.groups.len()).unwrap_or(u32::MAX)
    }

    /// The attributes of one person.
    pub fn user(&self, user: u32) -> Record<'_> {
        Record::new(self.users.get(user as usize).map_or(&[], |span| self.bytes(*span)))
    }

    /// The person with this directory id.
    pub fn find_user(&self, id: &str) -> Option<u32> {
        self.user_ids.get(self.key.text(id))
    }

    /// Why a person's entry can't be read beyond his id; `None` when it can.
    pub fn unreadable(&self, user: u32) -> Option<&str> {
        let message = self.unreadable.get(&user)?;
        Some(message.as_deref().unwrap_or("the entry can't be read"))
    }

    /// One group.
    pub fn group(&self, group: u32) -> Group<'_> {
        let row = &self.groups[group as usize];
        Group {
            id: self.text(row.id),
            name: self.text(row.name),
            description: self.text(row.description),
            members_told: row.members_told,
        }
    }

    /// The group with this directory id.
    pub fn find_group(&self, id: &str) -> Option<u32> {
        self.group_ids.get(self.key.text(id))
    }

    /// All groups with their numbers, in the order in which they were read.
    pub fn groups(&self) -> impl Iterator<Item = (u32, Group<'_>)> {
        (0..self.group_count()).map(|group| (group, self.group(group)))
    }

    /// The people in a group, those of nested groups included: sorted, each once.
    pub fn members(&self, group: u32) -> &[u32] {
        let row = &self.groups[group as usize];
        row.closed.as_deref().unwrap_or(&self.direct[row.direct.clone()])
    }

    /// For each person the groups that he is in, nested ones included. Costs four bytes a membership, so it is
    /// made only for expressions that read `user.groups` and for explanations.
    pub fn groups_by_user(&self) -> GroupsByUser {
        let mut starts = vec![0_u32; self.users.len() + 1];
        for group in 0..self.group_count() {
            for user in self.members(group) {
                starts[*user as usize + 1] += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut groups = vec![0; starts.last().map_or(0, |total| *total as usize)];
        for group in 0..self.group_count() {
            for user in self.members(group) {
                let slot = &mut next[*user as usize];
                groups[*slot as usize] = group;
                *slot += 1;
            }
        }
        GroupsByUser { starts, groups }
    }

    /// The key with which this snapshot's ids are indexed.
    pub fn fingerprint_key(&self) -> FingerprintKey {
        self.key
    }

    fn bytes(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        self.arena.get(start..start + span.length as usize).unwrap_or(&[])
    }

    fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or("")
    }

    /// The names of groups, for people who read `user.groups`.
    pub fn group_names<'a>(&'a self, groups: &'a [u32]) -> Vec<&'a str> {
        groups.iter().map(|group| self.group(*group).name).collect()
    }

    /// The directory id of one person.
    pub fn user_id(&self, user: u32) -> &str {
        self.user(user).text(Attribute::Id)
    }
}

/// The inverse of group membership.
pub struct GroupsByUser {
    starts: Vec<u32>,
    groups: Vec<u32>,
}

impl GroupsByUser {
    /// The groups of one person, in ascending order.
    pub fn of(&self, user: u32) -> &[u32] {
        let at = user as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => &self.groups[*start as usize..*end as usize],
            _ => &[],
        }
    }
}
