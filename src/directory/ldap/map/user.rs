//! From entries to people.

use directory_sync_model::{
    attribute::{Attribute, AttributeSet, Kind},
    email,
    record::RecordWriter,
    snapshot::Batch,
};

use super::{Identity, Notes, first_text, identify, name_alias, not_text};
use crate::directory::ldap::{
    config::{Groups, Users},
    dn,
    entry::{Columns, Row, base_name},
    protocol::{ber::Malformed, message::Entry},
    time,
};

/// What every sync needs of a person, whether an expression reads it or not.
const ALWAYS: AttributeSet = AttributeSet::of(&[
    Attribute::Id,
    Attribute::UserName,
    Attribute::Email,
    Attribute::GivenName,
    Attribute::FamilyName,
    Attribute::DisplayName,
    Attribute::Phone,
]);

/// Attributes that hold passwords, hashes of them or keys; no expression ever sees them.
const SECRETS: &[&str] = &[
    "userPassword",
    "authPassword",
    "userPKCS12",
    "unicodePwd",
    "pwdHistory",
    "passwordHistory",
    "sambaNTPassword",
    "sambaLMPassword",
    "sambaPasswordHistory",
    "ipaNTHash",
    "krbPrincipalKey",
    "krbMKey",
];

/// Whether an attribute holds a password, a hash of one or a key.
pub fn is_secret(name: &str) -> bool {
    let name = base_name(name.as_bytes());
    SECRETS
        .iter()
        .any(|secret| secret.as_bytes().eq_ignore_ascii_case(name))
}

/// How entries become people.
#[derive(Debug)]
pub struct UserMap {
    columns: Columns,
    id: usize,
    /// The columns of each attribute, the preferred one first.
    sources: Vec<(Attribute, Vec<usize>)>,
    disabled: Option<(usize, Vec<String>)>,
    /// The columns that become `custom`, under their own names.
    custom: Vec<usize>,
    /// Whether groups may name members by their user name.
    name_aliases: bool,
}

impl UserMap {
    /// The map for the attributes that are wanted.
    pub fn new(users: &Users, groups: &Groups, wanted: AttributeSet) -> Self {
        let wanted = wanted.union(ALWAYS);
        let mut columns = Columns::default();
        let mut id = 0;
        let mut sources: Vec<(Attribute, Vec<usize>)> = Vec::new();
        for (attribute, name) in &users.attributes {
            let needed = match attribute {
                Attribute::Email => true,
                attribute => wanted.contains(*attribute),
            };
            if !needed {
                continue;
            }
            let column = columns.add(name);
            match sources.iter_mut().find(|(known, _)| known == attribute) {
                _ if *attribute == Attribute::Id => id = column,
                Some((_, columns)) => columns.push(column),
                None => sources.push((*attribute, vec![column])),
            }
        }
        let disabled = users
            .disabled
            .as_ref()
            .map(|disabled| (columns.add(&disabled.attribute), disabled.values.clone()));
        let custom = users.custom.iter().filter(|_| wanted.reads_custom());
        let custom = custom.map(|name| columns.add(name)).collect();
        Self {
            columns,
            id,
            sources,
            disabled,
            custom,
            name_aliases: !groups.members_by_user_name.is_empty(),
        }
    }

    /// The names of the attributes to ask for.
    pub fn request(&self) -> Vec<String> {
        self.columns.names().to_vec()
    }

    /// Adds one person. An entry that can't be a person is rejected with the reason.
    pub fn add(&self, entry: Entry<'_>, batch: &mut Batch, notes: &mut Notes) -> Result<(), Malformed> {
        let row = Row::read(entry, &self.columns)?;
        notes.note(&row);
        let Identity { dn, id } = match identify(&row, self.columns.name(self.id), self.id, "users.attributes.id") {
            Ok(identity) => identity,
            Err((place, why)) => {
                batch.reject_user(place, why);
                return Ok(());
            }
        };
        let mut columns = self.sources.iter().flat_map(|(_, columns)| columns).copied();
        if let Some(column) = columns.find(|column| !row.is_text(*column)) {
            batch.unreadable_user(id, format!("{dn}: {}", not_text(self.columns.name(column))));
        } else {
            batch.user(id, |record| self.write(&row, record));
        }
        batch.user_alias(&dn::normalize(dn));
        let names = self.sources.iter().filter(|_| self.name_aliases);
        let names = names.filter(|(known, _)| *known == Attribute::UserName);
        // Which of several values comes first is up to the server, and a group may name any of them.
        for name in names
            .flat_map(|(_, columns)| columns)
            .flat_map(|column| row.texts(*column))
        {
            if !name.trim().is_empty() {
                batch.user_alias(&name_alias(name));
            }
        }
        Ok(())
    }

    fn write(&self, row: &Row<'_>, record: &mut RecordWriter<'_>) {
        for (attribute, columns) in &self.sources {
            write(record, *attribute, columns, row);
        }
        if let Some((column, values)) = &self.disabled {
            record.active(!is_disabled(row, *column, values));
        }
        // Pictures and certificates are no text: nothing that an expression could use.
        for column in self.custom.iter().filter(|column| row.is_text(**column)) {
            write_values(record, self.columns.name(*column), row.texts(*column));
        }
    }
}

fn write(record: &mut RecordWriter<'_>, attribute: Attribute, columns: &[usize], row: &Row<'_>) {
    if attribute == Attribute::Email {
        let addresses = columns.iter().flat_map(|column| row.texts(*column));
        for (at, address) in addresses.filter(|address| !address.trim().is_empty()).enumerate() {
            // What is no address is kept as it is: the mapping names the person and the fault.
            let normal = email::normalize(address);
            let address = normal.as_deref().unwrap_or(address);
            if at == 0 {
                record.text(Attribute::Email, address);
            }
            record.item(Attribute::Emails, address);
        }
    } else if let Some(value) = first_text(row, columns) {
        match attribute.kind() {
            Kind::Date => record.text(attribute, &time::date(value)),
            _ => record.text(attribute, value),
        }
    }
}

fn write_values<'a>(record: &mut RecordWriter<'_>, name: &str, mut values: impl Iterator<Item = &'a str>) {
    let Some(first) = values.next() else {
        return;
    };
    match values.next() {
        None => record.custom_text(name, first),
        Some(second) => {
            let all: Vec<_> = [first, second].into_iter().chain(values).collect();
            record.custom(name, &all.into());
        }
    }
}

fn is_disabled(row: &Row<'_>, column: usize, values: &[String]) -> bool {
    if values.is_empty() {
        return row.values(column).next().is_some();
    }
    row.texts(column).any(|value| {
        values
            .iter()
            .any(|disabled| disabled.eq_ignore_ascii_case(value.trim()))
    })
}
