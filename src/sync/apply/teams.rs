//! Renaming and creating teams.

use directory_sync_model::{
    desired::{Failure, FailureKind, FailureReason},
    names,
};

use super::{End, Work};
use crate::platform::{NewTeam, TeamPatch};

impl Work<'_, '_> {
    /// Renames teams, one after the other: a name is freed before it is given.
    pub(super) async fn update_teams(&mut self) -> Result<(), End> {
        let (plan, platform) = (self.plan, self.platform);
        let request = |batch: Vec<usize>, key| async move {
            let mut results = Vec::with_capacity(batch.len());
            for at in &batch {
                let update = &plan.team_updates[*at];
                let team = &plan.containers[update.container];
                let patch = TeamPatch {
                    id: team.id.clone(),
                    version: Some(team.version.clone()).filter(|version| !version.is_empty()),
                    name: update.name.clone(),
                    external_id: update.external_id.clone(),
                };
                match platform.update_team(&patch, &key).await {
                    Ok(()) => results.push(Ok(())),
                    Err(error) => return (batch, Err(error)),
                }
            }
            (batch, Ok(results))
        };
        let updates = 0..plan.team_updates.len();
        self.send("rename", updates, (1, 1), request, |work, at, result| match result {
            Ok(()) => {
                work.done.teams_updated += 1;
                work.done.teams_renamed += u64::from(plan.team_updates[at].name.is_some());
            }
            Err(error) => {
                let team = &plan.containers[plan.team_updates[at].container];
                work.names_kept.insert(names::normalize(&team.name));
                work.fail(FailureKind::Team, team.name.clone(), &error);
            }
        })
        .await
    }

    /// Creates teams, but none of a name that another one was to give up and has still.
    pub(super) async fn create_teams(&mut self) -> Result<(), End> {
        let (plan, platform) = (self.plan, self.platform);
        let owner = plan.desired.rules.owner.as_str();
        let request = |batch: Vec<usize>, key| async move {
            let mut results = Vec::with_capacity(batch.len());
            for at in &batch {
                let new = &plan.new_teams[*at];
                let team = NewTeam {
                    name: new.name.clone(),
                    external_id: new.external_id.clone(),
                };
                match platform.create_team(&team, owner, &key).await {
                    Ok(id) => results.push(Ok(id)),
                    Err(error) => return (batch, Err(error)),
                }
            }
            (batch, Ok(results))
        };
        // The API has no batches of teams.
        let shape = (1, platform.capability().concurrency);
        let (free, taken): (Vec<usize>, Vec<usize>) = (0..plan.new_teams.len())
            .partition(|at| !self.names_kept.contains(&names::normalize(&plan.new_teams[*at].name)));
        for at in taken {
            self.failures.push(Failure {
                kind: FailureKind::Team,
                id: plan.new_teams[at].name.clone(),
                reason: FailureReason::Changed,
                message: "the team that has this name was to be renamed first, and wasn't; that failure comes first"
                    .to_owned(),
            });
        }
        self.send(
            "team",
            free.into_iter(),
            shape,
            request,
            |work, at, result| match result {
                Ok(id) => {
                    work.team_ids[at] = Some(id);
                    work.done.teams_created += 1;
                }
                Err(error) => work.fail(FailureKind::Team, plan.new_teams[at].name.clone(), &error),
            },
        )
        .await
    }
}
