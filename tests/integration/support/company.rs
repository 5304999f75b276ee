//! A company as LDIF: as many people and groups as a test asks for, the same in every run.

use std::fmt::Write;

/// The entry that everything is under.
pub const BASE_DN: &str = "dc=acme,dc=test";

/// How a group names its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `groupOfNames`: `member` holds DNs.
    Names,
    /// `groupOfUniqueNames`: `uniqueMember` holds DNs.
    UniqueNames,
    /// `posixGroup`: `memberUid` holds the people's `uid`.
    Posix,
}

/// A member of a group.
#[derive(Clone, Debug)]
pub enum Member {
    /// The person of this `uid`.
    Person(String),
    /// The group of this name; not possible in a [`Shape::Posix`] group.
    Group(String),
}

/// A company in the making.
pub struct Company {
    ldif: String,
    people: usize,
    groups: usize,
}

impl Company {
    /// A company without people: the base entry, `ou=people` and `ou=groups`.
    pub fn new() -> Self {
        let mut company = Self {
            ldif: String::new(),
            people: 0,
            groups: 0,
        };
        company.entry(&format!(
            "dn: {BASE_DN}\nobjectClass: dcObject\nobjectClass: organization\ndc: acme\no: Acme"
        ));
        for unit in ["people", "groups"] {
            company.entry(&format!(
                "dn: ou={unit},{BASE_DN}\nobjectClass: organizationalUnit\nou: {unit}"
            ));
        }
        company
    }

    /// The `uid` of the numbered person, counted from 0: `u0000007`.
    pub fn uid(number: usize) -> String {
        format!("u{number:07}")
    }

    /// The DN of the person of a `uid`.
    pub fn person_dn(uid: &str) -> String {
        format!("uid={uid},ou=people,{BASE_DN}")
    }

    /// The DN of the group of a name.
    pub fn group_dn(name: &str) -> String {
        format!("cn={name},ou=groups,{BASE_DN}")
    }

    /// Adds so many people, numbered on from those that exist: `Given7 Family7`, `u0000007@acme.test`, with an employee
    /// number, and a department, title and employee type that repeat.
    pub fn with_people(mut self, count: usize) -> Self {
        for number in self.people..self.people + count {
            self.person(number);
        }
        self.people += count;
        self
    }

    /// Adds so many groups of `size` of the people each, named `PREFIX-0` and so on. Neighbouring groups overlap.
    pub fn with_groups(mut self, shape: Shape, prefix: &str, count: usize, size: usize) -> Self {
        assert!(
            size <= self.people,
            "a group of {size} needs as many people, there are {}",
            self.people
        );
        for group in 0..count {
            let first = group * size.div_ceil(2);
            let members: Vec<_> = (first..first + size)
                .map(|number| Member::Person(Self::uid(number % self.people)))
                .collect();
            self = self.with_group(shape, &format!("{prefix}-{group}"), &members);
        }
        self
    }

    /// Adds one group. LDAP's own schema wants at least one member, but in a [`Shape::Posix`] group.
    pub fn with_group(mut self, shape: Shape, name: &str, members: &[Member]) -> Self {
        let dn = Self::group_dn(name);
        let (class, attribute) = match shape {
            Shape::Names => ("groupOfNames".to_owned(), "member"),
            Shape::UniqueNames => ("groupOfUniqueNames".to_owned(), "uniqueMember"),
            Shape::Posix => (format!("posixGroup\ngidNumber: {}", 20_000 + self.groups), "memberUid"),
        };
        let mut entry = format!("dn: {dn}\nobjectClass: {class}\ncn: {name}\ndescription: The group {name}");
        for member in members {
            let value = match (shape, member) {
                (Shape::Posix, Member::Person(uid)) => uid.clone(),
                (Shape::Posix, Member::Group(group)) => panic!("a posixGroup cannot have the group {group} in it"),
                (_, Member::Person(uid)) => Self::person_dn(uid),
                (_, Member::Group(group)) => Self::group_dn(group),
            };
            write!(entry, "\n{attribute}: {value}").expect("a string can be written to");
        }
        self.entry(&entry);
        self.groups += 1;
        self
    }

    /// Adds an entry of one's own: LDIF that begins with its `dn:`.
    pub fn with_entry(mut self, ldif: &str) -> Self {
        self.entry(ldif.trim());
        self
    }

    /// The whole company as LDIF.
    pub fn ldif(&self) -> &str {
        &self.ldif
    }

    fn person(&mut self, number: usize) {
        const DEPARTMENTS: [&str; 5] = ["Support", "Sales", "Engineering", "Finance", "Legal"];
        const TITLES: [&str; 3] = ["Agent", "Lead", "Manager"];
        let uid = Self::uid(number);
        let department = DEPARTMENTS[number % DEPARTMENTS.len()];
        let title = TITLES[number / DEPARTMENTS.len() % TITLES.len()];
        let contract = if number % 20 == 19 { "Contractor" } else { "Employee" };
        let dn = Self::person_dn(&uid);
        self.entry(&format!(
            "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Given{number} Family{number}\n\
             givenName: Given{number}\nsn: Family{number}\nmail: {uid}@acme.test\ndepartmentNumber: {department}\n\
             title: {title}\nemployeeType: {contract}\nemployeeNumber: {number}"
        ));
    }

    fn entry(&mut self, ldif: &str) {
        self.ldif.push_str(ldif);
        self.ldif.push_str("\n\n");
    }
}
