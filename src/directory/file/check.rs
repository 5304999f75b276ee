//! Reads the documents and says what is in them.

use directory_sync_model::{attribute::AttributeSet, snapshot::Batch};

use super::{FileDirectory, map};
use crate::{directory::Finding, fault::chain};

/// How many rows that can't be read, or unknown members, are named.
const NAMED: usize = 5;

impl FileDirectory {
    pub(super) fn check_all(&self) -> Vec<Finding> {
        vec![
            Finding {
                tried: "read the people".to_owned(),
                outcome: self.check_people(),
            },
            Finding {
                tried: "read the groups".to_owned(),
                outcome: self.check_groups(),
            },
        ]
    }

    fn check_people(&self) -> Result<String, String> {
        let people = self.people().map_err(|error| chain(&error))?;
        let mut batch = Batch::new();
        map::write_people(&people.users, AttributeSet::ALL, &mut batch);
        summary(&batch, "people")
    }

    fn check_groups(&self) -> Result<String, String> {
        let (people, groups) = self.people_and_groups().map_err(|error| chain(&error))?;
        let mut batch = Batch::new();
        map::write_groups(&groups, &people, &mut batch);
        let found = summary(&batch, "groups")?;
        let unknown = map::unknown_members(&groups, &people);
        if unknown.is_empty() {
            return Ok(found);
        }
        let named = unknown
            .iter()
            .take(NAMED)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        Ok(format!(
            "{found}; {} of their members are nobody here, for example {named}",
            unknown.len()
        ))
    }
}

fn summary(batch: &Batch, what: &str) -> Result<String, String> {
    let rejected = batch.rejected().iter();
    let rejected = rejected.map(|row| format!("{}: {}", row.place, row.message));
    let bad: Vec<String> = rejected.chain(batch.unreadable().map(str::to_owned)).collect();
    let good = batch.entries() - bad.len();
    if bad.is_empty() {
        return Ok(format!("{good} {what}"));
    }
    let named = &bad[..bad.len().min(NAMED)];
    Err(format!(
        "{good} {what}, and {} rows that can't be read: {}",
        bad.len(),
        named.join("; ")
    ))
}
