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
    // All members in one text, each as: length of its name, length of its value, name, value. One allocation an object.
    text: String,
}

/// What is set aside at the first unknown member; growing step by step was the dearest part of reading an object.
const FIRST_TEXT: usize = 256;

impl Extra {
    /// No members.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Names and JSON texts, in the order received.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.text.as_str();
        std::iter::from_fn(move || {
            let name_length = take_length(&mut rest)?;
            let value_length = take_length(&mut rest)?;
            let (name, after) = rest.split_at_checked(name_length)?;
            let (value, after) = after.split_at_checked(value_length)?;
            rest = after;
            Some((name, value))
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
        append(&mut self.text, name, &value);
        Ok(())
    }

    /// Takes a member out; tells whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let mut kept = String::new();
        for (candidate, value) in self.iter().filter(|(candidate, _)| *candidate != name) {
            append(&mut kept, candidate, value);
        }
        let found = kept.len() < self.text.len();
        self.text = kept;
        found
    }

    /// Reads the value that follows `key`.
    pub(crate) fn read<'de, A: MapAccess<'de>>(&mut self, key: &Key<'de>, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(AppendValue { text: &mut self.text, name: key.as_str() })
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

/// Appends a member to the text of all.
fn append(text: &mut String, name: &str, value: &str) {
    // Two lengths of at most two digits are the usual case; longer ones grow the text once more.
    let needed = name.len() + value.len() + 4;
    if text.capacity() - text.len() < needed {
        text.reserve(if text.is_empty() { needed.max(FIRST_TEXT) } else { needed });
    }
    push_length(text, name.len());
    push_length(text, value.len());
    text.push_str(name);
    text.push_str(value);
}

/// Writes a length in base 64, lowest digit first, as characters that are one byte each; the last one is marked.
#[inline]
fn push_length(text: &mut String, mut length: usize) {
    while length >= 64 {
        text.push(digit(length, 0));
        length /= 64;
    }
    text.push(digit(length, LAST_DIGIT));
}

#[inline]
fn digit(length: usize, mark: u8) -> char {
    // Below 128, so that the compiler sees a character of one byte.
    char::from(u8::try_from(length % 64).unwrap_or_default() | mark)
}

const LAST_DIGIT: u8 = 64;

/// Reads a length off the front.
fn take_length(text: &mut &str) -> Option<usize> {
    let mut length = 0;
    for (index, byte) in text.bytes().enumerate() {
        length |= usize::from(byte % LAST_DIGIT).checked_shl(u32::try_from(6 * index).ok()?)?;
        if byte & LAST_DIGIT != 0 {
            *text = text.get(index + 1..)?;
            return Some(length);
        }
    }
    None
}

struct AppendValue<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for AppendValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        json::with_raw(deserializer, |value| append(self.text, self.name, value))
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
