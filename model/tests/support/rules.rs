//! Specifications in words.

use std::collections::BTreeSet;

use directory_sync_model::{
    expression::{Expression, Subject},
    limits::{Limits, Tightening},
    rules::{
        Adoption, AttributeRule, AttributeSource, Deprovision, GroupSelector, InboxSelector, Mapping, NamePattern,
        Protect, Rules, TeamSelector, UserScope,
    },
    value::AttributeValue,
};

use super::OWNER;

/// Rules without mappings and with limits that hold nothing.
pub fn rules() -> Rules {
    Rules {
        owner: OWNER.to_owned(),
        scope: UserScope::MappedGroups,
        filter: None,
        attributes: Vec::new(),
        default_role: None,
        allowed_roles: None,
        adoption: Adoption::Email,
        from_owners: BTreeSet::new(),
        deprovision: Deprovision::Deactivate,
        protect: Protect::default(),
        limits: Limits {
            max_percent: 100,
            min_population: 1000,
            max_count: None,
        },
        mappings: Vec::new(),
    }
}

/// Words about rules.
pub trait RulesWords {
    fn everybody(self) -> Self;
    fn who(self, filter: &str) -> Self;
    fn with(self, mapping: Mapping) -> Self;
    fn default_role(self, role: &str) -> Self;
    fn adopting(self, adoption: Adoption) -> Self;
    fn attribute(self, name: &str, expression: &str) -> Self;
    fn value(self, name: &str, value: &str) -> Self;
    fn protecting_user(self, user: &str) -> Self;
    fn protecting_role(self, role: &str) -> Self;
    fn protecting_team(self, team: &str) -> Self;
    fn taking_over_from(self, owner: &str) -> Self;
    fn keeping_administrators(self, min: u32) -> Self;
    fn deprovisioning(self, deprovision: Deprovision) -> Self;
    fn limited_to(self, max_percent: u8, min_population: u32) -> Self;
}

impl RulesWords for Rules {
    fn everybody(mut self) -> Self {
        self.scope = UserScope::All;
        self
    }

    fn who(mut self, filter: &str) -> Self {
        self.filter = Some(Expression::compile_filter(filter, Subject::User).expect("a filter"));
        self
    }

    fn with(mut self, mapping: Mapping) -> Self {
        self.mappings.push(mapping);
        self
    }

    fn default_role(mut self, role: &str) -> Self {
        self.default_role = Some(role.to_owned());
        self
    }

    fn adopting(mut self, adoption: Adoption) -> Self {
        self.adoption = adoption;
        self
    }

    fn attribute(mut self, name: &str, expression: &str) -> Self {
        let expression = Expression::compile_attribute(expression, Subject::User).expect("an expression");
        self.attributes.push(AttributeRule {
            name: name.to_owned(),
            source: AttributeSource::Expression(expression),
        });
        self
    }

    fn value(mut self, name: &str, value: &str) -> Self {
        self.attributes.push(AttributeRule {
            name: name.to_owned(),
            source: AttributeSource::Value(AttributeValue::Text(value.to_owned())),
        });
        self
    }

    fn protecting_user(mut self, user: &str) -> Self {
        self.protect.users.insert(user.to_owned());
        self
    }

    fn protecting_role(mut self, role: &str) -> Self {
        self.protect.roles.insert(role.to_owned());
        self
    }

    fn protecting_team(mut self, team: &str) -> Self {
        self.protect.teams.insert(team.to_owned());
        self
    }

    fn taking_over_from(mut self, owner: &str) -> Self {
        self.from_owners.insert(owner.to_owned());
        self
    }

    fn keeping_administrators(mut self, min: u32) -> Self {
        self.protect.min_administrators = min;
        self
    }

    fn deprovisioning(mut self, deprovision: Deprovision) -> Self {
        self.deprovision = deprovision;
        self
    }

    fn limited_to(mut self, max_percent: u8, min_population: u32) -> Self {
        self.limits = Limits {
            max_percent,
            min_population,
            max_count: None,
        };
        self
    }
}

/// A mapping of the directory's group of this name, to nothing.
pub fn mapping(group: &str) -> Mapping {
    Mapping {
        name: group.to_lowercase(),
        group: GroupSelector::Name(group.to_owned()),
        team: None,
        create_team: false,
        role: None,
        inboxes: Vec::new(),
        priority: 100,
        suspended: false,
        removals: None,
    }
}

/// Words about mappings.
pub trait MappingWords {
    fn called(self, name: &str) -> Self;
    fn of_group_id(self, id: &str) -> Self;
    fn of_groups_like(self, pattern: &str) -> Self;
    fn of_people_who(self, expression: &str) -> Self;
    fn to_team(self, name: &str) -> Self;
    fn to_team_id(self, id: &str) -> Self;
    fn to_team_named_by(self, expression: &str) -> Self;
    fn creating(self) -> Self;
    fn to_inbox(self, name: &str) -> Self;
    fn to_number(self, number: &str) -> Self;
    fn giving(self, role: &str) -> Self;
    fn first(self, priority: i32) -> Self;
    fn suspended(self) -> Self;
    fn tightened(self, max_percent: u8, min_population: u32) -> Self;
}

impl MappingWords for Mapping {
    fn called(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    fn of_group_id(mut self, id: &str) -> Self {
        self.group = GroupSelector::Id(id.to_owned());
        self
    }

    fn of_groups_like(mut self, pattern: &str) -> Self {
        let pattern = NamePattern::new(pattern).expect("a pattern");
        self.group = GroupSelector::NameRegex(pattern);
        self
    }

    fn of_people_who(mut self, expression: &str) -> Self {
        let expression = Expression::compile_filter(expression, Subject::User).expect("an expression");
        self.group = GroupSelector::Members(expression);
        self
    }

    fn to_team(mut self, name: &str) -> Self {
        self.team = Some(TeamSelector::Name(name.to_owned()));
        self
    }

    fn to_team_id(mut self, id: &str) -> Self {
        self.team = Some(TeamSelector::Id(id.to_owned()));
        self
    }

    fn to_team_named_by(mut self, expression: &str) -> Self {
        let expression = Expression::compile_text(expression, Subject::Group).expect("an expression");
        self.team = Some(TeamSelector::NameExpression(expression));
        self
    }

    fn creating(mut self) -> Self {
        self.create_team = true;
        self
    }

    fn to_inbox(mut self, name: &str) -> Self {
        self.inboxes.push(InboxSelector::Name(name.to_owned()));
        self
    }

    fn to_number(mut self, number: &str) -> Self {
        self.inboxes.push(InboxSelector::PhoneNumber(number.to_owned()));
        self
    }

    fn giving(mut self, role: &str) -> Self {
        self.role = Some(role.to_owned());
        self
    }

    fn first(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    fn suspended(mut self) -> Self {
        self.suspended = true;
        self
    }

    fn tightened(mut self, max_percent: u8, min_population: u32) -> Self {
        self.removals = Some(Tightening {
            max_percent: Some(max_percent),
            min_population: Some(min_population),
            max_count: None,
        });
        self
    }
}
