//! The store on PostgreSQL, and on `SQLite` as a program that runs beside it sees it.

mod suite;

use std::sync::Arc;

use directory_sync::fault::chain;
use directory_sync::store::{Access, Error, Store};
use directory_sync::sync::ledger::{Ledgers as _, Settlement};
use secrecy::SecretString;

use crate::support::postgres::{PASSWORD, Postgres};
use crate::support::{init_tls, temporary_folder};

async fn open(url: &str) -> Result<Store, Error> {
    init_tls();
    Store::open(&SecretString::from(url), None).await
}

fn one() -> Settlement {
    Settlement {
        record: vec![suite::user("u")],
        ..Settlement::default()
    }
}

mod on_postgres {
    use super::*;

    macro_rules! on_postgres {
        ($($case:ident)*) => {
            $(#[tokio::test]
            async fn $case() {
                let url = Postgres::shared().await.database();
                suite::$case(open(&url).await.unwrap()).await;
            })*
        };
    }
    suite::for_each_case!(on_postgres);
}

mod on_sqlite {
    use super::*;

    macro_rules! on_sqlite {
        ($($case:ident)*) => {
            $(#[tokio::test]
            async fn $case() {
                let folder = temporary_folder();
                let url = format!("sqlite://{}/store.db", folder.path().display());
                suite::$case(open(&url).await.unwrap()).await;
            })*
        };
    }
    suite::for_each_case!(on_sqlite);
}

/// The error of one settlement, in one line.
async fn failure(store: &Store) -> String {
    let error = store.of(&suite::scope("a")).settle(&one()).await.unwrap_err();
    let told = chain(&error);
    assert!(!told.contains(PASSWORD), "{told}");
    told
}

#[tokio::test]
async fn several_replicas_that_start_at_once_make_the_tables_once() {
    let url = Postgres::shared().await.database();
    let opening = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { open(&url).await })
    });
    let stores: Vec<Store> = futures::future::join_all(opening)
        .await
        .into_iter()
        .map(|opened| opened.unwrap().unwrap())
        .collect();
    let scope = suite::scope("a");
    let writing = stores.iter().enumerate().map(|(number, store)| {
        let ledger = Arc::clone(&store.of(&scope));
        async move {
            let settlement = Settlement {
                record: vec![suite::user(&number.to_string()), suite::user("shared")],
                ..Settlement::default()
            };
            ledger.settle(&settlement).await.unwrap();
        }
    });
    futures::future::join_all(writing).await;
    assert_eq!(stores[0].count(&scope).await.unwrap(), 7);
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_database_say_so_without_the_password() {
    let server = Postgres::shared().await;
    let url = server.database();
    let wrong = SecretString::from("store-wrong-password");
    let error = Store::open(&SecretString::from(url.clone()), Some(&wrong))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    let error_text = chain(&error);
    assert!(
        error_text.contains("doesn't accept the user or the password"),
        "{error_text}"
    );
    assert!(!format!("{error:?}{error_text}").contains("password-") && !error_text.contains(PASSWORD));
    // The right one, apart from the URL.
    let bare = url.replace(&format!(":{PASSWORD}"), "");
    let right = SecretString::from(PASSWORD);
    Store::open(&SecretString::from(bare), Some(&right)).await.unwrap();

    let error = open(&server.url("nowhere")).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_has_gone_says_so_and_one_that_is_back_goes_on() {
    let mut server = Postgres::start().await;
    let store = open(&server.database()).await.unwrap();
    store.of(&suite::scope("a")).settle(&one()).await.unwrap();
    server.process().kill();
    let told = failure(&store).await;
    assert!(told.contains("can't be reached"), "{told}");
}

#[tokio::test]
async fn a_database_that_is_read_only_or_newer_says_so() {
    let server = Postgres::shared().await;
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    let store = open(&url).await.unwrap();
    store.close().await;
    let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    server.psql("postgres", &sql).unwrap();
    // Its tables are there and up to date; that nothing can be written shows at the first write.
    match open(&url).await {
        Ok(store) => {
            let told = failure(&store).await;
            assert!(told.contains("is read-only"), "{told}");
        }
        Err(error) => assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}"),
    }
    let sql = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    server.psql("postgres", &sql).unwrap();
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'of tomorrow', now(), true, '', 1)";
    server.psql(name, newer).unwrap();
    for access in [Access::Read, Access::Write] {
        let error = Store::open_for(&SecretString::from(url.clone()), None, access)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Newer { version: 9999, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_dump_holds_everything_and_is_read_back() {
    let server = Postgres::shared().await;
    let url = server.database();
    let store = open(&url).await.unwrap();
    store.of(&suite::scope("a")).settle(&one()).await.unwrap();
    let dump = server.run("pg_dump", &["--dbname", &url]).unwrap();
    let restored = server.database();
    let name = restored.rsplit('/').next().unwrap().to_owned();
    let file = server.folder().join(format!("{name}.sql"));
    std::fs::write(&file, dump).unwrap();
    let file = file.to_str().unwrap();
    let arguments = ["--dbname", &restored, "-v", "ON_ERROR_STOP=1", "-q", "-f", file];
    server.run("psql", &arguments).unwrap();
    let restored = open(&restored).await.unwrap();
    assert_eq!(restored.count(&suite::scope("a")).await.unwrap(), 1);
    restored.of(&suite::scope("a")).settle(&one()).await.unwrap();
}
