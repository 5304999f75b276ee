//! Manifests that can't be used: what is wrong is said, and no secret with it.

use super::world::{MAPPING, PEOPLE, TOKEN, World, directory_sync, people_map, scim_connection, server, token_secret};

/// A secret that is a number as well.
const NUMBER: &str = "1234567890123";

#[tokio::test]
async fn a_broken_secret_or_config_map_is_refused_and_not_shown() {
    let header = |kind: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{ name: platform }}\n");
    let secret = "hunter2-hunter2";
    for (kind, body, expected) in [
        (
            "Secret",
            format!("stringData:\n  token: \"{secret}\n  other: {secret}\n"),
            "line ",
        ),
        (
            "Secret",
            format!("stringData:\n  token: {secret}\n   more: {secret}\n"),
            "line ",
        ),
        ("Secret", format!("stringData: {{ token: *{secret} }}\n"), "line 4"),
        (
            "Secret",
            format!("stringData: {{ token: !{secret} {secret}, a: [ }}\n"),
            "line ",
        ),
        (
            "Secret",
            format!("stringData: {{ token: \"\\q{secret}\" }}\n"),
            "line 4",
        ),
        (
            "Secret",
            format!("stringData: {{ {secret}: 1, {secret}: 2 }}\n"),
            "line 4",
        ),
        (
            "Secret",
            format!("stringData: {{ token: {NUMBER} }}\n"),
            "stringData.token: must be a string, not a number",
        ),
        (
            "Secret",
            format!("stringData: {{ token: [{secret}] }}\n"),
            "stringData.token: must be a string, not a list",
        ),
        (
            "Secret",
            format!("stringData: {secret}\n"),
            "stringData: must be an object",
        ),
        (
            "Secret",
            format!("data: {secret}\n"),
            "data: must be an object, not a string",
        ),
        (
            "Secret",
            format!("data: {{ token: \"{secret}!\" }}\n"),
            "data.token: must be base64",
        ),
        (
            "Secret",
            format!("data: {{ token: {NUMBER} }}\n"),
            "data.token: must be a string, not a number",
        ),
        (
            "ConfigMap",
            format!("data: {{ token: {NUMBER} }}\n"),
            "data.token: must be a string, not a number",
        ),
        (
            "ConfigMap",
            format!("binaryData: {{ token: \"{secret}!\" }}\n"),
            "binaryData.token: must be base64",
        ),
        ("ConfigMap", format!("data:\n  token: \"{secret}\n"), "line "),
        (
            "List",
            format!("items: [{{ kind: Secret, stringData: {{ token: {secret} }}\n"),
            "line ",
        ),
        (
            "List",
            format!(
                "items: [{{ apiVersion: v1, kind: Secret, metadata: {{ name: p }}, stringData: {{ t: {NUMBER} }} }}]\n"
            ),
            "stringData.t: must be a string",
        ),
    ] {
        for before in ["", "# a comment\n---\n"] {
            let text = format!("{before}{}{body}", header(kind));
            let told = directory_sync(&["plan", "-f", "-"], &text).await.code(1);
            assert!(!told.contains("hunter2") && !told.contains(NUMBER), "{text}\n{told}");
            assert!(told.contains("standard input"), "{text}\n{told}");
            assert!(before != "" || told.contains(expected), "{text}\n{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_manifest_is_said_with_its_place() {
    let world = World::start().await;
    let connection = world.connection("acme", "");
    for (text, expected) in [
        (connection.replace("scope:", "scoope:"), "spec.scoope: unknown field"),
        (
            world.connection("acme", "interval: [1]"),
            "spec.interval: must be string, not array",
        ),
        (world.connection("acme", "interval: 1s"), "spec.interval"),
        (
            format!("{connection}---\n{connection}"),
            "DirectoryConnection \"acme\" is there twice",
        ),
        (format!("{connection}---\na: [\n"), "document 2: line 14: "),
        (
            connection.replace("kind: DirectoryConnection", "kin: x"),
            "it has no kind",
        ),
        (MAPPING.to_owned(), "there is no DirectoryConnection"),
        (
            connection.clone(),
            "no GroupMapping names DirectoryConnection default/acme",
        ),
        (
            format!("{connection}---\n{MAPPING}"),
            "ConfigMap \"company\" doesn't exist in namespace \"default\"",
        ),
        (
            format!(
                "{connection}---\n{MAPPING}---\n{}",
                people_map(PEOPLE).replace("people.csv", "x")
            ),
            "has no key \"people.csv\"; it has: x",
        ),
    ] {
        let file = world.write("broken.yaml", &text);
        let told = world.run(&["plan", "-f", &file]).await.code(1);
        assert!(told.contains(expected), "{expected}\n{told}");
    }
}

#[tokio::test]
async fn a_bad_document_is_named_with_its_key_and_line() {
    let world = World::start().await;
    for (people, expected) in [
        (
            "id,email\n1,ann@acme.test,x\n",
            "line 2: it has 3 fields, and the header row has 2: give it as many",
        ),
        (
            "id,email\n1,\"ann@acme.test\n",
            "ConfigMap default/company, key people.csv: a quote that is opened in line 2",
        ),
        ("name,email\nann,ann@acme.test\n", "no column id"),
    ] {
        let company = world.company(people, "");
        for command in ["plan", "check"] {
            let told = world.run(&[command, "-f", &company]).await.code(1);
            assert!(told.contains(expected), "{expected}\n{told}");
            assert!(told.contains("ConfigMap default/company, key people.csv"), "{told}");
        }
    }
    let company = world.company(PEOPLE, "");
    let latin = world.write("latin.csv", b"id,email,displayName\n1,ann@acme.test,Ren\xe9\n");
    let replaced = format!("company/people.csv={latin}");
    let told = world.run(&["plan", "-f", &company, "--file", &replaced]).await.code(1);
    let expected =
        "line 2: column displayName is not UTF-8; save the file as UTF-8 (ConfigMap default/company, key people.csv)";
    assert!(told.contains(expected), "{told}");
}

#[tokio::test]
async fn a_refused_credential_is_named_with_its_field() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    world.write("company/token.yaml", token_secret("wrong-wrong"));
    for command in ["plan", "sync", "check"] {
        let told = world.run(&[command, "-f", &company]).await.code(1);
        let expected = "answered 401";
        assert!(told.contains(expected) && !told.contains("wrong-wrong"), "{told}");
        let place = "key \"token\" of Secret \"platform\" (spec.platform.rest.auth.bearer.tokenSecretRef)";
        assert!(told.contains(place), "{command}: {told}");
    }
    let (url, _requests) = server(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".into());
    let manifest = world.write("scim.yaml", scim_connection(&url));
    for command in ["plan", "check"] {
        let told = world.run(&[command, "-f", &manifest]).await.code(1);
        let place = "key \"token\" of Secret \"directory\" (spec.provider.scim.auth.bearer.tokenSecretRef)";
        assert!(told.contains(place) && !told.contains(TOKEN), "{command}: {told}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_large_is_told_with_the_field_that_makes_it_smaller() {
    let world = World::start().await;
    let mut answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: 31457280\r\n\r\n".to_vec();
    answer.resize(answer.len() + (30 << 20), b' ');
    let (url, _requests) = server(answer);
    let manifest = world.write("scim.yaml", scim_connection(&url));
    let told = world.run(&["plan", "-f", &manifest]).await.code(1);
    assert!(
        told.contains("sent more than 16777216 bytes") && told.contains("spec.provider.scim.pageSize"),
        "{told}"
    );

    let manifests = [
        super::world::connection("acme", &url, ""),
        MAPPING.into(),
        people_map(PEOPLE),
        token_secret(TOKEN),
    ];
    let manifest = world.write("rest.yaml", manifests.join("---\n"));
    let told = world.run(&["plan", "-f", &manifest]).await.code(1);
    assert!(
        told.contains("sent more than 16777216 bytes") && told.contains("limits.pageSize"),
        "{told}"
    );
}
