use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use directory_sync_model::{
    attribute::AttributeSet,
    observed::{ContainerRow, MembershipRow, Observer, RoleRow, UserRow},
    snapshot::Batch,
};
use prometheus::Registry;
use tokio::time::Instant;

use super::*;
use crate::{
    directory::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part},
    fault::Class,
    http,
    platform::{self, Platform as _},
};

/// What one attempt does.
#[derive(Clone)]
enum Answer {
    Page,
    Status(u16, Option<Duration>),
    Hang,
    Panic,
}

/// A directory that gives these answers one after the other.
struct Script {
    answers: Mutex<Vec<Answer>>,
    repeatable_pages: bool,
    calls: Arc<AtomicUsize>,
}

#[async_trait]
impl Directory for Script {
    fn provider(&self) -> &'static str {
        "script"
    }

    fn capability(&self) -> Capability {
        Capability {
            repeatable_pages: self.repeatable_pages,
        }
    }

    async fn read(&self, _: Part, _: AttributeSet, _: Option<&Cursor>, batch: &mut Batch) -> Result<PageEnd, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.lock().unwrap().remove(0);
        // Half of a page is always there when it fails.
        batch.user("u-1", |_| {});
        match answer {
            Answer::Page => Ok(PageEnd::default()),
            Answer::Hang => std::future::pending().await,
            Answer::Panic => panic!("index out of bounds"),
            Answer::Status(status, retry_after) => Err(Error::Http {
                operation: "reading".into(),
                source: http::Error::Status {
                    host: "a.test".into(),
                    status,
                    detail: String::new(),
                    kind: None,
                    retry_after,
                },
            }),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        std::future::pending().await
    }
}

fn policy(registry: &Registry) -> CallPolicy {
    CallPolicy {
        attempts: 4,
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(8),
        timeout: Duration::from_secs(20),
        limiter: Arc::new(Limiter::new(None)),
        metrics: Arc::new(CallMetrics::new(registry).unwrap()),
        side: "directory",
        provider: "script",
    }
}

struct Outcome {
    result: Result<usize, Error>,
    calls: usize,
    seconds: f64,
    registry: Registry,
}

async fn read(answers: &[Answer], cursor: Option<&Cursor>, repeatable_pages: bool) -> Outcome {
    let registry = Registry::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let directory = LayeredDirectory::new(
        Box::new(Script {
            answers: Mutex::new(answers.to_vec()),
            repeatable_pages,
            calls: Arc::clone(&calls),
        }),
        policy(&registry),
    );
    let start = Instant::now();
    let mut batch = Batch::new();
    let result = directory
        .read(Part::Users, AttributeSet::EMPTY, cursor, &mut batch)
        .await;
    Outcome {
        result: result.map(|_| batch.entries()),
        calls: calls.load(Ordering::SeqCst),
        seconds: start.elapsed().as_secs_f64(),
        registry,
    }
}

const BUSY: Answer = Answer::Status(503, None);

