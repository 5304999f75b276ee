//! Writing, and writing again.

use std::time::{Duration, SystemTime};

use directory_sync_model::{observed::FieldsPatch, value::AttributeValue};

use super::*;

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

fn attribute<'a>(user: &'a directory_sync_model::observed::UserRow<'_>, name: &str) -> Option<&'a AttributeValue> {
    user.attributes
        .iter()
        .find(|(of, _)| of == name)
        .map(|(_, value)| value)
}

#[tokio::test]
async fn a_created_user_is_read_as_he_was_meant() {
    let server = start().await;
    let tags = AttributeValue::List(vec!["emea".to_owned(), "vip".to_owned()]);
    let user = NewUser {
        external_id: "5f1e2a34".to_owned(),
        fields: UserFields {
            email: "zoë@acme.test".to_owned(),
            given_name: "Zoë".to_owned(),
            family_name: "O\"Brien".to_owned(),
            display_name: String::new(),
            phone: "+442071234567".to_owned(),
            attributes: vec![
                ("department".to_owned(), Some(text("Support"))),
                ("floor".to_owned(), Some(AttributeValue::Number(3.0))),
                ("remote".to_owned(), Some(AttributeValue::Bool(false))),
                ("desk".to_owned(), None),
                ("tags".to_owned(), Some(tags.clone())),
            ],
        },
        role: Some("agent".to_owned()),
        mark: Mark {
            role: Some("agent".to_owned()),
            ..mark()
        },
    };
    let ids = server
        .platform
        .create_users(std::slice::from_ref(&user), &key("create"))
        .await
        .unwrap();
    let seen = server.see(Part::Users).await;
    let read = seen.user("zoë@acme.test");
    assert_eq!(read.id, *ids[0].as_ref().unwrap());
    assert!(!read.version.is_empty());
    assert_eq!(
        (&*read.external_id, read.active, &*read.role),
        ("5f1e2a34", true, "agent")
    );
    assert_eq!(
        (&*read.given_name, &*read.family_name, &*read.display_name),
        ("Zoë", "O\"Brien", "")
    );
    assert_eq!(read.phone, "+442071234567");
    let told = read.mark.as_ref().unwrap();
    assert_eq!(
        (&*told.owner, told.role.as_deref(), told.deactivated),
        (OWNER, Some("agent"), None)
    );
    for (name, value) in user.fields.attributes {
        assert_eq!(attribute(read, &name), value.as_ref(), "{name}");
    }
    server.stop();
}

#[tokio::test]
async fn a_user_made_by_hand_is_adopted_in_place_and_keeps_what_is_not_ours() {
    let server = start().await;
    let by_hand = json!({
        "email": "Ann@acme.test", "displayName": "Ann A.", "phone": "+442071234567",
        "attributes": { "desk": "4b", "floor": 2 }, "tags": ["old"],
    });
    let id = server.by_hand("v1/users", by_hand).await;
    let version = server.see(Part::Users).await.users[0].version.to_string();
    let patch = UserPatch {
        id: id.clone(),
        version: Some(version),
        external_id: Some("e-1".to_owned()),
        fields: FieldsPatch {
            given_name: Some("Ann".to_owned()),
            phone: Some(String::new()),
            attributes: vec![
                ("desk".to_owned(), None),
                ("department".to_owned(), Some(text("Sales"))),
            ],
            ..FieldsPatch::default()
        },
        mark: Some(mark()),
        ..UserPatch::default()
    };
    let results = server.platform.update_users(&[patch], &key("adopt")).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    let seen = server.see(Part::Users).await;
    let read = &seen.users[0];
    assert_eq!(
        (&*read.id, &*read.external_id, &*read.email),
        (&*id, "e-1", "Ann@acme.test")
    );
    assert_eq!(
        (&*read.given_name, &*read.display_name, &*read.phone),
        ("Ann", "Ann A.", "")
    );
    assert_eq!(attribute(read, "desk"), None);
    assert_eq!(attribute(read, "department"), Some(&text("Sales")));
    assert_eq!(attribute(read, "floor"), Some(&AttributeValue::Number(2.0)));
    assert_eq!(
        attribute(read, "tags"),
        Some(&AttributeValue::List(vec!["old".to_owned()]))
    );
    assert_eq!(read.mark.as_ref().unwrap().owner, OWNER);
    server.stop();
}

