//! What an event carries, in the field of `data` named after it.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::generated::payload::for_each_payload;
use crate::models::runtime::{Findings, Path, RawObject, Value};
use crate::models::{self, Json};

/// The enum of what an event carries, and how each is read.
macro_rules! payload {
    ($($(#[$meta:meta])* $family:ident($type:ident) = $field:literal $handler:ident,)*) => {
        /// What an event carries.
        ///
        /// ```
        /// use onehorizon::webhook::{Event, Payload};
        /// fn describe(event: &Event) -> String {
        ///     match event.payload() {
        ///         Payload::Task(task) => format!("task {}", task.task_id),
        ///         Payload::Comment(_) => format!("comment on {}", event.task_id().map_or("?", |id| id.as_str())),
        ///         Payload::Undecoded(odd) => format!("{} in an unknown shape: {}", odd.field(), odd.error()),
        ///         other => format!("{other:?}"),
        ///     }
        /// }
        /// ```
        #[derive(Clone)]
        #[non_exhaustive]
        pub enum Payload {
            $($(#[$meta])* $family(Box<models::$type>),)*
            /// It has another shape than this version expects; its text is kept.
            Undecoded(Undecoded),
            /// This version does not know it: the text of the whole `data`.
            Unknown(Json),
            /// Nothing, as in events about several tasks: see the resource for the ids.
            Absent,
        }

        impl Payload {
            /// The field of `data` that it was read from, for instance `task`; `None` when none was.
            #[must_use]
            pub fn field(&self) -> Option<&'static str> {
                match self {
                    $(Self::$family(_) => Some($field),)*
                    Self::Undecoded(odd) => Some(odd.field),
                    Self::Unknown(_) | Self::Absent => None,
                }
            }
        }

        impl Payload {
            /// Reports what in it this version does not know.
            pub(super) fn report(&self, at: &Path<'_>, found: &mut dyn Findings) {
                match self {
                    $(Self::$family(value) => value.report(at, &[], found),)*
                    Self::Undecoded(odd) => found.unreadable(at, &odd.json, ""),
                    Self::Unknown(_) | Self::Absent => {}
                }
            }
        }

        const FIELDS: &[&str] = &[$($field),*];

        fn decode(field: &'static str, raw: &RawValue) -> Payload {
            match field {
                $($field => decode_as(field, raw, |value| Payload::$family(Box::new(value))),)*
                _ => Payload::Absent,
            }
        }
    };
}

for_each_payload!(payload);

impl fmt::Debug for Payload {
    /// What it is; its content stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecoded(odd) => odd.fmt(f),
            Self::Unknown(_) => f.write_str("Unknown"),
            Self::Absent => f.write_str("Absent"),
            known => f.write_str(known.field().unwrap_or_default()),
        }
    }
}

/// What an event carries in another shape than this version expects.
#[derive(Clone)]
pub struct Undecoded {
    field: &'static str,
    json: Json,
    error: Arc<serde_json::Error>,
}

impl Undecoded {
    /// The field of `data` that it is in.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Its text, unwrapped if it was wrapped twice.
    #[must_use]
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// Why it could not be read. The message may repeat a value of the payload.
    #[must_use]
    pub fn error(&self) -> &serde_json::Error {
        &self.error
    }
}

impl fmt::Debug for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undecoded").field("field", &self.field).field("json", &self.json).finish_non_exhaustive()
    }
}

/// Finds and reads the payload: the field named by the resource's type, else by the event's family, else the first
/// that is known.
pub(super) fn read(data: &RawObject<'_>, text: &str, resource_type: &str, event_type: &str) -> Payload {
    let present = || data.iter().filter(|(name, raw)| !matches!(*name, "resource" | "actor") && raw.get() != "null");
    let known = || present().filter_map(|(name, raw)| Some((*FIELDS.iter().find(|field| **field == name)?, raw)));
    let family = event_type.split('.').next().unwrap_or_default();
    let named = |wanted: &str| known().find(|(field, _)| same_word(field, wanted));
    if let Some((field, raw)) = named(resource_type).or_else(|| named(family)).or_else(|| known().next()) {
        return decode(field, unwrapped(field, raw));
    }
    if present().next().is_none() {
        return Payload::Absent;
    }
    serde_json::from_str(text).map_or(Payload::Absent, Payload::Unknown)
}

fn decode_as<T: DeserializeOwned>(field: &'static str, raw: &RawValue, found: impl FnOnce(T) -> Payload) -> Payload {
    match serde_json::from_str(raw.get()) {
        Ok(value) => found(value),
        Err(error) => match serde_json::from_str(raw.get()) {
            Ok(json) => Payload::Undecoded(Undecoded { field, json, error: Arc::new(error) }),
            // The text was read as JSON before, so that this cannot be.
            Err(_) => Payload::Absent,
        },
    }
}

/// The inner object of `{"task": {"task": {…}}}`, which the service sent for a while; others are left as they are.
pub(super) fn unwrapped<'a>(field: &str, raw: &'a RawValue) -> &'a RawValue {
    let Ok(outer) = RawObject::parse(raw.get()) else { return raw };
    // An object that has its own id and a field of its own name is not wrapped.
    let own_id = outer.names().any(|name| name.strip_suffix("Id").is_some_and(|stem| stem == field));
    match outer.get(field) {
        Some(inner) if !own_id && inner.get().starts_with('{') => inner,
        _ => raw,
    }
}

/// Whether two names are the same but for their case and `_` or `-` between words.
fn same_word(a: &str, b: &str) -> bool {
    letters(a).eq(letters(b))
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase())
}
