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

/// What must be an object where it is present.
const SECTIONS: &[&[&str]] = &[
    &["paths"],
    &["webhooks"],
    &["components"],
    &["components", "schemas"],
    &["components", "parameters"],
    &["components", "responses"],
    &["components", "requestBodies"],
    &["components", "securitySchemes"],
];

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        Self::new(crate::reading::value(text)?)
    }

    /// An OpenAPI document of a version that is understood.
    pub(crate) fn new(root: Value) -> Result<Self, Error> {
        let Some(object) = root.as_object() else {
            return Err(Error::unreadable("#: the document is not an object; save the OpenAPI document itself"));
        };
        if let Some(found) = object.get("swagger") {
            return Err(Error::unreadable(format!(
                "#/swagger: the document is Swagger {}; versions 3.0, 3.1 and 3.2 of OpenAPI are understood: convert it first, \
                 for example with `npx swagger2openapi FILE --outfile openapi.json`",
                plain(found)
            )));
        }
        let Some(declared) = object.get("openapi") else {
            return Err(Error::unreadable(
                "#/openapi: missing, so this is not an OpenAPI document; the file must begin with `openapi: 3.x`",
            ));
        };
        let text = plain(declared);
        let version = match text.split('.').collect::<Vec<_>>().as_slice() {
            ["3", "0", ..] => Version::V30,
            // 3.2 adds to 3.1 and changes nothing of it; what it adds is a finding where it stands.
            ["3", "1" | "2", ..] => Version::V31,
            _ => {
                return Err(Error::unreadable(format!(
                    "#/openapi: version `{text}` is not understood; 3.0, 3.1 and 3.2 are"
                )));
            }
        };
        let fault = SECTIONS.iter().find_map(|path| not_an_object(&root, path));
        fault.map_or(Ok(Self { root, version }), |fault| Err(Error::unreadable(fault)))
    }

    pub(crate) fn root(&self) -> Located<'_> {
        Located { at: Pointer::root(), value: &self.root }
    }

    /// The object at a path of field names, if it is there.
    pub(crate) fn section(&self, path: &[&str]) -> Option<Located<'_>> {
        path.iter().try_fold(self.root(), |here, name| here.get(name))
    }

    /// What a `$ref` points at: one step.
    pub(crate) fn target(&self, reference: &Located<'_>) -> Result<Located<'_>, Finding> {
        let at = reference.at.field("$ref");
        let text = reference.text("$ref").ok_or_else(|| Finding::new(&at, "`$ref` is not a string"))?;
        let pointer = Pointer::parse(text).ok_or_else(|| {
            let what = if text.is_empty() {
                "the reference is empty".to_owned()
            } else if text.starts_with('#') {
                format!("the reference `{text}` is a name, not a JSON pointer; write `#/components/schemas/…`")
            } else {
                format!("the reference `{text}` leaves the document; bundle it into one file first, for example with `npx @redocly/cli bundle`")
            };
            Finding::new(&at, what)
        })?;
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

/// The complaint about a section that is there and is not an object.
fn not_an_object(root: &Value, path: &[&str]) -> Option<String> {
    let found = path.iter().try_fold(root, |here, name| here.get(name))?;
    (!found.is_object()).then(|| format!("#/{}: not an object, so nothing can be read from it", path.join("/")))
}

/// A version as people write it: text or a number.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
