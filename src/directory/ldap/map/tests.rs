use directory_sync_model::{
    attribute::{Attribute, AttributeSet},
    fingerprint::FingerprintKey,
    record::Record,
    snapshot::{Batch, Snapshot, SnapshotBuilder},
};
use serde_json::json;

use super::{
    super::{
        config::{Disabled, Groups, Users},
        protocol::message::{Answer, Entry, Message, tests as server},
    },
    *,
};

const BASE: &str = "dc=acme,dc=test";

/// Entries as a test writes them: DN, attributes.
type Plain<'a> = (&'a str, &'a [(&'a str, &'a [&'a [u8]])]);

struct Read {
    snapshot: Snapshot,
    notes: Notes,
}

impl Read {
    fn of(users: &Users, groups: &Groups, wanted: AttributeSet, people: &[Plain<'_>], teams: &[Plain<'_>]) -> Self {
        let mut batch = Batch::new();
        let mut notes = Notes::default();
        let user_map = UserMap::new(users, groups, wanted);
        for (dn, attributes) in people {
            with_entry(dn, attributes, |entry| {
                user_map.add(entry, &mut batch, &mut notes).unwrap();
            });
        }
        let group_map = GroupMap::new(groups);
        for (dn, attributes) in teams {
            with_entry(dn, attributes, |entry| {
                group_map.add(entry, &mut batch, &mut notes).unwrap();
            });
        }
        let mut builder = SnapshotBuilder::new(FingerprintKey::new(1, 2));
        builder.append(&batch);
        Self {
            snapshot: builder.finish(),
            notes,
        }
    }

    fn people(people: &[Plain<'_>]) -> Self {
        Self::of(&Users::new(BASE), &Groups::new(BASE), AttributeSet::ALL, people, &[])
    }

    fn groups(people: &[Plain<'_>], teams: &[Plain<'_>]) -> Self {
        Self::of(
            &Users::new(BASE),
            &Groups::new(BASE),
            AttributeSet::EMPTY,
            people,
            teams,
        )
    }

    fn user(&self) -> Record<'_> {
        assert_eq!(self.snapshot.user_count(), 1, "{:?}", self.snapshot.rejected);
        self.snapshot.user(0)
    }

    fn rejection(&self) -> (&str, &str) {
        assert_eq!((self.snapshot.user_count(), self.snapshot.group_count()), (0, 0));
        (&self.snapshot.rejected[0].place, &self.snapshot.rejected[0].message)
    }

    fn members(&self, name: &str) -> Vec<&str> {
        let (number, _) = self.snapshot.groups().find(|(_, group)| group.name == name).unwrap();
        self.snapshot
            .members(number)
            .iter()
            .map(|user| self.snapshot.user_id(*user))
            .collect()
    }
}

fn with_entry(dn: &str, attributes: &[(&str, &[&[u8]])], take: impl FnOnce(Entry<'_>)) {
    let bytes = server::entry(1, dn, attributes);
    let Answer::Entry(entry) = Message::decode(&bytes).unwrap().answer else {
        panic!("no entry")
    };
    take(entry);
}

const ANN: Plain<'_> = (
    "uid=ann,ou=People,dc=acme,dc=test",
    &[("entryUUID", &[b"u-ann"]), ("uid", &[b"Ann"])],
);
const BOB: Plain<'_> = (
    "uid=bob,ou=people,dc=acme,dc=test",
    &[("entryUUID", &[b"u-bob"]), ("uid", &[b"bob"])],
);

#[test]
fn an_inet_org_person_fills_the_attribute_table() {
    let read = Read::people(&[(
        "uid=ann,ou=people,dc=acme,dc=test",
        &[
            ("entryUUID", &[b"0a1b"]),
            ("uid", &[b"ann"]),
            ("mail", &[b"Ann@ACME.test", b"a.lee@acme.test"]),
            ("givenName", &[b"Ann", b"Anna"]),
            ("sn", &[b"Lee"]),
            ("cn", &[b"Ann Lee"]),
            ("departmentNumber", &[b"42"]),
            ("o", &[b"Acme"]),
            ("title", &[b"Engineer"]),
            ("employeeNumber", &[b"007"]),
            ("employeeType", &[b"Employee"]),
            ("manager", &[b"uid=bob,ou=people,dc=acme,dc=test"]),
            ("telephoneNumber", &[b"+44 20 7123 4567"]),
            ("mobile", &[b"+44 7700 900123"]),
            ("physicalDeliveryOfficeName", &[b"London"]),
            ("preferredLanguage", &[b"en-GB"]),
        ],
    )]);
    let user = read.user();
    for (attribute, value) in [
        (Attribute::Id, "0a1b"),
        (Attribute::UserName, "ann"),
        (Attribute::Email, "ann@acme.test"),
        (Attribute::GivenName, "Ann"),
        (Attribute::FamilyName, "Lee"),
        (Attribute::DisplayName, "Ann Lee"),
        (Attribute::Department, "42"),
        (Attribute::Organization, "Acme"),
        (Attribute::Title, "Engineer"),
        (Attribute::EmployeeNumber, "007"),
        (Attribute::EmployeeType, "Employee"),
        (Attribute::Manager, "uid=bob,ou=people,dc=acme,dc=test"),
        (Attribute::Phone, "+44 20 7123 4567"),
        (Attribute::Mobile, "+44 7700 900123"),
        (Attribute::Office, "London"),
        (Attribute::Locale, "en-GB"),
    ] {
        assert_eq!(user.text(attribute), value, "{attribute}");
    }
    assert_eq!(
        user.items(Attribute::Emails).collect::<Vec<_>>(),
        ["ann@acme.test", "a.lee@acme.test"]
    );
    assert!(user.active());
}

