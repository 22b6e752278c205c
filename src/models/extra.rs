//! Fields that this version of the crate does not know.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap};

use zeroize::Zeroize;

use super::curated::SECRET_FIELDS;
use super::json::{self, RawText};

/// The fields of an object that this version does not know, kept as their JSON text and written back untouched.
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
    // Names and values behind one another: two allocations an object instead of two a field.
    text: String,
    // Where each name and each value ends.
    ends: Vec<(usize, usize)>,
}

/// What is set aside at the first unknown field; growing step by step was the dearest part of reading an object.
const FIRST_TEXT: usize = 256;
const FIRST_FIELDS: usize = 8;
/// From so many fields on, comparing each with each is slower than a table.
const MANY: usize = 32;

impl Extra {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), ends: Vec::new() }
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Names and JSON, in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().filter_map(move |&(name_end, value_end)| {
            let field = (self.text.get(start..name_end)?, self.text.get(name_end..value_end)?);
            start = value_end;
            Some(field)
        })
    }

    /// The names, in the order received.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// The JSON text of a field.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }

    /// A field read as a type of yours; `None` when there is no such field.
    ///
    /// # Errors
    /// When the field has another shape.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<Result<T, serde_json::Error>> {
        self.raw(name).map(serde_json::from_str)
    }

    /// Sets a field, replacing one of that name.
    ///
    /// A name that the model has a field for would be written twice: set the field instead.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn insert(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), serde_json::Error> {
        let value = serde_json::to_string(value)?;
        self.remove(name);
        self.append(name, &value);
        Ok(())
    }

    /// Removes a field; returns whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.raw(name).is_some();
        if found {
            self.retain(|_, candidate| candidate != name);
        }
        found
    }

    /// Reads the value that follows `key`.
    pub(crate) fn read<'de, A: MapAccess<'de>>(&mut self, key: &Key<'de>, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(AppendValue { extra: self, name: key.as_str() })
    }

    /// Of fields that were given more than once the last is kept, as in `JSON.parse`.
    pub(crate) fn keep_last(&mut self) {
        if self.len() < 2 {
            return;
        }
        let twice = if self.len() < MANY {
            self.names().enumerate().any(|(index, name)| self.names().skip(index + 1).any(|later| later == name))
        } else {
            self.names().collect::<HashSet<_>>().len() < self.len()
        };
        if twice {
            let last: HashMap<String, usize> = self.names().map(str::to_owned).zip(0..).collect();
            self.retain(|index, name| last.get(name) == Some(&index));
        }
    }

    fn append(&mut self, name: &str, value: &str) {
        if self.ends.is_empty() {
            self.text.reserve((name.len() + value.len()).max(FIRST_TEXT));
            self.ends.reserve(FIRST_FIELDS);
        }
        self.make_room(name.len() + value.len());
        self.text.push_str(name);
        let name_end = self.text.len();
        self.text.push_str(value);
        self.ends.push((name_end, self.text.len()));
    }

    /// Makes room as `String` would, but leaves nothing of a secret in what is given back.
    fn make_room(&mut self, needed: usize) {
        if self.text.capacity() - self.text.len() < needed && self.may_hold_a_secret() {
            let mut grown = String::with_capacity((self.text.len() + needed).max(2 * self.text.capacity()));
            grown.push_str(&self.text);
            self.text.zeroize();
            self.text = grown;
        }
    }

    fn may_hold_a_secret(&self) -> bool {
        self.names().any(|name| SECRET_FIELDS.contains(&name))
    }

    fn retain(&mut self, keep: impl Fn(usize, &str) -> bool) {
        let mut kept = Self::new();
        for (_, (name, value)) in self.iter().enumerate().filter(|(index, (name, _))| keep(*index, name)) {
            kept.append(name, value);
        }
        *self = kept;
    }

    /// Writes the fields as they were read.
    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.iter().try_for_each(|(name, value)| map.serialize_entry(name, &RawText(value)))
    }
}

impl Drop for Extra {
    /// A new API key may arrive in a field of another name than the contract's.
    fn drop(&mut self) {
        if self.may_hold_a_secret() {
            self.text.zeroize();
        }
    }
}

impl fmt::Debug for Extra {
    /// The names alone: the service may put a secret into a field that this version does not know.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

struct AppendValue<'a> {
    extra: &'a mut Extra,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for AppendValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        json::with_raw(deserializer, |value| self.extra.append(self.name, value))
    }
}

/// A field's name while an object is read, borrowed from the input where it has no escapes.
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
        f.write_str("the name of a field")
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
