//! Whole runs from a directory in plain data to a platform in memory that records what it is asked.

mod company;
mod crashes;
mod failures;
mod fake;
mod incidents;
mod ledger;
mod order;
mod promises;
mod requests;
mod restore;
mod retirement;
mod teams;

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use directory_sync_model::{
    fingerprint::FingerprintKey,
    limits::Limits,
    rules::{Adoption, Deprovision, GroupSelector, Mapping, Protect, Rules, TeamSelector, UserScope},
};
use tokio_util::sync::CancellationToken;

use self::{
    company::{Answer, Company, person},
    fake::{Call, Fake, Item, Step, user},
};
use crate::{
    fault::{Class, Fault as _},
    http,
    platform::{Error, Platform},
    sync::{Ends, Ledger, MemoryLedger, Mode, Options, Outcome, Report, new_id, run},
};

const OWNER: &str = "eu1/acme";

/// A connection that hands its users over.
const OTHER: &str = "eu1/old";

/// Everybody is in scope; each group gives the team of that name, which is created when it is missing.
fn rules(groups: &[&str]) -> Rules {
    let mapping = |group: &&str| Mapping {
        name: group.to_lowercase(),
        group: GroupSelector::Name((*group).to_owned()),
        team: Some(TeamSelector::Name((*group).to_owned())),
        create_team: true,
        role: None,
        inboxes: Vec::new(),
        priority: 100,
        suspended: false,
        removals: None,
    };
    Rules {
        owner: OWNER.to_owned(),
        scope: UserScope::All,
        filter: None,
        attributes: Vec::new(),
        default_role: None,
        allowed_roles: None,
        adoption: Adoption::Email,
        from_owners: std::collections::BTreeSet::new(),
        deprovision: Deprovision::Deactivate,
        protect: Protect::default(),
        limits: Limits {
            max_percent: 100,
            min_population: 10_000,
            max_count: None,
        },
        mappings: groups.iter().map(mapping).collect(),
    }
}

async fn sync(company: &Company, rules: &Rules, platform: &Arc<Fake>) -> Report {
    sync_until(company, rules, platform, &CancellationToken::new()).await
}

async fn sync_until(company: &Company, rules: &Rules, platform: &Arc<Fake>, stop: &CancellationToken) -> Report {
    sync_with(
        company,
        rules,
        Box::new(Arc::clone(platform)),
        &MemoryLedger::new(),
        stop,
    )
    .await
}

async fn sync_with(
    company: &Company,
    rules: &Rules,
    platform: Box<dyn Platform>,
    ledger: &dyn Ledger,
    stop: &CancellationToken,
) -> Report {
    let ends = Ends {
        directory: Box::new(company.clone()),
        platform,
    };
    run(&ends, rules, &options(), ledger, stop, &()).await
}

/// A run that carries its plan out, and that nobody has decided anything about.
fn options() -> Options {
    Options::new(new_id(), Mode::Apply, SystemTime::UNIX_EPOCH, FingerprintKey::new(1, 2))
}

/// The ids of those who failed on their own, sorted.
fn failed(report: &Report) -> Vec<&str> {
    let mut ids: Vec<_> = report.failures.iter().map(|failure| failure.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// What a server answers to a whole request.
fn status(status: u16) -> Error {
    Error::Http {
        operation: "writing".to_owned(),
        source: http::Error::Status {
            host: "api.platform.test".to_owned(),
            status,
            detail: String::new(),
            kind: None,
            retry_after: None,
        },
    }
}