#[tokio::test]
async fn a_user_is_deactivated_with_a_mark_that_says_so_and_given_another_role() {
    let server = start().await;
    let id = server
        .platform
        .create_users(&[new_user(1)], &key("create"))
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    let left = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
    let patch = UserPatch {
        id,
        active: Some(false),
        role: Some("agent".to_owned()),
        fields: FieldsPatch {
            attributes: vec![("tags".to_owned(), None)],
            ..FieldsPatch::default()
        },
        mark: Some(Mark {
            role: Some("agent".to_owned()),
            deactivated: Some(left),
            ..mark()
        }),
        ..UserPatch::default()
    };
    let results = server.platform.update_users(&[patch], &key("leave")).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    let seen = server.see(Part::Users).await;
    let read = &seen.users[0];
    assert_eq!((read.active, &*read.role), (false, "agent"));
    let mark = read.mark.as_ref().unwrap();
    assert_eq!((mark.role.as_deref(), mark.deactivated), (Some("agent"), Some(left)));
    server.stop();
}

#[tokio::test]
async fn users_are_deleted_with_their_memberships_and_may_be_deleted_twice() {
    let server = start().await;
    let users: Vec<_> = (0..205).map(new_user).collect();
    let created = server.platform.create_users(&users, &key("create")).await.unwrap();
    let ids: Vec<String> = created.into_iter().map(Result::unwrap).collect();
    let team = server
        .platform
        .create_team(&team("Support"), OWNER, &key("team"))
        .await
        .unwrap();
    let join = [membership(&team, &ids[0], true), membership(&team, &ids[204], true)];
    server
        .platform
        .change_memberships(&join, OWNER, &key("add"))
        .await
        .unwrap();
    let seen = server.see(Part::Users).await;
    let deletions: Vec<UserDeletion> = seen.users[..204]
        .iter()
        .map(|user| UserDeletion {
            id: user.id.to_string(),
            version: Some(user.version.to_string()),
        })
        .collect();
    // The second time is another request, as by a run that knows nothing of the first.
    for attempt in ["delete", "again"] {
        let results = server.platform.delete_users(&deletions, &key(attempt)).await.unwrap();
        assert_eq!(results.len(), 204);
        assert!(results.iter().all(Result::is_ok), "{attempt}");
    }
    let left = server.see(Part::Users).await;
    assert_eq!((left.users.len(), &*left.users[0].id), (1, &*ids[204]));
    let members = server.see(Part::TeamMemberships).await;
    assert_eq!(
        (members.memberships.len(), &*members.memberships[0].user),
        (1, &*ids[204])
    );
    server.stop();
}

#[tokio::test]
async fn whom_somebody_activated_since_he_was_read_is_not_deleted() {
    let server = start().await;
    let id = server
        .by_hand("v1/users", json!({ "email": "ann@acme.test", "active": false }))
        .await;
    let version = Some(server.see(Part::Users).await.users[0].version.to_string());
    let activate = UserPatch {
        id: id.clone(),
        active: Some(true),
        ..UserPatch::default()
    };
    server.platform.update_users(&[activate], &key("hand")).await.unwrap();
    let deletion = UserDeletion {
        id: id.clone(),
        version,
    };
    let results = server.platform.delete_users(&[deletion], &key("delete")).await.unwrap();
    assert_eq!(classes(&results), [Some(Class::Conflict)]);
    let message = results[0].as_ref().unwrap_err().to_string();
    assert!(message.starts_with(&format!("deleting the user {id}: ")), "{message}");
    assert_eq!(server.see(Part::Users).await.users.len(), 1);
    server.stop();
}

#[tokio::test]
async fn memberships_may_be_added_and_removed_twice() {
    let server = start().await;
    let team = server
        .platform
        .create_team(&team("Support"), OWNER, &key("team"))
        .await
        .unwrap();
    let user = server.by_hand("v1/users", json!({ "email": "ann@acme.test" })).await;
    let by_hand = json!({ "items": [{ "op": "add", "kind": "team", "container": team, "user": user }] });
    server
        .platform
        .client
        .post("v1/memberships:batch", &by_hand)
        .send(1 << 20)
        .await
        .unwrap();

    let add = [membership(&team, &user, true)];
    assert!(
        server
            .platform
            .change_memberships(&add, OWNER, &key("add"))
            .await
            .unwrap()[0]
            .is_ok()
    );
    let seen = server.see(Part::TeamMemberships).await;
    assert_eq!(seen.memberships[0].owner, None, "what somebody else gave stays his");

    // Gone with the user, or with the team, is gone all the same; but nobody can be added to what isn't there.
    let gone = [
        membership(&team, &user, false),
        membership(&team, &user, false),
        membership(&team, "usr_zzzzzzzz", false),
        membership("team_zzzzzzzz", &user, false),
        membership("team_zzzzzzzz", &user, true),
    ];
    let results = server
        .platform
        .change_memberships(&gone, OWNER, &key("remove"))
        .await
        .unwrap();
    assert_eq!(classes(&results), [None, None, None, None, Some(Class::NotFound)]);
    let message = results[4].as_ref().unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("adding the user {user} to team_zzzzzzzz: ")),
        "{message}"
    );
    assert_eq!(server.see(Part::TeamMemberships).await.rows(), 0);
    server.stop();
}

