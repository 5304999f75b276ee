//! A session with a server: connect, secure, bind, search page by page.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use directory_sync_model::snapshot::Doubt;
use rustls::ClientConfig;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::{
    config::{Address, Bind, Scope, Timeouts},
    connect::connect,
    protocol::{
        ber::Malformed,
        connection::{Connection, ConnectionError, Stream},
        message::{self, Answer, Entry, Message, Outcome},
    },
    result::{self, Ending},
};
use crate::{directory::Error, http::Network};

/// How many entries are handed on at once, at most; more come only from a server that ignores the size of a page. Messages
/// that are no entries count as well, so that whoever reads pages notices when nothing else comes.
const MESSAGES_AT_ONCE: u64 = 10_000;
/// How many bytes of entries are handed on at once, give or take one entry.
const BYTES_AT_ONCE: usize = 16 << 20;
/// How many empty pages in a row are taken for an answer that never ends.
const EMPTY_PAGES: u32 = 100;

/// A connection on which a bind has succeeded.
pub struct Session {
    connection: Connection<Box<dyn Stream>>,
    address: Address,
}

/// A search that is under way.
pub struct Running {
    /// What is searched, for messages: `people`, `groups`.
    pub what: &'static str,
    /// The DN of the base.
    pub base: String,
    /// How far below it.
    pub scope: Scope,
    /// The encoded filter.
    pub filter: Vec<u8>,
    /// The attributes to return.
    pub attributes: Vec<String>,
    /// Entries per page; `None` asks for all at once.
    pub page_size: Option<u32>,
    progress: Progress,
}

#[derive(Default)]
struct Progress {
    id: i32,
    any: bool,
    in_page: u64,
    empty_pages: u32,
    /// Hashes of the DNs with which pages began. A server that begins a page twice goes in circles; its cookie says
    /// nothing, as 389 Directory Server gives the same one for every page.
    beginnings: HashSet<u64>,
    references: bool,
}

/// How a page ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Whether the search goes on.
    pub more: bool,
    /// Why this may not be everything.
    pub doubts: Vec<Doubt>,
    /// Whether the connection is of no more use: the server is still sending what nobody wants.
    pub spent: bool,
}

impl Running {
    /// A search that has not begun.
    pub fn new(what: &'static str, base: &str, scope: Scope, filter: Vec<u8>, attributes: Vec<String>) -> Self {
        Self {
            what,
            base: base.to_owned(),
            scope,
            filter,
            attributes,
            page_size: None,
            progress: Progress::default(),
        }
    }

    fn fields(&self) -> (String, String) {
        match self.what {
            "groups" => ("groups.baseDN (or baseDN)".to_owned(), "groups.filter".to_owned()),
            _ => ("users.baseDN (or baseDN)".to_owned(), "users.filter".to_owned()),
        }
    }

    /// Whether the page that begins with this entry began before.
    fn begins_again(&mut self, dn: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        dn.hash(&mut hasher);
        !self.progress.beginnings.insert(hasher.finish())
    }
}

impl Session {
    /// Connects, secures the connection and binds.
    pub async fn open(
        address: &Address,
        tls: Option<&Arc<ClientConfig>>,
        bind: &Bind,
        timeouts: Timeouts,
        network: &Network,
    ) -> Result<Self, Error> {
        let connect = connect(address, tls, timeouts, network);
        let stream = timeout(timeouts.connect, connect).await.map_err(|_| Error::Timeout {
            operation: format!("connecting to {address}"),
            after: timeouts.connect,
        })??;
        let mut session = Self {
            connection: Connection::new(stream, timeouts.request),
            address: address.clone(),
        };
        session.bind(bind).await?;
        Ok(session)
    }

