//! The marks of a platform that carries none, the outcome of requests that nobody knows, and the filling of a ledger: all
//! three while the platform is observed.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::SystemTime,
};

use directory_sync_model::{
    email,
    fingerprint::{Fingerprint, FingerprintKey},
    names,
    observed::{ContainerKind, ContainerRow, MarkRow, MembershipRow, Observer, RoleRow, UserRow},
};
use tokio::sync::mpsc::UnboundedSender;

use super::ledger::{Entry, EntryKind, Key, Ledger, LedgerError, Opened, Settlement};

mod claims;

use claims::Claims;

/// How many entries are handed on at once.
const CHUNK: usize = 1000;

/// What an observation needs of the ledger.
pub(super) struct Marks {
    owner: String,
    now: SystemTime,
    fingerprints: FingerprintKey,
    /// What we gave, where the platform can't say it.
    table: Option<Table>,
    claims: Claims,
}

/// All that a ledger says of a platform without marks, as fingerprints: forty bytes a user, sixteen a membership.
#[derive(Default)]
struct Table {
    users: HashMap<Fingerprint, UserMark>,
    roles: HashMap<Fingerprint, String>,
    /// Teams, with the directory's ids of the groups that made them.
    teams: HashMap<Fingerprint, Box<str>>,
    others: HashSet<Fingerprint>,
}

struct UserMark {
    directory_id: Box<str>,
    deactivated: Option<SystemTime>,
}

impl Marks {
    /// Reads what is needed: open intents, and all entries where the platform carries no marks.
    pub(super) async fn load(
        ledger: &dyn Ledger,
        carried: bool,
        opened: &Opened,
        owner: &str,
        now: SystemTime,
        fingerprints: FingerprintKey,
    ) -> Result<Self, LedgerError> {
        let mut marks = Self {
            owner: owner.to_owned(),
            now,
            fingerprints,
            table: (!carried).then(Table::default),
            claims: Claims::new(&opened.intents, fingerprints),
        };
        let mut after: Option<Key> = None;
        while let Some(table) = &mut marks.table {
            let page = ledger.entries(after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for entry in page {
                table.add(fingerprints, entry);
            }
        }
        Ok(marks)
    }

    /// Shows rows to `observer` with the marks that they have. `filling`: where what is ours is handed on to, of an owner
    /// whom the ledger doesn't know yet.
    pub(super) fn over<'a>(
        &'a mut self,
        observer: &'a mut (dyn Observer + Send),
        filling: Option<UnboundedSender<Vec<Entry>>>,
    ) -> Marking<'a> {
        Marking {
            marks: self,
            observer,
            filling: filling.map(|sender| Filling {
                sender,
                chunk: Vec::new(),
            }),
        }
    }

    /// What became of the intents that were open, by an observation that saw everything.
    pub(super) fn settlement(self) -> Settlement {
        self.claims.settle()
    }
}

impl Table {
    fn add(&mut self, fingerprints: FingerprintKey, entry: Entry) {
        match entry.key.kind {
            EntryKind::User => {
                let mark = UserMark {
                    directory_id: entry.directory_id.into_boxed_str(),
                    deactivated: entry.deactivated,
                };
                self.users.insert(fingerprints.text(&entry.key.id), mark);
            }
            EntryKind::Role => {
                self.roles.insert(fingerprints.text(&entry.key.id), entry.role);
            }
            EntryKind::Team => {
                let group = entry.directory_id.into_boxed_str();
                self.teams.insert(fingerprints.text(&entry.key.id), group);
            }
            EntryKind::TeamMembership | EntryKind::InboxMembership => {
                let Key { kind, id, container } = &entry.key;
                self.others.insert(fingerprint(fingerprints, *kind, id, container));
            }
        }
    }
}

/// The fingerprint of a key.
fn fingerprint(fingerprints: FingerprintKey, kind: EntryKind, id: &str, container: &str) -> Fingerprint {
    fingerprints
        .fields()
        .number(kind as u32)
        .text(id)
        .text(container)
        .finish()
}

/// An observer in front of the one that plans.
pub(super) struct Marking<'a> {
    marks: &'a mut Marks,
    observer: &'a mut (dyn Observer + Send),
    filling: Option<Filling>,
}

struct Filling {
    sender: UnboundedSender<Vec<Entry>>,
    chunk: Vec<Entry>,
}

impl Filling {
    fn add(&mut self, entry: Entry) {
        self.chunk.push(entry);
        if self.chunk.len() >= CHUNK {
            self.flush();
        }
    }

