//! The read side: where people come from.
//!
//! A [`Directory`] hands out pages; it knows nothing of retries, rates, timeouts and metrics (layers around it, see
//! [`crate::call`]) and nothing of completeness over many pages ([`fetch`] counts totals, notices repeated cursors and
//! builds the snapshot). One folder per provider; [`registry`] is the table of them all.

#[cfg(test)]
mod bad_reads;
pub mod error;
pub mod fetch;
pub mod file;
pub mod ldap;
pub mod nobody;
pub mod registry;
pub mod scim;

use async_trait::async_trait;
use directory_sync_model::{
    attribute::AttributeSet,
    snapshot::{Batch, Doubt},
};

pub use error::Error;

/// What is read one after the other. People come first, so that members of groups are known when groups come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// People.
    Users,
    /// Groups and their members.
    Groups,
}

/// What a directory can do. Declared honestly: the layers around it branch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// A page may be asked for again after a failure. Not so where the position lives in the connection.
    pub repeatable_pages: bool,
}

/// A position in a paged answer; only the directory that made it can read it. A cursor that comes twice ends the read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// How a page ended.
#[derive(Debug, Default)]
pub struct PageEnd {
    /// Where the next page starts; absent on the last page.
    pub next: Option<Cursor>,
    /// How many entries of this part the directory says that it has in all pages.
    pub total: Option<u64>,
    /// Reasons to doubt that this part is everything: a size limit, a referral.
    pub doubts: Vec<Doubt>,
}

/// One finding of a check: what was tried, and how it went.
#[derive(Debug)]
pub struct Finding {
    /// What was tried, for example `read one user`.
    pub tried: String,
    /// What was found, or what is missing and what to do.
    pub outcome: Result<String, String>,
}

/// Where people come from. Made anew for each sync, with its credentials resolved, and dropped after it.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The provider's name, as in the specification and in metrics.
    fn provider(&self) -> &'static str;

    /// What it can do.
    fn capability(&self) -> Capability;

    /// Reads one page of one part into `batch`, which is empty.
    ///
    /// `wanted` names the attributes that the connection's expressions read, beyond those that every sync needs
    /// (id, userName, e-mail, names, phone, active). `cursor` is what the page before returned.
    /// An error leaves `batch` in any state; the caller clears it. One bad entry never fails a page: it goes to
    /// [`Batch::unreadable_user`] or [`Batch::unreadable_group`], or, where not even that is known, to
    /// [`Batch::reject_user`] or [`Batch::reject_group`].
    async fn read(
        &self,
        part: Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error>;

    /// Tries credential, rights and bases with the smallest requests that show them.
    async fn check(&self) -> Vec<Finding>;
}
