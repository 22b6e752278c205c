//! Messages in strings, lists and maps, and the errors of single fields among them.
//!
//! - a string; a list of strings; `{"message": …}` and a list of such, also as `detail`, `msg`, `reason` and the like;
//! - errors of fields in a list: `{"field": "title", "message": "…"}`, the field also as `path`, `loc`, `param`, `name`,
//!   `propertyPath` or `source.pointer`, the errors also in lists of lists (`fieldViolations`);
//! - maps from fields to messages: `{"title": ["…"]}`, nested (`{"address": {"city": ["…"]}}`), with `_errors`, or with
//!   an object for each field (`{"title": {"message": "…"}}`).

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Content;
use super::names::{
    MOST, Map, field_of, has_message, has_name, is_about_the_response, is_list_of_errors, plain, said, text_of,
};
use crate::error::FieldError;
use crate::redact::{REDACTED, is_secret_name};

/// Larger values are not looked into for fields: reading them would take a multiple of their size.
const LARGEST: usize = 64 * 1024;

/// Fields within fields are looked into so many levels deep.
const DEEPEST: usize = 5;

/// What has been found so far.
pub(super) struct Gathered {
    pub(super) code: Option<String>,
    pub(super) messages: Vec<String>,
    pub(super) fields: Vec<FieldError>,
    content: Content,
}

impl Gathered {
    pub(super) fn new(content: Content) -> Self {
        Self { code: None, messages: Vec::new(), fields: Vec::new(), content }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.fields.is_empty()
    }

    /// All of it in one line.
    pub(super) fn message(&mut self) -> Option<String> {
        if self.content == Content::Secrets {
            // No secret has blanks in it.
            self.fields.retain(|field| field.message.trim().contains(' '));
        }
        let by_field = self.fields.iter().map(|error| format!("{}: {}", error.field, error.message));
        let message = self.messages.iter().cloned().chain(by_field).collect::<Vec<_>>().join("; ");
        Some(message).filter(|message| !message.is_empty())
    }

