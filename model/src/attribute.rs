//! The one table of what a directory tells about a user and about a group, whatever the provider.
//!
//! Providers fill these attributes, expressions read them by the names below, and the docs page of attributes is
//! rendered from this table by [`reference_markdown`]. Everything else that a directory knows goes under `custom`.

use std::fmt;

/// An attribute of a directory user.
///
/// The order is stable: the discriminant is the tag in a stored [`crate::record::Record`] and the bit in an
/// [`AttributeSet`]. New attributes are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Attribute {
    /// `id`: the directory's stable identifier.
    Id = 0,
    /// `externalId`: an identifier that the directory itself got from elsewhere.
    ExternalId = 1,
    /// `userName`: the login name.
    UserName = 2,
    /// `email`: the primary e-mail address.
    Email = 3,
    /// `emails`: every e-mail address, the primary one first.
    Emails = 4,
    /// `givenName`: the first name.
    GivenName = 5,
    /// `familyName`: the last name.
    FamilyName = 6,
    /// `displayName`: the full name as shown.
    DisplayName = 7,
    /// `active`: whether the account is enabled.
    Active = 8,
    /// `department`.
    Department = 9,
    /// `division`.
    Division = 10,
    /// `organization`: the company or legal entity.
    Organization = 11,
    /// `costCenter`.
    CostCenter = 12,
    /// `title`: the job title.
    Title = 13,
    /// `employeeNumber`.
    EmployeeNumber = 14,
    /// `employeeType`.
    EmployeeType = 15,
    /// `manager`: a reference to the manager.
    Manager = 16,
    /// `phone`: the work telephone number.
    Phone = 17,
    /// `mobile`: the mobile telephone number.
    Mobile = 18,
    /// `office`: the place of work.
    Office = 19,
    /// `locale`.
    Locale = 20,
    /// `timezone`.
    Timezone = 21,
    /// `startDate`: the first day of employment.
    StartDate = 22,
    /// `endDate`: the last day of employment.
    EndDate = 23,
    /// `groups`: the names of the user's groups.
    Groups = 24,
}

/// The shape of an attribute's value, and with it what stands for an absent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One text; absent is `""`.
    Text,
    /// A list of texts; absent is `[]`.
    TextList,
    /// A yes or no; absent is `true` (the only flag is `active`).
    Flag,
    /// A date, seen as the timestamp of its midnight in UTC; absent is `null`.
    Date,
}

impl Kind {
    /// The name of the type in CEL, as the docs show it.
    pub const fn cel_type(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::TextList => "list(string)",
            Self::Flag => "bool",
            Self::Date => "timestamp",
        }
    }

    /// What an expression sees where the directory says nothing, as a CEL literal.
    pub const fn when_absent(self) -> &'static str {
        match self {
            Self::Text => "\"\"",
            Self::TextList => "[]",
            Self::Flag => "true",
            Self::Date => "null",
        }
    }
}

/// One row of [`ATTRIBUTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeInfo {
    /// Which attribute the row describes.
    pub attribute: Attribute,
    /// Its name in expressions, configuration and files: `costCenter`.
    pub name: &'static str,
    /// The shape of its value.
    pub kind: Kind,
    /// What it is, as one sentence in Markdown.
    pub doc: &'static str,
}

const fn row(attribute: Attribute, name: &'static str, kind: Kind, doc: &'static str) -> AttributeInfo {
    AttributeInfo {
        attribute,
        name,
        kind,
        doc,
    }
}

