//! `plan` and `sync`: what they do, what they print, and how they end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::world::{
    MAPPING, PEOPLE, PROGRAM, TOKEN, World, directory_sync, people_map, scim_connection, server, token_secret,
};
use crate::support::process::Process;

#[tokio::test]
async fn a_plan_is_shown_then_carried_out_and_then_there_is_nothing_to_do() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let planned = world.run(&["plan", "-f", &company]).await.code(2);
    assert!(
        planned.contains("+ create ann@acme.test (1)\n    email: ann@acme.test"),
        "{planned}"
    );
    assert!(planned.contains("acme: 9 changes planned"), "{planned}");
    assert_eq!(world.people().await, [""; 0], "a plan writes nothing");
    let done = world.run(&["sync", "-f", &company]).await.code(0);
    assert!(done.contains("acme: 9 changes done"), "{done}");
    assert_eq!(world.people().await.len(), 4);
    for command in ["sync", "plan"] {
        let nothing = world.run(&[command, "-f", &company]).await.code(0);
        assert_eq!(nothing, "acme: nothing to change\n");
    }
}

#[tokio::test]
async fn a_change_is_shown_with_before_and_after() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    world.run(&["sync", "-f", &company]).await.code(0);
    world.company(&PEOPLE.replace(",Ben\n", ",Benjamin\n"), "");
    let planned = world.run(&["plan", "-f", &company]).await.code(2);
    let expected = "~ update ben@acme.test (2)\n    displayName: Ben → Benjamin\n";
    assert!(planned.starts_with(expected), "{planned}");
}

#[tokio::test]
async fn reports_are_json_and_yaml_with_what_the_documentation_says() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let planned = world.run(&["plan", "-f", &company, "-o", "json"]).await;
    assert_eq!(planned.status.code(), Some(2));
    let report = planned.json();
    assert_eq!(
        (&report["connection"], &report["outcome"]),
        (&json!("acme"), &json!("Observed"))
    );
    assert_eq!(report["plan"]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(report["plan"]["changes"].as_array().unwrap().len(), 9);
    assert_eq!(report["plan"]["changes"][0]["action"], "createTeam");
    assert_eq!(report["plan"]["changes"][1]["action"], "create");
    assert_eq!(
        report["plan"]["changes"][1]["fields"][0],
        json!({ "name": "email", "before": "", "after": "ann@acme.test" })
    );
    assert_eq!(report["plan"]["removals"]["users"], 0);
    for list in ["doubts", "kept", "failures", "mappings"] {
        assert_eq!(report[list], json!([]), "{list}");
    }
    assert_eq!(report["done"]["usersCreated"], 0);

    let done = world.run(&["sync", "-f", &company, "-o", "yaml"]).await;
    assert_eq!(done.status.code(), Some(0));
    let report: Value = serde_saphyr::from_str(&done.stdout).unwrap();
    assert_eq!(
        (&report["outcome"], &report["done"]["usersCreated"]),
        (&json!("Synced"), &json!(4))
    );
}

#[tokio::test]
async fn a_held_plan_is_carried_out_with_its_own_hash_alone() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "removals: { maxPercent: 0 }");
    world.run(&["sync", "-f", &company]).await.code(0);
    world.company(
        &PEOPLE.replace("3,cleo@acme.test,Cleo\n", ""),
        "removals: { maxPercent: 0 }",
    );
    let held = world.run(&["sync", "-f", &company, "-o", "json"]).await;
    assert_eq!(held.status.code(), Some(2), "{held:?}");
    let report = held.json();
    assert_eq!(report["outcome"], "Held");
    let hash = report["plan"]["hash"].as_str().unwrap();
    let told = world.run(&["plan", "-f", &company]).await.code(2);
    assert!(told.contains(&format!("--approve {hash}")), "{told}");

    let wrong = "0".repeat(64);
    world.run(&["sync", "-f", &company, "--approve", &wrong]).await.code(2);
    let short = world
        .run(&["sync", "-f", &company, "--approve", &hash[..12]])
        .await
        .code(64);
    assert!(short.contains("64 hexadecimal digits"), "{short}");
    assert_eq!(world.people().await.len(), 4);
    world.run(&["sync", "-f", &company, "--approve", hash]).await.code(0);
    assert_eq!(
        world.people().await,
        ["ann@acme.test", "ben@acme.test", "dan@acme.test"]
    );
}

#[tokio::test]
async fn a_connection_in_observe_mode_is_not_written_by_sync() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "mode: Observe");
    let observed = world.run(&["sync", "-f", &company]).await.code(2);
    assert!(observed.contains("9 changes planned"), "{observed}");
    assert_eq!(world.people().await, [""; 0]);
}

#[tokio::test]
async fn a_failure_of_one_person_is_named_and_ends_with_one() {
    let world = World::start().await;
    let company = world.company(&format!("{PEOPLE}5,nonsense,Eve\n"), "");
    let told = world.run(&["sync", "-f", &company]).await.code(1);
    assert!(told.contains("✗ user 5: ") && told.contains("(InvalidEmail)"), "{told}");
    assert_eq!(world.people().await.len(), 4, "the others are there");
}

