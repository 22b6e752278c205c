//! Members that this version of the crate does not know.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap};

use super::json::{self, RawText};

/// The members of an object that this version does not know, kept as their JSON text and written back untouched.
///
/// ```
/// use onehorizon::models::Task;
/// let mut task: Task = serde_json::from_str(r#"{"taskId": "tsk_1", "mood": "calm", "score": 1e400}"#).unwrap();
/// assert_eq!(task.extra.get::<String>("mood").unwrap().unwrap(), "calm");
/// task.extra.insert("mood", "busy").unwrap();
/// assert_eq!(serde_json::to_string(&task).unwrap(), r#"{"taskId":"tsk_1","score":1e400,"mood":"busy"}"#);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extra {
    // One text for all members (name, value, name, value…): two allocations an object instead of two a member.
    text: String,
    ends: Vec<(usize, usize)>,
}

impl Extra {
    /// No members.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Names and JSON texts, in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().filter_map(move |&(name_end, value_end)| {
            let member = (self.text.get(start..name_end)?, self.text.get(name_end..value_end)?);
            start = value_end;
            Some(member)
        })
    }

    /// The names, in the order received.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The JSON text of a member.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// A member read as a type of yours; `None` when there is no such member.
    ///
    /// # Errors
    /// When the member has another shape.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<Result<T, serde_json::Error>> {
        self.raw(name).map(serde_json::from_str)
    }

    /// Sets a member, replacing one of that name.
    ///
    /// A name that the model has a field for would be written twice: set the field instead.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn insert(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), serde_json::Error> {
        let value = serde_json::to_string(value)?;
        self.remove(name);
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(&value);
        self.ends.push((name_end, self.text.len()));
        Ok(())
    }

    /// Takes a member out; tells whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let mut kept = Self::new();
        for (candidate, value) in self.iter().filter(|(candidate, _)| *candidate != name) {
            kept.text.push_str(candidate);
            let name_end = kept.text.len();
            kept.text.push_str(value);
            kept.ends.push((name_end, kept.text.len()));
        }
        let found = kept.len() < self.len();
        *self = kept;
        found
    }

    /// Reads the value that follows `key`.
    pub(crate) fn read<'de, A: MapAccess<'de>>(&mut self, key: &Key<'de>, map: &mut A) -> Result<(), A::Error> {
        self.text.push_str(key.as_str());
        let name_end = self.text.len();
        map.next_value_seed(AppendValue(&mut self.text))?;
        self.ends.push((name_end, self.text.len()));
        Ok(())
    }

    /// Writes the members as they were read.
    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.iter().try_for_each(|(name, value)| map.serialize_entry(name, &RawText(value)))
    }
}

impl fmt::Debug for Extra {
    /// The names alone: the service may put a secret into a member that this version does not know.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

struct AppendValue<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for AppendValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        json::append_raw(deserializer, self.0)
    }
}

/// A member's name while an object is read, borrowed from the input where it has no escapes.
pub(crate) struct Key<'de>(Cow<'de, str>);

impl Key<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(name.to_owned())))
    }

    fn visit_string<E>(self, name: String) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(name)))
    }
}
