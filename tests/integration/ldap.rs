//! The LDAP directory against a real OpenLDAP server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use directory_sync::directory::fetch::{FetchLimits, fetch};
use directory_sync::directory::ldap::LdapDirectory;
use directory_sync::directory::ldap::config::{Address, Bind, Config, Disabled, Scope, Security};
use directory_sync::directory::{Directory, Error, Finding, Part};
use directory_sync::fault::{self, Class, Fault};
use directory_sync::http::{Network, NetworkPolicy};
use directory_sync_model::attribute::{Attribute, AttributeSet};
use directory_sync_model::fingerprint::FingerprintKey;
use directory_sync_model::snapshot::{Batch, Doubt, Snapshot};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::support::company::{BASE_DN, Company, Member, Shape};
use crate::support::slapd::{self, BIND_DN, BIND_PASSWORD, Slapd};
use crate::support::tls::Authority;

fn network() -> Network {
    Network::new(NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        allowed_hosts: Vec::new(),
    })
}

fn bind(password: &str) -> Bind {
    Bind::Simple {
        dn: BIND_DN.to_owned(),
        password: password.into(),
    }
}

/// What a connection with all defaults says, without TLS.
fn config(server: &Slapd) -> Config {
    let address = Address::parse(&server.url(), Security::Plain).unwrap();
    Config::new(address, bind(BIND_PASSWORD), BASE_DN)
}

async fn read_with(config: Config, wanted: AttributeSet) -> Result<Snapshot, Error> {
    let directory = LdapDirectory::new(config, network())?;
    let key = FingerprintKey::new(1, 2);
    let snapshot = fetch(&directory, wanted, key, FetchLimits::default(), &|_| {}).await;
    snapshot.map_err(|failure| failure.source)
}

async fn read(config: Config) -> Result<Snapshot, Error> {
    read_with(config, AttributeSet::ALL).await
}

async fn failure(config: Config) -> Error {
    match read(config).await {
        Ok(snapshot) => panic!("{} people were read", snapshot.user_count()),
        Err(error) => {
            let text = fault::chain(&error);
            assert!(!text.contains(BIND_PASSWORD), "the password is in {text}");
            error
        }
    }
}

/// The user names of a group's members, sorted.
fn members<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<&'a str> {
    let (group, _) = snapshot
        .groups()
        .find(|(_, group)| group.name == name)
        .unwrap_or_else(|| panic!("no group {name}"));
    let mut names: Vec<_> = snapshot
        .members(group)
        .iter()
        .map(|user| snapshot.user(*user).text(Attribute::UserName))
        .collect();
    names.sort_unstable();
    names
}

fn uids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(Company::uid).collect()
}

#[tokio::test]
async fn ten_thousand_people_and_five_hundred_groups_come_complete() {
    let nested = [Member::Group("names-0".into()), Member::Person(Company::uid(9_999))];
    let company = Company::new()
        .with_people(10_000)
        .with_groups(Shape::Names, "names", 200, 100)
        .with_groups(Shape::UniqueNames, "unique", 150, 100)
        .with_groups(Shape::Posix, "posix", 147, 100)
        .with_group(Shape::Names, "above", &nested)
        .with_group(
            Shape::UniqueNames,
            "high",
            &[Member::Group("above".into()), Member::Group("round".into())],
        )
        .with_group(Shape::Names, "round", &[Member::Group("high".into())]);
    let server = Slapd::start(&company, slapd::Options::default()).await;
    let snapshot = read(config(&server)).await.unwrap();
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert!(snapshot.rejected.is_empty(), "{:?}", snapshot.rejected);
    assert_eq!((snapshot.user_count(), snapshot.group_count()), (10_000, 500));
    for prefix in ["names", "unique", "posix"] {
        assert_eq!(members(&snapshot, &format!("{prefix}-2")), uids(100..200), "{prefix}");
    }
    let below: Vec<_> = uids((0..100).chain([9_999]));
    assert_eq!(members(&snapshot, "above"), below);
    assert_eq!(members(&snapshot, "high"), below, "through two levels");
    assert_eq!(members(&snapshot, "round"), below, "groups that contain each other");

    let (number, user) = (0..snapshot.user_count())
        .map(|number| (number, snapshot.user(number)))
        .find(|(_, user)| user.text(Attribute::UserName) == Company::uid(7))
        .unwrap();
    for (attribute, value) in [
        (Attribute::Email, "u0000007@acme.test"),
        (Attribute::GivenName, "Given7"),
        (Attribute::FamilyName, "Family7"),
        (Attribute::DisplayName, "Given7 Family7"),
        (Attribute::Department, "Engineering"),
        (Attribute::EmployeeNumber, "7"),
        (Attribute::EmployeeType, "Employee"),
    ] {
        assert_eq!(user.text(attribute), value, "{attribute}");
    }
    assert!(user.active());
    let id = snapshot.user_id(number);
    assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{id} is no UUID");
}

