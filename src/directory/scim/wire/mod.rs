//! The messages of SCIM as they travel, decoded into rows that borrow from the page.
//!
//! A million people pass here in one sync, so a page is decoded in one go, each resource is written into the batch as
//! soon as it is understood, and what nobody reads is skipped. Only when something in a page is not as it should be, or
//! attributes are read from paths of the connection's own, is the page taken apart resource by resource: one bad
//! resource is that resource's failure.
//!
//! Names of attributes are compared without regard to case (RFC 7643 §2.1); `null` is absent (§2.5).

mod group;
mod list;
mod text;
mod user;

pub(super) use group::{Group, GroupRows, decode_group};
pub use list::{List, NotAList};
pub(super) use list::{Rows, decode_list};
pub(super) use text::Text;
pub(super) use user::{Address, Contact, Custom, ENTERPRISE, User, UserRows};
