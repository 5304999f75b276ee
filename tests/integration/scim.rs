//! Reading a real SCIM 2.0 service provider. What a provider should not do is tested beside the code, with a fake one.

use directory_sync::call::{CallMetrics, CallPolicy, LayeredDirectory, Limiter};
use directory_sync::directory::Directory;
use directory_sync::directory::fetch::{FetchFailure, FetchLimits, fetch};
use directory_sync::directory::scim::{Config, Paging, ScimDirectory};
use directory_sync::fault::{Class, Fault as _, chain};
use directory_sync::http::{Auth, Network, NetworkPolicy, Tls, parse_base};
use directory_sync_model::attribute::{ATTRIBUTES, Attribute, AttributeSet};
use directory_sync_model::fingerprint::FingerprintKey;
use directory_sync_model::snapshot::Snapshot;
use reqwest::Method;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use crate::support::scim_server::{self, Options, ScimServer};

const USERS: usize = 57;

fn network() -> Network {
    Network::new(NetworkPolicy {
        allow_loopback: true,
        allow_insecure: true,
        allowed_hosts: Vec::new(),
    })
}

fn config(server: &ScimServer) -> Config {
    Config {
        tls: Tls {
            ca_pem: None,
            insecure_http: true,
        },
        page_size: 10,
        ..Config::new(
            parse_base(&server.url()).unwrap(),
            Auth::Bearer(scim_server::TOKEN.into()),
        )
    }
}

async fn read(config: Config, wanted: AttributeSet) -> Result<Snapshot, FetchFailure> {
    let directory = ScimDirectory::new(config, &network()).unwrap();
    let key = FingerprintKey::new(3, 4);
    fetch(&directory, wanted, key, FetchLimits::default(), &|_| {}).await
}

/// Everything that has a name: all but `custom`.
fn named() -> AttributeSet {
    ATTRIBUTES.iter().map(|info| info.attribute).collect()
}

/// A user's attributes as text, to compare snapshots by.
fn shown(snapshot: &Snapshot) -> Vec<Vec<(&'static str, Vec<String>)>> {
    let user = |number| {
        let record = snapshot.user(number);
        let attributes = ATTRIBUTES.iter().map(|info| {
            let values = record.items(info.attribute).map(str::to_owned).collect::<Vec<_>>();
            (info.name, values)
        });
        attributes.filter(|(_, values)| !values.is_empty()).collect()
    };
    (0..snapshot.user_count()).map(user).collect()
}

/// A server with people, a group of everybody, a group of two of them, and a group of that group.
async fn company(options: Options) -> (ScimServer, Vec<String>) {
    let server = ScimServer::start(options).await;
    let ids = server.create_users(USERS).await;
    server.create_group("everybody", &ids).await;
    let few = server.create_group("few", &ids[..2]).await;
    server.create_group("nobody", &[]).await;
    let above = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "above",
        "members": [{ "value": few, "type": "Group" }],
    });
    server.create("Groups", vec![above]).await;
    (server, ids)
}

#[tokio::test]
async fn everybody_and_every_group_is_read_page_by_page_by_index_and_by_cursor() {
    for (cursors, paging) in [
        (false, Paging::Auto),
        (true, Paging::Auto),
        (true, Paging::Index),
        (true, Paging::Cursor),
    ] {
        let (server, ids) = company(Options {
            cursors,
            page_size: None,
        })
        .await;
        let config = Config {
            paging,
            ..config(&server)
        };
        let snapshot = read(config, named()).await.unwrap();
        assert!(
            snapshot.completeness.is_complete(),
            "{paging:?}: {:?}",
            snapshot.completeness
        );
        let mut read: Vec<_> = (0..snapshot.user_count()).map(|user| snapshot.user_id(user)).collect();
        read.sort_unstable();
        let mut expected: Vec<_> = ids.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(read, expected, "{paging:?}");
        let members = |name| {
            let (group, found) = snapshot.groups().find(|(_, group)| group.name == name).unwrap();
            (found.members_told, snapshot.members(group).len())
        };
        assert_eq!(members("everybody"), (true, USERS));
        assert_eq!(members("few"), (true, 2));
        assert_eq!(members("above"), (true, 2), "those of the group in it");
    }
}

#[tokio::test]
async fn a_user_has_the_attributes_that_the_provider_was_given() {
    let (server, ids) = company(Options::default()).await;
    let snapshot = read(config(&server), named()).await.unwrap();
    let user = snapshot.user(snapshot.find_user(&ids[7]).unwrap());
    for (attribute, expected) in [
        (Attribute::UserName, "u7@acme.test"),
        (Attribute::ExternalId, "e7"),
        (Attribute::Email, "u7@acme.test"),
        (Attribute::GivenName, "Given7"),
        (Attribute::FamilyName, "Family7"),
        (Attribute::DisplayName, "Given7 Family7"),
        (Attribute::EmployeeNumber, "7"),
        (Attribute::Department, "Engineering"),
    ] {
        assert_eq!(user.text(attribute), expected, "{attribute}");
    }
    assert!(user.active());
}

