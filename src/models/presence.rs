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
    pub(super) path: String,
    pub(super) json: Json,
    pub(super) error: Box<str>,
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

/// The way from an object to a value in it.
pub(crate) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
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
