//! What the benchmarks share: generated data, decoders, measurements.
//!
//! The data are a directory (SCIM 2.0 list pages) and a platform (pages of the `rest` contract) that was in step with
//! it until 1 % of the people changed. They mean the same under this specification:
//!
//! ```yaml
//! ownerID: bench/acme
//! scope: { users: MappedGroups }           # everybody is in ten groups; `All` is the same here
//! attributes:
//!   - { name: title, expression: user.title }
//!   - { name: department, expression: user.department }
//!   - { name: costCenter, expression: user.costCenter }
//!   - { name: tags, expression: "[user.division]" }
//! defaults: { role: { name: member } }
//! # one mapping: group { nameRegex: team-.+ }, team { nameExpression: group.name, create: true }
//! ```
//!
//! A filter `user.active && user.employeeType != "Contractor"` lets everybody through.

// Each benchmark is a crate of its own and uses a part of this.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::struct_field_names,
    missing_docs
)]

pub mod measure;
pub mod rest_pages;
pub mod scim;
pub mod scim_pages;
pub mod shape;
pub mod store;

pub use shape::Shape;
pub use store::Data;

/// The scale that `--scale` asks for; 1 is a million users. Other arguments (cargo passes `--bench`) are ignored.
pub fn scale() -> f64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--scale").skip(1);
    arguments
        .next()
        .map_or(1.0, |scale| scale.parse().expect("--scale takes a number such as 0.01"))
}
