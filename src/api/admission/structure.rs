//! Defaults, and everything that a schema says without CEL. Only what our own definitions use is known here; a test makes sure
//! of that.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray};
use serde_json::{Map, Value};

use super::{Violation, below};
use crate::words::counted;

/// Drops nulls and fills in defaults, as the API server does before it looks at anything else.
pub fn complete(schema: &JSONSchemaProps, value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            for (name, property) in schema.properties.iter().flatten() {
                if let (None, Some(default)) = (object.get(name), &property.default) {
                    object.insert(name.clone(), default.0.clone());
                }
                if let Some(value) = object.get_mut(name) {
                    complete(property, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(item) = item_schema(schema) {
                for value in items {
                    complete(item, value);
                }
            }
        }
        _ => {}
    }
}

/// Adds everything in which `value`, the field at `path`, isn't what the schema says.
pub fn check(schema: &JSONSchemaProps, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let expected = schema.type_.as_deref().unwrap_or("object");
    let fits = match value {
        Value::Object(object) if expected == "object" => {
            check_object(schema, object, path, found);
            true
        }
        Value::Array(items) if expected == "array" => {
            check_array(schema, items, path, found);
            true
        }
        Value::String(text) if expected == "string" => {
            check_text(schema, text, path, found);
            true
        }
        Value::Number(number) if expected == "integer" && number.is_i64() => {
            check_number(schema, number, path, found);
            true
        }
        Value::Bool(_) => expected == "boolean",
        _ => false,
    };
    if !fits {
        found.push(Violation::new(
            path,
            format!("must be {expected}, not {}", type_of(value)),
        ));
    }
}

fn check_object(schema: &JSONSchemaProps, object: &Map<String, Value>, path: &str, found: &mut Vec<Violation>) {
    for name in schema
        .required
        .iter()
        .flatten()
        .filter(|name| !object.contains_key(*name))
    {
        found.push(Violation::new(&below(path, name), "is required"));
    }
    for (name, value) in object {
        let path = below(path, name);
        match schema.properties.as_ref().and_then(|properties| properties.get(name)) {
            Some(property) => check(property, value, &path, found),
            // The root's own fields have no schema.
            None if matches!(path.as_str(), "apiVersion" | "kind" | "metadata") => {}
            None => found.push(Violation::new(&path, unknown(schema, name))),
        }
    }
}

/// The refusal of an unknown field, with the known one that it may be meant to be.
fn unknown(schema: &JSONSchemaProps, name: &str) -> String {
    let mut known = schema.properties.iter().flatten().map(|(known, _)| known);
    match known.find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => format!("unknown field; it is written {known}"),
        None => "unknown field".to_owned(),
    }
}

fn check_array(schema: &JSONSchemaProps, items: &[Value], path: &str, found: &mut Vec<Violation>) {
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if let Some(max) = schema.max_items.filter(|max| count > *max) {
        found.push(Violation::new(
            path,
            format!("has {}; at most {max} allowed", counted(count, "item", "items")),
        ));
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, value) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(key) = unique_key(schema, value)
            && !seen.insert(key.clone())
        {
            found.push(Violation::new(&path, format!("{key} is there twice")));
        }
        if let Some(item) = item_schema(schema) {
            check(item, value, &path, found);
        }
    }
}

/// What must be different in each item of a list that is a set or a map.
fn unique_key(schema: &JSONSchemaProps, value: &Value) -> Option<String> {
    match schema.x_kubernetes_list_type.as_deref()? {
        "set" => Some(value.to_string()),
        "map" => {
            let keys = schema.x_kubernetes_list_map_keys.as_deref().unwrap_or_default();
            Some(
                keys.iter()
                    .map(|key| format!("{key} {}", value[key]))
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        }
        _ => None,
    }
}

fn check_text(schema: &JSONSchemaProps, text: &str, path: &str, found: &mut Vec<Violation>) {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if let Some(options) = &schema.enum_
        && !options.iter().any(|option| option.0 == text)
    {
        let options: Vec<_> = options.iter().filter_map(|option| option.0.as_str()).collect();
        found.push(Violation::new(
            path,
            format!("{text:?} is not one of {}", options.join(", ")),
        ));
    }
    if let Some(max) = schema.max_length.filter(|max| length > *max) {
        found.push(Violation::new(
            path,
            format!(
                "has {}; at most {max} allowed",
                counted(length, "character", "characters")
            ),
        ));
    } else if let Some(min) = schema.min_length.filter(|min| length < *min) {
        found.push(Violation::new(
            path,
            format!(
                "has {}; it needs at least {min}",
                counted(length, "character", "characters")
            ),
        ));
    } else if let Some(pattern) = &schema.pattern
        && !regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
    {
        found.push(Violation::new(path, format!("{text:?} should match {pattern}")));
    }
}

fn check_number(schema: &JSONSchemaProps, number: &serde_json::Number, path: &str, found: &mut Vec<Violation>) {
    let value = number.as_f64().unwrap_or(f64::MAX);
    if let Some(min) = schema.minimum.filter(|min| value < *min) {
        found.push(Violation::new(path, format!("must be at least {min}, not {number}")));
    }
    if let Some(max) = schema.maximum.filter(|max| value > *max) {
        found.push(Violation::new(path, format!("must be at most {max}, not {number}")));
    }
}

fn item_schema(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => Some(item),
        _ => None,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
