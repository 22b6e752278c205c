//! The types that a field of a model can have.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::json::Json;
use super::mend::without_lone_surrogates;
use super::mode::from_json;
use super::presence::{Findings, OddItem, Path, Presence};

/// A value as JSON has it when it is neither absent nor null.
pub(crate) trait Value: DeserializeOwned + Serialize {
    /// Reads the value from its own text; a list gives the items that do not fit apart.
    fn read_raw(raw: &str, odd: &mut Vec<OddItem>) -> serde_json::Result<Self> {
        let _ = odd;
        serde_json::from_str(raw)
    }

    /// Reads the value in one pass, or fails where its own text is needed.
    #[inline]
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    /// Whether what is salvaged is the value in all but its spelling, so that a required field may have it.
    const SALVAGED_IS_ENOUGH: bool = false;

    /// What can be shown of a value that does not fit.
    fn salvage(raw: &str) -> Option<Self> {
        let _ = raw;
        None
    }

    /// Whether this is still what was salvaged.
    fn is_salvaged_as(&self, then: &Self) -> bool {
        let _ = then;
        false
    }

    /// The value that null stands for where a field is required.
    fn when_null() -> Option<Self> {
        None
    }

    /// Whether null may be written for it.
    fn is_nothing(&self) -> bool {
        false
    }

    /// Writes the value; a list puts the items that did not fit back to their positions.
    fn write_with<S: Serializer>(&self, odd: &[(usize, &Json)], serializer: S) -> Result<S::Ok, S::Error> {
        let _ = odd;
        self.serialize(serializer)
    }

    /// Reports what could not be read inside the value, or is not known; `odd` are the positions that a list leaves out.
    fn report(&self, at: &Path<'_>, odd: &[usize], found: &mut dyn Findings) {
        let _ = (at, odd, found);
    }
}

/// The type of a field that may be missing.
pub(crate) trait FieldType: Serialize {
    /// Its type when it is neither absent nor null.
    type Value: Value;

    /// What stands in the field when it is absent or null.
    const EMPTY: Self;

    /// Gives the field a value, or makes it empty.
    fn set(&mut self, value: Option<Self::Value>);

    /// The value, unless the field is empty.
    fn get(&self) -> Option<&Self::Value>;

    /// What is written, given what the object has on record.
    fn says(&self, record: Presence) -> Presence;

    /// Writes the value; a list puts the items that did not fit back to their positions.
    fn write_with<S: Serializer>(&self, odd: &[(usize, &Json)], serializer: S) -> Result<S::Ok, S::Error>;
}

/// `None` is never a value, so it says: nothing where nothing was, else null.
impl<T: Value> FieldType for Option<T> {
    type Value = T;
    const EMPTY: Self = None;

    #[inline]
    fn set(&mut self, value: Option<T>) {
        *self = value;
    }

    #[inline]
    fn get(&self) -> Option<&T> {
        self.as_ref()
    }

    #[inline]
    fn says(&self, record: Presence) -> Presence {
        match (self, record) {
            (Some(_), _) => Presence::Value,
            (None, Presence::Absent) => Presence::Absent,
            (None, _) => Presence::Null,
        }
    }

