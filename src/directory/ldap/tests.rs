//! The directory against a server in this process that answers as real ones don't.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use directory_sync_model::{attribute::Attribute, fingerprint::FingerprintKey, snapshot::Snapshot};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    config::{Address, Bind, Disabled},
    protocol::{
        ber,
        message::{PAGED_RESULTS, tests as server},
    },
    *,
};
use crate::{
    directory::fetch::{FetchLimits, fetch},
    fault::{self, Fault as _},
    http::{NetworkPolicy, testing::open_network},
};

/// What the server does at a search.
enum Answer {
    /// Sends these messages.
    Send(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SendAndClose(Vec<u8>),
    /// Nothing, ever.
    Silence,
}

/// A server that accepts every bind and answers searches by their number, their message id and their bytes.
async fn serve(answer: impl Fn(usize, i32, &[u8]) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    let searches = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, searches) = (Arc::clone(&answer), Arc::clone(&searches));
            tokio::spawn(async move {
                let mut received = Vec::new();
                loop {
                    let header = ber::header(&received).unwrap();
                    let Some(length) = header
                        .map(|h| h.length + h.content)
                        .filter(|length| *length <= received.len())
                    else {
                        match stream.read_buf(&mut received).await {
                            Ok(0) | Err(_) => return,
                            Ok(_) => continue,
                        }
                    };
                    let request: Vec<u8> = received.drain(..length).collect();
                    match server::request(&request) {
                        (id, 0x60) => stream.write_all(&server::bound(id, 0, "")).await.unwrap(),
                        (id, 0x77) => {
                            let refusal = server::extended(id, 2, "unsupported extended operation");
                            stream.write_all(&refusal).await.unwrap();
                        }
                        (id, 0x63) => match answer(searches.fetch_add(1, Ordering::SeqCst), id, &request) {
                            // A client that has heard enough may be gone.
                            Answer::Send(bytes) => drop(stream.write_all(&bytes).await),
                            Answer::SendAndClose(bytes) => return stream.write_all(&bytes).await.unwrap(),
                            Answer::Silence => {}
                        },
                        _ => return,
                    }
                }
            });
        }
    });
    address
}

fn config(server: SocketAddr) -> Config {
    let address = Address {
        host: server.ip().to_string(),
        port: server.port(),
        security: Security::Plain,
    };
    let mut config = Config::new(address, Bind::Anonymous, "dc=acme,dc=test");
    config.timeouts.request = Duration::from_millis(300);
    config
}

async fn read(config: Config) -> Result<Snapshot, Error> {
    let directory = LdapDirectory::new(config, open_network())?;
    let key = FingerprintKey::new(1, 2);
    let snapshot = fetch(&directory, AttributeSet::EMPTY, key, FetchLimits::default(), &|_| {}).await;
    snapshot.map_err(|failure| failure.source)
}

fn people(id: i32, numbers: std::ops::Range<usize>) -> Vec<u8> {
    let person = |number: usize| {
        let name = format!("p{number}");
        server::entry(id, &format!("uid={name},dc=acme"), &[("entryUUID", &[name.as_bytes()])])
    };
    numbers.flat_map(person).collect()
}

fn then(mut bytes: Vec<u8>, more: Vec<u8>) -> Answer {
    bytes.extend(more);
    Answer::Send(bytes)
}

/// Whether a search asks for a page.
fn pages(request: &[u8]) -> bool {
    request
        .windows(PAGED_RESULTS.len())
        .any(|window| window == PAGED_RESULTS.as_bytes())
}

/// One answer to the search for groups, another to that for people.
fn by_part(request: &[u8], groups: Answer, people: Answer) -> Answer {
    if for_groups(request) { groups } else { people }
}

/// Whether a search is for groups.
fn for_groups(request: &[u8]) -> bool {
    request.windows(12).any(|window| window == b"groupOfNames")
}

fn nothing(id: i32) -> Answer {
    Answer::Send(server::search_done(id, 0, &[b""]))
}

