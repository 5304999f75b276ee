//! The types against the contract file.

use serde_json::{Value, json};

use super::*;

fn contract() -> Value {
    serde_saphyr::from_str(OPENAPI_YAML).unwrap()
}

fn schema<'a>(contract: &'a Value, name: &str) -> &'a Value {
    &contract["components"]["schemas"][name]
}

#[test]
fn the_contract_lists_every_kind_of_problem_with_its_status() {
    let contract = contract();
    let text = schema(&contract, "Problem")["description"].as_str().unwrap();
    let listed: Vec<(String, u16)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(slug, rest)| (slug.to_owned(), rest.split(' ').next().unwrap().parse().unwrap()))
        .collect();
    let known: Vec<(String, u16)> = ProblemKind::ALL
        .iter()
        .map(|kind| (kind.slug().to_owned(), kind.status()))
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn a_problem_knows_its_kind_and_survives_the_wire() {
    for &kind in ProblemKind::ALL {
        let problem = Problem::new(kind)
            .with_detail("d")
            .with_pointer("/a", "x")
            .with_parameter("b", "y");
        let back: Problem = serde_json::from_str(&serde_json::to_string(&problem).unwrap()).unwrap();
        assert_eq!((back.kind(), &back), (Some(kind), &problem));
    }
    let newer: Problem = serde_json::from_value(json!({"type": "about:blank", "title": "t", "status": 418})).unwrap();
    assert_eq!(newer.kind(), None);
}

#[test]
fn the_limits_are_those_of_the_contract() {
    let contract = contract();
    let limit = &contract["components"]["parameters"]["Limit"]["schema"];
    assert_eq!(
        (&limit["default"], &limit["maximum"]),
        (&json!(DEFAULT_PAGE), &json!(MAX_PAGE))
    );
    for (name, max) in [
        ("UserBatchCreate", MAX_USER_BATCH),
        ("UserBatchUpdate", MAX_USER_BATCH),
        ("UserBatchDelete", MAX_USER_BATCH),
        ("MembershipBatch", MAX_MEMBERSHIP_BATCH),
    ] {
        assert_eq!(
            schema(&contract, name)["properties"]["items"]["maxItems"],
            json!(max),
            "{name}"
        );
    }
}

/// Reads the example into the type and writes it again: nothing may be lost or added.
fn round_trip<T: serde::de::DeserializeOwned + Serialize>(example: &Value) {
    assert!(!example.is_null(), "the contract has no such example");
    let value: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(&serde_json::to_value(value).unwrap(), example);
}

#[test]
fn the_examples_of_the_contract_are_what_the_types_read_and_write() {
    let contract = contract();
    round_trip::<User>(&schema(&contract, "User")["examples"][0]);
    round_trip::<Team>(&schema(&contract, "Team")["examples"][0]);
    round_trip::<Role>(&schema(&contract, "Role")["examples"][0]);
    round_trip::<Inbox>(&schema(&contract, "Inbox")["examples"][0]);

    let path = |path: &str, method: &str| contract["paths"][path][method].clone();
    let body = |operation: Value| operation["requestBody"]["content"]["application/json"]["example"].clone();
    let answer = |operation: Value| operation["responses"]["200"]["content"]["application/json"]["example"].clone();
    round_trip::<UserCreate>(&body(path("/v1/users", "post")));
    round_trip::<Batch<UserCreate>>(&body(path("/v1/users:batchCreate", "post")));
    round_trip::<Batch<UserDeletion>>(&body(path("/v1/users:batchDelete", "post")));
    round_trip::<UserUpdate>(&body(path("/v1/users/{id}", "patch")));
    round_trip::<TeamCreate>(&body(path("/v1/teams", "post")));
    round_trip::<TeamUpdate>(&body(path("/v1/teams/{id}", "patch")));
    round_trip::<InboxCreate>(&body(path("/v1/inboxes", "post")));
    round_trip::<Batch<MembershipChange>>(&body(path("/v1/memberships:batch", "post")));
    round_trip::<WhoAmI>(&answer(path("/v1/whoami", "get")));
    round_trip::<Page<Membership>>(&answer(path("/v1/memberships", "get")));
    round_trip::<BatchResults<MembershipResult>>(&answer(path("/v1/memberships:batch", "post")));
    let results = &contract["components"]["responses"]["UserBatch"]["content"]["application/json"]["example"];
    round_trip::<BatchResults<UserResult>>(results);
    let results = &contract["components"]["responses"]["DeletionBatch"]["content"]["application/json"]["example"];
    round_trip::<BatchResults<DeletionResult>>(results);
}

