//! What a person approves: a plan's removals, known by their hash.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Plan, RemovalKind};

/// SHA-256 over the sorted removals alone, in hexadecimal: a new joiner doesn't void an approval, another leaver does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanHash(String);

impl PlanHash {
    /// A hash as somebody wrote it.
    pub fn from_text(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }

    /// Its 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plan<'_> {
    /// The hash of this plan's removals.
    pub fn hash(&self) -> PlanHash {
        let mut lines: Vec<[&str; 4]> = Vec::new();
        for change in &self.role_changes {
            let from = change.from.map_or("", |role| &self.roles[usize::from(role)]);
            let to = &self.roles[usize::from(change.to)];
            lines.push([RemovalKind::Role.label(), self.holdings.id(change.holding), from, to]);
        }
        for removal in &self.removals {
            let container = &self.containers[removal.container];
            let kind = RemovalKind::from(container.kind).label();
            lines.extend(
                removal
                    .leaving
                    .iter()
                    .map(|holding| [kind, self.holdings.id(*holding), &container.id, ""]),
            );
        }
        for deactivation in &self.deactivations {
            lines.push([
                RemovalKind::User.label(),
                self.holdings.id(deactivation.holding),
                "",
                "",
            ]);
        }
        for deletion in &self.deletions {
            lines.push([
                RemovalKind::Deletion.label(),
                self.holdings.id(deletion.holding),
                "",
                "",
            ]);
        }
        lines.sort_unstable();
        let mut hasher = Sha256::new();
        for field in lines.iter().flatten() {
            hasher.update((field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
        }
        let digest = hasher.finalize();
        PlanHash(digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
            text
        }))
    }
}