#[tokio::test(start_paused = true)]
async fn a_passing_fault_is_tried_again_with_growing_waits_and_an_empty_batch() {
    let outcome = read(&[BUSY, BUSY, Answer::Page], None, true).await;
    assert_eq!((outcome.result.unwrap(), outcome.calls), (1, 3));
    // One and two seconds, each less up to half.
    assert!((1.5..3.1).contains(&outcome.seconds), "{}", outcome.seconds);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_error_is_final() {
    let outcome = read(&[BUSY, BUSY, BUSY, BUSY], None, true).await;
    assert_eq!(outcome.result.unwrap_err().class(), Class::Unavailable);
    assert_eq!(outcome.calls, 4);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_person_can_mend_is_not_tried_again() {
    for status in [400, 401, 403, 404] {
        let outcome = read(&[Answer::Status(status, None)], None, true).await;
        assert!(outcome.result.is_err());
        assert_eq!(outcome.calls, 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_the_other_side_asks_for_is_kept() {
    let slow_down = Answer::Status(429, Some(Duration::from_mins(1)));
    let outcome = read(&[slow_down, Answer::Page], None, true).await;
    assert_eq!(outcome.calls, 2);
    assert!((60.0..61.1).contains(&outcome.seconds), "{}", outcome.seconds);
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_more_than_five_minutes_is_left_to_the_next_sync() {
    let slow_down = Answer::Status(429, Some(Duration::from_mins(30)));
    let outcome = read(&[slow_down], None, true).await;
    assert_eq!(outcome.result.unwrap_err().retry_after(), Some(Duration::from_mins(30)));
    assert!(outcome.seconds < f64::EPSILON);
}

#[tokio::test(start_paused = true)]
async fn a_429_pauses_all_who_share_the_credential() {
    let registry = Registry::new();
    let policy = policy(&registry);
    let failed: Result<(), Error> = policy
        .attempt("read_users", async {
            Err(Error::Http {
                operation: "reading".into(),
                source: http::Error::Status {
                    host: "a.test".into(),
                    status: 429,
                    detail: String::new(),
                    kind: None,
                    retry_after: Some(Duration::from_secs(9)),
                },
            })
        })
        .await;
    assert!(failed.is_err());
    let start = Instant::now();
    policy.limiter.acquire().await.unwrap();
    assert!((9.0..9.1).contains(&start.elapsed().as_secs_f64()));
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_an_hour_fails_all_others_at_once_and_not_after_it() {
    let registry = Registry::new();
    let policy = policy(&registry);
    policy.limiter.pause(Duration::from_hours(1));
    let directory = LayeredDirectory::new(
        Box::new(Script {
            answers: Mutex::new(vec![Answer::Page]),
            repeatable_pages: true,
            calls: Arc::default(),
        }),
        policy.clone(),
    );
    let platform = LayeredPlatform::new(Box::new(Shaky::default()), policy);
    let start = Instant::now();
    let mut batch = Batch::new();
    let error = directory
        .read(Part::Users, AttributeSet::EMPTY, None, &mut batch)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class(), error.retry_after()),
        (Class::RateLimited, Some(Duration::from_hours(1)))
    );
    let error = platform.identity().await.unwrap_err();
    assert_eq!(
        (error.class(), error.retry_after()),
        (Class::RateLimited, Some(Duration::from_hours(1)))
    );
    assert_eq!(
        error.to_string(),
        "identity: the other side wants no requests for another 3600 s"
    );
    assert!(start.elapsed().is_zero());
    assert_eq!(registry.gather().len(), 0, "what wasn't sent isn't counted");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_time() {
    let outcome = read(&[Answer::Hang, Answer::Page], None, true).await;
    assert_eq!(outcome.result.unwrap(), 1);
    assert!((20.5..21.1).contains(&outcome.seconds), "{}", outcome.seconds);
    let outcome = read(&[const { Answer::Hang }; 4], None, true).await;
    let error = outcome.result.unwrap_err();
    assert_eq!(error.to_string(), "read users: no answer within 20 s");
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_position_lives_in_the_connection_is_not_asked_for_twice() {
    let cursor = Cursor("2".into());
    let outcome = read(&[BUSY], Some(&cursor), false).await;
    assert!(outcome.result.is_err());
    assert_eq!(outcome.calls, 1);
    // The first page is: nothing has been read yet.
    assert_eq!(read(&[BUSY, Answer::Page], None, false).await.calls, 2);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_panics_is_an_error_of_this_sync_alone() {
    let outcome = read(&[Answer::Panic], None, true).await;
    let error = outcome.result.unwrap_err();
    assert_eq!(error.class(), Class::Internal);
    let text = error.to_string();
    assert!(
        text.starts_with("read users: the reader failed") && text.contains("log"),
        "{text}"
    );
    assert!(
        !text.contains("index out of bounds"),
        "what a panic says may be somebody's name: {text}"
    );
    assert_eq!(outcome.calls, 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_is_a_finding() {
    let directory = LayeredDirectory::new(
        Box::new(Script {
            answers: Mutex::new(Vec::new()),
            repeatable_pages: true,
            calls: Arc::default(),
        }),
        policy(&Registry::new()),
    );
    let findings = directory.check().await;
    assert_eq!(findings[0].outcome, Err("check: no answer within 20 s".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_counted_with_its_status() {
    let outcome = read(&[BUSY, Answer::Status(429, None), Answer::Page], None, true).await;
    let mut counted = Vec::new();
    for family in outcome.registry.gather() {
        for metric in family.get_metric() {
            let labels: Vec<_> = metric
                .get_label()
                .iter()
                .map(|label| label.value().to_owned())
                .collect();
            counted.push((
                labels.join(" "),
                metric.get_counter().get_value(),
                metric.get_histogram().get_sample_count(),
            ));
        }
    }
    assert_eq!(
        counted,
        [
            ("read_users script directory".to_owned(), 0.0, 3),
            ("read_users script directory RateLimited".to_owned(), 1.0, 0),
            ("read_users script directory Unavailable".to_owned(), 1.0, 0),
            ("read_users script directory ok".to_owned(), 1.0, 0),
        ]
    );
}

/// A platform that fails once, then works.
#[derive(Default)]
struct Shaky {
    calls: AtomicUsize,
}

impl Shaky {
    fn once<T>(&self, done: T) -> Result<T, platform::Error> {
        if self.calls.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            return Ok(done);
        }
        Err(platform::Error::Timeout {
            operation: "any".into(),
            after: Duration::ZERO,
        })
    }
}

#[async_trait]
impl platform::Platform for Shaky {
    fn name(&self) -> &'static str {
        "shaky"
    }

    fn capability(&self) -> platform::Capability {
        platform::Capability {
            marks: true,
            create_teams: true,
            users_per_request: 1,
            memberships_per_request: 1,
            concurrency: 1,
        }
    }

    async fn identity(&self) -> Result<platform::Identity, platform::Error> {
        self.once(platform::Identity::default())
    }

    async fn read(
        &self,
        _: platform::Part,
        _: Option<&str>,
        observer: &mut (dyn Observer + Send),
    ) -> Result<platform::PageEnd, platform::Error> {
        let end = self.once(platform::PageEnd::default())?;
        observer.user(&UserRow::default());
        Ok(end)
    }

    async fn create_team(
        &self,
        team: &platform::NewTeam,
        _: &str,
        _: &platform::WriteKey,
    ) -> Result<String, platform::Error> {
        self.once(team.name.clone())
    }

    async fn update_team(&self, _: &platform::TeamPatch, _: &platform::WriteKey) -> Result<(), platform::Error> {
        self.once(())
    }

    async fn create_users(
        &self,
        users: &[platform::NewUser],
        _: &platform::WriteKey,
    ) -> Result<Vec<Result<String, platform::Error>>, platform::Error> {
        self.once(users.iter().map(|user| Ok(user.external_id.clone())).collect())
    }

    async fn update_users(
        &self,
        users: &[platform::UserPatch],
        _: &platform::WriteKey,
    ) -> Result<Vec<Result<Option<String>, platform::Error>>, platform::Error> {
        self.once(users.iter().map(|_| Ok(None)).collect())
    }

    async fn delete_users(
        &self,
        users: &[platform::UserDeletion],
        _: &platform::WriteKey,
    ) -> Result<Vec<Result<(), platform::Error>>, platform::Error> {
        self.once(users.iter().map(|_| Ok(())).collect())
    }

    async fn change_memberships(
        &self,
        changes: &[platform::MembershipWrite],
        _: &str,
        _: &platform::WriteKey,
    ) -> Result<Vec<Result<(), platform::Error>>, platform::Error> {
        self.once(changes.iter().map(|_| Ok(())).collect())
    }
}

#[derive(Default)]
struct Count(usize);

impl Observer for Count {
    fn role(&mut self, _: &RoleRow<'_>) {}
    fn container(&mut self, _: &ContainerRow<'_>) {}
    fn user(&mut self, _: &UserRow<'_>) {
        self.0 += 1;
    }
    fn membership(&mut self, _: &MembershipRow<'_>) {}
}

#[tokio::test(start_paused = true)]
async fn every_call_of_a_platform_is_tried_again() {
    let registry = Registry::new();
    let platform = LayeredPlatform::new(Box::new(Shaky::default()), policy(&registry));
    let key = platform::WriteKey("k".into());
    let mut seen = Count::default();
    platform.identity().await.unwrap();
    for part in platform::Part::ALL {
        platform.read(part, None, &mut seen).await.unwrap();
    }
    assert_eq!(seen.0, platform::Part::ALL.len());
    let team = platform::NewTeam {
        name: "EMEA".into(),
        external_id: None,
    };
    assert_eq!(platform.create_team(&team, "acme", &key).await.unwrap(), "EMEA");
    platform
        .update_team(&platform::TeamPatch::default(), &key)
        .await
        .unwrap();
    platform.create_users(&[], &key).await.unwrap();
    platform.update_users(&[], &key).await.unwrap();
    platform.delete_users(&[], &key).await.unwrap();
    platform.change_memberships(&[], "acme", &key).await.unwrap();
}
