//! Bad reads: every page of every provider with everything that can be wrong with it, through the whole pipeline.
//!
//! For each provider a server of its own ([`ldap`], [`scim`]; [`file`] has documents) says what a [`Company`] has, with one
//! [`Fault`] in one page. The shipped path reads it over a real socket, [`sync::run`] works out what follows, and a
//! [`Memory`] platform notes each removal. A bad read removes nobody, says why, and the next good one catches up.
//!
//! A new provider is one more [`Testbed`].

mod company;
mod faults;
mod file;
mod incidents;
mod ldap;
mod platform;
mod scim;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use directory_sync_model::{
    attribute::{Attribute, AttributeSet},
    expression::{Expression, Subject},
    fingerprint::FingerprintKey,
    guard::Limits,
    plan::PlanHash,
    rules::{
        Adoption, AttributeRule, AttributeSource, Deprovision, GroupSelector, Mapping, Protect, Rules, TeamSelector,
        UserScope,
    },
    snapshot::{Batch, Loss, Seen},
};
use futures::{StreamExt as _, stream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::{company::Company, faults::Fault, platform::Memory};
use super::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part, fetch::FetchLimits};
use crate::{
    call::{CallMetrics, CallPolicy, LayeredDirectory, Limiter},
    fault::Fault as _,
    sync::{self, Ends, Mode, Options, Outcome, Report, ledger::MemoryLedger},
};

const OWNER: &str = "acme/acme";

/// How long a server may be silent that is to be silent, and any other.
fn patience(fault: Option<(usize, Fault)>) -> Duration {
    match fault {
        Some((_, Fault::Silence)) => Duration::from_millis(200),
        _ => Duration::from_secs(30),
    }
}

/// A provider with a server that can be made to fail.
#[async_trait]
trait Testbed: Send + Sync {
    /// What it is called in messages.
    fn name(&self) -> &'static str;

    /// How many pages a read of this company takes, those of the people first.
    fn pages(&self, company: &Company) -> usize {
        company.pages()
    }

    /// What can be wrong with a page of this company.
    fn faults(&self, company: &Company, page: usize) -> Vec<Fault>;

    /// A directory of this company, with a fault in one page.
    async fn serve(&self, company: Company, fault: Option<(usize, Fault)>) -> Served;
}

/// A directory, and the server behind it, which ends with it.
struct Served {
    directory: Box<dyn Directory>,
    server: Option<JoinHandle<()>>,
    /// In which read it panics, counted from 0.
    panics: Option<usize>,
    reads: AtomicUsize,
}

impl Served {
    fn new(directory: impl Directory + 'static, server: Option<JoinHandle<()>>, fault: Option<(usize, Fault)>) -> Self {
        let panics = fault.filter(|(_, fault)| *fault == Fault::Panic).map(|(page, _)| page);
        Self {
            directory: Box::new(directory),
            server,
            panics,
            reads: AtomicUsize::new(0),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.iter().for_each(JoinHandle::abort);
    }
}

#[async_trait]
impl Directory for Served {
    fn provider(&self) -> &'static str {
        self.directory.provider()
    }

    fn capability(&self) -> Capability {
        self.directory.capability()
    }

    async fn read(
        &self,
        part: Part,
        wanted: AttributeSet,
        cursor: Option<&Cursor>,
        batch: &mut Batch,
    ) -> Result<PageEnd, Error> {
        let end = self.directory.read(part, wanted, cursor, batch).await;
        if self.panics == Some(self.reads.fetch_add(1, Ordering::SeqCst)) {
            // Not by `panic!`, whose hook would fill the output of the tests.
            std::panic::resume_unwind(Box::new("a parser met what it can't take"));
        }
        end
    }

    async fn check(&self) -> Vec<Finding> {
        self.directory.check().await
    }
}

/// The layers that every shipped directory has, with little patience.
fn layered(directory: Served) -> LayeredDirectory {
    let provider = directory.provider();
    let policy = CallPolicy {
        attempts: 2,
        first_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(2),
        timeout: Duration::from_mins(1),
        limiter: Arc::new(Limiter::new(None)),
        metrics: Arc::new(CallMetrics::new(&prometheus::Registry::new()).unwrap()),
        side: "directory",
        provider,
    };
    LayeredDirectory::new(Box::new(directory), policy)
}

