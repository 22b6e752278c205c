//! The `CloudEvents` attributes around the data.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::members::Members;
use super::missing;
use crate::webhook::error::WebhookError;
use crate::webhook::media_type;

/// The attributes that the official receivers demand, in their order, and `data`.
pub(super) struct Envelope<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) kind: Cow<'a, str>,
    pub(super) source: Cow<'a, str>,
    pub(super) time: Cow<'a, str>,
    pub(super) workspace_id: Cow<'a, str>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) data: &'a RawValue,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, WebhookError> {
        let members = Members::parse(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => WebhookError::NotAnObject,
            _ => WebhookError::Json { line: error.line(), column: error.column() },
        })?;
        let version = required(&members, "specversion")?;
        let id = required(&members, "id")?;
        let kind = required(&members, "type")?;
        let source = required(&members, "source")?;
        let time = required(&members, "time")?;
        let content_type = required(&members, "datacontenttype")?;
        let workspace_id = required(&members, "workspaceid")?;
        if version != "1.0" {
            return Err(WebhookError::UnsupportedAttribute { attribute: "specversion", expected: "1.0" });
        }
        if !media_type::is_json(content_type.as_bytes()) {
            let attribute = "datacontenttype";
            return Err(WebhookError::UnsupportedAttribute { attribute, expected: "application/json" });
        }
        let subject = members.get("subject").and_then(string);
        let data = once(&members, "data")?.filter(|raw| raw.get().starts_with('{')).ok_or(missing("data"))?;
        Ok(Self { id, kind, source, time, workspace_id, subject, data })
    }
}

/// The body as text without white space around it.
pub(super) fn text(body: &[u8]) -> Result<&str, WebhookError> {
    let body = body.trim_ascii();
    if body.is_empty() {
        return Err(WebhookError::Empty);
    }
    std::str::from_utf8(body).map_err(|error| {
        let valid = body.get(..error.valid_up_to()).unwrap_or_default();
        let lines = valid.split(|byte| *byte == b'\n');
        WebhookError::Json { column: 1 + lines.clone().next_back().map_or(0, <[u8]>::len), line: lines.count() }
    })
}

fn required<'a>(members: &Members<'a>, name: &'static str) -> Result<Cow<'a, str>, WebhookError> {
    let text = once(members, name)?.and_then(string);
    text.filter(|text| !text.trim().is_empty()).ok_or(missing(name))
}

/// An attribute given twice would let two readers see two events.
fn once<'a>(members: &Members<'a>, name: &'static str) -> Result<Option<&'a RawValue>, WebhookError> {
    let mut found = members.iter().filter(|(candidate, _)| *candidate == name);
    let first = found.next().map(|(_, value)| value);
    if found.next().is_some() {
        return Err(WebhookError::UnsupportedAttribute { attribute: name, expected: "given once" });
    }
    Ok(first)
}

/// A JSON string's text, borrowed where it has no escapes.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(text).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}
