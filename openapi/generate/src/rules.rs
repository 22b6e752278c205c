//! Rules that this project's own contract keeps, beyond being a valid OpenAPI document.
//!
//! - Every node says how certain it is (`x-evidence`), where that comes from (`x-source`), and why if it is inferred.
//! - Sources are listed in `x-sources`, and each of them is used.
//! - The world stays open: no `enum`, `const` or closed object; known values are in `x-open-enum`.
//! - What people read is there: descriptions, summaries, operation ids.
//! - Contract and curation name the same operations and required fields, so that neither is changed alone.

#![allow(clippy::indexing_slicing, reason = "a JSON value that is indexed by a name is null where there is none")]

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::curation::Curation;
use crate::error::Error;
use crate::pointer::Pointer;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const LEVELS: [&str; 3] = ["documented", "observed", "inferred"];

/// The rules that the contract breaks, each with its JSON pointer.
///
/// # Errors
/// When the contract or its curation cannot be read.
pub fn broken(document: &str, curation: &str) -> Result<Vec<String>, Error> {
    let root = crate::reading::value(document)?;
    let curation = Curation::parse(curation)?;
    let sources = object(&root["x-sources"]).keys().cloned().collect();
    let mut rules = Rules { sources, cited: BTreeSet::new(), broken: Vec::new() };
    rules.document(&root);
    rules.curation(&root, &curation);
    Ok(rules.broken)
}

/// Where a schema stands: with a name of its own, or as a part of something that is marked.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Named,
    Part,
}

struct Rules {
    sources: BTreeSet<String>,
    cited: BTreeSet<String>,
    broken: Vec<String>,
}

impl Rules {
    fn report(&mut self, at: &Pointer, what: impl AsRef<str>) {
        self.broken.push(format!("{at}: {}", what.as_ref()));
    }

    fn document(&mut self, root: &Value) {
        let top = Pointer::root();
        for list in ["servers", "tags"] {
            for (index, node) in array(&root[list]).iter().enumerate() {
                self.marks(&top.field(list).element(index), node);
            }
        }
        for section in ["paths", "webhooks"] {
            for (name, item) in object(&root[section]) {
                let at = top.field(section).field(name);
                if section == "webhooks" {
                    self.marks(&at, item);
                }
                self.operations(&at, item);
            }
        }
        let components = &root["components"];
        let at = top.field("components");
        for (name, node) in object(&components["schemas"]) {
            self.schema(&at.field("schemas").field(name), node, Place::Named);
        }
        for kind in ["parameters", "headers", "requestBodies", "responses", "securitySchemes"] {
            for (name, node) in object(&components[kind]) {
                self.holder(&at.field(kind).field(name), node);
            }
        }
        let unused: Vec<_> = self.sources.difference(&self.cited).cloned().collect();
        for source in unused {
            self.report(&top.field("x-sources").field(&source), "is cited nowhere");
        }
    }

    fn curation(&mut self, root: &Value, curation: &Curation) {
        let top = Pointer::root();
        for (name, node) in object(&root["components"]["schemas"]) {
            let here: BTreeSet<&str> = array(&node["required"]).iter().filter_map(Value::as_str).collect();
            let model = curation.models.get(name).and_then(|model| model.required.as_ref());
            let there: BTreeSet<&str> = model.into_iter().flatten().map(String::as_str).collect();
            if here != there {
                let at = top.field("components").field("schemas").field(name).field("required");
                self.report(&at, format!("{here:?}, but the curation says {there:?}"));
            }
        }
        let operations = object(&root["paths"]).values().flat_map(object);
        let named: BTreeSet<&str> = operations
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .filter_map(|(_, operation)| operation["operationId"].as_str())
            .collect();
        let curated: BTreeSet<&str> = curation.operations.keys().map(String::as_str).collect();
        for name in named.symmetric_difference(&curated) {
            self.report(&top.field("paths"), format!("`{name}` is in only one of the contract and the curation"));
        }
    }

