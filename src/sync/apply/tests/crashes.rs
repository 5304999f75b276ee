//! Runs that are dropped at every call to the ledger and the platform, before it is sent and after it took effect.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use directory_sync_model::{observed::Observer, plan::PlanHash};

use super::{ledger::markless, *};
use crate::{
    platform::{
        Capability, Identity, MembershipWrite, NewTeam, NewUser, PageEnd, Part, TeamPatch, UserDeletion, UserPatch,
        WriteKey,
    },
    sync::ledger::{Entry, HeldPlan, Intent, Key, LedgerError, Opened, Removal, Settlement, SyncRecord},
};

/// A ledger in memory that keeps all that it is told, and fails on demand.
#[derive(Clone, Default)]
pub(super) struct Watched(Arc<Inner>);

#[derive(Default)]
struct Inner {
    seen: Mutex<Seen>,
    calls: AtomicUsize,
    fail_from: Mutex<Option<usize>>,
}

#[derive(Default)]
struct Seen {
    unknown: bool,
    intents: BTreeMap<String, Intent>,
    settlements: Vec<Settlement>,
    written: usize,
    pages: usize,
}

impl Watched {
    /// One that doesn't know the owner.
    pub(super) fn unknown() -> Self {
        let watched = Self::default();
        watched.0.seen.lock().unwrap().unknown = true;
        watched
    }

    /// Fails from its call with this number on.
    pub(super) fn fail_from(&self, call: usize) {
        *self.0.fail_from.lock().unwrap() = Some(call);
    }

    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    pub(super) fn intents(&self) -> BTreeMap<String, Intent> {
        self.0.seen.lock().unwrap().intents.clone()
    }

    pub(super) fn settlements(&self) -> Vec<Settlement> {
        self.0.seen.lock().unwrap().settlements.clone()
    }

    pub(super) fn journal(&self) -> Vec<(String, Removal)> {
        let settlements = self.settlements();
        settlements.into_iter().flat_map(|settled| settled.journal).collect()
    }

    pub(super) fn recorded(&self) -> Vec<Entry> {
        let settlements = self.settlements();
        settlements.into_iter().flat_map(|settled| settled.record).collect()
    }

    pub(super) fn is_known(&self) -> bool {
        !self.0.seen.lock().unwrap().unknown
    }

    pub(super) fn pages(&self) -> usize {
        self.0.seen.lock().unwrap().pages
    }

    /// How many items are on record.
    pub(super) fn written(&self) -> usize {
        self.0.seen.lock().unwrap().written
    }

    fn call(&self) -> Result<std::sync::MutexGuard<'_, Seen>, LedgerError> {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst);
        match *self.0.fail_from.lock().unwrap() {
            Some(from) if call >= from => Err(LedgerError::new("writing the ledger", "the disk is full")),
            _ => Ok(self.0.seen.lock().unwrap()),
        }
    }
}

#[async_trait]
impl Ledger for Watched {
    async fn open(&self, _: bool) -> Result<Opened, LedgerError> {
        let seen = self.call()?;
        Ok(Opened {
            known: !seen.unknown,
            intents: seen.intents.values().cloned().collect(),
            unfinished: None,
            spent: Vec::new(),
        })
    }

    async fn entries(&self, _: Option<&Key>) -> Result<Vec<Entry>, LedgerError> {
        self.call()?.pages += 1;
        Ok(Vec::new())
    }

    async fn intend(&self, intent: &Intent) -> Result<(), LedgerError> {
        let mut seen = self.call()?;
        seen.written += intent.given.len() + intent.taken.len();
        seen.intents.insert(intent.id.clone(), intent.clone());
        Ok(())
    }

    async fn settle(&self, settlement: &Settlement) -> Result<(), LedgerError> {
        let mut seen = self.call()?;
        settlement.intents.iter().for_each(|id| {
            seen.intents.remove(id);
        });
        seen.settlements.push(settlement.clone());
        Ok(())
    }

    async fn known(&self) -> Result<(), LedgerError> {
        self.call()?.unknown = false;
        Ok(())
    }

    async fn hold(&self, _: &HeldPlan, _: &mut (dyn Iterator<Item = Removal> + Send)) -> Result<(), LedgerError> {
        self.call().map(drop)
    }

    async fn spend(&self, _: &str, _: &str, _: SystemTime) -> Result<(), LedgerError> {
        self.call().map(drop)
    }

    async fn finish(&self, _: &str) -> Result<(), LedgerError> {
        self.call().map(drop)
    }

    async fn record(&self, _: &SyncRecord) -> Result<(), LedgerError> {
        self.call().map(drop)
    }
}

/// Lets so many calls through; the next one never returns, before it was sent or after it took effect.
#[derive(Clone)]
struct Fuse {
    left: Arc<AtomicUsize>,
    sent: bool,
}

