//! What pages come to.

use super::{Batch, Completeness, Doubt, EntryKind, Snapshot, SnapshotBuilder};
use crate::{attribute::Attribute, fingerprint::FingerprintKey};

const KEY: FingerprintKey = FingerprintKey::new(1, 2);

/// A snapshot of these pages.
fn read(pages: &[&dyn Fn(&mut Batch)]) -> Snapshot {
    let mut builder = SnapshotBuilder::new(KEY);
    let mut batch = Batch::new();
    for page in pages {
        batch.clear();
        page(&mut batch);
        builder.append(&batch);
    }
    builder.finish()
}

fn people(ids: &[&str]) -> impl Fn(&mut Batch) {
    move |batch| ids.iter().for_each(|id| batch.user(id, |_| {}))
}

fn group(id: &'static str, members: &'static [&'static str]) -> impl Fn(&mut Batch) {
    move |batch| {
        let mut group = batch.group(id, &id.to_uppercase());
        for member in members {
            group.member(member);
        }
    }
}

fn members<'s>(snapshot: &'s Snapshot, group: &str) -> Vec<&'s str> {
    let group = snapshot.find_group(group).expect("a group of this id");
    snapshot
        .members(group)
        .iter()
        .map(|user| snapshot.user_id(*user))
        .collect()
}

fn told(snapshot: &Snapshot, group: &str) -> bool {
    snapshot
        .group(snapshot.find_group(group).expect("a group of this id"))
        .members_told
}

#[test]
fn people_and_groups_are_found_by_their_ids() {
    let snapshot = read(&[
        &|batch| {
            batch.user(" u1 ", |record| record.text(Attribute::Title, "Engineer"));
            batch
                .group(" g1 ", " Support ")
                .description("All of them")
                .member(" u1\n");
        },
        &people(&["u2"]),
    ]);
    assert_eq!((snapshot.user_count(), snapshot.group_count()), (2, 1));
    let user = snapshot.find_user("u1").unwrap();
    assert_eq!(snapshot.user_id(user), "u1");
    assert_eq!(snapshot.user(user).text(Attribute::Title), "Engineer");
    let group = snapshot.group(snapshot.find_group("g1").unwrap());
    assert_eq!(
        (group.id, group.name, group.description, group.members_told),
        ("g1", "Support", "All of them", true)
    );
    assert_eq!(members(&snapshot, "g1"), ["u1"]);
    assert_eq!(snapshot.find_user("nobody"), None);
    assert_eq!(snapshot.find_group("u1"), None);
    assert_eq!(snapshot.user_id(99), "");
    assert!(snapshot.completeness.is_complete());
}

#[test]
fn a_group_that_comes_in_several_runs_has_the_members_of_all() {
    let snapshot = read(&[
        &people(&["a", "b", "c", "d"]),
        &group("g", &["c", "a", "c"]),
        &group("h", &["d", "b"]),
        &group("g", &["d", "a"]),
        &group("g", &[]),
    ]);
    assert_eq!(members(&snapshot, "g"), ["a", "c", "d"]);
    assert_eq!(members(&snapshot, "h"), ["b", "d"]);
}

#[test]
fn members_that_come_after_their_group_are_members() {
    let snapshot = read(&[
        &group("g", &["late", "a", "never", "later"]),
        &people(&["a", "late"]),
        &group("g", &["later"]),
        &people(&["later"]),
    ]);
    assert_eq!(members(&snapshot, "g"), ["a", "late", "later"]);
}

#[test]
fn a_group_without_members_is_empty_and_told() {
    let snapshot = read(&[&people(&["a"]), &group("g", &[])]);
    assert_eq!(members(&snapshot, "g"), [""; 0]);
    assert!(told(&snapshot, "g"));
}

#[test]
fn a_group_is_told_only_if_every_part_of_it_is() {
    for first in [true, false] {
        let part = |told: bool| {
            move |batch: &mut Batch| {
                let mut group = batch.group("g", "G");
                if !told {
                    group.members_not_told();
                }
            }
        };
        let snapshot = read(&[&people(&["a"]), &part(first), &part(!first)]);
        assert!(!told(&snapshot, "g"));
    }
}

#[test]
fn members_are_found_by_aliases_too() {
    let snapshot = read(&[
        &|batch| {
            batch.user("u1", |_| {});
            batch.user_alias("uid=ann,dc=acme");
            batch.user_alias("ann");
        },
        &|batch| {
            batch
                .group("g1", "G1")
                .alias("cn=g1")
                .member("uid=ann,dc=acme")
                .member("ann");
            batch.group("g2", "G2").member("cn=g1");
        },
    ]);
    assert_eq!(members(&snapshot, "g1"), ["u1"]);
    assert_eq!(members(&snapshot, "g2"), ["u1"]);
}

