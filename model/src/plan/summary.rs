//! A plan in numbers.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Cause, Plan, RemovalKind};

/// How many objects a plan or a sync touches, by kind and operation. Fields are named as in JSON output and in the history of
/// the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Users created.
    pub users_created: u64,
    /// Users updated; adopted and activated ones are among them, and those whose marks alone change.
    pub users_updated: u64,
    /// Existing users who became managed.
    pub users_adopted: u64,
    /// Users activated again.
    pub users_activated: u64,
    /// Users deactivated.
    pub users_deactivated: u64,
    /// Users deleted.
    pub users_deleted: u64,
    /// Teams created.
    pub teams_created: u64,
    /// Teams updated; renamed ones are among them.
    pub teams_updated: u64,
    /// Teams renamed.
    pub teams_renamed: u64,
    /// Team memberships given.
    pub team_memberships_added: u64,
    /// Team memberships taken.
    pub team_memberships_removed: u64,
    /// Inbox memberships given.
    pub inbox_memberships_added: u64,
    /// Inbox memberships taken.
    pub inbox_memberships_removed: u64,
    /// Team memberships taken over from another connection.
    pub team_memberships_adopted: u64,
    /// Inbox memberships taken over from another connection.
    pub inbox_memberships_adopted: u64,
    /// Roles of existing users changed.
    pub roles_changed: u64,
}

impl Counts {
    /// Whether nothing is touched.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How much a plan removes, by kind. Fields are named as in JSON output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalCounts {
    /// Users deactivated.
    pub users: u64,
    /// Users deleted.
    pub deletions: u64,
    /// Roles changed.
    pub roles: u64,
    /// Team memberships lost, those of deactivated and deleted users aside.
    pub team_memberships: u64,
    /// Inbox memberships lost, those of deactivated and deleted users aside.
    pub inbox_memberships: u64,
}

impl RemovalCounts {
    /// The number of one kind.
    pub const fn of(&self, kind: RemovalKind) -> u64 {
        match kind {
            RemovalKind::User => self.users,
            RemovalKind::Deletion => self.deletions,
            RemovalKind::Role => self.roles,
            RemovalKind::TeamMembership => self.team_memberships,
            RemovalKind::InboxMembership => self.inbox_memberships,
        }
    }

    /// Adds to the number of one kind.
    pub const fn add(&mut self, kind: RemovalKind, count: u64) {
        let slot = match kind {
            RemovalKind::User => &mut self.users,
            RemovalKind::Deletion => &mut self.deletions,
            RemovalKind::Role => &mut self.roles,
            RemovalKind::TeamMembership => &mut self.team_memberships,
            RemovalKind::InboxMembership => &mut self.inbox_memberships,
        };
        *slot += count;
    }
}

impl Plan<'_> {
    /// What the plan touches.
    pub fn counts(&self) -> Counts {
        use crate::observed::ContainerKind::{Inbox, Team};
        let kind_of = |place| match place {
            super::Place::Held(at) => self.containers[at].kind,
            super::Place::New(_) => Team,
        };
        let count = |additions: &[super::Additions], kind| {
            let of_kind = additions.iter().filter(|additions| kind_of(additions.place) == kind);
            of_kind.map(|additions| additions.users.len() as u64).sum()
        };
        let added = |kind| count(&self.additions, kind);
        let adopted = |kind| count(&self.adoptions, kind);
        let removed = |kind| {
            let of_kind = self
                .removals
                .iter()
                .filter(|removals| self.containers[removals.container].kind == kind);
            of_kind
                .map(|removals| (removals.leaving.len() + removals.with_deactivation.len()) as u64)
                .sum()
        };
        Counts {
            users_created: self.creations.len() as u64,
            users_updated: (self.updates.len() + self.releases.len() + self.activated_by_hand.len()) as u64,
            users_adopted: self.updates.iter().filter(|update| update.adopt).count() as u64,
            users_activated: self.updates.iter().filter(|update| update.activate).count() as u64,
            users_deactivated: self.deactivations.len() as u64,
            users_deleted: self.deletions.len() as u64,
            teams_created: self.new_teams.len() as u64,
            teams_updated: self.team_updates.len() as u64,
            teams_renamed: self.team_updates.iter().filter(|update| update.name.is_some()).count() as u64,
            team_memberships_added: added(Team),
            team_memberships_removed: removed(Team),
            inbox_memberships_added: added(Inbox),
            inbox_memberships_removed: removed(Inbox),
            team_memberships_adopted: adopted(Team),
            inbox_memberships_adopted: adopted(Inbox),
            roles_changed: self.role_changes.len() as u64,
        }
    }

    /// How many people are deactivated or deleted because no mapping has them any more. Where a mapping was deleted or names
    /// other groups, that is what it would take, and it waits for a person, however few they are.
    pub fn departures(&self) -> u64 {
        let deactivated = self.deactivations.iter().map(|leaver| leaver.cause);
        let causes = deactivated.chain(self.deletions.iter().map(|leaver| leaver.cause));
        causes.filter(|cause| *cause == Cause::Unmapped).count() as u64
    }

    /// What the plan removes.
    pub fn removal_counts(&self) -> RemovalCounts {
        let mut counts = RemovalCounts::default();
        for population in &self.populations {
            counts.add(population.kind, population.removals);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_removal_is_counted_for_itself() {
        let mut counts = RemovalCounts::default();
        for (count, kind) in (1..).zip(RemovalKind::ALL) {
            counts.add(kind, count);
            counts.add(kind, 10);
        }
        for (count, kind) in (11..).zip(RemovalKind::ALL) {
            assert_eq!(counts.of(kind), count);
        }
    }

    #[test]
    fn each_count_is_told_by_its_name() {
        let counts = Counts {
            users_created: 1,
            teams_renamed: 2,
            roles_changed: 3,
            ..Counts::default()
        };
        let told = serde_json::to_value(counts).unwrap();
        let mut told: Vec<_> = told
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, count)| Some((name.as_str(), count.as_u64()?)))
            .collect();
        assert_eq!(told.len(), 16);
        told.retain(|(_, count)| *count > 0);
        told.sort_unstable();
        assert_eq!(told, [("rolesChanged", 3), ("teamsRenamed", 2), ("usersCreated", 1)]);
    }
}
