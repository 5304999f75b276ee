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
    pub(super) answer: Answer,
}

/// How a directory answers.
#[derive(Clone, Copy, Default)]
pub(super) enum Answer {
    /// With everything on one page.
    #[default]
    Whole,
    /// With 503 from the first page of this part on.
    Fails(Part),
    /// With pages of so many people, of which the second is 503.
    BreaksOff(usize),
    /// With so many people, although it says how many there are.
    Cut(usize),
    /// With nothing, and it says that this is all.
    Empty,
}

fn unavailable() -> Error {
    Error::Protocol {
        operation: "reading".to_owned(),
        message: "503 Service Unavailable".to_owned(),
    }
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
            answer: Answer::Whole,
        }
    }

    pub(super) fn answering(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
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

    async fn read(
        &self,
        part: Part,
        _: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        let mut end = PageEnd::default();
        let mut people = self.people.as_slice();
        match (self.answer, part) {
            (Answer::Fails(failing), _) if failing == part => return Err(unavailable()),
            (Answer::BreaksOff(_), Part::Users) if cursor.is_some() => return Err(unavailable()),
            (Answer::BreaksOff(rows), Part::Users) => {
                people = &people[..rows];
                end.next = Some(Cursor("2".to_owned()));
            }
            (Answer::Cut(rows), Part::Users) => {
                end.total = Some(people.len() as u64);
                people = &people[..rows];
            }
            (Answer::Empty, _) => {
                end.total = Some(0);
                return Ok(end);
            }
            _ => {}
        }
        match part {
            Part::Users => {
                for person in people {
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
        Ok(end)
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}
