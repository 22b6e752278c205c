//! The contract as JSON Schema reads it: the `nullable` of OpenAPI 3.0 spelt out, and no request asked for fields that
//! are only read.

use serde_json::{Map, Value, json};

use super::reference::follow;

/// Rewrites every schema of a document in place.
pub(crate) fn normalize(document: &mut Value) {
    let old = document.get("openapi").and_then(Value::as_str).is_some_and(|version| version.starts_with("3.0"));
    let root = document.clone();
    walk(document, old, &root, &[]);
}

/// `elsewhere` are the fields that are only read by what the schemas beside this one in an `allOf` say.
fn walk(node: &mut Value, old: bool, root: &Value, elsewhere: &[String]) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, old, root, &[])),
        Value::Object(object) => {
            let mut read_only = elsewhere.to_vec();
            only_read(root, object, MAX_DEPTH, &mut read_only);
            for (name, value) in object.iter_mut().filter(|(name, _)| !is_data(name)) {
                match value {
                    Value::Array(parts) if name == "allOf" => {
                        for part in parts {
                            walk(part, old, root, &read_only);
                        }
                    }
                    other => walk(other, old, root, &[]),
                }
            }
            if let Some(required) = object.get("required").and_then(Value::as_array) {
                let is_kept =
                    |name: &&Value| !name.as_str().is_some_and(|name| read_only.iter().any(|one| one == name));
                let kept: Vec<Value> = required.iter().filter(is_kept).cloned().collect();
                object.insert("required".to_owned(), Value::Array(kept));
            }
            if old {
                exclusive(object, "minimum", "exclusiveMinimum");
                exclusive(object, "maximum", "exclusiveMaximum");
            }
            if old && object.get("nullable") == Some(&Value::Bool(true)) {
                object.remove("nullable");
                *node = json!({ "anyOf": [node.take(), { "type": "null" }] });
            }
        }
        _ => {}
    }
}

/// Schemas lead into themselves; what is deeper than this is not looked at.
const MAX_DEPTH: usize = 16;

/// The fields of an object schema that are only read, with those of its parts.
fn only_read(root: &Value, object: &Map<String, Value>, depth: usize, found: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for (name, field) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if is_read_only(root, field, depth) {
            found.push(name.clone());
        }
    }
    for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Some(part) = target(root, part) {
            only_read(root, part, depth, found);
        }
    }
}

fn is_read_only(root: &Value, field: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let flag = |object: &Map<String, Value>| object.get("readOnly") == Some(&Value::Bool(true));
    field.as_object().is_some_and(flag)
        || target(root, field).is_some_and(|target| {
            let parts = target.get("allOf").and_then(Value::as_array);
            flag(target) || parts.is_some_and(|parts| parts.iter().any(|part| is_read_only(root, part, depth)))
        })
}

/// The object that a schema is, with its references followed.
fn target<'v>(root: &'v Value, schema: &'v Value) -> Option<&'v Map<String, Value>> {
    follow(root, schema).ok()?.as_object()
}

/// A limit that version 3.0 writes as two fields is one.
fn exclusive(object: &mut Map<String, Value>, limit: &str, flag: &str) {
    if let Some(Value::Bool(exclusive)) = object.get(flag) {
        let moved = *exclusive;
        object.remove(flag);
        if moved && let Some(value) = object.remove(limit) {
            object.insert(flag.to_owned(), value);
        }
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
    fn fields_that_are_only_read_are_not_required_wherever_that_is_said() {
        let part =
            json!({ "properties": { "id": { "$ref": "#/ids/Id" }, "at": { "allOf": [{ "$ref": "#/ids/Id" }] } } });
        let mut document = json!({
            "openapi": "3.1.0", "ids": { "Id": { "type": "string", "readOnly": true } }, "base": part,
            "a": { "allOf": [{ "$ref": "#/base" }, { "required": ["id", "title", "at"] }] },
            "b": { "allOf": [{ "$ref": "#/base" }], "required": ["id", "title"] },
        });
        normalize(&mut document);
        assert_eq!(document["a"]["allOf"][1]["required"], json!(["title"]));
        assert_eq!(document["b"]["required"], json!(["title"]));
    }

    #[test]
    fn limits_of_version_3_0_that_exclude_their_value_are_those_of_json_schema() {
        let mut document = json!({ "openapi": "3.0.3", "a": { "minimum": 0, "exclusiveMinimum": true },
            "b": { "maximum": 5, "exclusiveMaximum": false } });
        normalize(&mut document);
        assert_eq!((&document["a"], &document["b"]), (&json!({ "exclusiveMinimum": 0 }), &json!({ "maximum": 5 })));
    }

    #[test]
    fn a_field_called_required_is_left_alone() {
        let mut document = json!({ "openapi": "3.0.0", "properties": { "required": { "type": "boolean" }, "nullable": { "type": "boolean" } } });
        let before = document.clone();
        normalize(&mut document);
        assert_eq!(document, before);
    }
}
