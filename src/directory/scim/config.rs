//! What to read from which service provider, as plain data with its secrets resolved.

use std::time::Duration;

use directory_sync_model::attribute::Attribute;
use url::Url;

use crate::http::{Advice, Auth, PAGE_LIMIT, Timeouts, Tls};

/// Everything that a [`super::ScimDirectory`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The base URL, to which `/Users` and `/Groups` are added, for example `https://idp.acme.test/scim/v2`.
    pub url: Url,
    /// How the connection is secured.
    pub tls: Tls,
    /// How to authenticate.
    pub auth: Auth,
    /// How lists are paged.
    pub paging: Paging,
    /// How many resources to ask for per page, at least 1; the provider may send fewer. Groups come with their members,
    /// so that of them at most a hundred are asked for.
    pub page_size: u32,
    /// A filter for people (RFC 7644 §3.4.2.2); absent: everybody.
    pub user_filter: Option<String>,
    /// A filter for groups; absent: all groups.
    pub group_filter: Option<String>,
    /// Attributes that are read from paths of their own (RFC 7644 §3.10) in place of those of RFC 7643, for example
    /// `startDate` from `urn:acme:params:scim:User:hireDate`.
    pub attributes: Vec<(Attribute, String)>,
    /// Whether only the attributes that somebody reads are asked for (the parameter `attributes`). A provider that
    /// refuses that, or leaves out what it is asked for, is asked for everything whatever stands here.
    pub select_attributes: bool,
    /// The most bytes of one answer.
    pub answer_bytes: usize,
    /// The most requests under way at once, at least 1: where lists of groups don't tell members, so many groups are asked
    /// for at a time.
    pub concurrency: usize,
    /// How long to wait for the provider: for each request, since a page of groups may take many.
    pub timeouts: Timeouts,
    /// What to do about some errors.
    pub advice: Advice,
}

impl Config {
    /// The configuration that suits a provider that keeps to the RFCs.
    pub const fn new(url: Url, auth: Auth) -> Self {
        Self {
            url,
            tls: Tls {
                ca_pem: None,
                insecure_http: false,
            },
            auth,
            paging: Paging::Auto,
            page_size: 200,
            user_filter: None,
            group_filter: None,
            attributes: Vec::new(),
            select_attributes: true,
            answer_bytes: PAGE_LIMIT,
            concurrency: 8,
            timeouts: Timeouts {
                connect: Duration::from_secs(10),
                answer: Some(Duration::from_mins(1)),
            },
            advice: Advice::none(),
        }
    }
}

/// How lists are paged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// By cursor where the provider's `ServiceProviderConfig` offers that (RFC 9865 §4), else by index.
    #[default]
    Auto,
    /// By `startIndex` and `count` (RFC 7644 §3.4.2.4).
    Index,
    /// By `cursor` and `count` (RFC 9865).
    Cursor,
}