/// Every attribute of a user, in the order of their discriminants.
pub const ATTRIBUTES: &[AttributeInfo] = &[
    row(
        Attribute::Id,
        "id",
        Kind::Text,
        "The directory's stable identifier of the person; never a DN or an e-mail address. Never empty.",
    ),
    row(
        Attribute::ExternalId,
        "externalId",
        Kind::Text,
        "An identifier that the directory took from another system, such as the HR system's number.",
    ),
    row(Attribute::UserName, "userName", Kind::Text, "The login name."),
    row(Attribute::Email, "email", Kind::Text, "The primary e-mail address."),
    row(
        Attribute::Emails,
        "emails",
        Kind::TextList,
        "Every e-mail address, the primary one first.",
    ),
    row(Attribute::GivenName, "givenName", Kind::Text, "The given (first) name."),
    row(
        Attribute::FamilyName,
        "familyName",
        Kind::Text,
        "The family (last) name.",
    ),
    row(
        Attribute::DisplayName,
        "displayName",
        Kind::Text,
        "The full name as the directory shows it.",
    ),
    row(
        Attribute::Active,
        "active",
        Kind::Flag,
        "Whether the account is enabled in the directory.",
    ),
    row(Attribute::Department, "department", Kind::Text, "The department."),
    row(Attribute::Division, "division", Kind::Text, "The division."),
    row(
        Attribute::Organization,
        "organization",
        Kind::Text,
        "The company or legal entity.",
    ),
    row(Attribute::CostCenter, "costCenter", Kind::Text, "The cost center."),
    row(Attribute::Title, "title", Kind::Text, "The job title."),
    row(
        Attribute::EmployeeNumber,
        "employeeNumber",
        Kind::Text,
        "The employee number; a text, so zeros in front stay.",
    ),
    row(
        Attribute::EmployeeType,
        "employeeType",
        Kind::Text,
        "The kind of employment in the directory's own words, such as `Employee` or `Contractor`.",
    ),
    row(
        Attribute::Manager,
        "manager",
        Kind::Text,
        "The directory id of the manager, or the reference that the directory gives in its place.",
    ),
    row(Attribute::Phone, "phone", Kind::Text, "The work telephone number."),
    row(Attribute::Mobile, "mobile", Kind::Text, "The mobile telephone number."),
    row(
        Attribute::Office,
        "office",
        Kind::Text,
        "The place of work: a building, a room or a city.",
    ),
    row(
        Attribute::Locale,
        "locale",
        Kind::Text,
        "The locale or preferred language, such as `en-GB`.",
    ),
    row(
        Attribute::Timezone,
        "timezone",
        Kind::Text,
        "The time zone, such as `Europe/Berlin`.",
    ),
    row(
        Attribute::StartDate,
        "startDate",
        Kind::Date,
        "The first day of employment, at midnight UTC.",
    ),
    row(
        Attribute::EndDate,
        "endDate",
        Kind::Date,
        "The last day of employment, at midnight UTC.",
    ),
    row(
        Attribute::Groups,
        "groups",
        Kind::TextList,
        "The names of the groups that the person belongs to, directly or through other groups.",
    ),
];

/// The name under which every other value of a user is found: `user.custom.NAME`.
pub const CUSTOM: &str = "custom";

impl Attribute {
    /// Looks an attribute up by its name in [`ATTRIBUTES`]; letter case counts.
    pub fn from_name(name: &str) -> Option<Self> {
        ATTRIBUTES
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.attribute)
    }

    /// The attribute of a tag in a stored record; `None` for a tag that no attribute has.
    pub fn from_tag(tag: u8) -> Option<Self> {
        ATTRIBUTES.get(usize::from(tag)).map(|info| info.attribute)
    }

    /// The row of [`ATTRIBUTES`] that describes this attribute.
    pub const fn info(self) -> &'static AttributeInfo {
        &ATTRIBUTES[self as usize]
    }

    /// The name in expressions, configuration and files.
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// The shape of the value.
    pub const fn kind(self) -> Kind {
        self.info().kind
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An attribute of a directory group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum GroupAttribute {
    /// `id`: the directory's stable identifier of the group.
    Id = 0,
    /// `name`: the group's name.
    Name = 1,
    /// `description`: the group's description.
    Description = 2,
    /// `members`: the ids of the users who belong to it.
    Members = 3,
}

/// One row of [`GROUP_ATTRIBUTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupAttributeInfo {
    /// Which attribute the row describes.
    pub attribute: GroupAttribute,
    /// Its name in expressions.
    pub name: &'static str,
    /// The shape of its value.
    pub kind: Kind,
    /// What it is, as one sentence in Markdown.
    pub doc: &'static str,
}

/// Every attribute of a group, in the order of their discriminants.
pub const GROUP_ATTRIBUTES: &[GroupAttributeInfo] = &[
    GroupAttributeInfo {
        attribute: GroupAttribute::Id,
        name: "id",
        kind: Kind::Text,
        doc: "The directory's stable identifier of the group. Never empty.",
    },
    GroupAttributeInfo {
        attribute: GroupAttribute::Name,
        name: "name",
        kind: Kind::Text,
        doc: "The group's name.",
    },
    GroupAttributeInfo {
        attribute: GroupAttribute::Description,
        name: "description",
        kind: Kind::Text,
        doc: "The group's description.",
    },
    GroupAttributeInfo {
        attribute: GroupAttribute::Members,
        name: "members",
        kind: Kind::TextList,
        doc: "The directory ids of the people who belong to the group, directly or through other groups.",
    },
];

