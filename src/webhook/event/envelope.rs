//! The `CloudEvents` attributes around the data.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use super::{missing, range_in};
use crate::media_type;
use crate::models::runtime::{RawObject, Value as _};
use crate::webhook::error::WebhookError;

/// The attributes that the official receivers demand, in their order, and `data`.
pub(super) struct Envelope<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) kind: Cow<'a, str>,
    pub(super) source: Cow<'a, str>,
    pub(super) time: Cow<'a, str>,
    pub(super) workspace_id: Cow<'a, str>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) data: &'a RawValue,
    raw_id: &'a RawValue,
    raw_kind: &'a RawValue,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, WebhookError> {
        let fields = RawObject::parse(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => WebhookError::NotAnObject,
            _ => WebhookError::Json { line: error.line(), column: error.column() },
        })?;
        let version = required(&fields, "specversion")?;
        let mut id = required(&fields, "id")?;
        let kind = required(&fields, "type")?;
        let source = required(&fields, "source")?;
        let time = required(&fields, "time")?;
        let content_type = required(&fields, "datacontenttype")?;
        let workspace_id = required(&fields, "workspaceid")?;
        if version != "1.0" {
            return Err(WebhookError::UnsupportedAttribute { attribute: "specversion", expected: "1.0" });
        }
        if !media_type::is_json(content_type.as_bytes()) {
            let attribute = "datacontenttype";
            return Err(WebhookError::UnsupportedAttribute { attribute, expected: "application/json" });
        }
        let subject = fields.get("subject").and_then(string);
        let data = fields.get("data").filter(|raw| raw.get().starts_with('{')).ok_or(missing("data"))?;
        let raw = |name| fields.get(name).ok_or(missing(name));
        let (raw_id, raw_kind) = (raw("id")?, raw("type")?);
        // Two ids that differ in what is broken must stay two: an event with an id that was seen is not handled.
        if let Some(escaped) = quoted(raw_id).filter(|_| is_broken(raw_id)) {
            id = Cow::Borrowed(escaped);
        }
        Ok(Self { id, kind, source, time, workspace_id, subject, data, raw_id, raw_kind })
    }

    pub(super) fn has_broken_id(&self) -> bool {
        is_broken(self.raw_id)
    }

    pub(super) fn has_broken_type(&self) -> bool {
        is_broken(self.raw_kind)
    }

    /// The text that it was read from, with another id or type.
    pub(super) fn with(&self, text: &str, id: Option<&str>, kind: Option<&str>) -> String {
        let mut changes: Vec<(Range<usize>, &str)> = [(self.raw_id, id), (self.raw_kind, kind)]
            .into_iter()
            .filter_map(|(raw, new)| Some((range_in(text, raw.get()), new?)))
            .collect();
        changes.sort_by_key(|(range, _)| range.start);
        let (mut written, mut rest) = (String::with_capacity(text.len()), 0);
        for (range, new) in changes {
            written.push_str(text.get(rest..range.start).unwrap_or_default());
            written.push_str(&serde_json::Value::from(new).to_string());
            rest = range.end;
        }
        written.push_str(text.get(rest..).unwrap_or_default());
        written
    }
}

/// The body as text, without a byte order mark and white space around it.
pub(super) fn text(body: &[u8]) -> Result<&str, WebhookError> {
    let body = body.trim_ascii();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    if body.is_empty() {
        return Err(WebhookError::Empty);
    }
    std::str::from_utf8(body).map_err(|error| {
        let valid = body.get(..error.valid_up_to()).unwrap_or_default();
        let lines = valid.split(|byte| *byte == b'\n');
        WebhookError::Json { column: 1 + lines.clone().next_back().map_or(0, <[u8]>::len), line: lines.count() }
    })
}

fn required<'a>(fields: &RawObject<'a>, name: &'static str) -> Result<Cow<'a, str>, WebhookError> {
    let text = fields.get(name).and_then(string);
    text.filter(|text| !text.trim().is_empty()).ok_or(missing(name))
}

/// A JSON string's text, borrowed where it has no escapes. Where half of a surrogate pair is in it, as what is left of a broken
/// byte, that half is U+FFFD, as `JSON.parse` and a decoder of UTF-8 show it.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = quoted(raw)?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().or_else(|| String::salvage(raw.get())).map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// What is between the quotes of a JSON string, as it is written.
fn quoted(raw: &RawValue) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
}

/// Whether half of a surrogate pair is in a JSON string.
fn is_broken(raw: &RawValue) -> bool {
    raw.get().contains('\\') && serde_json::from_str::<String>(raw.get()).is_err()
}
