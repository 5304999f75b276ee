use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrArray;
use serde_json::json;

use super::*;
use crate::api::{DirectoryConnection, GroupMapping};

/// The smallest good connection.
fn connection() -> Value {
    json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "DirectoryConnection",
        "metadata": { "name": "acme", "namespace": "acme" },
        "spec": {
            "provider": { "ldap": {
                "url": "ldaps://ldap.acme.test",
                "baseDN": "dc=acme,dc=test",
                "auth": { "simple": { "bindDN": "cn=sync", "passwordSecretRef": { "name": "ldap", "key": "password" } } },
            } },
            "platform": { "rest": {
                "url": "https://api.platform.test",
                "auth": { "bearer": { "tokenSecretRef": { "name": "platform", "key": "token" } } },
            } },
        },
    })
}

fn mapping() -> Value {
    json!({
        "apiVersion": "directory-sync.io/v1alpha1",
        "kind": "GroupMapping",
        "metadata": { "name": "sales" },
        "spec": { "connectionRef": { "name": "acme" }, "group": { "name": "sales" } },
    })
}

/// The violations of `object` once `patch` (RFC 7386) is merged into its spec, as text.
fn refusal<K>(mut object: Value, patch: Value) -> String
where
    K: Resource<DynamicType = ()> + DeserializeOwned + std::fmt::Debug,
{
    merge(&mut object["spec"], patch);
    let found = admit::<K>(object).expect_err("the object is bad");
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn merge(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    target.remove(&key);
                } else {
                    merge(target.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch,
    }
}

#[test]
fn a_good_object_comes_back_with_its_defaults() {
    let connection: DirectoryConnection = admit(connection()).unwrap();
    assert_eq!(connection.spec.interval.to_string(), "1h");
    assert_eq!(connection.spec.removals.max_percent, 20);
    let ldap = connection.spec.provider.ldap.unwrap();
    assert_eq!(
        (ldap.page_size, ldap.users.attributes.id.as_str(), ldap.groups.nested),
        (1000, "entryUUID", true)
    );
    let mapping: GroupMapping = admit(mapping()).unwrap();
    assert_eq!(mapping.spec.priority, 100);
}

#[test]
fn filling_in_defaults_gives_what_the_rust_types_give() {
    let filled: DirectoryConnection = admit(connection()).unwrap();
    let typed: DirectoryConnection = serde_json::from_value(connection()).unwrap();
    assert_eq!(filled, typed);
}

#[test]
fn an_unknown_field_is_named_and_a_misspelt_one_corrected() {
    let message = refusal::<DirectoryConnection>(
        connection(),
        json!({ "provider": { "ldap": { "baseDn": "x" } }, "foo": 1 }),
    );
    assert!(message.contains("spec.foo: unknown field"), "{message}");
    assert!(
        message.contains("spec.provider.ldap.baseDn: unknown field; it is written baseDN"),
        "{message}"
    );
}

#[test]
fn structure_is_checked_and_every_violation_is_told() {
    let patch = json!({
        "provider": { "ldap": { "pageSize": 0, "url": 5, "baseDN": null } },
        "interval": "1d",
        "mode": "Dry",
        "protect": { "roles": ["owner", "owner"] },
        "attributes": [{ "name": "a", "value": "x" }, { "name": "a", "value": "y" }],
        "removals": { "maxPercent": 101 },
    });
    let message = refusal::<DirectoryConnection>(connection(), patch);
    for expected in [
        "spec.provider.ldap.pageSize: must be at least 1, not 0",
        "spec.provider.ldap.url: must be string, not integer",
        "spec.provider.ldap.baseDN: is required",
        "spec.interval: \"1d\" should match",
        "spec.mode: \"Dry\" is not one of Apply, Observe",
        "spec.protect.roles[1]: \"owner\" is there twice",
        "spec.attributes[1]: name \"a\" is there twice",
        "spec.removals.maxPercent: must be at most 100, not 101",
    ] {
        assert!(message.contains(expected), "{expected}\nis not in\n{message}");
    }
}

#[test]
fn rules_refuse_with_the_words_of_the_definition() {
    let cases = [
        (
            json!({ "provider": { "ldap": null } }),
            "spec.provider: exactly one provider must be set",
        ),
        (
            json!({ "provider": { "ldap": { "url": "ldap://x" } } }),
            "spec.provider.ldap: tls.mode Required needs an ldaps:// url",
        ),
        (
            json!({ "platform": { "rest": { "url": "http://x" } } }),
            "spec.platform.rest: tls.mode Required needs an https:// url",
        ),
        (
            json!({ "platform": { "rest": { "url": "https://u:p@x" } } }),
            "spec.platform.rest.url: url must be",
        ),
        (
            json!({ "interval": "59s" }),
            "spec.interval: interval must be at least 1m",
        ),
        (
            json!({ "attributes": [{ "name": "EMAIL", "value": "x" }] }),
            "spec.attributes[0].name: id, externalId, email",
        ),
        (
            json!({ "attributes": [{ "name": "x" }] }),
            "spec.attributes[0]: exactly one of value and expression",
        ),
        (
            json!({ "protect": { "roles": ["owner"] }, "defaults": { "role": { "name": "owner" } } }),
            "spec: defaults.role must not be",
        ),
        (
            json!({ "deprovision": { "action": "Delete", "deleteAfterDays": 30 } }),
            "spec.deprovision: deleteAfterDays goes with action Deactivate alone",
        ),
        (
            json!({ "deprovision": { "action": "Keep", "deleteAfterDays": 30 } }),
            "spec.deprovision: deleteAfterDays goes with action Deactivate alone",
        ),
    ];
    for (patch, expected) in cases {
        let message = refusal::<DirectoryConnection>(connection(), patch);
        assert!(
            message.starts_with(expected) && !message.contains('\n'),
            "{expected}\nis not\n{message}"
        );
    }
    let message = refusal::<GroupMapping>(mapping(), json!({ "group": { "name": null, "nameRegex": "team-[" } }));
    assert!(
        message.starts_with("spec.group.nameRegex: nameRegex must be a regular expression"),
        "{message}"
    );
}

#[test]
fn days_until_the_deletion_go_with_the_default_action_and_protected_lists_with_one_administrator() {
    let mut object = connection();
    merge(
        &mut object["spec"],
        json!({ "deprovision": { "deleteAfterDays": 30 }, "protect": { "roles": ["owner"] } }),
    );
    let connection: DirectoryConnection = admit(object).unwrap();
    assert_eq!(connection.spec.deprovision.delete_after_days, Some(30));
    assert_eq!(connection.spec.protect.min_administrators, 1);
}

#[test]
fn the_header_is_checked() {
    let mut object = mapping();
    object["apiVersion"] = "v1".into();
    object["metadata"] = json!({ "name": "../x" });
    let found = admit::<GroupMapping>(object).unwrap_err();
    assert_eq!(
        found.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(),
        ["apiVersion", "metadata.name"]
    );
}

/// Whatever else a schema can say, [`structure`] would silently ignore.
#[test]
fn the_definitions_use_nothing_that_is_not_checked() {
    fn walk(schema: &JSONSchemaProps, path: &str) {
        let known = JSONSchemaProps {
            default: schema.default.clone(),
            description: schema.description.clone(),
            enum_: schema.enum_.clone(),
            format: schema.format.clone(),
            items: schema.items.clone(),
            max_items: schema.max_items,
            max_length: schema.max_length,
            maximum: schema.maximum,
            min_length: schema.min_length,
            minimum: schema.minimum,
            pattern: schema.pattern.clone(),
            properties: schema.properties.clone(),
            required: schema.required.clone(),
            type_: schema.type_.clone(),
            x_kubernetes_list_map_keys: schema.x_kubernetes_list_map_keys.clone(),
            x_kubernetes_list_type: schema.x_kubernetes_list_type.clone(),
            x_kubernetes_map_type: schema.x_kubernetes_map_type.clone(),
            x_kubernetes_validations: schema.x_kubernetes_validations.clone(),
            ..JSONSchemaProps::default()
        };
        assert_eq!(known, *schema, "{path}");
        let type_ = schema.type_.as_deref();
        assert!(
            matches!(type_, Some("object" | "array" | "string" | "integer" | "boolean")),
            "{path}: {type_:?}"
        );
        for (name, property) in schema.properties.iter().flatten() {
            walk(property, &below(path, name));
        }
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
            walk(item, &format!("{path}[]"));
        }
    }
    for (kind, schema) in schemas() {
        walk(schema, kind);
    }
}
