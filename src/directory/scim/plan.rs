//! Which attributes are read in this sync, and from where.

use directory_sync_model::attribute::{Attribute, AttributeSet};
use serde_json::Value as Json;

use super::{path::Path, wire::ENTERPRISE};

/// What every sync needs of a person, whatever the connection's expressions read.
const ALWAYS: AttributeSet = AttributeSet::of(&[
    Attribute::Id,
    Attribute::UserName,
    Attribute::Email,
    Attribute::GivenName,
    Attribute::FamilyName,
    Attribute::DisplayName,
    Attribute::Phone,
    Attribute::Active,
]);

/// The names of the core schema that carry attributes.
const NAMES: [(&str, &[Attribute]); 12] = [
    ("externalId", &[Attribute::ExternalId]),
    ("userName", &[Attribute::UserName, Attribute::Email]),
    (
        "name",
        &[Attribute::GivenName, Attribute::FamilyName, Attribute::DisplayName],
    ),
    ("displayName", &[Attribute::DisplayName]),
    ("active", &[Attribute::Active]),
    ("emails", &[Attribute::Email, Attribute::Emails]),
    ("phoneNumbers", &[Attribute::Phone, Attribute::Mobile]),
    ("title", &[Attribute::Title]),
    ("userType", &[Attribute::EmployeeType]),
    ("locale,preferredLanguage", &[Attribute::Locale]),
    ("timezone", &[Attribute::Timezone]),
    ("addresses", &[Attribute::Office]),
];

/// What is in the enterprise extension, under the names of our own table.
const EXTENSION: [Attribute; 6] = [
    Attribute::EmployeeNumber,
    Attribute::CostCenter,
    Attribute::Organization,
    Attribute::Division,
    Attribute::Department,
    Attribute::Manager,
];

/// What to read of each user.
#[derive(Debug)]
pub(super) struct Plan<'p> {
    /// Attributes that are read from where RFC 7643 puts them.
    standard: AttributeSet,
    /// Attributes that are read from paths of their own.
    paths: Vec<&'p (Attribute, Path)>,
    custom: bool,
}

impl<'p> Plan<'p> {
    pub(super) fn new(wanted: AttributeSet, paths: &'p [(Attribute, Path)]) -> Self {
        let needed = wanted.union(ALWAYS);
        let has_path = |attribute| paths.iter().any(|(with_path, _)| *with_path == attribute);
        Self {
            standard: needed.iter().filter(|attribute| !has_path(*attribute)).collect(),
            paths: paths
                .iter()
                .filter(|(attribute, _)| needed.contains(*attribute))
                .collect(),
            custom: wanted.reads_custom(),
        }
    }

    /// Whether any of these is read from where RFC 7643 puts it.
    pub(super) fn reads(&self, attributes: &[Attribute]) -> bool {
        attributes.iter().any(|attribute| self.standard.contains(*attribute))
    }

    pub(super) const fn reads_custom(&self) -> bool {
        self.custom
    }

    pub(super) fn has_paths(&self) -> bool {
        !self.paths.is_empty()
    }

    /// What stands at the paths of their own in one user.
    pub(super) fn at_paths(&self, user: &Json) -> Vec<(Attribute, Vec<String>)> {
        self.paths
            .iter()
            .map(|(attribute, path)| (*attribute, path.texts(user)))
            .collect()
    }

    /// The value of the parameter `attributes` (RFC 7644 §3.9) that makes the provider send what is read and nothing else;
    /// `None` where names can't tell, because everything is read.
    pub(super) fn selection(&self) -> Option<String> {
        if self.custom {
            return None;
        }
        let core = NAMES
            .iter()
            .filter(|(_, attributes)| self.reads(attributes))
            .map(|(name, _)| (*name).to_owned());
        let extension = EXTENSION.iter().filter(|attribute| self.reads(&[**attribute]));
        let extension = extension.map(|attribute| format!("{ENTERPRISE}:{}", attribute.name()));
        let paths = self.paths.iter().map(|(_, path)| path.as_str().to_owned());
        Some(core.chain(extension).chain(paths).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_read_is_asked_for() {
        let always = "userName,name,displayName,active,emails,phoneNumbers";
        assert_eq!(Plan::new(AttributeSet::EMPTY, &[]).selection().unwrap(), always);
        let wanted = AttributeSet::of(&[Attribute::Department, Attribute::Title, Attribute::Groups]);
        assert_eq!(
            Plan::new(wanted, &[]).selection().unwrap(),
            format!("{always},title,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department")
        );
    }

    #[test]
    fn a_path_of_its_own_is_asked_for_in_place_of_the_usual_one_and_only_when_it_is_read() {
        let path = |text| Path::parse(text).unwrap();
        let paths = [
            (Attribute::Phone, path("urn:acme:User:desk")),
            (Attribute::StartDate, path("urn:acme:User:hireDate")),
        ];
        assert_eq!(
            Plan::new(AttributeSet::EMPTY, &paths).selection().unwrap(),
            "userName,name,displayName,active,emails,urn:acme:User:desk"
        );
    }

    #[test]
    fn where_custom_attributes_are_read_everything_is_asked_for() {
        let mut wanted = AttributeSet::EMPTY;
        wanted.insert_custom();
        assert_eq!(Plan::new(wanted, &[]).selection(), None);
    }
}
