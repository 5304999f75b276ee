//! What one sync took is given back: where it is still ours to give, and what is told where it isn't.

use directory_sync_model::{
    desired::FailureKind,
    diff::Account,
    map::map,
    plan::{Population, RemovalKind},
    rules::Rules,
    undo::{Taken, Undo},
};

use crate::support::{Platform, RulesWords, directory, platform, rules, shown, user, world::noon};

/// Something that was taken of a person: what, of whom, where (`t-T`), and the role or name before and after.
type Loss = (RemovalKind, &'static str, &'static str, &'static str, &'static str);

const ACCOUNT: Loss = (RemovalKind::User, "ann", "", "", "");
const TEAM: Loss = (RemovalKind::TeamMembership, "ann", "t-T", "T", "");
const INBOX: Loss = (RemovalKind::InboxMembership, "ann", "i-T", "T", "");
const ROLE: Loss = (RemovalKind::Role, "ann", "", "agent", "member");

struct Restored {
    changes: Vec<String>,
    told: Vec<(FailureKind, String)>,
    populations: Vec<Population>,
    managed: u64,
    ours: Vec<bool>,
    /// The platform's ids of those who are found there.
    users: Vec<String>,
}

fn give_back(losses: &[Loss], rules: &Rules, platform: &Platform) -> Restored {
    let mut people: Vec<&str> = losses.iter().map(|loss| loss.1).collect();
    people.sort_unstable();
    people.dedup();
    let snapshot = directory().with_people(&people).snapshot();
    let ids: Vec<String> = losses.iter().map(|loss| format!("u-{}", loss.1)).collect();
    let taken: Vec<Taken<'_>> = losses
        .iter()
        .zip(&ids)
        .map(|((kind, person, container, from, to), id)| Taken {
            kind: *kind,
            user: id,
            person: snapshot.find_user(person).unwrap(),
            container,
            from,
            to,
        })
        .collect();
    let desired = map(&snapshot, rules, noon());
    let account = Account {
        user_id: platform.own_account.clone(),
        fixed_teams: false,
    };
    let mut undo = Undo::new(&desired, account, &taken);
    platform.show(&mut undo);
    let plan = undo.finish();
    let told = plan.failures.iter();
    Restored {
        changes: shown::lines(&plan),
        told: told.map(|failure| (failure.kind, failure.message.clone())).collect(),
        populations: plan.populations.clone(),
        managed: plan.managed_users,
        ours: plan.containers.iter().map(|held| held.ours).collect(),
        users: (0..snapshot.user_count())
            .filter_map(|person| Some(plan.holdings.id(plan.holding_of(person)?).to_owned()))
            .collect(),
    }
}

/// A team and an inbox of one name, and whoever else there is.
fn place() -> Platform {
    platform().team("T").inbox("T", "")
}

fn refusal(loss: Loss, rules: &Rules, platform: &Platform) -> (FailureKind, String) {
    let mut restored = give_back(&[loss], rules, platform);
    assert_eq!(restored.changes, [""; 0], "{loss:?}");
    assert_eq!(restored.told.len(), 1, "{loss:?}: {:?}", restored.told);
    restored.told.remove(0)
}

#[test]
fn an_account_with_its_team_inbox_and_role_comes_back() {
    let deactivated = user("ann").managed().given("member").deactivated();
    let all = [TEAM, ROLE, INBOX, ACCOUNT];
    for shown_twice in [false, true] {
        let mut platform = place().with(deactivated.clone());
        platform.shown_twice = shown_twice;
        let restored = give_back(&all, &rules(), &platform);
        assert_eq!(
            restored.changes,
            [
                "update ann: activate",
                "add ann to T",
                "add ann to T",
                "role of ann: member -> agent"
            ]
        );
        assert_eq!(restored.told, []);
        assert_eq!(restored.users, ["u-ann"]);
    }
}

#[test]
fn what_is_there_is_not_given_again() {
    let there = place().with(user("ann").managed().given("agent"));
    let mut in_both = there.clone();
    for id in ["t-T", "i-T"] {
        in_both.memberships.insert((id.to_owned(), "u-ann".to_owned()), None);
    }
    let restored = give_back(&[ACCOUNT, TEAM, INBOX, ROLE], &rules(), &in_both);
    assert_eq!((restored.changes, restored.told), (vec![], vec![]));
    // Another one's membership, or one of another team, is not hers.
    let others = there.clone().with(user("bob").managed()).team("U");
    let others = others.gave("U", "ann").gave("U", "bob");
    let bobs = |mut platform: Platform| {
        let key = ("t-T".to_owned(), "u-bob".to_owned());
        platform.memberships.insert(key, None);
        platform
    };
    let restored = give_back(&[TEAM, TEAM], &rules(), &bobs(others));
    assert_eq!(restored.changes, ["add ann to T"]);
}

