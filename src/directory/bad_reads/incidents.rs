//! What went wrong in other directory syncs, as far as it was about reading: each with every provider, through the whole
//! pipeline. The numbers are those of the issues in the projects named.

use super::{
    Start, Testbed,
    company::{self, Company},
    faults::Fault,
    ldap, mapping_problem, read, reason, scim, sync, testbeds,
};
use crate::sync::{Outcome, Report};

/// Reads a company, after which nobody may be gone who isn't.
async fn nobody_goes(testbed: &dyn Testbed, company: Company, fault: Option<(usize, Fault)>) -> Report {
    let start = Start::of(testbed).await;
    let report = sync(testbed.serve(company, fault).await, &start.platform, start.seen, None).await;
    let removals = start.platform.take_removals();
    let wrong: Vec<_> = removals.difference(&start.due).collect();
    assert!(wrong.is_empty(), "{}, {fault:?}: {wrong:?}", testbed.name());
    report
}

/// ssosync #194, #159, #234, #278: an empty answer, or a 503, deleted users and groups. Polis: an empty first page deletes
/// every user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_or_503_answer_deletes_nobody() {
    for testbed in testbeds() {
        let company = Company::after();
        let groups = testbed.pages(&company) - company.group_pages();
        for page in [0, groups] {
            for fault in [
                Fault::NoRows,
                Fault::NoRowsAndEnd,
                Fault::NoBody,
                Fault::Status(503),
                Fault::Code(52),
            ] {
                if testbed.faults(&company, page).contains(&fault) {
                    let report = nobody_goes(testbed.as_ref(), company.clone(), Some((page, fault))).await;
                    let told = reason(&report).or(mapping_problem(&report));
                    assert!(told.is_some(), "{}, {fault:?}", testbed.name());
                }
            }
        }
        let nobody = Company {
            people: Vec::new(),
            ..Company::after()
        };
        let report = nobody_goes(testbed.as_ref(), nobody, None).await;
        let reason = reason(&report).unwrap_or_default();
        assert!(reason.contains("Empty"), "{}: {reason}", testbed.name());
    }
}

/// group-sync-operator #246, #370, #184: lists ended at 100, at 999 and at 1,000 rows. `DefGuard`: at 50 pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_ends_early_is_not_taken_for_everybody_even_where_its_total_agrees() {
    for testbed in testbeds() {
        for rows in [10, 40, 70] {
            for says_so in [true, false] {
                let cut = Company::after().cut_after(rows, says_so);
                let report = nobody_goes(testbed.as_ref(), cut, None).await;
                let reason = reason(&report).unwrap_or_default();
                let expected = if says_so && testbed.name().starts_with("scim") {
                    "CountMismatch"
                } else {
                    "groups still name"
                };
                assert!(reason.contains(expected), "{}, {rows} rows: {reason}", testbed.name());
            }
        }
    }
}

/// group-sync-operator #169, #248: groups were pruned at random.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_people_and_groups_in_another_order_and_on_other_pages_are_no_change() {
    for testbed in testbeds() {
        let testbed = testbed.as_ref();
        let start = Start::of(testbed).await;
        let mut turned = Company::before();
        turned.people.reverse();
        turned.people.rotate_left(7);
        let report = read(testbed, turned, &start.platform, start.seen).await;
        assert_eq!(report.outcome, Outcome::Unchanged, "{}: {report:?}", testbed.name());
    }
}

/// Adobe user-sync #517: "group not found" was treated like "group is empty".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_not_found_is_not_an_empty_group() {
    for testbed in testbeds() {
        let mut company = Company::before();
        company.groups.remove(3);
        company.names.remove(3);
        let report = nobody_goes(testbed.as_ref(), company, None).await;
        assert_eq!(
            mapping_problem(&report).as_deref(),
            Some("GroupNotFound"),
            "{}",
            testbed.name()
        );
    }
}

/// group-sync-operator #135, #129: of two groups of one name, the second overwrote the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_groups_of_one_name_are_never_taken_for_one() {
    for testbed in testbeds() {
        let mut company = Company::before();
        company.names[4] = company::group_name(3);
        let report = nobody_goes(testbed.as_ref(), company, None).await;
        let told = mapping_problem(&report).unwrap_or_default();
        assert!(told.starts_with("GroupAmbiguous"), "{}: {told}", testbed.name());
    }
}

/// o365-moodle #2055 to #2058: users were suspended although the full sync had failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_fails_in_its_last_page_is_no_read() {
    let faults = [
        (Box::new(ldap::Ldap) as Box<dyn Testbed>, Fault::Lost),
        (Box::new(scim::Scim::ALL[0]), Fault::Status(500)),
        (Box::new(scim::Scim::ALL[1]), Fault::Truncated),
    ];
    for (testbed, fault) in faults {
        let company = Company::after();
        let last = company.pages() - 1;
        let report = nobody_goes(testbed.as_ref(), company, Some((last, fault))).await;
        assert_eq!(report.outcome, Outcome::Failed, "{}", testbed.name());
        assert!(
            report.directory.is_none() && report.hash.is_none(),
            "{}",
            testbed.name()
        );
    }
}
