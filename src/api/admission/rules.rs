//! The CEL rules of the definitions. They are our own and known at build time; only the values are somebody else's.

use cel::{Context, Program, Value as CelValue, to_value};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, ValidationRule,
};
use serde_json::Value;

use super::{Violation, below};

/// Adds every rule that `value`, the field at `path`, or anything in it breaks.
pub fn check(schema: &JSONSchemaProps, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let rules = schema.x_kubernetes_validations.iter().flatten();
    for rule in rules.filter(|rule| !rule.rule.contains("oldSelf")) {
        if let Some(message) = broken(rule, value) {
            found.push(Violation::new(path, message));
        }
    }
    match value {
        Value::Object(object) => {
            for (name, property) in schema.properties.iter().flatten() {
                if let Some(value) = object.get(name) {
                    check(property, value, &below(path, name), found);
                }
            }
        }
        Value::Array(items) => {
            if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
                for (index, value) in items.iter().enumerate() {
                    check(item, value, &format!("{path}[{index}]"), found);
                }
            }
        }
        _ => {}
    }
}

/// The message of the rule, if it doesn't hold. A rule that can't be evaluated doesn't hold either.
fn broken(rule: &ValidationRule, value: &Value) -> Option<String> {
    let message = || {
        rule.message
            .clone()
            .unwrap_or_else(|| format!("failed rule: {}", rule.rule))
    };
    let outcome = to_value(value).map_err(|error| error.to_string()).and_then(|value| {
        let program = Program::compile(&rule.rule).map_err(|error| error.to_string())?;
        let mut context = Context::default();
        context.add_variable_from_value("self", value);
        program.execute(&context).map_err(|error| error.to_string())
    });
    match outcome {
        Ok(CelValue::Bool(true)) => None,
        Ok(_) => Some(message()),
        Err(error) => Some(format!("{}: {error}", message())),
    }
}
