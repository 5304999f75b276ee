//! The pure core of directory-sync: what should be, what is, and what to do about the difference.
//!
//! Nothing in this crate touches the world: no network, no cluster, no clock, no task. Its `Cargo.toml` keeps it so.

pub mod attribute;
pub mod content;
pub mod desired;
pub mod diff;
pub mod email;
pub mod expression;
pub mod fingerprint;
pub mod guard;
pub mod limits;
pub mod map;
pub mod names;
pub mod observed;
pub mod plan;
mod problem;
pub mod record;
pub mod rules;
pub mod snapshot;
pub mod undo;
pub mod value;
