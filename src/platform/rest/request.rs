//! From the plan's writes to the items of the contract. Pure: what can't be sent is that item's failure.

use std::{collections::BTreeMap, time::SystemTime};

use directory_sync_model::{observed, value::AttributeValue};
use jiff::Timestamp;

use super::{attributes::TAGS, roles::Roles, wire};
use crate::{
    fault::Class,
    platform::{Error, MembershipWrite, NewUser, UserDeletion, UserPatch},
};

/// The item that creates a user.
pub(super) fn creation(user: &NewUser, roles: &Roles) -> Result<wire::UserCreate, Error> {
    let refuse = |message| refused(creating(user), message);
    let fields = &user.fields;
    let mut attributes = BTreeMap::new();
    for (name, value) in &fields.attributes {
        if let (false, Some(value)) = (name == TAGS, value) {
            attributes.insert(name.clone(), attribute(name, value).map_err(refuse)?);
        }
    }
    Ok(wire::UserCreate {
        external_id: given(&user.external_id),
        email: fields.email.clone(),
        given_name: given(&fields.given_name),
        family_name: given(&fields.family_name),
        display_name: given(&fields.display_name),
        phone: given(&fields.phone),
        active: None,
        role: user
            .role
            .as_deref()
            .map(|name| role(name, roles))
            .transpose()
            .map_err(refuse)?,
        attributes,
        tags: tags(&fields.attributes).unwrap_or_default(),
        mark: Some(mark(&user.mark, roles)),
    })
}

/// The item that updates a user.
pub(super) fn update(patch: &UserPatch, roles: &Roles) -> Result<wire::UserUpdateItem, Error> {
    let refuse = |message| refused(updating(patch), message);
    let fields = &patch.fields;
    let mut attributes = BTreeMap::new();
    for (name, value) in &fields.attributes {
        if name != TAGS {
            let value = value
                .as_ref()
                .map(|value| attribute(name, value))
                .transpose()
                .map_err(refuse)?;
            attributes.insert(name.clone(), value);
        }
    }
    Ok(wire::UserUpdateItem {
        id: patch.id.clone(),
        if_match: patch.version.clone().filter(|version| !version.is_empty()),
        update: wire::UserUpdate {
            external_id: field(patch.external_id.as_deref()),
            email: fields.email.clone(),
            given_name: field(fields.given_name.as_deref()),
            family_name: field(fields.family_name.as_deref()),
            display_name: field(fields.display_name.as_deref()),
            phone: field(fields.phone.as_deref()),
            active: patch.active,
            role: patch
                .role
                .as_deref()
                .map(|name| role(name, roles))
                .transpose()
                .map_err(refuse)?,
            attributes,
            tags: tags(&fields.attributes),
            mark: match &patch.mark {
                _ if patch.release => wire::Field::Clear,
                Some(set) => wire::Field::Set(mark(set, roles)),
                None => wire::Field::Keep,
            },
        },
    })
}

/// The item that deletes a user.
pub(super) fn deletion(user: &UserDeletion) -> wire::UserDeletion {
    wire::UserDeletion {
        id: user.id.clone(),
        if_match: user.version.clone().filter(|version| !version.is_empty()),
    }
}

/// The item that adds a membership with our mark, or removes one.
pub(super) fn change(write: &MembershipWrite, owner: &str) -> wire::MembershipChange {
    wire::MembershipChange {
        op: if write.add {
            wire::MembershipOp::Add
        } else {
            wire::MembershipOp::Remove
        },
        kind: match write.kind {
            observed::ContainerKind::Team => wire::MembershipKind::Team,
            observed::ContainerKind::Inbox => wire::MembershipKind::Inbox,
        },
        container: write.container.clone(),
        user: write.user.clone(),
        mark: write.add.then(|| wire::Mark {
            owner: owner.to_owned(),
        }),
        replace_marks_of: if write.add {
            write.adopt_from.clone()
        } else {
            Vec::new()
        },
    }
}

/// What creating this user is called in errors.
pub(super) fn creating(user: &NewUser) -> String {
    format!("creating the user {}", user.external_id)
}

/// What updating this user is called in errors.
pub(super) fn updating(patch: &UserPatch) -> String {
    format!("updating the user {}", patch.id)
}

/// What deleting this user is called in errors.
pub(super) fn deleting(user: &UserDeletion) -> String {
    format!("deleting the user {}", user.id)
}