#[tokio::test]
async fn the_same_write_under_the_same_key_is_done_once() {
    let server = start().await;
    let users = [new_user(1), new_user(2)];
    let first = server.platform.create_users(&users, &key("create")).await.unwrap();
    // Another client, as after a crash: what the first one knew is lost.
    let other = client(server.address, TOKEN, 1000);
    let again = other.create_users(&users, &key("create")).await.unwrap();
    let ids = |results: &[Result<String, Error>]| -> Vec<_> {
        results.iter().map(|result| result.as_ref().unwrap().clone()).collect()
    };
    assert_eq!(ids(&first), ids(&again));
    assert_eq!(server.see(Part::Users).await.users.len(), 2);

    let reused = other.create_users(&[new_user(3)], &key("create")).await.unwrap_err();
    assert_eq!(reused.class(), Class::Rejected);
    server.stop();
}

#[tokio::test]
async fn a_team_that_exists_by_that_name_is_returned_as_it_is() {
    let server = start().await;
    let by_hand = server.by_hand("v1/teams", json!({ "name": "Équipe" })).await;
    for number in 0..4 {
        server
            .by_hand("v1/teams", json!({ "name": format!("Team {number}") }))
            .await;
    }
    let last = server.by_hand("v1/teams", json!({ "name": "Ventes" })).await;
    // Two teams a page: the last one is found on the third.
    let paging = client(server.address, TOKEN, 2);
    assert_eq!(
        paging
            .create_team(&team(" e\u{301}quipe"), OWNER, &key("a"))
            .await
            .unwrap(),
        by_hand
    );
    assert_eq!(
        paging.create_team(&team("VENTES"), OWNER, &key("b")).await.unwrap(),
        last
    );
    let inner = server.by_hand("v1/teams", json!({ "name": "Ventes  ΟΔΟΣ" })).await;
    let written = "ventes οδοσ";
    assert_eq!(
        paging.create_team(&team(written), OWNER, &key("e")).await.unwrap(),
        inner
    );
    let made = paging.create_team(&team("New"), OWNER, &key("c")).await.unwrap();
    assert_eq!(paging.create_team(&team("New"), OWNER, &key("d")).await.unwrap(), made);

    let teams = server.see(Part::Teams).await.containers;
    assert_eq!(teams.len(), 8);
    for team in teams {
        assert_eq!(
            team.owner.as_deref(),
            (team.id == made).then_some(OWNER),
            "{}",
            team.name
        );
    }
    server.stop();
}

#[tokio::test]
async fn more_items_than_a_request_may_have_go_in_several() {
    let server = start().await;
    let users: Vec<_> = (0..205).map(new_user).collect();
    let results = server.platform.create_users(&users, &key("create")).await.unwrap();
    let created = server.see(Part::Users).await;
    assert_eq!(created.users.len(), 205);
    for (user, id) in users.iter().zip(&results) {
        assert_eq!(created.user(&user.fields.email).id, *id.as_ref().unwrap());
    }
    let again = client(server.address, TOKEN, 1000)
        .create_users(&users, &key("create"))
        .await
        .unwrap();
    assert_eq!(again.len(), 205);
    assert_eq!(server.see(Part::Users).await.users.len(), 205);
    server.stop();
}

#[tokio::test]
async fn more_bytes_than_a_request_may_have_go_in_several() {
    let server = start().await;
    let long = "x".repeat(1000);
    let attributes: Vec<_> = (0..100)
        .map(|number| (format!("a{number}"), Some(text(&long))))
        .collect();
    let users: Vec<_> = (0..45)
        .map(|number| {
            let mut user = new_user(number);
            user.fields.attributes.clone_from(&attributes);
            user
        })
        .collect();
    let bytes = users.len() * attributes.len() * long.len();
    let limit = server.platform.limits().await.unwrap().request_bytes;
    assert!(bytes as u64 > limit, "{bytes} bytes are no test of a limit of {limit}");
    let results = server.platform.create_users(&users, &key("create")).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(server.see(Part::Users).await.users.len(), 45);
    server.stop();
}

