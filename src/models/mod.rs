//! What the service sends and takes: tasks, API keys, documents, webhook events.
//!
//! Models have plain fields: a string, a list or an enum that may be missing is empty or `Unset` then, everything else
//! that may be missing is an `Option`. All models are *open*: a field or an enum value that this version does not know
//! is kept and written back, so that reading an object, changing one field and writing it loses nothing.
//!
//! - A field that you do not touch is written back as it arrived, absent or null or odd as it may be.
//! - A field that had a value and is `None` now is written as null. `task.clear(Task::TOPIC)` always writes null,
//!   `task.omit(Task::TOPIC)` leaves the field out, and `task.send_empty(Task::CONTRIBUTORS)` writes an empty list.
//! - One odd field never fails an object, and one odd item never fails a list: JSON that does not fit is kept, written
//!   back, and listed by `unreadable()`. Only a required field, for instance the id, fails its object when it is missing;
//!   in a list that object is kept as an unreadable item.
//! - Where a field is given twice the last value counts, as in `JSON.parse`.
//! - `==` and `Debug` see the fields, not whether an empty one is absent or null.
//!
//! Copying a field from another object copies what it shows: assigning the `None` of a partial object writes null.
//!
//! Where a fact about the service comes from is one word at each item, which links to its sources in
//! [`evidence`](crate::evidence).

mod curated;
mod extra;
mod id;
mod json;
mod mend;
mod mode;
mod object;
mod one_or_many;
mod open;
mod presence;
#[cfg(any(feature = "client", feature = "webhook"))]
mod raw_object;
mod record;
mod text;
mod timestamp;
mod value;

pub use extra::Extra;
pub use json::Json;
pub use mode::from_json;
pub use one_or_many::OneOrMany;
pub use open::{ParseEnumError, UnknownValue};
pub use presence::{Field, Presence, Unreadable};
pub use timestamp::Timestamp;

pub use crate::generated::models::*;

#[cfg(feature = "client")]
pub(crate) use mode::from_response;

/// What models are written with.
pub(crate) mod runtime {
    #![allow(unused_imports, reason = "not every contract needs every part")]

    pub(crate) use std::fmt;

    pub(crate) use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    pub(crate) use serde::ser::{Serialize, SerializeMap, Serializer};

    pub(crate) use super::extra::{Extra, Key};
    pub(crate) use super::id::{string_id, text_traits};
    pub(crate) use super::json::Json;
    #[cfg(feature = "oauth")]
    pub(crate) use super::json::{RawText, with_raw};
    pub(crate) use super::mend::{may_have_halves, mended, without_lone_surrogates};
    pub(crate) use super::mode::is_whole_response;
    pub(crate) use super::object::{OpenObject, open_object, read_object};
    pub(crate) use super::open::{open_enum, string, string_or_null};
    pub(crate) use super::presence::{Field, Findings, Path, Presence, Unreadable};
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) use super::raw_object::RawObject;
    pub(crate) use super::record::Record;
    pub(crate) use super::text::Text;
    pub(crate) use super::timestamp::Timestamp;
    pub(crate) use super::value::{FieldType, Value, plain_values};
    pub(crate) use crate::secret::Secret;
}
