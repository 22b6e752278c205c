//! What the service sends and takes: tasks, API keys, documents, webhook events.
//!
//! All models are *open*: a member or an enum value that this version does not know is kept and written back, so
//! that reading an object, changing one member and writing it loses nothing. Only what a client cannot work
//! without is a plain field; everything else is a [`Field`], which is absent, null or a value.
//!
//! Where a fact about the service comes from is written at each item as its *evidence*: `documented` (an official
//! page says so), `observed` (official example code or payloads show it) or `inferred` (a deduction that may be
//! wrong; unknown values and members get through all the same). Its sources are pages of the documentation on
//! onehorizon.ai (`P:`), repositories of `onehorizonai` on GitHub (`G:`) and the README of the official JavaScript SDK
//! (`NPM`); `x-sources` at the end of `openapi/onehorizon.json` has their addresses.

mod curated;
mod extra;
mod field;
mod json;
mod open;
#[cfg(any(feature = "webhook", feature = "oauth"))]
mod raw_object;
mod text;

pub use extra::Extra;
pub use field::Field;
pub use json::Json;
pub use open::UnknownValue;

pub use crate::generated::models::*;

/// What generated models are written with.
pub(crate) mod runtime {
    #![allow(unused_imports, reason = "not every contract needs every part")]

    pub(crate) use std::fmt;

    pub(crate) use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    pub(crate) use serde::ser::{Serialize, SerializeMap, Serializer};

    pub(crate) use super::extra::{Extra, Key};
    pub(crate) use super::field::{Field, required};
    pub(crate) use super::json::Json;
    #[cfg(feature = "oauth")]
    pub(crate) use super::json::{RawText, with_raw};
    pub(crate) use super::open::{open_enum, string_id, text_traits};
    #[cfg(any(feature = "webhook", feature = "oauth"))]
    pub(crate) use super::raw_object::RawObject;
    pub(crate) use super::text::Text;
    pub(crate) use crate::secret::Secret;
    pub(crate) use crate::timestamp::Timestamp;
}
