//! A directory in plain data.

use std::collections::BTreeMap;

use async_trait::async_trait;
use directory_sync_model::{
    attribute::{Attribute, AttributeSet},
    snapshot::Batch,
};

use crate::directory::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};

/// People and groups.
#[derive(Clone, Default)]
pub(super) struct Company {
    pub(super) people: Vec<Person>,
    pub(super) groups: Vec<(String, Vec<String>)>,
    /// The ids of groups by name, where they aren't `g-NAME`.
    pub(super) ids: BTreeMap<String, String>,
}

#[derive(Clone)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) given_name: String,
    pub(super) active: bool,
}

/// Somebody with the address `ID@acme.test`.
pub(super) fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        email: format!("{id}@acme.test"),
        given_name: String::new(),
        active: true,
    }
}

impl Person {
    pub(super) fn email(mut self, email: &str) -> Self {
        self.email = email.to_owned();
        self
    }

    pub(super) fn named(mut self, name: &str) -> Self {
        self.given_name = name.to_owned();
        self
    }

    pub(super) fn disabled(mut self) -> Self {
        self.active = false;
        self
    }
}

impl Company {
    pub(super) fn of(people: impl IntoIterator<Item = Person>) -> Self {
        Self {
            people: people.into_iter().collect(),
            groups: Vec::new(),
            ids: BTreeMap::new(),
        }
    }

    pub(super) fn group<I: AsRef<str>>(mut self, name: &str, members: impl IntoIterator<Item = I>) -> Self {
        let members = members.into_iter().map(|id| id.as_ref().to_owned()).collect();
        self.groups.push((name.to_owned(), members));
        self
    }
}

#[async_trait]
impl Directory for Company {
    fn provider(&self) -> &'static str {
        "company"
    }

    fn capability(&self) -> Capability {
        Capability { repeatable_pages: true }
    }

    async fn read(&self, part: Part, _: AttributeSet, _: Option<&Cursor>, batch: &mut Batch) -> Result<PageEnd, Error> {
        match part {
            Part::Users => {
                for person in &self.people {
                    batch.user(&person.id, |record| {
                        record.text(Attribute::Email, &person.email);
                        record.text(Attribute::GivenName, &person.given_name);
                        record.active(person.active);
                    });
                }
            }
            Part::Groups => {
                for (name, members) in &self.groups {
                    let id = self.ids.get(name).cloned().unwrap_or_else(|| format!("g-{name}"));
                    let mut group = batch.group(&id, name);
                    for member in members {
                        group.member(member);
                    }
                }
            }
        }
        Ok(PageEnd::default())
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}
