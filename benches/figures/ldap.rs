//! `ldap_read`: our read of an LDAP server against OpenLDAP's own client, on one real slapd.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use directory_sync::{
    directory::{
        fetch::{FetchLimits, fetch},
        ldap::{
            LdapDirectory,
            config::{Address, Bind, Config, DEFAULT_ATTRIBUTES, Security},
        },
    },
    http::{Network, NetworkPolicy},
};
use directory_sync_model::{attribute::AttributeSet, fingerprint::FingerprintKey};

use crate::{
    Arguments,
    measure::median,
    plan::runtime,
    testbed::{
        company::{BASE_DN, Company},
        slapd::{self, BIND_DN, BIND_PASSWORD, Slapd},
        tools,
    },
};

/// A hundred thousand people at scale 1, at least 1,000.
pub fn figure(arguments: &Arguments) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scale is small and positive"
    )]
    let users = ((arguments.scale * 100_000.0) as usize).max(1000);
    let (ours, theirs) = runtime().block_on(measure(users, arguments.rounds));
    println!(
        "bench ldap_read ratio={:.2} seconds={ours:.2} ldapsearch_seconds={theirs:.2} users={users}",
        theirs / ours
    );
}

/// The medians of our reads and of ldapsearch's, in seconds. A round of each before that fills the server's caches.
async fn measure(users: usize, rounds: usize) -> (f64, f64) {
    let server = Slapd::start(&Company::new().with_people(users), slapd::Options::default()).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        theirs.push(ldapsearch(&server.url(), users));
        ours.push(read(&server.url(), users).await);
    }
    let median = |seconds: Vec<f64>| median(seconds.into_iter().skip(1));
    (median(ours), median(theirs))
}

/// Reads the whole snapshot: people, and the search for groups, of which there are none.
async fn read(url: &str, users: usize) -> f64 {
    let network = Network::new(NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        allowed_hosts: Vec::new(),
    });
    let bind = Bind::Simple {
        dn: BIND_DN.to_owned(),
        password: BIND_PASSWORD.into(),
    };
    let config = Config::new(Address::parse(url, Security::Plain).unwrap(), bind, BASE_DN);
    let started = Instant::now();
    let directory = LdapDirectory::new(config, network).unwrap();
    let key = FingerprintKey::new(fastrand::u64(..), fastrand::u64(..));
    let limits = FetchLimits::default();
    let snapshot = fetch(&directory, AttributeSet::ALL, key, limits, &|_| {})
        .await
        .unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(snapshot.user_count() as usize, users);
    seconds
}

/// Asks for the same entries and attributes in pages of the same size, and counts them.
fn ldapsearch(url: &str, users: usize) -> f64 {
    let output = tempfile::NamedTempFile::new().unwrap();
    let started = Instant::now();
    let status = Command::new(tools::tool("ldapsearch"))
        .args(["-x", "-LLL", "-H", url, "-D", BIND_DN, "-w", BIND_PASSWORD])
        .args(["-E", "pr=1000/noprompt", "-b", BASE_DN, "(objectClass=inetOrgPerson)"])
        .args(DEFAULT_ATTRIBUTES.iter().map(|(_, name)| name))
        .stdin(Stdio::null())
        .stdout(output.reopen().unwrap())
        .status()
        .expect("ldapsearch runs");
    let seconds = started.elapsed().as_secs_f64();
    assert!(status.success(), "ldapsearch: {status}");
    let ldif = std::fs::read_to_string(output.path()).unwrap();
    let entries = ldif.lines().filter(|line| line.starts_with("dn:")).count();
    assert_eq!(entries, users, "ldapsearch found everybody");
    seconds
}
