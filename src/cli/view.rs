//! A plan and a report as people and programs read them.

use std::collections::HashMap;

use directory_sync_model::{
    attribute::Attribute,
    desired::{Failure, FailureKind},
    observed::ContainerKind,
    plan::{Counts, Place, Plan, RemovalCounts},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    api::condition::Reason,
    sync::{Outcome, Report, report::Hold},
};

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
    pub removals: RemovalsView,
}

/// How much a plan removes.
#[derive(Clone, Copy, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalsView {
    /// Users deactivated.
    pub users: u64,
    /// Users deleted.
    pub deletions: u64,
    /// Roles changed.
    pub roles: u64,
    /// Team memberships.
    pub team_memberships: u64,
    /// Inbox memberships.
    pub inbox_memberships: u64,
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

/// A report of a run.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportView {
    /// Which connection.
    pub connection: String,
    /// The run's id.
    pub id: String,
    /// How it ended: `Unchanged`, `Synced`, `PartlyFailed`, `Held`, `Observed`, `Stopped` or `Failed`.
    pub outcome: &'static str,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the directory may not have been read completely; the exit code is then 1, and removals wait.
    pub doubts: Vec<String>,
    /// The plan; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanView>,
    /// What was done.
    pub done: CountsView,
    /// What was left undone on purpose.
    pub kept: Vec<KeptRow>,
    /// What to know of the specification, which stops nothing: lists that name nobody.
    pub notices: Vec<String>,
    /// What failed on its own.
    pub failures: Vec<FailureRow>,
    /// What is wrong with mappings.
    pub mappings: Vec<MappingRow>,
}

/// How many objects were touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CountsView {
    /// Users created.
    users_created: u64,
    /// Users whose fields were changed.
    users_updated: u64,
    /// Existing users who became managed.
    users_adopted: u64,
    /// Users activated again.
    users_activated: u64,
    /// Users deactivated.
    users_deactivated: u64,
    /// Users deleted.
    users_deleted: u64,
    /// Teams created.
    teams_created: u64,
    /// Teams updated; renamed ones are among them.
    teams_updated: u64,
    /// Teams renamed.
    teams_renamed: u64,
    /// Team memberships given.
    team_memberships_added: u64,
    /// Team memberships taken.
    team_memberships_removed: u64,
    /// Inbox memberships given.
    inbox_memberships_added: u64,
    /// Inbox memberships taken.
    inbox_memberships_removed: u64,
    /// Team memberships taken over from another connection.
    team_memberships_adopted: u64,
    /// Inbox memberships taken over from another connection.
    inbox_memberships_adopted: u64,
    /// Roles of existing users changed.
    roles_changed: u64,
}

/// What was left undone on purpose.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptRow {
    /// Of what.
    pub kind: &'static str,
    /// Why: `Incomplete`, `Frozen`, `Protected`, `OwnAccount`, `LastAdministrator`, `RolesUnknown` or `KeepAction`.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// What failed on its own.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureRow {
    /// What kind of object.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// A word for the reason, see `docs/reference/conditions.md`.
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about failures of this reason.
    pub action: &'static str,
}

/// A mapping that doesn't do all that it says.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MappingRow {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub problems: Vec<String>,
}

impl ReportView {
    /// The view of a report; `plan` is what [`PlanView::of`] made while the run had its plan.
    pub fn of(connection: String, report: &Report, plan: Option<PlanView>) -> Self {
        let mappings = report
            .mappings
            .iter()
            .filter(|mapping| !mapping.outcome.problems.is_empty())
            .map(|mapping| MappingRow {
                name: mapping.name.clone(),
                problems: mapping.outcome.problems.iter().map(ToString::to_string).collect(),
            });
        let kept = report.kept.iter().map(|kept| KeptRow {
            kind: kept.kind.label(),
            reason: kept.reason.label(),
            count: kept.count,
        });
        Self {
            connection,
            id: report.id.clone(),
            outcome: outcome(report.outcome),
            error: report.error.as_ref().map(|error| crate::fault::chain(error)),
            doubts: report.doubts.iter().map(ToString::to_string).collect(),
            plan,
            done: report.done.into(),
            kept: kept.collect(),
            notices: report.notices.iter().map(ToString::to_string).collect(),
            failures: report.failures.iter().map(FailureRow::of).collect(),
            mappings: mappings.collect(),
        }
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged => "Unchanged",
        Outcome::Synced => "Synced",
        Outcome::PartlyFailed => "PartlyFailed",
        Outcome::Held => "Held",
        Outcome::Observed => "Observed",
        Outcome::Stopped => "Stopped",
        Outcome::Failed => "Failed",
    }
}