#[tokio::test]
async fn choosing_attributes_loses_none_of_them() {
    let (server, _) = company(Options::default()).await;
    let chosen = read(config(&server), named()).await.unwrap();
    let whole = Config {
        select_attributes: false,
        ..config(&server)
    };
    let whole = read(whole, named()).await.unwrap();
    assert_eq!(shown(&chosen), shown(&whole));
    // And with everything under custom, which is asked for in another way.
    let custom = read(config(&server), AttributeSet::ALL).await.unwrap();
    assert_eq!(shown(&custom), shown(&whole));
}

#[tokio::test]
async fn a_disabled_account_is_inactive() {
    let (server, ids) = company(Options::default()).await;
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    });
    let path = format!("Users/{}", ids[3]);
    server.request(Method::PATCH, &path, Some(&patch)).await;
    let snapshot = read(config(&server), AttributeSet::EMPTY).await.unwrap();
    let inactive: Vec<_> = (0..snapshot.user_count())
        .filter(|user| !snapshot.user(*user).active())
        .collect();
    assert_eq!(inactive, [snapshot.find_user(&ids[3]).unwrap()]);
}

#[tokio::test]
async fn filters_are_applied_by_the_provider() {
    let (server, _) = company(Options::default()).await;
    let config = Config {
        user_filter: Some(r#"userName eq "u5@acme.test""#.into()),
        group_filter: Some(r#"displayName eq "few""#.into()),
        ..config(&server)
    };
    let snapshot = read(config, AttributeSet::EMPTY).await.unwrap();
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!((snapshot.user_count(), snapshot.group_count()), (1, 1));
    assert_eq!(
        snapshot.members(0).len(),
        0,
        "the members of the group are not among those who are read"
    );
}

#[tokio::test]
async fn a_filter_that_the_provider_does_not_understand_is_told() {
    let (server, _) = company(Options::default()).await;
    let config = Config {
        user_filter: Some("userName xx 1".into()),
        ..config(&server)
    };
    let Err(failure) = read(config, AttributeSet::EMPTY).await else {
        panic!("the filter is refused");
    };
    assert_eq!(failure.class(), Class::Rejected, "{}", chain(&failure));
}

#[tokio::test]
async fn a_wrong_token_is_told_and_not_shown() {
    let server = ScimServer::start(Options::default()).await;
    let config = Config {
        auth: Auth::Bearer("wr0ng".into()),
        ..config(&server)
    };
    let Err(failure) = read(config, AttributeSet::EMPTY).await else {
        panic!("the token is refused");
    };
    assert_eq!(failure.class(), Class::Unauthorized, "{}", chain(&failure));
    assert!(!format!("{failure:?} {}", chain(&failure)).contains("wr0ng"));
}

#[tokio::test]
async fn a_check_of_a_good_provider_finds_nothing_missing() {
    let (server, _) = company(Options::default()).await;
    let directory = ScimDirectory::new(config(&server), &network()).unwrap();
    for finding in directory.check().await {
        assert!(finding.outcome.is_ok(), "{finding:?}");
    }
}

fn layered(directory: ScimDirectory, timeout: Duration) -> LayeredDirectory {
    let policy = CallPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(50),
        max_delay: Duration::from_millis(200),
        timeout,
        limiter: Arc::new(Limiter::new(None)),
        metrics: Arc::new(CallMetrics::new(&prometheus::Registry::new()).unwrap()),
        side: "directory",
        provider: "scim",
    };
    LayeredDirectory::new(Box::new(directory), policy)
}

#[tokio::test]
async fn a_provider_that_freezes_or_dies_fails_the_fetch() {
    let (mut server, _) = company(Options::default()).await;
    let directory = layered(
        ScimDirectory::new(config(&server), &network()).unwrap(),
        Duration::from_millis(500),
    );
    let run = async || {
        let key = FingerprintKey::new(3, 4);
        match fetch(&directory, AttributeSet::EMPTY, key, FetchLimits::default(), &|_| {}).await {
            Ok(snapshot) => Ok(snapshot.user_count()),
            Err(failure) => Err(failure.class()),
        }
    };
    assert_eq!(run().await, Ok(u32::try_from(USERS).unwrap()));
    server.process().signal("STOP");
    assert_eq!(run().await, Err(Class::Timeout));
    server.process().kill();
    let class = run().await.unwrap_err();
    assert!(
        matches!(class, Class::Unreachable | Class::Unavailable | Class::Timeout),
        "{class:?}"
    );
}
