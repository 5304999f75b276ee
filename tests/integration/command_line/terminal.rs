//! What is for terminals only, and what text of a directory may do to one.

use super::world::{PEOPLE, World, directory_sync, scim_connection, server};

const COLOUR: &str = "\u{1b}[3";

#[tokio::test]
async fn colours_are_for_terminals_only() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let (shown, code) = world.in_terminal("", &["plan", "-f", &company]).await;
    assert!(
        shown.contains("\u{1b}[32m+\u{1b}[0m create ann@acme.test") && code == Some(2),
        "{shown}"
    );
    let (shown, code) = world.in_terminal("NO_COLOR=1", &["plan", "-f", &company]).await;
    assert!(
        shown.contains("+ create ann@acme.test") && !shown.contains(COLOUR),
        "{shown}"
    );
    assert_eq!(code, Some(2));
    let piped = world.run(&["plan", "-f", &company]).await.code(2);
    assert!(!piped.contains('\u{1b}'), "{piped}");
}

#[tokio::test]
async fn errors_and_log_lines_are_coloured_on_terminals_only_and_not_with_no_color() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let wrong = ["plan", "-f", "/nonexistent"];
    let (shown, _) = world.in_terminal("", &wrong).await;
    assert!(shown.contains("\u{1b}[31merror\u{1b}[0m: "), "{shown}");
    let (shown, _) = world.in_terminal("NO_COLOR=1", &wrong).await;
    assert!(shown.contains("error: ") && !shown.contains('\u{1b}'), "{shown}");
    let piped = directory_sync(&wrong, "").await.code(1);
    assert!(piped.starts_with("error: "), "{piped}");

    let serve = [
        "platform",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        "/nonexistent/x",
        "--token-file",
        "/nonexistent",
    ];
    let logs = ["check", "-f", &company];
    let (shown, _) = world.in_terminal("RUST_LOG=debug", &logs).await;
    assert!(shown.contains("DEBUG") && shown.contains(COLOUR), "{shown}");
    let (shown, _) = world.in_terminal("NO_COLOR=1 RUST_LOG=debug", &logs).await;
    assert!(shown.contains("DEBUG") && !shown.contains('\u{1b}'), "{shown}");
    let (shown, _) = world.in_terminal("NO_COLOR=1", &serve).await;
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test]
async fn progress_is_shown_on_a_terminal_only() {
    let world = World::start().await;
    let (url, _requests) = server(Vec::new());
    let manifest = world.write("scim.yaml", scim_connection(&url));
    let (shown, _) = world
        .in_terminal("timeout --foreground -s INT 2", &["plan", "-f", &manifest])
        .await;
    assert!(shown.contains("reading the directory"), "{shown}");
    let arguments = [
        "--foreground",
        "-s",
        "INT",
        "2",
        super::world::PROGRAM,
        "plan",
        "-f",
        &manifest,
    ];
    let piped = crate::support::command::run(std::path::Path::new("timeout"), arguments, &[], "").await;
    assert_eq!(piped.stderr, "", "{piped:?}");
    assert_eq!(piped.stdout, "acme: stopped; nothing was written\n");
}

#[tokio::test]
async fn text_of_the_directory_cannot_steer_a_terminal() {
    let world = World::start().await;
    let hostile = "Eve\u{1b}[2K\u{1b}[1A\u{9b}2K\u{202e}";
    let people = format!("{PEOPLE}5,eve@acme.test,\"{hostile}\"\n");
    let file = world.write("people.csv", &people);
    let company = world.company(PEOPLE, "");
    let replaced = format!("company/people.csv={file}");
    for arguments in [
        &["plan", "-f", &company, "--file", &replaced][..],
        &["check", "-f", &company, "--file", &replaced, "--user", "eve@acme.test"],
    ] {
        let finished = world.run(arguments).await;
        let told = finished.stdout + &finished.stderr;
        assert!(
            told.contains("displayName: Eve\\u{1b}[2K\\u{1b}[1A\\u{9b}2K\\u{202e}"),
            "{told:?}"
        );
        assert!(!told.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{told:?}");
    }
}
