//! The requests: lists, one group, what the provider says of itself.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use super::{paging::Position, wire::Text};
use crate::{
    call::Paused,
    directory::{Error, Part},
    http::{self, HttpClient, Response, encode_segment},
};

const ACCEPT: &str = "application/scim+json, application/json;q=0.9";

/// A service provider.
#[derive(Debug)]
pub(super) struct Client {
    http: HttpClient,
    answer_bytes: usize,
    /// Whether the provider refuses the parameters `attributes` and `excludedAttributes`.
    plain: AtomicBool,
}

/// What is asked of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListRequest<'r> {
    pub(super) part: Part,
    pub(super) position: &'r Position,
    pub(super) count: u32,
    pub(super) filter: Option<&'r str>,
    /// `attributes` or `excludedAttributes`, and its value.
    pub(super) selection: Option<(&'static str, &'r str)>,
}

/// What a provider can do, as far as it says (RFC 7643 §5, RFC 9865 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceProvider {
    pub(super) cursor: bool,
    pub(super) max_page_size: Option<u32>,
}

impl Client {
    pub(super) const fn new(http: HttpClient, answer_bytes: usize) -> Self {
        Self {
            http,
            answer_bytes,
            plain: AtomicBool::new(false),
        }
    }

    /// The base URL, for messages.
    pub(super) fn place(&self) -> &str {
        self.http.base().as_str().trim_end_matches('/')
    }

    /// Asks for one page of a list.
    ///
    /// A provider that answers 400 to the choice of attributes is asked once more without, and then always without.
    pub(super) async fn list(&self, request: ListRequest<'_>) -> Result<Response, http::Error> {
        let chosen = request.selection.filter(|_| self.selects());
        let answer = self.send(request, chosen).await;
        // Later pages of one list must be asked for exactly as the first (RFC 9865 §2).
        match answer {
            Err(http::Error::Status { status: 400, .. }) if chosen.is_some() && request.position.is_start() => {
                let answer = self.send(request, None).await?;
                self.plain.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            answer => answer,
        }
    }

    /// Asks for everything from now on. True when a choice was still being made.
    pub(super) fn stop_selecting(&self) -> bool {
        !self.plain.swap(true, Ordering::Relaxed)
    }

    /// Whether a choice of attributes is sent.
    pub(super) fn selects(&self) -> bool {
        !self.plain.load(Ordering::Relaxed)
    }

    /// Asks for one page of a list, with or without a choice of attributes.
    pub(super) async fn send(
        &self,
        request: ListRequest<'_>,
        selection: Option<(&'static str, &str)>,
    ) -> Result<Response, http::Error> {
        let count = request.count.to_string();
        let start;
        let mut query = vec![match request.position {
            Position::Index { start: index, .. } => {
                start = index.to_string();
                ("startIndex", start.as_str())
            }
            Position::Cursor(cursor) => ("cursor", cursor.as_str()),
        }];
        query.push(("count", &count));
        query.extend(request.filter.map(|filter| ("filter", filter)));
        query.extend(selection);
        self.get(path(request.part), &query).await
    }

    /// Asks for one group with its members; `None` when it is no longer there.
    pub(super) async fn group(&self, id: &str) -> Result<Option<Response>, http::Error> {
        let path = format!("Groups/{}", encode_segment(id));
        // Some providers tell members only to those who name them.
        let members = [("attributes", "displayName,members")];
        match self.get(&path, if self.selects() { &members } else { &[] }).await {
            Ok(response) => Ok(Some(response)),
            Err(http::Error::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks what the provider can do. Many don't say, or not to everybody: then nothing is known.
    pub(super) async fn service_provider(&self) -> Result<ServiceProvider, http::Error> {
        match self.get("ServiceProviderConfig", &[]).await {
            Ok(response) => Ok(read_service_provider(&response.body)),
            // Too many requests, or a provider that is down, would tell the same of everything else.
            Err(error @ http::Error::Status { status: 429 | 503, .. }) => Err(error),
            Err(http::Error::Status { .. } | http::Error::Redirect { .. }) => Ok(ServiceProvider::default()),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, http::Error> {
        self.http
            .get(path, query)
            .header("accept", ACCEPT)
            .send(self.answer_bytes)
            .await
    }

    /// The error of a request that isn't made because the provider wants none.
    pub(super) fn paused(&self, Paused { rest }: Paused) -> http::Error {
        let host = self.http.host().to_owned();
        http::Error::Paused { host, rest }
    }

    /// Says what was being done when an error came.
    pub(super) fn failed(&self, doing: &str, source: http::Error) -> Error {
        let operation = format!("{doing} of {}", self.place());
        match &source {
            http::Error::Status { kind: Some(kind), .. } if is_lost_position(kind) => Error::Protocol {
                operation,
                message: format!(
                    "the provider no longer knows the page cursor that it handed out ({kind}); the next sync starts \
                     from the first page"
                ),
            },
            _ => Error::Http { operation, source },
        }
    }
}

/// The path of a list below the base URL.
pub(super) const fn path(part: Part) -> &'static str {
    match part {
        Part::Users => "Users",
        Part::Groups => "Groups",
    }
}

/// What is being done when a list is asked for.
pub(super) const fn reading(part: Part) -> &'static str {
    match part {
        Part::Users => "reading users",
        Part::Groups => "reading groups",
    }
}

/// Errors of RFC 9865 §2.1 that only a read from the first page mends.
fn is_lost_position(scim_type: &str) -> bool {
    ["invalidCursor", "expiredCursor"]
        .iter()
        .any(|kind| scim_type.eq_ignore_ascii_case(kind))
}

fn read_service_provider(body: &[u8]) -> ServiceProvider {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body<'a> {
        #[serde(borrow)]
        pagination: Pagination<'a>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Pagination<'a> {
        #[serde(borrow)]
        cursor: Text<'a>,
        #[serde(borrow)]
        max_page_size: Text<'a>,
    }

    // What can't be read says nothing; paging by index is what every provider has to know.
    let Body { pagination } = serde_json::from_slice(body).unwrap_or_default();
    ServiceProvider {
        cursor: pagination.cursor.is("true"),
        max_page_size: pagination.max_page_size.as_str().parse().ok().filter(|size| *size > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_says_whether_it_pages_by_cursor() {
        let body = include_bytes!("fixtures/rfc9865-4-service-provider-config.json");
        assert_eq!(
            read_service_provider(body),
            ServiceProvider {
                cursor: true,
                max_page_size: Some(250)
            }
        );
        for nothing in [
            "",
            "[]",
            "{}",
            r#"{"pagination":{"index":true}}"#,
            r#"{"pagination":7}"#,
        ] {
            assert_eq!(
                read_service_provider(nothing.as_bytes()),
                ServiceProvider::default(),
                "{nothing}"
            );
        }
    }
}
