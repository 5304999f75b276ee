//! What a connection and its mappings ask for, validated: the only form in which the pipeline sees a specification.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use crate::{
    attribute::{Attribute, AttributeSet},
    expression::Expression,
    limits::{Limits, Tightening},
    names,
    value::AttributeValue,
};

/// Who is in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UserScope {
    /// The members of mapped groups.
    #[default]
    MappedGroups,
    /// Everybody in the directory. Leaving a group never deactivates.
    All,
    /// Nobody, whatever a directory says: the connection is deleted, and takes back all that it gave. No directory is read for
    /// it, so that no read, however wrong, can come to the same. No specification says this; see [`Rules::retirement`].
    Nobody,
}

/// How an existing platform user that nobody manages becomes managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Adoption {
    /// By external id, else by e-mail address.
    #[default]
    Email,
    /// By external id alone.
    ExternalId,
    /// Never; such a user is a conflict.
    Never,
}

/// Where an attribute's value comes from.
#[derive(Debug)]
pub enum AttributeSource {
    /// The same value for everybody.
    Value(AttributeValue),
    /// A value of each person; absent or empty takes the attribute away.
    Expression(Expression),
}

/// The attributes of a platform user that every platform has as fields of their own.
///
/// Without a rule they follow the directory, and one that the directory doesn't tell stays as it is. An attribute rule
/// of this name sets the field instead, and clears it when it yields nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `givenName`
    GivenName,
    /// `familyName`
    FamilyName,
    /// `displayName`
    DisplayName,
    /// `phone`
    Phone,
}

impl Field {
    /// The field of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "givenName" => Some(Self::GivenName),
            "familyName" => Some(Self::FamilyName),
            "displayName" => Some(Self::DisplayName),
            "phone" => Some(Self::Phone),
            _ => None,
        }
    }
}

/// One attribute that the connection sets.
#[derive(Debug)]
pub struct AttributeRule {
    /// The platform's name of it.
    pub name: String,
    /// Its value.
    pub source: AttributeSource,
}

/// A regular expression that is about the whole name of a group.
#[derive(Clone, Debug)]
pub struct NamePattern(regex::Regex);

impl NamePattern {
    /// The memory that a compiled pattern may take, in bytes.
    pub const SIZE_LIMIT: usize = 1 << 20;

    /// Compiles a pattern as it was written, without anchors of its own.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        let compile = |pattern: &str| regex::RegexBuilder::new(pattern).size_limit(Self::SIZE_LIMIT).build();
        // Once alone: `a)|(b` is no pattern, although it becomes one between brackets, and one without anchors at that.
        compile(pattern)?;
        compile(&format!("^(?:{pattern})$")).map(Self)
    }

    /// Whether the whole name matches.
    pub fn is_match(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// Which groups of the directory a mapping is about.
#[derive(Debug)]
pub enum GroupSelector {
    /// The group with this directory id.
    Id(String),
    /// The one group of this name.
    Name(String),
    /// All groups whose whole name matches.
    NameRegex(NamePattern),
    /// Everybody for whom the expression is true: a group made of an attribute.
    Members(Expression),
    /// The mapping can't be carried out as it is written, and why. It stays frozen; the others go on.
    Invalid(String),
}

/// Which team a mapping gives.
#[derive(Debug)]
pub enum TeamSelector {
    /// The team with this platform id.
    Id(String),
    /// The team of this name.
    Name(String),
    /// The team whose name the expression over the group yields: one mapping, many teams.
    NameExpression(Expression),
}

/// An inbox that a mapping gives. Inboxes are never created.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InboxSelector {
    /// By the platform's id.
    Id(String),
    /// By name.
    Name(String),
    /// By phone number, E.164.
    PhoneNumber(String),
}

impl InboxSelector {
    /// The id, name or number, as written.
    pub fn text(&self) -> &str {
        let (Self::Id(text) | Self::Name(text) | Self::PhoneNumber(text)) = self;
        text
    }
}

