//! Every reference of a document, before anything is made of it.

use serde_json::Value;

use crate::document::Document;
use crate::error::Error;
use crate::pointer::Located;

/// Fails with every reference that leaves the document or points at nothing.
///
/// Examples are data: a `$ref` in them is none.
pub(crate) fn check(document: &Document) -> Result<(), Error> {
    let mut problems = Vec::new();
    let mut waiting = vec![document.root()];
    while let Some(here) = waiting.pop() {
        if here.value.get("$ref").is_some_and(Value::is_string)
            && let Err(finding) = document.target(&here)
        {
            problems.push(finding.to_string());
        }
        waiting.extend(here.elements());
        waiting.extend(here.fields().filter(|(name, _)| !is_data(&here, name)).map(|(_, field)| field));
    }
    problems.sort();
    if problems.is_empty() { Ok(()) } else { Err(Error::unreadable(problems.join("\n"))) }
}

fn is_data(here: &Located<'_>, name: &str) -> bool {
    // A field may be called so.
    let named = here.at.steps().last().is_some_and(|step| step == "properties");
    !named
        && (matches!(name, "example" | "examples" | "default" | "const" | "enum" | "value") || name.starts_with("x-"))
}
