//! Adding and removing memberships.

use std::collections::HashMap;

use directory_sync_model::{
    desired::FailureKind,
    observed::ContainerKind,
    plan::{Counts, Place, Plan, Removals},
};

use super::{End, Work};
use crate::platform::MembershipWrite;

/// A write, and whose it is.
type Write = (Option<u32>, MembershipWrite);

impl Work<'_, '_> {
    /// Adds people to teams and inboxes: those of the plan whom `which` names and who have a platform user by now.
    pub(super) async fn add_members(&mut self, which: impl Fn(u32) -> bool) -> Result<(), End> {
        let plan = self.plan;
        let mut places = Vec::with_capacity(plan.additions.len());
        for additions in &plan.additions {
            match self.place_id(additions.place).map(|(kind, id)| (kind, id.to_owned())) {
                Some(place) => places.push((place, additions)),
                // The team couldn't be created; that is reported. Its people lose nothing meanwhile.
                None => self.blocked.extend(&additions.users),
            }
        }
        // Lent to the writes, which are made while batches go out: ten million of them at once would not fit.
        let created = std::mem::take(&mut self.created);
        let writes = places.iter().flat_map(|((kind, container), additions)| {
            let users = additions.users.iter().copied();
            users.filter(|user| which(*user)).filter_map(|user| {
                let id = platform_id(plan, &created, user)?;
                let write = MembershipWrite {
                    kind: *kind,
                    container: container.clone(),
                    user: id.to_owned(),
                    add: true,
                    adopt_from: Vec::new(),
                };
                Some((Some(user), write))
            })
        });
        let sent = self.write_members("add", writes).await;
        self.created = created;
        sent
    }

    /// Puts our mark on memberships that another connection hands over.
    pub(super) async fn adopt_members(&mut self) -> Result<(), End> {
        let plan = self.plan;
        let from: Vec<String> = plan.desired.rules.from_owners.iter().cloned().collect();
        let places = plan.adoptions.iter().filter_map(|adoptions| match adoptions.place {
            Place::Held(at) => Some((&plan.containers[at], &adoptions.users)),
            Place::New(_) => None,
        });
        // Whoever couldn't be adopted himself keeps what he has as it is.
        let failed = std::mem::take(&mut self.failed);
        let writes = places.flat_map(|(container, users)| {
            let (failed, from) = (&failed, &from);
            users.iter().copied().filter_map(move |user: u32| {
                if failed.contains(&user) {
                    return None;
                }
                let write = MembershipWrite {
                    kind: container.kind,
                    container: container.id.clone(),
                    user: plan.holdings.id(plan.holding_of(user)?).to_owned(),
                    add: true,
                    adopt_from: from.clone(),
                };
                Some((Some(user), write))
            })
        });
        let sent = self.write_members("adopt", writes).await;
        self.failed = failed;
        sent
    }

    /// Takes memberships away, but from nobody of whom an add failed.
    pub(super) async fn remove_members(&mut self) -> Result<(), End> {
        let plan = self.plan;
        let blocked = std::mem::take(&mut self.blocked);
        let writes = plan.removals.iter().flat_map(|removals| {
            let Removals {
                container,
                leaving,
                with_deactivation,
            } = removals;
            let container = &plan.containers[*container];
            let leaving = leaving.iter().copied();
            leaving.chain(with_deactivation.iter().copied()).filter_map(|holding| {
                let user = plan.holdings.get(holding).user();
                if user.is_some_and(|user| blocked.contains(&user)) {
                    return None;
                }
                let id = plan.holdings.id(holding).to_owned();
                let write = MembershipWrite {
                    kind: container.kind,
                    container: container.id.clone(),
                    user: id,
                    add: false,
                    adopt_from: Vec::new(),
                };
                Some((user, write))
            })
        });
        let sent = self.write_members("remove", writes).await;
        self.blocked = blocked;
        sent
    }

    async fn write_members(&mut self, step: &str, writes: impl Iterator<Item = Write>) -> Result<(), End> {
        let platform = self.platform;
        let owner = self.plan.desired.rules.owner.as_str();
        let capability = platform.capability();
        let request = |batch: Vec<Write>, key| async move {
            let (users, writes): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let answer = platform.change_memberships(&writes, owner, &key).await;
            (users.into_iter().zip(writes).collect(), answer)
        };
        let shape = (capability.memberships_per_request, capability.concurrency);
        self.send(
            step,
            writes,
            shape,
            request,
            |work, (user, write), result| match result {
                Ok(()) => *counter(&mut work.done, &write) += 1,
                Err(error) => {
                    work.blocked.extend(user.filter(|_| write.add));
                    let id = user.map_or(write.user, |user| work.plan.desired.snapshot.user_id(user).to_owned());
                    let kind = match write.kind {
                        ContainerKind::Team => FailureKind::Membership,
                        ContainerKind::Inbox => FailureKind::Inbox,
                    };
                    work.fail(kind, id, &error);
                }
            },
        )
        .await
    }
}

/// The platform's id of a person, once he has one.
fn platform_id<'a>(plan: &'a Plan<'_>, created: &'a HashMap<u32, Box<str>>, user: u32) -> Option<&'a str> {
    created
        .get(&user)
        .map(AsRef::as_ref)
        .or_else(|| plan.holding_of(user).map(|holding| plan.holdings.id(holding)))
}

fn counter<'c>(counts: &'c mut Counts, write: &MembershipWrite) -> &'c mut u64 {
    match (write.kind, write.add) {
        (ContainerKind::Team, true) if !write.adopt_from.is_empty() => &mut counts.team_memberships_adopted,
        (ContainerKind::Inbox, true) if !write.adopt_from.is_empty() => &mut counts.inbox_memberships_adopted,
        (ContainerKind::Team, true) => &mut counts.team_memberships_added,
        (ContainerKind::Team, false) => &mut counts.team_memberships_removed,
        (ContainerKind::Inbox, true) => &mut counts.inbox_memberships_added,
        (ContainerKind::Inbox, false) => &mut counts.inbox_memberships_removed,
    }
}
