//! The pure core of directory-sync.

pub mod attribute;
pub mod email;
pub mod expression;
pub mod record;
