//! All that a plan takes, in words and ids: what a held plan waits with, and what an undo goes by.

use std::time::SystemTime;

use directory_sync_model::{
    attribute::Attribute,
    plan::{Leaver, Plan, RemovalKind},
};

use super::ledger::Removal;

/// All removals that a plan's hash is made of: accounts first, then roles, then memberships.
pub(super) fn removals<'p>(plan: &'p Plan<'_>, at: SystemTime) -> impl Iterator<Item = Removal> + Send + 'p {
    let removal = move |kind, holding: u32| {
        let (directory_id, text) = person(plan, holding);
        Removal {
            kind,
            user: plan.holdings.id(holding).to_owned(),
            directory_id,
            text,
            container: String::new(),
            from: String::new(),
            to: String::new(),
            at,
        }
    };
    let account = move |kind, leaver: &Leaver| {
        let mut removal = removal(kind, leaver.holding);
        removal.directory_id.clone_from(&leaver.external_id);
        if removal.text.is_empty() {
            removal.text.clone_from(&leaver.email);
        }
        leaver.cause.text().clone_into(&mut removal.from);
        removal
    };
    let deactivations = plan.deactivations.iter();
    let deactivations = deactivations.map(move |leaver| account(RemovalKind::User, leaver));
    let deletions = plan.deletions.iter();
    let deletions = deletions.map(move |leaver| account(RemovalKind::Deletion, leaver));
    let roles = plan.role_changes.iter().map(move |change| {
        let role = |role: u16| plan.roles[usize::from(role)].clone();
        Removal {
            from: change.from.map(role).unwrap_or_default(),
            to: role(change.to),
            ..removal(RemovalKind::Role, change.holding)
        }
    });
    let memberships = plan.removals.iter().flat_map(move |removals| {
        let container = &plan.containers[removals.container];
        removals.leaving.iter().map(move |holding| Removal {
            container: container.id.clone(),
            from: container.name.clone(),
            ..removal(RemovalKind::from(container.kind), *holding)
        })
    });
    deactivations.chain(deletions).chain(roles).chain(memberships)
}

/// The directory's id of the person whose user this is, and his name and address; empty where the directory doesn't have
/// him.
pub(super) fn person(plan: &Plan<'_>, holding: u32) -> (String, String) {
    let Some(user) = plan.holdings.get(holding).user() else {
        return (String::new(), String::new());
    };
    let record = plan.desired.snapshot.user(user);
    let name = match record.text(Attribute::DisplayName) {
        "" => [Attribute::GivenName, Attribute::FamilyName]
            .map(|attribute| record.text(attribute))
            .join(" "),
        name => name.to_owned(),
    };
    let described = format!("{} <{}>", name.trim(), record.text(Attribute::Email));
    (
        plan.desired.snapshot.user_id(user).to_owned(),
        described.trim().to_owned(),
    )
}

/// The address in what a removal calls a person: `Ann Archer <ann@acme.test>`, or the address alone.
pub(super) fn address(text: &str) -> &str {
    text.rsplit_once('<')
        .map_or(text, |(_, address)| address.trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_told_from_the_name_where_there_is_one() {
        for text in ["ann@acme.test", "<ann@acme.test>", "Ann <Ape> Archer <ann@acme.test>"] {
            assert_eq!(address(text), "ann@acme.test");
        }
        assert_eq!(address(""), "");
    }
}
