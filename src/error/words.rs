//! What a refusal says about itself, in the forms that services and proxies use.
//!
//! The documented form is `{"code": 429, "message": "…"}`. Read as well: the same under `error`; `error` and
//! `error_description` (OAuth); `detail` and `title` (problem details); `message`, `detail` or `errors` as lists of
//! strings or objects; maps from fields to messages; plain text.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::FieldError;
use crate::redact::{REDACTED, Redactor, is_secret_name};

/// Larger values are not looked into for fields: reading them would take a multiple of their size.
const LARGEST: usize = 64 * 1024;

/// So many messages are shown and kept.
const MOST_MESSAGES: usize = 20;

/// What a body says, as it was written: secrets are still in it.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) fields: Vec<FieldError>,
    /// Whether `code` and `message` stand where the service documents them.
    pub(crate) is_documented_form: bool,
}

/// What a body may have in it beside words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Data that may be shown.
    Open,
    /// Secrets that the service has made: only what stands where words are documented is shown.
    Secrets,
}

/// Reads the words of a body; what it cannot read is left out.
pub(crate) fn read(body: &[u8], content: Content) -> Words {
    let body = without_bom(body);
    let Ok(found) = serde_json::from_slice::<Fields>(body) else { return Words::default() };
    let nested = found.error.as_ref().and_then(|error| serde_json::from_str::<Fields>(error.get()).ok());
    let is_documented_form = found.code.as_deref().is_some_and(|code| code.get().parse::<u16>().is_ok())
        && found.message.as_deref().is_some_and(|message| message.get().starts_with('"'));
    let nested = nested.unwrap_or_default();

    let code = found.code.as_deref().or(nested.code.as_deref()).and_then(|code| match code.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Some(code.get().to_owned()),
        _ => string(code),
    });
    // The first of these that says anything.
    let places = [&found.message, &nested.message, &found.description, &nested.description, &found.detail];
    let mut messages = Vec::new();
    let mut fields = Vec::new();
    for place in places.into_iter().flatten() {
        if messages.is_empty() && fields.is_empty() && (content == Content::Open || !place.get().starts_with('{')) {
            gather(place, &mut messages, &mut fields);
        }
    }
    for errors in [&found.errors, &nested.errors].into_iter().flatten() {
        gather(errors, &mut messages, &mut fields);
    }
    if messages.is_empty() && fields.is_empty() {
        let last = [&found.error, &found.reason, &found.title];
        messages.extend(last.into_iter().flatten().find_map(|text| string(text)));
    }
    if messages.is_empty()
        && fields.is_empty()
        && !found.is_known()
        && content == Content::Open
        && body.len() <= LARGEST
    {
        fields = serde_json::from_slice(body).map(|map| field_map(&map)).unwrap_or_default();
    }
    messages.dedup();
    fields.dedup();
    if content == Content::Secrets {
        // No secret has blanks in it.
        fields.retain(|field| field.message.trim().contains(' '));
    }
    let by_field = fields.iter().map(|error| format!("{}: {}", error.field, error.message));
    let message = messages.into_iter().chain(by_field).collect::<Vec<_>>().join("; ");
    Words { code, message: Some(message).filter(|message| !message.is_empty()), fields, is_documented_form }
}

/// The message of a body, if it has one.
pub(crate) fn message_of(body: &[u8], content: Content) -> Option<String> {
    read(body, content).message
}

/// The JSON without the mark that some writers put before it.
pub(crate) fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Words for a response that gives none of its own: an empty body, a page of a proxy, an unknown form.
pub(super) fn describe(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    content: Content,
    redactor: &Redactor,
) -> String {
    redactor.own_line(&described(status, headers, body, content, &|outside| redactor.line(outside)))
}

/// `clean` takes the secrets out of what comes from outside.
fn described(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    content: Content,
    clean: &dyn Fn(&str) -> String,
) -> String {
    let reason = status.canonical_reason().unwrap_or("an unknown status");
    let header = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let media_type = header(http::header::CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or(value).trim());
    if let Some(location) = header(http::header::LOCATION).filter(|_| status.is_redirection()) {
        return match url::Url::parse(location).ok().as_ref().and_then(url::Url::host_str) {
            // The host alone: the rest of an address may hold what opens it.
            Some(host) => format!("{reason}, to the host {}", clean(host)),
            None => format!("{reason}, to another path of the same host"),
        };
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return format!("{reason}, without a body");
    }
    if let Some(encoding) = foreign_encoding(headers) {
        return format!("{reason}, with {}", encoded_words(&clean(encoding)));
    }
    let size = body.len();
    if content == Content::Secrets {
        return format!("{reason}, with a body of {size} bytes that is not shown, since a secret may be in it");
    }
    match std::str::from_utf8(without_bom(body)) {
        Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            format!("{reason}, with the body {}", excerpt(&clean(text)))
        }
        Ok(text) if is_plain_text(headers, text) => excerpt(&clean(text)),
        _ => {
            let media_type = media_type.map_or_else(|| "no media type".to_owned(), clean);
            format!("{reason}, with a body of {size} bytes that is not the service's JSON ({media_type})")
        }
    }
}

