//! An object's fields, each as its JSON text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::extra::Key;

/// The fields of an object in the order received, borrowed from its text.
///
/// A field given twice has the value given last, as with `JSON.parse`.
#[derive(Default)]
pub(crate) struct RawObject<'a>(Vec<(Key<'a>, &'a RawValue)>);

impl<'a> RawObject<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    #[cfg(feature = "webhook")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value)
    }
}

impl<'de> Deserialize<'de> for RawObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = RawObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject<'de>, A::Error> {
        let mut fields: Vec<(Key<'de>, &'de RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            fields.push((name, value));
        }
        keep_last(&mut fields);
        Ok(RawObject(fields))
    }
}

/// Leaves of each name the value given last, at the place of the first.
fn keep_last<'a>(fields: &mut Vec<(Key<'a>, &'a RawValue)>) {
    let mut order: Vec<usize> = (0..fields.len()).collect();
    let name = |at: usize| fields.get(at).map(|(name, _)| name.as_str());
    // Sorting keeps this quick for objects with many fields, which a stranger may send.
    order.sort_by(|a, b| name(*a).cmp(&name(*b)).then(a.cmp(b)));
    let repeated: Vec<(usize, usize)> = order
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] if name(*a) == name(*b) => Some((*a, *b)),
            _ => None,
        })
        .collect();
    if repeated.is_empty() {
        return;
    }
    let mut first_of: Vec<usize> = (0..fields.len()).collect();
    for (earlier, later) in repeated {
        let first = first_of.get(earlier).copied().unwrap_or(earlier);
        let value = fields.get(later).map(|(_, value)| *value);
        if let (Some(slot), Some(value)) = (fields.get_mut(first), value) {
            slot.1 = value;
        }
        if let Some(slot) = first_of.get_mut(later) {
            *slot = first;
        }
    }
    let mut at = 0;
    fields.retain(|_| {
        let keep = first_of.get(at) == Some(&at);
        at += 1;
        keep
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_given_twice_has_the_value_given_last() {
        let text = r#"{"b":1,"a":2,"b":3,"c":4,"\u0062":5,"a":null}"#;
        let object = RawObject::parse(text).unwrap_or_else(|error| unreachable!("{error}"));
        let fields: Vec<_> = object.iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(fields, [("b", "5"), ("a", "null"), ("c", "4")]);
    }
}
