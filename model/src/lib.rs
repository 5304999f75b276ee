//! The pure core of directory-sync: what should be, what is, and what to do about the difference.
//!
//! Nothing in this crate touches the world: no network, no cluster, no clock, no task. Its `Cargo.toml` keeps it so.

pub mod attribute;
pub mod email;
pub mod fingerprint;
pub mod observed;
pub mod record;
pub mod snapshot;
pub mod value;
