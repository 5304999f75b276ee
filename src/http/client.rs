//! One credential at one base URL.

mod address;
mod failure;
mod response;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION},
};
use serde::Serialize;
use url::Url;

use self::{address::host_and_port, failure::failed};
pub use self::{
    address::{encode_segment, parse_base},
    response::{Response, decode_error},
};
use super::{
    Auth, Error, InProcess, Network, Problem, Tls,
    error::{shown, unusable},
    network::CheckedResolver,
    problem::excerpt,
    retry_after,
    tls::trusting_nobody,
};

/// The usual bound of one answer, 16 MiB: pages of a list stay far below it.
pub const PAGE_LIMIT: usize = 16 << 20;

/// How much of an error body is read.
const ERROR_LIMIT: usize = 64 << 10;

/// How many redirects within the origin are followed, for `GET` alone.
const REDIRECTS: usize = 5;

const USER_AGENT: &str = concat!("directory-sync/", env!("CARGO_PKG_VERSION"));

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to be made, TLS included; never longer than `answer`. Default: 10 s.
    pub connect: Duration,
    /// For the answer to one request, or the next part of a long one; absent: whoever sends the request gives up by
    /// himself. Default: absent.
    pub answer: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: None,
        }
    }
}

/// What to do about failures that are mended in the specification, in its own words. Messages end with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// When the credential is refused (401): which field names which Secret. Default: nothing.
    pub unauthorized: String,
    /// When an answer is larger than is read: which field makes it smaller. Default: nothing.
    pub too_large: String,
}

impl Advice {
    /// No advice.
    pub const fn none() -> Self {
        Self {
            unauthorized: String::new(),
            too_large: String::new(),
        }
    }

    fn after(advice: &str) -> String {
        if advice.is_empty() {
            String::new()
        } else {
            format!("; {advice}")
        }
    }
}

/// A client for one credential at one base URL. Cheap to clone; made anew for each sync.
#[derive(Clone, Debug)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    /// Who answers in place of the network.
    in_process: Option<Arc<dyn InProcess>>,
    base: Url,
    /// Host and port, for messages.
    host: String,
    auth: Auth,
    header: Option<HeaderValue>,
    advice: Advice,
}

impl HttpClient {
    /// Checks everything that can be checked without a connection: URL, policy, CA, credential.
    pub fn new(network: &Network, tls: &Tls, timeouts: Timeouts, auth: Auth, base: Url) -> Result<Self, Error> {
        Self::advising(network, tls, timeouts, auth, base, Advice::none())
    }

    /// The same, with advice for its errors.
    pub fn advising(
        network: &Network,
        tls: &Tls,
        timeouts: Timeouts,
        auth: Auth,
        base: Url,
        advice: Advice,
    ) -> Result<Self, Error> {
        network.check_url(&base)?;
        if base.scheme() == "http" && !tls.insecure_http {
            return Err(Error::InsecureUrl {
                url: shown(&base),
                why: "use https, or set tls.mode to Disabled if plain text is meant",
            });
        }
        let mut config = match (base.scheme(), &tls.ca_pem) {
            // Plain text inside a cluster works without any root certificate on the system.
            ("http", None) => trusting_nobody()?,
            (_, ca_pem) => network.tls_config(ca_pem.as_deref())?,
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .dns_resolver(Arc::new(CheckedResolver(network.clone())))
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would resolve the name in our place, and what it connects to could not be checked.
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .user_agent(USER_AGENT);
        if let Some(answer) = timeouts.answer {
            client = client.read_timeout(answer);
        }
        let client = client
            .build()
            .map_err(|error| unusable(&base, &crate::fault::chain(&error.without_url())))?;
        let header = auth.header(&client)?;
        Ok(Self {
            inner: Arc::new(Inner {
                host: host_and_port(&base),
                client,
                in_process: network.other_side(),
                base,
                auth,
                header,
                advice,
            }),
        })
    }

    /// The base URL.
    pub fn base(&self) -> &Url {
        &self.inner.base
    }

    /// Host and port, as messages name them.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// A `GET` of a path below the base URL, or of a URL of the same origin (a next-page link).
    ///
    /// Segments of the path are given percent-encoded, see [`encode_segment`]; the query is encoded here.
    pub fn get(&self, path: &str, query: &[(&str, &str)]) -> RequestBuilder<'_> {
        self.request(Method::GET, path, query)
    }

    /// A `POST` of a JSON body.
    pub fn post(&self, path: &str, body: &(impl Serialize + ?Sized)) -> RequestBuilder<'_> {
        self.request(Method::POST, path, &[]).json(body)
    }

    /// A `PATCH` with a JSON body.
    pub fn patch(&self, path: &str, body: &(impl Serialize + ?Sized)) -> RequestBuilder<'_> {
        self.request(Method::PATCH, path, &[]).json(body)
    }

    /// A URL that the server handed out, if it leads to the server itself: scheme, host and port are those of the base.
    pub fn same_origin(&self, url: &str) -> Result<Url, Error> {
        let target = self.inner.base.join(url).map_err(|error| Error::InvalidUrl {
            url: url.chars().take_while(|c| *c != '?').take(100).collect(),
            why: error.to_string(),
        })?;
        if target.origin() == self.inner.base.origin() {
            Ok(target)
        } else {
            Err(Error::Redirect {
                host: self.inner.host.clone(),
                target: host_and_port(&target),
            })
        }
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder<'_> {
        let url = self.url(path).map(|mut url| {
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            url
        });
        RequestBuilder {
            client: &self.inner,
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            fault: None,
        }
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        if path.contains("://") {
            return self.same_origin(path);
        }
        let base = self.inner.base.as_str().trim_end_matches('/');
        let url = if path.is_empty() {
            base.to_owned()
        } else {
            format!("{base}/{}", path.trim_start_matches('/'))
        };
        self.same_origin(&url)
    }
}

