//! A report as people and programs read it.

pub mod plan;

use directory_sync_model::{
    desired::{Failure, FailureKind},
    plan::Counts,
};
use schemars::JsonSchema;
use serde::Serialize;

use self::plan::PlanView;
use crate::{api::condition::Reason, sync::Report};

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
    pub done: Counts,
    /// What was left undone on purpose.
    pub kept: Vec<KeptRow>,
    /// What to know of the specification, which stops nothing: lists that name nobody.
    pub notices: Vec<String>,
    /// What failed on its own.
    pub failures: Vec<FailureRow>,
    /// What is wrong with mappings.
    pub mappings: Vec<MappingRow>,
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
            outcome: report.outcome.label(),
            error: report.error.as_ref().map(|error| crate::fault::chain(error)),
            doubts: report.doubts.iter().map(ToString::to_string).collect(),
            plan,
            done: report.done,
            kept: kept.collect(),
            notices: report.notices.iter().map(ToString::to_string).collect(),
            failures: report.failures.iter().map(FailureRow::of).collect(),
            mappings: mappings.collect(),
        }
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
