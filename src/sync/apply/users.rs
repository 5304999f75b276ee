//! Creating, changing, deactivating and deleting users.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::SystemTime,
};

use directory_sync_model::{
    desired::{FailureKind, FailureReason},
    observed::Mark,
    plan::{Creation, Leaver, RoleChange, Update},
};

use super::{End, Work};
use crate::{
    fault::{Class, Fault as _},
    platform::{NewUser, UserDeletion, UserPatch},
};

impl Work<'_, '_> {
    /// Creates users; returns those who found no seat.
    pub(super) async fn create_users(&mut self, creations: &[Creation]) -> Result<Vec<Creation>, End> {
        let (plan, platform) = (self.plan, self.platform);
        let shape = self.shape();
        let mut without_seat = Vec::new();
        // Where one found no seat, the next ones find none either: what is in flight is answered, and no more is sent.
        let full = AtomicBool::new(false);
        let sent = AtomicUsize::new(0);
        let more = std::iter::from_fn(|| {
            if full.load(Ordering::Relaxed) {
                return None;
            }
            creations.get(sent.fetch_add(1, Ordering::Relaxed)).copied()
        });
        let request = |batch: Vec<Creation>, key| async move {
            let users: Vec<NewUser> = batch.iter().filter_map(|creation| new_user(plan, *creation)).collect();
            let answer = platform.create_users(&users, &key).await;
            (batch, answer)
        };
        self.send("create", more, shape, request, |work, creation, result| match result {
            Ok(id) => {
                work.created.insert(creation.user, id.into_boxed_str());
                work.done.users_created += 1;
            }
            Err(error) if error.class() == Class::NoSeats => {
                full.store(true, Ordering::Relaxed);
                without_seat.push(creation);
            }
            Err(error) => work.fail_person(FailureKind::User, creation.user, &error),
        })
        .await?;
        let unsent = creations.get(sent.into_inner()..).unwrap_or_default();
        without_seat.extend(unsent);
        Ok(without_seat)
    }

    /// Removals have freed seats, perhaps: tries once more, with the memberships that waited.
    pub(super) async fn create_again(&mut self, without_seat: &[Creation]) -> Result<(), End> {
        if without_seat.is_empty() {
            return Ok(());
        }
        let still_without = self.create_users(without_seat).await?;
        for creation in &still_without {
            let id = self.plan.desired.snapshot.user_id(creation.user).to_owned();
            let message = "no seat is left on the platform; free one, or buy more".to_owned();
            self.failures.push(directory_sync_model::desired::Failure {
                kind: FailureKind::User,
                id,
                reason: FailureReason::NoSeats,
                message,
            });
        }
        let late: HashSet<u32> = without_seat.iter().map(|creation| creation.user).collect();
        self.add_members(|user| late.contains(&user)).await
    }

    /// Adopts, activates and updates, turn by turn: an address is freed before it is given.
    pub(super) async fn update_users(&mut self) -> Result<(), End> {
        let plan = self.plan;
        for turn in plan.updates.chunk_by(|one, next| one.turn == next.turn) {
            self.send_updates(turn).await?;
        }
        self.forget_deactivations().await
    }

    /// Takes the time of a deactivation from the marks of those whom somebody has activated since. A role that changes later
    /// comes with a mark of its own.
    async fn forget_deactivations(&mut self) -> Result<(), End> {
        let patches: Vec<((), UserPatch)> = (self.plan.activated_by_hand.iter())
            .map(|holding| {
                let patch = UserPatch {
                    mark: Some(self.mark(*holding, None, None)),
                    ..self.patch_of(*holding)
                };
                ((), patch)
            })
            .collect();
        self.patch("forget", FailureKind::User, patches, |work, (), failed| {
            work.done.users_updated += u64::from(!failed);
        })
        .await
    }