impl GroupAttribute {
    /// Looks an attribute up by its name in [`GROUP_ATTRIBUTES`]; letter case counts.
    pub fn from_name(name: &str) -> Option<Self> {
        GROUP_ATTRIBUTES
            .iter()
            .find(|info| info.name == name)
            .map(|info| info.attribute)
    }

    /// The row of [`GROUP_ATTRIBUTES`] that describes this attribute.
    pub const fn info(self) -> &'static GroupAttributeInfo {
        &GROUP_ATTRIBUTES[self as usize]
    }

    /// The name in expressions.
    pub const fn name(self) -> &'static str {
        self.info().name
    }
}

/// A set of user attributes, for "which of them must the directory be asked for".
///
/// It fits a `u32`: one bit for each [`Attribute`], and one for "something under `custom`".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AttributeSet(u32);

const CUSTOM_BIT: u32 = 1 << 31;

impl AttributeSet {
    /// No attribute at all.
    pub const EMPTY: Self = Self(0);
    /// Every attribute, `groups` and `custom` included.
    pub const ALL: Self = Self(((1 << ATTRIBUTES.len()) - 1) | CUSTOM_BIT);

    /// The set of the given attributes.
    pub const fn of(attributes: &[Attribute]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < attributes.len() {
            bits |= 1 << attributes[index] as u32;
            index += 1;
        }
        Self(bits)
    }

    /// Adds one attribute.
    pub const fn insert(&mut self, attribute: Attribute) {
        self.0 |= 1 << attribute as u32;
    }

    /// Notes that something under `custom` is read.
    pub const fn insert_custom(&mut self) {
        self.0 |= CUSTOM_BIT;
    }

    /// Whether the attribute is in the set.
    pub const fn contains(self, attribute: Attribute) -> bool {
        self.0 & (1 << attribute as u32) != 0
    }

    /// Whether something under `custom` is read; which names, the set doesn't say.
    pub const fn reads_custom(self) -> bool {
        self.0 & CUSTOM_BIT != 0
    }

    /// Whether `groups` is read, which asks for the transitive memberships of each person.
    pub const fn reads_groups(self) -> bool {
        self.contains(Attribute::Groups)
    }

    /// Everything that is in one of the two sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set as a number, for what outlives the process: the bits keep their meaning.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set of a number that [`Self::bits`] gave.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether nothing is in the set, `custom` included.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The attributes in the order of [`ATTRIBUTES`], without `custom`.
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        ATTRIBUTES
            .iter()
            .map(|info| info.attribute)
            .filter(move |attribute| self.contains(*attribute))
    }
}

impl FromIterator<Attribute> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let mut set = Self::EMPTY;
        attributes.into_iter().for_each(|attribute| set.insert(attribute));
        set
    }
}

impl fmt::Debug for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let custom = self.reads_custom().then_some(CUSTOM);
        f.debug_set()
            .entries(self.iter().map(Attribute::name).chain(custom))
            .finish()
    }
}

/// Renders the docs page of the attributes, as Markdown that ends in a line break.
///
/// `docs/` holds a copy that a test compares byte for byte.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Attributes\n\n\
         What an expression can read, whatever the directory is. Each attribute is always present: where the directory\n\
         says nothing, it has the value in the column *absent*. A name that is not in these tables is refused when the\n\
         expression is applied.\n\n\
         <!-- Generated from the attribute table; do not edit. -->\n\n\
         ## `user`\n\n\
         | attribute | type | absent | what it is |\n| --- | --- | --- | --- |\n",
    );
    for info in ATTRIBUTES {
        table_row(
            &mut page,
            &format!("user.{}", info.name),
            info.kind.cel_type(),
            info.kind.when_absent(),
            info.doc,
        );
    }
    table_row(
        &mut page,
        "user.custom.NAME",
        "dyn",
        "absent",
        "Everything else that the directory knows, under the directory's own name: a text, a number, a flag, a list or \
         a map. Test it with `has(user.custom.NAME)`; to read one that is absent fails for that person. A name that is \
         no identifier is written `user.custom[\"cost center\"]`.",
    );
    page.push_str("\n## `group`\n\n| attribute | type | absent | what it is |\n| --- | --- | --- | --- |\n");
    for info in GROUP_ATTRIBUTES {
        table_row(
            &mut page,
            &format!("group.{}", info.name),
            info.kind.cel_type(),
            info.kind.when_absent(),
            info.doc,
        );
    }
    page
}

