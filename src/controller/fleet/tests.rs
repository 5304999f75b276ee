//! Twins, ceilings, and what is remembered of whom.

use super::*;
use crate::controller::testing::{self, Bench};

fn at_platform(uid: &str, created: i64, url: &str) -> DirectoryConnection {
    let mut connection = testing::connection();
    connection.metadata.name = Some(uid.to_owned());
    connection.metadata.uid = Some(uid.to_owned());
    connection.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(testing::at(
        created,
    )));
    connection.spec.owner_id = Some("eu1/acme".to_owned());
    connection.spec.platform.rest.as_mut().unwrap().url = url.to_owned();
    connection
}

#[tokio::test]
async fn twins_are_found_in_every_spelling_of_the_same_address() {
    for (older, younger, same) in [
        ("https://api.x.test", "https://api.x.test:443", true),
        ("https://api.x.test", "https://API.X.test/", true),
        ("https://api.x.test/v1/", "https://api.x.test/v1", true),
        ("https://api.x.test/v1", "https://api.x.test/V1", false),
        ("https://api.x.test", "http://api.x.test", false),
        ("https://api.x.test", "https://api.x.test:8443", false),
    ] {
        let mut bench = Bench::new();
        let (older, younger) = (at_platform("older", 1, older), at_platform("younger", 2, younger));
        bench.put(&older);
        bench.put(&younger);
        assert_eq!(
            bench.fleet.older_twin(&younger).is_some(),
            same,
            "{:?}",
            younger.spec.platform
        );
        assert_eq!(bench.fleet.older_twin(&older), None);
    }
}

#[tokio::test]
async fn of_two_connections_that_take_people_from_each_other_the_older_one_takes() {
    let taking = |uid: &str, created: i64, url: &str, from: &str| {
        let mut connection = at_platform(uid, created, url);
        connection.spec.owner_id = Some(uid.to_owned());
        connection.spec.adoption.from_owner_ids = vec![from.to_owned()];
        connection
    };
    let rivals = |older_takes: &str, url: &str| {
        let mut bench = Bench::new();
        let older = taking("older", 1, "https://api.x.test", older_takes);
        let younger = taking("younger", 2, url, "older");
        bench.put(&older);
        bench.put(&younger);
        let owners = |connection| bench.fleet.older_rivals(connection);
        (owners(&older), owners(&younger))
    };
    let (of_older, of_younger) = rivals("younger", "https://api.x.test/");
    assert_eq!(of_older, []);
    let key = Key {
        namespace: "acme".to_owned(),
        name: "older".to_owned(),
    };
    assert_eq!(of_younger, [("older".to_owned(), key)]);
    assert_eq!(rivals("another", "https://api.x.test").1, [], "one way is handing over");
    assert_eq!(rivals("younger", "https://api.y.test").1, [], "on another platform");
}

#[tokio::test]
async fn no_connection_can_stretch_a_ceiling_by_a_large_minimum() {
    let config = ControllerConfig {
        removals_max_percent: Some(10),
        ..ControllerConfig::default()
    };
    let spec = Limits {
        max_percent: 100,
        min_population: 1_000_000,
        max_count: None,
    };
    let limits = spec.stricter(Bench::with(config, |_| None).fleet.ceilings());
    assert_eq!((limits.allowed(100), limits.allowed(5)), (10, 2));
    let free = spec.stricter(Bench::new().fleet.ceilings());
    assert_eq!(free, spec, "without a ceiling a connection's own limits count");
}
