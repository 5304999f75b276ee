//! From what a run came to, to statuses. Pure.

mod connection;
mod mapping;

pub use connection::{After, after_run, announced, at_rest, unreadable as unreadable_connection};
pub use mapping::{after_run as mapping_after_run, not_found, not_synced_yet, unreadable as unreadable_mapping};
