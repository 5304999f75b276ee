//! A plan as people and programs read it.

use std::collections::HashMap;

use directory_sync_model::{
    attribute::Attribute,
    observed::ContainerKind,
    plan::{Place, Plan, RemovalCounts},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::sync::report::Hold;

/// A plan, each change with before and after. Fields are named as in JSON output; absent means nothing to say.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// The hash of the removals: what `sync --approve` takes.
    pub hash: String,
    /// Why it is held; empty when it isn't.
    pub held: Vec<String>,
    /// What changes, in the order in which it would be written.
    pub changes: Vec<ChangeRow>,
    /// How much it removes.
    pub removals: RemovalCounts,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// A team is created.
    CreateTeam,
    /// A user is created.
    Create,
    /// A team is renamed, or told its group.
    UpdateTeam,
    /// An existing user becomes managed.
    Adopt,
    /// A user is activated again.
    Activate,
    /// A user's fields change.
    Update,
    /// A user joins a team or an inbox.
    Join,
    /// A user's role changes.
    Role,
    /// A user leaves a team or an inbox.
    Leave,
    /// A user is deactivated.
    Deactivate,
    /// A user is deleted.
    Delete,
}

/// One change.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRow {
    /// What is done.
    pub action: Action,
    /// Whom: the directory's id, or the platform's where the directory has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// His e-mail address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Which team or inbox.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// Before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldRow>,
    /// Why.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cause: &'static str,
}

/// One field, before and after; empty text is no value.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct FieldRow {
    /// The field.
    pub name: String,
    /// What it is.
    pub before: String,
    /// What it will be.
    pub after: String,
}

impl PlanView {
    /// Every change of a plan, in the order in which it would be written.
    pub fn of(plan: &Plan<'_>, hold: Option<&Hold>) -> Self {
        let mut rows = Rows::new(plan, &|_, _| true);
        rows.teams();
        rows.people();
        Self {
            hash: plan.hash().to_string(),
            held: hold.map(Hold::reasons).unwrap_or_default(),
            changes: rows.found,
            removals: plan.removal_counts(),
        }
    }

    /// The changes of those people whose id and address are wanted; all others cost no memory.
    pub fn changes_of(plan: &Plan<'_>, wanted: &dyn Fn(&str, &str) -> bool) -> Vec<ChangeRow> {
        let mut rows = Rows::new(plan, wanted);
        rows.people();
        rows.found
    }
}

/// Whom a change is about: the directory's id, or the platform's where the directory has none, and the address.
type Person<'a> = (&'a str, &'a str);

struct Rows<'a, 'p> {
    plan: &'a Plan<'p>,
    wanted: &'a dyn Fn(&str, &str) -> bool,
    /// Those who go or are to go, by their holdings: they may be absent from the directory.
    leavers: HashMap<u32, Person<'a>>,
    found: Vec<ChangeRow>,
}

impl<'a, 'p> Rows<'a, 'p> {
    fn new(plan: &'a Plan<'p>, wanted: &'a dyn Fn(&str, &str) -> bool) -> Self {
        let gone = plan.gone.iter().map(|gone| &gone.leaver);
        let leavers = plan.deactivations.iter().chain(gone);
        let leavers = leavers.map(|leaver| (leaver.holding, (leaver.external_id.as_str(), leaver.email.as_str())));
        Self {
            plan,
            wanted,
            leavers: leavers.collect(),
            found: Vec::new(),
        }
    }

    fn people(&mut self) {
        self.creations(false);
        self.updates();
        self.creations(true);
        self.adoptions();
        self.additions();
        self.roles();
        self.removals();
        self.deactivations();
        self.deletions();
        self.marks();
    }

    /// Notes a change, if it is about somebody who is wanted.
    fn push(&mut self, action: Action, person: Person<'_>, object: &str, fields: Vec<FieldRow>, cause: &'static str) {
        if !self.is_wanted(person) {
            return;
        }
        let (user, email) = person;
        self.found.push(ChangeRow {
            action,
            user: user.to_owned(),
            email: email.to_owned(),
            object: object.to_owned(),
            fields,
            cause,
        });
    }

    fn is_wanted(&self, (user, email): Person<'_>) -> bool {
        (self.wanted)(user, email)
    }

