//! From entries to people and groups.

mod group;
mod user;

use super::entry::{NotText, Row};
pub use group::GroupMap;
pub use user::{UserMap, is_secret};

/// A user name as groups refer to it. No DN looks like it: `:` is in no attribute's name.
fn name_alias(name: &str) -> String {
    format!("name:{}", name.trim().to_lowercase())
}

/// What was noticed over many entries.
#[derive(Debug, Default)]
pub struct Notes {
    /// The first attribute of which only some values came: its description and the entry's DN.
    pub partial: Option<String>,
}

impl Notes {
    fn note(&mut self, row: &Row<'_>) {
        if let (None, Some(description)) = (&self.partial, row.partial) {
            let (description, dn) = (String::from_utf8_lossy(description), String::from_utf8_lossy(row.dn));
            self.partial = Some(format!("{description} of {dn} holds only some of the values"));
        }
    }
}

/// The first text under the columns, the preferred column first.
fn first_text<'a>(row: &Row<'a>, columns: &[usize]) -> Option<&'a str> {
    columns.iter().find_map(|column| row.text(*column).ok().flatten())
}

/// What stands for an entry: its DN and its id.
struct Identity<'a> {
    dn: &'a str,
    id: &'a str,
}

/// Who an entry is, or why it can't be told: its place and the reason. `field` is where the attribute of the id is set.
fn identify<'a>(row: &Row<'a>, name: &str, column: usize, field: &str) -> Result<Identity<'a>, (String, String)> {
    let refuse = |why: String| (String::from_utf8_lossy(row.dn).into_owned(), why);
    let dn = std::str::from_utf8(row.dn).map_err(|_| refuse("its DN is not UTF-8".to_owned()))?;
    match row.text(column) {
        Ok(Some(id)) => Ok(Identity { dn, id: id.trim() }),
        Ok(None) => Err(refuse(missing_id(name, field))),
        Err(NotText) => Err(refuse(binary_id(name, field))),
    }
}

fn missing_id(name: &str, field: &str) -> String {
    format!(
        "it has no {name}, or the account may not read it; set {field} to an attribute that each entry has (389 Directory \
         Server: nsUniqueId)"
    )
}

fn binary_id(name: &str, field: &str) -> String {
    format!("the value of {name} is not text, so it can't be an id; set {field} to an attribute with text values")
}

fn not_text(name: &str) -> String {
    format!("a value of {name} is not UTF-8; correct it in the directory, or take another attribute")
}

#[cfg(test)]
mod tests;
