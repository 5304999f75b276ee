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
mod server;
mod tests;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use directory_sync_model::{
    attribute::AttributeSet,
    expression::{Expression, Subject},
    fingerprint::FingerprintKey,
    guard::Hold,
    limits::Limits,
    plan::PlanHash,
    rules::{
        Adoption, AttributeRule, AttributeSource, Deprovision, GroupSelector, Mapping, Protect, Rules, TeamSelector,
        UserScope,
    },
    snapshot::{Batch, Seen},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::{company::Company, faults::Fault, platform::Memory};
use super::{Capability, Cursor, Directory, Error, Finding, PageEnd, Part};
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
    let id = format!("run-{}", RUNS.fetch_add(1, Ordering::Relaxed));
    let options = Options {
        approved,
        seen,
        ..Options::new(id, Mode::Apply, SystemTime::now(), FingerprintKey::new(1, 2))
    };
    let (ledger, stop) = (MemoryLedger::new(), CancellationToken::new());
    sync::run(&ends, &rules(), &options, &ledger, &stop, &()).await
}

/// Runs once with a read in which nothing is wrong.
async fn read(testbed: &dyn Testbed, company: Company, platform: &Memory, seen: Option<Seen>) -> Report {
    sync(testbed.serve(company, None).await, platform, seen, None).await
}

/// What status would say of a run that didn't see everything; `None` where it has nothing to say.
fn reason(report: &Report) -> Option<String> {
    let mut reasons = Vec::new();
    if let Some(error) = &report.error {
        reasons.push(error.class().label().to_owned());
    }
    reasons.extend(report.doubts.iter().map(|doubt| doubt.label().to_owned()));
    reasons.extend(report.hold.iter().flat_map(Hold::reasons));
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
        let report = read(testbed, Company::before(), &platform, None).await;
        assert_eq!(report.outcome, Outcome::Synced, "{}: {report:?}", testbed.name());
        assert_eq!(platform.take_removals(), BTreeSet::new());
        let (seen, next) = (report.seen, platform.copy());
        let report = read(testbed, Company::after(), &next, seen).await;
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
        let report = read(testbed, Company::after(), &platform, self.seen).await;
        let caught_up = platform.take_removals();
        if report.outcome != Outcome::Synced || caught_up != left {
            let (outcome, error) = (report.outcome, &report.error);
            complaints.push(format!(
                "then a good read removed {caught_up:?}, not {left:?}: {outcome:?} {error:?}"
            ));
        }
        platform.take_writes();
        let report = read(testbed, Company::after(), &platform, report.seen).await;
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
