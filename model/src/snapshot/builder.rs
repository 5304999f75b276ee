//! From pages to a snapshot: numbers people and groups, resolves members, notes what raises doubt.

use std::collections::{HashMap, HashSet};

use super::{
    Completeness, Doubt, GroupRow, Rejected, Snapshot, Span,
    batch::{Batch, BatchGroup, BatchUser, EntryKind, Owner, count},
    nesting,
};
use crate::fingerprint::{Fingerprint, FingerprintKey, Index};

/// Above this share of people whose entry can't be read, the read as a whole is doubtful: one in a hundred.
const UNREADABLE_DIVISOR: u64 = 100;

/// How many people whose entry can't be read are kept with a message; all are known.
const MESSAGES_KEPT: usize = 1000;

/// A group without an id.
const NO_GROUP: u32 = u32::MAX;

/// Text above this size can't be addressed; a directory of ten million people stays below it.
const ARENA_LIMIT: usize = u32::MAX as usize;

/// Takes batches and builds a [`Snapshot`]. People are to be appended before the groups that they are in: a member
/// that isn't known yet costs 32 bytes until the end instead of four.
pub struct SnapshotBuilder {
    key: FingerprintKey,
    pub(super) arena: Vec<u8>,
    pub(super) users: Vec<Span>,
    user_ids: Index,
    pub(super) user_aliases: Index,
    pub(super) groups: Vec<GroupRow>,
    group_ids: Index,
    pub(super) group_aliases: Index,
    /// User members, in runs of one group each.
    pub(super) members: Vec<u32>,
    runs: Vec<Run>,
    pub(super) unresolved: Vec<Unresolved>,
    /// Aliases that several users, or several groups, have: they mean none of them.
    ambiguous: HashSet<Fingerprint>,
    unreadable: HashMap<u32, Option<String>>,
    duplicate_users: Examples,
    duplicate_groups: Examples,
    rejected: Vec<Rejected>,
    /// How many people, and how many groups, can't be read so that anybody may stand behind them, and the first of each.
    rejected_users: Examples,
    rejected_groups: Examples,
    completeness: Completeness,
    full: bool,
}

/// A member that wasn't known when his group came.
pub(super) struct Unresolved {
    group: u32,
    kind: Option<EntryKind>,
    reference: Fingerprint,
}

struct Run {
    group: u32,
    start: usize,
    end: usize,
}

/// How often something happened, and the first time.
#[derive(Default)]
struct Examples {
    count: u64,
    example: String,
}

impl Examples {
    fn note(&mut self, example: impl FnOnce() -> String) {
        if self.count == 0 {
            self.example = example();
        }
        self.count += 1;
    }
}

