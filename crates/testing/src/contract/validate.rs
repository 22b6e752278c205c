//! Validates requests against the contract.

use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::contract::schema::Schema;
use crate::contract::{Body, Kind, Operation, Parameter, Place};
use crate::record::Record;
use crate::service::reply::{self, Refused};

/// Deeper JSON than this is refused before it is looked at.
const MAX_DEPTH: usize = 100;

/// More violations than this are not listed.
const MAX_LISTED: usize = 20;

/// One thing in a request that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Where in the request: `body`, `query`, `path` or `header`.
    pub place: &'static str,
    /// The JSON path in the body (`$.contributors[0].type`) or the parameter's name (`status[1]`).
    pub path: String,
    /// What is wrong, without the value that is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.place, self.path, self.message)
    }
}

impl Violation {
    pub(crate) fn new(place: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place, path: path.into(), message: message.into() }
    }

    pub(crate) fn body(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new("body", path, message)
    }
}

/// The response to a request that violates the contract.
pub(crate) fn refusal(status: StatusCode, violations: &[Violation]) -> Refused {
    let first =
        violations.first().map(|violation| format!(": {} {}: {}", violation.place, violation.path, violation.message));
    let message = format!("the request is not what the API allows{}", first.unwrap_or_default());
    let details: Vec<Record> = violations
        .iter()
        .map(|violation| {
            Record::new().with("in", violation.place).with("path", &violation.path).with("message", &violation.message)
        })
        .collect();
    let body = reply::error_body(status, &message).with("details", &details);
    Box::new(reply::json(status, &body))
}

/// The parts of a request that the contract speaks of.
pub(crate) struct Parts<'r> {
    pub(crate) path: &'r [(String, String)],
    pub(crate) query: &'r [(String, String)],
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
}

/// Every violation, with the status of the response.
pub(crate) fn check(operation: &Operation, parts: &Parts<'_>) -> Result<(), (StatusCode, Vec<Violation>)> {
    if let Some(violation) = check_media_type(operation.body.as_ref(), parts) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![violation]));
    }
    let mut violations = Vec::new();
    for parameter in &operation.parameters {
        check_parameter(parameter, parts, &mut violations);
    }
    let known = |name: &str| {
        operation.parameters.iter().any(|parameter| parameter.place == Place::Query && parameter.name == name)
    };
    for (name, _) in parts.query.iter().filter(|(name, _)| !known(name)) {
        violations.push(Violation::new("query", name, "is not a parameter of this operation"));
    }
    match &operation.body {
        Some(body) if !parts.body.is_empty() => check_body(body, parts, &mut violations),
        Some(body) if body.required => violations.push(Violation::body("$", "is required")),
        None if !parts.body.is_empty() => {
            violations.push(Violation::body("$", "this operation takes no body"));
        }
        Some(_) | None => {}
    }
    if violations.is_empty() {
        return Ok(());
    }
    violations.truncate(MAX_LISTED);
    // The validator's order depends on the features of other crates.
    violations.sort_by(|one, other| one.path.cmp(&other.path));
    Err((StatusCode::UNPROCESSABLE_ENTITY, violations))
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

fn check_media_type(body: Option<&Body>, parts: &Parts<'_>) -> Option<Violation> {
    let body = body.filter(|_| !parts.body.is_empty())?;
    let sent = media_type(parts.headers);
    if body.media.iter().any(|(allowed, _)| sent.as_ref() == Some(allowed)) {
        return None;
    }
    let allowed: Vec<&str> = body.media.iter().map(|(allowed, _)| allowed.as_str()).collect();
    Some(Violation::new("header", "content-type", format!("must be {}", allowed.join(" or "))))
}

fn check_parameter(parameter: &Parameter, parts: &Parts<'_>, violations: &mut Vec<Violation>) {
    let (place, values) = match parameter.place {
        Place::Path => ("path", values(parts.path, &parameter.name)),
        Place::Query => ("query", values(parts.query, &parameter.name)),
        Place::Header => {
            let values = parts.headers.get_all(&parameter.name).iter();
            ("header", values.filter_map(|value| value.to_str().ok()).collect())
        }
    };
    let name = &parameter.name;
    let Some(first) = values.first() else {
        if parameter.required {
            violations.push(Violation::new(place, name, "is required"));
        }
        return;
    };
    let value = if let Kind::List(item) = &parameter.kind {
        let items: Vec<&str> = if parameter.explode { values } else { first.split(',').collect() };
        Value::Array(items.into_iter().map(|text| to_json(item, text)).collect())
    } else {
        if values.len() > 1 {
            violations.push(Violation::new(place, name, "is given more than once"));
            return;
        }
        to_json(&parameter.kind, first)
    };
    check_value(&parameter.schema, &value, place, name, violations);
}

fn values<'r>(pairs: &'r [(String, String)], name: &str) -> Vec<&'r str> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}

/// A parameter's text as the JSON value its schema speaks of; text that does not fit stays text,
/// so that the schema refuses it.
fn to_json(kind: &Kind, text: &str) -> Value {
    let value = match kind {
        Kind::Boolean => text.parse().ok().map(Value::Bool),
        Kind::Number => text.parse::<Number>().ok().map(Value::Number),
        Kind::Text | Kind::List(_) => None,
    };
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn check_body(body: &Body, parts: &Parts<'_>, violations: &mut Vec<Violation>) {
    // Forms and files are taken as they come.
    if !media_type(parts.headers).is_some_and(|sent| sent.ends_with("json")) {
        return;
    }
    let value = match read(parts.body) {
        Ok(value) => value,
        Err(problem) => {
            violations.push(Violation::body("$", problem));
            return;
        }
    };
    let sent = media_type(parts.headers);
    for (_, schema) in body.media.iter().filter(|(allowed, _)| sent.as_ref() == Some(allowed)) {
        check_value(schema, &value, "body", "$", violations);
    }
}

fn check_value(schema: &Schema, value: &Value, place: &'static str, root: &str, violations: &mut Vec<Violation>) {
    schema.check(value, root, |path, message| violations.push(Violation::new(place, path, message)));
}

/// Reads a body for the schema check; numbers beyond `f64` become its largest value.
fn read(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "is not valid UTF-8".to_owned())?;
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| format!("is not valid JSON: {error}"))?;
    tolerant(raw, MAX_DEPTH)
}

fn tolerant(raw: &RawValue, depth: usize) -> Result<Value, String> {
    let depth = depth.checked_sub(1).ok_or("is nested too deeply")?;
    let text = raw.get();
    let problem = |error: serde_json::Error| format!("is not valid JSON: {error}");
    match text.as_bytes().first() {
        Some(b'{') => {
            let record = Record::parse(text).map_err(problem)?;
            record.values().map(|(name, value)| Ok((name.to_owned(), tolerant(value, depth)?))).collect()
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(problem)?;
            items.into_iter().map(|item| tolerant(item, depth)).collect()
        }
        Some(b'-' | b'0'..=b'9') => {
            let limit = if text.starts_with('-') { f64::MIN } else { f64::MAX };
            Ok(serde_json::from_str(text)
                .unwrap_or_else(|_| Number::from_f64(limit).map_or(Value::Null, Value::Number)))
        }
        _ => serde_json::from_str(text).map_err(problem),
    }
}