    async fn bind(&mut self, bind: &Bind) -> Result<(), Error> {
        let operation = match bind {
            Bind::Anonymous => format!("binding anonymously to {}", self.address),
            Bind::Simple { dn, .. } => format!("binding to {} as {dn}", self.address),
        };
        let failed = |error| result::connection_error(operation.clone(), error);
        let (name, password) = match bind {
            Bind::Anonymous => ("", ""),
            Bind::Simple { dn, password } => (dn.as_str(), password.expose_secret()),
        };
        let id = self
            .connection
            .send(|id| message::bind(id, name, password))
            .await
            .map_err(failed)?;
        let length = answer(&mut self.connection, id).await.map_err(failed)?;
        let answered = Message::decode(self.connection.message(length)).map_err(|error| failed(error.into()))?;
        let bound = match answered.answer {
            Answer::Bound(outcome) if outcome.code == 0 => Ok(()),
            Answer::Bound(outcome) => Err(result::bind_error(operation, &outcome, bind)),
            _ => Err(failed(Malformed("another answer than that to a bind").into())),
        };
        self.connection.consume(length);
        bound
    }

    /// Says goodbye; a server that doesn't hear it notices the end of the connection all the same.
    pub async fn unbind(mut self) {
        let _ = self.connection.send(message::unbind).await;
    }

    /// Begins a search.
    pub async fn start(&mut self, running: &mut Running) -> Result<(), Error> {
        running.progress = Progress::default();
        self.request(running, &[], 0).await
    }

    async fn request(&mut self, running: &mut Running, cookie: &[u8], size_limit: u32) -> Result<(), Error> {
        let search = message::Search {
            base: &running.base,
            scope: running.scope,
            filter: &running.filter,
            attributes: &running.attributes,
            size_limit,
            page: running.page_size.map(|size| (size, cookie)),
        };
        let sent = self.connection.send(|id| message::search(id, &search)).await;
        running.progress.id = sent.map_err(|error| failed(running, &self.address, error))?;
        running.progress.in_page = 0;
        Ok(())
    }

    /// Hands the entries of the next page to `take`. When the server has more, the next page has been asked for by the
    /// time this returns, so that the server works while the caller does.
    ///
    /// An error means that the session is of no more use.
    pub async fn page(
        &mut self,
        running: &mut Running,
        mut take: impl FnMut(Entry<'_>) -> Result<(), Malformed>,
    ) -> Result<Page, Error> {
        let (mut messages, mut bytes) = (0_u64, 0_usize);
        loop {
            let received = self.connection.receive().await;
            let length = received.map_err(|error| failed(running, &self.address, error))?;
            let received = Message::decode(self.connection.message(length));
            let received = received.map_err(|error| failed(running, &self.address, error.into()))?;
            match received.answer {
                Answer::Extended(outcome) if received.id == 0 => {
                    return Err(failed(running, &self.address, disconnected(&outcome)));
                }
                Answer::Entry(entry) if received.id == running.progress.id => {
                    running.progress.in_page += 1;
                    running.progress.any = true;
                    if running.progress.in_page == 1 && running.begins_again(entry.dn) {
                        return Ok(Page {
                            more: false,
                            doubts: vec![Doubt::RepeatedCursor],
                            spent: true,
                        });
                    }
                    take(entry).map_err(|error| failed(running, &self.address, error.into()))?;
                    bytes += length;
                }
                Answer::Reference if received.id == running.progress.id => {
                    running.progress.any = true;
                    running.progress.references = true;
                }
                Answer::SearchDone(outcome) if received.id == running.progress.id => {
                    let step = Step::after(&outcome, running, &self.address)?;
                    self.connection.consume(length);
                    match step {
                        Step::End(page) => return Ok(page),
                        Step::Next(cookie) => {
                            self.request(running, &cookie, 0).await?;
                            return Ok(Page {
                                more: true,
                                doubts: Vec::new(),
                                spent: false,
                            });
                        }
                        Step::WithoutPages => {
                            running.page_size = None;
                            self.request(running, &[], 0).await?;
                            continue;
                        }
                    }
                }
                // An answer to nothing that was asked, or an intermediate response: neither says anything here.
                _ => {}
            }
            self.connection.consume(length);
            messages += 1;
            if messages > MESSAGES_AT_ONCE || bytes >= BYTES_AT_ONCE {
                return Ok(Page {
                    more: true,
                    doubts: Vec::new(),
                    spent: false,
                });
            }
        }
    }

    /// Hands at most `limit` entries to `take`, and says how many there were. Meeting the limit is no failure.
    pub async fn sample(
        &mut self,
        running: &mut Running,
        limit: u32,
        mut take: impl FnMut(Entry<'_>) -> Result<(), Malformed>,
    ) -> Result<u32, Error> {
        running.page_size = None;
        running.progress = Progress::default();
        self.request(running, &[], limit).await?;
        let mut count = 0;
        loop {
            let received = answer(&mut self.connection, running.progress.id).await;
            let length = received.map_err(|error| failed(running, &self.address, error))?;
            let failed = |error: Malformed| failed(running, &self.address, error.into());
            let received = Message::decode(self.connection.message(length)).map_err(failed)?;
            let done = match received.answer {
                Answer::Entry(entry) if count < limit => {
                    count += 1;
                    take(entry).map_err(failed)?;
                    false
                }
                Answer::SearchDone(outcome) => {
                    if matches!(result::ending(outcome.code, false), Ending::Failed) {
                        return Err(refused(&outcome, running, &self.address));
                    }
                    true
                }
                _ => false,
            };
            self.connection.consume(length);
            if done {
                return Ok(count);
            }
        }
    }
}

fn operation(running: &Running, address: &Address) -> String {
    format!("searching {} below {:?} on {address}", running.what, running.base)
}

fn failed(running: &Running, address: &Address, error: ConnectionError) -> Error {
    result::connection_error(operation(running, address), error)
}

fn refused(outcome: &Outcome<'_>, running: &Running, address: &Address) -> Error {
    let (base, filter) = running.fields();
    result::search_error(operation(running, address), outcome, &base, &filter)
}

/// The cookie of the page that follows, if one does. A cookie that nobody asked for begins nothing.
fn next_cookie<'a>(outcome: &Outcome<'a>, running: &Running) -> Option<&'a [u8]> {
    let cookie = outcome.cookie.filter(|_| running.page_size.is_some());
    cookie.filter(|cookie| !cookie.is_empty())
}

