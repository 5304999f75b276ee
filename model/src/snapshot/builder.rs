//! From pages to a snapshot: numbers people and groups, resolves members, notes what raises doubt.

use super::{
    Completeness, Doubt, GroupRow, Rejected, Snapshot, Span,
    batch::{Batch, BatchGroup, Owner, count},
    nesting,
};
use crate::fingerprint::{Fingerprint, FingerprintKey, Index};

/// Above this share of entries that can't be read, the read as a whole is doubtful: one in a hundred.
const UNREADABLE_DIVISOR: u64 = 100;

/// Text above this size can't be addressed; a directory of ten million people stays below it.
const ARENA_LIMIT: usize = u32::MAX as usize;

/// Takes batches and builds a [`Snapshot`]. People are to be appended before the groups that they are in: a member
/// that isn't known yet costs sixteen bytes until the end instead of four.
pub struct SnapshotBuilder {
    key: FingerprintKey,
    arena: Vec<u8>,
    users: Vec<Span>,
    user_ids: Index,
    user_aliases: Index,
    groups: Vec<GroupRow>,
    group_ids: Index,
    group_aliases: Index,
    /// User members, in runs of one group each.
    members: Vec<u32>,
    runs: Vec<Run>,
    unresolved: Vec<(u32, Fingerprint)>,
    duplicate_users: Duplicates,
    rejected: Vec<Rejected>,
    rejected_count: u64,
    completeness: Completeness,
    full: bool,
}

struct Run {
    group: u32,
    start: usize,
    end: usize,
}

#[derive(Default)]
struct Duplicates {
    count: u64,
    example: String,
}

/// How many rejected entries are kept with their message; all are counted.
const REJECTED_KEPT: usize = 100;

impl SnapshotBuilder {
    /// An empty snapshot. `key` is the key of this process's fingerprints.
    pub fn new(key: FingerprintKey) -> Self {
        Self {
            key,
            arena: Vec::new(),
            users: Vec::new(),
            user_ids: Index::default(),
            user_aliases: Index::default(),
            groups: Vec::new(),
            group_ids: Index::default(),
            group_aliases: Index::default(),
            members: Vec::new(),
            runs: Vec::new(),
            unresolved: Vec::new(),
            duplicate_users: Duplicates::default(),
            rejected: Vec::new(),
            rejected_count: 0,
            completeness: Completeness::default(),
            full: false,
        }
    }

    /// Notes a doubt about the people.
    pub fn doubt_users(&mut self, doubt: Doubt) {
        self.completeness.users.push(doubt);
    }

    /// Notes a doubt about the groups.
    pub fn doubt_groups(&mut self, doubt: Doubt) {
        self.completeness.groups.push(doubt);
    }

    /// How many people came so far.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// How many groups came so far.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Adds one page.
    pub fn append(&mut self, batch: &Batch) {
        if self.arena.len() + batch.arena.len() > ARENA_LIMIT {
            self.full = true;
            return;
        }
        let users: Vec<u32> = batch.users.iter().map(|user| self.add_user(batch, user)).collect();
        let groups: Vec<u32> = batch.groups.iter().map(|group| self.add_group(batch, group)).collect();
        for (owner, alias) in &batch.aliases {
            let alias = self.key.bytes(batch.bytes(*alias));
            match owner {
                Owner::User(at) => self.user_aliases.insert(alias, users[*at as usize]),
                Owner::Group(at) => self.group_aliases.insert(alias, groups[*at as usize]),
            };
        }
        self.add_members(batch, &groups);
        self.rejected_count += batch.rejected.len() as u64;
        let room = REJECTED_KEPT.saturating_sub(self.rejected.len());
        self.rejected.extend(batch.rejected.iter().take(room).cloned());
    }

    fn add_user(&mut self, batch: &Batch, user: &super::batch::BatchUser) -> u32 {
        let number = count(self.users.len());
        if let Some(known) = self.user_ids.insert(self.key.bytes(batch.bytes(user.id)), number) {
            if self.duplicate_users.count == 0 {
                self.duplicate_users.example = String::from_utf8_lossy(batch.bytes(user.id)).into_owned();
            }
            self.duplicate_users.count += 1;
            return known;
        }
        let span = self.store(batch.bytes(user.record));
        self.users.push(span);
        number
    }

    fn add_group(&mut self, batch: &Batch, group: &BatchGroup) -> u32 {
        let number = count(self.groups.len());
        if let Some(known) = self.group_ids.insert(self.key.bytes(batch.bytes(group.id)), number) {
            self.groups[known as usize].members_told &= group.members_told;
            return known;
        }
        let row = GroupRow {
            id: self.store(batch.bytes(group.id)),
            name: self.store(batch.bytes(group.name)),
            description: self.store(batch.bytes(group.description)),
            members_told: group.members_told,
            direct: 0..0,
            closed: None,
        };
        self.groups.push(row);
        number
    }

