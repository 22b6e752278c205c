//! The rules of this project's own contract.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use onehorizon_generate::rules::broken;
use serde_json::{Value, json};

fn contract() -> (Value, String) {
    let (contract, curation) = support::own_reading();
    (serde_json::from_str(&contract).unwrap(), curation)
}

#[test]
fn the_contract_keeps_the_rules() {
    let (contract, curation) = contract();
    assert_eq!(broken(&contract.to_string(), &curation).unwrap(), Vec::<String>::new());
}

#[test]
fn each_broken_rule_is_reported_with_its_path() {
    let title = "/components/schemas/Task/properties/title";
    let operation = "/paths/~1workspaces~1{workspaceId}~1tasks/get";
    let cases = [
        (format!("{title}/x-evidence"), Value::Null, "x-evidence is ``"),
        (format!("{title}/x-evidence"), json!("certain"), "x-evidence is `certain`"),
        (format!("{title}/x-source"), Value::Null, "x-source is missing"),
        (format!("{title}/x-source"), json!("NOWHERE"), "x-source names `NOWHERE`"),
        (format!("{title}/description"), Value::Null, "no description"),
        (format!("{title}/enum"), json!(["a"]), "`enum` closes the world"),
        (format!("{title}/const"), json!("a"), "`const` closes the world"),
        ("/components/schemas/Task/additionalProperties".to_owned(), json!(false), "unknown fields must be allowed"),
        ("/components/schemas/Task/required".to_owned(), json!(["taskId", "no"]), "requires `no`"),
        ("/components/schemas/Task/required".to_owned(), json!([]), "but the curation says"),
        (format!("{operation}/summary"), Value::Null, "no summary"),
        (format!("{operation}/operationId"), json!("listThings"), "`listThings` is in only one"),
        (format!("{operation}/responses/200/x-evidence"), Value::Null, "x-evidence is ``"),
        ("/x-sources/UNUSED".to_owned(), json!("https://example.org"), "is cited nowhere"),
    ];
    for (path, value, expected) in cases {
        let (mut contract, curation) = contract();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let parent_node = contract.pointer_mut(parent).unwrap_or_else(|| panic!("{parent}")).as_object_mut().unwrap();
        match value {
            Value::Null => drop(parent_node.remove(key).unwrap_or_else(|| panic!("{path}"))),
            value => drop(parent_node.insert(key.to_owned(), value)),
        }
        let found = broken(&contract.to_string(), &curation).unwrap();
        assert!(found.iter().any(|line| line.starts_with("#/") && line.contains(expected)), "{path}: {found:?}");
    }
}

#[test]
fn an_inferred_node_has_a_reason() {
    let (contract, curation) = contract();
    let text = serde_json::to_string(&contract).unwrap();
    let path = "/components/schemas/Task/properties/updatedAt";
    let mut contract: Value = serde_json::from_str(&text).unwrap();
    let node = contract.pointer_mut(path).unwrap();
    assert_eq!(node["x-evidence"], "inferred");
    let tags = node["x-source"].as_str().unwrap().split(';').next().unwrap().to_owned();
    node["x-source"] = json!(tags);
    let found = broken(&contract.to_string(), &curation).unwrap();
    assert_eq!(found, [format!("#{path}: inferred without a reason (`TAGS; reason`)")]);
}