#[tokio::test]
async fn removals_that_wait_for_a_complete_read_end_with_one_and_are_told() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    world.run(&["sync", "-f", &company]).await.code(0);
    // One row has lost its id: it may be Cleo's. Then there is no row at all, and no failure that could be told of it.
    let lost_id = PEOPLE.replace("3,cleo@acme.test", ",cleo@acme.test");
    let nobody = "id,email,displayName\n".to_owned();
    for (people, why, waits) in [
        (lost_id, "line 4", "1 removal waits"),
        (nobody, "nobody at all", "4 removals wait"),
    ] {
        world.company(&people, "");
        for command in ["plan", "sync"] {
            let told = world.run(&[command, "-f", &company]).await.code(1);
            assert!(told.contains(why), "{told}");
            let last = told.lines().last().unwrap();
            let expected = format!("! acme: {waits} until the whole directory can be read");
            assert!(last.starts_with(&expected), "{told}");
        }
    }
    assert_eq!(world.people().await.len(), 4);
}

#[tokio::test]
async fn manifests_come_from_standard_input_from_folders_and_from_lists() {
    let world = World::start().await;
    let folder = world.company(PEOPLE, "");
    world.write("company/README.md", "no manifest");
    world.write(
        "company/other.yml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: other }\n",
    );
    world.write("company/deeper/broken.yaml", "a: [");
    world.run(&["plan", "-f", &folder]).await.code(2);

    let documents = [
        world.connection("acme", ""),
        MAPPING.into(),
        people_map(PEOPLE),
        token_secret(TOKEN),
    ];
    let stream = documents.join("---\n");
    directory_sync(&["plan", "-f", "-"], &stream).await.code(2);

    let items: Vec<Value> = documents
        .iter()
        .map(|text| serde_saphyr::from_str(text).unwrap())
        .collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    directory_sync(&["plan", "-f", "-"], &list.to_string()).await.code(2);

    // Some of it from a file, some from standard input.
    let file = world.write("secret.yaml", token_secret(TOKEN));
    directory_sync(&["plan", "-f", "-", "-f", &file], &documents[..3].join("---\n"))
        .await
        .code(2);
}

#[tokio::test]
async fn a_local_file_takes_the_place_of_a_key() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let others = world.write("others.csv", "id,email\n9,zoe@acme.test\n");
    let replaced = format!("company/people.csv={others}");
    world.run(&["sync", "-f", &company, "--file", &replaced]).await.code(0);
    assert_eq!(world.people().await, ["zoe@acme.test"]);
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_run_when_nobody_reads_the_output() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let code = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = Command::new(PROGRAM)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(writer)
            .status();
        status.unwrap().code()
    };
    for output in ["table", "json", "yaml"] {
        assert_eq!(code(&["plan", "-f", &company, "-o", output]), Some(2), "{output}");
    }
    world.write("company/token.yaml", token_secret("wrong"));
    assert_eq!(code(&["sync", "-f", &company]), Some(1));
    assert_eq!(code(&["check", "-f", &company]), Some(1));
    assert_eq!(code(&["crds"]), Some(0));
}

#[tokio::test]
async fn an_interrupted_read_ends_at_once() {
    let world = World::start().await;
    let (url, requests) = server(Vec::new());
    let manifest = world.write("scim.yaml", scim_connection(&url));
    let mut command = Command::new(PROGRAM);
    command.args(["sync", "-f", &manifest]);
    let mut process = Process::start("sync", &mut command, world.path("").as_path());
    requests.recv_timeout(Duration::from_secs(20)).unwrap();
    let interrupted = Instant::now();
    process.signal("INT");
    let status = process.wait(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(1));
    assert!(
        interrupted.elapsed() < Duration::from_secs(5),
        "{:?}",
        interrupted.elapsed()
    );
    assert_eq!(process.output(), "acme: stopped; nothing was written\n");
}

#[tokio::test]
async fn wrong_usage_ends_with_64() {
    for arguments in [
        &["sync"][..],
        &["synchronize"],
        &["plan", "-f", "x", "-o", "xml"],
        &["plan", "-f", "x", "--file", "people.csv"],
        &["completions", "tcsh"],
        &[],
    ] {
        directory_sync(arguments, "").await.code(64);
    }
    let help = directory_sync(&["sync", "--help"], "").await.code(0);
    let hash = help
        .rsplit("--approve ")
        .next()
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    // What help shows can be typed.
    let told = directory_sync(&["sync", "-f", "/nonexistent", "--approve", hash], "")
        .await
        .code(1);
    assert!(told.contains("/nonexistent can't be read"), "{told}");
    for command in ["controller", "plan", "sync", "check", "crds", "completions"] {
        let help = directory_sync(&[command, "--help"], "").await.code(0);
        assert!(help.contains("Example"), "{command}: {help}");
    }
}

#[tokio::test]
async fn version_and_completions_are_printed() {
    let version = directory_sync(&["version"], "").await.code(0);
    assert_eq!(version, concat!("directory-sync ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(directory_sync(&["--version"], "").await.code(0), version);

    let script = directory_sync(&["completions", "bash"], "").await.code(0);
    let ask = format!(
        "{script}\nCOMP_WORDS=(directory-sync sync --app) COMP_CWORD=2\n\
         _directory__sync directory-sync --app sync; echo \"${{COMPREPLY[@]}}\"\n"
    );
    let completed = crate::support::command::run(std::path::Path::new("bash"), ["-s"], &[], &ask)
        .await
        .success();
    assert_eq!(completed, "--approve\n");
    let zsh = directory_sync(&["completions", "zsh"], "").await.code(0);
    assert!(
        zsh.starts_with("#compdef directory-sync") && zsh.contains("'--approve="),
        "{zsh}"
    );
    let fish = directory_sync(&["completions", "fish"], "").await.code(0);
    assert!(
        fish.contains("complete -c directory-sync") && fish.contains("-l approve"),
        "{fish}"
    );
}