/// What changing this membership is called in errors.
pub(super) fn changing(write: &MembershipWrite) -> String {
    let MembershipWrite { container, user, .. } = write;
    if write.add {
        format!("adding the user {user} to {container}")
    } else {
        format!("removing the user {user} from {container}")
    }
}

fn refused(operation: String, message: String) -> Error {
    Error::Item {
        operation,
        message,
        class: Class::Rejected,
    }
}

fn role(name: &str, roles: &Roles) -> Result<String, String> {
    let id = roles.id(name);
    id.map(str::to_owned)
        .ok_or_else(|| format!("the platform has no role named {name:?}; create it there or name another one"))
}

/// The mark as it is sent, with the role's id. A role that is gone by now is kept by its name, which no id equals.
fn mark(mark: &observed::Mark, roles: &Roles) -> wire::UserMark {
    let role = mark.role.as_deref();
    wire::UserMark {
        owner: mark.owner.clone(),
        role: role.map(|name| roles.id(name).unwrap_or(name).to_owned()),
        deactivated_time: mark.deactivated.map(whole_seconds),
    }
}

/// The time without what is below a second. One that can't be told is so late that the platform refuses it.
fn whole_seconds(time: SystemTime) -> Timestamp {
    let second = Timestamp::try_from(time).map(Timestamp::as_second);
    second.and_then(Timestamp::from_second).unwrap_or(Timestamp::MAX)
}

fn attribute(name: &str, value: &AttributeValue) -> Result<wire::AttributeValue, String> {
    Ok(match value {
        AttributeValue::Text(text) => wire::AttributeValue::Text(text.clone()),
        AttributeValue::List(items) => wire::AttributeValue::List(items.clone()),
        AttributeValue::Bool(flag) => wire::AttributeValue::Bool(*flag),
        AttributeValue::Number(number) => wire::AttributeValue::Number(
            serde_json::Number::from_f64(*number)
                .ok_or_else(|| format!("the attribute {name:?} is not a finite number"))?,
        ),
    })
}

/// What the contract's `tags` become; `None` when they aren't among the attributes.
fn tags(attributes: &[(String, Option<AttributeValue>)]) -> Option<Vec<String>> {
    let (_, value) = attributes.iter().find(|(name, _)| name == TAGS)?;
    Some(match value {
        None => Vec::new(),
        Some(AttributeValue::List(items)) => items.clone(),
        Some(value) => vec![value.to_string()],
    })
}

