//! Objects that are written back as they came, but for what was changed.
//!
//! [`open_object!`] defines them. Guarantees, per field:
//!
//! - How it arrived is on record in one of four states: absent, null, a value, unreadable. A field that was not touched is
//!   written back as it arrived.
//! - A value is written. `None`, or an enum that is `Unset`, is written as null where null or a value had arrived, and
//!   left out where nothing had. An empty string or list is written where a value had arrived; where null had arrived
//!   null is written, and where nothing had it is left out.
//! - `clear` writes null, `omit` leaves the field out, `send_empty` writes an empty string or list.
//! - JSON that cannot be read as the type of its field is kept and written back, unless the field is given a value. The
//!   same holds for an item of a list. `unreadable` lists all of it.
//! - Only a required field that is missing, null or unreadable fails the object.
//! - A field given twice has the last value. Fields that the object does not know are kept in `extra`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::{json, mode};

/// What [`open_object!`] implements.
pub(crate) trait OpenObject: Sized {
    /// The name of the type.
    const NAME: &'static str;

    /// Reads all fields, each from its own text if `careful`.
    fn read_fields<'de, A: MapAccess<'de>>(map: A, careful: bool) -> Result<Self, A::Error>;
}

struct ObjectVisitor<T> {
    careful: bool,
    object: PhantomData<T>,
}

impl<'de, T: OpenObject> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object, {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read_fields(map, self.careful)
    }
}

/// Reads an object at full speed where the caller can read it again, else from its text.
pub(crate) fn read_object<'de, T: OpenObject, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    if mode::is_optimistic() {
        return deserializer.deserialize_map(ObjectVisitor { careful: false, object: PhantomData });
    }
    json::with_raw(deserializer, read_text)?.map_err(D::Error::custom)
}

fn read_text<T: OpenObject>(text: &str) -> serde_json::Result<T> {
    mode::optimistically(|| read_in_one_pass(text, false))
        .or_else(|error| mode::carefully(|| read_in_one_pass(text, true)).unwrap_or(Err(error)))
}

fn read_in_one_pass<T: OpenObject>(text: &str, careful: bool) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = deserializer.deserialize_map(ObjectVisitor { careful, object: PhantomData })?;
    deserializer.end()?;
    Ok(object)
}

