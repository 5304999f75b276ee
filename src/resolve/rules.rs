//! From a connection and its mappings to rules. What is wrong with the connection ends it here, named; what is wrong
//! with one mapping freezes that mapping alone.

use std::{collections::BTreeSet, time::Duration};

use directory_sync_model::{
    email,
    expression::{Expression, ExpressionError, Subject},
    limits::{Limits, Tightening},
    plan::Notice,
    rules::{
        Adoption, AttributeRule, AttributeSource, Deprovision, GroupSelector, InboxSelector, Mapping, NamePattern,
        Protect, Rules, TeamSelector, UserScope,
    },
    value::AttributeValue,
};
use kube::ResourceExt as _;

use super::Error;
use crate::api::{
    connection::{self, AdoptionMatch, DeprovisionAction, DirectoryConnection, ScopeUsers},
    mapping::{GroupMapping, GroupMappingSpec, GroupSelection, InboxSelection, MappingRemovals, TeamSelection},
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
        from_owners: from_owners(connection)?,
        deprovision: deprovision(&spec.deprovision),
        protect: protect(&spec.protect),
        limits: limits(&spec.removals),
        mappings,
    })
}

/// The connections that hand their users over. Without an ownerID of its own, only its namespace says what a connection's is.
fn from_owners(connection: &DirectoryConnection) -> Result<BTreeSet<String>, Error> {
    let owners = &connection.spec.adoption.from_owner_ids;
    if owners.contains(&connection.owner_id()) {
        let message = "names this connection itself; name the connections that hand their users over to it";
        return Err(invalid("spec.adoption.fromOwnerIDs", message));
    }
    Ok(owners.iter().cloned().collect())
}

/// The rules by which a connection that is deleted takes back all that it gave. What its filters, attributes and mappings say
/// doesn't matter any more, and neither does what is wrong with them.
pub fn retirement(connection: &DirectoryConnection) -> Rules {
    let spec = &connection.spec;
    Rules::retirement(
        connection.owner_id(),
        spec.defaults.role.as_ref().map(|role| role.name.clone()),
        deprovision(&spec.deprovision),
        protect(&spec.protect),
        limits(&spec.removals),
    )
}

/// The removal limits of a specification.
pub fn limits(removals: &connection::RemovalLimits) -> Limits {
    Limits {
        max_percent: percent(removals.max_percent),
        min_population: count(removals.min_population),
        max_count: removals.max_count.map(count),
    }
}

fn tightening(removals: &MappingRemovals) -> Tightening {
    Tightening {
        max_percent: removals.max_percent.map(percent),
        min_population: removals.min_population.map(count),
        max_count: removals.max_count.map(count),
    }
}

/// A percentage. What is below the schema's range holds everything, what is above is all.
fn percent(number: i32) -> u8 {
    u8::try_from(number.clamp(0, 100)).unwrap_or(0)
}

/// A number; one below the schema's range is none.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
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
        teams: protect.teams.iter().cloned().collect(),
        // At least one: the schema says so, and without any the platform could be locked.
        min_administrators: u32::try_from(protect.min_administrators).unwrap_or(1).max(1),
    }
}

const DAY: Duration = Duration::from_hours(24);