#[tokio::test]
async fn a_size_limit_makes_the_read_incomplete() {
    let company = Company::new()
        .with_people(3_000)
        .with_groups(Shape::Names, "names", 20, 50);
    let server = Slapd::start(&company, slapd::Options { size_limit: Some(1000) }).await;
    let snapshot = read(config(&server)).await.unwrap();
    assert_eq!(snapshot.completeness.users, [Doubt::SizeLimit]);
    assert_eq!(snapshot.completeness.groups, []);
    assert!(snapshot.user_count() <= 1000, "{}", snapshot.user_count());
    assert!(snapshot.user_count() > 0);
}

#[tokio::test]
async fn both_kinds_of_tls_need_the_right_authority() {
    let server = Slapd::start(&Company::new().with_people(30), slapd::Options::default()).await;
    let with = |url: &str, security, ca: String| {
        let mut config = config(&server);
        config.address = Address::parse(url, security).unwrap();
        config.ca_pem = Some(ca.into_bytes());
        config
    };
    for (url, security) in [(server.tls_url(), Security::Tls), (server.url(), Security::StartTls)] {
        let snapshot = read(with(&url, security, server.ca_certificate())).await.unwrap();
        assert_eq!(snapshot.user_count(), 30);
        assert!(snapshot.completeness.is_complete());
        let by_name = with(
            &url.replace("127.0.0.1", "localhost"),
            security,
            server.ca_certificate(),
        );
        assert_eq!(read(by_name).await.unwrap().user_count(), 30);

        let stranger = Authority::new("Somebody else's CA").certificate();
        let error = failure(with(&url, security, stranger)).await;
        assert_eq!(error.class(), Class::Untrusted);
        assert!(
            error.to_string().contains("set tls.caRef to the CA that signed it"),
            "{error}"
        );
    }

    // The same server under an address that its certificate is not for.
    let target = server.tls_url().trim_start_matches("ldaps://").to_owned();
    let detour = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let url = format!("ldaps://{}", detour.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut client, _) = detour.accept().await.unwrap();
        let mut server = TcpStream::connect(target).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    let error = failure(with(&url, Security::Tls, server.ca_certificate())).await;
    assert_eq!(error.class(), Class::Untrusted);
    assert!(
        error.to_string().contains("certificate is not for 127.0.0.2"),
        "{error}"
    );

    // TLS where there is none.
    let plain = server.url().replace("ldap://", "ldaps://");
    let error = failure(with(&plain, Security::Tls, server.ca_certificate())).await;
    assert!(error.to_string().contains("check port and tls.mode"), "{error}");
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let server = Slapd::start(&Company::new().with_people(3), slapd::Options::default()).await;
    let with = |change: &dyn Fn(&mut Config)| {
        let mut config = config(&server);
        change(&mut config);
        failure(config)
    };
    let error = with(&|config| config.bind = bind("wrong")).await;
    assert_eq!(error.class(), Class::Unauthorized);
    assert!(
        error.to_string().contains("check auth.simple.bindDN and the password"),
        "{error}"
    );

    let nowhere = "ou=nowhere,dc=acme,dc=test";
    let error = with(&|config| nowhere.clone_into(&mut config.users.base)).await;
    assert_eq!(error.class(), Class::NotFound);
    let text = error.to_string();
    assert!(text.contains(nowhere) && text.contains("users.baseDN"), "{text}");
    assert!(text.contains("the tree exists as far as dc=acme,dc=test"), "{text}");

    let error = with(&|config| nowhere.clone_into(&mut config.groups.base)).await;
    assert_eq!(error.class(), Class::NotFound);
    assert!(error.to_string().contains("groups.baseDN"), "{error}");

    // OpenLDAP tells those who may not see an entry that it doesn't exist.
    let error = with(&|config| config.bind = Bind::Anonymous).await;
    assert_eq!(error.class(), Class::NotFound);
    assert!(error.to_string().contains("the account's rights"), "{error}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_is_an_error_and_no_end() {
    let mut server = Slapd::start(&Company::new().with_people(10_000), slapd::Options::default()).await;
    let mut config = config(&server);
    config.page_size = 100;
    let directory = LdapDirectory::new(config, network()).unwrap();
    let mut batch = Batch::new();
    let mut cursor = None;
    for page in 0..100 {
        batch.clear();
        match directory
            .read(Part::Users, AttributeSet::ALL, cursor.as_ref(), &mut batch)
            .await
        {
            Ok(end) => {
                assert!(end.next.is_some(), "page {page} was taken for the last one");
                cursor = end.next;
            }
            Err(error) => {
                assert!(page > 2, "{error}");
                assert_eq!(error.class(), Class::Unavailable, "{error}");
                return;
            }
        }
        if page == 2 {
            server.process().kill();
        }
    }
    panic!("a dead server answered to the end");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let mut server = Slapd::start(&Company::new().with_people(3), slapd::Options::default()).await;
    let mut config = config(&server);
    config.timeouts.request = Duration::from_secs(1);
    config.timeouts.connect = Duration::from_secs(1);
    server.process().signal("STOP");
    let error = failure(config.clone()).await;
    assert_eq!(error.class(), Class::Timeout, "{error}");
    assert!(error.to_string().ends_with("no answer within 1 s"), "{error}");
    server.process().signal("CONT");
    assert_eq!(read(config.clone()).await.unwrap().user_count(), 3);

    // A listener that accepts nobody, in each mode.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let SocketAddr::V4(at) = listener.local_addr().unwrap() else {
        panic!("not IPv4")
    };
    for security in [Security::Plain, Security::StartTls, Security::Tls] {
        config.address = Address {
            host: at.ip().to_string(),
            port: at.port(),
            security,
        };
        config.ca_pem = Some(server.ca_certificate().into_bytes());
        let error = failure(config.clone()).await;
        assert_eq!(error.class(), Class::Timeout, "{security:?}: {error}");
    }
}

