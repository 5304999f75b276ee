//! The directory of a connection that is deleted: there may be none any more, and nobody reads it.
//!
//! A run that takes everything back wants nobody by its rules ([`UserScope::Nobody`](directory_sync_model::rules::UserScope)).
//! Whatever read this directory all the same would get an error, and never an empty answer.

use async_trait::async_trait;
use directory_sync_model::{attribute::AttributeSet, snapshot::Batch};

use super::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};

/// The directory of a connection that is deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

#[async_trait]
impl Directory for Nobody {
    fn provider(&self) -> &'static str {
        "none"
    }

    fn capability(&self) -> Capability {
        Capability {
            repeatable_pages: false,
        }
    }

    async fn read(&self, _: Part, _: AttributeSet, _: Option<&Cursor>, _: &mut Batch) -> Result<PageEnd, Error> {
        Err(Error::Configuration {
            field: "metadata.deletionTimestamp".to_owned(),
            message: "the connection is deleted, so its directory is not read".to_owned(),
        })
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_directory_of_a_deleted_connection_is_never_empty_but_refuses_to_be_read() {
        for part in [Part::Users, Part::Groups] {
            let read = Nobody.read(part, AttributeSet::of(&[]), None, &mut Batch::new()).await;
            assert!(read.is_err());
        }
    }
}
