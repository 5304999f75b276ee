//! Fragments of the schema that the derive can't make, and the last touch on what it did make.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// A point in time, as Kubernetes writes it (RFC 3339, whole seconds, UTC).
pub fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// Conditions: a map by type, with the limits of meta/v1, which its own schema in `k8s-openapi` leaves out.
pub fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "description": "What the condition is about.",
                    "type": "string",
                    "maxLength": 316,
                },
                "status": { "description": "True, False or Unknown.", "type": "string", "enum": ["True", "False", "Unknown"] },
                "observedGeneration": {
                    "description": "The metadata.generation that the condition is about.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
                "reason": {
                    "description": "One word for why; docs/reference/conditions.md lists them all and says what to do.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "message": { "description": "Why, in a sentence.", "type": "string", "maxLength": 32768 },
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string",
                    "format": "date-time",
                },
            },
        },
    })
}

/// Makes a derived definition what the API server and its readers want:
///
/// - nothing is `nullable`: an absent field is left out, and the server drops a null by itself;
/// - no `format: uint…`, which the server doesn't know and warns about;
/// - a field whose default is nothing but the defaults of its own fields says `default: {}`, so that each value stands once;
/// - no `title`, and a paragraph of a description is one line, which `kubectl explain` wraps by itself.
pub fn tidy(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            tidy_schema(schema);
        }
    }
    crd
}

fn tidy_schema(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.title = None;
    if schema
        .format
        .as_deref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = None;
    }
    if schema.default.as_ref().is_some_and(|default| default.0.is_null()) {
        schema.default = None;
    }
    if let Some(description) = &mut schema.description {
        *description = unwrap_lines(description);
    }
    for property in schema.properties.iter_mut().flatten().map(|(_, property)| property) {
        tidy_schema(property);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) => tidy_schema(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(tidy_schema),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy_schema(values);
    }
    if let Some(default) = &mut schema.default
        && default.0.is_object()
        && schema
            .properties
            .as_ref()
            .is_some_and(|properties| of_defaults(properties) == default.0)
    {
        default.0 = Value::Object(serde_json::Map::new());
    }
}

/// What `{}` becomes when the server fills in the defaults of these properties.
fn of_defaults(properties: &std::collections::BTreeMap<String, JSONSchemaProps>) -> Value {
    let filled = properties.iter().filter_map(|(name, property)| {
        let default = &property.default.as_ref()?.0;
        let value = match &property.properties {
            Some(inner) if default.as_object().is_some_and(serde_json::Map::is_empty) => of_defaults(inner),
            _ => default.clone(),
        };
        Some((name.clone(), value))
    });
    Value::Object(filled.collect())
}

/// Joins the lines of each paragraph; empty lines and list items begin a new one.
fn unwrap_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.trim().lines().map(str::trim) {
        let starts_anew = line.is_empty() || line.starts_with("- ");
        if !out.is_empty() {
            out.push(if starts_anew || out.ends_with('\n') { '\n' } else { ' ' });
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_becomes_one_line_and_a_list_keeps_its_lines() {
        assert_eq!(unwrap_lines(" a\n b\n\n c\n - d\n - e"), "a b\n\nc\n- d\n- e");
    }
}
