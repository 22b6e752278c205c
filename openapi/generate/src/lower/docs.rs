//! Descriptions and evidence marks: from the document to the rustdoc.

use serde_json::Value;

use crate::ir::Docs;
use crate::lower::Lowering;
use crate::pointer::Located;

/// Limits worth a mention, as the document spells them.
const LIMITS: &[&str] = &[
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
];

/// Formats that the Rust type already shows.
const SHOWN: &[&str] = &["date-time", "password", "int32", "int64", "float", "double"];

/// Description, evidence and source of the node itself.
pub(crate) fn node_docs(here: &Located<'_>) -> Docs {
    let text = here.text("description").or_else(|| here.text("summary")).map(str::to_owned);
    let source = match here.value.get("x-source") {
        Some(Value::String(source)) => Some(source.clone()),
        Some(Value::Array(sources)) => Some(sources.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    };
    Docs { text, notes: Vec::new(), evidence: here.text("x-evidence").map(str::to_owned), source, section: None }
}

/// Type and limits in words, as far as the Rust type does not show them.
pub(crate) fn schema_notes(here: &Located<'_>, notes: &mut Vec<String>) {
    let Some(object) = here.value.as_object() else { return };
    if let Some(constant) = object.get("const") {
        notes.push(format!("Always {}.", code(&constant.to_string())));
    }
    if let Some(format) = here.text("format").filter(|format| !SHOWN.contains(format)) {
        notes.push(match format {
            "date" => "A date without a time, such as `2026-05-10`.".to_owned(),
            other => format!("Format: {}.", code(other)),
        });
    }
    let numbers: Vec<String> = object
        .get("enum")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|value| value.is_number())
        .map(|value| code(&value.to_string()))
        .collect();
    if !numbers.is_empty() {
        notes.push(format!("Known values: {}.", numbers.join(", ")));
    }
    let limits: Vec<String> =
        LIMITS.iter().filter_map(|&limit| Some(format!("{limit} {}", code(&plain(object.get(limit)?))))).collect();
    if !limits.is_empty() {
        notes.push(format!("Limits: {}.", limits.join(", ")));
    }
    if let Some(default) = object.get("default").filter(|default| !default.is_object() && !default.is_null()) {
        notes.push(format!("Default: {}.", code(&default.to_string())));
    }
    for (mark, note) in [
        ("readOnly", "Set by the service."),
        ("writeOnly", "Sent only, never returned."),
        ("deprecated", "Deprecated."),
    ] {
        if here.flag(mark) {
            notes.push(note.to_owned());
        }
    }
}

/// A code span, with as many backticks around it as its text needs.
fn code(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.contains('`') { format!("``` {text} ```") } else { format!("`{text}`") }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Lowering<'_> {
    /// The docs of a schema: its limits too; a description of its own or of what it refers to.
    pub(crate) fn schema_docs(&self, here: &Located<'_>) -> Docs {
        let mut docs = node_docs(here);
        schema_notes(here, &mut docs.notes);
        if docs.text.is_none() {
            docs.text = self.borrowed_text(here);
        }
        docs
    }

    /// The first paragraph of what a schema refers to.
    fn borrowed_text(&self, here: &Located<'_>) -> Option<String> {
        let (target, _) = self.sole_reference(here)?;
        let target = self.document.resolve(&target).ok()?;
        let text = target.text("description")?;
        Some(text.split("\n\n").next().unwrap_or(text).to_owned())
    }
}
