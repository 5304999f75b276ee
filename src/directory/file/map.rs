//! From rows to people, groups and memberships. The rules are in `docs.md`.

use std::collections::HashMap;

use directory_sync_model::{
    attribute::{Attribute, AttributeSet, CUSTOM, Kind as Shape},
    record::RecordWriter,
    snapshot::Batch,
};

use super::{
    names,
    value::{Kind, Parsed, Row, Value},
};

/// Writes people; `wanted` says which custom attributes and lists are read.
pub(super) fn write_people(rows: &[Parsed], wanted: AttributeSet, batch: &mut Batch) {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    for row in rows {
        match row
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|row| check(row, &mut seen, Kind::People))
        {
            Ok((id, row)) => match person(row) {
                Ok(()) => batch.user(id, |out| write_person(row, wanted, out)),
                Err(why) => batch.unreadable_user(id, format!("{}: {}", row.place, row.wrong(&why))),
            },
            Err((place, why)) => batch.reject_user(place, why),
        }
    }
}

/// The id of a row that can be told from all others.
fn check<'r>(
    row: &'r Row,
    seen: &mut HashMap<&'r str, &'r str>,
    kind: Kind,
) -> Result<(&'r str, &'r Row), (String, String)> {
    let refuse = |why: String| Err((row.place.clone(), row.wrong(&why)));
    let id = match row.get("id").text() {
        None => return refuse("the id is a list or an object; it has to be a text".to_owned()),
        Some("") => {
            let no_id = || "it has no id; give it one that never changes".to_owned();
            return refuse(misspelt(row, kind).unwrap_or_else(no_id));
        }
        Some(id) => id,
    };
    match seen.insert(id, &row.place) {
        Some(first) => {
            seen.insert(id, first);
            refuse(format!("the id {id:?} is that of {first} as well"))
        }
        None => Ok((id, row)),
    }
}

fn misspelt(row: &Row, kind: Kind) -> Option<String> {
    let mut names = row.fields.iter().map(|(name, _)| name);
    names.find_map(|name| names::misspelt(name, kind).map(|right| format!("the key {name:?} is written {right:?}")))
}

