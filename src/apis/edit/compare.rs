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