    fn write_with<S: Serializer>(&self, odd: &[(usize, &Json)], serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write_with(odd, serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// An empty string or list may be a value: it is what the object has on record.
macro_rules! may_be_empty {
    ($([$($generic:tt)*] $type:ty),*) => { $(
        impl<$($generic)*> FieldType for $type {
            type Value = Self;
            const EMPTY: Self = Self::new();

            #[inline]
            fn set(&mut self, value: Option<Self>) {
                *self = value.unwrap_or_default();
            }

            #[inline]
            fn get(&self) -> Option<&Self> {
                (!self.is_empty()).then_some(self)
            }

            #[inline]
            fn says(&self, record: Presence) -> Presence {
                if self.is_empty() { record } else { Presence::Value }
            }

            fn write_with<S: Serializer>(&self, odd: &[(usize, &Json)], serializer: S) -> Result<S::Ok, S::Error> {
                Value::write_with(self, odd, serializer)
            }
        }
    )* };
}

may_be_empty!([] String, [T: Value] Vec<T>);

/// Values that have no parts and that are read as they are or not at all.
macro_rules! plain_values {
    ($($type:ty),* $(,)?) => { $(impl $crate::models::runtime::Value for $type {})* };
}

pub(crate) use plain_values;

plain_values!(bool, Json, crate::secret::Secret, super::timestamp::Timestamp);

impl Value for String {
    /// The string with a replacement character for each half of a character.
    fn salvage(raw: &str) -> Option<Self> {
        let json = raw.starts_with('"').then(|| without_lone_surrogates(raw))??;
        serde_json::from_str(&json).ok()
    }

    fn is_salvaged_as(&self, then: &Self) -> bool {
        self == then
    }
}

/// Integers, also where JSON has them in another way of writing: `1024.0`, `1e3`, `-0`.
macro_rules! integers {
    ($($type:ty),*) => { $(
        impl Value for $type {
            const SALVAGED_IS_ENOUGH: bool = true;

            fn salvage(raw: &str) -> Option<Self> {
                let (is_negative, digits, power) = decimal(raw)?;
                let zeros = usize::try_from(power).ok().filter(|zeros| *zeros < 20)?;
                // Zero has no sign.
                let sign = if is_negative && !digits.is_empty() { "-" } else { "" };
                format!("{sign}0{digits}{:0<zeros$}", "").parse().ok()
            }

            fn is_salvaged_as(&self, then: &Self) -> bool {
                self == then
            }
        }
    )* };
}

integers!(i64, u64);

/// A number with more digits than this type holds is kept as it came.
impl Value for f64 {
    const SALVAGED_IS_ENOUGH: bool = true;

    /// The digits are in the text alone.
    fn read<'de, D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("a number is read from its text"))
    }

    fn read_raw(raw: &str, _: &mut Vec<OddItem>) -> serde_json::Result<Self> {
        let value: Self = serde_json::from_str(raw)?;
        let same = decimal(raw).is_some_and(|digits| Some(digits) == decimal(&value.to_string()));
        if same { Ok(value) } else { Err(serde_json::Error::custom("the number has more digits than an f64 holds")) }
    }

    fn salvage(raw: &str) -> Option<Self> {
        serde_json::from_str(raw).ok()
    }

    fn is_salvaged_as(&self, then: &Self) -> bool {
        self.to_bits() == then.to_bits()
    }
}

/// Sign, digits without zeros at either end, and the power of ten that they are multiplied by.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (sign, number) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let end = digits.trim_end_matches('0');
    if end.is_empty() {
        return Some((sign, String::new(), 0));
    }
    let zeros = i64::try_from(digits.len() - end.len()).ok()?;
    let exponent =
        exponent.parse::<i64>().ok()?.checked_add(zeros)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some((sign, end.trim_start_matches('0').to_owned(), exponent))
}

impl<T: Value> Value for Box<T> {
    fn report(&self, at: &Path<'_>, odd: &[usize], found: &mut dyn Findings) {
        T::report(self, at, odd, found);
    }
}

impl<T: Value> Value for Option<T> {
    fn when_null() -> Option<Self> {
        Some(None)
    }

    fn is_nothing(&self) -> bool {
        self.is_none()
    }

    fn report(&self, at: &Path<'_>, odd: &[usize], found: &mut dyn Findings) {
        if let Some(value) = self {
            value.report(at, odd, found);
        }
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn report(&self, at: &Path<'_>, _: &[usize], found: &mut dyn Findings) {
        for (name, value) in self {
            value.report(&Path::Entry(at, name), &[], found);
        }
    }
}

/// An item that does not fit is kept apart, and the rest of the list is read.
impl<T: Value> Value for Vec<T> {
    fn read_raw(raw: &str, odd: &mut Vec<OddItem>) -> serde_json::Result<Self> {
        let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw)?;
        let mut read = Self::with_capacity(items.len());
        for (position, item) in items.into_iter().enumerate() {
            match from_json(item.get()) {
                Ok(value) => read.push(value),
                Err(error) => odd.push(OddItem { position, json: Json::of(item.get()), error }),
            }
        }
        Ok(read)
    }

    fn when_null() -> Option<Self> {
        Some(Self::new())
    }

    fn is_nothing(&self) -> bool {
        self.is_empty()
    }