/// What follows the end of a page.
enum Step {
    End(Page),
    Next(Vec<u8>),
    WithoutPages,
}

impl Step {
    fn after(outcome: &Outcome<'_>, running: &mut Running, address: &Address) -> Result<Self, Error> {
        let first = running.page_size.is_some() && !running.progress.any;
        let doubt = match result::ending(outcome.code, first) {
            Ending::Failed => return Err(refused(outcome, running, address)),
            Ending::NoPages => return Ok(Self::WithoutPages),
            Ending::Cut(doubt) => {
                let (code, words) = (outcome.code, result::words(outcome.text));
                tracing::warn!(%address, base = running.base, code, words, "the server cut its answer: {doubt}");
                Some(doubt)
            }
            Ending::Complete => match next_cookie(outcome, running) {
                Some(cookie) => {
                    let progress = &mut running.progress;
                    progress.empty_pages = if progress.in_page == 0 {
                        progress.empty_pages + 1
                    } else {
                        0
                    };
                    if progress.empty_pages < EMPTY_PAGES {
                        return Ok(Self::Next(cookie.to_vec()));
                    }
                    Some(Doubt::RepeatedCursor)
                }
                None => None,
            },
        };
        let mut doubts: Vec<_> = doubt.into_iter().collect();
        if running.progress.references && !doubts.contains(&Doubt::Referral) {
            doubts.push(Doubt::Referral);
        }
        Ok(Self::End(Page {
            more: false,
            doubts,
            spent: false,
        }))
    }
}

/// Waits for a message that answers the request `id`, and skips those that answer none.
pub(super) async fn answer<S: Stream>(connection: &mut Connection<S>, id: i32) -> Result<usize, ConnectionError> {
    loop {
        let length = connection.receive().await?;
        let received = Message::decode(connection.message(length))?;
        match received.answer {
            Answer::Extended(outcome) if received.id == 0 => return Err(disconnected(&outcome)),
            _ if received.id == id => return Ok(length),
            _ => connection.consume(length),
        }
    }
}

fn disconnected(outcome: &Outcome<'_>) -> ConnectionError {
    let words = result::words(outcome.text);
    ConnectionError::Disconnected(format!(
        "{} (result code {}) {words}",
        result::name(outcome.code),
        outcome.code
    ))
}
