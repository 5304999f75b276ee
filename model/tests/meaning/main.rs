//! What the rules of the design mean, one test each: the name of a test is the rule.

// The lint's allowance for tests covers functions marked `#[test]`, not the helpers that they share; and a builder of
// test data copies as plainly as it can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::assigning_clones)]

#[path = "../support/mod.rs"]
mod support;

mod address;
mod adoption;
mod attributes;
mod bad_input;
mod changes;
mod completeness;
mod deprovision;
mod doubtful_groups;
mod expressions;
mod handover;
mod identity;
mod incidents;
mod limits;
mod losses;
mod marks;
mod oracle;
mod plan_hash;
mod promises;
mod properties;
mod protected_teams;
mod protection;
mod renames;
mod restore;
mod retirement;
mod roles;
mod scope;
mod suspension;
mod teams;
mod tightening;
