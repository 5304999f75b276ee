//! Writes: creations, updates, deletions and memberships in batches, teams one by one.

use serde::Deserialize;

use super::{
    RestPlatform,
    batch::within,
    problem, request,
    wire::{
        DeletionResult, Field, IDEMPOTENCY_KEY, Mark, MembershipResult, ProblemKind, TeamCreate, TeamUpdate,
        UserResult, quoted_etag,
    },
};
use crate::{
    fault::{Class, Fault as _},
    http::encode_segment,
    platform::{Error, MembershipWrite, NewTeam, NewUser, TeamPatch, UserDeletion, UserPatch, WriteKey},
};

/// What is needed of the answer to a creation.
#[derive(Deserialize)]
struct Created {
    id: String,
}

impl RestPlatform {
    pub(super) async fn post_team(&self, new: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error> {
        let name = new.name.as_str();
        let operation = || format!("creating the team {name:?} at {}", self.place);
        let team = TeamCreate {
            name: name.to_owned(),
            description: None,
            external_id: new.external_id.clone(),
            mark: Some(Mark {
                owner: owner.to_owned(),
            }),
        };
        let request = self.client.post("v1/teams", &team).header(IDEMPOTENCY_KEY, &key.0);
        let answer = match request.send(self.config.answer_bytes).await {
            Ok(answer) => answer,
            Err(error) if problem::is(&error, ProblemKind::NameInUse) => {
                // Renamed since it was in the way: the conflict itself is what to tell.
                let found = self.find_team(name).await?;
                return found.ok_or_else(|| problem::of_request(operation(), error));
            }
            Err(error) => return Err(problem::of_request(operation(), error)),
        };
        let created: Created = answer
            .json("a team")
            .map_err(|error| problem::of_request(operation(), error))?;
        Ok(created.id)
    }

    pub(super) async fn patch_team(&self, patch: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        let operation = || format!("updating the team {} at {}", patch.id, self.place);
        let changes = TeamUpdate {
            name: patch.name.clone(),
            external_id: patch.external_id.clone().map_or(Field::Keep, Field::Set),
            ..TeamUpdate::default()
        };
        let path = format!("v1/teams/{}", encode_segment(&patch.id));
        let mut request = self.client.patch(&path, &changes).header(IDEMPOTENCY_KEY, &key.0);
        if let Some(version) = &patch.version {
            request = request.header("if-match", &quoted_etag(version));
        }
        let answer = request.send(self.config.answer_bytes).await;
        answer
            .map(|_| ())
            .map_err(|error| problem::of_request(operation(), error))
    }

    pub(super) async fn post_users(
        &self,
        users: &[NewUser],
        key: &WriteKey,
    ) -> Result<Vec<Result<String, Error>>, Error> {
        let (roles, limits) = (self.roles().await?, self.limits().await?);
        let items = users.iter().map(|user| {
            let item = request::creation(user, &roles)?;
            within(item, limits.request_bytes, || request::creating(user))
        });
        let (items, refused) = prepare(items);
        let results = self
            .send_batch(
                "v1/users:batchCreate",
                &format!("creating users at {}", self.place),
                &items,
                limits.user_batch as usize,
                key,
            )
            .await?;
        let outcomes = merge(refused, results);
        let told = outcomes.zip(users).map(|(outcome, user)| match outcome? {
            UserResult::Done { id, .. } => Ok(id),
            UserResult::Failed { error } => Err(problem::of_item(request::creating(user), &error)),
        });
        Ok(told.collect())
    }

    pub(super) async fn post_updates(
        &self,
        patches: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        let (roles, limits) = (self.roles().await?, self.limits().await?);
        let items = patches.iter().map(|patch| {
            let item = request::update(patch, &roles)?;
            within(item, limits.request_bytes, || request::updating(patch))
        });
        let (items, refused) = prepare(items);
        let results = self
            .send_batch(
                "v1/users:batchUpdate",
                &format!("updating users at {}", self.place),
                &items,
                limits.user_batch as usize,
                key,
            )
            .await?;
        let outcomes = merge(refused, results);
        let told = outcomes.zip(patches).map(|(outcome, patch)| match outcome? {
            UserResult::Done { etag, .. } => Ok(Some(etag).filter(|etag| !etag.is_empty())),
            UserResult::Failed { error } => Err(problem::of_item(request::updating(patch), &error)),
        });
        Ok(told.collect())
    }

    pub(super) async fn post_deletions(
        &self,
        users: &[UserDeletion],
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let items: Vec<_> = users.iter().map(request::deletion).collect();
        let limits = self.limits().await?;
        let results: Vec<DeletionResult> = self
            .send_batch(
                "v1/users:batchDelete",
                &format!("deleting users at {}", self.place),
                &items,
                limits.user_batch as usize,
                key,
            )
            .await?;
        let told = results.into_iter().zip(users).map(|(result, user)| match result {
            DeletionResult::Done { .. } => Ok(()),
            DeletionResult::Failed { error } => {
                let error = problem::of_item(request::deleting(user), &error);
                // Whoever is gone already is as he was to be.
                if error.class() == Class::NotFound {
                    Ok(())
                } else {
                    Err(error)
                }
            }
        });
        Ok(told.collect())
    }

    pub(super) async fn post_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        let limits = self.limits().await?;
        let items = changes.iter().map(|change| {
            let item = request::change(change, owner);
            within(item, limits.request_bytes, || request::changing(change))
        });
        let (items, refused) = prepare(items);
        let results: Vec<MembershipResult> = self
            .send_batch(
                "v1/memberships:batch",
                &format!("changing memberships at {}", self.place),
                &items,
                limits.membership_batch as usize,
                key,
            )
            .await?;
        let outcomes = merge(refused, results);
        let told = outcomes.zip(changes).map(|(outcome, change)| match outcome? {
            MembershipResult::Done { .. } => Ok(()),
            MembershipResult::Failed { error } => {
                let error = problem::of_item(request::changing(change), &error);
                // With the user or the team, the membership is gone, which is what was wanted.
                if !change.add && error.class() == Class::NotFound {
                    Ok(())
                } else {
                    Err(error)
                }
            }
        });
        Ok(told.collect())
    }
}

/// Separates the items that can be sent from the failures of those that can't, which keep their place.
fn prepare<T>(items: impl Iterator<Item = Result<T, Error>>) -> (Vec<T>, Vec<Option<Error>>) {
    let mut sent = Vec::new();
    let refused = items
        .map(|item| match item {
            Ok(item) => {
                sent.push(item);
                None
            }
            Err(error) => Some(error),
        })
        .collect();
    (sent, refused)
}

/// One outcome an item, in order: its own failure, or the next result. There are as many results as items were sent.
fn merge<R>(refused: Vec<Option<Error>>, results: Vec<R>) -> impl Iterator<Item = Result<R, Error>> {
    let mut results = results.into_iter();
    refused
        .into_iter()
        .map_while(move |failure| failure.map_or_else(|| results.next().map(Ok), |error| Some(Err(error))))
}
