//! What a person should know of the specification, and that stops nothing: lists that name nobody.

use std::{borrow::Cow, collections::HashSet};

use super::{Differ, containers::ProtectedTeams, draft::Draft};
use crate::{email, names, observed::UserRow, plan::Notice, rules::UserScope};

/// The entries of `protect.users` that name somebody.
#[derive(Default)]
pub(super) struct Named(HashSet<String>);

impl Differ<'_> {
    /// Notes whom of `protect.users` the platform has.
    pub(super) fn note_protected(&mut self, row: &UserRow<'_>) {
        let users = &self.desired.rules.protect.users;
        if users.is_empty() {
            return;
        }
        let address = email::normalize(&row.email).unwrap_or(Cow::Borrowed(&row.email));
        for text in [address.as_ref(), row.external_id.as_ref()] {
            if users.contains(text) && !self.named.0.contains(text) {
                self.named.0.insert(text.to_owned());
            }
        }
    }
}

/// Notes what `protect` names and nobody has. An incomplete read of the directory tells nothing of its people.
pub(super) fn note(draft: &mut Draft<'_>) {
    let protect = &draft.desired().rules.protect;
    let mut notices = Vec::new();
    // Where nobody is wanted, no directory was read.
    if draft.certain && draft.desired().rules.scope != UserScope::Nobody {
        let is_known = |user: &String| {
            draft.seen.named.0.contains(user)
                || draft.desired().snapshot.find_user(user).is_some()
                || draft.seen.wanted_by_email(user).is_some()
        };
        let unknown = protect.users.iter().filter(|user| !is_known(user));
        notices.extend(unknown.map(|user| Notice::NobodyProtected { user: user.clone() }));
    }
    let roles: HashSet<String> = draft.seen.roles.of_platform().map(names::normalize).collect();
    if !roles.is_empty() {
        let unknown = protect
            .roles
            .iter()
            .filter(|role| !roles.contains(&names::normalize(role)));
        notices.extend(unknown.map(|role| Notice::NoRoleProtected { role: role.clone() }));
    }
    if !protect.teams.is_empty() {
        let protects = ProtectedTeams::new(protect);
        let mut known: HashSet<String> = HashSet::new();
        for held in draft.seen.containers.iter().filter(|held| protects.holds(held)) {
            known.extend([names::normalize(&held.id), names::normalize(&held.name)]);
        }
        let unknown = protect
            .teams
            .iter()
            .filter(|team| !known.contains(&names::normalize(team)));
        notices.extend(unknown.map(|team| Notice::NoTeamProtected { team: team.clone() }));
    }
    draft.plan.notices = notices;
}
