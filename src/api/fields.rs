//! `docs/reference/fields.md`, from the definitions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// The page, in Markdown.
pub fn render(_crds: &[CustomResourceDefinition]) -> String {
    String::new()
}