fn is_plain_text(headers: &HeaderMap, text: &str) -> bool {
    let media_type = headers.get(http::header::CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    media_type.is_none_or(|kind| kind.starts_with(b"text/plain")) && !text.trim_start().starts_with('<')
}

/// The encoding of a body that the transport did not undo.
pub(crate) fn foreign_encoding(headers: &HeaderMap) -> Option<&str> {
    let encoding = headers.get(http::header::CONTENT_ENCODING)?.to_str().unwrap_or("unknown").trim();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

/// What to say of a body in an encoding that was not undone; the encoding is one line without secrets.
pub(crate) fn encoded_words(encoding: &str) -> String {
    let way_out = if encoding.eq_ignore_ascii_case("gzip") && !cfg!(feature = "gzip") {
        ": enable the feature `gzip` to read it"
    } else {
        ""
    };
    format!("a body that is encoded ({encoding}), which was not asked for{way_out}")
}

fn excerpt(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut shown: String = text.trim().chars().take(SHOWN).collect();
    if shown.len() < text.trim().len() {
        shown.push('…');
    }
    shown
}

/// Adds the messages in a value: a string, a list of strings or objects, or a map from fields to messages.
fn gather(raw: &RawValue, messages: &mut Vec<String>, fields: &mut Vec<FieldError>) {
    if raw.get().len() > LARGEST {
        return;
    }
    match serde_json::from_str(raw.get()) {
        Ok(Value::String(text)) => messages.extend(said(&text)),
        Ok(Value::Array(items)) => {
            for item in items.iter().take(MOST_MESSAGES) {
                match item {
                    Value::String(text) => messages.extend(said(text)),
                    Value::Object(item) => match (field_of(item), text_of(item)) {
                        (Some(field), Some(message)) => fields.push(FieldError { field, message }),
                        (None, Some(message)) => messages.push(message),
                        (_, None) => fields.extend(field_map(item)),
                    },
                    _ => {}
                }
            }
        }
        Ok(Value::Object(map)) => fields.extend(field_map(&map)),
        _ => {}
    }
}

type Map = serde_json::Map<String, Value>;

/// `{"title": ["is too long"], "kind": "is unknown"}`.
fn field_map(map: &Map) -> Vec<FieldError> {
    let mut fields = Vec::new();
    for (field, value) in map {
        if is_secret_name(field) {
            let is_said = !matches!(value, Value::Null | Value::Bool(_));
            fields.extend(is_said.then(|| FieldError { field: field.clone(), message: REDACTED.to_owned() }));
            continue;
        }
        let values = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let message = match value {
                Value::String(text) => said(text),
                Value::Object(item) => text_of(item),
                _ => None,
            };
            fields.extend(message.map(|message| FieldError { field: field.clone(), message }));
        }
    }
    // In the order of names: `serde_json` keeps the order of the text only with a feature.
    fields.sort_by(|one, other| one.field.cmp(&other.field));
    fields.truncate(MOST_MESSAGES);
    fields
}

/// The message of one of several errors.
fn text_of(item: &Map) -> Option<String> {
    ["message", "detail", "msg", "reason", "title", "description", "error", "code"]
        .iter()
        .find_map(|name| item.get(*name).and_then(Value::as_str).and_then(said))
}

/// The field of one of several errors: a name, a path of names, or a JSON pointer.
fn field_of(item: &Map) -> Option<String> {
    let names = ["field", "path", "loc", "param", "parameter", "property", "pointer", "name", "attribute", "key"];
    let source = item.get("source").and_then(Value::as_object);
    let found = names.iter().find_map(|name| item.get(*name)).or_else(|| {
        source.and_then(|source| ["pointer", "parameter", "header"].iter().find_map(|name| source.get(*name)))
    })?;
    match found {
        Value::String(text) => said(text),
        Value::Array(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .filter_map(|part| part.as_str().map(str::to_owned).or_else(|| part.as_u64().map(|n| n.to_string())))
                .collect();
            said(&parts.join("."))
        }
        _ => None,
    }
}

fn said(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(raw.get()).ok().and_then(|text| said(&text))
}

/// The fields that are read; all others are skipped, so that a flood of them takes no memory.
///
/// Values stay as they were written, so that a number no machine type holds does not hide the rest.
#[derive(Default)]
struct Fields {
    code: Option<Box<RawValue>>,
    message: Option<Box<RawValue>>,
    description: Option<Box<RawValue>>,
    detail: Option<Box<RawValue>>,
    title: Option<Box<RawValue>>,
    reason: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
    errors: Option<Box<RawValue>>,
}

impl Fields {
    fn is_known(&self) -> bool {
        [&self.code, &self.message, &self.description, &self.detail, &self.error, &self.errors]
            .into_iter()
            .any(Option::is_some)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut found = Fields::default();
                while let Some(name) = map.next_key::<String>()? {
                    let field = match name.as_str() {
                        "code" => &mut found.code,
                        "message" | "msg" => &mut found.message,
                        "error_description" | "description" => &mut found.description,
                        "detail" | "details" => &mut found.detail,
                        "title" => &mut found.title,
                        "reason" => &mut found.reason,
                        "error" => &mut found.error,
                        "errors" => &mut found.errors,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *field = Some(map.next_value()?);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(V)
    }
}