fn table_row(page: &mut String, name: &str, cel_type: &str, absent: &str, doc: &str) {
    let absent = if absent == "absent" {
        absent.to_owned()
    } else {
        format!("`{absent}`")
    };
    page.extend(["| `", name, "` | ", cel_type, " | ", &absent, " | ", doc, " |\n"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_at_its_discriminant() {
        for (index, info) in ATTRIBUTES.iter().enumerate() {
            assert_eq!(info.attribute as usize, index, "{}", info.name);
            assert_eq!(Attribute::from_name(info.name), Some(info.attribute));
            assert_eq!(Attribute::from_tag(info.attribute as u8), Some(info.attribute));
            assert_eq!(info.attribute.to_string(), info.name);
        }
        for (index, info) in GROUP_ATTRIBUTES.iter().enumerate() {
            assert_eq!(info.attribute as usize, index, "{}", info.name);
            assert_eq!(GroupAttribute::from_name(info.name), Some(info.attribute));
            assert_eq!(info.attribute.name(), info.name);
        }
    }

    #[test]
    fn the_names_are_the_published_ones() {
        let names: Vec<_> = ATTRIBUTES.iter().map(|info| info.name).collect();
        assert_eq!(
            names.join(" "),
            "id externalId userName email emails givenName familyName displayName active department division \
             organization costCenter title employeeNumber employeeType manager phone mobile office locale timezone \
             startDate endDate groups"
        );
        let names: Vec<_> = GROUP_ATTRIBUTES.iter().map(|info| info.name).collect();
        assert_eq!(names.join(" "), "id name description members");
    }

    #[test]
    fn letter_case_counts_in_names() {
        assert_eq!(Attribute::from_name("costcenter"), None);
        assert_eq!(Attribute::from_name("custom"), None);
        assert_eq!(Attribute::from_tag(Attribute::Groups as u8 + 1), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let mut set = AttributeSet::of(&[Attribute::Email, Attribute::Groups]);
        assert!(set.reads_groups() && !set.reads_custom());
        set.insert_custom();
        assert!(set.reads_custom());
        assert_eq!(set.iter().collect::<Vec<_>>(), [Attribute::Email, Attribute::Groups]);
        assert_eq!(format!("{set:?}"), r#"{"email", "groups", "custom"}"#);
        assert!(AttributeSet::EMPTY.is_empty() && !set.is_empty());
        assert_eq!(AttributeSet::ALL.iter().count(), ATTRIBUTES.len());
        assert!(AttributeSet::ALL.reads_custom());
    }

    #[test]
    fn a_set_outlives_the_process_as_a_number() {
        let mut set: AttributeSet = [Attribute::Email, Attribute::Groups].into_iter().collect();
        set.insert_custom();
        assert_eq!(AttributeSet::from_bits(set.bits()), set);
        assert_eq!(set.iter().collect::<Vec<_>>(), [Attribute::Email, Attribute::Groups]);
        // Bits of a later program mean nothing here.
        assert_eq!(AttributeSet::from_bits(u32::MAX), AttributeSet::ALL);
        assert_eq!(AttributeSet::from_bits(0), AttributeSet::EMPTY);
    }

    #[test]
    fn the_docs_page_names_every_attribute() {
        let page = reference_markdown();
        for info in ATTRIBUTES {
            assert!(
                page.contains(&format!("| `user.{}` | {} |", info.name, info.kind.cel_type())),
                "{}",
                info.name
            );
        }
        // A value is shown as an expression has it; the word "absent" is none.
        assert!(page.contains("| `user.department` | string | `\"\"` |"));
        assert!(page.contains("| `user.custom.NAME` | dyn | absent |"));
        for info in GROUP_ATTRIBUTES {
            assert!(page.contains(&format!("| `group.{}` |", info.name)), "{}", info.name);
        }
        assert!(page.contains("`user.custom.NAME`") && page.ends_with("|\n"));
    }
}