/// One group mapping.
#[derive(Debug)]
pub struct Mapping {
    /// Its name, for conditions and failures.
    pub name: String,
    /// Whose members get what follows.
    pub group: GroupSelector,
    /// The team they join.
    pub team: Option<TeamSelector>,
    /// Whether a team that doesn't exist is created.
    pub create_team: bool,
    /// The role they get.
    pub role: Option<String>,
    /// The inboxes they join.
    pub inboxes: Vec<InboxSelector>,
    /// The higher wins a user's role.
    pub priority: i32,
    /// Frozen by its author: neither adds nor removes.
    pub suspended: bool,
    /// How much one sync may take of what it gives, where that is less than the connection allows.
    pub removals: Option<Tightening>,
}

/// What is never changed or removed.
#[derive(Clone, Debug)]
pub struct Protect {
    /// Normal forms of e-mail addresses, or directory ids.
    pub users: BTreeSet<String>,
    /// Roles that are neither granted nor taken.
    pub roles: BTreeSet<String>,
    /// Names or platform ids of teams of which nothing is changed: nobody joins or leaves them, and they keep their names.
    pub teams: BTreeSet<String>,
    /// How many active administrators a sync leaves on the platform, whoever manages them; where there are fewer already,
    /// it takes none away. 1 by default.
    pub min_administrators: u32,
}

impl Default for Protect {
    fn default() -> Self {
        Self {
            users: BTreeSet::new(),
            roles: BTreeSet::new(),
            teams: BTreeSet::new(),
            min_administrators: 1,
        }
    }
}

/// What becomes of users who leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Deprovision {
    /// They are deactivated, and stay.
    #[default]
    Deactivate,
    /// They are deactivated, and deleted by the first sync at least so long after it that still finds them gone. However
    /// short that is, it is another sync: two reads agree before anything is deleted.
    DeleteAfter(Duration),
    /// They stay active; only what mappings gave them is taken.
    Keep,
}

impl Deprovision {
    /// From when on somebody who was deactivated then is deleted; `None`: never.
    pub fn due(self, deactivated: SystemTime) -> Option<SystemTime> {
        match self {
            Self::DeleteAfter(rest) => deactivated.checked_add(rest),
            Self::Deactivate | Self::Keep => None,
        }
    }
}

/// All that a connection asks for.
#[derive(Debug)]
pub struct Rules {
    /// The ownership mark.
    pub owner: String,
    /// Who is in scope.
    pub scope: UserScope,
    /// Who of them passes; absent: everybody.
    pub filter: Option<Expression>,
    /// The attributes that the connection sets, in order.
    pub attributes: Vec<AttributeRule>,
    /// The role at creation, and when a role that we gave lapses.
    pub default_role: Option<String>,
    /// The roles that mappings may grant; absent: any that isn't protected.
    pub allowed_roles: Option<BTreeSet<String>>,
    /// How existing users become managed.
    pub adoption: Adoption,
    /// The marks of other connections that hand their users over to this one: such a user is adopted as one that nobody
    /// manages.
    pub from_owners: BTreeSet<String>,
    /// What becomes of users who leave.
    pub deprovision: Deprovision,
    /// What is never touched.
    pub protect: Protect,
    /// How much one sync may remove.
    pub limits: Limits,
    /// The mappings, in the order of their names.
    pub mappings: Vec<Mapping>,
}

impl Rules {
    /// The rules by which a connection that is deleted takes back all that it gave. Nobody's deletion is waited for: with
    /// [`Deprovision::DeleteAfter`] some time, people are deactivated and stay.
    pub fn retirement(
        owner: String,
        default_role: Option<String>,
        deprovision: Deprovision,
        protect: Protect,
        limits: Limits,
    ) -> Self {
        Self {
            owner,
            scope: UserScope::Nobody,
            filter: None,
            attributes: Vec::new(),
            default_role,
            allowed_roles: None,
            adoption: Adoption::Never,
            from_owners: BTreeSet::new(),
            deprovision: match deprovision {
                Deprovision::DeleteAfter(rest) if !rest.is_zero() => Deprovision::Deactivate,
                other => other,
            },
            protect,
            limits,
            mappings: Vec::new(),
        }
    }

