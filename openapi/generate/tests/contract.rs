//! The contract itself: it is expressed in full, and every item says where its fact comes from.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

mod support;

use std::path::Path;

use onehorizon_generate::{Input, Mode, Output, generate, methods};

fn emitted() -> Output {
    let (document, curation) = support::own_reading();
    let written = methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/apis")).unwrap();
    generate(&Input {
        document: &document,
        curation: &curation,
        source: "openapi/onehorizon.json",
        mode: Mode::Strict,
        written: &written,
    })
    .unwrap()
}

#[test]
fn every_model_field_value_operation_and_parameter_shows_its_evidence() {
    let output = emitted();
    let mut marked = 0;
    for (path, text) in &output.files {
        let mut evidence = false;
        for line in text.lines().map(str::trim_start) {
            let is_field = path.starts_with("models/")
                && line.starts_with("pub ")
                && line.ends_with(',')
                && !line.starts_with("pub extra:");
            let is_value = line.ends_with("\",") && line.contains(" = \"") && !line.starts_with("reason");
            let is_item =
                path.starts_with("models/") && (line.starts_with("pub struct ") || line.starts_with("pub enum "));
            let is_call = path.starts_with("apis/")
                && line.starts_with("pub fn ")
                && !["pub fn new(", "pub fn send(", "pub fn replace_whole("].iter().any(|own| line.starts_with(own));
            if is_field || is_value || is_item || is_call {
                assert!(evidence, "{path}: no evidence above `{line}`");
                marked += 1;
            }
            evidence = if line.starts_with("///") {
                evidence || line.contains("](crate::evidence")
            } else {
                evidence && line.starts_with("#[")
            };
        }
    }
    assert!(marked > 200, "only {marked} items were seen");
}

#[test]
fn every_operation_has_a_row_in_the_retry_table() {
    let output = emitted();
    let rows =
        output.retry_safety.lines().filter(|line| [" read |", " write |"].iter().any(|class| line.contains(class)));
    assert_eq!(rows.count(), output.operations);
}

#[test]
fn an_object_that_the_contract_adds_to_events_is_a_payload() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let written = methods(&root.join("src/apis")).unwrap();
    let (document, curation) = support::own_reading();
    let mut document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let data = &mut document["components"]["schemas"]["EventData"]["properties"];
    data["starShip"] = serde_json::json!({ "anyOf": [{ "$ref": "#/components/schemas/Team" }, { "type": "null" }] });
    let output = generate(&Input {
        document: &document.to_string(),
        curation: &curation,
        source: "openapi/onehorizon.json",
        mode: Mode::Strict,
        written: &written,
    })
    .unwrap();
    let payload = &output.files["payload.rs"];
    assert!(payload.contains("StarShip(Team) = \"starShip\" on_star_ship,"), "{payload}");
    assert!(!payload.contains("actor") && payload.matches(") = ").count() == 15, "{payload}");
}

#[test]
fn every_mark_of_the_contract_is_in_the_table_of_evidence() {
    let output = emitted();
    for (word, at_least) in [("documented", 10), ("observed", 100), ("inferred", 100)] {
        let rows = output.evidence.lines().filter(|line| line.contains(&format!("` | {word} | "))).count();
        assert!(rows >= at_least, "{rows} rows are {word}");
    }
    assert!(!output.evidence.contains("` | none | "), "a fact without a mark");
}