#[test]
fn an_alias_of_several_people_means_none_of_them_and_the_group_is_not_told() {
    let snapshot = read(&[
        &|batch| {
            for id in ["u1", "u2"] {
                batch.user(id, |_| {});
                batch.user_alias("ann");
            }
            batch.user("u3", |_| {});
            batch.user_alias("own");
            batch.user_alias("own");
        },
        &group("g", &["ann", "u3"]),
        &group("h", &["own"]),
    ]);
    assert_eq!(members(&snapshot, "g"), ["u3"]);
    assert!(!told(&snapshot, "g"));
    assert_eq!(members(&snapshot, "h"), ["u3"]);
    assert!(told(&snapshot, "h"));
}

#[test]
fn an_alias_of_several_groups_means_none_of_them_and_the_group_above_is_not_told() {
    let snapshot = read(&[&|batch| {
        for id in ["u1", "u2"] {
            batch.user(id, |_| {});
        }
        batch.group("eu", "Admins").alias("admins").member("u1");
        batch.group("us", "Admins").alias("admins").member("u2");
        batch.group("all", "All").member("admins");
        batch
            .group("own", "Own")
            .alias("own name")
            .alias("own name")
            .member("u1");
        batch.group("above", "Above").member("own name");
    }]);
    assert_eq!((members(&snapshot, "all"), told(&snapshot, "all")), (vec![], false));
    assert_eq!(
        (members(&snapshot, "above"), told(&snapshot, "above")),
        (vec!["u1"], true)
    );
}

#[test]
fn an_id_is_preferred_to_an_alias() {
    let snapshot = read(&[
        &|batch| {
            batch.user("u1", |_| {});
            batch.user_alias("u2");
            batch.user("u2", |_| {});
        },
        &group("g", &["u2"]),
    ]);
    assert_eq!(members(&snapshot, "g"), ["u2"]);
}

#[test]
fn an_alias_after_a_person_without_id_is_nobodys() {
    let snapshot = read(&[
        &|batch| {
            batch.user("u1", |_| {});
            batch.user("  ", |_| {});
            batch.user_alias("ann");
        },
        &group("g", &["ann"]),
    ]);
    assert_eq!(members(&snapshot, "g"), [""; 0]);
    assert_eq!(snapshot.rejected[0].message, "the person has no id");
}

#[test]
fn a_member_that_is_said_to_be_a_group_is_no_person_and_one_said_to_be_a_person_is_no_group() {
    let snapshot = read(&[&people(&["7", "a"]), &|batch| {
        batch.group("7", "Seven").member("a");
        batch.group("g", "G").group_member("7");
        batch.group("h", "H").member("7");
        batch.group("i", "I").group_member("a");
        batch.group("5", "Five").member("a");
        batch.group("j", "J").user_member("5").user_member("7");
    }]);
    assert_eq!(members(&snapshot, "j"), ["7"]);
    assert_eq!(members(&snapshot, "g"), ["a"]);
    assert_eq!(members(&snapshot, "h"), ["7"]);
    assert_eq!(members(&snapshot, "i"), [""; 0]);
}

#[test]
fn members_of_nested_groups_are_members_of_all_groups_above() {
    let snapshot = read(&[
        &people(&["a", "b", "c"]),
        &group("top", &["middle", "a"]),
        &group("middle", &["bottom", "b"]),
        &group("bottom", &["c", "b"]),
        &group("beside", &["bottom"]),
    ]);
    assert_eq!(members(&snapshot, "top"), ["a", "b", "c"]);
    assert_eq!(members(&snapshot, "middle"), ["b", "c"]);
    assert_eq!(members(&snapshot, "bottom"), ["b", "c"]);
    assert_eq!(members(&snapshot, "beside"), ["b", "c"]);
}

#[test]
fn groups_in_a_cycle_have_the_same_members() {
    let snapshot = read(&[
        &people(&["a", "b", "c"]),
        &group("x", &["y", "a"]),
        &group("y", &["z", "b"]),
        &group("z", &["x", "c", "z"]),
    ]);
    for group in ["x", "y", "z"] {
        assert_eq!(members(&snapshot, group), ["a", "b", "c"]);
    }
}

#[test]
fn a_group_above_one_that_is_not_told_is_not_told_and_one_beside_it_is() {
    let snapshot = read(&[
        &people(&["a"]),
        &group("top", &["middle"]),
        &group("middle", &["untold"]),
        &|batch| {
            batch.group("untold", "U").members_not_told();
        },
        &group("beside", &["a"]),
    ]);
    assert!(!told(&snapshot, "top") && !told(&snapshot, "middle"));
    assert!(told(&snapshot, "beside"));
}

