//! Generated data.
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

#![allow(clippy::cast_possible_truncation, clippy::struct_field_names, missing_docs)]

pub mod rest_pages;
pub mod scim_pages;
pub mod shape;
pub mod store;

pub use shape::{Expected, Shape};
pub use store::{Data, List, Pages};