#[test]
fn the_types_have_exactly_the_fields_of_the_contract() {
    fn unknown_field<T: serde::de::DeserializeOwned>(required: Value) -> Vec<String> {
        let mut value = required;
        value["?"] = json!(1);
        let message = serde_json::from_value::<T>(value).err().unwrap().to_string();
        let mut names: Vec<String> = message.split('`').skip(3).step_by(2).map(str::to_owned).collect();
        names.sort();
        names
    }
    let contract = contract();
    let fields = |name: &str| {
        let mut names: Vec<String> = schema(&contract, name)["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        names.sort();
        names
    };
    assert_eq!(unknown_field::<UserCreate>(json!({})), fields("UserCreate"));
    assert_eq!(unknown_field::<UserUpdate>(json!({})), fields("UserUpdate"));
    assert_eq!(unknown_field::<UserMark>(json!({})), fields("UserMark"));
    assert_eq!(unknown_field::<UserDeletion>(json!({})), fields("UserDeletion"));
    assert_eq!(unknown_field::<TeamCreate>(json!({})), fields("TeamCreate"));
    assert_eq!(unknown_field::<TeamUpdate>(json!({})), fields("TeamUpdate"));
    assert_eq!(unknown_field::<RoleCreate>(json!({})), fields("RoleCreate"));
    assert_eq!(unknown_field::<InboxCreate>(json!({})), fields("InboxCreate"));
    assert_eq!(unknown_field::<MembershipChange>(json!({})), fields("MembershipChange"));
    let mut item = fields("UserUpdate");
    item.extend(["id".to_owned(), "ifMatch".to_owned()]);
    item.sort();
    assert_eq!(item, fields("UserUpdateItem"));
}

#[test]
fn a_field_of_an_update_is_kept_cleared_or_set() {
    let update: UserUpdate = serde_json::from_value(json!({"phone": null, "givenName": "Ann"})).unwrap();
    assert_eq!((&update.phone, &update.family_name), (&Field::Clear, &Field::Keep));
    assert_eq!(update.given_name.value().map(String::as_str), Some("Ann"));
    assert_eq!(
        serde_json::to_value(&update).unwrap(),
        json!({"phone": null, "givenName": "Ann"})
    );
    assert!(serde_json::from_value::<UserUpdate>(json!({"email": null})).is_err());
}

#[test]
fn an_item_of_a_batch_of_updates_has_id_and_etag_beside_the_fields() {
    let update = UserUpdate {
        active: Some(false),
        ..UserUpdate::default()
    };
    let item = UserUpdateItem {
        id: "usr_00000001".into(),
        if_match: Some("3".into()),
        update,
    };
    let wanted = json!({"id": "usr_00000001", "ifMatch": "3", "active": false});
    assert_eq!(serde_json::to_value(item).unwrap(), wanted);
}

#[test]
fn an_attribute_is_text_a_list_of_texts_a_boolean_or_a_number() {
    for value in [
        json!("x"),
        json!(["a", "b"]),
        json!([]),
        json!(true),
        json!(-3),
        json!(2.5),
        json!(u64::MAX),
    ] {
        round_trip::<AttributeValue>(&value);
    }
    for value in [json!(null), json!({}), json!([1]), json!([["a"]])] {
        assert!(serde_json::from_value::<AttributeValue>(value).is_err());
    }
}