#[test]
fn only_what_is_needed_is_asked_for() {
    let map = UserMap::new(
        &Users::new(BASE),
        &Groups::new(BASE),
        AttributeSet::of(&[Attribute::Title]),
    );
    let expected = [
        "entryUUID",
        "uid",
        "mail",
        "givenName",
        "sn",
        "displayName",
        "cn",
        "title",
        "telephoneNumber",
        "nsAccountLock",
    ];
    assert_eq!(map.request(), expected);
    let named = Users {
        custom: vec!["costCentre".into(), "mail".into()],
        ..Users::new(BASE)
    };
    let request = |wanted| UserMap::new(&named, &Groups::new(BASE), wanted).request();
    assert!(!request(AttributeSet::EMPTY).contains(&"costCentre".to_owned()));
    let mut wanted = AttributeSet::EMPTY;
    wanted.insert_custom();
    assert_eq!(request(wanted).last().unwrap(), "costCentre");
}

#[test]
fn an_attribute_may_come_from_several_and_serve_several() {
    let mut users = Users::new(BASE);
    users.attributes = vec![
        (Attribute::Id, "uid".into()),
        (Attribute::UserName, "UID".into()),
        (Attribute::Department, "departmentNumber".into()),
        (Attribute::Department, "ou".into()),
        (Attribute::ExternalId, "employeeNumber".into()),
        (Attribute::StartDate, "hired".into()),
    ];
    let people: &[Plain<'_>] = &[(
        "uid=ann",
        &[
            ("uid", &[b"ann"]),
            ("departmentNumber", &[b" "]),
            ("ou", &[b"Sales"]),
            ("employeeNumber", &[b"7"]),
            ("hired", &[b"20260131000000Z"]),
        ],
    )];
    let read = Read::of(&users, &Groups::new(BASE), AttributeSet::ALL, people, &[]);
    assert_eq!(read.user().text(Attribute::UserName), "ann");
    assert_eq!(read.user().text(Attribute::Department), "Sales");
    assert_eq!(read.user().text(Attribute::ExternalId), "7");
    assert_eq!(read.user().text(Attribute::StartDate), "2026-01-31T00:00:00Z");
}

#[test]
fn custom_attributes_are_those_that_are_named_under_that_very_name() {
    let people: &[Plain<'_>] = &[(
        "uid=ann",
        &[
            ("entryUUID", &[b"1"]),
            ("uid", &[b"ann"]),
            ("carLicense", &[b"A 1", b"B 2"]),
            ("roomNumber", &[b"7"]),
            ("description;lang-de", &[b"Leiterin"]),
            ("jpegPhoto", &[b"\xff\xd8"]),
            ("pager", &[b"12"]),
        ],
    )];
    let custom = [
        "ROOMnumber",
        "carLicense",
        "uid",
        "description;lang-de",
        "jpegPhoto",
        "absent",
    ];
    let users = Users {
        custom: custom.map(str::to_owned).to_vec(),
        ..Users::new(BASE)
    };
    let read = Read::of(&users, &Groups::new(BASE), AttributeSet::ALL, people, &[]);
    let customs: Vec<_> = read.user().customs().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(customs, ["ROOMnumber", "carLicense", "uid", "description;lang-de"]);
    assert_eq!(read.user().custom("carLicense"), Some(json!(["A 1", "B 2"])));
    assert_eq!(read.user().custom("ROOMnumber"), Some(json!("7")));
    assert_eq!(read.user().text(Attribute::UserName), "ann");
    assert_eq!(Read::people(people).user().customs().count(), 0);
}

