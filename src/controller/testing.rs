//! Runs for tests of what follows them.

use directory_sync_model::guard::Limits;
use jiff::Timestamp;
use serde_json::json;

use super::{
    cause::Cause,
    digest::Digest,
    run::{Ended, Order},
};
use crate::{
    api::{DirectoryConnection, condition::Reason, status::Trigger},
    sync::{Mode, Report},
};

/// So many seconds after the epoch.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A connection of a file and a platform, in generation 4.
pub fn connection() -> DirectoryConnection {
    serde_json::from_value(json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "DirectoryConnection",
        "metadata": { "namespace": "acme", "name": "directory", "uid": "u-1", "generation": 4 },
        "spec": {
            "provider": { "file": { "people": { "configMapKeyRef": { "name": "people", "key": "people.csv" } } } },
            "platform": { "rest": {
                "url": "https://api.platform.test",
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
            } },
        },
    }))
    .unwrap()
}

/// An order to sync that connection in Apply mode.
pub fn order() -> Order {
    Order {
        id: "run".into(),
        trigger: Trigger::Interval,
        start: at(3600),
        connection: connection(),
        mappings: Vec::new(),
        mappings_digest: Digest::of(["m"]),
        plans: Vec::new(),
        requested: None,
        mode: Mode::Apply,
        ceilings: Limits::default(),
        judged: None,
        approved: None,
        rejected: Vec::new(),
        older: None,
    }
}

/// A run that ended with this report.
pub fn ended(report: Report) -> Ended {
    Ended {
        end: at(3610),
        result: Ok(report),
        noted: None,
        documents: None,
        rules: None,
    }
}

/// A run that couldn't begin, or failed.
pub fn failed(cause: Cause) -> Ended {
    Ended {
        end: at(3610),
        result: Err(cause),
        noted: None,
        documents: None,
        rules: None,
    }
}

/// A credential that isn't accepted.
pub fn unauthorized() -> Cause {
    Cause {
        reason: Reason::Unauthorized,
        message: "the platform could not be read: api.platform.test answered 401".into(),
        needs_a_person: true,
        retry_after: None,
    }
}