/// How many rejected entries are kept with their message; all are counted.
const REJECTED_KEPT: usize = 10_000;

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
            ambiguous: HashSet::new(),
            unreadable: HashMap::new(),
            duplicate_users: Examples::default(),
            duplicate_groups: Examples::default(),
            rejected: Vec::new(),
            rejected_users: Examples::default(),
            rejected_groups: Examples::default(),
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
        for (owner, message) in &batch.unreadable {
            match owner {
                Owner::User(at) => self.mark_unreadable(users[*at as usize], message),
                Owner::Group(at) => self.report_group(groups[*at as usize], message),
            }
        }
        for (owner, alias) in &batch.aliases {
            let alias = self.key.bytes(batch.bytes(*alias));
            let (number, known) = match owner {
                Owner::User(at) => (users[*at as usize], &mut self.user_aliases),
                Owner::Group(at) => (groups[*at as usize], &mut self.group_aliases),
            };
            if number != NO_GROUP && known.insert(alias, number).is_some_and(|other| other != number) {
                self.ambiguous.insert(alias);
            }
        }
        self.add_members(batch, &groups);
        batch.rejected.iter().for_each(|rejected| self.reject(rejected.clone()));
    }

    fn reject(&mut self, rejected: Rejected) {
        let examples = match rejected.kind {
            EntryKind::User => &mut self.rejected_users,
            EntryKind::Group => &mut self.rejected_groups,
        };
        examples.note(|| format!("{}: {}", rejected.place, rejected.message));
        self.report(rejected);
    }

    fn report(&mut self, rejected: Rejected) {
        if self.rejected.len() < REJECTED_KEPT {
            self.rejected.push(rejected);
        }
    }

    /// A group whose members can't be read is there all the same; one without an id has been rejected already.
    fn report_group(&mut self, group: u32, message: &str) {
        if let Some(row) = self.groups.get(group as usize) {
            let place = String::from_utf8_lossy(self.span(row.id)).into_owned();
            self.report(Rejected {
                kind: EntryKind::Group,
                place,
                message: message.to_owned(),
            });
        }
    }

    fn mark_unreadable(&mut self, user: u32, message: &str) {
        let room = self.unreadable.len() < MESSAGES_KEPT;
        self.unreadable
            .entry(user)
            .or_insert_with(|| room.then(|| message.to_owned()));
    }

    fn add_user(&mut self, batch: &Batch, user: &BatchUser) -> u32 {
        let number = count(self.users.len());
        let record = batch.bytes(user.record);
        if let Some(known) = self.user_ids.insert(self.key.bytes(batch.bytes(user.id)), number) {
            self.duplicate_users
                .note(|| String::from_utf8_lossy(batch.bytes(user.id)).into_owned());
            // Which of two that differ is right can't be told, and must not depend on the order in which they come.
            if self.span(self.users[known as usize]) != record {
                self.mark_unreadable(known, "the directory has two entries of this id, and they differ");
            }
            return known;
        }
        let span = self.store(record);
        self.users.push(span);
        number
    }

    fn add_group(&mut self, batch: &Batch, group: &BatchGroup) -> u32 {
        let id = batch.bytes(group.id);
        if id.is_empty() {
            let name = String::from_utf8_lossy(batch.bytes(group.name));
            self.reject(Rejected {
                kind: EntryKind::Group,
                place: format!("group {name:?}"),
                message: "the group has no id".to_owned(),
            });
            return NO_GROUP;
        }
        let number = count(self.groups.len());
        if let Some(known) = self.group_ids.insert(self.key.bytes(id), number) {
            // Two groups whose id isn't one, or one that came twice in place of another, whose page shifted meanwhile.
            self.duplicate_groups.note(|| String::from_utf8_lossy(id).into_owned());
            self.groups[known as usize].members_told &= group.members_told;
            return known;
        }
        let row = GroupRow {
            id: self.store(id),
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
        for run in batch.members.chunk_by(|one, other| one.group == other.group) {
            let group = groups[run[0].group as usize];
            if group == NO_GROUP {
                continue;
            }
            let start = self.members.len();
            for member in run {
                let reference = self.key.bytes(batch.bytes(member.reference));
                match self.user(reference).filter(|_| member.kind != Some(EntryKind::Group)) {
                    Some(user) => self.members.push(user),
                    None => self.unresolved.push(Unresolved {
                        group,
                        kind: member.kind,
                        reference,
                    }),
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
        let by_alias = || self.user_aliases.get(reference);
        let alias = || by_alias().filter(|_| !self.ambiguous.contains(&reference));
        self.user_ids.get(reference).or_else(alias)
    }

    fn span(&self, span: Span) -> &[u8] {
        &self.arena[span.start as usize..span.start as usize + span.length as usize]
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
        let mut strangers: Vec<Fingerprint> = Vec::new();
        for unresolved in std::mem::take(&mut self.unresolved) {
            let Unresolved { group, kind, reference } = unresolved;
            let may_be = |other| kind.is_none_or(|kind| kind == other);
            let by_id = |ids: &Index| ids.get(reference);
            let by_alias = |aliases: &Index| aliases.get(reference).filter(|_| !self.ambiguous.contains(&reference));
            let child = || by_id(&self.group_ids).or_else(|| by_alias(&self.group_aliases));
            if let Some(user) = self.user(reference).filter(|_| may_be(EntryKind::User)) {
                late.push((group, user));
            } else if let Some(child) = child().filter(|_| may_be(EntryKind::Group)) {
                nested.push((group, child));
            } else if self.ambiguous.contains(&reference) {
                // One of several is a member, and which one isn't said.
                self.groups[group as usize].members_told = false;
            } else if may_be(EntryKind::User) {
                // Outside of what is read: a device, a contact, a person outside the search base, or one who can't be seen.
                strangers.push(reference);
            }
        }
        strangers.sort_unstable();
        strangers.dedup();
        self.settle_members(late);
        nesting::close(&mut self.groups, &self.members, nested);
        self.state_doubts();
        self.arena.shrink_to_fit();
        Snapshot {
            arena: self.arena,
            users: self.users,
            user_ids: self.user_ids,
            groups: self.groups,
            group_ids: self.group_ids,
            direct: self.members,
            key: self.key,
            strangers: strangers.len() as u64,
            completeness: self.completeness,
            rejected: self.rejected,
            unreadable: self.unreadable,
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

    /// The one place that judges entries; how a read went page by page is told to [`Self::doubt_users`] and
    /// [`Self::doubt_groups`].
    fn state_doubts(&mut self) {
        let Examples { mut count, mut example } = std::mem::take(&mut self.rejected_users);
        let unreadable = self.unreadable.len() as u64;
        if count > 0 || unreadable * UNREADABLE_DIVISOR > self.users.len() as u64 {
            if count == 0 {
                example = self.unreadable.values().flatten().min().cloned().unwrap_or_default();
            }
            count += unreadable;
            self.completeness.users.push(Doubt::Unreadable { count, example });
        }
        let Examples { count, example } = std::mem::take(&mut self.rejected_groups);
        if count > 0 {
            self.completeness.groups.push(Doubt::Unreadable { count, example });
        }
        let Examples { count, example } = std::mem::take(&mut self.duplicate_users);
        if count > 0 {
            self.completeness.users.push(Doubt::DuplicateIds { count, example });
        }
        let Examples { count, example } = std::mem::take(&mut self.duplicate_groups);
        if count > 0 {
            self.completeness.groups.push(Doubt::DuplicateIds { count, example });
        }
        if self.full {
            let cause = "more than 4 GiB of text in one directory".to_owned();
            self.completeness
                .users
                .push(Doubt::Interrupted { cause: cause.clone() });
            self.completeness.groups.push(Doubt::Interrupted { cause });
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
