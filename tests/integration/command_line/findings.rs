//! `check`: what it tries, and how it explains a person.

use serde_json::json;

use super::world::{PEOPLE, World};

#[tokio::test]
async fn a_good_connection_passes() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let told = world.run(&["check", "-f", &company]).await.code(0);
    for line in [
        "✓ read the people: 4 people",
        "✓ sign in to the platform",
        "✓ mapping staff: ",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(!told.contains('✗'), "{told}");
    assert_eq!(world.people().await, [""; 0], "a check writes nothing");
    let report = world.run(&["check", "-f", &company, "-o", "json"]).await.json();
    assert_eq!(
        (&report["connection"], &report["findings"][0]["ok"]),
        (&json!("acme"), &json!(true))
    );
}

#[tokio::test]
async fn a_person_is_explained() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    let told = world
        .run(&["check", "-f", &company, "--user", "ANN@acme.test"])
        .await
        .code(0);
    for line in [
        "ann@acme.test (1)",
        "in scope",
        "mappings: staff",
        "+ create ann@acme.test (1)",
        "+ add ann@acme.test (1) to team Staff",
    ] {
        assert!(told.contains(line), "{told}");
    }
    assert!(!told.contains("ben@acme.test"), "{told}");
    let told = world
        .run(&["check", "-f", &company, "--user", "nobody@acme.test"])
        .await
        .code(1);
    assert!(told.contains("the directory has nobody with this address"), "{told}");

    // Somebody who has left the directory is found by what would become of him.
    world.run(&["sync", "-f", &company]).await.code(0);
    world.company(&PEOPLE.replace("3,cleo@acme.test,Cleo\n", ""), "");
    let told = world
        .run(&["check", "-f", &company, "--user", "cleo@acme.test", "-o", "yaml"])
        .await;
    assert_eq!(told.status.code(), Some(1));
    let report: serde_json::Value = serde_saphyr::from_str(&told.stdout).unwrap();
    let changes = report["person"]["changes"].as_array().unwrap();
    let actions: Vec<_> = changes
        .iter()
        .map(|change| change["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["leave", "deactivate"], "{report}");
}

#[tokio::test]
async fn everything_that_is_missing_is_named_and_the_other_end_is_tried() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    std::fs::remove_file(world.path("company/token.yaml")).unwrap();
    let told = world.run(&["check", "-f", &company]).await.code(1);
    let missing =
        "✗ connect the platform: spec.platform.rest.auth.bearer.tokenSecretRef: Secret \"platform\" doesn't exist";
    assert!(
        told.contains(missing) && told.contains("✓ read the people: 4 people"),
        "{told}"
    );
    std::fs::remove_file(world.path("company/people.yaml")).unwrap();
    let told = world.run(&["check", "-f", &company]).await.code(1);
    assert!(
        told.contains(missing) && told.contains("ConfigMap \"company\" doesn't exist"),
        "{told}"
    );
    let told = world.run(&["check", "-f", &company, "-o", "json"]).await.json();
    assert_eq!(told["findings"].as_array().unwrap().len(), 2);
}