#[test]
fn a_disabled_account_is_recognised_by_value_or_by_presence() {
    let active = |disabled: Option<Disabled>, attribute: (&str, &[&[u8]])| {
        let users = Users {
            disabled,
            ..Users::new(BASE)
        };
        let attributes = [("entryUUID", &[&b"1"[..]][..]), attribute];
        let read = Read::of(
            &users,
            &Groups::new(BASE),
            AttributeSet::EMPTY,
            &[("uid=ann", &attributes)],
            &[],
        );
        read.user().active()
    };
    let lock = Users::new(BASE).disabled;
    assert!(!active(lock.clone(), ("nsAccountLock", &[b"TRUE"])));
    assert!(active(lock.clone(), ("nsAccountLock", &[b"false"])));
    assert!(active(lock, ("pwdAccountLockedTime", &[b"000001010000Z"])));
    let locked = Disabled {
        attribute: "pwdAccountLockedTime".into(),
        values: Vec::new(),
    };
    assert!(!active(
        Some(locked.clone()),
        ("pwdAccountLockedTime", &[b"000001010000Z"])
    ));
    assert!(active(Some(locked), ("nsAccountLock", &[b"TRUE"])));
    assert!(active(None, ("nsAccountLock", &[b"TRUE"])));
}

#[test]
fn an_entry_without_a_usable_id_is_rejected_by_its_dn() {
    let (place, message) = (
        Read::people(&[("uid=ann", &[("uid", &[b"ann"])])]),
        "it has no entryUUID",
    );
    assert!(place.rejection().0 == "uid=ann" && place.rejection().1.starts_with(message));
    assert!(place.rejection().1.contains("users.attributes.id"));
    let binary = Read::people(&[("uid=ann", &[("entryUUID", &[b"\x12\xfe\x00\xff"])])]);
    assert!(binary.rejection().1.contains("not text, so it can't be an id"));
    let group = Read::groups(&[], &[("cn=a", &[("cn", &[b"a"])])]);
    assert!(group.rejection().1.contains("groups.attributes.id"));
}

#[test]
fn an_entry_with_a_text_that_is_not_utf_8_is_unreadable_alone() {
    let bad: Plain<'_> = ("uid=x", &[("entryUUID", &[b"x"]), ("sn", &[b"M\xfcller"])]);
    let read = Read::people(&[ANN, bad, BOB]);
    let user = read.snapshot.find_user("x").unwrap();
    let why = read.snapshot.unreadable(user).unwrap();
    assert!(
        why.starts_with("uid=x: ") && why.contains("a value of sn is not UTF-8"),
        "{why}"
    );
    assert_eq!((read.snapshot.user_count(), read.snapshot.rejected.len()), (3, 0));
    assert_eq!(
        read.snapshot.unreadable(read.snapshot.find_user("u-ann").unwrap()),
        None
    );
}

#[test]
fn members_are_found_by_dn_however_it_is_spelled() {
    let read = Read::groups(
        &[ANN, BOB],
        &[(
            "cn=Sales,dc=acme,dc=test",
            &[
                ("entryUUID", &[b"g"]),
                ("cn", &[b"Sales", b"Verkauf"]),
                ("description", &[b"Sells"]),
                (
                    "member",
                    &[
                        b"UID=ANN, OU=people, DC=acme,DC=test",
                        b"uid=nobody,dc=acme,dc=test",
                        b"",
                    ],
                ),
                ("uniqueMember", &[b"uid=bob,ou=people,dc=acme,dc=test#'0101'B"]),
            ],
        )],
    );
    assert_eq!(read.members("Sales"), ["u-ann", "u-bob"]);
    let group = read.snapshot.group(0);
    assert_eq!((group.id, group.description, group.members_told), ("g", "Sells", true));
}

#[test]
fn members_are_found_by_user_name_and_never_by_a_dn_of_that_text() {
    let read = Read::groups(
        &[("name:ann", &[("entryUUID", &[b"odd"])]), ANN, BOB],
        &[(
            "cn=a",
            &[
                ("entryUUID", &[b"g"]),
                ("cn", &[b"a"]),
                ("memberUid", &[b"ann", b"BOB", b"nobody"]),
            ],
        )],
    );
    assert_eq!(read.members("a"), ["u-ann", "u-bob"]);
}

#[test]
fn a_group_in_a_group_hands_its_members_up_unless_that_is_switched_off() {
    let teams: &[Plain<'_>] = &[
        (
            "cn=all,dc=x",
            &[
                ("entryUUID", &[b"1"]),
                ("cn", &[b"all"]),
                ("member", &[b"CN=Sales,DC=x", b"uid=bob,ou=people,dc=acme,dc=test"]),
            ],
        ),
        (
            "cn=sales,dc=x",
            &[
                ("entryUUID", &[b"2"]),
                ("cn", &[b"sales"]),
                ("member", &[b"uid=ann,ou=people,dc=acme,dc=test"]),
            ],
        ),
    ];
    assert_eq!(Read::groups(&[ANN, BOB], teams).members("all"), ["u-ann", "u-bob"]);
    let flat = Groups {
        nested: false,
        ..Groups::new(BASE)
    };
    let read = Read::of(&Users::new(BASE), &flat, AttributeSet::EMPTY, &[ANN, BOB], teams);
    assert_eq!(read.members("all"), ["u-bob"]);
}

