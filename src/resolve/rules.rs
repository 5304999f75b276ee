//! From a connection and its mappings to rules. What is wrong with the connection ends it here, named; what is wrong
//! with one mapping freezes that mapping alone.

use std::collections::BTreeSet;

use directory_sync_model::{
    email,
    expression::{Expression, ExpressionError, Subject},
    guard::Limits,
    rules::{
        Adoption, AttributeRule, AttributeSource, GroupSelector, InboxSelector, Mapping, NamePattern, Protect, Rules,
        TeamSelector, UserScope,
    },
    value::AttributeValue,
};
use kube::ResourceExt as _;

use super::Error;
use crate::api::{
    connection::{self, AdoptionMatch, DirectoryConnection, ScopeUsers},
    mapping::{GroupMapping, GroupMappingSpec, GroupSelection, InboxSelection, TeamSelection},
};

/// The rules of a connection with its mappings, sorted by name whatever their order.
pub fn rules(connection: &DirectoryConnection, mappings: &[GroupMapping]) -> Result<Rules, Error> {
    let spec = &connection.spec;
    let mut mappings: Vec<Mapping> = mappings.iter().map(mapping).collect();
    mappings.sort_by(|one, other| one.name.cmp(&other.name));
    let filter = spec.scope.filter_expression.as_deref();
    Ok(Rules {
        owner: connection.owner_id(),
        scope: match spec.scope.users {
            ScopeUsers::MappedGroups => UserScope::MappedGroups,
            ScopeUsers::All => UserScope::All,
        },
        filter: filter
            .map(|text| {
                compile(
                    "spec.scope.filterExpression",
                    Expression::compile_filter(text, Subject::User),
                )
            })
            .transpose()?,
        attributes: spec.attributes.iter().map(attribute).collect::<Result<_, _>>()?,
        default_role: spec.defaults.role.as_ref().map(|role| role.name.clone()),
        allowed_roles: spec
            .mappings
            .allowed_roles
            .as_ref()
            .map(|roles| roles.iter().cloned().collect()),
        adoption: match spec.adoption.match_by {
            AdoptionMatch::Email => Adoption::Email,
            AdoptionMatch::ExternalId => Adoption::ExternalId,
            AdoptionMatch::Never => Adoption::Never,
        },
        protect: protect(&spec.protect),
        limits: limits(&spec.removals),
        mappings,
    })
}

/// The removal limits of a specification.
pub fn limits(removals: &connection::RemovalLimits) -> Limits {
    let count = |number: i32| u32::try_from(number).unwrap_or(0);
    Limits {
        max_percent: u8::try_from(removals.max_percent.clamp(0, 100)).unwrap_or(0),
        min_population: count(removals.min_population),
        max_count: removals.max_count.map(count),
    }
}

fn protect(protect: &connection::Protect) -> Protect {
    let users: BTreeSet<String> = protect
        .users
        .iter()
        // An entry that isn't an address is a directory id.
        .map(|user| email::normalize(user).map_or_else(|_| user.trim().to_owned(), std::borrow::Cow::into_owned))
        .collect();
    Protect {
        users,
        roles: protect.roles.iter().cloned().collect(),
    }
}

fn attribute(attribute: &connection::Attribute) -> Result<AttributeRule, Error> {
    let field = format!("spec.attributes[name={}]", attribute.name);
    let source = match (&attribute.value, &attribute.expression) {
        (Some(value), None) => AttributeSource::Value(AttributeValue::Text(value.clone())),
        (None, Some(text)) => AttributeSource::Expression(compile(
            &format!("{field}.expression"),
            Expression::compile_attribute(text, Subject::User),
        )?),
        _ => {
            return Err(Error::Field {
                field,
                message: "set either value or expression".to_owned(),
            });
        }
    };
    Ok(AttributeRule {
        name: attribute.name.clone(),
        source,
    })
}

fn compile(field: &str, compiled: Result<Expression, ExpressionError>) -> Result<Expression, Error> {
    compiled.map_err(|error| Error::Expression {
        field: field.to_owned(),
        message: error.to_string(),
    })
}

fn mapping(mapping: &GroupMapping) -> Mapping {
    let spec = &mapping.spec;
    let name = mapping.name_any();
    let (group, team) = match selectors(spec) {
        Ok(selectors) => selectors,
        Err(error) => (GroupSelector::Invalid(error.to_string()), None),
    };
    Mapping {
        name,
        group,
        team,
        create_team: spec.team.as_ref().is_some_and(|team| team.create),
        role: spec.role.as_ref().map(|role| role.name.clone()),
        inboxes: spec
            .inboxes
            .iter()
            .filter_map(super::super::api::mapping::InboxRef::selected)
            .map(inbox)
            .collect(),
        priority: spec.priority,
        suspended: spec.suspend,
    }
}

fn inbox(inbox: InboxSelection<'_>) -> InboxSelector {
    match inbox {
        InboxSelection::Id(id) => InboxSelector::Id(id.to_owned()),
        InboxSelection::Name(name) => InboxSelector::Name(name.to_owned()),
        InboxSelection::PhoneNumber(number) => InboxSelector::PhoneNumber(number.to_owned()),
    }
}

fn selectors(spec: &GroupMappingSpec) -> Result<(GroupSelector, Option<TeamSelector>), Error> {
    let invalid = |field: &str, message: &str| Error::Field {
        field: field.to_owned(),
        message: message.to_owned(),
    };
    let group = match spec.group.selected() {
        Some(GroupSelection::Id(id)) => GroupSelector::Id(id.to_owned()),
        Some(GroupSelection::Name(name)) => GroupSelector::Name(name.to_owned()),
        Some(GroupSelection::NameRegex(text)) => GroupSelector::NameRegex(pattern(text)?),
        Some(GroupSelection::MemberExpression(text)) => GroupSelector::Members(compile(
            "spec.group.memberExpression",
            Expression::compile_filter(text, Subject::User),
        )?),
        None => {
            return Err(invalid(
                "spec.group",
                "set exactly one of id, name, nameRegex and memberExpression",
            ));
        }
    };
    let Some(team) = &spec.team else {
        return Ok((group, None));
    };
    let team = match team.selected() {
        Some(TeamSelection::Id(id)) => TeamSelector::Id(id.to_owned()),
        Some(TeamSelection::Name(name)) => TeamSelector::Name(name.to_owned()),
        Some(TeamSelection::NameExpression(text)) => TeamSelector::NameExpression(compile(
            "spec.team.nameExpression",
            Expression::compile_text(text, Subject::Group),
        )?),
        None => return Err(invalid("spec.team", "set exactly one of id, name and nameExpression")),
    };
    Ok((group, Some(team)))
}

fn pattern(text: &str) -> Result<NamePattern, Error> {
    NamePattern::new(text).map_err(|error| Error::Field {
        field: "spec.group.nameRegex".to_owned(),
        // The library draws the place in several lines; the last one says what is wrong.
        message: format!(
            "{text:?} is no usable regular expression: {}",
            error.to_string().lines().last().unwrap_or("")
        ),
    })
}