    /// A node says how certain it is, where that comes from, and why if it is inferred.
    fn marks(&mut self, at: &Pointer, node: &Value) {
        let level = node["x-evidence"].as_str().unwrap_or_default();
        if !LEVELS.contains(&level) {
            self.report(at, format!("x-evidence is `{level}`, not one of {LEVELS:?}"));
        }
        let source = node["x-source"].as_str().unwrap_or_default();
        let (tags, reason) = source.split_once(';').unwrap_or((source, ""));
        if tags.trim().is_empty() {
            self.report(at, "x-source is missing");
            return;
        }
        for tag in tags.split(',').map(str::trim) {
            self.cited.insert(tag.to_owned());
            if !self.sources.contains(tag) {
                self.report(at, format!("x-source names `{tag}`, which x-sources does not list"));
            }
        }
        if level == "inferred" && reason.trim().is_empty() {
            self.report(at, "inferred without a reason (`TAGS; reason`)");
        }
    }

    fn described(&mut self, at: &Pointer, node: &Value, keys: &[&str]) {
        for key in keys {
            if node[*key].as_str().unwrap_or_default().is_empty() {
                self.report(at, format!("no {key}"));
            }
        }
    }

    fn schema(&mut self, at: &Pointer, node: &Value, place: Place) {
        let Some(fields) = node.as_object() else { return };
        // A reference alone and the null type need no marks as a part of something that is marked.
        let is_null = fields.len() == 1 && node["type"] == "null";
        if place == Place::Named || !(is_reference(fields) || is_null) {
            self.marks(at, node);
        }
        if place == Place::Named && !fields.contains_key("$ref") {
            self.described(at, node, &["description"]);
        }
        for closed in ["enum", "const"] {
            if fields.contains_key(closed) {
                self.report(at, format!("`{closed}` closes the world; use x-open-enum"));
            }
        }
        if [&node["additionalProperties"], &node["unevaluatedProperties"]].contains(&&Value::Bool(false)) {
            self.report(at, "unknown fields must be allowed");
        }
        for (name, property) in object(&node["properties"]) {
            self.schema(&at.field("properties").field(name), property, Place::Named);
        }
        for key in ["items", "additionalProperties", "not"] {
            self.schema(&at.field(key), &node[key], Place::Part);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for (index, part) in array(&node[key]).iter().enumerate() {
                self.schema(&at.field(key).element(index), part, Place::Part);
            }
        }
        for (index, value) in array(&node["x-open-enum"]).iter().enumerate() {
            let at = at.field("x-open-enum").element(index);
            self.marks(&at, value);
            self.described(&at, value, &["value", "description"]);
        }
        for name in array(&node["required"]).iter().filter_map(Value::as_str) {
            if node["properties"].get(name).is_none() {
                self.report(at, format!("requires `{name}`, which it does not describe"));
            }
        }
    }

    /// A parameter, header, body or response; a reference to one is marked where it points.
    fn holder(&mut self, at: &Pointer, node: &Value) {
        if node.as_object().is_some_and(is_reference) {
            return;
        }
        self.marks(at, node);
        self.described(at, node, &["description"]);
        self.schema(&at.field("schema"), &node["schema"], Place::Part);
        for (media, kind) in object(&node["content"]) {
            self.schema(&at.field("content").field(media).field("schema"), &kind["schema"], Place::Part);
        }
        for (name, header) in object(&node["headers"]) {
            self.holder(&at.field("headers").field(name), header);
        }
    }

    fn operations(&mut self, at: &Pointer, item: &Value) {
        self.parameters(at, item);
        for (method, operation) in object(item).iter().filter(|(method, _)| METHODS.contains(&method.as_str())) {
            let at = at.field(method);
            self.marks(&at, operation);
            self.described(&at, operation, &["operationId", "summary", "description"]);
            self.parameters(&at, operation);
            if operation.get("requestBody").is_some() {
                self.holder(&at.field("requestBody"), &operation["requestBody"]);
            }
            for (status, response) in object(&operation["responses"]) {
                self.holder(&at.field("responses").field(status), response);
            }
        }
    }

    fn parameters(&mut self, at: &Pointer, node: &Value) {
        for (index, parameter) in array(&node["parameters"]).iter().enumerate() {
            self.holder(&at.field("parameters").element(index), parameter);
        }
    }
}

fn is_reference(fields: &Map<String, Value>) -> bool {
    fields.len() == 1 && fields.contains_key("$ref")
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
