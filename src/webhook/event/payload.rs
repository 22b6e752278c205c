//! The thing that an event is about, in the member of `data` that bears its name.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::generated::payload::for_each_payload;
use crate::models::runtime::RawObject;
use crate::models::{self, Json};

/// Makes the enum of what the contract knows: variant, type, field of `data`, and what it is.
macro_rules! families {
    ($($(#[$meta:meta])* $family:ident($type:ident) = $member:literal,)*) => {
        /// What an event carries.
        ///
        /// ```
        /// use onehorizon::webhook::{Event, Payload};
        /// fn describe(event: &Event) -> String {
        ///     match event.payload() {
        ///         Payload::Task(task) => format!("task {}", task.task_id),
        ///         Payload::Comment(comment) => format!("comment on {}", comment.task_id),
        ///         Payload::Undecoded(odd) => format!("{} in an unknown shape: {}", odd.member(), odd.error()),
        ///         other => format!("{other:?}"),
        ///     }
        /// }
        /// ```
        #[derive(Clone)]
        #[non_exhaustive]
        pub enum Payload {
            $($(#[$meta])* $family(Box<models::$type>),)*
            /// The thing has another shape than this version expects; its text is kept.
            Undecoded(Undecoded),
            /// Things that this version does not know: the text of the whole `data`.
            Unknown(Json),
            /// No thing at all, as in events about several tasks: see the resource for the ids.
            Absent,
        }

        impl Payload {
            /// The member of `data` that it was read from, for instance `task`; `None` when none was.
            #[must_use]
            pub fn member(&self) -> Option<&'static str> {
                match self {
                    $(Self::$family(_) => Some($member),)*
                    Self::Undecoded(odd) => Some(odd.member),
                    Self::Unknown(_) | Self::Absent => None,
                }
            }
        }

        const MEMBERS: &[&str] = &[$($member),*];

        fn decode(member: &'static str, raw: &RawValue) -> Payload {
            match member {
                $($member => decode_as(member, raw, |value| Payload::$family(Box::new(value))),)*
                _ => Payload::Absent,
            }
        }
    };
}

for_each_payload!(families);

impl fmt::Debug for Payload {
    /// What it is; its content stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecoded(odd) => odd.fmt(f),
            Self::Unknown(_) => f.write_str("Unknown"),
            Self::Absent => f.write_str("Absent"),
            known => f.write_str(known.member().unwrap_or_default()),
        }
    }
}

/// A thing in another shape than this version expects.
#[derive(Clone)]
pub struct Undecoded {
    member: &'static str,
    json: Json,
    error: Arc<serde_json::Error>,
}

impl Undecoded {
    /// The member of `data` that it stands in.
    #[must_use]
    pub fn member(&self) -> &'static str {
        self.member
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
        f.debug_struct("Undecoded").field("member", &self.member).field("json", &self.json).finish_non_exhaustive()
    }
}

/// Finds and reads the payload: the member named by the resource's type, else by the event's family, else the first
/// that is known.
pub(super) fn read(data: &RawObject<'_>, text: &str, resource_type: &str, event_type: &str) -> Payload {
    let present = || data.iter().filter(|(name, raw)| !matches!(*name, "resource" | "actor") && raw.get() != "null");
    let known = || present().filter_map(|(name, raw)| Some((*MEMBERS.iter().find(|member| **member == name)?, raw)));
    let family = event_type.split('.').next().unwrap_or_default();
    let named = |wanted: &str| known().find(|(member, _)| same_word(member, wanted));
    if let Some((member, raw)) = named(resource_type).or_else(|| named(family)).or_else(|| known().next()) {
        return decode(member, unwrapped(member, raw));
    }
    if present().next().is_none() {
        return Payload::Absent;
    }
    serde_json::from_str(text).map_or(Payload::Absent, Payload::Unknown)
}

fn decode_as<T: DeserializeOwned>(member: &'static str, raw: &RawValue, found: impl FnOnce(T) -> Payload) -> Payload {
    match serde_json::from_str(raw.get()) {
        Ok(value) => found(value),
        Err(error) => match serde_json::from_str(raw.get()) {
            Ok(json) => Payload::Undecoded(Undecoded { member, json, error: Arc::new(error) }),
            // The text was read as JSON before, so that this cannot be.
            Err(_) => Payload::Absent,
        },
    }
}

/// The inner thing of `{"task": {"task": {…}}}`, which the service sent for a while; others are left as they are.
pub(super) fn unwrapped<'a>(member: &str, raw: &'a RawValue) -> &'a RawValue {
    let Ok(outer) = RawObject::parse(raw.get()) else { return raw };
    // A thing that has its own id and a member of its own name is not wrapped.
    let own_id = outer.names().any(|name| name.strip_suffix("Id").is_some_and(|stem| stem == member));
    match outer.get(member) {
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