    async fn send_updates(&mut self, updates: &[Update]) -> Result<(), End> {
        let patches: Vec<(&Update, UserPatch)> = updates
            .iter()
            .map(|update| (update, self.update_patch(update)))
            .collect();
        self.patch("update", FailureKind::User, patches, |work, update, failed| {
            if failed {
                work.failed.insert(update.user);
                return;
            }
            work.done.users_updated += 1;
            work.done.users_adopted += u64::from(update.adopt);
            work.done.users_activated += u64::from(update.activate);
        })
        .await
    }

    fn update_patch(&self, update: &Update) -> UserPatch {
        let external_id = update
            .adopt
            .then(|| self.plan.desired.snapshot.user_id(update.user).to_owned());
        UserPatch {
            external_id,
            fields: update.patch.clone(),
            active: update.activate.then_some(true),
            mark: (update.adopt || update.activate).then(|| self.mark(update.holding, None, None)),
            ..self.patch_of(update.holding)
        }
    }

    /// Changes roles of people of whom nothing failed so far.
    pub(super) async fn change_roles(&mut self) -> Result<(), End> {
        let changes = self
            .plan
            .role_changes
            .iter()
            .filter(|change| !self.is_one_of(&self.blocked, change.holding))
            .filter(|change| !self.is_one_of(&self.failed, change.holding));
        let patches: Vec<(&RoleChange, UserPatch)> = changes
            .map(|change| {
                let role = self.plan.roles[usize::from(change.to)].clone();
                let mark = Some(self.mark(change.holding, Some(role.clone()), None));
                (
                    change,
                    UserPatch {
                        role: Some(role),
                        mark,
                        ..self.patch_of(change.holding)
                    },
                )
            })
            .collect();
        self.patch("role", FailureKind::Role, patches, |work, _, failed| {
            work.done.roles_changed += u64::from(!failed);
        })
        .await
    }

    /// Deactivates the leavers.
    pub(super) async fn deactivate(&mut self) -> Result<(), End> {
        let leavers = self
            .plan
            .deactivations
            .iter()
            .filter(|leaver| !self.is_one_of(&self.blocked, leaver.holding));
        let patches: Vec<(&Leaver, UserPatch)> = leavers
            .map(|leaver| {
                let mark = Some(self.mark(leaver.holding, None, Some(self.plan.desired.now)));
                (
                    leaver,
                    UserPatch {
                        active: Some(false),
                        mark,
                        ..self.patch_of(leaver.holding)
                    },
                )
            })
            .collect();
        self.patch("deactivate", FailureKind::User, patches, |work, _, failed| {
            work.done.users_deactivated += u64::from(!failed);
        })
        .await
    }

    /// Takes our mark from users whom nobody is to manage any more, once all else is done: where something of them couldn't be
    /// taken, the next run has to know them.
    pub(super) async fn release(&mut self) -> Result<(), End> {
        if !self.failures.is_empty() {
            return Ok(());
        }
        let patches: Vec<((), UserPatch)> = (self.plan.releases.iter())
            .map(|holding| {
                let patch = UserPatch {
                    release: true,
                    ..self.patch_of(*holding)
                };
                ((), patch)
            })
            .collect();
        self.patch("release", FailureKind::User, patches, |work, (), failed| {
            work.done.users_updated += u64::from(!failed);
        })
        .await
    }

