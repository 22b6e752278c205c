//! How each field of an object arrived.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;

use super::json::{self, Json};
use super::presence::{Findings, OddItem, Path, Presence};
use super::value::{FieldType, Value};

/// JSON that did not fit: a field's, or an item's in a field's list.
#[derive(Clone)]
struct Odd {
    field: usize,
    item: Option<usize>,
    json: Json,
    error: Box<str>,
}

/// The part of a record that few objects need. What it does depends on no type, so that it is compiled once.
#[derive(Clone, Default)]
struct Kept {
    odd: Vec<Odd>,
}

impl Kept {
    fn of(&self, field: usize) -> impl Iterator<Item = &Odd> {
        self.odd.iter().filter(move |odd| odd.field == field)
    }

    /// The positions of the items that did not fit, and their JSON.
    fn items(&self, field: usize) -> Vec<(usize, &Json)> {
        self.of(field).filter_map(|odd| Some((odd.item?, &odd.json))).collect()
    }

    /// The JSON of a field that could not be read.
    fn whole(&self, field: usize) -> Option<&Json> {
        self.of(field).find(|odd| odd.item.is_none()).map(|odd| &odd.json)
    }

    /// The JSON of a required field that shows what was salvaged of it.
    fn salvaged<T: Value>(&self, field: usize, value: &T) -> Option<&Json> {
        let json = self.whole(field)?;
        T::salvage(json.get()).is_some_and(|then| value.is_salvaged_as(&then)).then_some(json)
    }

    fn error(&self, field: usize) -> Option<&str> {
        self.of(field).next().map(|odd| &*odd.error)
    }

    fn drop_field(&mut self, field: usize) {
        self.odd.retain(|odd| odd.field != field);
    }

    fn keep_items(&mut self, field: usize, items: Vec<OddItem>) {
        self.odd.extend(items.into_iter().map(|OddItem { position, json, error }| Odd {
            field,
            item: Some(position),
            json,
            error: reason(&error),
        }));
    }

    fn keep_whole(&mut self, field: usize, raw: &str, error: &serde_json::Error) {
        self.odd.push(Odd { field, item: None, json: Json::of(raw), error: reason(error) });
    }

    /// Says what was kept of a field; returns the positions of items.
    fn report(&self, field: usize, at: &Path<'_>, found: &mut dyn Findings) -> Vec<usize> {
        for odd in self.of(field) {
            match odd.item {
                Some(position) => found.unreadable(&Path::Item(at, position), &odd.json, &odd.error),
                None => found.unreadable(at, &odd.json, &odd.error),
            }
        }
        self.of(field).filter_map(|odd| odd.item).collect()
    }
}

/// How each field arrived, or what was asked for since. The methods are those of the form without a length, so that they
/// are compiled once and not for each number of fields.
#[derive(Clone)]
pub(crate) struct Fields<P: ?Sized> {
    whole: bool,
    kept: Option<Box<Kept>>,
    presence: P,
}

/// The record of an object with `N` fields.
#[derive(Clone)]
pub(crate) struct Record<const N: usize>(Fields<[Presence; N]>);

impl<const N: usize> Record<N> {
    pub(crate) const fn new() -> Self {
        Self(Fields { whole: false, kept: None, presence: [Presence::Absent; N] })
    }
}