#[test]
fn a_group_without_any_membership_attribute_is_not_told_and_not_empty() {
    let told = |attributes: &[(&str, &[&[u8]])]| {
        let read = Read::groups(&[], &[("cn=a", attributes)]);
        read.snapshot.group(0).members_told
    };
    assert!(!told(&[("entryUUID", &[b"g"])]));
    assert!(told(&[("entryUUID", &[b"g"]), ("member", &[])]));
    assert!(told(&[("entryUUID", &[b"g"]), ("memberUid", &[b"ann"])]));
}

#[test]
fn some_of_the_members_are_noted_as_some() {
    let group: Plain<'_> = (
        "cn=a,dc=x",
        &[
            ("entryUUID", &[b"g"]),
            ("cn", &[b"a"]),
            ("member", &[]),
            ("member;range=0-0", &[b"uid=bob,ou=people,dc=acme,dc=test"]),
        ],
    );
    let read = Read::groups(&[BOB], &[group]);
    assert_eq!(read.members("a"), ["u-bob"]);
    let note = read.notes.partial.as_deref();
    assert_eq!(
        note,
        Some("member;range=0-0 of cn=a,dc=x holds only some of the values")
    );
}

#[test]
fn every_user_name_of_a_person_is_one_by_which_a_posix_group_may_name_him() {
    let ann: Plain<'_> = (
        "uid=ann,ou=people,dc=acme,dc=test",
        &[("entryUUID", &[b"u-ann"]), ("uid", &[b"ann", b"Ann.Lee"])],
    );
    let read = Read::groups(
        &[ann],
        &[
            (
                "cn=a,dc=acme,dc=test",
                &[("entryUUID", &[b"a"]), ("cn", &[b"a"]), ("memberUid", &[b"ann"])],
            ),
            (
                "cn=b,dc=acme,dc=test",
                &[("entryUUID", &[b"b"]), ("cn", &[b"b"]), ("memberUid", &[b"ann.lee"])],
            ),
        ],
    );
    assert_eq!((read.members("a"), read.members("b")), (vec!["u-ann"], vec!["u-ann"]));
}

#[test]
fn a_user_name_of_two_people_leaves_a_group_that_names_it_untold() {
    let other: Plain<'_> = (
        "uid=ann,ou=guests,dc=acme,dc=test",
        &[("entryUUID", &[b"u-guest"]), ("uid", &[b"ann"])],
    );
    let read = Read::groups(
        &[ANN, other, BOB],
        &[(
            "cn=a,dc=acme,dc=test",
            &[
                ("entryUUID", &[b"a"]),
                ("cn", &[b"a"]),
                ("memberUid", &[b"ann", b"bob"]),
            ],
        )],
    );
    assert_eq!(read.members("a"), ["u-bob"]);
    assert!(!read.snapshot.group(0).members_told);
}

#[test]
fn a_member_outside_of_what_is_read_changes_nothing_for_the_others() {
    let read = Read::groups(
        &[ANN],
        &[(
            "cn=a,dc=acme,dc=test",
            &[
                ("entryUUID", &[b"a"]),
                ("cn", &[b"a"]),
                (
                    "member",
                    &[
                        b"uid=eve,ou=people,dc=other,dc=test",
                        b"UID=ann, ou=people,dc=acme,dc=test",
                    ],
                ),
            ],
        )],
    );
    assert_eq!(read.members("a"), ["u-ann"]);
    assert!(read.snapshot.group(0).members_told && read.snapshot.completeness.is_complete());
}

#[test]
fn a_group_with_a_member_that_is_no_text_is_not_told_and_named_and_puts_nothing_else_in_doubt() {
    let read = Read::groups(
        &[ANN],
        &[
            (
                "cn=bad,dc=acme,dc=test",
                &[("entryUUID", &[b"g-1"]), ("cn", &[b"bad"]), ("member", &[b"\xff"])],
            ),
            (
                "cn=good,dc=acme,dc=test",
                &[
                    ("entryUUID", &[b"g-2"]),
                    ("cn", &[b"good"]),
                    ("member", &[b"uid=ann,ou=people,dc=acme,dc=test"]),
                ],
            ),
        ],
    );
    let Snapshot {
        completeness, rejected, ..
    } = &read.snapshot;
    assert!(completeness.is_complete(), "{completeness:?}");
    assert!(!read.snapshot.group(0).members_told);
    assert_eq!(read.members("good"), ["u-ann"]);
    assert_eq!(rejected[0].place, "g-1");
    assert!(
        rejected[0].message.contains("cn=bad,dc=acme,dc=test") && rejected[0].message.contains("member"),
        "{rejected:?}"
    );
}