#[tokio::test]
async fn a_server_that_gives_every_page_the_same_cookie_is_read_to_its_end() {
    // As 389 Directory Server does: the cookie is the number of a slot in the connection.
    let server = serve(|number, id, request| match number {
        _ if for_groups(request) => nothing(id),
        0..=2 => then(
            people(id, number * 2..number * 2 + 2),
            server::search_done(id, 0, &[b"0"]),
        ),
        _ => then(people(id, 6..7), server::search_done(id, 0, &[b""])),
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.user_count(), 7);
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
}

#[tokio::test]
async fn a_server_that_goes_in_circles_is_left_and_the_read_is_incomplete() {
    let server = serve(|number, id, request| match number % 3 {
        _ if for_groups(request) => nothing(id),
        page => then(
            people(id, page * 2..page * 2 + 2),
            server::search_done(id, 0, &[format!("{number}").as_bytes()]),
        ),
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.user_count(), 6);
    assert_eq!(snapshot.completeness.users, [Doubt::RepeatedCursor]);
    assert_eq!(snapshot.completeness.groups, []);
}

#[tokio::test]
async fn empty_pages_are_passed_over_but_not_without_end() {
    let server = serve(|number, id, request| match number {
        _ if for_groups(request) => nothing(id),
        40 => then(people(id, 0..1), server::search_done(id, 0, &[b"next"])),
        _ => Answer::Send(server::search_done(id, 0, &[b"next"])),
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.user_count(), 1);
    assert_eq!(snapshot.completeness.users, [Doubt::RepeatedCursor]);
}

#[tokio::test]
async fn a_server_that_refuses_pages_is_asked_for_everything_at_once() {
    let server = serve(|_, id, request| match () {
        () if pages(request) => Answer::Send(server::search_done(id, 12, &[])),
        () if for_groups(request) => Answer::Send(server::search_done(id, 0, &[])),
        () => then(people(id, 0..3), server::search_done(id, 0, &[])),
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.user_count(), 3);
    assert!(snapshot.completeness.is_complete());
}

#[tokio::test]
async fn a_cookie_that_nobody_asked_for_begins_nothing() {
    let server = serve(|_, id, request| match () {
        () if pages(request) => Answer::Send(server::search_done(id, 53, &[])),
        () if for_groups(request) => Answer::Send(server::search_done(id, 0, &[b"more"])),
        () => then(people(id, 0..3), server::search_done(id, 0, &[b"more"])),
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.user_count(), 3);
    assert!(snapshot.completeness.is_complete());
}

#[tokio::test]
async fn a_server_without_pages_is_taken_in_pieces_of_bounded_size() {
    let server = serve(|_, id, request| {
        by_part(
            request,
            Answer::Send(server::search_done(id, 0, &[])),
            then(people(id, 0..25_000), server::search_done(id, 0, &[])),
        )
    })
    .await;
    let directory = LdapDirectory::new(config(server), open_network()).unwrap();
    let (mut sizes, mut cursor) = (Vec::new(), None);
    loop {
        let mut batch = Batch::new();
        let end = directory
            .read(Part::Users, AttributeSet::EMPTY, cursor.as_ref(), &mut batch)
            .await
            .unwrap();
        sizes.push(batch.entries());
        cursor = end.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [10_001, 10_001, 4_998]);
}

#[tokio::test]
async fn what_cuts_an_answer_makes_the_read_incomplete() {
    for (end, doubt) in [
        (3, Doubt::TimeLimit),
        (4, Doubt::SizeLimit),
        (11, Doubt::SizeLimit),
        (10, Doubt::Referral),
    ] {
        let server = serve(move |_, id, request| {
            by_part(
                request,
                nothing(id),
                then(people(id, 0..2), server::search_done(id, end, &[b"more"])),
            )
        })
        .await;
        let snapshot = read(config(server)).await.unwrap();
        assert_eq!(snapshot.user_count(), 2);
        assert_eq!(snapshot.completeness.users, [doubt]);
    }
}

#[tokio::test]
async fn a_reference_to_another_server_makes_the_read_incomplete() {
    let server = serve(|_, id, request| {
        by_part(
            request,
            then(server::reference(id), server::search_done(id, 0, &[])),
            then(people(id, 0..2), server::search_done(id, 0, &[])),
        )
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.completeness.users, []);
    assert_eq!(snapshot.completeness.groups, [Doubt::Referral]);
}

#[tokio::test]
async fn references_without_end_are_left_and_the_read_is_incomplete() {
    let server = serve(|_, id, request| {
        // They never end: the server falls silent only after more than anybody waits for.
        let endless = || Answer::Send(server::reference(id).repeat(1_100_000));
        by_part(request, nothing(id), endless())
    })
    .await;
    let completeness = read(config(server)).await.unwrap().completeness;
    assert!(
        matches!(completeness.users.first(), Some(Doubt::Interrupted { cause }) if cause.contains("nothing new")),
        "{completeness:?}"
    );
}

#[tokio::test]
async fn some_of_a_groups_members_make_the_groups_incomplete_with_the_reason() {
    let server = serve(|_, id, request| {
        let groups: Vec<u8> = (0..3)
            .flat_map(|number| {
                let name = format!("g{number}");
                let attributes: [(&str, &[&[u8]]); 2] = [
                    ("entryUUID", &[name.as_bytes()]),
                    ("member;range=0-0", &[b"uid=p0,dc=acme"]),
                ];
                server::entry(id, &format!("cn={name}"), &attributes)
            })
            .collect();
        by_part(
            request,
            then(groups, server::search_done(id, 0, &[])),
            then(people(id, 0..2), server::search_done(id, 0, &[])),
        )
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    let cause = "member;range=0-0 of cn=g0 holds only some of the values".to_owned();
    assert_eq!(snapshot.completeness.groups, [Doubt::Interrupted { cause }]);
    assert_eq!(snapshot.members(2).len(), 1);
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_an_error_and_no_end() {
    let server = serve(|number, id, _| match number {
        0 => then(people(id, 0..2), server::search_done(id, 0, &[b"next"])),
        _ => Answer::SendAndClose(people(id, 2..3)),
    })
    .await;
    let Err(error) = read(config(server)).await else {
        panic!("no error")
    };
    assert_eq!(error.class(), Class::Unavailable);
    let text = error.to_string();
    assert!(
        text.contains("searching people below \"dc=acme,dc=test\"") && text.contains("closed the connection"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_falls_silent_is_an_error_and_no_end() {
    let server = serve(|number, id, _| match number {
        0 => then(people(id, 0..2), server::search_done(id, 0, &[b"next"])),
        _ => Answer::Silence,
    })
    .await;
    let Err(error) = read(config(server)).await else {
        panic!("no error")
    };
    assert_eq!(error.class(), Class::Timeout);
}

#[tokio::test]
async fn a_notice_of_disconnection_is_repeated_in_the_error() {
    let server = serve(|_, _, _| Answer::Send(server::extended(0, 52, "shutting down"))).await;
    let Err(error) = read(config(server)).await else {
        panic!("no error")
    };
    assert_eq!(error.class(), Class::Unavailable);
    assert!(
        error.to_string().contains("unavailable (result code 52) shutting down"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_to_another_request_is_not_taken_for_this_one() {
    let server = serve(|_, id, request| {
        by_part(request, nothing(id), {
            let mut bytes = people(id + 1, 5..6);
            bytes.extend(server::search_done(id + 1, 4, &[]));
            bytes.extend(people(id, 0..2));
            then(bytes, server::search_done(id, 0, &[]))
        })
    })
    .await;
    let snapshot = read(config(server)).await.unwrap();
    assert_eq!(snapshot.user_count(), 2);
    assert!(snapshot.completeness.is_complete());
}

#[tokio::test]
async fn a_hostile_answer_is_a_clear_error() {
    let nested: Vec<u8> = (1..=100_000_u32)
        .flat_map(|level| [&[0x30, 0x84][..], &((100_000 - level) * 6).to_be_bytes()].concat())
        .collect();
    for (bytes, said) in [
        (nested, "a message without an id"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "the answer is not LDAP"),
        (
            vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
            "a message of more than 64 MiB",
        ),
    ] {
        let server = serve(move |_, _, _| Answer::Send(bytes.clone())).await;
        let Err(error) = read(config(server)).await else {
            panic!("no error")
        };
        assert_eq!(error.class(), Class::Protocol);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn the_next_page_is_asked_for_while_this_one_is_taken_in() {
    let asked = Arc::new(AtomicUsize::new(0));
    let server = serve({
        let asked = Arc::clone(&asked);
        move |_, id, _| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => then(people(id, 0..2), server::search_done(id, 0, &[b"next"])),
            _ => then(people(id, 2..3), server::search_done(id, 0, &[])),
        }
    })
    .await;
    let directory = LdapDirectory::new(config(server), open_network()).unwrap();
    let mut batch = Batch::new();
    let end = directory
        .read(Part::Users, AttributeSet::EMPTY, None, &mut batch)
        .await
        .unwrap();
    assert!(end.next.is_some() && batch.entries() == 2);
    for _ in 0..100 {
        if asked.load(Ordering::SeqCst) == 2 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the second page was not asked for");
}

#[tokio::test]
async fn a_position_that_was_lost_is_not_guessed() {
    let server = serve(|number, id, _| match number {
        0 | 3 => then(people(id, 0..2), server::search_done(id, 0, &[b"next"])),
        1 => Answer::SendAndClose(Vec::new()),
        _ => then(people(id, 2..3), server::search_done(id, 0, &[])),
    })
    .await;
    let directory = LdapDirectory::new(config(server), open_network()).unwrap();
    let page = async |cursor: Option<&Cursor>| {
        directory
            .read(Part::Users, AttributeSet::EMPTY, cursor, &mut Batch::new())
            .await
    };
    let first = page(None).await.unwrap().next;
    assert!(
        page(Some(&Cursor("other".into()))).await.is_err(),
        "a cursor of somebody else"
    );
    let error = page(first.as_ref()).await.unwrap_err();
    assert!(error.to_string().contains("must begin again"), "{error}");
    // From the beginning it works, on a new connection.
    assert!(page(None).await.is_ok());
}

#[tokio::test]
async fn only_addresses_that_the_operator_allows_are_connected_to() {
    let server = serve(|_, id, _| nothing(id)).await;
    let network = Network::new(NetworkPolicy {
        allow_insecure: true,
        ..NetworkPolicy::default()
    });
    let directory = LdapDirectory::new(config(server), network).unwrap();
    let read = directory
        .read(Part::Users, AttributeSet::EMPTY, None, &mut Batch::new())
        .await;
    let Err(error) = read else { panic!("it was reached") };
    assert_eq!(error.class(), Class::HostNotAllowed);
    assert!(
        fault::chain(&error).contains("--allow-loopback"),
        "{}",
        fault::chain(&error)
    );
}

#[tokio::test]
async fn a_server_that_refuses_starttls_is_not_spoken_to_in_plain_text() {
    let server = serve(|_, _, _| panic!("a search in plain text")).await;
    let mut config = config(server);
    config.address.security = Security::StartTls;
    let key = rcgen::KeyPair::generate().unwrap();
    let ca = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    config.ca_pem = Some(ca.pem().into_bytes());
    let Err(error) = read(config).await else {
        panic!("no error")
    };
    assert_eq!(error.class(), Class::InvalidConfiguration);
    let text = error.to_string();
    assert!(
        text.starts_with("beginning TLS on ldap://127.0.0.1") && text.contains("unsupported"),
        "{text}"
    );
}

fn refusal(change: impl FnOnce(&mut Config)) -> String {
    let mut config = config(SocketAddr::from(([127, 0, 0, 1], 389)));
    change(&mut config);
    match LdapDirectory::new(config, open_network()) {
        Ok(_) => panic!("it was accepted"),
        Err(error) => {
            assert_eq!(error.class(), Class::InvalidConfiguration);
            error.to_string()
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_at_once_by_its_field() {
    let simple = |dn: &str, password: &str| Bind::Simple {
        dn: dn.into(),
        password: password.into(),
    };
    let messages = [
        refusal(|config| config.page_size = 0),
        refusal(|config| config.users.base = "people".into()),
        refusal(|config| config.groups.base = "ou=a,,dc=b".into()),
        refusal(|config| config.users.filter = "(objectClass=person".into()),
        refusal(|config| config.groups.filter = "cn=*".into()),
        refusal(|config| config.bind = simple("cn=sync", "")),
        refusal(|config| config.bind = simple(" ", "secret")),
        refusal(|config| {
            config
                .users
                .attributes
                .retain(|(attribute, _)| *attribute != Attribute::Id);
        }),
        refusal(|config| config.users.attributes.push((Attribute::Active, "x".into()))),
        refusal(|config| config.users.attributes.push((Attribute::Title, "job title".into()))),
        refusal(|config| config.users.custom = vec!["userPassword".into()]),
        refusal(|config| config.users.custom = vec!["roomNumber".into(), "RoomNumber".into()]),
        refusal(|config| config.users.custom = vec!["*".into()]),
        refusal(|config| {
            config.users.disabled = Some(Disabled {
                attribute: String::new(),
                values: Vec::new(),
            });
        }),
        refusal(|config| config.groups.members_by_dn = vec!["member,x".into()]),
        refusal(|config| {
            config.address.security = Security::Tls;
            config.ca_pem = Some(b"nonsense".to_vec());
        }),
    ];
    let fields = [
        "pageSize",
        "users.baseDN",
        "groups.baseDN",
        "users.filter",
        "groups.filter",
        "auth.simple.passwordSecretRef",
        "auth.simple.bindDN",
        "users.attributes.id",
        "users.attributes.active",
        "users.attributes.title",
        "users.custom",
        "users.custom",
        "users.custom",
        "users.disabled.attribute",
        "groups.members.dnAttributes",
        "tls.caRef",
    ];
    for (message, field) in messages.iter().zip(fields) {
        assert!(
            message.starts_with(&format!("spec.provider.ldap.{field}: ")),
            "{field}: {message}"
        );
    }
}

#[test]
fn plain_text_needs_the_operators_flag() {
    let network = Network::new(NetworkPolicy {
        allow_loopback: true,
        ..NetworkPolicy::default()
    });
    let config = config(SocketAddr::from(([127, 0, 0, 1], 389)));
    let Err(error) = LdapDirectory::new(config, network) else {
        panic!("it was accepted")
    };
    assert!(error.to_string().contains("--allow-insecure"), "{error}");
}
