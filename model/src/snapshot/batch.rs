//! One page of a directory's answer, in the form in which the snapshot keeps it.

use super::Span;
use crate::{
    attribute::Attribute,
    record::{Record, RecordWriter},
};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A person.
    User,
    /// A group.
    Group,
}

/// An entry that could not be read. It is a failure of its own, told by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// What it is about.
    pub kind: EntryKind,
    /// Where it stands: an id, a row number, a DN.
    pub place: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

/// People, groups and memberships of one page. Reused from page to page.
#[derive(Default)]
pub struct Batch {
    pub(super) arena: Vec<u8>,
    pub(super) users: Vec<BatchUser>,
    pub(super) groups: Vec<BatchGroup>,
    /// Other names of users and groups by which members are referred to.
    pub(super) aliases: Vec<(Owner, Span)>,
    /// Members of groups, those of one group one after the other.
    pub(super) members: Vec<BatchMember>,
    pub(super) rejected: Vec<Rejected>,
    /// Those whose entry can't be read beyond the id, and why.
    pub(super) unreadable: Vec<(Owner, String)>,
    /// The person added last; nobody after an entry without an id.
    last_user: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    User(u32),
    Group(u32),
}

/// A member of a group, by an id or an alias.
#[derive(Clone, Copy)]
pub(super) struct BatchMember {
    /// The group's place in `groups`.
    pub(super) group: u32,
    pub(super) reference: Span,
    /// What it is known to be.
    pub(super) kind: Option<EntryKind>,
}

pub(super) struct BatchUser {
    pub(super) id: Span,
    pub(super) record: Span,
}

pub(super) struct BatchGroup {
    pub(super) id: Span,
    pub(super) name: Span,
    pub(super) description: Span,
    pub(super) members_told: bool,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.users.clear();
        self.groups.clear();
        self.aliases.clear();
        self.members.clear();
        self.rejected.clear();
        self.unreadable.clear();
        self.last_user = None;
    }

    /// How many people, groups and rejected entries are in it: what counts against a total that the directory stated.
    pub fn entries(&self) -> usize {
        self.users.len() + self.groups.len() + self.rejected.len()
    }

    /// Adds a person. `id` is the directory's stable id; `write` writes all other attributes. A person without an id is
    /// rejected: nobody could tell him from others in the next sync.
    pub fn user(&mut self, id: &str, write: impl FnOnce(&mut RecordWriter<'_>)) {
        let id = id.trim();
        self.last_user = None;
        if id.is_empty() {
            let place = format!("entry {}", self.entries() + 1);
            self.reject_user(place, "the person has no id");
            return;
        }
        let id_span = self.store(id);
        let start = self.arena.len();
        let mut attributes = RecordWriter::new(&mut self.arena);
        attributes.text(Attribute::Id, id);
        write(&mut attributes);
        let record = Span {
            start: count(start),
            length: count(self.arena.len() - start),
        };
        self.last_user = Some(count(self.users.len()));
        self.users.push(BatchUser { id: id_span, record });
    }

    /// Adds a person whose entry can't be read beyond the id. He stays exactly as he is on the platform, he is reported,
    /// and nothing follows for anybody else; so this is better than [`Batch::reject_user`] wherever the id is known.
    pub fn unreadable_user(&mut self, id: &str, message: impl Into<String>) {
        self.user(id, |_| {});
        if let Some(last) = self.last_user {
            self.unreadable.push((Owner::User(last), message.into()));
        }
    }

    /// Adds a group of which only id and name can be read: its members are not told, and it is reported. Without the name
    /// it takes [`Batch::reject_group`], since a mapping that names it would not find it.
    pub fn unreadable_group(&mut self, id: &str, name: &str, message: impl Into<String>) -> GroupEntry<'_> {
        self.unreadable
            .push((Owner::Group(count(self.groups.len())), message.into()));
        let mut entry = self.group(id, name);
        entry.members_not_told();
        entry
    }

    /// Another name by which the person added last is referred to as a member, for example a DN or a login.
    pub fn user_alias(&mut self, alias: &str) {
        if let Some(last) = self.last_user {
            let span = self.store(alias.trim());
            self.aliases.push((Owner::User(last), span));
        }
    }

    /// Adds a group, or more of a group that has come before: the same id again adds members, it replaces none.
    pub fn group(&mut self, id: &str, name: &str) -> GroupEntry<'_> {
        let id = self.store(id.trim());
        let name = self.store(name.trim());
        self.groups.push(BatchGroup {
            id,
            name,
            description: Span::default(),
            members_told: true,
        });
        GroupEntry {
            number: count(self.groups.len()) - 1,
            batch: self,
        }
    }

    /// Reports a person of whom not even the id can be read. Whoever seems to be absent may stand behind it, so it makes the
    /// read of the people incomplete.
    pub fn reject_user(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.reject(EntryKind::User, place.into(), message.into());
    }

    /// Reports a group that no mapping could name. Anybody may be in it, so it makes the read of the groups incomplete.
    pub fn reject_group(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.reject(EntryKind::Group, place.into(), message.into());
    }

    fn reject(&mut self, kind: EntryKind, place: String, message: String) {
        self.rejected.push(Rejected { kind, place, message });
    }

    /// The people in it, in the order in which they were added.
    pub fn users(&self) -> impl Iterator<Item = Record<'_>> {
        self.users.iter().map(|user| Record::new(self.bytes(user.record)))
    }

    /// The names of the groups in it, in the order in which they were added.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        let names = self.groups.iter().map(|group| self.bytes(group.name));
        names.map(|name| std::str::from_utf8(name).unwrap_or(""))
    }

    /// The members of its groups: the group's place among [`Batch::group_names`] and what refers to the member.
    pub fn members(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let members = self.members.iter();
        members.map(|member| (member.group as usize, self.bytes(member.reference)))
    }

    /// The entries of which not even the id, or the name of a group, can be read.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// What is wrong with the people and groups in it that can't be read beyond their ids.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.unreadable.iter().map(|(_, message)| message.as_str())
    }

    fn store(&mut self, text: &str) -> Span {
        let span = Span {
            start: count(self.arena.len()),
            length: count(text.len()),
        };
        self.arena.extend_from_slice(text.as_bytes());
        span
    }

    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        &self.arena[span.start as usize..(span.start + span.length) as usize]
    }
}

