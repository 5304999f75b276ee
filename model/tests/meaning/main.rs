//! What the rules of the design mean, one test each: the name of a test is the rule.

#[path = "../support/mod.rs"]
mod support;

mod address;
mod adoption;
mod attributes;
mod completeness;
mod identity;
mod limits;
mod marks;
mod oracle;
mod plan_hash;
mod properties;
mod protection;
mod roles;
mod scope;
mod suspension;
mod teams;