    /// The items that did not fit come at the positions that they had, or at the end of a list that became shorter.
    fn write_with<S: Serializer>(&self, odd: &[(usize, &Json)], serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len() + odd.len()))?;
        let (mut items, mut odd) = (self.iter(), odd.iter().peekable());
        for position in 0.. {
            let here = odd.next_if(|(at, _)| *at <= position || items.len() == 0);
            match (here, items.len()) {
                (Some((_, json)), _) => list.serialize_element(json)?,
                (None, 0) => break,
                (None, _) => items.next().map_or(Ok(()), |item| list.serialize_element(item))?,
            }
        }
        list.end()
    }

    fn report(&self, at: &Path<'_>, odd: &[usize], found: &mut dyn Findings) {
        let positions = (0..).filter(|position| !odd.contains(position));
        for (item, position) in self.iter().zip(positions) {
            item.report(&Path::Item(at, position), &[], found);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test reports by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use crate::models::runtime::open_object;
    use crate::models::{Presence, from_json};

    open_object! {
        /// Numbers, and objects in themselves.
        struct Node {
            optional:
            /// An integer.
            pub size: Option<i64> = SIZE "size",
            /// One that is never negative.
            pub count: Option<u64> = COUNT "count",
            /// An object of the same type.
            pub inner: Option<Box<Node>> = INNER "inner",
            /// Objects by name.
            pub named: Option<BTreeMap<String, Node>> = NAMED "named",
        }
    }

    #[test]
    fn an_integer_is_one_however_it_is_written() {
        for (json, read) in [
            ("1024.0", Some(1024)),
            ("-7.000", Some(-7)),
            ("1024.5", None),
            ("1e3", Some(1000)),
            ("1.0E3", Some(1000)),
            ("12.5e1", Some(125)),
            ("1200e-2", Some(12)),
            ("-1E+2", Some(-100)),
            ("-0", Some(0)),
            ("-0.0e5", Some(0)),
            ("1e-1", None),
            ("1e19", None),
            ("1e400", None),
            ("1e99999999999999999999", None),
            ("\"1e3\"", None),
        ] {
            let text = format!(r#"{{"size":{json},"count":{json}}}"#);
            let node: Node = from_json(&text).unwrap();
            assert_eq!((node.size, node.presence(Node::SIZE)), (read, Presence::Unreadable), "{json}");
            assert_eq!(serde_json::to_string(&node).unwrap(), text, "written back digit by digit");
            let mut changed = node.clone();
            changed.size = Some(5);
            assert!(serde_json::to_string(&changed).unwrap().starts_with(r#"{"size":5,"#));
        }
    }

    #[test]
    fn no_digit_of_a_number_is_lost() {
        open_object! {
            /// A price that may be missing, and one that may not.
            pub struct Priced {
                /// Always there.
                pub total: f64 = "total",
                optional:
                /// Perhaps there.
                pub price: Option<f64> = PRICE "price",
                /// Something else.
                pub note: Option<String> = NOTE "note",
            }
        }
        for number in ["0.30000000000000000001", "12345678901234567890.5", "9007199254740993", "1e-400"] {
            let text = format!(r#"{{"total":{number},"price":{number}}}"#);
            let mut priced: Priced = serde_json::from_str(&text).unwrap();
            assert!(priced.price.is_some(), "{number}");
            assert_eq!(serde_json::to_string(&priced).unwrap(), text);
            priced.note = Some("n".to_owned());
            let noted = text.replace('}', r#","note":"n"}"#);
            assert_eq!(serde_json::to_string(&priced).unwrap(), noted, "a change beside it");
            priced.price = Some(2.5);
            priced.total = 3.5;
            assert_eq!(serde_json::to_string(&priced).unwrap(), r#"{"total":3.5,"price":2.5,"note":"n"}"#);
        }
        for (number, value) in [("10", 10.0), ("-0.50", -0.5), ("1.5e3", 1500.0), ("0.1", 0.1), ("0", 0.0)] {
            let priced: Priced = serde_json::from_str(&format!(r#"{{"total":{number},"price":{number}}}"#)).unwrap();
            assert_eq!((priced.price, priced.presence(Priced::PRICE)), (Some(value), Presence::Value), "{number}");
        }
        let odd: Priced = serde_json::from_str(r#"{"total":1,"price":1e400}"#).unwrap();
        assert_eq!((odd.price, serde_json::to_string(&odd).unwrap().contains("1e400")), (None, true));
    }

    #[test]
    fn what_is_unreadable_in_an_object_of_a_map_has_its_path() {
        let text = r#"{"named":{"a":{"size":true}},"inner":{"inner":{"count":-1}}}"#;
        let node: Node = from_json(text).unwrap();
        let found = node.unreadable();
        let paths: Vec<_> = found.iter().map(crate::models::Unreadable::path).collect();
        assert_eq!(paths, ["inner.inner.count", "named.a.size"]);
        assert_eq!(
            serde_json::to_string(&node).unwrap(),
            r#"{"inner":{"inner":{"count":-1}},"named":{"a":{"size":true}}}"#
        );
    }

    #[test]
    fn objects_nested_without_end_are_refused_and_do_not_overflow_the_stack() {
        let deep = format!("{}{{\"size\":true}}{}", "{\"inner\":".repeat(20_000), "}".repeat(20_000));
        // Somewhere on the way down the rest is kept as it is.
        let node: Node = from_json(&deep).unwrap();
        assert_eq!(serde_json::to_string(&node).unwrap().len(), deep.len());
    }
}