/// Sizes of one batch; the builder refuses to outgrow `u32`.
pub(super) fn count(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// A group that is being written.
pub struct GroupEntry<'b> {
    batch: &'b mut Batch,
    number: u32,
}

impl GroupEntry<'_> {
    /// Sets the description.
    pub fn description(&mut self, text: &str) -> &mut Self {
        let span = self.batch.store(text);
        self.batch.groups[self.number as usize].description = span;
        self
    }

    /// Another name by which this group is referred to as a member, for example its DN.
    pub fn alias(&mut self, alias: &str) -> &mut Self {
        let span = self.batch.store(alias.trim());
        self.batch.aliases.push((Owner::Group(self.number), span));
        self
    }

    /// Adds a member by the id or an alias of a user or a group. What is both, means the user.
    pub fn member(&mut self, reference: &str) -> &mut Self {
        self.reference(reference, None)
    }

    /// Adds a member that the directory calls a user, by his id or an alias.
    pub fn user_member(&mut self, reference: &str) -> &mut Self {
        self.reference(reference, Some(EntryKind::User))
    }

    /// Adds a member that the directory calls a group, by its id or an alias.
    pub fn group_member(&mut self, reference: &str) -> &mut Self {
        self.reference(reference, Some(EntryKind::Group))
    }

    fn reference(&mut self, reference: &str, kind: Option<EntryKind>) -> &mut Self {
        let reference = self.batch.store(reference.trim());
        self.batch.members.push(BatchMember {
            group: self.number,
            reference,
            kind,
        });
        self
    }

    /// States that the directory did not tell the members: no `members` attribute at all.
    pub fn members_not_told(&mut self) -> &mut Self {
        self.batch.groups[self.number as usize].members_told = false;
        self
    }
}
