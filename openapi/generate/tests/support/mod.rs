//! Tiny documents, and what of their output a reader wants to see.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each test file uses a part")]

use std::fmt::Write as _;
use std::path::Path;

use onehorizon_generate::{Error, Finding, Input, Mode, Output, generate, methods};
use serde_json::{Value, json};

/// A document of schemas alone.
pub(crate) fn schemas(version: &str, schemas: &Value) -> Value {
    json!({ "openapi": version, "info": { "title": "T", "version": "1" }, "paths": {}, "components": { "schemas": schemas } })
}

/// A document of paths, with components beside them.
pub(crate) fn paths(paths: &Value, components: &Value) -> Value {
    json!({ "openapi": "3.1.0", "info": { "title": "T", "version": "1" }, "paths": paths, "components": components })
}

/// Generates from strings, with the clients that this repository has.
pub(crate) fn read(document: &str, curation: &str, mode: Mode) -> Result<Output, Error> {
    let written = methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/apis"))?;
    generate(&Input { document, curation, source: "test.json", mode, written: &written })
}

pub(crate) fn strict(document: &Value, curation: &str) -> Result<Output, Error> {
    read(&document.to_string(), curation, Mode::Strict)
}

pub(crate) fn lenient(document: &Value, curation: &str) -> Output {
    read(&document.to_string(), curation, Mode::Lenient).unwrap()
}

/// The findings of a run, as the command prints them.
pub(crate) fn findings(document: &Value, curation: &str) -> Vec<String> {
    lenient(document, curation).findings.iter().map(Finding::to_string).collect()
}

/// Everything emitted but the `mod.rs` files, item by item, without what follows from the declarations:
/// readers, writers, and the traits of the builders.
pub(crate) fn declarations(output: &Output) -> String {
    let implied = ["impl<'de> Deserialize<'de>", "impl Serialize for", "plain_values!", "//! @generated"];
    shown(output, |item| !implied.iter().any(|start| item.starts_with(start)))
}

/// Everything emitted but the `mod.rs` files.
pub(crate) fn everything(output: &Output) -> String {
    shown(output, |_| true)
}

fn shown(output: &Output, keep: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    for (path, file) in &output.files {
        if path.ends_with("mod.rs") {
            continue;
        }
        let _ = writeln!(text, "==== {path}");
        for item in items(file).into_iter().filter(|item| keep(item)) {
            text.push_str(&item);
            text.push('\n');
        }
    }
    text
}

/// The items of a file: an empty line before a line that is not indented parts them.
fn items(file: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut lines = file.lines().peekable();
    while let Some(line) = lines.next() {
        let parts = line.is_empty() && lines.peek().is_some_and(|next| !next.starts_with(' '));
        if parts {
            items.push(String::new());
        } else if let Some(item) = items.last_mut() {
            item.push_str(line);
            item.push('\n');
        }
    }
    items
}

/// The declarations of schemas alone, in strict mode.
pub(crate) fn models(version: &str, described: &Value, curation: &str) -> String {
    match strict(&schemas(version, described), curation) {
        Ok(output) => declarations(&output),
        Err(error) => panic!("{error}"),
    }
}

/// The declarations of paths, in strict mode.
pub(crate) fn apis(described: &Value, components: &Value, curation: &str) -> String {
    match strict(&paths(described, components), curation) {
        Ok(output) => declarations(&output),
        Err(error) => panic!("{error}"),
    }
}

/// The contract as this project read it, and its curation: what a document is taken in against. An intake keeps both.
pub(crate) fn own_reading() -> (String, String) {
    let openapi = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let read = |kept: &str, now: &str| {
        let kept = openapi.join(kept);
        std::fs::read_to_string(if kept.exists() { kept } else { openapi.join(now) }).unwrap()
    };
    (read("own.json", "onehorizon.json"), read("own.toml", "curation.toml"))
}
