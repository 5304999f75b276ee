//! The operator on a real API server, with the real reference platform, and people in a `ConfigMap` or a real directory.
//!
//! Most tests run it in this process, on a namespace of their own, in a hurry ([`world::hurried`]); [`process`] runs the
//! program itself, with the rights that the chart gives it, and kills it.

mod deprovision;
mod directories;
mod fleet;
mod holds;
mod identity;
mod lifecycle;
mod probes;
mod process;
mod stalls;
mod store;
pub mod world;
