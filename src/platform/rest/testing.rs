//! What tests of this platform share.

use std::borrow::Cow;

use directory_sync_model::observed::{ContainerRow, MarkRow, MembershipRow, Observer, RoleRow, UserRow};

/// Keeps all that it is shown.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) roles: Vec<RoleRow<'static>>,
    pub(super) containers: Vec<ContainerRow<'static>>,
    pub(super) users: Vec<UserRow<'static>>,
    pub(super) memberships: Vec<MembershipRow<'static>>,
}

fn own(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

impl Seen {
    /// The user with this e-mail address.
    pub(super) fn user(&self, email: &str) -> &UserRow<'static> {
        self.users.iter().find(|user| user.email == email).unwrap()
    }

    /// How many rows came.
    pub(super) fn rows(&self) -> usize {
        self.roles.len() + self.containers.len() + self.users.len() + self.memberships.len()
    }
}

impl Observer for Seen {
    fn role(&mut self, role: &RoleRow<'_>) {
        self.roles.push(RoleRow {
            name: own(&role.name),
            administrator: role.administrator,
            default: role.default,
        });
    }

    fn container(&mut self, container: &ContainerRow<'_>) {
        self.containers.push(ContainerRow {
            kind: container.kind,
            id: own(&container.id),
            name: own(&container.name),
            phone: own(&container.phone),
            external_id: own(&container.external_id),
            version: own(&container.version),
            owner: container.owner.as_deref().map(own),
        });
    }

    fn user(&mut self, user: &UserRow<'_>) {
        let attributes = user.attributes.iter();
        self.users.push(UserRow {
            id: own(&user.id),
            version: own(&user.version),
            external_id: own(&user.external_id),
            email: own(&user.email),
            given_name: own(&user.given_name),
            family_name: own(&user.family_name),
            display_name: own(&user.display_name),
            phone: own(&user.phone),
            active: user.active,
            role: own(&user.role),
            attributes: attributes.map(|(name, value)| (own(name), value.clone())).collect(),
            mark: user.mark.as_ref().map(|mark| MarkRow {
                owner: own(&mark.owner),
                role: mark.role.as_deref().map(own),
                deactivated: mark.deactivated,
            }),
        });
    }

    fn membership(&mut self, membership: &MembershipRow<'_>) {
        self.memberships.push(MembershipRow {
            kind: membership.kind,
            container: own(&membership.container),
            user: own(&membership.user),
            owner: membership.owner.as_deref().map(own),
        });
    }
}
