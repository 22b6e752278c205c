//! Open enums and ids: calls of the runtime's macros, laid out here since the printer leaves macros alone.

use std::fmt::Write as _;

use crate::emit::doc_text;
use crate::ir::{Docs, Variant};

pub(crate) fn open_enum(name: &str, docs: &Docs, variants: &[Variant]) -> String {
    let mut text = format!(
        "open_enum! {{\n{}    pub enum {name} {{\n",
        doc_text(docs, "Values that the service may extend.", false, "    ")
    );
    for variant in variants {
        text.push_str(&doc_text(&variant.docs, &literal(&variant.wire), true, "        "));
        let _ = writeln!(text, "        {} = {:?},", variant.name, variant.wire);
    }
    text.push_str("    }\n}\n");
    text
}

pub(crate) fn string_id(name: &str, docs: &Docs) -> String {
    format!("string_id! {{\n{}    pub struct {name};\n}}\n", doc_text(docs, "An opaque id.", false, "    "))
}

/// What a value without a description is described as.
fn literal(wire: &str) -> String {
    if wire.is_empty() { "The empty text.".to_owned() } else { format!("`{}`", wire.replace('`', "'")) }
}