impl Fuse {
    async fn pass<R>(&self, call: impl Future<Output = R>) -> R {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => call.await,
            Err(_) if self.sent => {
                call.await;
                pending().await
            }
            Err(_) => pending().await,
        }
    }
}

struct Fused<T>(T, Fuse);

#[async_trait]
impl Ledger for Fused<Arc<MemoryLedger>> {
    async fn open(&self, marks: bool) -> Result<Opened, LedgerError> {
        self.1.pass(self.0.open(marks)).await
    }
    async fn entries(&self, after: Option<&Key>) -> Result<Vec<Entry>, LedgerError> {
        self.1.pass(self.0.entries(after)).await
    }
    async fn intend(&self, intent: &Intent) -> Result<(), LedgerError> {
        self.1.pass(self.0.intend(intent)).await
    }
    async fn settle(&self, settlement: &Settlement) -> Result<(), LedgerError> {
        self.1.pass(self.0.settle(settlement)).await
    }
    async fn known(&self) -> Result<(), LedgerError> {
        self.1.pass(self.0.known()).await
    }
    async fn hold(
        &self,
        plan: &HeldPlan,
        removals: &mut (dyn Iterator<Item = Removal> + Send),
    ) -> Result<(), LedgerError> {
        self.1.pass(self.0.hold(plan, removals)).await
    }
    async fn spend(&self, hash: &str, sync: &str, at: SystemTime) -> Result<(), LedgerError> {
        self.1.pass(self.0.spend(hash, sync, at)).await
    }
    async fn finish(&self, hash: &str) -> Result<(), LedgerError> {
        self.1.pass(self.0.finish(hash)).await
    }
    async fn record(&self, sync: &SyncRecord) -> Result<(), LedgerError> {
        self.1.pass(self.0.record(sync)).await
    }
}

#[async_trait]
impl Platform for Fused<Arc<Fake>> {
    fn name(&self) -> &'static str {
        "fused"
    }
    fn capability(&self) -> Capability {
        self.0.capability
    }
    async fn identity(&self) -> Result<Identity, Error> {
        self.0.identity().await
    }
    async fn read(&self, part: Part, from: Option<&str>, to: &mut (dyn Observer + Send)) -> Result<PageEnd, Error> {
        self.0.read(part, from, to).await
    }
    async fn create_team(&self, team: &NewTeam, owner: &str, key: &WriteKey) -> Result<String, Error> {
        self.1.pass(self.0.create_team(team, owner, key)).await
    }
    async fn update_team(&self, team: &TeamPatch, key: &WriteKey) -> Result<(), Error> {
        self.1.pass(self.0.update_team(team, key)).await
    }
    async fn create_users(&self, users: &[NewUser], key: &WriteKey) -> Result<Vec<Result<String, Error>>, Error> {
        self.1.pass(self.0.create_users(users, key)).await
    }
    async fn update_users(
        &self,
        users: &[UserPatch],
        key: &WriteKey,
    ) -> Result<Vec<Result<Option<String>, Error>>, Error> {
        self.1.pass(self.0.update_users(users, key)).await
    }
    async fn delete_users(&self, users: &[UserDeletion], key: &WriteKey) -> Result<Vec<Result<(), Error>>, Error> {
        self.1.pass(self.0.delete_users(users, key)).await
    }
    async fn change_memberships(
        &self,
        changes: &[MembershipWrite],
        owner: &str,
        key: &WriteKey,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.1.pass(self.0.change_memberships(changes, owner, key)).await
    }
}

/// A platform and its ledger.
struct World {
    platform: Arc<Fake>,
    ledger: Arc<MemoryLedger>,
}

impl World {
    /// Dora was made by hand, and is in a team by hand.
    fn new(marks: bool, external_ids: bool) -> Self {
        let mut platform = markless(external_ids).with_team("Sales", &[]);
        platform.capability.marks = marks;
        let mut dora = user("dora");
        dora.mark = None;
        Self {
            platform: Arc::new(platform.with_user(dora)),
            ledger: Arc::default(),
        }
    }

    /// Syncs with this many calls, if it needs as many; whether it came to its end.
    async fn sync(&self, company: &Company, rules: &Rules, fuse: Option<Fuse>) -> bool {
        let fuse = fuse.unwrap_or(Fuse {
            left: Arc::new(usize::MAX.into()),
            sent: false,
        });
        let platform = Box::new(Fused(Arc::clone(&self.platform), fuse.clone()));
        let ledger = Fused(Arc::clone(&self.ledger), fuse);
        let stop = CancellationToken::new();
        let running = sync_with(company, rules, platform, &ledger, &stop);
        match tokio::time::timeout(Duration::from_mins(10), running).await {
            Ok(report) => {
                let ended = matches!(report.outcome, Outcome::Synced | Outcome::Unchanged);
                assert!(ended, "{report:?}");
                true
            }
            Err(_) => false,
        }
    }