/// A text of a creation: empty is absent.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A text of an update: absent stays, empty is taken away.
fn field(text: Option<&str>) -> wire::Field<String> {
    match text {
        None => wire::Field::Keep,
        Some("") => wire::Field::Clear,
        Some(text) => wire::Field::Set(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use directory_sync_model::observed::{ContainerKind, FieldsPatch, Mark, UserFields};
    use serde_json::json;

    use super::*;
    use crate::fault::Fault as _;

    fn roles() -> Roles {
        let mut roles = Roles::default();
        roles.insert("role_00000002", "agent");
        roles
    }

    fn list(items: &[&str]) -> AttributeValue {
        AttributeValue::List(items.iter().map(ToString::to_string).collect())
    }

    fn named(name: &str, value: Option<AttributeValue>) -> (String, Option<AttributeValue>) {
        (name.to_owned(), value)
    }

    fn new_user(attributes: Vec<(String, Option<AttributeValue>)>) -> NewUser {
        NewUser {
            external_id: "e-1".to_owned(),
            fields: UserFields {
                email: "ann@acme.test".to_owned(),
                given_name: "Ann".to_owned(),
                attributes,
                ..UserFields::default()
            },
            role: Some("agent".to_owned()),
            mark: Mark {
                owner: "eu1/acme".to_owned(),
                role: Some("agent".to_owned()),
                deactivated: None,
            },
        }
    }

    #[test]
    fn a_creation_leaves_out_what_is_empty_and_has_tags_of_their_own() {
        let user = new_user(vec![
            named("department", Some(AttributeValue::Text("Support".to_owned()))),
            named("desk", None),
            named("floor", Some(AttributeValue::Number(3.5))),
            named("tags", Some(list(&["emea"]))),
        ]);
        let item = serde_json::to_value(creation(&user, &roles()).unwrap()).unwrap();
        let expected = json!({
            "externalId": "e-1",
            "email": "ann@acme.test",
            "givenName": "Ann",
            "role": "role_00000002",
            "attributes": { "department": "Support", "floor": 3.5 },
            "tags": ["emea"],
            "mark": { "owner": "eu1/acme", "role": "role_00000002" },
        });
        assert_eq!(item, expected);
    }

    #[test]
    fn an_update_names_what_changes_and_nulls_what_is_taken_away() {
        let patch = UserPatch {
            id: "usr_00000007".to_owned(),
            version: Some("3".to_owned()),
            fields: FieldsPatch {
                display_name: Some("Ann B.".to_owned()),
                phone: Some(String::new()),
                attributes: vec![
                    named("desk", None),
                    named("remote", Some(AttributeValue::Bool(true))),
                    named("tags", None),
                ],
                ..FieldsPatch::default()
            },
            active: Some(false),
            mark: Some(Mark {
                owner: "eu1/acme".to_owned(),
                role: None,
                deactivated: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_999)),
            }),
            ..UserPatch::default()
        };
        let item = serde_json::to_value(update(&patch, &roles()).unwrap()).unwrap();
        let expected = json!({
            "id": "usr_00000007",
            "ifMatch": "3",
            "displayName": "Ann B.",
            "phone": null,
            "active": false,
            "attributes": { "desk": null, "remote": true },
            "tags": [],
            "mark": { "owner": "eu1/acme", "deactivatedTime": "2027-01-15T08:00:00Z" },
        });
        assert_eq!(item, expected);
    }

    #[test]
    fn a_patch_of_nothing_sends_nothing_but_the_id() {
        let patch = UserPatch {
            id: "usr_00000007".to_owned(),
            version: Some(String::new()),
            ..UserPatch::default()
        };
        let item = serde_json::to_value(update(&patch, &roles()).unwrap()).unwrap();
        assert_eq!(item, json!({ "id": "usr_00000007" }));
    }

    #[test]
    fn tags_are_a_list_whatever_the_value_is() {
        let tags = |value| tags(&[named("tags", value)]);
        assert_eq!(
            tags(Some(AttributeValue::Text("emea".to_owned()))),
            Some(vec!["emea".to_owned()])
        );
        assert_eq!(tags(Some(AttributeValue::Bool(true))), Some(vec!["true".to_owned()]));
        assert_eq!(tags(None), Some(vec![]));
        assert_eq!(super::tags(&[]), None);
    }

    #[test]
    fn a_role_that_the_platform_does_not_have_is_that_users_failure() {
        let mut user = new_user(vec![]);
        user.role = Some("Agent".to_owned());
        let error = creation(&user, &roles()).unwrap_err();
        assert_eq!(error.class(), Class::Rejected);
        let message = error.to_string();
        assert!(
            message.starts_with("creating the user e-1: the platform has no role named \"Agent\""),
            "{message}"
        );
    }

    #[test]
    fn a_number_that_json_does_not_have_is_that_users_failure() {
        let user = new_user(vec![named("ratio", Some(AttributeValue::Number(f64::NAN)))]);
        let message = creation(&user, &roles()).unwrap_err().to_string();
        assert_eq!(
            message,
            "creating the user e-1: the attribute \"ratio\" is not a finite number"
        );
    }

    #[test]
    fn an_added_membership_carries_our_mark_and_a_removed_one_none() {
        let mut write = MembershipWrite {
            kind: ContainerKind::Inbox,
            container: "inbox_00000002".to_owned(),
            user: "usr_00000007".to_owned(),
            add: true,
            adopt_from: Vec::new(),
        };
        let add = serde_json::to_value(change(&write, "eu1/acme")).unwrap();
        let expected = json!({
            "op": "add", "kind": "inbox", "container": "inbox_00000002", "user": "usr_00000007",
            "mark": { "owner": "eu1/acme" },
        });
        assert_eq!(add, expected);
        write.adopt_from = vec!["eu1/old".to_owned()];
        let adopt = serde_json::to_value(change(&write, "eu1/acme")).unwrap();
        assert_eq!(adopt["replaceMarksOf"], json!(["eu1/old"]));
        write.add = false;
        let remove = serde_json::to_value(change(&write, "eu1/acme")).unwrap();
        assert_eq!((&remove["op"], remove.get("mark")), (&json!("remove"), None));
        assert_eq!(remove.get("replaceMarksOf"), None);
    }
}
