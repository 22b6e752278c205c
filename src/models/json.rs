//! JSON values kept as their text.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

/// Any JSON value, kept as its text: no digit of a number and no order of members is lost.
///
/// Two values are equal when their texts are. `Debug` tells the kind and the size, never the content.
///
/// ```
/// use onehorizon::models::Json;
/// let json: Json = serde_json::from_str("[1, 1e400]").unwrap();
/// assert_eq!(json.get(), "[1, 1e400]");
/// assert_eq!(Json::from_value(&true).unwrap().decode::<bool>().unwrap(), true);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(Box<str>);

impl Json {
    /// The text of a value.
    ///
    /// # Errors
    /// When the value cannot be written as JSON, for instance a map with keys that are no texts.
    pub fn from_value(value: &(impl Serialize + ?Sized)) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into()))
    }

    /// The JSON text.
    #[must_use]
    pub fn get(&self) -> &str {
        &self.0
    }

    /// Reads the value as a type of yours.
    ///
    /// # Errors
    /// When the value has another shape.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0.bytes().next() {
            Some(b'{') => "object",
            Some(b'[') => "array",
            Some(b'"') => "string",
            Some(b't' | b'f') => "boolean",
            Some(b'n') => "null",
            _ => "number",
        };
        write!(f, "Json({kind}, {} bytes)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::new();
        append_raw(deserializer, &mut text)?;
        Ok(Self(text.into()))
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_raw(&self.0, serializer)
    }
}

/// The name under which `serde_json` hands out a value's text; an unknown name only costs the fallback below.
const RAW_TOKEN: &str = "$serde_json::private::RawValue";

/// Appends the text of the next value to `text`.
///
/// `serde_json`'s own `RawValue` would allocate once a value, and fails behind `#[serde(flatten)]`; this reads the
/// same text straight into the buffer, and any other source is written out as JSON.
pub(crate) fn append_raw<'de, D: Deserializer<'de>>(deserializer: D, text: &mut String) -> Result<(), D::Error> {
    deserializer.deserialize_newtype_struct(RAW_TOKEN, AppendRaw(text))
}

struct AppendRaw<'a>(&'a mut String);

impl<'de> Visitor<'de> for AppendRaw<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if map.next_key::<serde::de::IgnoredAny>()?.is_none() {
            return Err(A::Error::custom("a raw JSON value is empty"));
        }
        map.next_value_seed(AppendText(self.0))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        self.0.push_str(&value.to_string());
        Ok(())
    }
}

struct AppendText<'a>(&'a mut String);

impl<'de> serde::de::DeserializeSeed<'de> for AppendText<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for AppendText<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a JSON value")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}

/// Writes JSON text as it is.
pub(crate) fn serialize_raw<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

/// JSON text that serialises as it is.
pub(crate) struct RawText<'a>(pub(crate) &'a str);

impl Serialize for RawText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_raw(self.0, serializer)
    }
}
