//! What went wrong in other directory syncs, as far as it needs two ends: what is asked of them, and how often. The others
//! are in `model/tests/meaning/incidents.rs`. Numbers are those of the issues in the projects named.

use directory_sync_model::{desired::FailureReason, snapshot::Doubt};

use super::*;
use crate::directory::Part;

fn people(count: usize) -> Vec<company::Person> {
    (0..count).map(|number| person(&format!("p{number:04}"))).collect()
}

/// A platform that has all of them, in a team that we gave them.
fn settled(count: usize) -> Fake {
    let ids: Vec<_> = (0..count).map(|number| format!("p{number:04}")).collect();
    let platform = ids
        .iter()
        .fold(Fake::new(), |platform, id| platform.with_user(user(id)));
    platform.with_team("Support", &ids.iter().map(String::as_str).collect::<Vec<_>>())
}

/// ssosync #194, #159, #234, #278: an empty answer, or one of 503, deleted users and groups. o365-moodle #2055 to #2058: users
/// were suspended although the full sync had failed.
#[tokio::test(start_paused = true)]
async fn an_empty_answer_and_one_of_503_delete_nobody() {
    for answer in [
        Answer::Empty,
        Answer::Fails(Part::Users),
        Answer::Fails(Part::Groups),
        Answer::BreaksOff(1),
    ] {
        let platform = Arc::new(settled(30));
        let company = Company::of(people(2)).group("Support", ["p0000"]).answering(answer);
        sync(&company, &rules(&["Support"]), &platform).await;
        assert_eq!(platform.calls().len(), 0);
    }
}

/// group-sync-operator #246, #370, #184: lists ended at 100, 999 and 1,000 rows.
#[tokio::test(start_paused = true)]
async fn a_list_that_ends_before_its_total_removes_nobody_and_says_so() {
    for rows in [100, 999, 1000] {
        let platform = Arc::new(settled(1200));
        let everybody = people(1200);
        let ids: Vec<_> = everybody.iter().map(|person| person.id.clone()).collect();
        let company = Company::of(everybody)
            .group("Support", &ids)
            .answering(Answer::Cut(rows));
        let report = sync(&company, &rules(&["Support"]), &platform).await;
        assert_eq!(platform.calls().len(), 0);
        let received = rows as u64;
        assert_eq!(report.doubts, [Doubt::CountMismatch { stated: 1200, received }]);
    }
}

/// ssosync #17: 200 users in 200 groups cost 40,000 requests.
#[tokio::test(start_paused = true)]
async fn two_hundred_people_in_two_hundred_groups_take_few_requests_and_none_when_nothing_changes() {
    let everybody = people(200);
    let ids: Vec<_> = everybody.iter().map(|person| person.id.clone()).collect();
    let names: Vec<_> = (0..200).map(|number| format!("G{number:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let company = names
        .iter()
        .fold(Company::of(everybody), |company, name| company.group(name, &ids));
    let platform = Arc::new(Fake::new());
    let report = sync(&company, &rules(&names), &platform).await;
    assert_eq!(
        (report.outcome, report.done.team_memberships_added),
        (Outcome::Synced, 40_000)
    );
    let calls = platform.calls().len();
    assert!(
        calls <= 200 + 2 + 40,
        "{calls} requests for 200 teams, 200 people, 40,000 memberships"
    );
    sync(&company, &rules(&names), &platform).await;
    assert_eq!(platform.calls().len(), calls);
}

/// Bitwarden #22, #1089: when all seats were taken, the sync failed silently.
#[tokio::test(start_paused = true)]
async fn whoever_finds_no_seat_is_named_and_all_else_is_done() {
    let mut platform = settled(3);
    platform.seats = Some(3);
    let platform = Arc::new(platform);
    let company = Company::of([
        person("p0000").named("New name"),
        person("p0001"),
        person("p0002"),
        person("one"),
        person("two"),
    ])
    .group("Support", ["p0000", "p0002", "one"]);
    let report = sync(&company, &rules(&["Support"]), &platform).await;
    assert_eq!(
        (report.outcome, failed(&report)),
        (Outcome::PartlyFailed, vec!["one", "two"])
    );
    assert!(
        report
            .failures
            .iter()
            .all(|failure| failure.reason == FailureReason::NoSeats && failure.message.contains("seat"))
    );
    assert_eq!(platform.user("p0000").given_name, "New name");
    assert_eq!(platform.team("Support"), ["p0000", "p0002"]);
}

/// Firezone #15169: one user who was deleted meanwhile was answered by 412, and the sync failed.
#[tokio::test(start_paused = true)]
async fn a_user_who_is_gone_when_he_is_written_is_one_failure() {
    for answer in [409, 412] {
        let mut platform = settled(50);
        platform.on_call =
            Box::new(move |call| (call.names("p0007") && call.step() == Step::Update).then(|| status(answer)));
        let platform = Arc::new(platform);
        let renamed = people(50).into_iter().map(|person| person.named("Renamed"));
        let company = Company::of(renamed).group("Support", people(50).iter().map(|person| person.id.clone()));
        let report = sync(&company, &rules(&["Support"]), &platform).await;
        assert_eq!(
            (report.outcome, failed(&report), report.done.users_updated),
            (Outcome::PartlyFailed, vec!["p0007"], 49),
            "{answer}"
        );
    }
}
