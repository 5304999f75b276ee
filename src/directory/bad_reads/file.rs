//! Documents of people and of groups: a page is a document.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    Served, Testbed,
    company::{Company, email, group_id, person_id},
    faults::{Fault, on_page, rows},
};
use crate::directory::file::{Config, FileDirectory, Format, Source};

/// In which format.
#[derive(Clone, Copy)]
pub(super) struct File(Format);

impl File {
    pub(super) const ALL: [Self; 3] = [Self(Format::Csv), Self(Format::Json), Self(Format::Yaml)];
}

#[async_trait]
impl Testbed for File {
    fn name(&self) -> &'static str {
        match self.0 {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Yaml | Format::Auto => "yaml",
        }
    }

    fn pages(&self, _: &Company) -> usize {
        2
    }

    fn faults(&self, _: &Company, _: usize) -> Vec<Fault> {
        vec![
            Fault::NoRows,
            Fault::NoBody,
            Fault::Truncated,
            Fault::CutAtRow,
            Fault::DuplicateRow,
            Fault::NamelessRow,
            Fault::UnreadableRow,
            Fault::Garbage,
            Fault::Panic,
        ]
    }

    async fn serve(&self, company: Company, fault: Option<(usize, Fault)>) -> Served {
        let numbers: Vec<usize> = (0..company.groups.len()).collect();
        let people = rows(&company.people, on_page(fault, 0)).map(|(number, fault)| {
            let mut row = json!({ "id": person_id(number), "email": email(number), "active": "true" });
            spoil(&mut row, "active", fault);
            row
        });
        let groups = rows(&numbers, on_page(fault, 1)).map(|(number, fault)| {
            let members = company.groups[number].iter().map(|person| person_id(*person));
            let members = members.collect::<Vec<_>>().join(";");
            let mut row = json!({ "id": group_id(number), "name": company.names[number], "members": members });
            spoil(&mut row, "members", fault);
            row
        });
        let (people, groups): (Vec<Value>, Vec<Value>) = (people.collect(), groups.collect());
        let source = |name: &str, rows: &[Value], columns: [&str; 3], fault| Source {
            name: name.to_owned(),
            bytes: document(self.0, rows, columns, fault),
            format: self.0,
        };
        let config = Config {
            people: source("people", &people, ["id", "email", "active"], on_page(fault, 0)),
            groups: Some(source("groups", &groups, ["id", "name", "members"], on_page(fault, 1))),
        };
        Served::new(FileDirectory::new(config), None, fault)
    }
}

fn spoil(row: &mut Value, field: &str, fault: Option<Fault>) {
    match fault {
        Some(Fault::NamelessRow) => row["id"] = json!(""),
        // In place of a flag, or of a list; CSV knows texts alone.
        Some(Fault::UnreadableRow) => row[field] = json!({ "what": "is this" }),
        _ => {}
    }
}

fn document(format: Format, rows: &[Value], columns: [&str; 3], fault: Option<Fault>) -> Vec<u8> {
    let mut text = match format {
        Format::Csv => {
            let mut text = columns.join(",") + "\n";
            for row in rows {
                let fields = columns.map(|column| row[column].as_str().unwrap_or("\"a\nb\"").to_owned());
                writeln!(text, "{}", fields.join(",")).unwrap();
            }
            text
        }
        Format::Json => serde_json::to_string(rows).unwrap(),
        Format::Yaml | Format::Auto if rows.is_empty() => "[]\n".to_owned(),
        Format::Yaml | Format::Auto => {
            let mut text = String::new();
            for row in rows {
                let field = |column: &&str| format!("{column}: {}", row[*column]);
                writeln!(text, "- {}", columns.iter().map(field).collect::<Vec<_>>().join("\n  ")).unwrap();
            }
            text
        }
    };
    match fault {
        Some(Fault::NoBody) => text.clear(),
        Some(Fault::Garbage) => return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(),
        Some(Fault::Truncated) => {
            // In the middle of the second field of some row.
            let half = text.len() / 2;
            let row = half + text[half..].find("id").map_or(0, |at| at + 2);
            let cut = match format {
                Format::Csv => half + text[half..].find('\n').unwrap() + 4,
                _ => row,
            };
            text.truncate(cut);
        }
        _ => {}
    }
    text.into_bytes()
}
