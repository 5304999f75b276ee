#![doc = include_str!("docs.md")]

pub mod check;
pub mod client;
pub mod config;
mod connect;
pub mod dn;
pub mod entry;
pub mod map;
pub mod protocol;
pub mod result;
pub mod time;
mod validate;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use directory_sync_model::{
    attribute::AttributeSet,
    snapshot::{Batch, Doubt},
};
use rustls::ClientConfig;
use tokio::sync::Mutex;

use self::{
    client::{Running, Session},
    config::{Config, Security},
    map::{GroupMap, Notes, UserMap},
    protocol::filter,
    result::configuration as refused,
};
use super::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};
use crate::{fault::Class, http::Network};

/// An LDAP v3 server (RFC 4511) as a directory.
///
/// The position in a paged search lives in the connection (RFC 2696 §3), so pages are read in order, one connection
/// serves a whole read, and no page can be asked for again.
pub struct LdapDirectory {
    config: Config,
    network: Network,
    tls: Option<Arc<ClientConfig>>,
    user_filter: Vec<u8>,
    group_filter: Vec<u8>,
    state: Mutex<Option<State>>,
    cursors: AtomicU64,
}

/// A session between two pages. While a page is read it is out of its place, so that an error or a dropped call leaves
/// nothing behind that could be taken for a whole one.
struct State {
    session: Session,
    read: Option<Read>,
}

struct Read {
    part: Part,
    running: Running,
    map: Map,
    notes: Notes,
    partial_told: bool,
    cursor: Cursor,
}

enum Map {
    Users(UserMap),
    Groups(GroupMap),
}

impl LdapDirectory {
    /// A directory that reads what `config` describes, from a server that `network` allows. Nothing is sent yet.
    ///
    /// What can't be used is refused here: a filter that isn't one, a base that is no DN, an unusable CA, an empty
    /// password, attribute names that clash, plain text that the operator doesn't allow.
    pub fn new(config: Config, network: Network) -> Result<Self, Error> {
        validate::check(&config)?;
        let encode =
            |name: &str, filter: &str| filter::encode(filter).map_err(|error| refused(name, error.to_string()));
        let tls = match config.address.security {
            Security::Plain if network.allows_insecure() => None,
            Security::Plain => {
                let message = "Disabled sends the password and everybody's data as plain text; use Required or StartTLS, or let \
                               the operator run with --allow-insecure";
                return Err(refused("tls.mode", message));
            }
            Security::Tls | Security::StartTls => {
                let tls = network.tls_config(config.ca_pem.as_deref());
                Some(Arc::new(tls.map_err(|error| refused("tls.caRef", error.to_string()))?))
            }
        };
        Ok(Self {
            user_filter: encode("users.filter", &config.users.filter)?,
            group_filter: encode("groups.filter", &config.groups.filter)?,
            config,
            network,
            tls,
            state: Mutex::new(None),
            cursors: AtomicU64::new(0),
        })
    }

    async fn open(&self) -> Result<Session, Error> {
        let Config {
            address,
            bind,
            timeouts,
            ..
        } = &self.config;
        Session::open(address, self.tls.as_ref(), bind, *timeouts, &self.network).await
    }

    /// The search of one part, and how its entries are read.
    fn search(&self, part: Part, wanted: AttributeSet) -> (Running, Map) {
        let Config {
            users,
            groups,
            page_size,
            ..
        } = &self.config;
        let (mut running, map) = match part {
            Part::Users => {
                let map = UserMap::new(users, groups, wanted);
                let running = Running::new(
                    "people",
                    &users.base,
                    users.scope,
                    self.user_filter.clone(),
                    map.request(),
                );
                (running, Map::Users(map))
            }
            Part::Groups => {
                let map = GroupMap::new(groups);
                let running = Running::new(
                    "groups",
                    &groups.base,
                    groups.scope,
                    self.group_filter.clone(),
                    map.request(),
                );
                (running, Map::Groups(map))
            }
        };
        running.page_size = Some(*page_size);
        (running, map)
    }

    /// The session and the search that a cursor stands for; without one, a search that begins.
    async fn resume(
        &self,
        part: Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        state: Option<State>,
    ) -> Result<(Session, Read), Error> {
        if let Some(cursor) = cursor {
            return match state {
                Some(State {
                    session,
                    read: Some(read),
                }) if read.part == part && read.cursor == *cursor => Ok((session, read)),
                _ => Err(Error::Ldap {
                    operation: format!("reading from {}", self.config.address),
                    message: "the position in the answer was lost with its connection; the read must begin again"
                        .to_owned(),
                    class: Class::Unavailable,
                    source: None,
                }),
            };
        }
        let (mut running, map) = self.search(part, wanted);
        let mut session = match state {
            Some(State { session, read: None }) => session,
            _ => self.open().await?,
        };
        session.start(&mut running).await?;
        let read = Read {
            part,
            running,
            map,
            notes: Notes::default(),
            partial_told: false,
            cursor: Cursor(String::new()),
        };
        Ok((session, read))
    }
}

#[async_trait]
impl Directory for LdapDirectory {
    fn provider(&self) -> &'static str {
        "ldap"
    }

    fn capability(&self) -> Capability {
        Capability {
            repeatable_pages: false,
        }
    }

    async fn read(
        &self,
        part: Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        let mut place = self.state.lock().await;
        let (mut session, mut read) = self.resume(part, wanted, cursor, place.take()).await?;
        let Read {
            running, map, notes, ..
        } = &mut read;
        let page = session
            .page(running, |entry| match map {
                Map::Users(map) => map.add(entry, batch, notes),
                Map::Groups(map) => map.add(entry, batch, notes),
            })
            .await?;
        let mut doubts = page.doubts;
        if let Some(cause) = read.notes.partial.clone().filter(|_| !read.partial_told) {
            read.partial_told = true;
            doubts.push(Doubt::Interrupted { cause });
        }
        let next = page
            .more
            .then(|| Cursor(self.cursors.fetch_add(1, Ordering::Relaxed).to_string()));
        match (&next, part) {
            (Some(cursor), _) => {
                read.cursor = cursor.clone();
                *place = Some(State {
                    session,
                    read: Some(read),
                });
            }
            (None, _) if page.spent => {}
            // People come first: after the groups the connection has served.
            (None, Part::Groups) => session.unbind().await,
            (None, Part::Users) => *place = Some(State { session, read: None }),
        }
        Ok(PageEnd {
            next,
            total: None,
            doubts,
        })
    }

    async fn check(&self) -> Vec<Finding> {
        check::check(self).await
    }
}

#[cfg(test)]
mod tests;
