//! Reading the platform.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::*;
use crate::platform::observe::{ObserveLimits, Progress, observe};

#[tokio::test]
async fn more_than_one_page_is_read_with_every_row_once() {
    let server = start().await;
    let users: Vec<_> = (0..5).map(new_user).collect();
    let ids = server.platform.create_users(&users, &key("users")).await.unwrap();
    let ids: Vec<_> = ids.into_iter().map(Result::unwrap).collect();
    let one = server
        .platform
        .create_team(&team("One"), OWNER, &key("one"))
        .await
        .unwrap();
    let two = server
        .platform
        .create_team(&team("Two"), OWNER, &key("two"))
        .await
        .unwrap();
    let changes: Vec<_> = ids
        .iter()
        .flat_map(|user| [membership(&one, user, true), membership(&two, user, true)])
        .collect();
    let results = server
        .platform
        .change_memberships(&changes, OWNER, &key("members"))
        .await
        .unwrap();
    assert!(results.iter().all(Result::is_ok));

    let paging = client(server.address, TOKEN, 2);
    let seen = see(&paging, Part::Users).await;
    let mut read: Vec<_> = seen.users.iter().map(|user| user.id.to_string()).collect();
    read.sort();
    assert_eq!(read, ids);
    assert_eq!(see(&paging, Part::Roles).await.roles.len(), 4);
    assert_eq!(see(&paging, Part::Teams).await.containers.len(), 2);
    let seen = see(&paging, Part::TeamMemberships).await;
    let mut pairs: Vec<_> = seen
        .memberships
        .iter()
        .map(|row| (&*row.container, &*row.user))
        .collect();
    pairs.dedup();
    assert_eq!(pairs.len(), 10);
    assert!(seen.memberships.iter().all(|row| row.owner.as_deref() == Some(OWNER)));
    server.stop();
}

#[tokio::test]
async fn an_empty_platform_has_its_roles_and_nothing_else() {
    let server = start().await;
    let seen = server.see(Part::Roles).await;
    let defaults: Vec<_> = seen
        .roles
        .iter()
        .filter(|role| role.default)
        .map(|role| &*role.name)
        .collect();
    assert_eq!(defaults, ["member"]);
    assert!(seen.roles.iter().any(|role| role.administrator && role.name == "owner"));
    for part in Part::ALL.into_iter().filter(|part| *part != Part::Roles) {
        assert_eq!(server.see(part).await.rows(), 0, "{part:?}");
    }
    server.stop();
}

#[tokio::test]
async fn inboxes_are_read_with_their_phone_numbers_and_members() {
    let server = start().await;
    let inbox = server
        .by_hand("v1/inboxes", json!({ "name": "EMEA", "phoneNumber": "+442071234567" }))
        .await;
    let user = server.by_hand("v1/users", json!({ "email": "ann@acme.test" })).await;
    let added = server
        .platform
        .change_memberships(&[membership(&inbox, &user, true)], OWNER, &key("join"))
        .await;
    assert!(added.unwrap()[0].is_ok());
    let seen = server.see(Part::Inboxes).await;
    let read = &seen.containers[0];
    assert_eq!(
        (read.kind, &*read.id, &*read.name),
        (ContainerKind::Inbox, &*inbox, "EMEA")
    );
    assert_eq!((&*read.phone, &read.owner), ("+442071234567", &None));
    assert_eq!(server.see(Part::InboxMemberships).await.memberships[0].user, user);
    assert_eq!(server.see(Part::TeamMemberships).await.rows(), 0);
    server.stop();
}

#[tokio::test]
async fn a_role_made_after_the_roles_were_read_is_known_by_its_name() {
    let server = start().await;
    server.see(Part::Roles).await;
    let role = server.by_hand("v1/roles", json!({ "name": "supervisor" })).await;
    server
        .by_hand("v1/users", json!({ "email": "ann@acme.test", "role": role }))
        .await;
    assert_eq!(server.see(Part::Users).await.user("ann@acme.test").role, "supervisor");
    server.stop();
}

#[tokio::test]
async fn an_account_knows_who_it_is_and_what_is_free() {
    let server = start_with(|config| {
        let owner = server::parse_token_file("owners-token,owner@acme.test,owner").unwrap();
        config.tokens.extend(owner);
        config
            .tokens
            .extend(server::parse_token_file("readers-token,audit,,read-only").unwrap());
        config.seats = Some(10);
    })
    .await;
    let service = server.platform.identity().await.unwrap();
    assert_eq!((service.user_id, service.name.as_str()), (None, "svc_directory-sync"));
    assert_eq!((service.missing, service.free_seats), (vec![], Some(9)));

    let owner = client(server.address, "owners-token", 1000).identity().await.unwrap();
    let users = server.see(Part::Users).await;
    assert_eq!(owner.user_id.as_deref(), Some(&*users.user("owner@acme.test").id));

    let reader = client(server.address, "readers-token", 1000).identity().await.unwrap();
    assert_eq!(reader.missing, ["users:write", "teams:write", "memberships:write"]);
    server.stop();
}

#[tokio::test]
async fn a_platform_that_others_write_meanwhile_is_observed_with_all_that_stays() {
    let server = start().await;
    let users: Vec<_> = (0..40).map(new_user).collect();
    let ids = server.platform.create_users(&users, &key("users")).await.unwrap();
    let ids: Vec<_> = ids.into_iter().map(Result::unwrap).collect();
    let moves = server
        .platform
        .create_team(&team("Moves"), OWNER, &key("moves"))
        .await
        .unwrap();
    let stays = server
        .platform
        .create_team(&team("Stays"), OWNER, &key("stays"))
        .await
        .unwrap();
    let add: Vec<_> = ids.iter().map(|user| membership(&stays, user, true)).collect();
    server
        .platform
        .change_memberships(&add, OWNER, &key("members"))
        .await
        .unwrap();

    let paging = client(server.address, TOKEN, 7);
    let done = AtomicBool::new(false);
    let writing = async {
        let mut round = 0;
        while !done.load(Ordering::SeqCst) {
            round += 1;
            // One by one, so that each page may have another total. All of them are on the first page.
            for user in &ids[..6] {
                let change = [membership(&moves, user, round % 2 == 1)];
                let write_key = key(&format!("{round}-{user}"));
                let written = server.platform.change_memberships(&change, OWNER, &write_key);
                assert!(written.await.unwrap()[0].is_ok());
            }
        }
        round
    };
    let reading = async {
        let totals = Mutex::new(BTreeSet::new());
        let note = |now: Progress| {
            totals.lock().unwrap().insert(now.total);
        };
        let mut observations = 0;
        // Until enough was written meanwhile, however fast it is read.
        while observations < 20 || totals.lock().unwrap().len() < 3 {
            observations += 1;
            let mut seen = Seen::default();
            let (parts, limits) = ([Part::TeamMemberships], ObserveLimits::default());
            let observed = observe(&paging, &parts, &mut seen, limits, &note).await;
            let mut kept: Vec<_> = seen
                .memberships
                .iter()
                .filter(|row| row.container == stays)
                .map(|row| row.user.to_string())
                .collect();
            kept.sort();
            assert_eq!((observed.map_err(|error| error.to_string()), &kept), (Ok(()), &ids));
        }
        done.store(true, Ordering::SeqCst);
    };
    let (rounds, ()) = tokio::join!(writing, reading);
    assert!(rounds > 0);
    server.stop();
}
