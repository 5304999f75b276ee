//! The write side: where people go.

pub mod rest;
pub mod server;
