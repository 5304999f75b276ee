//! A SCIM service provider (RFC 7644) that pages by index or by cursor (RFC 9865).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    Served, Testbed,
    company::{Company, PAGE, Page, email, group_id, person_id},
    faults::{Fault, on_page, rows},
    patience,
    server::serve,
};
use crate::{
    directory::scim::{Config, Paging, ScimDirectory},
    http::{Auth, Tls, parse_base, testing::open_network},
};

/// By which way of paging.
#[derive(Clone, Copy)]
pub(super) struct Scim(Paging);

impl Scim {
    pub(super) const ALL: [Self; 2] = [Self(Paging::Index), Self(Paging::Cursor)];
}

#[async_trait]
impl Testbed for Scim {
    fn name(&self) -> &'static str {
        match self.0 {
            Paging::Cursor => "scim by cursor",
            Paging::Auto | Paging::Index => "scim by index",
        }
    }

    fn faults(&self, company: &Company, page: usize) -> Vec<Fault> {
        let mut faults = vec![
            Fault::NoRows,
            Fault::NoRowsAndEnd,
            Fault::NoBody,
            Fault::Truncated,
            Fault::CutShort,
            Fault::CutAtRow,
            Fault::TooManyRequests(None),
            Fault::TooManyRequests(Some(3600)),
            Fault::Silence,
            Fault::Reset,
            Fault::Lost,
            Fault::DuplicateRow,
            Fault::NamelessRow,
            Fault::UnreadableRow,
            Fault::Garbage,
            Fault::Panic,
        ];
        // An index that begins a list leads to nothing that came before.
        if self.0 == Paging::Cursor || !company.begins(page) {
            faults.push(Fault::Again);
        }
        faults.extend([204, 301, 400, 401, 403, 404, 500, 502, 503].map(Fault::Status));
        faults
    }

    async fn serve(&self, company: Company, fault: Option<(usize, Fault)>) -> Served {
        self.serve_while(company, fault, usize::MAX).await
    }
}

impl Scim {
    /// A directory that answers the first request for one page with this status, and asks to wait a second.
    pub(super) async fn serve_once(&self, company: Company, page: usize, status: u16) -> Served {
        self.serve_while(company, Some((page, Fault::NotNow(status))), 1).await
    }

    /// A directory with a fault in one page, for so many requests.
    async fn serve_while(&self, company: Company, fault: Option<(usize, Fault)>, times: usize) -> Served {
        let left = Arc::new(AtomicUsize::new(times));
        let answer = move |stream| answer(stream, company.clone(), fault, Arc::clone(&left));
        let (address, server) = serve(answer).await;
        let mut config = Config {
            tls: Tls {
                ca_pem: None,
                insecure_http: true,
            },
            paging: self.0,
            page_size: u32::try_from(PAGE).unwrap(),
            select_attributes: false,
            ..Config::new(
                parse_base(&format!("http://{address}/scim")).unwrap(),
                Auth::Bearer("t0ken".into()),
            )
        };
        config.timeouts.answer = Some(patience(fault));
        let directory = ScimDirectory::new(config, &open_network()).unwrap();
        Served::new(directory, Some(server), fault)
    }
}