impl<const N: usize> Deref for Record<N> {
    type Target = Fields<[Presence]>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<const N: usize> DerefMut for Record<N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Fields<[Presence]> {
    #[inline]
    pub(crate) fn get(&self, field: usize) -> Presence {
        self.presence.get(field).copied().unwrap_or_default()
    }

    /// Notes what was asked for; what was kept of the field is dropped.
    pub(crate) fn set(&mut self, field: usize, presence: Presence) {
        if let Some(slot) = self.presence.get_mut(field) {
            *slot = presence;
        }
        if let Some(kept) = &mut self.kept {
            kept.drop_field(field);
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn set_whole(&mut self, whole: bool) {
        self.whole = whole;
    }

    /// Reads the value that follows into its field. A field given twice has the last value, as in `JSON.parse`.
    #[inline]
    pub(crate) fn read<'de, F: FieldType, A: MapAccess<'de>>(
        &mut self,
        field: usize,
        slot: &mut F,
        map: &mut A,
        careful: bool,
    ) -> Result<(), A::Error> {
        if careful {
            let raw = map.next_value_seed(RawText)?;
            self.read_raw(field, slot, raw.trim());
            return Ok(());
        }
        match self.presence.get_mut(field) {
            Some(presence) => map.next_value_seed(Slot { slot, presence }),
            None => Ok(()),
        }
    }

    fn read_raw<F: FieldType>(&mut self, field: usize, slot: &mut F, raw: &str) {
        if raw == "null" {
            slot.set(None);
            return self.set(field, Presence::Null);
        }
        let mut items = Vec::new();
        match F::Value::read_raw(raw, &mut items) {
            Ok(value) => {
                slot.set(Some(value));
                self.set(field, Presence::Value);
                if !items.is_empty() {
                    self.kept.get_or_insert_default().keep_items(field, items);
                }
            }
            Err(error) => {
                slot.set(F::Value::salvage(raw));
                self.set(field, Presence::Unreadable);
                self.kept.get_or_insert_default().keep_whole(field, raw, &error);
            }
        }
    }

    /// The value of a field that the object cannot do without.
    pub(crate) fn required<T: Value, E: serde::de::Error>(
        &self,
        field: usize,
        name: &'static str,
        value: Option<T>,
    ) -> Result<T, E> {
        match self.get(field) {
            Presence::Absent => Err(E::missing_field(name)),
            Presence::Null => T::when_null().ok_or_else(|| E::custom(format_args!("the field `{name}` is null"))),
            Presence::Value => value.ok_or_else(|| E::missing_field(name)),
            Presence::Unreadable if T::SALVAGED_IS_ENOUGH && value.is_some() => {
                value.ok_or_else(|| E::missing_field(name))
            }
            Presence::Unreadable => {
                let error = self.kept.as_ref().and_then(|kept| kept.error(field)).unwrap_or("it cannot be read");
                Err(match error.strip_prefix("in `") {
                    Some(deeper) => E::custom(format_args!("in `{name}.{deeper}")),
                    None => E::custom(format_args!("in `{name}`: {error}")),
                })
            }
        }
    }

    /// What is written of a field.
    pub(crate) fn presence<F: FieldType>(&self, field: usize, slot: &F) -> Presence {
        match self.get(field) {
            Presence::Unreadable if self.untouched(field, slot).is_some() => Presence::Unreadable,
            Presence::Unreadable => slot.says(Presence::Value),
            record => slot.says(record),
        }
    }

    /// The JSON of a field that could not be read and that was given no other value since.
    fn untouched<F: FieldType>(&self, field: usize, slot: &F) -> Option<&Json> {
        let json = self.kept.as_ref()?.whole(field)?;
        let same = match (slot.get(), F::Value::salvage(json.get())) {
            (Some(now), Some(then)) => now.is_salvaged_as(&then),
            (now, then) => now.is_none() && then.is_none(),
        };
        same.then_some(json)
    }

    /// Writes what the field says.
    #[inline]
    pub(crate) fn write<F: FieldType, M: SerializeMap>(
        &self,
        field: usize,
        name: &'static str,
        slot: &F,
        map: &mut M,
    ) -> Result<(), M::Error> {
        if let Some(kept) = &self.kept {
            return self.write_kept(kept, field, name, slot, map);
        }
        match slot.says(self.get(field)) {
            Presence::Absent => Ok(()),
            Presence::Null => map.serialize_entry(name, &()),
            Presence::Value | Presence::Unreadable => map.serialize_entry(name, slot),
        }
    }

    #[cold]
    fn write_kept<F: FieldType, M: SerializeMap>(
        &self,
        kept: &Kept,
        field: usize,
        name: &'static str,
        slot: &F,
        map: &mut M,
    ) -> Result<(), M::Error> {
        match self.presence(field, slot) {
            Presence::Absent => Ok(()),
            Presence::Null => map.serialize_entry(name, &()),
            Presence::Unreadable => match self.untouched(field, slot) {
                Some(json) => map.serialize_entry(name, json),
                None => Ok(()),
            },
            Presence::Value => map.serialize_entry(name, &WithOdd { value: slot, items: &kept.items(field) }),
        }
    }

    /// Writes a field that the object cannot do without.
    #[inline]
    pub(crate) fn write_required<T: Value, M: SerializeMap>(
        &self,
        field: usize,
        name: &'static str,
        value: &T,
        map: &mut M,
    ) -> Result<(), M::Error> {
        if self.get(field) == Presence::Null && value.is_nothing() {
            return map.serialize_entry(name, &());
        }
        if let Some(kept) = &self.kept {
            return match kept.salvaged(field, value) {
                Some(json) => map.serialize_entry(name, json),
                None => map.serialize_entry(name, &RequiredWithOdd { value, items: &kept.items(field) }),
            };
        }
        map.serialize_entry(name, value)
    }

    /// Reports what could not be read of a field, and what is found inside its value.
    pub(crate) fn report<T: Value>(
        &self,
        field: usize,
        name: &str,
        value: Option<&T>,
        at: &Path<'_>,
        found: &mut dyn Findings,
    ) {
        let at = Path::Field(at, name);
        let positions = self.kept.as_ref().map_or_else(Vec::new, |kept| kept.report(field, &at, found));
        if let Some(value) = value {
            value.report(&at, &positions, found);
        }
    }
}

/// What is wrong, without the position in the part that was looked at.
fn reason(error: &serde_json::Error) -> Box<str> {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).into()
}

/// A field beside the items of its list that did not fit.
struct WithOdd<'a, F> {
    value: &'a F,
    items: &'a [(usize, &'a Json)],
}

impl<F: FieldType> serde::Serialize for WithOdd<'_, F> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.write_with(self.items, serializer)
    }
}

/// The same for a field that the object cannot do without.
struct RequiredWithOdd<'a, T> {
    value: &'a T,
    items: &'a [(usize, &'a Json)],
}

impl<T: Value> serde::Serialize for RequiredWithOdd<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.write_with(self.items, serializer)
    }
}

/// Reads null or a value straight into its field.
struct Slot<'a, F> {
    slot: &'a mut F,
    presence: &'a mut Presence,
}

impl<'de, F: FieldType> DeserializeSeed<'de> for Slot<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, F: FieldType> Visitor<'de> for Slot<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null or a value")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        self.slot.set(None);
        *self.presence = Presence::Null;
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.slot.set(Some(F::Value::read(deserializer)?));
        *self.presence = Presence::Value;
        Ok(())
    }
}

/// The text of the next value.
struct RawText;

impl<'de> DeserializeSeed<'de> for RawText {
    type Value = Box<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Box<str>, D::Error> {
        json::with_raw(deserializer, |text| text.into())
    }
}
