//! The command line as people and scripts use it: the real program, manifests in files, the reference platform.

mod broken;
mod choosing;
mod durable;
mod findings;
mod runs;
mod terminal;
mod world;
