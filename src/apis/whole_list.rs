//! Whether a response shows a list as a whole: what is not in a part of it may be in the rest.

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::models::runtime::RawObject;
use crate::response::Response;

/// Whether the response has no sign of further pages, and none of a failure beside the list. No such sign is documented; these
/// are the names and headers that services use.
pub(crate) fn is_whole_list<T>(response: &Response<T>, list: &str) -> bool {
    let links = response.header("link").is_some_and(|link| link.to_ascii_lowercase().contains("next"));
    let text = String::from_utf8_lossy(response.raw());
    let Ok(fields) = RawObject::parse(text.trim_start_matches('\u{feff}')) else { return false };
    let items = fields.get(list).map_or("[]", RawValue::get);
    let shown = serde_json::from_str(items).map_or(0, |items: Vec<IgnoredAny>| items.len());
    // Each by itself: a number that no machine type holds does not hide the others.
    let beside = fields.iter().filter(|(name, _)| *name != list);
    let mut beside = beside.filter_map(|(name, raw)| Some((name, serde_json::from_str::<Value>(raw.get()).ok()?)));
    let is_sign = |(name, value): (&str, Value)| {
        matches!(name, "error" | "errors") && is_set(&value) || says_more(name, &value, shown)
    };
    !links && items != "null" && !beside.any(is_sign)
}

fn says_more(name: &str, value: &Value, shown: usize) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match &*name {
        "hasmore" | "hasnext" | "hasnextpage" | "more" | "truncated" | "istruncated" => is_set(value),
        "total" | "totalcount" | "totalitems" | "count" => value.as_u64().is_some_and(|total| total > shown as u64),
        next if next.starts_with("next") => is_set(value),
        _ => value.as_object().is_some_and(|fields| fields.iter().any(|(name, value)| says_more(name, value, shown))),
    }
}

fn is_set(value: &Value) -> bool {
    let is_empty = match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => value == "" || value == 0,
    };
    !is_empty && !matches!(value, Value::Null | Value::Bool(false))
}
