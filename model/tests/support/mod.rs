//! A directory, rules and a platform in plain data, with words to write tests that read as sentences.

pub mod apply;
pub mod directory;
pub mod platform;
pub mod random;
pub mod rules;
pub mod shown;
pub mod world;

pub use directory::{Directory, directory, group, person};
pub use platform::{Platform, platform, user};
pub use rules::{MappingWords, RulesWords, mapping, rules};
pub use world::World;

/// The mark of the connection under test.
pub const OWNER: &str = "acme/main";

/// The mark of another connection.
pub const OTHER: &str = "acme/other";