    /// Deletes those whom an earlier sync deactivated, as they were when they were observed: whoever was changed since, for one
    /// activated by hand, stays and is that person's failure.
    pub(super) async fn delete(&mut self) -> Result<(), End> {
        let (plan, platform) = (self.plan, self.platform);
        let leavers = plan.deletions.iter().enumerate().map(|(at, leaver)| {
            let deletion = UserDeletion {
                id: plan.holdings.id(leaver.holding).to_owned(),
                version: self.version(leaver.holding),
            };
            (at, deletion)
        });
        let leavers: Vec<(usize, UserDeletion)> = leavers.collect();
        let request = |batch: Vec<(usize, UserDeletion)>, key| async move {
            let (leavers, users): (Vec<usize>, Vec<UserDeletion>) = batch.into_iter().unzip();
            let answer = platform.delete_users(&users, &key).await;
            (leavers.into_iter().zip(users).collect(), answer)
        };
        let shape = self.shape();
        self.send(
            "delete",
            leavers.into_iter(),
            shape,
            request,
            |work, (at, _), result| match result {
                Ok(()) => work.done.users_deleted += 1,
                Err(error) => work.fail(FailureKind::User, plan.deletions[at].external_id.clone(), &error),
            },
        )
        .await
    }

    /// Sends patches; failures are noted here, `done` counts.
    async fn patch<O: Copy>(
        &mut self,
        step: &str,
        kind: FailureKind,
        patches: Vec<(O, UserPatch)>,
        done: impl Fn(&mut Self, O, bool),
    ) -> Result<(), End> {
        let platform = self.platform;
        let request = |batch: Vec<(O, UserPatch)>, key| async move {
            let (origins, patches): (Vec<O>, Vec<UserPatch>) = batch.into_iter().unzip();
            let answer = platform.update_users(&patches, &key).await;
            (origins.into_iter().zip(patches).collect(), answer)
        };
        let shape = self.shape();
        let patches = patches.into_iter();
        self.send(step, patches, shape, request, |work, (origin, patch), result| {
            let failed = result.is_err();
            match result {
                Ok(version) => {
                    if let Some(holding) = work.plan.holdings.find(&patch.id) {
                        work.written.insert(holding, version.map(String::into_boxed_str));
                    }
                }
                Err(error) => work.fail_holding(kind, &patch.id, &error),
            }
            done(work, origin, failed);
        })
        .await
    }

    fn shape(&self) -> (usize, usize) {
        let capability = self.platform.capability();
        (capability.users_per_request, capability.concurrency)
    }

    fn patch_of(&self, holding: u32) -> UserPatch {
        UserPatch {
            id: self.plan.holdings.id(holding).to_owned(),
            version: self.version(holding),
            ..UserPatch::default()
        }
    }

    /// The whole mark that a user is to carry: the role that we gave stays in it unless another one is given.
    fn mark(&self, holding: u32, role: Option<String>, deactivated: Option<SystemTime>) -> Mark {
        let given = self.plan.holdings.get(holding).given_role();
        let role = role.or_else(|| given.map(|role| self.plan.roles[usize::from(role)].clone()));
        Mark {
            owner: self.plan.desired.rules.owner.clone(),
            role,
            deactivated,
        }
    }

    /// Whether the person whose user this is, is one of `people`.
    fn is_one_of(&self, people: &HashSet<u32>, holding: u32) -> bool {
        let user = self.plan.holdings.get(holding).user();
        user.is_some_and(|user| people.contains(&user))
    }

    fn fail_holding(&mut self, kind: FailureKind, platform_id: &str, error: &crate::platform::Error) {
        let holding = self.plan.holdings.find(platform_id);
        match holding.and_then(|holding| self.plan.holdings.get(holding).user()) {
            Some(user) => self.fail_person(kind, user, error),
            None => self.fail(kind, platform_id.to_owned(), error),
        }
    }
}

fn new_user(plan: &directory_sync_model::plan::Plan<'_>, creation: Creation) -> Option<NewUser> {
    let desired = plan.desired;
    let role = creation.role.map(|role| plan.roles[usize::from(role)].clone());
    // The content was told when the person was judged, and telling is deterministic.
    let fields = desired.fields(creation.user).ok()?;
    let mark = Mark {
        owner: desired.rules.owner.clone(),
        role: role.clone(),
        deactivated: None,
    };
    Some(NewUser {
        external_id: desired.snapshot.user_id(creation.user).to_owned(),
        fields,
        role,
        mark,
    })
}
