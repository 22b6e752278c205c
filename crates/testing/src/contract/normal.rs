//! The contract as JSON Schema reads it: the `nullable` of OpenAPI 3.0 spelt out, and no request asked for fields that
//! are only read.

use serde_json::{Value, json};

/// Rewrites every schema of a document in place.
pub(crate) fn normalize(document: &mut Value) {
    let old = document.get("openapi").and_then(Value::as_str).is_some_and(|version| version.starts_with("3.0"));
    walk(document, old);
}

fn walk(node: &mut Value, old: bool) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, old)),
        Value::Object(object) => {
            object.iter_mut().filter(|(name, _)| !is_data(name)).for_each(|(_, value)| walk(value, old));
            if old && object.get("nullable") == Some(&Value::Bool(true)) {
                object.remove("nullable");
                *node = json!({ "anyOf": [node.take(), { "type": "null" }] });
                return;
            }
            let read_only = |name: &Value| {
                let field = name.as_str().and_then(|name| object.get("properties")?.get(name));
                field.and_then(|field| field.get("readOnly")) == Some(&Value::Bool(true))
            };
            if let Some(required) = object.get("required").and_then(Value::as_array) {
                let kept: Vec<Value> = required.iter().filter(|name| !read_only(name)).cloned().collect();
                object.insert("required".to_owned(), Value::Array(kept));
            }
        }
        _ => {}
    }
}

/// Examples and the like are no schemas, whatever their fields are called.
fn is_data(name: &str) -> bool {
    matches!(name, "example" | "examples" | "default" | "const" | "enum")
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use super::*;

    #[test]
    fn null_is_allowed_where_version_3_0_says_so() {
        let mut document = json!({ "openapi": "3.0.3", "a": { "type": "string", "nullable": true } });
        normalize(&mut document);
        assert_eq!(document["a"], json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }));
    }

    #[test]
    fn fields_that_are_only_read_are_not_required() {
        let mut document = json!({ "openapi": "3.1.0", "a": { "required": ["id", "title"], "properties": { "id": { "readOnly": true } } } });
        normalize(&mut document);
        assert_eq!(document["a"]["required"], json!(["title"]));
    }

    #[test]
    fn a_field_called_required_is_left_alone() {
        let mut document = json!({ "openapi": "3.0.0", "properties": { "required": { "type": "boolean" }, "nullable": { "type": "boolean" } } });
        let before = document.clone();
        normalize(&mut document);
        assert_eq!(document, before);
    }
}
