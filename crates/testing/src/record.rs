//! A JSON object kept as it was written.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object as it was sent: members in their order, each value as its own text.
///
/// Nothing is lost on the way through the fake: members the SDK does not know, numbers that no
/// `f64` can hold and the order of the members all stay. `Debug` prints the member names only.
#[derive(Clone, Default)]
pub struct Record {
    members: Vec<(String, Box<RawValue>)>,
}

impl Record {
    /// An object without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an object from JSON text.
    ///
    /// # Errors
    /// The text is no JSON object, or one of its members appears twice.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text of one member's value.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.members.iter().find_map(|(member, value)| (member == name).then(|| value.get()))
    }

    /// One member, decoded; `None` when it is missing or of another shape.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// One member that is a string; `None` when it is missing or no string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)
    }

    /// Whether the member is a string equal to `value`.
    #[must_use]
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.text(name).is_some_and(|text| text == value)
    }

    /// The member names in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// The members with their raw values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.members.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// Sets a member: in its place when it exists, else at the end.
    ///
    /// A value that JSON cannot express (a map with other keys than text) leaves the record as it was.
    pub fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let Ok(value) = serde_json::value::to_raw_value(value) else {
            return;
        };
        match self.members.iter_mut().find(|(member, _)| member == name) {
            Some(member) => member.1 = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }

    /// The same record with one member set, for building one in a single expression.
    #[must_use]
    pub fn with(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
        self.set(name, value);
        self
    }

    /// Takes a member away.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(member, _)| member != name);
    }

    /// The whole object as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The whole object, decoded into a model.
    ///
    /// # Errors
    /// The object is not of the model's shape.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.to_json())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record ")?;
        f.debug_set().entries(self.names()).finish()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut record = Record::new();
                while let Some(name) = map.next_key::<String>()? {
                    if record.raw(&name).is_some() {
                        return Err(A::Error::custom("a member appears twice"));
                    }
                    record.members.push((name, map.next_value()?));
                }
                Ok(record)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
