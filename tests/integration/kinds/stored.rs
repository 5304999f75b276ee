//! What is accepted, and what the API server stores of it.

use std::path::{Path, PathBuf};

use directory_sync::api::{DirectoryConnection, GroupMapping, admission::admit};
use directory_sync::resolve::rules;
use directory_sync_model::rules::GroupSelector;
use kube::Resource;
use kube::api::PostParams;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{dynamic, merge, named, object, raw, repository, server_with_kinds, smallest};
use crate::support::apiserver::Namespace;

/// The folders of `examples/`.
fn example_folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join("examples")).unwrap();
    let folders: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    assert!(folders.len() >= 5, "{folders:?}");
    folders
}

/// Everything that a YAML folder holds.
fn documents(folder: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let texts = files
        .iter()
        .filter(|file| file.extension().is_some_and(|ext| ext == "yaml"));
    texts
        .flat_map(|file| serde_saphyr::from_multiple::<Value>(&std::fs::read_to_string(file).unwrap()).unwrap())
        .collect()
}

/// What the server stored is what the command line makes of the same YAML: the same defaults, and nothing dropped.
async fn stored_as_meant<K>(space: &Namespace<'_>, document: &Value)
where
    K: Resource<DynamicType = ()> + DeserializeOwned + serde::Serialize,
{
    let name = document["metadata"]["name"].as_str().unwrap();
    let stored = raw(space, &K::kind(&())).get(name).await.unwrap();
    let typed: K = admit(document.clone()).unwrap_or_else(|found| panic!("{name}: {found:?}"));
    let meant = serde_json::to_value(&typed).unwrap();
    assert_eq!(stored.data["spec"], meant["spec"], "{} {name}", K::kind(&()));
}

#[tokio::test]
async fn each_example_is_accepted_and_stored_as_meant() {
    let server = server_with_kinds().await;
    for folder in example_folders() {
        let space = server.namespace("example").await;
        space
            .kubectl(&["apply", "--server-side", "-f", folder.to_str().unwrap()])
            .await
            .success();
        let documents = documents(&folder);
        for document in &documents {
            match document["kind"].as_str().unwrap() {
                "DirectoryConnection" => stored_as_meant::<DirectoryConnection>(&space, document).await,
                "GroupMapping" => stored_as_meant::<GroupMapping>(&space, document).await,
                kind => assert!(matches!(kind, "Secret" | "ConfigMap"), "{kind}"),
            }
        }
        // An example is whole: what its connection refers to is in it.
        for document in documents
            .iter()
            .filter(|document| document["kind"] == "DirectoryConnection")
        {
            let connection: DirectoryConnection = serde_json::from_value(document.clone()).unwrap();
            for key in connection.references() {
                let holder = documents.iter().find(|other| {
                    other["kind"] == key.kind.to_string() && other["metadata"]["name"] == key.name.as_str()
                });
                let data = holder.map(|holder| [&holder["data"][key.key], &holder["stringData"][key.key]]);
                let found = data.is_some_and(|data| data.iter().any(|value| value.is_string()));
                assert!(found, "{}: {} is missing: {key}", folder.display(), key.field);
            }
        }
    }
}

#[test]
fn the_expressions_of_each_example_can_be_used() {
    for folder in example_folders() {
        let documents = documents(&folder);
        let of_kind = |kind: &'static str| {
            documents
                .iter()
                .filter(move |document| document["kind"] == kind)
                .cloned()
        };
        let mappings: Vec<GroupMapping> = of_kind("GroupMapping")
            .map(|document| admit(document).unwrap())
            .collect();
        for document in of_kind("DirectoryConnection") {
            let connection: DirectoryConnection = admit(document).unwrap();
            let rules = rules(&connection, &mappings).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            assert!(!rules.mappings.is_empty(), "{}", folder.display());
            for mapping in rules.mappings {
                if let GroupSelector::Invalid(message) = mapping.group {
                    panic!("{}: {}: {message}", folder.display(), mapping.name);
                }
            }
        }
    }
}