#[tokio::test]
async fn an_update_tells_the_version_that_it_made() {
    let server = start().await;
    let id = server.by_hand("v1/users", json!({ "email": "ann@acme.test" })).await;
    let mut version = Some(server.see(Part::Users).await.users[0].version.to_string());
    for phone in ["1", "2"] {
        let mut patch = UserPatch {
            id: id.clone(),
            version: version.clone(),
            ..UserPatch::default()
        };
        patch.fields.phone = Some(phone.to_owned());
        let results = server.platform.update_users(&[patch], &key(phone)).await.unwrap();
        version.clone_from(results[0].as_ref().unwrap());
        let seen = server.see(Part::Users).await;
        assert_eq!(
            (version.as_deref(), &*seen.users[0].phone),
            (Some(&*seen.users[0].version), phone)
        );
    }
    server.stop();
}

#[tokio::test]
async fn an_item_that_no_request_can_carry_is_not_sent_and_spoils_nobody_else() {
    let server = start().await;
    let limit = server.platform.limits().await.unwrap().request_bytes;
    let long = "x".repeat(usize::try_from(limit).unwrap());
    let mut users: Vec<_> = (0..3).map(new_user).collect();
    users[1].fields.attributes = vec![("essay".to_owned(), Some(text(&long)))];
    let results = server.platform.create_users(&users, &key("create")).await.unwrap();
    assert_eq!(classes(&results), [None, Some(Class::Rejected), None]);
    let message = results[1].as_ref().unwrap_err().to_string();
    assert!(message.starts_with("creating the user e-1: this alone is"), "{message}");
    assert_eq!(server.see(Part::Users).await.users.len(), 2);
    server.stop();
}

#[tokio::test]
async fn a_team_is_renamed_and_told_its_group_while_nobody_else_changes_it() {
    let server = start().await;
    let new = NewTeam {
        name: "Support".to_owned(),
        external_id: Some("g-1".to_owned()),
    };
    let id = server.platform.create_team(&new, OWNER, &key("team")).await.unwrap();
    let seen = server.see(Part::Teams).await;
    let held = &seen.containers[0];
    assert_eq!((held.external_id.as_ref(), held.version.as_ref()), ("g-1", "1"));
    let patch = TeamPatch {
        id,
        version: Some("1".to_owned()),
        name: Some("Helpdesk".to_owned()),
        external_id: Some("g-2".to_owned()),
    };
    server.platform.update_team(&patch, &key("rename")).await.unwrap();
    server.platform.update_team(&patch, &key("rename")).await.unwrap();
    let seen = server.see(Part::Teams).await;
    let held = &seen.containers[0];
    assert_eq!((held.name.as_ref(), held.external_id.as_ref()), ("Helpdesk", "g-2"));
    let stale = server.platform.update_team(&patch, &key("again")).await.unwrap_err();
    assert_eq!(stale.class(), Class::Conflict, "it has another version by now");
    server
        .platform
        .create_team(&team("Taken"), OWNER, &key("taken"))
        .await
        .unwrap();
    let taken = TeamPatch {
        version: None,
        name: Some("taken".to_owned()),
        ..patch
    };
    let error = server
        .platform
        .update_team(&taken, &key("taken-too"))
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Conflict);
    server.stop();
}

#[tokio::test]
async fn a_membership_of_an_owner_who_hands_over_gets_our_mark_and_any_other_keeps_its_own() {
    let server = start().await;
    let container = server
        .platform
        .create_team(&team("Support"), OWNER, &key("team"))
        .await
        .unwrap();
    let users = [1, 2, 3].map(new_user);
    let ids = server.platform.create_users(&users, &key("users")).await.unwrap();
    let ids: Vec<String> = ids.into_iter().map(Result::unwrap).collect();
    for (id, owner) in ids.iter().zip(["eu1/old", "eu1/third"]) {
        let change = membership(&container, id, true);
        server
            .platform
            .change_memberships(&[change], owner, &key(id))
            .await
            .unwrap();
    }
    let adopting: Vec<MembershipWrite> = ids
        .iter()
        .map(|id| MembershipWrite {
            adopt_from: vec!["eu1/older".to_owned(), "eu1/old".to_owned()],
            ..membership(&container, id, true)
        })
        .collect();
    let results = server
        .platform
        .change_memberships(&adopting, OWNER, &key("adopt"))
        .await
        .unwrap();
    assert_eq!(classes(&results), [None, None, None]);
    let seen = server.see(Part::TeamMemberships).await;
    let owners: Vec<_> = ids
        .iter()
        .map(|id| {
            let held = seen.memberships.iter().find(|held| held.user == *id).unwrap();
            held.owner.as_deref().unwrap()
        })
        .collect();
    assert_eq!(owners, [OWNER, "eu1/third", OWNER]);
    server.stop();
}
