//! HTTP as all providers and platforms use it: host policy, bounds, trust, errors.

pub mod error;

pub use error::Error;
