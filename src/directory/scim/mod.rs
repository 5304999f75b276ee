#![doc = include_str!("docs.md")]

mod check;
mod client;
pub mod config;
mod map;
mod paging;
mod path;
mod plan;
mod read;
mod selection;
mod wire;

use std::sync::{Arc, atomic::AtomicBool};

use async_trait::async_trait;
use directory_sync_model::{
    attribute::{Attribute, AttributeSet},
    snapshot::Batch,
};
use tokio::sync::OnceCell;

use super::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};
use crate::{
    call::Limiter,
    http::{HttpClient, Network},
};
use client::{Client, ServiceProvider};
use path::Path;

pub use config::{Config, Paging};
pub use read::{decode_groups, decode_users};
pub use wire::{List, NotAList};

/// A SCIM 2.0 service provider that people and groups are read from.
#[derive(Debug)]
pub struct ScimDirectory {
    config: Config,
    client: Client,
    paths: Vec<(Attribute, Path)>,
    /// Where one page takes several requests, the further ones wait here for their turn.
    limiter: Arc<Limiter>,
    provider: OnceCell<ServiceProvider>,
    /// Whether some list of groups told members.
    lists_members: AtomicBool,
}

impl ScimDirectory {
    /// A client for one service provider. Connects to nothing yet.
    ///
    /// Fails with [`Error::Configuration`] for a path that is none, and with [`Error::Http`] when the host policy refuses
    /// the URL, or the CA or the credential can't be used.
    pub fn new(config: Config, network: &Network) -> Result<Self, Error> {
        let mut paths = Vec::new();
        for (attribute, text) in &config.attributes {
            let path = Path::parse(text).map_err(|message| Error::Configuration {
                field: format!("spec.provider.scim.users.attributes.{attribute}"),
                message,
            })?;
            paths.push((*attribute, path));
        }
        let (tls, auth, url) = (&config.tls, config.auth.clone(), config.url.clone());
        let http = HttpClient::advising(network, tls, config.timeouts, auth, url, config.advice.clone());
        let http = http.map_err(|source| Error::Http {
            operation: "spec.provider.scim".to_owned(),
            source,
        })?;
        Ok(Self {
            client: Client::new(http, config.answer_bytes),
            paths,
            config,
            limiter: Arc::new(Limiter::new(None)),
            provider: OnceCell::new(),
            lists_members: AtomicBool::new(false),
        })
    }

    /// Makes the requests that a page takes beyond its first wait for their turn at this limiter, which is to be the one
    /// of the [`crate::call::CallPolicy`] around this directory.
    #[must_use]
    pub fn limited_by(mut self, limiter: Arc<Limiter>) -> Self {
        self.limiter = limiter;
        self
    }
}

#[async_trait]
impl Directory for ScimDirectory {
    fn provider(&self) -> &'static str {
        "scim"
    }

    fn capability(&self) -> Capability {
        Capability { repeatable_pages: true }
    }

    async fn read(
        &self,
        part: Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        match part {
            Part::Users => self.read_users(wanted, cursor, batch).await,
            Part::Groups => self.read_groups(cursor, batch).await,
        }
    }

    async fn check(&self) -> Vec<Finding> {
        self.check_all().await
    }
}

#[cfg(test)]
mod tests;
