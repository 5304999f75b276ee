use directory_sync_model::{
    attribute::{ATTRIBUTES, Attribute},
    fingerprint::FingerprintKey,
    snapshot::{Doubt, Snapshot},
};

use super::*;
use crate::{
    directory::fetch::{FetchLimits, fetch},
    fault::chain,
};

fn source(name: &str, text: &str) -> Source {
    Source {
        name: format!("ConfigMap acme/people, key {name}"),
        bytes: text.as_bytes().to_vec(),
        format: Format::Auto,
    }
}

fn directory(people: (&str, &str), groups: Option<(&str, &str)>) -> FileDirectory {
    FileDirectory::new(Config {
        people: source(people.0, people.1),
        groups: groups.map(|(name, text)| source(name, text)),
    })
}

async fn try_read(directory: &FileDirectory) -> Result<Snapshot, String> {
    let key = FingerprintKey::new(5, 6);
    let snapshot = fetch(directory, AttributeSet::ALL, key, FetchLimits::default(), &|_| {}).await;
    snapshot.map_err(|failure| chain(&failure))
}

async fn read(people: (&str, &str), groups: Option<(&str, &str)>) -> Snapshot {
    try_read(&directory(people, groups)).await.unwrap()
}

async fn refusal(name: &str, text: &str) -> String {
    match try_read(&directory((name, text), None)).await {
        Ok(_) => panic!("{text} is read"),
        Err(message) => message,
    }
}

/// A user as one line.
fn shown(snapshot: &Snapshot, user: u32) -> String {
    let record = snapshot.user(user);
    let mut parts = Vec::new();
    for info in ATTRIBUTES {
        let values: Vec<_> = record.items(info.attribute).collect();
        if !values.is_empty() {
            parts.push(format!("{}={}", info.name, values.join("|")));
        }
    }
    parts.extend(record.customs().map(|(name, json)| format!("custom.{name}={json}")));
    parts.join(" ")
}

/// Each group with its members' ids.
fn groups(snapshot: &Snapshot) -> Vec<String> {
    let members = |at| {
        snapshot
            .members(at)
            .iter()
            .map(|user| snapshot.user_id(*user))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let show = |(at, group): (u32, directory_sync_model::snapshot::Group<'_>)| {
        let told = if group.members_told {
            members(at)
        } else {
            "not told".to_owned()
        };
        format!("{} {:?}: {told}", group.id, group.name)
    };
    snapshot.groups().map(show).collect()
}

/// A message without the document that it names at its end.
fn without_document(message: &str) -> &str {
    let named = message.strip_suffix(')').and_then(|message| message.rsplit_once(" ("));
    let (message, document) = named.unwrap_or_else(|| panic!("{message}: which document?"));
    assert!(document.contains('.'), "{document}");
    message
}

fn rejected(snapshot: &Snapshot) -> Vec<String> {
    snapshot
        .rejected
        .iter()
        .map(|row| format!("{}: {}", row.place, without_document(&row.message)))
        .collect()
}

/// People of whom nothing but the id can be read, with the reason.
fn unreadable(snapshot: &Snapshot) -> Vec<String> {
    (0..snapshot.user_count())
        .filter_map(|user| {
            let why = without_document(snapshot.unreadable(user)?);
            Some(format!("{}: {why}", snapshot.user_id(user)))
        })
        .collect()
}

const ANN: &str = "id=007 userName=ann email=ann@acme.test emails=ann@acme.test|a@acme.test givenName=Ann active=false \
                   phone=+442071234567 startDate=2026-04-30";

#[tokio::test]
async fn one_person_is_the_same_in_every_format() {
    let csv = "id,userName,email,emails,givenName,active,phone,startDate,badge\n\
               007,ann,ann@acme.test,a@acme.test; Ann@acme.test,Ann,no,+442071234567,2026-04-30,12\n";
    let json = r#"[{"id":"007","userName":"ann","email":"ann@acme.test","emails":["a@acme.test","Ann@acme.test"],
                    "givenName":"Ann","active":false,"phone":"+442071234567","startDate":"2026-04-30","badge":12}]"#;
    let yaml = "- id: 007\n  userName: ann\n  email: ann@acme.test\n  emails: [a@acme.test, Ann@acme.test]\n  \
                givenName: Ann\n  active: no\n  phone: +442071234567\n  startDate: 2026-04-30\n  badge: 12\n";
    for (document, badge) in [
        (("p.csv", csv), "\"12\""),
        (("p.json", json), "12"),
        (("p.yml", yaml), "12"),
    ] {
        let snapshot = read(document, None).await;
        assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
        assert_eq!(shown(&snapshot, 0), format!("{ANN} custom.badge={badge}"));
    }
}

