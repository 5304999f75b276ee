//! People and groups in plain data, read page by page into a snapshot.

use directory_sync_model::{
    attribute::Attribute,
    fingerprint::FingerprintKey,
    snapshot::{Batch, Doubt, EntryKind, Rejected, Snapshot, SnapshotBuilder},
};

/// A person of the directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    pub id: String,
    pub email: String,
    /// Every address, when there are several.
    pub emails: Vec<String>,
    pub given_name: String,
    pub family_name: String,
    pub display_name: String,
    pub phone: String,
    pub department: String,
    /// `YYYY-MM-DD`; empty when the directory doesn't know it.
    pub start_date: String,
    pub active: bool,
    /// His entry is there and can't be read.
    pub unreadable: bool,
}

/// A person with an id and the address `ID@acme.test`.
pub fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        email: format!("{id}@acme.test"),
        emails: Vec::new(),
        given_name: String::new(),
        family_name: String::new(),
        display_name: String::new(),
        phone: String::new(),
        department: String::new(),
        start_date: String::new(),
        active: true,
        unreadable: false,
    }
}

impl Person {
    pub fn email(mut self, email: &str) -> Self {
        self.email = email.to_owned();
        self
    }

    pub fn given_name(mut self, name: &str) -> Self {
        self.given_name = name.to_owned();
        self
    }

    pub fn phone(mut self, phone: &str) -> Self {
        self.phone = phone.to_owned();
        self
    }

    pub fn department(mut self, department: &str) -> Self {
        self.department = department.to_owned();
        self
    }

    pub fn starting(mut self, date: &str) -> Self {
        self.start_date = date.to_owned();
        self
    }

    pub fn disabled(mut self) -> Self {
        self.active = false;
        self
    }

    pub fn unreadable(mut self) -> Self {
        self.unreadable = true;
        self
    }
}

/// A group of the directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub id: String,
    pub name: String,
    /// Ids of people and of groups.
    pub members: Vec<String>,
    pub told: bool,
}

/// A group without members, with the id `g-NAME`.
pub fn group(name: &str) -> Group {
    Group {
        id: format!("g-{name}"),
        name: name.to_owned(),
        members: Vec::new(),
        told: true,
    }
}

impl Group {
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.to_owned();
        self
    }

    pub fn of(mut self, members: &[&str]) -> Self {
        self.members.extend(members.iter().map(|member| (*member).to_owned()));
        self
    }

    pub fn not_told(mut self) -> Self {
        self.told = false;
        self
    }
}

/// What a directory answers.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    pub doubts_about_users: Vec<Doubt>,
    pub doubts_about_groups: Vec<Doubt>,
    /// Entries of which not even the id can be read.
    pub rejected: Vec<Rejected>,
    /// How many entries come in a page; 0: all in one.
    pub page: usize,
}

/// A directory without anybody.
pub fn directory() -> Directory {
    Directory::default()
}

/// What can be put into a directory.
pub trait Entry {
    fn enter(self, directory: &mut Directory);
}

impl Entry for Person {
    fn enter(self, directory: &mut Directory) {
        directory.people.push(self);
    }
}

impl Entry for Group {
    fn enter(self, directory: &mut Directory) {
        directory.groups.push(self);
    }
}

impl Entry for Rejected {
    fn enter(self, directory: &mut Directory) {
        directory.rejected.push(self);
    }
}

impl Directory {
    pub fn with(mut self, entry: impl Entry) -> Self {
        entry.enter(&mut self);
        self
    }

    /// People of these ids, nothing special about them.
    pub fn with_people(self, ids: &[&str]) -> Self {
        ids.iter().fold(self, |directory, id| directory.with(person(id)))
    }

    pub fn cut_off(mut self) -> Self {
        self.doubts_about_users.push(Doubt::SizeLimit);
        self
    }

    pub fn add(&mut self, entry: impl Entry) {
        entry.enter(self);
    }

    pub fn person(&mut self, id: &str) -> &mut Person {
        let found = self.people.iter_mut().find(|person| person.id == id);
        found.expect("a person of this id")
    }

    pub fn group(&mut self, name: &str) -> &mut Group {
        let found = self.groups.iter_mut().find(|group| group.name == name);
        found.expect("a group of this name")
    }

    /// Takes a person out of the directory, and out of all its groups.
    pub fn loses(&mut self, id: &str) {
        self.people.retain(|person| person.id != id);
        for group in &mut self.groups {
            group.members.retain(|member| member != id);
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let page = if self.page == 0 { usize::MAX } else { self.page };
        let mut builder = SnapshotBuilder::new(FingerprintKey::new(1, 2));
        let mut batch = Batch::new();
        for people in self.people.chunks(page) {
            batch.clear();
            people.iter().for_each(|person| write_person(person, &mut batch));
            builder.append(&batch);
        }
        for groups in self.groups.chunks(page) {
            batch.clear();
            groups.iter().for_each(|group| write_group(group, &mut batch));
            builder.append(&batch);
        }
        batch.clear();
        for Rejected { kind, place, message } in &self.rejected {
            match kind {
                EntryKind::User => batch.reject_user(place, message),
                EntryKind::Group => batch.reject_group(place, message),
            }
        }
        builder.append(&batch);
        for doubt in &self.doubts_about_users {
            builder.doubt_users(doubt.clone());
        }
        for doubt in &self.doubts_about_groups {
            builder.doubt_groups(doubt.clone());
        }
        builder.finish()
    }
}

fn write_person(person: &Person, batch: &mut Batch) {
    if person.unreadable {
        batch.unreadable_user(&person.id, "it can't be read");
        return;
    }
    batch.user(&person.id, |record| {
        record.text(Attribute::Email, &person.email);
        for email in &person.emails {
            record.item(Attribute::Emails, email);
        }
        record.text(Attribute::GivenName, &person.given_name);
        record.text(Attribute::FamilyName, &person.family_name);
        record.text(Attribute::DisplayName, &person.display_name);
        record.text(Attribute::Phone, &person.phone);
        record.text(Attribute::Department, &person.department);
        record.text(Attribute::StartDate, &person.start_date);
        record.active(person.active);
    });
}

fn write_group(group: &Group, batch: &mut Batch) {
    let mut entry = batch.group(&group.id, &group.name);
    for member in &group.members {
        entry.member(member);
    }
    if !group.told {
        entry.members_not_told();
    }
}