    /// Which attributes of people a directory is to be asked for.
    pub fn reads(&self) -> AttributeSet {
        let standard = AttributeSet::of(&[
            Attribute::Id,
            Attribute::UserName,
            Attribute::Email,
            Attribute::GivenName,
            Attribute::FamilyName,
            Attribute::DisplayName,
            Attribute::Phone,
            Attribute::Active,
        ]);
        standard.union(self.reads_by_expressions())
    }

    /// The attributes of people that expressions read.
    pub fn reads_by_expressions(&self) -> AttributeSet {
        self.user_expressions().fold(AttributeSet::EMPTY, |set, expression| {
            set.union(expression.reads().user)
        })
    }

    /// The names under `user.custom` that expressions read: a directory that sends only what it is asked for is asked for them.
    pub fn reads_custom(&self) -> BTreeSet<&str> {
        let read = self
            .user_expressions()
            .flat_map(|expression| &expression.reads().custom);
        read.map(String::as_str).collect()
    }

    fn user_expressions(&self) -> impl Iterator<Item = &Expression> {
        let attributes = self.attributes.iter().filter_map(|rule| match &rule.source {
            AttributeSource::Expression(expression) => Some(expression),
            AttributeSource::Value(_) => None,
        });
        let groups = self.mappings.iter().filter_map(|mapping| match &mapping.group {
            GroupSelector::Members(expression) => Some(expression),
            _ => None,
        });
        self.filter.iter().chain(attributes).chain(groups)
    }

    /// Whether a role is protected, in whatever spelling.
    pub fn is_protected_role(&self, role: &str) -> bool {
        !self.protect.roles.is_empty() && {
            let role = names::normalize(role);
            self.protect.roles.iter().any(|other| names::normalize(other) == role)
        }
    }

    /// Whether mappings may grant this role.
    pub fn may_grant(&self, role: &str) -> bool {
        !self.is_protected_role(role) && self.allowed_roles.as_ref().is_none_or(|allowed| allowed.contains(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Subject;

    #[test]
    fn a_pattern_is_about_the_whole_name() {
        let pattern = NamePattern::new("team-.+|ops").unwrap();
        assert!(pattern.is_match("team-a") && pattern.is_match("ops"));
        assert!(!pattern.is_match("a team-a") && !pattern.is_match("team-a\n") && !pattern.is_match("devops"));
        assert!(NamePattern::new("a|ab").unwrap().is_match("ab"));
    }

    #[test]
    fn each_field_has_its_name() {
        let fields = ["givenName", "familyName", "displayName", "phone"].map(Field::from_name);
        let expected = [Field::GivenName, Field::FamilyName, Field::DisplayName, Field::Phone];
        assert_eq!(fields, expected.map(Some));
        assert_eq!(Field::from_name("email"), None);
    }

    #[test]
    fn a_directory_is_asked_for_what_every_kind_of_expression_reads() {
        let expression = |source: &str| Expression::compile(source, Subject::User).unwrap();
        let mut rules = Rules::retirement(
            String::new(),
            None,
            Deprovision::Keep,
            Protect::default(),
            Limits {
                max_percent: 0,
                min_population: 0,
                max_count: None,
            },
        );
        assert!(rules.reads_custom().is_empty() && rules.reads_by_expressions().is_empty());
        rules.filter = Some(expression("user.custom.site == user.office"));
        rules.attributes.push(AttributeRule {
            name: "team".to_owned(),
            source: AttributeSource::Expression(expression("user.custom.team + user.title")),
        });
        assert_eq!(rules.reads_custom(), ["site", "team"].into());
        let mut read = AttributeSet::of(&[Attribute::Office, Attribute::Title]);
        read.insert_custom();
        assert_eq!(rules.reads_by_expressions(), read);
        assert!(rules.reads().contains(Attribute::Email) && rules.reads().contains(Attribute::Title));
    }

    #[test]
    fn a_pattern_cannot_leave_its_brackets() {
        assert!(NamePattern::new("a)|(b").is_err());
        assert!(NamePattern::new("(").is_err());
        assert!(!NamePattern::new("(?m)a").unwrap().is_match("a\nb"));
    }
}
