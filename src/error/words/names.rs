//! The names under which frameworks write messages, fields and lists of errors.

use serde_json::Value;

/// So many messages are shown and kept.
pub(super) const MOST: usize = 20;

pub(super) type Map = serde_json::Map<String, Value>;

/// Text that says something.
pub(super) fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A name as it is compared: `error_message`, `Error-Message` and `errorMessage` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(40).collect()
}

/// Names (plain) of lists and maps of several errors.
pub(super) fn is_list_of_errors(name: &str) -> bool {
    matches!(
        name,
        "errors"
            | "violations"
            | "issues"
            | "invalidparams"
            | "invalidparameters"
            | "invalidfields"
            | "fielderrors"
            | "fieldviolations"
            | "formerrors"
            | "validationerrors"
            | "modelstate"
            | "errormessages"
            | "failures"
            | "problems"
            | "children"
    )
}

/// Names of fields of the response itself, whose values are no errors of fields.
pub(super) fn is_about_the_response(name: &str) -> bool {
    matches!(
        plain(name).as_str(),
        "status"
            | "statustext"
            | "statuscode"
            | "httpstatus"
            | "success"
            | "ok"
            | "type"
            | "timestamp"
            | "time"
            | "date"
            | "path"
            | "url"
            | "method"
            | "instance"
            | "name"
            | "requestid"
            | "traceid"
            | "server"
            | "service"
            | "version"
            | "hint"
            | "help"
            | "documentation"
    )
}

/// Whether an object is the error of a field, not a map of further fields.
pub(super) fn has_message(map: &Map) -> bool {
    has_name(map, &["message", "msg", "errormessage", "detail", "reason", "description", "error", "code"])
}

pub(super) fn has_name(map: &Map, names: &[&str]) -> bool {
    map.iter().any(|(name, value)| value.is_string() && names.contains(&plain(name).as_str()))
}

/// The first of these names that has a value of use.
fn first<T>(map: &Map, names: &[&str], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    names
        .iter()
        .find_map(|wanted| map.iter().find(|(name, _)| plain(name) == *wanted).and_then(|(_, value)| read(value)))
}

/// The message of one of several errors.
pub(super) fn text_of(item: &Map) -> Option<String> {
    const NAMES: [&str; 11] = [
        "message",
        "messages",
        "detail",
        "msg",
        "errormessage",
        "reason",
        "title",
        "description",
        "errordescription",
        "error",
        "code",
    ];
    let strings = |value: &Value| match value {
        Value::String(text) => said(text),
        Value::Array(items) => {
            let strings: Vec<String> = items.iter().take(MOST).filter_map(Value::as_str).filter_map(said).collect();
            said(&strings.join("; "))
        }
        _ => None,
    };
    // `{"property": "title", "constraints": {"isNotEmpty": "must not be empty"}}`
    let constraints = |value: &Value| {
        let strings: Vec<String> = value.as_object()?.values().filter_map(Value::as_str).filter_map(said).collect();
        said(&strings.join("; "))
    };
    first(item, &NAMES, strings).or_else(|| first(item, &["constraints"], constraints))
}

/// The field of one of several errors: a name, a path of names, or a JSON pointer.
pub(super) fn field_of(item: &Map) -> Option<String> {
    const NAMES: [&str; 17] = [
        "field",
        "fieldname",
        "path",
        "propertypath",
        "instancepath",
        "datapath",
        "loc",
        "location",
        "param",
        "parameter",
        "property",
        "propertyname",
        "pointer",
        "target",
        "attribute",
        "name",
        "key",
    ];
    let name = |value: &Value| match value {
        // The name of an error's type is not a field.
        Value::String(text) if text.ends_with("Error") || text.ends_with("Exception") => None,
        Value::String(text) => said(text),
        Value::Array(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .filter_map(|part| part.as_str().map(str::to_owned).or_else(|| part.as_u64().map(|n| n.to_string())))
                .collect();
            said(&parts.join("."))
        }
        _ => None,
    };
    let source = |value: &Value| first(value.as_object()?, &["pointer", "parameter", "header"], name);
    first(item, &NAMES, name).or_else(|| first(item, &["source"], source))
}