#[tokio::test]
async fn what_is_no_attribute_is_custom() {
    let yaml = "users:\n- {id: a, badge: 7, custom: {level: 2, sites: [Rome]}, custom.floor: three, note: ~}\n";
    let snapshot = read(("people.yaml", yaml), None).await;
    assert_eq!(
        shown(&snapshot, 0),
        "id=a custom.badge=7 custom.level=2 custom.sites=[\"Rome\"] custom.floor=\"three\""
    );
}

#[tokio::test]
async fn the_first_of_the_addresses_is_the_address_where_there_is_no_other() {
    let snapshot = read(("p.csv", "id,emails\na,x@acme.test;y@acme.test\n"), None).await;
    assert_eq!(snapshot.user(0).text(Attribute::Email), "x@acme.test");
}

#[tokio::test]
async fn one_bad_row_is_that_rows_failure_and_is_named() {
    let csv = "id,email,active,startDate,groups\n\
               a,a@acme.test,,,g\n\
               ,b@acme.test,,,\n\
               c,c@acme.test,perhaps,,g\n\
               d,d@acme.test,,31.12.2026,\n\
               a,e@acme.test,,,g\n\
               f\n\
               g,g@acme.test,1,2026-12-31T08:00:00Z,g\n";
    let snapshot = read(("people.csv", csv), None).await;
    assert_eq!(
        unreadable(&snapshot),
        [
            "c: line 4: active has to be true or false (or yes or no, 1 or 0)",
            "d: line 5: startDate has to be a date like 2026-04-30",
        ]
    );
    assert_eq!(
        rejected(&snapshot),
        [
            "line 3: it has no id; give it one that never changes",
            "line 6: the id \"a\" is that of line 2 as well",
            "line 7: it has 1 fields, and the header row has 5: give it as many, and put a field that has a comma in quotes",
        ]
    );
    assert!(matches!(
        snapshot.completeness.users.as_slice(),
        [Doubt::Unreadable { count: 5, .. }]
    ));
    assert_eq!(groups(&snapshot), ["g \"g\": a c g"]);
}

#[tokio::test]
async fn bad_rows_of_json_and_yaml_are_named_too() {
    let json = r#"[{"id":"a","Email":"x"},{"Id":"A"},{"id":["b"]},{"id":"c","email":{}},{"id":"d","emails":[["x"]]},{"id":"e","custom":7},{"id":"f"}]"#;
    let snapshot = read(("people.json", json), None).await;
    assert_eq!(
        unreadable(&snapshot),
        [
            "a: users[0], line 1: the key \"Email\" is written \"email\"",
            "c: users[3], line 1: email has to be a single text",
            "d: users[4], line 1: emails has to be a list of texts, or a text with ; between them",
            "e: users[5], line 1: custom has to be an object of attributes",
        ]
    );
    assert_eq!(
        rejected(&snapshot),
        [
            "users[1], line 1: the key \"Id\" is written \"id\"",
            "users[2], line 1: the id is a list or an object; it has to be a text",
        ]
    );
}