    fn add_members(&mut self, batch: &Batch, groups: &[u32]) {
        let mut rest = batch.members.as_slice();
        while let Some((at, _)) = rest.first() {
            let length = rest.iter().take_while(|(other, _)| other == at).count();
            let (run, after) = rest.split_at(length);
            rest = after;
            let group = groups[*at as usize];
            let start = self.members.len();
            for (_, reference) in run {
                let reference = self.key.bytes(batch.bytes(*reference));
                match self.user(reference) {
                    Some(user) => self.members.push(user),
                    None => self.unresolved.push((group, reference)),
                }
            }
            self.runs.push(Run {
                group,
                start,
                end: self.members.len(),
            });
        }
    }

    fn user(&self, reference: Fingerprint) -> Option<u32> {
        self.user_ids
            .get(reference)
            .or_else(|| self.user_aliases.get(reference))
    }

    fn store(&mut self, bytes: &[u8]) -> Span {
        let span = Span {
            start: count(self.arena.len()),
            length: count(bytes.len()),
        };
        self.arena.extend_from_slice(bytes);
        span
    }

    /// Resolves nested groups and states completeness.
    pub fn finish(mut self) -> Snapshot {
        let mut late: Vec<(u32, u32)> = Vec::new();
        let mut nested: Vec<(u32, u32)> = Vec::new();
        for (group, reference) in std::mem::take(&mut self.unresolved) {
            if let Some(user) = self.user(reference) {
                late.push((group, user));
            } else if let Some(child) = self
                .group_ids
                .get(reference)
                .or_else(|| self.group_aliases.get(reference))
            {
                nested.push((group, child));
            }
            // Anything else is outside of what is read: a device, a contact, a person outside the search base.
        }
        self.settle_members(late);
        nesting::close(&mut self.groups, &self.members, nested);
        self.state_doubts();
        self.arena.shrink_to_fit();
        Snapshot {
            arena: self.arena,
            users: self.users,
            user_ids: self.user_ids,
            groups: self.groups,
            direct: self.members,
            key: self.key,
            completeness: self.completeness,
            rejected: self.rejected,
        }
    }

    /// Gives each group one sorted run of members. Nearly every group came in one run already, which is sorted in
    /// place; the runs of a group that came in several (or late) are joined at the end.
    fn settle_members(&mut self, mut late: Vec<(u32, u32)>) {
        late.sort_unstable();
        let mut runs = std::mem::take(&mut self.runs);
        runs.sort_by_key(|run| run.group);
        let mut late = late.as_slice();
        let mut runs = runs.as_slice();
        for number in 0..self.groups.len() {
            let group = count(number);
            let (own, later_runs) = runs.split_at(runs.partition_point(|run| run.group <= group));
            let (own_late, later) = late.split_at(late.partition_point(|(at, _)| *at <= group));
            (runs, late) = (later_runs, later);
            let joined = match (own, own_late) {
                ([], []) => continue,
                ([only], []) => only.start..only.end,
                _ => {
                    let start = self.members.len();
                    own.iter()
                        .for_each(|run| self.members.extend_from_within(run.start..run.end));
                    self.members.extend(own_late.iter().map(|(_, user)| *user));
                    start..self.members.len()
                }
            };
            let length = sort_and_deduplicate(&mut self.members[joined.clone()]);
            self.groups[number].direct = joined.start..joined.start + length;
        }
    }

    fn state_doubts(&mut self) {
        let seen = self.users.len() as u64 + self.groups.len() as u64 + self.rejected_count;
        if self.rejected_count * UNREADABLE_DIVISOR > seen {
            let example = self
                .rejected
                .first()
                .map(|first| format!("{}: {}", first.place, first.message));
            self.completeness.users.push(Doubt::Unreadable {
                count: self.rejected_count,
                example: example.unwrap_or_default(),
            });
        }
        if self.duplicate_users.count > 0 {
            let Duplicates { count, example } = std::mem::take(&mut self.duplicate_users);
            self.completeness.users.push(Doubt::DuplicateIds { count, example });
        }
        if self.full {
            let cause = "more than 4 GiB of text in one directory".to_owned();
            self.completeness.users.push(Doubt::Interrupted { cause });
        }
        if self.users.is_empty() {
            self.completeness.users.push(Doubt::Empty);
        }
    }
}

/// Sorts and moves the distinct members to the front; returns how many they are.
fn sort_and_deduplicate(members: &mut [u32]) -> usize {
    if !members.is_sorted() {
        members.sort_unstable();
    }
    let mut kept = 0;
    for at in 0..members.len() {
        if at == 0 || members[at] != members[kept - 1] {
            members[kept] = members[at];
            kept += 1;
        }
    }
    kept
}