/// Each group makes a team of its name.
fn rules() -> Rules {
    let names = (0..Company::before().groups.len()).map(company::group_name);
    Rules {
        owner: OWNER.into(),
        scope: UserScope::MappedGroups,
        filter: None,
        attributes: vec![AttributeRule {
            name: "title".to_owned(),
            source: AttributeSource::Expression(Expression::compile_attribute("user.title", Subject::User).unwrap()),
        }],
        default_role: None,
        allowed_roles: None,
        adoption: Adoption::Email,
        from_owners: BTreeSet::new(),
        deprovision: Deprovision::Deactivate,
        protect: Protect::default(),
        limits: Limits::default(),
        mappings: names
            .map(|name| Mapping {
                name: name.clone(),
                group: GroupSelector::Name(name.clone()),
                team: Some(TeamSelector::Name(name)),
                create_team: true,
                role: None,
                inboxes: Vec::new(),
                priority: 100,
                suspended: false,
                removals: None,
            })
            .collect(),
    }
}

/// Runs once. `seen` is what the read before saw, and `approved` what a person approved.
async fn sync(directory: Served, platform: &Memory, seen: Option<Seen>, approved: Option<PlanHash>) -> Report {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let ends = Ends {
        directory: Box::new(layered(directory)),
        platform: Box::new(platform.clone()),
    };
    let options = Options {
        id: format!("run-{}", RUNS.fetch_add(1, Ordering::Relaxed)),
        mode: Mode::Apply,
        approved,
        rejected: Vec::new(),
        stricter: None,
        hold_departures: false,
        seen,
        now: SystemTime::now(),
        key: FingerprintKey::new(1, 2),
        fetch: FetchLimits::default(),
    };
    let (ledger, stop) = (MemoryLedger::new(), CancellationToken::new());
    sync::run(&ends, &rules(), &options, &ledger, &stop, &()).await
}

/// What status would say of a run that didn't see everything; `None` where it has nothing to say.
fn reason(report: &Report) -> Option<String> {
    let mut reasons = Vec::new();
    if let Some(error) = &report.error {
        reasons.push(error.class().label().to_owned());
    }
    reasons.extend(report.doubts.iter().map(|doubt| doubt.label().to_owned()));
    if let Some(hold) = &report.hold {
        reasons.extend(hold.exceeded.iter().map(ToString::to_string));
        reasons.extend(hold.losses.iter().map(ToString::to_string));
    }
    (!reasons.is_empty()).then(|| reasons.join(", "))
}

/// What status would say of mappings alone.
fn mapping_problem(report: &Report) -> Option<String> {
    let mut problems = report.mappings.iter().flat_map(|mapping| &mapping.outcome.problems);
    problems.next().map(|problem| format!("{problem:?}"))
}

/// How one bad read went.
struct Tried {
    removals: usize,
    complaints: Vec<String>,
    reason: String,
}

/// What everybody starts from.
struct Start {
    platform: Memory,
    /// What the last read saw.
    seen: Option<Seen>,
    /// What the next good read removes.
    due: BTreeSet<String>,
}

impl Start {
    async fn of(testbed: &dyn Testbed) -> Self {
        let platform = Memory::default();
        let report = sync(testbed.serve(Company::before(), None).await, &platform, None, None).await;
        assert_eq!(report.outcome, Outcome::Synced, "{}: {report:?}", testbed.name());
        assert_eq!(platform.take_removals(), BTreeSet::new());
        let (seen, next) = (report.seen, platform.copy());
        let report = sync(testbed.serve(Company::after(), None).await, &next, seen, None).await;
        assert_eq!(report.outcome, Outcome::Synced, "{}: {report:?}", testbed.name());
        let due = next.take_removals();
        for gone in [company::LEAVER, company::UNMAPPED] {
            assert!(due.contains(&format!("deactivate u-p-{gone}")), "{due:?}");
        }
        assert!(due.iter().any(|removal| removal.contains("u-p-31 from")), "{due:?}");
        platform.take_writes();
        Self { platform, seen, due }
    }