#[tokio::test]
async fn a_group_whose_members_can_not_be_read_is_not_told_and_one_without_a_name_puts_the_groups_in_doubt() {
    let people = ("people.csv", "id,groups\na,Bad\n");
    let bad = r#"{"id":"g1","name":"Bad","members":{}}"#;
    let snapshot = read(people, Some(("g.json", &format!("[{bad}]")))).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(groups(&snapshot), ["g1 \"Bad\": not told"]);
    assert_eq!(
        rejected(&snapshot),
        ["g1: groups[0], line 1: members has to be a list of ids, or a text with ; between them"]
    );
    let nameless = r#"{"id":"g2","name":["x"]}"#;
    let snapshot = read(people, Some(("g.json", &format!("[{nameless},{bad}]")))).await;
    assert!(snapshot.completeness.users.is_empty() && !snapshot.completeness.groups.is_empty());
    let named = "groups[0], line 1 (id g2): name has to be a single text".to_owned();
    assert!(rejected(&snapshot).contains(&named), "{:?}", rejected(&snapshot));
}

#[tokio::test]
async fn a_broken_document_fails_the_sync_and_is_named() {
    for (name, text, why) in [
        ("people.csv", "", "it is empty"),
        ("people.csv", " \n", "it is empty"),
        ("people.csv", "\u{feff}", "it is empty"),
        ("people.csv", "name,email\n", "no column id among the 2 in it"),
        (
            "people.csv",
            "id,email\na,\"x\n",
            "a quote that is opened in line 2 is never closed",
        ),
        ("people.json", "[{]", "line 1"),
        ("people.yaml", "- id: [\n", "line"),
        ("people.txt", "id\na\n", "its format can't be told by its name"),
        ("people", "id\na\n", "its format can't be told by its name"),
    ] {
        let refused = refusal(name, text).await;
        let expected = format!("page 1 of the directory's users: ConfigMap acme/people, key {name}: ");
        assert!(refused.starts_with(&expected) && refused.contains(why), "{refused}");
    }
}

#[tokio::test]
async fn a_document_of_another_encoding_says_so() {
    let refused = |name: &str, bytes: &[u8]| {
        let source = Source {
            bytes: bytes.to_vec(),
            ..source(name, "")
        };
        let format = source.format.of(name);
        parse::parse(&Source { format, ..source }, Kind::People)
            .unwrap_err()
            .to_string()
    };
    assert!(refused("p.csv", b"\xff\xfei\0d\0").contains("it is UTF-16; save it as UTF-8"));
    assert!(refused("p.json", b"[\n{\"id\":\"caf\xe9\"}]").contains("line 2 is not UTF-8"));
    assert!(refused("p.yaml", b"- id: a\n- id: caf\xe9\n").contains("line 2 is not UTF-8"));
}

#[tokio::test]
async fn thirty_megabytes_are_too_many() {
    let text = format!("id,email\n{}", "a,a@acme.test\n".repeat((30 << 20) / 14 + 1));
    let refused = refusal("people.csv", &text).await;
    assert!(
        refused.contains("it has 30 MiB, and 16 are the most that is read"),
        "{refused}"
    );
}

#[tokio::test]
async fn groups_are_made_of_what_the_people_name() {
    let csv = "id,groups\na,team-emea;leads\nb, team-emea ;\nc,\n";
    let snapshot = read(("people.csv", csv), None).await;
    assert_eq!(
        groups(&snapshot),
        ["team-emea \"team-emea\": a b", "leads \"leads\": a"]
    );
}

#[tokio::test]
async fn groups_with_rows_of_their_own_are_found_by_id_or_name_and_may_be_empty() {
    let people = "id,groups\na,g1;Sales;new\nb,Support\nc,\n";
    let rows = "id,name,description,members\ng1,Support,All of them,c;ghost\ng2,Sales,,\ng3,Empty,,\n";
    let snapshot = read(("people.csv", people), Some(("groups.csv", rows))).await;
    assert!(snapshot.completeness.is_complete(), "{:?}", snapshot.completeness);
    assert_eq!(
        groups(&snapshot),
        [
            "g1 \"Support\": a b c",
            "g2 \"Sales\": a",
            "g3 \"Empty\": ",
            "new \"new\": a"
        ]
    );
    assert_eq!(snapshot.group(0).description, "All of them");
}

