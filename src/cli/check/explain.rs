//! One person: found where, in scope or why not, which mappings, what would change.

use std::{
    io::{self, Write},
    sync::Mutex,
};

use directory_sync_model::{
    attribute::Attribute,
    desired::{Desired, Standing},
    email,
    plan::Plan,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::account::{AccountView, Departure};
use crate::{
    api::condition::Reason,
    cli::{
        render::{self, Shown},
        view::plan::{ChangeRow, PlanView},
    },
    sync::{Report, Watch, report::Hold},
};

/// One person, explained.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct PersonView {
    /// The address that was asked for, as it is compared.
    email: String,
    /// Whether the directory has somebody with this address.
    pub(super) found: bool,
    /// The directory's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    /// What becomes of him, and why.
    standing: String,
    /// His groups, nested ones included.
    groups: Vec<String>,
    /// The mappings that have him.
    mappings: Vec<String>,
    /// The platform's id, where he has a user there that is managed or would be.
    #[serde(skip_serializing_if = "String::is_empty")]
    platform_id: String,
    /// What has become of his account, or is to, where he is to go or is inactive.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountView>,
    /// What is wrong with him.
    failures: Vec<String>,
    /// What a sync would change.
    changes: Vec<ChangeRow>,
}

/// Waits for the plan and looks one person up in it.
pub(super) struct Explainer {
    email: Option<String>,
    person: Mutex<Option<PersonView>>,
}

impl Explainer {
    pub(super) fn new(email: Option<String>) -> Self {
        Self {
            email,
            person: Mutex::default(),
        }
    }

    pub(super) fn finish(self, report: &Report) -> Option<PersonView> {
        let mut person = self
            .person
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)?;
        let his = report.failures.iter().filter(|failure| failure.id == person.id);
        person.failures = his
            .map(|failure| {
                let action = Reason::from(failure.reason).row().action;
                format!("{} ({}). {action}", failure.message, failure.reason.label())
            })
            .collect();
        Some(person)
    }
}

impl Watch for Explainer {
    fn planned(&self, plan: &Plan<'_>, _hold: Option<&Hold>) {
        if let Some(email) = &self.email {
            let person = explain(email, plan);
            *self.person.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(person);
        }
    }
}

fn explain(address: &str, plan: &Plan<'_>) -> PersonView {
    let desired = plan.desired;
    let snapshot = desired.snapshot;
    let wanted = email::normalize(address).map_or_else(|_| address.to_owned(), std::borrow::Cow::into_owned);
    let has_it =
        |user: &u32| email::normalize(snapshot.user(*user).text(Attribute::Email)).is_ok_and(|found| found == wanted);
    let mut view = PersonView {
        email: wanted.clone(),
        ..PersonView::default()
    };
    let Some(user) = (0..snapshot.user_count()).find(has_it) else {
        "the directory has nobody with this address".clone_into(&mut view.standing);
        view.changes = PlanView::changes_of(plan, &|_, email| email.eq_ignore_ascii_case(&wanted));
        if let Some(departure) = Departure::by_email(plan, &wanted) {
            departure.leaver.external_id.clone_into(&mut view.id);
            plan.holdings
                .id(departure.leaver.holding)
                .clone_into(&mut view.platform_id);
            view.account = Some(departure.account(plan));
        }
        return view;
    };
    view.found = true;
    snapshot.user_id(user).clone_into(&mut view.id);
    view.mappings = mappings(desired, user);
    view.standing = standing(desired, user);
    let groups = snapshot
        .groups()
        .filter(|(group, _)| snapshot.members(*group).binary_search(&user).is_ok());
    view.groups = groups.map(|(_, group)| group.name.to_owned()).collect();
    view.platform_id = plan
        .holding_of(user)
        .map(|holding| plan.holdings.id(holding).to_owned())
        .unwrap_or_default();
    view.account = plan.holding_of(user).and_then(|holding| account(plan, holding));
    view.changes = PlanView::changes_of(plan, &|id, _| id == view.id);
    view
}

/// What there is to say of the account of somebody whom the directory has.
fn account(plan: &Plan<'_>, holding: u32) -> Option<AccountView> {
    if let Some(departure) = Departure::by_holding(plan, holding) {
        return Some(departure.account(plan));
    }
    let held = plan.holdings.get(holding);
    let state = match (held.active, held.deactivated_by_us) {
        (true, _) => return None,
        (false, true) => {
            "deactivated by this connection when he was gone; a sync that finds nothing wrong activates him"
        }
        (false, false) => {
            "deactivated on the platform, not by this connection: stays so until somebody activates him there"
        }
    };
    Some(AccountView {
        state: state.to_owned(),
        ..AccountView::default()
    })
}

fn mappings(desired: &Desired<'_>, user: u32) -> Vec<String> {
    let pairs = desired.rules.mappings.iter().zip(&desired.outcomes);
    let his = pairs.filter(|(_, outcome)| {
        let in_group = outcome
            .groups
            .iter()
            .any(|group| desired.snapshot.members(*group).binary_search(&user).is_ok());
        let in_made = outcome
            .made
            .is_some_and(|made| desired.made_groups[made].binary_search(&user).is_ok());
        in_group || in_made
    });
    his.map(|(mapping, _)| mapping.name.clone()).collect()
}

fn standing(desired: &Desired<'_>, user: u32) -> String {
    match desired.people[user as usize].standing {
        Standing::Wanted => "in scope: is to exist and be active",
        Standing::Disabled => "disabled in the directory: is to be inactive",
        Standing::Frozen => "left exactly as he is: see what is wrong with him, or with his mappings",
        Standing::Unmapped => "out of scope: in no mapped group",
        Standing::OutOfScope => "out of scope: spec.scope.filterExpression is false for him",
    }
    .to_owned()
}

impl PersonView {
    pub(super) fn table(&self, paint: render::Paint, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        let id = if self.id.is_empty() {
            String::new()
        } else {
            format!(" ({})", Shown(&self.id))
        };
        writeln!(out, "{}{id}", Shown(&self.email))?;
        writeln!(out, "  {}", self.standing)?;
        let list = |items: &[String]| {
            if items.is_empty() {
                "none".to_owned()
            } else {
                items.join(", ")
            }
        };
        if self.found {
            writeln!(out, "  groups: {}", Shown(&list(&self.groups)))?;
            writeln!(out, "  mappings: {}", Shown(&list(&self.mappings)))?;
            let platform = if self.platform_id.is_empty() {
                "none"
            } else {
                &self.platform_id
            };
            writeln!(out, "  platform user: {}", Shown(platform))?;
        }
        if let Some(account) = &self.account {
            writeln!(out, "  account: {}", account.state)?;
        }
        for failure in &self.failures {
            writeln!(out, "  {} {}", paint.red("✗"), Shown(failure))?;
        }
        if self.changes.is_empty() {
            return writeln!(out, "  a sync would change nothing of his");
        }
        writeln!(out, "  a sync would:")?;
        self.changes.iter().try_for_each(|row| render::change(row, paint, out))
    }
}