#[test]
fn the_groups_of_a_person_include_those_above() {
    let snapshot = read(&[
        &people(&["a", "b"]),
        &group("top", &["inner"]),
        &group("inner", &["b"]),
        &group("other", &["a", "b"]),
    ]);
    let by_user = snapshot.groups_by_user();
    let names = |id: &str| snapshot.group_names(by_user.of(snapshot.find_user(id).unwrap()));
    assert_eq!(names("a"), ["OTHER"]);
    assert_eq!(names("b"), ["TOP", "INNER", "OTHER"]);
    assert!(by_user.of(7).is_empty());
}

#[test]
fn a_person_without_an_id_puts_the_people_in_doubt_and_a_group_without_one_the_groups() {
    let wrong: [&dyn Fn(&mut Batch); 4] = [
        &|batch| batch.reject_user("row 7", "it has two columns too many"),
        &|batch| batch.user("", |_| {}),
        &|batch| batch.reject_group("row 7", "it has no name"),
        &|batch| {
            batch.group(" ", "Nameless").member("p0");
        },
    ];
    let kinds = [EntryKind::User, EntryKind::User, EntryKind::Group, EntryKind::Group];
    for (kind, wrong) in kinds.into_iter().zip(wrong) {
        let snapshot = read(&[
            &|batch| (0..1000).for_each(|number| batch.user(&format!("p{number}"), |_| {})),
            wrong,
        ]);
        assert_eq!((snapshot.rejected.len(), snapshot.rejected[0].kind), (1, kind));
        assert_eq!(snapshot.group_count(), 0);
        let Completeness { users, groups } = &snapshot.completeness;
        let (doubtful, certain) = match kind {
            EntryKind::User => (users, groups),
            EntryKind::Group => (groups, users),
        };
        assert!(matches!(doubtful[..], [Doubt::Unreadable { count: 1, .. }]));
        assert_eq!(certain[..], []);
    }
}

#[test]
fn a_group_that_cannot_be_read_beyond_its_name_is_there_and_not_told_and_reported() {
    let snapshot = read(&[
        &people(&["a"]),
        &|batch| {
            batch.unreadable_group("g", "G", "member 3 is a picture").alias("cn=g");
            batch.unreadable_group(" ", "Nameless", "broken");
        },
        &group("above", &["cn=g", "a"]),
        &group("beside", &["a"]),
    ]);
    assert!(!told(&snapshot, "g") && !told(&snapshot, "above") && told(&snapshot, "beside"));
    assert_eq!(snapshot.group(0).name, "G");
    let rejected: Vec<_> = snapshot
        .rejected
        .iter()
        .map(|row| (row.kind, row.place.as_str(), row.message.as_str()))
        .collect();
    assert_eq!(
        rejected,
        [
            (EntryKind::Group, "group \"Nameless\"", "the group has no id"),
            (EntryKind::Group, "g", "member 3 is a picture"),
        ]
    );
    // The one without an id alone.
    assert!(matches!(
        snapshot.completeness.groups[..],
        [Doubt::Unreadable { count: 1, .. }]
    ));
}

#[test]
fn a_person_who_cannot_be_read_is_there_and_one_in_a_hundred_is_no_doubt() {
    for (readable, doubts) in [(99, 0), (98, 1)] {
        let snapshot = read(&[
            &|batch| (0..readable).for_each(|number| batch.user(&format!("p{number}"), |_| {})),
            &|batch| batch.unreadable_user("ann", "mail is a picture"),
            &group("g", &["ann"]),
        ]);
        let ann = snapshot.find_user("ann").unwrap();
        assert_eq!(snapshot.unreadable(ann), Some("mail is a picture"));
        assert_eq!(snapshot.unreadable(0), None);
        assert_eq!(members(&snapshot, "g"), ["ann"]);
        assert_eq!(snapshot.completeness.users.len(), doubts);
    }
}

#[test]
fn of_many_people_who_cannot_be_read_all_are_known_and_a_thousand_are_kept_with_what_is_wrong() {
    let snapshot = read(&[&|batch| {
        (0..1100).for_each(|number| batch.unreadable_user(&format!("p{number}"), "a picture"));
    }]);
    let messages: Vec<_> = (0..1100).map(|user| snapshot.unreadable(user).unwrap()).collect();
    assert_eq!(messages.iter().filter(|message| **message == "a picture").count(), 1000);
    assert_eq!(
        messages
            .iter()
            .filter(|message| **message == "the entry can't be read")
            .count(),
        100
    );
}

