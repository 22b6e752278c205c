//! Whether a response shows a list as a whole: what is not in a part of it may be in the rest.

use serde_json::{Map, Value};

use crate::response::Response;

/// Whether the response has no sign of further pages, and none of a failure beside the list. No such sign is documented; these
/// are the names and headers that services use.
pub(crate) fn is_whole_list<T>(response: &Response<T>, list: &str, shown: usize) -> bool {
    let links = response.header("link").is_some_and(|link| link.to_ascii_lowercase().contains("next"));
    let mut fields: Map<String, Value> = serde_json::from_slice(response.raw()).unwrap_or_default();
    let is_null = fields.remove(list).is_some_and(|list| list.is_null());
    let fails = ["error", "errors"].iter().any(|name| fields.get(*name).is_some_and(is_set));
    !links && !is_null && !fails && !has_more(&Value::Object(fields), shown)
}

fn has_more(value: &Value, shown: usize) -> bool {
    let Value::Object(fields) = value else { return false };
    fields.iter().any(|(name, value)| {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match &*name {
            "hasmore" | "hasnext" | "hasnextpage" | "more" | "truncated" | "istruncated" => is_set(value),
            "total" | "totalcount" | "totalitems" | "count" => value.as_u64().is_some_and(|total| total > shown as u64),
            next if next.starts_with("next") => is_set(value),
            _ => has_more(value, shown),
        }
    })
}

fn is_set(value: &Value) -> bool {
    let is_empty = match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => value == "" || value == 0,
    };
    !is_empty && !matches!(value, Value::Null | Value::Bool(false))
}
