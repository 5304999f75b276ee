//! The reasons: one word, what it means, what to do.

use super::{
    ConditionType::{Applied, Conflicted, DirectoryComplete, GroupFound, Held, Ready, Reconciling, Stalled},
    Event::{self, Normal, Warning},
    Place::{self, Failure, On},
    Status::{False, True, Unknown},
};

/// One line of the table of reasons.
#[derive(Clone, Copy, Debug)]
pub struct ReasonRow {
    /// The reason.
    pub reason: Reason,
    /// Where it stands.
    pub places: &'static [Place],
    /// The event that announces it, if one does. A run that changed nothing has none.
    pub event: Option<Event>,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// What to do, in a sentence; empty: nothing.
    pub action: &'static str,
}

macro_rules! reasons {
    ($($reason:ident [$($place:expr),*] $event:expr, $meaning:literal, $action:literal;)*) => {
        /// Why a condition is as it is, or why an object failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] $reason,)*
        }

        /// Every reason.
        pub const REASONS: &[ReasonRow] = &[$(ReasonRow {
            reason: Reason::$reason,
            places: &[$($place),*],
            event: $event,
            meaning: $meaning,
            action: $action,
        },)*];

        impl Reason {
            /// The reason as it stands in conditions, events and labels.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                }
            }

            /// The line of the table.
            pub const fn row(self) -> &'static ReasonRow {
                &REASONS[self as usize]
            }
        }
    };
}