    fn person(&self, user: u32) -> Person<'a> {
        let record = self.plan.desired.snapshot.user(user);
        (record.text(Attribute::Id), record.text(Attribute::Email))
    }

    fn holder(&self, holding: u32) -> Person<'a> {
        match self.plan.holdings.get(holding).user() {
            Some(user) => self.person(user),
            None => match self.leavers.get(&holding) {
                Some(leaver) => *leaver,
                None => (self.plan.holdings.id(holding), ""),
            },
        }
    }

    fn place(&self, place: Place) -> String {
        match place {
            Place::Held(at) => self.container(at),
            Place::New(at) => format!("team {}", self.plan.new_teams[at].name),
        }
    }

    fn container(&self, at: usize) -> String {
        let container = &self.plan.containers[at];
        match container.kind {
            ContainerKind::Team => format!("team {}", container.name),
            ContainerKind::Inbox => format!("inbox {}", container.name),
        }
    }

    fn role(&self, role: Option<u16>) -> String {
        role.map(|role| self.plan.roles[usize::from(role)].clone())
            .unwrap_or_default()
    }

    fn teams(&mut self) {
        for update in &self.plan.team_updates {
            let team = &self.plan.containers[update.container];
            let field = |name: &str, before: &str, after: &Option<String>| {
                Some(FieldRow {
                    name: name.to_owned(),
                    before: before.to_owned(),
                    after: after.clone()?,
                })
            };
            let fields = [
                field("name", &team.name, &update.name),
                field("externalId", &team.external_id, &update.external_id),
            ];
            let name = format!("team {}", team.name);
            let fields = fields.into_iter().flatten().collect();
            self.push(Action::UpdateTeam, ("", ""), &name, fields, "");
        }
        for team in &self.plan.new_teams {
            let name = format!("team {}", team.name);
            self.push(Action::CreateTeam, ("", ""), &name, Vec::new(), "");
        }
    }

    fn creations(&mut self, after_updates: bool) {
        for creation in &self.plan.creations {
            let person = self.person(creation.user);
            if creation.after_updates != after_updates || !self.is_wanted(person) {
                continue;
            }
            let Ok(fields) = self.plan.desired.fields(creation.user) else {
                continue;
            };
            let standard = [
                ("email", fields.email),
                ("givenName", fields.given_name),
                ("familyName", fields.family_name),
                ("displayName", fields.display_name),
                ("phone", fields.phone),
                ("role", self.role(creation.role)),
            ];
            let attributes = fields
                .attributes
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?.to_string())));
            let rows = standard
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .chain(attributes);
            let rows = rows.filter(|(_, after)| !after.is_empty());
            let rows = rows
                .map(|(name, after)| FieldRow {
                    name,
                    before: String::new(),
                    after,
                })
                .collect();
            self.push(Action::Create, person, "", rows, "");
        }
    }

    fn updates(&mut self) {
        for update in &self.plan.updates {
            let person = self.person(update.user);
            if !self.is_wanted(person) {
                continue;
            }
            let action = match (update.adopt, update.activate) {
                (true, _) => Action::Adopt,
                (_, true) => Action::Activate,
                _ => Action::Update,
            };
            let fields = update.changes.iter().map(|change| FieldRow {
                name: change.field.clone(),
                before: change.before.clone(),
                after: change.after.clone(),
            });
            self.push(action, person, "", fields.collect(), "");
        }
    }

    fn adoptions(&mut self) {
        for adoptions in &self.plan.adoptions {
            let place = self.place(adoptions.place);
            for user in &adoptions.users {
                let cause = "given by the connection that hands over";
                self.push(Action::Adopt, self.person(*user), &place, Vec::new(), cause);
            }
        }
    }

    fn additions(&mut self) {
        for additions in &self.plan.additions {
            let place = self.place(additions.place);
            for user in &additions.users {
                self.push(Action::Join, self.person(*user), &place, Vec::new(), "");
            }
        }
    }

    fn roles(&mut self) {
        for change in &self.plan.role_changes {
            let field = FieldRow {
                name: "role".to_owned(),
                before: self.role(change.from),
                after: self.role(Some(change.to)),
            };
            self.push(Action::Role, self.holder(change.holding), "", vec![field], "");
        }
    }

    fn removals(&mut self) {
        for removals in &self.plan.removals {
            let place = self.container(removals.container);
            for (holdings, cause) in [
                (&removals.leaving, ""),
                (&removals.with_deactivation, "with the deactivation"),
            ] {
                for holding in holdings {
                    self.push(Action::Leave, self.holder(*holding), &place, Vec::new(), cause);
                }
            }
        }
    }

    fn deactivations(&mut self) {
        for user in &self.plan.deactivations {
            let person = (user.external_id.as_str(), user.email.as_str());
            self.push(Action::Deactivate, person, "", Vec::new(), user.cause.text());
        }
    }

    fn deletions(&mut self) {
        for user in &self.plan.deletions {
            let person = (user.external_id.as_str(), user.email.as_str());
            self.push(Action::Delete, person, "", Vec::new(), user.cause.text());
        }
    }
    fn marks(&mut self) {
        for (holdings, cause) in [
            (
                &self.plan.activated_by_hand,
                "activated by somebody since it was deactivated",
            ),
            (&self.plan.releases, "no longer managed"),
        ] {
            for holding in holdings {
                self.push(Action::Update, self.holder(*holding), "", Vec::new(), cause);
            }
        }
    }
}
