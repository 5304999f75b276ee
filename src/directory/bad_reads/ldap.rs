//! An LDAP server (RFC 4511) with pages (RFC 2696).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
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
    directory::ldap::{
        LdapDirectory,
        config::{Address, Bind, Config, Security},
        protocol::{ber, message::tests as message},
    },
    http::testing::open_network,
};

pub(super) struct Ldap;

#[async_trait]
impl Testbed for Ldap {
    fn name(&self) -> &'static str {
        "ldap"
    }

    fn faults(&self, company: &Company, page: usize) -> Vec<Fault> {
        let mut faults = vec![
            Fault::NoRows,
            Fault::NoRowsAndEnd,
            Fault::Truncated,
            Fault::Silence,
            Fault::Reset,
            Fault::Lost,
            Fault::DuplicateRow,
            Fault::NamelessRow,
            Fault::UnreadableRow,
            Fault::Garbage,
            Fault::Panic,
        ];
        // Limits and referrals, rights, busy and unavailable, and what servers say otherwise (RFC 4511 §4.1.9).
        faults.extend([3, 4, 11, 10, 1, 50, 51, 52, 53, 80].map(Fault::Code));
        if !company.begins(page) {
            faults.push(Fault::Again);
        }
        if page >= company.user_pages() {
            faults.push(Fault::PartialRow);
        }
        faults
    }

    async fn serve(&self, company: Company, fault: Option<(usize, Fault)>) -> Served {
        let next = Arc::new(Mutex::new(0));
        let answer = move |stream| answer(stream, company.clone(), fault, Arc::clone(&next));
        let (address, server) = serve(answer).await;
        let address = Address {
            host: address.ip().to_string(),
            port: address.port(),
            security: Security::Plain,
        };
        let mut config = Config::new(address, Bind::Anonymous, "dc=acme,dc=test");
        config.page_size = u32::try_from(PAGE).unwrap();
        config.timeouts.request = patience(fault);
        let directory = LdapDirectory::new(config, open_network()).unwrap();
        Served::new(directory, Some(server), fault)
    }
}

/// One connection. A search without a cookie begins a part anew.
async fn answer(mut stream: TcpStream, company: Company, fault: Option<(usize, Fault)>, next: Arc<Mutex<usize>>) {
    let mut received = Vec::new();
    loop {
        let header = ber::header(&received).unwrap();
        let length = header.map(|header| header.length + header.content);
        let Some(length) = length.filter(|length| *length <= received.len()) else {
            match stream.read_buf(&mut received).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        let request: Vec<u8> = received.drain(..length).collect();
        let holds = |text: &[u8]| request.windows(text.len()).any(|window| window == text);
        match message::request(&request) {
            (id, 0x60) => stream.write_all(&message::bound(id, 0, "")).await.unwrap(),
            (id, 0x63) => {
                let page = {
                    let mut next = next.lock().unwrap();
                    if !holds(b"next-page") {
                        let groups = holds(b"groupOfNames");
                        *next = if groups { company.user_pages() } else { 0 };
                    }
                    *next += 1;
                    *next - 1
                };
                let fault = on_page(fault, page);
                let bytes = page_bytes(id, &company, page, fault);
                let half = bytes.len() / 2 + 1;
                match fault {
                    Some(Fault::Silence) => {}
                    Some(Fault::Truncated | Fault::Lost) => {
                        let _ = stream.write_all(&bytes[..half]).await;
                        return;
                    }
                    Some(Fault::Reset) => {
                        let _ = stream.write_all(&bytes[..half]).await;
                        stream.set_zero_linger().unwrap();
                        return;
                    }
                    _ => drop(stream.write_all(&bytes).await),
                }
            }
            _ => return,
        }
    }
}

fn page_bytes(id: i32, company: &Company, page: usize, fault: Option<Fault>) -> Vec<u8> {
    let end = |page| page + 1 == company.user_pages() || page + 1 == company.pages();
    let (mut shown, mut last) = (company.page(page), end(page));
    match fault {
        Some(Fault::Again) => shown = company.page(page - 1),
        Some(Fault::NoRowsAndEnd) => last = true,
        Some(Fault::Garbage) => return b"\x30\x84\xff\xff\xff\xffwhat is this".to_vec(),
        _ => {}
    }
    let mut bytes = Vec::new();
    for (number, fault) in rows(shown.numbers(), fault) {
        bytes.extend(match shown {
            Page::People(_) => person(id, number, fault),
            Page::Groups(_) => group(id, company, number, fault),
        });
    }
    match fault {
        Some(Fault::Lost) => bytes,
        Some(Fault::Code(code)) => [bytes, message::search_done(id, code, &[])].concat(),
        _ => {
            let cookie: &[u8] = if last { b"" } else { b"next-page" };
            [bytes, message::search_done(id, 0, &[cookie])].concat()
        }
    }
}

fn dn(person: usize) -> String {
    format!("uid={},ou=people,dc=acme,dc=test", person_id(person))
}

fn person(id: i32, number: usize, fault: Option<Fault>) -> Vec<u8> {
    let (uuid, mail) = (person_id(number), email(number));
    let mut attributes: Vec<(&str, &[&[u8]])> = Vec::new();
    let (uuid, mail): ([&[u8]; 1], [&[u8]; 1]) = ([uuid.as_bytes()], [mail.as_bytes()]);
    if fault != Some(Fault::NamelessRow) {
        attributes.push(("entryUUID", &uuid));
    }
    let picture: [&[u8]; 1] = [b"\xff\xd8\xff"];
    attributes.push(match fault {
        Some(Fault::UnreadableRow) => ("mail", &picture),
        _ => ("mail", &mail),
    });
    message::entry(id, &dn(number), &attributes)
}

fn group(id: i32, company: &Company, number: usize, fault: Option<Fault>) -> Vec<u8> {
    let (uuid, name) = (group_id(number), &company.names[number]);
    let members: Vec<String> = company.groups[number].iter().map(|person| dn(*person)).collect();
    let mut members: Vec<&[u8]> = members.iter().map(String::as_bytes).collect();
    let (uuid, name): ([&[u8]; 1], [&[u8]; 1]) = ([uuid.as_bytes()], [name.as_bytes()]);
    let mut attributes: Vec<(&str, &[&[u8]])> = vec![("cn", &name)];
    if fault != Some(Fault::NamelessRow) {
        attributes.push(("entryUUID", &uuid));
    }
    let description = match fault {
        Some(Fault::PartialRow) => {
            members.truncate(2);
            "member;range=0-1"
        }
        Some(Fault::UnreadableRow) => {
            members[0] = b"\xff\xd8\xff";
            "member"
        }
        _ => "member",
    };
    attributes.push((description, &members));
    message::entry(id, &format!("cn=g{number},dc=acme,dc=test"), &attributes)
}
