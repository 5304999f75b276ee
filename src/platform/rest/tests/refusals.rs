//! What the platform refuses, and to whom it matters.

use super::*;

#[tokio::test]
async fn one_bad_item_spoils_nobody_else() {
    let server = start().await;
    let taken = server
        .by_hand(
            "v1/users",
            json!({ "email": "taken@acme.test", "externalId": "e-taken" }),
        )
        .await;
    let with = |number, change: fn(&mut NewUser)| {
        let mut user = new_user(number);
        change(&mut user);
        user
    };
    let users = [
        new_user(1),
        with(2, |user| user.fields.email = "Taken@ACME.test".to_owned()),
        with(3, |user| user.external_id = "e-taken".to_owned()),
        with(4, |user| user.fields.email = "no address".to_owned()),
        with(5, |user| user.role = Some("emperor".to_owned())),
        new_user(6),
    ];
    let results = server.platform.create_users(&users, &key("create")).await.unwrap();
    let (conflict, rejected) = (Some(Class::Conflict), Some(Class::Rejected));
    assert_eq!(classes(&results), [None, conflict, conflict, rejected, rejected, None]);
    let messages: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .map(ToString::to_string)
        .collect();
    for (message, user) in messages.iter().zip(&users[1..]) {
        assert!(
            message.starts_with(&format!("creating the user {}: ", user.external_id)),
            "{message}"
        );
    }
    assert!(messages[0].contains(&taken), "{}", messages[0]);
    assert!(messages[2].contains("email"), "{}", messages[2]);
    assert!(messages[3].contains("no role named \"emperor\""), "{}", messages[3]);

    let seen = server.see(Part::Users).await;
    assert_eq!(seen.users.len(), 3);
    for (at, email) in [(0, "user1@acme.test"), (5, "user6@acme.test")] {
        assert_eq!(seen.user(email).id, *results[at].as_ref().unwrap());
    }
    server.stop();
}

#[tokio::test]
async fn a_user_changed_meanwhile_is_left_as_he_is() {
    let server = start().await;
    let created = server
        .platform
        .create_users(&[new_user(1), new_user(2)], &key("create"))
        .await
        .unwrap();
    let seen = server.see(Part::Users).await;
    let patch = |at: usize, phone: &str| {
        let mut patch = UserPatch {
            id: created[at].as_ref().unwrap().clone(),
            version: Some(seen.users[at].version.to_string()),
            ..UserPatch::default()
        };
        patch.fields.phone = Some(phone.to_owned());
        patch
    };
    let first = server
        .platform
        .update_users(&[patch(0, "1")], &key("first"))
        .await
        .unwrap();
    assert_eq!(classes(&first), [None]);
    let mut unknown = patch(1, "2");
    unknown.id = "usr_zzzzzzzz".to_owned();
    let late = [patch(0, "2"), unknown, patch(1, "2")];
    let results = server.platform.update_users(&late, &key("late")).await.unwrap();
    assert_eq!(classes(&results), [Some(Class::Conflict), Some(Class::NotFound), None]);
    let seen = server.see(Part::Users).await;
    assert_eq!(
        (
            &*seen.user("user1@acme.test").phone,
            &*seen.user("user2@acme.test").phone
        ),
        ("1", "2")
    );
    server.stop();
}

#[tokio::test]
async fn without_a_free_seat_nobody_is_activated_and_others_are_changed() {
    let server = start_with(|config| config.seats = Some(2)).await;
    let users: Vec<_> = (0..3).map(new_user).collect();
    let results = server.platform.create_users(&users, &key("create")).await.unwrap();
    assert_eq!(classes(&results), [None, None, Some(Class::NoSeats)]);
    assert_eq!(server.platform.identity().await.unwrap().free_seats, Some(0));

    let leaver = UserPatch {
        id: results[0].as_ref().unwrap().clone(),
        active: Some(false),
        ..UserPatch::default()
    };
    let left = server.platform.update_users(&[leaver], &key("leave")).await.unwrap();
    assert_eq!(classes(&left), [None]);
    // A new key: under the old one the old answer would come again.
    let results = server.platform.create_users(&users[2..], &key("again")).await.unwrap();
    assert_eq!(classes(&results), [None]);
    server.stop();
}

#[tokio::test]
async fn above_the_rate_the_platform_says_how_long_to_wait() {
    let server = start_with(|config| config.rate = NonZeroU32::new(1)).await;
    let mut refused = None;
    for _ in 0..20 {
        if let Err(error) = server.platform.identity().await {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("twenty requests at once are above one a second");
    assert_eq!(refused.class(), Class::RateLimited);
    let wait = refused.retry_after().unwrap();
    assert!(wait.as_millis() > 0 && wait.as_secs() <= 2, "{wait:?}");
    server.stop();
}

#[tokio::test]
async fn a_token_that_is_not_known_is_unauthorized_and_not_repeated() {
    let server = start().await;
    let stranger = client(server.address, "wr0ng-t0ken", 1000);
    let mut seen = Seen::default();
    let errors = [
        stranger.identity().await.unwrap_err(),
        stranger.read(Part::Users, None, &mut seen).await.unwrap_err(),
        stranger.create_users(&[new_user(1)], &key("create")).await.unwrap_err(),
        stranger
            .create_team(&team("Team"), OWNER, &key("team"))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.class(), Class::Unauthorized);
        let text = crate::fault::chain(&error);
        assert!(!text.contains("wr0ng"), "{text}");
    }
    assert_eq!(seen.rows(), 0);
    server.stop();
}

#[tokio::test]
async fn a_token_that_may_only_read_is_forbidden_to_write() {
    let server = start_with(|config| {
        config
            .tokens
            .extend(server::parse_token_file("readers-token,audit,,read-only").unwrap());
    })
    .await;
    let reader = client(server.address, "readers-token", 1000);
    assert_eq!(see(&reader, Part::Users).await.rows(), 0);
    let errors = [
        reader.create_users(&[new_user(1)], &key("create")).await.unwrap_err(),
        reader
            .create_team(&team("Team"), OWNER, &key("team"))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.class(), Class::Forbidden);
    }
    server.stop();
}

#[tokio::test]
async fn a_cursor_that_is_not_the_platforms_is_rejected() {
    let server = start().await;
    let error = server
        .platform
        .read(Part::Users, Some("nonsense"), &mut Seen::default())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Rejected);
    assert!(
        error.to_string().starts_with("listing users of http://127.0.0.1:"),
        "{error}"
    );
    server.stop();
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_unreachable() {
    let server = start().await;
    let address = server.address;
    server.stop();
    let error = client(address, TOKEN, 1000).identity().await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
}
