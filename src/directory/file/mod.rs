#![doc = include_str!("docs.md")]

mod check;
pub mod config;
mod csv;
mod json;
mod map;
mod names;
mod parse;
mod value;
mod yaml;

use async_trait::async_trait;
use directory_sync_model::{attribute::AttributeSet, snapshot::Batch};

use super::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};
use value::{Kind, Parsed};

pub use config::{Config, Format, Source};

/// People and groups in documents that have been read already.
#[derive(Debug)]
pub struct FileDirectory {
    config: Config,
}

impl FileDirectory {
    /// A directory of these documents. What is wrong with them shows when they are read.
    pub fn new(mut config: Config) -> Self {
        for source in std::iter::once(&mut config.people).chain(&mut config.groups) {
            source.format = source.format.of(&source.name);
        }
        Self { config }
    }

    fn people(&self) -> Result<value::Document, Error> {
        parse::parse(&self.config.people, Kind::People)
    }

    /// The people, and all groups that have rows of their own.
    fn people_and_groups(&self) -> Result<(Vec<Parsed>, Vec<Parsed>), Error> {
        let people = self.people()?;
        let mut groups = people.groups.unwrap_or_default();
        if let Some(source) = &self.config.groups {
            groups.extend(parse::parse(source, Kind::Groups)?.groups.unwrap_or_default());
        }
        Ok((people.users, groups))
    }
}

#[async_trait]
impl Directory for FileDirectory {
    fn provider(&self) -> &'static str {
        "file"
    }

    fn capability(&self) -> Capability {
        Capability { repeatable_pages: true }
    }

    /// Reads everything as one page.
    async fn read(
        &self,
        part: Part,
        wanted: AttributeSet,
        _cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        match part {
            Part::Users => map::write_people(&self.people()?.users, wanted, batch),
            Part::Groups => {
                let (people, groups) = self.people_and_groups()?;
                map::write_groups(&groups, &people, batch);
            }
        }
        Ok(PageEnd::default())
    }

    async fn check(&self) -> Vec<Finding> {
        self.check_all()
    }
}

#[cfg(test)]
mod tests;