fn deprovision(deprovision: &connection::Deprovision) -> Deprovision {
    match (deprovision.action, deprovision.delete_after_days) {
        (DeprovisionAction::Keep, _) => Deprovision::Keep,
        (DeprovisionAction::Delete, _) => Deprovision::DeleteAfter(Duration::ZERO),
        (DeprovisionAction::Deactivate, None) => Deprovision::Deactivate,
        // What is below the schema's range waits for the longest time that it allows, not for none.
        (DeprovisionAction::Deactivate, Some(days)) => {
            let days = u32::try_from(days).ok().filter(|days| *days > 0).unwrap_or(3650);
            Deprovision::DeleteAfter(DAY * days)
        }
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
    let (group, team, inboxes) = match selectors(spec) {
        Ok(selectors) => selectors,
        Err(error) => (GroupSelector::Invalid(error.to_string()), None, Vec::new()),
    };
    Mapping {
        name,
        group,
        team,
        create_team: spec.team.as_ref().is_some_and(|team| team.create),
        role: spec.role.as_ref().map(|role| role.name.clone()),
        inboxes,
        priority: spec.priority,
        suspended: spec.suspend,
        removals: spec.removals.as_ref().map(tightening),
    }
}

fn invalid(field: &str, message: &str) -> Error {
    Error::Field {
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

/// Whom a mapping is about and what it gives. One that isn't understood, as from a newer version of the kind, is an error: it
/// must not look like nothing, which would take away what it has given.
fn selectors(spec: &GroupMappingSpec) -> Result<(GroupSelector, Option<TeamSelector>, Vec<InboxSelector>), Error> {
    let group = group(spec)?;
    let team = team(spec)?;
    let inboxes = spec
        .inboxes
        .iter()
        .enumerate()
        .map(|(at, inbox)| match inbox.selected() {
            Some(InboxSelection::Id(id)) => Ok(InboxSelector::Id(id.to_owned())),
            Some(InboxSelection::Name(name)) => Ok(InboxSelector::Name(name.to_owned())),
            Some(InboxSelection::PhoneNumber(number)) => Ok(InboxSelector::PhoneNumber(number.to_owned())),
            None => {
                let field = format!("spec.inboxes[{at}]");
                Err(invalid(&field, "set exactly one of id, name and phoneNumber"))
            }
        });
    Ok((group, team, inboxes.collect::<Result<_, _>>()?))
}

fn group(spec: &GroupMappingSpec) -> Result<GroupSelector, Error> {
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
    Ok(group)
}

fn team(spec: &GroupMappingSpec) -> Result<Option<TeamSelector>, Error> {
    let Some(team) = &spec.team else {
        return Ok(None);
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
    Ok(Some(team))
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

/// What a person should know of a specification that can be carried out, and may not mean what he thinks.
pub fn advice(connection: &DirectoryConnection) -> Vec<Notice> {
    let interval = connection.spec.interval.get();
    match deprovision(&connection.spec.deprovision) {
        Deprovision::DeleteAfter(rest) if !rest.is_zero() && rest <= interval => {
            let days = u32::try_from(rest.as_secs() / DAY.as_secs()).unwrap_or(u32::MAX);
            vec![Notice::DeletedLater { days, interval }]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(spec: &Value) -> Mapping {
        let mut whole = json!({ "connectionRef": { "name": "acme" }, "group": { "id": "1" } });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        mapping(&GroupMapping::new("support", serde_json::from_value(whole).unwrap()))
    }

    #[test]
    fn a_connection_without_an_owner_id_does_not_take_over_from_its_own_name() {
        let connection = |from: &str| {
            let spec = json!({ "provider": {}, "platform": {}, "adoption": { "fromOwnerIDs": [from] } });
            let mut connection = DirectoryConnection::new("acme", serde_json::from_value(spec).unwrap());
            connection.metadata.namespace = Some("eu1".into());
            connection
        };
        let refused = rules(&connection("eu1/acme"), &[]).unwrap_err().to_string();
        assert!(refused.contains("spec.adoption.fromOwnerIDs"), "{refused}");
        let taken = rules(&connection("eu1/old"), &[]).unwrap();
        assert_eq!(taken.from_owners, ["eu1/old".to_owned()].into());
    }

    #[test]
    fn a_mapping_limits_what_it_sets_and_nothing_else() {
        let limited = of(&json!({ "removals": { "maxPercent": 5, "maxCount": 3 } })).removals;
        let expected = Tightening {
            max_percent: Some(5),
            min_population: None,
            max_count: Some(3),
        };
        assert_eq!(limited, Some(expected));
        assert_eq!(of(&json!({})).removals, None);
    }

    #[test]
    fn days_that_are_no_longer_than_the_interval_are_told_of() {
        let of = |interval: &str, deprovision: Value| {
            let spec = json!({ "provider": {}, "platform": {}, "interval": interval, "deprovision": deprovision });
            advice(&DirectoryConnection::new("acme", serde_json::from_value(spec).unwrap()))
        };
        let told = of("168h", json!({ "deleteAfterDays": 1 }));
        let expected = Notice::DeletedLater {
            days: 1,
            interval: Duration::from_hours(168),
        };
        assert_eq!(told, [expected]);
        assert_eq!(
            told[0].to_string(),
            "deprovision.deleteAfterDays (1) is no longer than spec.interval (168h): people are deleted by the first sync \
             after those days, as much as 168h later"
        );
        assert_eq!(of("24h", json!({ "deleteAfterDays": 1 })).len(), 1, "equal");
        assert_eq!(of("23h59m", json!({ "deleteAfterDays": 1 })), []);
        assert_eq!(
            of("168h", json!({ "action": "Delete" })),
            [],
            "by the next sync, as it says"
        );
        assert_eq!(of("168h", json!({})), []);
    }

    #[test]
    fn each_action_says_when_leavers_are_deleted() {
        let of = |spec: Value| deprovision(&serde_json::from_value(spec).unwrap());
        let day = Duration::from_hours(24);
        assert_eq!(of(json!({})), Deprovision::Deactivate);
        assert_eq!(of(json!({ "deleteAfterDays": 30 })), Deprovision::DeleteAfter(30 * day));
        assert_eq!(
            of(json!({ "action": "Delete" })),
            Deprovision::DeleteAfter(Duration::ZERO)
        );
        assert_eq!(of(json!({ "action": "Keep" })), Deprovision::Keep);
        // No such number comes past the schema; one that did must not delete anybody at once.
        for days in [0, -1] {
            let longest = Deprovision::DeleteAfter(3650 * day);
            assert_eq!(of(json!({ "deleteAfterDays": days })), longest);
        }
    }

    #[test]
    fn at_least_one_administrator_is_left_whatever_is_written() {
        let fewest = |spec: Value| protect(&serde_json::from_value(spec).unwrap()).min_administrators;
        assert_eq!(fewest(json!({})), 1);
        assert_eq!(fewest(json!({ "minAdministrators": 5 })), 5);
        assert_eq!(fewest(json!({ "minAdministrators": -1 })), 1);
    }

    /// A newer version of the kind may have another way, of which nothing is left when this version has read it.
    #[test]
    fn a_way_to_select_that_is_not_known_freezes_its_mapping() {
        for (spec, field) in [
            (json!({ "group": { "label": "x" } }), "spec.group"),
            (json!({ "team": { "label": "x" } }), "spec.team"),
            (
                json!({ "inboxes": [{ "name": "EMEA" }, { "label": "x" }] }),
                "spec.inboxes[1]",
            ),
        ] {
            let GroupSelector::Invalid(message) = of(&spec).group else {
                panic!("{spec} is taken for nothing")
            };
            assert!(message.contains(field), "{message}");
        }
        let good = of(&json!({ "inboxes": [{ "name": "EMEA" }, { "id": "7" }] }));
        assert_eq!(good.inboxes.len(), 2);
    }
}
