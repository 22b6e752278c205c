//! A member of an object that may be missing.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap};

/// A member that may be absent, null or a value; the three stay apart in both directions.
///
/// Reading keeps what the service sent, and writing sends the same again: an absent member is left out, a null
/// is written as `null`. To clear a member set it to [`Field::Null`].
///
/// ```
/// use onehorizon::models::{Field, TaskStatus};
/// let status: Field<TaskStatus> = TaskStatus::Planned.into();
/// assert_eq!(status.get(), Some(&TaskStatus::Planned));
/// assert_eq!(status.to_string(), "planned");
/// assert!(Field::<TaskStatus>::default().is_absent());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Field<T> {
    /// The object has no such member.
    #[default]
    Absent,
    /// The member is there, and null.
    Null,
    /// The member has this value.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The value to change in place, if there is one.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The value, if there is one, taken out.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether the object has no such member.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether the member is there and null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether the member has a value.
    pub const fn is_value(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    /// Gives the member a value.
    pub fn set(&mut self, value: impl Into<T>) {
        *self = Self::Value(value.into());
    }

    /// Leaves the member out of what is written.
    pub fn remove(&mut self) {
        *self = Self::Absent;
    }

    /// The value's target, as [`Option::as_deref`].
    pub fn as_deref(&self) -> Option<&T::Target>
    where
        T: std::ops::Deref,
    {
        self.get().map(std::ops::Deref::deref)
    }
}

impl<T> Field<Vec<T>> {
    /// The values; empty when the member is absent or null.
    pub fn as_slice(&self) -> &[T] {
        self.get().map_or(&[], Vec::as_slice)
    }

    /// The values one by one; none when the member is absent or null.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }
}

impl<'a, T> IntoIterator for &'a Field<Vec<T>> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl From<&str> for Field<String> {
    fn from(text: &str) -> Self {
        Self::Value(text.to_owned())
    }
}

impl<T: fmt::Display> fmt::Display for Field<T> {
    /// The value, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().map_or(Ok(()), |value| value.fmt(f))
    }
}

impl<'de, T: Deserialize<'de>> Field<T> {
    /// Reads the member's value; a member given twice is an error, since one of the two would be lost.
    pub(crate) fn read<A: MapAccess<'de>>(&mut self, name: &'static str, map: &mut A) -> Result<(), A::Error> {
        if !self.is_absent() {
            return Err(A::Error::duplicate_field(name));
        }
        map.next_value_seed(Slot(self))
    }
}

/// Reads null or a value straight into its place, without an `Option` or another copy in between.
struct Slot<'a, T>(&'a mut Field<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Slot<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Slot<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null or a value")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        *self.0 = Field::Null;
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = Field::Null;
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.0 = Field::Value(T::deserialize(deserializer)?);
        Ok(())
    }
}

impl<T: Serialize> Field<T> {
    /// Writes the member unless it is absent.
    pub(crate) fn write<M: SerializeMap>(&self, name: &'static str, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Absent => Ok(()),
            Self::Null => map.serialize_entry(name, &()),
            Self::Value(value) => map.serialize_entry(name, value),
        }
    }
}

/// Members that an object must have.
pub(crate) mod required {
    use super::{Deserialize, MapAccess};
    use serde::de::Error;

    /// Reads the member's value; a member given twice is an error.
    pub(crate) fn read<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
        slot: &mut Option<T>,
        name: &'static str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if slot.is_some() {
            return Err(A::Error::duplicate_field(name));
        }
        *slot = Some(map.next_value()?);
        Ok(())
    }

    /// The value read, or the error that names the missing member.
    pub(crate) fn take<T, E: Error>(slot: Option<T>, name: &'static str) -> Result<T, E> {
        slot.ok_or_else(|| E::missing_field(name))
    }
}