/// What is wrong with a person. His values are not repeated where they could be a name or an address.
fn person(row: &Row) -> Result<(), String> {
    if let Some(why) = misspelt(row, Kind::People) {
        return Err(why);
    }
    for (name, value) in &row.fields {
        let Some(attribute) = Attribute::from_name(name) else {
            if name == CUSTOM && !matches!(value, Value::Object(_) | Value::Empty) {
                return Err("custom has to be an object of attributes".to_owned());
            }
            continue;
        };
        match attribute.kind() {
            Shape::TextList if value.texts().is_none() => {
                return Err(format!(
                    "{name} has to be a list of texts, or a text with ; between them"
                ));
            }
            Shape::Text | Shape::Date | Shape::Flag if value.text().is_none() => {
                return Err(format!("{name} has to be a single text"));
            }
            Shape::Flag if value.flag().is_none() && value.text() != Some("") => {
                return Err(format!("{name} has to be true or false (or yes or no, 1 or 0)"));
            }
            Shape::Date if !value.text().is_some_and(is_date) => {
                return Err(format!("{name} has to be a date like 2026-04-30"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    // A timestamp begins with a date that jiff would take by itself.
    text.is_empty()
        || if text.contains(['T', 't', ' ']) {
            text.parse::<jiff::Timestamp>().is_ok()
        } else {
            text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
        }
}

fn write_person(row: &Row, wanted: AttributeSet, out: &mut RecordWriter<'_>) {
    let emails = row.get("emails").texts().unwrap_or_default();
    let email = match row.get("email").text() {
        Some("") | None => emails.first().copied().unwrap_or_default(),
        Some(email) => email,
    };
    out.text(Attribute::Email, email);
    if wanted.contains(Attribute::Emails) {
        let others = emails.iter().filter(|other| !other.eq_ignore_ascii_case(email));
        for address in std::iter::once(&email).chain(others) {
            out.item(Attribute::Emails, address);
        }
    }
    for (name, value) in &row.fields {
        match Attribute::from_name(name) {
            Some(Attribute::Id | Attribute::Email | Attribute::Emails | Attribute::Groups) => {}
            Some(Attribute::Active) => out.active(value.flag().unwrap_or(true)),
            Some(attribute) => out.text(attribute, value.text().unwrap_or_default()),
            None if wanted.reads_custom() => write_custom(name, value, out),
            None => {}
        }
    }
}

fn write_custom(name: &str, value: &Value, out: &mut RecordWriter<'_>) {
    match value {
        Value::Object(members) if name == CUSTOM => {
            for (name, value) in members {
                out.custom(name, &value.to_json());
            }
        }
        value => {
            // A column `custom.badge` is what an expression calls it.
            let name = name.strip_prefix("custom.").unwrap_or(name);
            out.custom(name, &value.to_json());
        }
    }
}

/// A group that is being put together.
struct Group<'r> {
    id: &'r str,
    name: &'r str,
    description: &'r str,
    members: Vec<&'r str>,
    told: bool,
    /// What is wrong with its row.
    wrong: Option<String>,
}

/// Puts groups together from their own rows and from what the people name, and writes them.
///
/// A name in the people's `groups` is the id or the name of a group that has a row; any other is a group of that id and
/// name.
pub(super) fn write_groups(rows: &[Parsed], people: &[Parsed], batch: &mut Batch) {
    let named_by_people = people.iter().flatten().any(|row| row.has("groups"));
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut seen = HashMap::new();
    for row in rows {
        match row
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|row| check(row, &mut seen, Kind::Groups))
        {
            Ok((id, row)) => match group(id, row, named_by_people) {
                Ok(group) => groups.push(group),
                Err(why) => batch.reject_group(format!("{} (id {id})", row.place), row.wrong(&why)),
            },
            Err((place, why)) => batch.reject_group(place, why),
        }
    }
    let mut known: HashMap<&str, Target> = HashMap::new();
    for (at, group) in groups.iter().enumerate() {
        let target = known.entry(group.name).or_insert(Target::Group(at));
        if !matches!(target, Target::Group(same) if *same == at) {
            *target = Target::Ambiguous;
        }
    }
    // An id says more than a name.
    known.extend(
        groups
            .iter()
            .enumerate()
            .map(|(at, group)| (group.id, Target::Group(at))),
    );
    for row in people.iter().flatten() {
        let (Some(id), Some(names)) = (row.get("id").text(), row.get("groups").texts()) else {
            continue;
        };
        for name in names {
            let target = *known.entry(name).or_insert_with(|| {
                groups.push(Group {
                    id: name,
                    name,
                    description: "",
                    members: Vec::new(),
                    told: true,
                    wrong: None,
                });
                Target::Group(groups.len() - 1)
            });
            match target {
                Target::Group(at) => groups[at].members.push(id),
                Target::Ambiguous => batch.reject_group(
                    format!("{} (id {id})", row.place),
                    row.wrong(&format!("several groups are called {name:?}; name the group by its id")),
                ),
            }
        }
    }
    for group in &groups {
        let mut entry = match &group.wrong {
            Some(wrong) => batch.unreadable_group(group.id, group.name, wrong),
            None => batch.group(group.id, group.name),
        };
        entry.description(group.description);
        for member in &group.members {
            entry.member(member);
        }
        if !group.told {
            entry.members_not_told();
        }
    }
}

/// What a name in the people's `groups` means.
#[derive(Clone, Copy)]
enum Target {
    Group(usize),
    Ambiguous,
}

/// A group of its own row. Without a name that can be read nobody could say which group it is; whatever else is wrong, its
/// members are not told.
fn group<'r>(id: &'r str, row: &'r Row, named_by_people: bool) -> Result<Group<'r>, String> {
    let name = match row.get("name").text() {
        None => return Err("name has to be a single text".to_owned()),
        Some("") => match misspelt(row, Kind::Groups) {
            // It may be the name that is misspelt.
            Some(why) => return Err(why),
            None => id,
        },
        Some(name) => name,
    };
    let (description, members) = (row.get("description").text(), row.get("members").texts());
    let wrong = match (description, &members) {
        (_, None) => Some("members has to be a list of ids, or a text with ; between them".to_owned()),
        (None, _) => Some("description has to be a single text".to_owned()),
        _ => misspelt(row, Kind::Groups),
    };
    Ok(Group {
        id,
        name,
        description: description.unwrap_or_default(),
        members: members.unwrap_or_default(),
        told: named_by_people || row.has("members"),
        wrong: wrong.map(|wrong| format!("{}: {}", row.place, row.wrong(&wrong))),
    })
}

/// Members of groups who are neither people nor groups of these rows, each once.
pub(super) fn unknown_members(groups: &[Parsed], people: &[Parsed]) -> Vec<String> {
    let known: std::collections::HashSet<&str> = people
        .iter()
        .chain(groups)
        .flatten()
        .filter_map(|row| row.get("id").text())
        .collect();
    let members = groups
        .iter()
        .flatten()
        .filter_map(|row| row.get("members").texts())
        .flatten();
    let mut unknown: Vec<String> = members.filter(|id| !known.contains(id)).map(str::to_owned).collect();
    unknown.sort();
    unknown.dedup();
    unknown
}
