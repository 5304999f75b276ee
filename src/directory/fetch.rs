//! Builds the snapshot from pages.
