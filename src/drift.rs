//! What a response or a delivery holds that this version of the crate does not know: found by a walk through the models, and
//! reported once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::models::Json;
use crate::models::runtime::{Findings, Path};

/// Something in a response or a delivery that this version of the crate does not know. Nothing of it is lost: models keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift<'a> {
    /// What it is.
    pub kind: DriftKind,
    /// Where it is, without positions in lists and keys of maps, for instance `tasks[].status` or `data.task.status`.
    pub path: &'a str,
    /// The enum value that is not known.
    pub value: Option<&'a str>,
}

/// What a response or a delivery held that this version of the crate does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DriftKind {
    /// A field.
    UnknownField,
    /// A value of an enum; also the type of an event.
    UnknownValue,
    /// A field or an item of a list with JSON of another shape.
    Unreadable,
}

impl DriftKind {
    /// One word for logs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::UnknownValue => "unknown_value",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Beyond so many things nothing more is reported: a service may make up names without end.
const MOST: usize = 256;

/// Names and values that are longer are cut.
const LONGEST: usize = 128;

/// Remembers what was reported.
#[derive(Default)]
pub(crate) struct Reported(Mutex<HashSet<String>>);

impl Reported {
    /// Reports what was found for the first time in this scope. `clean` takes secrets out of names and values.
    pub(crate) fn report(
        &self,
        scope: &str,
        found: Found,
        clean: impl Fn(&str) -> String,
        mut report: impl FnMut(&Drift<'_>),
    ) {
        for (kind, path, value) in found.0 {
            let path = cut(clean(&path));
            let value = value.map(|value| cut(clean(&value)));
            let key = format!("{scope} {} {path} {}", kind.as_str(), value.as_deref().unwrap_or_default());
            if self.is_new(key) {
                report(&Drift { kind, path: &path, value: value.as_deref() });
            }
        }
    }

    fn is_new(&self, key: String) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < MOST && reported.insert(key)
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What a walk through a response or an event has found.
#[derive(Default)]
pub(crate) struct Found(Vec<(DriftKind, String, Option<String>)>);

impl Found {
    /// A list often has the same thing in each of its items.
    fn add(&mut self, kind: DriftKind, path: String, value: Option<&str>) {
        let is_known = |(k, p, v): &(DriftKind, String, Option<String>)| (*k, p, v.as_deref()) == (kind, &path, value);
        if self.0.len() < MOST && !self.0.iter().any(is_known) {
            self.0.push((kind, path, value.map(str::to_owned)));
        }
    }

    /// Takes something back; returns whether it was there.
    #[cfg(feature = "webhook")]
    pub(crate) fn remove(&mut self, kind: DriftKind, path: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(k, p, _)| (*k, p.as_str()) != (kind, path));
        self.0.len() < before
    }

    /// JSON of another shape.
    pub(crate) fn add_unreadable(&mut self, at: &Path<'_>) {
        self.add(DriftKind::Unreadable, at.shape(), None);
    }
}

impl Findings for Found {
    fn unreadable(&mut self, at: &Path<'_>, _: &Json, _: &str) {
        self.add_unreadable(at);
    }

    fn unknown_field(&mut self, at: &Path<'_>) {
        self.add(DriftKind::UnknownField, at.shape(), None);
    }

    fn unknown_value(&mut self, at: &Path<'_>, value: &str) {
        self.add(DriftKind::UnknownValue, at.shape(), Some(value));
    }
}
