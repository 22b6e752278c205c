//! The states in which a field can arrive, and what could not be read.

use std::fmt;
use std::marker::PhantomData;

use super::json::Json;

/// What an object says about a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Presence {
    /// The object has no such field.
    #[default]
    Absent,
    /// The field is null.
    Null,
    /// The field has a value.
    Value,
    /// The field has a value that cannot be read as the type of the field; its JSON is kept.
    Unreadable,
}

/// The name of a field of the model `M`, for instance `Task::TOPIC`.
pub struct Field<M> {
    index: usize,
    name: &'static str,
    model: PhantomData<fn(M)>,
}

impl<M> Field<M> {
    pub(crate) const fn new(index: usize, name: &'static str) -> Self {
        Self { index, name, model: PhantomData }
    }

    pub(crate) const fn index(self) -> usize {
        self.index
    }

    /// The name in JSON, for instance `topic`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<M> Clone for Field<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Field<M> {}

impl<M> PartialEq for Field<M> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<M> Eq for Field<M> {}

impl<M> fmt::Debug for Field<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", self.name)
    }
}

/// JSON in a model that cannot be read as the type of its field.
///
/// It is written back as it came unless the field is given a value. The field itself is empty, or shows what can be
/// read of the value: a string that was cut inside a character, `1024.0` where an integer belongs.
#[derive(Clone)]
pub struct Unreadable {
    path: String,
    json: Json,
    error: Box<str>,
}

impl Unreadable {
    /// Where it is, for instance `createdAt` or `tasks[3].contributors[0]`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The JSON as it came.
    #[must_use]
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// What does not fit, in words; they may quote the value.
    #[must_use]
    pub fn error(&self) -> &str {
        &self.error
    }
}

impl fmt::Debug for Unreadable {
    /// Where it is and what kind of JSON; its content stays private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreadable").field("path", &self.path).field("json", &self.json).finish_non_exhaustive()
    }
}

/// What a walk through an object finds.
pub(crate) trait Findings {
    /// JSON that cannot be read as the type of its field.
    fn unreadable(&mut self, at: &Path<'_>, json: &Json, error: &str) {
        let _ = (at, json, error);
    }

    /// A field that this version does not know.
    fn unknown_field(&mut self, at: &Path<'_>) {
        let _ = at;
    }

    /// An enum value that this version does not know.
    fn unknown_value(&mut self, at: &Path<'_>, value: &str) {
        let _ = (at, value);
    }
}

impl Findings for Vec<Unreadable> {
    fn unreadable(&mut self, at: &Path<'_>, json: &Json, error: &str) {
        self.push(Unreadable { path: at.to_string(), json: json.clone(), error: error.into() });
    }
}

/// The way from an object to a value in it.
pub(crate) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    /// An entry of a map, whose keys are data.
    Entry(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

#[cfg(any(feature = "client", feature = "webhook"))]
impl Path<'_> {
    /// The path without positions and keys of maps, for instance `tasks[].status`: one for all objects of a kind.
    pub(crate) fn shape(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Field(Self::Root, name) => (*name).to_owned(),
            Self::Field(parent, name) => format!("{}.{name}", parent.shape()),
            Self::Entry(parent, _) => format!("{}.{{}}", parent.shape()),
            Self::Item(parent, _) => format!("{}[]", parent.shape()),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) | Self::Entry(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) | Self::Entry(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// An item that did not fit, by its position in the list.
pub(crate) struct OddItem {
    pub(crate) position: usize,
    pub(crate) json: Json,
    pub(crate) error: serde_json::Error,
}