    /// A bad read, a good one, and another.
    async fn try_one(&self, testbed: &dyn Testbed, bad: Served) -> Tried {
        let platform = self.platform.copy();
        let report = sync(bad, &platform, self.seen, None).await;
        let mut removals = platform.take_removals();
        let mut complaints = Vec::new();
        let mut left = self.due.clone();
        let reason = match (reason(&report), mapping_problem(&report)) {
            (Some(reason), _) => reason,
            (None, Some(problem)) => {
                // Only some groups are in doubt: who may be in one of them is neither out of scope, nor does he lose it.
                left.retain(|removal| !removals.contains(removal));
                let doubtful = report
                    .mappings
                    .iter()
                    .filter(|mapping| !mapping.outcome.problems.is_empty());
                let doubtful: Vec<_> = doubtful.map(|mapping| format!("t-{}", mapping.name)).collect();
                let leaver = format!("u-p-{} ", company::LEAVER);
                let waits = |removal: &str| {
                    removal == format!("deactivate u-p-{}", company::UNMAPPED)
                        || doubtful
                            .iter()
                            .any(|team| removal.ends_with(team) && !removal.contains(&leaver))
                };
                removals.retain(|removal| waits(removal) || !self.due.contains(removal));
                problem
            }
            (None, None) => {
                complaints.push("nothing tells that it was bad".to_owned());
                String::new()
            }
        };
        if !removals.is_empty() {
            complaints.push(format!("{reason}: {removals:?}"));
        }
        let removals = removals.len();
        let report = sync(testbed.serve(Company::after(), None).await, &platform, self.seen, None).await;
        let caught_up = platform.take_removals();
        if report.outcome != Outcome::Synced || caught_up != left {
            let (outcome, error) = (report.outcome, &report.error);
            complaints.push(format!(
                "then a good read removed {caught_up:?}, not {left:?}: {outcome:?} {error:?}"
            ));
        }
        platform.take_writes();
        let report = sync(
            testbed.serve(Company::after(), None).await,
            &platform,
            report.seen,
            None,
        )
        .await;
        if report.outcome != Outcome::Unchanged || platform.take_writes() > 0 {
            complaints.push(format!("and the next one wrote something: {:?}", report.outcome));
        }
        Tried {
            removals,
            complaints,
            reason,
        }
    }
}

