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
    let account = &report["person"]["account"];
    assert_eq!(
        account["state"],
        "is deactivated by the next sync: no longer in the directory"
    );
}

#[tokio::test]
async fn a_deactivated_person_is_explained_since_when_why_and_when_he_is_deleted() {
    let world = World::start().await;
    let spec = "deprovision: { deleteAfterDays: 30 }\nremovals: { maxPercent: 100 }\n";
    let company = world.company(PEOPLE, spec);
    world.run(&["sync", "-f", &company]).await.code(0);
    world.company(&PEOPLE.replace("3,cleo@acme.test,Cleo\n", ""), spec);
    world.run(&["sync", "-f", &company]).await.code(0);

    let asked = ["check", "-f", &company, "--user", "cleo@acme.test"];
    let told = world.run(&asked).await.code(1);
    for part in [
        "cleo@acme.test (3)",
        "account: deactivated by this connection at 20",
        "no longer in the directory; is deleted by the first sync after 20",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let json = async || {
        let arguments = [asked.as_slice(), &["-o", "json"]].concat();
        world.run(&arguments).await.json()["person"]["account"].clone()
    };
    let account = json().await;
    let time = |field: &str| account[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let rest = time("deletionTime").duration_since(time("deactivatedTime"));
    assert_eq!(rest, jiff::SignedDuration::from_hours(30 * 24));
    assert_eq!(account["cause"], "no longer in the directory");
    let marks = world.platform("users").await;
    let cleo = marks.iter().find(|user| user["email"] == "cleo@acme.test").unwrap();
    assert_eq!(cleo["mark"]["deactivatedTime"], account["deactivatedTime"]);

    // Where nobody asked for it, he is never deleted; where everybody is, the next sync does it.
    world.company(
        &PEOPLE.replace("3,cleo@acme.test,Cleo\n", ""),
        "removals: { maxPercent: 100 }\n",
    );
    let kept = json().await;
    assert!(kept["state"].as_str().unwrap().contains("is never deleted"), "{kept}");
    assert!(kept["deletionTime"].is_null(), "{kept}");
    let spec = spec.replace("deleteAfterDays: 30", "action: Delete");
    world.company(&PEOPLE.replace("3,cleo@acme.test,Cleo\n", ""), &spec);
    let due = json().await;
    assert!(
        due["state"].as_str().unwrap().ends_with("is deleted by the next sync"),
        "{due}"
    );
    world.run(&["sync", "-f", &company]).await.code(0);
    let left = world.platform("users").await;
    assert!(left.iter().all(|user| user["email"] != "cleo@acme.test"), "{left:?}");
}

#[tokio::test]
async fn whom_somebody_deactivated_by_hand_is_told_so() {
    let world = World::start().await;
    let company = world.company(PEOPLE, "");
    world.run(&["sync", "-f", &company]).await.code(0);
    world.change("ann@acme.test", "{\"active\":false}").await;
    let told = world
        .run(&["check", "-f", &company, "--user", "ann@acme.test"])
        .await
        .code(0);
    assert!(
        told.contains("account: deactivated on the platform, not by this connection"),
        "{told}"
    );
}

#[tokio::test]
async fn a_deactivation_that_the_mark_forgets_because_somebody_undid_it_is_in_the_plan() {
    let world = World::start().await;
    let spec = "removals: { maxPercent: 100 }\n";
    let company = world.company(PEOPLE, spec);
    world.run(&["sync", "-f", &company]).await.code(0);
    let left = PEOPLE.replace("3,cleo@acme.test,Cleo\n", "");
    world.company(&left, spec);
    world.run(&["sync", "-f", &company]).await.code(0);
    world.change("cleo@acme.test", "{\"active\":true}").await;
    // Deactivated once more he would be told as that; kept, it is the mark alone that changes.
    world.company(&left, &format!("{spec}deprovision: {{ action: Keep }}\n"));
    let told = world.run(&["plan", "-f", &company]).await.code(2);
    let change = "~ update cleo@acme.test (3): activated by somebody since it was deactivated";
    assert!(told.contains(change), "{told}");
    world.run(&["sync", "-f", &company]).await.code(0);
    let again = world.run(&["plan", "-f", &company]).await.code(0);
    assert!(!again.contains("cleo"), "{again}");
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
