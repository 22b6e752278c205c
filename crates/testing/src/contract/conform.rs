//! Responses in the form of an official document: the fake's own data may lack what that requires.

use serde_json::{Map, Value, json};

use super::reference::follow;

/// Schemas lead into themselves; deeper than this nothing is filled in.
const MAX_DEPTH: usize = 16;

/// Adds required fields that are missing, and puts the first value of a closed list in the place of one that it lacks.
pub(super) fn conform(root: &Value, value: &mut Value) {
    walk(root, root, value, MAX_DEPTH);
}

fn walk(root: &Value, schema: &Value, value: &mut Value, depth: usize) {
    let (Some(schema), Some(depth)) = (follow(root, schema).ok(), depth.checked_sub(1)) else { return };
    for part in list(schema, "allOf") {
        walk(root, part, value, depth);
    }
    if let Some(one) = alternative(root, schema).filter(|_| !value.is_null()) {
        walk(root, one, value, depth);
    }
    let values: Vec<&Value> = list(schema, "enum").collect();
    if let Some(first) = values.first().filter(|_| !values.contains(&&*value)) {
        *value = (*first).clone();
    }
    match value {
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    walk(root, schema, item, depth);
                }
            }
        }
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for name in list(schema, "required").filter_map(Value::as_str) {
                if !fields.contains_key(name) {
                    let schema = properties.and_then(|known| known.get(name));
                    let sample = schema.map_or(Value::Null, |schema| sample(root, schema, depth));
                    fields.insert(name.to_owned(), sample);
                }
            }
            for (name, schema) in properties.into_iter().flatten() {
                if let Some(field) = fields.get_mut(name) {
                    walk(root, schema, field, depth);
                }
            }
        }
        _ => {}
    }
}

/// The plainest value of a schema.
fn sample(root: &Value, schema: &Value, depth: usize) -> Value {
    let (Some(schema), Some(depth)) = (follow(root, schema).ok(), depth.checked_sub(1)) else { return Value::Null };
    let given = ["const", "default", "example"].iter().find_map(|name| schema.get(*name));
    if let Some(given) = given.or_else(|| list(schema, "examples").next()).or_else(|| list(schema, "enum").next()) {
        return given.clone();
    }
    let is = |name: &str| match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(all)) => all.iter().any(|one| one == name),
        _ => false,
    };
    let parts: Vec<&Value> = list(schema, "allOf").chain(alternative(root, schema)).collect();
    let mut value = if is("null") {
        return Value::Null;
    } else if is("string") {
        Value::from(match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => "2026-01-01T00:00:00Z",
            Some("date") => "2026-01-01",
            Some("uri" | "url") => "https://onehorizon.ai/",
            Some("email") => "somebody@example.com",
            Some("uuid") => "00000000-0000-4000-8000-000000000000",
            _ => "text",
        })
    } else if is("integer") || is("number") {
        schema.get("minimum").cloned().unwrap_or_else(|| json!(0))
    } else if is("boolean") {
        Value::Bool(false)
    } else if is("array") {
        json!([])
    } else if parts.is_empty() || is("object") {
        Value::Object(Map::new())
    } else {
        parts.iter().fold(Value::Null, |whole, part| match (whole, sample(root, part, depth)) {
            (Value::Object(mut whole), Value::Object(more)) => {
                whole.extend(more);
                Value::Object(whole)
            }
            (_, other) => other,
        })
    };
    walk(root, schema, &mut value, depth);
    value
}

/// The first alternative that is not null.
fn alternative<'v>(root: &'v Value, schema: &'v Value) -> Option<&'v Value> {
    let mut all = list(schema, "oneOf").chain(list(schema, "anyOf"));
    all.find(|part| follow(root, part).is_ok_and(|part| part.get("type").is_none_or(|name| name != "null")))
}

fn list<'v>(schema: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    schema.get(name).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a failing test may panic")]
mod tests {
    use super::*;

    fn conformed(root: &Value, mut value: Value) -> Value {
        conform(root, &mut value);
        value
    }

    #[test]
    fn what_is_required_and_missing_is_filled_in() {
        let root = json!({
            "$ref": "#/components/A",
            "components": {
                "A": { "required": ["kind", "at", "more", "again"], "properties": {
                    "kind": { "enum": ["x", "y"] }, "at": { "type": "string", "format": "date-time" },
                    "more": { "type": "array", "items": { "$ref": "#/components/B" } },
                    "again": { "anyOf": [{ "$ref": "#/components/A" }, { "type": "null" }] } } },
                "B": { "allOf": [{ "required": ["n"], "properties": { "n": { "type": "integer", "minimum": 3 } } }] }
            }
        });
        let value = conformed(&root, json!({ "kind": "z", "more": [{}, { "n": 7 }], "again": null, "extra": 1 }));
        let expected = json!({ "kind": "x", "more": [{ "n": 3 }, { "n": 7 }], "again": null, "extra": 1,
            "at": "2026-01-01T00:00:00Z" });
        assert_eq!(value, expected);
        assert!(conformed(&root, json!({}))["again"]["again"].is_object(), "circles end");
    }
}
