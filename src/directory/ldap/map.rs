//! From entries to people and groups.

use directory_sync_model::{
    attribute::{Attribute, AttributeSet, Kind},
    email,
    record::RecordWriter,
    snapshot::Batch,
};

use super::{
    config::{Groups, Users},
    dn,
    entry::{Columns, NotText, Row, base_name},
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
    SECRETS.iter().any(|secret| secret.as_bytes().eq_ignore_ascii_case(name))
}

/// How entries become people.
#[derive(Debug)]
pub struct UserMap {
    columns: Columns,
    id: usize,
    /// The columns of each attribute, the preferred one first.
    sources: Vec<(Attribute, Vec<usize>)>,
    disabled: Option<(usize, Vec<String>)>,
    custom: Custom,
    /// Whether groups may name members by their user name.
    name_aliases: bool,
}

#[derive(Debug)]
enum Custom {
    None,
    Named(Vec<usize>),
    /// Everything but these.
    AllBut(Vec<String>),
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
        let custom = if !wanted.reads_custom() {
            Custom::None
        } else if users.custom.is_empty() {
            let placed = users.attributes.iter().map(|(_, name)| name.clone());
            Custom::AllBut(placed.collect())
        } else {
            Custom::Named(users.custom.iter().map(|name| columns.add(name)).collect())
        };
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
        let everything = matches!(self.custom, Custom::AllBut(_)).then(|| "*".to_owned());
        self.columns.names().iter().cloned().chain(everything).collect()
    }

    /// Adds one person. An entry that can't be a person is rejected with the reason.
    pub fn add(&self, entry: Entry<'_>, batch: &mut Batch, notes: &mut Notes) -> Result<(), Malformed> {
        let everything = matches!(self.custom, Custom::AllBut(_));
        let row = Row::read(entry, &self.columns, everything)?;
        notes.note(&row);
        let Ok(entry_dn) = std::str::from_utf8(row.dn) else {
            reject(batch, &row, "its DN is not UTF-8");
            return Ok(());
        };
        let id = match row.text(self.id) {
            Ok(Some(id)) => id.trim(),
            Ok(None) => {
                reject(batch, &row, &missing_id(self.columns.name(self.id), "users.attributes.id"));
                return Ok(());
            }
            Err(NotText) => {
                reject(batch, &row, &binary_id(self.columns.name(self.id), "users.attributes.id"));
                return Ok(());
            }
        };
        let columns = self.sources.iter().flat_map(|(_, columns)| columns);
        if let Some(column) = columns.copied().find(|column| !row.is_text(*column)) {
            reject(batch, &row, &not_text(self.columns.name(column)));
            return Ok(());
        }
        batch.user(id, |record| {
            for (attribute, columns) in &self.sources {
                write(record, *attribute, columns, &row);
            }
            if let Some((column, values)) = &self.disabled {
                record.active(!is_disabled(&row, *column, values));
            }
            self.write_custom(record, &row);
        });
        batch.user_alias(&dn::normalize(entry_dn));
        if self.name_aliases
            && let Some((_, columns)) = self.sources.iter().find(|(known, _)| *known == Attribute::UserName)
            && let Some(name) = first_text(&row, columns)
        {
            batch.user_alias(&name_alias(name));
        }
        Ok(())
    }

    fn write_custom(&self, record: &mut RecordWriter<'_>, row: &Row<'_>) {
        match &self.custom {
            Custom::None => {}
            Custom::Named(columns) => {
                for column in columns.iter().filter(|column| row.is_text(**column)) {
                    write_values(record, self.columns.name(*column), row.texts(*column));
                }
            }
            Custom::AllBut(placed) => {
                for attribute in &row.others {
                    let base = base_name(attribute.description);
                    let Ok(name) = std::str::from_utf8(attribute.description) else {
                        continue;
                    };
                    let elsewhere = placed.iter().any(|placed| placed.as_bytes().eq_ignore_ascii_case(base));
                    // Pictures and certificates are no text: nothing an expression could use.
                    let text = attribute.values.into_iter().all(|value| std::str::from_utf8(value).is_ok());
                    if text && !elsewhere && !is_secret(name) {
                        let values = attribute.values.into_iter().filter_map(|value| std::str::from_utf8(value).ok());
                        write_values(record, name, values);
                    }
                }
            }
        }
    }
}

fn first_text<'a>(row: &Row<'a>, columns: &[usize]) -> Option<&'a str> {
    columns.iter().find_map(|column| row.text(*column).ok().flatten())
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
    row.texts(column)
        .any(|value| values.iter().any(|disabled| disabled.eq_ignore_ascii_case(value.trim())))
}

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
        let members_by_user_name = groups.members_by_user_name.iter().map(|name| columns.add(name)).collect();
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

    /// Adds one group with its members. An entry that can't be a group is rejected with the reason.
    pub fn add(&self, entry: Entry<'_>, batch: &mut Batch, notes: &mut Notes) -> Result<(), Malformed> {
        let row = Row::read(entry, &self.columns, false)?;
        notes.note(&row);
        let Ok(entry_dn) = std::str::from_utf8(row.dn) else {
            reject(batch, &row, "its DN is not UTF-8");
            return Ok(());
        };
        let id = match row.text(self.id) {
            Ok(Some(id)) => id.trim(),
            Ok(None) => {
                reject(batch, &row, &missing_id(self.columns.name(self.id), "groups.attributes.id"));
                return Ok(());
            }
            Err(NotText) => {
                reject(batch, &row, &binary_id(self.columns.name(self.id), "groups.attributes.id"));
                return Ok(());
            }
        };
        let members = || self.members_by_dn.iter().chain(&self.members_by_user_name).copied();
        let mut columns = [self.name].into_iter().chain(self.description).chain(members());
        if let Some(column) = columns.find(|column| !row.is_text(*column)) {
            reject(batch, &row, &not_text(self.columns.name(column)));
            return Ok(());
        }
        let name = first_text(&row, &[self.name]).unwrap_or_default();
        let mut group = batch.group(id, name.trim());
        if let Some(description) = self.description.and_then(|column| first_text(&row, &[column])) {
            group.description(description.trim());
        }
        if self.nested {
            group.alias(&dn::normalize(entry_dn));
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
                group.member(&name_alias(name));
            }
        }
        if !members().any(|column| row.has(column)) {
            group.members_not_told();
        }
        Ok(())
    }
}

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

fn reject(batch: &mut Batch, row: &Row<'_>, message: &str) {
    batch.reject(String::from_utf8_lossy(row.dn), message);
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