fn testbeds() -> Vec<Box<dyn Testbed>> {
    let mut all: Vec<Box<dyn Testbed>> = vec![Box::new(ldap::Ldap)];
    all.extend(scim::Scim::ALL.map(|scim| Box::new(scim) as Box<dyn Testbed>));
    all.extend(file::File::ALL.map(|file| Box::new(file) as Box<dyn Testbed>));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bad_read_removes_anybody_each_says_why_and_the_next_good_one_catches_up() {
    let (mut tried, mut removals, mut complaints) = (0, 0, String::new());
    for testbed in testbeds() {
        let testbed = testbed.as_ref();
        let start = &Start::of(testbed).await;
        let company = Company::after();
        let pages = testbed.pages(&company);
        let cases = (0..pages).flat_map(|page| {
            let faults = testbed.faults(&company, page);
            faults.into_iter().map(move |fault| (page, fault))
        });
        let cases: Vec<_> = cases.collect();
        let outcomes = stream::iter(cases).map(async |(page, fault)| {
            let bad = testbed.serve(Company::after(), Some((page, fault))).await;
            (page, fault, start.try_one(testbed, bad).await)
        });
        let outcomes: Vec<_> = outcomes.buffer_unordered(16).collect().await;
        for (page, fault, outcome) in outcomes {
            tried += 1;
            removals += outcome.removals;
            for complaint in outcome.complaints {
                let name = testbed.name();
                writeln!(
                    complaints,
                    "{name}, page {page}, {fault:?} ({}): {complaint}",
                    outcome.reason
                )
                .unwrap();
            }
        }
    }
    println!("bad reads: {tried} tried, {removals} removals");
    assert!(complaints.is_empty() && removals == 0, "{complaints}");
    assert!(tried > 400, "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_sees_fewer_people_than_groups_name_removes_nobody_until_a_person_agrees() {
    for testbed in testbeds() {
        let (testbed, name) = (testbed.as_ref(), testbed.name());
        let start = Start::of(testbed).await;
        let platform = start.platform.copy();
        let fewer = async || testbed.serve(Company::after().without_some_people(), None).await;
        let held = sync(fewer().await, &platform, start.seen, None).await;
        let hold = held.hold.as_ref().unwrap_or_else(|| panic!("{name}: {held:?}"));
        assert_eq!(hold.exceeded, [], "{name}: no other limit sees it");
        let [Loss::Members { count }] = hold.losses[..] else {
            panic!("{name}: {hold:?}");
        };
        assert!(count >= 10, "{name}: {count}");
        assert_eq!((held.outcome, platform.take_writes()), (Outcome::Held, 0), "{name}");

        // The account sees them again.
        let recovered = platform.copy();
        let report = sync(
            testbed.serve(Company::after(), None).await,
            &recovered,
            start.seen,
            None,
        )
        .await;
        assert_eq!(
            (report.outcome, recovered.take_removals()),
            (Outcome::Synced, start.due),
            "{name}"
        );

        // Or somebody knows that they have left, and the groups are not clean.
        let agreed = sync(fewer().await, &platform, start.seen, held.hash).await;
        assert_eq!(agreed.outcome, Outcome::Synced, "{name}");
        assert_eq!(agreed.done.users_deactivated, held.planned.users_deactivated, "{name}");
        let next = sync(fewer().await, &platform, agreed.seen, None).await;
        assert_eq!(next.outcome, Outcome::Unchanged, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_in_a_hundred_who_left_their_groups_as_well_are_believed_to_have_left() {
    for testbed in testbeds() {
        let (testbed, name) = (testbed.as_ref(), testbed.name());
        let start = Start::of(testbed).await;
        let left = testbed.serve(Company::after().without_some_people().with_clean_groups(), None);
        let report = sync(left.await, &start.platform, start.seen, None).await;
        assert_eq!(report.outcome, Outcome::Synced, "{name}: {report:?}");
        assert!(report.done.users_deactivated >= 12, "{name}: {report:?}");
    }
}

#[tokio::test]
async fn what_the_other_side_wants_waited_out_is_waited_out_and_the_read_is_good() {
    // Each of these passes by itself, and within the same read.
    for testbed in scim::Scim::ALL {
        let start = Start::of(&testbed).await;
        for status in [429, 503] {
            let platform = start.platform.copy();
            let report = sync(
                testbed.serve_once(Company::after(), 1, status).await,
                &platform,
                start.seen,
                None,
            )
            .await;
            assert_eq!(report.outcome, Outcome::Synced, "{status}: {report:?}");
            assert_eq!(platform.take_removals(), start.due, "{status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attribute_that_everybody_lost_at_once_is_taken_from_nobody_until_a_person_agrees() {
    let testbed = scim::Scim::ALL[0];
    let platform = Memory::default();
    let titled = || Company {
        titled: true,
        ..Company::before()
    };
    let first = sync(testbed.serve(titled(), None).await, &platform, None, None).await;
    assert_eq!(first.outcome, Outcome::Synced, "{first:?}");
    platform.take_writes();
    // The account may no longer read it.
    let held = sync(
        testbed.serve(Company::before(), None).await,
        &platform,
        first.seen,
        None,
    )
    .await;
    let losses = held.hold.as_ref().map(|hold| hold.losses.clone());
    assert_eq!(losses, Some(vec![Loss::Attribute(Attribute::Title)]), "{held:?}");
    assert_eq!((held.planned.users_updated, platform.take_writes()), (80, 0));
    let recovered = sync(testbed.serve(titled(), None).await, &platform, first.seen, None).await;
    assert_eq!(recovered.outcome, Outcome::Unchanged, "{recovered:?}");
    let agreed = sync(
        testbed.serve(Company::before(), None).await,
        &platform,
        first.seen,
        held.hash,
    )
    .await;
    assert_eq!((agreed.outcome, agreed.done.users_updated), (Outcome::Synced, 80));
}
