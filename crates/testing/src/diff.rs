//! Differences between JSON values, one line each.

use serde_json::Value;

/// Longer values are cut in a difference.
const SHOWN: usize = 120;

/// What of `expected` is not so in `got`; fields that only `got` has do not count, items of lists do.
pub(crate) fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("$", expected, got, &mut found);
    found
}

fn compare(path: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(wanted), Value::Object(given)) => {
            // By name: another crate of the build may switch on `serde_json`'s own order of fields.
            let mut wanted: Vec<_> = wanted.iter().collect();
            wanted.sort_by_key(|(name, _)| *name);
            for (name, value) in wanted {
                let path = format!("{path}.{name}");
                match given.get(name) {
                    Some(given) => compare(&path, value, given, found),
                    None => found.push(format!("{path}: expected {}, missing", short(value))),
                }
            }
        }
        (Value::Array(wanted), Value::Array(given)) => {
            for (index, (value, given)) in wanted.iter().zip(given).enumerate() {
                compare(&format!("{path}[{index}]"), value, given, found);
            }
            if wanted.len() != given.len() {
                found.push(format!("{path}: expected {} items, got {}", wanted.len(), given.len()));
            }
        }
        _ if expected == got => {}
        _ => found.push(format!("{path}: expected {}, got {}", short(expected), short(got))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::differences;
    use serde_json::json;

    #[test]
    fn each_difference_names_its_path_and_both_values() {
        let expected = json!({ "title": "a", "tags": ["x", "y"], "owner": { "id": 1 }, "gone": null });
        let got = json!({ "title": "b", "tags": ["x"], "owner": { "id": 1, "more": true } });
        let found = differences(&expected, &got);
        assert_eq!(
            found,
            ["$.gone: expected null, missing", "$.tags: expected 2 items, got 1", "$.title: expected \"a\", got \"b\"",]
        );
    }

    #[test]
    fn what_only_the_other_has_is_no_difference() {
        assert!(differences(&json!({}), &json!({ "a": 1 })).is_empty());
        assert!(!differences(&json!([]), &json!([1])).is_empty());
    }
}
