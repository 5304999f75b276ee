//! From entries to groups.

use directory_sync_model::snapshot::Batch;

use super::{Identity, Notes, first_text, identify, name_alias, not_text};
use crate::directory::ldap::{
    config::Groups,
    dn,
    entry::{Columns, Row},
    protocol::{ber::Malformed, message::Entry},
};

/// How entries become groups.
#[derive(Debug)]
pub struct GroupMap {
    columns: Columns,
    id: usize,
    name: usize,
    description: Option<usize>,
    members_by_dn: Vec<usize>,
    members_by_user_name: Vec<usize>,
    nested: bool,
}

impl GroupMap {
    /// The map that a configuration describes.
    pub fn new(groups: &Groups) -> Self {
        let mut columns = Columns::default();
        let id = columns.add(&groups.id);
        let name = columns.add(&groups.name);
        let description = groups.description.as_ref().map(|name| columns.add(name));
        let members_by_dn = groups.members_by_dn.iter().map(|name| columns.add(name)).collect();
        let members_by_user_name = groups
            .members_by_user_name
            .iter()
            .map(|name| columns.add(name))
            .collect();
        Self {
            columns,
            id,
            name,
            description,
            members_by_dn,
            members_by_user_name,
            nested: groups.nested,
        }
    }

    /// The names of the attributes to ask for.
    pub fn request(&self) -> Vec<String> {
        self.columns.names().to_vec()
    }

    /// Adds one group with its members. An entry that can't be a group is rejected with the reason; one with members that
    /// can't be read has not told them.
    pub fn add(&self, entry: Entry<'_>, batch: &mut Batch, notes: &mut Notes) -> Result<(), Malformed> {
        let row = Row::read(entry, &self.columns)?;
        notes.note(&row);
        let Identity { dn, id } = match identify(&row, self.columns.name(self.id), self.id, "groups.attributes.id") {
            Ok(identity) => identity,
            Err((place, why)) => {
                batch.reject_group(place, why);
                return Ok(());
            }
        };
        let no_text = |column: usize| format!("{dn}: {}", not_text(self.columns.name(column)));
        if !row.is_text(self.name) {
            batch.reject_group(id, no_text(self.name));
            return Ok(());
        }
        let name = first_text(&row, &[self.name]).unwrap_or_default();
        let members = || self.members_by_dn.iter().chain(&self.members_by_user_name).copied();
        let unreadable = members().find(|column| !row.is_text(*column));
        let mut group = match unreadable {
            Some(column) => batch.unreadable_group(id, name, no_text(column)),
            None => batch.group(id, name),
        };
        if let Some(description) = self.description.and_then(|column| first_text(&row, &[column])) {
            group.description(description.trim());
        }
        if self.nested {
            group.alias(&dn::normalize(dn));
        }
        for value in self.members_by_dn.iter().flat_map(|column| row.texts(*column)) {
            let member = dn::without_identifier(value);
            // An empty DN is what an empty group has where the schema demands one member.
            if !member.trim().is_empty() {
                group.member(&dn::normalize(member));
            }
        }
        for name in self.members_by_user_name.iter().flat_map(|column| row.texts(*column)) {
            if !name.trim().is_empty() {
                group.user_member(&name_alias(name));
            }
        }
        if !members().any(|column| row.has(column)) {
            group.members_not_told();
        }
        Ok(())
    }
}