#[tokio::test]
async fn the_smallest_connection_is_stored_with_every_default() {
    let space = server_with_kinds().await.namespace("defaults").await;
    let stored = raw(&space, "DirectoryConnection")
        .create(&PostParams::default(), &dynamic(smallest("DirectoryConnection")))
        .await
        .unwrap();
    let mut expected = smallest("DirectoryConnection")["spec"].clone();
    let http = json!({
        "tls": { "mode": "Required" },
        "timeouts": { "connect": "10s", "request": "1m" },
        "limits": { "concurrentRequests": 8 },
    });
    merge(
        &mut expected,
        &json!({
            "provider": { "ldap": {
                "tls": { "mode": "Required" },
                "timeouts": { "connect": "10s", "request": "1m" },
                "pageSize": 1000,
                "users": {
                    "filter": "(objectClass=inetOrgPerson)",
                    "disabled": { "attribute": "nsAccountLock", "values": ["true"] },
                    "attributes": {
                        "id": "entryUUID", "userName": "uid", "email": "mail", "givenName": "givenName",
                        "familyName": "sn", "displayName": "displayName", "department": "departmentNumber",
                        "organization": "o", "title": "title", "employeeNumber": "employeeNumber",
                        "employeeType": "employeeType", "manager": "manager", "phone": "telephoneNumber",
                        "mobile": "mobile", "office": "physicalDeliveryOfficeName", "locale": "preferredLanguage",
                    },
                },
                "groups": {
                    "filter": "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
                    "attributes": { "id": "entryUUID", "name": "cn", "description": "description" },
                    "members": { "dnAttributes": ["member", "uniqueMember"], "userNameAttributes": ["memberUid"] },
                    "nested": true,
                },
            } },
            "platform": { "rest": http },
            "mode": "Apply",
            "suspend": false,
            "interval": "1h",
            "scope": { "users": "MappedGroups" },
            "adoption": { "match": "Email" },
            "deprovision": { "action": "Deactivate" },
            "removals": { "maxPercent": 20, "minPopulation": 20, "approvalTTL": "72h" },
            "deletionPolicy": "Orphan",
        }),
    );
    assert_eq!(stored.data["spec"], expected);
}

#[tokio::test]
async fn the_smallest_scim_and_file_connections_and_mapping_are_stored_with_every_default() {
    let space = server_with_kinds().await.namespace("defaults").await;
    let auth = json!({ "bearer": { "tokenSecretRef": { "name": "idp", "key": "token" } } });
    let scim = json!({ "provider": { "ldap": null, "scim": { "url": "https://idp.acme.test/scim", "auth": auth } } });
    let file = json!({ "provider": { "ldap": null, "file": { "people": { "configMapKeyRef": { "name": "c", "key": "k" } } } } });
    let provider = async |name: &str, patch: &Value| {
        let object = named(object("DirectoryConnection", patch), name);
        let api = raw(&space, "DirectoryConnection");
        api.create(&PostParams::default(), &dynamic(object)).await.unwrap().data["spec"]["provider"].clone()
    };
    let defaults = json!({
        "url": "https://idp.acme.test/scim", "auth": auth, "tls": { "mode": "Required" }, "paging": "Auto", "pageSize": 200,
        "limits": { "concurrentRequests": 8 }, "timeouts": { "connect": "10s", "request": "1m" },
    });
    assert_eq!(provider("scim", &scim).await, json!({ "scim": defaults }));
    let people = json!({ "configMapKeyRef": { "name": "c", "key": "k" }, "format": "Auto" });
    assert_eq!(provider("file", &file).await, json!({ "file": { "people": people } }));
    let mapping = object("GroupMapping", &json!({ "team": { "name": "Sales" } }));
    let mapping = raw(&space, "GroupMapping")
        .create(&PostParams::default(), &dynamic(mapping))
        .await
        .unwrap();
    let expected = json!({
        "connectionRef": { "name": "acme" }, "group": { "name": "sales" }, "team": { "name": "Sales", "create": false },
        "priority": 100, "suspend": false,
    });
    assert_eq!(mapping.data["spec"], expected);
}

#[tokio::test]
async fn applying_an_unchanged_manifest_changes_nothing() {
    let server = server_with_kinds().await;
    for folder in example_folders() {
        let space = server.namespace("unchanged").await;
        let apply = ["apply", "--server-side", "-f", folder.to_str().unwrap()];
        let versions = async || {
            let columns = "jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion} {end}";
            space
                .kubectl(&["get", "directoryconnections,groupmappings", "-o", columns])
                .await
                .success()
        };
        space.kubectl(&apply).await.success();
        let before = versions().await;
        space.kubectl(&apply).await.success();
        assert_eq!(versions().await, before);
    }
}

#[tokio::test]
async fn a_null_is_as_good_as_an_absent_field() {
    let space = server_with_kinds().await.namespace("nulls").await;
    let mut object = smallest("GroupMapping");
    object["spec"]["team"] = Value::Null;
    object["spec"]["priority"] = Value::Null;
    let stored = raw(&space, "GroupMapping")
        .create(&PostParams::default(), &dynamic(object))
        .await
        .unwrap();
    let mut expected = smallest("GroupMapping")["spec"].clone();
    merge(&mut expected, &json!({ "priority": 100, "suspend": false }));
    assert_eq!(stored.data["spec"], expected);
}
