//! Open intents, and what the platform says of them.

use std::{collections::HashMap, time::SystemTime};

use directory_sync_model::{
    email,
    fingerprint::{Fingerprint, FingerprintKey},
    names,
    observed::UserRow,
    plan::RemovalKind,
};

use super::fingerprint;
use crate::sync::ledger::EntryKind;
use crate::sync::ledger::{Given, Intent, Removal, Settlement};

/// All that open intents claim. There are as many as requests were under way when a run was broken off.
pub(super) struct Claims {
    fingerprints: FingerprintKey,
    intents: Vec<String>,
    all: Vec<Claim>,
    /// Claims about users whose platform id is known.
    by_id: HashMap<String, Vec<usize>>,
    /// Claims about users who were to be created: by directory id, and by address.
    by_directory_id: HashMap<String, Vec<usize>>,
    by_address: HashMap<String, Vec<usize>>,
    /// Teams that were to be created, by name.
    by_name: HashMap<String, Vec<usize>>,
    memberships: HashMap<Fingerprint, Vec<usize>>,
}

struct Claim {
    sync: String,
    what: What,
    /// What was seen of it: the platform's id, and whether it is there as it was to be.
    id: Option<String>,
    holds: bool,
}

enum What {
    Given(Given),
    Taken(Removal),
}

/// What open intents say of a user who is there.
#[derive(Clone, Debug, Default)]
pub(super) struct UserClaim {
    /// He became ours.
    pub managed: bool,
    /// The directory's id.
    pub directory_id: Option<String>,
    /// The role that we gave.
    pub role: Option<String>,
    /// When we deactivated him, if we did.
    pub deactivated: Option<SystemTime>,
    /// Whether we activated him.
    pub activated: bool,
}

impl Claims {
    pub(super) fn new(intents: &[Intent], fingerprints: FingerprintKey) -> Self {
        let mut claims = Self {
            fingerprints,
            intents: intents.iter().map(|intent| intent.id.clone()).collect(),
            all: Vec::new(),
            by_id: HashMap::new(),
            by_directory_id: HashMap::new(),
            by_address: HashMap::new(),
            by_name: HashMap::new(),
            memberships: HashMap::new(),
        };
        for intent in intents {
            let given = intent.given.iter().cloned().map(What::Given);
            let taken = intent.taken.iter().cloned().map(What::Taken);
            given
                .chain(taken)
                .for_each(|what| claims.add(intent.sync.clone(), what));
        }
        claims
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn add(&mut self, sync: String, what: What) {
        let at = self.all.len();
        let key = match &what {
            What::Given(given) => given.entry.key.clone(),
            What::Taken(removal) => removal.key(),
        };
        match (key.kind, &what) {
            (EntryKind::TeamMembership | EntryKind::InboxMembership, _) => {
                let place = fingerprint(self.fingerprints, key.kind, &key.id, &key.container);
                self.memberships.entry(place).or_default().push(at);
            }
            (EntryKind::Team, What::Given(given)) => {
                let name = names::normalize(&given.found_by);
                self.by_name.entry(name).or_default().push(at);
            }
            (_, What::Given(given)) if key.id.is_empty() => {
                let address = email::normalize(&given.found_by).map_or(given.found_by.clone(), Into::into);
                self.by_address.entry(address).or_default().push(at);
                let directory_id = given.entry.directory_id.clone();
                self.by_directory_id.entry(directory_id).or_default().push(at);
            }
            _ => self.by_id.entry(key.id).or_default().push(at),
        }
        self.all.push(Claim {
            sync,
            what,
            id: None,
            holds: false,
        });
    }

    /// A team is there. Whether it is one that was to be created.
    pub(super) fn see_team(&mut self, name: &str, id: &str) -> bool {
        let Some(found) = self.by_name.get(name) else {
            return false;
        };
        for at in found {
            self.all[*at].holds = true;
            self.all[*at].id = Some(id.to_owned());
        }
        true
    }

    /// A membership is there. Whether it is one that was to be given.
    pub(super) fn see_membership(&mut self, key: Fingerprint) -> bool {
        let mut given = false;
        for at in self.memberships.get(&key).into_iter().flatten() {
            let claim = &mut self.all[*at];
            claim.holds = true;
            given |= matches!(claim.what, What::Given(_));
        }
        given
    }

    /// A user is there, with an address in normal form. What the intents say of him, if one was about him.
    pub(super) fn see_user(&mut self, row: &UserRow<'_>, address: &str) -> Option<UserClaim> {
        let by_id = self.by_id.get(row.id.as_ref());
        let created = match row.external_id.as_ref() {
            "" => self.by_address.get(address),
            id => self.by_directory_id.get(id),
        };
        let found: Vec<usize> = by_id.into_iter().chain(created).flatten().copied().collect();
        if found.is_empty() {
            return None;
        }
        let mut user = UserClaim::default();
        for at in found {
            let claim = &mut self.all[at];
            claim.id = Some(row.id.to_string());
            claim.holds = claim.what.holds(row);
            if claim.holds {
                user.note(&claim.what);
            }
        }
        Some(user)
    }

    /// What became of all of them, once everything was seen.
    pub(super) fn settle(self) -> Settlement {
        let mut settlement = Settlement {
            intents: self.intents,
            ..Settlement::default()
        };
        for claim in self.all {
            match claim.what {
                What::Given(given) if claim.holds => {
                    let mut entry = given.entry;
                    if let Some(id) = claim.id.filter(|_| entry.key.id.is_empty()) {
                        entry.key.id = id;
                    }
                    settlement.record.push(entry);
                }
                What::Taken(removal) => {
                    let vanishes = matches!(
                        removal.kind,
                        RemovalKind::TeamMembership | RemovalKind::InboxMembership | RemovalKind::Deletion
                    );
                    // What isn't there any more was taken.
                    if claim.holds != vanishes {
                        settlement.take(&claim.sync, removal);
                    }
                }
                What::Given(_) => {}
            }
        }
        settlement
    }
}

impl What {
    /// Whether a user who is there is as the intent said.
    fn holds(&self, row: &UserRow<'_>) -> bool {
        match self {
            Self::Given(given) if given.entry.key.kind == EntryKind::Role => given.entry.role == row.role,
            Self::Given(given) => !given.activates || row.active,
            Self::Taken(removal) if removal.kind == RemovalKind::Role => removal.to == row.role,
            Self::Taken(removal) if removal.kind == RemovalKind::Deletion => true,
            Self::Taken(_) => !row.active,
        }
    }
}

impl UserClaim {
    fn note(&mut self, what: &What) {
        match what {
            What::Given(given) if given.entry.key.kind == EntryKind::Role => self.role = Some(given.entry.role.clone()),
            What::Given(given) => {
                self.managed = true;
                self.directory_id = Some(given.entry.directory_id.clone()).filter(|id| !id.is_empty());
                self.activated |= given.activates;
            }
            What::Taken(removal) if removal.kind == RemovalKind::User => {
                self.deactivated = Some(removal.at);
            }
            What::Taken(_) => {}
        }
    }
}
