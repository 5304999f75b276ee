//! One page of a directory's answer, in the form in which the snapshot keeps it.

use super::Span;
use crate::{
    attribute::Attribute,
    record::{Record, RecordWriter},
};

/// An entry that could not be read. It is that entry's failure and nobody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Where it stands: a row number, a DN, an id.
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
    /// The places in `users` of those whose entry can't be read, and why.
    pub(super) unreadable: Vec<(u32, String)>,
    /// The person added last; nobody after an entry without an id.
    last_user: Option<u32>,
}

#[derive(Clone, Copy)]
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
    /// It is known to be a group.
    pub(super) is_group: bool,
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
            self.reject(place, "the person has no id");
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
    /// and nothing follows for anybody else; so this is better than [`Batch::reject`] wherever the id is known.
    pub fn unreadable_user(&mut self, id: &str, message: impl Into<String>) {
        self.user(id, |_| {});
        if let Some(last) = self.last_user {
            self.unreadable.push((last, message.into()));
        }
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

    /// Reports an entry of which not even the id can be read. Whoever seems to be absent may stand behind it, so it makes
    /// the whole read incomplete.
    pub fn reject(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.rejected.push(Rejected {
            place: place.into(),
            message: message.into(),
        });
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

    /// The entries that can't be read.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
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
        self.reference(reference, false)
    }

    /// Adds a member that the directory calls a group, by its id or an alias.
    pub fn group_member(&mut self, reference: &str) -> &mut Self {
        self.reference(reference, true)
    }

    fn reference(&mut self, reference: &str, is_group: bool) -> &mut Self {
        let reference = self.batch.store(reference.trim());
        self.batch.members.push(BatchMember {
            group: self.number,
            reference,
            is_group,
        });
        self
    }

    /// States that the directory did not tell the members: no `members` attribute at all.
    pub fn members_not_told(&mut self) -> &mut Self {
        self.batch.groups[self.number as usize].members_told = false;
        self
    }
}