#[tokio::test]
async fn nobody_listening_and_hosts_that_are_not_allowed_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let address = Address::parse(&format!("ldap://{closed}"), Security::Plain).unwrap();
    let config = Config::new(address, bind(BIND_PASSWORD), BASE_DN);
    let error = failure(config.clone()).await;
    assert_eq!(error.class(), Class::Unreachable);
    assert!(
        error.to_string().contains("check host, port and network policy"),
        "{error}"
    );
    let strict = NetworkPolicy {
        allow_insecure: true,
        ..NetworkPolicy::default()
    };
    let directory = LdapDirectory::new(config, Network::new(strict)).unwrap();
    let read = directory
        .read(Part::Users, AttributeSet::EMPTY, None, &mut Batch::new())
        .await;
    assert_eq!(read.unwrap_err().class(), Class::HostNotAllowed);
    assert!(closed.ip() == IpAddr::from([127, 0, 0, 1]));
}

#[tokio::test]
async fn what_a_tree_holds_besides_plain_people_is_read_as_it_is_meant() {
    let person = |uid: &str, more: &str| {
        format!(
            "dn: uid={uid},ou=people,{BASE_DN}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n{more}"
        )
    };
    let company = Company::new()
        .with_people(2)
        .with_entry(&person(
            "rich",
            // The picture is the beginning of a JPEG file.
            "jpegPhoto:: /9j/4AAQ\nroomNumber: 7\ncarLicense: A 1\ncarLicense: B 2\ncn;lang-de: Reich\nmail: Rich@ACME.test\n\
             mail: r@acme.test\nmanager: uid=u0000000,ou=people,dc=acme,dc=test\nemployeeType: gone\nuserPassword: geheim",
        ))
        // A name that needs escapes, in an entry and, spelled otherwise, in a group.
        .with_entry(&format!(
            "dn: cn=Lee\\, \\\"Ann\\\"+uid=ann,ou=people,{BASE_DN}\nobjectClass: inetOrgPerson\ncn: Lee, \"Ann\"\nuid: ann\nsn: Lee"
        ))
        .with_entry(&format!(
            "dn: cn=odd,ou=groups,{BASE_DN}\nobjectClass: groupOfNames\ncn: odd\n\
             member: UID=ann + CN=LEE\\2C  \\22ann\\22, OU=People, DC=acme, DC=test\n\
             member: 0.9.2342.19200300.100.1.1=RICH,ou=people,{BASE_DN}\n\
             member: cn=nobody,{BASE_DN}"
        ))
        .with_entry(&format!("dn: cn=numbered,ou=groups,{BASE_DN}\nobjectClass: groupOfUniqueNames\ncn: numbered\nuniqueMember: uid=rich,ou=people,{BASE_DN}#'01'B"))
        .with_group(Shape::Posix, "empty", &[])
        .with_entry(&format!("dn: ou=sub,ou=people,{BASE_DN}\nobjectClass: organizationalUnit\nou: sub"))
        .with_entry(&format!("dn: uid=deep,ou=sub,ou=people,{BASE_DN}\nobjectClass: inetOrgPerson\nuid: deep\ncn: deep\nsn: deep"));
    let server = Slapd::start(&company, slapd::Options::default()).await;
    let mut config = config(&server);
    config.users.disabled = Some(Disabled {
        attribute: "employeeType".into(),
        values: vec!["GONE".into()],
    });
    config.users.custom = ["roomNumber", "carLicense", "jpegPhoto"].map(str::to_owned).to_vec();
    let snapshot = read(config.clone()).await.unwrap();
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(snapshot.user_count(), 5);
    let user = (0..5)
        .map(|number| snapshot.user(number))
        .find(|user| user.text(Attribute::UserName) == "rich")
        .unwrap();
    assert!(!user.active());
    assert_eq!(
        user.items(Attribute::Emails).collect::<Vec<_>>(),
        ["rich@acme.test", "r@acme.test"]
    );
    assert_eq!(user.text(Attribute::Manager), "uid=u0000000,ou=people,dc=acme,dc=test");
    let customs: Vec<_> = user.customs().map(|(name, _)| name).collect();
    assert_eq!(
        customs,
        ["roomNumber", "carLicense"],
        "and neither the picture nor what wasn't listed"
    );
    assert_eq!(user.custom("carLicense"), Some(json!(["A 1", "B 2"])));

    assert_eq!(members(&snapshot, "odd"), ["ann", "rich"]);
    assert_eq!(members(&snapshot, "numbered"), ["rich"]);
    let (_, empty) = snapshot.groups().find(|(_, group)| group.name == "empty").unwrap();
    assert!(!empty.members_told);

    // An operational attribute comes when it is asked for by name; one level leaves the deeper one out.
    config.users.custom = vec!["createTimestamp".into()];
    config.users.scope = Scope::OneLevel;
    config.users.base = format!("ou=people,{BASE_DN}");
    let snapshot = read(config).await.unwrap();
    assert_eq!(snapshot.user_count(), 4);
    let created = snapshot.user(0).custom("createTimestamp").unwrap();
    assert!(created.as_str().unwrap().ends_with('Z'), "{created}");
}

