//! x

mod attributes;
mod page;
mod roles;
mod text;

pub use page::{PageError, decode_inboxes, decode_memberships, decode_roles, decode_teams, decode_users};
pub use roles::Roles;
