//! `docs/reference/fields.md`, from the definitions: every field of every kind, as `kubectl explain` has it, on one page.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

/// One row of a table: where a field is, and its schema.
struct Field<'a> {
    path: String,
    required: bool,
    schema: &'a JSONSchemaProps,
}

/// The page, in Markdown.
pub fn render(crds: &[CustomResourceDefinition]) -> String {
    let mut page = String::from(
        "<!-- Generated from src/api by `make generate`: do not edit. -->\n\
         # Fields of the three kinds\n\n\
         All are of `directory-sync.io/v1alpha1` and namespaced. `kubectl explain KIND.FIELD` shows the same text. \
         Durations are written like `1h30m` (units h, m, s and ms; no days); names of Secrets, ConfigMaps and connections are \
         those of objects in the same namespace. What refers to a field by `[]` is in a list.\n",
    );
    for crd in crds {
        let names = &crd.spec.names;
        let short = names
            .short_names
            .iter()
            .flatten()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        // Writing to a String can't fail.
        let _ = write!(page, "\n## {}\n\nShort name: {short}.", names.kind);
        let schema = crd
            .spec
            .versions
            .first()
            .and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
        let Some(schema) = schema else { continue };
        let _ = writeln!(page, " {}", schema.description.as_deref().unwrap_or_default());
        for (part, schema) in schema.properties.iter().flatten() {
            section(&mut page, part, schema);
        }
    }
    page
}

/// A table of one object's fields. Kinds of directory and platform have a table of their own each.
fn section(page: &mut String, path: &str, schema: &JSONSchemaProps) {
    let mut fields = Vec::new();
    let mut apart = Vec::new();
    collect(path, schema, &mut fields, &mut apart);
    let _ = write!(page, "\n### `{path}`\n\n");
    if let Some(description) = &schema.description {
        let _ = writeln!(page, "{}\n", cell(description));
    }
    page.push_str("| field | type | meaning |\n| --- | --- | --- |\n");
    for Field { path, required, schema } in &fields {
        let required = if *required { ", required" } else { "" };
        let description = cell(schema.description.as_deref().unwrap_or_default());
        let _ = writeln!(page, "| `{path}` | {}{required} | {description} |", type_of(schema));
    }
    let root = Field {
        path: path.to_owned(),
        required: true,
        schema,
    };
    let rules: Vec<_> = std::iter::once(&root).chain(&fields).flat_map(rules_of).collect();
    if !rules.is_empty() {
        let _ = writeln!(page, "\nRules:\n\n{}", rules.join("\n"));
    }
    for (path, schema) in apart {
        section(page, &path, schema);
    }
}

/// Adds the fields below an object or a list of objects, depth first, and what gets a table of its own.
fn collect<'a>(
    path: &str,
    schema: &'a JSONSchemaProps,
    fields: &mut Vec<Field<'a>>,
    apart: &mut Vec<(String, &'a JSONSchemaProps)>,
) {
    for (name, property) in schema.properties.iter().flatten() {
        let required = schema.required.iter().flatten().any(|required| required == name);
        let inner = format!("{path}.{name}");
        fields.push(Field {
            path: inner.clone(),
            required,
            schema: property,
        });
        match &property.items {
            _ if matches!(path, "spec.provider" | "spec.platform") => apart.push((inner, property)),
            Some(JSONSchemaPropsOrArray::Schema(item)) => collect(&format!("{inner}[]"), item, fields, apart),
            _ => collect(&inner, property, fields, apart),
        }
    }
}

fn rules_of(Field { path, schema, .. }: &Field<'_>) -> Vec<String> {
    let of = |path: &str, schema: &JSONSchemaProps| -> Vec<String> {
        let messages = schema
            .x_kubernetes_validations
            .iter()
            .flatten()
            .filter_map(|rule| rule.message.as_deref());
        messages.map(|message| format!("- `{path}`: {message}.")).collect()
    };
    let mut rules = of(path, schema);
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        rules.extend(of(&format!("{path}[]"), item));
    }
    rules
}

