//! The files of `crates/testing/cases`.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/testing/cases");

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Player {
    Client,
    Receiver,
    Token,
}

#[derive(Debug, Deserialize)]
pub struct Category {
    #[serde(rename = "category")]
    pub name: String,
    pub player: Player,
    #[serde(default)]
    pub setup: Value,
    pub cases: Vec<Value>,
}

pub fn file(name: &str) -> String {
    let path = Path::new(FOLDER).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of cases by their names.
pub fn files() -> Vec<(String, String)> {
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension() == Some("json".as_ref()) && name != "schema.json")
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), file(&name))).collect()
}

pub fn categories() -> Vec<Category> {
    files()
        .iter()
        .map(|(name, text)| serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
        .collect()
}

/// How many cases each file has, counted in its text and not by what was read from it.
pub fn raw_counts() -> Vec<(String, i32)> {
    let count = |text: &str| text.lines().filter(|line| line.starts_with("      \"id\": ")).count();
    files()
        .into_iter()
        .map(|(name, text)| (name.trim_end_matches(".json").to_owned(), i32::try_from(count(&text)).unwrap()))
        .collect()
}

pub fn schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(&file("schema.json")).unwrap()).unwrap()
}
