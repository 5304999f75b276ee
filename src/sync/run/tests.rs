//! Runs between a directory and a platform that never answer.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use directory_sync_model::{
    attribute::AttributeSet,
    observed::Observer,
    rules::{Adoption, Deprovision, Protect, UserScope},
    snapshot::Batch,
};

use super::{super::MemoryLedger, *};
use crate::{
    directory::{self, Cursor, Finding, Part as DirectoryPart},
    platform::{
        self, Capability, Identity, MembershipWrite, NewUser, PageEnd, Part, UserDeletion, UserPatch, WriteKey,
    },
};

/// Tells that it was asked, and where it is silent never answers.
struct Silent {
    asked: Arc<Mutex<Option<tokio::sync::oneshot::Sender<()>>>>,
    from_page: u32,
}

impl Silent {
    async fn page(&self, page: u32) {
        if page >= self.from_page {
            if let Some(asked) = self.asked.lock().unwrap().take() {
                asked.send(()).unwrap();
            }
            std::future::pending::<()>().await;
        }
    }
}

struct People(Option<Silent>);

#[async_trait]
impl Directory for People {
    fn provider(&self) -> &'static str {
        "script"
    }

    fn capability(&self) -> directory::Capability {
        directory::Capability { repeatable_pages: true }
    }

    async fn read(
        &self,
        part: DirectoryPart,
        _: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<directory::PageEnd, directory::Error> {
        let page = cursor.map_or(0, |cursor| cursor.0.parse().unwrap());
        if let Some(silent) = &self.0 {
            silent.page(page).await;
        }
        if part == DirectoryPart::Users {
            batch.user(&format!("u-{page}"), |_| {});
        }
        Ok(directory::PageEnd {
            next: (part == DirectoryPart::Users && page < 9).then(|| Cursor((page + 1).to_string())),
            ..directory::PageEnd::default()
        })
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// A platform that nobody may write to.
struct Untouched {
    silent: Option<Silent>,
    asked: Arc<AtomicBool>,
}

#[async_trait]
impl Platform for Untouched {
    fn name(&self) -> &'static str {
        "script"
    }

    fn capability(&self) -> Capability {
        Capability {
            marks: true,
            create_teams: true,
            users_per_request: 1,
            memberships_per_request: 1,
            concurrency: 1,
        }
    }

    async fn identity(&self) -> Result<Identity, platform::Error> {
        self.asked.store(true, Ordering::Relaxed);
        Ok(Identity::default())
    }

    async fn read(
        &self,
        part: Part,
        cursor: Option<&str>,
        _: &mut (dyn Observer + Send),
    ) -> Result<PageEnd, platform::Error> {
        let page = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        if let Some(silent) = &self.silent {
            silent.page(page).await;
        }
        Ok(PageEnd {
            next: (part == Part::Users && page < 9).then(|| (page + 1).to_string()),
            ..PageEnd::default()
        })
    }

    async fn create_team(&self, _: &platform::NewTeam, _: &str, _: &WriteKey) -> Result<String, platform::Error> {
        unreachable!("nothing is written")
    }

    async fn update_team(&self, _: &platform::TeamPatch, _: &WriteKey) -> Result<(), platform::Error> {
        unreachable!("nothing is written")
    }

    async fn create_users(
        &self,
        _: &[NewUser],
        _: &WriteKey,
    ) -> Result<Vec<Result<String, platform::Error>>, platform::Error> {
        unreachable!("nothing is written")
    }

    async fn update_users(
        &self,
        _: &[UserPatch],
        _: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, platform::Error>>, platform::Error> {
        unreachable!("nothing is written")
    }

    async fn delete_users(
        &self,
        _: &[UserDeletion],
        _: &WriteKey,
    ) -> Result<Vec<Result<(), platform::Error>>, platform::Error> {
        unreachable!("nothing is written")
    }

    async fn change_memberships(
        &self,
        _: &[MembershipWrite],
        _: &str,
        _: &WriteKey,
    ) -> Result<Vec<Result<(), platform::Error>>, platform::Error> {
        unreachable!("nothing is written")
    }
}

fn rules() -> Rules {
    Rules {
        owner: "acme".into(),
        scope: UserScope::All,
        filter: None,
        attributes: Vec::new(),
        default_role: None,
        allowed_roles: None,
        adoption: Adoption::Email,
        from_owners: std::collections::BTreeSet::new(),
        deprovision: Deprovision::Deactivate,
        protect: Protect::default(),
        limits: Limits::default(),
        mappings: Vec::new(),
    }
}

/// Runs until one end is silent, then asks the run to stop. What it did, and whether the platform was asked anything.
async fn stopped(directory: Option<u32>, platform: Option<u32>) -> (Report, bool) {
    let (sender, silence) = tokio::sync::oneshot::channel();
    let sender = Arc::new(Mutex::new(Some(sender)));
    let silent = |from_page: u32| Silent {
        asked: Arc::clone(&sender),
        from_page,
    };
    let asked = Arc::new(AtomicBool::new(false));
    let ends = Ends {
        directory: Box::new(People(directory.map(silent))),
        platform: Box::new(Untouched {
            silent: platform.map(silent),
            asked: Arc::clone(&asked),
        }),
    };
    let options = Options::new("run".into(), Mode::Apply, SystemTime::now(), FingerprintKey::new(1, 2));
    let stop = CancellationToken::new();
    let rules = rules();
    let ledger = MemoryLedger::new();
    let running = run(&ends, &rules, &options, &ledger, &stop, &());
    let stopping = async {
        silence.await.unwrap();
        stop.cancel();
    };
    let both = async { tokio::join!(running, stopping).0 };
    let report = tokio::time::timeout(Duration::from_secs(20), both).await;
    (report.expect("the run ends"), asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_stop_ends_the_read_of_the_directory_and_nobody_asks_the_platform() {
    for page in [0, 3] {
        let (report, platform_asked) = stopped(Some(page), None).await;
        assert_eq!(report.outcome, Outcome::Stopped);
        assert!(report.is_void() && report.error.is_none() && report.directory.is_none());
        assert!(!platform_asked);
    }
}

#[tokio::test]
async fn a_stop_ends_the_read_of_the_platform_and_nothing_is_written() {
    for page in [0, 3] {
        let (report, platform_asked) = stopped(None, Some(page)).await;
        assert_eq!(report.outcome, Outcome::Stopped);
        assert!(report.is_void() && report.error.is_none() && report.hash.is_none());
        assert!(platform_asked && report.directory.is_some());
    }
}
