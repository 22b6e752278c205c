//! Whether a response shows a list as a whole: what is not in a part of it may be in the rest.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

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
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    // Each by itself: a number that no machine type holds does not hide the others.
    let beside = fields.iter().filter(|(name, _)| *name != list);
    let mut beside = beside.filter_map(|(name, raw)| Some((name, serde_json::from_str::<Value>(raw.get()).ok()?)));
    let is_sign = |(name, value): (&str, Value)| is_failure(name) && is_set(&value) || says_more(name, &value, shown);
    !links && items != "null" && !beside.any(is_sign)
}

fn is_failure(name: &str) -> bool {
    matches!(name, "error" | "errors" | "warning" | "warnings" | "failures")
}

/// Whether a field beside a list of so many items says that there are more. In doubt it does: what is looked for may be there.
fn says_more(name: &str, value: &Value, shown: u64) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let is_above = |limit: u64| number.is_some_and(|number| number > limit);
    let by_itself = match &*name {
        // `{"rel": "next", "href": …}`
        "rel" => value == "next",
        "hasmore" | "more" | "moreavailable" | "truncated" | "istruncated" | "partial" | "ispartial" | "incomplete"
        | "cursor" | "marker" | "lastevaluatedkey" => is_set(value),
        "complete" | "iscomplete" | "last" | "islast" | "islastpage" | "done" => *value == Value::Bool(false),
        "page" | "pagenumber" | "currentpage" | "pages" | "pagecount" | "numpages" | "totalpages" | "lastpage" => {
            is_above(1) || *value == Value::Bool(false)
        }
        "offset" | "skip" | "remaining" => is_above(0),
        // A page that is full may have another behind it.
        "limit" | "perpage" | "pagesize" | "size" | "maxresults" => shown > 0 && number.is_some() && !is_above(shown),
        "count" | "numfound" => is_above(shown),
        total if total.starts_with("total") => is_above(shown),
        more => (more.contains("next") || more.contains("continuation")) && is_set(value),
    };
    let inside = |fields: &Map<String, Value>| fields.iter().any(|(name, value)| says_more(name, value, shown));
    by_itself
        || match value {
            Value::Object(fields) => inside(fields),
            Value::Array(items) => items.iter().filter_map(Value::as_object).any(inside),
            _ => false,
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