#[test]
fn of_many_rejected_entries_all_are_counted_and_some_are_kept() {
    let snapshot = read(&[&people(&["a"]), &|batch| {
        (0..10_250).for_each(|number| batch.reject_user(format!("row {number}"), "wrong"));
    }]);
    assert_eq!(snapshot.rejected.len(), 10_000);
    assert_eq!(
        snapshot.completeness.users,
        [Doubt::Unreadable {
            count: 10_250,
            example: "row 0: wrong".to_owned()
        }]
    );
}

#[test]
fn a_group_id_that_comes_twice_is_a_doubt() {
    let snapshot = read(&[&people(&["a", "b"]), &group("g", &["a"]), &group("g", &["b"])]);
    assert_eq!(snapshot.group_count(), 1);
    assert_eq!(
        snapshot.completeness.groups,
        [Doubt::DuplicateIds {
            count: 1,
            example: "g".to_owned()
        }]
    );
}

#[test]
fn an_id_that_comes_twice_is_a_doubt_and_the_person_one() {
    let snapshot = read(&[&people(&["a", "b", "a"]), &people(&["a"]), &group("g", &["a"])]);
    assert_eq!(snapshot.user_count(), 2);
    assert_eq!(members(&snapshot, "g"), ["a"]);
    let a = snapshot.find_user("a").unwrap();
    assert_eq!(snapshot.unreadable(a), None, "both entries say the same");
    assert_eq!(
        snapshot.completeness.users,
        [Doubt::DuplicateIds {
            count: 2,
            example: "a".to_owned()
        }]
    );
}

#[test]
fn two_entries_of_one_id_that_differ_make_the_person_unreadable_in_any_order() {
    for titles in [["Engineer", "Boss"], ["Boss", "Engineer"]] {
        let snapshot = read(&[&|batch| {
            for title in titles {
                batch.user("a", |record| record.text(Attribute::Title, title));
            }
        }]);
        assert!(snapshot.unreadable(snapshot.find_user("a").unwrap()).is_some());
    }
}

#[test]
fn nobody_at_all_is_a_doubt_and_no_groups_are_none() {
    assert_eq!(read(&[]).completeness.users, [Doubt::Empty]);
    assert!(read(&[&people(&["a"])]).completeness.is_complete());
}

#[test]
fn large_pages_are_taken_in_whole_and_counted() {
    let mut builder = SnapshotBuilder::new(KEY);
    for page in 0..2 {
        let mut batch = Batch::new();
        // So much text that the product of two pages is beyond the limit of a snapshot, and their sum far below.
        (0..2000).for_each(|number| batch.user(&format!("{page}-{number:040}"), |_| {}));
        batch.group(&format!("g{page}"), "G");
        builder.append(&batch);
        assert_eq!(
            (builder.user_count(), builder.group_count()),
            ((page + 1) * 2000, page + 1)
        );
    }
    let snapshot = builder.finish();
    assert_eq!(
        (snapshot.user_count(), snapshot.completeness.is_complete()),
        (4000, true)
    );
}

#[test]
fn a_batch_tells_what_was_put_into_it() {
    let mut batch = Batch::new();
    people(&["p", "q"])(&mut batch);
    group("g", &["p", "x"])(&mut batch);
    batch.reject_user("row 7", "no id");
    batch.unreadable_user("r", "no record");
    batch.unreadable_group("h", "Hidden", "no members");
    let ids: Vec<&str> = batch.users().map(|user| user.text(Attribute::Id)).collect();
    assert_eq!(ids, ["p", "q", "r"]);
    assert!(batch.group_names().eq(["G", "Hidden"]));
    assert!(batch.members().eq([(0, b"p".as_slice()), (0, b"x".as_slice())]));
    let [rejected] = batch.rejected() else {
        panic!("one is rejected")
    };
    assert_eq!(
        (rejected.kind, rejected.place.as_str(), rejected.message.as_str()),
        (EntryKind::User, "row 7", "no id")
    );
    assert!(batch.unreadable().eq(["no record", "no members"]));
    assert_eq!(batch.entries(), 6);
}

#[test]
fn a_cleared_batch_is_empty() {
    let mut batch = Batch::new();
    batch.user("a", |_| {});
    batch.user_alias("x");
    batch.unreadable_user("b", "broken");
    batch.group("g", "G").member("a").alias("y");
    batch.reject_user("row 1", "wrong");
    assert_eq!(batch.entries(), 4);
    batch.clear();
    batch.user_alias("z");
    assert_eq!(batch.entries(), 0);
    let mut builder = SnapshotBuilder::new(KEY);
    builder.append(&batch);
    let snapshot = builder.finish();
    assert_eq!((snapshot.user_count(), snapshot.group_count()), (0, 0));
    assert_eq!(snapshot.completeness.users, [Doubt::Empty]);
}