#[tokio::test]
async fn a_name_of_several_groups_is_no_name_but_an_id_is() {
    let people = "id,groups\na,Twins\nb,g2\n";
    let snapshot = read(
        ("p.csv", people),
        Some(("g.json", r#"[{"id":"g1","name":"Twins"},{"id":"g2","name":"Twins"}]"#)),
    )
    .await;
    assert_eq!(groups(&snapshot), ["g1 \"Twins\": ", "g2 \"Twins\": b"]);
    assert_eq!(
        rejected(&snapshot),
        ["line 2 (id a): several groups are called \"Twins\"; name the group by its id"]
    );
    assert!(!snapshot.completeness.groups.is_empty());
}

#[tokio::test]
async fn members_that_nobody_tells_are_not_told() {
    let snapshot = read(("p.csv", "id\na\n"), Some(("g.csv", "id,name\ng1,Support\n"))).await;
    assert_eq!(groups(&snapshot), ["g1 \"Support\": not told"]);
    let snapshot = read(
        ("p.csv", "id\na\n"),
        Some(("g.yaml", "- {id: g1, members: }\n- {id: g2}\n")),
    )
    .await;
    assert_eq!(groups(&snapshot), ["g1 \"g1\": ", "g2 \"g2\": not told"]);
}

#[tokio::test]
async fn groups_may_be_members_and_stand_beside_the_people() {
    let yaml =
        "users: [{id: a}, {id: b}]\ngroups:\n- {id: all, members: [emea, b]}\n- {id: emea, name: EMEA, members: [a]}\n";
    let snapshot = read(("people.yaml", yaml), None).await;
    assert_eq!(groups(&snapshot), ["all \"all\": a b", "emea \"EMEA\": a"]);
}

#[tokio::test]
async fn a_broken_document_of_groups_fails_the_sync_too() {
    let directory = directory(("p.csv", "id\na\n"), Some(("groups.csv", "name\nx\n")));
    let Err(refused) = try_read(&directory).await else {
        panic!("the groups can't be read");
    };
    assert!(
        refused.contains("page 1 of the directory's groups: ConfigMap acme/people, key groups.csv"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_check_counts_and_names_what_is_wrong() {
    let findings = |directory: FileDirectory| async move {
        let findings = directory.check().await.into_iter();
        findings
            .map(|finding| finding.outcome.unwrap_or_else(|missing| format!("failed: {missing}")))
            .collect::<Vec<_>>()
    };
    let good = directory(("p.csv", "id,groups\na,g\n"), Some(("g.csv", "id,members\nh,a;z\n")));
    assert_eq!(
        findings(good).await,
        [
            "1 people",
            "2 groups; 1 of their members are nobody here, for example z"
        ]
    );
    let bad = directory(("p.csv", "id,active\na,\n,yes\nb,perhaps\n"), None);
    assert_eq!(
        findings(bad).await[0],
        "failed: 1 people, and 2 rows that can't be read: line 3: it has no id; give it one that never changes \
         (ConfigMap acme/people, key p.csv); line 4: active has to be true or false (or yes or no, 1 or 0) (ConfigMap \
         acme/people, key p.csv)"
    );
}

#[test]
fn nobody_is_shown_in_debug_output() {
    let directory = directory(("p.csv", "id\nann@acme.test\n"), None);
    assert!(!format!("{directory:?}").contains("ann"));
}

#[tokio::test]
async fn the_documents_of_the_page_are_read_as_it_says() {
    let page = include_str!("docs.md");
    let block = |language: &str| {
        let start = page.split_once(&format!("```{language}\n")).unwrap().1;
        start.split_once("```").unwrap().0
    };
    let csv = read(("people.csv", block("csv")), None).await;
    assert!(csv.completeness.is_complete(), "{:?}", csv.completeness);
    assert_eq!(
        groups(&csv),
        ["team-emea \"team-emea\": 1001 1002", "leads \"leads\": 1001"]
    );
    let yaml = read(("people.yaml", block("yaml")), None).await;
    assert_eq!(
        shown(&yaml, 0),
        "id=1001 email=ann@acme.test emails=ann@acme.test givenName=Ann custom.badge=7"
    );
    assert_eq!(groups(&yaml), ["team-emea \"EMEA\": 1001", "leads \"leads\": 1001"]);
    assert!(yaml.completeness.is_complete(), "{:?}", yaml.completeness);
}