/// One connection, which is good for one request.
async fn answer(mut stream: TcpStream, company: Company, fault: Option<(usize, Fault)>, left: Arc<AtomicUsize>) {
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request = String::from_utf8(received).unwrap();
    let target = request.split_whitespace().nth(1).unwrap();
    let url = url::Url::parse(&format!("http://x{target}")).unwrap();
    let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    let first = if url.path().ends_with("/Groups") {
        company.user_pages()
    } else {
        0
    };
    let within = match (query.get("startIndex"), query.get("cursor")) {
        (Some(start), _) => (start.parse::<usize>().unwrap() - 1) / PAGE,
        (None, cursor) => cursor.map_or(0, |cursor| cursor.parse().unwrap_or(0)),
    };
    let page = first + within;
    let spend = || {
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    };
    let fault = on_page(fault, page).filter(|_| spend());
    let body = list(&company, first, within, query.contains_key("cursor"), fault).to_string();
    let half = body.len() / 2;
    let reply = |status: u16, header: &str, announced: usize, body: &str| {
        format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/scim+json\r\nconnection: close\r\n{header}\
             content-length: {announced}\r\n\r\n{body}"
        )
    };
    let reply = match fault {
        Some(Fault::Silence) => {
            std::future::pending::<()>().await;
            return;
        }
        Some(Fault::NoBody) => reply(200, "", 0, ""),
        Some(Fault::Status(204)) => reply(204, "", 0, ""),
        Some(Fault::Status(status)) => reply(status, "", 0, ""),
        Some(Fault::NotNow(status)) => reply(status, "retry-after: 1\r\n", 0, ""),
        Some(Fault::TooManyRequests(None)) => reply(429, "", 0, ""),
        Some(Fault::TooManyRequests(Some(wait))) => reply(429, &format!("retry-after: {wait}\r\n"), 0, ""),
        Some(Fault::CutShort) => reply(200, "", half, &body[..half]),
        Some(Fault::Truncated | Fault::Reset) => reply(200, "", body.len(), &body[..half]),
        Some(Fault::Lost) => reply(200, "", body.len(), "")[..30].to_owned(),
        Some(Fault::Garbage) => reply(200, "", 14, "<html>\u{0}</html>"),
        _ => reply(200, "", body.len(), &body),
    };
    let _ = stream.write_all(reply.as_bytes()).await;
    if fault == Some(Fault::Reset) {
        stream.set_zero_linger().unwrap();
    }
}

/// The list that a provider sends for a page of the part that begins with the page `first`.
fn list(company: &Company, first: usize, within: usize, by_cursor: bool, fault: Option<Fault>) -> Value {
    let (pages, total) = if first == 0 {
        (company.user_pages(), company.stated.unwrap_or(company.people.len()))
    } else {
        (company.group_pages(), company.groups.len())
    };
    let page = match fault {
        Some(Fault::Again) if !by_cursor => company.page(first + within - 1),
        _ => company.page(first + within.min(pages - 1)),
    };
    let numbers = if within < pages { page.numbers() } else { &[] };
    let rows = rows(numbers, fault).map(|(number, fault)| match page {
        Page::People(_) => person(company, number, fault),
        Page::Groups(_) => group(company, number, fault),
    });
    let rows: Vec<Value> = rows.collect();
    let mut list = json!({ "totalResults": total, "Resources": rows });
    let next = match fault {
        Some(Fault::Again) => Some(within),
        Some(Fault::NoRowsAndEnd) => None,
        _ => (within + 1 < pages).then_some(within + 1),
    };
    if let Some(next) = next.filter(|_| by_cursor) {
        list["nextCursor"] = json!(next.to_string());
    }
    list
}

fn person(company: &Company, number: usize, fault: Option<Fault>) -> Value {
    let mut person = json!({ "id": person_id(number), "userName": email(number), "active": true });
    if company.titled {
        person["title"] = json!("Agent");
    }
    match fault {
        Some(Fault::NamelessRow) => person["id"] = Value::Null,
        Some(Fault::UnreadableRow) => person["active"] = json!("perhaps"),
        _ => {}
    }
    person
}

fn group(company: &Company, number: usize, fault: Option<Fault>) -> Value {
    let members = company.groups[number].iter();
    let members: Vec<_> = members
        .map(|person| json!({ "value": person_id(*person), "type": "User" }))
        .collect();
    let mut group = json!({ "id": group_id(number), "displayName": company.names[number], "members": members });
    match fault {
        Some(Fault::NamelessRow) => group["id"] = Value::Null,
        Some(Fault::UnreadableRow) => group["members"][0]["value"] = json!([1]),
        _ => {}
    }
    group
}
