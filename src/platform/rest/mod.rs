#![doc = include_str!("docs.md")]

mod attributes;
mod batch;
pub mod config;
mod identity;
mod observe;
mod page;
mod problem;
mod request;
mod roles;
mod text;
pub mod wire;
mod write;

use std::sync::{OnceLock, RwLock};

use async_trait::async_trait;
use directory_sync_model::observed::Observer;

pub use config::Config;
pub use page::{PageError, decode_inboxes, decode_memberships, decode_roles, decode_teams, decode_users};
pub use roles::Roles;

use super::{
    Capability, Error, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, Platform, TeamPatch, UserDeletion,
    UserPatch, WriteKey,
};
use crate::http::{Auth, HttpClient, Network, Tls};
use observe::KnownRoles;
use wire::{Limits, MAX_MEMBERSHIP_BATCH, MAX_USER_BATCH};

/// A platform that speaks the contract.
pub struct RestPlatform {
    config: Config,
    client: HttpClient,
    /// The base URL as errors may show it.
    place: String,
    roles: RwLock<KnownRoles>,
    limits: OnceLock<Limits>,
}

impl RestPlatform {
    /// A client for the platform at `config.url`. Connects to nothing yet.
    ///
    /// Fails when the host policy refuses the URL or the CA can't be used.
    pub fn new(config: Config, network: &Network) -> Result<Self, Error> {
        let mut shown = config.url.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        // Both fail only for URLs that have no host, which have neither.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        let place = shown.as_str().trim_end_matches('/').to_owned();
        let tls = Tls {
            ca_pem: config.ca_pem.clone(),
            insecure_http: config.insecure_http,
        };
        let auth = Auth::Bearer(config.token.clone());
        let (url, advice) = (config.url.clone(), config.advice.clone());
        let client = HttpClient::advising(network, &tls, config.timeouts, auth, url, advice);
        let client = client.map_err(|source| Error::Http {
            operation: format!("preparing to reach {place}"),
            source,
        })?;
        Ok(Self {
            config,
            client,
            place,
            roles: RwLock::default(),
            limits: OnceLock::new(),
        })
    }
}

#[async_trait]
impl Platform for RestPlatform {
    fn name(&self) -> &'static str {
        "rest"
    }

    /// What the contract allows, or what the platform said of itself if it was asked ([`Platform::identity`]).
    fn capability(&self) -> Capability {
        let limits = self.limits.get();
        Capability {
            marks: true,
            create_teams: true,
            users_per_request: limits.map_or(MAX_USER_BATCH, |limits| limits.user_batch.max(1) as usize),
            memberships_per_request: limits
                .map_or(MAX_MEMBERSHIP_BATCH, |limits| limits.membership_batch.max(1) as usize),
            concurrency: self.config.concurrency,
        }
    }

    async fn identity(&self) -> Result<Identity, Error> {
        Ok(identity::of(self.who_am_i().await?))
    }

    async fn read(
        &self,
        part: Part,
        cursor: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, Error> {
        self.read_page(part, cursor, observer).await
    }

    async fn create_team(&self, team: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error> {
        self.post_team(team, owner, key).await
    }

    async fn update_team(&self, team: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        self.patch_team(team, key).await
    }

    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        self.post_users(users, key).await
    }

    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        self.post_updates(users, key).await
    }

    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        self.post_deletions(users, key).await
    }

    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.post_memberships(changes, owner, key).await
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
