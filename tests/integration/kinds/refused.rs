//! What the kinds refuse, and in which words: the same on the API server and on the command line.

use std::collections::BTreeMap;

use directory_sync::api::{DirectoryConnection, GroupMapping, SyncPlan, admission::admit, crds};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray};
use kube::api::{Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{dynamic, named, object, raw, server_with_kinds, smallest};

/// One case of `bad-specs.yaml` or `bad-changes.yaml`, which say what the fields are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    #[serde(default)]
    before: Value,
    change: Value,
    field: String,
    #[serde(default)]
    message: String,
}

/// The cases of a file, each with its kind.
fn cases(yaml: &str) -> Vec<(String, Case)> {
    let by_kind: BTreeMap<String, Vec<Case>> = serde_saphyr::from_str(yaml).unwrap();
    by_kind
        .into_iter()
        .flat_map(|(kind, cases)| cases.into_iter().map(move |case| (kind.clone(), case)))
        .collect()
}

fn bad_specs() -> Vec<(String, Case)> {
    let mut cases = cases(include_str!("bad-specs.yaml"));
    let case = |what: &str, change, field: &str| {
        let (what, field) = (what.to_owned(), field.to_owned());
        (
            "DirectoryConnection".to_owned(),
            Case {
                what,
                before: Value::Null,
                change,
                field,
                message: String::new(),
            },
        )
    };
    // Too long to write down.
    let many: Vec<_> = (0..65)
        .map(|n| json!({ "name": format!("a{n}"), "value": "x" }))
        .collect();
    cases.push(case(
        "too many attributes",
        json!({ "attributes": many }),
        "spec.attributes",
    ));
    let long = json!({ "scope": { "filterExpression": "1+".repeat(600) } });
    cases.push(case("too long an expression", long, "spec.scope.filterExpression"));
    cases
}

fn bad_changes() -> Vec<(String, Case)> {
    cases(include_str!("bad-changes.yaml"))
}

impl Case {
    #[track_caller]
    fn is_told_by(&self, kind: &str, refusal: &str) {
        let Self {
            what, field, message, ..
        } = self;
        let told = refusal.contains(&format!("{field}: ")) && refusal.contains(message);
        assert!(told, "{kind}, {what}: {field}: {message}\nis not in\n{refusal}");
    }
}

/// What is wrong with an object without an API server.
fn locally(kind: &str, object: Value) -> String {
    let found = match kind {
        "DirectoryConnection" => admit::<DirectoryConnection>(object).err(),
        "GroupMapping" => admit::<GroupMapping>(object).err(),
        _ => admit::<SyncPlan>(object).err(),
    };
    let found: Vec<_> = found.unwrap_or_default().iter().map(ToString::to_string).collect();
    found.join(
        "
",
    )
}

fn dry_run() -> PostParams {
    PostParams {
        dry_run: true,
        ..PostParams::default()
    }
}

#[tokio::test]
async fn each_bad_spec_is_refused_with_our_message_by_the_server_and_without_one() {
    let space = server_with_kinds().await.namespace("refused").await;
    for (kind, case) in bad_specs() {
        let object = object(&kind, &case.change);
        let refusal = raw(&space, &kind).create(&dry_run(), &dynamic(object.clone())).await;
        let refusal = refusal
            .err()
            .unwrap_or_else(|| panic!("{kind}, {}: accepted", case.what));
        case.is_told_by(&kind, &refusal.to_string());
        case.is_told_by(&kind, &locally(&kind, object));
    }
}

#[tokio::test]
async fn each_bad_change_is_refused_with_our_message() {
    let space = server_with_kinds().await.namespace("refused").await;
    let patch = |spec: &Value| Patch::Merge(json!({ "spec": spec }));
    for (index, (kind, case)) in bad_changes().into_iter().enumerate() {
        let (api, name) = (raw(&space, &kind), format!("change-{index}"));
        // A plan is created undecided and decided by a change; the others are created as they are to be.
        let decided = kind == "SyncPlan" && !case.before.is_null();
        let created = if decided {
            smallest(&kind)
        } else {
            object(&kind, &case.before)
        };
        api.create(&PostParams::default(), &dynamic(named(created, &name)))
            .await
            .unwrap();
        if decided {
            api.patch(&name, &PatchParams::default(), &patch(&case.before))
                .await
                .unwrap();
        }
        let refusal = api.patch(&name, &PatchParams::default(), &patch(&case.change)).await;
        let refusal = refusal
            .err()
            .unwrap_or_else(|| panic!("{kind}, {}: accepted", case.what));
        case.is_told_by(&kind, &refusal.to_string());
    }
}

/// What the rules say that no case above can break.
const CREATED_DECIDED: &str = "a plan is created undecided";
const LONG_NAME: &str = "metadata.name must have at most 63 characters";

#[tokio::test]
async fn a_plan_cannot_be_created_decided() {
    let space = server_with_kinds().await.namespace("refused").await;
    let decided = object("SyncPlan", &json!({ "decision": "Approved", "decidedBy": "ann" }));
    let refusal = raw(&space, "SyncPlan")
        .create(&dry_run(), &dynamic(decided))
        .await
        .unwrap_err()
        .to_string();
    assert!(refusal.contains(CREATED_DECIDED), "{refusal}");
}

#[tokio::test]
async fn a_connection_with_a_long_name_is_refused() {
    let space = server_with_kinds().await.namespace("refused").await;
    let long = named(smallest("DirectoryConnection"), &"a".repeat(64));
    let refusal = raw(&space, "DirectoryConnection")
        .create(&dry_run(), &dynamic(long.clone()))
        .await;
    assert!(refusal.unwrap_err().to_string().contains(LONG_NAME));
    assert!(locally("DirectoryConnection", long).contains(LONG_NAME));
}

#[test]
fn every_rule_of_the_definitions_has_a_bad_object() {
    fn messages(schema: &JSONSchemaProps, found: &mut Vec<String>) {
        found.extend(
            schema
                .x_kubernetes_validations
                .iter()
                .flatten()
                .filter_map(|rule| rule.message.clone()),
        );
        for property in schema.properties.iter().flatten().map(|(_, property)| property) {
            messages(property, found);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
            messages(item, found);
        }
    }
    let mut rules = Vec::new();
    for crd in crds::definitions() {
        messages(
            crd.spec.versions[0]
                .schema
                .as_ref()
                .unwrap()
                .open_api_v3_schema
                .as_ref()
                .unwrap(),
            &mut rules,
        );
    }
    assert!(rules.len() > 30, "{rules:?}");
    let mut expected: Vec<_> = bad_specs()
        .into_iter()
        .chain(bad_changes())
        .map(|(_, case)| case.message)
        .collect();
    expected.extend([CREATED_DECIDED.to_owned(), LONG_NAME.to_owned()]);
    expected.retain(|message| !message.is_empty());
    for rule in rules {
        assert!(
            expected.iter().any(|message| rule.contains(message)),
            "no bad object for the rule {rule:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_field_is_named() {
    let space = server_with_kinds().await.namespace("refused").await;
    let object = object(
        "DirectoryConnection",
        &json!({ "provider": { "ldap": { "baseDn": "x" } } }),
    );
    let refusal = space.apply(&object.to_string()).await.failure();
    assert!(refusal.contains("spec.provider.ldap.baseDn"), "{refusal}");
    let locally = locally("DirectoryConnection", object);
    assert!(
        locally.contains("spec.provider.ldap.baseDn: unknown field; it is written baseDN"),
        "{locally}"
    );
}
