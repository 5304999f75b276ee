//! The account of somebody who is to go: since when he is inactive, why, and when he is deleted.

use std::time::SystemTime;

use directory_sync_model::{
    email,
    plan::{Cause, KeptReason, Plan},
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
pub(super) struct Leaver<'p> {
    pub(super) holding: u32,
    pub(super) external_id: &'p str,
    email: &'p str,
    cause: Cause,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    /// The next sync deactivates him.
    Deactivate,
    /// The next sync deletes him.
    Delete(SystemTime),
    /// The next sync does nothing to his account.
    Stay {
        since: Option<SystemTime>,
        kept: Option<KeptReason>,
    },
}

impl<'p> Leaver<'p> {
    fn all(plan: &'p Plan<'_>) -> impl Iterator<Item = Self> {
        let deactivated = plan.deactivations.iter().map(|leaver| Self {
            holding: leaver.holding,
            external_id: &leaver.external_id,
            email: &leaver.email,
            cause: leaver.cause,
            step: Step::Deactivate,
        });
        let deleted = plan.deletions.iter().map(|leaver| Self {
            holding: leaver.holding,
            external_id: &leaver.external_id,
            email: &leaver.email,
            cause: leaver.cause,
            step: Step::Delete(leaver.since),
        });
        let gone = plan.gone.iter().map(|leaver| Self {
            holding: leaver.holding,
            external_id: &leaver.external_id,
            email: &leaver.email,
            cause: leaver.cause,
            step: Step::Stay {
                since: leaver.since,
                kept: leaver.kept,
            },
        });
        deactivated.chain(deleted).chain(gone)
    }

    /// The leaver with this user of the platform.
    pub(super) fn by_holding(plan: &'p Plan<'_>, holding: u32) -> Option<Self> {
        Self::all(plan).find(|leaver| leaver.holding == holding)
    }

    /// The leaver whose address on the platform is this one, in its normal form.
    pub(super) fn by_email(plan: &'p Plan<'_>, address: &str) -> Option<Self> {
        Self::all(plan).find(|leaver| email::normalize(leaver.email).is_ok_and(|own| own == address))
    }

    /// What there is to say of his account.
    pub(super) fn account(&self, plan: &Plan<'_>) -> AccountView {
        let cause = self.cause.text();
        let due = |since: SystemTime| plan.desired.rules.deprovision.due(since);
        let (since, state) = match self.step {
            Step::Deactivate => (None, format!("is deactivated by the next sync: {cause}")),
            Step::Delete(since) => (
                Some(since),
                format!(
                    "deactivated by this connection at {}: {cause}; is deleted by the next sync",
                    told(since)
                ),
            ),
            Step::Stay { since: None, kept } if plan.holdings.get(self.holding).active => {
                let why = kept.map_or("nothing asks for more", KeptReason::text);
                (None, format!("stays active although {cause}, because {why}"))
            }
            Step::Stay { since: None, .. } => {
                let state = format!("deactivated, and not by this connection, which never deletes him: {cause}");
                (None, state)
            }
            Step::Stay {
                since: Some(since),
                kept,
            } => {
                let then = match (due(since), kept) {
                    (None, _) => "is never deleted, because spec.deprovision doesn't ask for it".to_owned(),
                    (Some(due), Some(kept)) if due <= plan.desired.now => {
                        format!(
                            "due to be deleted since {}, and stays because {}",
                            told(due),
                            kept.text()
                        )
                    }
                    (Some(due), _) => format!(
                        "is deleted by the first sync after {} that doesn't find him wanted",
                        told(due)
                    ),
                };
                let state = format!("deactivated by this connection at {}: {cause}; {then}", told(since));
                (Some(since), state)
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