fn type_of(schema: &JSONSchemaProps) -> String {
    match schema.type_.as_deref() {
        Some("array") => {
            let items = match &schema.items {
                Some(JSONSchemaPropsOrArray::Schema(item)) if item.properties.is_none() => "texts",
                _ => "objects",
            };
            let most = schema
                .max_items
                .map(|max| format!("at most {max} "))
                .unwrap_or_default();
            format!("list of {most}{items}")
        }
        Some("string") => match (&schema.enum_, schema.format.as_deref(), schema.max_length) {
            (Some(options), ..) => options
                .iter()
                .filter_map(|option| option.0.as_str())
                .map(|o| format!("`{o}`"))
                .collect::<Vec<_>>()
                .join(" or "),
            (None, Some("date-time"), _) => "time".to_owned(),
            (None, _, Some(max)) => format!("text, at most {max}"),
            (None, ..) => "text".to_owned(),
        },
        Some("integer") => match (schema.minimum, schema.maximum) {
            (Some(min), Some(max)) => format!("integer, {min} to {max}"),
            _ => "integer".to_owned(),
        },
        other => other.unwrap_or("object").to_owned(),
    }
}

/// Text that fits into a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::api::crds::definitions;

    fn every_field(check: impl Fn(&str, &JSONSchemaProps)) {
        fn walk(path: &str, schema: &JSONSchemaProps, check: &impl Fn(&str, &JSONSchemaProps)) {
            check(path, schema);
            for (name, property) in schema.properties.iter().flatten() {
                walk(&format!("{path}.{name}"), property, check);
            }
            if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
                walk(&format!("{path}[]"), item, check);
            }
        }
        for crd in definitions() {
            let schema = crd.spec.versions[0]
                .schema
                .as_ref()
                .unwrap()
                .open_api_v3_schema
                .as_ref()
                .unwrap();
            walk(&crd.spec.names.kind, schema, &check);
        }
    }

    #[test]
    fn every_field_is_described_in_plain_sentences() {
        every_field(|path, schema| {
            if path.ends_with("[]") {
                return;
            }
            let description = schema
                .description
                .as_deref()
                .unwrap_or_else(|| panic!("{path} has no doc comment"));
            assert!(description.ends_with('.'), "{path}: {description}");
            assert!(
                !description.contains("[`") && !description.contains("Auto-generated"),
                "{path}: {description}"
            );
        });
    }

    #[test]
    fn a_default_is_the_one_that_the_description_names() {
        every_field(|path, schema| {
            let Some(default) = schema.default.as_ref().map(|default| &default.0) else {
                return;
            };
            let expected = match default {
                Value::Object(fields) => {
                    return assert!(fields.is_empty(), "{path}: {default} differs from the fields' own");
                }
                Value::String(text) => text.clone(),
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
                other => other.to_string(),
            };
            let description = schema.description.as_deref().unwrap_or_default();
            let sentence = format!("Default: {expected}");
            assert!(
                description.contains(&sentence),
                "{path}: {description:?} doesn't say {sentence:?}"
            );
        });
    }

    #[test]
    fn every_text_number_and_list_that_people_write_is_bounded() {
        every_field(|path, schema| {
            let bounded = match schema.type_.as_deref() {
                Some("string") => schema.max_length.is_some() || schema.enum_.is_some() || schema.format.is_some(),
                Some("array") => schema.max_items.is_some(),
                Some("integer") if path.contains(".spec.") => schema.minimum.is_some() && schema.maximum.is_some(),
                _ => true,
            };
            assert!(bounded, "{path}");
        });
    }

    #[test]
    fn nothing_has_a_trait_that_the_derive_is_known_for() {
        every_field(|path, schema| {
            assert!(schema.nullable.is_none() && schema.title.is_none(), "{path}");
            assert!(
                schema.one_of.is_none() && schema.any_of.is_none() && schema.all_of.is_none(),
                "{path}"
            );
            assert!(
                schema.max_properties.is_none() && schema.additional_properties.is_none(),
                "{path}"
            );
            let format = schema.format.as_deref();
            assert!(
                matches!(format, None | Some("int32" | "int64" | "date-time")),
                "{path}: {format:?}"
            );
            let in_list = path.contains("[]");
            assert!(
                !in_list || schema.default.is_none(),
                "{path}: a default in a list item is eternal drift for GitOps"
            );
            if schema.type_.as_deref() == Some("array") {
                let set = matches!(schema.x_kubernetes_list_type.as_deref(), Some("set" | "map" | "atomic"));
                assert!(set, "{path} doesn't say how it merges");
            }
            for rule in schema.x_kubernetes_validations.iter().flatten() {
                assert!(
                    rule.message.as_deref().is_some_and(|message| !message.ends_with('.')),
                    "{path}: {}",
                    rule.rule
                );
            }
        });
    }
}