reasons! {
    // Runs that came to their end.
    Synced [On(Ready, True)] Some(Normal),
        "Everything is as the directory and the mappings say.",
        "";
    SyncedWithFailures [On(Ready, True)] Some(Warning),
        "Everything else is as it should be; some people or memberships failed.",
        "Look at status.failures: each says what to do.";
    Observed [On(Ready, True)] Some(Normal),
        "The plan was computed; in Observe mode nothing is written.",
        "Look at status.lastSync; set spec.mode to Apply to carry it out.";
    PlanHeld [On(Ready, True)] None,
        "The sync works; its plan waits for a decision.",
        "See the condition Held.";
    PlanNotWritten [On(Ready, False)] Some(Warning),
        "A SyncPlan can't be written, so nobody can decide it.",
        "Look at the message: a quota, a webhook or a right in the connection's namespace.";
    Suspended [On(Ready, True)] Some(Normal),
        "Nothing is done while spec.suspend is true.",
        "Set spec.suspend to false to go on.";

    // Held plans.
    NothingHeld [On(Held, False)] None,
        "No plan waits.",
        "";
    TooManyRemovals [On(Held, True)] Some(Warning),
        "The plan takes away more than spec.removals allows.",
        "Look at the SyncPlan in status.heldPlan and approve or reject it.";
    SeesLess [On(Held, True), On(DirectoryComplete, False)] Some(Warning),
        "The directory shows less than before, as if the account had lost a right; what would follow from that waits.",
        "Let the account see what the message names; or, if it is really gone, approve the SyncPlan in status.heldPlan.";
    MappingRemoved [On(Held, True)] Some(Warning),
        "A mapping is gone or names other groups, and people would be deactivated because of it.",
        "Put the mapping back, or approve the SyncPlan in status.heldPlan.";
    PlanRejected [On(Held, True), On(Applied, False)] Some(Normal),
        "The plan was rejected; nothing is written until it is another plan.",
        "Change the directory, the mappings or spec.removals.";

    // SyncPlans.
    AwaitingDecision [On(Applied, False)] None,
        "The plan waits for a decision.",
        "Set spec.decision to Approved or Rejected, and spec.decidedBy to your own user name.";
    PlanApproved [On(Applied, False)] Some(Normal),
        "The plan is approved and will be carried out.",
        "";
    Expired [On(Applied, False)] None,
        "The plan wasn't decided within spec.removals.approvalTTL of its connection.",
        "Decide the plan that is held now, if there is one.";
    Superseded [On(Applied, False)] None,
        "The directory, the mappings or the limits changed, and so did the plan.",
        "Decide the plan that is held now, if there is one.";
    DecidedTooLate [] Some(Warning),
        "A SyncPlan was decided that had expired, was another one by then, or had been carried out.",
        "Decide the plan that is held now, if there is one.";
    Spent [On(Applied, True)] Some(Normal),
        "The plan has been carried out; an approval of it is used up.",
        "";

    // The read of the directory.
    Complete [On(DirectoryComplete, True)] None,
        "The last read saw the whole directory.",
        "";
    NotReadYet [On(DirectoryComplete, Unknown), On(GroupFound, Unknown)] None,
        "The directory hasn't been read yet.",
        "";
    PageLimit [On(DirectoryComplete, False)] Some(Warning),
        "The read stopped at the operator's own limit of pages.",
        "Raise pageSize, or narrow what is read.";
    RepeatedCursor [On(DirectoryComplete, False)] Some(Warning),
        "The directory sent a page or a cursor twice.",
        "Set spec.provider.scim.paging to what the server can do.";
    CountMismatch [On(DirectoryComplete, False)] Some(Warning),
        "Fewer or more entries came than the directory says it has.",
        "Nothing at first: it may have changed in the middle of the read. If it stays, look at the directory's paging.";
    SizeLimit [On(DirectoryComplete, False)] Some(Warning),
        "The directory cut the answer at its size limit.",
        "Raise the limit for the account that reads.";
    TimeLimit [On(DirectoryComplete, False)] Some(Warning),
        "The directory cut the answer at its time limit.",
        "Raise the limit for the account that reads, or lower pageSize.";
    Referral [On(DirectoryComplete, False)] Some(Warning),
        "Part of the tree is on another server, which isn't asked.",
        "Point the url at a server with the whole tree, or narrow baseDN.";
    Interrupted [On(DirectoryComplete, False)] Some(Warning),
        "The directory broke off in the middle of the answer.",
        "Nothing at first: the operator tries again. If it stays, look at the directory and the network.";
    Empty [On(DirectoryComplete, False)] Some(Warning),
        "The directory answered without a single person.",
        "Look at baseDN, the filters and the rights of the account that reads.";
    DuplicateIds [On(DirectoryComplete, False)] Some(Warning),
        "The directory gave one id to several people or groups.",
        "Choose another attribute as the id, or repair the directory.";
    Unreadable [On(DirectoryComplete, False), Failure] Some(Warning),
        "An entry can't be read: it has no id, or a value that makes no sense.",
        "Repair the entry that the message or the log names.";
    ExpressionFailures [On(DirectoryComplete, False)] Some(Warning),
        "An expression failed for more than 1 % of people.",
        "Look at status.failures, and at has() for attributes that not everybody has.";
    MembersNotTold [On(DirectoryComplete, False), On(Ready, False), On(Stalled, True), On(GroupFound, False)] Some(Warning),
        "A mapped group came without its members, which isn't the same as being empty.",
        "Let the account that reads see the members of groups.";
    MappedGroupMissing [On(DirectoryComplete, False)] Some(Warning),
        "A mapped group isn't in the directory; its removals wait.",
        "Look at the GroupMapping whose GroupFound is False.";
    MappedGroupAmbiguous [On(DirectoryComplete, False)] Some(Warning),
        "Several groups have the name of a mapped group; its removals wait.",
        "Look at the GroupMapping whose GroupFound is False.";

    // At work.
    Progressing [On(Ready, Unknown), On(Reconciling, True)] None,
        "A sync of this generation is under way or about to begin.",
        "";
    Retrying [On(Reconciling, True)] None,
        "The last sync failed and is tried again, less and less often.",
        "See the condition Ready.";
    Quarantined [On(Reconciling, True)] Some(Warning),
        "Syncs keep failing, so that one is tried once a day only; the first that doesn't fail ends this.",
        "See the condition Ready. Once it is mended, ask for a sync with the annotation directory-sync.io/requestedAt.";

    // The end of a connection.
    Deprovisioning [On(Ready, False), On(Reconciling, True)] Some(Normal),
        "The connection is being deleted, and what it gave is taken back first.",
        "Decide the SyncPlan, if one is held; or set spec.deletionPolicy to Orphan to let go.";
    Deprovisioned [] Some(Normal),
        "All that the deleted connection gave was taken back, and nobody is managed by it any more.",
        "";
    NotDeprovisioned [] Some(Warning),
        "The deleted connection was let go, and what it gave stays on the platform.",
        "Deactivate people on the platform by hand, or create the connection again with the same ownerID.";

    // Failures that pass, or may: the message says whether it was the directory or the platform.
    DirectoryIncomplete [On(Ready, False)] Some(Warning),
        "Only part of the directory could be read: people were added and updated, nobody was removed.",
        "See the condition DirectoryComplete.";
    Unreachable [On(Ready, False)] Some(Warning),
        "No connection to the directory or the platform can be made.",
        "Look at its url, the network and the server itself.";
    Untrusted [On(Ready, False)] Some(Warning),
        "The server's certificate isn't trusted, has run out or is for another name.",
        "Set tls.caRef to the authority that signed it, or renew it.";
    Timeout [On(Ready, False)] Some(Warning),
        "The directory or the platform doesn't answer in time.",
        "Look at the server and the network, or raise timeouts.request.";
    RateLimited [On(Ready, False)] Some(Warning),
        "The directory or the platform asks for fewer requests.",
        "Nothing: the operator waits as long as asked. Lower limits.requestsPerSecond if it stays.";
    Unavailable [On(Ready, False)] Some(Warning),
        "The directory or the platform can't answer now.",
        "Look at the server.";
    Protocol [On(Ready, False)] Some(Warning),
        "The answer isn't what the protocol says: malformed, too large or contradictory.",
        "Look at the url, and at the server's own log.";
    Conflict [On(Ready, False)] Some(Warning),
        "Somebody else changed the same object at the same time.",
        "Nothing: the next sync looks again.";
    Rejected [On(Ready, False)] Some(Warning),
        "The directory or the platform refuses the request.",
        "Look at the message.";
    Stopped [On(Ready, Unknown)] None,
        "The sync was stopped in the middle of its changes; the next one goes on from there.",
        "";
    StoreUnavailable [On(Ready, False)] Some(Warning),
        "The operator's own store can't be read or written; nothing more is written to the platform.",
        "Look at the store: whether its disk is full, whether its file or its server can be reached.";
    Internal [On(Ready, False)] Some(Warning),
        "The operator itself failed on this connection.",
        "Look at the operator's log, and report it.";

    // Failures that a person must end.
    NoMappings [On(Ready, False), On(Stalled, True)] Some(Warning),
        "No GroupMapping names this connection; nothing is removed because of it.",
        "Apply a GroupMapping that names it.";
    InvalidSpec [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The spec can't be carried out as it is.",
        "Change the field that the message names.";
    InvalidExpression [On(Ready, False), On(Stalled, True)] Some(Warning),
        "An expression doesn't compile, or does more than is allowed.",
        "Change the expression that the message names.";
    InvalidConfiguration [On(Ready, False), On(Stalled, True)] Some(Warning),
        "An address, certificate or file can't be used as it is, or isn't allowed without TLS.",
        "Change what the message names.";
    SecretNotFound [On(Ready, False), On(Stalled, True)] Some(Warning),
        "A Secret or one of its keys isn't there.",
        "Create what the message names, in the connection's namespace.";
    ConfigMapNotFound [On(Ready, False), On(Stalled, True)] Some(Warning),
        "A ConfigMap or one of its keys isn't there.",
        "Create what the message names, in the connection's namespace.";
    NotFound [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The server has nothing under the address or the base that the spec names.",
        "Change the url or baseDN that the message names.";
    Unauthorized [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The directory or the platform doesn't accept the credential.",
        "Renew the Secret that the message names.";
    Forbidden [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The account lacks a right on the directory or the platform.",
        "Give the account the right that the message names.";
    HostNotAllowed [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The operator isn't allowed to reach that host.",
        "Ask whoever runs the operator for --allow-host (or --allow-loopback).";
    OwnerIDInUse [On(Ready, False), On(Stalled, True)] Some(Warning),
        "An older connection has the same ownerID on the same platform.",
        "Give this connection another ownerID; it can only be set at creation.";

    // GroupMappings.
    Mapped [On(Ready, True)] None,
        "The mapping is in effect.",
        "";
    NotSyncedYet [On(Ready, Unknown)] None,
        "No sync has looked at this generation of the mapping yet.",
        "See the connection, if it lasts.";
    Found [On(GroupFound, True)] None,
        "Every group that the mapping names was found, once.",
        "";
    ConnectionNotFound [On(Ready, False)] Some(Warning),
        "No DirectoryConnection has the name in spec.connectionRef.",
        "Create it in the same namespace, or delete the mapping.";
    GroupNotFound [On(Ready, False), On(Stalled, True), On(GroupFound, False)] Some(Warning),
        "The directory has no such group; the mapping's removals wait.",
        "Look at spec.group and at what the account that reads may see.";
    GroupAmbiguous [On(Ready, False), On(Stalled, True), On(GroupFound, False)] Some(Warning),
        "Several groups of the directory have that name; the mapping's removals wait.",
        "Name the group by its id.";
    TeamNotFound [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The platform has no such team.",
        "Create it, or set spec.team.create.";
    TeamNameFailed [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The expression for the team's name fails for a group.",
        "Change spec.team.nameExpression.";
    TeamProtected [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The connection protects that team, so nobody joins or leaves it.",
        "Take the team out of spec.protect.teams of the connection, or out of the mapping.";
    TeamNameTaken [On(Ready, False), On(Stalled, True)] Some(Warning),
        "A team follows its group's new name, and another group's team has that name and can't give it up.",
        "Give the other team a free name by hand; the next sync does the rest.";
    Ambiguous [On(Ready, False), On(Stalled, True)] Some(Warning),
        "Several teams or inboxes of the platform have that name or number.",
        "Name it by its id.";
    RoleNotFound [On(Ready, False), On(Stalled, True), Failure] Some(Warning),
        "The platform has no such role.",
        "Create it, or change the role's name.";
    RoleNotAllowed [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The connection doesn't let mappings grant that role.",
        "Add it to spec.mappings.allowedRoles of the connection, unless it is in spec.protect.roles.";
    InboxNotFound [On(Ready, False), On(Stalled, True)] Some(Warning),
        "The platform has no such inbox.",
        "Create it, or change spec.inboxes.";
    NoConflict [On(Conflicted, False)] None,
        "No other mapping of equal priority gives the same people another role.",
        "";
    RoleConflict [On(Conflicted, True)] Some(Warning),
        "Mappings of equal priority give the same people different roles; their roles stay.",
        "Give one of the mappings a higher spec.priority.";

    // Single people.
    InvalidEmail [Failure] None,
        "The e-mail address is missing or isn't one.",
        "Correct it in the directory, or take the person out of scope.";
    DuplicateEmail [Failure] None,
        "Another person of the directory has the same e-mail address.",
        "Give each person an address of their own.";
    ExpressionFailed [Failure] None,
        "An expression failed for this person, who stays as they are.",
        "Look at has() for attributes that not everybody has; check --user shows the message.";
    ManagedElsewhere [Failure] None,
        "Another connection manages the platform's user.",
        "Take the person out of scope, or name that mark in spec.adoption.fromOwnerIDs.";
    AddressReused [Failure] None,
        "The address belongs to a platform user who is managed under another directory id.",
        "Free the address on the platform, if the two aren't the same person.";
    AddressInUse [Failure] None,
        "Another platform user has the address.",
        "Free the address on the platform.";
    AmbiguousMatch [Failure] None,
        "Several platform users fit, and nothing is guessed.",
        "Leave one platform user with this external id or address.";
    AdoptionNotAllowed [Failure] None,
        "A platform user fits, and spec.adoption doesn't let the connection manage them.",
        "Change spec.adoption.match, or the address.";
    Refused [Failure] None,
        "The platform refused this change.",
        "Look at the log for the platform's own words.";
    Changed [Failure] None,
        "Somebody else changed the platform's object in the meantime.",
        "Nothing: the next sync looks again.";
    NoSeats [On(Ready, True), On(Ready, False), Failure] Some(Warning),
        "The platform has no seat left.",
        "Buy seats, or free some.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::Polarity, *};
    use crate::api::condition::TYPES;

    #[test]
    fn a_reason_finds_its_own_line() {
        for row in REASONS {
            assert_eq!(row.reason.row().reason, row.reason);
        }
    }

    #[test]
    fn every_reason_stands_somewhere_or_is_an_event() {
        for row in REASONS {
            assert!(!row.places.is_empty() || row.event.is_some(), "{:?}", row.reason);
        }
    }

    #[test]
    fn meanings_and_actions_are_sentences() {
        for row in REASONS {
            assert!(row.meaning.ends_with('.'), "{:?}", row.reason);
            assert!(row.action.is_empty() || row.action.ends_with('.'), "{:?}", row.reason);
        }
    }

    #[test]
    fn names_are_distinct_and_fit_into_events_and_status() {
        let names: BTreeSet<_> = REASONS.iter().map(|row| row.reason.as_str()).collect();
        assert_eq!(names.len(), REASONS.len());
        assert!(names.iter().all(|name| name.len() <= 64));
    }

    #[test]
    fn what_asks_for_a_person_says_what_to_do() {
        for row in REASONS {
            for place in row.places {
                let asks = match place {
                    Failure | On(Stalled, _) => true,
                    On(condition, status) => {
                        let polarity = TYPES.iter().find(|row| row.condition == *condition).unwrap().polarity;
                        matches!((polarity, status), (Polarity::Negative, True))
                    }
                };
                assert!(!asks || !row.action.is_empty(), "{:?}", row.reason);
            }
        }
    }

    #[test]
    fn what_stalls_is_not_ready_for_the_same_reason() {
        for row in REASONS {
            let stalls = row.places.contains(&On(Stalled, True));
            assert!(!stalls || row.places.contains(&On(Ready, False)), "{:?}", row.reason);
        }
    }

    #[test]
    fn every_condition_has_a_reason_for_each_status_it_can_have() {
        for row in TYPES {
            let has = |status| {
                REASONS
                    .iter()
                    .any(|reason| reason.places.contains(&On(row.condition, status)))
            };
            assert!(has(True), "{:?}", row.condition);
            assert_eq!(has(False), row.polarity != Polarity::WhileTrue, "{:?}", row.condition);
        }
    }
}