fn outcomes(findings: &[Finding]) -> Vec<bool> {
    findings.iter().map(|finding| finding.outcome.is_ok()).collect()
}

#[tokio::test]
async fn a_check_finds_what_is_missing() {
    let company = Company::new().with_people(30).with_groups(Shape::Names, "names", 2, 5);
    let server = Slapd::start(&company, slapd::Options { size_limit: Some(5) }).await;
    let check = async |change: &dyn Fn(&mut Config)| {
        let mut config = config(&server);
        change(&mut config);
        LdapDirectory::new(config, network()).unwrap().check().await
    };
    let good = check(&|_| {}).await;
    assert_eq!(outcomes(&good), [true; 6], "{good:?}");
    assert_eq!(
        good[3].outcome.as_deref(),
        Ok("of 5 people looked at, 5 have an e-mail address and 5 a user name")
    );

    let password = check(&|config| config.bind = bind("wrong")).await;
    assert_eq!(outcomes(&password), [false]);

    let base = check(&|config| config.users.base = format!("ou=nowhere,{BASE_DN}")).await;
    assert_eq!(outcomes(&base), [true, true, false, true, true], "{base:?}");

    let filter = check(&|config| config.groups.filter = "(objectClass=organizationalRole)".into()).await;
    let message = filter[5].outcome.as_ref().unwrap_err();
    assert!(
        message.contains("groups looked at shows members; check groups.members"),
        "{message}"
    );

    let id = check(&|config| config.users.attributes[0].1 = "nsUniqueId".into()).await;
    let message = id[3].outcome.as_ref().unwrap_err();
    assert!(
        message.contains("5 of the 5 entries looked at have no nsUniqueId"),
        "{message}"
    );
}
