//! The account of somebody who is to go: since when he is inactive, why, and when he is deleted.

use std::time::SystemTime;

use directory_sync_model::{
    email,
    plan::{KeptReason, Leaver, Plan},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What has become of an account, or is to.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountView {
    /// When this connection deactivated him, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deactivated_time: Option<String>,
    /// Why he is to go.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) cause: &'static str,
    /// From when on a sync deletes him, in RFC 3339; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deletion_time: Option<String>,
    /// All of it in words.
    pub(super) state: String,
}

/// Somebody who is to go, in whatever part of the plan he is.
#[derive(Clone, Copy)]
pub(super) struct Departure<'p> {
    pub(super) leaver: &'p Leaver,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    /// The next sync deactivates him.
    Deactivate,
    /// The next sync deletes him.
    Delete,
    /// The next sync does nothing to his account.
    Stay { kept: Option<KeptReason> },
}

impl<'p> Departure<'p> {
    fn all(plan: &'p Plan<'_>) -> impl Iterator<Item = Self> {
        let of = |step| move |leaver| Self { leaver, step };
        let deactivated = plan.deactivations.iter().map(of(Step::Deactivate));
        let deleted = plan.deletions.iter().map(of(Step::Delete));
        let gone = plan.gone.iter().map(|gone| Self {
            leaver: &gone.leaver,
            step: Step::Stay { kept: gone.kept },
        });
        deactivated.chain(deleted).chain(gone)
    }

    /// That of this user of the platform.
    pub(super) fn by_holding(plan: &'p Plan<'_>, holding: u32) -> Option<Self> {
        Self::all(plan).find(|found| found.leaver.holding == holding)
    }

    /// That of the user whose address on the platform is this one, in its normal form.
    pub(super) fn by_email(plan: &'p Plan<'_>, address: &str) -> Option<Self> {
        Self::all(plan).find(|found| email::normalize(&found.leaver.email).is_ok_and(|own| own == address))
    }

    /// What there is to say of his account.
    pub(super) fn account(&self, plan: &Plan<'_>) -> AccountView {
        let Leaver {
            holding, cause, since, ..
        } = *self.leaver;
        let cause = cause.text();
        let due = |since: SystemTime| plan.desired.rules.deprovision.due(since);
        let state = match (self.step, since) {
            (Step::Deactivate, _) => format!("is deactivated by the next sync: {cause}"),
            (Step::Stay { kept }, None) if plan.holdings.get(holding).active => {
                let why = kept.map_or("nothing asks for more", KeptReason::text);
                format!("stays active although {cause}, because {why}")
            }
            (_, None) => format!("deactivated, and not by this connection, which never deletes him: {cause}"),
            (step, Some(since)) => {
                let then = match (step, due(since)) {
                    (Step::Delete, _) => "is deleted by the next sync".to_owned(),
                    (_, None) => "is never deleted, because spec.deprovision doesn't ask for it".to_owned(),
                    (Step::Stay { kept: Some(kept) }, Some(due)) if due <= plan.desired.now => {
                        format!(
                            "due to be deleted since {}, and stays because {}",
                            told(due),
                            kept.text()
                        )
                    }
                    (_, Some(due)) => format!(
                        "is deleted by the first sync after {} that doesn't find him wanted",
                        told(due)
                    ),
                };
                format!("deactivated by this connection at {}: {cause}; {then}", told(since))
            }
        };
        AccountView {
            deactivated_time: since.map(told),
            cause,
            deletion_time: since.and_then(due).map(told),
            state,
        }
    }
}

/// RFC 3339, in whole seconds.
fn told(time: SystemTime) -> String {
    let second = Timestamp::try_from(time).map(Timestamp::as_second);
    second
        .and_then(Timestamp::from_second)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}
