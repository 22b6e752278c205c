//! Enums that stay open, and how strings are read.

use std::fmt;

use serde::de::{Deserializer, Visitor};

/// The string of an enum value that this version does not know.
///
/// Its content is private so that no program matches on it: the day the value gets a variant of its own, such a
/// match would stop working. Compare strings with the enum's `as_str()` instead.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The string as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A string that names no known value of an enum.
///
/// ```
/// use onehorizon::models::TaskStatus;
/// let error = "compleeted".parse::<TaskStatus>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#""compleeted" is not a known TaskStatus; did you mean "completed"? TaskStatus::other(..) takes any string"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEnumError {
    given: Box<str>,
    of: &'static str,
    suggestion: Option<&'static str>,
}

impl ParseEnumError {
    pub(crate) fn new(given: &str, of: &'static str, known: &[&'static str]) -> Self {
        let folded = given.trim().to_lowercase().replace(['-', ' '], "_");
        let nearest = known.iter().map(|known| (distance(&folded, known), *known)).min();
        let suggestion = nearest.filter(|(distance, known)| *distance <= 1 + known.len() / 4).map(|(_, known)| known);
        Self { given: given.into(), of, suggestion }
    }

    /// The known value that is nearest to what was given, if one is near.
    #[must_use]
    pub fn suggestion(&self) -> Option<&'static str> {
        self.suggestion
    }
}

impl fmt::Display for ParseEnumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, of, suggestion } = self;
        write!(f, "{given:?} is not a known {of}; ")?;
        if let Some(suggestion) = suggestion {
            write!(f, "did you mean {suggestion:?}? ")?;
        }
        write!(f, "{of}::other(..) takes any string")
    }
}

impl std::error::Error for ParseEnumError {}

/// How many characters have to be added, removed or replaced.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // A word that is much longer than any value is like none of them.
    for (index, char) in from.chars().take(64).enumerate() {
        let mut above_left = index;
        let mut left = index + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(&to) {
            let above = *cell;
            left = (above_left + usize::from(char != *other)).min(above + 1).min(left + 1);
            *cell = left;
            above_left = above;
        }
    }
    row.last().copied().unwrap_or_default() + from.chars().count().saturating_sub(64)
}

/// Defines an enum of strings that keeps values it does not know.
macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A value that this version does not know; it is written back as received.
            Unknown($crate::models::UnknownValue),
            /// No value: the field is absent or null.
            #[default]
            Unset,
        }

        impl $name {
            /// The values that this version knows.
            #[doc(alias = "all")]
            #[doc(alias = "values")]
            #[doc(alias = "variants")]
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The string in JSON; empty for no value.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    Self::Unknown(value) => value.as_str(),
                    known => known.known().unwrap_or_default(),
                }
            }

            fn known(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($text),)*
                    Self::Unknown(_) | Self::Unset => None,
                }
            }

            /// The value of this string, whether or not this version knows it.
            #[must_use]
            pub fn other(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    _ => Self::Unknown($crate::models::UnknownValue::new(text)),
                }
            }

            /// Whether there is no value: the field is absent or null.
            #[must_use]
            pub const fn is_unset(&self) -> bool {
                matches!(self, Self::Unset)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::models::ParseEnumError;

            /// The known value of this string; [`other`](Self::other) takes any.
            fn from_str(text: &str) -> Result<Self, $crate::models::ParseEnumError> {
                match Self::other(text) {
                    Self::Unknown(_) => Err($crate::models::ParseEnumError::new(text, stringify!($name), &[$($text),*])),
                    known => Ok(known),
                }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::models::ParseEnumError;

            /// As `parse`.
            fn try_from(text: &str) -> Result<Self, $crate::models::ParseEnumError> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::models::ParseEnumError;

            /// As `parse`.
            fn try_from(text: String) -> Result<Self, $crate::models::ParseEnumError> {
                text.parse()
            }
        }

        impl $crate::models::runtime::FieldType for $name {
            type Value = Self;
            const EMPTY: Self = Self::Unset;

            #[inline]
            fn set(&mut self, value: Option<Self>) {
                *self = value.unwrap_or_default();
            }

            #[inline]
            fn get(&self) -> Option<&Self> {
                (!self.is_unset()).then_some(self)
            }

            #[inline]
            fn says(&self, record: $crate::models::Presence) -> $crate::models::Presence {
                use $crate::models::Presence;
                match (self, record) {
                    (Self::Unset, Presence::Absent) => Presence::Absent,
                    (Self::Unset, _) => Presence::Null,
                    _ => Presence::Value,
                }
            }

            fn write_with<S: serde::Serializer>(
                &self,
                _: &[(usize, &$crate::models::Json)],
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(self, serializer)
            }
        }

        impl $crate::models::runtime::Value for $name {
            fn report(
                &self,
                at: &$crate::models::runtime::Path<'_>,
                _: &[usize],
                found: &mut dyn $crate::models::runtime::Findings,
            ) {
                if let Self::Unknown(value) = self {
                    found.unknown_value(at, value.as_str());
                }
            }
        }

        impl serde::Serialize for $name {
            /// The string; null for no value.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Unset => serializer.serialize_none(),
                    _ => serializer.serialize_str(self.as_str()),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            /// The value of any string; none for null.
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::models::runtime::string_or_null(deserializer, concat!("a string, ", stringify!($name)), |text| {
                    text.map_or(Self::Unset, Self::other)
                })
            }
        }

        #[cfg(feature = "clap")]
        impl clap::ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                Self::KNOWN
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                self.known().map(clap::builder::PossibleValue::new)
            }
        }

        $crate::models::runtime::text_traits!($name);
    };
}

/// Reads a string, or null.
pub(crate) fn string_or_null<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    make: impl FnOnce(Option<&str>) -> T,
) -> Result<T, D::Error> {
    deserializer.deserialize_option(StringVisitor { expected, make })
}

/// Reads a string.
pub(crate) fn string<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    make: impl FnOnce(&str) -> T,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(StringVisitor { expected, make: |text: Option<&str>| make(text.unwrap_or_default()) })
}

struct StringVisitor<F> {
    expected: &'static str,
    make: F,
}

impl<'de, T, F: FnOnce(Option<&str>) -> T> Visitor<'de> for StringVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok((self.make)(Some(text)))
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok((self.make)(None))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok((self.make)(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

pub(crate) use open_enum;
