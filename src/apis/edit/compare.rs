//! Compares tasks by their JSON.

use std::collections::BTreeMap;

use crate::models::{Json, Task};

/// The fields of a task as JSON; a field that is null counts as absent.
pub(super) struct Fields(BTreeMap<String, Json>);

impl Fields {
    pub(super) fn of(task: &Task) -> Result<Self, serde_json::Error> {
        let mut fields: BTreeMap<String, Json> = serde_json::from_str(&serde_json::to_string(task)?)?;
        fields.retain(|_, value| value.get() != "null");
        Ok(Self(fields))
    }

    /// Whether all fields are the same.
    pub(super) fn equal(&self, other: &Self) -> bool {
        self.names(other).all(|name| self.same(other, name))
    }

    /// Whether each field that differs between `base` and this one has this one's value in `now`. What the service changes
    /// itself, such as the time of the change, does not count.
    pub(super) fn arrived_in(&self, now: &Self, base: &Self) -> bool {
        self.names(base).all(|name| self.same(base, name) || self.same(now, name))
    }

    /// What changed since `base`, for a service that takes changes alone (RFC 7396): the new values, and null for what is
    /// gone. A changed object is written whole, with null for each of its fields that is gone, so that it comes out the same
    /// whether the service merges it or puts it in place.
    pub(super) fn changes_since(&self, base: &Self) -> BTreeMap<String, Json> {
        let changed = self.names(base).filter(|name| !self.same(base, name));
        let value = |name: &str| match (self.0.get(name), base.0.get(name)) {
            (Some(new), Some(old)) => with_nulls(new, old),
            (Some(new), None) => new.clone(),
            (None, _) => Json::of("null"),
        };
        changed.map(|name| (name.to_owned(), value(name))).collect()
    }

    fn names<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.0.keys().chain(other.0.keys()).map(String::as_str)
    }

    fn same(&self, other: &Self, name: &str) -> bool {
        match (self.0.get(name), other.0.get(name)) {
            (Some(one), Some(two)) => one == two || same_value(one, two),
            (one, two) => one.is_none() && two.is_none(),
        }
    }
}

/// Whether two strings are the same JSON, written in different ways.
fn same_value(one: &Json, two: &Json) -> bool {
    let read = |json: &Json| json.decode::<serde_json::Value>().ok();
    read(one).is_some_and(|one| Some(one) == read(two))
}

/// A value with null for each field of an object that the old one had and it lacks, at any depth.
fn with_nulls(new: &Json, old: &Json) -> Json {
    let fields = |json: &Json| json.decode::<BTreeMap<String, Json>>().ok();
    let (Some(mut fields), Some(before)) = (fields(new), fields(old)) else { return new.clone() };
    for (name, old) in before {
        let value = fields.get(&name).map_or_else(|| Json::of("null"), |new| with_nulls(new, &old));
        fields.insert(name, value);
    }
    Json::from_value(&fields).unwrap_or_else(|_| new.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(base: &str, wanted: &str) -> String {
        let fields = |text: &str| {
            let mut fields: BTreeMap<String, Json> = serde_json::from_str(text).unwrap_or_default();
            fields.retain(|_, value| value.get() != "null");
            Fields(fields)
        };
        serde_json::to_string(&fields(wanted).changes_since(&fields(base))).unwrap_or_default()
    }

    #[test]
    fn changes_are_new_values_and_null_for_what_is_gone() {
        assert_eq!(changes(r#"{"a":1,"b":2}"#, r#"{"a":1,"b":3,"c":[]}"#), r#"{"b":3,"c":[]}"#);
        assert_eq!(changes(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":null}"#), r#"{"a":null}"#);
        assert_eq!(changes(r#"{"a":{"x":1,"y":{"z":0}}}"#, r#"{"a":{"x":2}}"#), r#"{"a":{"x":2,"y":null}}"#);
        assert_eq!(changes(r#"{"a":[{"x":1}]}"#, r#"{"a":[{}]}"#), r#"{"a":[{}]}"#);
        assert_eq!(changes(r#"{"a":"x"}"#, r#"{"a":"\u0078"}"#), "{}");
    }

    #[test]
    fn no_digit_of_a_changed_number_is_lost() {
        let long = r#"{"a":{"n":12345678901234567890.12345678901234567890}}"#;
        assert_eq!(changes("{}", long), long);
        let with_null = r#"{"a":{"m":null,"n":12345678901234567890.12345678901234567890}}"#;
        assert_eq!(changes(r#"{"a":{"m":1}}"#, long), with_null);
    }
}
