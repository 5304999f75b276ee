//! Which connection, which mappings, which files.

use super::world::{MAPPING, PEOPLE, TOKEN, World, people_map, token_secret};

fn in_namespace(text: &str, namespace: &str) -> String {
    text.replace("metadata: { ", &format!("metadata: {{ namespace: {namespace}, "))
}

#[tokio::test]
async fn one_of_several_connections_is_chosen_by_name() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let other = [
        world.connection("globex", "").replace("command-line", "globex"),
        MAPPING.replace("acme }", "globex }"),
    ];
    world.write(
        "company/globex.yaml",
        other.join("---\n").replace("name: staff", "name: others"),
    );
    let told = world.run(&["plan", "-f", &company]).await.code(64);
    assert!(
        told.contains("default/acme, default/globex") && told.contains("--connection"),
        "{told}"
    );
    for name in ["acme", "globex", "default/globex"] {
        let told = world.run(&["plan", "-f", &company, "--connection", name]).await.code(2);
        assert!(
            told.contains(&format!("{}: 9 changes planned", name.trim_start_matches("default/"))),
            "{told}"
        );
    }
    let told = world
        .run(&["plan", "-f", &company, "--connection", "initech"])
        .await
        .code(64);
    assert!(
        told.contains("there is no DirectoryConnection \"initech\"; there is: default/acme"),
        "{told}"
    );
}

#[tokio::test]
async fn one_of_two_connections_of_one_name_is_chosen_by_its_namespace() {
    let world = World::start().await;
    for namespace in ["east", "west"] {
        let people = PEOPLE.replace("ann@", &format!("ann-{namespace}@"));
        let all = [
            world.connection("acme", ""),
            MAPPING.into(),
            people_map(&people),
            token_secret(TOKEN),
        ];
        world.write(
            &format!("both/{namespace}.yaml"),
            in_namespace(&all.join("---\n"), namespace),
        );
    }
    let both = world.path("both").to_str().unwrap().to_owned();
    let told = world.run(&["plan", "-f", &both, "--connection", "acme"]).await.code(64);
    assert!(
        told.contains("east/acme, west/acme") && told.contains("NAMESPACE/NAME"),
        "{told}"
    );
    let told = world
        .run(&["plan", "-f", &both, "--connection", "west/acme"])
        .await
        .code(2);
    assert!(
        told.contains("ann-west@acme.test") && !told.contains("ann-east@"),
        "{told}"
    );
}

#[tokio::test]
async fn a_mapping_of_no_given_connection_is_told() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let strange = in_namespace(&MAPPING.replace("staff", "elsewhere"), "other");
    let unknown = MAPPING.replace("staff", "unknown").replace("acme }", "globex }");
    world.write("company/strange.yaml", format!("{strange}---\n{unknown}"));
    let told = world.run(&["plan", "-f", &company]).await;
    assert_eq!(told.status.code(), Some(2), "{told:?}");
    for mapping in ["GroupMapping other/elsewhere", "GroupMapping default/unknown"] {
        assert!(
            told.stderr.contains(mapping) && !told.stdout.contains(mapping),
            "{told:?}"
        );
    }
    assert!(
        told.stderr
            .contains("DirectoryConnection other/acme, which isn't there"),
        "{told:?}"
    );

    // Nothing is left.
    std::fs::remove_file(world.path("company/mapping.yaml")).unwrap();
    let told = world.run(&["sync", "-f", &company]).await.code(1);
    assert!(
        told.contains("GroupMapping other/elsewhere") && told.contains("no GroupMapping names"),
        "{told}"
    );
}

#[tokio::test]
async fn a_local_file_that_takes_the_place_of_nothing_is_refused() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let file = world.write("people.csv", PEOPLE);
    for wrong in ["compny/people.csv", "company/people"] {
        let replaced = format!("{wrong}={file}");
        for command in ["plan", "check"] {
            let told = world
                .run(&[command, "-f", &company, "--file", &replaced])
                .await
                .code(64);
            assert!(
                told.contains(wrong) && told.contains("company/people.csv, platform/token"),
                "{told}"
            );
        }
    }
    let told = world
        .run(&["plan", "-f", &company, "--file", "company/people.csv=/nonexistent"])
        .await
        .code(1);
    assert!(told.contains("/nonexistent can't be read"), "{told}");
}