impl FailureRow {
    /// The row of a failure.
    pub fn of(failure: &Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::User => "user",
            FailureKind::Group => "group",
            FailureKind::Team => "team",
            FailureKind::Inbox => "inbox",
            FailureKind::Membership => "membership",
            FailureKind::Role => "role",
        };
        Self {
            kind,
            id: failure.id.clone(),
            reason: failure.reason.label(),
            message: failure.message.clone(),
            action: Reason::from(failure.reason).row().action,
        }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        // Destructured without `..`, so that a new count can't be forgotten here.
        let Counts {
            users_created,
            users_updated,
            users_adopted,
            users_activated,
            users_deactivated,
            users_deleted,
            teams_created,
            teams_updated,
            teams_renamed,
            team_memberships_added,
            team_memberships_removed,
            inbox_memberships_added,
            inbox_memberships_removed,
            team_memberships_adopted,
            inbox_memberships_adopted,
            roles_changed,
        } = counts;
        Self {
            users_created,
            users_updated,
            users_adopted,
            users_activated,
            users_deactivated,
            users_deleted,
            teams_created,
            teams_updated,
            teams_renamed,
            team_memberships_added,
            team_memberships_removed,
            inbox_memberships_added,
            inbox_memberships_removed,
            team_memberships_adopted,
            inbox_memberships_adopted,
            roles_changed,
        }
    }
}

impl From<RemovalCounts> for RemovalsView {
    fn from(counts: RemovalCounts) -> Self {
        let RemovalCounts {
            users,
            deletions,
            roles,
            team_memberships,
            inbox_memberships,
        } = counts;
        Self {
            users,
            deletions,
            roles,
            team_memberships,
            inbox_memberships,
        }
    }
}

impl PlanView {
    /// Every change of a plan, in the order in which it would be written.
    pub fn of(plan: &Plan<'_>, hold: Option<&Hold>) -> Self {
        let mut rows = Rows::new(plan, &|_, _| true);
        rows.teams();
        rows.people();
        Self {
            hash: plan.hash().to_string(),
            held: hold
                .map(|hold| {
                    let losses = hold.losses.iter().map(ToString::to_string);
                    hold.exceeded.iter().map(ToString::to_string).chain(losses).collect()
                })
                .unwrap_or_default(),
            changes: rows.found,
            removals: plan.removal_counts().into(),
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
        let deactivated = plan.deactivations.iter();
        let deactivated =
            deactivated.map(|leaver| (leaver.holding, (leaver.external_id.as_str(), leaver.email.as_str())));
        let gone = plan.gone.iter();
        let gone = gone.map(|leaver| (leaver.holding, (leaver.external_id.as_str(), leaver.email.as_str())));
        Self {
            plan,
            wanted,
            leavers: deactivated.chain(gone).collect(),
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
    }

    fn push(
        &mut self,
        action: Action,
        (user, email): Person<'_>,
        object: &str,
        fields: Vec<FieldRow>,
        cause: &'static str,
    ) {
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
                let person = self.person(*user);
                if self.is_wanted(person) {
                    self.push(
                        Action::Adopt,
                        person,
                        &place,
                        Vec::new(),
                        "given by the connection that hands over",
                    );
                }
            }
        }
    }

    fn additions(&mut self) {
        for additions in &self.plan.additions {
            let place = self.place(additions.place);
            for user in &additions.users {
                let person = self.person(*user);
                if self.is_wanted(person) {
                    self.push(Action::Join, person, &place, Vec::new(), "");
                }
            }
        }
    }

    fn roles(&mut self) {
        for change in &self.plan.role_changes {
            let person = self.holder(change.holding);
            if self.is_wanted(person) {
                let field = FieldRow {
                    name: "role".to_owned(),
                    before: self.role(change.from),
                    after: self.role(Some(change.to)),
                };
                self.push(Action::Role, person, "", vec![field], "");
            }
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
                    let person = self.holder(*holding);
                    if self.is_wanted(person) {
                        self.push(Action::Leave, person, &place, Vec::new(), cause);
                    }
                }
            }
        }
    }

    fn deactivations(&mut self) {
        for leaver in &self.plan.deactivations {
            let person = (leaver.external_id.as_str(), leaver.email.as_str());
            if self.is_wanted(person) {
                self.push(Action::Deactivate, person, "", Vec::new(), leaver.cause.text());
            }
        }
    }

    fn deletions(&mut self) {
        for leaver in &self.plan.deletions {
            let person = (leaver.external_id.as_str(), leaver.email.as_str());
            if self.is_wanted(person) {
                self.push(Action::Delete, person, "", Vec::new(), leaver.cause.text());
            }
        }
    }
}
