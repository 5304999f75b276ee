//! What every provider has to do with bad reads, and with reads that look good and aren't.

use std::{fmt::Write as _, io::Write as _};

use directory_sync_model::{attribute::Attribute, snapshot::Loss};
use futures::{StreamExt as _, stream};

use super::{Start, Testbed as _, company::Company, platform::Memory, read, scim, sync, testbeds};
use crate::sync::Outcome;

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
    // Not by `println`, which the test runner keeps to itself where a test passes.
    drop(writeln!(
        std::io::stderr(),
        "bad reads: {tried} tried, {removals} removals"
    ));
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
        let report = read(testbed, Company::after(), &recovered, start.seen).await;
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
    let first = read(&testbed, titled(), &platform, None).await;
    assert_eq!(first.outcome, Outcome::Synced, "{first:?}");
    platform.take_writes();
    // The account may no longer read it.
    let held = read(&testbed, Company::before(), &platform, first.seen).await;
    let losses = held.hold.as_ref().map(|hold| hold.losses.clone());
    assert_eq!(losses, Some(vec![Loss::Attribute(Attribute::Title)]), "{held:?}");
    assert_eq!((held.planned.users_updated, platform.take_writes()), (80, 0));
    let recovered = read(&testbed, titled(), &platform, first.seen).await;
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
