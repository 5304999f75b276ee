//! How many requests an apply takes.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_thousand_creations_and_additions_take_the_fewest_requests() {
    let people: Vec<_> = (0..1000).map(|number| person(&format!("p{number:04}"))).collect();
    let ids: Vec<_> = people.iter().map(|person| person.id.clone()).collect();
    let company = Company::of(people).group("Support", &ids);
    let platform = Arc::new(Fake::new());
    let report = sync(&company, &rules(&["Support"]), &platform).await;
    assert_eq!(report.outcome, Outcome::Synced, "{:?}", report.failures);
    let calls = platform.calls();
    let of = |step| calls.iter().filter(|call| call.step() == step).count();
    assert_eq!((of(Step::Team), of(Step::Create), of(Step::Add)), (1, 10, 1));
    assert_eq!(calls.len(), 12);
    assert_eq!(
        platform.most_at_once(),
        8,
        "side by side, as many as the platform bears"
    );

    let report = sync(&company, &rules(&["Support"]), &platform).await;
    assert_eq!((report.outcome, platform.calls().len()), (Outcome::Unchanged, 12));
}

#[tokio::test(start_paused = true)]
async fn addresses_that_nobody_waits_for_change_in_batches() {
    let renamed = |number| {
        let id = format!("p{number:04}");
        person(&id).email(&format!("{id}@acme.example"))
    };
    let company = Company::of((0..250).map(renamed));
    let platform = (0..250).fold(Fake::new(), |platform, number| {
        platform.with_user(user(&format!("p{number:04}")))
    });
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&[]), &platform).await;
    assert_eq!((report.outcome, report.done.users_updated), (Outcome::Synced, 250));
    let sizes: Vec<_> = platform.calls().iter().map(Call::items).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(platform.most_at_once(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_addresses_takes_one_request_a_link_and_not_one_a_person() {
    // In each of 50 departments p takes the address of q, who has a new one.
    let mut company = Company::default();
    let mut platform = Fake::new();
    for number in 0..50 {
        let (p, q) = (format!("p{number}"), format!("q{number}"));
        platform = platform.with_user(user(&p)).with_user(user(&q));
        company.people.push(person(&p).email(&format!("{q}@acme.test")));
        company.people.push(person(&q).email(&format!("{q}@acme.example")));
    }
    let platform = Arc::new(platform);
    let report = sync(&company, &rules(&[]), &platform).await;
    assert_eq!((report.outcome, report.done.users_updated), (Outcome::Synced, 100));
    assert_eq!(platform.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn teams_are_created_side_by_side() {
    let names: Vec<_> = (0..40).map(|number| format!("Team {number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let company = names.iter().fold(Company::of([person("ann")]), |company, name| {
        company.group(name, ["ann"])
    });
    let platform = Arc::new(Fake::new().with_user(user("ann")));
    let report = sync(&company, &rules(&names), &platform).await;
    assert_eq!((report.outcome, report.done.teams_created), (Outcome::Synced, 40));
    assert_eq!(platform.most_at_once(), 8);
    assert_eq!(report.done.team_memberships_added, 40);
}
