//! The document: loading it and following its references.

use serde_json::Value;

use crate::error::Error;
use crate::findings::Finding;
use crate::pointer::{Located, Pointer};

/// Which dialect of schemas the document speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// `nullable`, no keywords beside `$ref`.
    V30,
    /// JSON Schema 2020-12.
    V31,
}

/// An OpenAPI document.
#[derive(Debug)]
pub(crate) struct Document {
    root: Value,
    pub(crate) version: Version,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let root: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(Error::NotJson)?;
        let declared = root.get("openapi").and_then(Value::as_str).unwrap_or_default();
        let version = match declared.split('.').collect::<Vec<_>>().as_slice() {
            ["3", "0", ..] => Version::V30,
            ["3", "1", ..] => Version::V31,
            _ => return Err(Error::Version { found: declared.to_owned() }),
        };
        Ok(Self { root, version })
    }

    pub(crate) fn root(&self) -> Located<'_> {
        Located { at: Pointer::root(), value: &self.root }
    }

    /// The object at a path of member names, if it is there.
    pub(crate) fn section(&self, path: &[&str]) -> Option<Located<'_>> {
        path.iter().try_fold(self.root(), |here, name| here.get(name))
    }

    /// What a `$ref` points at: one step.
    pub(crate) fn target(&self, reference: &Located<'_>) -> Result<Located<'_>, Finding> {
        let at = reference.at.member("$ref");
        let text = reference.text("$ref").ok_or_else(|| Finding::new(&at, "`$ref` is not a string"))?;
        let pointer = Pointer::parse(text)
            .ok_or_else(|| Finding::new(&at, format!("the reference `{text}` leaves the document")))?;
        let value = pointer
            .find(&self.root)
            .ok_or_else(|| Finding::new(&at, format!("the reference `{text}` points at nothing")))?;
        Ok(Located { at: pointer, value })
    }

    /// Follows `$ref` until something else stands there.
    pub(crate) fn resolve<'d>(&'d self, start: &Located<'d>) -> Result<Located<'d>, Finding> {
        let mut here = start.clone();
        let mut trail = Vec::new();
        while here.value.get("$ref").is_some() {
            if trail.contains(&here.at) {
                return Err(Finding::new(&start.at, "the reference leads back to itself"));
            }
            trail.push(here.at.clone());
            here = self.target(&here)?;
        }
        Ok(here)
    }
}