/// Defines an object of plain fields that is written back as it came, but for what was changed.
///
/// First the fields that every such object has, then, below `optional:`, those that may be absent or null. Beside each
/// field stands its name in JSON; beside one that may be missing also the name of its constant.
///
/// ```ignore
/// open_object! {
///     /// A person.
///     pub struct Person {
///         /// The id.
///         pub person_id: String = "personId",
///         optional:
///         /// The name.
///         pub name: Option<String> = NAME "name",
///     }
/// }
/// ```
macro_rules! open_object {
    // Objects without required fields have a `Default`.
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            optional:
            $($fields:tt)*
        }
    ) => {
        $crate::models::runtime::open_object! { @define $(#[$meta])* $vis struct $name { optional: $($fields)* } }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $($fields:tt)* }
    ) => {
        $crate::models::runtime::open_object! { @define $(#[$meta])* $vis struct $name { $($fields)* } }
    };
    (
        @define
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$required_meta:meta])* pub $required:ident: $required_type:ty = $required_json:literal,)*
            optional:
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty = $const:ident $json:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone)]
        #[non_exhaustive]
        #[allow(unreachable_pub, reason = "the struct may be private")]
        $vis struct $name {
            $($(#[$required_meta])* pub $required: $required_type,)*
            $($(#[$field_meta])* pub $field: $type,)*
            /// Fields that this version does not know, kept and written back.
            pub extra: $crate::models::Extra,
            record: $crate::models::runtime::Record<{ 0 $(+ { let _ = stringify!($required); 1 })* $(+ { let _ = stringify!($field); 1 })* }>,
        }

        // Outside the block below, whose path the compiler would name where it offers this function.
        #[allow(unreachable_pub, dead_code, reason = "the struct may be private")]
        impl $name {
            /// One with the fields that it cannot do without; all others are left out until they are set.
            #[must_use]
            #[inline]
            pub fn new($($required: impl Into<$required_type>),*) -> Self {
                Self {
                    $($required: $required.into(),)*
                    $($field: <$type as $crate::models::runtime::FieldType>::EMPTY,)*
                    extra: $crate::models::Extra::new(),
                    record: Self::new_record(),
                }
            }
        }

        #[allow(
            unused_mut, unused_variables, dead_code, unreachable_code, unreachable_pub,
            reason = "an object may have no required field, or no other; it may be private"
        )]
        const _: () = {
        use $crate::models::runtime as rt;

        /// The position of each field in the record.
        #[allow(non_camel_case_types, clippy::enum_variant_names)]
        enum At { $($required,)* $($field,)* }

        const FIELDS: usize = [$(At::$required as usize,)* $(At::$field as usize,)*].len();

        impl $name {
            $(
                #[doc = concat!("The field `", $json, "`.")]
                pub const $const: rt::Field<Self> = rt::Field::new(At::$field as usize, $json);
            )*

            /// The record of an object with its required fields alone.
            fn new_record() -> rt::Record<FIELDS> {
                let mut record = rt::Record::new();
                $(record.set(At::$required as usize, rt::Presence::Value);)*
                record
            }

            /// What is written of a field: nothing, null, a value, or the JSON that could not be read.
            #[must_use]
            pub fn presence(&self, field: rt::Field<Self>) -> rt::Presence {
                $(if field == Self::$const { return self.record.presence(field.index(), &self.$field); })*
                rt::Presence::Absent
            }

            fn put(&mut self, field: rt::Field<Self>, presence: rt::Presence) {
                if presence != rt::Presence::Value {
                    $(if field == Self::$const { self.$field = <$type as rt::FieldType>::EMPTY; })*
                }
                self.record.set(field.index(), presence);
            }

            /// Empties a field and writes null for it.
            pub fn clear(&mut self, field: rt::Field<Self>) {
                self.put(field, rt::Presence::Null);
            }

            /// Empties a field and leaves it out of what is written.
            pub fn omit(&mut self, field: rt::Field<Self>) {
                self.put(field, rt::Presence::Absent);
            }

            /// Writes a string or a list even when it is empty.
            pub fn send_empty(&mut self, field: rt::Field<Self>) {
                self.put(field, rt::Presence::Value);
            }

            /// The JSON in this object and in the objects inside it that could not be read, each with its path.
            #[must_use]
            pub fn unreadable(&self) -> Vec<rt::Unreadable> {
                let mut found = Vec::new();
                rt::Value::report(self, &rt::Path::Root, &[], &mut found);
                found
            }

            /// Whether the client read it in a response to a request for this very object.
            pub(crate) fn is_whole(&self) -> bool {
                self.record.is_whole()
            }

            /// Says whether it is known to be whole.
            pub(crate) fn set_whole(&mut self, whole: bool) {
                self.record.set_whole(whole);
            }
        }

        impl PartialEq for $name {
            /// Compares fields and unknown fields; not whether an empty one is absent or null.
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                $(self.$required == other.$required &&)*
                $(self.$field == other.$field &&)*
                self.extra == other.extra
            }
        }

        impl rt::fmt::Debug for $name {
            fn fmt(&self, f: &mut rt::fmt::Formatter<'_>) -> rt::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($required), &self.$required))*
                    $(.field(stringify!($field), &self.$field))*
                    .field("extra", &self.extra)
                    .finish()
            }
        }

        impl rt::OpenObject for $name {
            const NAME: &'static str = stringify!($name);

            fn read_fields<'de, A: rt::MapAccess<'de>>(mut map: A, careful: bool) -> Result<Self, A::Error> {
                $(let mut $required: Option<$required_type> = None;)*
                $(let mut $field = <$type as rt::FieldType>::EMPTY;)*
                let mut extra = rt::Extra::new();
                let mut record = rt::Record::new();
                while let Some(key) = rt::MapAccess::next_key::<rt::Key<'de>>(&mut map)? {
                    match key.as_str() {
                        $($required_json => record.read(At::$required as usize, &mut $required, &mut map, careful)?,)*
                        $($json => record.read(At::$field as usize, &mut $field, &mut map, careful)?,)*
                        _ => extra.read(&key, &mut map)?,
                    }
                }
                extra.keep_last();
                record.set_whole(rt::is_whole_response());
                Ok(Self {
                    $($required: record.required(At::$required as usize, $required_json, $required)?,)*
                    $($field,)*
                    extra,
                    record,
                })
            }
        }

        impl<'de> rt::Deserialize<'de> for $name {
            fn deserialize<D: rt::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                rt::read_object(deserializer)
            }
        }

        impl rt::Serialize for $name {
            fn serialize<S: rt::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = rt::Serializer::serialize_map(serializer, None)?;
                $(self.record.write_required(At::$required as usize, $required_json, &self.$required, &mut map)?;)*
                $(self.record.write(At::$field as usize, $json, &self.$field, &mut map)?;)*
                self.extra.write(&mut map)?;
                rt::SerializeMap::end(map)
            }
        }

        impl rt::Value for $name {
            fn report(&self, at: &rt::Path<'_>, _: &[usize], found: &mut dyn rt::Findings) {
                $(self.record.report(At::$required as usize, $required_json, Some(&self.$required), at, found);)*
                $(self.record.report(At::$field as usize, $json, rt::FieldType::get(&self.$field), at, found);)*
                self.extra.names().for_each(|name| found.unknown_field(&rt::Path::Field(at, name)));
            }
        }
        };
    };
}

pub(crate) use open_object;