/// A request that is being made. What goes wrong while it is made shows when it is sent.
#[must_use]
pub struct RequestBuilder<'c> {
    client: &'c Inner,
    method: Method,
    url: Result<Url, Error>,
    headers: HeaderMap,
    body: Option<Bytes>,
    fault: Option<String>,
}

impl RequestBuilder<'_> {
    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.fault = Some(format!("the value of the header {name} contains control characters")),
        }
        self
    }

    fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.body = Some(body.into()),
            Err(error) => self.fault = Some(format!("the body is no JSON: {error}")),
        }
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// Sends the request and reads the whole answer, at most `limit` bytes after decompression.
    ///
    /// Everything but a success is an [`Error`]; redirects are followed for `GET` within the origin alone.
    pub async fn send(self, limit: usize) -> Result<Response, Error> {
        let Self {
            client,
            method,
            url,
            mut headers,
            body,
            fault,
        } = self;
        let mut url = url?;
        if let Some(why) = fault {
            return Err(Error::Request {
                host: client.host.clone(),
                why,
            });
        }
        headers
            .entry(ACCEPT)
            .or_insert(HeaderValue::from_static("application/json"));
        if let Some(header) = &client.header {
            headers.insert(AUTHORIZATION, header.clone());
        }
        for _ in 0..=REDIRECTS {
            let response = client.exchange(&method, &url, &headers, body.as_ref()).await?;
            let status = response.status();
            tracing::debug!(%method, host = client.host, path = url.path(), status = status.as_u16(), "Answered");
            if method == Method::GET && is_redirect(status) {
                url = client.redirected(&url, response.headers())?;
                continue;
            }
            if !status.is_success() {
                return Err(client.refused(response).await);
            }
            return client.read(response, limit).await;
        }
        Err(Error::Request {
            host: client.host.clone(),
            why: format!("more than {REDIRECTS} redirects, the last to {}", url.path()),
        })
    }
}

impl Inner {
    /// One request and the beginning of its answer.
    async fn exchange(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&Bytes>,
    ) -> Result<reqwest::Response, Error> {
        let Some(other_side) = &self.in_process else {
            let mut request = self
                .client
                .request(method.clone(), url.clone())
                .headers(headers.clone());
            if let Some(body) = body {
                request = request.body(body.clone());
            }
            return request.send().await.map_err(|error| failed(&self.host, error));
        };
        let mut request = http::Request::new(body.cloned().unwrap_or_default());
        *request.method_mut() = method.clone();
        *request.headers_mut() = headers.clone();
        *request.uri_mut() = url
            .as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| Error::Request {
                host: self.host.clone(),
                why: error.to_string(),
            })?;
        Ok(other_side.answer(request).await?.into())
    }

    fn redirected(&self, from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let target = location
            .and_then(|location| from.join(location).ok())
            .ok_or_else(|| Error::Request {
                host: self.host.clone(),
                why: "it redirects, but doesn't say to where".to_owned(),
            })?;
        if target.origin() == self.base.origin() {
            Ok(target)
        } else {
            Err(Error::Redirect {
                host: self.host.clone(),
                target: host_and_port(&target),
            })
        }
    }

    async fn read(&self, mut response: reqwest::Response, limit: usize) -> Result<Response, Error> {
        let too_large = || Error::TooLarge {
            host: self.host.clone(),
            limit,
            advice: Advice::after(&self.advice.too_large),
        };
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(too_large());
        }
        let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&self.host, error))? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            host: self.host.clone(),
            status: response.status().as_u16(),
            body: body.freeze(),
        })
    }

    /// An answer that is no success.
    async fn refused(&self, mut response: reqwest::Response) -> Error {
        let mut body = Vec::new();
        // What can be read of the body is enough; the status has been read already.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(ERROR_LIMIT - body.len())]);
            if body.len() == ERROR_LIMIT {
                break;
            }
        }
        let redact = |text: &str| self.auth.redact(text, self.header.as_ref());
        // Read first: JSON may write a secret otherwise than it is.
        let problem = Problem::read(&body).map(|problem| problem.map(redact));
        let advice = match response.status() {
            StatusCode::UNAUTHORIZED => Advice::after(&self.advice.unauthorized),
            _ => String::new(),
        };
        let said = problem
            .as_ref()
            .map_or_else(|| excerpt(redact(&canonical(&body)).as_bytes()), Problem::sentence);
        Error::Status {
            host: self.host.clone(),
            status: response.status().as_u16(),
            detail: said + &advice,
            kind: problem.and_then(|problem| problem.kind),
            retry_after: retry_after(response.headers(), SystemTime::now()),
        }
    }
}

/// A body as text; JSON with each character escaped in the one way that redacting knows.
fn canonical(body: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body);
    json.map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |json| json.to_string())
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests;
