//! Both ends of a sync, served from the pages on disk: no network, no server, the providers' own decoders.

use std::sync::Mutex;

use async_trait::async_trait;
use directory_sync::{
    directory::{
        self, Cursor, Directory, Finding,
        scim::{decode_groups, decode_users},
    },
    platform::{
        self, Capability, Identity, MembershipWrite, NewUser, Platform, UserDeletion, UserPatch, WriteKey,
        rest::{self, Roles},
    },
};
use directory_sync_model::{
    attribute::AttributeSet,
    observed::{ContainerKind, Observer},
    snapshot::Batch,
};

use crate::data::{Data, List, Pages};

/// A list on its way.
struct Open {
    pages: Pages,
    rows: u64,
}

/// A directory whose pages come from disk.
pub struct PagesDirectory {
    data: Data,
    open: Mutex<Option<Open>>,
}

impl PagesDirectory {
    pub fn new(data: Data) -> Self {
        Self {
            data,
            open: Mutex::new(None),
        }
    }
}

#[async_trait]
impl Directory for PagesDirectory {
    fn provider(&self) -> &'static str {
        "pages"
    }

    fn capability(&self) -> directory::Capability {
        directory::Capability {
            repeatable_pages: false,
        }
    }

    async fn read(
        &self,
        part: directory::Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<directory::PageEnd, directory::Error> {
        let mut slot = self.open.lock().unwrap();
        if cursor.is_none() {
            let list = match part {
                directory::Part::Users => List::ScimUsers,
                directory::Part::Groups => List::ScimGroups,
            };
            let pages = self.data.pages(list).unwrap();
            *slot = Some(Open { pages, rows: 0 });
        }
        let open = slot.as_mut().unwrap();
        let body = open.pages.next_page().unwrap().expect("there is one more page");
        let list = match part {
            directory::Part::Users => decode_users(body, wanted, batch),
            directory::Part::Groups => decode_groups(body, batch),
        };
        let list = list.unwrap();
        open.rows += list.rows;
        let more = list.total.is_some_and(|total| total > open.rows);
        Ok(directory::PageEnd {
            next: more.then(|| Cursor(open.rows.to_string())),
            total: list.total,
            doubts: Vec::new(),
        })
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// A platform whose pages come from disk, or one that has nothing but roles. Nothing can be written to it.
pub struct PagesPlatform {
    data: Data,
    is_empty: bool,
    open: Mutex<(Option<Pages>, Roles)>,
}

impl PagesPlatform {
    pub fn new(data: Data, is_empty: bool) -> Self {
        Self {
            data,
            is_empty,
            open: Mutex::default(),
        }
    }
}

#[async_trait]
impl Platform for PagesPlatform {
    fn name(&self) -> &'static str {
        "pages"
    }

    fn capability(&self) -> Capability {
        Capability {
            marks: true,
            create_teams: true,
            users_per_request: 1,
            memberships_per_request: 1,
            concurrency: 1,
        }
    }

    async fn identity(&self) -> Result<Identity, platform::Error> {
        Ok(Identity::default())
    }

    async fn read(
        &self,
        part: platform::Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<platform::PageEnd, platform::Error> {
        let list = match part {
            platform::Part::Roles => List::RestRoles,
            _ if self.is_empty => return Ok(platform::PageEnd::default()),
            platform::Part::Teams => List::RestTeams,
            platform::Part::Inboxes => List::RestInboxes,
            platform::Part::Users => List::RestUsers,
            platform::Part::TeamMemberships => List::RestMemberships,
            // There are no inboxes.
            platform::Part::InboxMemberships => return Ok(platform::PageEnd::default()),
        };
        let mut slot = self.open.lock().unwrap();
        let (open, roles) = &mut *slot;
        if cursor.is_none() {
            *open = Some(self.data.pages(list).unwrap());
        }
        let pages = open.as_mut().unwrap();
        let body = pages.next_page().unwrap().expect("there is one more page");
        let decoded = match part {
            platform::Part::Roles => rest::decode_roles(body, roles, observer),
            platform::Part::Teams => rest::decode_teams(body, observer),
            platform::Part::Inboxes => rest::decode_inboxes(body, observer),
            platform::Part::Users => rest::decode_users(body, roles, observer),
            platform::Part::TeamMemberships | platform::Part::InboxMemberships => {
                rest::decode_memberships(body, ContainerKind::Team, observer)
            }
        };
        Ok(decoded.unwrap())
    }

    async fn create_team(&self, _: &platform::NewTeam, _: &str, _: &WriteKey) -> Result<String, platform::Error> {
        unreachable!("a plan writes nothing")
    }

    async fn update_team(&self, _: &platform::TeamPatch, _: &WriteKey) -> Result<(), platform::Error> {
        unreachable!("a plan writes nothing")
    }

    async fn create_users(
        &self,
        _: &[NewUser],
        _: &WriteKey,
    ) -> Result<Vec<Result<String, platform::Error>>, platform::Error> {
        unreachable!("a plan writes nothing")
    }

    async fn update_users(
        &self,
        _: &[UserPatch],
        _: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, platform::Error>>, platform::Error> {
        unreachable!("a plan writes nothing")
    }

    async fn delete_users(
        &self,
        _: &[UserDeletion],
        _: &WriteKey,
    ) -> Result<Vec<Result<(), platform::Error>>, platform::Error> {
        unreachable!("a plan writes nothing")
    }

    async fn change_memberships(
        &self,
        _: &[MembershipWrite],
        _: &str,
        _: &WriteKey,
    ) -> Result<Vec<Result<(), platform::Error>>, platform::Error> {
        unreachable!("a plan writes nothing")
    }
}