    /// A code that is a number or a string; the first counts.
    pub(super) fn code(&mut self, raw: Option<&RawValue>) {
        let code = raw.and_then(|raw| match raw.get().as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => Some(raw.get().to_owned()),
            _ => string(raw),
        });
        self.code = self.code.take().or(code);
    }

    /// Adds the messages in a value: a string, a list of strings or objects, or a map from fields to messages.
    pub(super) fn gather(&mut self, raw: &RawValue) {
        match raw.get().as_bytes().first() {
            Some(b'"') => self.say(string(raw)),
            Some(b'[') => First::of(raw).for_each(|(_, item)| self.item(&item)),
            Some(b'{') => self.map(raw),
            _ => {}
        }
    }

    /// Adds what the details of an error say of single fields.
    pub(super) fn gather_fields(&mut self, raw: &RawValue) {
        let mut found = Self::new(self.content);
        match raw.get().as_bytes().first() {
            Some(b'[') => found.gather(raw),
            Some(b'{') => {
                let entries: Vec<_> = First::of(raw).filter_map(|(name, value)| Some((name?, value))).collect();
                let of_errors = |(name, _): &&(String, Value)| is_list_of_errors(&plain(name));
                entries.iter().filter(of_errors).for_each(|(_, errors)| found.values(errors));
                let is_said = |name: &str| matches!(plain(name).as_str(), "message" | "msg" | "errormessage");
                found.map_of_unknown_form(entries.into_iter().filter(|entry| !of_errors(&entry) && !is_said(&entry.0)));
            }
            _ => {}
        }
        found.fields.into_iter().for_each(|FieldError { field, message }| self.field(field, message));
    }

    /// A map from fields to messages, if it is one: any data looks like that. A message is in a list, or has blanks.
    pub(super) fn map_of_unknown_form(&mut self, entries: impl Iterator<Item = (String, Value)>) {
        for (field, value) in entries {
            let is_message = match &value {
                Value::String(text) => text.trim().contains(' ') && !is_about_the_response(&field),
                // Data has objects in it.
                Value::Object(map) => has_message(map),
                Value::Array(items) => !items.iter().any(Value::is_array),
                _ => false,
            };
            if is_message {
                self.about(&field, &value, 1);
            }
        }
        self.sort();
    }

    fn say(&mut self, message: Option<String>) {
        let message = message.filter(|message| self.messages.len() < MOST && !self.messages.contains(message));
        self.messages.extend(message);
    }

    fn field(&mut self, field: String, message: String) {
        let error = FieldError { field, message };
        if self.fields.len() < MOST && !self.fields.contains(&error) {
            self.fields.push(error);
        }
    }

    /// In the order of names: `serde_json` keeps the order of the text only with a feature.
    fn sort(&mut self) {
        self.fields.sort_by(|one, other| one.field.cmp(&other.field));
    }

    /// One of several errors.
    fn item(&mut self, item: &Value) {
        let Value::Object(map) = item else { return self.say(item.as_str().and_then(said)) };
        let before = self.fields.len();
        for (_, errors) in map.iter().filter(|(name, _)| is_list_of_errors(&plain(name))) {
            self.values(errors);
        }
        match (field_of(map), text_of(map)) {
            (Some(field), Some(message)) => self.field(field, message),
            (None, Some(message)) if self.fields.len() == before => self.say(Some(message)),
            (_, None) if self.fields.len() == before => self.entries(map, "", DEEPEST),
            _ => {}
        }
    }

    /// A list or a map within one of several errors.
    fn values(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().take(MOST).for_each(|item| self.item(item)),
            Value::Object(map) => self.entries(map, "", DEEPEST),
            other => self.say(other.as_str().and_then(said)),
        }
    }

    /// An object in place of a message, or a map from fields to messages.
    fn map(&mut self, raw: &RawValue) {
        let entries = First::of(raw).filter_map(|(name, value)| Some((name?, value))).collect::<Map>();
        let has_list = entries.keys().any(|name| is_list_of_errors(&plain(name)));
        // A field may be called `title` or `description`, hardly `message`.
        if has_list || has_name(&entries, &["message", "msg", "errormessage"]) {
            self.item(&Value::Object(entries));
        } else {
            self.entries(&entries, "", DEEPEST);
            self.sort();
        }
    }

    fn entries(&mut self, map: &Map, prefix: &str, depth: usize) {
        for (name, value) in map {
            match name.as_str() {
                // The errors of the object itself.
                "_errors" | "_error" | "" => self.about(prefix, value, 0),
                _ if prefix.is_empty() => self.about(name, value, depth),
                _ => self.about(&format!("{prefix}.{name}"), value, depth),
            }
        }
    }

    /// The errors of one field.
    fn about(&mut self, field: &str, value: &Value, depth: usize) {
        if field.rsplit('.').next().is_some_and(is_secret_name) {
            if !matches!(value, Value::Null | Value::Bool(_)) {
                self.field(field.to_owned(), REDACTED.to_owned());
            }
            return;
        }
        match value {
            Value::String(text) => match said(text) {
                // Errors of the whole have no field.
                Some(message) if field.is_empty() => self.say(Some(message)),
                Some(message) => self.field(field.to_owned(), message),
                None => {}
            },
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().take(MOST) {
                    match item {
                        // The errors of the items of a list, in a list.
                        Value::Object(map) if !has_message(map) && depth > 0 => {
                            self.entries(map, &format!("{field}.{index}"), depth - 1);
                        }
                        Value::Array(_) if depth > 0 => self.about(field, item, depth - 1),
                        Value::String(_) | Value::Object(_) => self.about(field, item, 0),
                        _ => {}
                    }
                }
            }
            Value::Object(map) if depth > 0 && !has_message(map) => self.entries(map, field, depth - 1),
            Value::Object(map) => self.about(field, &text_of(map).map_or(Value::Null, Value::String), 0),
            _ => {}
        }
    }
}

/// The first entries of a list or an object that are not too large to look into; those of a list have no name.
struct First(Vec<(Option<String>, Value)>);

impl First {
    fn of(raw: &RawValue) -> impl Iterator<Item = (Option<String>, Value)> {
        serde_json::from_str::<Self>(raw.get()).map(|first| first.0).unwrap_or_default().into_iter()
    }

    fn add(&mut self, name: Option<String>, raw: &RawValue) {
        self.0.extend(small(raw).map(|value| (name, value)));
    }
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = First;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First, A::Error> {
                let mut first = First(Vec::new());
                while first.0.len() < MOST {
                    let Some(raw) = list.next_element()? else { return Ok(first) };
                    first.add(None, raw);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(first)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<First, A::Error> {
                let mut first = First(Vec::new());
                while first.0.len() < MOST {
                    let Some((name, raw)) = map.next_entry::<String, &RawValue>()? else { return Ok(first) };
                    first.add(Some(name), raw);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(first)
            }
        }
        deserializer.deserialize_any(V)
    }
}

pub(super) fn small(raw: &RawValue) -> Option<Value> {
    if raw.get().len() <= LARGEST || raw.get().starts_with('"') { serde_json::from_str(raw.get()).ok() } else { None }
}

pub(super) fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str::<String>(raw.get()).ok().and_then(|text| said(&text))
}