    fn flush(&mut self) {
        // Whoever doesn't listen any more has failed, and says so itself.
        let _ = self.sender.send(std::mem::take(&mut self.chunk));
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        if !self.chunk.is_empty() {
            self.flush();
        }
    }
}

impl Marking<'_> {
    /// Hands on what a mark of ours says.
    fn fill_user(&mut self, row: &UserRow<'_>) {
        let Some(filling) = &mut self.filling else { return };
        let Some(mark) = row.mark.as_ref().filter(|mark| mark.owner == self.marks.owner) else {
            return;
        };
        filling.add(Entry {
            directory_id: row.external_id.to_string(),
            deactivated: mark.deactivated,
            ..Entry::new(Key::of(EntryKind::User, row.id.as_ref()), self.marks.now)
        });
        if let Some(role) = &mark.role {
            filling.add(Entry {
                role: role.to_string(),
                directory_id: row.external_id.to_string(),
                ..Entry::new(Key::of(EntryKind::Role, row.id.as_ref()), self.marks.now)
            });
        }
    }

    fn fill(&mut self, owner: Option<&str>, key: impl FnOnce() -> Key) {
        if let Some(filling) = &mut self.filling
            && owner == Some(&self.marks.owner)
        {
            filling.add(Entry::new(key(), self.marks.now));
        }
    }
}

impl Observer for Marking<'_> {
    fn role(&mut self, role: &RoleRow<'_>) {
        self.observer.role(role);
    }

    fn container(&mut self, row: &ContainerRow<'_>) {
        let Marks {
            owner,
            fingerprints,
            table,
            claims,
            ..
        } = &mut *self.marks;
        let claimed = row.kind == ContainerKind::Team && claims.see_team(&names::normalize(&row.name), &row.id);
        let Some(table) = table else {
            self.observer.container(row);
            self.fill(row.owner.as_deref(), || Key::of(EntryKind::Team, row.id.as_ref()));
            return;
        };
        let group = (row.kind == ContainerKind::Team)
            .then(|| table.teams.get(&fingerprints.text(&row.id)))
            .flatten();
        let mut marked = row.clone();
        marked.owner = (claimed || group.is_some()).then(|| Cow::Owned(owner.clone()));
        // What the platform tells of a team's group is nobody's word where it can't tell whose the team is.
        marked.external_id = Cow::Owned(group.map(ToString::to_string).unwrap_or_default());
        self.observer.container(&marked);
    }

    fn user(&mut self, row: &UserRow<'_>) {
        let marks = &mut *self.marks;
        let claim = if marks.claims.is_empty() {
            None
        } else {
            let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
            marks.claims.see_user(row, &address)
        };
        let Some(table) = &marks.table else {
            self.observer.user(row);
            self.fill_user(row);
            return;
        };
        let id = marks.fingerprints.text(&row.id);
        let known = table.users.get(&id);
        let mut marked = row.clone();
        if known.is_none() && claim.as_ref().is_none_or(|claim| !claim.managed) {
            marked.mark = None;
            self.observer.user(&marked);
            return;
        }
        let claim = claim.unwrap_or_default();
        let directory_id = claim
            .directory_id
            .or_else(|| known.map(|known| known.directory_id.to_string()));
        if row.external_id.is_empty() {
            marked.external_id = Cow::Owned(directory_id.unwrap_or_default());
        }
        let given = claim.role.as_ref().or_else(|| table.roles.get(&id));
        marked.mark = Some(MarkRow {
            owner: Cow::Owned(marks.owner.clone()),
            role: given.map(|role| Cow::Owned(role.clone())),
            deactivated: claim
                .deactivated
                .or_else(|| known.filter(|_| !claim.activated)?.deactivated),
        });
        self.observer.user(&marked);
    }

    fn membership(&mut self, row: &MembershipRow<'_>) {
        let Marks {
            owner,
            fingerprints,
            table,
            claims,
            ..
        } = &mut *self.marks;
        let kind = EntryKind::from(row.kind);
        let key = || fingerprint(*fingerprints, kind, &row.user, &row.container);
        let claimed = !claims.is_empty() && claims.see_membership(key());
        let Some(table) = table else {
            self.observer.membership(row);
            self.fill(row.owner.as_deref(), || {
                Key::membership(row.kind, row.container.as_ref(), row.user.as_ref())
            });
            return;
        };
        let mut marked = row.clone();
        marked.owner = (claimed || table.others.contains(&key())).then(|| Cow::Owned(owner.clone()));
        self.observer.membership(&marked);
    }
}
