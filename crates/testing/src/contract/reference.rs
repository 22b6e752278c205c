//! References within a document.

use serde_json::Value;

/// What a node is, or what its reference leads to in the end.
pub(super) fn follow<'v>(root: &'v Value, mut node: &'v Value) -> Result<&'v Value, String> {
    for _ in 0..32 {
        let Some(reference) = node.get("$ref").and_then(Value::as_str) else { return Ok(node) };
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        node = target.ok_or_else(|| format!("the reference {reference} leads nowhere"))?;
    }
    Err("a reference runs in a circle".to_owned())
}