    /// All that there is.
    fn told(&self) -> Vec<String> {
        let state = self.platform.state();
        let users = state.users.iter().map(|(id, user)| {
            let given = user.mark.as_ref().and_then(|mark| mark.role.clone());
            format!("{id} {} {} {} {given:?}", user.email, user.active, user.role)
        });
        let members = state.members.iter().map(|(team, user)| format!("{team} {user}"));
        let entries = self.ledger.all().into_iter().map(|entry| {
            let Entry {
                key,
                directory_id,
                role,
                mapping,
                deactivated,
                ..
            } = entry;
            format!("{key:?} {directory_id} {role} {mapping} {}", deactivated.is_some())
        });
        users.chain(members).chain(entries).collect()
    }
}

/// Three days of a company: it begins; people join, move, leave and come under; somebody returns.
fn days() -> ([Company; 3], Rules) {
    let mut rules = rules(&["Support", "Sales"]);
    rules.mappings[0].role = Some("agent".to_owned());
    let people = |ids: &[&str]| Company::of(ids.iter().map(|id| person(id)).collect::<Vec<_>>());
    let days = [
        people(&["ann", "bob", "dora"])
            .group("Support", ["ann", "dora"])
            .group("Sales", ["bob"]),
        people(&["bob", "carl", "dora"])
            .group("Support", ["bob", "carl"])
            .group("Sales", ["dora"]),
        people(&["ann", "bob", "dora"])
            .group("Support", ["ann"])
            .group("Sales", ["bob"]),
    ];
    (days, rules)
}

async fn all_crashes(marks: bool, external_ids: bool) -> usize {
    let (days, rules) = days();
    let mut tried = 0;
    for day in 0..days.len() {
        let until = |last: usize| {
            let (days, rules) = (&days, &rules);
            async move {
                let world = World::new(marks, external_ids);
                for day in &days[..last] {
                    assert!(world.sync(day, rules, None).await);
                }
                world
            }
        };
        let expected = until(day + 1).await.told();
        for sent in [false, true] {
            for calls in 0.. {
                let world = until(day).await;
                let fuse = Fuse {
                    left: Arc::new(calls.into()),
                    sent,
                };
                if world.sync(&days[day], &rules, Some(fuse)).await {
                    break;
                }
                tried += 1;
                assert!(world.sync(&days[day], &rules, None).await);
                assert_eq!(
                    world.told(),
                    expected,
                    "day {day}, broken off at call {calls}, sent: {sent}"
                );
                let before = world.platform.calls().len();
                assert!(world.sync(&days[day], &rules, None).await);
                assert_eq!(world.platform.calls().len(), before, "a sync after it writes nothing");
            }
        }
    }
    tried
}

#[tokio::test(start_paused = true)]
async fn a_run_broken_off_at_any_call_converges_on_a_platform_without_marks() {
    for external_ids in [true, false] {
        let tried = all_crashes(false, external_ids).await;
        assert!(tried > 90, "{tried}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_broken_off_at_any_call_converges_on_a_platform_with_marks() {
    assert!(all_crashes(true, true).await > 90);
}

#[tokio::test(start_paused = true)]
async fn an_approved_plan_that_was_broken_off_is_carried_out_to_its_end() {
    let (days, mut rules) = days();
    let mut tried = 0;
    for sent in [false, true] {
        for calls in 0.. {
            rules.limits.max_percent = 100;
            let world = World::new(true, true);
            assert!(world.sync(&days[0], &rules, None).await);
            rules.limits.max_percent = 0;
            let approve = async |approved: Option<PlanHash>, fuse: Fuse| {
                let ends = Ends {
                    directory: Box::new(days[1].clone()),
                    platform: Box::new(Fused(Arc::clone(&world.platform), fuse.clone())),
                };
                let options = Options { approved, ..options() };
                let ledger = Fused(Arc::clone(&world.ledger), fuse);
                let stop = CancellationToken::new();
                let running = run(&ends, &rules, &options, &ledger, &stop, &());
                tokio::time::timeout(Duration::from_mins(10), running).await
            };
            let whole = || Fuse {
                left: Arc::new(usize::MAX.into()),
                sent: false,
            };
            let held = approve(None, whole()).await.unwrap();
            assert_eq!(held.outcome, Outcome::Held);
            let fuse = Fuse {
                left: Arc::new(calls.into()),
                sent,
            };
            let ended = approve(held.hash.clone(), fuse).await.is_ok();
            let report = approve(held.hash.clone(), whole()).await.unwrap();
            let done = [Outcome::Synced, Outcome::Unchanged].contains(&report.outcome);
            assert!(done, "at call {calls}, sent: {sent}: {report:?}");
            assert!(!world.platform.user("ann").active);
            // Whichever of the runs it was that used the approval.
            let spent = report.spent.iter().map(|spent| PlanHash::from_text(&spent.hash));
            assert!(spent.into_iter().any(|spent| Some(spent) == held.hash), "{report:?}");
            if ended {
                break;
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}