#[test]
fn nothing_is_given_to_a_user_who_is_gone_not_ours_or_protected() {
    let managed = || user("ann").managed().given("member");
    let mut own = place().with(managed());
    own.own_account = Some("u-ann".to_owned());
    let cases = [
        (
            rules(),
            place(),
            "the platform hasn't the user any more: a deleted user can't be restored",
        ),
        (
            rules(),
            place().with(user("ann").external_id("ann")),
            "the platform's user doesn't carry our mark any more, so nothing is given to him",
        ),
        (
            rules(),
            place().with(user("ann").external_id("ann").of_another_connection()),
            "the platform's user doesn't carry our mark any more, so nothing is given to him",
        ),
        (rules(), own, "the user is protected, so nothing of him is changed"),
        (
            rules().protecting_user("ann@acme.test"),
            place().with(managed().email("ANN@acme.test")),
            "the user is protected, so nothing of him is changed",
        ),
        (
            rules().protecting_user("ann"),
            place().with(managed()),
            "the user is protected, so nothing of him is changed",
        ),
        (
            rules().protecting_role("Member"),
            place().with(managed()),
            "the user is protected, so nothing of him is changed",
        ),
        (
            rules(),
            place().with(managed().inactive()),
            "the user was deactivated by hand or by another sync since, and stays so",
        ),
    ];
    for (rules, platform, expected) in cases {
        let mut told = vec![(FailureKind::User, expected.to_owned())];
        assert_eq!(give_back(&[ACCOUNT, TEAM, ROLE], &rules, &platform).told, told);
        assert_eq!(refusal(TEAM, &rules, &platform), told.remove(0));
    }
}

#[test]
fn whoever_else_is_protected_keeps_nobody_from_getting_back_what_was_his() {
    let rules = rules().protecting_user("bob").protecting_role("lead");
    let mut platform = place().with(user("ann").managed()).with(user("bob").managed());
    platform.own_account = Some("u-bob".to_owned());
    let restored = give_back(&[TEAM], &rules, &platform);
    assert_eq!(
        (restored.changes, restored.told),
        (vec!["add ann to T".to_owned()], vec![])
    );
}

#[test]
fn a_role_is_given_back_only_in_place_of_the_one_that_we_gave_instead() {
    let to = |role: &'static str| place().with(user("ann").managed().given(role));
    let changed = "the user was given another role since, and keeps it";
    for platform in [
        to("lead"),
        place().with(user("ann").managed()),
        place().with(user("ann").managed().given("lead").role("member")),
    ] {
        assert_eq!(
            refusal(ROLE, &rules(), &platform),
            (FailureKind::Role, changed.to_owned())
        );
    }
    let none = (RemovalKind::Role, "ann", "", "", "member");
    let unknown = (RemovalKind::Role, "ann", "", "owner", "member");
    for (loss, rules, expected) in [
        (none, rules(), "the user had no role before, and none can't be given"),
        (
            ROLE,
            rules().protecting_role("agent"),
            r#"the role "agent" may not be granted by this connection"#,
        ),
        (unknown, rules(), r#"the platform has no role "owner" any more"#),
    ] {
        assert_eq!(
            refusal(loss, &rules, &to("member")),
            (FailureKind::Role, expected.to_owned())
        );
    }
    // A platform that doesn't show its roles is taken at its word.
    let mut silent = to("member");
    silent.roles.clear();
    assert_eq!(
        give_back(&[unknown], &rules(), &silent).changes,
        ["role of ann: member -> owner"]
    );
}

#[test]
fn a_team_that_is_gone_or_protected_is_told_and_an_inbox_is_no_team() {
    let ann = || user("ann").managed();
    let gone = "\"T\" is not on the platform any more".to_owned();
    assert_eq!(
        refusal(TEAM, &rules(), &platform().inbox("T", "").with(ann())),
        (FailureKind::Membership, gone.clone())
    );
    assert_eq!(
        refusal(INBOX, &rules(), &platform().team("T").with(ann())),
        (FailureKind::Inbox, gone)
    );
    for protected in ["t-T", " t ", "T"] {
        let rules = rules().protecting_team(protected);
        assert_eq!(
            refusal(TEAM, &rules, &place().with(ann())),
            (
                FailureKind::Membership,
                r#"the team "T" is protected, so nobody joins it"#.to_owned()
            )
        );
        assert_eq!(
            give_back(&[INBOX], &rules, &place().with(ann())).changes,
            ["add ann to T"]
        );
    }
    let rules = rules().protecting_team("U");
    assert_eq!(
        give_back(&[TEAM], &rules, &place().with(ann())).changes,
        ["add ann to T"]
    );
}

#[test]
fn a_role_given_back_counts_as_a_removal_of_the_one_given_instead() {
    let platform = place()
        .with(user("ann").managed().given("member"))
        .with(user("bob").managed().given("member"))
        .with(user("cid").managed().given("member").inactive())
        // Those have no such role of us.
        .with(user("dan").managed())
        .with(user("eve").managed().given("member").role("lead"))
        .with(user("fay").of_another_connection().given("member"));
    let roles = [ROLE, (RemovalKind::Role, "bob", "", "lead", "member")];
    let restored = give_back(&roles, &rules(), &platform);
    assert_eq!(
        restored.changes,
        ["role of ann: member -> agent", "role of bob: member -> lead"]
    );
    let population = Population {
        kind: RemovalKind::Role,
        name: Some("member".to_owned()),
        size: 3,
        removals: 2,
    };
    assert_eq!(restored.populations, [population]);
    assert_eq!(restored.managed, 4);
}

#[test]
fn only_the_teams_that_it_is_about_are_part_of_it_and_ours_are_told_apart() {
    let losses = [
        TEAM,
        (RemovalKind::TeamMembership, "ann", "t-Ours", "Ours", ""),
        (RemovalKind::TeamMembership, "ann", "t-Theirs", "Theirs", ""),
    ];
    let platform = platform()
        .team("T")
        .team("Other")
        .made_team("Ours", "g-A")
        .others_team("Theirs", "g-A")
        .with(user("ann").managed());
    assert_eq!(give_back(&losses, &rules(), &platform).ours, [false, true, false]);
}
